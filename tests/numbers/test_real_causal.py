"""A real, very small model that writes (stories260K, trained on children's stories), where it is at
hand: extra.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiny_models import drain, one_thread
from tl_core.api.types import Example, Facts, Job, Label, Problem
from tl_core.models.catalog import find
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.strategies import strategies

STORIES = Path(__file__).resolve().parents[3] / "shared" / "models" / "stories260K"
pytestmark = pytest.mark.skipif(not STORIES.is_dir(), reason="That model is not here.")
PROBLEM = Problem("one text", "one label", (Label("happy", "happy"), Label("sad", "sad")))
HAPPY = [
    "Tom smiled and laughed and",
    "Lily played with her friend and",
    "They had so much fun and",
    "Mom hugged Tim and",
    "Sam got a new toy and",
    "The sun was warm and",
]
SAD = [
    "Tom fell and cried and",
    "Lily lost her doll and",
    "The dog was hurt and",
    "Tim broke his toy and",
    "Sam was all alone and",
    "The big cat was mean and",
]
NAMES = ("Ben", "Anna", "Max", "Sue")


def rows(first: int, count: int) -> list[Example]:
    said = [
        (s.replace("Tom", NAMES[i % 4]), label)
        for i in range(count)
        for s, label in ((HAPPY[(first + i) % 6], "happy"), (SAD[(first + i) % 6], "sad"))
    ]
    return [Example(i, text, labels=(label,)) for i, (text, label) in enumerate(said, start=1)]


@pytest.fixture(scope="module")
def encoder():
    with one_thread():
        source = find(str(STORIES))
        yield Encoder(load_model(source), source=source)


def right(scores: np.ndarray, test: list[Example]) -> float:
    return float(
        np.mean(
            [
                PROBLEM.label_ids[i] == e.labels[0]
                for i, e in zip(scores.argmax(1), test, strict=True)
            ]
        )
    )


def test_it_knows_who_is_happy_without_labels(encoder):
    strategy = strategies()["label-score"]
    assert strategy.refuses(Facts(PROBLEM, 0, encoder.source.ref, True)) == ""
    params = strategy.settings(templates="{text} was very {label}", calibration="batch")
    fitted = drain(strategy.fit(Job(PROBLEM, [], params, 0, encoder, unlabelled=rows(0, 6))))
    assert right(drain(fitted.predictor.predict(rows(0, 6))), rows(0, 6)) >= 0.75


def test_lora_learns_on_it_and_is_saved(encoder, tmp_path):
    strategy = strategies()["lora"]
    fitted = drain(strategy.fit(Job(PROBLEM, rows(0, 4), strategy.settings(), 0, encoder)))
    test = rows(0, 4)
    scores = drain(fitted.predictor.predict(test))
    assert right(scores, test) == 1.0, "its own rows at least"
    fitted.predictor.save(tmp_path)
    assert np.allclose(
        drain(strategy.load(tmp_path, PROBLEM, encoder).predict(test)), scores, atol=1e-6
    )
    width, inner, layers = 64, 172, 5  # of stories260K; keys and values are half as wide
    maps = {(width, width): 2, (width, width // 2): 2, (width, inner): 2, (inner, width): 1}
    upper = layers - layers // 2
    head = width * 2 + 2
    assert (
        fitted.trainable_parameters
        == 8 * upper * sum(n * (a + b) for (a, b), n in maps.items()) + head
    )
