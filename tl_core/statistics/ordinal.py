"""Answers on a scale: how far off they are, and weighted agreement.

`closeness` is a score of a row, so its mean has the crossed interval. Quadratic-weighted kappa
(Cohen 1968) is a function of five sums over rows, so leaving a row out is a subtraction, and rows
enter its interval through jackknife pseudo-values (Tukey 1958), as those of macro-F1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tl_core.api.types import Interval
from tl_core.statistics.crossed import credit_interval, crossed, t_quantile
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import seed_notes, share_notes


def closeness(gold: np.ndarray, predicted: np.ndarray, span: float) -> np.ndarray:
    """(S, n) 1 - |error| / span: 1 where an answer is correct, 0 where it is off by the whole
    scale. gold (n,), predicted (S, n): values on a scale that is `span` long.
    """
    return 1.0 - np.abs(np.asarray(predicted, float) - gold) / span


def closeness_interval(Y: np.ndarray, **options: Any) -> Interval:
    """Mean closeness Y (S, n); `options` as those of `credit_interval`."""
    return credit_interval(Y, share_notes(Y == 1.0), **options)


def _sums(gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(..., 6) count, sums, squares and product of each row."""
    g = np.broadcast_to(np.asarray(gold, float), np.shape(predicted))
    p = np.asarray(predicted, float)
    return np.stack([np.ones_like(p), g, p, g * g, p * p, g * p], axis=-1)


def _kappa(sums: np.ndarray) -> np.ndarray:
    """Quadratic-weighted kappa of (..., 6) sums; 0 where neither side varies."""
    n, g, p, gg, pp, gp = np.moveaxis(sums, -1, 0)
    off = (gg - 2 * gp + pp) / n
    chance = (gg + pp) / n - 2 * g * p / n**2
    return 1.0 - np.divide(off, chance, out=np.ones_like(off), where=chance > 1e-12)


def weighted_kappa(gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(S,) or a number: 1 - mean squared error / that of the same answers given to rows at random;
    1 is perfect, 0 is chance. gold (n,) values, predicted (n,) or (S, n).
    """
    return _kappa(_sums(gold, predicted).sum(-2))


def weighted_kappa_pseudo(gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(S, n) pseudo-values n K - (n-1) K without row i. gold (n,), predicted (S, n)."""
    rows = _sums(gold, predicted)
    total, n = rows.sum(-2, keepdims=True), len(gold)
    return n * _kappa(total) - (n - 1) * _kappa(total - rows)


def weighted_kappa_interval(
    gold: np.ndarray,
    predicted: np.ndarray,
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    level: float = 0.95,
    design: Design = PLAIN,
) -> Interval:
    """Mean weighted kappa over seeds, limits within -1..1; predicted (S, n)."""
    runs = predicted[:1] if deterministic else predicted
    S, n = runs.shape
    value, tail = float(weighted_kappa(gold, runs).mean()), (1 - level) / 2
    h = crossed(
        weighted_kappa_pseudo(gold, runs), overlap=overlap, design=replace(design, spread=None)
    ).half_width_at_tail(tail)
    if h == 0:  # every row weighs the same, as when all are right
        z2 = t_quantile(tail, design.rows_df(n)) ** 2
        h = 2 * z2 / (design.units(n) + z2) if np.isfinite(z2) else 2.0
    notes = seed_notes(S, deterministic) + share_notes(runs == gold)
    return Interval(value, max(value - h, -1.0), min(value + h, 1.0), S, n, notes)


def no_closer(gold: np.ndarray, predicted: np.ndarray, constant: float) -> bool:
    """Whether answers are no closer than one constant answer, beyond what chance explains; as
    `tl_core.statistics.classification.collapse.collapsed`, of errors instead of right and wrong.

    What is gained must exceed zero and 1.645 times its spread, were each row's gain as likely a
    loss; half of what can be gained is always enough.
    """
    before = np.abs(np.asarray(gold, float) - constant)
    gain = before - np.abs(np.asarray(predicted, float) - gold)
    possible, gained = float(before.sum()), float(gain.sum())
    if not possible:  # all rows are alike: there is nothing to learn
        return False
    spread = float(np.sqrt((gain**2).sum()))
    return gained <= 0 or (gained <= 1.645 * spread and 2 * gained < possible)
