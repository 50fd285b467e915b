"""Statistical power of a study before it is run: the difference it would show with a probability of
.8.

Of methods (`detectable_difference`) seeds and rows both count, and more rows never make up for too
few seeds. Of two trained models (`detectable_of_two_models`) only rows do, and the answer holds for
these two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from tl_core.statistics.crossed import matrix, t_quantile
from tl_core.statistics.intervals import wilson

USUAL_DISCORDANCE = 0.2  # share of rows that one of two methods has right and the other wrong


@dataclass(frozen=True)
class Spread:
    """Variances of a difference of two methods: by seed, by row, and of what is left, for one row
    in one seed.
    """

    seed: float
    row: float
    rest: float


def spread_of(D: np.ndarray) -> Spread:
    """Variance components of a pilot's differences D (S >= 2, n >= 2), those below 0 counting
    as 0.
    """
    D = matrix(D)
    S, n = D.shape
    if S < 2 or n < 2:
        raise ValueError(f"A pilot needs 2 seeds and 2 rows or more, not {S} and {n}.")
    d_s, d_i, m = D.mean(1, keepdims=True), D.mean(0), D.mean()
    ms_s, ms_i = n * ((d_s - m) ** 2).sum() / (S - 1), S * ((d_i - m) ** 2).sum() / (n - 1)
    ms_e = ((D - d_s - d_i + m) ** 2).sum() / ((S - 1) * (n - 1))
    return Spread(max(ms_s - ms_e, 0.0) / n, max(ms_i - ms_e, 0.0) / S, ms_e)


def usual_spread(seed_sd: float = 0.02, discordance: float = USUAL_DISCORDANCE) -> Spread:
    """Return the usual spread without a pilot: half of the disagreement is the row's, half chance.

    seed_sd: of the difference, as a share (.02 = 2 points).
    """
    return Spread(seed_sd**2, discordance / 2, discordance / 2)


def detectable_difference(
    S: int, n: int, spread: Spread | None = None, *, level: float = 0.95, power: float = 0.8
) -> float:
    """Difference of two methods found with that power over S seeds and n rows; endless for one seed
    of what varies by seed.

    spread: of a pilot (`spread_of`); without it `usual_spread()`.
    """
    spread = spread or usual_spread()
    tail = (1 - level) / 2
    A, B = spread.seed / S + spread.rest / (S * n), spread.row / n
    if A + B == 0:
        return 0.0
    t = (
        t_quantile(tail, S - 1) + t_quantile(1 - power, S - 1) if A else 0.0
    )  # two prompts have no seeds
    z = -special.ndtri(tail) + special.ndtri(power)
    return float((A * t + B * z) / math.sqrt(A + B))


def detectable_of_two_models(
    n: int, discordance: float, *, level: float = 0.95, power: float = 0.8
) -> float:
    """Difference of two trained models found with that power by mid-p McNemar on n rows (Connor
    1987).

    discordance: share of rows only one of them has right. Endless where no difference so large is
        possible.
    """
    if not 0 < discordance <= 1:
        raise ValueError(f"{discordance} is not a share of rows above 0.")
    z, z_power = -special.ndtri((1 - level) / 2), special.ndtri(power)

    def excess(d: float) -> float:
        return (
            d * math.sqrt(n) - z * math.sqrt(discordance) - z_power * math.sqrt(discordance - d * d)
        )

    if excess(discordance) < 0:
        return math.inf
    return float(optimize.brentq(excess, 0, discordance, xtol=1e-12))


def wilson_half_width(share: float, n: int, level: float = 0.95) -> float:
    """Half the width of the interval of a share of n rows, before they are seen."""
    low, high = wilson(share * n, n, level)
    return (high - low) / 2


def needed(target: float, sizes: Sequence[int], detectable: Callable[[int], float]) -> int | None:
    """The first of `sizes` at which the detectable difference is no larger than the target; None
    where it never is.
    """
    return next((size for size in sizes if detectable(size) <= abs(target)), None)
