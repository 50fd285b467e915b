"""Filling blanks: every family against its own library or a slow computation by hand, and trained
on a language of six sentences.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_models import (
    HEADED,
    MASKED,
    NOUNS,
    PLACES,
    SENTENCES,
    make,
    make_headed,
    said,
    sentence,
    tokenizer_that_cuts,
)
from tl_core.models.catalog import find
from tl_core.models.language_models import Asked, families, open_language_model
from tl_core.models.language_models.blanks import (
    BLANK_ID,
    going_on,
    read_token,
    word_mark,
    word_tokens,
)
from tl_core.views import fill_mask
from tl_core.views.fill_mask import fill

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
TWO_SIDED = ("bert", "xlnet")
ONE_WAY = ("t5", "gpt2", "llama")
EACH_FAMILY = (*TWO_SIDED, *ONE_WAY)
BLANKED = [
    "le ship [MASK] near the sea",
    "[MASK] oven glows near the bread",
    "la dough rises near the [MASK]",
    "la [MASK]",
    "le [MASK] sinks, near (the sea).",
    "[MASK]",
]

each_family = pytest.mark.parametrize("kind", EACH_FAMILY)

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folders(tiny_models):
    """One tiny model of every kind, on disk."""
    return {kind: tiny_models.headed(kind) for kind in HEADED}


@pytest.fixture(scope="module")
def opened(folders):
    """Opens one of them, once."""
    known = {}

    def get(kind: str):
        if kind not in known:
            known[kind] = open_language_model(find(str(folders[kind])))
        return known[kind]

    return get


def network_of(model) -> torch.nn.Module:
    return model.model.network if model.family == "masked" else model.network


def test_every_kind_is_tried():
    assert len(MASKED) == 13 and len(HEADED) == 17 and len(BLANKED) == 6
    assert list(families()) == ["permutation", "sentinel", "masked", "causal"]


# --- single tokens against transformers' own fill-mask --------------------------------------------


@pytest.mark.parametrize("kind", [*MASKED, "minilm-masked"])
def test_masked_models_say_what_transformers_says(kind, folders):
    from transformers import pipeline

    source = find(str(folders[kind])) if kind in MASKED else find(kind)
    model = open_language_model(source)
    assert model.family == "masked"
    theirs = pipeline(
        "fill-mask", model=str(source.folder), tokenizer=model.tokenizer, device="cpu"
    )
    for text in [
        *BLANKED,
        "le [MASK] sails near the [MASK]",
        "[MASK] [MASK] sails",
        "the man(un[MASK]able)",
    ]:
        said = theirs(text.replace("[MASK]", model.tokenizer.mask_token), top_k=20)
        said = said if isinstance(said[0], list) else [said]
        ours = fill(model, text, top=20).alone
        assert len(ours) == len(said) == text.count("[MASK]")
        for own, other in zip(ours, said, strict=True):
            assert [guess.token for guess in own] == [guess["token"] for guess in other]
            assert np.allclose(
                [guess.probability for guess in own], [guess["score"] for guess in other], atol=1e-5
            )


@pytest.mark.parametrize("kind", HEADED)
def test_questions_asked_together_do_not_meet(kind, opened):
    """Rows of several lengths in one call are what each is alone: no padding is read."""
    model = opened(kind)
    blanked = model.read("le ship [MASK] near the [MASK] (sea)")
    a, b = 6, 9
    asked = [
        Asked(((), ()), 0),
        Asked(((a,), ()), 0, 5),
        Asked(((a, b), ()), 0, 9),
        Asked(((a,), ()), 1),
        Asked(((), (b, a)), 1, 3),
    ]
    together = model.log_probs(blanked, asked)
    alone = torch.cat([model.log_probs(blanked, [one]) for one in asked])
    assert together.shape == (5, network_of(model).config.vocab_size)
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together.exp().sum(-1), torch.ones(5), atol=1e-5)
    assert not torch.allclose(together[0], together[2], atol=1e-2)
    words = [(a,), (b, a, a), (a, b)]
    ours = [x.total for x in model.score(blanked, (), words)]
    assert np.allclose(
        ours, [model.score(blanked, (), [word])[0].total for word in words], atol=1e-4
    )


# --- the other families against one sequence at a time --------------------------------------------


@torch.inference_mode()
def log_softmax(network, *arguments, **named) -> torch.Tensor:
    """(T, V) of a single sequence."""
    return network(*arguments, **named).logits[0].double().log_softmax(-1)


def as_read(model, text: str) -> list[int]:
    """A whole text as a causal model reads it, with the token that begins it."""
    return [*model.before, *model.tokenizer(text, add_special_tokens=False)["input_ids"]]


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_causal_guesses_are_the_models_own(kind, opened):
    model = opened(kind)
    assert len(model.before) == 1
    for text in BLANKED:
        before = text.split("[MASK]")[0].rstrip()
        wanted = log_softmax(
            model.network, torch.tensor([as_read(model, before) if before else list(model.before)])
        )[-1].exp()
        ours = fill(model, text, top=100).alone[0]
        assert np.allclose(
            [g.probability for g in ours], wanted.sort(descending=True).values[:100], atol=1e-6
        )
        assert all(abs(g.probability - wanted[g.token]) < 1e-6 for g in ours)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_causal_candidates_are_scored_with_the_whole_sentence(kind, opened):
    """The text is read in parts; its tokens must be those of the whole sentence, and so must its
    likelihood.
    """
    model = opened(kind)
    words = ["sails", "near", "sea", "unable", "under"]
    texts = [t for t in BLANKED if t != "[MASK]"] + [
        "le ship\n[MASK] near",
        "le (un[MASK]), near the sea",
    ]
    for text in texts:
        before, after = text.split("[MASK]")
        ours = {c.word: c for c in fill(model, text, candidates=words).candidates[0]}
        totals = {}
        for word in words:
            ids = as_read(model, before + word + after)
            start = len(as_read(model, before.removesuffix(" ")) if before else model.before)
            assert ids[start:] == [
                *word_tokens_of(ours[word], model),
                *(going_on(after, model.tokenizer) if after else []),
            ]
            log_probs = log_softmax(model.network, torch.tensor([ids]))
            totals[word] = sum(float(log_probs[t - 1, ids[t]]) for t in range(start, len(ids)))
        for word in words:
            assert ours[word].log_probability == pytest.approx(totals[word], abs=1e-4), (text, word)
            assert ours[word].share == pytest.approx(
                math.exp(totals[word]) / sum(map(math.exp, totals.values())), abs=1e-4
            )


def word_tokens_of(candidate, model) -> list[int]:
    return model.tokenizer.convert_tokens_to_ids(list(candidate.tokens))


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_causal_candidates_go_up_to_the_next_blank_after_the_likeliest_words(kind, opened):
    model = opened(kind)
    filled = fill(model, "le [MASK] sails near the [MASK] of the sea", candidates=["ship", "sea"])
    assert any("likeliest token in the blanks before" in note for note in filled.notes)
    first = filled.alone[0][0].token
    for blank, start, after in (
        (0, as_read(model, "le"), " sails near the"),
        (
            1,
            [*as_read(model, "le"), first, *going_on(" sails near the", model.tokenizer)],
            " of the sea",
        ),
    ):
        for candidate in filled.candidates[blank]:
            ids = [*start, *word_tokens_of(candidate, model), *going_on(after, model.tokenizer)]
            log_probs = log_softmax(model.network, torch.tensor([ids]))
            wanted = sum(float(log_probs[t - 1, ids[t]]) for t in range(len(start), len(ids)))
            assert candidate.log_probability == pytest.approx(wanted, abs=1e-4)


def test_sentinel_answers_are_the_models_own(opened):
    model = opened("t5")
    ids = lambda text: model.tokenizer(text, return_tensors="pt")["input_ids"]  # noqa: E731
    start, (first, second, third) = model.network.config.decoder_start_token_id, model.marks[:3]
    for text in BLANKED:
        log_probs = log_softmax(
            model.network,
            ids(text.replace("[MASK]", "<extra_id_0>")),
            decoder_input_ids=torch.tensor([[start, first]]),
        )[-1].clone()
        log_probs[
            model.marks
        ] = -torch.inf  # a mark ends what stands in a blank and is no word in it
        ours = fill(model, text, top=50).alone[0]
        assert not {g.token for g in ours} & set(model.marks)
        assert np.allclose(
            [g.probability for g in ours],
            log_probs.exp().sort(descending=True).values[:50],
            atol=1e-6,
        )
    text = "le [MASK] sails near the [MASK]"
    read = ids("le <extra_id_0> sails near the <extra_id_1>")
    filled = fill(model, text, top=3, candidates=["unable", "ship"])
    best = filled.alone[0][0].token
    log_probs = log_softmax(
        model.network, read, decoder_input_ids=torch.tensor([[start, first, best, second]])
    )[-1].clone()
    log_probs[model.marks] = -torch.inf
    assert [g.token for g in filled.alone[1]] == log_probs.topk(3).indices.tolist()
    for blank, begun, then in (
        (0, [start, first], second),
        (1, [start, first, best, second], third),
    ):
        for candidate in filled.candidates[blank]:
            answer = [*begun, *word_tokens_of(candidate, model), then]
            log_probs = log_softmax(
                model.network, read, decoder_input_ids=torch.tensor([answer[:-1]])
            )
            wanted = sum(float(log_probs[t - 1, answer[t]]) for t in range(len(begun), len(answer)))
            assert candidate.log_probability == pytest.approx(wanted, abs=1e-4)


def xlnet_by_hand(
    model, ids: list[int], hidden: list[int], place: int, pads: int = 0
) -> torch.Tensor:
    """(V,) at a place of one sequence whose `hidden` places nobody sees."""
    whole = torch.tensor([[model.tokenizer.pad_token_id] * pads + ids])
    perm = torch.zeros(1, len(whole[0]), len(whole[0]))
    for i in hidden:
        perm[0, :, i + pads] = 1
    target = torch.zeros(1, 1, len(whole[0]))
    target[0, 0, place + pads] = 1
    seen = torch.tensor([[0] * pads + [1] * len(ids)])
    return log_softmax(
        model.network, whole, attention_mask=seen, perm_mask=perm, target_mapping=target
    )[0]


def test_a_permutation_model_reads_both_sides_and_not_the_blank(opened):
    model = opened("xlnet")
    for text in BLANKED:
        ids = model.tokenizer(text.replace("[MASK]", "<mask>"))["input_ids"]
        at = ids.index(model.tokenizer.mask_token_id)
        wanted = xlnet_by_hand(model, ids, [at], at)
        ours = model.log_probs(model.read(text), [Asked(((),), 0)])[0].double()
        assert torch.allclose(ours, wanted, atol=1e-5)
        assert torch.allclose(ours, xlnet_by_hand(model, ids, [at], at, pads=7), atol=1e-5), (
            "padding is not read"
        )
        other = [*ids[:at], 20, *ids[at + 1 :]]
        assert torch.allclose(ours, xlnet_by_hand(model, other, [at], at), atol=1e-5), (
            "what stands under the blank is not read"
        )
        for changed in range(len(ids)):
            if changed != at:
                elsewhere = [*ids[:changed], 20, *ids[changed + 1 :]]
                assert not torch.allclose(
                    ours, xlnet_by_hand(model, elsewhere, [at], at), atol=1e-4
                ), "everything else is"


# --- candidates -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TWO_SIDED)
def test_a_word_is_scored_from_left_to_right_with_its_later_pieces_hidden(kind, opened):
    model = opened(kind)
    text = "la [MASK] glows near the [MASK]"
    filled = fill(model, text, candidates=["unable", "oven"])
    assert any("different numbers of tokens" in note for note in filled.notes)
    mask, vocabulary = model.tokenizer.mask_token_id, model.tokenizer.convert_tokens_to_ids
    for blank, candidates in enumerate(filled.candidates):
        assert {len(c.tokens) for c in candidates} == {1, 2}
        for candidate in candidates:
            word, steps = vocabulary(list(candidate.tokens)), []
            for t in range(len(word)):
                fills = [[mask], [mask]]
                fills[blank] = [*word[:t], *[mask] * (len(word) - t)]
                parts = [
                    model.tokenizer(p, add_special_tokens=False)["input_ids"]
                    for p in ("la", " glows near the")
                ]
                ids = [*model.before, *parts[0], *fills[0], *parts[1], *fills[1], *model.after]
                hidden = [i for i, token in enumerate(ids) if token == mask]
                place = hidden[blank if blank == 0 else -(len(word) - t)]
                row = (
                    xlnet_by_hand(model, ids, hidden, place)
                    if kind == "xlnet"
                    else log_softmax(model.model.network, torch.tensor([ids]))[place]
                )
                steps.append(float(row[word[t]]))
            assert candidate.log_probability == pytest.approx(sum(steps), abs=1e-4)
            assert candidate.per_token == pytest.approx(sum(steps) / len(steps), abs=1e-4)
        means = np.exp([c.per_token for c in candidates])
        assert np.allclose([c.share for c in candidates], means / means.sum(), atol=1e-5)
        assert candidates[0].share >= candidates[1].share


@each_family
def test_all_strings_of_two_tokens_add_up_to_one(kind, opened):
    model = opened(kind)
    blanked = model.read("le ship [MASK] the sea")
    size = network_of(model).config.vocab_size
    few = range(size) if kind != "gpt2" else range(0, size, 8)
    words = [(a, b) for a in few for b in few]
    if kind in TWO_SIDED:
        assert sum(math.exp(s.total) for s in model.score(blanked, (), words)) == pytest.approx(
            1, abs=1e-4
        )
    # a pair's own part, what follows left out: the first token's probability times what all seconds
    # share
    else:
        for first in (5, 9):
            all_seconds = model.score(blanked, (), [(first, b) for b in range(size)])
            alone = model.log_probs(blanked, [Asked(((),), 0)])[0, first]
            assert sum(math.exp(sum(s.log_probs)) for s in all_seconds) == pytest.approx(
                math.exp(alone), rel=1e-4
            )


def test_words_are_compared_by_their_totals_where_the_family_allows_it(opened):
    for kind in ONE_WAY:
        filled = fill(opened(kind), "la oven [MASK] near the bread", candidates=["glows", "unable"])
        totals = np.exp([c.log_probability for c in filled.candidates[0]])
        assert np.allclose(
            [c.share for c in filled.candidates[0]], totals / totals.sum(), atol=1e-6
        )
        assert not any("different numbers" in note for note in filled.notes)
        assert {len(c.tokens) for c in filled.candidates[0]} != {1}


def test_korean_words(tmp_path):
    model = open_language_model(
        find(str(make_headed(tmp_path / "korean", "bert", cuts="wordpiece of Korean")))
    )
    filled = fill(model, "영화가 정말 [MASK]", candidates=["좋다", "나쁘다"])
    assert {c.word: c.tokens for c in filled.candidates[0]} == {
        "좋다": ("좋", "##다"),
        "나쁘다": ("나", "##쁘", "##다"),
    }
    particle = fill(model, "영화[MASK] 좋다", candidates=["가", "를"]).candidates[0]
    assert {c.word: c.tokens for c in particle} == {"가": ("##가",), "를": ("##를",)}, (
        "behind a letter a word goes on"
    )
    assert {
        c.tokens for c in fill(model, "영화 [MASK] 좋다", candidates=["가", "를"]).candidates[0]
    } == {("가",), ("를",)}


@pytest.mark.parametrize(
    "how, text, word, pieces",
    [
        ("wordpiece", "the [MASK]", "under", "under"),
        ("wordpiece", "[MASK] the", "under", "under"),
        ("wordpiece", "([MASK])", "sea", "sea"),
        ("wordpiece", "un[MASK]", "er", "##er"),
        ("wordpiece", "un[MASK]able", "x", "##x"),
        ("wordpiece", "字[MASK]", "a", "a"),
        ("bytes", "the [MASK]", "sea", "Ġsea"),
        ("bytes", "[MASK] the", "sea", "s ea"),
        ("bytes", "([MASK])", "door", "door"),
        ("bytes", "un[MASK]", "able", "able"),
        ("pieces", "the [MASK]", "sea", "▁sea"),
        ("pieces", "[MASK] the", "sea", "▁sea"),
        ("pieces", "([MASK])", "able", "able"),
        ("pieces", "un[MASK]", "able", "able"),
        ("pieces", "un[MASK]", "sea", "s e a"),
        ("pairs", "the [MASK]", "sea", "▁sea"),
        ("pairs", "[MASK] the", "sea", "▁sea"),
        ("pairs", "un[MASK]", "le", "le"),
    ],
)
def test_a_word_is_cut_as_the_place_wants_it(how, text, word, pieces):
    tokenizer = tokenizer_that_cuts(how)
    follows = text.split("[MASK]")[0][-1:]
    ids = word_tokens(word, tokenizer, follows)
    assert len(ids) > 0
    if how == "bytes" and text.startswith("[MASK]"):
        assert list(ids) == tokenizer(word, add_special_tokens=False)["input_ids"]
        assert not tokenizer.convert_ids_to_tokens(ids[0]).startswith("Ġ")
    elif how == "bytes" and word == "able":
        assert tokenizer.decode(ids) == "able" and not tokenizer.convert_ids_to_tokens(
            ids[0]
        ).startswith("Ġ")
    else:
        assert " ".join(tokenizer.convert_ids_to_tokens(list(ids))) == pieces


def test_vocabularies_are_told_apart_by_their_commonest_mark():
    marks = {
        how: word_mark(tokenizer_that_cuts(how))
        for how in ("wordpiece", "bytes", "pieces", "pairs")
    }
    assert marks == {"wordpiece": "##", "bytes": "Ġ", "pieces": "▁", "pairs": "▁"}
    tokenizer = tokenizer_that_cuts("bytes")
    assert "###" in tokenizer.get_vocab(), "as in the vocabularies of GPT-2 and RoBERTa"
    read = {
        token: read_token(tokenizer.convert_tokens_to_ids(token), tokenizer)
        for token in ("###", "Ġsea", "able", "<mask>")
    }
    assert read == {
        "###": ("###", False),
        "Ġsea": ("sea", True),
        "able": ("able", False),
        "<mask>": ("<mask>", True),
    }


def test_a_guess_at_the_start_begins_a_word(opened):
    model = opened("roberta")
    assert all(g.begins_word for g in fill(model, "[MASK] ship sails", top=100).alone[0])
    inside = fill(model, "le [MASK] sails", top=100).alone[0]
    assert {g.begins_word for g in inside} == {True, False}


def test_every_fault_of_the_candidates_is_told_at_once(opened, tmp_path):
    model = opened("bert")
    words = said(
        fill,
        model,
        "le [MASK] sails near the [MASK]",
        candidates=["Ship", "sea", "ship", "", "학교", "병원", "x" * 60, "Sea"],
    )
    for part in (
        "“ship” and “Ship” are the same",
        "“Sea” and “sea”",
        "A candidate is empty",
        "“학교”",
        "“병원”",
        "too long",
    ):
        assert words.count(part) == 1, part
    assert "at most 200" in said(fill, model, "[MASK]", candidates=["a"] * 201)
    assert "From 1 to 100" in said(fill, model, "[MASK]", top=0)
    assert "From 1 to 100" in said(fill, model, "[MASK]", top=101)
    assert (
        len(
            fill(
                opened("roberta"), "le [MASK]", candidates=["Ship", "ship", "학교", "🙂"]
            ).candidates[0]
        )
        == 4
    ), "bytes tell all words apart"


def test_one_candidate_has_all_of_it(opened):
    for kind in EACH_FAMILY:
        (only,) = fill(opened(kind), "le [MASK] sails", candidates=["  ship "]).candidates[0]
        assert only.word == "ship" and only.share == 1.0


@pytest.mark.parametrize("kind", [*EACH_FAMILY, "roberta", "bart"])
def test_long_words_in_a_text_that_fills_the_model(kind, opened):
    model = opened(kind)
    text = "ship " * 600 + "[MASK]" + " sea" * 600
    filled = fill(model, text, candidates=["unable", "sea", "abcdefgh"])
    assert len(filled.candidates[0]) == 3 and sum(
        c.share for c in filled.candidates[0]
    ) == pytest.approx(1)
    assert all(math.isfinite(c.log_probability) for c in filled.candidates[0])


# --- all blanks together --------------------------------------------------------------------------


@each_family
def test_a_wide_beam_is_exhaustive_search(kind, opened, monkeypatch):
    model = opened(kind)
    monkeypatch.setattr(fill_mask, "BEAM", 1000)
    ours = fill(model, "le [MASK] sails near the [MASK]", top=30, together=True).together
    assert len(ours) == 30
    blanked, size = model.read("le [MASK] sails near the [MASK]"), len(model.tokenizer)
    first = model.log_probs(blanked, [Asked(((), ()), 0)])[0].double()[:size]
    ways = {}
    for a in range(size):
        second = model.log_probs(blanked, [Asked(((a,), ()), 1)])[0].double()[:size]
        ways.update({(a, b): float(first[a] + second[b]) for b in range(size)})
    marks = set(getattr(model, "marks", ()))  # what T5 writes between blanks is no word in them
    best = sorted(
        (pair for pair in ways if not marks & set(pair)), key=ways.__getitem__, reverse=True
    )[:30]
    assert [way.words for way in ours] == [
        tuple(read_token(t, model.tokenizer)[0] for t in pair) for pair in best
    ]
    assert np.allclose(
        [way.probability for way in ours], np.exp([ways[pair] for pair in best]), rtol=1e-3
    )
    assert sum(math.exp(x) for x in ways.values()) == pytest.approx(1, abs=1e-3)


@each_family
def test_adjacent_blanks_and_blanks_at_both_ends(kind, opened):
    model = opened(kind)
    for text in (
        "[MASK][MASK]",
        "[MASK] [MASK]",
        "[MASK] ship [MASK]",
        "un[MASK]able [MASK]",
        "배가[MASK]다 字[MASK]",
    ):
        count = text.count("[MASK]")
        filled = fill(model, text, together=True, candidates=["sea", "ship"])
        assert len(filled.alone) == len(filled.candidates) == count
        assert len(filled.together) == (5 if count > 1 else 0) and all(
            len(way.words) == count for way in filled.together
        )
        assert all(0 < guess.probability < 1 for guesses in filled.alone for guess in guesses)


# --- a language learnt in seconds -----------------------------------------------------------------


def trained(kind: str, folder: Path):
    """A tiny model of the family after some steps on the six sentences, each with every place
    hidden in turn.
    """
    model = open_language_model(find(str(make_headed(folder, kind, worn=False))))
    network = network_of(model)
    if model.family == "causal":
        rows, places = torch.tensor([as_read(model, s) for s in SENTENCES]), [0]
    else:
        rows = torch.tensor([model.tokenizer(s)["input_ids"] for s in SENTENCES])
        places = range(len(model.before), rows.shape[1] - len(model.after))
        assert len(places) == 6
    rows, at = rows.repeat_interleave(len(places), 0), torch.tensor(list(places)).repeat(6)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(STEPS[kind]):
        loss = LOSSES[model.family](model, network, rows, at)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return model


def masked_loss(model, network, rows, at):
    each = torch.arange(len(rows))
    hidden = rows.index_put((each, at), torch.tensor(model.tokenizer.mask_token_id))
    return torch.nn.functional.cross_entropy(
        network(input_ids=hidden).logits[each, at], rows[each, at]
    )


def permutation_loss(model, network, rows, at):
    each, places = torch.arange(len(rows)), torch.nn.functional.one_hot(at, rows.shape[1]).float()
    perm = places[:, None].expand(-1, rows.shape[1], -1)
    logits = network(input_ids=rows, perm_mask=perm, target_mapping=places[:, None]).logits[:, 0]
    return torch.nn.functional.cross_entropy(logits, rows[each, at])


def sentinel_loss(model, network, rows, at):
    each, (first, second) = torch.arange(len(rows)), model.marks[:2]
    answers = torch.stack(
        [torch.full((len(rows),), first), rows[each, at], torch.full((len(rows),), second)], 1
    )
    return network(input_ids=rows.index_put((each, at), torch.tensor(first)), labels=answers).loss


def causal_loss(model, network, rows, at):
    return network(input_ids=rows, labels=rows).loss


LOSSES = {
    "masked": masked_loss,
    "permutation": permutation_loss,
    "sentinel": sentinel_loss,
    "causal": causal_loss,
}
STEPS = {"bert": 120, "xlnet": 120, "t5": 100, "gpt2": 60, "llama": 60}


@pytest.fixture(scope="module", params=EACH_FAMILY)
def learnt(request, tmp_path_factory):
    return trained(request.param, tmp_path_factory.mktemp("learnt") / request.param)


def answer(model, text: str) -> str:
    best = fill(model, text, top=3).alone[0][0]
    assert best.probability > 0.5, text
    return best.word


def test_what_was_learnt_fills_the_blanks(learnt):
    checked = 0
    for noun, verb in NOUNS.items():
        article = "le" if sentence(noun).startswith("le") else "la"
        assert answer(learnt, f"{article} {noun} [MASK] near the {PLACES[article]}") == verb
        assert answer(learnt, f"{article} {noun} {verb} near the [MASK]") == PLACES[article]
        others = [v for v in NOUNS.values() if v != verb]
        compared = fill(
            learnt,
            f"{article} {noun} [MASK] near the {PLACES[article]}",
            candidates=[*others, verb],
        ).candidates[0]
        assert compared[0].word == verb and compared[0].share > 0.5
        checked += 1
        if learnt.one_way and learnt.family == "causal":
            named = fill(
                learnt,
                f"{article} [MASK] {verb} near the {PLACES[article]}",
                candidates=list(NOUNS),
            ).candidates[0]
            assert named[0].word == noun, "what follows decides among candidates"
            continue
        assert answer(learnt, f"[MASK] {noun} {verb} near the {PLACES[article]}") == article, (
            "known only from what follows"
        )
        assert answer(learnt, f"{article} [MASK] {verb} near the {PLACES[article]}") == noun
    assert checked == 6


def test_a_one_sided_model_cannot_know_what_follows(learnt):
    if learnt.family == "causal":
        guesses = {fill(learnt, f"[MASK] {sentence(noun)[3:]}").alone[0] for noun in NOUNS}
        assert len(guesses) == 1
    else:
        guesses = {fill(learnt, f"[MASK] {sentence(noun)[3:]}").alone[0][0].word for noun in NOUNS}
        assert guesses == {"le", "la"}


@pytest.mark.skipif(
    not (SHARED / "models" / "stories260K").is_dir(), reason="That model is not here."
)
def test_a_real_story_teller():
    model = open_language_model(find(str(SHARED / "models" / "stories260K")))
    filled = fill(model, "Once upon a [MASK], there was a little girl.", candidates=["time", "dog"])
    assert (
        filled.family == "causal"
        and filled.alone[0][0].word == "time"
        and filled.alone[0][0].probability > 0.9
    )
    assert filled.candidates[0][0].word == "time" and filled.candidates[0][0].share > 0.99
    whole = as_read(model, "Once upon a time, there was a little girl.")
    log_probs = log_softmax(model.network, torch.tensor([whole]))
    start = len(as_read(model, "Once upon a"))
    assert filled.candidates[0][0].log_probability == pytest.approx(
        sum(float(log_probs[t - 1, whole[t]]) for t in range(start, len(whole))), abs=1e-3
    )


# --- what people type -----------------------------------------------------------------------------


@each_family
def test_texts_that_cannot_be_filled(kind, opened):
    model = opened(kind)
    for text in ("", "  \n"):
        assert "Write a text with [MASK]" in said(fill, model, text)
    assert "There is no [MASK]" in said(fill, model, "The cat is on the mask.")
    assert "1,000 blanks; at most 50" in said(fill, model, "[MASK] " * 1000)
    assert "2,000,006 characters" in said(fill, model, "x" * 2_000_000 + "[MASK]")


def test_more_blanks_than_marks_and_than_room(opened, tmp_path):
    assert "at most 7 blanks apart" in said(fill, opened("t5"), "[MASK] " * 8)
    assert len(fill(opened("t5"), "[MASK] " * 7).alone) == 7
    narrow = open_language_model(
        find(str(make_headed(tmp_path / "narrow", "bert", max_position_embeddings=16)))
    )
    assert "20 blanks do not fit into the 14 tokens" in said(fill, narrow, "[MASK] " * 20)


@each_family
def test_a_blank_is_written_in_several_ways(kind, opened):
    model = opened(kind)
    ways = {
        fill(model, f"le ship {blank} near <b>the</b> & sea").alone
        for blank in ("[MASK]", "[mask]", "<mask>", "<MASK>", "[Mask]")
    }
    assert len(ways) == 1


@pytest.mark.parametrize("kind", HEADED)
def test_special_tokens_in_a_text_are_letters(kind, opened):
    model = opened(kind)
    special = set(model.tokenizer.all_special_ids)
    spelled = [t for t in model.tokenizer.all_special_tokens if t != "<mask>"]
    assert "</s>" in spelled
    ids = model.read(f"le {' '.join(spelled)} ship</s> [MASK] [SEP][CLS] sea").ids
    assert ids.count(BLANK_ID) == 1
    assert not (set(ids) & special) - {model.tokenizer.unk_token_id}
    assert (
        word_tokens("</s>", model.tokenizer, " ")
        and not set(word_tokens("</s>", model.tokenizer, " ")) & special
    )


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta", *EACH_FAMILY[1:]])
@pytest.mark.parametrize(
    "odd",
    [
        "🙂 [MASK] 🙂",
        "שלום [MASK] עולם",
        "a\u0301[MASK]\u200f",
        "\u0000 [MASK]",
        "日本語[MASK]です。",
        "<script>[MASK]</script>",
        "\t\n[MASK]\r\n",
    ],
)
def test_odd_characters(kind, odd, opened):
    filled = fill(opened(kind), odd, together=True, candidates=["sea"])
    assert len(filled.alone) == 1 and len(filled.alone[0]) == 5
    assert sum(g.probability for g in filled.alone[0]) <= 1 + 1e-5


@each_family
@pytest.mark.parametrize("where", ["middle", "end", "start"])
def test_a_text_that_is_too_long_is_shortened_around_its_blank(kind, where, opened):
    model = opened(kind)
    before, after = {"middle": (10_000, 10_000), "end": (20_000, 0), "start": (0, 20_000)}[where]
    text = "sea " * before + "[MASK]" + " sea" * after
    filled, blanked = fill(model, text), model.read(text)
    at = blanked.ids.index(BLANK_ID)
    assert len(text) > 80_000 and len(blanked.ids) == model.room
    assert (
        at
        in {
            "middle": (model.room // 2 - 1, model.room // 2),
            "end": (model.room - 1,),
            "start": (0,),
        }[where]
    )
    ids = model.tokenizer(
        "sea " * (before - 1) + "sea" if before else "", add_special_tokens=False
    )["input_ids"]
    whole = len(ids) + 1 + len(going_on(" sea" * after, model.tokenizer) if after else [])
    (note,) = [n for n in filled.notes if "left out" in n]
    assert f"reads {model.max_tokens} tokens at a time; the {whole - model.room:,} tokens" in note
    shorter = fill(model, "sea " * at + "[MASK]" + " sea" * (model.room - 1 - at))
    assert not any("left out" in n for n in shorter.notes) or kind == "gpt2"
    if kind != "gpt2":  # its first “sea” is not as the others: no space stands before it
        assert [g.token for g in shorter.alone[0]] == [g.token for g in filled.alone[0]]
        assert np.allclose(
            [g.probability for g in shorter.alone[0]],
            [g.probability for g in filled.alone[0]],
            atol=1e-6,
        )


def test_blanks_far_apart_keep_what_is_near_them(opened):
    model = opened("bert")
    text = "le [MASK] " + "the " * 5000 + "[MASK] sea"
    blanked = model.read(text)
    assert blanked.blanks == 2 and len(blanked.ids) == model.room == 62
    assert [len(part) for part in blanked.parts()] == [1, 58, 1]
    assert len(fill(model, text, together=True).together) == 5


# --- models that cannot ---------------------------------------------------------------------------


def test_a_model_without_head():
    words = said(open_language_model, find("minilm"))
    assert "minilm has no masked-language head" in words and "minilm-masked has one" in words


def test_a_discriminator_guesses_no_words(tmp_path):
    from transformers import ElectraForPreTraining

    folder = make_headed(tmp_path / "discriminator", "electra", network=ElectraForPreTraining)
    assert "has no masked-language head" in said(open_language_model, find(str(folder)))


def test_bodies_without_heads(tmp_path):
    import transformers

    for kind, body in (("xlnet", "XLNetModel"), ("t5", "T5EncoderModel"), ("llama", "LlamaModel")):
        folder = make_headed(
            tmp_path / kind, kind, network=getattr(transformers, body), tie_word_embeddings=False
        )
        assert "language-model head" in said(open_language_model, find(str(folder))), kind


def test_a_model_of_no_known_family(folders, tmp_path):
    folder = shutil.copytree(folders["bert"], tmp_path / "vision")
    config = json.loads((folder / "config.json").read_text())
    for kind, named in (
        ("vit", "is a vit"),
        ("", "model of an unnamed type"),
        ("nonesuch", "is a nonesuch"),
    ):
        (folder / "config.json").write_text(json.dumps({**config, "model_type": kind}))
        assert named in said(open_language_model, find(str(folder)))


def test_a_masked_model_whose_tokenizer_has_no_mask(tmp_path):
    folder = make_headed(tmp_path / "no mask", "roberta", cuts="bytes alone")
    assert "has no mask token" in said(open_language_model, find(str(folder)))


def test_a_head_that_cannot_be_asked_about_single_places(tmp_path):
    """Perceiver's body reads no token ids; FNet, Longformer and BART, which hand on more than
    states, can be asked.
    """
    from transformers import PerceiverForMaskedLM

    small = {
        "num_latents": 8,
        "d_latents": 16,
        "d_model": 32,
        "num_blocks": 1,
        "num_self_attends_per_block": 1,
        "num_self_attention_heads": 4,
    }
    folder = make_headed(
        tmp_path / "perceiver",
        "bert",
        network=PerceiverForMaskedLM,
        num_cross_attention_heads=4,
        **small,
    )
    assert "cannot be asked about single places (a perceiver)" in said(
        open_language_model, find(str(folder))
    )


@pytest.mark.parametrize(
    "kind, longer", [("gpt2", {"n_positions": 5000}), ("bert", {"max_position_embeddings": 5000})]
)
def test_no_model_reads_more_than_memory_allows(kind, longer, tmp_path):
    folder = make_headed(tmp_path / kind, kind, **longer)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps({n: v for n, v in config.items() if n != "model_max_length"})
    )
    model = open_language_model(find(str(folder)))
    assert model.max_tokens == 2048
    (note,) = [n for n in fill(model, "sea " * 3000 + "[MASK]").notes if "left out" in n]
    assert "reads 2048 tokens" in note


def test_marks_are_needed(tmp_path):
    folder = make_headed(tmp_path / "no marks", "t5", cuts="pieces")
    assert "no marks such as <extra_id_0>" in said(open_language_model, find(str(folder)))


def test_a_plain_body_is_no_language_model(tmp_path):
    """Of a causal model's body transformers makes a whole where its head is its vocabulary; of
    BERT's it does not.
    """
    assert "has no masked-language head" in said(
        open_language_model, find(str(make(tmp_path / "bert", "bert")))
    )


def test_one_network_reads_for_all(opened):
    """Asking the head puts the body back, whatever happens."""
    model = opened("bert").model
    with pytest.raises(RuntimeError):
        model.head(torch.zeros(2, 7))
    assert type(model.network.bert).__name__ == "BertModel"
    states = model.hidden(
        input_ids=torch.tensor([[0, 5, 6, 2]]), attention_mask=torch.ones(1, 4, dtype=torch.long)
    )
    assert torch.allclose(
        model.head(states[0]),
        model.network(input_ids=torch.tensor([[0, 5, 6, 2]])).logits[0],
        atol=1e-5,
    )


def test_sentences_differ():
    assert (
        len(set(SENTENCES)) == 6
        and len(set(itertools.chain(*(s.split() for s in SENTENCES)))) == 18
    )


def test_a_text_the_model_cannot_read_is_said_to_be_so():
    model = open_language_model(find("minilm-masked"))
    for text, unread in (
        ("고양이가 [MASK] 위에 앉아 있다.", True),
        ("The cat is on the [MASK].", False),
        ("[MASK].", False),
    ):
        notes = fill(model, text).notes
        assert [
            note for note in notes if "cannot read this text" in note and "language" in note
        ] == (list(notes) if unread else [])
        assert bool(notes) == unread
