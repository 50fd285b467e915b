"""Measures that several tasks share. Statistics are imported where they are used: the page lists
tasks before it needs any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.task import Measure
from tl_core.api.types import Problem

if TYPE_CHECKING:
    from tl_core.statistics.intervals import Interval


def alike(a: np.ndarray, b: np.ndarray, *, many: bool = False) -> np.ndarray:
    """(..., n) bool: whether answers are equal; many: whole sets of labels."""
    same = a == b
    return same.all(-1) if many else same


class Accuracy(Measure):
    """Share of correct answers; of sets of labels, of those that are correct in every label."""

    id = "accuracy"
    row_by_row = True

    def __init__(self, *, many: bool = False):
        self.many = many

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) of 0 and 1."""
        return alike(decided, gold, many=self.many).astype(float)

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `mean_interval`."""
        from tl_core.statistics.crossed import mean_interval

        return mean_interval(self.rows(problem, gold, decided), **options)

    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """The most frequent label, or set of labels, of the rows."""
        values, counts = np.unique(gold, axis=0, return_counts=True)
        return np.broadcast_to(values[counts.argmax()], gold.shape)


class MacroF1(Measure):
    """Mean F1 over all labels."""

    id = "macro_f1"

    def __init__(self, *, many: bool = False):
        self.many = many

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) jackknife pseudo-values."""
        from tl_core.statistics.classification.f1 import macro_f1_pseudo

        return macro_f1_pseudo(gold, decided, len(problem.labels), many=self.many)

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `macro_f1_interval`."""
        from tl_core.statistics.classification.f1 import macro_f1_interval

        return macro_f1_interval(gold, decided, len(problem.labels), many=self.many, **options)

    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """The most frequent label; where a row may have several, every label that any row has."""
        from tl_core.statistics.classification.constant import best_constant

        return best_constant(gold, many=self.many)

    def value(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> float:
        """Return the value of one run, without the jackknife."""
        from tl_core.statistics.classification.f1 import macro_f1

        return macro_f1(gold, decided, len(problem.labels), many=self.many)


def unbalanced(smallest: int, largest: int) -> str:
    """Return why macro-F1 sorts."""
    return say(
        "macro-F1, because the labels are not balanced in the test rows ({smallest} to"
        " {largest} rows each) and accuracy would favour the large ones",
        smallest=smallest,
        largest=largest,
    )
