"""The recommendation of a finished study: a pure function of its stored scores. Codes and numbers;
the sentences are made in `report`.
"""

from tl_core.analysis.decision.costs import Prices
from tl_core.analysis.decision.decide import Decision, decide, priced

__all__ = ["Decision", "Prices", "decide", "priced"]
