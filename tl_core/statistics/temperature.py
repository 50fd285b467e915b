"""One number that makes a model as sure as it is right, and changes no answer: p^(1/T), made to sum to 1 (Guo et al. 2017).

The rows it is fitted on are labels spent: their scores must come from models that had not seen them (cross-validation
inside the training rows), never from test rows. One label per text.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize
from scipy.special import log_softmax, softmax

from tl_core.statistics.metrics_scores import SMALLEST

LOWEST, HIGHEST = 0.05, 20.0  # where every row is right, or none, the best T would be 0, or without end


def heated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """(..., C) p^(1/T), made to sum to 1."""
    return softmax(_logs(probabilities) / temperature, axis=-1)


def temperature(gold: np.ndarray, probabilities: np.ndarray) -> float:
    """T within .05..20 of the least log loss. gold (n,) int, probabilities (n, C)."""
    logs, rows = _logs(probabilities), np.arange(len(gold))

    def loss(log_t: float) -> float:
        return float(-log_softmax(logs / np.exp(log_t), axis=-1)[rows, gold].mean())

    found = optimize.minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def cross_fitted(gold: np.ndarray, probabilities: np.ndarray, *, folds: int = 5, seed: int = 0) -> np.ndarray:
    """(n, C) each row heated by the T of the other folds: what calibration is worth, measured on the rows it is fitted on.

    Fewer rows than folds: one row left out at a time.
    """
    gold, p = np.asarray(gold), np.asarray(probabilities, float)
    n = len(gold)
    if n < 2:
        raise ValueError(f"{n} row cannot be split: a temperature needs 2 or more.")
    fold = np.random.default_rng(seed).permutation(n) % min(folds, n)
    out = np.empty_like(p)
    for k in np.unique(fold):
        held = fold == k
        out[held] = heated(p[held], temperature(gold[~held], p[~held]))
    return out


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(np.asarray(probabilities, float), SMALLEST, 1.0))
