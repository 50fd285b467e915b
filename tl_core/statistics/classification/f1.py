"""Macro-F1 and its interval. It is no mean over rows, so rows enter through the jackknife (Tukey
1958).

Everywhere the label list is fixed: labels are 0..C-1 whether or not they occur, and a label without
gold rows and without predictions counts as 0, as in scikit-learn's `f1_score(average="macro",
labels=range(C), zero_division=0)`.
"""

from __future__ import annotations

import numpy as np

from tl_core.statistics.crossed import crossed, t_quantile, unseen
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import (
    FEW,
    FEW_PER_LABEL,
    IDENTICAL,
    Interval,
    seed_notes,
    share_notes,
    wilson,
    wilson_at,
)


def macro_f1(
    gold: np.ndarray, predicted: np.ndarray, n_labels: int, *, many: bool = False
) -> float:
    """Mean F1 over all labels. gold and predicted: (n,) int for one label per text; many: (n, C)
    bool.
    """
    gold, runs = _runs(gold, np.asarray(predicted)[None], n_labels, many)
    return float(_f1(*_counts(gold, runs[0], n_labels, many)).mean())


def macro_f1_pseudo(
    gold: np.ndarray, predicted: np.ndarray, n_labels: int, *, many: bool = False
) -> np.ndarray:
    """(S, n) jackknife pseudo-values n F - (n-1) F without row i; predicted (S, n), or one run as
    gold; many: (S, n, C). Linear in n and C.
    """
    gold, runs = _runs(gold, predicted, n_labels, many)
    return np.stack([_pseudo(gold, run, n_labels, many) for run in runs])


def macro_f1_interval(
    gold: np.ndarray,
    predicted: np.ndarray,
    n_labels: int,
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    level: float = 0.95,
    design: Design = PLAIN,
    usual: float = 0.0,
    many: bool = False,
) -> Interval:
    """Mean macro-F1 over seeds, limits within 0..1; predicted (S, n); many: (S, n, C).

    One or two seeds: rows only, with a badge.
    """
    gold, runs = _runs(gold, predicted, n_labels, many)
    runs = _one_run(runs) if deterministic else runs
    S, n = len(runs), len(gold)
    value = _mean_f1(gold, runs, n_labels, many)
    tail = (1 - level) / 2
    h = crossed(
        macro_f1_pseudo(gold, runs, n_labels, many=many),
        overlap=overlap,
        design=design,
        usual=usual,
    ).half_width_at_tail(tail)
    if (
        h == 0
        # every row weighs the same, as when all are right or all are wrong: treat it as a share of
        # rows
    ):
        alone = wilson(value * n, n, level) if deterministic and not design.groups else None
        low, high = alone or wilson_at(value, design.units(n), t_quantile(tail, design.rows_df(n)))
    else:
        low, high = max(value - h, 0.0), min(value + h, 1.0)
    right = (runs == gold).reshape(S, n, -1).all(-1)
    return Interval(
        value,
        low,
        high,
        S,
        n,
        seed_notes(S, deterministic) + share_notes(right) + _label_notes(gold, n_labels, many),
    )


def macro_f1_difference(
    gold: np.ndarray,
    A: np.ndarray,
    B: np.ndarray,
    n_labels: int,
    *,
    a_deterministic: bool = False,
    b_deterministic: bool = False,
    overlap: float = 0.0,
    level: float = 0.95,
    design: Design = PLAIN,
    usual: float = 0.0,
    many: bool = False,
) -> Interval:
    """Mean macro-F1 of B minus that of A, paired on rows and seeds; limits within -1..1.

    Sides as in `difference_interval`.
    """
    gold, a = _runs(gold, A, n_labels, many)
    gold, b = _runs(gold, B, n_labels, many)
    a = _one_run(a) if a_deterministic else a
    b = _one_run(b) if b_deterministic else b
    if len(a) != len(b) and not a_deterministic and not b_deterministic:
        raise ValueError(
            f"The two trained sides have {len(a)} and {len(b)} seeds: hand in the seeds they share."
        )
    P = macro_f1_pseudo(gold, b, n_labels, many=many) - macro_f1_pseudo(
        gold, a, n_labels, many=many
    )
    S, n = P.shape
    value = _mean_f1(gold, b, n_labels, many) - _mean_f1(gold, a, n_labels, many)
    h = crossed(P, overlap=overlap, design=design, usual=usual).half_width_at_tail((1 - level) / 2)
    if h == 0 and value != 0:
        h = unseen(design.units(n), (1 - level) / 2)
    notes = seed_notes(S, a_deterministic and b_deterministic) + _label_notes(gold, n_labels, many)
    if (a == b).all():
        notes += (IDENTICAL,)
    return Interval(value, max(value - h, -1.0), min(value + h, 1.0), S, n, notes)


