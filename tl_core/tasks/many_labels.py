"""Any number of labels per text: each label has its own probability, and one half decides.

Accuracy is of whole label sets (subset accuracy): a row is right when every label is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tl_core.types import Example, Problem


class ManyLabels:
    id = "many-labels"
    title = "Any number of labels per text"
    target = "many labels"
    loss = "binary cross-entropy"

    def gold(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n, C) bool."""
        gold = np.zeros((len(examples), len(problem.labels)), dtype=bool)
        for i, example in enumerate(examples):
            for label in example.labels:
                gold[i, problem.label_index[label]] = True
        return gold

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(..., n, C) probabilities to (..., n, C) bool."""
        return scores >= 0.5

    def correct(self, gold: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(..., n) float64 of 0 and 1."""
        return (self.decide(scores) == gold).all(-1).astype(np.float64)

    def names(self, problem: Problem, decided: np.ndarray) -> list[tuple[str, ...]]:
        """Label ids of each row."""
        return [tuple(np.array(problem.label_ids)[row]) if row.any() else () for row in decided]


TASK = ManyLabels()
