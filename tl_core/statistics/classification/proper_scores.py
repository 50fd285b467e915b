"""Proper scores of probabilities, row by row: log loss, Brier score, confidence and whether it was
earned.

Each is a score of a row, so its mean has the crossed interval of `score_interval`. probabilities:
(..., n, C) in label
order. One label per text: gold (n,) int and rows that sum to 1. many: gold (n, C) bool, each label
on its own.
"""

from __future__ import annotations

import numpy as np

SMALLEST = 1e-15  # a probability of 0 for what came true would cost endlessly


def nll(gold: np.ndarray, probabilities: np.ndarray, *, many: bool = False) -> np.ndarray:
    """(..., n) negative log probability of what is right, in nats; many labels: summed over
    them.
    """
    p = np.clip(np.asarray(probabilities, float), SMALLEST, 1.0)
    if not many:
        return -np.log(p[..., np.arange(len(gold)), gold])
    absent = np.clip(1 - np.asarray(probabilities, float), SMALLEST, 1.0)
    return -np.log(np.where(gold, p, absent)).sum(-1)


def brier(gold: np.ndarray, probabilities: np.ndarray, *, many: bool = False) -> np.ndarray:
    """(..., n) squared distance of the probabilities from what is right, summed over labels (Brier
    1950): 0 to 2.
    """
    p = np.asarray(probabilities, float)
    return ((p - truth(gold, p.shape[-1], many=many)) ** 2).sum(-1)


def confidence(probabilities: np.ndarray, *, many: bool = False) -> np.ndarray:
    """(..., n) probability of the answer given; many labels: (..., n, C) that of each yes or no."""
    p = np.asarray(probabilities, float)
    return np.maximum(p, 1 - p) if many else p.max(-1)


def right(gold: np.ndarray, probabilities: np.ndarray, *, many: bool = False) -> np.ndarray:
    """Whether the answer is right, bool, shaped as `confidence`."""
    p = np.asarray(probabilities, float)
    return (p >= 0.5) == gold if many else p.argmax(-1) == gold


def confidence_gap(
    gold: np.ndarray, probabilities: np.ndarray, *, many: bool = False
) -> np.ndarray:
    """(..., n) confidence minus correctness: its mean is above 0 where a model is more confident
    than it is right.
    """
    gap = confidence(probabilities, many=many) - right(gold, probabilities, many=many)
    return gap.mean(-1) if many else gap


def truth(gold: np.ndarray, n_labels: int, *, many: bool = False) -> np.ndarray:
    """(n, C) of 0 and 1."""
    gold = np.asarray(gold)
    return gold.astype(float) if many else (gold[:, None] == np.arange(n_labels)).astype(float)
