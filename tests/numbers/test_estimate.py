"""How long a study takes is estimated by what this machine has shown of itself."""

from __future__ import annotations

import pytest

import tl_core as tl
from tl_core.api.types import Example
from tl_core.data.load import load
from tl_core.running.jobs import time_training
from tl_core.running.warm_models import WarmModels
from tl_core.studies.estimate import START_SECONDS, estimate, known, mean_tokens, remember


def test_a_timing_makes_the_estimate_of_what_trains(tmp_path):
    made = tl.plan("sample:support_tickets", strategies=["lora"], shots=[8], seeds=1).draft.plan
    (rate,) = time_training(WarmModels("cpu"), "minilm")
    assert 1e8 < rate < 1e14 and not known(tmp_path)
    remember(rate, tmp_path)
    assert known(tmp_path)
    here = estimate(made, where=tmp_path).seconds
    remember(rate / 3, tmp_path)
    slower = estimate(made, where=tmp_path)
    trained = slower.by_arm["lora"] + slower.shared
    assert slower.seconds == pytest.approx(START_SECONDS + trained) and slower.seconds > here


def test_a_speed_that_cannot_be_read_is_that_of_two_ordinary_cores(tmp_path):
    made = tl.plan("sample:support_tickets", strategies=["lora"], shots=[8], seeds=1).draft.plan
    usual = estimate(made, where=tmp_path).seconds
    (tmp_path / "speed.json").write_text("no number")
    assert estimate(made, where=tmp_path).seconds == usual


def test_what_learns_whole_also_takes_the_updates_of_its_weights(tmp_path):
    """In one run each on 27 tokens a text: lora 27 s, full 64 s, scratch 82 s."""
    asked = {"strategies": ["lora", "full", "scratch"], "shots": [8], "seeds": 1}
    made = tl.plan("sample:support_tickets", **asked).draft.plan
    remember(1e10, tmp_path)
    found = estimate(made, where=tmp_path).by_arm
    assert 2.3 < found["full"] / found["lora"] < 3.1 and found["full"] == found["scratch"]


def test_tokens_are_those_that_are_read():
    short = [Example(0, "a word or so, and two more")]
    assert mean_tokens(short) == mean_tokens(short, whole=True) == pytest.approx(8, abs=0.5)
    # 18.2 tokens a text under `minilm-korean`, of its sample
    korean = load("sample:korean_entities").dataset.examples
    assert mean_tokens(korean) == pytest.approx(18.2, rel=0.15)
    long = [Example(0, "word " * 2000)]
    assert mean_tokens(long) < 500 < 2500 < mean_tokens(long, whole=True) < 5000
