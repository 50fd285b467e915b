"""Two trained models on the same test rows, one run each. The result holds for these two
models, not for the methods: another seed would give two others. Methods are compared by
`crossed.p_value`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special


@dataclass(frozen=True)
class McNemar:
    """Rows only one of the two has right, and the chance of a split as uneven were both as good
    (McNemar 1947).
    """

    only_a: int
    only_b: int
    exact: float  # two-sided; conservative
    mid_p: float  # half the chance of the very split seen is taken off (Fagerland et al. 2013)


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> McNemar:
    """right_a, right_b: (n,) of 0 and 1, the same rows in the same order."""
    a, b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"Both must be (n,) on the same rows, not {a.shape} and {b.shape}.")
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    n, less = only_a + only_b, min(only_a, only_b)
    if only_a == only_b:
        return McNemar(only_a, only_b, 1.0, 1.0)
    so_few = float(special.bdtr(less, n, 0.5))
    fewer = float(special.bdtr(less - 1, n, 0.5)) if less else 0.0
    return McNemar(only_a, only_b, 2 * so_few, so_few + fewer)
