"""What changed texts do to answers: accuracy before and after, and the share of answers that are other ones.

All numbers are of the rows that a change changes, so that rows it leaves alone do not hide what it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tl_core.data.perturb import CHANGES
from tl_core.experiments.compare import Comparison, deterministic, grouping, share
from tl_core.experiments.compare import plain as of_interval
from tl_core.experiments.plan import Plan
from tl_core.experiments.robustness.parts import Parts
from tl_core.statistics.crossed import difference_interval, mean_interval
from tl_core.statistics.design import Design
from tl_core.statistics.intervals import Interval
from tl_core.tasks import task_of
from tl_core.types import Example, RunResult

LEAST_ROWS = 10  # of fewer nothing is told: their intervals would hold everything
NUMBERS = ("before", "after", "difference", "flips")  # of an effect


@dataclass(frozen=True)
class Effect:
    """What a change does to the answers of an arm at a number of shots. All numbers are of the rows it changes."""

    arm: str
    shots: int | None
    change: str
    runs: tuple[str, ...]  # those that were asked
    rows: int
    flips: Interval | None  # share of answers that are other ones than before; None of fewer rows than `LEAST_ROWS`
    before: Interval | None = None  # accuracy; None where nobody knows the right answers to the changed rows
    after: Interval | None = None
    difference: Interval | None = None  # after - before

    @property
    def shots_name(self) -> int | str:
        return "all" if self.shots is None else self.shots


def effects(parts: Parts, made: Plan, results: Mapping[str, RunResult], comparison: Comparison) -> tuple[Effect, ...]:
    """Every line of the leaderboard that was asked, best first, under every change."""
    task, problem, pool = task_of(made.study.problem), made.study.problem, len(made.study.split.pool)
    gold, grouped = task.gold(problem, made.study.split.test), grouping(made)
    told = []
    for cell in comparison.cells:
        for change, rows in parts.rows.items():
            runs = tuple(run for run in cell.runs if (run, change) in parts.scores)
            if not runs:
                continue
            effect = Effect(cell.arm, cell.shots, change, runs, len(rows.at), None)
            if len(rows.at) >= LEAST_ROWS:
                before = np.stack([results[run].scores[rows.at] for run in runs])
                after = np.stack([parts.scores[run, change] for run in runs])
                effect = _measured(effect, task, gold[rows.at], before, after, share(cell, pool), deterministic(cell), grouped.subset(rows.at))
            told.append(effect)
    return tuple(told)


def _measured(effect: Effect, task: Any, gold: np.ndarray, before: np.ndarray, after: np.ndarray, overlap: float, once: bool, design: Design) -> Effect:
    """before, after: scores (S, m, C)."""
    effect = replace(effect, flips=mean_interval(flipped(task, before, after).astype(float), overlap=overlap, deterministic=once, design=design))
    if not CHANGES[effect.change].keeps_answer:
        return effect
    right = [task.correct(gold, scores) for scores in (before, after)]
    return replace(
        effect,
        before=mean_interval(right[0], overlap=overlap, deterministic=once, design=design),
        after=mean_interval(right[1], overlap=overlap, deterministic=once, design=design),
        difference=difference_interval(*right, a_deterministic=once, b_deterministic=once, overlap=overlap, design=design),
    )


def flipped(task: Any, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(..., m) bool: where the answer is another one. before, after: scores (..., m, C)."""
    other = task.decide(before) != task.decide(after)
    return other.any(-1) if other.ndim == before.ndim else other


@dataclass(frozen=True)
class Flip:
    """A row to which a run gives another answer since it was changed."""

    before: Example
    after: Example
    said: tuple[str, ...]  # label ids
    says: tuple[str, ...]


def flips(parts: Parts, made: Plan, results: Mapping[str, RunResult], effect: Effect) -> list[Flip]:
    """Rows to which the first of the runs asked gives another answer."""
    problem, test, run, rows = made.study.problem, made.study.split.test, effect.runs[0], parts.rows[effect.change]
    task = task_of(problem)
    scores = results[run].scores[rows.at], parts.scores[run, effect.change]
    said, says = (task.names(problem, task.decide(x)) for x in scores)
    return [Flip(test[rows.at[i]], rows.examples[i], said[i], says[i]) for i in np.flatnonzero(flipped(task, *scores))]


def table(told: Sequence[Effect]) -> Iterator[list[Any]]:
    """A head and a row for each, for a spreadsheet; shares are 0..1, and what is not known is empty."""
    yield ["arm", "shots", "change", "runs", "rows", *(f"{name}{end}" for name in NUMBERS for end in ("", " low", " high"))]
    for x in told:
        limits = [of_interval(found) if (found := getattr(x, name)) else {} for name in NUMBERS]
        cells = ["" if (value := given.get(end)) is None else round(value, 6) for given in limits for end in ("value", "low", "high")]
        yield [x.arm, x.shots_name, x.change, len(x.runs), x.rows, *cells]


def plain(told: Sequence[Effect], test: int) -> dict[str, Any]:
    """As printed with --json; an interval is value, low, high, n, and null where there is none.

    Args:
        test: number of test rows.
    """
    rows = [
        {"arm": x.arm, "shots": x.shots_name, "change": x.change, "runs": list(x.runs), "rows": x.rows}
        | {name: of_interval(found) if (found := getattr(x, name)) else None for name in NUMBERS}
        for x in told
    ]
    return {"test_rows": test, "effects": rows}
