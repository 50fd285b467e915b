"""One word in many sentences: finding it, its vectors at every depth, and that context tells senses
apart.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_models import drain, make_headed
from tl_core.api.errors import UserError
from tl_core.api.types import Example
from tl_core.models.catalog import find
from tl_core.models.embedding_cache import EmbeddingCache
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.training.depths import Deep
from tl_core.views.senses import Mention, around, mentions, senses

TRUTH = Path(__file__).parents[3] / "shared" / "data" / "coarsewsd20"
pytestmark = pytest.mark.usefixtures("quick")


def opened(folder: Path) -> Deep:
    return Deep.of(Encoder(load_model(find(str(folder)))), EmbeddingCache(None))


@pytest.fixture(scope="module")
def deep(tiny_models):
    return opened(tiny_models.body())


def rows(*texts: str) -> list[Example]:
    return [Example(i, t) for i, t in enumerate(texts, start=1)]


def found(word: str, *texts: str) -> list[str]:
    """The mentions with what stands directly before and after."""
    return [m.text[max(0, m.start - 1) : m.end + 1] for m in mentions(word, rows(*texts))]


def test_whole_words_in_capitals_or_not():
    assert found("play", "Play it, play! displays playing play-off play_x PLAY") == [
        "Play ",
        " play!",
        " play-",
        " PLAY",
    ]
    assert found("ship", "<b>ship</b> and “ship”") == [">ship<", "“ship”"]


def test_korean_words_with_particles():
    assert found(
        "배", "배가 떠났다", "큰 배에서는 배를 탔다", "배우가 왔다", "담배", "배로부터", "배"
    ) == ["배가", " 배에", " 배를", "배로", "배"]


def test_words_that_cannot_be_looked_for():
    for word, words in (
        ("", "Give one word"),
        ("!?", "Give one word"),
        ("x" * 200, "Give one word"),
        ("anchor", "None of the 1 texts has the word 'anchor'"),
    ):
        with pytest.raises(UserError, match=words):
            mentions(word, rows("ship"))


def test_vectors_are_means_over_the_words_tokens(deep):
    """Against the library, token by token; `##` pieces of one word belong together."""
    from transformers import AutoModel, AutoTokenizer

    written = "the shipq sails near old wave"
    made = drain(senses(deep, "shipq", mentions("shipq", rows(written, "a shipq"))))
    folder = deep.encoder.model.tokenizer.name_or_path
    read = AutoTokenizer.from_pretrained(folder)(written, return_tensors="pt")
    own = [i for i, t in enumerate(read.tokens()) if t in made.pieces[0]][:5]
    assert len(made.pieces[0]) > 1 and [read.tokens()[i] for i in own] == list(made.pieces[0])
    network = AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        states = network(**read, output_hidden_states=True).hidden_states
    wanted = [torch.nn.functional.normalize(s[0, own].mean(0), dim=0).numpy() for s in states]
    from tl_core.views.senses import _read

    got = drain(_read(deep, mentions("shipq", rows(written))))[0]
    assert np.allclose(got.states, wanted, atol=1e-5)
    static = (
        network.get_input_embeddings().weight[read["input_ids"][0, own]].mean(0).detach().numpy()
    )
    assert np.allclose(got.static, static / np.linalg.norm(static), atol=1e-5)


def sentences(count: int, seed: int) -> tuple[list[Example], list[str]]:
    """A word that always stands among words of one topic or of another."""
    random = np.random.default_rng(seed)
    made, said = [], []
    for i in range(count):
        topic = ("wave harbour anchor tide gull", "oven flour yeast crust dough")[i % 2].split()
        made.append(
            Example(i + 1, " ".join([*random.choice(topic, 3), "ship", *random.choice(topic, 3)]))
        )
        said.append(("sea", "bread")[i % 2])
    return made, said


def test_senses_stand_apart_in_context_only(deep):
    made = drain(
        senses(
            deep, "ship", mentions("ship", *sentences(40, 0)), mentions("ship", *sentences(30, 1))
        )
    )
    assert len(made.depths) == deep.layers + 1 and len(made.mentions) == 30
    assert (
        made.static.apart.accuracy == made.static.apart.commonest == 0.5
        and made.static.apart.silhouette == 0.0
    )
    assert (
        made.depths[made.best].apart.accuracy > 0.9
        and made.depths[made.best].apart.silhouette > 0.1
    )
    assert (
        all(d.places.shape == (30, 2) for d in (made.static, *made.depths))
        and not made.static.places.any()
    )


def test_without_senses_there_is_a_map_only(deep):
    made = drain(senses(deep, "ship", mentions("ship", sentences(6, 0)[0])))
    assert (
        made.best is None and made.depths[-1].apart is None and np.ptp(made.depths[-1].places) > 0
    )


def test_mentions_in_one_text_do_not_tell_each_other(deep):
    """Each text is of a sense of its own making: only by its own text could a mention be told."""
    random = np.random.default_rng(0)
    words = "wave harbour anchor tide gull oven flour yeast crust dough".split()
    texts = [" ".join(["ship", *random.choice(words, 6), "ship"]) for _ in range(30)]
    said = [str(s) for s in random.integers(0, 2, 30)]
    made = drain(senses(deep, "ship", mentions("ship", rows(*texts), said)))
    assert len(made.mentions) == 60 and max(d.apart.accuracy for d in made.depths) < 0.8


def test_a_mention_deep_in_a_long_text(deep):
    """The 64 tokens around it are read, wherever it stands."""
    for where in (0, 30_000, 59_999):
        words = ["wave"] * 60_000
        words[where] = "ship"
        made = drain(senses(deep, "ship", mentions("ship", rows(" ".join(words), "old ship"))))
        assert made.pieces == (("ship",), ("ship",)) and not made.notes
        before, word, after = around(made.mentions[0])
        assert word == "ship" and len(before) + len(after) < 260


def test_odd_texts_and_many_mentions(deep, monkeypatch):
    odd = ["ship 🙂", "שלום ship עולם", "<script>ship</script>", "ship", "ship"]
    made = drain(senses(deep, "ship", mentions("ship", rows(*odd), ["a", "a", "b", "b", "b"])))
    assert len(made.mentions) == 5 and all(np.isfinite(d.places).all() for d in made.depths)
    monkeypatch.setattr("tl_core.views.senses.MOST_MENTIONS", 3)
    made = drain(senses(deep, "ship", mentions("ship", rows(*odd))))
    assert len(made.mentions) == 3 and "occurs 5 times" in made.notes[0]


def test_a_word_the_model_cannot_read(deep):
    made = drain(senses(deep, "배", mentions("배", rows("배가 ship", "ship 배를"))))
    assert "cannot read '배'" in made.notes[0]


def test_korean_pieces(tmp_path):
    korean = opened(make_headed(tmp_path / "korean", "bert", cuts="wordpiece of Korean"))
    made = drain(
        senses(korean, "영화", mentions("영화", rows("영화가 정말 좋다", "영화가 나쁘다")))
    )
    assert made.pieces == (("영화",), ("영화",)), "the particle is not part of the word"


@pytest.mark.skipif(not TRUTH.is_dir(), reason="The truth about 20 words is not here.")
def test_context_tells_senses_of_real_words_apart():
    """Words whose senses are nearly as common as each other, so that always naming one is often
    wrong.
    """
    train, test = (
        [
            json.loads(line)
            for line in (TRUTH / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        for part in ("train", "test")
    )

    def of(part: list[dict], word: str) -> list[Mention]:
        found = []
        for i, row in enumerate(r for r in part if r["word"] == word):
            start = len(" ".join([*row["text"].split(" ")[: row["word_index"]], ""]))
            found.append(Mention(i, row["text"], start, start + len(word), row["label"]))
        return found

    reader = opened(find("minilm").folder)
    gains = []
    for word in ("crane",):
        made = drain(senses(reader, word, of(train, word)[:60], of(test, word)[:40]))
        gains.append(made.depths[made.best].apart.accuracy - made.static.apart.accuracy)
        assert made.depths[made.best].apart.silhouette > made.static.apart.silhouette
    assert min(gains) > 0.2
