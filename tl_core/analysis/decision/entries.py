"""The lines of a leaderboard with the score of every test row behind them, as the statistics want
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tl_core.analysis.compare import CONSTANT, Cell, Comparison, contender_of, share
from tl_core.api.task import Measure
from tl_core.api.types import Problem, RunResult
from tl_core.statistics.best_set import Contender
from tl_core.statistics.crossed import exceeds
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.recommendation import Candidate
from tl_core.studies.plan import Plan
from tl_core.tasks import task_of


@dataclass(frozen=True)
class Entry:
    """An arm at a number of shots."""

    cell: Cell
    by: str  # id of the measure that sorts
    results: tuple[RunResult, ...]  # by seed, as `cell.seeds`
    problem: Problem
    gold: np.ndarray  # (n, ...) as the task has it
    overlap: float  # labels / labels in the pool
    design: Design = PLAIN

    @property
    def arm(self) -> str:
        """Return the id of the arm."""
        return self.cell.arm

    @property
    def name(self) -> str:
        """Return a name unlike that of any other line."""
        return f"{self.cell.arm}\t{self.cell.shots_name}"

    @property
    def contender(self) -> Contender:
        """Return it by its name and the measure that sorts, to be compared with others."""
        return contender_of(self.cell, self.name, self.per_row, self.overlap)

    def candidate(self, id: str, cost: float) -> Candidate:
        """Return it as something that may be chosen; `cost` as `costs.ranks` has it."""
        return Candidate(
            id,
            self.per_row,
            self.once,
            self.overlap,
            self.cell.seeds,
            self.cell.usual,
            cost=cost,
            failed=bool(self.cell.failed or self.cell.collapsed),
        )

    @property
    def once(self) -> bool:
        """Whether there are no seeds: the same rows always give the same scores."""
        return self.cell.once

    @property
    def learns(self) -> bool:
        """Whether more labels may change its answers."""
        return self.cell.labels >= 1 and self.cell.strategy != CONSTANT

    @cached_property
    def decided(self) -> np.ndarray:
        """(S, n, ...) answers."""
        return np.stack([task_of(self.problem).decide(r.test_scores) for r in self.results])

    @cached_property
    def right(self) -> np.ndarray:
        """(S, n) of 0 and 1."""
        return np.stack(
            [task_of(self.problem).correct(self.gold, r.test_scores) for r in self.results]
        )

    @cached_property
    def constant(self) -> np.ndarray:
        """(n,) what the best answer that is the same for all test rows has by the sorting
        measure.
        """
        return self._measure(self.by).of_constant(self.problem, self.gold)

    def above_constant(self, by: str) -> bool:
        """Whether it is shown to score more than the best answer for all, by one of the task's
        measures.
        """
        measure = self._measure(by)
        constant = measure.of_constant(self.problem, self.gold)
        return exceeds(
            measure.rows(self.problem, self.gold, self.decided) - constant,
            overlap=self.overlap,
            design=self.design,
            usual=self.cell.usual,
        )

    def beats_constant(self, by: str) -> bool:
        """The same, by its interval where each row is judged on its own."""
        measure = self._measure(by)
        if not measure.row_by_row:
            return self.above_constant(by)
        floor = float(measure.of_constant(self.problem, self.gold).mean())
        return self.cell.measures[by].low > floor

    @cached_property
    def per_row(self) -> np.ndarray:
        """(S, n) of which the sorting measure is the mean."""
        return self._measure(self.by).rows(self.problem, self.gold, self.decided)

    def _measure(self, by: str) -> Measure:
        return task_of(self.problem).measure(by)

    @cached_property
    def mean(self) -> float:
        """Return the mean over seeds and test rows of the measure that sorts."""
        return float(self.per_row.mean())


def entries_of(
    plan: Plan, results: Mapping[str, RunResult], comparison: Comparison
) -> tuple[Entry, ...]:
    """Best first, as in the comparison."""
    problem, split = plan.study.problem, plan.study.split
    gold, pool = task_of(problem).gold(problem, split.test), len(split.pool)
    return tuple(
        Entry(
            cell,
            comparison.metric,
            tuple(results[run] for run in cell.runs),
            problem,
            gold,
            share(cell, pool),
            comparison.design,
        )
        for cell in comparison.cells
    )


def of_arm(lines: tuple[Entry, ...], arm: str) -> list[Entry]:
    """The lines of one arm, by rising labels."""
    return sorted((x for x in lines if x.arm == arm), key=lambda x: x.cell.labels)


def most_labels(lines: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Each arm with the most labels it was given: fixed by what was asked for, so nothing is picked
    by its score.
    """
    return tuple(of_arm(lines, arm)[-1] for arm in dict.fromkeys(x.arm for x in lines))
