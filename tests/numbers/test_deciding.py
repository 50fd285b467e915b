"""What a text is answered where it may have several labels: by every kind of strategy, when saved,
read again and compared.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest

from tests.tiny_models import TOPICS, drain, text
from tl_core.analysis.compare import compare
from tl_core.analysis.decision.entries import entries_of
from tl_core.analysis.decision.quality import quality
from tl_core.analysis.record import record
from tl_core.api.types import Dataset, Example, Finished, Job, Label, Problem, digest, rows_digest
from tl_core.data.loaded import Loaded
from tl_core.running import fit_arm
from tl_core.running.run import Encoders, run
from tl_core.statistics.classification.constant import best_constant
from tl_core.statistics.classification.f1 import macro_f1
from tl_core.statistics.classification.proper_scores import nll
from tl_core.studies import arms
from tl_core.studies import thresholds as deciding
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan
from tl_core.studies.store import Store
from tl_core.tasks import task_of

NAMES = tuple(TOPICS)[:4]
MANY = Problem("one text", "many labels", tuple(Label(t, t, (" ".join(TOPICS[t]),)) for t in NAMES))
QUICK = {"min_steps": 8, "max_steps": 8}
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def tiny(tiny_models):
    return tiny_models.body(worn=False)


def rows_of(count: int = 120, seed: int = 1, *, none: float = 0.0) -> list[Example]:
    """The text of a row speaks of each of its labels: one, seldom two; a share of rows speaks of
    nothing.
    """
    random = np.random.default_rng(seed)
    rows = []
    for i in range(1, count + 1):
        said = (
            []
            if random.random() < none
            else sorted(random.choice(len(NAMES), 1 + (random.random() < 0.2), replace=False))
        )
        words = " ".join(text(NAMES[c], random) for c in said) or "nothing"
        rows.append(Example(i, f"{words} {i}", labels=tuple(NAMES[c] for c in said)))
    return rows


def study_of(model, *requests: ArmRequest, rows=None, shots=(0, 1, 8), seeds=1):
    loaded = Loaded(Dataset("made", MANY, tuple(rows or rows_of())), {}, (), (), 0)
    split, _ = make_split(loaded, size=40)
    return make_study(
        "made", MANY, split, arms=requests, shots=shots, seeds=seeds, model=str(model)
    )


def results_of(made, tmp_path, **how):
    found = {}
    for event in run(made, encoders=Encoders("cpu", tmp_path / "cache"), **how):
        if isinstance(event, Finished):
            assert event.result.status in ("done", "refused"), event.result.error
            found[event.run] = event.result
    return found


def answered(made, results, arm: str, shots: int | None = 8) -> np.ndarray:
    """(n, C) bool."""
    spec = next(s for s in made.specs if (s.arm.id, s.shots) == (arm, shots))
    return task_of(MANY).decide(results[spec.id].scores)


def f1_of(made, said: np.ndarray) -> float:
    return macro_f1(task_of(MANY).gold(MANY, made.study.split.test), said, len(NAMES), many=True)


EASY = ("tfidf", "knn", "prototype", "prior-probe", "probe", "similarity")


def test_a_few_rows_of_each_label_answer_new_texts(tiny, tmp_path):
    """A cut of one half gave 79 of 80 texts no label."""
    made = plan(study_of(tiny, *map(ArmRequest, ("majority", *EASY))))
    results = results_of(made, tmp_path)
    gold = task_of(MANY).gold(MANY, made.study.split.test)
    floor = macro_f1(gold, best_constant(gold, many=True), len(NAMES), many=True)
    assert f1_of(made, answered(made, results, "majority")) == pytest.approx(floor)
    for arm in EASY:
        said = answered(made, results, arm, 0 if arm == "similarity" else 8)
        assert said.any(1).all(), f"{arm}: every training row has a label, and so has every answer"
        assert f1_of(made, said) > floor - 0.05, arm
    assert f1_of(made, answered(made, results, "tfidf")) > 0.8
    for spec in made.specs:
        result = results[spec.id]
        assert len(result.cuts) == len(NAMES) and 0 <= min(result.cuts) <= max(result.cuts) < 1
        assert any(
            n.startswith("A label is predicted where its probability reaches its threshold.")
            for n in result.notes
        )
        told = " ".join(result.notes)
        assert ("labels were not seen" in told) == (spec.arm.id == "similarity")
        assert ("too few labels have two rows" in told) <= (spec.shots == 1)
    comparison = compare(made, results)
    line = next(
        x for x in entries_of(made, results, comparison) if x.arm == "tfidf" and x.cell.shots == 8
    )
    assert line.constant.mean() == pytest.approx(floor, abs=0.02), (
        "nothing learnt means no more than every label given to every row"
    )


def test_scores_say_what_is_given_and_probabilities_stay_probabilities(tiny, tmp_path):
    made = plan(study_of(tiny, ArmRequest("tfidf"), shots=(8,)))
    results = results_of(made, tmp_path)
    (result,) = results.values()
    gold = task_of(MANY).gold(MANY, made.study.split.test)
    believed = deciding.probabilities(result)
    loss = partial(nll, gold, many=True)
    assert loss(believed).mean() < loss(result.scores).mean() or max(result.cuts) > 0.4
    (line,) = entries_of(made, results, compare(made, results))
    assert quality(line, trust=False).nll.value == pytest.approx(loss(believed).mean())
    assert record(made, results, compare(made, results), statuses={}, context={})["runs"][0][
        "cuts"
    ] == list(result.cuts)


def test_rows_without_any_label_allow_an_answer_without_any(tiny, tmp_path):
    made = plan(
        study_of(
            tiny,
            ArmRequest("tfidf"),
            ArmRequest("similarity"),
            rows=rows_of(none=0.3),
            shots=(0, None),
        )
    )
    results = results_of(made, tmp_path)
    said = answered(made, results, "tfidf", None)
    empty = np.array([not e.labels for e in made.study.split.test])
    assert not said[empty].any(1).all() and said[~empty].any(1).mean() > 0.9
    assert not any("because every row has one" in n for r in results.values() for n in r.notes)


@pytest.mark.parametrize("id", ["lora", "full", "contrastive", "word-rnn"])
def test_what_trains_leaves_rows_out_once_and_keeps_its_cuts(id, tiny, tmp_path):
    made = plan(study_of(tiny, ArmRequest(id, QUICK), shots=(4,)))
    results = results_of(
        made, tmp_path, model_folder=lambda run: tmp_path / "models" / run, keep="all"
    )
    (spec,) = made.specs
    assert any("rows that were left out of a fit" in n for n in results[spec.id].notes)
    encoder = Encoders("cpu", tmp_path / "other").get(
        spec.arm.model.digest, made.study.model_folders
    )
    again = fit_arm.load(spec.arm, tmp_path / "models" / spec.id, MANY, encoder)
    assert np.allclose(
        drain(again.predict(made.study.split.test)), results[spec.id].scores, atol=1e-4
    )
    assert id == "word-rnn" or again.model is again.inner.model, (
        "what it trained can be looked into"
    )
    assert arms.passes(spec.arm, 16, 40, many=True) > arms.passes(spec.arm, 16, 40)
    (
        tmp_path / "models" / spec.id / deciding.FILE
    ).unlink()  # as a study left it that knew of no cuts
    before = fit_arm.load(spec.arm, tmp_path / "models" / spec.id, MANY, encoder)
    assert (
        np.allclose(
            drain(before.predict(made.study.split.test)),
            deciding.probabilities(results[spec.id]),
            atol=0.02,
        )
        or again.one_at_least
    )


def test_settings_are_chosen_by_macro_f1_and_the_rows_left_out_serve_for_the_cuts(tiny, tmp_path):
    requests = [ArmRequest("lora", {**QUICK, "selection": how}, how) for how in ("inside", "dev")]
    made = plan(study_of(tiny, *requests, shots=(4,)))
    for spec in made.specs:
        encoder = Encoders("cpu", tmp_path / "cache").get(
            spec.arm.model.digest, made.study.model_folders
        )
        pool = {e.row: e for e in made.study.split.pool}
        train, chosen = ([pool[r] for r in rows] for rows in (spec.train, spec.selection))
        fitted = drain(fit_arm.fit(spec.arm, Job(MANY, train, None, 0, encoder, selection=chosen)))
        assert fitted.held_out[0].shape == (len(chosen or train), len(NAMES))
        assert "macro-F1 there" in " ".join(fitted.notes) and len(fitted.predictor.cuts) == len(
            NAMES
        )


def test_an_arm_that_fewer_rows_do_not_allow_keeps_the_usual_cuts(tiny, tmp_path):
    made = plan(study_of(tiny, ArmRequest("full", {**QUICK, "early_stopping": 0.3}), shots=(2,)))
    (result,) = results_of(made, tmp_path).values()
    assert any("once some are left out" in n for n in result.notes)


def test_rows_left_out_are_not_charged_again(tiny, tmp_path):
    """What others have embedded is charged to every run that uses it, once."""
    made = plan(study_of(tiny, ArmRequest("prototype"), shots=(8,)))
    (spec,) = made.specs
    encoder = Encoders("cpu", tmp_path / "cache").get(
        spec.arm.model.digest, made.study.model_folders
    )
    train = [e for e in made.study.split.pool if e.row in spec.train]
    drain(encoder.features(train))
    charged = []
    for fit in (
        lambda job: arms.strategies()["prototype"].fit(job),
        lambda job: fit_arm.fit(spec.arm, job),
    ):
        encoder.borrowed_seconds = 0.0
        drain(fit(Job(MANY, train, arms.strategies()["prototype"].settings(), 0, encoder)))
        charged.append(encoder.borrowed_seconds)
    assert charged[0] > 0 and charged[1] == pytest.approx(charged[0])


def test_an_older_study_is_read_as_it_was(tiny, tmp_path):
    """Runs without cuts were decided at one half, and arms of an older version ask for the same
    runs as they did.
    """
    made = plan(study_of(tiny, ArmRequest("tfidf"), ArmRequest("similarity"), shots=(0, 8)))
    results = results_of(made, tmp_path)
    store = Store(tmp_path / "study")
    store.prepare()
    for result in results.values():
        store.save_result(result)
        assert Store(tmp_path / "study").result(result.spec_id).cuts == result.cuts
        path = tmp_path / "study" / "runs" / f"{result.spec_id}.json"
        path.write_text(
            path.read_text(encoding="utf-8").replace('"cuts"', '"unknown"'), encoding="utf-8"
        )
        old = Store(tmp_path / "study").result(result.spec_id)
        assert old.cuts == () and np.array_equal(
            deciding.probabilities(old), old.scores.astype(float)
        )
    older = dataclasses.replace(
        made.study, arms=tuple(dataclasses.replace(a, strategy_version=1) for a in made.study.arms)
    )
    similar = next(s for s in plan(older).specs if s.arm.id == "similarity")
    assert similar.data == digest(
        [dataclasses.asdict(MANY), rows_digest([]), older.split.test_digest]
    )
    (again,) = (
        e.result
        for e in run(
            dataclasses.replace(plan(older), specs=(similar,)),
            encoders=Encoders("cpu", tmp_path / "cache"),
        )
        if isinstance(e, Finished)
    )
    assert again.status == "done" and again.cuts == ()
