"""A linear head on frozen features: logistic regression, its strength chosen inside the labels.

The regression is scikit-learn's, solved along a path by `tl_core.models.training.logistic`; here
are the choice of strength and the fixed column order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tl_core.api.types import Fitted
from tl_core.models.training.logistic import ROUGH, TOLERANCE, Regression, Rows

STRENGTHS = (1.0, 10.0, 100.0)  # scikit-learn's C, on features of unit length
DEFAULT_STRENGTH = 1.0  # best or equal at every k from 1 to 256 on AG News and SST-2
FOLDS = 5
# Rows by which a strength is chosen: with more, five fits for each of three strengths take most of
# the time, and the accuracy of so many has a standard error of 0.35 points at most.
MOST_CHOOSING = 20_000
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


def fit_head(
    features,
    gold: np.ndarray,
    n_labels: int,
    strength: float | None = None,
) -> LinearHead:
    """Fit on (n, d) features, dense or sparse.

    Args:
        gold: (n,) positions, one label per row.
        strength: scikit-learn's C; None chooses among STRENGTHS by cross-validated accuracy in
            which each fold leaves out rows of every class (leaving out single rows of a balanced
            sample is biased against their class); of many rows, by `MOST_CHOOSING` of them.
    """
    present = np.unique(gold)
    weight, bias = np.zeros((n_labels, features.shape[1])), np.full(n_labels, ABSENT)
    if len(present) == 1:
        bias[present] = 0.0
        return LinearHead(weight, bias, strength or DEFAULT_STRENGTH)
    rows, at = Rows(features), np.searchsorted(present, gold)
    strength = strength or _strength_for(rows, features, at)
    slopes, starts = rows.outside(_one_of(rows, at, strength))
    weight[present], bias[present] = _each_way(slopes.T).T, _each_way(starts)
    return LinearHead(weight, bias, strength)


def _strength_for(rows: Rows, features, at: np.ndarray) -> float:
    """The strength for these rows; `features` are the same, for a part of them."""
    some = spread_rows(at, MOST_CHOOSING)
    if some is not None:
        rows, at = Rows(features[some]), at[some]

    def left_out(out: np.ndarray) -> Iterator[np.ndarray]:
        found = None
        for strength in STRENGTHS:  # from strong to weak, each begins where the one before ended
            found = _one_of(rows, at, strength, ~out, found, ROUGH)
            yield _each_way(rows.logits(found, out))

    return chosen_strength(at, left_out, _right)


def spread_rows(gold: np.ndarray, most: int) -> np.ndarray | None:
    """Positions of about `most` rows, evenly spread over each class in their order, all of a small
    one; None where there are no more than that.

    Args:
        gold: (n,) positions of labels.
    """
    if len(gold) <= most:
        return None
    share = most / len(gold)
    kept = []
    for label in np.unique(gold):
        members = np.flatnonzero(gold == label)
        count = min(len(members), max(2 * FOLDS, round(share * len(members))))
        kept.append(members[np.linspace(0, len(members) - 1, count).astype(np.int64)])
    return np.sort(np.concatenate(kept))


def fit_heads(features, gold: np.ndarray, strength: float) -> LinearHead:
    """Any number of labels a row: each label against the rest, on (n, d) features.

    Args:
        gold: (n, C) bool.
        strength: scikit-learn's C; `tl_core.models.training.label_by_label` chooses it.
    """
    return yes_no_head(Rows(features), gold, strength)


def yes_no_head(
    rows: Rows,
    gold: np.ndarray,
    strength: float,
    *,
    balanced: bool = False,
    only: np.ndarray | None = None,
) -> LinearHead:
    """`fit_heads` on rows made ready before.

    Args:
        balanced: rows with a label weigh as much together as those without.
        only: (n,) mask of the rows to fit on.
    """
    kept = gold if only is None else gold[only]
    both = kept.any(0) & ~kept.all(0)
    weight = np.zeros((gold.shape[1], rows.width))
    bias = np.where(kept.all(0), -ABSENT, ABSENT)
    if both.any():
        found = rows.yes_no(gold[:, both], strength, balanced=balanced, rows=only)
        weight[both], bias[both] = rows.outside(found)
    return LinearHead(weight, bias, strength)


def chosen_strength(
    gold: np.ndarray,
    left_out: Callable[[np.ndarray], Iterable[np.ndarray]],
    good: Callable[[np.ndarray, np.ndarray], float],
) -> float:
    """The strength whose heads do best on rows left out in turn.

    Args:
        left_out: the logits (m, C) of the rows of a mask, by heads of all other rows, for each of
            STRENGTHS.
        good: how good logits (m, C) are for gold (m,), summed over rows; more is better.
    """
    folds = folds_of(gold)
    if folds is None:
        return DEFAULT_STRENGTH
    reached = np.zeros(len(STRENGTHS))
    for fold in range(folds.max() + 1):
        out = folds == fold
        reached += [good(logits, gold[out]) for logits in left_out(out)]
    return STRENGTHS[int(np.argmax(reached))]  # the first of equals is the most regularised


def folds_of(gold: np.ndarray) -> np.ndarray | None:
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


def _one_of(
    rows: Rows,
    gold: np.ndarray,
    strength: float,
    only: np.ndarray | None = None,
    start: Regression | None = None,
    tolerance: float = TOLERANCE,
) -> Regression:
    """A label each; of two labels one column, as scikit-learn weighs them."""
    if gold.max() > 1:
        shares = np.eye(gold.max() + 1, dtype=np.float32)[gold]
        return rows.softmax(shares, strength, rows=only, start=start, tolerance=tolerance)
    return rows.yes_no(gold[:, None] == 1, strength, rows=only, start=start, tolerance=tolerance)


def _each_way(logits: np.ndarray) -> np.ndarray:
    """(..., C) as they are; of one column for two labels, half of it each way: the same softmax."""
    return logits if logits.shape[-1] > 1 else np.concatenate([-logits, logits], -1) / 2


class HeadPredictor:
    """A head on whatever features `features(examples)` yields and returns."""

    def __init__(self, head: LinearHead, probabilities: Callable, features: Callable):
        """
        Args:
            probabilities: (n, C) logits to probabilities, as a task makes them.
        """
        self.head, self.probabilities, self._features = head, probabilities, features

    def predict(self, examples):
        """(n, C) float32."""
        x = yield from self._features(examples)
        return self.probabilities(self.head.logits(x)).astype(np.float32)

    def save(self, folder) -> None:
        """Write the head to a folder."""
        save_head(self.head, folder)


def head_of(fitted: Fitted) -> LinearHead:
    """The head that a strategy on frozen features has fitted."""
    assert isinstance(fitted.predictor, HeadPredictor)
    return fitted.predictor.head


def head_of_arrays(weight, bias) -> LinearHead:
    """A head of a network's own (C, d) and (C,) tensors."""
    rows, start = (tensor.detach().cpu().double().numpy() for tensor in (weight, bias))
    return LinearHead(rows, start, DEFAULT_STRENGTH)


