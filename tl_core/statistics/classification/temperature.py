"""One number that calibrates a model's probabilities, and changes no answer: p^(1/T), made to sum
to 1 (Guo et al. 2017).

The rows it is fitted on are labels spent: their scores must come from models that had not seen them
(cross-validation inside the training rows), never from test rows. One label per text.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize
from scipy.special import log_softmax, softmax

from tl_core.statistics.classification.proper_scores import SMALLEST

LOWEST, HIGHEST = 0.05, 20.0  # where no row is right the best T is without end


def heated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """(..., C) p^(1/T), made to sum to 1."""
    return softmax(_logs(probabilities) / temperature, axis=-1)


def mixed(probabilities: np.ndarray, share: float) -> np.ndarray:
    """(..., C) with a share spread evenly over the labels: where a model says 0, no temperature
    says how wrong that may be.
    """
    p = np.asarray(probabilities, float)
    return (1 - share) * p + share / p.shape[-1]


def temperature(gold: np.ndarray, probabilities: np.ndarray, spread: float | None = None) -> float:
    """T within .05..20 of the least log loss against (n + 1) / (n + C) for the right label and 1 /
    (n + C) for the others (Platt 1999): of few rows that are all right, one does not conclude that
    every row is. gold (n,) int, probabilities (n, C).

    Args:
        spread: of a normal prior on log T around 0, so that a few rows move T little; None: no
            prior.
    """
    logs = _logs(probabilities)
    n, labels = logs.shape
    wanted = (n * np.eye(labels)[gold] + 1) / (n + labels)

    def loss(log_t: float) -> float:
        held = 0.0 if spread is None else log_t**2 / (2 * spread**2 * n)
        return float(-(wanted * log_softmax(logs / np.exp(log_t), axis=-1)).sum(-1).mean() + held)

    found = optimize.minimize_scalar(
        loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(np.asarray(probabilities, float), SMALLEST, 1.0))
