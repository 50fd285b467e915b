"""Prompt-based fine-tuning: scores against one row at a time, training from where cloze stands, and
what it leaves alone.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from tests.tiny_models import MASKED, NOUNS, WIDTH, drain, said
from tl_core.api.types import Example, Facts, Job, Label, ModelRef, Problem
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.language_models import language_model_of
from tl_core.models.loading import load_model
from tl_core.models.prompting.prompt_tuning import TunedPrompts
from tl_core.strategies import strategies

TUNE = strategies()["prompt-tune"]
KINDS = (
    "bert",
    "roberta",
    "distilbert",
    "electra",
    "deberta-v2",
    "modernbert",
    "albert",
    "mpnet",
    "xlm-roberta",
)
TOPICS = Problem(
    "one text",
    "one label",
    (Label("1", "sea", words=("sea", "ship")), Label("2", "bread"), Label("3", "near the oven")),
)
SINGLE = Problem("one text", "one label", (Label("sea", "sea"), Label("bread", "bread")))
PAIRS = dataclasses.replace(SINGLE, inputs="two texts")
TEXTS = [
    "le ship sails",
    "la oven glows near",
    "",
    "la dough rises near the bread le gull flies",
    "anchor",
    "le ship [MASK] sails </s> <mask>",
]
TEMPLATES = "{text} near the [MASK]|[MASK]: {text}"
FAST = {"templates": "near [MASK] {text}", "min_steps": 70, "max_steps": 70, "batch": 8}
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def encoder_of(tiny_models):
    """A tiny model of a kind, with and without its head, as a run gets it."""
    made = {}

    def encoder(kind: str) -> Encoder:
        if kind not in made:
            source = find(str(tiny_models.headed(kind)))
            made[kind] = Encoder(load_model(source), source=source)
        return made[kind]

    return encoder


def rows_of(count: int, seed: int = 0, pairs: bool = False) -> list[Example]:
    """Texts of which one noun says whether they are about the sea or about bread."""
    random = np.random.default_rng(seed)
    nouns = {"sea": ["ship", "gull", "anchor"], "bread": ["oven", "dough", "crust"]}
    rows = []
    for i in range(count):
        label = ("sea", "bread")[i % 2]
        first, second = (
            f"the {random.choice(nouns[label])} {random.choice(list(NOUNS.values()))} near"
            for _ in range(2)
        )
        rows.append(Example(i + 1, first, second if pairs else None, (label,)))
    return rows


def examples_of(texts=TEXTS) -> list[Example]:
    return [Example(i, text, labels=("1",)) for i, text in enumerate(texts, start=1)]


def untrained(encoder, problem=TOPICS, **settings) -> TunedPrompts:
    return TunedPrompts(problem, TUNE.settings(**{"templates": TEMPLATES, **settings}), encoder)


def fit(encoder, problem=SINGLE, rows=None, seed=0, **settings):
    rate = {"learning_rate": 5e-4 if settings.get("train") == "lora" else 5e-3}
    return drain(
        TUNE.fit(
            Job(
                problem,
                rows or rows_of(24),
                TUNE.settings(**{**FAST, **rate, **settings}),
                seed,
                encoder,
            )
        )
    )


def predicted(fitted, rows) -> np.ndarray:
    return drain(fitted.predictor.predict(rows))


def accuracy(scores, problem, rows) -> float:
    return float(
        np.mean(
            [
                problem.label_ids[i] == e.labels[0]
                for i, e in zip(scores.argmax(1), rows, strict=True)
            ]
        )
    )


# --- scores ---------------------------------------------------------------------------------------


@torch.inference_mode()
def by_hand(prompts: TunedPrompts, template: str, example: Example) -> list[float]:
    """Log-shares of labels: one network pass for every word, whose tokens are hidden all at
    once.
    """
    model = prompts.model
    prompt, _ = prompts.prompt(template, example)
    before, after = prompt.parts()
    cut = prompts.tokens(prompt.follows[0])
    uneven = len({len(word) for word in cut}) > 1
    of_words = []
    for word in cut:
        row = [
            *model.before,
            *before,
            *[model.tokenizer.mask_token_id] * len(word),
            *after,
            *model.after,
        ]
        told = (
            prompts.lm.network(
                input_ids=torch.tensor([row]),
                attention_mask=torch.ones(1, len(row), dtype=torch.long),
            )
            .logits[0]
            .double()
            .log_softmax(-1)
        )
        steps = [
            float(told[len(model.before) + len(before) + t, token]) for t, token in enumerate(word)
        ]
        of_words.append(np.mean(steps) if uneven else sum(steps))
    labels = np.array(
        [
            math.log(
                np.mean(
                    [
                        math.exp(s)
                        for s, c in zip(of_words, prompts.owner, strict=True)
                        if c == label
                    ]
                )
            )
            for label in range(len(prompts.words))
        ]
    )
    return labels - math.log(np.exp(labels).sum())


@pytest.mark.parametrize("kind", MASKED)
def test_scores_are_those_of_one_row_and_word_at_a_time(kind, encoder_of):
    for problem in (TOPICS, SINGLE):
        prompts = untrained(encoder_of(kind), problem)
        scores, short = drain(prompts.scores(examples_of()))
        assert scores.shape == (2, len(TEXTS), len(problem.labels)) and short == 0
        for t, template in enumerate(prompts.templates):
            for i, example in enumerate(examples_of()):
                assert np.allclose(scores[t, i], by_hand(prompts, template, example), atol=1e-4)
        assert scores.std(axis=1).min() > 1e-3, "texts make a difference"


def test_every_kind_is_tried():
    assert len(KINDS) == 9 and set(KINDS) < set(MASKED) and len(MASKED) == 13


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("train", ["all", "lora"])
def test_training_starts_where_cloze_stands(kind, train, encoder_of):
    """Words of one token, and no calibration: the same numbers."""
    encoder, cloze = encoder_of(kind), strategies()["cloze"]
    problem = Problem(
        "one text", "one label", (Label("1", "sea", words=("sea", "ship")), Label("2", "bread"))
    )
    params = cloze.settings(templates=TEMPLATES, calibration="none")
    expected = predicted(drain(cloze.fit(Job(problem, [], params, 0, encoder))), examples_of())
    prompts = untrained(encoder, problem, train=train)
    drain(prompts.scores(examples_of()))
    single = {len(word) for cut in prompts._tokens.values() for word in cut} == {1}
    scores, _ = drain(prompts.scores(examples_of()))
    shares = np.exp(scores.mean(0))
    assert np.allclose(shares / shares.sum(1, keepdims=True), expected, atol=1e-5) == single
    assert single or kind in ("roberta", "modernbert", "xlm-roberta", "albert", "deberta-v2")


# --- training -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("train", ["all", "lora"])
def test_it_learns_a_made_up_language(kind, train, encoder_of):
    encoder, test = encoder_of(kind), rows_of(40, seed=7)
    fitted = fit(encoder, train=train)
    assert (
        accuracy(predicted(fitted, test), SINGLE, test) > 0.75
    )  # one of two layers learns, below a head of random weights
    assert len(fitted.curve) == fitted.optimizer_steps == FAST["max_steps"] and np.mean(
        fitted.curve[-5:]
    ) < np.mean(fitted.curve[:5])
    assert all(p.grad is None for p in language_model_of(encoder).model.network.parameters())


@pytest.mark.parametrize(
    "labels", [TOPICS, SINGLE], ids=["of several tokens and words", "of one token"]
)
def test_it_starts_with_the_loss_of_its_own_scores(labels, encoder_of):
    """One step over all rows, nothing dropped out: cross-entropy of what is predicted before
    training.
    """
    encoder, rows = (
        encoder_of("bert"),
        [
            dataclasses.replace(e, labels=(labels.label_ids[i % len(labels.labels)],))
            for i, e in enumerate(rows_of(9))
        ],
    )
    scores, _ = drain(untrained(encoder, labels, templates="{text} near the [MASK]").scores(rows))
    encoder_still = _without_dropout(encoder)
    fitted = fit(
        encoder_still,
        labels,
        rows,
        templates="{text} near the [MASK]",
        batch=9,
        min_steps=1,
        max_steps=1,
    )
    assert np.allclose(
        fitted.curve,
        -scores[0][range(9), [labels.label_index[e.labels[0]] for e in rows]].mean(),
        atol=1e-5,
    )


def _without_dropout(encoder: Encoder) -> Encoder:
    still = Encoder(encoder.model, source=encoder.source)
    for module in language_model_of(still).model.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return still


@pytest.mark.parametrize("train", ["all", "lora"])
def test_it_counts_what_it_trains(train, encoder_of, tmp_path):
    """All: every weight of body and head but the vectors of the vocabulary. lora: two matrices
    beside each linear map of the upper half.
    """
    from safetensors.numpy import load_file

    encoder = encoder_of("bert")
    fitted = fit(encoder, train=train, min_steps=2, max_steps=2)
    network = language_model_of(encoder).model.network
    vocabulary = network.get_input_embeddings().weight
    expected = {
        "all": sum(p.numel() for p in network.parameters()) - vocabulary.numel(),
        "lora": 4 * 8 * (WIDTH + WIDTH) + 2 * 8 * (WIDTH + 64),  # one of two layers
    }
    assert fitted.trainable_parameters == expected[train]
    fitted.predictor.save(tmp_path)
    saved = load_file(tmp_path / "weights.safetensors")
    assert sum(array.size for array in saved.values()) == expected[train]
    own = dict(network.named_parameters())
    assert all(("lora_" in name) == (train == "lora") for name in saved)
    assert train == "lora" or not any(
        np.array_equal(array, own[name].detach().numpy())
        for name, array in saved.items()
        if "query.weight" in name
    )


def test_the_head_is_trained_too_and_with_lora_is_not(encoder_of):
    encoder = encoder_of("bert")
    before = {
        name: p.detach().clone()
        for name, p in language_model_of(encoder).model.network.named_parameters()
    }
    for train in ("all", "lora"):
        after = dict(
            fit(
                encoder, train=train, min_steps=2, max_steps=2
            ).predictor.prompts.lm.network.named_parameters()
        )
        changed = {
            name
            for name, p in after.items()
            if name.startswith("cls.") and not torch.equal(p, before[name])
        }
        assert ("cls.predictions.transform.dense.weight" in changed) == (train == "all") and (
            train == "all" or not changed
        )


@pytest.mark.parametrize("train", ["all", "lora"])
@pytest.mark.parametrize("demonstrations", [0, 2])
def test_what_is_saved_and_loaded_gives_the_same_scores(
    train, demonstrations, encoder_of, tmp_path
):
    encoder, test = encoder_of("roberta"), rows_of(6, seed=4)
    fitted = fit(
        encoder,
        train=train,
        demonstrations=demonstrations,
        similar=True,
        templates=TEMPLATES,
        min_steps=3,
        max_steps=3,
        seed=5,
    )
    fitted.predictor.save(tmp_path)
    again = TUNE.load(tmp_path, SINGLE, Encoder(load_model(encoder.source), source=encoder.source))
    assert np.array_equal(drain(again.predict(test)), predicted(fitted, test))
    assert all(
        torch.equal(a, b)
        for a, b in zip(
            again.prompts.lm.network.state_dict().values(),
            fitted.predictor.prompts.lm.network.state_dict().values(),
            strict=True,
        )
    )


def test_weights_of_another_model_are_refused(encoder_of, tmp_path):
    fit(encoder_of("bert"), min_steps=1, max_steps=1).predictor.save(tmp_path)
    assert "another model" in said(TUNE.load, tmp_path, SINGLE, encoder_of("distilbert"))


@pytest.mark.parametrize("after", [1, 4])
@pytest.mark.parametrize("train", ["all", "lora"])
def test_stopping_leaves_the_shared_language_model_alone(train, after, encoder_of):
    encoder = encoder_of("bert")
    network, dice = language_model_of(encoder).model.network, torch.get_rng_state()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    steps = TUNE.fit(Job(SINGLE, rows_of(16), TUNE.settings(**FAST, train=train), 0, encoder))
    losses = 0
    while losses < after:
        losses += next(steps).loss is not None
    steps.close()
    assert network.state_dict().keys() == before.keys() and not network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), dice)


# --- texts and demonstrations ---------------------------------------------------------------------


@pytest.mark.parametrize("demonstrations", [0, 1])
def test_a_long_text_is_cut_and_the_template_is_not(demonstrations, encoder_of):
    encoder, long = encoder_of("bert"), [Example(1, "le ship sails " * 60), Example(2, "la oven")]
    template = "anchor {text} near the [MASK] gull"
    fitted = fit(
        encoder, templates=template, demonstrations=demonstrations, min_steps=1, max_steps=1
    )
    predicted(fitted, long)
    assert (
        len(fitted.predictor.notes) == 1
        and "1 of 2 texts was cut short to fit into the 64 tokens" in fitted.predictor.notes[0]
    )
    prompts = fitted.predictor.prompts
    read, short = drain(prompts.read(long))
    shown = prompts.shown(read[0][0], 0, np.random.default_rng(0), np.zeros(0))
    assert short == 1 and len(shown.ids) <= prompts.lm.max_tokens - 2 and shown.blanks == 1
    words = prompts.lm.tokenizer.convert_ids_to_tokens(
        [token for token in read[0][0].ids if token >= 0]
    )
    assert (
        words[0] == "anchor" and words[-3:] == ["near", "the", "gull"] and words.count("ship") > 3
    )


def test_demonstrations_are_other_rows_with_their_answers_one_of_each_label(encoder_of):
    encoder, train = encoder_of("bert"), rows_of(8)
    prompts = untrained(encoder, SINGLE, templates="{text} the [MASK]", demonstrations=1)
    drain(prompts.demonstrate(train))
    read, _ = drain(prompts.read(train))
    random, seen = np.random.default_rng(0), set()
    texts = {
        label: {f"{e.text} the {label}" for e in train if e.labels[0] == label}
        for label in ("sea", "bread")
    }
    for _ in range(20):
        for j, prompt in enumerate(read[0]):
            shown = prompts.shown(prompt, 0, random, np.zeros(0), without=j)
            told = prompts.lm.tokenizer.decode(shown.ids[len(prompt.ids) :]).split("</s>")
            sea, bread = (part.strip() for part in told[1:])
            assert (
                shown.ids[: len(prompt.ids)] == prompt.ids
                and sea in texts["sea"]
                and bread in texts["bread"]
            )
            own = f"{train[j].text} the {train[j].labels[0]}"
            assert own not in (sea, bread) or sum(e.text == train[j].text for e in train) > 1
            seen |= {sea, bread}
    assert seen == texts["sea"] | texts["bread"], "every row comes up"


def test_similar_demonstrations_are_of_the_nearer_half(encoder_of):
    encoder, train = encoder_of("bert"), rows_of(12)
    prompts = untrained(
        encoder, SINGLE, templates="{text} the [MASK]", demonstrations=1, similar=True
    )
    drain(prompts.demonstrate(train))
    vectors, text = (
        prompts.demonstrations.vectors,
        drain(prompts.like([Example(1, "the gull flies near")]))[0],
    )
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    nearest = {
        int(j)
        for label in (0, 1)
        for j in sorted(range(label, 12, 2), key=lambda j: -(vectors[j] @ text))[:3]
    }
    random = np.random.default_rng(1)
    assert {j for _ in range(50) for j in prompts.demonstrations.draw(random, text)} == nearest


def test_sets_of_demonstrations_are_averaged_and_a_texts_own(encoder_of):
    """The same text is shown the same sets, in whatever company; more sets are another mean."""
    encoder, test = encoder_of("bert"), rows_of(6, seed=4)
    one, three = (
        untrained(encoder, SINGLE, templates="{text} the [MASK]", demonstrations=count)
        for count in (1, 3)
    )
    for prompts in (one, three):
        drain(prompts.demonstrate(rows_of(12)))
    together, alone = (
        drain(three.scores(test))[0],
        np.concatenate([drain(three.scores([e]))[0] for e in test], axis=1),
    )
    assert np.allclose(together, alone, atol=1e-5)
    first, _ = drain(one.scores(test))
    assert not np.allclose(first, together, atol=1e-4)
    by_hand = []
    for s in range(3):
        rows = [
            three.shown(p, 0, np.random.default_rng([0, s, int.from_bytes(e.content)]), np.zeros(0))
            for e, p in zip(test, drain(three.read(test))[0][0], strict=True)
        ]
        by_hand.append([three.logits([row]).log_softmax(1)[0].tolist() for row in rows])
    assert np.allclose(np.mean(by_hand, axis=0), together[0], atol=1e-4)
    assert np.allclose(by_hand[0], first[0], atol=1e-4)


def test_it_learns_with_demonstrations(encoder_of):
    test = rows_of(40, seed=7)
    assert accuracy(predicted(fit(encoder_of("bert"), demonstrations=1), test), SINGLE, test) > 0.85


def test_demonstrations_that_cannot_be_are_told(encoder_of):
    encoder = encoder_of("bert")
    assert "“sea”" in said(fit, encoder, rows=rows_of(3)[1:], demonstrations=1)
    many = Problem(
        "one text",
        "one label",
        tuple(Label(f"{a}{b}", f"{a} {b}") for a in "abcdefgh" for b in "stuvw"),
    )
    rows = [Example(i, "le ship", labels=(label,)) for i, label in enumerate(many.label_ids * 2)]
    assert "of 40 labels take" in said(fit, encoder, many, rows, demonstrations=1)


def test_two_texts_are_read_in_their_own_template(encoder_of):
    encoder, test = encoder_of("bert"), rows_of(20, seed=7, pairs=True)
    fitted = fit(
        encoder,
        PAIRS,
        rows_of(24, pairs=True),
        pair_templates="{text_b} near the [MASK]: {text}",
        demonstrations=1,
    )
    assert accuracy(predicted(fitted, test), PAIRS, test) > 0.85


# --- what it refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize("speaks", ["masked", "permutation", "sentinel", "causal", ""])
def test_models_that_fill_no_blanks_are_refused(speaks):
    reason = TUNE.refuses(Facts(SINGLE, 4, ModelRef("tiny", "0" * 32, speaks=speaks), True))
    assert (reason == "") == (speaks == "masked")
    assert not reason or reason.startswith("prompt-tune") and "tiny" in reason and "lora" in reason


def test_what_cannot_be_trained_is_refused_before_anyone_waits():
    model = ModelRef("tiny", "0" * 32, speaks="masked")
    assert "cloze" in TUNE.refuses(Facts(SINGLE, 0, model, True))
    assert "bare numbers" in TUNE.refuses(Facts(SINGLE, 4, model, False))
    assert "writes one label for a text" in TUNE.why_not(
        Facts(dataclasses.replace(SINGLE, target="many labels"), 4, model, True)
    )
    assert "[MASK]" in said(TUNE.settings, templates="no place for it: {text}")
