"""MLflow: a run with numbers and files, and a version of a registered model. The version that is in
production has the alias `production`. MLFLOW_TRACKING_URI says where, as everywhere in MLflow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.registry import PRODUCTION, Version
from tl_core.registry.sinks._base import PROJECT, facts_of, numbers_of

MOST_SAID = 400  # characters of what MLflow says of its own


@dataclass(frozen=True)
class ToMlflow:
    """Hands versions on to MLflow."""

    id: str = "mlflow"
    package: str = "mlflow"
    files: bool = True

    def send(self, version: Version, folder: Path) -> str:
        """Make a run and a version of a registered model; returns its address in MLflow."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            return _sent(MlflowClient(), version, folder)
        except (MlflowException, OSError) as fault:
            raise UserError(
                say(
                    "MLflow did not take {reference}: {fault}",
                    reference=version.reference,
                    fault=" ".join(str(fault).split())[:MOST_SAID],
                )
            ) from fault


def _sent(client: Any, version: Version, folder: Path) -> str:
    there = client.get_experiment_by_name(PROJECT)
    experiment = there.experiment_id if there else client.create_experiment(PROJECT)
    run = client.create_run(experiment, run_name=version.reference).info
    facts, done = facts_of(version), "FAILED"
    try:
        for name, value in facts.items():
            client.log_param(run.run_id, name, value)
        for name, number in numbers_of(version).items():
            client.log_metric(run.run_id, name, number)
        client.log_artifacts(run.run_id, str(folder), "model")
        done = "FINISHED"
    finally:
        client.set_terminated(run.run_id, done)
    if not client.search_registered_models(f"name = '{version.name}'"):
        client.create_registered_model(version.name)
    made = client.create_model_version(
        version.name,
        source=f"{client.get_run(run.run_id).info.artifact_uri}/model",
        run_id=run.run_id,
        tags=facts,
    )
    if version.stage == PRODUCTION:
        client.set_registered_model_alias(version.name, PRODUCTION, made.version)
    return f"models:/{version.name}/{made.version}"
