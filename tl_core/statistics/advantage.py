"""Number of labels one strategy is worth compared with another. (Le Scao & Rush 2021)

At each score both curves reach, how many more labels the other one needs: the mean over those
scores. Where the level is flat, as that of a prompt, it is the break-even (`break_even`). In
octaves alongside labels, because the mean of labels is
ruled by the top of the range: 1.5 octaves are 2.8 times as many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.statistics.curves import (
    DRAWS,
    checked_curve,
    checked_labels,
    curve,
    isotonic,
    order_limits,
)
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import Interval

MOST_APART = 0.05  # share of draws without a score both reach, above which no interval is given
NO_OVERLAP = "curves do not overlap"


@dataclass(frozen=True)
class Advantage:
    """Labels and doublings by which B needs more than A; below 0: fewer. None where the curves do
    not overlap.
    """

    labels: Interval | None
    octaves: Interval | None
    reached: tuple[float, float]  # scores both curves reach, from and to; from > to: none
    apart: float  # share of draws without one
    notes: tuple[str, ...] = ()


def advantage(
    labels_a: np.ndarray,
    A: np.ndarray,
    labels_b: np.ndarray,
    B: np.ndarray,
    *,
    overlap_a: np.ndarray | float = 0.0,
    overlap_b: np.ndarray | float = 0.0,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = 0.95,
    design: Design = PLAIN,
    usual_a: np.ndarray | float = 0.0,
    usual_b: np.ndarray | float = 0.0,
) -> Advantage:
    """Scores A (G_A, S, n) and B (G_B, S, n), same seeds and rows; labels rising, (G_A,) and
    (G_B,). design, usual: as in `curve`.
    """
    A, B = checked_curve(A), checked_curve(B)
    labels_a, labels_b = checked_labels(labels_a, len(A)), checked_labels(labels_b, len(B))
    if A.shape[1:] != B.shape[1:]:
        raise ValueError(
            f"The curves are {A.shape[1:]} and {B.shape[1:]} (seeds, rows): hand in those they"
            " share."
        )
    overlap = np.concatenate(
        [np.broadcast_to(overlap_a, len(A)), np.broadcast_to(overlap_b, len(B))]
    )
    usual = np.concatenate([np.broadcast_to(usual_a, len(A)), np.broadcast_to(usual_b, len(B))])
    both = curve(np.concatenate([A, B]), overlap=overlap, design=design, usual=usual)
    curves = np.concatenate([both.mean[None], both.draws(draws, seed)])
    a, b = isotonic(curves[:, : len(A)]), isotonic(curves[:, len(A) :])
    y0, y1 = np.maximum(a[:, 0], b[:, 0]), np.minimum(a[:, -1], b[:, -1])
    meets = y1 > y0
    apart, reached = float(1 - meets[1:].mean()), (float(y0[0]), float(y1[0]))
    if not meets[0] or apart > MOST_APART:
        return Advantage(None, None, reached, apart, (*both.notes, NO_OVERLAP))
    a, b, y0, y1 = a[meets], b[meets], y0[meets], y1[meets]

    def interval(n_a: np.ndarray, n_b: np.ndarray) -> Interval:
        values = (area(n_b, b, y0, y1) - area(n_a, a, y0, y1)) / (y1 - y0)
        low, high = order_limits(values[1:], level)
        value = float(values[0])
        return Interval(
            value, min(low, value), max(high, value), both.seeds, A.shape[2], both.notes
        )

    return Advantage(
        interval(labels_a, labels_b),
        interval(np.log2(labels_a), np.log2(labels_b)),
        reached,
        apart,
        both.notes,
    )


def area(n: np.ndarray, y: np.ndarray, y0: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """(R,) integral of n over the scores from y0 to y1, n linear in y between points; flat pieces
    add nothing.

    n (G,) labels or their logarithm, y (R, G) rising curves, y0 and y1 (R,) within them.
    """
    below, above = y[:, :-1], y[:, 1:]
    low, high = (np.clip(end[:, None], below, above) for end in (y0, y1))
    rise = above - below
    slope = np.divide(np.diff(n), rise, out=np.zeros_like(rise), where=rise > 0)
    n_low, n_high = (n[:-1] + (end - below) * slope for end in (low, high))
    return ((high - low) * (n_low + n_high) / 2).sum(1)
