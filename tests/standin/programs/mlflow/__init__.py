"""A stand-in for MLflow: what this project calls of its client, kept in memory."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from mlflow.exceptions import MlflowException

EXPERIMENTS: dict[str, str] = {}
RUNS: dict[str, SimpleNamespace] = {}
MODELS: dict[str, list[SimpleNamespace]] = {}
ALIASES: dict[tuple[str, str], str] = {}
BROKEN: list[str] = []  # what the server says to everything


class MlflowClient:
    """The names and the order of arguments are MLflow's."""

    def get_experiment_by_name(self, name):
        if BROKEN:
            raise MlflowException(BROKEN[0])
        found = EXPERIMENTS.get(name)
        return SimpleNamespace(experiment_id=found) if found else None

    def create_experiment(self, name):
        return EXPERIMENTS.setdefault(name, "1")

    def create_run(self, experiment_id, run_name=None):
        run_id = str(len(RUNS))
        info = SimpleNamespace(run_id=run_id, artifact_uri=f"mem:/{run_id}")
        RUNS[run_id] = SimpleNamespace(
            info=info, name=run_name, params={}, metrics={}, files=set(), status="RUNNING"
        )
        return RUNS[run_id]

    def get_run(self, run_id):
        return RUNS[run_id]

    def log_param(self, run_id, key, value):
        RUNS[run_id].params[key] = value

    def log_metric(self, run_id, key, value):
        RUNS[run_id].metrics[key] = value

    def log_artifacts(self, run_id, local_dir, artifact_path=None):
        there = Path(local_dir)
        RUNS[run_id].files |= {
            f"{artifact_path}/{p.relative_to(there).as_posix()}"
            for p in there.rglob("*")
            if p.is_file()
        }

    def set_terminated(self, run_id, status=None):
        RUNS[run_id].status = status

    def search_registered_models(self, filter_string):
        name = filter_string.removeprefix("name = '").removesuffix("'")
        return [name] if name in MODELS else []

    def create_registered_model(self, name):
        if name in MODELS:
            raise MlflowException(f"RESOURCE_ALREADY_EXISTS: {name}")
        MODELS[name] = []

    def create_model_version(self, name, source, run_id=None, tags=None):
        version = str(len(MODELS[name]) + 1)
        MODELS[name].append(SimpleNamespace(version=version, source=source, tags=tags))
        return MODELS[name][-1]

    def set_registered_model_alias(self, name, alias, version):
        ALIASES[name, alias] = version
