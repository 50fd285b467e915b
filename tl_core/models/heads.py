"""A linear head on frozen features: logistic regression with its strength chosen inside the labels.

The solver is scikit-learn's; ours is the choice of strength and the fixed column order.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

STRENGTHS = (1.0, 10.0, 100.0)  # scikit-learn's C, on features of unit length
DEFAULT_STRENGTH = 1.0  # best or equal at every k from 1 to 256 on AG News and SST-2
FOLDS = 5
ABSENT = -20.0  # logit of a label without a training row: about 2e-9


@dataclass(frozen=True)
class LinearHead:
    """logits = features @ weight.T + bias; (C, d), (C,), columns in label order."""

    weight: np.ndarray
    bias: np.ndarray
    strength: float

    def logits(self, features) -> np.ndarray:
        """(n, C) float64."""
        return np.asarray(features @ self.weight.T) + self.bias


def softmax(logits: np.ndarray) -> np.ndarray:
    """(n, C) rows that sum to 1."""
    z = np.exp(logits - logits.max(-1, keepdims=True))
    return z / z.sum(-1, keepdims=True)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """(n, C) each between 0 and 1."""
    return np.exp(-np.logaddexp(0, -logits))


def fit_head(features, gold: np.ndarray, n_labels: int, strength: float | None = None, *, balanced: bool = False) -> LinearHead:
    """Fit on (n, d) features, dense or sparse.

    Args:
        gold: (n,) positions, one label per row; or (n, C) bool, any number of labels.
        strength: scikit-learn's C; None, for one label per row, chooses among STRENGTHS by cross-validated accuracy in which
            each fold leaves out rows of every class (leaving out single rows of a balanced sample is biased against their
            class). For any number of labels `tl_core.models.yes_no` chooses.
        balanced: with any number of labels, rows with a label weigh as much together as those without.
    """
    if gold.ndim == 1:
        strength = strength or _chosen(features, gold, n_labels)
        return LinearHead(*_softmax_head(features, gold, n_labels, strength), strength)
    columns = [_yes_no_head(features, gold[:, c], strength, balanced) for c in range(n_labels)]
    return LinearHead(np.stack([w for w, _ in columns]), np.array([b for _, b in columns]), strength)


def _chosen(features, gold: np.ndarray, n_labels: int) -> float:
    folds = _folds(gold)
    if folds is None:
        return DEFAULT_STRENGTH
    right = []
    for strength in STRENGTHS:
        right.append(0.0)
        for fold in range(folds.max() + 1):
            out = folds == fold
            head = fit_head(features[~out], gold[~out], n_labels, strength)
            right[-1] += _right(head.logits(features[out]), gold[out])
    return STRENGTHS[int(np.argmax(right))]  # the first of equals is the most regularised


def _folds(gold: np.ndarray) -> np.ndarray | None:
    """Fold of each row, classes spread evenly; None where some class has a single row."""
    smallest = np.bincount(gold)[np.unique(gold)].min()
    if smallest < 2 or len(gold) < 4:
        return None
    count = min(FOLDS, int(smallest))
    folds = np.empty(len(gold), dtype=np.int64)
    for label in np.unique(gold):
        members = np.flatnonzero(gold == label)
        folds[members] = np.arange(len(members)) % count
    return folds


def _right(logits: np.ndarray, gold: np.ndarray) -> float:
    return float((logits.argmax(1) == gold).sum())


def _softmax_head(features, gold: np.ndarray, n_labels: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    present = np.unique(gold)
    weight, bias = np.zeros((n_labels, features.shape[1])), np.full(n_labels, ABSENT)
    if len(present) == 1:
        bias[present] = 0.0
        return weight, bias
    coef, intercept = _logistic(features, gold, strength)
    if len(present) == 2:  # one column for the second class: half of it each way is the same softmax
        coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    weight[present], bias[present] = coef, intercept
    return weight, bias


def _yes_no_head(features, gold: np.ndarray, strength: float, balanced: bool) -> tuple[np.ndarray, float]:
    if gold.all() or not gold.any():
        return np.zeros(features.shape[1]), float(-ABSENT if gold.all() else ABSENT)
    coef, intercept = _logistic(features, gold, strength, **({"class_weight": "balanced"} if balanced else {}))
    return coef[0], float(intercept[0])


def _logistic(features, gold: np.ndarray, strength: float, **more) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last digits of a regularised fit do not matter
        warnings.filterwarnings("ignore", "The number of unique classes")  # two rows a class are what few shots look like
        model = LogisticRegression(C=strength, max_iter=300, **more).fit(features, gold)
    return model.coef_, model.intercept_


class HeadPredictor:
    """A head on whatever features `features(examples)` yields and returns."""

    def __init__(self, head: LinearHead, target: str, features):
        self.head, self.target, self._features = head, target, features

    def predict(self, examples):
        """(n, C) float32."""
        x = yield from self._features(examples)
        squash = softmax if self.target == "one label" else sigmoid
        return squash(self.head.logits(x)).astype(np.float32)

    def save(self, folder) -> None:
        save_head(self.head, folder)


def save_head(head: LinearHead, folder) -> None:
    """Write `head.safetensors`."""
    from safetensors.numpy import save_file

    arrays = {"weight": head.weight, "bias": head.bias, "strength": np.array([head.strength])}
    save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, str(folder / "head.safetensors"))


def load_head(folder) -> LinearHead:
    """Read what `save_head` wrote."""
    from safetensors.numpy import load_file

    arrays = load_file(str(folder / "head.safetensors"))
    return LinearHead(arrays["weight"], arrays["bias"], float(arrays["strength"][0]))


def fit_head_from(prior: np.ndarray, features: np.ndarray, gold: np.ndarray, trust: float, scale: float) -> LinearHead:
    """Softmax regression pulled towards given weights: min_W sum CE(y, W x) + trust / 2 |W - scale prior|^2.

    A row with several labels is shared evenly among them; one without any says nothing here.

    A large `trust` keeps the prior's answers, a small one is an ordinary probe; there is no bias to forget the prior by.

    Args:
        prior: (C, d) unit label vectors. features: (n, d) of unit length. gold: (n,) positions, or (n, C) bool.
    """
    from scipy.optimize import minimize

    if gold.ndim == 2:
        features, gold = features[gold.any(1)], gold[gold.any(1)]
    start, target = scale * prior, np.eye(len(prior))[gold] if gold.ndim == 1 else gold / gold.sum(1, keepdims=True)

    def loss_and_slope(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight = flat.reshape(start.shape)
        logits = features @ weight.T
        top = logits.max(1, keepdims=True)
        logsum = top[:, 0] + np.log(np.exp(logits - top).sum(1))
        away = weight - start
        loss = (logsum - (logits * target).sum(1)).sum() + trust / 2 * (away**2).sum()
        slope = (np.exp(logits - logsum[:, None]) - target).T @ features + trust * away
        return loss, slope.ravel()

    found = minimize(loss_and_slope, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return LinearHead(found.x.reshape(start.shape), np.zeros(len(prior)), 1 / trust)
