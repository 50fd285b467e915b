"""Rows of two texts: how trained bodies read them, and from where training starts."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from itertools import islice

import numpy as np
import pytest
import torch

from tests.tiny_models import TOPICS, drain, make_entailing, text
from tl_core.api.errors import UserError
from tl_core.api.types import (
    Dataset,
    Example,
    Facts,
    Finished,
    Job,
    Label,
    ModelRef,
    Problem,
    digest,
)
from tl_core.data.loaded import Loaded
from tl_core.data.pair_labels import relations, same_label
from tl_core.models.catalog import find
from tl_core.models.embedding_cache import EmbeddingCache
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.training.classifier import HEAD_STRENGTH, TextClassifier
from tl_core.models.training.depths import Deep
from tl_core.models.training.heads import fit_head, softmax
from tl_core.running.run import Encoders, run
from tl_core.statistics.two_groups import otsu_cut
from tl_core.strategies import strategies
from tl_core.strategies.contrastive import row_stream
from tl_core.studies import arms
from tl_core.studies.allowed import Allowed
from tl_core.studies.allowed import _runnable as runnable
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan, texts_for
from tl_core.views.attention import attention

ADAPTERS = ("lora", "dora", "ia3", "bitfit", "bottleneck", "soft-prompt", "prefix")
READERS = (*ADAPTERS, "full", "scratch")  # strategies that can be told how to read two texts
LABELS = (Label("different", "different topic"), Label("same", "same topic"))
PAIRS = Problem("two texts", "one label", LABELS)
SINGLE = Problem("one text", "one label", LABELS)
QUICK = {"min_steps": 3, "max_steps": 3}
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny_models):
    """A body, a sentence encoder made of it, and a classifier of pairs that was saved as a sentence
    encoder would be.
    """
    from sentence_transformers import SentenceTransformer

    root = tmp_path_factory.mktemp("pairs")
    found = {"body": tiny_models.body(), "judge": make_entailing(root / "judge")}
    SentenceTransformer(str(found["body"]), device="cpu").save(str(root / "encoder"))
    found["encoder"] = root / "encoder"
    for part in ("modules.json", "1_Pooling"):
        (shutil.copytree if (root / "encoder" / part).is_dir() else shutil.copy)(
            root / "encoder" / part, found["judge"] / part
        )
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
    return strategies()[id].settings(**QUICK, **changes)


@pytest.mark.parametrize("kind,apart", [("encoder", True), ("body", False), ("judge", False)])
def test_the_model_decides_how_two_texts_are_read_unless_somebody_does(kind, apart, folders):
    encoder = Encoder(load_model(find(str(folders[kind]))))
    assert TextClassifier(encoder, PAIRS, start=0).apart == apart
    assert TextClassifier(encoder, PAIRS, start=0, pairs="apart").apart
    assert not TextClassifier(encoder, PAIRS, start=0, pairs="together").apart
    assert not TextClassifier(encoder, SINGLE, start=0, pairs="apart").apart, (
        "of one text there is nothing to read apart"
    )


@pytest.mark.parametrize("start", [0, 2])
def test_training_starts_where_the_probe_is(start, encoder):
    """Read apart, the head begins as a linear head on the very features that the probe is fitted
    on.
    """
    train, test = pairs_of(24), pairs_of(30, seed=5)
    model = TextClassifier(encoder, PAIRS, start=start, pairs="apart")
    drain(model.start_head_from_probe(train))
    gold = np.array([PAIRS.label_index[e.labels[0]] for e in train])
    probe = fit_head(drain(encoder.features(train)), gold, 2, HEAD_STRENGTH)
    assert np.allclose(
        drain(model.predict(test)), softmax(probe.logits(drain(encoder.features(test)))), atol=1e-4
    )
    together = TextClassifier(encoder, PAIRS, start=start, pairs="together")
    drain(together.start_head_from_probe(train))
    assert not np.allclose(drain(together.predict(test)), drain(model.predict(test)), atol=1e-2)


@pytest.mark.parametrize("id", READERS)
def test_what_reads_two_texts_apart_is_saved_and_company_does_not_matter(id, encoder, tmp_path):
    strategy, train = strategies()[id], pairs_of(12)
    test = [
        *pairs_of(8, seed=3),
        Example(90, "ship " * 40, "rye", ("same",)),
        Example(91, "", "wave", ("same",)),
    ]
    predictor = drain(
        strategy.fit(Job(PAIRS, train, settings(id, pairs="apart"), 0, encoder))
    ).predictor
    scores = drain(predictor.predict(test))
    predictor.save(tmp_path)
    assert json.loads((tmp_path / "classifier.json").read_text())["apart"] is True
    fresh = strategy.load(tmp_path, PAIRS, encoder)
    assert np.allclose(np.concatenate([drain(fresh.predict([e])) for e in test]), scores, atol=1e-4)
    swapped = [replace(e, text=e.text_b, text_b=e.text) for e in test]
    assert np.allclose(drain(fresh.predict(swapped)), scores, atol=1e-4), (
        "both texts are read by the same body, and neither is first"
    )


@pytest.mark.parametrize("id", READERS)
def test_a_model_that_was_kept_before_there_was_a_choice_is_read_as_it_was_trained(
    id, encoder, tmp_path
):
    strategy, train = strategies()[id], pairs_of(12)
    predictor = drain(
        strategy.fit(Job(PAIRS, train, settings(id, pairs="together"), 0, encoder))
    ).predictor
    scores = drain(predictor.predict(train))
    predictor.save(tmp_path)
    kept = json.loads((tmp_path / "settings.json").read_text())
    (tmp_path / "settings.json").write_text(
        json.dumps({k: v for k, v in kept.items() if k != "pairs"})
    )
    assert np.allclose(
        drain(strategy.load(tmp_path, PAIRS, encoder).predict(train)), scores, atol=1e-5
    )


@pytest.mark.parametrize("id", ["lora", "full"])
def test_what_relates_two_texts_is_learnt_from_a_few_rows(id, encoder):
    """Whether two texts share a topic stands in neither of them."""
    train, test = pairs_of(48), pairs_of(100, seed=9)
    fitted = drain(strategies()[id].fit(Job(PAIRS, train, strategies()[id].settings(), 0, encoder)))
    right = [
        PAIRS.label_ids[i] == e.labels[0]
        for i, e in zip(drain(fitted.predictor.predict(test)).argmax(1), test, strict=True)
    ]
    assert np.mean(right) > 0.7  # one answer for all rows is right in half of them


# --- settings that only rows of two texts know ----------------------------------------------------


def study_of(problem: Problem, model, *requests: ArmRequest):
    rows = [
        e if problem.inputs == "two texts" else replace(e, text_b=None, text=f"{e.text} {e.row}")
        for e in pairs_of(60)
    ]
    split, _ = make_split(Loaded(Dataset("made", problem, tuple(rows)), {}, (), (), 0), size=20)
    return make_study("made", problem, split, arms=requests, shots=(4,), seeds=1, model=str(model))


@pytest.mark.parametrize("id", READERS)
def test_a_run_on_single_texts_has_the_id_it_had_before_there_was_a_choice(id, folders):
    (arm,) = study_of(SINGLE, folders["encoder"], ArmRequest(id)).arms
    later = ("pairs", "reads")  # settings that came later, each about some rows alone
    before = {k: v for k, v in asdict(strategies()[id].settings()).items() if k not in later}
    assert arm.settings == before
    assert arm.digest == digest([id, arm.strategy_version, before, arm.model.digest, "fixed"])
    (pair,) = study_of(PAIRS, folders["encoder"], ArmRequest(id)).arms
    assert pair.settings == {**before, "pairs": "auto"} and pair.digest != arm.digest


@pytest.mark.parametrize("problem", [SINGLE, PAIRS], ids=["one", "two"])
def test_a_study_that_is_adopted_is_the_study_that_was_made(problem):
    """Whoever takes an archive in makes its arms again; what was left out because it says nothing
    here makes no other study of it.
    """
    study = study_of(
        problem, "minilm", *map(ArmRequest, (*READERS, "probe", "knn", "contrastive", "majority"))
    )
    again, why_not = runnable(study, Allowed())
    assert why_not == "" and again.arms == study.arms
    if problem == PAIRS:
        older = replace(
            study,
            arms=tuple(
                replace(a, settings={k: v for k, v in a.settings.items() if k != "pairs"})
                for a in study.arms[:1]
            ),
        )
        assert "what its arms would compute here is something else" in runnable(older, Allowed())[1]


def test_an_arm_of_an_older_study_reads_two_texts_as_it_did(folders):
    (arm,) = study_of(PAIRS, folders["encoder"], ArmRequest("lora")).arms
    older = replace(arm, settings={k: v for k, v in arm.settings.items() if k != "pairs"})
    assert (
        arms.params_of(older, PAIRS).pairs == "together"
        and arms.params_of(arm, PAIRS).pairs == "auto"
    )


def test_what_tags_and_answers_are_read_from_is_no_part_of_a_run_that_leaves_it(folders):
    (arm,) = study_of(SINGLE, folders["encoder"], ArmRequest("lora")).arms
    tags = replace(SINGLE, target="tagging")
    usual, last = (
        arms.for_problem(replace(arm, settings={**arm.settings, "reads": reads}), tags)
        for reads in ("all layers", "last layer")
    )
    assert usual == arm and last.settings["reads"] == "last layer" and last.digest != arm.digest
    assert arms.params_of(usual, tags).reads == "all layers"
    with pytest.raises(UserError, match="reads=last layer is about answers that are stretches"):
        arms.for_problem(last, SINGLE)


def test_a_setting_about_two_texts_is_refused_where_there_is_one(folders):
    with pytest.raises(UserError, match="pairs=apart is about rows of two texts.*Leave it out"):
        study_of(
            SINGLE,
            folders["encoder"],
            ArmRequest("lora", {"pairs": "apart"}),
            ArmRequest("majority"),
        )
    assert (
        plan(study_of(PAIRS, folders["encoder"], ArmRequest("lora", {"pairs": "apart"})))
        .study.arms[0]
        .settings["pairs"]
        == "apart"
    )


# --- what labels of two texts mean ----------------------------------------------------------------


@pytest.mark.parametrize(
    "names,same",
    [
        (("paraphrase", "not_paraphrase"), 0),
        (("not paraphrase", "paraphrase"), 1),
        (("different", "duplicate"), 1),
        (("0", "1"), 1),
        (("1", "2"), None),
        (("no", "yes"), 1),
        (("next", "other document"), None),
        (("notDuplicate", "isDuplicate"), 1),
        (("non-duplicate", "duplicate"), 1),
        (("similar", "dissimilar"), 0),
        (("Same Meaning", "different meaning"), 0),
        (("is not the same", "is the same"), 1),
        (("다름", "같음"), 1),
        (("중복", "중복 아님"), 0),
        (("match", "no match"), 0),
        (("paraphrase", "other"), 0),
        (("positive", "negative"), None),
        (("yes", "true"), None),
        (("equivalent", "isn't equivalent"), 0),
        (("entailment", "not_entailment"), 0),
        (("same", "different", "unclear"), None),
        (("same",), None),
    ],
)
def test_which_label_means_the_same_is_read_from_whole_words(names, same):
    assert same_label([Label(name, name) for name in names]) == same


def test_a_name_comes_before_an_id_and_words_help_where_both_say_nothing():
    assert same_label([Label("0", "same"), Label("1", "different")]) == 0
    assert (
        same_label([Label("a", "a", (), ("paraphrase",)), Label("b", "b", (), ("different",))]) == 0
    )
    assert (
        same_label([Label("a", "a", ("The two sentences are the same.",)), Label("b", "b")]) is None
    ), "a sentence can say anything"


@pytest.mark.parametrize(
    "names,told",
    [
        (("entailment", "neutral", "contradiction"), ("entailment", "neutral", "contradiction")),
        (("Not-Entailment", "entails"), ("not entailment", "entailment")),
        (("함의", "중립", "모순"), ("entailment", "neutral", "contradiction")),
        (("entailment", "entails"), None),
        (("entailment", "other"), None),
    ],
)
def test_relations_are_read_from_names(names, told):
    assert relations([Label(name, name) for name in names]) == told


def test_a_cut_leaves_least_variance_on_its_two_sides():
    values = np.r_[
        np.random.default_rng(0).normal(0.2, 0.05, 40),
        np.random.default_rng(1).normal(0.8, 0.1, 90),
    ]

    def inside(cut: float) -> float:
        low, high = values[values < cut], values[values >= cut]
        return len(low) * low.var() + len(high) * high.var()

    ordered = np.sort(values)
    best = min(((a + b) / 2 for a, b in zip(ordered[:-1], ordered[1:], strict=True)), key=inside)
    assert otsu_cut(values) == pytest.approx(best) and 0.3 < best < 0.65
    assert otsu_cut(np.array([1.0, 1.0, 3.0])) == 2.0
    assert (
        otsu_cut(np.ones(5)) is None
        and otsu_cut(np.array([0.3])) is None
        and otsu_cut(np.array([])) is None
    )


# --- no labels ------------------------------------------------------------------------------------


def facts(names, inputs="two texts", target="one label", model=None) -> Facts:
    return Facts(
        Problem(inputs, target, tuple(Label(n, n) for n in names)),
        0,
        model or ModelRef("m", "0" * 32, entails=True),
        True,
    )


def test_similarity_parts_pairs_by_a_cut_that_no_label_was_seen_for(folders, tmp_path):
    study = study_of(PAIRS, folders["encoder"], ArmRequest("similarity"))
    made = plan(study)
    (spec,) = made.specs
    assert (
        spec.shots == 0
        and all(not e.labels for e in texts_for(study.split, spec.arm, study.problem))
        and len(texts_for(study.split, spec.arm, study.problem)) == len(study.split.pool)
    )
    (found,) = [
        e.result
        for e in run(
            made,
            encoders=Encoders("cpu", tmp_path / "cache"),
            model_folder=lambda r: tmp_path / r,
            keep="all",
        )
        if isinstance(e, Finished)
    ]
    assert (
        found.status == "done"
        and "“same topic” is taken to mean that both texts say the same" in found.notes[0]
    )

    encoder = Encoder(load_model(find(str(folders["encoder"]))))

    def cosines(rows):
        u, v = (
            drain(encoder.embed([getattr(e, side) for e in rows])) for side in ("text", "text_b")
        )
        return (u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)

    same = 1 / (
        1 + np.exp(-(cosines(study.split.test) - otsu_cut(cosines(study.split.pool))) / 0.05)
    )
    assert np.allclose(found.scores, np.stack([1 - same, same], axis=1), atol=1e-4)
    again = strategies()["similarity"].load(tmp_path / spec.id, PAIRS, encoder)
    assert np.allclose(drain(again.predict(study.split.test)), found.scores, atol=1e-5)
    turned = replace(study.problem, labels=LABELS[::-1])
    fitted = drain(
        strategies()["similarity"].fit(
            Job(
                turned,
                [],
                strategies()["similarity"].settings(),
                0,
                encoder,
                unlabelled=texts_for(study.split, spec.arm, study.problem),
            )
        )
    )
    assert np.allclose(
        drain(fitted.predictor.predict(study.split.test)), found.scores[:, ::-1], atol=1e-4
    )


def test_similarity_of_one_text_learns_from_no_further_text(folders):
    study = study_of(SINGLE, folders["encoder"], ArmRequest("similarity"))
    assert texts_for(study.split, study.arms[0], study.problem) == ()


def test_similarity_says_what_to_do_where_labels_do_not_say_which_means_the_same(encoder):
    refuses = strategies()["similarity"].refuses
    assert refuses(facts(("duplicate", "different"))) == ""
    assert "call one of them same, paraphrase or duplicate" in refuses(facts(("next", "elsewhere")))
    assert "3 labels" in refuses(
        facts(("entailment", "neutral", "contradiction"))
    ) and "nli" in refuses(facts(("entailment", "neutral", "contradiction")))
    assert refuses(facts(("duplicate", "different"), target="many labels"))
    equal = [Example(i, "ship", "rye") for i in range(5)]
    for rows in (equal, []):
        with pytest.raises(UserError, match="not all equally alike"):
            drain(
                strategies()["similarity"].fit(
                    Job(
                        PAIRS,
                        [],
                        strategies()["similarity"].settings(),
                        0,
                        encoder,
                        unlabelled=rows,
                    )
                )
            )


@pytest.mark.parametrize(
    "classes,names,shares",
    [
        (
            ("contradiction", "neutral", "entailment"),
            ("entailment", "neutral", "contradiction"),
            ((2,), (1,), (0,)),
        ),
        (
            ("contradiction", "neutral", "entailment"),
            ("not_entailment", "entailment"),
            ((0, 1), (2,)),
        ),
        (("entailment", "not_entailment"), ("not entailment", "entailment"), ((1,), (0,))),
        (("entailment", "LABEL_1", "contradiction"), ("neutral", "contradiction"), ((1,), (2,))),
    ],
)
def test_nli_reads_a_pair_as_its_model_does(classes, names, shares, tiny_models, tmp_path):
    """The same as transformers' own classifier, its classes put together as the labels say."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tiny_models.entailing(classes=classes)
    source = find(str(folder))
    encoder = Encoder(load_model(source), source=source)
    problem = Problem("two texts", "one label", tuple(Label(n, n) for n in names))
    assert strategies()["nli"].refuses(Facts(problem, 0, source.ref, True)) == ""
    rows = [*pairs_of(9), Example(90, "ship " * 100, "rye wave"), Example(91, "", "rye")]
    fitted = drain(
        strategies()["nli"].fit(Job(problem, [], strategies()["nli"].settings(), 0, encoder))
    )
    scores = drain(fitted.predictor.predict(rows))
    assert any("1 pair was cut short" in note for note in fitted.predictor.notes)

    own, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder).eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    for e, row in zip(rows, scores, strict=True):
        with torch.inference_mode():
            said = (
                own(
                    **tokenizer(
                        e.text,
                        e.text_b,
                        truncation="longest_first",
                        max_length=64,
                        return_tensors="pt",
                    )
                )
                .logits.softmax(-1)[0]
                .numpy()
            )
        meant = np.array([said[list(of)].sum() for of in shares])
        assert np.allclose(row, meant / meant.sum(), atol=1e-4)
    fitted.predictor.save(tmp_path)
    assert np.allclose(
        drain(strategies()["nli"].load(tmp_path, problem, encoder).predict(rows)), scores, atol=1e-6
    )


