"""Models: the real one against its own library, and one tiny body of each architecture against
itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.tiny_models import CUT, KINDS, LAYERS, POSITIONS, TinyModels, drain, said, text
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Job, Label, Problem
from tl_core.models import catalog, layers
from tl_core.models.catalog import find
from tl_core.models.embedded import describe
from tl_core.models.embedding_cache import EmbeddingCache, text_key
from tl_core.models.encoding import Encoder
from tl_core.models.loading import choose_device, load_model
from tl_core.strategies import strategies

PROBLEM = Problem("one text", "one label", (Label("sea", "sea"), Label("bread", "bread")))
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def folders(tiny_models):
    """One tiny model of each architecture, on disk."""
    return {kind: tiny_models.body(kind) for kind in KINDS}


def test_a_model_that_tests_share_is_made_once_and_seen_to_be_unchanged(tmp_path):
    shared = TinyModels(tmp_path)
    folder = shared.body()
    assert shared.body() == folder != shared.body(worn=False) and shared.changed() == []
    (folder / "config.json").write_text("{}")
    assert shared.changed() == ["make('bert', [])"]


@pytest.fixture(scope="module")
def tiny(folders):
    """Makes an encoder of one of them, with nothing remembered."""
    return lambda kind, **how: Encoder(load_model(find(str(folders[kind]))), **how)


@pytest.fixture(scope="module")
def minilm():
    return load_model(find("minilm"))


def rows(shots: int = 4, seed: int = 0) -> list[Example]:
    random = np.random.default_rng(seed)
    return [
        Example(i, text(t, random), labels=(t,))
        for i, t in enumerate(("sea", "bread") * shots, start=1)
    ]


def varied() -> list[str]:
    """50 texts: nearly empty, long, and in scripts and signs the model does not know."""
    random = np.random.default_rng(0)
    odd = [
        "",
        " ",
        ".",
        "a",
        "\n\t",
        "A",
        "?!",
        "한국어 문장입니다",
        "🙂 great 🙂🙂",
        "naïve café",
        "x" * 400,
        "the [SEP] token",
        "[CLS] [MASK]",
    ]
    long = ["word " * n for n in (100, 253, 254, 255, 256, 300, 2000)]
    words = (
        "the movie was not very good but I liked its ending and music although price delivery"
        " Service £30 2024 e-mail".split()
    )
    return odd + long + [" ".join(random.choice(words, n)) for n in range(1, 31)]


# --- the packaged model against sentence-transformers ---------------------------------------------


def test_embeddings_are_those_of_sentence_transformers(minilm):
    from sentence_transformers import SentenceTransformer

    texts = varied()
    assert len(texts) == 50
    theirs = SentenceTransformer(str(find("minilm").folder), device="cpu").encode(
        texts, batch_size=8, show_progress_bar=False
    )
    ours = drain(Encoder(minilm).embed(texts))
    assert ours.shape == (50, 384) and ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < 1e-5
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)


def test_the_packaged_model_is_what_it_says(minilm):
    source = find("minilm")
    assert (minilm.width, minilm.max_tokens, source.layers, source.model_type) == (
        384,
        256,
        6,
        "bert",
    )
    assert Encoder(minilm).can_cut
    assert [entry["id"] for entry in describe()] == ["minilm", "minilm-masked", "minilm-korean"]


def test_two_texts_are_told_apart_and_one_text_is_one(minilm):
    """BERT's segments: 0 for the first text, 1 for the second, and 0 throughout for a text that
    spells [SEP] out.
    """
    encoder = Encoder(minilm)
    for example in (
        Example(1, "red car", "blue sky"),
        Example(1, "a [SEP] b"),
        Example(1, "word " * 300, "sky " * 300),
        Example(1, "", ""),
    ):
        second = None if example.text_b is None else [example.text_b]
        theirs = minilm.tokenizer(
            [example.text],
            second,
            truncation=True,
            max_length=256,
            return_tensors="pt",
            return_token_type_ids=True,
        )
        ours = encoder.batch(encoder.tokens([example]))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


# --- the cache of embeddings ----------------------------------------------------------------------


def count_calls(encoder, monkeypatch) -> list[int]:
    calls: list[int] = []
    embed = encoder.embed_tokens
    monkeypatch.setattr(
        encoder, "embed_tokens", lambda tokens: calls.append(len(tokens)) or embed(tokens)
    )
    return calls


def test_a_second_encoder_computes_nothing_and_is_charged(tiny, tmp_path, monkeypatch):
    texts = [e.text for e in rows()]
    first = tiny("bert", cache=EmbeddingCache(tmp_path))
    calls = count_calls(first, monkeypatch)
    vectors = drain(first.embed(texts + texts[:3]))
    assert (
        sum(calls) == len(set(texts))
        and first.borrowed_seconds == 0
        and vectors.shape == (len(texts) + 3, 32)
    )
    second = tiny("bert", cache=EmbeddingCache(tmp_path))
    calls = count_calls(second, monkeypatch)
    assert np.array_equal(drain(second.embed(texts + texts[:3])), vectors)
    assert calls == []
    once = second.borrowed_seconds
    assert once > 0
    drain(
        second.embed(texts)
    )  # from memory now, and charged again: another run would have had to compute it
    assert second.borrowed_seconds == pytest.approx(2 * once)


def test_another_model_and_another_length_do_not_share_vectors(tiny, tmp_path):
    texts = ["ship wave harbour " * 5]
    one = tiny("bert", cache=EmbeddingCache(tmp_path))
    other = tiny("electra", cache=EmbeddingCache(tmp_path))
    assert not np.allclose(drain(one.embed(texts)), drain(other.embed(texts)), atol=1e-3)
    shorter = load_model(find(one.model.ref.name))
    shorter.max_tokens = 6
    assert not np.allclose(
        drain(one.embed(texts)),
        drain(Encoder(shorter, EmbeddingCache(tmp_path)).embed(texts)),
        atol=1e-3,
    )


def test_the_cache_keeps_its_size_and_forgets_what_was_not_used(tmp_path):
    limit = 200_000
    cache = EmbeddingCache(tmp_path, limit)
    keys = [text_key("s", str(i)) for i in range(1500)]
    for i, key in enumerate(keys):
        cache.put([(key, np.full(96, i, np.float32), 0.1)])
        assert i < 1 or keys[0] in cache.get(
            keys[:1]
        )  # asked for all the time, so never the least recently used
    assert cache.trouble == ""
    kept = cache.get(keys)
    assert keys[0] in kept and keys[1] not in kept and keys[-1] in kept
    assert all(
        vector[0] == keys.index(key) and seconds == 0.1 for key, (vector, seconds) in kept.items()
    )
    assert limit / 4 < len(kept) * (96 * 4 + 80) < 1.03 * limit
    cache._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (tmp_path / "embeddings.sqlite").stat().st_size < 1.25 * limit


@pytest.mark.parametrize(
    "fault", ["a file where the folder should be", "no database", "cut off", "another table"]
)
def test_a_cache_that_cannot_be_used_is_told_and_changes_nothing(fault, tiny, tmp_path):
    texts = [e.text for e in rows()]
    right = drain(tiny("bert").embed(texts))
    folder = tmp_path / "cache"
    file = folder / "embeddings.sqlite"
    if fault == "a file where the folder should be":
        folder.write_text("in the way")
    else:
        cache = EmbeddingCache(folder)
        drain(tiny("bert", cache=cache).embed(texts))
        cache._db.close()  # which writes the journal into the file
        kept = file.read_bytes()
        file.unlink()
        if fault == "no database":
            file.write_bytes(b"not a database, " * 1000)
        elif fault == "cut off":
            file.write_bytes(kept[: max(1500, len(kept) // 2)])
        else:
            import sqlite3

            with sqlite3.connect(file) as other:
                other.execute("CREATE TABLE vector (something TEXT)")
    cache = EmbeddingCache(folder)
    encoder = tiny("bert", cache=cache)
    assert np.allclose(drain(encoder.embed(texts)), right, atol=1e-6)
    assert cache.trouble.endswith(".") and len(cache.trouble.split()) > 5
    assert np.allclose(drain(encoder.embed(texts)), right, atol=1e-6)


def test_lower_layers_are_remembered_and_charged(tiny):
    encoder = tiny("bert")
    texts = [*rows(), Example(90, "ship " * 30), Example(91, "rye")]
    first = drain(encoder.states(texts, 2))
    assert encoder.borrowed_seconds == 0
    again = drain(encoder.states(texts, 2))
    assert encoder.borrowed_seconds > 0 and all(a is b for a, b in zip(first, again, strict=True))
    assert [s.shape for s in first] == [(len(t), 32) for t in encoder.tokens(texts)]


# --- cutting a body in two ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_lower_and_upper_half_are_the_whole(kind, at, tiny):
    encoder = tiny(kind)
    assert encoder.can_cut and encoder.parts.count == LAYERS
    network = encoder.model.network
    texts = [
        Example(1, "ship"),
        Example(2, "the old ship and the tide near this harbour"),
        Example(3, "oven flour"),
    ]
    tokens = encoder.tokens(texts)
    batch = encoder.batch(tokens)
    mask = batch["attention_mask"].bool()
    with torch.inference_mode():
        whole = network(**batch).last_hidden_state
        body, given = layers.upper(network, encoder.parts, at)
        given.hidden = torch.nn.utils.rnn.pad_sequence(
            drain(encoder.states(texts, at)), batch_first=True
        )
        again = body(**batch).last_hidden_state
    assert torch.allclose(whole[mask], again[mask], atol=1e-5)
    assert not torch.allclose(whole[mask], given.hidden[mask], atol=1e-2), (
        "the upper half must do something"
    )


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in CUT])
def test_bodies_that_do_not_go_from_layer_to_layer_are_not_cut(kind, tiny):
    assert not tiny(kind).can_cut


def test_layers_that_share_weights_have_no_upper_half(tiny):
    assert tiny("albert").parts is None
    with pytest.raises(UserError, match="Use full"):
        drain(fit_steps("contrastive", tiny("albert")))


def test_every_architecture_is_tried():
    assert len(KINDS) == 11 and len(CUT) == 9


# --- training each architecture -------------------------------------------------------------------


def fit_steps(id: str, encoder, **settings):
    quick = {"min_steps": 8, "max_steps": 8, **settings}
    return strategies()[id].fit(
        Job(PROBLEM, rows(), strategies()[id].settings(**quick), 0, encoder)
    )


def assert_survives_saving(id: str, fitted, encoder, folder):
    test = rows(seed=5)
    before = drain(fitted.predictor.predict(test))
    fitted.predictor.save(folder)
    again = drain(strategies()[id].load(folder, PROBLEM, encoder).predict(test))
    assert np.isfinite(before).all() and np.allclose(before, again, atol=1e-6)


@pytest.mark.parametrize("kind", CUT)
def test_lora_on_each_architecture(kind, tiny, tmp_path):
    encoder = tiny(kind)
    fitted = drain(fit_steps("lora", encoder, rank=3))
    maps = [
        m
        for n, m in encoder.model.network.named_modules()
        if isinstance(m, torch.nn.Linear) and _layer(n) >= LAYERS // 2
    ]
    assert len(maps) >= 4 * LAYERS // 2
    adapters = sum(3 * (m.in_features + m.out_features) for m in maps)
    assert fitted.trainable_parameters == adapters + 2 * 32 + 2
    names = fitted.predictor.model.trainable()
    assert all("lora_" in n or n.startswith("head.") for n in names) and not any(
        "pooler" in n for n in names
    )
    assert all(t.abs().sum() > 0 for n, t in names.items() if "lora_B" in n), (
        "every adapter has learnt"
    )
    assert_survives_saving("lora", fitted, tiny(kind), tmp_path)


def _layer(name: str) -> int:
    numbers = [int(part) for part in name.split(".") if part.isdigit()]
    return numbers[0] if numbers else -1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("id", ["full", "scratch"])
def test_full_and_scratch_on_each_architecture(id, kind, tiny, tmp_path):
    encoder = tiny(kind)
    fitted = drain(fit_steps(id, encoder))
    model = fitted.predictor.model
    own = {n for n, _ in model.named_parameters() if ".pooler." not in n}
    assert set(model.trainable()) == own
    assert fitted.trainable_parameters == sum(
        p.numel() for n, p in model.named_parameters() if n in own
    )
    assert_survives_saving(id, fitted, tiny(kind), tmp_path)


def test_bert_s_pooler_is_never_trained(tiny):
    encoder = tiny("bert")
    assert any("pooler" in n for n, _ in encoder.model.network.named_parameters())
    for id in ("full", "lora", "contrastive"):
        body = drain(fit_steps(id, encoder)).predictor.model.body
        assert torch.equal(body.pooler.dense.weight, encoder.model.network.pooler.dense.weight)
        assert not any(p.requires_grad for p in body.pooler.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_texts_longer_than_the_model_reads_are_cut(kind, tiny):
    """RoBERTa's and MPNet's first position is after the padding token's: two fewer than the table
    has.
    """
    encoder = tiny(kind)
    long = [Example(1, "ship " * 500), Example(2, "ship " * 500 + "oven")]
    vectors = drain(encoder.embed([e.text for e in long]))
    reads = POSITIONS - 2 if kind in ("roberta", "xlm-roberta", "mpnet") else POSITIONS
    assert [len(t) for t in encoder.tokens(long)] == [reads, reads]
    assert np.isfinite(vectors).all() and np.allclose(vectors[0], vectors[1], atol=1e-6)


def test_a_decoder_works_with_mean_pooling(tiny):
    encoder = tiny("gpt2")
    vectors = drain(encoder.embed(["ship wave", "oven", "ship wave"]))
    assert (
        vectors.shape == (3, 32)
        and np.allclose(vectors[0], vectors[2])
        and not np.allclose(vectors[0], vectors[1], atol=1e-3)
    )
    alone = drain(tiny("gpt2").embed(["oven"]))
    assert np.allclose(alone[0], vectors[1], atol=1e-5), "padding must not be read"


# --- devices --------------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_told(monkeypatch):
    monkeypatch.delenv("TL_DEVICE", raising=False)
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") == choose_device() in ("cpu", "cuda", "mps")
    with pytest.raises(UserError, match=r"'tpu' is not on this machine\. There are: cpu"):
        choose_device("tpu")
    monkeypatch.setenv("TL_DEVICE", "cpu")
    assert choose_device() == "cpu"


# --- finding and loading, when something is wrong -------------------------------------------------


@pytest.fixture
def model(folders, tmp_path):
    return shutil.copytree(folders["bert"], tmp_path / "model")


@pytest.mark.parametrize(
    "name",
    [
        "minlm",
        "MiniLM-L6",
        "a b",
        "./nope",
        "owner/x/y",
        "",
        " ",
        "-x/y",
        "no such/model",
        "../minilm",
    ],
)
def test_a_name_that_is_none(name):
    assert "minilm" in said(find, name, hub=True)


def test_a_hub_name_where_the_hub_is_switched_off():
    assert "switched off" in said(find, "owner/model", hub=False)


@pytest.mark.parametrize(
    "how",
    [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}],
    ids=["offline", "unreachable"],
)
def test_a_hub_name_without_a_network(how, tmp_path):
    code = (
        "from tl_core.models.catalog import find\nfrom tl_core.api.errors import UserError\n"
        "try:\n    find('owner/nothing-here')\nexcept UserError as fault:\n    print(fault)"
    )
    environment = {**os.environ, **how, "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "owner/nothing-here is not on this machine and the hub could not be reached."
    )


def test_a_file_instead_of_a_folder(model):
    assert "is a file" in said(find, str(model / "config.json"))


def test_an_empty_folder(tmp_path):
    assert "no config.json" in said(find, str(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"3",
        b'"num_layers"',
        b"\xff\xfe",
        b'{"model_type": "bert", "num_hidden_layers": "four"}',
    ],
)
def test_a_damaged_config(model, content):
    (model / "config.json").write_bytes(content)
    assert "config.json" in said(find, str(model))


def test_weights_in_an_older_format(model):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert "pytorch_model.bin" in said(find, str(model))
    (model / "pytorch_model.bin").unlink()
    assert "no weights at all" in said(find, str(model))


def test_a_model_without_tokenizer(model):
    (model / "tokenizer.json").unlink()
    assert "no tokenizer files" in said(find, str(model))


def test_a_model_that_brings_code(model):
    config = json.loads((model / "config.json").read_text())
    del config["model_type"]
    (model / "config.json").write_text(
        json.dumps({**config, "auto_map": {"AutoModel": "evil.Evil"}})
    )
    assert "its own code" in said(find, str(model))


def test_code_in_a_model_folder_is_not_run(model):
    witness = model / "ran"
    (model / "evil.py").write_text(f"open({str(witness)!r}, 'w')\nclass Evil: pass\n")
    (model / "modules.json").write_text(
        json.dumps([{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}])
    )
    said(load_model, find(str(model)))
    config = json.loads((model / "config.json").read_text())
    (model / "modules.json").unlink()
    (model / "config.json").write_text(
        json.dumps({**config, "auto_map": {"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"}})
    )
    try:
        load_model(find(str(model)))  # transformers' own class, or a refusal
    except UserError:
        pass
    assert not witness.exists()


def test_a_model_beyond_the_limit(model, monkeypatch):
    monkeypatch.setenv("TL_MAX_MODEL_BYTES", "1000")
    assert "TL_MAX_MODEL_BYTES" in said(find, str(model))


def test_a_packaged_model_that_was_changed(monkeypatch):
    monkeypatch.setattr(catalog, "MINILM_SHA256", "0" * 64)
    with pytest.raises(UserError, match="is damaged: its weights have the sha256 53aa51172d14"):
        find("minilm")


@pytest.mark.parametrize("left", [0, 3, 5000, -1])
def test_weights_cut_off(model, left):
    whole = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(whole[:left])
    said(load_model, find(str(model)))


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "nonesuch"},
        {"model_type": "t5"},
        {"num_attention_heads": 5},
        {"vocab_size": 7},
        {"hidden_size": "wide"},
    ],
    ids=lambda c: next(iter(c)),
)
def test_a_config_that_does_not_fit_its_weights(model, changes):
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, **changes}))
    assert str(model) in said(load_model, find(str(model)))


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_damaged_tokenizer(model, content):
    (model / "tokenizer.json").write_text(content)
    assert str(model) in said(load_model, find(str(model)))


def test_missing_weights_are_not_made_up(model, folders):
    """transformers would draw them at random and warn: every run would then measure another
    model.
    """
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    half = {name: tensor for name, tensor in weights.items() if "layer.3." not in name}
    save_file(half, model / "model.safetensors", metadata={"format": "pt"})
    assert "layer.3." in said(load_model, find(str(model)))
    shutil.copy(folders["gpt2"] / "model.safetensors", model)
    assert "random numbers" in said(load_model, find(str(model)))
    save_file(
        {n: t for n, t in weights.items() if "pooler" not in n},
        model / "model.safetensors",
        metadata={"format": "pt"},
    )
    load_model(find(str(model)))  # a pooler is not read here


def test_weights_with_a_prefix_and_a_head_are_the_same_model(model, folders):
    """As a model for masked words is saved."""
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    save_file(
        {**{f"bert.{n}": t for n, t in weights.items()}, "cls.bias": torch.zeros(3)},
        model / "model.safetensors",
        metadata={"format": "pt"},
    )
    plain, prefixed = (
        drain(Encoder(load_model(find(str(f)))).embed(["ship wave"]))
        for f in (folders["bert"], model)
    )
    assert np.allclose(plain, prefixed, atol=1e-6)


def test_a_copy_is_the_same_model_and_a_changed_weight_is_not(model, folders):
    assert find(str(model)).ref.digest == find(str(folders["bert"])).ref.digest
    data = bytearray((model / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (model / "model.safetensors").write_bytes(data)
    assert find(str(model)).ref.digest != find(str(folders["bert"])).ref.digest
