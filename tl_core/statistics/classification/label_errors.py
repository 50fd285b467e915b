"""Rows whose given label a model doubts with confidence (confident learning, Northcutt et al.
2021).

A model counts as confident of a label when it gives it at least the probability that it gives this
label, in the mean, to
rows that carry it: so a model that is sure of everything and one that is sure of nothing are asked
alike. The probabilities must be out of sample: of rows that the model has not learned from.
"""

from __future__ import annotations

import numpy as np


def doubted(gold: np.ndarray, probabilities: np.ndarray, *, many: bool = False) -> np.ndarray:
    """(n, C) bool: labels that a row should have and has not, or has and should not, as far as this
    model is confident.

    One label per text: labels other than the given one that the model is confident of and finds
    likelier. Many: each label by
    itself, given or not.

    Args:
        gold: (n,) positions; many: (n, C) bool. probabilities: (n, C).
    """
    p = np.asarray(probabilities, float)
    if not many:
        given = np.asarray(gold)[:, None] == np.arange(p.shape[1])
        return ~given & (p >= _usual(given, p)) & (p > p[given][:, None])
    given = np.asarray(gold, bool)
    missing = ~given & (p >= _usual(given, p)) & (p >= 0.5)
    wrong = given & (1 - p >= _usual(~given, 1 - p)) & (p < 0.5)
    return missing | wrong


def _usual(given: np.ndarray, p: np.ndarray) -> np.ndarray:
    """(C,) mean probability of each label over the rows that carry it; nothing reaches that of a
    label without rows.
    """
    count = given.sum(0)
    return np.where(count > 0, (p * given).sum(0) / np.maximum(count, 1), np.inf)
