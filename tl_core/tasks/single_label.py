"""One label per text: probabilities sum to 1, the largest is the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.types import Problem
from tl_core.tasks._measures import Accuracy, MacroF1, unbalanced
from tl_core.tasks._one_answer import OneAnswer

if TYPE_CHECKING:
    import torch


class SingleLabel(OneAnswer):
    id = "single-label"
    title = "One label per text (or pair of texts)"
    target = "one label"
    objective = "softmax cross-entropy"
    measures = (Accuracy(), MacroF1())
    scalable = True
    head = "softmax"
    floor_words = "answer_majority"
    always_words = "always_one"
    chosen_words = say(
        "selection={selection}: of {values} the best on {rows:,} rows that were held out was"
        " {chosen} ({reached:.0f}% correct there)."
    )
    doubts_by = "accuracy"

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(..., n, C) probabilities to (..., n) int64; the first of equals wins."""
        return scores.argmax(-1)

    def most_frequent(self, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(n,) of equals the first label."""
        return (decided[..., None] == np.arange(n_labels)).sum(0).argmax(-1)

    def consensus(self, decided: np.ndarray, scores: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n,) the label most runs gave, of equals the likelier in the mean."""
        counts = chances / 2  # below 1, so it decides among equals alone
        rows = np.arange(len(counts))
        for answers in decided:
            counts[rows, answers] += 1
        return counts.argmax(1)

    def loss(self, logits: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over labels; gold (B,)."""
        import torch

        return torch.nn.functional.cross_entropy(logits, gold)

    def mark(self, gold: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
        """Share of correct answers; of equals, the smaller squared error."""
        wanted = np.eye(scores.shape[1])[gold]
        good = (scores.argmax(1) == gold).mean()
        return float(good), -float(((scores - wanted) ** 2).sum(1).mean())

    def untrained(self, gold: np.ndarray, scores: np.ndarray) -> bool:
        """As `collapsed`."""
        from tl_core.statistics.classification.collapse import collapsed

        return collapsed(gold, self.decide(scores))

    def constant_scores(
        self, problem: Problem, gold: np.ndarray, smoothing: float, seed: int
    ) -> np.ndarray:
        """(C,) shares; the winner is the least that puts it before its equals above them."""
        labels = len(problem.labels)
        shares, counts = self._shares(gold, labels, smoothing), np.bincount(gold, minlength=labels)
        winner = np.random.default_rng(seed).choice(np.flatnonzero(counts == counts.max()))
        shares[winner] = np.nextafter(shares[winner], np.float32(2))
        return shares

    def sorts(self, gold: np.ndarray, n_labels: int) -> tuple[str, str]:
        """Accuracy where labels are about balanced, else macro-F1."""
        counts = np.bincount(gold)
        smallest, largest = counts.min(), counts.max()
        if largest <= 2 * max(1, smallest):
            return (
                "accuracy",
                say(
                    "accuracy, because the labels are about balanced in the test rows ({smallest}"
                    " to {largest} rows each)",
                    smallest=smallest,
                    largest=largest,
                ),
            )
        return "macro_f1", unbalanced(smallest, largest)

    def confidence_gap(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) largest probability minus whether it is correct."""
        from tl_core.statistics.classification.proper_scores import confidence_gap

        return confidence_gap(gold, probabilities)


TASK = SingleLabel()
