"""How long a study takes is estimated by what this machine has shown of itself."""

from __future__ import annotations

import pytest

import tl_core as tl
from tl_core.api.types import Example, Finished, Progress, RunResult, Step
from tl_core.data.load import load
from tl_core.running.jobs import time_training
from tl_core.running.warm_models import WarmModels
from tl_core.studies.estimate import (
    START_SECONDS,
    estimate,
    known,
    mean_tokens,
    remember,
    run_seconds,
)
from tl_core.studies.time_left import TimeLeft


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


# --- while it runs -------------------------------------------------------------------------------


class Clock:
    """Seconds that pass as a test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def step(run: str, done: int, total: int = 100, phase: str = "fit") -> Progress:
    return Progress(run, Step(done, total, loss=0.5 if phase == "fit" else None, phase=phase))


@pytest.fixture
def watched(tmp_path):
    """Ten runs of a study, a clock, and what is left as they go."""
    asked = {"strategies": ["majority", "similarity", "lora"], "shots": [0, 8], "seeds": 4}
    made = tl.plan("sample:support_tickets", **asked).draft.plan
    remember(2e10, tmp_path)
    clock = Clock()
    return made, TimeLeft(made, where=tmp_path, clock=clock), clock, tmp_path


def done(run: str, status: str = "done") -> Finished:
    return Finished(run, RunResult(run, status))


def test_what_is_left_comes_from_what_was_seen(watched):
    """A machine three times as slow as was estimated, from its first second on; what was trained
    predicts its test rows afterwards.
    """
    made, left, clock, home = watched
    assert left.seconds() is None
    expected = run_seconds(made, where=home)
    whole = 3 * sum(expected.values())
    for run, seconds in expected.items():
        began = clock.now
        for part in range(10):
            clock.now = began + 3 * seconds * part / 10
            left.saw(step(run, part * 12) if part < 8 else step(run, part - 7, 3, "predict"))
            truly = 3 * sum(s for r, s in expected.items() if r in left._expected and r != run)
            truly += 3 * seconds * (10 - part) / 10
            if clock.now > whole / 3:
                assert truly / 2 - 3 < left.seconds() < 2 * truly + 3
        clock.now = began + 3 * seconds
        left.saw(done(run))
    assert left.seconds() == 0


@pytest.mark.parametrize("heard", [0, 5, 40])
def test_between_two_events_the_time_left_only_falls(watched, heard):
    made, left, clock, _ = watched
    last = made.specs[-1].id
    for part in range(heard + 1):
        clock.now = float(part)
        left.saw(step(last, part))
    said = []
    for clock.now in range(heard + 1, 2000, 7):
        said.append(left.seconds())
    assert sorted(said, reverse=True) == said and said[-1] > 0 and said[0] > said[-1]


def test_one_long_run_is_followed_by_its_steps(watched):
    """Estimated at seconds, it takes a quarter of an hour: from its first steps on that is said."""
    made, left, clock, _ = watched
    last = made.specs[-1].id
    left.saw(step(made.specs[0].id, 0))
    for spec in made.specs[:-1]:
        clock.now += 1
        left.saw(done(spec.id))
    own, began = left._expected[last], clock.now
    for part in range(100):
        clock.now = began + 9 * part
        left.saw(step(last, part))
        if part > 5:
            assert 0 <= left.seconds() - (900 - 9 * part) < 0.2 * 10 * own + 20


def test_what_comes_before_the_training_ends_no_run(watched):
    """The rows are read once for the head to begin with: its end is not that of the run."""
    made, left, clock, _ = watched
    last = made.specs[-1].id
    left.saw(step(made.specs[0].id, 0))
    for spec in made.specs[:-1]:
        clock.now += left._expected[spec.id]
        left.saw(done(spec.id))
    own, began = left._expected[last], clock.now
    for part in range(11):
        clock.now = began + own * part / 40
        left.saw(step(last, part, 10, "predict"))
    assert left.seconds() > 0.3 * own


def test_what_failed_or_was_cut_off_makes_no_pace(watched):
    made, left, clock, home = watched
    expected = run_seconds(made, where=home)
    left.saw(step(made.specs[-1].id, 0))
    for spec in made.specs[:-1]:
        left.saw(done(spec.id, "failed"))
    assert left.seconds() == pytest.approx(expected[made.specs[-1].id], rel=0.01)
    for part in range(1, 50):  # the process dies, and the run begins again
        clock.now = float(part)
        left.saw(step(made.specs[-1].id, part))
    clock.now = 60.0
    left.saw(step(made.specs[-1].id, 0))
    for part in range(1, 50):
        clock.now = 60.0 + part
        left.saw(step(made.specs[-1].id, part))
    own = expected[made.specs[-1].id]
    assert left.seconds() == pytest.approx(51 + 0.2 * own, rel=0.5)


def test_a_run_of_which_nothing_was_expected_says_nothing_of_the_others(watched):
    """`tfidf` on long texts takes minutes where it was estimated at a blink."""
    made, left, clock, home = watched
    first = next(s.id for s in made.specs if s.arm.id == "majority")
    assert left._expected[first] < 1
    others = sum(left._expected.values()) - left._expected[first]
    for clock.now in range(0, 200, 10):
        left.saw(step(first, clock.now // 2))
        assert others * 0.7 < left.seconds() < 1.4 * others + 1.2 * (200 - clock.now)
    left.saw(done(first))
    assert left.seconds() == pytest.approx(others, rel=0.2)


def test_runs_that_are_done_and_texts_that_are_read_are_not_waited_for(watched):
    made, _, _, home = watched
    whole = run_seconds(made, where=home)
    done = [s.id for s in made.specs if s.arm.id == "similarity"]
    rest = run_seconds(made, done=done, where=home)
    assert rest.keys() == whole.keys() - set(done)
    assert sum(rest.values()) < sum(whole.values()) - sum(whole[run] for run in done) + 1e-9
    about = estimate(made, done=done, where=home)
    assert about.seconds == pytest.approx(START_SECONDS + sum(rest.values()))
