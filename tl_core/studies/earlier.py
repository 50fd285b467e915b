"""A study that continues in the folder, or on the test rows, of an earlier one: nothing that is
known goes from its record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tl_core.api.sentences import both, say, say_n
from tl_core.api.types import Arm, ModelRef, RunResult
from tl_core.strategies import strategies
from tl_core.studies.arms import draws, shots_of
from tl_core.studies.plan import Plan, Study


def with_earlier(
    study: Study, before: Plan, results: Mapping[str, RunResult]
) -> tuple[Study, tuple[str, ...]]:
    """The study with what an earlier one has finished on the same rows; and what a reader should
    know of it, in sentences.

    What was finished is shown alongside what is asked now, and no further run is made of it. Arms
    whose name now stands for other settings are called "NAME (before)".
    """
    done: dict[str, list[tuple[int | None, int]]] = {}
    arms = {arm.id: arm for arm in before.study.arms}
    for spec in before.specs:
        if spec.id in results and results[spec.id].status == "done":
            done.setdefault(spec.arm.id, []).append((spec.shots, spec.seed))
    if not done:
        return study, ()
    if (
        before.study.problem != study.problem
        or before.study.pool_digest != study.pool_digest
        or before.study.split.test_digest != study.split.test_digest
    ):
        left_out = [id for id in done if id not in {arm.id for arm in study.arms}]
        if not left_out:
            return study, ()
        told = say_n(
            "The rows to train on are not those of the study that was in this folder, so {arms}"
            " of it is left out.",
            "The rows to train on are not those of the study that was in this folder, so {arms}"
            " of it are left out.",
            len(left_out),
            arms=both(left_out),
        )
        return study, (told,)
    # what began with rows drawn in an earlier way goes on with them
    study = replace(study, task_version=before.study.task_version)
    asked = {arm.digest: arm.id for arm in study.arms}
    names, added, carried, outdated = {arm.id for arm in study.arms}, [], {}, []
    for id, cells in done.items():
        arm = arms[id]
        if arm.digest in asked:
            made = _asked(study, arm)
            if more := [
                cell for cell in cells if cell not in made
            ]:  # what is asked for anyway is no addition
                carried[asked[arm.digest]] = tuple(more)
            continue
        if arm.strategy_version != strategies()[arm.strategy].version:
            outdated.append(id)
            continue
        name = id
        while name in names:
            name += " (before)"
        names.add(name)
        added.append(replace(arm, id=name))
        carried[name] = tuple(cells)
    notes = []
    if added:
        notes.append(
            say_n(
                "{arms} of the study that was in this folder stays in it with its results; no"
                " more runs are made of it.",
                "{arms} of the study that was in this folder stay in it with their results; no"
                " more runs are made of them.",
                len(added),
                arms=both(a.id for a in added),
            )
        )
    if outdated:
        notes.append(
            say(
                "{arms} of the study that was in this folder came from an older version of the"
                " strategy and is left out. Ask for it to run it again.",
                arms=both(outdated),
            )
        )
    folders = {**before.study.model_folders, **study.model_folders}
    return replace(
        study,
        arms=(*study.arms, *added),
        carried=carried,
        not_asked=tuple(arm.id for arm in added),
        model_folders=folders,
    ), tuple(notes)


def _asked(study: Study, arm: Arm) -> set[tuple[int | None, int]]:
    """(shots, seed) of the runs that a study makes of an arm by itself."""
    return {
        (shots, seed)
        for shots in shots_of(arm, study.shots)
        for seed in (study.seeds if draws(arm, shots) else study.seeds[:1])
    }


def seen_in(record: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Digests of the arms that were scored on the test rows of a study, from its study.json; of
    older ones, of the arms it lists.
    """
    if not record:
        return ()
    if "seen" in record:
        return tuple(map(str, record["seen"]))
    done = {run["arm"] for run in record["runs"] if run["status"] == "done"}
    return tuple(_arm_of(given).digest for given in record["arms"] if given["id"] in done)


def _arm_of(given: Mapping[str, Any]) -> Arm:
    model = given["model"] and ModelRef(given["model"]["name"], given["model"]["digest"])
    base = given.get("base") and _arm_of(given["base"])
    recipe = {
        name: given[name] for name in ("selection", "augmentation", "scaling") if name in given
    }
    return Arm(
        given["id"],
        given["strategy"],
        given["version"],
        given["settings"],
        model,
        base=base,
        **recipe,
    )
