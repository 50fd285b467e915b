"""A study as it lies in its folder, read without a model."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.analysis.compare import Comparison, compare
from tl_core.analysis.differences.topics import Topics, stored_topics
from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import RunResult
from tl_core.studies.archive import unpack
from tl_core.studies.as_json import dataset_of
from tl_core.studies.plan import Plan, plan
from tl_core.studies.store import Store
from tl_core.studies.stored_answers import StoredAnswers, read_stored_answers
from tl_core.studies.title import About, read_about
from tl_core.tasks import task_of


@dataclass(frozen=True)
class Stored:
    """A stored study: what was asked, what is finished, and what only the record knows."""

    store: Store  # of an archive, gone already
    plan: Plan
    results: dict[str, RunResult]
    comparison: Comparison
    # dataset, wall_seconds, command, about and made, as `report_html` takes them
    context: dict[str, Any]
    about: About = About()
    note: str = ""  # what could not be read, as a sentence
    parts: StoredAnswers = StoredAnswers()  # what was asked about changed texts
    topics: Topics | None = None  # of the test rows, where somebody asked


def read_study(source: Path) -> Stored:
    """Read everything that is finished so far, from a study's folder or from its archive, which is
    not changed.

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
    problem, test = made.study.problem, made.study.split.test
    found = store.results(s.id for s in made.specs)
    results = {
        run: r
        for run, r in found.items()
        if r.status != "done" or task_of(problem).fits(problem, test, r.test_scores)
    }  # damaged ones count as not there
    note = ""
    if not isinstance(record, dict):
        record, note = (
            {},
            say(
                "study.json in {source} is not there or damaged: the report is without the"
                " command and the notes on the file.",
                source=source,
            ),
        )
    about = read_about(store)
    wall, command = record.get("wall_seconds"), record.get("command")
    context = {
        "dataset": dataset_of(record),
        "wall_seconds": wall if isinstance(wall, (int, float)) else None,
        "command": command if isinstance(command, str) else None,
        "about": dataclasses.asdict(about),
        "made": store.made() if source == store.folder else None,  # an archive is unpacked now
    }
    return Stored(
        store,
        made,
        results,
        compare(made, results),
        context,
        about,
        note,
        read_stored_answers(store, made),
        stored_topics(store, made),
    )


def finished(source: Path) -> Stored:
    """The same, where at least one run has a result.

    Raises:
        UserError: as `read_study`; or none has.
    """
    stored = read_study(source)
    if not stored.comparison.cells:
        raise UserError(
            say(
                "No run of the study in {source} has a result yet. Run the study again; it"
                " continues where it stopped.",
                source=source,
            )
        )
    return stored
