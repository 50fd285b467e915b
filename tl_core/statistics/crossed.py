"""Intervals for a mean over seeds and test rows, both of which are samples.

The same test rows are scored in every seed, so a score varies with the row, with the seed and with
both together. Variances come from the two-way analysis of variance without replication; the
quantile is Cochran and Cox's weighted one (Experimental Designs, 1957), and an interval is never
narrower than the one that takes the seeds as given. Simulated coverage: `python -m
benchmarks.coverage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import (
    IDENTICAL,
    Interval,
    seed_notes,
    share_notes,
    wilson,
    wilson_at,
)

SMALLEST_P = 1e-16


@dataclass(frozen=True)
class Crossed:
    """A mean over S seeds and n rows, and its variance by source.

    A is the variance of the mean due to seeds (with what is left of seed by row), B due to rows
    alone, C the whole variance were the seeds fixed; its root is the (cluster-robust) standard
    error. `deterministic`: only rows vary (one row of scores, or equal ones). n: independent rows,
    or groups of rows.
    """

    mean: float
    A: float
    B: float
    C: float
    seeds: int
    n: int
    deterministic: bool
    seeds_df: float | None = None  # None: seeds - 1
    rows_df: float | None = None  # None: n - 1
    lift: float = 1.0  # of B and C, where groups of rows are of unequal size

    def half_width(self, q: float = 0.975) -> float:
        """Distance from the mean to the limit at quantile q. Infinite for one test row.

        With one or two seeds only the rows count: t with one degree of freedom would say nothing at
        all.
        """
        return self.half_width_at_tail(1 - q)

    def half_width_at_tail(self, tail: float) -> float:
        """As `half_width` at q = 1 - tail, for tails too small for 1 - tail to hold."""
        if self.n < 2:
            return np.inf
        t_rows = t_quantile(tail, self.n - 1 if self.rows_df is None else self.rows_df)
        B, C = self.B * self.lift, self.C * self.lift
        rows_only = t_rows * np.sqrt(C) if C else 0.0
        if self.seeds < 3 or self.A + B == 0:
            return float(rows_only)
        t_seeds = t_quantile(tail, self.seeds - 1 if self.seeds_df is None else self.seeds_df)
        return float(
            max((self.A * t_seeds + (B * t_rows if B else 0.0)) / np.sqrt(self.A + B), rows_only)
        )


def t_quantile(tail: float, df: float) -> float:
    """Student's t with `tail` of the probability above it; infinite without degrees of freedom."""
    return float(-special.stdtrit(df, tail)) if df > 0 else np.inf


def spread_seen(Y: np.ndarray, design: Design = PLAIN) -> tuple[float, float]:
    """(variance of the seeds' means of Y (S, n), the part of it that rows by seeds leave), S of 2
    or more.
    """
    Y = matrix(Y)
    Y = design.groups.collapse(Y) if design.groups else Y
    S, n = Y.shape
    by_seed = Y.mean(1, keepdims=True)
    rest = ((Y - by_seed - Y.mean(0) + Y.mean()) ** 2).sum() / ((S - 1) * max(n - 1, 1))
    return float(by_seed.var(ddof=1)), float(rest / n)


def crossed(
    D: np.ndarray, *, overlap: float = 0.0, design: Design = PLAIN, usual: float = 0.0
) -> Crossed:
    """Mean and variances of D (S seeds, n rows), any score of a row or difference of two.

    overlap: labels used / labels in the pool, 0..1. k-shot sets drawn from a small pool share rows
        and vary less
    than fresh ones would; above .1 the seed variance is enlarged (Nadeau & Bengio 2003). usual: the
    variance between seeds to be expected of D (`usual_variance`, added up for a difference), which
    counts where the design pools spreads.
    """
    D = matrix(D)
    groups, seeds_df = design.groups, None
    rows_df, lift = (groups.df, groups.lift) if groups else (None, 1.0)
    D = design.groups.collapse(D) if design.groups else D
    S, n = D.shape
    m, d_s, d_i = D.mean(), D.mean(1, keepdims=True), D.mean(0)
    deterministic = bool((D == D[0]).all())
    if n < 2 or np.ptp(D) == 0:  # the rounding of a mean is no variation
        return Crossed(float(m), 0.0, 0.0, 0.0, S, n, deterministic, None, rows_df, lift)
    ms_i = S * ((d_i - m) ** 2).sum() / (n - 1)
    if deterministic:
        made = from_mean_squares(m, 0.0, ms_i, 0.0, S, n, deterministic=True)
        return replace(made, rows_df=rows_df, lift=lift)
    ms_s = n * ((d_s - m) ** 2).sum() / (S - 1)
    ms_e = ((D - d_s - d_i + m) ** 2).sum() / ((S - 1) * (n - 1))
    widen = overlap_factor(overlap, S)
    if design.spread:
        variance, seeds_df = design.spread.moderate(ms_s / n, usual / widen + ms_e / n, S)
        ms_s = variance * n
    made = from_mean_squares(m, ms_s, ms_i, ms_e, S, n, widen=widen)
    return replace(made, seeds_df=seeds_df, rows_df=rows_df, lift=lift)


