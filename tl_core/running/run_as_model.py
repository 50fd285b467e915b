"""A trained run of a study, as a model that another study begins from."""

from __future__ import annotations

from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.models.catalog import find
from tl_core.running import fit_arm
from tl_core.running.predict import chosen
from tl_core.running.run import Encoders
from tl_core.studies.plan import plan
from tl_core.studies.store import Store


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study."""
    return (folder / "plan.json").is_file()


def export_model(folder: Path, run: str | None, out: Path) -> str:
    """Write the model that a kept run trained into a new folder; returns what it is, in words.

    Raises:
        UserError: no such run, or it trained nothing that is a model by itself.
    """
    from tl_core.models.older_weights import fresh
    from tl_core.models.training.trained_body import save_body

    store = Store(folder)
    made = plan(store.load_study())
    spec = chosen(store, made, run)
    if spec.arm.model is None:
        raise UserError(
            say(
                "{arm} trained no model. Choose a run of lora, contrastive or full.",
                arm=spec.arm.id,
            )
        )
    encoder = Encoders("cpu").get(spec.arm.model.digest, made.study.model_folders)
    predictor = fit_arm.load(spec.arm, store.model_folder(spec.id), made.study.problem, encoder)
    predictor = getattr(
        predictor, "inner", predictor
    )  # of adapt-then: what learned on the changed model
    classifier = getattr(predictor, "model", None)
    if classifier is None or not hasattr(classifier, "body"):
        raise UserError(
            say(
                "{arm} changed nothing inside {model}. Choose a run of lora, contrastive or full.",
                arm=spec.arm.id,
                model=spec.arm.model.name,
            )
        )
    seen = f"{len(spec.train):,} labelled rows of {made.study.name} ({spec.arm.strategy})"
    before = spec.arm.model.supervised
    fresh(out)
    save_body(
        classifier,
        find(made.study.model_folders[spec.arm.model.digest]),
        out,
        {
            "base": spec.arm.model.name,
            "run": spec.id,
            "supervised": f"{before}; then {seen}" if before else seen,
        },
    )
    return f"{spec.arm.id} at {spec.shots_name} shots, seed {spec.seed}, as a model of its own"
