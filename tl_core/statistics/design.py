"""Sampling design of a study's scores: rows that belong together, and how much draws usually vary.

Rows of one group (a conversation, an author) are no independent witnesses, so intervals count
groups, not rows. A mean over rows is a ratio of sums over groups; its linear form per group gives
the cluster-robust variance (Liang & Zeger 1986; for one draw and groups of any size it equals
statsmodels' `cov_type="cluster"`). Groups of unequal size make that variance too small and its
quantile too short; both are corrected as Bell & McCaffrey (2002) do, for rows of one group that
agree fully, which is the worst case.

With three draws the spread between draws is known so badly that hardly anything could be shown.
Smyth (2004) moderates such
variances: each is pulled towards a common one, with a weight that is estimated from how alike they
    are.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, special

# Standard deviation of accuracy between draws of k labels a class, .085 / sqrt(k): .03 at 8 and
# .011 at 64, the medians over six data sets in Tunstall et al. 2022 (table 2: SetFit, 8 and 64
# labels); Gao et al. 2021 (table 3: fine-tuning, 16 labels) have a median of .039 where this says
# .021. It is a start, which the draws of the study itself soon outweigh.
USUAL_SD_OF_ONE = 0.085
SMALLEST_SD = 0.003  # of first weights and order alone, when all rows are trained on
USUAL_DF = 4.0  # degrees of freedom that a usual spread is worth where nothing else is known
USUAL_CELLS = (
    4.0  # lines of a study as much as which that is trusted, when it is asked how alike spreads are
)
USUAL_LEVEL_CELLS = 0.5  # and when it is asked how large they are
MOST_DF = 40.0
OUTLYING = 0.3  # tail probability below which a variance is taken, bit by bit, to be one of its own
# of two rows of one group, where a study is still to be run (surveys commonly see .01 to .2)
CORRELATION = 0.1


@dataclass(frozen=True)
class Groups:
    """The groups of rows that belong together; at least one group has more than one row.

    df: degrees of freedom of a variance between groups. lift: what that variance is multiplied by
        to be right in the mean.
    """

    of: np.ndarray  # (n,) number of each row's group, 0..G-1
    sizes: np.ndarray  # (G,)
    df: float
    lift: float

    @property
    def count(self) -> int:
        """Return the number of groups, G."""
        return len(self.sizes)

    def collapse(self, D: np.ndarray) -> np.ndarray:
        """(S, G) one value a group from scores (S, n), with the same mean in every seed."""
        mean = D.mean(1, keepdims=True)
        off = D - mean
        sums = np.stack([np.bincount(self.of, row, minlength=self.count) for row in off])
        return mean + sums * (self.count / len(self.of))

    def subset(self, rows: np.ndarray) -> Groups | None:
        """Return the groups of some of the rows, by position or as a mask."""
        return groups_of(self.of[rows].tolist())


def groups_of(names: Sequence[Hashable | None]) -> Groups | None:
    """Groups by the names of the rows' groups; None means a row on its own. None where every
    row is on its own.
    """
    known: dict[Hashable, int] = {}
    of = np.array(
        [
            known.setdefault(("alone", i) if name is None else ("group", name), len(known))
            for i, name in enumerate(names)
        ],
        dtype=int,
    )
    if len(known) == len(of):
        return None
    sizes = np.bincount(of).astype(float)
    return Groups(of, sizes, *_unequal(sizes))


def _unequal(sizes: np.ndarray) -> tuple[float, float]:
    """(df, lift) of the sum of squares of n_g (u_g - mean), u_g of equal variance: its first two
    moments (Satterthwaite).
    """
    G, w = len(sizes), sizes / sizes.sum()
    if G < 2:
        return 0.0, 1.0
    W2 = float((w**2).sum())
    # M = B B', B = diag(w) (I - 1 w'): M[g, h] = w_g w_h ([g == h] - w_g - w_h + W2)
    diagonal = w**2 * (1 - 2 * w + W2)
    trace = float(diagonal.sum())
    # sum of squares of all entries, without making the G x G matrix
    # the sum of M's squared entries in O(G): first as if there were no [g == h], then the diagonal
    # fixed
    w3, w4 = float((w**3).sum()), float((w**4).sum())
    squares = W2**2 * W2**2 + 2 * W2 * w4 + 2 * w3**2 - 4 * W2 * W2 * w3
    squares += float((w**4 * ((1 + W2 - 2 * w) ** 2 - (W2 - 2 * w) ** 2)).sum())
    return trace**2 / squares, max(W2 * (G - 1) / (G * trace), 1.0)


@dataclass(frozen=True)
class Spread:
    """The variance between draws, pooled over a study's lines: `level` times the usual one, with
    `df` degrees of freedom.
    """

    level: float
    df: float

    def moderate(self, seen: float, usual: float, S: int) -> tuple[float, float]:
        """(variance between draws, its degrees of freedom) from the variance seen over S draws and
        the usual one (Smyth 2004).

        One that lies far above what the others say keeps more of its own (after Phipson et al.
        2016): an unsteady arm must not borrow the calm of steady ones.
        """
        common = self.level * usual
        tail = float(special.fdtrc(S - 1, self.df, seen / common)) if common > 0 else 1.0
        borrowed = self.df * min(1.0, tail / OUTLYING)
        df = borrowed + S - 1
        return (borrowed * common + (S - 1) * seen) / df, df


def usual_variance(shots: float) -> float:
    """Return the variance of accuracy (0..1) between draws of `shots` labels a class; 0 shots:
    none.
    """
    return max(USUAL_SD_OF_ONE**2 / shots, SMALLEST_SD**2) if shots else 0.0


def pooled_spread(
    seen: Sequence[float], usual: Sequence[float], S: Sequence[int], independent: float
) -> Spread:
    """Common level of variances and how closely they keep to it, by the moments of their logarithms
    (Smyth 2004, 6.2).

    Args:
        seen, usual: variances between draws of each line, and what they would be usually, rest of
        rows included.
        S: draws of each line, 2 or more.
        independent: as how many independent lines they count for the second question; lines share
            rows and draws.
    """
    d = np.asarray(S, float) - 1
    ratio = np.asarray(seen, float) / np.maximum(np.asarray(usual, float), 1e-12)
    if not len(ratio) or not (ratio > 0).any():
        return Spread(1.0, USUAL_DF)
    ratio = np.maximum(
        ratio, 1e-3 * np.median(ratio[ratio > 0])
    )  # no spread at all is luck, and has no logarithm
    e = np.log(ratio) - special.digamma(d / 2) + np.log(d / 2)
    unlike = (
        float(np.maximum(e.var(ddof=1) - special.polygamma(1, d / 2).mean(), 0))
        if len(e) > 1
        else 0.0
    )
    usually = float(special.polygamma(1, USUAL_DF / 2))
    scatter = (USUAL_CELLS * usually + independent * unlike) / (USUAL_CELLS + independent)
    df = min(2 * _inverse_trigamma(scatter), MOST_DF)
    mean = float(e.sum()) / (len(e) + USUAL_LEVEL_CELLS)
    return Spread(float(np.exp(mean + special.digamma(df / 2) - np.log(df / 2))), df)


def _inverse_trigamma(value: float) -> float:
    return float(optimize.brentq(lambda x: special.polygamma(1, x) - value, 1e-3, 1e3))


@dataclass(frozen=True)
class Design:
    """The sampling design of test rows and draws.

    Without anything: rows one by one, and every spread for itself.
    """

    groups: Groups | None = None
    spread: Spread | None = None

    def units(self, n: int) -> int:
        """Independent test rows or groups of them."""
        return self.groups.count if self.groups else n

    def rows_df(self, n: int) -> float:
        """Degrees of freedom of a variance between them."""
        return self.groups.df if self.groups else n - 1

    def subset(self, rows: np.ndarray) -> Design:
        """The same for some of the test rows, by position or as a mask."""
        return replace(self, groups=self.groups and self.groups.subset(rows))


PLAIN = Design()


def design_effect(sizes: np.ndarray, correlation: float = CORRELATION) -> float:
    """Return by how much groups of these sizes enlarge the variance of a mean over rows (Kish
    1965).
    """
    sizes = np.asarray(sizes, float)
    return float(1 + ((sizes**2).sum() / sizes.sum() - 1) * correlation)
