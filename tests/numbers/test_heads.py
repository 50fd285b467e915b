"""Linear heads against scikit-learn, against their own definition, and against numbers worked out
by hand.
"""

from __future__ import annotations

import csv

import numpy as np
import pytest
import scipy.optimize
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline

from tests.tiny_models import drain
from tl_core.api.types import Example, Job, Label, Problem
from tl_core.data.samples import sample
from tl_core.models import encoding
from tl_core.models.encoding import Encoder
from tl_core.models.training import heads
from tl_core.models.training.heads import (
    STRENGTHS,
    fit_head,
    fit_head_from,
    fit_heads,
    load_head,
    save_head,
    sigmoid,
    softmax,
)
from tl_core.strategies import strategies

pytestmark = pytest.mark.usefixtures("quick")


def clouds(
    labels: int, rows: int = 60, width: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around a centre for each label, far from separable."""
    random = np.random.default_rng(seed)
    gold = np.arange(rows) % labels
    features = random.normal(size=(labels, width))[gold] + random.normal(size=(rows, width)) * 1.5
    return features / np.linalg.norm(features, axis=1, keepdims=True), gold


def thorough(strength: float, **more) -> LogisticRegression:
    """scikit-learn's solver run to the end: its usual stop is 0.004 of a probability early."""
    return LogisticRegression(C=strength, max_iter=5000, tol=1e-10, **more)


# --- one label ------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [2, 5])
@pytest.mark.parametrize("strength", [0.1, 1.0, 100.0])
def test_probabilities_are_scikit_learn_s(labels, strength):
    features, gold = clouds(labels)
    head = fit_head(features, gold, labels, strength)
    theirs = thorough(strength).fit(features, gold).predict_proba(features)
    assert np.abs(softmax(head.logits(features)) - theirs).max() < 1e-4
    assert (
        head.weight.shape == (labels, 8)
        and head.bias.shape == (labels,)
        and head.strength == strength
    )


def test_two_labels_by_hand():
    """Rows -1 and +1: w minimises 2 ln(1 + e^-w) + w^2 / 2C; for C = 1 that is w = 2 / (1 + e^w),
    0.6759...: the half goes each way.
    """
    head = fit_head(np.array([[-1.0], [1.0]]), np.array([0, 1]), 2, 1.0)
    w = scipy.optimize.brentq(lambda w: w - 2 / (1 + np.exp(w)), 0, 2)
    assert np.allclose(head.weight, [[-w / 2], [w / 2]], atol=1e-4) and np.allclose(
        head.bias, 0, atol=1e-4
    )


def test_a_label_without_rows_keeps_its_column_and_next_to_no_probability():
    features, gold = clouds(3)
    moved = np.array([0, 2, 4])[gold]  # labels 1 and 3 are absent
    head = fit_head(features, moved, 5, 1.0)
    scores = softmax(head.logits(features))
    assert (
        np.abs(
            scores[:, [0, 2, 4]] - softmax(fit_head(features, gold, 3, 1.0).logits(features))
        ).max()
        < 1e-6
    )
    assert (scores[:, [1, 3]] < 1e-6).all()


def test_a_single_label_is_certain():
    features, _ = clouds(2)
    scores = softmax(fit_head(features, np.full(60, 1), 3, 1.0).logits(features))
    assert (scores[:, 1] > 0.999999).all()


def test_sparse_features_give_what_dense_ones_give():
    from scipy.sparse import csr_matrix

    features, gold = clouds(3)
    dense, sparse = fit_head(features, gold, 3, 1.0), fit_head(csr_matrix(features), gold, 3, 1.0)
    assert np.allclose(dense.logits(features), sparse.logits(csr_matrix(features)), atol=1e-4)


def test_squashing_survives_large_logits():
    logits = np.array([[1e4, -1e4, 0.0]])
    assert np.array_equal(softmax(logits), [[1, 0, 0]]) and np.array_equal(
        sigmoid(logits), [[1, 0, 0.5]]
    )


def test_a_head_is_saved_as_it_is(tmp_path):
    head = fit_head(*clouds(3), 3, 1.0)
    save_head(head, tmp_path)
    again = load_head(tmp_path)
    assert (
        np.array_equal(head.weight, again.weight)
        and np.array_equal(head.bias, again.bias)
        and again.strength == 1.0
    )


# --- many labels ----------------------------------------------------------------------------------


def test_many_labels_are_one_against_the_rest():
    features, gold = clouds(4)
    many = np.stack([gold == 0, gold == 1, (gold == 2) | (gold == 0)], axis=1)
    ours = sigmoid(fit_heads(features, many, 1.0).logits(features))
    theirs = OneVsRestClassifier(thorough(1.0)).fit(features, many).predict_proba(features)
    assert np.abs(ours - theirs).max() < 1e-5


def test_a_label_that_all_or_no_rows_have():
    features, gold = clouds(2)
    many = np.stack([gold == 0, np.ones(60, bool), np.zeros(60, bool)], axis=1)
    scores = sigmoid(fit_heads(features, many, 1.0).logits(features))
    assert (
        (scores[:, 1] > 0.999999).all()
        and (scores[:, 2] < 1e-6).all()
        and 0.1 < scores[:, 0].mean() < 0.9
    )


# --- the choice of strength -----------------------------------------------------------------------


@pytest.mark.parametrize("counts", [(2, 2), (8, 8, 8), (5, 7, 30), (3, 2, 100)])
def test_every_fold_leaves_out_rows_of_every_class(counts):
    gold = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    folds = heads.folds_of(gold)
    assert folds.max() + 1 == min(5, *counts)
    for fold in range(folds.max() + 1):
        left = np.bincount(gold[folds == fold], minlength=len(counts))
        assert (left > 0).all() and (
            np.bincount(gold[folds != fold], minlength=len(counts)) > 0
        ).all()
    assert max(np.ptp(np.bincount(folds[gold == c])) for c in range(len(counts))) <= 1


def test_a_class_with_a_single_row_leaves_the_default():
    assert heads.folds_of(np.array([0, 0, 0, 1])) is None
    assert fit_head(*clouds(60), 60).strength == heads.DEFAULT_STRENGTH


def test_noise_chooses_no_strength_for_being_balanced():
    """Leaving out single rows of a balanced sample is right 0% of the time on noise, at every
    strength; these folds are not.
    """
    right = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        features, gold = random.normal(size=(16, 4)), np.arange(16) % 2
        folds = heads.folds_of(gold)
        right += [
            heads._right(
                fit_head(features[folds != f], gold[folds != f], 2, 1.0).logits(
                    features[folds == f]
                ),
                gold[folds == f],
            )
            for f in range(5)
        ]
    assert 0.4 < sum(right) / (20 * 16) < 0.6


def test_the_strength_is_the_one_that_cross_validation_prefers():
    """Labels that need a steep line choose a large C; labels that are mostly noise the smallest."""
    random = np.random.default_rng(0)
    angle = random.uniform(-0.5, 0.5, 200)
    steep = np.stack([np.cos(angle), np.sin(angle), *random.normal(size=(3, 200)) * 0.3], axis=1)
    assert fit_head(steep, (angle > 0.3).astype(int), 2).strength == max(STRENGTHS)
    assert (
        fit_head(random.normal(size=(200, 2)) * 0.01, random.integers(0, 2, 200), 2).strength
        in STRENGTHS
    )


# --- a head with a prior --------------------------------------------------------------------------


def prior_of(labels: int, width: int = 8) -> np.ndarray:
    prior = np.random.default_rng(7).normal(size=(labels, width))
    return prior / np.linalg.norm(prior, axis=1, keepdims=True)


def test_endless_trust_gives_the_prior_s_answers():
    features, gold = clouds(4)
    head = fit_head_from(prior_of(4), features, np.eye(4, dtype=bool)[gold], 1e9, 10.0)
    assert np.allclose(head.logits(features), features @ prior_of(4).T * 10.0, atol=1e-4)


def test_no_trust_fits_the_rows():
    features, gold = clouds(4, rows=8)  # as many directions as rows: separable
    assert (features @ prior_of(4).T).argmax(1).tolist() != gold.tolist()
    assert (
        fit_head_from(prior_of(4), features, np.eye(4, dtype=bool)[gold], 1e-6, 10.0)
        .logits(features)
        .argmax(1)
        .tolist()
        == gold.tolist()
    )


def test_without_prior_it_is_scikit_learn_s_regression():
    """At a prior of zero, trust is 1 / C, and there is no intercept."""
    features, gold = clouds(4)
    ours = softmax(
        fit_head_from(np.zeros((4, 8)), features, np.eye(4, dtype=bool)[gold], 0.5, 10.0).logits(
            features
        )
    )
    theirs = thorough(2.0, fit_intercept=False).fit(features, gold).predict_proba(features)
    assert np.abs(ours - theirs).max() < 1e-4


# --- words and characters -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns,apart", [(2**26, 1e-4), (2**22, 0.02)], ids=["without collisions", "as shipped"]
)
def test_tfidf_is_scikit_learn_s_pipeline(columns, apart, monkeypatch):
    """Hashing makes a few of 10,000s of n-grams one; with more columns none, and the numbers are
    the same.
    """
    monkeypatch.setattr(encoding, "NGRAM_COLUMNS", columns)
    with open(sample("support_tickets").path, encoding="utf-8", newline="") as file:
        rows = [list(row.values())[:2] for row in csv.DictReader(file)]
    rows.sort(key=lambda row: hash_of(row[0]))
    train, test = rows[:60], rows[60:120]
    names = sorted({label for _, label in rows})
    assert len({label for _, label in train}) == len(names) > 2
    theirs = make_pipeline(
        FeatureUnion(
            [
                ("words", TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")),
                ("characters", TfidfVectorizer(analyzer="char", ngram_range=(2, 5))),
            ]
        ),
        thorough(10.0),
    ).fit([text for text, _ in train], [label for _, label in train])
    problem = Problem("one text", "one label", tuple(Label(n, n) for n in names))
    strategy = strategies()["tfidf"]
    examples = [Example(i, text, labels=(label,)) for i, (text, label) in enumerate(train)]
    fitted = drain(
        strategy.fit(Job(problem, examples, strategy.settings(strength=10.0), 0, Encoder(None)))
    )
    ours = drain(
        fitted.predictor.predict([Example(i, text) for i, (text, _) in enumerate([*train, *test])])
    )
    expected = theirs.predict_proba([text for text, _ in [*train, *test]])
    assert theirs.classes_.tolist() == names
    assert np.abs(ours - expected).max() < apart
    assert (ours.argmax(1) == expected.argmax(1)).all()


def hash_of(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def test_tfidf_of_two_texts_sees_what_differs():
    """Same or not: no word of either text tells, only whether they share it."""
    random = np.random.default_rng(0)
    words = [f"word{i}" for i in range(12)]
    examples = []
    for i in range(80):
        a = random.choice(words, 3, replace=False)
        b = a if i % 2 else random.choice(words, 3, replace=False)
        examples.append(
            Example(
                i, " ".join(a), " ".join(random.permutation(b)), ("same" if i % 2 else "other",)
            )
        )
    problem = Problem("two texts", "one label", (Label("same", "same"), Label("other", "other")))
    strategy = strategies()["tfidf"]
    fitted = drain(strategy.fit(Job(problem, examples[:50], strategy.settings(), 0, Encoder(None))))
    scores = drain(fitted.predictor.predict(examples[50:]))
    assert (
        np.mean(
            [
                problem.label_ids[i] == e.labels[0]
                for i, e in zip(scores.argmax(1), examples[50:], strict=True)
            ]
        )
        > 0.85
    )
    turned = [Example(e.row, e.text_b, e.text) for e in examples[50:]]
    assert np.allclose(drain(fitted.predictor.predict(turned)), scores, atol=1e-6)


# --- many rows ------------------------------------------------------------------------------------


def test_of_many_rows_a_strength_is_chosen_by_some_of_every_label():
    gold = np.r_[np.zeros(30_000, int), np.ones(9_000, int), np.full(7, 2), np.full(2, 3)]
    some = heads.spread_rows(gold, 20_000)
    assert heads.spread_rows(gold[:20_000], 20_000) is None
    assert len(set(some)) == len(some) and list(some) == sorted(some)
    counts = np.bincount(gold[some])
    assert abs(counts.sum() - 20_000) < 10 and counts[2] == 7 and counts[3] == 2
    assert counts[0] / counts[1] == pytest.approx(30 / 9, rel=0.01)
    assert some[0] == 0 and np.diff(some[: counts[0]]).max() <= 2  # from the whole file


def test_the_strength_of_some_rows_is_that_of_all(monkeypatch):
    features, gold = clouds(3, rows=1500)
    whole = fit_head(features, gold, 3)
    monkeypatch.setattr(heads, "MOST_CHOOSING", 600)
    part = fit_head(features, gold, 3)
    assert part.strength == whole.strength
    assert np.array_equal(part.weight, whole.weight)  # and it is fitted on all of them
