"""Whether training took hold: what a run answers on the rows it was trained on, against always
answering the same.
"""

from __future__ import annotations

import math

import numpy as np

Z = 1.645  # one-sided 95%


def collapsed(gold: np.ndarray, decided: np.ndarray) -> bool:
    """Whether the answers on its own training rows are no better than one answer for all of them,
    beyond what chance explains.

    With b decisions that only the run has right and c that only the constant answer has right, b -
    c must exceed both zero and 1.645 sqrt(b + c), its spread if the two were equally good (McNemar
    1947). On a handful of rows no one exceeds that, so half of what can be gained is always enough.

    Args:
        gold: (n,) positions, one label per row. decided: likewise.
    """
    constant = gold == np.bincount(gold).argmax()
    right = gold == decided
    b, c = int((right & ~constant).sum()), int((~right & constant).sum())
    possible = int((~constant).sum())
    if not possible:  # all rows are alike: there is nothing to learn
        return False
    return b - c <= 0 or (b - c <= Z * math.sqrt(b + c) and 2 * (b - c) < possible)


def ranks_nothing(gold: np.ndarray, scores: np.ndarray) -> bool:
    """The same with many labels, whatever the cuts: whether each label's likeliest rows carry it no
    more often than any rows would.

    Of each label as many rows are looked at as carry it. Their hits, over all labels, must exceed
    what chance gives by more than 1.645 times its spread (hypergeometric); half of what can be
    gained is always enough here too.

    Args:
        gold: (n, C) bool. scores: (n, C); rows of equal score share what is left.
    """
    n = len(gold)
    hits = expected = variance = possible = 0.0
    for carried, score in zip(gold.T, scores.T, strict=True):
        rows = int(carried.sum())
        if rows in (0, n):
            continue
        last = np.partition(score, n - rows)[n - rows]
        above, level = score > last, score == last
        hits += float((above & carried).sum() + (rows - above.sum()) * carried[level].mean())
        share = rows / n
        expected += rows * share
        variance += rows * share * (1 - share) * (n - rows) / max(1, n - 1)
        possible += rows * (1 - share)
    gained = hits - expected
    return possible > 0 and (
        gained <= 0 or (gained <= Z * math.sqrt(variance) and 2 * gained < possible)
    )
