"""Entailment: scores against one pair at a time and against transformers' own pipeline, classes by
name, and a model that knows a little language.
"""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from tests.tiny_models import POSITIONS, TOPICS, drain, make, make_entailing, said, text
from tl_core.api.types import Dataset, Example, Facts, Finished, Job, Label, ModelRef, Problem
from tl_core.data.loaded import Loaded
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.entailment_classes import entailment_classes
from tl_core.running.run import Encoders, run
from tl_core.strategies import strategies
from tl_core.strategies.nli import SUPERVISED
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan

KINDS = ("bert", "roberta", "distilbert", "deberta-v2", "bart", "gpt2")
ORDERS = [
    *itertools.permutations(("entailment", "neutral", "contradiction")),
    ("not_entailment", "entailment"),
    ("ENTAILMENT", "Not-Entailment"),
]
LABELS = (
    Label("1", "sea", words=("ship", "the sea, the tide")),
    Label("2", "bread"),
    Label("3", "music, old"),
)
ONE = Problem("one text", "one label", LABELS)
MANY = Problem("one text", "many labels", LABELS)
TEXTS = [
    "ship wave",
    "oven",
    "",
    "the old ship near the oven with flour and rye",
    "[SEP] ship </s>",
    "wave ship",
    "tide " * 200,
    "gull " * 300 + "oven",
]
TEMPLATES = "This text is about {label}.|a {label} is near"
strategy = strategies()["nli"]

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folder(tiny_models):
    """A tiny classifier of pairs of each kind and order of classes, on disk."""
    return lambda kind="bert", classes=ORDERS[-3]: tiny_models.entailing(kind, classes=classes)


def encoder_of(folder) -> Encoder:
    return Encoder(None, source=find(str(folder)))


def examples_of(texts=TEXTS) -> list[Example]:
    return [Example(i, t) for i, t in enumerate(texts, start=1)]


def fit(encoder, problem=ONE, without_labels=(), **settings):
    return drain(
        strategy.fit(
            Job(problem, [], strategy.settings(**settings), 0, encoder, unlabelled=without_labels)
        )
    )


def predicted(encoder, problem=ONE, texts=TEXTS, **settings) -> np.ndarray:
    return drain(fit(encoder, problem, **settings).predictor.predict(examples_of(texts)))


# --- against one pair at a time -------------------------------------------------------------------


