"""Looking at a text: its tokens, how surprising each is, and both through what a worker is asked
for.
"""

from __future__ import annotations

import dataclasses
import math
import shutil

import numpy as np
import pytest
import torch

from tests.tiny_models import drain, make_headed, text, tokenizer_that_cuts
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Facts, Finished, Job, Label, Problem, Split
from tl_core.api.view import Checkpoint
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.language_models import open_language_model, slots
from tl_core.models.loading import load_model
from tl_core.running.jobs import answer
from tl_core.running.run import Encoders, run
from tl_core.running.warm_models import WarmModels
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, make_study, plan
from tl_core.studies.store import Store
from tl_core.views.surprise import surprise as score
from tl_core.views.tokens import SPECIAL, cut

CUTS = (
    "wordpiece",
    "wordpiece of Korean",
    "bytes",
    "bytes alone",
    "pieces",
    "pieces at the end",
    "pieces with marks",
    "pairs",
)
KINDS = ("bert", "roberta", "fnet", "xlnet", "t5", "gpt2", "llama")

each_kind = pytest.mark.parametrize("kind", KINDS)

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def opened(tiny_models):
    """Opens a tiny model of a kind, once."""
    known = {}

    def get(kind: str):
        if kind not in known:
            known[kind] = open_language_model(find(str(tiny_models.headed(kind))))
        return known[kind]

    return get


def cut_by(how: str, *texts: str, **named):
    return cut("tiny", tokenizer_that_cuts(how), 64, *texts, **named)


# --- tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", CUTS)
def test_pieces_stand_where_their_characters_are(how):
    first, second = "le ship (unable) 영화가 x7!", "la oven glows"
    made = cut_by(how, first, second)
    theirs = tokenizer_that_cuts(how)(first, second)["input_ids"]
    assert [p.id for p in made.pieces] == theirs and [p.position for p in made.pieces] == list(
        range(len(theirs))
    )
    assert made.vocabulary == len(tokenizer_that_cuts(how)) and made.max_tokens == 64
    special = [p for p in made.pieces if p.special and not p.unknown]
    assert all(p.text == "" and p.start == p.end and p.special in SPECIAL for p in special)
    assert {p.special for p in special} == {
        "bytes alone": set(),
        "pieces with marks": {"sep"},
        "pairs": {"bos", "eos"},
    }.get(how, {"cls", "sep"})
    for segment, whole in ((0, first), (1, second)):
        own = [p for p in made.pieces if p.segment == segment and p not in special]
        assert own and all(p.text == whole[p.start : p.end] for p in own)
        covered = {i for p in own for i in range(p.start, p.end)}
        assert all(i in covered or c.isspace() for i, c in enumerate(whole)), (
            "every letter is in a piece"
        )
    assert (
        made.unknown
        == sum(p.unknown for p in made.pieces)
        == {"wordpiece": 1, "pairs": 0}.get(how, 0)
    )


def test_unknown_and_special_pieces_are_marked():
    made = cut_by("wordpiece", "ship 영화 [SEP] </s> <mask>")
    told = {p.token: (p.special, p.unknown, p.text) for p in made.pieces if p.text}
    assert (
        told["ship"] == ("", False, "ship")
        and told["<unk>"] == ("unk", True, "영화")
        and told["<mask>"] == ("mask", False, "<mask>")
    )
    assert told["</s>"] == ("sep", False, "</s>") and "[" in told and made.unknown == 1


def test_a_text_too_long_for_the_model_is_counted():
    assert cut_by("wordpiece", "ship " * 100).too_long == 102 - 64
    assert cut_by("wordpiece", "ship").too_long == 0
    for text_b in (None, "x" * 10_000):
        with pytest.raises(UserError, match="20,001 characters"):
            cut_by("wordpiece", "y" * (20_001 - len(text_b or "")), text_b)
    with pytest.raises(UserError, match="Write a text first"):
        cut_by("wordpiece", " \n")


# --- surprise -------------------------------------------------------------------------------------

WRITTEN = "le ship sails, unable under the sea (abc)"


def scored(model, written: str):
    return drain(score(model, written))


@torch.inference_mode()
def log_softmax(network, *arguments, **named) -> torch.Tensor:
    return network(*arguments, **named).logits[0].double().log_softmax(-1)


def words_by_hand(model, written: str) -> tuple[list[int], list[int | None]]:
    read = model.tokenizer(written, add_special_tokens=False)
    return read["input_ids"], read.word_ids()


