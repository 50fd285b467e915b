"""`compare`, `plan`, `run` and `load`: the same studies, runs and ids as from every other door."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tl_core as tl
from tests.faults.command import rows
from tests.tiny_models import make
from tests.tiny_models import text as made_up
from tl_core import cli
from tl_core.analysis.read_study import read_study

ROOT = Path(__file__).parents[2]
MADE = rows(90)
ASKED = {"strategies": ["majority", "similarity", "tfidf"], "shots": [0, 2, 4], "seeds": 2}
FAST = {"strategies": ["majority", "tfidf"], "shots": [2, 4], "seeds": 2}  # 8 runs, no model


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the same rows in a file."""
    folder = tmp_path_factory.mktemp("studies")
    with (folder / "tickets.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("message", "topic"), *MADE])
    return folder


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """The rows as a DataFrame."""
    return pd.DataFrame(MADE, columns=["message", "topic"])


@pytest.fixture(scope="module")
def study(place, frame) -> tl.Study:
    """A study that has run."""
    return tl.compare(
        frame, text="message", label="topic", out=place / "study", test_size=30, progress=False,
        **ASKED,
    )  # fmt: skip


def test_it_says_the_answer_in_words_as_a_table_and_as_a_picture(study):
    assert study.finished and not study.missing
    assert study.headline and study.advice.endswith(".")
    frame = study.to_frame()
    assert list(frame["arm"].unique()) and len(frame) == len(study.leaderboard()) == 5
    assert frame["accuracy"].between(0, 1).all()
    assert (frame["accuracy_low"] <= frame["accuracy"]).all()
    shown = study._repr_html_()
    for part in ("<table>", "<svg", "could be the best", "similarity", "<polyline"):
        assert part in shown
    assert "<script" not in shown
    assert study.headline.split()[0] in repr(study) and "similarity" in repr(study)
    assert len(study.figure().data) > 1


def test_names_are_never_markup(place, frame):
    wicked = "<img src=x onerror=alert(1)>"
    made = tl.compare(
        frame.replace("refund", wicked),
        text="message",
        label="topic",
        strategies=[tl.arm("majority", name="<b>'&")],
        shots=[1],
        seeds=1,
        test_size=30,
        out=place / "wicked",
        progress=False,
    )
    shown = made._repr_html_()
    assert "<b>'" not in shown and "<img" not in shown and "&lt;b&gt;" in shown


def test_the_report_is_written_where_it_is_asked_for(study, tmp_path):
    path = study.report(tmp_path / "report.html", label=0.2)
    assert path == tmp_path / "report.html" and "<html" in path.read_text(encoding="utf-8")
    assert "보고서" in study.report(tmp_path / "ko.html", language="ko").read_text(encoding="utf-8")
    with pytest.raises(tl.UserError, match="takes no lable"):
        study.report(tmp_path / "other.html", lable=0.2)
    with pytest.raises(tl.UserError, match="could not be written|not there|No such"):
        study.report(tmp_path / "nowhere" / "report.html")


def test_it_labels_new_texts(study):
    texts = ["I want my money back, refund the charge on my card", "my password is locked"]
    labels = study.predict(texts, arm="similarity")
    assert labels == ["refund", "login"]
    scores = study.predict_proba(texts, arm="similarity")
    assert scores.shape == (2, 3) and study.labels[scores[0].argmax()] == "refund"
    with pytest.raises(tl.UserError, match="Texts must be texts"):
        study.predict([3])
    with pytest.raises(tl.UserError, match="must be a list, not one text"):
        study.predict("a text")
    with pytest.raises(tl.UserError, match="one text a row, and pairs were given"):
        study.predict([("a", "b")])
    with pytest.raises(tl.UserError, match="no run or arm called 'lora'|There is no"):
        study.predict(texts, arm="lora")


def test_it_is_found_again(study, place):
    again = tl.load(place / "study")
    assert again.run_ids == study.run_ids and again.leaderboard() == study.leaderboard()
    with pytest.raises(tl.UserError, match="holds no study"):
        tl.load(place)


def test_what_is_finished_is_not_done_again(study, place, frame, monkeypatch):
    def computed(*_, **__):
        raise AssertionError("nothing is left to run")

    monkeypatch.setattr("tl_core.running.worker.Worker.start", computed)
    named = {"text": "message", "label": "topic", "test_size": 30, "out": place / "study"}
    planned = tl.plan(frame, **named, **ASKED)
    assert planned.done == planned.runs
    assert tl.run(planned, progress=False).leaderboard() == study.leaderboard()
    assert study.go_on() is study


def test_every_door_asks_for_the_same_runs(study, place, frame):
    """DataFrame, file, lists, command line and page: one id for one run."""
    from tl_core.running.queue import StudyQueue
    from tl_core.studies.plan import ArmRequest, make_study
    from tl_ui.state.datasets import Datasets

    asked = {**ASKED, "test_size": 30}
    expected = set(study.run_ids)
    assert len(expected) == 9
    texts, labels = map(list, zip(*MADE, strict=True))
    for planned in (
        tl.plan(place / "tickets.csv", **asked),
        tl.plan(str(place / "tickets.csv"), **asked),
        tl.plan(texts, labels, **asked),
        tl.plan(frame.rename(columns={"topic": "class"}), label="class", **asked),
    ):
        assert set(planned.run_ids) == expected

    code = cli.main(
        [
            *("compare", str(place / "tickets.csv"), "--strategies", ",".join(ASKED["strategies"])),
            *("--shots", "0,2,4", "--seeds", "2", "--test-size", "30"),
            *("--out", str(place / "cli"), "--keep", "none"),
        ]
    )
    assert code == 0
    on_command_line = read_study(place / "cli")
    assert set(on_command_line.results) == expected
    assert on_command_line.plan.study.id == study.plan.study.id

    from spaces_config import current_profile

    (place / "page").mkdir()
    datasets = Datasets(place / "page", current_profile(), lambda *_: [])
    held = datasets.get(datasets.choose(datasets.add(place / "tickets.csv")))
    on_page = make_study(
        held.name,
        held.loaded.dataset.problem,
        held.split(30)[0],
        arms=list(map(ArmRequest, ASKED["strategies"])),
        shots=ASKED["shots"],
        seeds=ASKED["seeds"],
        hub=False,
    )
    queue = StudyQueue(place / "page")
    try:
        name, _ = queue.submit(on_page)
        queued = read_study(queue.store(name).folder)
    finally:
        queue.close()
    assert {spec.id for spec in queued.plan.specs} == expected


def test_a_study_without_a_folder_has_one_in_the_home_that_is_found_again(home, frame):
    named = {"text": "message", "label": "topic", "test_size": 30}
    one, other = tl.plan(frame, **named, **ASKED), tl.plan(frame, **named, **ASKED)
    assert one.folder == other.folder and one.folder.is_relative_to(home)
    assert not one.folder.exists()


def test_a_script_can_be_interrupted_and_goes_on(place, frame, monkeypatch):
    """What is finished is kept; a notebook gets the study as far as it is."""
    named = {"text": "message", "label": "topic", "test_size": 30, "out": place / "stopped"}

    class Impatient:
        def __init__(self, session):
            self.finished = 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def show(self, event, runner):
            if len(runner.results) >= 2:
                raise KeyboardInterrupt

    monkeypatch.setattr("tl_core.running.display.display_here", lambda: Impatient)
    monkeypatch.setattr("tl_core.library.study._is_interactive", lambda: False)
    with pytest.raises(KeyboardInterrupt):
        tl.compare(frame, **named, **FAST)
    monkeypatch.setattr("tl_core.library.study._is_interactive", lambda: True)
    part = tl.load(place / "stopped")
    assert 2 <= len(part.run_ids) - len(part.missing) < 8
    assert "not finished" in repr(part) and "not finished" in part._repr_html_()
    again = tl.compare(frame, **named, **FAST)
    assert not again.finished
    monkeypatch.undo()
    done = tl.run(again, progress=False)
    assert done.finished
    context = json.loads((place / "stopped" / "study.json").read_text(encoding="utf-8"))
    assert context["dataset"]["columns"]["text"] == "message"


def test_scripts_of_earlier_versions_still_run():
    program = (
        "from tl_core.experiments.plan import ArmRequest\n"
        "from tl_core.session import open_again, run_session\n"
        "print(ArmRequest('probe', {'strength': 2.0}, name='other').strategy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "probe"


def test_another_study_in_the_folder_is_not_overwritten(study, place, frame):
    with pytest.raises(tl.UserError, match="holds another study"):
        tl.compare(
            frame.assign(topic=["a", "b", "c"] * 30), text="message", label="topic",
            out=place / "study", **ASKED,
        )  # fmt: skip


def test_texts_are_sent_nowhere_unless_somebody_says_so(frame, monkeypatch):
    monkeypatch.setenv("TL_CHAT_URL", "https://example.org/v1")
    monkeypatch.setenv("TL_CHAT_MODEL", "some-model")
    asked = {"strategies": ["chat"], "shots": [0], "seeds": 1, "test_size": 30}
    with pytest.raises(tl.UserError, match="Nothing was sent. Say send_texts=True"):
        tl.compare(frame, text="message", label="topic", progress=False, **asked)


def test_run_takes_what_was_planned():
    with pytest.raises(tl.UserError, match="not list. To begin with texts, call compare"):
        tl.run(["a text"])


# --- ratings --------------------------------------------------------------------------------------


def test_ratings_are_compared_and_predicted(tmp_path):
    """A network, all weights and n-grams, from rows to new texts and back from the folder."""
    words = {1: "sea", 2: "bread", 3: "music"}
    random = np.random.default_rng(0)
    rated = [(made_up(words[n], random), n) for _ in range(20) for n in words]
    frame = pd.DataFrame(rated, columns=["text", "stars"])
    few = {"min_steps": 40, "max_steps": 40}
    study = tl.compare(
        frame, label="stars", task="ordinal", shots=[8], seeds=1, test_size=30, keep="all",
        strategies=[
            "majority", "tfidf", {"strategy": "lora", **few}, {"strategy": "full", **few},
        ],
        model=str(make(tmp_path / "tiny", worn=False)), out=tmp_path / "study", progress=False,
    )  # fmt: skip
    assert study.finished and study.plan.study.problem.target == "ordinal"
    errors = {line["arm"]: line["mean_absolute_error"] for line in study.leaderboard()}
    assert all(errors[arm] < 0.4 < errors["majority"] for arm in ("tfidf", "lora", "full"))
    texts = [made_up(words[n], random) for n in words]
    means = tl.load(tmp_path / "study").predict_proba(texts, arm="full") @ np.arange(1, 4)
    assert means == pytest.approx([1, 2, 3], abs=0.4)
    assert "points" in study.advice and "0.00" in study._repr_html_()
    with pytest.raises(tl.UserError, match="is no whole number"):
        tl.compare(frame.assign(stars="good"), label="stars", task="ordinal", progress=False)
