"""Ways of using labels, one per file. A file that sets `STRATEGY` is found; copy its nearest
neighbour to add one.
"""

from __future__ import annotations

from tl_core.api.plugins import found
from tl_core.api.strategy import Strategy


def strategies() -> dict[str, Strategy]:
    """Every strategy by id, in the order in which one would explain them."""
    return found("tl_core.strategies", "STRATEGY")
