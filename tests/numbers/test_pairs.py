"""Rows of two texts: how trained bodies read them, and from where training starts."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest

from tests.tiny_models import TOPICS, drain, make, make_entailing, text
from tl_core.data.columns import Loaded
from tl_core.errors import UserError
from tl_core.experiments import arms
from tl_core.experiments.plan import ArmRequest, make_split, make_study, plan
from tl_core.models.catalog import find
from tl_core.models.classifier import HEAD_STRENGTH, TextClassifier
from tl_core.models.encoding import Encoder
from tl_core.models.heads import fit_head, softmax
from tl_core.models.loading import load_model
from tl_core.strategies import strategies
from tl_core.types import Dataset, Example, Job, Label, Problem, digest

ADAPTERS = ("lora", "dora", "ia3", "bitfit", "bottleneck", "soft-prompt", "prefix")
READERS = (*ADAPTERS, "full", "scratch")  # strategies that can be told how to read two texts
LABELS = (Label("different", "different topic"), Label("same", "same topic"))
PAIRS = Problem("two texts", "one label", LABELS)
SINGLE = Problem("one text", "one label", LABELS)
QUICK = {"min_steps": 3, "max_steps": 3}
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A body, a sentence encoder made of it, and a classifier of pairs that was saved as a sentence encoder would be."""
    from sentence_transformers import SentenceTransformer

    root = tmp_path_factory.mktemp("pairs")
    found = {"body": make(root / "body"), "judge": make_entailing(root / "judge")}
    SentenceTransformer(str(found["body"]), device="cpu").save(str(root / "encoder"))
    found["encoder"] = root / "encoder"
    for part in ("modules.json", "1_Pooling"):
        (shutil.copytree if (root / "encoder" / part).is_dir() else shutil.copy)(root / "encoder" / part, found["judge"] / part)
    return found


@pytest.fixture(scope="module")
def encoder(folders):
    source = find(str(folders["encoder"]))
    return Encoder(load_model(source), source=source)


def pairs_of(count: int, seed: int = 0) -> list[Example]:
    """Every other row has two texts of one topic."""
    random, topics = np.random.default_rng(seed), list(TOPICS)
    rows = []
    for i in range(count):
        first, other = random.permutation(topics)[:2]
        second = first if i % 2 else other
        rows.append(Example(i + 1, text(first, random), text(second, random), (LABELS[i % 2].id,)))
    return rows


def settings(id: str, **changes):
    return strategies()[id].Params(**QUICK, **changes)


@pytest.mark.parametrize("kind,apart", [("encoder", True), ("body", False), ("judge", False)])
def test_the_model_decides_how_two_texts_are_read_unless_somebody_does(kind, apart, folders):
    encoder = Encoder(load_model(find(str(folders[kind]))))
    assert TextClassifier(encoder, PAIRS, start=0).apart == apart
    assert TextClassifier(encoder, PAIRS, start=0, pairs="apart").apart
    assert not TextClassifier(encoder, PAIRS, start=0, pairs="together").apart
    assert not TextClassifier(encoder, SINGLE, start=0, pairs="apart").apart, "of one text there is nothing to read apart"


@pytest.mark.parametrize("start", [0, 2])
def test_training_starts_where_the_probe_is(start, encoder):
    """Read apart, the head begins as a linear head on the very features that the probe is fitted on."""
    train, test = pairs_of(24), pairs_of(30, seed=5)
    model = TextClassifier(encoder, PAIRS, start=start, pairs="apart")
    drain(model.start_head_from_probe(train))
    gold = np.array([PAIRS.label_index[e.labels[0]] for e in train])
    probe = fit_head(drain(encoder.features(train)), gold, 2, HEAD_STRENGTH)
    assert np.allclose(drain(model.predict(test)), softmax(probe.logits(drain(encoder.features(test)))), atol=1e-4)
    together = TextClassifier(encoder, PAIRS, start=start, pairs="together")
    drain(together.start_head_from_probe(train))
    assert not np.allclose(drain(together.predict(test)), drain(model.predict(test)), atol=1e-2)