def save_head(head: LinearHead, folder) -> None:
    """Write `head.safetensors`."""
    from safetensors.numpy import save_file

    arrays = {"weight": head.weight, "bias": head.bias, "strength": np.array([head.strength])}
    save_file(
        {name: np.ascontiguousarray(a) for name, a in arrays.items()},
        str(folder / "head.safetensors"),
    )


def load_head(folder) -> LinearHead:
    """Read what `save_head` wrote."""
    from safetensors.numpy import load_file

    arrays = load_file(str(folder / "head.safetensors"))
    return LinearHead(arrays["weight"], arrays["bias"], float(arrays["strength"][0]))


def fit_head_from(
    prior: np.ndarray, features: np.ndarray, carried: np.ndarray, trust: float, scale: float
) -> LinearHead:
    """Softmax regression pulled towards given weights: min_W sum CE(y, W x) + trust / 2 |W - scale
    prior|^2.

    A row with several labels is shared evenly among them; one without any says nothing here.

    A large `trust` keeps the prior's answers, a small one is an ordinary probe; there is no bias to
    forget the prior by.

    Args:
        prior: (C, d) unit label vectors. features: (n, d) of unit length. carried: (n, C) bool,
            the labels of each row.
    """
    features, carried = features[carried.any(1)], carried[carried.any(1)]
    start, shares = scale * prior, carried / carried.sum(1, keepdims=True)
    rows = Rows(features, intercept=False)
    found = rows.softmax(shares, 1 / trust, offset=features @ start.T)
    return LinearHead(start + rows.outside(found)[0], np.zeros(len(prior)), 1 / trust)