def _runs(
    gold: np.ndarray, predicted: np.ndarray, n_labels: int, many: bool
) -> tuple[np.ndarray, np.ndarray]:
    """gold (n,) int or (n, C) bool, and predictions with a leading axis of seeds; checked against
    each other.
    """
    gold, predicted = np.asarray(gold), np.asarray(predicted)
    if predicted.shape == gold.shape:
        predicted = predicted[None]
    if predicted.shape[1:] != gold.shape or not predicted.size:
        raise ValueError(
            f"Gold is {gold.shape} but predictions are {predicted.shape}, seeds first."
        )
    if many:
        if gold.shape[1:] != (n_labels,):
            raise ValueError(f"There are {n_labels} labels but gold has {gold.shape[-1]} columns.")
        return gold.astype(bool), predicted.astype(bool)
    gold, predicted = gold.astype(int), predicted.astype(int)
    if min(gold.min(), predicted.min()) < 0 or max(gold.max(), predicted.max()) >= n_labels:
        raise ValueError(f"Labels must be numbers from 0 to {n_labels - 1}.")
    return gold, predicted


def _one_run(runs: np.ndarray) -> np.ndarray:
    if not (runs == runs[0]).all():
        raise ValueError(
            "A strategy said to be deterministic has predictions that differ between seeds."
        )
    return runs[:1]


def _counts(
    gold: np.ndarray, run: np.ndarray, n_labels: int, many: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(C,) rows where gold and prediction agree on the label, and (C,) gold rows plus predicted
    rows.
    """
    if many:
        return (gold & run).sum(0), gold.sum(0) + run.sum(0)
    hits = np.bincount(gold[gold == run], minlength=n_labels)
    return hits, np.bincount(gold, minlength=n_labels) + np.bincount(run, minlength=n_labels)


def _f1(hits: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.divide(2.0 * hits, total, out=np.zeros(len(hits)), where=total > 0)


def _mean_f1(gold: np.ndarray, runs: np.ndarray, n_labels: int, many: bool) -> float:
    return float(np.mean([macro_f1(gold, run, n_labels, many=many) for run in runs]))


def _pseudo(gold: np.ndarray, run: np.ndarray, n_labels: int, many: bool) -> np.ndarray:
    """(n,) A row touches a label's F1 in one of two ways, so each label needs three values,
    not n.
    """
    hits, total = _counts(gold, run, n_labels, many)
    base = _f1(hits, total)
    without_hit = (
        _f1(np.maximum(hits - 1, 0), np.maximum(total - 2, 0)) - base
    )  # (C,) a right row is gone
    without_miss = (
        _f1(hits, np.maximum(total - 1, 0)) - base
    )  # (C,) a row with the label on one side only is gone
    if many:
        change = (gold & run) @ without_hit + (gold ^ run) @ without_miss
    else:
        change = np.where(gold == run, without_hit[gold], without_miss[gold] + without_miss[run])
    n, F = len(gold), base.mean()
    return F - (n - 1) * change / n_labels


def _label_notes(gold: np.ndarray, n_labels: int, many: bool) -> tuple[str, ...]:
    per_label = gold.sum(0) if many else np.bincount(gold, minlength=n_labels)
    return (FEW_PER_LABEL,) if per_label.min() < FEW else ()
