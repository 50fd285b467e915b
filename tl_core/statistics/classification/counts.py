"""Metrics that are functions of counts, not means over rows: macro-F1, balanced accuracy, Matthews'
correlation.

Each row adds to three counts per label: right there, gold there, predicted there. So a metric is a
function of sums of rows, leaving a row out is a subtraction and a bootstrap sample a weighted sum.
Rows enter an interval through jackknife pseudo-values (Tukey 1958) as in `metrics_f1`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tl_core.statistics.crossed import crossed, t_quantile
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import Interval, seed_notes

Metric = Callable[[np.ndarray], np.ndarray]  # counts (..., 3, C) -> (...)
DRAWS = 2000
AT_ONCE = 250  # draws held in memory together


def row_counts(
    gold: np.ndarray, predicted: np.ndarray, n_labels: int, *, many: bool = False
) -> np.ndarray:
    """(n, 3, C) of 0 and 1: the label is right, gold, predicted. gold, predicted: (n,) int; many:
    (n, C) bool.
    """
    g, p = (_one_hot(np.asarray(side), n_labels, many) for side in (gold, predicted))
    if g.shape != p.shape:
        raise ValueError(f"Gold has {len(g)} rows and predictions have {len(p)}.")
    return np.stack([g & p, g, p], axis=1).astype(float)


def confusion(gold: np.ndarray, predicted: np.ndarray, n_labels: int) -> np.ndarray:
    """(C, C) how often: rows given, columns answered, one label per text. gold: (n,) int;
    predicted: (n,) or (S, n) int.
    """
    squares = (np.asarray(gold) * n_labels + predicted).ravel()
    return np.bincount(squares, minlength=n_labels**2).reshape(n_labels, n_labels)


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean over the labels that have gold rows of the share of them that was found. counts: (...,
    3, C).
    """
    hits, gold = counts[..., 0, :], counts[..., 1, :]
    found = np.divide(hits, gold, out=np.zeros_like(hits), where=gold > 0)
    return found.sum(-1) / np.maximum((gold > 0).sum(-1), 1)


def macro_f1_of_counts(counts: np.ndarray) -> np.ndarray:
    """Mean F1 over all labels, 0 for one that never occurs, as in `metrics_f1`. counts: (..., 3,
    C).
    """
    hits, total = counts[..., 0, :], counts[..., 1, :] + counts[..., 2, :]
    return np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0).mean(-1)


def matthews(counts: np.ndarray) -> np.ndarray:
    """Matthews' correlation for any number of labels, one label per text (Gorodkin 2004); 0 where a
    side is constant.

    counts: (..., 3, C).
    """
    hits, gold, predicted = counts[..., 0, :], counts[..., 1, :], counts[..., 2, :]
    n = gold.sum(-1)
    top = hits.sum(-1) * n - (gold * predicted).sum(-1)
    below = np.sqrt((n**2 - (predicted**2).sum(-1)) * (n**2 - (gold**2).sum(-1)))
    return np.divide(top, below, out=np.zeros_like(top), where=below > 0)


def metric_pseudo(
    gold: np.ndarray, predicted: np.ndarray, n_labels: int, metric: Metric, *, many: bool = False
) -> np.ndarray:
    """(S, n) pseudo-values n F - (n-1) F without row i; predicted (S, n), or one run as gold; many:
    (S, n, C).
    """
    out = []
    for run in _runs(gold, predicted):
        rows = row_counts(gold, run, n_labels, many=many)
        total, n = rows.sum(0), len(rows)
        out.append(n * metric(total) - (n - 1) * metric(total - rows))
    return np.stack(out)


