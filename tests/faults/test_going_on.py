"""Further comparisons in the folder of a study, or on its test rows: what is known stays, and every
look at the rows is counted.
"""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest

from tests.faults.command import refused, rows, study_of, tl, typed, write
from tests.numbers.made import SIMILARITY, arm, planned
from tl_core import cli
from tl_core.analysis.compare import compare
from tl_core.analysis.record import record
from tl_core.api.errors import UserError
from tl_core.api.types import RunResult
from tl_core.strategies import strategies
from tl_core.studies.earlier import seen_in, with_earlier
from tl_core.studies.plan import plan
from tl_core.studies.store import Store

COMPARE = ("compare", "rows.csv", "--test-size", 30, "--seeds", 2)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows.csv, and a study of it to which two further comparisons were added."""
    folder = tmp_path_factory.mktemp("going-on")
    write(folder / "rows.csv", rows(90))
    tl(folder, *COMPARE, "--strategies", "majority,tfidf", "--shots", "1,2", "--out", "study")
    return folder


def test_a_second_comparison_in_a_folder_keeps_what_the_first_one_found(place, here, capfd):
    first = study_of(place / "study")
    _, told = typed(
        capfd,
        *COMPARE,
        "--strategies",
        "majority",
        "--arm",
        "name=tfidf,strategy=tfidf,strength=2",
        "--shots",
        "2,4",
        "--out",
        "study",
    )
    second = study_of(place / "study")
    assert [a["id"] for a in second["arms"]] == [
        "majority",
        "tfidf",
        "tfidf (before)",
    ] and "tfidf (before) of the study that was in this folder" in told
    runs = {run["id"]: run for run in second["runs"]}
    assert {run["id"] for run in first["runs"]} <= runs.keys() and {
        run["status"] for run in runs.values()
    } == {"done"}
    by_arm = {(run["arm"], run["shots"]) for run in second["runs"]}
    assert by_arm == {
        *(("majority", n) for n in (1, 2, 4)),
        ("tfidf", 2),
        ("tfidf", 4),
        ("tfidf (before)", 1),
        ("tfidf (before)", 2),
    }
    assert second["decision"]["scored"] == 3 == len(second["seen"])
    report = (place / "study" / "report.html").read_text(encoding="utf-8")
    assert "tfidf (before)" in report

    typed(
        capfd,
        "compare",
        "--from",
        "study",
        "--arm",
        "name=stronger,strategy=tfidf,strength=9",
        "--shots",
        "2",
        "--out",
        "elsewhere",
    )
    other = study_of(place / "elsewhere")
    assert [a["id"] for a in other["arms"]] == ["stronger"] and other["decision"]["scored"] == 4
    typed(capfd, "archive", "study", "--out", "study.zip")
    again, _ = typed(capfd, "again", "study.zip", "--out", "made-again")
    assert f"{len(runs)} of {len(runs)} runs came out the same" in again
    assert (
        "again study.zip --out FOLDER"
        in typed(capfd, "predict", "study.zip", "--text", "hi", code=2)[1]
    )


def now(name: str, **settings):
    """An arm of the strategy as it is today."""
    made = arm(name, **settings)
    return dataclasses.replace(made, strategy_version=strategies()[made.strategy].version)


def finished(made) -> dict[str, RunResult]:
    return {s.id: RunResult(s.id, "done") for s in made.specs}


def test_what_was_finished_is_carried_and_nothing_else_is_asked_of_it():
    before, asked = (
        planned([now("old"), now("older", smoothing=3.0)], shots=(0, 1, 2), seeds=3),
        planned([now("new", smoothing=2.0)], shots=(1,), seeds=1),
    )
    half = {run: result for i, (run, result) in enumerate(finished(before).items()) if i % 2 == 0}
    study, notes = with_earlier(asked.study, before, half)
    made = plan(study)
    assert {s.id for s in made.specs} == {
        s.id for s in asked.specs
    } | half.keys() and made.keep == asked.keep
    assert len(notes) == 1 and "no more runs are made of them" in notes[0]
    assert study.id != asked.study.id


def test_an_arm_of_an_older_version_is_left_out_and_told():
    before = planned([dataclasses.replace(now("old"), strategy_version=0)], shots=(1,), seeds=1)
    asked = planned([now("new", smoothing=2.0)], shots=(1,), seeds=1)
    study, notes = with_earlier(asked.study, before, finished(before))
    assert (
        study.arms == asked.study.arms
        and "old of the study that was in this folder came from an older version" in notes[0]
    )


def test_where_nothing_that_is_asked_can_run_the_reasons_are_told_as_ever():
    before = planned([now("old")], shots=(1,), seeds=1)
    asked = dataclasses.replace(
        planned([now("new", smoothing=2.0)], shots=(1,), seeds=1).study, shots=(0,)
    )
    study, _ = with_earlier(asked, before, finished(before))
    with pytest.raises(UserError, match="shots"):
        plan(study)


def test_results_on_other_rows_are_left_out_and_told():
    before, asked = (
        planned([now("old")], shots=(1,), seeds=1),
        planned([now("new", smoothing=2.0)], shots=(1,), seeds=1),
    )
    other = dataclasses.replace(
        asked.study, split=dataclasses.replace(asked.study.split, pool=asked.study.split.pool[1:])
    )
    study, notes = with_earlier(other, before, finished(before))
    assert (
        study == other
        and "The rows to train on are not those" in notes[0]
        and "old of it is left out" in notes[0]
    )


def test_what_was_carried_is_kept_with_the_study(tmp_path):
    before, asked = (
        planned([now("old")], shots=(1, None), seeds=2),
        planned([now("new", smoothing=2.0)], shots=(1,), seeds=1),
    )
    study, _ = with_earlier(
        dataclasses.replace(asked.study, seen=("abc",)), before, finished(before)
    )
    store = Store(tmp_path / "study")
    store.prepare()
    store.save_study(study)
    again = store.load_study()
    assert (again.carried, again.not_asked, again.seen) == (
        study.carried,
        ("old",),
        ("abc",),
    ) and again.id == study.id


def test_looks_are_counted_in_records_of_older_programs():
    made = planned([arm("old"), SIMILARITY], shots=(0, 1), seeds=1)
    results = {}
    said = record(made, results, compare(made, results), statuses={}, context={})
    older = {
        **{k: v for k, v in said.items() if k != "seen"},
        "runs": [
            {**run, "status": "done" if run["arm"] == "old" else "failed"} for run in said["runs"]
        ],
    }
    assert seen_in(older) == (made.study.arms[0].digest,) and seen_in(None) == ()


def test_a_text_that_is_empty_gets_no_label(here, capfd):
    for text in ("", " \u200a"):
        assert "There is no text to label" in refused(capfd, "predict", "study", "--text", text)
    (here / "new.csv").write_text("id,text\n1,refund my card\n2,\n3,   \n", encoding="utf-8")
    assert cli.main(["predict", "study", "new.csv", "--out", "labelled.csv"]) == 0
    with (here / "labelled.csv").open(encoding="utf-8-sig", newline="") as file:
        made = list(csv.DictReader(file))
    assert bool(made[0]["label"]) and [(m["label"], m["refund"]) for m in made[1:]] == [
        ("", ""),
        ("", ""),
    ]
    assert "--column" in refused(capfd, "predict", "study", "rows.csv", "--column", "none")


def test_a_file_that_no_terminal_reads_is_told_how_far_it_is(place):
    told = tl(
        place, *COMPARE, "--strategies", "majority,tfidf", "--shots", "1", "--out", "told"
    ).stderr
    assert "running  4 runs, about" in told and "running  4 of 4 runs after" in told
