"""`TransferClassifier` among the estimators of scikit-learn."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted

import tl_core as tl
from tests.faults.command import rows

MADE = rows(36)
TEXTS, LABELS = map(list, zip(*MADE, strict=True))
NEW = ["my card was billed twice", "forgot the password of my account", "the parcel is late"]


@pytest.fixture(scope="module")
def fitted() -> tl.TransferClassifier:
    return tl.TransferClassifier("tfidf").fit(TEXTS, LABELS)


def test_its_parameters_are_those_of_its_constructor():
    made = tl.TransferClassifier("lora", settings={"rank": 4}, random_state=3)
    assert made.get_params() == {
        "strategy": "lora",
        "settings": {"rank": 4},
        "model": None,
        "descriptions": None,
        "random_state": 3,
        "device": None,
        "task": None,
    }
    other = clone(made).set_params(strategy="probe", settings=None)
    assert (other.strategy, made.strategy) == ("probe", "lora")
    assert "strategy='lora'" in repr(made) and is_classifier(made)


def test_it_predicts_labels_and_probabilities(fitted):
    assert list(fitted.classes_) == ["delivery", "login", "refund"]
    assert list(fitted.predict(NEW)) == ["refund", "login", "delivery"]
    scores = fitted.predict_proba(NEW)
    assert scores.shape == (3, 3) and np.allclose(scores.sum(1), 1, atol=1e-5)
    assert fitted.score(TEXTS, LABELS) > 0.9
    assert fitted.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize(
    "held",
    [
        tuple,
        np.array,
        pd.Series,
        lambda x: pd.DataFrame({"text": x}),
        lambda x: np.array(x)[:, None],
    ],
)
def test_texts_may_be_held_in_many_ways(fitted, held):
    made = tl.TransferClassifier("tfidf").fit(held(TEXTS), np.array(LABELS))
    assert np.array_equal(made.predict_proba(held(NEW)), fitted.predict_proba(NEW))


@pytest.mark.parametrize("kind", [int, float, bool, np.int64, str])
def test_labels_come_back_as_they_were(kind):
    labels = [kind(label == "refund") for label in LABELS]
    made = tl.TransferClassifier("tfidf").fit(TEXTS, labels)
    assert list(made.classes_) == sorted(set(labels))
    assert set(made.predict(NEW)) <= set(labels)
    assert made.classes_.dtype == np.array(labels).dtype


def test_it_goes_into_a_pipeline_and_a_cross_validation():
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    made = make_pipeline(lower, tl.TransferClassifier("tfidf"))
    scores = cross_val_score(made, TEXTS, LABELS, cv=3)
    assert scores.shape == (3,) and scores.mean() > 0.5


def test_it_goes_into_a_grid_search():
    grid = {"strategy": ["tfidf", "majority"], "settings": [None]}
    search = GridSearchCV(tl.TransferClassifier(), grid, cv=2, error_score="raise")
    search.fit(TEXTS, LABELS)
    assert search.best_params_["strategy"] == "tfidf"
    assert list(search.predict(NEW)) == ["refund", "login", "delivery"]


def test_it_scores_as_a_study_does(tmp_path):
    """The same rows, the same seed: the same probabilities as the run of a study."""
    study = tl.compare(
        TEXTS, LABELS, strategies=["probe"], shots=["all"], seeds=1, test_size=12, keep="all",
        out=tmp_path / "study", progress=False,
    )  # fmt: skip
    split = study.plan.study.split
    made = tl.TransferClassifier("probe")
    made.fit([e.text for e in split.pool], [e.labels[0] for e in split.pool])
    (run,) = study.run_ids
    expected = study._stored.results[run].scores
    assert np.allclose(made.predict_proba([e.text for e in split.test]), expected, atol=1e-6)


def test_a_strategy_without_labels_reads_what_labels_mean():
    said = {"refund": "The customer wants money back.", "login": "Somebody cannot sign in."}
    made = tl.TransferClassifier("similarity", descriptions=said).fit(TEXTS, LABELS)
    assert list(made.predict(NEW[:2])) == ["refund", "login"]
    plain = tl.TransferClassifier("similarity").fit(TEXTS, LABELS)
    assert not np.allclose(made.predict_proba(NEW), plain.predict_proba(NEW))


def test_pairs_of_texts():
    pairs = [(text, "a note") for text in TEXTS]
    made = tl.TransferClassifier("tfidf").fit(pairs, LABELS)
    assert made.predict(np.array([(text, "a note") for text in NEW])).shape == (3,)
    with pytest.raises(ValueError, match="trained on pairs"):
        made.predict(NEW)


@pytest.mark.parametrize("way", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_a_copy_answers_the_same(fitted, way):
    for made in (fitted, tl.TransferClassifier("probe").fit(TEXTS, LABELS)):
        again = way(made)
        assert np.array_equal(again.predict_proba(NEW), made.predict_proba(NEW))
        assert again.get_params() == made.get_params()
    with pytest.raises(NotFittedError):
        way(tl.TransferClassifier()).predict(NEW)


def test_no_weight_is_pickled():
    made = tl.TransferClassifier("probe").fit(TEXTS, LABELS)
    assert b"torch" not in pickle.dumps(made) and b"sklearn.linear_model" not in pickle.dumps(made)


def test_it_is_saved_and_loaded(fitted, tmp_path):
    labels = [len(label) for label in LABELS]
    made = tl.TransferClassifier("probe", descriptions={6: "Money."}, random_state=4).fit(
        TEXTS, labels
    )
    folder = made.save(tmp_path / "kept")
    assert not [p for p in folder.rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib", ".pt")]
    again = tl.TransferClassifier.load(folder)
    assert np.array_equal(again.predict_proba(NEW), made.predict_proba(NEW))
    assert again.classes_.dtype == made.classes_.dtype
    assert again.get_params() == made.get_params()
    made.save(folder)  # once more into its own folder
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(tl.UserError, match="holds something else"):
        made.save(tmp_path / "other")
    with pytest.raises(tl.UserError, match="holds no classifier"):
        tl.TransferClassifier.load(tmp_path)
    (folder / "classifier.json").write_text('{"schema": 1}')
    with pytest.raises(tl.UserError, match="is damaged"):
        tl.TransferClassifier.load(folder)


def test_it_has_to_be_fitted_first(tmp_path):
    made = tl.TransferClassifier()
    for ask in (made.predict, made.predict_proba, made.save):
        with pytest.raises(NotFittedError):
            ask(NEW if ask != made.save else tmp_path)
    with pytest.raises(NotFittedError):
        check_is_fitted(made)


@pytest.mark.parametrize(
    ("texts", "labels", "told"),
    [
        (TEXTS, LABELS[:-1], "36 texts and 35 labels"),
        ("a text", LABELS, "must be a list, not one text"),
        (iter(TEXTS), LABELS, "read only once"),
        ([3] * 36, LABELS, "Texts must be texts"),
        (np.zeros((36, 4)), LABELS, "X has 4 columns"),
        (np.zeros((36, 2, 2)), LABELS, "not an array of 3 dimensions"),
        ([*TEXTS[:-1], None], LABELS, "in row 36"),
        (TEXTS, ["a"] * 36, "At least two different labels"),
        (TEXTS, np.linspace(0, 1, 36), "Unknown label type"),
        (TEXTS, [*LABELS[:-1], None], "in row 36"),
        (TEXTS, np.eye(36), "one label for each text"),
        (TEXTS, None, "y must be a list"),
        ([], [], "At least two"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence_and_a_value_error(texts, labels, told):
    with pytest.raises(ValueError, match=told) as fault:
        tl.TransferClassifier("majority").fit(texts, labels)
    assert isinstance(fault.value, tl.UserError)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"strategy": "loar"}, "Did you mean"),
        ({"strategy": 3}, "strategy must be the id of one"),
        ({"strategy": "lora", "settings": {"rnak": 3}}, "rank"),
        ({"strategy": "lora", "settings": {"rank": -1}}, "rank=-1"),
        ({"model": "no-such-model"}, "model"),
        ({"random_state": "x"}, "random_state must be"),
        ({"descriptions": {"nobody": "x"}}, "No row has the label 'nobody'"),
    ],
)
def test_bad_parameters_are_a_sentence_when_it_is_fitted(asked, told):
    made = tl.TransferClassifier(**asked)  # as scikit-learn wants it, nothing is checked here
    with pytest.raises(ValueError, match=told):
        made.fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_tags_renamed",
        "check_get_params_invariance",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
        "check_valid_tag_types",
    ],
)
def test_what_scikit_learn_checks(check):
    """Its checks that hand over no numbers; `check_estimator` skips whatever reads only texts."""
    getattr(estimator_checks, check)("TransferClassifier", tl.TransferClassifier("majority"))


# --- ratings --------------------------------------------------------------------------------------

WORDS = {1: "awful", 2: "poor", 3: "okay", 4: "good", 10: "superb"}
RATED = [f"It was {WORDS[n]}, {i % 7}" for i in range(6) for n in WORDS]
RATINGS = [n for _ in range(6) for n in WORDS]


@pytest.mark.parametrize("kind", [int, str])
def test_ratings_are_answered_by_their_median_and_kept(kind, tmp_path):
    made = tl.TransferClassifier("tfidf", task="ordinal").fit(RATED, [kind(n) for n in RATINGS])
    assert list(made.classes_) == [kind(n) for n in (1, 2, 3, 4, 10)]  # by value, not by letter
    scores = made.predict_proba(RATED)
    median = (np.cumsum(scores, axis=1) < 0.5).sum(1)
    assert list(made.predict(RATED)) == [made.classes_[i] for i in median]
    assert np.abs(made.predict(RATED).astype(int) - RATINGS).mean() < 0.5
    made.save(tmp_path / "kept")
    for again in (tl.TransferClassifier.load(tmp_path / "kept"), pickle.loads(pickle.dumps(made))):
        assert again.task == "ordinal" and list(again.predict(RATED)) == list(made.predict(RATED))


def test_what_is_no_rating_and_what_cannot_rate_is_refused():
    with pytest.raises(ValueError, match="is no whole number"):
        tl.TransferClassifier("tfidf", task="ordinal").fit(TEXTS, LABELS)
    with pytest.raises(ValueError, match="prototype cannot do the task ordinal"):
        tl.TransferClassifier("prototype", task="ordinal").fit(RATED, RATINGS)
    with pytest.raises(ValueError, match="gives each text one label"):
        tl.TransferClassifier("tfidf", task="many-labels").fit(RATED, RATINGS)
    with pytest.raises(ValueError, match="ordinall"):
        tl.TransferClassifier("tfidf", task="ordinall").fit(RATED, RATINGS)