def metric_interval(
    gold: np.ndarray,
    predicted: np.ndarray,
    n_labels: int,
    metric: Metric,
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    level: float = 0.95,
    lowest: float = 0.0,
    design: Design = PLAIN,
    usual: float = 0.0,
    many: bool = False,
) -> Interval:
    """Mean of a metric over seeds, limits within lowest..1; predicted (S, n); many: (S, n, C). One
    or two seeds: rows only.
    """
    runs = _runs(gold, predicted)[:1] if deterministic else _runs(gold, predicted)
    S, n = len(runs), len(gold)
    value = float(
        np.mean([metric(row_counts(gold, run, n_labels, many=many).sum(0)) for run in runs])
    )
    tail = (1 - level) / 2
    h = crossed(
        metric_pseudo(gold, runs, n_labels, metric, many=many),
        overlap=overlap,
        design=design,
        usual=usual,
    ).half_width_at_tail(tail)
    if (
        h == 0
    ):  # every row weighs the same, as when all are right: as Wilson's limit for a share of 1
        z2 = t_quantile(tail, design.rows_df(n)) ** 2
        h = (1 - lowest) * z2 / (design.units(n) + z2) if np.isfinite(z2) else 1 - lowest
    return Interval(
        value, max(value - h, lowest), min(value + h, 1.0), S, n, seed_notes(S, deterministic)
    )


def bootstrap_interval(
    gold: np.ndarray,
    predicted: np.ndarray,
    n_labels: int,
    metric: Metric,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = 0.95,
    many: bool = False,
) -> Interval:
    """One trained model: percentile bootstrap over rows (Efron 1979). predicted: (n,); many: (n,
    C).
    """
    rows = row_counts(gold, predicted, n_labels, many=many)
    values = np.concatenate([metric(counts) for counts in _resampled(rows, draws, seed)])
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(
        float(metric(rows.sum(0))), float(low), float(high), 1, len(rows), seed_notes(1, False)
    )


def bootstrap_difference(
    gold: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    n_labels: int,
    metric: Metric,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = 0.95,
    many: bool = False,
) -> Interval:
    """Two trained models: metric of b minus that of a, percentile bootstrap over the rows both
    answered.
    """
    rows = np.stack(
        [row_counts(gold, side, n_labels, many=many) for side in (a, b)], axis=1
    )  # (n, 2, 3, C)
    values = np.concatenate(
        [np.diff(metric(counts), axis=-1)[:, 0] for counts in _resampled(rows, draws, seed)]
    )
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    value = float(np.diff(metric(rows.sum(0)))[0])
    return Interval(value, float(low), float(high), 1, len(rows), seed_notes(1, False))


def randomisation_p(
    gold: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    n_labels: int,
    metric: Metric,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    many: bool = False,
) -> float:
    """Two trained models: p that a metric is the same, by exchanging their answers row by row
    (Noreen 1989). Two-sided.
    """
    rows_a, rows_b = (row_counts(gold, side, n_labels, many=many) for side in (a, b))
    n = len(rows_a)
    change, sum_a, sum_b = (rows_b - rows_a).reshape(n, -1), rows_a.sum(0), rows_b.sum(0)
    observed = abs(metric(sum_b) - metric(sum_a))
    rng, as_far = np.random.default_rng(seed), 0
    for size in _sizes(draws):
        moved = (rng.integers(0, 2, (size, n)) @ change).reshape(size, *sum_a.shape)
        as_far += int(
            (np.abs(metric(sum_b - moved) - metric(sum_a + moved)) >= observed - 1e-12).sum()
        )
    return (1 + as_far) / (1 + draws)


def _one_hot(side: np.ndarray, n_labels: int, many: bool) -> np.ndarray:
    if many:
        if side.shape[1:] != (n_labels,):
            raise ValueError(f"There are {n_labels} labels but {side.shape[-1]} columns.")
        return side.astype(bool)
    if side.size and not 0 <= side.min() <= side.max() < n_labels:
        raise ValueError(f"Labels must be numbers from 0 to {n_labels - 1}.")
    return side[:, None] == np.arange(n_labels)


def _runs(gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    predicted = np.asarray(predicted)
    return predicted[None] if predicted.shape == np.shape(gold) else predicted


def _sizes(draws: int) -> list[int]:
    return [min(AT_ONCE, draws - done) for done in range(0, draws, AT_ONCE)]


def _resampled(rows: np.ndarray, draws: int, seed: int):
    """Sums of n rows drawn with replacement, (<= AT_ONCE, ...) at a time."""
    rng, n, flat = np.random.default_rng(seed), len(rows), rows.reshape(len(rows), -1)
    for size in _sizes(draws):
        weights = rng.multinomial(n, np.full(n, 1 / n), size)
        yield (weights @ flat).reshape(size, *rows.shape[1:])
