"""A study as it lies in its folder, read without a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.errors import UserError
from tl_core.experiments.compare import Comparison, compare
from tl_core.experiments.plan import Plan, plan
from tl_core.experiments.store import Store
from tl_core.types import RunResult


@dataclass(frozen=True)
class Stored:
    """What was asked, what is finished, and what only the record knows."""

    store: Store
    plan: Plan
    results: dict[str, RunResult]
    comparison: Comparison
    context: dict[str, Any]  # dataset, wall_seconds and command, as `export.record` takes them
    note: str = ""  # what could not be read, as a sentence


def read_study(folder: Path) -> Stored:
    """Everything that is finished so far.

    Raises:
        UserError: there is no study, it is damaged, or a newer program wrote it.
    """
    store = Store(folder)
    made = plan(store.load_study())
    record = store.read_json("study.json")
    store.check_schema(record)
    shape = len(made.study.split.test), len(made.study.problem.labels)
    found = store.results(s.id for s in made.specs)
    results = {run: r for run, r in found.items() if r.status != "done" or r.scores.shape == shape}  # damaged ones count as not there
    note = ""
    if not isinstance(record, dict):
        record, note = {}, f"study.json in {folder} is not there or damaged: the report is without the command and the notes on the file."
    context = {key: record.get(key) for key in ("dataset", "wall_seconds", "command")}
    return Stored(store, made, results, compare(made, results), context, note)


def finished(folder: Path) -> Stored:
    """The same, where at least one run has a result.

    Raises:
        UserError: as `read_study`; or none has.
    """
    stored = read_study(folder)
    if not stored.comparison.cells:
        raise UserError(f"No run of the study in {folder} has a result yet. Start its compare command again; it goes on from where it stopped.")
    return stored
