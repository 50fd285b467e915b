"""Registered versions, handed on to MLflow and Trackio. Both are stand-ins here with the names and
arguments of the real ones; the real ones were tried by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.numbers.test_arms import rows_of
from tests.numbers.test_exports import Made, problem
from tl_core.cli import main
from tl_core.exports.write import export
from tl_core.registry import Registry
from tl_core.studies.plan import ArmRequest

PROGRAMS = Path(__file__).parents[1] / "standin" / "programs"
OURS = ("mlflow", "mlflow.exceptions", "trackio")


@pytest.fixture(scope="module")
def exported(tiny_models, tmp_path_factory):
    place = tmp_path_factory.mktemp("sinks")
    asked = [ArmRequest("majority"), ArmRequest("knn")]
    made = Made(place / "study", tiny_models.body(), asked, rows_of(40), problem(("sea", "bread")))
    for arm in ("majority", "knn"):
        export(made.folder, place / arm, run=arm, format="recipe", with_rows=arm == "knn")
    return place


@pytest.fixture
def registry(tmp_path, monkeypatch, exported):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))
    found = Registry()
    found.add("tickets", exported / "majority")
    found.add("rows", exported / "knn")
    found.promote("tickets@1")
    return found


@pytest.fixture
def programs(monkeypatch):
    """Both, installed and empty."""
    monkeypatch.syspath_prepend(str(PROGRAMS))
    for name in OURS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import mlflow
    import trackio

    assert Path(mlflow.__file__).is_relative_to(PROGRAMS)
    yield mlflow, trackio
    for name in OURS:
        sys.modules.pop(name, None)


def test_mlflow_gets_numbers_files_and_a_version(registry, programs, capsys, exported):
    mlflow, _ = programs
    assert main(["models", "send", "tickets@production", "--to", "mlflow", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {
        "reference": "tickets@1",
        "to": "mlflow",
        "where": "models:/tickets/1",
        "files": True,
    }
    (run,) = mlflow.RUNS.values()
    version = registry.find("tickets@1")
    accuracy = version.metrics["accuracy"]
    assert (run.name, run.status) == ("tickets@1", "FINISHED")
    assert run.metrics["accuracy"] == accuracy["value"]
    assert run.metrics["accuracy_low"] == accuracy["low"] < accuracy["high"]
    assert run.params["digest"] == version.digest and run.params["arm"] == "majority"
    assert {"model/export.json", "model/README.md"} <= run.files
    assert mlflow.MODELS["tickets"][0].source == "mem:/0/model"
    assert mlflow.ALIASES == {("tickets", "production"): "1"}
    registry.add("tickets", exported / "majority")
    assert main(["models", "send", "tickets@2", "--to", "mlflow"]) == 0
    assert "mlflow has tickets@2 with its files: models:/tickets/2" in capsys.readouterr().out
    assert mlflow.ALIASES == {("tickets", "production"): "1"}, "only what is in production"


def test_trackio_gets_numbers_alone(registry, programs, capsys):
    _, trackio = programs
    assert main(["models", "send", "rows@1", "--to", "trackio", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["where"] == "transfer-lab/rows@1" and said["files"] is False
    (run,) = trackio.RUNS
    assert run["finished"] and run["private"] and run["config"]["arm"] == "knn"
    assert run["metrics"][0]["accuracy"] == registry.find("rows@1").metrics["accuracy"]["value"]


def test_what_cannot_be_sent_is_said(registry, programs, capsys, monkeypatch):
    mlflow, trackio = programs

    def refused(*asked: str) -> str:
        assert main(["models", "send", *asked]) == 2
        return capsys.readouterr().err

    assert "Say where to" in refused("tickets@1")
    assert "one of mlflow, trackio" in refused("tickets@1")
    assert "mlflow" in refused("tickets@1", "--to", "mlfow")
    assert "no version 7" in refused("tickets@7", "--to", "mlflow")
    assert "holds training rows" in refused("rows@1", "--to", "mlflow")
    assert main(["models", "send", "rows@1", "--to", "mlflow", "--with-rows"]) == 0
    mlflow.BROKEN.append("no   server\nthere")
    assert "MLflow did not take tickets@1: no" in refused("tickets@1", "--to", "mlflow")
    trackio.BROKEN.append("disk full")
    assert "Trackio did not take tickets@1: disk full" in refused("tickets@1", "--to", "trackio")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name in ("mlflow", "trackio"):
        assert f"pip install {name}" in refused("tickets@1", "--to", name)
    state = next((registry.folder_of(registry.find("tickets@1")) / "state").iterdir())
    state.write_bytes(b"other")
    assert "was changed" in refused("tickets@1", "--to", "mlflow")
