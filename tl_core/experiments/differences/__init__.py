"""Where the arms of a study differ, and which rows deserve a second look: pure functions of what is stored.

One question per file. All of them read `Studied`, so that what several need is worked out once.
"""

from __future__ import annotations

from tl_core.experiments.differences.studied import Studied, Usual

__all__ = ["Studied", "Usual"]
