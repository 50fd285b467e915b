"""The questions themselves: each fault is found, with what to do about it, in anybody's test
suite.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from tl_core.api.declarations import strategy_faults
from tl_core.api.strategy import LABELS, Strategy
from tl_core.api.types import Fitted, Step
from tl_core.models.training.frozen import FrozenHead
from tl_core.strategies import strategies
from tl_core.testing import QUESTIONS, check_strategy


class Sound(FrozenHead):
    id = "sound"
    title = "Nearest mean"
    about = "Answers the nearest mean of the training rows, and is here to be broken."

    def head(self, features, gold, labels, params):
        from tl_core.models.training.heads import ABSENT, LinearHead

        means, bias = np.zeros((labels, features.shape[1])), np.full(labels, ABSENT)
        for label in np.unique(gold):
            means[label] = features[gold == label].mean(0)
            bias[label] = -0.5 * means[label] @ means[label]
        return LinearHead(means, bias, 1.0)


class Predictor:
    """Another predictor, with something changed."""

    def __init__(self, inner, change):
        self.inner, self.change = inner, change

    def predict(self, examples):
        return self.change((yield from self.inner.predict(examples)))

    def save(self, folder):
        self.inner.save(folder)


class Changed(Sound):
    change = staticmethod(lambda scores: scores)

    def fit(self, job):
        fitted = yield from super().fit(job)
        return dataclasses.replace(fitted, predictor=Predictor(fitted.predictor, self.change))


class Unseeded(Sound):
    def head(self, features, gold, labels, params):
        noise = np.random.default_rng().normal(size=features.shape)
        return super().head(features + noise, gold, labels, params)


class TorchDice(Sound):
    def head(self, features, gold, labels, params):
        import torch

        torch.rand(3)
        return super().head(features, gold, labels, params)


class Doubled(Changed):
    change = staticmethod(lambda scores: scores * 2)


class Wide(Changed):
    change = staticmethod(lambda scores: scores.astype(np.float64))


class Turned(Changed):
    change = staticmethod(lambda scores: scores[:, ::-1])


class OfCompany(Changed):
    change = staticmethod(lambda s: np.float32((s + s.mean(0)) / 2))


class Pickled(Sound):
    def fit(self, job):
        fitted = yield from super().fit(job)
        save = fitted.predictor.save

        def saving(folder):
            save(folder)
            (folder / "more.pkl").write_bytes(b"")

        fitted.predictor.save = saving
        return fitted


class Forgetful(Sound):
    def load(self, folder, problem, encoder):
        return Predictor(super().load(folder, problem, encoder), lambda scores: scores[:, ::-1])


class Meddling(Sound):
    def fit(self, job):
        fitted = yield from super().fit(job)
        next(job.encoder.model.network.parameters()).data.add_(1.0)
        return fitted


class Silent(Sound):
    def fit(self, job) -> Fitted:
        steps = super().fit(job)
        try:
            while True:
                next(steps)
        except StopIteration as end:
            return end.value
        yield Step(0, 1)


class Dull(Changed):
    change = staticmethod(lambda scores: np.full_like(scores, 1 / scores.shape[1]))


class AnyTask(Sound):
    tasks = LABELS

    def refuses(self, facts):
        return ""


class Nameless(Sound):
    reads_label_names = True


class Cheap(Sound):
    tries = {"rate": (1.0, 2.0)}


ONE = "scores_are_probabilities (one text, one label)"
SAVED = "what_is_saved_and_loaded_gives_the_same_scores (one text, one label)"
FAULTS = [
    (Unseeded, "equal_seeds_give_equal_scores", "job.seed"),
    (Unseeded, "other_seeds_give_other_scores", "Set deterministic to False"),
    (TorchDice, "it_leaves_the_shared_model_and_the_dice_alone", "global generator"),
    (Doubled, ONE, "between 0 and 1"),
    (Wide, ONE, "float32"),
    (Turned, "columns_follow_the_order_of_labels", "set learns_from_few to False"),
    (OfCompany, "company_does_not_matter", "other texts of its batch"),
    (Pickled, SAVED, "more.pkl"),
    (Forgetful, SAVED, "Save all of it"),
    (Meddling, "it_leaves_the_shared_model_and_the_dice_alone", "Change a copy"),
    (Silent, "it_gives_signs_of_life", "yield Step"),
    (Dull, "it_learns_an_easy_language", "set learns_from_few to False"),
    (AnyTask, "it_refuses_in_sentences_and_only_what_it_cannot_do", "super().refuses"),
    (Nameless, "it_refuses_in_sentences_and_only_what_it_cannot_do", "reads_label_names"),
    (Cheap, "it_declares_what_it_is", "tries name rate"),
]


@pytest.mark.parametrize("broken, question, said", FAULTS)
def test_a_fault_is_found_and_it_says_what_to_do(broken, question, said, bench):
    with pytest.raises(AssertionError, match=re.escape(said)):
        QUESTIONS[question](broken(), bench)


@pytest.mark.parametrize("question", [q for q in QUESTIONS if "200" not in q])
def test_what_is_sound_passes(question, bench):
    from tl_core.testing import NotAsked

    try:
        QUESTIONS[question](Sound(), bench)
    except NotAsked as reason:
        assert "one label" not in question and "refused" in str(reason)


def test_all_of_them_at_once(monkeypatch):
    """What fails is listed together; what is no strategy is said before anything is made."""
    few = {q: QUESTIONS[q] for q in ("it_declares_what_it_is", ONE)}
    monkeypatch.setattr("tl_core.testing.strategies.QUESTIONS", few)
    assert check_strategy(Sound()) == dict.fromkeys(few, "")
    with pytest.raises(AssertionError, match="(?s)sound fails 1 of 2 questions.*between 0 and 1"):
        check_strategy(Doubled())
    with pytest.raises(AssertionError, match="(?s)fails 1 of 1 questions.*tries name rate"):
        check_strategy(Cheap())
    with pytest.raises(AssertionError, match="Hand over an instance"):
        check_strategy(Sound)  # type: ignore[arg-type]


def test_nothing_is_asked_of_a_strategy_with_getattr():
    """Every capability has a default in the base class."""
    for strategy in strategies().values():
        assert isinstance(strategy, Strategy) and strategy_faults(strategy) == []
