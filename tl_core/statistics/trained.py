"""Whether training took hold: what a run answers on the rows it was trained on, against always answering the same."""

from __future__ import annotations

import math

import numpy as np

Z = 1.645  # one-sided 95 %


def collapsed(gold: np.ndarray, decided: np.ndarray) -> bool:
    """Whether the answers on its own training rows are no better than one answer for all of them, beyond what chance explains.

    With b decisions that only the run has right and c that only the constant answer has right, b - c must exceed both
    zero and 1.645 sqrt(b + c), its spread if the two were equally good (McNemar 1947). On a handful of rows nobody
    exceeds that, so half of what can be gained is always enough.

    Args:
        gold: (n,) positions, one label per row; or (n, C) bool, where every label is a decision of its own.
        decided: likewise.
    """
    if gold.ndim == 1:
        constant = gold == np.bincount(gold).argmax()
    else:
        constant = gold == (2 * gold.sum(0) > len(gold))
    right = gold == decided
    b, c = int((right & ~constant).sum()), int((~right & constant).sum())
    possible = int((~constant).sum())
    if not possible:  # all rows are alike: there is nothing to learn
        return False
    return b - c <= 0 or (b - c <= Z * math.sqrt(b + c) and 2 * (b - c) < possible)