@pytest.mark.parametrize("id", READERS)
def test_what_reads_two_texts_apart_is_saved_and_company_does_not_matter(id, encoder, tmp_path):
    strategy, train = strategies()[id], pairs_of(12)
    test = [*pairs_of(8, seed=3), Example(90, "ship " * 40, "rye", ("same",)), Example(91, "", "wave", ("same",))]
    predictor = drain(strategy.fit(Job(PAIRS, train, settings(id, pairs="apart"), 0, encoder))).predictor
    scores = drain(predictor.predict(test))
    predictor.save(tmp_path)
    assert json.loads((tmp_path / "classifier.json").read_text())["apart"] is True
    fresh = strategy.load(tmp_path, PAIRS, encoder)
    assert np.allclose(np.concatenate([drain(fresh.predict([e])) for e in test]), scores, atol=1e-4)
    swapped = [replace(e, text=e.text_b, text_b=e.text) for e in test]
    assert np.allclose(drain(fresh.predict(swapped)), scores, atol=1e-4), "both texts are read by the same body, and neither is first"


@pytest.mark.parametrize("id", READERS)
def test_a_model_that_was_kept_before_there_was_a_choice_is_read_as_it_was_trained(id, encoder, tmp_path):
    strategy, train = strategies()[id], pairs_of(12)
    predictor = drain(strategy.fit(Job(PAIRS, train, settings(id, pairs="together"), 0, encoder))).predictor
    scores = drain(predictor.predict(train))
    predictor.save(tmp_path)
    kept = json.loads((tmp_path / "settings.json").read_text())
    (tmp_path / "settings.json").write_text(json.dumps({k: v for k, v in kept.items() if k != "pairs"}))
    assert np.allclose(drain(strategy.load(tmp_path, PAIRS, encoder).predict(train)), scores, atol=1e-5)


@pytest.mark.parametrize("id", ["lora", "full"])
def test_what_relates_two_texts_is_learnt_from_a_few_rows(id, encoder):
    """Whether two texts share a topic stands in neither of them."""
    train, test = pairs_of(48), pairs_of(100, seed=9)
    fitted = drain(strategies()[id].fit(Job(PAIRS, train, strategies()[id].Params(), 0, encoder)))
    right = [PAIRS.label_ids[i] == e.labels[0] for i, e in zip(drain(fitted.predictor.predict(test)).argmax(1), test, strict=True)]
    assert np.mean(right) > 0.7  # one answer for all rows is right in half of them


# --- settings that only rows of two texts know ----------------------------------------------------------


def study_of(problem: Problem, model, *requests: ArmRequest):
    rows = [e if problem.inputs == "two texts" else replace(e, text_b=None, text=f"{e.text} {e.row}") for e in pairs_of(60)]
    split, _ = make_split(Loaded(Dataset("made", problem, tuple(rows)), {}, (), (), 0), size=20)
    return make_study("made", problem, split, arms=requests, shots=(4,), seeds=1, model=str(model))


@pytest.mark.parametrize("id", READERS)
def test_a_run_on_single_texts_has_the_id_it_had_before_there_was_a_choice(id, folders):
    (arm,) = study_of(SINGLE, folders["encoder"], ArmRequest(id)).arms
    before = {k: v for k, v in asdict(strategies()[id].Params()).items() if k != "pairs"}
    assert arm.settings == before
    assert arm.digest == digest([id, arm.strategy_version, before, arm.model.digest, "fixed"])
    (pair,) = study_of(PAIRS, folders["encoder"], ArmRequest(id)).arms
    assert pair.settings == {**before, "pairs": "auto"} and pair.digest != arm.digest


def test_an_arm_of_an_older_study_reads_two_texts_as_it_did(folders):
    (arm,) = study_of(PAIRS, folders["encoder"], ArmRequest("lora")).arms
    older = replace(arm, settings={k: v for k, v in arm.settings.items() if k != "pairs"})
    assert arms.params_of(older, PAIRS).pairs == "together" and arms.params_of(arm, PAIRS).pairs == "auto"


def test_a_setting_about_two_texts_is_refused_where_there_is_one(folders):
    with pytest.raises(UserError, match="pairs=apart is about rows of two texts.*Leave it out"):
        study_of(SINGLE, folders["encoder"], ArmRequest("lora", {"pairs": "apart"}), ArmRequest("majority"))
    assert plan(study_of(PAIRS, folders["encoder"], ArmRequest("lora", {"pairs": "apart"}))).study.arms[0].settings["pairs"] == "apart"
