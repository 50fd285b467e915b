"""What stands around a strategy: choosing its settings by labels, copying its rows, and building on
a changed model.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest

from tests.tiny_models import TOPICS, drain, text
from tl_core.analysis.compare import compare
from tl_core.analysis.record import record
from tl_core.api.errors import UserError
from tl_core.api.types import Dataset, Example, Finished, Job, Label, Problem
from tl_core.data.loaded import Loaded
from tl_core.data.split import Pool
from tl_core.models.catalog import find
from tl_core.models.embedding_cache import EmbeddingCache, text_key
from tl_core.models.encoding import Encoder, nothing_remembered
from tl_core.models.language_models import language_model_of
from tl_core.models.loading import load_model
from tl_core.models.training.augmentation import augmented
from tl_core.running import fit_arm
from tl_core.running.run import Encoders, run
from tl_core.statistics.classification.proper_scores import nll
from tl_core.statistics.classification.temperature import heated
from tl_core.strategies import strategies
from tl_core.studies import arms
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan, texts_for
from tl_core.studies.store import Store

LABELS = tuple(Label(t, t, (" ".join(TOPICS[t]),)) for t in ("sea", "bread"))
PROBLEM = Problem("one text", "one label", LABELS)
QUICK = {"min_steps": 3, "max_steps": 3}
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def tiny(tiny_models):
    return tiny_models.body(worn=False)


@pytest.fixture(scope="module")
def filling(tiny_models):
    return tiny_models.headed("bert")


def rows_of(count: int = 60, seed: int = 1) -> list[Example]:
    random = np.random.default_rng(seed)
    return [
        Example(i, f"{text(t, random)} {text(t, random)} {i}", labels=(t,))
        for i, t in enumerate(("sea", "bread") * (count // 2), start=1)
    ]


def study_of(model, *requests: ArmRequest, rows=None, shots=(1, 4), seeds=1):
    loaded = Loaded(Dataset("made", PROBLEM, tuple(rows or rows_of())), {}, (), (), 0)
    split, _ = make_split(loaded, size=20)
    return make_study(
        "made", PROBLEM, split, arms=requests, shots=shots, seeds=seeds, model=str(model)
    )


def results_of(made, tmp_path, **how):
    found = {}
    for event in run(made, encoders=Encoders("cpu", tmp_path / "cache"), **how):
        if isinstance(event, Finished):
            assert event.result.status in ("done", "refused"), event.result.error
            found[event.run] = event.result
    return found


# --- selection ------------------------------------------------------------------------------------


def test_every_strategy_that_trains_can_choose_and_no_other(tiny):
    trained = {id for id, s in strategies().items() if s.trains}
    assert {
        "lora",
        "dora",
        "ia3",
        "bitfit",
        "bottleneck",
        "soft-prompt",
        "prefix",
        "full",
        "scratch",
        "contrastive",
    } <= trained
    assert not trained & {"majority", "tfidf", "probe", "knn", "cloze", "similarity", "adapt-then"}
    for id in trained:
        tried = arms.candidates(strategies()[id], strategies()[id].settings())
        assert len(tried) == 3 and strategies()[id].settings() in tried
    with pytest.raises(UserError, match="probe trains no network"):
        study_of(tiny, ArmRequest("probe", {"selection": "dev"}))
    with pytest.raises(UserError, match="must be one of fixed, inside, dev, oracle"):
        study_of(tiny, ArmRequest("lora", {"selection": "best"}))


def test_candidates_keep_inside_the_bounds():
    lora = strategies()["lora"]
    assert [p.learning_rate for p in arms.candidates(lora, lora.settings(learning_rate=10.0))] == [
        pytest.approx(10 / 3),
        10.0,
    ]


@pytest.mark.parametrize("how", ["fixed", "inside", "dev", "oracle"])
def test_rows_that_choose_are_further_rows_of_the_same_draw(how, tiny):
    study = study_of(tiny, ArmRequest("lora", {"selection": how, **QUICK}), shots=(4,), seeds=3)
    pool = {e.row: e for e in study.split.pool}
    for spec in plan(study).specs:
        assert not set(spec.selection) & set(spec.train) and set(spec.selection) <= pool.keys()
        if how == "dev":
            assert Counter(pool[r].labels for r in spec.selection) == {("sea",): 4, ("bread",): 4}
            twice = [
                pool[study.split.pool[i].row].row
                for i in Pool(study.split.pool, PROBLEM).k_shot(8, seed=spec.seed)
            ]
            assert set(twice) == {*spec.train, *spec.selection}, "the next rows of the same order"
        if how == "oracle":
            assert len(spec.selection) == len(study.split.pool) - 8
        if how in ("fixed", "inside"):
            assert spec.selection == ()


def test_one_way_of_choosing_is_not_another_run(tiny):
    study = study_of(
        tiny,
        *(
            ArmRequest("lora", {"selection": how, **QUICK}, how)
            for how in ("fixed", "inside", "dev", "oracle")
        ),
        shots=(4,),
    )
    assert len({s.id for s in plan(study).specs}) == 4
    one_less = dataclasses.replace(
        study, split=dataclasses.replace(study.split, pool=study.split.pool[1:])
    )
    same = {s.arm.id for s in plan(one_less).specs} - {
        s.arm.id for s in plan(one_less).specs if s.id not in {x.id for x in plan(study).specs}
    }
    assert "oracle (optimistic)" not in same, "the rows that choose are part of what is computed"


def test_an_oracle_is_called_optimistic_wherever_it_is_shown_and_costs_no_labels(tiny, tmp_path):
    made = plan(
        study_of(
            tiny,
            *(ArmRequest("lora", {"selection": how, **QUICK}, how) for how in ("dev", "oracle")),
            shots=(4,),
        )
    )
    results = results_of(made, tmp_path)
    comparison = compare(made, results)
    by_arm = {c.arm: c for c in comparison.cells}
    assert by_arm["oracle (optimistic)"].labels == 8 and by_arm["dev"].labels == 16
    assert {r.budget["selection"] for r in results.values()} == {8, len(made.study.split.pool) - 8}
    written = record(made, results, comparison, statuses={}, context={})
    assert {a["selection"] for a in written["arms"]} == {"dev", "oracle"}
    assert all(
        "optimistic" in x["arm"]
        for x in (*written["summary"], *written["runs"])
        if x["arm"] != "dev"
    )


def test_too_few_labels_to_choose_by_are_refused_in_a_sentence(tiny):
    requests = [ArmRequest("lora", {"selection": how}, how) for how in ("inside", "dev", "oracle")]
    made = plan(study_of(tiny, *requests, shots=(1, 15, None)))
    said = {(s.arm.id.split()[0], s.shots): made.refused.get(s.id, "") for s in made.specs}
    assert "Choose 2 or more shots" in said["inside", 1] and not said["inside", 15]
    assert "not 30" in said["dev", 15] and not said["dev", 1]
    assert (
        "with all rows there are none" in said["dev", None]
        and "with all rows there are none" in said["oracle", None]
    )


@pytest.mark.parametrize("how", ["inside", "dev", "oracle"])
def test_the_candidate_that_is_right_on_rows_held_out_is_taken(how, tiny, tmp_path):
    """A rate of nearly nothing leaves the network as it was drawn; three times a good rate learns.
    It is found.
    """
    settings = {
        "learning_rate": 1e-3,
        "head_learning_rate": 1e-2,
        "min_steps": 8,
        "max_steps": 8,
        "selection": how,
    }
    made = plan(study_of(tiny, ArmRequest("scratch", settings), shots=(8,)))
    result = next(iter(results_of(made, tmp_path).values()))
    said = next(n for n in result.notes if n.startswith(f"selection={how}"))
    by_hand = {}
    for rate in (1e-3 / 3, 1e-3, 3e-3):
        other = plan(
            study_of(
                tiny,
                ArmRequest("scratch", {**settings, "learning_rate": rate, "selection": "fixed"}),
                shots=(8,),
            )
        )
        by_hand[rate] = next(iter(results_of(other, tmp_path).values())).scores
    chosen = float(said.split("learning_rate=")[1].split()[0])
    assert np.allclose(
        result.scores, by_hand[min(by_hand, key=lambda r: abs(r - chosen))], atol=1e-6
    ), "the last fit is on all training rows, with what was chosen"


def test_progress_of_several_fits_only_rises(tiny, tmp_path):
    made = plan(study_of(tiny, ArmRequest("lora", {"selection": "inside", **QUICK}), shots=(4,)))
    shares = [
        e.step.done / e.step.total
        for e in run(made, encoders=Encoders("cpu", tmp_path / "cache"))
        if hasattr(e, "step") and e.step.total >= 13_000
    ]
    assert len(shares) > 30 and shares == sorted(shares) and shares[-1] == 1.0


# --- augmentation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["delete", "swap"])
def test_copies_are_of_the_text_and_of_its_label(how):
    rows = [
        *rows_of(6),
        Example(90, "alone", labels=("sea",)),
        Example(91, "", labels=("sea",)),
        Example(92, "two words", "and three here", ("bread",)),
    ]
    made = drain(augmented(rows, how, 3, 0, None))
    assert made[: len(rows)] == rows and len(made) == 4 * len(rows)
    for i, copy in enumerate(made[len(rows) :]):
        original = rows[i // 3]
        old, new = original.text.split(), copy.text.split()
        assert copy.labels == original.labels and copy.row == original.row
        if len(old) < 2:
            assert copy.text == original.text
        elif how == "swap":
            assert Counter(old) == Counter(new) and old != new
        else:
            assert len(new) == len(old) - max(1, round(0.1 * len(old))) and not Counter(
                new
            ) - Counter(old)
    assert drain(augmented(rows[::-1], how, 3, 0, None))[len(rows) :][:3] == made[-3:], (
        "the order of the rows decides nothing"
    )
    assert drain(augmented(rows, how, 3, 1, None)) != made


def test_a_word_is_replaced_by_one_of_the_likeliest_ten(filling):
    source = find(str(filling))
    encoder = Encoder(None, source=source)
    rows = [Example(1, "ship near the harbour", labels=("sea",))]
    made = drain(augmented(rows, "replace", 12, 0, encoder))[1:]
    from tl_core.models.language_models import Asked
    from tl_core.models.language_models.blanks import read_token

    model, seen = language_model_of(encoder), set()
    for copy in made:
        changed = [
            i
            for i, (a, b) in enumerate(zip(rows[0].text.split(), copy.text.split(), strict=True))
            if a != b
        ]
        assert len(changed) == 1
        words = rows[0].text.split()
        words[changed[0]] = "[MASK]"
        log_probs = model.log_probs(model.read(" ".join(words)), [Asked(((),), 0)])[0]
        ranked = [
            read_token(t, model.tokenizer) for t in log_probs.argsort(descending=True).tolist()
        ]
        allowed = [
            w
            for w, begins in ranked
            if begins and w.isalpha() and w != rows[0].text.split()[changed[0]]
        ][:10]
        assert copy.text.split()[changed[0]] in allowed
        seen.add(copy.text)
    assert len(seen) > 4
    assert made == drain(augmented(rows, "replace", 12, 0, encoder))[1:]


def test_copies_are_no_labels(tiny, filling, tmp_path):
    made = plan(
        study_of(
            filling,
            *(
                ArmRequest("lora", {"augmentation": how, **QUICK}, how)
                for how in ("none", "delete", "replace")
            ),
            shots=(4,),
        )
    )
    results = results_of(made, tmp_path)
    assert {r.budget["train"] for r in results.values()} == {8}
    scores = [r.scores for r in results.values()]
    assert not np.allclose(scores[0], scores[1]) and not np.allclose(scores[0], scores[2])
    assert [any("24 made-up copies" in n for n in r.notes) for r in results.values()] == [
        False,
        True,
        True,
    ]
    with pytest.raises(UserError, match="does not. Use minilm-masked, or augmentation=delete"):
        plan(study_of(tiny, ArmRequest("lora", {"augmentation": "replace"})))


# --- scaling --------------------------------------------------------------------------------------


def test_scaling_changes_how_sure_an_arm_is_and_no_answer(tiny, tmp_path):
    rows = rows_of(80)
    wrong = [
        dataclasses.replace(e, labels=("bread" if e.labels == ("sea",) else "sea",))
        if i % 5 == 0
        else e
        for i, e in enumerate(rows)
    ]
    settings = {"learning_rate": 3e-3, "head_learning_rate": 3e-2, "min_steps": 20, "max_steps": 20}
    requests = [
        ArmRequest("full", settings, "raw"),
        ArmRequest("full", {**settings, "scaling": "inside"}, "scaled"),
    ]
    made = plan(study_of(tiny, *requests, rows=wrong, shots=(1, 16)))
    assert "nothing can be left out" in next(
        made.refused[s.id] for s in made.specs if (s.arm.id, s.shots) == ("scaled", 1)
    )
    found = results_of(
        made, tmp_path, model_folder=lambda run: tmp_path / "models" / run, keep="all"
    )
    by_arm = {s.arm.id: s for s in made.specs if s.shots == 16}
    raw, scaled = (found[by_arm[name].id] for name in ("raw", "scaled"))
    assert raw.budget == scaled.budget and (raw.scores.argmax(1) == scaled.scores.argmax(1)).all()

    told = float(
        next(n for n in scaled.notes if n.startswith("scaling=inside: on 32 training rows"))
        .rsplit(" ", 1)[1]
        .rstrip(".")
    )
    assert told > 1 and np.allclose(
        heated(raw.scores, told), scaled.scores, atol=0.01
    )  # a fifth of the labels is wrong, and it was sure of them all
    gold = np.array([made.study.problem.label_index[e.labels[0]] for e in made.study.split.test])
    assert nll(gold, scaled.scores).mean() < nll(gold, raw.scores).mean()

    spec = by_arm["scaled"]
    encoder = Encoders("cpu", tmp_path / "other").get(
        spec.arm.model.digest, made.study.model_folders
    )
    again = fit_arm.load(spec.arm, tmp_path / "models" / spec.id, PROBLEM, encoder)
    assert np.allclose(drain(again.predict(made.study.split.test)), scaled.scores, atol=1e-5)
    assert again.model is again.inner.model, "what it trained can be looked into"
    assert arms.passes(spec.arm, 32, 20) > 2 * arms.passes(by_arm["raw"].arm, 32, 0)


def test_scaling_is_of_one_answer(tiny):
    problem = dataclasses.replace(PROBLEM, target="many labels")
    study = dataclasses.replace(
        study_of(
            tiny, ArmRequest("lora", {"scaling": "inside"}, "x"), ArmRequest("majority"), shots=(4,)
        ),
        problem=problem,
    )
    assert any(
        "a text may have several labels. Leave scaling out" in said
        for said in plan(study).refused.values()
    )


# --- adapt-then -----------------------------------------------------------------------------------

ADAPTED = {"steps": 3, "length": 8}


def test_another_strategy_learns_on_a_model_that_has_read_the_texts(filling, tmp_path):
    settings = {**ADAPTED, "learning_rate": 1e-2}
    requests = [
        ArmRequest("adapt-then", {**settings, "base": "probe"}, "read"),
        ArmRequest(
            "adapt-then",
            {
                **settings,
                "base": "lora",
                "base.rank": "2",
                "base.max_steps": 3,
                "base.min_steps": 3,
            },
        ),
        ArmRequest("probe"),
    ]
    made = plan(study_of(filling, *requests, shots=(4,), seeds=2))
    results = results_of(
        made, tmp_path, model_folder=lambda run: tmp_path / "models" / run, keep="all"
    )
    spec_of = {s.arm.id + str(s.seed): s for s in made.specs}
    assert not np.allclose(
        results[spec_of["read0"].id].scores, results[spec_of["probe0"].id].scores, atol=1e-3
    )
    assert made.study.arms[1].base.settings["rank"] == 2
    texts = len(made.study.split.pool)
    assert results[spec_of["read0"].id].budget == {
        "train": 8,
        "selection": 0,
        "unlabelled": texts,
        "test_texts": 0,
    }
    assert any(
        f"read {texts} texts without labels" in n for n in results[spec_of["read1"].id].notes
    )
    shared = [
        json.loads(f.read_text())
        for f in (tmp_path / "home" / "further").glob("*/transfer-lab.json")
    ]
    assert len(shared) == 1, "seeds and bases share what was read"
    assert results[spec_of["read1"].id].seconds["fit"] > 0.9 * shared[0]["seconds"], (
        "and each is charged for it"
    )
    for spec in made.specs[:3]:
        encoder = Encoders("cpu", tmp_path / "other").get(
            spec.arm.model.digest, made.study.model_folders
        )
        again = drain(
            fit_arm.load(spec.arm, tmp_path / "models" / spec.id, PROBLEM, encoder).predict(
                made.study.split.test
            )
        )
        assert np.allclose(again, results[spec.id].scores, atol=1e-5)


def test_the_same_texts_make_the_same_model_and_the_shared_one_stays_as_it_was(
    filling, tmp_path, monkeypatch
):
    from tl_core.models.loading import load_model
    from tl_core.models.pretraining.further import further
    from tl_core.testing.strategies import weights_digest

    source = find(str(filling))
    vectors = []
    for n in range(2):
        monkeypatch.setenv("TL_HOME", str(tmp_path / f"home{n}"))
        encoder = Encoder(load_model(source), source=source)
        before = weights_digest(encoder)
        changed, _ = drain(further(encoder, rows_of(), steps=3, rate=1e-2, length=8, seed=0))
        assert weights_digest(encoder) == before != weights_digest(changed)
        vectors.append(drain(changed.embed(["ship near harbour"])))
    assert np.allclose(*vectors, atol=1e-5)


def test_test_texts_are_read_only_where_asked_for_and_then_it_says_so(filling, tmp_path):
    both = [
        ArmRequest("adapt-then", {**ADAPTED, "base": "probe", "test_texts": yes}, name)
        for yes, name in ((False, "plain"), (True, "seen"))
    ]
    study = study_of(filling, *both, shots=(4,))
    plain, seen = study.arms
    assert plain.id == "plain" and seen.id == "seen (test texts seen)"
    tests = {e.row for e in study.split.test}
    assert not tests & {e.row for e in texts_for(study.split, plain, PROBLEM)} and tests <= {
        e.row for e in texts_for(study.split, seen, PROBLEM)
    }
    assert all(e.labels == () for e in texts_for(study.split, seen, PROBLEM))
    made = plan(study)
    results = results_of(made, tmp_path)
    told = results[made.specs[1].id]
    assert told.budget["test_texts"] == len(tests) and any(
        "holds for these texts, not for new ones" in n for n in told.notes
    )


def test_a_base_that_cannot_be_one_is_told(filling, tiny):
    for base, said in (
        ("tfidf", "uses no model"),
        ("adapt-then", "does the same"),
        ("nothing", "nothing"),
    ):
        with pytest.raises(UserError, match=said):
            study_of(filling, ArmRequest("adapt-then", {"base": base}))
    with pytest.raises(UserError, match="rank"):
        study_of(filling, ArmRequest("adapt-then", {"base": "lora", "base.rank": "many"}))
    with pytest.raises(UserError, match="a model that writes"):
        plan(study_of(tiny, ArmRequest("adapt-then", {"base": "label-score"})))


def test_a_zero_shot_base_runs_once(filling):
    made = plan(
        study_of(
            filling, ArmRequest("adapt-then", {**ADAPTED, "base": "cloze"}), shots=(0, 4), seeds=3
        )
    )
    assert [(s.shots, s.seed) for s in made.specs] == [(0, 0)]


def test_what_stands_around_a_strategy_is_kept_with_the_study(filling, tmp_path):
    requests = [
        ArmRequest("lora", {"selection": "dev", "augmentation": "swap", "scaling": "inside"}),
        ArmRequest("adapt-then", {"base": "lora", "base.selection": "oracle", "base.rank": 3}),
    ]
    study = study_of(filling, *requests)
    store = Store(tmp_path / "study")
    store.prepare()
    store.save_study(study)
    again = store.load_study()
    assert again.arms == study.arms and [s.id for s in plan(again).specs] == [
        s.id for s in plan(study).specs
    ]
    assert again.arms[1].id.endswith("(optimistic)") and again.arms[1].base.settings["rank"] == 3


def test_a_job_of_a_strategy_that_builds_on_another_needs_no_labels_of_the_texts_it_reads(filling):
    """What is handed over holds no label: they cannot leak into what is read."""
    study = study_of(filling, ArmRequest("adapt-then", {**ADAPTED, "base": "probe"}))
    assert all(not e.labels for e in texts_for(study.split, study.arms[0], study.problem))
    assert Job.__dataclass_fields__["unlabelled"].default == ()


# --- what a text costs ----------------------------------------------------------------------------


def test_a_text_is_timed_as_a_new_one_for_every_arm_alike(tiny, tmp_path):
    """On the test rows one arm reads texts for the first time and the next finds their vectors: no
    measure of what a text takes.
    """
    made = plan(
        study_of(
            tiny,
            ArmRequest("probe"),
            ArmRequest("knn"),
            ArmRequest("tfidf"),
            ArmRequest("lora", QUICK),
            shots=(1, 4),
            seeds=2,
        )
    )
    encoders = Encoders("cpu", tmp_path / "cache")
    encoder = encoders.get(made.study.arms[0].model.digest, made.study.model_folders)
    read: list[int] = []
    whole = encoder.embed_tokens
    encoder.embed_tokens = lambda tokens: read.append(len(tokens)) or whole(tokens)
    results = {e.run: e.result for e in run(made, encoders=encoders) if isinstance(e, Finished)}
    timed = {
        s.arm.id: results[s.id].seconds.get("a_text", 0) for s in made.specs if s.id in made.keep
    }
    assert timed.keys() == {"probe", "knn", "tfidf", "lora"} and all(x > 0 for x in timed.values())
    assert all("a_text" not in results[s.id].seconds for s in made.specs if s.id not in made.keep)
    test = len(made.study.split.test)
    pool = len({row for s in made.specs for row in s.train})
    assert (
        sum(read) >= test + pool + 2 * test
    )  # once for the study, and once more each for probe and knn
    found = compare(made, results)
    assert {c.text_seconds for c in found.cells if c.arm == "probe"} == {timed["probe"]}
    alone = {c.arm: c.alone_seconds for c in found.cells}
    assert alone.keys() == timed.keys()
    assert all(0 < p50 <= p95 for p50, p95 in alone.values())
    assert all(min(c.alone) > 0 and len(c.alone) >= min(5, test) for c in found.cells)
    assert all(np.median(c.alone) == pytest.approx(alone[c.arm][0]) for c in found.cells)


def test_what_is_read_to_be_timed_is_not_remembered(tiny, tmp_path):
    source = find(str(tiny))
    encoder = Encoder(load_model(source), EmbeddingCache(tmp_path / "cache"), source=source)
    texts = ["the sea is calm", "bread and butter"]
    with nothing_remembered():
        fresh = drain(encoder.embed(texts))
    assert (
        encoder._cache.get([text_key(encoder.space, t) for t in texts]) == {}
        and encoder.borrowed_seconds == 0
    )
    kept = drain(encoder.embed(texts))
    with nothing_remembered():
        again = drain(encoder.embed(texts))
    assert encoder.borrowed_seconds == 0 and np.allclose(fresh, kept) and np.allclose(again, kept)
    drain(encoder.embed(texts))
    assert encoder.borrowed_seconds > 0
