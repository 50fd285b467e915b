"""A GPU that is lent for seconds: what trains is done there and nowhere else, in calls that are
allowed, and nothing is lost.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.numbers.made import problem
from tests.tiny_models import TOPICS, text
from tl_core.api.errors import WorkerDied
from tl_core.api.types import Example, Finished, RunResult, Split
from tl_core.running import lent_gpu as lent
from tl_core.running.queue import StudyQueue
from tl_core.running.study_records import OPEN
from tl_core.strategies import strategies
from tl_core.studies.plan import ArmRequest, Study, check_arms, make_study, plan

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="a GPU is lent by forking, which is of POSIX"
)

STANDIN = Path(__file__).parents[1] / "standin"
WAIT = 120.0
TRAINS, COMPUTES = ("lora", "bitfit"), ("majority", "probe")


@dataclass
class Place:
    """A queue of studies at a place that lends a GPU, and its lender."""

    queue: StudyQueue
    lend: lent.Lend
    model: Path
    folder: Path

    def rules(self, **rules) -> None:
        (self.folder / "rules.json").write_text(json.dumps(rules))

    def calls(self) -> list[dict]:
        """What was asked of the lender since the last time."""
        log = self.folder / "log.jsonl"
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if "arguments" in line]

    def study(self, seeds: int = 2, arms=(*COMPUTES, *TRAINS), shots=(1, 2)) -> Study:
        draw, topics = np.random.default_rng(3), list(TOPICS)[:2]
        rows = [Example(i, text(topics[i % 2], draw), None, ("ab"[i % 2],)) for i in range(1, 61)]
        quick = {"min_steps": 2, "max_steps": 3}
        asked = [
            ArmRequest(
                a, quick if a in TRAINS else {}, model=None if a == "majority" else str(self.model)
            )
            for a in arms
        ]
        return make_study(
            "made",
            problem("ab"),
            Split(tuple(rows[:20]), tuple(rows[20:])),
            arms=asked,
            shots=shots,
            seeds=seeds,
        )

    def ended(self, name: str) -> dict:
        began = time.monotonic()
        while (status := self.queue.status(name))["status"] in OPEN:
            assert time.monotonic() - began < WAIT, status
            time.sleep(0.05)
        return status

    def devices(self, name: str) -> dict[str, set[str]]:
        """Where the runs of each arm were computed, as the record says."""
        found: dict[str, set[str]] = {}
        for run in self.queue.store(name).read_json("study.json")["runs"]:
            found.setdefault(run["arm"], set()).add(
                run["device"] if run["status"] == "done" else run["status"]
            )
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_models) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("lent")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TL_HOME", str(folder / "home"))
        patch.setenv("SPACES_ZERO_GPU", "true")
        patch.setenv("STANDIN_LOG", str(folder / "log.jsonl"))
        patch.setenv("STANDIN_RULES", str(folder / "rules.json"))
        patch.syspath_prepend(str(STANDIN))
        patch.delitem(sys.modules, "spaces", raising=False)
        from tl_ui.serving import zero_gpu

        queue = StudyQueue(folder / "home", device="cpu", lends=True)
        made = Place(queue, zero_gpu.register(), tiny_models.body(worn=False), folder)
        queue.start()
        yield made
        queue.close()
        sys.modules.pop("spaces", None)


@pytest.fixture(autouse=True)
def visitor(place):
    """A visitor's request, as Gradio has it while it runs an event; and a lender that lends
    freely.
    """
    from gradio.context import LocalContext

    place.rules()
    place.calls()
    (place.folder / "home" / "gpu-speed.json").unlink(
        missing_ok=True
    )  # this machine's speed is not to decide what fits into a call
    token = LocalContext.request.set(object())
    yield
    LocalContext.request.reset(token)


def test_what_trains_is_done_where_the_gpu_is_lent_and_everything_else_is_not(place):
    name, key = place.queue.submit(place.study())
    list(place.queue.borrow(name, key, place.lend))
    status = place.ended(name)
    assert (status["status"], status["done"], status["lent"]) == ("done", status["total"], None)
    assert place.devices(name) == {
        "lora": {"cuda"},
        "bitfit": {"cuda"},
        "majority": {"cpu"},
        "probe": {"cpu"},
    }
    calls = place.calls()
    assert calls and all(call["visitor"] and call["seconds"] <= lent.MOST_SECONDS for call in calls)
    assert (
        sum(call["arguments"][1].count("'") // 2 for call in calls) == 8
    )  # every run of lora and bitfit once


def test_what_was_trained_there_answers_on_the_processor(place):
    name, key = place.queue.submit(place.study(seeds=1, arms=("lora",)))
    list(place.queue.borrow(name, key, place.lend))
    place.ended(name)
    store = place.queue.store(name)
    made = plan(store.load_study())
    (run,) = made.keep
    ((_, scores),) = [
        a
        for a in place.queue.ask(
            "predict", folder=str(store.folder), runs=[run], examples=made.study.split.test
        )
        if isinstance(a, tuple)
    ]
    assert abs(scores - store.result(run).scores).max() < 1e-5


def test_without_a_visitor_nothing_is_lent_and_it_is_said(place):
    name, key = place.queue.submit(place.study(seeds=1))
    thread = threading.Thread(
        target=lambda: list(place.queue.borrow(name, key, place.lend))
    )  # a thread of its own has no request
    thread.start()
    thread.join(WAIT)
    status = place.ended(name)
    assert status["status"] == "stopped" and status["lent"] == {"left": 4, "why": "quota"}
    assert place.devices(name) == {
        "lora": {"stopped"},
        "bitfit": {"stopped"},
        "majority": {"cpu"},
        "probe": {"cpu"},
    }


@pytest.mark.parametrize(
    ("title", "why"),
    [
        ("ZeroGPU queue timeout", "waited"),
        ("ZeroGPU pending credits exceeded", "credits"),
        ("ZeroGPU client error", "refused"),
    ],
)
def test_a_refusal_keeps_what_is_finished_and_going_on_ends_it(place, title, why):
    name, key = place.queue.submit(place.study(seeds=1))
    place.rules(refuse=[title])
    list(place.queue.borrow(name, key, place.lend))
    status = place.ended(name)
    assert (status["status"], status["lent"]) == ("stopped", {"left": 4, "why": why})
    if why != "waited":
        return  # going on is the same after every refusal
    place.queue.again(name, key)
    list(place.queue.borrow(name, key, place.lend))
    assert place.ended(name)["status"] == "done"
    assert place.devices(name)["lora"] == {"cuda"}


def test_less_is_asked_for_while_too_much_is_refused(place):
    """Two runs may count too much where one is allowed."""
    made = plan(place.study())
    refused, allowed = [], []

    def lend(
        folder: str, runs: Sequence[str], keep: str, seconds: int
    ) -> Iterator[tuple[str, Any]]:
        (refused if seconds > 21 else allowed).append(seconds)
        if seconds > 21:
            raise lent.NotLent("too long", "illegal duration")
        yield from (("event", Finished(run, RunResult(run, "done"))) for run in runs)

    others = {s.id for s in made.specs} - lent.lent_runs(made)
    events = list(
        lent.Borrower(made, lend, place.folder / "nowhere").call(
            "run_study", folder="", skip=others, keep="best"
        )
    )
    assert sorted(event.run for event in events) == sorted(lent.lent_runs(made))
    assert len(refused) == 1 and len(allowed) > 1


def test_a_quota_that_ends_on_the_way_is_told_and_the_rest_goes_on_without_the_gpu(place):
    name, key = place.queue.submit(place.study())
    place.rules(
        most=32, refuse=[None, None, *["ZeroGPU quota exceeded"] * 8]
    )  # the first asks for too much
    list(place.queue.borrow(name, key, place.lend))
    status = place.ended(name)
    assert (status["status"], status["lent"]) == ("stopped", {"left": 6, "why": "quota"})
    asked = len(place.calls())
    assert asked == 4  # too much for all, two runs, no quota for two more, nor for one
    place.queue.again(name, key, without_gpu=True)
    list(place.queue.borrow(name, key, place.lend))
    assert place.ended(name)["status"] == "done" and place.calls() == []
    assert place.devices(name) == {
        "lora": {"cpu", "cuda"},
        "bitfit": {"cpu"},
        "majority": {"cpu"},
        "probe": {"cpu"},
    }


def test_a_process_that_is_ended_is_tried_once_more_with_more_time(place):
    name, key = place.queue.submit(place.study(seeds=1, arms=("lora",)))
    place.rules(kill=1)
    list(place.queue.borrow(name, key, place.lend))
    assert place.ended(name)["status"] == "done"
    first, second = place.calls()
    assert (
        first["arguments"][1].count("'") == 4 and second["arguments"][1].count("'") == 2
    )  # what was finished is not done again


def test_a_run_that_ends_every_process_is_left_and_the_others_are_done(place):
    made = plan(place.study())
    lasting, *others = (s.id for s in made.specs if s.id in lent.lent_runs(made))
    asked: list[int] = []

    def lend(
        folder: str, runs: Sequence[str], keep: str, seconds: int
    ) -> Iterator[tuple[str, Any]]:
        for run in runs:
            if run == lasting:
                asked.append(seconds)
                raise WorkerDied("GPU task aborted")
            yield "event", Finished(run, RunResult(run, "done"))

    borrower = lent.Borrower(made, lend, place.folder / "nowhere")
    done = []
    with pytest.raises(lent.NotLent) as fault:
        for event in borrower.call(
            "run_study",
            folder="",
            skip=set(s.id for s in made.specs) - {lasting, *others},
            keep="best",
        ):
            done.append(event.run)
    assert fault.value.why == "ended" and sorted(done) == sorted(others)
    assert len(asked) == 2 and asked[1] > asked[0]  # the second time it is given longer


def test_every_title_that_spaces_refuses_with_has_words_in_both_languages():
    from tl_ui.serving.borrowing import left_text
    from tl_ui.serving.zero_gpu import REFUSALS

    assert set(REFUSALS) == {
        f"ZeroGPU {name}"
        for name in (
            "quota exceeded",
            "illegal duration",
            "queue timeout",
            "pending credits exceeded",
            "client error",
        )
    }
    for why in {"", "ended", *REFUSALS.values()}:
        english, korean = (left_text({"left": 1234, "why": why}, lang) for lang in ("en", "ko"))
        assert "1,234" in english and "1,234" in korean and english != korean
        assert "without the GPU" in english or why == ""
        assert "Continue" in english or why == "too long"


def test_a_page_that_closes_keeps_what_is_finished_and_the_rest_goes_on_later(place):
    name, key = place.queue.submit(place.study())
    steps = place.queue.borrow(name, key, place.lend)
    next(event for event in steps if isinstance(event, Finished))
    steps.close()  # as Gradio does when the page is left
    status = place.ended(name)
    assert (
        status["status"] == "stopped"
        and 0 < status["lent"]["left"] < 8
        and status["lent"]["why"] == ""
    )
    kept = {
        r.spec_id: r.scores.tobytes()
        for r in (
            place.queue.store(name)
            .results(lent.lent_runs(plan(place.queue.store(name).load_study())))
            .values()
        )
    }
    place.queue.again(name, key)
    list(place.queue.borrow(name, key, place.lend))
    assert place.ended(name)["status"] == "done"
    store = place.queue.store(name)
    assert kept and all(
        store.result(run).scores.tobytes() == scores for run, scores in kept.items()
    )


def test_stop_reaches_the_gpu(place):
    name, key = place.queue.submit(place.study())
    steps = place.queue.borrow(name, key, place.lend)
    next(event for event in steps if isinstance(event, Finished))
    place.queue.stop(name, key)
    list(steps)
    status = place.ended(name)
    assert status["status"] == "stopped" and status["done"] < status["total"]


def test_only_who_started_a_study_borrows_for_it(place):
    from tl_core.api.errors import UserError

    name, _ = place.queue.submit(place.study(seeds=1))
    with pytest.raises(UserError, match="another browser"):
        list(place.queue.borrow(name, "guessed", place.lend))
    assert place.calls() == []
    place.ended(name)


def test_a_study_that_is_deleted_meanwhile_is_gone(place):
    name, key = place.queue.submit(place.study(seeds=1))
    steps = place.queue.borrow(name, key, place.lend)
    next(event for event in steps if isinstance(event, Finished))
    place.queue.delete(name, key)
    list(steps)
    assert not (place.queue.folder / name).exists()
    other, key = place.queue.submit(place.study(seeds=1, arms=COMPUTES))  # and the line goes on
    assert place.ended(other)["status"] == "done"


def test_calls_are_as_long_as_what_is_in_them(place):
    made = plan(place.study(seeds=5, shots=(1, 2, 4, 8, 16)))
    calls = lent.calls(made, where=place.folder / "nowhere")
    assert sorted(run for call in calls for run in call.runs) == sorted(lent.lent_runs(made))
    assert len(calls) > 1 and all(
        10 <= call.seconds <= lent.MOST_SECONDS and call.counted <= 110 for call in calls
    )
    assert lent.calls(plan(place.study(arms=COMPUTES)), where=place.folder) == []


def test_what_trains_a_network_wants_a_gpu_and_nothing_else_does():
    arms = {
        id: check_arms([ArmRequest(id)])[0][0]
        for id, strategy in strategies().items()
        if not strategy.sends_texts
    }
    trains = {id for id, arm in arms.items() if lent.wants_gpu(arm)}
    adapters = {"lora", "dora", "ia3", "bitfit", "bottleneck", "soft-prompt", "prefix"}
    assert trains >= {
        *adapters,
        "full",
        "contrastive",
        "prompt-tune",
        "scratch",
        "word-rnn",
        "adapt-then",
    }
    assert {
        "majority",
        "tfidf",
        "similarity",
        "probe",
        "prior-probe",
        "knn",
        "cloze",
        "nli",
    } <= arms.keys() - trains


def test_measured_seconds_stand_in_for_thought_ones(place, tmp_path):
    made = plan(place.study(seeds=1, arms=("lora",)))
    spec = made.specs[0]
    speed = lent.Speed(made, tmp_path)
    before = speed.seconds(spec)
    for _ in range(50):
        speed.learn(spec, 4 * before)
    speed.keep()
    assert lent.Speed(made, tmp_path).seconds(spec) == pytest.approx(4 * before, rel=0.01)
    (tmp_path / "gpu-speed.json").write_text('{"scale": "no number"}')
    assert lent.Speed(made, tmp_path).seconds(spec) == before


def test_the_standin_has_no_gpu_outside_the_function(place):
    spaces = importlib.import_module("spaces")
    assert Path(spaces.__file__).parent == STANDIN
    import torch

    assert not torch.cuda.is_available()
