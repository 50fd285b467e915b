"""Split of one row of numbers into two groups, without knowing which number belongs to which."""

from __future__ import annotations

import numpy as np


def otsu_cut(values: np.ndarray) -> float | None:
    """The cut that leaves least variance inside the two groups it makes, halfway between the two
    numbers alongside it (Otsu 1979).

    It finds two groups even where there is one, and leans towards groups of like size. None where
    all numbers are equal.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if len(ordered) < 2 or ordered[0] == ordered[-1]:
        return None
    n, total = len(ordered), ordered.sum()
    below = np.arange(1, n)
    sums = np.cumsum(ordered)[:-1]
    between = below * (n - below) * (sums / below - (total - sums) / (n - below)) ** 2
    between[ordered[1:] == ordered[:-1]] = -1.0  # equal numbers stay together
    best = int(between.argmax())
    return float((ordered[best] + ordered[best + 1]) / 2)
