"""Logistic regressions on the same rows: at several strengths, and without a part of the rows.

What is minimised is what scikit-learn's LogisticRegression minimises, summed log loss + 1 / (2 C)
|weights|^2 with a free intercept, by scipy's L-BFGS. Ours is what makes dozens of such fits cheap:
rows are centred and turned to their principal directions once, each direction is scaled by the
curvature that the loss has along it (Boehning 1992 bounds it), so that few steps lead to the
optimum, and a fit starts from one at another strength. Of fewer rows than features there are as
many directions as rows, words and characters included.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from tl_core.statistics.one_thread import eigh, one_thread

# directions are worth finding: an eigenproblem of 2,048 takes about two seconds, of 384 0.05
MOST_DIRECTIONS = 2048
SPARSE_ROWS = 1024  # above, a sparse matrix is multiplied as it is
FLOAT64_CELLS = 2**18  # larger matrices stay in the number format they come in
# (rows x directions x labels) below which a second thread costs more than it does: OpenBLAS's
# threads wait for each other for 8 ms where one alone is done in 1.3 ms
ONE_THREAD = 2**28
CHUNK_CELLS = 2**21  # of (rows, labels) worked on at a time: memory does not grow with rows
MOST_STEPS = 500
# of the loss, relative, from one step to the next: about five digits of a probability
TOLERANCE = 1e-10
UNTURNED = 1e-8  # of rows as they come, whose last digits take most of the steps
ROUGH = 1e-7  # where only the larger of two accuracies is asked for


@dataclass(frozen=True)
class Regression:
    """One fit, in the coordinates of its `Rows`."""

    inner: np.ndarray  # (r, C)
    bias: np.ndarray  # (C,) of centred rows


# (logits, positions of the rows) -> summed loss, (rows, C) its slope; may work in place
Loss = Callable[[np.ndarray, slice], tuple[float, np.ndarray]]


class Rows:
    """(n, d) features, dense or sparse, made ready for many fits on them or on parts of them."""

    def __init__(self, features: Any, *, intercept: bool = True):
        from scipy.sparse import issparse

        self.sparse = issparse(features)
        self.intercept = intercept
        n, d = features.shape
        self._features, self.width = features, d
        if not self.sparse and n * d <= FLOAT64_CELLS:
            features = np.asarray(features, dtype=np.float64)
        self._mean = np.zeros(d)
        if intercept:
            self._mean = np.asarray(features.mean(0), dtype=np.float64).ravel()
        self._turn: np.ndarray | None = None  # (d, r), or (n, r) where rows are what is turned
        self._by_rows = self.sparse or n < d
        fits = n <= SPARSE_ROWS if self.sparse else min(n, d) <= MOST_DIRECTIONS
        if not fits:
            # not centred: a sparse matrix would fill up
            self.scales = np.full(d, _mean_square(features))
            self.inner = features.astype(np.float32)  # half the time of such a product
            self._mean = np.zeros(d)
        elif self._by_rows:
            self._by_gram(features, n)
        else:
            self._by_covariance(features)

    def _by_gram(self, features: Any, n: int) -> None:
        gram = features @ features.T
        gram = np.asarray(gram.todense() if self.sparse else gram, dtype=np.float64)
        if self.intercept:
            gram = gram - gram.mean(0) - gram.mean(1)[:, None] + gram.mean()
        squares, turn = eigh(gram)
        kept = squares > max(squares[-1], 0.0) * 1e-12 if n else squares > 0
        squares, turn = squares[kept], turn[:, kept]
        self.scales = squares / max(n, 1)
        self.inner = turn * np.sqrt(squares)
        self._turn = turn / np.sqrt(squares)

    def _by_covariance(self, features: np.ndarray) -> None:
        covariance = (features.T @ features).astype(np.float64) / len(features)
        squares, turn = eigh(covariance - np.outer(self._mean, self._mean))
        self.scales = np.maximum(squares, 0.0)
        self.inner = (features - self._mean.astype(features.dtype)) @ turn.astype(features.dtype)
        self._turn = turn

    def outside(self, found: Regression) -> tuple[np.ndarray, np.ndarray]:
        """((C, d), (C,)): weights and intercepts for features as they came."""
        if self._turn is None:
            return found.inner.T, found.bias
        turned = self._turn @ found.inner
        if self._by_rows:
            centred = turned - turned.mean(0) if self.intercept else turned
            turned = np.asarray(self._features.T @ centred)
        return turned.T, found.bias - self._mean @ turned

    def logits(self, found: Regression, rows: np.ndarray) -> np.ndarray:
        """(m, C) of some of the rows, by mask or positions."""
        return np.asarray(self.inner[rows] @ found.inner) + found.bias

    def softmax(
        self,
        gold: np.ndarray,
        strength: float,
        *,
        rows: np.ndarray | None = None,
        start: Regression | None = None,
        offset: np.ndarray | None = None,
        tolerance: float = TOLERANCE,
    ) -> Regression:
        """Every row shares one certainty among C labels.

        Args:
            gold: (n, C) shares of the labels, which sum to 1; every label has some.
            strength: scikit-learn's C.
            rows: (n,) mask of the rows to fit on; None: all.
            start: a fit to start from.
            offset: (n, C) logits to begin with, which the fit adds to.
        """
        gold, offset = _of(gold, rows), _of(offset, rows)
        shares = gold.mean(0)

        def loss(logits: np.ndarray, part: slice) -> tuple[float, np.ndarray]:
            target = gold[part]
            top = logits.max(1, keepdims=True)
            chances = np.exp(logits - top)
            total = chances.sum(1, keepdims=True)
            value = float(np.log(total).sum() + top.sum() - (logits * target).sum())
            chances /= total
            chances -= target
            return value, chances

        return self._solved(loss, shares * (1 - shares), strength, rows, start, offset, tolerance)

    def yes_no(
        self,
        carried: np.ndarray,
        strength: float,
        *,
        balanced: bool = False,
        rows: np.ndarray | None = None,
        start: Regression | None = None,
        tolerance: float = TOLERANCE,
    ) -> Regression:
        """Each of C columns is a question of its own.

        Args:
            carried: (n, C) bool, neither all nor none of a column.
            balanced: rows that carry a label weigh as much together as those that do not.
        """
        carried = _of(carried, rows)
        many = carried.sum(0)
        weights = np.ones((2, carried.shape[1]))
        if balanced:
            weights = len(carried) / 2 / np.stack([len(carried) - many, many])

        def loss(logits: np.ndarray, part: slice) -> tuple[float, np.ndarray]:
            target = carried[part]
            weight = np.where(target, weights[1], weights[0])
            signed = np.where(target, -logits, logits)
            value = float((weight * np.logaddexp(0, signed)).sum())
            slope = weight * np.exp(-np.logaddexp(0, -signed))
            return value, np.where(target, -slope, slope)

        shares = many / len(carried)
        curvature = shares * (1 - shares) * 2 * (weights[0] * (1 - shares) + weights[1] * shares)
        return self._solved(
            loss, np.minimum(curvature, 0.25), strength, rows, start, None, tolerance
        )

    def _solved(
        self,
        loss: Loss,
        curvature: np.ndarray,
        strength: float,
        rows: np.ndarray | None,
        start: Regression | None,
        offset: np.ndarray | None,
        tolerance: float,
    ) -> Regression:
        """
        Args:
            curvature: (C,) of the loss of a row along each logit, about.
        """
        from scipy.optimize import minimize

        inner = _of(self.inner, rows)
        n, width, labels = inner.shape[0], inner.shape[1], len(curvature)
        curvature = np.maximum(curvature, 1e-3)
        # the change of variables that makes the problem about round
        scale = 1 / np.sqrt(n * curvature * self.scales[:, None] + 1 / strength)
        bias_scale = 1 / np.sqrt(n * curvature)

        def loss_and_slope(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weight = flat[: width * labels].reshape(width, labels) * scale
            bias = flat[width * labels :] * bias_scale if self.intercept else np.zeros(labels)
            value, slope, by_bias = _summed(loss, inner, weight, bias, offset)
            value += float((weight**2).sum() / (2 * strength))
            found = ((slope + weight / strength) * scale).ravel()
            return value, np.r_[found, by_bias * bias_scale] if self.intercept else found

        begin = np.zeros(width * labels + (labels if self.intercept else 0))
        if start is not None:
            begin[: width * labels] = (start.inner / scale).ravel()
            if self.intercept:
                begin[width * labels :] = start.bias / bias_scale
        with one_thread() if n * width * labels < ONE_THREAD else nullcontext():
            found = minimize(
                loss_and_slope,
                begin,
                jac=True,
                method="L-BFGS-B",
                options={
                    "maxiter": MOST_STEPS,
                    "ftol": max(tolerance, UNTURNED if self._turn is None else 0.0),
                    "gtol": 1e-6,
                },
            ).x
        return Regression(
            found[: width * labels].reshape(width, labels) * scale,
            found[width * labels :] * bias_scale if self.intercept else np.zeros(labels),
        )


def _summed(
    loss: Loss, inner: Any, weight: np.ndarray, bias: np.ndarray, offset: np.ndarray | None
) -> tuple[float, np.ndarray, np.ndarray]:
    """The loss of all rows, and its slope by weight (r, C) and by bias (C,); a part of the rows at
    a time.
    """
    value, slope, by_bias = 0.0, np.zeros(weight.shape), np.zeros(bias.shape)
    size = max(1, CHUNK_CELLS // len(bias))
    for begin in range(0, inner.shape[0], size):
        part = slice(begin, begin + size)
        logits = np.asarray(inner[part] @ weight.astype(inner.dtype, copy=False), float) + bias
        if offset is not None:
            logits += offset[part]
        more, by_logit = loss(logits, part)
        value += more
        slope += np.asarray(inner[part].T @ by_logit.astype(inner.dtype, copy=False))
        by_bias += by_logit.sum(0)
    return value, slope, by_bias


def _of(array: Any, rows: np.ndarray | None) -> Any:
    return array if rows is None or array is None else array[rows]


def _mean_square(features: Any) -> float:
    squares = features.multiply(features) if hasattr(features, "multiply") else features**2
    return float(squares.mean())
