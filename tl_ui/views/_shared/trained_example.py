"""One press that shows what training does: a small comparison that trains on the visitor's texts,
for the views that look into what was trained."""

from __future__ import annotations

from typing import Any

from tl_core.running.study_records import OPEN
from tl_core.studies.plan import ArmRequest, make_study
from tl_ui.components.html import bar, escaped
from tl_ui.lab import Lab, key_of
from tl_ui.serving import borrowing
from tl_ui.words import t

ARMS = ("lora", "full")
SHOTS = 8


def inputs(lab: Lab) -> list[Any]:
    """Return what `start` reads."""
    return [lab.dataset_id, lab.saved]


def outputs(lab: Lab) -> list[Any]:
    """Return what `start` changes."""
    return [
        lab.study_id,
        lab.saved,
        lab.selection,
        lab.status,
        lab.fresh,
        lab.settled,
        lab.beat,
        lab.borrow,
    ]


def start(lab: Lab, values: dict) -> tuple[str, dict]:
    """Put the comparison in line; returns its name, and the changes that make the page follow it.

    Raises:
        UserError: the texts allow none, or the line is full.
    """
    held = lab.datasets.get(values[lab.dataset_id])
    study = make_study(
        held.name,
        held.loaded.dataset.problem,
        held.usual_split[0],
        arms=[ArmRequest(arm) for arm in ARMS],
        shots=[min(SHOTS, held.least_rows)],
        seeds=1,
        hub=False,
    )
    name, opened = lab.submit(values, study)
    return name, {
        **opened,
        **lab.where(name),
        **borrowing.wanted(lab, study, name, key_of(opened[lab.saved], name)),
    }


def followed(
    awaited: str, status: dict | None, lang: str, told: Any, waits: Any, ready: Any
) -> dict:
    """Show the progress of the comparison, or that it has ended: changes of the three components.

    Nothing when none is awaited, or the page follows another one.
    """
    if not awaited or not status or status["name"] != awaited:
        return {}
    if status["status"] in OPEN:
        return {told: status_html(status, lang)}
    return {told: "", waits: "", ready: awaited}


def status_html(status: dict | None, lang: str) -> str:
    """Show the progress of the comparison."""
    done, total = (status["done"], status["total"]) if status else (0, len(ARMS))
    said = t(lang, "training_step", arms=" · ".join(ARMS), done=done, total=total)
    return (
        f"<div class='tl-status'>{bar(done / max(1, total), said)}<p"
        f" role='status'>{escaped(said)}</p></div>"
    )
