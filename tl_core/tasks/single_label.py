"""One label per text: probabilities sum to 1, the largest is the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tl_core.types import Example, Problem


class SingleLabel:
    id = "single-label"
    title = "One label per text (or pair of texts)"
    target = "one label"
    loss = "softmax cross-entropy"

    def gold(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n,) int64, positions in label order."""
        return np.array([problem.label_index[e.labels[0]] for e in examples], dtype=np.int64)

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(..., n, C) probabilities to (..., n) int64; the first of equals wins."""
        return scores.argmax(-1)

    def correct(self, gold: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(..., n) float64 of 0 and 1."""
        return (self.decide(scores) == gold).astype(np.float64)

    def names(self, problem: Problem, decided: np.ndarray) -> list[tuple[str, ...]]:
        """Label ids of each row."""
        return [(problem.label_ids[i],) for i in decided]


TASK = SingleLabel()
