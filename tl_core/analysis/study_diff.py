"""Two studies side by side: what differed in what was asked, and what changed in what came
out.

Scores are compared with each other only on test rows that both have. Each difference is judged on
its own: nothing is
corrected for their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tl_core.analysis.compare import Cell
from tl_core.analysis.compare import plain as of_interval
from tl_core.analysis.decision.entries import Entry, entries_of
from tl_core.analysis.read_study import Stored
from tl_core.api.types import Arm
from tl_core.data.split import lock_key
from tl_core.statistics.crossed import difference_interval
from tl_core.statistics.intervals import Interval
from tl_core.tasks import task_of

FEW = 2  # common test rows from which on a difference can be given

# why no difference is given
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
    per: str = "class"  # what a number of shots counts, see `Task.shots_per`


@dataclass(frozen=True)
class Changes:
    """`moved` holds the sorting metric, of the first study where they differ."""

    metric: str
    asked: tuple[Asked, ...]
    moved: tuple[Moved, ...]
    same_test: bool
    common_test: int


def changes(before: Stored, after: Stored) -> Changes:
    """Return everything that differs. A pure function of the two."""
    studies = before.plan.study, after.plan.study
    tests = [{lock_key(e): i for i, e in enumerate(s.split.test)} for s in studies]
    keys = [key for key in tests[0] if key in tests[1]]
    old, new = (np.array([t[key] for key in keys], dtype=int) for t in tests)
    same = studies[0].split.test_digest == studies[1].split.test_digest
    return Changes(
        before.comparison.metric,
        tuple(_asked(before, after)),
        tuple(_moved(before, after, (old, new), same)),
        same,
        len(keys),
    )


def _asked(before: Stored, after: Stored) -> Iterator[Asked]:
    for what, told in (
        ("title", _title),
        ("test rows", _test),
        ("rows", _pool),
        ("labels", _labels),
        ("shots", _shots),
        ("seeds", _seeds),
    ):
        a, b = told(before), told(after)
        if a != b:
            yield Asked(what, "", a, b)
    old, new = ({arm.id: arm for arm in s.plan.study.arms} for s in (before, after))
    for id in {**old, **new}:
        if id not in new or id not in old:
            yield Asked("arm", id, _strategy(old.get(id)), _strategy(new.get(id)))
            continue
        mine, its = _settings(old[id]), _settings(new[id])
        for name in {**mine, **its}:
            if mine.get(name) != its.get(name):
                yield Asked(name, id, _said(mine.get(name)), _said(its.get(name)))


def _title(s: Stored) -> str:
    return s.about.title or s.plan.study.name


def _test(s: Stored) -> str:
    return f"{len(s.plan.study.split.test):,} ({s.plan.study.split.test_digest[:8]})"


def _pool(s: Stored) -> str:
    return f"{len(s.plan.study.split.pool):,} ({s.plan.study.pool_digest[:8]})"


def _labels(s: Stored) -> str:
    return ", ".join(
        x.id if x.name == x.id else f"{x.id}: {x.name}" for x in s.plan.study.problem.labels
    )


def _shots(s: Stored) -> str:
    return ", ".join("all" if x is None else str(x) for x in s.plan.study.shots)


def _seeds(s: Stored) -> str:
    return ", ".join(map(str, s.plan.study.seeds))


def _strategy(arm: Arm | None) -> str:
    return arm.strategy if arm else ""


def _settings(arm: Arm, before: str = "") -> dict[str, Any]:
    """Return everything that decides an arm's numbers, by name."""
    own = {
        "strategy": arm.strategy,
        "version": arm.strategy_version,
        "selection": arm.selection,
        "augmentation": arm.augmentation,
        "scaling": arm.scaling,
        "model": f"{arm.model.name} ({arm.model.digest[:8]})" if arm.model else None,
        **arm.settings,
    }
    return {f"{before}{k}": v for k, v in own.items()} | (
        _settings(arm.base, "base.") if arm.base else {}
    )


def _said(value: Any) -> str:
    return "" if value is None else str(value)


def _moved(
    before: Stored, after: Stored, rows: tuple[np.ndarray, np.ndarray], same: bool
) -> Iterator[Moved]:
    metric = before.comparison.metric
    old, new = (
        {x.name: x for x in entries_of(s.plan, s.results, s.comparison)} for s in (before, after)
    )
    for name in {**old, **new}:
        a, b = old.get(name), new.get(name)
        cell = (old if name in old else new)[name].cell
        found = None
        if a is None or b is None:
            why = ONLY_AFTER if a is None else ONLY_BEFORE
        elif not (why := _why_not(before, after, rows, same)):
            why, found = _difference(a, b, rows)
        was, now = (None if x is None else _value(x.cell, metric) for x in (a, b))
        yield Moved(cell.arm, cell.shots, was, now, found, why, cell.per)


def _value(cell: Cell, metric: str) -> Interval:
    return cell.measures[metric]


def _why_not(before: Stored, after: Stored, rows: tuple[np.ndarray, np.ndarray], same: bool) -> str:
    """Return why no line of the two can be compared with its like."""
    if before.plan.study.problem.label_ids != after.plan.study.problem.label_ids:
        return OTHER_LABELS
    if before.comparison.metric != after.comparison.metric:
        return OTHER_METRIC
    if len(rows[0]) < FEW:
        return OTHER_TEST_ROWS
    measure = task_of(before.plan.study.problem).measure(before.comparison.metric)
    return "" if same or measure.row_by_row else PARTLY_F1


def _difference(
    a: Entry, b: Entry, rows: tuple[np.ndarray, np.ndarray]
) -> tuple[str, Interval | None]:
    """Return after minus before."""
    A, B = a.per_row[:, rows[0]], b.per_row[:, rows[1]]
    design = dataclasses.replace(b.design, spread=None).subset(rows[1])
    if not a.once and not b.once:
        common = [s for s in a.cell.seeds if s in b.cell.seeds]
        if not common:
            return NO_COMMON_SEEDS, None
        A, B = (
            A[[a.cell.seeds.index(s) for s in common]],
            B[[b.cell.seeds.index(s) for s in common]],
        )
    return "", difference_interval(
        A,
        B,
        a_deterministic=a.once,
        b_deterministic=b.once,
        overlap=max(a.overlap, b.overlap),
        design=design,
    )


def plain(found: Changes) -> dict[str, Any]:
    """As plain values."""
    return {
        "metric": found.metric,
        "same_test": found.same_test,
        "common_test_rows": found.common_test,
        "asked": [dataclasses.asdict(x) for x in found.asked],
        "moved": [
            {
                "arm": m.arm,
                "shots": "all" if m.shots is None else m.shots,
                "before": m.before and of_interval(m.before),
                "after": m.after and of_interval(m.after),
                "difference": m.difference and of_interval(m.difference),
                "why_not": m.why_not,
            }
            for m in found.moved
        ],
    }
