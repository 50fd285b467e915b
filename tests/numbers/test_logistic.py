"""Regressions on rows made ready once: the same optimum whatever the way to it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from scipy.sparse import csr_matrix

from tests.numbers.test_heads import clouds, thorough
from tl_core.models.training import logistic
from tl_core.models.training.heads import sigmoid, softmax
from tl_core.models.training.logistic import Rows

WAYS = {  # how rows are turned -> what makes it so
    "by features": {},
    "by rows": {"rows": 6},
    "sparse, by rows": {"sparse": True},
    "sparse, as they are": {"sparse": True, "SPARSE_ROWS": 0},
    "wide, as they are": {"MOST_DIRECTIONS": 4},
    "a few rows at a time": {"CHUNK_CELLS": 7},
    "float32": {"FLOAT64_CELLS": 0, "dtype": np.float32},
}


@pytest.fixture(params=WAYS)
def made(request, monkeypatch) -> tuple[np.ndarray, np.ndarray, Rows]:
    way = dict(WAYS[request.param])
    features, gold = clouds(3, rows=way.pop("rows", 60))
    features = features.astype(way.pop("dtype", np.float64)) + 0.5  # an offset that centring takes
    given = csr_matrix(features) if way.pop("sparse", False) else features
    for name, value in way.items():
        monkeypatch.setattr(logistic, name, value)
    return features, gold, Rows(given)


@pytest.mark.parametrize("strength", [1.0, 100.0])
def test_every_way_leads_to_scikit_learn_s_optimum(made, strength):
    features, gold, rows = made
    weight, bias = rows.outside(rows.softmax(np.eye(3)[gold], strength))
    theirs = thorough(strength).fit(features, gold).predict_proba(features)
    assert np.abs(softmax(features @ weight.T + bias) - theirs).max() < 2e-3


def test_a_part_of_the_rows_is_fitted_as_if_the_others_were_not_there(made):
    features, gold, rows = made
    only = np.arange(len(gold)) % 4 > 0
    found = rows.softmax(np.eye(3)[gold], 1.0, rows=only)
    weight, bias = rows.outside(found)
    theirs = thorough(1.0).fit(features[only], gold[only])
    assert (
        np.abs(softmax(rows.logits(found, ~only)) - theirs.predict_proba(features[~only])).max()
        < 1e-3
    )
    assert np.allclose(rows.logits(found, ~only), features[~only] @ weight.T + bias, atol=1e-3)


def test_where_it_starts_does_not_matter(made):
    _, gold, rows = made
    far = rows.softmax(np.eye(3)[gold], 100.0)
    chances = [
        softmax(rows.logits(rows.softmax(np.eye(3)[gold], 1.0, start=s), gold >= 0))
        for s in (None, far)
    ]
    assert np.abs(chances[0] - chances[1]).max() < 1e-3


@pytest.mark.parametrize("balanced", [False, True])
def test_questions_of_their_own_are_scikit_learn_s(made, balanced):
    features, gold, rows = made
    carried = np.stack([gold == 0, gold != 1], axis=1)
    weight, bias = rows.outside(rows.yes_no(carried, 1.0, balanced=balanced))
    for label in (0, 1):
        theirs = thorough(1.0, class_weight="balanced" if balanced else None)
        wanted = theirs.fit(features, carried[:, label]).predict_proba(features)[:, 1]
        assert np.abs(sigmoid(features @ weight[label] + bias[label]) - wanted).max() < 1e-3


@pytest.mark.parametrize("kind", ["softmax", "shares", "yes or no", "balanced"])
def test_the_slope_is_the_slope_of_the_loss(kind, monkeypatch):
    """By central differences, at the start and away from it; the loss is written out once more."""
    features, gold = clouds(3, rows=10, width=4)
    rows, seen = Rows(features), {}

    def caught(function, start, **_):
        seen.update(function=function, start=start)
        return scipy.optimize.OptimizeResult(x=start)

    monkeypatch.setattr(scipy.optimize, "minimize", caught)
    offset = np.random.default_rng(2).normal(size=(10, 3))
    shares = np.eye(3)[gold] * 0.7 + 0.1
    if kind == "softmax":
        rows.softmax(np.eye(3)[gold], 2.0)
    elif kind == "shares":
        rows.softmax(shares, 2.0, offset=offset)
    else:
        rows.yes_no(np.eye(3, dtype=bool)[gold], 2.0, balanced=kind == "balanced")
    random = np.random.default_rng(1)
    for at in (seen["start"], seen["start"] + random.normal(size=len(seen["start"]))):
        differences = [
            (seen["function"](at + d)[0] - seen["function"](at - d)[0]) / 2e-5
            for d in 1e-5 * np.eye(len(at))
        ]
        assert np.allclose(seen["function"](at)[1], differences, atol=1e-4)
    start = seen["function"](seen["start"])[0]
    if kind == "softmax":
        assert start == pytest.approx(10 * np.log(3))
    elif kind == "shares":
        assert start == pytest.approx(-(shares * np.log(softmax(offset))).sum())
    else:  # balanced: both sides of a label weigh as much as all rows, half each
        assert start == pytest.approx(30 * np.log(2))
