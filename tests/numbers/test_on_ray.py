"""The service as a deployment of Ray Serve. Ray is a stand-in here; `python -m benchmarks.on_ray`
runs the real one on two nodes and kills one of them.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.numbers.test_arms import rows_of
from tests.numbers.test_exports import Made, problem
from tl_core.api.errors import UserError
from tl_core.cli import main
from tl_core.exports.write import export
from tl_core.registry import Registry
from tl_core.serving.asking import Limits
from tl_core.serving.on_ray import Cluster, application
from tl_core.studies.plan import ArmRequest

PROGRAMS = Path(__file__).parents[1] / "standin" / "programs"
HOW = {"limits": Limits(), "token": "a-token", "device": "cpu", "sends_texts": False}


@pytest.fixture(scope="module")
def exported(tiny_models, tmp_path_factory):
    place = tmp_path_factory.mktemp("ray")
    asked = [ArmRequest("majority")]
    made = Made(place / "study", tiny_models.body(), asked, rows_of(40), problem(("sea", "bread")))
    export(made.folder, place / "export", format="recipe")
    return place


@pytest.fixture
def ray(monkeypatch):
    """Installed."""
    monkeypatch.syspath_prepend(str(PROGRAMS))
    for name in ("ray", "ray.serve"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import ray

    assert Path(ray.__file__).is_relative_to(PROGRAMS)
    yield ray
    for name in ("ray", "ray.serve"):
        sys.modules.pop(name, None)


def test_a_copy_answers_wherever_it_is_built(ray, exported, monkeypatch, tmp_path):
    from fastapi.testclient import TestClient

    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))
    Registry().add("tickets", exported / "export")
    monkeypatch.chdir(exported)
    arms = ["export", "b=study", "c=study:majority", "tickets@1"]
    made = application(arms, Cluster(most=3), **HOW)
    assert made.options["autoscaling_config"]["max_replicas"] == 3
    assert made.options["autoscaling_config"]["target_ongoing_requests"] >= 1
    monkeypatch.chdir(tmp_path)  # a copy is somewhere else
    with TestClient(made.built()) as client:
        assert client.post("/", json={"inputs": "a"}).status_code == 401
        client.headers["Authorization"] = "Bearer a-token"
        assert [m["name"] for m in client.get("/models").json()] == [
            "majority",
            "b",
            "c",
            "tickets",
        ]
        said = client.post("/models/c", json={"inputs": "a ship"}).json()
        assert {x["label"] for x in said[0]} == {"sea", "bread"}


def test_the_command_serves_until_it_is_told_to_end(ray, exported, monkeypatch, capsys):
    from tl_core.serving import on_ray

    said_so = on_ray.announce

    def announced(*told):
        said_so(*told)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(on_ray, "announce", announced)
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        asked = ["serve", str(exported / "export"), "--ray", "local", "--replicas", "2"]
        assert main([*asked, "--port", "8123"]) == 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert "majority answer at http://127.0.0.1:8123" in capsys.readouterr().err
    assert [name for name, _ in ray.CALLED] == [
        *("init", "start", "run", "delete", "serve.shutdown", "shutdown")
    ]
    how = dict(ray.CALLED)
    assert how["start"]["http_options"] == {"host": "127.0.0.1", "port": 8123}
    assert how["init"]["address"] is None
    assert Path(how["init"]["runtime_env"]["env_vars"]["TL_HOME"]).is_absolute()


def test_what_is_missing_is_said(ray, exported, monkeypatch, capsys):
    export = str(exported / "export")

    def refused(*asked: str) -> str:
        assert main(["serve", *asked]) == 2
        return capsys.readouterr().err

    assert "Ray cluster at 127.0.0.1:9 (" in refused(export, "--ray", "127.0.0.1:9")
    ray.NO_CLUSTER.append("Could not find any running Ray instance.\nmore")
    assert "at auto (Could not find any running Ray instance). Start" in refused(
        export, "--ray", "auto"
    )
    assert "neither a study nor an export" in refused(str(exported), "--ray", "local")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError) as fault:
        application([export], Cluster(most=0), **HOW)
    assert len(fault.value.faults) == 2 and "transfer-lab[ray]" in str(fault.value)
