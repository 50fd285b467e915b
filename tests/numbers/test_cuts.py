"""Where many labels are cut: against every cut tried out, and on made-up rows whose right cut is
known.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import expit

from tl_core.statistics.classification import thresholds as cuts
from tl_core.statistics.classification.constant import best_constant
from tl_core.statistics.classification.f1 import macro_f1
from tl_core.statistics.classification.thresholds import (
    can_choose,
    chosen_cuts,
    cuts_without_labels,
    f1_by_label,
    moved,
    moved_back,
    spread_folds,
    usual_cuts,
    with_one_at_least,
)


def made(rows: int, shares: list[float], skill: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(gold, probabilities that are right): normal scores, `skill` apart between rows that carry a
    label and rows that do not.
    """
    random = np.random.default_rng(seed)
    share = np.array(shares)
    gold = random.random((rows, len(share))) < share
    score = random.normal(size=gold.shape) + skill * gold
    return gold, expit(skill * score - skill**2 / 2 + np.log(share / (1 - share)))


def reached(gold: np.ndarray, p: np.ndarray, chosen: np.ndarray) -> float:
    return float(f1_by_label(gold, moved(p, chosen) >= 0.5).mean())


def test_f1_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    gold, p = made(80, [0.1, 0.4, 0.8], 1.0, 0)
    assert np.allclose(
        f1_by_label(gold, p >= 0.5), f1_score(gold, p >= 0.5, average=None, zero_division=0)
    )


def test_without_shrinkage_a_label_s_cut_is_the_best_of_all(monkeypatch):
    monkeypatch.setattr(cuts, "SHRINKAGE", 0.0)
    monkeypatch.setattr(cuts, "CUTS_TRIED", 20_000)
    gold, p = made(60, [0.1, 0.3, 0.7], 1.5, 1)
    found = f1_by_label(gold, p >= chosen_cuts(gold, p) * (1 - 1e-9))
    best = [
        max(f1_by_label(gold[:, [c]], p[:, [c]] >= t)[0] for t in [0.0, *p[:, c]]) for c in range(3)
    ]
    assert found == pytest.approx(best, abs=1e-9)


def test_a_rare_label_is_given_though_it_never_reaches_one_half():
    gold, p = made(4000, [0.02] * 10, 1.5, 2)
    fresh, said = made(4000, [0.02] * 10, 1.5, 3)
    assert reached(fresh, said, np.full(10, 0.5)) < 0.08
    assert reached(fresh, said, chosen_cuts(gold, p)) > 0.2
    optimum = max(reached(fresh, said, np.full(10, t)) for t in np.linspace(0.01, 0.5, 50))
    assert reached(fresh, said, chosen_cuts(gold, p)) > optimum - 0.02


@pytest.mark.parametrize("shares", [[0.04] * 28, [0.27] * 27, [0.02, 0.1, 0.5, 0.9], [0.5, 0.5]])
@pytest.mark.parametrize("rows", [24, 200, 2000])
def test_scores_that_say_nothing_fall_no_further_than_every_label_given_to_every_row(shares, rows):
    lost = []
    for seed in range(20):
        gold, p = made(rows, shares, 0.0, seed)
        random = np.random.default_rng(1000 + seed)
        fresh = random.random((2000, len(shares))) < np.array(shares)
        chosen = chosen_cuts(gold, random.random(gold.shape))
        floor = f1_by_label(fresh, np.ones_like(fresh)).mean()
        lost.append(floor - reached(fresh, random.random(fresh.shape), chosen))
    assert np.mean(lost) < 0.06


def test_a_label_with_few_rows_follows_the_others_and_one_with_many_itself():
    """Two labels the model is wrong about in the same way: one is seen 400 times, one 4 times."""
    usual, usual_p = made(4000, [0.1] * 8, 2.0, 4)
    odd, odd_p = made(4000, [0.1, 0.001], 2.0, 5)
    odd_p = expit(np.log(odd_p / (1 - odd_p)) - 3.0)  # its probabilities are far too small
    gold, p = np.hstack([usual, odd]), np.hstack([usual_p, odd_p])
    found = chosen_cuts(gold, p)
    assert found[8] < 0.3 * np.median(found[:8]), "its own rows say so"
    alone = f1_by_label(gold[:, 8:9], p[:, 8:9] >= found[8])[0]
    assert alone > 0.5

    def scale(c):
        return np.log(found[c] / (1 - found[c])) - np.log(
            cuts.shares(gold)[c] / (1 - cuts.shares(gold)[c])
        )

    assert abs(scale(9) - np.median([scale(c) for c in range(8)])) < 1.0


def test_a_label_no_row_carries_is_not_given_to_all():
    gold, p = made(200, [0.2, 0.2], 0.0, 6)
    gold, p = np.hstack([gold, np.zeros((200, 1), bool)]), np.hstack([p, np.full((200, 1), 1e-6)])
    assert not (moved(p, chosen_cuts(gold, p))[:, 2] >= 0.5).any()


