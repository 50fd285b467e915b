"""Break-even: the training size from which on training is better than a level, such as a prompt, or
than another curve.

`n*` is where the rising fit of the mean difference crosses 0, linear in log2 labels. Its limits
come from turning the
test round: a number of labels stays possible while the crossed interval there holds 0. What lies
outside the labels that were tried is reported as such, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.statistics.curves import checked_labels, curve, isotonic
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import seed_notes

PER_DOUBLING = 16
EXACT, AT_MOST, MORE_THAN = "", "at most", "more than"

# what can be said of a break-even, from sure to nothing
FROM_THE_START = "from the start"  # ahead at the first number of labels already
NOT_REACHED = "not reached"  # not ahead within the labels tried
BETWEEN = "between"
AT_THE_LATEST = "at the latest"  # only the upper limit lies within the labels tried
AT_THE_EARLIEST = "at the earliest"  # only the lower
NOT_RESOLVED = "not resolved"  # by these labels and test rows


@dataclass(frozen=True)
class Labels:
    """A number of labels, or the end of those tried beyond which it lies."""

    count: float
    censored: str = EXACT  # or AT_MOST (of the first tried), or MORE_THAN (of the last)


@dataclass(frozen=True)
class BreakEven:
    """Labels at which training breaks even, with 95% limits."""

    value: Labels
    low: Labels
    high: Labels
    sure_from: (
        float | None
    )  # the first number tried at and above which training is surely ahead: n**
    seeds: int
    n: int
    notes: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """Return which of the six statements holds."""
        if self.high.censored == AT_MOST:
            return FROM_THE_START
        if self.low.censored == MORE_THAN:
            return NOT_REACHED
        if self.low.censored and self.high.censored:
            return NOT_RESOLVED
        return (
            AT_THE_LATEST
            if self.low.censored
            else AT_THE_EARLIEST
            if self.high.censored
            else BETWEEN
        )


@dataclass(frozen=True)
class Band:
    """A mean difference with its limits along labels, 16 points per doubling; arrays are (K,)."""

    labels: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def break_even(
    labels: np.ndarray,
    D: np.ndarray,
    *,
    overlap: np.ndarray | float = 0.0,
    level: float = 0.95,
    design: Design = PLAIN,
    usual: np.ndarray | float = 0.0,
) -> BreakEven:
    """Find where D crosses 0 from below. labels (G,): all labels used, rising; D (G, S, n) from
    `curves.above`; the rest as in `curve`.
    """
    labels = checked_labels(labels, len(D))
    value = crossing(labels, np.mean(D, (1, 2)))
    b = band(labels, D, overlap=overlap, level=level, design=design, usual=usual)
    first, last = labels[0], labels[-1]

    possible = np.flatnonzero(b.high >= 0)
    low = _placed(b.labels[possible[0]], first) if len(possible) else Labels(last, MORE_THAN)
    behind = np.flatnonzero(~(b.low > 0))
    if len(behind) == 0:
        high = Labels(first, AT_MOST)
    elif behind[-1] == len(b.low) - 1:
        high = Labels(last, MORE_THAN)
    else:
        high = Labels(float(b.labels[behind[-1] + 1]))
    sure_from = (
        None
        if high.censored == MORE_THAN
        else float(labels[np.searchsorted(labels, high.count * (1 - 1e-9))])
    )
    low, high = (
        min(low, value, key=_place),
        max(high, value, key=_place),
    )  # the rising fit may lie a step outside the band
    _, S, n = np.shape(D)
    return BreakEven(value, low, high, sure_from, S, n, seed_notes(S, False))


def crossing(labels: np.ndarray, mean: np.ndarray) -> Labels:
    """First crossing of 0 by the rising fit of mean (G,), linear in log2 labels."""
    labels = checked_labels(labels, len(mean))
    fit = isotonic(mean)
    reached = np.flatnonzero(fit >= 0)
    if not len(reached):
        return Labels(float(labels[-1]), MORE_THAN)
    g = reached[0]
    if g == 0:
        return Labels(float(labels[0]), AT_MOST)
    x = np.log2(labels)
    share = -fit[g - 1] / (fit[g] - fit[g - 1])
    return Labels(float(2 ** (x[g - 1] + share * (x[g] - x[g - 1]))))


def band(
    labels: np.ndarray,
    D: np.ndarray,
    *,
    overlap: np.ndarray | float = 0.0,
    level: float = 0.95,
    design: Design = PLAIN,
    usual: np.ndarray | float = 0.0,
) -> Band:
    """Crossed interval of the mean of D (G, S, n) at every 16th of a doubling, linear in log2
    labels between points.
    """
    x = np.log2(checked_labels(labels, len(D)))
    moments = curve(D, overlap=overlap, design=design, usual=usual)
    steps = np.maximum(np.ceil(np.diff(x) * PER_DOUBLING - 1e-9).astype(int), 1)
    at = np.concatenate(
        [*(np.linspace(a, b, k, endpoint=False) for a, b, k in zip(x, x[1:], steps)), x[-1:]]
    )
    weights = np.stack([np.interp(at, x, unit) for unit in np.eye(len(x))], axis=1)  # (K, G)
    points = [moments.at(w) for w in weights]
    mean, h = (
        np.array([p.mean for p in points]),
        np.array([p.half_width_at_tail((1 - level) / 2) for p in points]),
    )
    return Band(2**at, mean, mean - h, mean + h)


def _placed(count: float, first: float) -> Labels:
    return Labels(float(first), AT_MOST) if count <= first else Labels(float(count))


def _place(labels: Labels) -> tuple[int, float]:
    """Return a key that puts censored numbers in order."""
    return {AT_MOST: -1, EXACT: 0, MORE_THAN: 1}[labels.censored], labels.count
