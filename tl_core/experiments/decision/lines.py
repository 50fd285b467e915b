"""The lines of a leaderboard with the score of every test row behind them, as the statistics want them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tl_core.experiments.compare import CONSTANT, Cell, Comparison, commonest, deterministic, share
from tl_core.experiments.plan import Plan
from tl_core.statistics.constant import best_constant
from tl_core.statistics.crossed import exceeds
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.metrics_f1 import macro_f1_pseudo
from tl_core.tasks import task_of
from tl_core.types import Problem, RunResult


@dataclass(frozen=True)
class Line:
    """An arm at a number of shots."""

    cell: Cell
    by: str  # the metric that sorts: accuracy or macro_f1
    results: tuple[RunResult, ...]  # by seed, as `cell.seeds`
    problem: Problem
    gold: np.ndarray  # (n,) positions, or (n, C) bool
    overlap: float  # labels / labels in the pool
    design: Design = PLAIN

    @property
    def arm(self) -> str:
        return self.cell.arm

    @property
    def name(self) -> str:
        """Unlike that of any other line."""
        return f"{self.cell.arm}\t{self.cell.shots_name}"

    @property
    def once(self) -> bool:
        """Whether there are no seeds: the same rows always give the same scores."""
        return deterministic(self.cell)

    @property
    def learns(self) -> bool:
        """Whether more labels may change its answers."""
        return self.cell.labels >= 1 and self.cell.strategy != CONSTANT

    @cached_property
    def decided(self) -> np.ndarray:
        """(S, n) positions, or (S, n, C) bool."""
        return np.stack([task_of(self.problem).decide(r.scores) for r in self.results])

    @cached_property
    def right(self) -> np.ndarray:
        """(S, n) of 0 and 1."""
        return np.stack([task_of(self.problem).correct(self.gold, r.scores) for r in self.results])

    @cached_property
    def constant(self) -> np.ndarray:
        """(n,) what the best answer that is the same for all test rows has by the sorting metric: with many labels, every label."""
        return self._of_constant(self.by)

    def above_constant(self, by: str) -> bool:
        """Whether it is shown to score more than the best answer for all, by accuracy or by macro-F1."""
        return exceeds(self._per_row(by) - self._of_constant(by), overlap=self.overlap, design=self.design, usual=self.cell.usual)

    def _of_constant(self, by: str) -> np.ndarray:
        if by == "accuracy":
            return (commonest(self.gold) == self.gold).reshape(len(self.gold), -1).all(1).astype(float)
        return macro_f1_pseudo(self.gold, best_constant(self.gold)[None], len(self.problem.labels))[0]

    @cached_property
    def per_row(self) -> np.ndarray:
        """(S, n) of which the sorting metric is the mean: right or wrong, or pseudo-values of macro-F1."""
        return self._per_row(self.by)

    def _per_row(self, by: str) -> np.ndarray:
        return self.right if by == "accuracy" else macro_f1_pseudo(self.gold, self.decided, len(self.problem.labels))

    @cached_property
    def mean(self) -> float:
        return float(self.per_row.mean())


def lines_of(plan: Plan, results: Mapping[str, RunResult], comparison: Comparison) -> tuple[Line, ...]:
    """Best first, as in the comparison."""
    problem, split = plan.study.problem, plan.study.split
    gold, pool = task_of(problem).gold(problem, split.test), len(split.pool)
    return tuple(
        Line(cell, comparison.metric, tuple(results[run] for run in cell.runs), problem, gold, share(cell, pool), comparison.design)
        for cell in comparison.cells
    )


def of_arm(lines: tuple[Line, ...], arm: str) -> list[Line]:
    """The lines of one arm, by rising labels."""
    return sorted((x for x in lines if x.arm == arm), key=lambda x: x.cell.labels)


def most_labels(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Each arm with the most labels it was given: fixed by what was asked for, so nothing is picked by its score."""
    return tuple(of_arm(lines, arm)[-1] for arm in dict.fromkeys(x.arm for x in lines))
