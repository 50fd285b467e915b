"""A study as it lies in its folder, read without a model."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.errors import UserError
from tl_core.experiments.about import About, read_about
from tl_core.experiments.archive import unpack
from tl_core.experiments.compare import Comparison, compare
from tl_core.experiments.differences.topics import Topics, stored_topics
from tl_core.experiments.plan import Plan, plan
from tl_core.experiments.robustness.parts import Parts, stored_parts
from tl_core.experiments.store import Store
from tl_core.experiments.written import dataset_of
from tl_core.types import RunResult


@dataclass(frozen=True)
class Stored:
    """What was asked, what is finished, and what only the record knows."""

    store: Store  # of an archive, gone already
    plan: Plan
    results: dict[str, RunResult]
    comparison: Comparison
    context: dict[str, Any]  # dataset, wall_seconds, command and about, as `report_html` takes them
    about: About = About()
    note: str = ""  # what could not be read, as a sentence
    parts: Parts = Parts()  # what was asked about changed texts
    topics: Topics | None = None  # of the test rows, where somebody asked


def read_study(source: Path) -> Stored:
    """Everything that is finished so far, from a study's folder or from its archive, which is not changed.

    Raises:
        UserError: there is no study, it is damaged, or a newer program wrote it.
    """
    if not source.is_file():
        store = Store(source)
        return _read(store, plan(store.load_study()), source)
    with tempfile.TemporaryDirectory(prefix="transfer-lab-") as folder:
        made = unpack(source, Path(folder))
        return _read(Store(Path(folder)), made, source)


def _read(store: Store, made: Plan, source: Path) -> Stored:
    record = store.read_json("study.json")
    store.check_schema(record)
    shape = len(made.study.split.test), len(made.study.problem.labels)
    found = store.results(s.id for s in made.specs)
    results = {run: r for run, r in found.items() if r.status != "done" or r.scores.shape == shape}  # damaged ones count as not there
    note = ""
    if not isinstance(record, dict):
        record, note = {}, f"study.json in {source} is not there or damaged: the report is without the command and the notes on the file."
    about = read_about(store)
    wall, command = record.get("wall_seconds"), record.get("command")
    context = {
        "dataset": dataset_of(record), "wall_seconds": wall if isinstance(wall, (int, float)) else None, "command": command if isinstance(command, str) else None,
        "about": dataclasses.asdict(about),
    }  # fmt: skip
    return Stored(store, made, results, compare(made, results), context, about, note, stored_parts(store, made), stored_topics(store, made))


def finished(source: Path) -> Stored:
    """The same, where at least one run has a result.

    Raises:
        UserError: as `read_study`; or none has.
    """
    stored = read_study(source)
    if not stored.comparison.cells:
        raise UserError(f"No run of the study in {source} has a result yet. Start its compare command again; it goes on from where it stopped.")
    return stored
