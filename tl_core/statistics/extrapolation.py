"""Extrapolation to more labels, if the curve keeps its shape: error = a + b n^-c, and only if it
would have been right so far.

A curve is extrapolated by at most 4 times the labels, and only where the fit without the last point
predicts that point. The gate refuses most curves of another shape, not all: hence the "if".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.statistics.curves import DRAWS, checked_curve, checked_labels, curve, order_limits
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import Interval

POWERS = np.arange(1, 41) * 0.05
LEAST_POINTS, FARTHEST = 5, 4.0
TOO_FEW_POINTS = "too few points"
NOT_PREDICTED = "last point not predicted by the others"


@dataclass(frozen=True)
class Extrapolation:
    """Scores at numbers of labels not tried; `points` is empty where it is refused, and `refused`
    says why.
    """

    labels: tuple[float, ...]
    points: tuple[Interval, ...]
    refused: str
    miss: tuple[float, float] | None  # 5-95% range of predicted minus seen last point


def extrapolate(
    labels: np.ndarray,
    scores: np.ndarray,
    to: np.ndarray,
    *,
    overlap: np.ndarray | float = 0.0,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = 0.95,
    design: Design = PLAIN,
    usual: np.ndarray | float = 0.0,
) -> Extrapolation:
    """Scores of 0..1 (G, S, n) at labels (G,), extrapolated to `to` (K,), at most 4 times the
    last.
    """
    scores = checked_curve(scores)
    labels, to = checked_labels(labels, len(scores)), np.atleast_1d(np.asarray(to, float))
    if not ((to > labels[-1]) & (to <= FARTHEST * labels[-1])).all():
        raise ValueError(
            f"Labels must be above {labels[-1]:g} and at most {FARTHEST * labels[-1]:g}, not"
            f" {to.tolist()}."
        )
    asked = tuple(to.tolist())
    if len(labels) < LEAST_POINTS:
        return Extrapolation(asked, (), TOO_FEW_POINTS, None)
    moments = curve(scores, overlap=overlap, design=design, usual=usual)
    variance = moments.variance()
    weights = 1 / np.maximum(
        variance, max(variance.max() * 1e-6, 1e-12)
    )  # a point without spread is not known for ever
    drawn = moments.draws(draws, seed)
    miss = order_limits(
        power_law(labels[:-1], drawn[:, :-1], weights[:-1], labels[-1:])[:, 0] - drawn[:, -1], 0.90
    )
    if not miss[0] <= 0 <= miss[1]:
        return Extrapolation(asked, (), NOT_PREDICTED, miss)
    value = power_law(labels, moments.mean[None], weights, to)[0]
    limits = [order_limits(column, level) for column in power_law(labels, drawn, weights, to).T]
    points = tuple(
        Interval(
            float(v),
            min(low, float(v)),
            max(high, float(v)),
            moments.seeds,
            scores.shape[2],
            moments.notes,
        )
        for v, (low, high) in zip(value, limits)
    )
    return Extrapolation(asked, points, "", miss)


def power_law(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, to: np.ndarray
) -> np.ndarray:
    """(R, K) scores at `to` (K,) of 1 - a - b n^-c fitted to each of scores (R, G), a and b at
    least 0, c in .05 ... 2.

    Weighted least squares for each c, and the best c.
    """
    error = 1 - scores
    least, best = np.full(len(error), np.inf), np.empty((len(error), len(to)))
    share = weights / weights.sum()
    for c in POWERS:
        z = labels**-c
        z_mean, e_mean = share @ z, error @ share
        b = (error - e_mean[:, None]) @ (share * (z - z_mean)) / (share @ (z - z_mean) ** 2)
        a = e_mean - b * z_mean
        b = np.where(a < 0, np.maximum(error @ (share * z) / (share @ z**2), 0), b)
        a = np.where(a < 0, 0, a)
        a, b = np.where(b < 0, np.maximum(e_mean, 0), a), np.maximum(b, 0)
        loss = ((error - a[:, None] - b[:, None] * z) ** 2) @ share
        better = loss < least
        least[better] = loss[better]
        best[better] = 1 - a[better, None] - b[better, None] * to**-c
    return best