@torch.inference_mode()
def probabilities_by_hand(
    folder, problem, texts, templates, entails: int, against: int
) -> np.ndarray:
    """(n, C): every pair put together by hand and read alone; softmax, means and shares written
    out.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    start, end, found = tokenizer.cls_token_id, tokenizer.sep_token_id, []
    most = POSITIONS - (
        2 if network.config.model_type == "roberta" else 0
    )  # its positions begin after the padding token's number
    for one in texts:
        for token in tokenizer.all_special_tokens:
            one = one.replace(token, f"{token[0]} {token[1:-1]} {token[-1]}")
        premise, of_templates = tokenizer(one, add_special_tokens=False)["input_ids"], []
        for template in templates:
            of_labels = []
            for label in problem.labels:
                of_words = []
                for word in label.words or (label.name,):
                    hypothesis = tokenizer(
                        template.replace("{label}", word), add_special_tokens=False
                    )["input_ids"]
                    first = [start, *premise[: most - 3 - len(hypothesis)], end]
                    ids = [*first, *hypothesis, end]
                    types = {
                        "token_type_ids": torch.tensor(
                            [[0] * len(first) + [1] * (len(hypothesis) + 1)]
                        )
                    }
                    logits = (
                        network(
                            torch.tensor([ids]),
                            **(types if "token_type_ids" in tokenizer.model_input_names else {}),
                        )
                        .logits[0]
                        .double()
                    )
                    e, c = float(logits[entails]), float(logits[against])
                    of_words.append(
                        np.exp(e)
                        if problem.target == "one label"
                        else np.exp(e) / (np.exp(e) + np.exp(c))
                    )
                of_labels.append(np.mean(of_words))
            of_templates.append(
                np.log(of_labels)
                - (np.log(np.sum(of_labels)) if problem.target == "one label" else 0)
            )
        mean = np.exp(np.mean(of_templates, axis=0))
        found.append(mean / mean.sum() if problem.target == "one label" else mean)
    return np.array(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("problem", [ONE, MANY], ids=["one label", "many labels"])
def test_probabilities_are_those_of_one_pair_at_a_time(kind, problem, folder):
    scores = predicted(encoder_of(folder(kind)), problem, templates=TEMPLATES)
    classes = ORDERS[-3]
    by_hand = probabilities_by_hand(
        folder(kind),
        problem,
        TEXTS,
        TEMPLATES.split("|"),
        classes.index("entailment"),
        classes.index("contradiction"),
    )
    assert scores.dtype == np.float32 and np.allclose(scores, by_hand, atol=1e-4)
    assert scores.std(axis=0).min() > 1e-3, "texts make a difference"


@pytest.mark.parametrize("classes", ORDERS)
def test_classes_are_found_by_name_in_any_order(classes, folder):
    entails = next(i for i, name in enumerate(classes) if name.lower() == "entailment")
    against = next(
        i
        for i, name in enumerate(classes)
        if name.lower() in ("contradiction", "not_entailment", "not-entailment")
    )
    assert find(str(folder("bert", classes))).ref.entails
    for problem in (ONE, MANY):
        scores = predicted(encoder_of(folder("bert", classes)), problem, TEXTS[:4])
        by_hand = probabilities_by_hand(
            folder("bert", classes),
            problem,
            TEXTS[:4],
            ["This text is about {label}."],
            entails,
            against,
        )
        assert np.allclose(scores, by_hand, atol=1e-4)


def test_every_order_is_tried():
    assert len(set(ORDERS)) == 8


@pytest.mark.parametrize("kind", ["bert", "roberta", "bart"])
@pytest.mark.parametrize("many", [False, True])
def test_the_pipeline_of_transformers_says_the_same(kind, many, folder):
    """Where its ways are ours: several labels, no commas in them, and contradiction as class 0 (it
    takes class 0 for it).
    """
    from transformers import pipeline

    made = folder(kind, ("contradiction", "neutral", "entailment"))
    problem = Problem(
        "one text", "many labels" if many else "one label", tuple(Label(t, t) for t in TOPICS)
    )
    texts = ["ship wave and tide", "oven", "the old drum is near the ship"]
    ask = pipeline("zero-shot-classification", model=str(made), device="cpu")
    told = ask(texts, list(TOPICS), hypothesis_template="This text is about {}.", multi_label=many)
    expected = [
        [dict(zip(one["labels"], one["scores"], strict=True))[t] for t in TOPICS] for one in told
    ]
    assert np.allclose(predicted(encoder_of(made), problem, texts), expected, atol=1e-4)


def test_one_label_and_labels_with_commas_are_labels_like_others(folder):
    """The pipeline makes one label a yes or no, and two of a name with a comma."""
    encoder = encoder_of(folder())
    alone = dataclasses.replace(ONE, labels=LABELS[2:])
    assert np.allclose(predicted(encoder, alone), 1)
    assert np.allclose(
        predicted(encoder, dataclasses.replace(MANY, labels=LABELS[2:])),
        predicted(encoder, MANY)[:, 2:],
        atol=1e-6,
    )
    turned = dataclasses.replace(ONE, labels=LABELS[::-1])
    assert np.allclose(predicted(encoder, turned), predicted(encoder, ONE)[:, ::-1], atol=1e-6)


def test_large_logits_are_no_trouble(tiny_models):
    encoder = encoder_of(tiny_models.entailing())
    predictor = fit(encoder, MANY).predictor
    predictor.prompts.model.network.classifier.weight.data *= 1e5
    for problem in (ONE, MANY):
        predictor.prompts.problem = problem
        scores = drain(predictor.predict(examples_of()))
        assert np.isfinite(scores).all() and set(np.unique(scores.round(3))) <= {0, 1}
        assert problem is MANY or np.allclose(scores.sum(1), 1)


# --- calibration ----------------------------------------------------------------------------------


def test_calibrations_work_on_the_shares_of_labels(folder):
    from tl_core.statistics.classification.prompt_calibration import (
        log_shares,
        with_shares,
        without_text,
    )

    encoder, pool = encoder_of(folder()), examples_of(TEXTS[:2] + TEXTS[3:6])
    prompts = fit(encoder).predictor.prompts
    scores = drain(prompts.scores(examples_of()))[0][0]
    for calibration, read, offset in (
        ("pmi", examples_of([""]), without_text),
        ("batch", pool, with_shares),
        ("none", [], None),
    ):
        taken = offset(drain(prompts.scores(read))[0][0]) if offset else 0
        found = predicted(encoder, calibration=calibration, without_labels=pool)
        assert np.allclose(found, np.exp(log_shares(scores - taken)), atol=1e-5)
    even = predicted(
        encoder, texts=[e.text for e in pool], calibration="batch", without_labels=pool
    )
    assert np.allclose(even.mean(0), 1 / 3, atol=1e-3)
    assert "calibration=batch" in said(fit, encoder, MANY, calibration="batch", without_labels=pool)


# --- what is cut, told and refused ----------------------------------------------------------------


def test_cut_texts_are_counted_and_hypotheses_are_whole(folder):
    fitted = fit(encoder_of(folder()), templates=TEMPLATES)
    drain(fitted.predictor.predict(examples_of()))
    assert fitted.notes == (SUPERVISED,)
    assert any(note.startswith("2 of 8 texts were cut short") for note in fitted.predictor.notes)
    assert any(
        note.startswith("The 2 templates give different predictions for")
        for note in fitted.predictor.notes
    )
    drain(fitted.predictor.predict(examples_of(["ship"])))
    assert not any("cut short" in note for note in fitted.predictor.notes)
    scores = predicted(encoder_of(folder()), texts=["tide " * 200])
    assert (
        np.allclose(scores, predicted(encoder_of(folder()), texts=["tide " * 20_000]), atol=1e-6)
        and scores.std() > 1e-4
    )


def test_faults_of_templates_and_labels_are_told_at_once(folder):
    assert len(said(strategy.settings, templates="about|{label} {label}").splitlines()) == 2
    assert "at least one template" in said(strategy.settings, templates=" | ")
    long = Problem(
        "one text",
        "one label",
        (
            Label("a", "near " * 80),
            Label("b", "sea"),
            Label("c", "old", words=("sea", "near " * 90)),
        ),
    )
    faults = said(fit, encoder_of(folder()), long).splitlines()
    assert (
        len(faults) == 3
        and "both put into words as “sea”" in faults[0]
        and all("no room" in fault for fault in faults[1:])
    )


@pytest.mark.parametrize(
    "names,found",
    [
        (("Contradiction", "NEUTRAL", "Entails"), (2, 0)),
        (("entailment", "not_entailment"), (0, 1)),
        (("non entailment", "entailment"), (1, 0)),
        (("entailment", "neutral"), None),
        (("LABEL_0", "LABEL_1", "LABEL_2"), None),
        (("entailment", "entailment", "contradiction"), None),
        (("positive", "negative"), None),
    ],
)
def test_names_of_classes(names, found, tmp_path):
    assert entailment_classes({str(i): name for i, name in enumerate(names)}) == found
    if len(set(names)) == len(names):
        assert find(str(make_entailing(tmp_path / "named", classes=names))).ref.entails == (
            found is not None
        )


@pytest.mark.parametrize(
    "damaged",
    [None, [], "entailment", {"a": "entailment", "b": "contradiction"}, {"0": None, "1": ["x"]}],
)
def test_a_config_without_names_is_no_model_of_entailment(damaged, tmp_path):
    assert entailment_classes(damaged) is None
    config = json.loads((make(tmp_path / "body") / "config.json").read_text())
    (tmp_path / "body" / "config.json").write_text(
        json.dumps(
            {**config, "architectures": ["BertForSequenceClassification"], "id2label": damaged}
        )
    )
    assert not find(str(tmp_path / "body")).ref.entails


def test_refusals(folder):
    knows = ModelRef("tiny", "0", entails=True)
    assert (
        strategy.refuses(Facts(ONE, 0, knows, True))
        == strategy.refuses(Facts(MANY, 0, knows, True))
        == ""
    )
    assert "two texts" in strategy.refuses(
        Facts(dataclasses.replace(ONE, inputs="two texts"), 0, knows, True)
    )
    assert "bare numbers" in strategy.refuses(
        Facts(dataclasses.replace(ONE, labels=(Label("0", "0"), Label("1", "1"))), 0, knows, False)
    )
    for model in (None, ModelRef("tiny", "0", speaks="masked")):
        reason = strategy.refuses(Facts(ONE, 0, model, True))
        assert reason.endswith(".") and "entailment" in reason and "NLI" in reason
    speaks = find(str(folder())).ref
    assert (
        speaks.entails
        and speaks.speaks == ""
        and strategies()["cloze"].refuses(Facts(ONE, 0, speaks, True))
    )


def test_a_head_that_is_missing_is_never_random(tmp_path):
    made = make(tmp_path / "body")
    config = json.loads((made / "config.json").read_text())
    named = {
        "architectures": ["BertForSequenceClassification"],
        "id2label": {"0": "entailment", "1": "contradiction"},
    }
    (made / "config.json").write_text(json.dumps({**config, **named}))
    assert "lacks" in said(fit, encoder_of(made))


# --- a made-up language ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A tiny model that has read pairs of a text and “this text is about” its topic, or another
    one.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    shape = {"worn": False, "num_hidden_layers": 2, "initializer_range": 0.2}
    folder = make_entailing(
        tmp_path_factory.mktemp("taught") / "bert",
        "bert",
        ("neutral", "entailment", "contradiction"),
        **shape,
    )
    random = np.random.default_rng(0)
    network, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    topics = list(TOPICS)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(200):
            told = [
                (random.choice(topics), random.choice(topics))
                if i % 2
                else (t := random.choice(topics), t)
                for i in range(32)
            ]
            premises = [text(a, random) for a, _ in told]
            batch = tokenizer(
                premises,
                [f"this text is about {b}." for _, b in told],
                return_tensors="pt",
                padding=True,
            )
            loss = network(**batch, labels=torch.tensor([1 if a == b else 2 for a, b in told])).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.eval().save_pretrained(folder)
    return folder


def test_a_model_that_knows_the_language_needs_no_labels(taught):
    random = np.random.default_rng(1)
    gold = list(TOPICS) * 20
    texts = [text(t, random) for t in gold]
    problem = Problem("one text", "one label", tuple(Label(t, t) for t in TOPICS))
    for calibration in ("none", "contextual", "batch"):
        scores = predicted(
            encoder_of(taught),
            problem,
            texts,
            calibration=calibration,
            without_labels=examples_of(texts[:30]),
        )
        assert (
            np.mean(
                [problem.label_ids[i] == g for i, g in zip(scores.argmax(1), gold, strict=True)]
            )
            > 0.9
        )


def test_each_of_many_labels_is_judged_for_itself(taught):
    """A text about one of them, and one about neither."""
    random = np.random.default_rng(2)
    problem = Problem("one text", "many labels", tuple(Label(t, t) for t in ("sea", "bread")))
    about = predicted(encoder_of(taught), problem, [text("sea", random) for _ in range(20)])
    other = predicted(encoder_of(taught), problem, [text("music", random) for _ in range(20)])
    assert (
        (about[:, 0] > 0.5).mean() > 0.9
        and (about[:, 1] < 0.5).mean() > 0.9
        and (other < 0.5).mean() > 0.9
    )


# --- as a predictor and in a study ----------------------------------------------------------------


def test_arms_of_one_model_share_it(folder):
    encoder = encoder_of(folder())
    models = [
        fit(encoder, templates=template).predictor.prompts.model
        for template in ("About {label}.", "It is {label}.")
    ]
    assert models[0] is models[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("problem", [ONE, MANY], ids=["one label", "many labels"])
def test_what_is_saved_and_loaded_gives_the_same_scores(kind, problem, folder, tmp_path):
    predictor = fit(
        encoder_of(folder(kind)),
        problem,
        templates=TEMPLATES,
        calibration="contextual" if problem is ONE else "none",
    ).predictor
    before = drain(predictor.predict(examples_of()))
    predictor.save(tmp_path)
    dice = torch.get_rng_state()
    again = strategy.load(tmp_path, problem, encoder_of(folder(kind)))
    assert np.allclose(before, drain(again.predict(examples_of())), atol=1e-6) and torch.equal(
        dice, torch.get_rng_state()
    )
    alone = np.concatenate([drain(predictor.predict([e])) for e in examples_of()])
    assert np.allclose(before, alone, atol=1e-5), "company does not matter"
    assert drain(predictor.predict([])).shape == (0, 3)


@pytest.mark.parametrize("kind", ["bert", "bart"])
def test_a_study_runs(kind, taught, folder, tmp_path):
    random = np.random.default_rng(4)
    rows = [
        Example(i, f"{text(t, random)} {i}", labels=(t,))
        for i, t in enumerate(list(TOPICS) * 20, start=1)
    ]
    problem = Problem("one text", "one label", tuple(Label(t, t) for t in TOPICS))
    split, _ = make_split(Loaded(Dataset("made", problem, tuple(rows)), {}, (), (), 0), size=20)
    arms = [ArmRequest("nli", {"calibration": c}, c) for c in ("none", "batch")]
    made = plan(
        make_study(
            "made",
            problem,
            split,
            arms=arms,
            shots=(0, 1),
            seeds=2,
            model=str(taught if kind == "bert" else folder(kind)),
        )
    )
    assert not made.refused and [s.shots for s in made.specs] == [0, 0]
    results = [
        e.result
        for e in run(made, encoders=Encoders("cpu", tmp_path / "cache"))
        if isinstance(e, Finished)
    ]
    assert [r.status for r in results] == ["done", "done"], [r.error for r in results]
    assert all(SUPERVISED in r.notes for r in results)
