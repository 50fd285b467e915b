"""Quality against the time that one text takes which is asked alone: the arms, each with the most
labels it was given, that no arm as quick is shown to beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tl_core.analysis.compare import CONSTANT
from tl_core.analysis.decision.entries import Entry
from tl_core.statistics.best_set import difference, pair_of, simultaneous_tail
from tl_core.statistics.crossed import crossed
from tl_core.statistics.intervals import Interval
from tl_core.statistics.latency import times_as_long

FEWEST = 5  # texts that say how long one takes
AS_QUICK = 1.1  # times as long: who waits does not notice a tenth


@dataclass(frozen=True)
class Latency:
    """What a text that is asked alone takes with an arm."""

    arm: str
    shots: int | None
    p50: float  # seconds
    p95: float
    times: Interval  # as long as the quickest arm, on the same texts
    could_be_front: bool  # no arm that is as quick is better by more than chance allows


def latencies(candidates: Sequence[Entry]) -> tuple[Latency, ...]:
    """The quickest first; nothing where fewer than two arms were timed text by text.

    Args:
        candidates: a line for each arm.
    """
    timed = [x for x in candidates if _reads(x) and len(x.cell.alone) >= FEWEST]
    if len(timed) < 2:
        return ()
    texts = min(len(x.cell.alone) for x in timed)
    timed.sort(key=lambda x: float(np.log(x.cell.alone[:texts]).mean()))
    tail = simultaneous_tail(len(timed))
    found = []
    for x in timed:
        assert x.cell.alone_seconds is not None  # or it were not timed
        p50, p95 = x.cell.alone_seconds
        times = times_as_long(x.cell.alone, timed[0].cell.alone)
        beaten = any(_beats(y, x, tail) for y in timed if y is not x)
        found.append(Latency(x.arm, x.cell.shots, p50, p95, times, not beaten))
    return tuple(found)


def _reads(x: Entry) -> bool:
    """Whether it looks at a text at all, and was timed: beside the answer that is the same for all,
    everything would be thousands of times as slow.
    """
    return x.cell.strategy != CONSTANT and x.cell.alone_seconds is not None


def _beats(y: Entry, x: Entry, tail: float) -> bool:
    """Whether y is shown to be as quick as x, and to be better."""
    quick = times_as_long(y.cell.alone, x.cell.alone, tail=tail)
    if not quick.high <= AS_QUICK:
        return False
    D = difference(x.contender, y.contender)
    if D is None:
        return False
    c = crossed(D, design=x.design, **pair_of(x.contender, y.contender))
    return bool(c.mean > c.half_width_at_tail(tail))
