"""The three ways that a person chooses between, no labels, a few and all of them: what each
reaches, and whether more labels are shown to help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tl_core.analysis.compare import CONSTANT, Cell
from tl_core.analysis.decision.entries import Entry, most_labels
from tl_core.api.types import FINAL, RunResult, RunSpec
from tl_core.statistics.best_set import difference, pair_of, simultaneous_tail
from tl_core.statistics.crossed import interval_of
from tl_core.statistics.intervals import Interval
from tl_core.studies.plan import Plan

WayId = Literal["none", "few", "all"]
NO_LABELS: WayId = "none"
FEW_LABELS: WayId = "few"
ALL_LABELS: WayId = "all"
WAYS: tuple[WayId, ...] = (NO_LABELS, FEW_LABELS, ALL_LABELS)


@dataclass(frozen=True)
class Way:
    """One of the three ways, by the arm that scored highest among those that went it.

    Each arm counts with the most labels it was given within the way. What answers the same for
    every text is no way of using a model and is left out.
    """

    id: WayId
    best: Cell | None  # None: nothing of it has finished
    runs: int  # asked for, and not refused
    to_come: int  # of them, not ended yet
    # score of `best` minus that of the best way with fewer labels, for as many comparisons as there
    # are pairs of arms; None where there is none, or they share no seed
    gain: Interval | None = None
    over: Cell | None = None  # the other side of `gain`

    @property
    def tried(self) -> bool:
        """Whether any run of it was asked for."""
        return self.runs > 0


def ways_of(
    plan: Plan, results: Mapping[str, RunResult], lines: Sequence[Entry]
) -> tuple[Way, ...]:
    """All three, from the fewest labels to the most."""
    pool = len(plan.study.split.pool)
    asked: dict[WayId, list[RunSpec]] = {way: [] for way in WAYS}
    for spec in plan.specs:
        if spec.id not in plan.refused and spec.arm.strategy != CONSTANT:
            asked[_way(spec.shots, len(spec.train), pool)].append(spec)
    went: dict[WayId, list[Entry]] = {way: [] for way in WAYS}
    sizes = {(s.arm.id, s.shots): len(s.train) for s in plan.specs}
    for line in lines:
        if line.cell.strategy != CONSTANT:
            key = line.arm, line.cell.shots
            went[_way(line.cell.shots, sizes[key], pool)].append(line)

    found: list[Way] = []
    before: list[Entry] = []  # the best of each way with fewer labels
    arms_before = 0
    for id in WAYS:
        arms = most_labels(tuple(went[id]))
        best = max(arms, key=lambda x: (x.mean, -x.cell.labels), default=None)
        runs = asked[id]
        coming = sum(s.id not in results or results[s.id].status not in FINAL for s in runs)
        if best is None:
            found.append(Way(id, None, len(runs), coming))
            continue
        over = max(before, key=lambda x: x.mean, default=None)
        # no fewer comparisons than the best set allows for, so that the two never contradict
        comparisons = max(arms_before * len(arms), len({x.arm for x in lines}) - 1)
        gain = _gain(over, best, comparisons) if over else None
        found.append(
            Way(id, best.cell, len(runs), coming, gain, over.cell if over and gain else None)
        )
        before.append(best)
        arms_before += len(arms)
    return tuple(found)


def _way(shots: int | None, labels: int, pool: int) -> WayId:
    if shots == 0:
        return NO_LABELS
    return ALL_LABELS if shots is None or labels >= pool else FEW_LABELS


def _gain(less: Entry, more: Entry, comparisons: int) -> Interval | None:
    """Both sides were picked by their scores, so any pair of arms might have been compared."""
    sides = less.contender, more.contender
    D = difference(*sides)
    if D is None:
        return None
    return interval_of(
        D,
        deterministic=less.once and more.once,
        level=1 - 2 * simultaneous_tail(comparisons + 1),
        design=less.design,
        **pair_of(*sides),
    )
