"""Rules for what may be run at a place, whoever asks and however: by the form of the
page, or by an archive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.data.limits import Limits
from tl_core.models.embedded import EMBEDDED, describe
from tl_core.studies.archive import named_paths, unpack
from tl_core.studies.as_json import dataset_of
from tl_core.studies.plan import MAX_SEEDS, ArmRequest, Study, check_arms, request_of
from tl_core.studies.store import Store

SHOWN = 80  # characters of a name that somebody made up


@dataclass(frozen=True)
class Allowed:
    """The defaults allow everything that a person may do on a computer of their own."""

    any_model: bool = True  # a folder of this machine or a name on the hub
    any_endpoint_model: bool = True
    rows: int = 5_000_000
    test_rows: int = 5_000_000
    draws: int = MAX_SEEDS


@dataclass(frozen=True)
class TakenIn:
    """An archive that was laid out in a folder."""

    runs: int
    dataset: dict  # what the record says of the file
    only_read: str  # why none of its runs may be started here; "" where they may be


def faults_of(requests: Sequence[ArmRequest], model: str, allowed: Allowed) -> list[str]:
    """Return what is asked for and not allowed, as sentences.

    Args:
        model: the one of arms that name none.
    """
    listed = {m["id"] for m in describe()}
    faults: list[str] = []
    if not allowed.any_model:
        others = dict.fromkeys(
            m for m in (model, *(r.model for r in requests)) if m and m not in listed
        )
        faults += [
            say(
                "Only the models of the list can be used here, and {m!r} is none of them.",
                m=_clip(m),
            )
            for m in others
        ]
    if not allowed.any_endpoint_model and any(r.settings.get("endpoint_model") for r in requests):
        faults.append(
            say(
                "Only the chat model that this place offers can be asked here. Leave"
                " endpoint_model empty."
            )
        )
    return faults


def lay_out(source: Path, folder: Path, limits: Limits) -> tuple[int, dict]:
    """Lay an archive out in a folder; returns how many runs it has, and what its record says of the
    file it was made from. To be called where what a stranger has given may be read.

    Raises:
        UserError: as `unpack`.
    """
    made = unpack(source, folder, limits)
    return len(made.specs), dataset_of(Store(folder).read_json("study.json"))


def take_in(
    source: Path, folder: Path, allowed: Allowed, lay_out: Callable[[Path, Path], tuple[int, dict]]
) -> TakenIn:
    """Lay an archive out in a folder, ready to be read, and to be run where all that it asks for is
    allowed.

    Raises:
        UserError: as `lay_out`.
    """
    runs, dataset = lay_out(source, folder)
    store = Store(folder)
    study, why_not = _runnable(store.load_study(), allowed)
    if not why_not:
        store.save_study(study)
    return TakenIn(runs, dataset, why_not)


def _runnable(study: Study, allowed: Allowed) -> tuple[Study, str]:
    """The study with its arms and models as they are here; or why none of its runs may be started
    here.
    """
    faults = named_paths(study)
    listed = {m["id"] for m in describe()}
    others = dict.fromkeys(
        a.model.name for a in study.arms if a.model and a.model.name not in listed
    )
    if not faults and allowed.any_model:
        faults += [
            say(
                "The model {m!r} does not come with this program, and what an archive names is"
                " not looked for. Ask for it yourself.",
                m=_clip(m),
            )
            for m in others
        ]
    asked = len(study.split.pool) + len(study.split.test), len(study.split.test), len(study.seeds)
    for count, most, what in zip(
        asked,
        (allowed.rows, allowed.test_rows, allowed.draws),
        (say("rows"), say("test rows"), say("draws")),
        strict=True,
    ):
        if count > most:
            faults.append(
                say(
                    "It has {count:,} {what}; {most:,} are allowed here.",
                    count=count,
                    what=what,
                    most=most,
                )
            )
    try:
        requests = [request_of(arm, study.problem) for arm in study.arms]
        faults += faults_of(requests, EMBEDDED.name, allowed)
        if not faults:
            made, folders, faults = check_arms(requests, hub=False, problem=study.problem)
            if not faults and made != study.arms:
                return (
                    study,
                    say(
                        "Another version of this program made it, and what its arms would"
                        " compute here is something else."
                    ),
                )
            study = replace(study, arms=made, model_folders=folders)
    except (UserError, KeyError, TypeError, ValueError) as fault:
        faults.append(str(fault))
    return study, "\n".join(dict.fromkeys(faults))


def _clip(name: str) -> str:
    return name if len(name) <= SHOWN else f"{name[:SHOWN]}…"
