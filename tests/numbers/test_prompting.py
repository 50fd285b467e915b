"""Labels as words in a template: scores against slow references, calibrations against numbers
worked out by hand, and what may be seen.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from tests.tiny_models import HEADED, NOUNS, PLACES, drain, make, make_headed, said, sentence
from tl_core.api.types import Dataset, Example, Facts, Finished, Job, Label, ModelRef, Problem
from tl_core.data.loaded import Loaded
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.language_models import language_model_of
from tl_core.models.language_models.blanks import BLANK_ID
from tl_core.models.prompting.prompts import Prompts, filled, templates_of
from tl_core.running.run import Encoders, run
from tl_core.statistics.classification.prompt_calibration import (
    bags_of_words,
    label_scores,
    log_shares,
    with_shares,
    without_text,
)
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan, unlabelled

FAMILIES = {
    "bert": "masked",
    "roberta": "masked",
    "xlnet": "permutation",
    "t5": "sentinel",
    "gpt2": "causal",
    "llama": "causal",
}
WRITERS = ("t5", "gpt2", "llama")
FILLERS = ("bert", "roberta", "xlnet", "t5")
CASES = [("cloze", kind) for kind in FILLERS] + [("label-score", kind) for kind in WRITERS]
TEXTS = [
    "le ship sails",
    "la oven",
    "",
    "la dough rises near the bread le gull flies",
    "anchor",
    "la oven glows near",
    "le ship [MASK] sails </s> <mask>",
]
TOPICS = Problem(
    "one text",
    "one label",
    (
        Label("1", "sea", words=("sea", "ship", "le gull")),
        Label("2", "bread"),
        Label("3", "near the oven"),
    ),
)
SINGLE = Problem("one text", "one label", (Label("sea", "sea"), Label("bread", "bread")))
PAIRS = dataclasses.replace(SINGLE, inputs="two texts")
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folders(tiny_models):
    """One tiny model of each kind, on disk."""
    return {kind: tiny_models.headed(kind) for kind in FAMILIES}


@pytest.fixture(scope="module")
def encoders(folders):
    """One encoder for each, whose language model is loaded at first use."""
    return {kind: Encoder(None, source=find(str(folder))) for kind, folder in folders.items()}


def examples_of(texts=TEXTS) -> list[Example]:
    return [Example(i, text) for i, text in enumerate(texts, start=1)]


def fit(id: str, encoder, problem: Problem = TOPICS, seed: int = 0, without_labels=(), **settings):
    strategy = strategies()[id]
    settings = {"calibration": "contextual", **settings}
    return drain(
        strategy.fit(
            Job(
                problem, [], strategy.settings(**settings), seed, encoder, unlabelled=without_labels
            )
        )
    )


def predicted(id: str, encoder, problem: Problem = TOPICS, texts=TEXTS, **settings) -> np.ndarray:
    return drain(fit(id, encoder, problem, **settings).predictor.predict(examples_of(texts)))


# --- scores against one label at a time -----------------------------------------------------------


def network_of(model) -> torch.nn.Module:
    return model.model.network if model.family == "masked" else model.network


@torch.inference_mode()
def log_probs(network, *arguments, **named) -> torch.Tensor:
    """(T, V) of a single sequence."""
    return network(*arguments, **named).logits[0].double().log_softmax(-1)


def filled_by_hand(model, prompt, word) -> list[float]:
    """Log-probabilities of a word's tokens in a blank (and, T5, of the mark behind it): one network
    pass a token.
    """
    parts, network = prompt.parts(), network_of(model)
    if model.family == "sentinel":
        read = [*model.before, *parts[0], model.marks[0], *parts[1], *model.after]
        written = [network.config.decoder_start_token_id, model.marks[0], *word, model.marks[1]]
        told = log_probs(
            network, input_ids=torch.tensor([read]), decoder_input_ids=torch.tensor([written])
        )
        return [float(told[1 + t, token]) for t, token in enumerate([*word, model.marks[1]])]
    mask, found = model.tokenizer.mask_token_id, []
    for t, token in enumerate(word):
        place = len(model.before) + len(parts[0]) + t
        row = [
            *model.before,
            *parts[0],
            *word[:t],
            *[mask] * (len(word) - t),
            *parts[1],
            *model.after,
        ]
        if model.family == "masked":
            found.append(float(log_probs(network, input_ids=torch.tensor([row]))[place, token]))
            continue
        unseen, target = torch.zeros(1, len(row), len(row)), torch.zeros(1, 1, len(row))
        unseen[0, :, place : place + len(word) - t] = 1
        target[0, 0, place] = 1
        found.append(
            float(
                log_probs(network, torch.tensor([row]), perm_mask=unseen, target_mapping=target)[
                    0, token
                ]
            )
        )
    return found


def written_by_hand(model, prompt, word) -> list[float]:
    """Log-probabilities of a word's tokens after a prompt (and, T5, of the end): the whole is read
    again for every word.
    """
    begun = [token for token in prompt.ids if token != BLANK_ID]
    if model.family == "sentinel":
        read, end = [*model.before, *begun, *model.after], model.tokenizer.eos_token_id
        written = [model.network.config.decoder_start_token_id, *word, end]
        told = log_probs(
            model.network, input_ids=torch.tensor([read]), decoder_input_ids=torch.tensor([written])
        )
        return [float(told[t, token]) for t, token in enumerate([*word, end])]
    row = [*model.before, *begun, *word]
    told = log_probs(model.network, torch.tensor([row]))
    return [float(told[len(row) - len(word) + t - 1, token]) for t, token in enumerate(word)]


def scores_by_hand(prompts: Prompts, template: str, example: Example) -> list[float]:
    model = prompts.model
    prompt, _ = prompts.prompt(template, example)
    cut = prompts.tokens(prompt.follows[0])
    by_hand = [
        (written_by_hand if prompts.answers else filled_by_hand)(model, prompt, word)
        for word in cut
    ]
    uneven = len({len(word) for word in cut}) > 1
    mean = prompts.per_token or (
        prompts.per_token is None and uneven and model.family in ("masked", "permutation")
    )
    of_words = [
        np.mean(steps[: len(word)]) if mean else sum(steps)
        for steps, word in zip(by_hand, cut, strict=True)
    ]
    return [
        math.log(
            np.mean(
                [
                    math.exp(s)
                    for s, owner in zip(of_words, prompts.owner, strict=True)
                    if owner == c
                ]
            )
        )
        for c in range(len(prompts.words))
    ]


@pytest.mark.parametrize("id,kind", CASES)
def test_scores_are_those_of_one_label_at_a_time(id, kind, encoders):
    templates = (
        "{text} near the [MASK].|[MASK]: {text}"
        if id == "cloze"
        else "{text} near the {label}|la\\n{text}\\nle: {label}"
    )
    for problem in (TOPICS, SINGLE):
        for settings in [{}] if id == "cloze" else [{"per_token": False}, {"per_token": True}]:
            prompts = fit(
                id, encoders[kind], problem, templates=templates, **settings
            ).predictor.prompts
            scores, short = drain(prompts.scores(examples_of()))
            assert (
                prompts.model.family == FAMILIES[kind]
                and scores.shape == (2, 7, len(problem.labels))
                and short == 0
            )
            assert prompts.uneven() or problem is SINGLE or kind == "bert"
            for t, template in enumerate(prompts.templates):
                for i, example in enumerate(examples_of()):
                    assert np.allclose(
                        scores[t, i], scores_by_hand(prompts, template, example), atol=1e-4
                    )
            assert scores.std(axis=1).min() > 1e-3, "texts make a difference"


def test_every_case_is_tried():
    assert (
        len(CASES) == 7
        and set(FAMILIES) == {kind for _, kind in CASES}
        and set(FAMILIES) < set(HEADED)
    )


@pytest.mark.parametrize("kind", FAMILIES)
def test_many_texts_at_a_time_are_scored_as_one_is(kind, encoders, monkeypatch):
    """And the same however few of them go through the network together."""
    from tl_core.models.language_models import slots

    model = language_model_of(encoders[kind])
    texts = [
        model.read(f"{text} near the [MASK]{after}")
        for text in ("le ship", "la oven glows", "le gull")
        for after in ("", " and le anchor")
    ]
    a, b = model.tokenizer("near")["input_ids"][:2]
    words = [[(a,), (b, a), (a, b, b)][: 1 + i % 3] for i in range(6)]
    slow = [model.score(text, (), of_text) for text, of_text in zip(texts, words, strict=True)]
    for tokens in (slots.CHUNK_TOKENS, 1):
        monkeypatch.setattr(slots, "CHUNK_TOKENS", tokens)
        together = drain(model.score_each(texts, words))
        assert [len(x) for x in together] == [1, 2, 3, 1, 2, 3]
        for one, other in zip(sum(together, []), sum(slow, []), strict=True):
            assert (
                np.allclose(one.log_probs, other.log_probs, atol=1e-4)
                and abs(one.total - other.total) < 1e-4
            )


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_beginning_is_read_once_for_all_labels(kind, encoders, monkeypatch):
    """With and without the memory of keys and values; labels of several tokens read only what is
    left of them.
    """
    from transformers import DynamicCache

    prompts = fit(
        "label-score", encoders[kind], templates="{text} near the {label}"
    ).predictor.prompts
    network, widths = prompts.model.network, []
    handle = network.register_forward_pre_hook(
        lambda _, __, named: widths.append(named["input_ids"].shape[1]), with_kwargs=True
    )
    cached, _ = drain(prompts.scores(examples_of(["le ship sails la oven glows"] * 3)))
    longest = max(len(word) for word in prompts.tokens(" "))
    assert len(widths) == 2 and widths[0] > 8 and widths[1] == longest - 1 > 0
    handle.remove()
    monkeypatch.delattr(DynamicCache.__mro__[1], "batch_select_indices")
    assert not hasattr(DynamicCache(), "batch_select_indices")
    again, _ = drain(prompts.scores(examples_of(["le ship sails la oven glows"] * 3)))
    assert np.allclose(cached, again, atol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_many_labels_of_a_text_share_a_row(kind, encoders, monkeypatch):
    """And come to what each comes to by itself; a network that heeds no mask of ours gets a row for
    each of them.
    """
    from tl_core.models.language_models import causal, packed

    model = language_model_of(encoders[kind])
    texts = [model.read(f"{text} near the [MASK]") for text in ("le ship", "la oven glows")]
    draw = np.random.default_rng(0)
    words = [[tuple(draw.integers(5, 40, 1 + n % 6).tolist()) for n in range(30)] for _ in texts]
    slow = [model.score(text, (), of_text) for text, of_text in zip(texts, words, strict=True)]
    network, rows = model.network, []
    handle = network.register_forward_pre_hook(
        lambda _, __, named: rows.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    for most, heeds in ((512, True), (20, True), (512, False)):
        monkeypatch.setattr(packed, "MOST", most)
        model.packs = None if heeds else False
        rows.clear()
        together = drain(model.score_each(texts, words))
        assert model.packs is heeds
        tokens = sum(len(word) - 1 for word in words[0])
        assert ((1, tokens) in rows) is (heeds and most > tokens)
        for one, other in zip(sum(together, []), sum(slow, []), strict=True):
            assert np.allclose(one.log_probs, other.log_probs, atol=1e-4)
    handle.remove()

    def unheeding(self, **named):
        return real(self, **{**named, "attention_mask": None})

    real = type(network).forward
    monkeypatch.setattr(causal, "can_pack", lambda *_: True)
    monkeypatch.setattr(type(network), "forward", unheeding)
    model.packs = None
    drain(model.score_each(texts, words))
    assert model.packs is False
    model.packs = None


def test_words_of_one_token_take_one_row_a_text(encoders):
    prompts = fit("cloze", encoders["bert"], SINGLE, calibration="none").predictor.prompts
    rows = []
    model = prompts.model
    ask = model._ask
    model._ask = lambda asked, places: rows.append(len(asked)) or ask(asked, places)
    try:
        drain(prompts.scores(examples_of()))
    finally:
        del model._ask
    assert sum(rows) == len(TEXTS)


# --- calibration ----------------------------------------------------------------------------------


def test_a_labels_score_is_the_log_of_the_mean_over_its_words():
    words = np.log([[0.1, 0.3, 0.5], [0.2, 0.2, 0.01]])
    assert np.allclose(np.exp(label_scores(words, [0, 0, 1])), [[0.2, 0.5], [0.2, 0.01]])
    assert np.allclose(
        label_scores(words - 2000, [0, 0, 1]), label_scores(words, [0, 0, 1]) - 2000
    ), "probabilities too small for a number"


def test_texts_without_content_by_hand():
    """p_cf = (0.6, 0.2) made to sum to 1 is (3/4, 1/4): p = (0.6, 0.4) becomes (0.8, 1.6) / 2.4."""
    offset = without_text(np.log([[0.7, 0.1], [0.5, 0.3]]))
    assert np.allclose(np.exp(offset), [0.75, 0.25])
    assert np.allclose(np.exp(log_shares(np.log([[0.6, 0.4]]) - offset)), [[1 / 3, 2 / 3]])
    one = without_text(
        np.log([[0.02, 0.06]])
    )  # one empty text: log p(y|x) - log p(y|nothing), Holtzman et al. 2021
    assert np.allclose(np.log([0.3, 0.3]) - one, np.log([0.3 / 0.25, 0.3 / 0.75]))


def test_even_texts_without_content_change_nothing():
    scores = np.random.default_rng(0).normal(size=(20, 5))
    assert np.allclose(log_shares(scores - without_text(np.full((3, 5), -7.0))), log_shares(scores))
    assert np.allclose(
        log_shares(without_text(scores)[None] - without_text(scores)), -math.log(5)
    ), "what says nothing is left even"


def test_batch_calibration_by_hand():
    """Odds 1:1 and 4:1 are, halved, 1:2 and 2:1: means of 1/2."""
    offset = with_shares(np.log([[0.5, 0.5], [0.8, 0.2]]))
    assert np.allclose(np.exp(offset), [2 / 3, 1 / 3], atol=1e-5)


@pytest.mark.parametrize("sharp", [0.5, 3.0, 20.0])
@pytest.mark.parametrize("prior", [None, [0.6, 0.3, 0.1]])
def test_shares_become_the_prior(sharp, prior):
    scores = np.random.default_rng(1).normal(size=(200, 3)) * sharp + [2.0, 0.0, -3.0]
    offset = with_shares(scores, None if prior is None else np.array(prior))
    means = np.exp(log_shares(scores - offset)).mean(0)
    assert np.allclose(means, [1 / 3] * 3 if prior is None else prior, atol=1e-3)
    assert np.allclose(
        log_shares(scores - 5 - with_shares(scores - 5)), log_shares(scores - with_shares(scores))
    ), "a constant does not matter"


def test_bags_hold_the_words_of_the_texts_at_their_mean_length():
    bags = bags_of_words(["Ship sails far away", "Oven"], 20, seed=3)
    assert len(bags) == 20 and all(
        len(bag.split()) == 3 for bag in bags
    )  # 5 words in 2 texts: 2.5, rounded up
    assert {word for bag in bags for word in bag.split()} == {
        "ship",
        "sails",
        "far",
        "away",
        "oven",
    }
    assert (
        bags
        == bags_of_words(["Ship sails far away", "Oven"], 20, seed=3)
        != bags_of_words(["Ship sails far away", "Oven"], 20, seed=4)
    )
    assert bags_of_words(["", " "], 2, seed=0) == ["", ""]


@pytest.mark.parametrize("id,kind", [("cloze", "bert"), ("label-score", "gpt2")])
def test_each_calibration_is_what_it_says(id, kind, encoders):
    """From scores alone: what is read and what is taken off."""
    place = "[MASK]" if id == "cloze" else "{label}"
    templates = f"{{text}} near the {place}|le {{text}} {place}"
    pool = examples_of(TEXTS[:2] + TEXTS[3:6])
    prompts = fit(id, encoders[kind], templates=templates).predictor.prompts
    scores, _ = drain(prompts.scores(examples_of()))
    read = {
        "contextual": examples_of(["N/A", "[MASK]", ""]),
        "pmi": examples_of([""]),
        "domain": examples_of(bags_of_words([e.text for e in pool], 20, seed=5)),
        "batch": pool,
    }
    found = {}
    for calibration in ("none", *read):
        found[calibration] = predicted(
            id,
            encoders[kind],
            templates=templates,
            calibration=calibration,
            seed=5,
            without_labels=pool,
        )
        offsets = np.zeros((2, 1, 3))
        if calibration != "none":
            background, _ = drain(prompts.scores(read[calibration]))
            offsets = np.stack(
                [(with_shares if calibration == "batch" else without_text)(b) for b in background]
            )[:, None]
        expected = np.exp(log_shares(np.mean([log_shares(s) for s in scores - offsets], axis=0)))
        assert np.allclose(found[calibration], expected, atol=1e-5) and np.allclose(
            found[calibration].sum(1), 1, atol=1e-5
        )
    empty = TEXTS.index("")
    assert np.allclose(found["pmi"][empty], 1 / 3, atol=1e-5), (
        "a text that says nothing speaks for no label"
    )
    assert len({tuple(np.round(f[0], 4)) for f in found.values()}) == 5


@pytest.mark.parametrize("calibration", ["domain", "batch"])
def test_a_calibration_without_its_texts_is_told(calibration, encoders):
    assert "calibration=" + calibration in said(
        fit, "cloze", encoders["bert"], calibration=calibration
    )


# --- templates and words --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "id,template,fault",
    [
        ("cloze", "{text} is good", "[MASK] once; it holds it 0 times"),
        ("cloze", "[MASK] {text} [MASK]", "it holds it 2 times"),
        ("cloze", "[MASK] {text} <mask>", "it holds it 2 times"),
        ("cloze", "It is [MASK].", "{text} once"),
        ("cloze", "{text} {text} [MASK]", "{text} once"),
        ("cloze", "{text} and {text_b} [MASK]", "pair_templates"),
        ("cloze", " | ", "at least one template"),
        ("cloze", "{text} [MASK] | {text}", "'{text}' must hold [MASK]"),
        ("label-score", "{text}", "{label} once"),
        ("label-score", "{label}: {text}", "must end with {label}"),
        ("label-score", "{text} [MASK] {label}", "written {label}"),
    ],
)
def test_a_bad_template_is_told_before_anyone_waits(id, template, fault):
    assert fault in said(strategies()[id].settings, templates=template)


def test_both_texts_of_a_pair_have_their_place():
    for id, place in (("cloze", "[MASK]"), ("label-score", "{label}")):
        params = strategies()[id].settings
        assert "{text_b} once" in said(params, pair_templates=f"{{text}} {place}")
        assert params(pair_templates=f"{{text_b}} then {{text}}: {place}").forms("two texts") == [
            "{text_b} then {text}: [MASK]"
        ]
    assert templates_of("{text}\\n{label} | x {text} {label}", place="{label}") == [
        "{text}\n[MASK]",
        "x {text} [MASK]",
    ]


def test_texts_are_data():
    example = Example(1, "a {text_b} [mask] <MASK> {text}", "b {text} [MASK]")
    assert (
        filled("{text}: {text_b}? [MASK]", example, 99)
        == "a {text_b} [ mask ] < MASK > {text}: b {text} [ MASK ]? [MASK]"
    )
    assert (
        filled("{text} [MASK]", Example(1, "  one two three "), 8) == "one two [MASK]"
        and filled("{text} [MASK]", Example(1, "one two three"), 9) == "one two [MASK]"
    )
    assert filled("{text} [MASK]", Example(1, "x" * 500), 300) == "x" * 300 + " [MASK]"


@pytest.mark.parametrize("id,kind", CASES)
@pytest.mark.parametrize(
    "template", ["le sea {text} near the [MASK]", "oven [MASK] glows, {text}", "{text} [MASK]"]
)
def test_the_text_is_cut_and_never_the_template(id, kind, template, encoders):
    if id == "label-score":
        template = template.replace("[MASK]", "").strip() + " {label}"
    setting = {"templates": template}
    predictor = fit(id, encoders[kind], **setting).predictor
    model, prompts = predictor.prompts.model, predictor.prompts
    long = ["la oven glows near " * 200, "x" * 90, "le ship"]
    shown = prompts.templates[0]
    (before, after), most = shown.split("{text}"), max(len(word) for word in prompts.tokens(" "))
    for text in long:
        prompt, short = prompts.prompt(shown, Example(1, text))
        assert (
            prompt.left_out == 0
            and len(prompt.ids) + most - 1 <= model.room
            and short == (text != "le ship")
        )
        if short:
            assert len(prompt.ids) + most - 1 >= model.room - 16, "not more is cut than must be"
        kept = model.tokenizer.decode(
            [t if t != BLANK_ID else model.tokenizer.unk_token_id for t in prompt.ids]
        ).replace(" ", "")
        for piece in (p.replace(" ", "") for half in (before, after) for p in half.split("[MASK]")):
            assert piece in kept
    scores = drain(predictor.predict(examples_of(long)))
    assert np.isfinite(scores).all() and "2 of 3 texts were cut short" in predictor.notes[0]
    drain(predictor.predict(examples_of(["le ship"])))
    assert predictor.notes == ()


def test_two_long_texts_keep_a_part_each(encoders):
    prompts = Prompts(PAIRS, ["{text} near {text_b} [MASK]"], encoders["bert"])
    prompt, short = prompts.prompt(prompts.templates[0], Example(1, "ship " * 100, "oven " * 90))
    read = prompts.model.tokenizer.convert_ids_to_tokens([t for t in prompt.ids if t != BLANK_ID])
    assert (
        short
        and abs(read.count("ship") - read.count("oven")) <= 1
        and len(prompt.ids) >= prompts.model.room - 4
    )
    prompt, _ = prompts.prompt(prompts.templates[0], Example(1, "ship " * 100, "oven"))
    assert (
        prompts.model.tokenizer.convert_ids_to_tokens([t for t in prompt.ids if t != BLANK_ID])[-1]
        == "oven"
    )


def test_a_template_that_fills_the_model_is_told(encoders):
    assert "longest label alone" in said(
        fit, "cloze", encoders["bert"], templates="near " * 90 + "{text} [MASK]"
    )


def test_words_a_model_cannot_read_or_tell_apart_are_told_at_once(encoders):
    labels = (
        Label("a", "sea"),
        Label("b", "Sea"),
        Label("c", "bread", words=("oven", "Ж")),
        Label("d", "crust", words=("oven",)),
    )
    faults = said(
        fit, "cloze", encoders["bert"], Problem("one text", "one label", labels)
    ).splitlines()
    assert len(faults) == 3
    assert (
        "“sea” and “Sea” are the same" in faults[0]
        and "“bread” and “crust” are the same" in faults[2]
    )
    assert faults[1].startswith("Label “bread”") and "“Ж”" in faults[1]


# --- what it refuses ------------------------------------------------------------------------------


def test_refusals():
    cloze, score = strategies()["cloze"], strategies()["label-score"]
    bare = Problem(
        "one text",
        "one label",
        (Label("0", "0", ("about the sea",)), Label("1", "1", ("about bread",))),
    )
    worded = Problem(
        "one text",
        "one label",
        (Label("0", "0", words=("sea",)), Label("1", "1", words=("bread",))),
    )
    for strategy, good in (
        (cloze, ("masked", "permutation", "sentinel")),
        (score, ("causal", "sentinel")),
    ):
        for speaks in ("", "masked", "permutation", "sentinel", "causal"):
            model = ModelRef("tiny", "0", "", speaks)
            reason = strategy.refuses(Facts(SINGLE, 0, model, True))
            assert (reason == "") == (speaks in good)
            assert (
                reason == ""
                or reason.startswith(strategy.id)
                and reason.endswith(".")
                and "tiny" in reason
            )
        model = ModelRef("tiny", "0", "", good[0])
        assert "bare numbers" in strategy.refuses(Facts(bare, 0, model, True)), (
            "descriptions are no words"
        )
        assert "bare numbers" in strategy.refuses(Facts(SINGLE, 0, model, False))
        assert (
            strategy.refuses(Facts(worded, 0, model, False))
            == strategy.refuses(Facts(PAIRS, 0, model, True))
            == ""
        )
        assert (
            strategy.refuses(
                Facts(dataclasses.replace(SINGLE, target="many labels"), 0, model, True)
            )
            == ""
        ), "cuts say how many apply"


# --- a made-up language ---------------------------------------------------------------------------


def sentence_of(place: str, random) -> str:
    """Words of one place in any order: never seen in this order before."""
    words = [
        w for noun, verb in NOUNS.items() if sentence(noun).endswith(place) for w in (noun, verb)
    ]
    return " ".join(random.choice(words, 4))


def taught(folder, kind: str):
    """A tiny model that has read some hundred sentences of the form “gull ship sails ship near the
    sea”.
    """
    random = np.random.default_rng(0)
    headed = Encoder(None, source=find(str(make_headed(folder, kind, worn=False))))
    model = language_model_of(headed)
    network, mask = network_of(model), model.tokenizer.mask_token_id
    after = getattr(model, "after", ())
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(60):
        said = [
            f"{sentence_of(place, random)} near the {place}" for place in list(PLACES.values()) * 8
        ]
        rows = [
            torch.tensor(
                [*model.before, *model.tokenizer(s, add_special_tokens=False)["input_ids"], *after]
            )
            for s in said
        ]
        if kind == "bert":
            rows = torch.stack(rows)  # whole words: all of one length
            shown = rows.index_fill(1, torch.tensor([rows.shape[1] - 2]), mask)
            loss = torch.nn.functional.cross_entropy(
                network(input_ids=shown).logits[:, -2], rows[:, -2]
            )
        else:
            pad = torch.nn.utils.rnn.pad_sequence
            loss = network(
                input_ids=pad(rows, batch_first=True),
                labels=pad(rows, batch_first=True, padding_value=-100),
            ).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return headed


@pytest.mark.parametrize("id,kind", [("cloze", "bert"), ("label-score", "gpt2")])
def test_a_model_that_knows_the_language_needs_no_labels(id, kind, tmp_path):
    random = np.random.default_rng(1)
    gold = ["sea", "bread"] * 30
    texts = [sentence_of(place, random) for place in gold]
    encoder = taught(tmp_path / kind, kind)
    templates = "{text} near the [MASK]" if id == "cloze" else "{text} near the {label}"
    for calibration in ("none", "contextual", "batch"):
        settings = {
            "templates": templates,
            "calibration": calibration,
            "without_labels": examples_of(texts[:20]),
        }
        scores = predicted(id, encoder, SINGLE, texts, **settings)
        assert (
            np.mean([SINGLE.label_ids[i] == g for i, g in zip(scores.argmax(1), gold, strict=True)])
            > 0.9
        )
    turned = dataclasses.replace(SINGLE, labels=SINGLE.labels[::-1])
    assert np.allclose(
        scores, predicted(id, encoder, turned, texts, **settings)[:, ::-1], atol=1e-5
    )


# --- as a predictor -------------------------------------------------------------------------------


@pytest.mark.parametrize("id,kind", CASES)
@pytest.mark.parametrize("problem", [TOPICS, PAIRS], ids=["one", "two"])
def test_what_is_saved_and_loaded_gives_the_same_scores(
    id, kind, problem, encoders, folders, tmp_path
):
    predictor = fit(id, encoders[kind], problem).predictor
    examples = [Example(i, t, "le gull" if problem is PAIRS else None) for i, t in enumerate(TEXTS)]
    before = drain(predictor.predict(examples))
    predictor.save(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["arrays.safetensors", "settings.json"]
    dice = torch.get_rng_state()
    again = strategies()[id].load(tmp_path, problem, Encoder(None, source=find(str(folders[kind]))))
    assert np.allclose(before, drain(again.predict(examples)), atol=1e-6) and torch.equal(
        dice, torch.get_rng_state()
    )
    assert before.dtype == np.float32 and np.allclose(before.sum(1), 1, atol=1e-5)
    alone = np.concatenate([drain(predictor.predict([e])) for e in examples])
    assert np.allclose(before, alone, atol=1e-5), "company does not matter"
    assert drain(predictor.predict([])).shape == (0, len(problem.labels))


def test_templates_that_disagree_are_told(encoders):
    predictor = fit(
        "cloze", encoders["bert"], templates="{text} near the [MASK]|[MASK] {text}"
    ).predictor
    scores, _ = drain(predictor.prompts.scores(examples_of()))
    answers = (scores - predictor.offsets[:, None]).argmax(2)
    drain(predictor.predict(examples_of()))
    share = (answers[0] != answers[1]).mean()
    assert 0 < share and predictor.notes == (
        f"The 2 templates give different predictions for {100 * share:.0f}% of the texts.",
    )


# --- texts without labels, in a study -------------------------------------------------------------


def rows_of(count: int = 120) -> list[Example]:
    random = np.random.default_rng(4)
    return [
        Example(i, f"{sentence_of(place, random)} {i}", labels=(place,))
        for i, place in enumerate(list(PLACES.values()) * (count // 2), start=1)
    ]


def study_of(model, *arms: ArmRequest, examples=None, size: int = 20):
    loaded = Loaded(Dataset("made", SINGLE, tuple(examples or rows_of())), {}, (), (), 0)
    split, _ = make_split(loaded, size=size)
    return make_study("made", SINGLE, split, arms=arms, shots=(0, 1), seeds=2, model=str(model))


def test_unlabelled_texts_are_of_the_pool_carry_no_label_and_do_not_depend_on_its_order():
    pool = rows_of(700)
    chosen = unlabelled(pool)
    assert len(chosen) == 256 and all(e.labels == () and e.group is None for e in chosen)
    assert {e.row for e in chosen} < {e.row for e in pool}
    assert [e.text for e in unlabelled(pool[::-1])] == [e.text for e in chosen]
    again = [dataclasses.replace(e, row=1000 - e.row, labels=("sea",)) for e in pool]
    assert [e.text for e in unlabelled(again)] == [e.text for e in chosen], (
        "neither rows nor labels choose"
    )


def test_only_arms_that_read_unlabelled_texts_have_them_in_their_ids(folders, monkeypatch):
    from tl_core.studies import plan as planning

    arms = [
        ArmRequest("cloze", {"calibration": c}, c)
        for c in ("none", "contextual", "domain", "pmi", "batch")
    ]
    assert strategies()["cloze"].uses_unlabelled(strategies()["cloze"].settings()), (
        "the default learns from them"
    )
    study = study_of(folders["bert"], ArmRequest("majority"), *arms)
    assert {e.row for e in unlabelled(study.split.pool)} & {
        e.row for e in study.split.test
    } == set()
    ids = {s.id: s.arm.id for s in plan(study).specs}
    assert len(ids) == 7  # majority at two seeds
    one_less = dataclasses.replace(
        study, split=dataclasses.replace(study.split, pool=study.split.pool[1:])
    )
    fewer = {arm for id, arm in ids.items() if id not in {s.id for s in plan(one_less).specs}}
    assert fewer - {"majority"} == {"domain", "batch"}
    monkeypatch.setattr(planning.of_arm, "most_unlabelled", lambda arm, pairs: 0)
    before = {s.id: s.arm.id for s in plan(study).specs}
    assert {arm for id, arm in ids.items() if id not in before} == {"domain", "batch"}, (
        "no other id knows of unlabelled texts"
    )


@pytest.mark.parametrize("id,kind", CASES)
def test_a_study_runs_and_counts_what_was_read(id, kind, folders, tmp_path):
    arms = [ArmRequest(id, {"calibration": c}, c) for c in ("contextual", "batch")]
    long = [
        dataclasses.replace(e, text=e.text + " ship" * 90) if e.row % 2 else e for e in rows_of(60)
    ]
    made = plan(study_of(folders[kind], *arms, examples=long))
    assert not made.refused and [s.shots for s in made.specs] == [0, 0]
    arm_of, found = {s.id: s.arm.id for s in made.specs}, {}
    for event in run(made, encoders=Encoders("cpu", tmp_path / "cache")):
        if isinstance(event, Finished):
            assert event.result.status == "done", event.result.error
            found[arm_of[event.run]] = event.result
    pool = made.study.split.pool
    assert (
        len(pool) < 60
        and found["contextual"].budget["unlabelled"] == 0
        and found["batch"].budget["unlabelled"] == len(pool)
    )
    assert found["batch"].budget["train"] == 0 and any(
        f"{len(pool)} texts of the training part" in n for n in found["batch"].notes
    )
    assert any("were cut short" in note for note in found["contextual"].notes)


def test_a_model_without_head_is_refused_in_the_plan(tmp_path):
    study = study_of(make(tmp_path / "body", "bert"), ArmRequest("cloze"), ArmRequest("majority"))
    assert [("no head" in reason) for reason in plan(study).refused.values()] == [True]
