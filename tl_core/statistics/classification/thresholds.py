"""From the probabilities of many labels to the labels that are given: a cut for each label, chosen
for macro-F1.

One half is rarely the right cut: a label that one row in fifty carries hardly ever reaches it, and
macro-F1 then is 0. So a cut is chosen for each label, on rows that the model had not seen. All
arrays have labels in columns, (n, C).

A label is compared with others on the scale `logit p - logit share`, by how much likelier than
usual a model finds it; there one cut for all labels is a fair beginning. A label's own cut is that
of the largest

    (r F1(t) + 10 mean F1(t)) / (r + 10)     r: its rows,   mean F1: over all labels at the same cut

so a label with few rows follows the others, and one with hundreds its own rows.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

# rows of a label that weigh as much as all other labels; 10 to 30 were best on GoEmotions at 8, 32
# and all rows
SHRINKAGE = 10.0
CUTS_TRIED = 160
# a probability is taken to be at least so far from 0 and 1: moved scores then fit into 32 bits, and
# back
NEAREST = 1e-6
# in scores that no label has checked; with 1, similarity fell 3 points below giving every label
# where rows carry six of 28
BELIEF = 0.5
LEAST_SCORE = 3e-8  # what 32 bits can tell from 1
ALWAYS = 0.0  # the cut that gives a label to every row


def chosen_cuts(gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(C,) cuts within 0..1 for the largest macro-F1: a label is given where its probability is not
    below its cut.

    Args:
        gold: (n, C) bool. probabilities: (n, C) of rows that the model had not seen. Labels of a
            single row say nothing where others
            have more: what left that row out had never seen the label.
    """
    gold = np.asarray(gold, bool)
    base, rows = shares(gold), gold.sum(0)
    seen = (rows > 0) & (rows >= min(2, rows.max(initial=0)))
    rows = rows * seen
    if not seen.any():
        return base
    above = _logits(probabilities) - logit(base)  # (n, C)
    tried = _tried(above)
    f1 = _f1_at(gold, above, tried)  # (T, C)
    usual = f1[:, seen].mean(1, keepdims=True)
    worth = (rows * f1 + SHRINKAGE * usual) / (rows + SHRINKAGE)
    best = worth.argmax(0)
    cuts = expit(tried[best] + logit(base))
    return np.where(
        best > 0, cuts, np.where(seen, ALWAYS, base)
    )  # a label that no row carries follows the others, but is never given to all


def can_choose(gold: np.ndarray) -> bool:
    """Whether rows can be left out to choose by: at least half of the labels that any row carries
    have a second row to learn from.
    """
    rows = np.asarray(gold, bool).sum(0)
    return bool((rows > 1).any() and 2 * (rows > 1).sum() >= (rows > 0).sum())


def usual_cuts(gold: np.ndarray) -> np.ndarray:
    """(C,) cuts where there is nothing to choose by: a label is given to rows that are likelier
    than usual to carry it.
    """
    return shares(np.asarray(gold, bool))


def cuts_without_labels(probabilities: np.ndarray, per_row: float) -> np.ndarray:
    """(C,) the one cut of the largest macro-F1 to be expected, from rows whose labels no one has
    seen.

    Expected if every label were there with the chance its probability says, once halved on the
    logit scale and moved so that a row carries `per_row` labels in the mean. Halved, because
    nothing here shows that the scores know
    much: the less they know, the more
    labels must be given to lose little, up to every label for every row.
    """
    doubted = BELIEF * _logits(probabilities)
    rows, labels = doubted.shape
    if not rows or per_row >= labels:
        return np.full(labels, ALWAYS)
    shift = brentq(lambda by: expit(doubted + by).sum() / rows - per_row, -100.0, 100.0)
    p = expit(doubted + shift)
    tried = np.unique(
        [p.min(), *np.quantile(p, np.linspace(0.01, 1 - 0.5 / p.size, 2 * CUTS_TRIED))]
    )
    worth = [
        np.mean(2 * (p * given).sum(0) / (given.sum(0) + p.sum(0)))
        for given in (p >= t for t in tried)
    ]
    best = int(np.argmax(worth))
    return np.full(
        labels, ALWAYS if best == 0 else float(expit((logit(tried[best]) - shift) / BELIEF))
    )


def shares(gold: np.ndarray) -> np.ndarray:
    """(C,) share of the rows that carry each label, half a row added to both sides so that none is
    0 or 1.
    """
    return (gold.sum(0) + 0.5) / (len(gold) + 1)


def moved(probabilities: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Probabilities moved along the logits so that every cut comes to lie at one half; their order
    within a label stays.
    """
    return expit(_logits(probabilities) - _logits(cuts))


def moved_back(scores: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """The probabilities that `moved` made these scores of."""
    return expit(
        logit(np.clip(np.asarray(scores, float), LEAST_SCORE, 1 - LEAST_SCORE)) + _logits(cuts)
    )


def with_one_at_least(scores: np.ndarray) -> np.ndarray:
    """(..., n, C) scores in which the label nearest to its cut is given where none reaches it; the
    first of equals.
    """
    scores = np.array(scores)
    first = np.expand_dims(scores.argmax(-1), -1)
    np.put_along_axis(scores, first, np.maximum(np.take_along_axis(scores, first, -1), 0.5), -1)
    return scores


def f1_by_label(gold: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(C,) F1 of every label; 0 where it is neither carried nor given."""
    hits, total = (gold & given).sum(0), gold.sum(0) + given.sum(0)
    return np.divide(2.0 * hits, total, out=np.zeros(gold.shape[1]), where=total > 0)


def spread_folds(gold: np.ndarray, count: int) -> np.ndarray:
    """(n,) fold of each row, 0 to count - 1: every label is spread as evenly as its rows allow, the
    rarest first, because its rows are the hardest to spread (Sechidis et al. 2011). The order of
    rows decides between equals.
    """
    gold = np.asarray(gold, bool)
    fold = np.full(len(gold), -1)
    for c in np.argsort(gold.sum(0), kind="stable"):
        for i in np.flatnonzero(gold[:, c] & (fold < 0)):
            fold[i] = _emptiest(fold, count, gold[:, c])
    for i in np.flatnonzero(fold < 0):
        fold[i] = _emptiest(fold, count, fold >= 0)
    return fold


def _emptiest(fold: np.ndarray, count: int, of: np.ndarray) -> int:
    """The fold with the fewest of these rows, then with the fewest of all."""
    own, every = (
        np.bincount(fold[rows], minlength=count) for rows in (of & (fold >= 0), fold >= 0)
    )
    return int(np.lexsort((every, own))[0])


def _tried(above: np.ndarray) -> np.ndarray:
    """(T,) cuts to try, rising: more of them where few labels are given. The first gives every
    label to every row.
    """
    quantiles = np.quantile(above, 1 - np.geomspace(0.98, 0.5 / above.size, CUTS_TRIED))
    return np.unique([above.min(), *quantiles])


def _f1_at(gold: np.ndarray, above: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """(T, C) F1 of each label at each cut."""
    found = np.zeros((len(tried), gold.shape[1]))
    for c, carried in enumerate(gold.T):
        given = len(gold) - np.searchsorted(np.sort(above[:, c]), tried)
        hits = carried.sum() - np.searchsorted(np.sort(above[carried, c]), tried)
        found[:, c] = 2.0 * hits / np.maximum(given + carried.sum(), 1)
    return found


def _logits(p: np.ndarray) -> np.ndarray:
    return logit(np.clip(np.asarray(p, float), NEAREST, 1 - NEAREST))
