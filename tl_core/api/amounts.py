"""Numbers, shares and durations as people read them, the same on every surface."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

from tl_core.api.sentences import Sentence, say


def number(x: float, digits: int = 1) -> str:
    """A number as people read it; a dash for one that is not finite, and no minus before a zero."""
    if not math.isfinite(x):
        return "–"
    shown = f"{rounded(x, digits):,.{digits}f}"
    return shown.lstrip("-") if not shown.strip("-0.") else shown.replace("-", "−")


def rounded(x: float, digits: int = 1) -> float:
    """As it is shown everywhere: half a step up, whatever the last bits of a sum say, so that one
    number never has two faces.
    """
    step = Decimal(1).scaleb(-digits)
    return (
        float(Decimal(repr(round(float(x), 9))).quantize(step, ROUND_HALF_UP))
        if math.isfinite(x)
        else x
    )


def percent(share: float, digits: int = 1) -> str:
    """A share, 0..1, in percent; a dash for one that is not finite."""
    return f"{number(100 * share, digits)}%" if math.isfinite(share) else "–"


def duration(seconds: float, *, about: bool = False) -> Sentence:
    """Return a duration in the unit a person would choose; `about`: it is only an estimate."""
    if seconds < 90:
        return say("{n} s", n=_seconds(seconds, about))
    if seconds < 5400:
        return say("{n} min", n=number(seconds / 60, 0))
    return say("{n} h", n=number(seconds / 3600))


def _seconds(seconds: float, about: bool) -> str:
    if not about:
        return number(seconds, 1 if seconds < 10 else 0)
    return f"{max(1, round(seconds)):,}" if seconds >= 1 or seconds == 0 else f"{seconds:.2g}"