def from_mean_squares(
    mean: float,
    ms_s: float,
    ms_i: float,
    ms_e: float,
    S: int,
    n: int,
    *,
    widen: float = 1.0,
    deterministic: bool = False,
) -> Crossed:
    """Variances of a mean from the mean squares of seeds, rows and what is left; `widen` multiplies
    the seeds' share.
    """
    if (
        max(ms_s, ms_i) < 1e-12 * ms_e
    ):  # rows and columns balance by chance: rows of a few items still vary
        ms_i = ms_e
    A, B, C = ms_s / (S * n), max(ms_i - ms_e, 0.0) / (S * n), ms_i / (S * n)
    return Crossed(float(mean), float(A * widen), float(B), float(C), S, n, deterministic)


def overlap_factor(overlap: float, S: int) -> float:
    """Return by how much seed variance is enlarged for training sets that take `overlap` (0..1) of
    the pool; 1 up to a tenth.
    """
    f = min(overlap, 0.9)
    return 1 + S * f / (1 - f) if f > 0.1 else 1.0


def mean_interval(
    Y: np.ndarray,
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    level: float = 0.95,
    design: Design = PLAIN,
    usual: float = 0.0,
) -> Interval:
    """Share of correct predictions from Y (S, n) of 0 and 1, limits within 0..1.

    Three seeds or more: the crossed half-width carried to the logit scale, Wilson where every
    answer is right or every answer wrong, and no narrower than Wilson where fewer than 10 rows were
    ever wrong, or right. Fewer, or a strategy without seeds: Wilson on the rows, with a badge where
    it was trained. Rows in groups count as as many single ones as would vary as much (Korn &
    Graubard 1998).
    """
    Y = matrix(Y)
    if not np.isin(Y, (0, 1)).all():
        raise ValueError("mean_interval takes scores of 0 and 1; score_interval takes any.")
    Y = one_row(Y) if deterministic else Y
    S, n = Y.shape
    m = float(Y.mean())
    tail = (1 - level) / 2
    if S < 3 and design.groups is None:
        return Interval(m, *wilson(Y.sum() / S, n, level), S, n, seed_notes(S, deterministic))
    if S < 3 or m in (0, 1):
        c = crossed(Y, design=design)
        alone = min(n, m * (1 - m) / (c.C * c.lift)) if c.C and S < 3 else design.units(n)
        low, high = wilson_at(m, max(alone, 1.0), t_quantile(tail, design.rows_df(n)))
    else:
        logit, slope = special.logit(m), m * (1 - m)
        h = crossed(Y, overlap=overlap, design=design, usual=usual).half_width_at_tail(tail) / slope
        low, high = min(special.expit(logit - h), m), max(special.expit(logit + h), m)
        if share_notes(
            Y == 1
            # a variance of so few rows is hardly known: never narrower than of that share of as
            # many rows
        ):
            wide = wilson_at(m, design.units(n), t_quantile(tail, design.rows_df(n)))
            low, high = min(low, wide[0]), max(high, wide[1])
    return Interval(
        m,
        float(low),
        float(high),
        S,
        n,
        seed_notes(S, deterministic) if S < 3 else share_notes(Y == 1),
    )


def score_interval(
    Y: np.ndarray,
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    level: float = 0.95,
    design: Design = PLAIN,
) -> Interval:
    """Mean of any score of a row, Y (S, n): log loss, Brier, confidence minus correctness.

    The limits are infinite for one row.
    """
    Y = one_row(matrix(Y)) if deterministic else matrix(Y)
    S, n = Y.shape
    c = crossed(
        Y, overlap=overlap, design=replace(design, spread=None)
    )  # the pooled spread is one of shares
    h = c.half_width_at_tail((1 - level) / 2)
    return Interval(c.mean, c.mean - h, c.mean + h, S, n, seed_notes(S, deterministic))


