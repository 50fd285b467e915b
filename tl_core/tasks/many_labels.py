"""Any number of labels per text: each label has its own probability, and one half decides.

Accuracy is of whole label sets (subset accuracy): a row is right when every label is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.types import Example, Problem
from tl_core.tasks._any_labels import AnyLabels
from tl_core.tasks._measures import Accuracy, MacroF1, unbalanced

if TYPE_CHECKING:
    import torch


class ManyLabels(AnyLabels):
    id = "many-labels"
    title = "Any number of labels per text"
    target = "many labels"
    objective = "binary cross-entropy"
    measures = (Accuracy(many=True), MacroF1(many=True))
    cuts = True
    decision = "thresholds"
    head = "label by label"
    floor_words = "answer_every_label"
    always_words = "always_many"
    chosen_words = say(
        "selection={selection}: of {values} the best on {rows:,} rows that were held out was"
        " {chosen} ({reached:.0f}% macro-F1 there)."
    )
    doubts_by = "macro_f1"  # giving every label has more of it than rows carry

    def why_not_scaled(self, arm: str) -> str:
        """There is no one answer."""
        return say(
            "{arm} scales the confidence of one answer, and here a text may have several labels."
            " Leave scaling out.",
            arm=arm,
        )

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

    def same(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(..., n) bool: in every label."""
        return (a == b).all(-1)

    def names(self, problem: Problem, decided: np.ndarray) -> list[tuple[str, ...]]:
        """Label ids of each row."""
        return [tuple(np.array(problem.label_ids)[row]) if row.any() else () for row in decided]

    def carried(self, gold: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) bool: as they are."""
        return gold

    def most_frequent(self, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) bool, each label by itself."""
        return decided.mean(0) > 0.5

    def consensus(self, decided: np.ndarray, scores: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n, C) bool, each label by itself; of equals by the mean score."""
        share = np.mean([d for d in decided], axis=0)
        return (share > 0.5) | ((share == 0.5) & (scores >= 0.5))

    def loss(self, logits: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over each label's yes and no; gold (B, C)."""
        import torch

        return torch.nn.functional.binary_cross_entropy_with_logits(logits, gold.float())

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(n, C) each between 0 and 1."""
        return np.exp(-np.logaddexp(0, -logits))

    def folds(self, problem: Problem, examples: Sequence[Example], most: int) -> np.ndarray:
        """As `spread_folds`."""
        from tl_core.statistics.classification.thresholds import spread_folds

        gold = self.gold(problem, examples)
        return spread_folds(gold, min(most, len(gold)))

    def mark(self, gold: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
        """Macro-F1 with the cuts that are best; of equals, the smaller squared error."""
        from tl_core.statistics.classification.thresholds import chosen_cuts, f1_by_label, moved

        good = f1_by_label(gold, moved(scores, chosen_cuts(gold, scores)) >= 0.5).mean()
        return float(good), -float(((scores - gold) ** 2).sum(1).mean())

    def untrained(self, gold: np.ndarray, scores: np.ndarray) -> bool:
        """As `ranks_nothing`."""
        from tl_core.statistics.classification.collapse import ranks_nothing

        return ranks_nothing(gold, scores)

    def constant_scores(
        self, problem: Problem, gold: np.ndarray, smoothing: float, seed: int
    ) -> np.ndarray:
        """(C,) the share of rows that carry each label."""
        counts = gold.sum(0).astype(np.float64)
        return ((counts + smoothing) / (len(gold) + 2 * smoothing)).astype(np.float32)

    def sorts(self, gold: np.ndarray, n_labels: int) -> tuple[str, str]:
        """Macro-F1."""
        counts = gold.sum(0)
        return "macro_f1", unbalanced(counts.min(), counts.max())

    def chance_of(self, answer: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n,) probability of the whole set, as if labels did not depend on each other."""
        return np.where(answer, chances, 1 - chances).prod(1)

    def log_loss(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) summed over labels."""
        from tl_core.statistics.classification.proper_scores import nll

        return nll(gold, probabilities, many=True)

    def brier(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) between 0 and C."""
        from tl_core.statistics.classification.proper_scores import brier

        return brier(gold, probabilities, many=True)

    def largest_brier(self, n_labels: int) -> float:
        """Every label is wrong, and sure."""
        return float(n_labels)

    def confidence_gap(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) mean over labels of the probability of yes or no minus whether it is correct."""
        from tl_core.statistics.classification.proper_scores import confidence_gap

        return confidence_gap(gold, probabilities, many=True)


TASK = ManyLabels()
