"""A linear head for ratings: adjacent-categories logits with one slope (Agresti 2010, section 4.1).

The log odds of a point of the scale against the one below it are w x plus a constant of that step,
so one direction of the features says higher or lower. As logits that is v_c (w x) + a_c, v_c being
the place of a point on the scale: an ordinary linear head of rank one, which predicts and is saved
like any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tl_core.models.training.heads import ABSENT, STRENGTHS, LinearHead, chosen_strength, softmax


def fit_ordinal_head(
    features: Any, gold: np.ndarray, values: np.ndarray, strength: float | None = None
) -> LinearHead:
    """Fit on (n, d) features, dense or sparse.

    Args:
        gold: (n,) positions on the scale. values: (C,) its points, rising.
        strength: of the regularisation, 1 / (2 strength) |w|^2 alongside the summed log loss; None
            chooses among STRENGTHS by the cross-validated error in points.
    """
    strength = strength or chosen_strength(
        gold,
        lambda out: (
            fit_ordinal_head(features[~out], gold[~out], values, c).logits(features[out])
            for c in STRENGTHS
        ),
        lambda logits, y: _closeness(logits, values, y),
    )
    places = (values - values.mean()) / _step(values)
    present = np.unique(gold)
    slope, start = _fitted(features, gold, places, present, strength)
    bias = np.full(len(values), ABSENT)
    bias[present] = start
    return LinearHead(places[:, None] * slope, bias, strength)


def _step(values: np.ndarray) -> float:
    return float(np.diff(values).mean())


def _closeness(logits: np.ndarray, values: np.ndarray, gold: np.ndarray) -> float:
    """Minus the summed distance of the medians of (m, C) logits from gold (m,), in points."""
    median = (np.cumsum(softmax(logits), 1) < 0.5 - 1e-7).sum(1)
    return -float(np.abs(values[median] - values[gold]).sum())


def _fitted(
    features: Any, gold: np.ndarray, places: np.ndarray, present: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """((d,) slope, constants of the points that are present)."""
    from scipy.optimize import minimize

    n, d = features.shape
    at = np.searchsorted(present, gold)
    if len(present) == 1:
        return np.zeros(d), np.zeros(1)
    v = places[present]
    shares = np.bincount(at) / n

    def loss_and_slope(flat: np.ndarray) -> tuple[float, np.ndarray]:
        slope, start = flat[:d], flat[d:]
        logits = np.asarray(features @ slope)[:, None] * v + start
        top = logits.max(1, keepdims=True)
        chances = np.exp(logits - top)
        total = chances.sum(1, keepdims=True)
        loss = float((np.log(total[:, 0]) + top[:, 0] - logits[np.arange(n), at]).sum())
        chances /= total
        chances[np.arange(n), at] -= 1.0
        by_slope = np.asarray(features.T @ (chances @ v)).ravel() + slope / strength
        return loss + slope @ slope / (2 * strength), np.r_[by_slope, chances.sum(0)]

    found = minimize(
        loss_and_slope,
        np.r_[np.zeros(d), np.log(shares)],
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500},
    )
    return found.x[:d], found.x[d:]