def difference_interval(
    A: np.ndarray,
    B: np.ndarray,
    *,
    a_deterministic: bool = False,
    b_deterministic: bool = False,
    overlap: float = 0.0,
    level: float = 0.95,
    design: Design = PLAIN,
    usual: float = 0.0,
) -> Interval:
    """Mean of B - A, paired on rows and seeds; A, B (S, n) in the same order of rows and of seeds.

    A side declared deterministic is used for every seed of the other; a trained one never is.
    Scores of 0 and 1 keep the limits within -1..1.
    """
    A, B = matrix(A), matrix(B)
    D = paired(A, B, a_deterministic=a_deterministic, b_deterministic=b_deterministic)
    unit = bool(np.isin(A, (0, 1)).all() and np.isin(B, (0, 1)).all())
    return interval_of(
        D,
        overlap=overlap,
        deterministic=a_deterministic and b_deterministic,
        level=level,
        unit=unit,
        design=design,
        usual=usual,
    )


def interval_of(
    D: np.ndarray,
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    level: float = 0.95,
    unit: bool | None = None,
    design: Design = PLAIN,
    usual: float = 0.0,
) -> Interval:
    """Mean of differences D (S, n) as `paired` gives them. unit: of scores of 0 and 1, so within
    -1..1; None: as it looks.
    """
    D = matrix(D)
    S, n = D.shape
    unit = bool(np.isin(D, (-1, 0, 1)).all()) if unit is None else unit
    c = crossed(D, overlap=overlap, design=design, usual=usual)
    h = c.half_width_at_tail((1 - level) / 2)
    low, high = c.mean - h, c.mean + h
    if unit:
        if abs(c.mean) == 1:
            h = unseen(c.n, (1 - level) / 2)
        low, high = max(c.mean - h, -1.0), min(c.mean + h, 1.0)
    notes = seed_notes(S, deterministic) + ((IDENTICAL,) if not D.any() else ())
    return Interval(c.mean, low, high, S, n, notes)


def p_value(
    D: np.ndarray,
    *,
    overlap: float = 0.0,
    centre: float | None = None,
    design: Design = PLAIN,
    usual: float = 0.0,
) -> float:
    """Smallest alpha whose crossed interval of D (S, n) leaves out 0; from 1e-16 to 1. Two-sided.

    centre: the difference itself where it is not the mean of D (macro-F1 and its pseudo-values).
    """
    return p_of(crossed(D, overlap=overlap, design=design, usual=usual), centre)


def p_of(c: Crossed, centre: float | None = None) -> float:
    """As `p_value`, of variances that are known already."""
    m = abs(c.mean if centre is None else centre)
    if m == 0 or c.n < 2:
        return 1.0
    if (
        c.half_width() == 0
    ):  # the same difference on every row: the exact sign test, since no spread was seen
        return max(2.0 ** (1 - c.n), SMALLEST_P)

    def excess(log_alpha: float) -> float:
        return c.half_width_at_tail(np.exp(log_alpha) / 2) - m

    smallest = np.log(SMALLEST_P)
    if excess(smallest) < 0:
        return SMALLEST_P
    return float(np.exp(optimize.bisect(excess, smallest, 0.0, xtol=1e-10)))


def equivalence_margin(
    D: np.ndarray,
    *,
    overlap: float = 0.0,
    centre: float | None = None,
    alpha: float = 0.05,
    design: Design = PLAIN,
    usual: float = 0.0,
) -> float:
    """Smallest margin within which the two sides of D (S, n), scores of 0..1, are shown to be as
    good as each other.

    Two one-sided tests at alpha (Schuirmann 1987). Where no row ever differed, up to `1 -
    alpha**(1/n)` of rows not seen
    still may. centre: as in `p_value`. Fewer than 3 seeds: it holds for these trained models only.
    """
    c = crossed(D, overlap=overlap, design=design, usual=usual)
    h = c.half_width_at_tail(alpha)
    return abs(c.mean if centre is None else centre) + (h if h > 0 else 1 - alpha ** (1 / c.n))


