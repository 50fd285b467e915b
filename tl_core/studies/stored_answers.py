"""Stored predictions for changed texts:

    robustness/CHANGE.json      the rows that a change changes, as it leaves them; where answers are
                                spans, with the places of the words that each row had
    robustness/RUN.CHANGE.npy   scores of a run for these rows (m, C)

A row that a change leaves as it is keeps the scores it had, so it is not asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tl_core.api.task import Task
from tl_core.api.types import Example, Step, Steps
from tl_core.api.words import Places, words_of
from tl_core.data.perturb import (
    VERSION,
    Change,
    asked_otherwise,
    changed,
    changes_of,
    moved,
    with_spans_moved,
)
from tl_core.studies.plan import Plan, Study
from tl_core.studies.store import Store
from tl_core.tasks import task_of

FOLDER = "robustness"
PART = 256  # rows changed between two signs of life


@dataclass(frozen=True)
class Changed:
    """The test rows that a change changes, as it leaves them."""

    at: np.ndarray  # (m,) positions among the test rows
    examples: tuple[Example, ...]
    places: tuple[Places, ...] = ()  # where answers are spans: of the words of each, where they are


@dataclass(frozen=True)
class StoredAnswers:
    """The answers stored with a study."""

    rows: Mapping[str, Changed] = field(default_factory=dict)  # by change
    scores: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)  # by run and change


def read_stored_answers(store: Store, made: Plan) -> StoredAnswers:
    """Read everything that was asked so far; what is damaged, or of other test rows, counts as
    absent.
    """
    rows = {
        change: found
        for change in changes_for(made.study)
        if (found := _stored_rows(store, made.study, change)) is not None
    }
    scores = {}
    for spec in made.specs if rows else ():
        for change, some in rows.items():
            kept = store.read_array(scores_name(spec.id, change))
            if (
                kept is not None
                and kept.dtype.kind == "f"
                and task_of(made.study.problem).fits(made.study.problem, some.examples, kept)
            ):
                scores[spec.id, change] = kept
    asked = {change for _, change in scores}
    return StoredAnswers({change: some for change, some in rows.items() if change in asked}, scores)


def _stored_rows(store: Store, study: Study, change: str) -> Changed | None:
    record = store.read_json(_rows_name(change))
    try:
        if (record["version"], record["test"]) != (VERSION, study.split.test_digest):
            return None
        test, at = study.split.test, [int(i) for i in record["at"]]
        pairs = [
            (str(text), None if text_b is None else str(text_b)) for text, text_b in record["texts"]
        ]
        if task_of(study.problem).spans_move:
            return _moved_rows(test, at, pairs, record["places"])
        examples = tuple(
            replace(test[i], text=text, text_b=text_b)
            for i, (text, text_b) in zip(at, pairs, strict=True)
        )
        return Changed(np.array(at, dtype=int), examples)
    except (TypeError, KeyError, ValueError, IndexError):
        return None


def changes_for(study: Study) -> dict[str, Change]:
    """The changes that this study can be asked about."""
    return changes_of(spans=task_of(study.problem).spans_move)


def _moved_rows(
    test: Sequence[Example], at: Sequence[int], texts: Sequence[tuple[str, str | None]], given: Any
) -> Changed:
    """Rows whose spans are elsewhere.

    Raises:
        ValueError, IndexError: the places are not those of the words of these rows.
    """
    places = tuple(tuple((int(a), int(b)) for a, b in row) for row in given)
    found = []
    for i, (text, _), row in zip(at, texts, places, strict=True):
        if len(row) != len(words_of(test[i])) or any(not 0 <= a <= b <= len(text) for a, b in row):
            raise ValueError("places")
        found.append(with_spans_moved(test[i], text, row))
    return Changed(np.array(at, dtype=int), tuple(found), places)


def changed_rows(store: Store, study: Study, change: Change) -> Steps[Changed]:
    """The rows as stored; made, and stored, where they are not. Steps count rows."""
    found = _stored_rows(store, study, change.id)
    if found is not None:
        return found
    for left in (store.folder / FOLDER).glob(f"*.{change.id}.npy"):
        left.unlink()  # answers to other texts
    task, test = task_of(study.problem), study.split.test
    made: list[tuple[Example, Places]] = []
    for start in range(0, len(test), PART):
        if made:
            yield Step(start, len(test), phase="fit")
        made += [_changed(change, e, task) for e in test[start : start + PART]]
    at = [i for i, (after, _) in enumerate(made) if after != test[i]]
    record = {
        "version": VERSION,
        "test": study.split.test_digest,
        "at": at,
        "texts": [[made[i][0].text, made[i][0].text_b] for i in at],
    }
    places: tuple[Places, ...] = ()
    if task.spans_move:
        places = tuple(made[i][1] for i in at)
        record["places"] = places
    store.write_json(_rows_name(change.id), record)
    return Changed(np.array(at, dtype=int), tuple(made[i][0] for i in at), places)


def _changed(change: Change, example: Example, task: Task) -> tuple[Example, Places]:
    """The row as a change leaves it, and the places of its words where answers move with them. A
    row of which a change would leave a span without a word stays as it is.
    """
    if task.alternatives:
        return asked_otherwise(change, example), ()
    if not task.spans_move:
        return changed(change, example), ()
    text, places = moved(change, example)
    after = with_spans_moved(example, text, places)
    if text == example.text or len(after.answer) < len(example.answer):
        return example, places
    return after, places


def _rows_name(change: str) -> str:
    return f"{FOLDER}/{change}.json"


def scores_name(run: str, change: str) -> str:
    """Return the path, inside a study, of a run's scores on texts with a change."""
    return f"{FOLDER}/{run}.{change}.npy"