def test_nli_says_what_it_needs_of_two_texts(tmp_path):
    refuses, three = strategies()["nli"].refuses, ("entailment", "neutral", "contradiction")
    assert refuses(facts(three)) == "" and "call them so in the label table" in refuses(
        facts(("duplicate", "different"))
    )
    assert "trained on natural language inference" in refuses(
        facts(three, model=ModelRef("m", "0" * 32))
    )
    assert refuses(facts(three, target="many labels"))
    source = find(str(make_entailing(tmp_path / "judge", classes=("entailment", "not_entailment"))))
    problem, encoder = (
        Problem("two texts", "one label", tuple(Label(n, n) for n in three)),
        Encoder(load_model(source), source=source),
    )
    nli = strategies()["nli"]
    with pytest.raises(UserError, match="does not tell neutral and contradiction apart"):
        drain(nli.fit(Job(problem, [], nli.settings(), 0, encoder)))
    with pytest.raises(UserError, match="Choose calibration=none"):
        drain(nli.fit(Job(problem, [], nli.settings(calibration="contextual"), 0, encoder)))


# --- contrastive ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [("different", "same"), ("left", "right")], ids=["cosine", "through a head"]
)
def test_contrastive_learns_from_pairs_whatever_they_are_called(names, encoder, tmp_path):
    problem = replace(
        PAIRS,
        labels=tuple(Label(label.id, name) for label, name in zip(LABELS, names, strict=True)),
    )
    strategy = strategies()["contrastive"]
    assert strategy.refuses(Facts(problem, 1, None, True)) == "" and strategy.refuses(
        Facts(problem, 0, None, True)
    )
    fitted = drain(strategy.fit(Job(problem, pairs_of(48), strategy.settings(), 0, encoder)))
    test = pairs_of(100, seed=9)
    scores = drain(fitted.predictor.predict(test))
    assert (
        np.mean(
            [
                problem.label_ids[i] == e.labels[0]
                for i, e in zip(scores.argmax(1), test, strict=True)
            ]
        )
        > 0.7
    )
    fitted.predictor.save(tmp_path)
    assert np.allclose(
        drain(strategy.load(tmp_path, problem, encoder).predict(test)), scores, atol=1e-4
    )


def test_every_label_is_in_a_batch_of_pairs_as_often_and_every_row_comes():
    gold = np.array([0] * 3 + [1] * 30)
    batches = list(islice(row_stream(gold, 16, 0), 6))
    assert all((gold[batch] == 0).sum() == 8 for batch in batches) and set(sum(batches, [])) == set(
        range(33)
    )
    assert (
        batches
        == list(islice(row_stream(gold, 16, 0), 6))
        != list(islice(row_stream(gold, 16, 1), 6))
    )


# --- looked into ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pairs", ["apart", "together"])
def test_attention_across_two_texts_is_shown_of_arms_that_read_them_together(
    pairs, encoder, tmp_path
):
    model = drain(
        strategies()["lora"].fit(Job(PAIRS, pairs_of(8), settings("lora", pairs=pairs), 0, encoder))
    ).predictor.model
    deep = Deep.of_trained(model, "my arm", "run", EmbeddingCache(None))
    if pairs == "together":
        assert attention(deep, "ship wave", "rye dough").tokens
    else:
        with pytest.raises(UserError, match="my arm reads two texts apart"):
            attention(deep, "ship wave", "rye dough")
        assert attention(deep, "ship wave").tokens