def loss_at_most(
    D: np.ndarray,
    *,
    overlap: float = 0.0,
    alpha: float = 0.025,
    design: Design = PLAIN,
    usual: float = 0.0,
) -> float:
    """Upper limit of what is lost, D (S, n) being scores of 0..1 of the cheaper side minus those of
    the other: one-sided at alpha.

    Under a margin, the cheaper side is shown not to be worse by more than that (non-inferiority;
    Blackwelder 1982).
    """
    c = crossed(D, overlap=overlap, design=design, usual=usual)
    h = c.half_width_at_tail(alpha)
    return -c.mean + (h if h > 0 else 1 - alpha ** (1 / c.n))


def equivalent(D: np.ndarray, margin: float, *, overlap: float = 0.0, alpha: float = 0.05) -> bool:
    """Whether the mean of D (S, n) is shown to lie within -margin..margin; False says nothing."""
    return equivalence_margin(D, overlap=overlap, alpha=alpha) < margin


def exceeds(
    D: np.ndarray,
    *,
    tail: float = 0.025,
    overlap: float = 0.0,
    design: Design = PLAIN,
    usual: float = 0.0,
) -> bool:
    """Whether the mean of D (S, n) is above 0 by more than chance allows, one-sided at `tail`;
    without any spread, by the sign test.
    """
    c = crossed(D, overlap=overlap, design=design, usual=usual)
    h = c.half_width_at_tail(tail)
    return bool(c.mean > h) if h > 0 else bool(c.mean > 0 and tail > 2.0**-c.n)


def unseen(n: int, tail: float) -> float:
    """Half-width for a difference of 1 on every row: no spread was seen, but rows not seen may
    differ the other way.
    """
    return 2 - 2 * wilson_at(1.0, n, t_quantile(tail, n - 1))[0]


def paired(
    A: np.ndarray, B: np.ndarray, *, a_deterministic: bool = False, b_deterministic: bool = False
) -> np.ndarray:
    """B - A (S, n). A deterministic side stands for every seed; two trained sides must have the
    same seeds.
    """
    A = one_row(matrix(A)) if a_deterministic else matrix(A)
    B = one_row(matrix(B)) if b_deterministic else matrix(B)
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"The two sides have {A.shape[1]} and {B.shape[1]} rows: they must be the same test"
            " rows."
        )
    if len(A) != len(B) and not a_deterministic and not b_deterministic:
        raise ValueError(
            f"The two trained sides have {len(A)} and {len(B)} seeds: hand in the seeds they share."
        )
    return B - A


def matrix(Y: np.ndarray) -> np.ndarray:
    """Y as (S, n) float64, at least one of each; one seed may come as (n,)."""
    Y = np.atleast_2d(np.asarray(Y, dtype=float))
    if Y.ndim != 2 or not Y.size:
        raise ValueError(f"Scores must be (seeds, rows) with at least one of each, not {Y.shape}.")
    if not np.isfinite(Y).all():
        raise ValueError(
            "Scores must be finite: a failed run has no scores and is left out before."
        )
    return Y


def one_row(Y: np.ndarray) -> np.ndarray:
    """The one row of a strategy without seeds (1, n), however often it was repeated."""
    if not (Y == Y[0]).all():
        raise ValueError(
            "A strategy said to be deterministic has scores that differ between seeds."
        )
    return Y[:1]


def credit_interval(
    Y: np.ndarray,
    few: Sequence[str],
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    level: float = 0.95,
    design: Design = PLAIN,
) -> Interval:
    """Mean of Y (S, n), parts of credit from 0 to 1, with limits within 0..1.

    Args:
        few: notes that hardly any row ever lacked credit, or ever had any: the variance of those
            rows is hardly known. A mean of scores within 0..1 varies at most as a share does, so
            the interval is then no narrower than Wilson's of a share of that size.
    """
    found = score_interval(
        Y, overlap=overlap, deterministic=deterministic, level=level, design=design
    )
    low, high = max(found.low, 0.0), min(found.high, 1.0)
    if few or low == high:
        t = t_quantile((1 - level) / 2, design.rows_df(found.n))
        wide = wilson_at(min(max(found.value, 0.0), 1.0), design.units(found.n), t)
        low, high = min(low, wide[0]), max(high, wide[1])
    return replace(found, low=low, high=high, notes=(*found.notes, *few))