@pytest.mark.parametrize("kind", ["bert", "roberta", "fnet", "xlnet"])
def test_each_token_is_scored_given_all_others_and_not_the_rest_of_its_word(kind, opened):
    model = opened(kind)
    ids, words = words_by_hand(model, WRITTEN)
    assert max(words.count(w) for w in words) > 1
    wanted, mask = [], model.tokenizer.mask_token_id
    for t, token in enumerate(ids):
        hidden = [t, *(j for j in range(t + 1, len(ids)) if words[j] == words[t])]
        row = [
            *model.before,
            *(mask if j in hidden else x for j, x in enumerate(ids)),
            *model.after,
        ]
        at = [len(model.before) + j for j in hidden]
        if kind == "xlnet":
            perm, target = torch.zeros(1, len(row), len(row)), torch.zeros(1, 1, len(row))
            perm[0, :, at], target[0, 0, at[0]] = 1, 1
            wanted.append(
                float(
                    log_softmax(
                        model.network, torch.tensor([row]), perm_mask=perm, target_mapping=target
                    )[0, token]
                )
            )
        else:
            wanted.append(
                float(log_softmax(model.model.network, torch.tensor([row]))[at[0], token])
            )
    found = scored(model, WRITTEN)
    assert [t.token for t in found.tokens] == model.tokenizer.convert_ids_to_tokens(ids)
    assert np.allclose([t.log_probability for t in found.tokens], wanted, atol=1e-4)
    assert found.perplexity == pytest.approx(math.exp(-sum(wanted) / len(wanted)), rel=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_causal_surprise_is_the_models_own_loss(kind, opened):
    model = opened(kind)
    ids = [*model.before, *model.tokenizer(WRITTEN, add_special_tokens=False)["input_ids"]]
    with torch.inference_mode():
        loss = float(model.network(torch.tensor([ids]), labels=torch.tensor([ids])).loss)
    found = scored(model, WRITTEN)
    assert len(found.tokens) == len(ids) - 1
    assert -sum(t.log_probability for t in found.tokens) / len(found.tokens) == pytest.approx(
        loss, abs=1e-4
    )
    assert found.perplexity == pytest.approx(math.exp(loss), rel=1e-3)


def test_sentinel_surprise_asks_for_the_token_behind_the_mark(opened):
    model = opened("t5")
    ids, words = words_by_hand(model, WRITTEN)
    start, wanted = model.network.config.decoder_start_token_id, []
    for t, token in enumerate(ids):
        end = t + 1 + sum(words[j] == words[t] for j in range(t + 1, len(ids)))
        row = [*ids[:t], model.marks[0], *ids[end:], *model.after]
        wanted.append(
            float(
                log_softmax(
                    model.network,
                    torch.tensor([row]),
                    decoder_input_ids=torch.tensor([[start, model.marks[0]]]),
                )[-1, token]
            )
        )
    assert np.allclose(
        [t.log_probability for t in scored(model, WRITTEN).tokens], wanted, atol=1e-4
    )


@each_kind
def test_a_chunk_at_a_time_is_the_same(kind, opened, monkeypatch):
    model = opened(kind)
    whole = scored(model, WRITTEN)
    monkeypatch.setattr(slots, "CHUNK_TOKENS", 1)
    alone = scored(model, WRITTEN)
    assert np.allclose(
        [t.log_probability for t in whole.tokens],
        [t.log_probability for t in alone.tokens],
        atol=1e-4,
    )
    assert [t.text for t in whole.tokens] == [t.text for t in alone.tokens]


@each_kind
def test_a_text_too_long_is_cut_and_told(kind, opened):
    model = opened(kind)
    count = model.room + 40
    found = scored(model, "ship sea " * (count // 2 + 1))
    assert len(found.tokens) == model.room
    assert (
        f"reads {model.room} tokens of a text at a time" in found.notes[0]
        and "left out" in found.notes[0]
    )
    short = scored(model, "ship sea")
    assert (
        len(short.tokens) < 5
        and not any("left out" in n for n in short.notes)
        and len(short.notes) == 1
    )


@each_kind
def test_special_tokens_in_a_text_are_scored_as_letters(kind, opened):
    model = opened(kind)
    found = scored(model, "ship </s> <unk> [SEP] sea")
    assert "".join(t.text for t in found.tokens).replace(" ", "") == "ship</s><unk>[SEP]sea"
    assert not {t.token for t in found.tokens} & {"</s>", "<s>", "<pad>"}
    assert not any(t.unknown for t in found.tokens) or kind == "bert"


def test_texts_that_cannot_be_scored(opened):
    with pytest.raises(UserError, match="Write a text first"):
        scored(opened("bert"), "  ")
    unreadable = scored(opened("bert"), "ship 영화")
    assert [t.unknown for t in unreadable.tokens] == [
        False,
        True,
    ] and "1 of 2 tokens cannot be read" in unreadable.notes[-1]


def test_a_first_token_with_nothing_before_it(opened):
    import copy

    bare = copy.copy(opened("gpt2"))
    bare.before = ()
    found = scored(bare, "ship sails")
    assert found.tokens[0].log_probability is None and all(
        t.log_probability < 0 for t in found.tokens[1:]
    )
    with pytest.raises(UserError, match="Write some more words"):
        scored(bare, "a")


# --- what a worker is asked for -------------------------------------------------------------------

TRAINED = ("lora", "full", "contrastive", "scratch")
READERS = (
    "lora",
    "dora",
    "ia3",
    "bitfit",
    "bottleneck",
    "contrastive",
    "soft-prompt",
    "prefix",
    "full",
    "scratch",
)  # leave a body of their own behind
BESIDE = ("tfidf", "probe")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(folder of a study on a tiny masked model, run id by arm); everything that was trained is
    kept.
    """
    root = tmp_path_factory.mktemp("study")
    make_headed(root / "model", "bert")
    random = np.random.default_rng(0)
    examples = [
        Example(i, text(t, random), labels=(t,))
        for i, t in enumerate(("sea", "bread") * 14, start=1)
    ]
    problem = Problem("one text", "one label", (Label("sea", "sea"), Label("bread", "bread")))
    quick = {"min_steps": 6, "max_steps": 6}
    arms = [ArmRequest(id, quick if id in TRAINED else {}) for id in (*TRAINED, *BESIDE)]
    asked = make_study(
        "look",
        problem,
        Split(tuple(examples[:8]), tuple(examples[8:])),
        arms=arms,
        shots=(4,),
        seeds=1,
        model=str(root / "model"),
    )
    store = Store(root / "study")
    store.prepare()
    store.save_study(asked)
    made = plan(store.load_study())
    ended = [
        e
        for e in run(made, encoders=Encoders("cpu"), model_folder=store.model_folder, keep="all")
        if isinstance(e, Finished)
    ]
    assert len(ended) == 6 and all(e.result.status == "done" for e in ended), [
        e.result.error for e in ended
    ]
    return root, {spec.arm.id: spec.id for spec in made.specs}


@pytest.fixture(scope="module")
def state():
    return WarmModels("cpu")


def filled(state, reader, written="le ship [MASK] near the sea", **named):
    return asked(state, "fill_blanks", reader, text=written, **named)


def asked(models, job, checkpoint, **arguments):
    """The answer of a view's job."""
    return drain_last(answer(models, job, checkpoint=checkpoint, **arguments))


def drain_last(events):
    *_, last = events
    return last


def test_a_model_folder_is_filled_scored_and_cut(study, state):
    root, _ = study
    reader = Checkpoint(str(root / "model"))
    made = filled(
        state, reader, "le [MASK] sails near the [MASK]", together=True, candidates=["ship", "sea"]
    )
    assert len(made.alone) == len(made.candidates) == 2 and len(made.together) == 5
    events = list(answer(state, "surprise", checkpoint=reader, text=WRITTEN))
    assert (
        len(events) > 1
        and events[-1].family == "masked"
        and all(hasattr(e, "done") for e in events[:-1])
    )
    assert len(asked(state, "cut_text", reader, text="le ship", text_b="la oven").pieces) == 7
    assert len(state.language_models) == 2, "a model and a tokenizer stay in memory"


@pytest.mark.parametrize(
    "written", ["le \ud83d ship [MASK]", "\udc00[MASK]", "a\x00[MASK]", "<b>[MASK]</b> 🙂 שלום"]
)
def test_texts_with_broken_characters(written, study, state):
    root, _ = study
    reader = Checkpoint(str(root / "model"))
    assert len(filled(state, reader, written, candidates=["sea", "ship"]).alone) == 1
    with pytest.raises(UserError, match="cannot read the candidate"):
        filled(state, reader, written, candidates=["\ud83d"])
    assert asked(state, "surprise", reader, text=written).tokens
    assert asked(state, "cut_text", reader, text=written).pieces


def by_hand(root, body: torch.nn.Module, written: str) -> torch.Tensor:
    """(V,) at the blank: the base's head over another body."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    network = AutoModelForMaskedLM.from_pretrained(root / "model").eval()
    network.bert = body
    ids = AutoTokenizer.from_pretrained(root / "model")(
        written.replace("[MASK]", "<mask>"), return_tensors="pt"
    )["input_ids"]
    return log_softmax(network, ids)[int((ids[0] == 4).nonzero())].exp()


def body_with(root, folder) -> torch.nn.Module:
    """The base's body with the weights that a run kept."""
    import json

    from safetensors.torch import load_file
    from transformers import AutoModelForMaskedLM

    body = AutoModelForMaskedLM.from_pretrained(root / "model").bert
    kept = {
        n.removeprefix("body."): t
        for n, t in load_file(str(folder / "weights.safetensors")).items()
        if n.startswith("body.")
    }
    own = dict(body.named_parameters())
    changed = 0
    for name, tensor in kept.items():
        if ".lora_" not in name:
            own[name].data.copy_(tensor)
            changed += 1
        elif ".lora_A." in name:
            settings = next(
                json.loads(f.read_text()) for f in folder.glob("*.json") if "rank" in f.read_text()
            )
            scale = settings["alpha"] / settings["rank"]
            other = kept[name.replace(".lora_A.", ".lora_B.")]
            own[f"{name.split('.lora_A.')[0]}.weight"].data += scale * other @ tensor
            changed += 1
    assert changed > 3
    return body.eval()


@pytest.mark.parametrize("arm", TRAINED)
def test_a_trained_body_reads_under_the_head_of_its_base(arm, study, state):
    root, runs = study
    reader = Checkpoint(folder=str(root / "study"), run=runs[arm])
    for written in ("le ship [MASK] near the sea", "[MASK] oven"):
        plain = filled(state, Checkpoint(str(root / "model")), written, top=100)
        ours = filled(state, reader, written, top=100)
        assert ours.model == arm and ours.family == "masked"
        wanted = by_hand(root, body_with(root, root / "study" / "models" / runs[arm]), written)
        found = {g.token: g.probability for g in ours.alone[0]}
        assert len(found) == 100 and all(abs(p - float(wanted[t])) < 1e-5 for t, p in found.items())
        untouched = {g.token: g.probability for g in plain.alone[0]}
        assert max(abs(found[t] - untouched[t]) for t in found.keys() & untouched.keys()) > 1e-5
    assert asked(state, "surprise", reader, text=WRITTEN).model == arm
    again = filled(state, Checkpoint(str(root / "model")), "[MASK] oven", top=100)
    assert again.alone == plain.alone, "the base is as it was"


def test_what_a_trained_body_reads_is_what_its_classifier_pools(study):
    """Of every strategy that leaves a body: one state a token, whatever it reads beside the
    text.
    """
    root, _ = study
    encoder = Encoder(load_model(find(str(root / "model"))))
    problem = Problem("one text", "one label", (Label("sea", "sea"), Label("bread", "bread")))
    random = np.random.default_rng(0)
    rows = [
        Example(i, text(t, random), labels=(t,))
        for i, t in enumerate(("sea", "bread") * 4, start=1)
    ]
    readers = []
    for id, strategy in strategies().items():
        if strategy.refuses(
            Facts(problem, 4, dataclasses.replace(encoder.model.ref, speaks=""), True)
        ):
            continue  # needs a model with a head, and leaves none of its own
        quick = {
            f.name: 4
            for f in dataclasses.fields(strategy.settings)
            if f.name in ("min_steps", "max_steps")
        }
        fitted = (
            drain(strategy.fit(Job(problem, rows, strategy.settings(**quick), 0, encoder)))
            if quick
            else None
        )
        if fitted is None or not hasattr(fitted.predictor, "model"):
            continue
        readers.append(id)
        model, tokens = fitted.predictor.model, encoder.tokens(rows[:2])
        batch = encoder.batch(tokens)
        with torch.inference_mode():
            pooled = model.pooled(drain(model.inputs(rows[:2])), tokens)
            hidden = model.hidden(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            )
        assert hidden.shape[:2] == batch["input_ids"].shape, id
        assert torch.allclose(
            encoder.model.pool(hidden, batch["attention_mask"]), pooled, atol=1e-5
        ), id
    assert sorted(readers) == sorted(READERS)


def test_arms_that_change_no_model_are_refused(study, state):
    root, runs = study
    for arm, words in (("tfidf", "reads with no model"), ("probe", "changes nothing inside")):
        with pytest.raises(UserError, match=words):
            filled(state, Checkpoint(folder=str(root / "study"), run=runs[arm]))
    with pytest.raises(UserError):
        filled(state, Checkpoint(folder=str(root / "study"), run="0" * 16))


def test_a_run_whose_weights_are_gone(study, tmp_path):
    root, runs = study
    shutil.copytree(root / "study", tmp_path / "study")
    shutil.rmtree(tmp_path / "study" / "models" / runs["lora"])
    with pytest.raises((UserError, FileNotFoundError)):
        filled(WarmModels("cpu"), Checkpoint(folder=str(tmp_path / "study"), run=runs["lora"]))


def test_models_that_cannot_look(state):
    with pytest.raises(UserError, match="no masked-language head"):
        filled(state, Checkpoint("minilm"))
    with pytest.raises(UserError, match="minilm"):
        filled(state, Checkpoint("nonesuch"))


def test_the_shipped_model_through_the_service(state):
    made = filled(
        state,
        Checkpoint("minilm-masked"),
        "She opened the [MASK] and went in.",
        candidates=["door", "banana"],
    )
    assert (
        made.model == "minilm-masked"
        and made.candidates[0][0].word == "door"
        and made.candidates[0][0].share > 0.9
    )
