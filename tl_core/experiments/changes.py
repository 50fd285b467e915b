"""Two studies beside each other: what differed in what was asked, and what changed in what came out.

Scores are set against each other only on test rows that both have. Each difference stands for itself: nothing is
corrected for their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tl_core.data.split import lock_key
from tl_core.experiments.compare import Cell
from tl_core.experiments.compare import plain as of_interval
from tl_core.experiments.decision.lines import Line, lines_of
from tl_core.experiments.stored import Stored
from tl_core.statistics.crossed import difference_interval
from tl_core.statistics.intervals import Interval
from tl_core.types import Arm

FEW = 2  # common test rows from which on a difference can be told

# why no difference is told
ONLY_BEFORE, ONLY_AFTER = "only in the first", "only in the second"
OTHER_METRIC = "sorted by different metrics"
OTHER_TEST_ROWS = "no test rows in common"
PARTLY_F1 = "macro-F1 is of all test rows, and they differ"
NO_COMMON_SEEDS = "no seed in common"
OTHER_LABELS = "different labels"


@dataclass(frozen=True)
class Asked:
    """Something that was asked for differently; "" where it was not asked for."""

    what: str  # title, rows, test rows, labels, shots, seeds, arm, or the name of an arm's setting
    arm: str  # "" where it is of the whole study
    before: str
    after: str


@dataclass(frozen=True)
class Moved:
    """A line of either leaderboard, in both."""

    arm: str
    shots: int | None
    before: Interval | None
    after: Interval | None
    difference: Interval | None  # after minus before, on the common rows and seeds
    why_not: str = ""


@dataclass(frozen=True)
class Changes:
    """`moved` holds the sorting metric, of the first study where they differ."""

    metric: str
    asked: tuple[Asked, ...]
    moved: tuple[Moved, ...]
    same_test: bool
    common_test: int


def changes(before: Stored, after: Stored) -> Changes:
    """Everything that differs. A pure function of the two."""
    studies = before.plan.study, after.plan.study
    tests = [{lock_key(e): i for i, e in enumerate(s.split.test)} for s in studies]
    keys = [key for key in tests[0] if key in tests[1]]
    rows = tuple(np.array([t[key] for key in keys], dtype=int) for t in tests)
    same = studies[0].split.test_digest == studies[1].split.test_digest
    return Changes(before.comparison.metric, tuple(_asked(before, after)), tuple(_moved(before, after, rows, same)), same, len(keys))


def _asked(before: Stored, after: Stored) -> Iterator[Asked]:
    for what, told in (("title", _title), ("test rows", _test), ("rows", _pool), ("labels", _labels), ("shots", _shots), ("seeds", _seeds)):
        a, b = told(before), told(after)
        if a != b:
            yield Asked(what, "", a, b)
    old, new = ({arm.id: arm for arm in s.plan.study.arms} for s in (before, after))
    for id in {**old, **new}:
        if id not in new or id not in old:
            yield Asked("arm", id, _strategy(old.get(id)), _strategy(new.get(id)))
            continue
        a, b = _settings(old[id]), _settings(new[id])
        for name in {**a, **b}:
            if a.get(name) != b.get(name):
                yield Asked(name, id, _said(a.get(name)), _said(b.get(name)))


def _title(s: Stored) -> str:
    return s.about.title or s.plan.study.name


def _test(s: Stored) -> str:
    return f"{len(s.plan.study.split.test):,} ({s.plan.study.split.test_digest[:8]})"


def _pool(s: Stored) -> str:
    return f"{len(s.plan.study.split.pool):,} ({s.plan.study.pool_digest[:8]})"


def _labels(s: Stored) -> str:
    return ", ".join(x.id if x.name == x.id else f"{x.id}: {x.name}" for x in s.plan.study.problem.labels)


def _shots(s: Stored) -> str:
    return ", ".join("all" if x is None else str(x) for x in s.plan.study.shots)


def _seeds(s: Stored) -> str:
    return ", ".join(map(str, s.plan.study.seeds))


def _strategy(arm: Arm | None) -> str:
    return arm.strategy if arm else ""


def _settings(arm: Arm, before: str = "") -> dict[str, Any]:
    """Everything that decides an arm's numbers, by name."""
    own = {
        "strategy": arm.strategy, "version": arm.strategy_version, "selection": arm.selection, "augmentation": arm.augmentation, "scaling": arm.scaling,
        "model": f"{arm.model.name} ({arm.model.digest[:8]})" if arm.model else None, **arm.settings,
    }  # fmt: skip
    return {f"{before}{k}": v for k, v in own.items()} | (_settings(arm.base, "base.") if arm.base else {})


def _said(value: Any) -> str:
    return "" if value is None else str(value)


def _moved(before: Stored, after: Stored, rows: tuple[np.ndarray, np.ndarray], same: bool) -> Iterator[Moved]:
    metric = before.comparison.metric
    old, new = ({x.name: x for x in lines_of(s.plan, s.results, s.comparison)} for s in (before, after))
    for name in {**old, **new}:
        a, b = old.get(name), new.get(name)
        cell = (a or b).cell
        why = ONLY_BEFORE if b is None else ONLY_AFTER if a is None else _why_not(before, after, rows, same)
        found = None
        if not why:
            why, found = _difference(a, b, rows)
        yield Moved(cell.arm, cell.shots, a and _value(a.cell, metric), b and _value(b.cell, metric), found, why)


def _value(cell: Cell, metric: str) -> Interval:
    return getattr(cell, metric)


def _why_not(before: Stored, after: Stored, rows: tuple[np.ndarray, np.ndarray], same: bool) -> str:
    """Why no line of the two can be set against its like."""
    if before.plan.study.problem.label_ids != after.plan.study.problem.label_ids:
        return OTHER_LABELS
    if before.comparison.metric != after.comparison.metric:
        return OTHER_METRIC
    if len(rows[0]) < FEW:
        return OTHER_TEST_ROWS
    return "" if same or before.comparison.metric == "accuracy" else PARTLY_F1


def _difference(a: Line, b: Line, rows: tuple[np.ndarray, np.ndarray]) -> tuple[str, Interval | None]:
    """After minus before."""
    A, B = a.per_row[:, rows[0]], b.per_row[:, rows[1]]
    design = dataclasses.replace(b.design, spread=None).subset(rows[1])
    if not a.once and not b.once:
        common = [s for s in a.cell.seeds if s in b.cell.seeds]
        if not common:
            return NO_COMMON_SEEDS, None
        A, B = A[[a.cell.seeds.index(s) for s in common]], B[[b.cell.seeds.index(s) for s in common]]
    return "", difference_interval(A, B, a_deterministic=a.once, b_deterministic=b.once, overlap=max(a.overlap, b.overlap), design=design)


def plain(found: Changes) -> dict[str, Any]:
    """As plain values."""
    return {
        "metric": found.metric,
        "same_test": found.same_test,
        "common_test_rows": found.common_test,
        "asked": [dataclasses.asdict(x) for x in found.asked],
        "moved": [
            {
                "arm": m.arm, "shots": "all" if m.shots is None else m.shots, "before": m.before and of_interval(m.before),
                "after": m.after and of_interval(m.after), "difference": m.difference and of_interval(m.difference), "why_not": m.why_not,
            }
            for m in found.moved
        ],
    }  # fmt: skip
