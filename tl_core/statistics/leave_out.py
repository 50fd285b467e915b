"""Choosing the strength of a ridge probe inside k labels per class, without refitting: one row of
every class left out at a time.

Leaving out one row alone makes its class the minority, and a probe on noise then scores 0%. Blocks
of one row per class
keep the balance: 50% on noise with two classes. With one row per class nothing can be chosen. The
score of the winner is optimistic and no measure of how good it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tl_core.statistics.one_thread import one_thread


def ridge_hat(X: np.ndarray, strength: float) -> np.ndarray:
    """(n, n) that makes fitted values of targets: ridge on X (n, d) with an intercept that is not
    shrunk.
    """
    centred = X - X.mean(0)
    gram = centred @ centred.T  # X'(XX' + l)^-1 in rows, since there are fewer rows than columns
    with one_thread():
        return 1 / len(X) + np.linalg.solve(gram + strength * np.eye(len(X)), gram)


def block_residuals(hat: np.ndarray, Y: np.ndarray, block: np.ndarray) -> np.ndarray:
    """(n, C) targets Y minus what a fit without the row's block says: (I - H_BB)^-1 (Y - HY)_B,
    exact. block (n,).
    """
    residuals, out = Y - hat @ Y, np.empty(Y.shape)
    for b in np.unique(block):
        rows = np.flatnonzero(block == b)
        out[rows] = np.linalg.solve(np.eye(len(rows)) - hat[np.ix_(rows, rows)], residuals[rows])
    return out


def blocks(gold: np.ndarray) -> np.ndarray:
    """(n,) block of each row: its place among the rows of its label, so that a block holds one of
    each.
    """
    gold = np.asarray(gold)
    out = np.empty(len(gold), int)
    for label in np.unique(gold):
        rows = np.flatnonzero(gold == label)
        out[rows] = np.arange(len(rows))
    return out


def choose_strength(X: np.ndarray, gold: np.ndarray, strengths: Sequence[float]) -> float | None:
    """Return the strength with the best block accuracy; where equal, the least squared error; where
    equal, the largest.

    X (n, d), gold (n,) int. None with one row of some label: use the default.
    """
    gold = np.asarray(gold)
    if np.bincount(gold)[np.unique(gold)].min() < 2:
        return None
    Y, block = (gold[:, None] == np.unique(gold)).astype(float), blocks(gold)
    label = Y.argmax(1)

    def worth(strength: float) -> tuple[float, float, float]:
        residuals = block_residuals(ridge_hat(X, strength), Y, block)
        return (
            float(((Y - residuals).argmax(1) == label).mean()),
            -round(float((residuals**2).sum()), 9),
            strength,
        )

    return max(strengths, key=worth)
