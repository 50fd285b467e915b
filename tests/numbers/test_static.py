"""Static vectors against their definition, and what the strategy makes of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tiny_models import drain, make
from tl_core.api.types import Example, Job
from tl_core.data.load import load
from tl_core.data.samples import sample
from tl_core.models import static_vectors
from tl_core.models.catalog import find
from tl_core.models.embedding_cache import EmbeddingCache
from tl_core.models.encoding import Encoder, features_by
from tl_core.models.loading import load_model
from tl_core.models.number_formats import measured
from tl_core.models.static_vectors import DIRECTIONS, StaticVectors
from tl_core.strategies import strategies


@pytest.fixture(scope="module")
def made() -> StaticVectors:
    # every token once through the model: a third of the time in 16 bits, where that is quick
    vectors = StaticVectors(Encoder(load_model(find("minilm")), numbers=measured()))
    drain(vectors.vectors([]))
    return vectors


def test_a_token_is_what_the_model_makes_of_it_alone(made):
    """Turned to principal directions, distances between tokens stay nearly what they were."""
    tokenizer = made.encoder.model.tokenizer
    words = ["ship", "boat", "bread", "violin"]
    ids = [tokenizer.convert_tokens_to_ids(w) for w in words]
    weight = made.weights()
    assert made.table.shape == (len(tokenizer), DIRECTIONS) and made.table.dtype == np.float32
    ours = made.table[ids] / weight[ids, None]
    theirs = drain(made.encoder.embed(words))
    for i in range(4):
        for j in range(i):
            # 256 of 384 directions hold nearly all of a distance
            assert np.linalg.norm(ours[i] - ours[j]) == pytest.approx(
                np.linalg.norm(theirs[i] - theirs[j]), rel=0.1
            )


def test_a_text_is_the_mean_of_its_tokens(made):
    tokenizer = made.encoder.model.tokenizer
    text = "The ship left the harbour"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    mean = made.table[ids].mean(0)
    (ours,) = drain(made.vectors([text]))
    assert np.allclose(ours, mean / np.linalg.norm(mean), atol=1e-5)


def test_common_tokens_weigh_less(made):
    named = ["the", ",", "a", "violin", "##ing", "[CLS]", "[unused7]"]
    the, comma, letter, violin, ending, special, unused = made.weights()[
        made.encoder.model.tokenizer.convert_tokens_to_ids(named)
    ]
    assert the < 0.1 and comma < 0.1 and letter < 0.1 and violin > 0.9
    assert the < ending < violin and special == unused == 0


def test_texts_without_a_token_are_zeros_and_company_does_not_matter(made, monkeypatch):
    texts = ["", " ", "ship", "[CLS]", "bread and butter", "ship"]
    together = drain(made.vectors(texts))
    assert (together[[0, 1, 3]] == 0).all() and np.array_equal(together[2], together[5])
    monkeypatch.setattr(static_vectors, "PART", 2)
    assert np.allclose(drain(made.vectors(texts)), together, atol=1e-6)


def test_they_are_distilled_once_and_kept(tmp_path, monkeypatch):
    model = load_model(find(str(make(tmp_path / "bert"))))
    kept = Encoder(model, EmbeddingCache(tmp_path))
    first = drain(StaticVectors(kept).vectors(["ship"]))

    def never(tokens):
        raise AssertionError("read again")

    again = Encoder(model, EmbeddingCache(tmp_path))
    monkeypatch.setattr(again, "embed_tokens", never)
    assert np.array_equal(drain(StaticVectors(again).vectors(["ship"])), first)


def test_two_texts_are_their_difference_and_product(made):
    u, v = drain(made.vectors(["a ship", "some bread"]))
    (both,) = drain(features_by(made.vectors, [Example(0, "a ship", "some bread")]))
    assert np.allclose(both, np.r_[np.abs(u - v), u * v])


def test_it_learns_topics_from_a_few_rows(made):
    loaded = load(sample("support_tickets").path).dataset
    rows = sorted(loaded.examples, key=lambda e: e.content)
    train, test = rows[:200], rows[200:400]
    made.encoder._opened[StaticVectors] = made
    strategy = strategies()["static"]
    fitted = drain(strategy.fit(Job(loaded.problem, train, strategy.settings(), 0, made.encoder)))
    scores = drain(fitted.predictor.predict(test))
    gold = [loaded.problem.label_index[e.labels[0]] for e in test]
    assert (scores.argmax(1) == gold).mean() > 0.6
