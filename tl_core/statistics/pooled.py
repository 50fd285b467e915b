"""Intervals of scores that are of all rows together, as an F1 is: rows enter through the jackknife
(Tukey 1958).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from tl_core.statistics.crossed import crossed, t_quantile
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import Interval, seed_notes, wilson_at


def pseudo_values(counts: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(S, n) jackknife pseudo-values n F - (n - 1) F without row i.

    Args:
        counts: (S, n, K) what each row adds to the sums that the score is made of.
        score: of (..., K) sums.
    """
    n, total = counts.shape[1], counts.sum(1)
    return n * score(total)[:, None] - (n - 1) * score(total[:, None] - counts)


def pooled_interval(
    values: np.ndarray,
    pseudo: np.ndarray,
    *,
    overlap: float = 0.0,
    deterministic: bool = False,
    level: float = 0.95,
    design: Design = PLAIN,
    usual: float = 0.0,
) -> Interval:
    """The mean score over seeds, with limits within 0..1: symmetric on the logit scale, by the
    delta method, because a score near an end has more room on one side. On the scale itself 91% of
    intervals held the truth where F1 was .96 of 100 texts, and 96% do so.

    Args:
        values: (S,) scores. pseudo: (S, n) what rows add to each. The others: see `crossed`.
    """
    if deterministic:
        values, pseudo = values[:1], pseudo[:1]
    seeds, n = pseudo.shape
    value, tail = float(values.mean()), (1 - level) / 2
    h = crossed(pseudo, overlap=overlap, design=design, usual=usual).half_width_at_tail(tail)
    if h == 0:  # all is right, or nothing: treat it as a share of rows
        low, high = wilson_at(value, design.units(n), t_quantile(tail, design.rows_df(n)))
    elif 0 < value < 1:
        middle, room = float(special.logit(value)), h / (value * (1 - value))
        low, high = (float(special.expit(middle + side * room)) for side in (-1, 1))
    else:
        low, high = max(value - h, 0.0), min(value + h, 1.0)
    return Interval(value, low, high, seeds, n, seed_notes(seeds, deterministic))
