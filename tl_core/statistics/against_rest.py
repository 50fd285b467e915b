"""Groups of test rows compared with all other rows: is an arm better or worse there?

Groups may be picked by anything that is known of a row without its answers. The test is that of two
means with one variance, that of all rows (for shares: Pearson's chi-square), because the variance
inside a small group that is all right is no variance at all; seeds count as in `crossed`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.statistics.crossed import Crossed, matrix, one_row, overlap_factor
from tl_core.statistics.design import PLAIN, Design, Groups

# rows times variance: with less, the tails of a share are not those of a mean (Cochran 1954)
EXPECTED = 5.0


@dataclass(frozen=True)
class AgainstRest:
    """The mean of a score in a group and in the rows outside, and the difference inside - outside
    with its variances.
    """

    inside: float
    outside: float
    difference: Crossed


def against_rest(
    Y: np.ndarray,
    groups: np.ndarray,
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    design: Design = PLAIN,
) -> list[AgainstRest | None]:
    """Test each group against the rest; None where the group or the rest is too small for the score
    to be tested.

    Args:
        Y: (S, n) any score of a row or difference of two. overlap, deterministic: as in
            `crossed.mean_interval`.
        groups: (K, n) bool.
        design: where rows belong together, the variance of rows is the larger of that of all rows
            and the cluster-robust one of the difference, which knows whether the rows of a group
            come together.
    """
    Y = matrix(Y)
    Y = one_row(Y) if deterministic else Y
    S, n = Y.shape
    members = np.asarray(groups, np.float32)
    size = members.sum(1, dtype=float)  # (K,)
    sums = (Y.astype(np.float32) @ members.T).astype(float)  # (S, K)
    all_rows, spread = Y.sum(1, keepdims=True), Y.var()
    enough = np.minimum(size, n - size) * spread >= max(EXPECTED, 2 * spread)
    size = np.where(enough, size, n / 2)  # of those left out nothing is reported
    by_seed = sums / size - (all_rows - sums) / (n - size)
    of_rows, left = _row_variances(Y)
    share = 1 / size + 1 / (n - size)
    A = by_seed.var(0, ddof=1) / S * overlap_factor(overlap, S) if S > 1 else np.zeros(len(size))
    B, C = max(of_rows - left / S, 0.0) * share, of_rows * share
    if design.groups:
        robust = _clustered(Y.mean(0), members, size, design.groups)
        B, C = np.maximum(B, robust), np.maximum(C, robust)
    rows = {"rows_df": design.groups.df, "lift": design.groups.lift} if design.groups else {}
    told = zip(
        enough,
        sums.mean(0) / size,
        (all_rows - sums).mean(0) / (n - size),
        by_seed.mean(0).tolist(),
        A.tolist(),
        B.tolist(),
        C.tolist(),
    )
    return [
        AgainstRest(float(inside), float(outside), Crossed(m, a, b, c, S, n, deterministic, **rows))
        if yes
        else None
        for yes, inside, outside, m, a, b, c in told
    ]


def _clustered(y: np.ndarray, members: np.ndarray, size: np.ndarray, groups: Groups) -> np.ndarray:
    """(K,) cluster-robust variance of the difference inside - outside of the rows' means y (n,)."""
    G, n = groups.count, len(y)
    by_group = np.zeros((G, n), np.float32)
    by_group[groups.of, np.arange(n)] = 1
    inside_mean, outside_mean = members @ y / size, (1 - members) @ y / (n - size)
    inside = (by_group @ (members * (y - inside_mean[:, None])).T) / size  # (G, K)
    outside = (by_group @ ((1 - members) * (y - outside_mean[:, None])).T) / (n - size)
    return ((inside - outside) ** 2).sum(0) * G / max(G - 1, 1)


def _row_variances(Y: np.ndarray) -> tuple[float, float]:
    """Return the variances of the means of rows, and of what neither rows nor seeds explain."""
    S, n = Y.shape
    rows = Y.mean(0)
    if S < 2:
        return float(rows.var(ddof=1)), 0.0
    rest = Y - rows - Y.mean(1, keepdims=True) + Y.mean()
    return float(rows.var(ddof=1)), float((rest**2).sum() / ((S - 1) * (n - 1)))
