"""A head for many labels: probabilities, which way of fitting is chosen, and what comes back for
choosing cuts.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.tiny_models import drain
from tl_core.models.training.heads import sigmoid
from tl_core.models.training.label_by_label import (
    WAYS,
    Way,
    fit_many,
    head_of,
    many_scores,
    ways_of,
)
from tl_core.models.training.logistic import Rows
from tl_core.statistics.classification.thresholds import f1_by_label


def made(
    rows: int, labels: int, share: float, seed: int = 0, width: int = 16
) -> tuple[np.ndarray, np.ndarray]:
    """Features of unit length in which each label has a direction."""
    random = np.random.default_rng(seed)
    gold = random.random((rows, labels)) < share
    features = (
        gold @ np.random.default_rng(99).normal(size=(labels, width))
        + random.normal(size=(rows, width)) * 1.5
    )
    return features / np.linalg.norm(features, axis=1, keepdims=True), gold


def test_weighed_rows_still_give_probabilities_of_the_rows_as_they_are():
    x, gold = made(4000, 4, 0.05)
    weighed = sigmoid(head_of(Rows(x), gold, Way(1.0, True)).logits(x))
    assert weighed.mean(0) == pytest.approx(gold.mean(0), abs=0.02)
    theirs = (
        LogisticRegression(class_weight="balanced", max_iter=300)
        .fit(x, gold[:, 0])
        .predict_proba(x)[:, 1]
    )
    assert (
        np.corrcoef(np.argsort(np.argsort(theirs)), np.argsort(np.argsort(weighed[:, 0])))[0, 1]
        > 0.999
    ), "ranked as they are by scikit-learn"
    odd = np.stack([gold[:, 0], np.ones(len(x), bool), np.zeros(len(x), bool)], axis=1)
    said = sigmoid(head_of(Rows(x), odd, Way(1.0, True)).logits(x))
    assert (said[:, 1] > 0.999).all() and (said[:, 2] < 0.001).all()


@pytest.mark.parametrize("rows,first", [(60, Way(1.0, True)), (1500, Way(1.0, False))])
def test_noise_keeps_the_first_way(rows, first):
    """The first differs with the rows that labels have; another must be better by more than
    chance.
    """
    random = np.random.default_rng(3)
    gold = random.random((rows, 8)) < 0.1
    head, (truth, held_out) = drain(fit_many(np.zeros((rows, 4)), gold))
    assert head.strength == first.strength and held_out.shape == truth.shape == gold.shape
    assert np.allclose(head.bias, head_of(Rows(np.zeros((rows, 4))), gold, first).bias)


def test_rows_are_told_about_by_fits_that_had_not_seen_them():
    random = np.random.default_rng(5)
    x, gold = (
        random.normal(size=(60, 200)),
        random.random((60, 3)) < 0.3,
    )  # noise in more directions than rows: every fit is right about its own
    head, (_, held_out) = drain(fit_many(x, gold, ways_of(1000.0)))
    assert f1_by_label(gold, sigmoid(head.logits(x)) >= 0.5).min() > 0.99
    assert f1_by_label(gold, held_out >= 0.5).mean() < 0.6


def test_one_row_a_label_is_fitted_without_a_choice():
    head, held_out = drain(fit_many(np.eye(5), np.eye(5, dtype=bool)))
    assert held_out is None and head.strength == WAYS[0].strength
    assert np.isfinite(drain(many_scores(np.eye(5), np.eye(5, dtype=bool), np.eye(5)))).all()


def test_cuts_give_rare_labels_to_new_rows():
    x, gold = made(3000, 12, 0.03)
    fresh, truth = made(2000, 12, 0.03, seed=1)
    scores = drain(many_scores(x, gold, fresh))
    head, _ = drain(fit_many(x, gold))
    assert (
        f1_by_label(truth, scores >= 0.5).mean()
        > f1_by_label(truth, sigmoid(head.logits(fresh)) >= 0.5).mean() + 0.05
    )
