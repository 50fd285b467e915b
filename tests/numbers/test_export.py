"""study.json and its tables: every field that others build on, and no number that is none."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.numbers.made import SIMILARITY, answered, arm, planned, problem
from tl_core.analysis.compare import compare
from tl_core.analysis.record import record, write_tables
from tl_core.api.types import RunResult
from tl_core.data.split import lock_key
from tl_core.studies.plan import plan
from tl_core.studies.store import SCHEMA, Store

GOOD = {"good": [30, 31, 32], "similarity": [36]}
RUN_FIELDS = {
    "id",
    "arm",
    "strategy",
    "model",
    "shots",
    "seed",
    "status",
    "metrics",
    "budget",
    "seconds",
    "peak_bytes",
    "trainable_parameters",
    "error",
}
ARM_FIELDS = {"id", "strategy", "settings", "model", "calibration", "templates", "selection"}


@pytest.fixture
def made():
    return planned([SIMILARITY, arm("good")], shots=(0, 1, 4, None), seeds=3)


def recorded(made, results, **statuses) -> dict:
    said = record(
        made,
        results,
        compare(made, results),
        statuses=statuses,
        context={"dataset": {"source": "a.csv"}, "wall_seconds": 3.5},
    )
    return json.loads(json.dumps(said, allow_nan=False))


def test_every_field_that_others_build_on(made):
    said = recorded(made, answered(made, GOOD))
    assert said["schema"] == SCHEMA == 1
    assert {"problem", "dataset", "split", "arms", "runs", "summary", "wall_seconds"} <= said.keys()
    assert (
        said["dataset"] == {"rows": 340, "dropped": 0, "source": "a.csv"}
        and said["wall_seconds"] == 3.5
    )
    assert (said["split"]["n_test"], said["split"]["n_pool"]) == (40, 300)
    assert said["split"]["test_digest"] == made.study.split.test_digest
    assert said["split"]["locked"] == [lock_key(e) for e in made.study.split.test]
    assert (said["shots"], said["seeds"]) == ([0, 1, 4, "all"], [0, 1, 2])
    assert all(ARM_FIELDS <= a.keys() for a in said["arms"]) and all(
        RUN_FIELDS <= r.keys() for r in said["runs"]
    )
    assert (
        said["arms"][0]["model"]
        == {"name": "minilm", "digest": "d" * 32, "supervised": "not known"}
        and said["arms"][1]["model"] is None
    )
    assert (
        said["arms"][0]["templates"] == ["{}", "About {}."] and said["arms"][1]["templates"] == []
    )
    assert [x["id"] for x in said["problem"]["labels"]] == ["a", "b", "c"]
    assert (
        len(said["runs"]) == 8 and len(said["summary"]) == 4
    )  # 1 without labels, 3 draws of 1 and of 4, once all rows
    for run in said["runs"]:
        assert run["metrics"].keys() == {"accuracy", "macro_f1"}
        assert all(
            m.keys() == {"value", "low", "high", "n"} and m["low"] <= m["value"] <= m["high"]
            for m in run["metrics"].values()
        )
        assert run["budget"].keys() == {"train", "selection", "unlabelled", "test_texts"} and run[
            "seconds"
        ] == {"fit": 2.0, "predict": 0.5}
    for line in said["summary"]:
        assert {"mean", "low", "high", "seeds"} <= line["accuracy"].keys() and {
            "mean",
            "low",
            "high",
            "seeds",
        } <= line["macro_f1"].keys()
    zero = next(line for line in said["summary"] if line["strategy"] == "similarity")
    assert (zero["shots"], zero["labels"], zero["accuracy"]["mean"], zero["accuracy"]["seeds"]) == (
        0,
        0,
        0.9,
        1,
    )


def test_one_test_row_leaves_no_infinite_limit():
    made = planned([arm("good")], n_test=1, seeds=3)
    recorded(made, answered(made, {"good": [1, 0, 1]}))


def test_statuses(made):
    results = answered(made, {"similarity": [36]})
    runs = [s.id for s in made.specs]
    results[runs[1]] = RunResult(runs[1], "failed", error="It did not work.")
    results[runs[2]] = RunResult(runs[2], "refused", error="It cannot.")
    said = recorded(made, results, **{runs[3]: "running", runs[4]: "stopped"})
    assert [r["status"] for r in said["runs"]][:6] == [
        "done",
        "failed",
        "refused",
        "running",
        "stopped",
        "queued",
    ]
    assert [r["error"] for r in said["runs"]][:4] == [None, "It did not work.", "It cannot.", None]
    assert said["runs"][1]["metrics"] == {} and [line["arm"] for line in said["summary"]] == [
        "similarity"
    ]


def test_predictions_hold_every_score(made, tmp_path):
    results = answered(made, GOOD)
    done = {run: r for i, (run, r) in enumerate(results.items()) if i != 3}
    write_tables(Store(tmp_path), made, done)
    table = pq.read_table(tmp_path / "predictions.parquet")
    assert table.column_names == ["run", "part", "row", "scores"] and table.num_rows == 7 * 40
    assert set(table["part"].to_pylist()) == {"test"}
    rows = [e.row for e in made.study.split.test]
    by_run: dict[str, list] = {}
    for line in table.to_pylist():
        by_run.setdefault(line["run"], []).append(line)
    assert by_run.keys() == done.keys()
    for run, lines in by_run.items():
        assert [x["row"] for x in lines] == rows
        np.testing.assert_array_equal(
            np.array([x["scores"] for x in lines], np.float32), done[run].scores
        )


def test_samples_are_the_rows_below_their_order(made, tmp_path):
    write_tables(Store(tmp_path), made, {})
    assert pq.read_table(tmp_path / "predictions.parquet").num_rows == 0
    samples = pq.read_table(tmp_path / "samples.parquet").to_pylist()
    for spec in made.specs:
        if spec.shots in (1, 4):
            assert {
                x["row"] for x in samples if x["seed"] == spec.seed and x["order"] < spec.shots
            } == set(spec.train)
    assert Counter((x["seed"], x["label"]) for x in samples) == {
        (s, x): 4 for s in range(3) for x in "abc"
    }


def test_samples_of_rows_with_several_labels_are_nested_too(tmp_path):
    made = planned([arm("good")], shots=(1, 2, 4), seeds=5, of=problem(target="many labels"))
    pool = tuple(
        replace(e, labels=("abc"[i % 3], "abc"[i % 3 - 1]))
        for i, e in enumerate(made.study.split.pool)
    )
    made = plan(replace(made.study, split=replace(made.study.split, pool=pool)))
    write_tables(Store(tmp_path), made, {})
    samples = pq.read_table(tmp_path / "samples.parquet").to_pylist()
    for spec in made.specs:
        assert {
            x["row"] for x in samples if x["seed"] == spec.seed and x["order"] < spec.shots
        } == set(spec.train)
