"""Calibrated probabilities of what is fitted in a blink: fitted inside the labels, on by default,
no answer changed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from tests.tiny_models import TOPICS, drain, text
from tl_core.api.errors import UserError
from tl_core.api.types import Dataset, Example, Finished, Job, Label, Problem, digest
from tl_core.data.loaded import Loaded
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.running import fit_arm
from tl_core.running.run import Encoders, run
from tl_core.statistics.classification.proper_scores import nll
from tl_core.statistics.classification.temperature import heated, mixed, temperature
from tl_core.strategies import strategies
from tl_core.studies import arms
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan, request_of

QUICK = ("tfidf", "knn", "probe", "prior-probe")
TOPIC = ("sea", "bread")
PROBLEM = Problem(
    "one text", "one label", tuple(Label(t, t, (" ".join(TOPICS[t]),)) for t in TOPIC)
)
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def tiny(tiny_models):
    return tiny_models.body(worn=False)


@pytest.fixture(scope="module")
def encoder(tiny):
    source = find(str(tiny))
    return Encoder(load_model(source), source=source)


def rows_of(count: int, seed: int = 1, wrong: float = 0.1) -> list[Example]:
    """Texts of two topics; of some the label is wrong."""
    random = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        said = TOPIC[i % 2]
        label = TOPIC[1 - i % 2] if random.random() < wrong else said
        rows.append(Example(i + 1, f"{text(said, random)} {i}", labels=(label,)))
    return rows


def study_of(model, *requests: ArmRequest, problem=PROBLEM, rows=None, shots=(16,)):
    split, _ = make_split(
        Loaded(Dataset("made", problem, tuple(rows or rows_of(300))), {}, (), (), 0), size=120
    )
    return make_study("made", problem, split, arms=requests, shots=shots, seeds=1, model=str(model))


def results_of(made, tmp_path, **how):
    return {
        e.run: e.result
        for e in run(made, encoders=Encoders("cpu", tmp_path / "cache"), **how)
        if isinstance(e, Finished)
    }


def test_what_is_fitted_in_a_blink_is_calibrated_by_default_and_nothing_else(tiny):
    for id, strategy in strategies().items():
        quick = strategy.quick and not strategy.trains
        assert (arms.around(strategy) is arms.Confidence) == quick and (quick or id not in QUICK)
    study = study_of(
        tiny, *map(ArmRequest, (*QUICK, "majority", "similarity", "prototype", "lora"))
    )
    assert {a.id for a in study.arms if a.scaling == "inside"} == set(QUICK)


@pytest.mark.parametrize("id", QUICK)
def test_no_answer_changes_and_what_was_not_seen_is_foretold_better(id, tiny, tmp_path):
    made = plan(study_of(tiny, ArmRequest(id), ArmRequest(id, {"scaling": "none"}, "raw")))
    found = results_of(made, tmp_path, model_folder=lambda r: tmp_path / "models" / r, keep="all")
    spec_of = {s.arm.id: s for s in made.specs}
    told, raw = found[spec_of[id].id], found[spec_of["raw"].id]
    assert told.status == raw.status == "done" and told.budget == raw.budget
    assert (told.scores.argmax(1) == raw.scores.argmax(1)).all()
    said = float(
        next(n for n in told.notes if n.startswith("Calibrated on 32 training rows"))
        .split("temperature ")[1]
        .split()[0]
    )
    assert np.allclose(heated(mixed(raw.scores, fit_arm.EVEN_SHARE), said), told.scores, atol=0.01)
    gold = np.array([PROBLEM.label_index[e.labels[0]] for e in made.study.split.test])
    assert nll(gold, told.scores).mean() < nll(gold, raw.scores).mean() + 0.01
    assert not any("Calibrated" in n for n in raw.notes)

    encoder = Encoders("cpu", tmp_path / "other").get(
        spec_of[id].arm.model and spec_of[id].arm.model.digest, made.study.model_folders
    )
    again = fit_arm.load(spec_of[id].arm, tmp_path / "models" / told.spec_id, PROBLEM, encoder)
    assert np.allclose(drain(again.predict(made.study.split.test)), told.scores, atol=1e-5)


def test_the_temperature_is_that_of_fits_which_chose_what_the_last_fit_chose(encoder):
    """By hand: four fits of the probe with its chosen strength, one minimum."""
    probe, train = strategies()["probe"], rows_of(80)
    job = Job(PROBLEM, train, probe.settings(), 0, encoder)
    scaled = drain(fit_arm._fit_calibrated(probe, job))
    strength = scaled.predictor.inner.head.strength
    parts = fit_arm._held_in_turn(job)
    assert sorted(e.row for _, held in parts for e in held) == sorted(e.row for e in train)
    assert all(
        {e.row for e in train} == {e.row for e in kept} | {e.row for e in held}
        and not {e.row for e in kept} & {e.row for e in held}
        for kept, held in parts
    )
    said, gold = [], []
    for kept, held in parts:
        said.append(
            drain(
                drain(
                    probe.fit(replace(job, train=kept, params=probe.settings(strength=strength)))
                ).predictor.predict(held)
            )
        )
        gold += [PROBLEM.label_index[e.labels[0]] for e in held]
    p, n = 0.9 * np.concatenate(said) + 0.05, len(gold)
    wanted = (n * np.eye(2)[gold] + 1) / (n + 2)

    def loss(log_t: float) -> float:
        return -(wanted * np.log(heated(p, np.exp(log_t)))).sum() + log_t**2 / 2

    assert scaled.predictor.temperature == pytest.approx(
        np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x), rel=1e-3
    )


def test_a_label_that_was_called_impossible_does_not_spoil_all_others():
    """Nearest neighbours give most labels nothing; one wrong such row in a hundred must not call
    for a temperature of 10.
    """
    gold, p = np.zeros(1000, int), np.tile([0.7, 0.3] + [0.0] * 98, (1000, 1))
    gold[:10] = 50
    assert (
        temperature(gold, p, spread=1.0)
        > 4
        > 1
        > temperature(gold, mixed(p, fit_arm.EVEN_SHARE), spread=1.0)
    )
    assert np.allclose(mixed(p, 0.1).sum(1), 1) and (mixed(p, 0.1).argmax(1) == p.argmax(1)).all()


def test_a_temperature_kept_by_an_older_version_is_read(tmp_path, encoder):
    probe = strategies()["probe"]
    fitted = drain(probe.fit(Job(PROBLEM, rows_of(20), probe.settings(), 0, encoder)))
    (tmp_path / "temperature.json").write_text("0.5")
    assert fit_arm.Scaled.around(fitted.predictor, tmp_path) == fit_arm.Scaled(
        fitted.predictor, 0.5
    )


def test_few_rows_move_the_temperature_little():
    gold, sure = np.array([0, 1, 0, 1]), np.array([[0.5001, 0.4999], [0.4999, 0.5001]] * 2)
    assert temperature(gold, sure) < 0.06 < 0.5 < temperature(gold, sure, spread=1.0) <= 1.0
    many = np.tile(gold, 200), np.tile(np.array([[0.6, 0.4], [0.4, 0.6]] * 2), (200, 1))
    assert temperature(*many, spread=1.0) == pytest.approx(temperature(*many), rel=0.2)


def test_too_few_rows_leave_probabilities_as_they_come_and_say_so(tiny, tmp_path):
    made = plan(
        study_of(
            tiny, ArmRequest("probe"), ArmRequest("probe", {"scaling": "none"}, "raw"), shots=(1, 3)
        )
    )
    found = results_of(made, tmp_path)
    by = {(s.arm.id, s.shots): found[s.id] for s in made.specs}
    for shots in (1, 3):
        assert by["probe", shots].status == "done" and any(
            "it takes 4 rows of each label" in n for n in by["probe", shots].notes
        )
        assert np.allclose(by["probe", shots].scores, by["raw", shots].scores, atol=1e-6)


def test_the_only_row_of_a_label_is_never_left_out_and_many_rows_are_enough(encoder):
    rows = [*rows_of(40), Example(99, "violin", labels=("music",))]
    job = Job(
        replace(PROBLEM, labels=(*PROBLEM.labels, Label("music", "music"))), rows, None, 0, encoder
    )
    parts = fit_arm._held_in_turn(job)
    assert len(parts) == 4 and all(99 in {e.row for e in kept} for kept, _ in parts)
    for kept, held in parts:
        assert {e.labels for e in held} <= {e.labels for e in kept} and max(
            Counter(e.labels for e in held).values()
        ) <= 6
    turned = fit_arm._held_in_turn(replace(job, train=rows[::-1]))
    assert [{e.row for e in held} for _, held in turned] == [
        {e.row for e in held} for _, held in parts
    ], "the order of rows decides nothing"
    many = fit_arm._held_in_turn(replace(job, train=rows_of(6000)))
    assert len(many) == 1 and len(many[0][1]) == 1500


def test_runs_with_several_labels_and_runs_without_scaling_have_the_ids_they_had(tiny):
    many = replace(PROBLEM, target="many labels")
    rows = [replace(e, labels=TOPIC if e.row % 3 == 0 else e.labels) for e in rows_of(300)]
    of_many, unscaled = (
        study_of(tiny, ArmRequest("probe"), problem=many, rows=rows).arms[0],
        study_of(tiny, ArmRequest("probe", {"scaling": "none"})).arms[0],
    )
    for arm in (of_many, unscaled):
        assert arm.scaling == "none" and arm.digest == digest(
            ["probe", arm.strategy_version, arm.settings, arm.model.digest, "fixed"]
        )
    assert request_of(unscaled, PROBLEM).settings == {"scaling": "none"}
    assert (
        request_of(of_many, many).settings
        == request_of(study_of(tiny, ArmRequest("probe")).arms[0], PROBLEM).settings
        == {}
    )


def test_what_cannot_be_asked_is_told(tiny):
    with pytest.raises(
        UserError,
        match=(
            "probe trains no network step by step, so it takes no selection or augmentation. Leave"
            " it out"
        ),
    ):
        study_of(tiny, ArmRequest("probe", {"selection": "dev", "scaling": "none"}))
    with pytest.raises(
        UserError,
        match=(
            "majority trains no network step by step, so it takes no selection, augmentation or"
            " scaling"
        ),
    ):
        study_of(tiny, ArmRequest("majority", {"scaling": "inside"}))
    with pytest.raises(UserError, match="must be one of none, inside"):
        study_of(tiny, ArmRequest("probe", {"scaling": "all"}))


def test_a_base_is_calibrated_as_it_would_be_alone(tiny):
    study = study_of(
        tiny,
        ArmRequest("adapt-then", {"base": "probe"}),
        ArmRequest("adapt-then", {"base": "probe", "base.scaling": "none"}, "raw"),
    )
    assert [a.base.scaling for a in study.arms] == ["inside", "none"] and len(
        {a.digest for a in study.arms}
    ) == 2
