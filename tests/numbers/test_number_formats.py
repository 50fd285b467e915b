"""The format that matrices are multiplied in: what is asked for, what is kept, and what it changes.

bfloat16 is multiplied on every processor, by some slowly, so that these run anywhere.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.tiny_models import drain
from tl_core.api.errors import UserError
from tl_core.api.types import Job
from tl_core.data.load import load
from tl_core.data.samples import sample
from tl_core.models import number_formats
from tl_core.models.catalog import find
from tl_core.models.embedding_cache import EmbeddingCache
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.number_formats import EXACT, FILE, HALF, VARIABLE, formats
from tl_core.strategies import strategies


@pytest.fixture
def found(monkeypatch):
    """Count measurements, which all say bfloat16."""
    times = []
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(number_formats, "measured", lambda: times.append(1) or HALF)
    return times


def test_what_is_asked_for_is_used(monkeypatch):
    for asked, wanted in (("float32", EXACT), ("bfloat16", HALF)):
        monkeypatch.setenv(VARIABLE, asked)
        assert formats("cpu") == wanted
    monkeypatch.setenv(VARIABLE, "float8")
    with pytest.raises(UserError, match="TL_NUMBERS is 'float8'. Choose one of: auto, float32"):
        formats("cpu")


def test_the_faster_is_found_by_trying():
    number_formats.measured.cache_clear()
    threads = torch.get_num_threads()
    found = number_formats.measured()
    assert {found.reading, found.training} <= {torch.float32, torch.bfloat16}
    assert torch.get_num_threads() == threads


def test_a_slow_format_is_not_chosen(monkeypatch):
    """As on a processor that has to imitate bfloat16."""
    import time

    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    slow = torch.bfloat16

    def work() -> None:
        kind = (
            torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        )
        time.sleep(0.02 if kind is slow else 0.001)

    assert number_formats._faster(work) is torch.float32
    slow = torch.float32
    assert number_formats._faster(work) is torch.bfloat16


def test_x86_that_has_no_bfloat16_is_not_timed(monkeypatch):
    monkeypatch.setattr(number_formats, "_faster", lambda work: pytest.fail("it was timed"))
    able = {"architecture": "x86_64", "avx2": True, "amx_bf16": False, "avx512_bf16": False}
    monkeypatch.setattr(number_formats.torch.cpu, "get_capabilities", lambda: able)
    assert number_formats.measured.__wrapped__() == number_formats.EXACT
    monkeypatch.setattr(number_formats, "_faster", lambda work: torch.bfloat16)
    able["avx512_bf16"] = True
    assert number_formats.measured.__wrapped__() == HALF
    able |= {"architecture": "aarch64", "avx512_bf16": False}  # what it can do is not known
    assert number_formats.measured.__wrapped__() == HALF


def test_it_is_found_once_for_a_processor(found, tmp_path, monkeypatch):
    assert [formats("cpu", tmp_path) for _ in range(3)] == [HALF] * 3 and len(found) == 1
    monkeypatch.setattr(number_formats, "processor", lambda: "another")
    assert formats("cpu", tmp_path) == HALF and len(found) == 2


@pytest.mark.parametrize("kept", ["", "[1]", '{"KEY": 3}', '{"KEY": ["float8", "float8"]}'])
def test_a_file_that_says_nothing_is_written_again(found, tmp_path, kept):
    formats("cpu", tmp_path)
    key = next(iter(json.loads((tmp_path / FILE).read_text())))
    (tmp_path / FILE).write_text(kept.replace("KEY", key.replace('"', "")))
    assert formats("cpu", tmp_path) == HALF and len(found) == 2
    assert json.loads((tmp_path / FILE).read_text()) == {key: ["bfloat16", "bfloat16"]}


def test_a_folder_that_takes_no_file_is_no_failure(found, tmp_path):
    (tmp_path / "file").write_text("")
    assert formats("cpu", tmp_path / "file") == HALF and formats("cpu", None) == HALF


def encoder(monkeypatch, asked: str, folder=None) -> Encoder:
    monkeypatch.setenv(VARIABLE, asked)
    return Encoder(load_model(find("minilm")), EmbeddingCache(folder))


def test_embeddings_of_both_formats_are_close_and_kept_apart(monkeypatch, tmp_path):
    texts = [e.text for e in load(sample("support_tickets").path).dataset.examples[:60]]
    exact, half = (
        drain(encoder(monkeypatch, asked, tmp_path).embed(texts))
        for asked in ("float32", "bfloat16")
    )
    cosine = (exact * half).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(half, axis=1)
    assert cosine.min() >= 0.999 and not np.array_equal(exact, half)
    again = encoder(monkeypatch, "float32", tmp_path)
    assert np.array_equal(drain(again.embed(texts)), exact)


@pytest.mark.parametrize("strategy", ["probe", "lora", "full"])
def test_what_is_trained_stays_float32_and_predicts_alike(strategy, monkeypatch):
    loaded = load(sample("support_tickets").path).dataset
    # short ones: some processors imitate bfloat16, a hundred times as slowly
    short = [e for e in loaded.examples if len(e.text) <= 100]
    rows = sorted(short, key=lambda e: e.content)
    train, test = rows[:48], rows[48:128]
    assert len(test) == 80
    right = {}
    for asked in ("float32", "bfloat16"):
        reader = encoder(monkeypatch, asked)
        chosen = strategies()[strategy]
        few = {"min_steps": 6, "max_steps": 6} if strategy != "probe" else {}
        fitted = drain(chosen.fit(Job(loaded.problem, train, chosen.settings(**few), 0, reader)))
        scores = drain(fitted.predictor.predict(test))
        gold = [loaded.problem.label_index[e.labels[0]] for e in test]
        right[asked] = (scores.argmax(1) == gold).mean()
        if strategy != "probe":
            assert {p.dtype for p in fitted.predictor.model.parameters()} == {torch.float32}
    assert abs(right["float32"] - right["bfloat16"]) <= 0.05 and right["bfloat16"] > 0.4


def test_a_run_says_which_it_was():
    assert str(EXACT) == "float32" and str(HALF) == "bfloat16"
    mixed = number_formats.Formats(torch.float32, torch.bfloat16)
    assert str(mixed) == "float32 read, bfloat16 trained"
