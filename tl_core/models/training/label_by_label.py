"""A linear head for any number of labels: a logistic regression of each label against the rest.

How it is fitted is chosen by macro-F1 on rows left out in turn, with the cuts that are best for
them: accuracy over single yes and no would choose whatever answers no to everything. What those
fits predicted for the rows left out comes back with the head, so that cuts can be chosen without
fitting again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tl_core.api.types import Step, Steps
from tl_core.models.training.heads import LinearHead, sigmoid, yes_no_head
from tl_core.models.training.logistic import Rows
from tl_core.statistics.classification.thresholds import (
    can_choose,
    chosen_cuts,
    f1_by_label,
    moved,
    spread_folds,
    usual_cuts,
)

HeldOut = tuple[np.ndarray, np.ndarray] | None

FOLDS = 5
BETTER = (
    0.005  # of macro-F1 by which a later way must beat an earlier one: differences below are chance
)


@dataclass(frozen=True)
class Way:
    """A way of fitting a head."""

    strength: float  # scikit-learn's C, on features of unit length
    balanced: bool  # a label's rows weigh as much together as all other rows


WAYS = (Way(1.0, True), Way(10.0, True), Way(1.0, False), Way(10.0, False))
# of a label, in the median: below, weighed ways come first, from there on those as they are
# (GoEmotions, 8 against 32 and all)
FEW_ROWS = 24


def ways_of(strength: float) -> tuple[Way, ...]:
    """The ways to choose among where the strength is given."""
    return Way(strength, True), Way(strength, False)


def fit_many(
    features, gold: np.ndarray, ways: tuple[Way, ...] = WAYS
) -> Steps[tuple[LinearHead, HeldOut]]:
    """Fit on (n, d) features, dense or sparse, and (n, C) bool, choosing among ways of fitting.

    Returns:
        The head, and (gold, (n, C) probabilities of the training rows by fits that had not seen
        them); None instead where
        too few labels have two rows for any to be left out.
    """
    rows = gold.sum(0)
    few = np.median(rows[rows > 0]) < FEW_ROWS if rows.any() else True
    ways = tuple(sorted(ways, key=lambda way: way.balanced != few))
    made = Rows(features)
    if not can_choose(gold):
        return head_of(made, gold, ways[0]), None
    folds, best, chosen = spread_folds(gold, min(FOLDS, len(gold))), -1.0, ways[0]
    found: np.ndarray = np.zeros(gold.shape)
    count = int(folds.max()) + 1
    for done, way in enumerate(ways):
        said = np.zeros(gold.shape)
        for fold in range(count):
            out = folds == fold
            said[out] = sigmoid(head_of(made, gold, way, ~out).logits(features[out]))
            yield Step(done * count + fold + 1, len(ways) * count + 1)
        worth = float(f1_by_label(gold, moved(said, chosen_cuts(gold, said)) >= 0.5).mean())
        if worth > best + BETTER:
            best, chosen, found = worth, way, said
    return head_of(made, gold, chosen), (gold, found)


def head_of(rows: Rows, gold: np.ndarray, way: Way, only: np.ndarray | None = None) -> LinearHead:
    """One way's head. Where its rows were weighed, what that adds to the logits is taken off again:
    probabilities are those of the training rows, as common as each label is among them.

    Args:
        only: (n,) mask of the rows to fit on.
    """
    head = yes_no_head(rows, gold, way.strength, balanced=way.balanced, only=only)
    if not way.balanced:
        return head
    kept = gold if only is None else gold[only]
    carried = kept.sum(0)
    both = (carried > 0) & (carried < len(kept))
    odds = np.where(both, (len(kept) - carried) / np.maximum(carried, 1), 1.0)
    return replace(head, bias=head.bias - np.log(odds))


def many_scores(features, gold: np.ndarray, texts) -> Steps[np.ndarray]:
    """(m, C) scores of other features by a head fitted on these, moved so that each label's cut
    lies at one half.
    """
    head, held_out = yield from fit_many(features, gold)
    cuts = chosen_cuts(*held_out) if held_out else usual_cuts(gold)
    return moved(sigmoid(head.logits(texts)), cuts)
