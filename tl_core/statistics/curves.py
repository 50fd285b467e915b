"""A learning curve as one sample: its points share test rows and seeds, so they vary together.

scores: (G, S, n), the score of each test row in each seed at each number of labels; more is better,
    and seeds and rows
are in the same order at every point. Macro-F1 comes as its pseudo-values (`macro_f1_pseudo`). Two
curves that are compared are stacked into one of G_A + G_B points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tl_core.statistics.crossed import Crossed, from_mean_squares, overlap_factor, paired
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import seed_notes
from tl_core.statistics.one_thread import eigh

DRAWS = 2000
# of a draw's luck, the part taken to be shared along a curve where spreads are pooled: k shots are
# among the next
ALONG = 0.5


@dataclass(frozen=True)
class Curve:
    """Means of G points (G,) and the mean cross squares (G, G) of seeds, rows and what is left, as
    in `crossed`.
    """

    mean: np.ndarray
    seed_squares: np.ndarray  # enlarged where training sets overlap
    row_squares: np.ndarray
    rest_squares: np.ndarray
    seeds: int
    n: int  # independent rows, or groups of them
    seeds_df: float | None = None  # None: seeds - 1
    rows_df: float | None = None
    lift: float = 1.0

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the notes on a spread over seeds that could not be measured."""
        return seed_notes(self.seeds, False)

    def at(self, weights: np.ndarray) -> Crossed:
        """Mean and variances of a weighted sum of the points, weights (G,)."""
        by_seed, by_row, rest = (
            float(weights @ m @ weights)
            for m in (self.seed_squares, self.row_squares, self.rest_squares)
        )
        mean = float(weights @ self.mean)
        made = from_mean_squares(mean, by_seed, by_row, rest, self.seeds, self.n)
        return replace(made, seeds_df=self.seeds_df, rows_df=self.rows_df, lift=self.lift)

    def variance(self) -> np.ndarray:
        """(G,) of each point's mean, seeds and rows together."""
        points = [self.at(w) for w in np.eye(len(self.mean))]
        return np.array([p.A + p.B * p.lift if self.seeds > 2 else p.C * p.lift for p in points])

    def draws(self, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
        """(draws, G) curves that could have been seen: multivariate t over seeds plus normal over
        rows.

        With one or two seeds only rows vary, as in `Crossed.half_width`.
        """
        rng, G, scale = np.random.default_rng(seed), len(self.mean), self.seeds * self.n
        u, v = rng.standard_normal((2, draws, G))
        if self.rows_df is not None:  # few groups of rows: t instead of normal
            v = v * np.sqrt(self.rows_df / rng.chisquare(self.rows_df, (draws, 1)))
        if self.seeds < 3:
            return self.mean + v @ _root(self.lift * self.row_squares / scale)
        df = self.seeds - 1 if self.seeds_df is None else self.seeds_df
        spread = np.sqrt(df / rng.chisquare(df, (draws, 1)))
        by_seed, by_row = (
            _root(self.seed_squares / scale),
            _root(self.lift * (self.row_squares - self.rest_squares) / scale),
        )
        return self.mean + (u * spread) @ by_seed + v @ by_row


def curve(
    scores: np.ndarray,
    *,
    overlap: np.ndarray | float = 0.0,
    design: Design = PLAIN,
    usual: np.ndarray | float = 0.0,
) -> Curve:
    """Moments of scores (G, S, n). overlap: labels / labels in the pool, one number or (G,). usual:
    as in `crossed`, one or (G,).
    """
    scores = checked_curve(scores)
    rows = (
        {"rows_df": design.rows_df(scores.shape[2]), "lift": design.groups.lift}
        if design.groups
        else {}
    )
    scores = (
        np.stack([design.groups.collapse(point) for point in scores]) if design.groups else scores
    )
    G, S, n = scores.shape
    if n < 2:
        raise ValueError("A curve needs 2 test rows, or groups of them, or more.")
    mean, by_seed, by_row = scores.mean((1, 2)), scores.mean(2), scores.mean(1)
    off_seed, off_row = by_seed - mean[:, None], by_row - mean[:, None]
    rest = (scores - by_seed[:, :, None] - by_row[:, None] + mean[:, None, None]).reshape(G, -1)
    free = max(S - 1, 1)  # of one seed, squares are 0
    widen = np.sqrt([overlap_factor(f, S) for f in np.broadcast_to(overlap, G)])
    seed_squares, rest_squares = n * off_seed @ off_seed.T / free, rest @ rest.T / (free * (n - 1))
    if design.spread and S > 2:
        pooled, df = design.spread, design.spread.df + S - 1
        sd = np.sqrt(
            n * pooled.level * (np.broadcast_to(usual, G) / widen**2 + rest_squares.diagonal() / n)
        )
        along = np.outer(sd, sd) * (ALONG + (1 - ALONG) * np.eye(G))
        seed_squares, rows = (
            (pooled.df * along + (S - 1) * seed_squares) / df,
            {**rows, "seeds_df": df},
        )
    return Curve(
        mean,
        seed_squares * np.outer(widen, widen),
        S * off_row @ off_row.T / (n - 1),
        rest_squares,
        S,
        n,
        **rows,
    )


def above(trained: np.ndarray, other: np.ndarray, *, deterministic: bool = False) -> np.ndarray:
    """(G, S, n) trained minus other, paired on rows and seeds: other (G, S, n) is a curve, (S, n)
    or (n,) one level.

    deterministic: the level is that of a strategy without seeds, and stands for every one.
    """
    trained, other = checked_curve(trained), np.asarray(other, float)
    levels = other if other.ndim == 3 else [other] * len(trained)
    if len(levels) != len(trained):
        raise ValueError(
            f"The curves have {len(trained)} and {len(levels)} points: hand in those at the same"
            " labels."
        )
    return np.stack(
        [
            paired(level, point, a_deterministic=deterministic)
            for point, level in zip(trained, levels)
        ]
    )


def isotonic(y: np.ndarray) -> np.ndarray:
    """(..., G) the nearest curve that never falls, in squares with equal weights (pool adjacent
    violators; Ayer et al. 1955).

    By its min-max form, so that thousands of draws are fitted at once.
    """
    y = np.asarray(y, float)
    G = y.shape[-1]
    sums = np.concatenate([np.zeros((*y.shape[:-1], 1)), np.cumsum(y, -1)], -1)
    out = np.full(y.shape, -np.inf)
    for j in range(G):
        means = (sums[..., j + 1 :] - sums[..., j : j + 1]) / np.arange(
            1, G - j + 1
        )  # of points j..k, for k = j..G-1
        least = np.minimum.accumulate(means[..., ::-1], -1)[
            ..., ::-1
        ]  # over k at i or later, for i = j..G-1
        out[..., j:] = np.maximum(out[..., j:], least)
    return out


def order_limits(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Limits of draws by order; endless ones are kept in order, so a limit may be endless."""
    values = np.sort(values)
    k = int((1 - level) / 2 * len(values))
    return float(values[k]), float(values[len(values) - 1 - k])


def checked_curve(scores: np.ndarray) -> np.ndarray:
    """Return the scores of a curve as a float array (points, seeds, rows).

    Raises:
        ValueError: another shape, no scores, or some that are not finite.
    """
    scores = np.asarray(scores, float)
    if scores.ndim != 3 or not scores.size:
        raise ValueError(f"Scores of a curve must be (points, seeds, rows), not {scores.shape}.")
    if not np.isfinite(scores).all():
        raise ValueError(
            "Scores must be finite: a failed run has no scores and is left out before."
        )
    return scores


def checked_labels(labels: np.ndarray, points: int) -> np.ndarray:
    """Return training sizes as a float array (points,).

    Raises:
        ValueError: another number of them, or they are not above 0 and rising.
    """
    labels = np.asarray(labels, float)
    if labels.shape != (points,) or (labels <= 0).any() or (np.diff(labels) <= 0).any():
        raise ValueError(
            f"{points} points need as many training sizes, above 0 and rising, not"
            f" {labels.tolist()}."
        )
    return labels


def _root(matrix: np.ndarray) -> np.ndarray:
    """Symmetric square root; what sampling made negative counts as 0."""
    values, vectors = eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
