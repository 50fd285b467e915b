"""Word vectors from files and models, and the recurrent network that reads them."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny_models import TOPICS, WIDTH, drain, text
from tl_core.api.errors import UserError
from tl_core.api.params import build
from tl_core.api.types import Example, Job, Label, Problem
from tl_core.models import word_vectors
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.training.word_network import WordNetwork, words_of
from tl_core.models.word_vectors import UNKNOWN, OwnVectors, read_vectors
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, check_arms

STRATEGY = strategies()["word-rnn"]
PROBLEM = Problem("one text", "one label", tuple(Label(t, t) for t in ("sea", "bread")))
GLOVE = Path(__file__).parents[3] / "shared/models/glove_6b_50d_top2446/glove.6B.50d.top.txt"
pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def encoder(tiny_models):
    return Encoder(load_model(find(str(tiny_models.body(worn=False)))))


@pytest.fixture
def written(tmp_path):
    """Writes a file of vectors: its text, or words that each get a vector of their own."""

    def write(content: str | list[str], name: str = "vectors.txt") -> str:
        if isinstance(content, list):
            random = np.random.default_rng(0)
            content = "".join(
                f"{w} {' '.join(f'{x:.4f}' for x in random.normal(size=5))}\n" for w in content
            )
        file = tmp_path / name
        file.write_bytes(
            gzip.compress(content.encode()) if name.endswith(".gz") else content.encode()
        )
        return str(file)

    return write


def said(path: str) -> str:
    with pytest.raises(UserError) as caught:
        read_vectors(path)
    words = str(caught.value)
    assert all(line.endswith(".") and path in line for line in words.splitlines())
    return words


def rows(shots: int = 8, seed: int = 0, pairs: bool = False) -> list[Example]:
    random = np.random.default_rng(seed)
    return [
        Example(i, text(t, random), text(t, random) if pairs else None, (t,))
        for i, t in enumerate(("sea", "bread") * shots, start=1)
    ]


def fit(encoder, train, problem=PROBLEM, **settings):
    return drain(STRATEGY.fit(Job(problem, train, STRATEGY.settings(**settings), 3, encoder)))


# --- reading files --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("header", ["", "3 2\n"], ids=["GloVe", "word2vec"])
@pytest.mark.parametrize("gap", [" ", "\t"], ids=["spaces", "tabs"])
def test_what_stands_in_a_file_is_read(name, header, gap, written):
    lines = ["the 0.5 -1e-2 ", "영화 2 3", ". . . 4 5"]
    found = read_vectors(
        written(header + "\n".join(gap.join(x.split(" ")) for x in lines) + "\n", name)
    )
    assert found.table.dtype == np.float32 and found.table.tolist() == [
        [0.5, pytest.approx(-0.01)],
        [2, 3],
        [4, 5],
    ]
    assert found.index == {"the": 0, "영화": 1, ". . .": 2}


def test_of_a_word_that_stands_there_twice_the_first_counts(written):
    assert read_vectors(written("a 1 2\nb 3 4\na 5 6\n")).index == {"a": 0, "b": 1}


def test_blocks_make_no_difference(written, monkeypatch):
    path = written([f"w{i}" for i in range(50)])
    whole = read_vectors(path)
    monkeypatch.setattr(word_vectors, "BLOCK", 7)
    word_vectors._read.cache_clear()
    parts = read_vectors(path)
    assert (
        np.array_equal(whole.table, parts.table)
        and whole.index == parts.index
        and whole.digest == parts.digest
    )


def test_a_file_is_known_by_what_it_holds(written):
    first = read_vectors(written("a 1 2\n", "x.txt"))
    assert first.digest == read_vectors(written("a 1 2\n", "y.txt")).digest
    assert first.digest != read_vectors(written("a 1 30\n", "x.txt")).digest


def test_every_faulty_line_is_told_at_once(written):
    words = said(written("a 1 2\nb 1\nc 1 2 3\nd 1 x\ne nan 1\nf 1 inf\ng 3 4\nh 9\ni\n"))
    assert "not the 2 numbers that the file begins with in 4 lines (2, 3, 8, …)" in words
    assert "no finite number in 3 lines (4, 5, 6)" in words and len(words.splitlines()) == 2


@pytest.mark.parametrize(
    "content,sentence",
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"3 2\n", "is empty"),
        (b"word\n", "has a word and no numbers"),
        (b"3 2\nab\x00\x01", "binary file (line 2)"),
        (b"x" * 70_000, "a line of more than 65,536 bytes (line 1)"),
        ("단어 1 2\n".encode("utf-16"), "binary file"),
        (b"a great film,positive\n", "no finite number in line 1."),
        (gzip.compress(b"a 1 2\n" * 999)[:40], "packed with gzip and damaged"),
        (b"\x1f\x8bnothing", "packed with gzip and damaged"),
    ],
    ids=["empty", "blank", "header", "word", "binary", "long", "utf-16", "prose", "cut", "no gzip"],
)
def test_what_is_no_file_of_vectors(content, sentence, tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_bytes(content)
    assert sentence in said(str(file))


def test_what_is_not_there_and_what_is_no_file(tmp_path):
    assert "is not there" in said(str(tmp_path / "none.txt"))
    assert "is no file" in said(str(tmp_path))


def test_more_vectors_than_fit_are_told_before_memory_is_full(written, monkeypatch):
    monkeypatch.setattr(word_vectors, "MAX_BYTES", 200)
    assert (
        "10 words of 5 numbers are read at most. Keep its first 10 lines, the most frequent words."
        in said(written([f"w{i}" for i in range(11)]))
    )


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text,words",
    [
        ("The film, THE end!", ["the", "film", ",", "the", "end", None]),
        ("Don’t say it's well-made", ["do", "n't", None, "it", "'s", "well", None, None]),
        ("a long-term view", ["a", "long-term", None]),
        ("नमस्ते दुनिया", ["नमस्ते", None]),
        ("cafe\u0301", ["café"]),
        ("我喜欢电影。", [None, "喜欢", "电影", None]),
        ("한국 영화 좋다", [None, "영화", None]),
        ("Paris paris PARIS", ["Paris", "paris", "paris"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_texts_are_cut_into_words_that_the_file_may_hold(text, words, written):
    known = [
        "the",
        "film",
        ",",
        "end",
        "do",
        "n't",
        "it",
        "'s",
        "well",
        "a",
        "long-term",
        "नमस्ते",
        "café",
        "喜欢",
        "电影",
        "电",
        "영화",
        "Paris",
        "paris",
    ]
    vectors = read_vectors(written(known))
    (found,) = vectors.read([text])
    assert [None if i == UNKNOWN else known[i] for i in found] == words


def test_the_models_own_vectors_are_those_of_its_tokens(encoder):
    own = OwnVectors.of(encoder)
    assert own.table.shape == (encoder.model.network.config.vocab_size, WIDTH)
    assert own.read(["ship ahoy", "oven"]) == [
        list(t) for t in encoder.tokens([Example(0, "ship ahoy"), Example(0, "oven")])
    ]


# --- the network ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["max", "mean"])
@pytest.mark.parametrize("pairs", [False, True])
def test_padding_and_neighbours_change_nothing(pooling, pairs, encoder):
    problem = dataclasses.replace(PROBLEM, inputs="two texts") if pairs else PROBLEM
    params = STRATEGY.settings(pooling=pooling)
    vectors = OwnVectors.of(encoder)
    network = WordNetwork(vectors, problem, params, None).eval()
    short, long = (
        Example(1, "rye", "ship" if pairs else None),
        Example(2, "ship wave " * 40, "a" if pairs else None),
    )
    alone, together = (words_of(vectors, problem, given) for given in ([short], [short, long]))
    with torch.inference_mode():
        assert torch.allclose(network.logits(alone)[0], network.logits(together)[0], atol=1e-6)
        assert torch.allclose(
            network.logits(together), network.logits(together[::-1]).flip(0), atol=1e-6
        )
        assert not torch.allclose(
            network.logits(together)[0], network.logits(together)[1], atol=1e-3
        )


def test_the_mean_is_over_words_and_not_over_padding(encoder):
    """Worked out by hand, state by state."""
    vectors = OwnVectors.of(encoder)
    network = WordNetwork(vectors, PROBLEM, STRATEGY.settings(pooling="mean"), None).eval()
    rows = words_of(vectors, PROBLEM, [Example(1, "rye"), Example(2, "ship wave " * 10)])
    with torch.inference_mode():
        x = torch.from_numpy(vectors.table[rows[0][0]]) * network.scale
        expected = network.head(network.reader(x[None])[0].mean(1))
        assert torch.allclose(network.logits(rows)[0], expected[0], atol=1e-6)


def test_two_texts_are_told_apart_in_their_order(encoder):
    problem = dataclasses.replace(PROBLEM, inputs="two texts")
    vectors = OwnVectors.of(encoder)
    network = WordNetwork(vectors, problem, STRATEGY.settings(), None).eval()
    assert network.head.in_features == 4 * 2 * 64
    ahead, back = (
        words_of(vectors, problem, [Example(1, a, b)])
        for a, b in (("ship", "rye"), ("rye", "ship"))
    )
    with torch.inference_mode():
        assert not torch.allclose(network.logits(ahead), network.logits(back), atol=1e-4)


@pytest.mark.parametrize("unfreeze", [False, True])
def test_vectors_train_only_when_asked_and_only_those_of_training_words(
    unfreeze, encoder, tmp_path
):
    before = encoder.model.network.get_input_embeddings().weight.clone()
    fitted = fit(encoder, rows(), unfreeze=unfreeze, max_steps=20, min_steps=20)
    network = fitted.predictor.network
    assert torch.equal(encoder.model.network.get_input_embeddings().weight, before)
    assert fitted.trainable_parameters == sum(p.numel() for n, p in network.named_parameters())
    seen = {i for t in encoder.tokens(rows()) for i in t}
    if unfreeze:
        assert network.own_words.tolist() == sorted(seen)
        started = before[network.own_words] * network.scale
        assert not torch.allclose(network.own.weight, started, atol=1e-4)
    else:
        assert network.own_words is None and not hasattr(network, "own")
    fitted.predictor.save(tmp_path)
    again = STRATEGY.load(tmp_path, PROBLEM, encoder)
    test = [*rows(seed=6), Example(99, "violin and words nobody trained on")]
    assert np.array_equal(drain(again.predict(test)), drain(fitted.predictor.predict(test)))


def test_file_vectors_learn_and_say_what_they_do_not_know(encoder, written, tmp_path):
    path = written([w for topic in ("sea", "bread") for w in TOPICS[topic]])
    fitted = fit(encoder, rows(), vectors=path)
    (note,) = fitted.notes
    assert note.startswith(
        "22.2% of the words of the training texts have no vector in vectors.txt"
    ), "2 of 9 words are of no topic"
    test = rows(shots=20, seed=5)
    scores = drain(fitted.predictor.predict(test))
    assert (
        np.mean(
            [
                PROBLEM.label_ids[i] == e.labels[0]
                for i, e in zip(scores.argmax(1), test, strict=True)
            ]
        )
        > 0.9
    )
    assert "texts to label" in fitted.predictor.notes[0]
    fitted.predictor.save(tmp_path)
    assert np.array_equal(drain(STRATEGY.load(tmp_path, PROBLEM, encoder).predict(test)), scores)
    drain(fitted.predictor.predict([Example(1, "violin")]))
    assert fitted.predictor.notes[0].startswith("100%")


def test_texts_of_no_known_word_are_scored_all_the_same(encoder, written):
    path = written(["nothing", "here"])
    for unfreeze in (False, True):
        scores = drain(
            fit(
                encoder, rows(), vectors=path, unfreeze=unfreeze, min_steps=3, max_steps=3
            ).predictor.predict([Example(1, ""), Example(2, "x y")])
        )
        assert np.isfinite(scores).all() and np.allclose(scores.sum(1), 1, atol=1e-5)


def test_long_texts_lose_their_end_and_it_is_said(encoder, written):
    path = written(TOPICS["sea"])
    fitted = fit(encoder, rows(), vectors=path, most_words=5, min_steps=2, max_steps=2)
    assert (
        fitted.notes[-1]
        == "16 of the 16 training texts are longer than 5 words and lost their end."
    )
    a, b = drain(
        fitted.predictor.predict(
            [
                Example(1, "ship wave tide gull ship"),
                Example(2, "ship wave tide gull ship anchor anchor"),
            ]
        )
    )
    assert np.allclose(a, b, atol=1e-6)


# --- a file that changes --------------------------------------------------------------------------


def test_settings_hold_the_digest_of_their_file(written):
    path = written(["a", "b"])
    asked = build(STRATEGY.settings, {"vectors": path}, "word-rnn")
    settled = STRATEGY.settled(asked)
    assert (
        settled.vectors_digest == read_vectors(path).digest and STRATEGY.settled(settled) == settled
    )
    written(["a", "other"])
    other = STRATEGY.settled(asked)
    assert dataclasses.asdict(other) != dataclasses.asdict(settled), (
        "what is computed has another name now"
    )
    with pytest.raises(UserError, match="is not the file it was"):
        STRATEGY.settled(settled)
    assert STRATEGY.settled(STRATEGY.settings()) == STRATEGY.settings()


def test_a_file_cannot_be_named_where_that_is_not_allowed(encoder, written, tiny_models):
    """Nor can one find out whether it is there: what is said does not depend on it."""
    folder = str(tiny_models.body())
    for path in (written(["a"]), "/etc/hostname", "/nowhere"):
        arms, _, faults = check_arms(
            [ArmRequest("word-rnn", {"vectors": path})], model=folder, hub=False
        )
        assert not arms and faults == [
            "word-rnn: files of this machine cannot be named here. Leave vectors empty."
        ]
    assert check_arms([ArmRequest("word-rnn")], model=folder, hub=False)[2] == []
    (arm,), _, faults = check_arms(
        [ArmRequest("word-rnn", {"vectors": written(["a"])})], model=folder
    )
    assert (
        faults == []
        and arm.settings["vectors_digest"] == read_vectors(arm.settings["vectors"]).digest
    )
    assert (
        "is not there"
        in check_arms([ArmRequest("word-rnn", {"vectors": "/nowhere"})], model=folder)[2][0]
    )


def test_a_file_that_has_changed_is_neither_trained_nor_predicted_on(encoder, written, tmp_path):
    path = written(TOPICS["sea"])
    settled = STRATEGY.settled(STRATEGY.settings(vectors=path, min_steps=2, max_steps=2))
    fitted = fit(encoder, rows(), **dataclasses.asdict(settled))
    unsettled = fit(encoder, rows(), vectors=path, min_steps=2, max_steps=2)
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, predictor in zip(folders, (fitted.predictor, unsettled.predictor), strict=True):
        folder.mkdir()
        predictor.save(folder)
    written(TOPICS["bread"])
    with pytest.raises(UserError, match="has changed since the study was planned"):
        fit(encoder, rows(), **dataclasses.asdict(settled))
    for folder, words in zip(folders, ("has changed", "other word vectors"), strict=True):
        with pytest.raises(UserError, match=words):
            STRATEGY.load(folder, PROBLEM, encoder)


def test_reading_is_charged_to_every_run(encoder, written):
    path = written([f"w{i}" for i in range(3000)])
    word_vectors._read.cache_clear()
    encoder.borrowed_seconds = 0.0
    word_vectors.vectors_for(encoder, path, "")
    first = encoder.borrowed_seconds
    encoder.borrowed_seconds = 0.0
    vectors = word_vectors.vectors_for(encoder, path, "")
    assert first == 0 and 0.5 * vectors.seconds < encoder.borrowed_seconds <= vectors.seconds


# --- real vectors ---------------------------------------------------------------------------------


@pytest.mark.skipif(not GLOVE.is_file(), reason="the real GloVe vectors are not here")
def test_real_vectors_know_common_english():
    vectors = read_vectors(str(GLOVE))
    assert vectors.table.shape[1] == 50 and len(vectors.index) > 2000
    assert UNKNOWN not in vectors.read(["It wasn't the first time, he said."])[0]
    unit = vectors.table / np.linalg.norm(vectors.table, axis=1, keepdims=True)
    near = {
        a: sorted(vectors.index, key=lambda w: -(unit[vectors.index[w]] @ unit[vectors.index[a]]))[
            1:6
        ]
        for a in ("france", "five")
    }
    assert {"six", "four"} <= set(near["five"]) and set(near["france"]) & {
        "britain",
        "germany",
        "spain",
        "italy",
    }