def test_no_row_and_one_row():
    assert usual_cuts(np.zeros((0, 3), bool)) == pytest.approx([0.5] * 3)
    assert np.isfinite(chosen_cuts(np.array([[True, False]]), np.array([[0.4, 0.2]]))).all()
    assert chosen_cuts(np.zeros((4, 2), bool), np.full((4, 2), 0.3)) == pytest.approx([0.1, 0.1])


def test_what_was_moved_can_be_moved_back_and_keeps_its_order():
    p = np.random.default_rng(0).uniform(0.001, 0.9, (200, 4))
    at = np.array([0.0, 0.03, 0.5, 0.95])
    scores = moved(p, at).astype(np.float32)
    assert (scores[:, 0] >= 0.5).all() and np.allclose(scores[:, 2], p[:, 2])
    assert np.array_equal(scores >= 0.5, p >= at)
    assert (
        np.abs(moved_back(scores, at) - p)[:, 1:].max() < 1e-4
        and np.abs(moved_back(scores, at) - p)[:, 0].max() < 0.05
    )
    assert (np.diff(scores[np.argsort(p[:, 1]), 1]) >= 0).all()


def test_a_text_without_a_label_gets_the_one_nearest_to_its_cut():
    scores = np.array(
        [[[0.1, 0.4, 0.4], [0.6, 0.2, 0.7]], [[0.3, 0.1, 0.2], [0.0, 0.0, 0.0]]], np.float32
    )
    given = with_one_at_least(scores) >= 0.5
    assert given.tolist() == [
        [[False, True, False], [True, False, True]],
        [[True, False, False], [True, False, False]],
    ]
    assert scores[0, 0, 1] == np.float32(0.4), "what was handed in stays"


def test_every_label_is_spread_over_the_folds():
    random = np.random.default_rng(0)
    gold = random.random((300, 12)) < np.geomspace(0.02, 0.6, 12)
    folds = spread_folds(gold, 5)
    assert np.bincount(folds).min() > 40
    for c in range(12):
        per_fold = np.bincount(folds[gold[:, c]], minlength=5)
        assert (per_fold > 0).sum() == min(5, gold[:, c].sum())
    every = np.array(
        [[bool(i >> b & 1) for b in range(4)] for i in range(16)]
    )  # a set of labels of its own in each row
    assert np.bincount(spread_folds(every, 5)).tolist() == [4, 3, 3, 3, 3]


def test_one_row_a_label_leaves_nothing_to_choose_by():
    assert not can_choose(np.eye(5, dtype=bool)) and can_choose(
        np.eye(5, dtype=bool)[[0, 1, 2, 3, 4, 0, 1, 2]]
    )
    assert not can_choose(np.zeros((3, 4), bool))


def test_without_labels_the_cut_is_that_of_the_largest_expected_f1():
    """Where the halved and moved probabilities are right, no other cut has more macro-F1, and the
    number of labels comes out.
    """
    random = np.random.default_rng(0)
    p = expit(random.normal(-6.0, 3.0, (20_000, 5)))
    carried = random.random(p.shape) < expit(np.log(p / (1 - p)) / 2 + 1.0)
    chosen = cuts_without_labels(p, carried.sum(1).mean())
    best = max(reached(carried, p, np.full(5, t)) for t in np.geomspace(1e-5, 0.9, 60))
    assert reached(carried, p, chosen) > best - 0.01 and len(set(chosen)) == 1


def test_scores_that_nobody_believes_give_every_label():
    flat = np.full((100, 6), 1 / 6) + np.random.default_rng(0).normal(0, 1e-4, (100, 6))
    assert (moved(flat, cuts_without_labels(flat, 2.0)) >= 0.5).mean() > 0.9
    assert (moved(flat, cuts_without_labels(flat, 6.0)) >= 0.5).all()
    sure = np.where(np.eye(6, dtype=bool)[np.arange(100) % 6], 0.99, 0.002)
    assert np.array_equal(moved(sure, cuts_without_labels(sure, 1.0)) >= 0.5, sure > 0.5)


def test_no_constant_answer_has_a_larger_macro_f1():
    gold = np.random.default_rng(0).random((30, 4)) < np.array([0.05, 0.3, 0.9, 0.0])
    values = [
        macro_f1(gold, np.broadcast_to(np.array(answer, bool), gold.shape), 4, many=True)
        for answer in itertools.product((False, True), repeat=4)
    ]
    assert macro_f1(gold, best_constant(gold, many=True), 4, many=True) == pytest.approx(
        max(values)
    )
    single = np.array([0, 1, 1, 2, 1])
    assert best_constant(single).tolist() == [1] * 5
