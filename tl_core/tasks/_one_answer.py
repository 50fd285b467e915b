"""Base of tasks in which a row has one answer out of C: its position is what is correct, and the
scores of a row are one distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tl_core.api.task import Task
from tl_core.api.types import Example, Problem


def softmax(logits: np.ndarray) -> np.ndarray:
    """(..., C) that sum to 1."""
    z = np.exp(logits - logits.max(-1, keepdims=True))
    return z / z.sum(-1, keepdims=True)


class OneAnswer(Task):
    exclusive = True
    confusion = True
    cuts = False
    trust = True

    def allows(self, labels: Sequence[str]) -> bool:
        """Exactly one."""
        return len(labels) == 1

    def as_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """`label`: an id, or null for a row that was not asked."""
        return {"label": labels[0] if labels else None}

    def answer(self, labels: Sequence[str]) -> Any:
        """An id; None for a row that was not asked."""
        return labels[0] if labels else None

    def cell(self, labels: Sequence[str]) -> Any:
        """The label's id."""
        return labels[0]

    def gold(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n,) int64, positions in label order."""
        return np.array([problem.label_index[e.labels[0]] for e in examples], dtype=np.int64)

    def same(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(..., n) bool."""
        return a == b

    def names(self, problem: Problem, decided: np.ndarray) -> list[tuple[str, ...]]:
        """One label id for each row."""
        return [(problem.label_ids[i],) for i in decided]

    def carried(self, gold: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) bool, one label a row."""
        return np.eye(n_labels, dtype=bool)[gold]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(n, C) softmax."""
        return softmax(logits)

    def folds(self, problem: Problem, examples: Sequence[Example], most: int) -> np.ndarray:
        """As many folds as the rarest label has rows, two at least: its rows are in turn."""
        members: dict[tuple[str, ...], list[int]] = {}
        for i, example in enumerate(examples):
            members.setdefault(example.labels, []).append(i)
        count = max(2, min(most, min(map(len, members.values()))))
        folds = np.empty(len(examples), dtype=np.int64)
        for rows in members.values():
            folds[rows] = np.arange(len(rows)) % count
        return folds

    def chance_of(self, answer: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n,) probability of the answer."""
        return chances[np.arange(len(answer)), answer]

    def log_loss(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) -log of the probability of the given label."""
        from tl_core.statistics.classification.proper_scores import nll

        return nll(gold, probabilities)

    def brier(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) between 0 and 2."""
        from tl_core.statistics.classification.proper_scores import brier

        return brier(gold, probabilities)

    def largest_brier(self, n_labels: int) -> float:
        """All on one label, and another one is correct."""
        return 2.0

    def _shares(self, gold: np.ndarray, n_labels: int, smoothing: float) -> np.ndarray:
        """(C,) float32, smoothed."""
        counts = np.bincount(gold, minlength=n_labels).astype(np.float64)
        return ((counts + smoothing) / (counts.sum() + n_labels * smoothing)).astype(np.float32)
