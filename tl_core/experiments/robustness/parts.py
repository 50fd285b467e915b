"""What is stored of the answers to changed texts:

    robustness/CHANGE.json      the rows that a change changes, as it leaves them
    robustness/RUN.CHANGE.npy   scores of a run for these rows (m, C)

A row that a change leaves as it is keeps the scores it had, so it is not asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tl_core.data.perturb import CHANGES, VERSION, Change, changed
from tl_core.experiments.plan import Plan, Study
from tl_core.experiments.store import Store
from tl_core.types import Example, Step, Steps

FOLDER = "robustness"
PART = 256  # rows changed between two signs of life


@dataclass(frozen=True)
class Changed:
    """The test rows that a change changes, as it leaves them."""

    at: np.ndarray  # (m,) positions among the test rows
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Parts:
    """What is stored."""

    rows: Mapping[str, Changed] = field(default_factory=dict)  # by change
    scores: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)  # by run and change


def stored_parts(store: Store, made: Plan) -> Parts:
    """Everything that was asked so far; what is damaged, or of other test rows, counts as not there."""
    rows = {change: found for change in CHANGES if (found := _stored_rows(store, made.study, change)) is not None}
    scores = {}
    for spec in made.specs if rows else ():
        for change, some in rows.items():
            found = store.read_array(scores_name(spec.id, change))
            if found is not None and found.dtype.kind == "f" and found.shape == (len(some.at), len(made.study.problem.labels)):
                scores[spec.id, change] = found
    asked = {change for _, change in scores}
    return Parts({change: some for change, some in rows.items() if change in asked}, scores)


def _stored_rows(store: Store, study: Study, change: str) -> Changed | None:
    record = store.read_json(_rows_name(change))
    try:
        if (record["version"], record["test"]) != (VERSION, study.split.test_digest):
            return None
        test, at = study.split.test, [int(i) for i in record["at"]]
        pairs = [(str(text), None if text_b is None else str(text_b)) for text, text_b in record["texts"]]
        examples = tuple(replace(test[i], text=text, text_b=text_b) for i, (text, text_b) in zip(at, pairs, strict=True))
        return Changed(np.array(at, dtype=int), examples)
    except (TypeError, KeyError, ValueError, IndexError):
        return None


def changed_rows(store: Store, study: Study, change: Change) -> Steps[Changed]:
    """The rows as stored; made, and stored, where they are not. Steps count rows."""
    found = _stored_rows(store, study, change.id)
    if found is not None:
        return found
    for left in (store.folder / FOLDER).glob(f"*.{change.id}.npy"):
        left.unlink()  # answers to other texts
    test = study.split.test
    made: list[Example] = []
    for start in range(0, len(test), PART):
        if made:
            yield Step(start, len(test), phase="fit")
        made += [changed(change, e) for e in test[start : start + PART]]
    at = [i for i, (before, after) in enumerate(zip(test, made, strict=True)) if before != after]
    record = {"version": VERSION, "test": study.split.test_digest, "at": at, "texts": [[made[i].text, made[i].text_b] for i in at]}
    store.write_json(_rows_name(change.id), record)
    return Changed(np.array(at, dtype=int), tuple(made[i] for i in at))


def _rows_name(change: str) -> str:
    return f"{FOLDER}/{change}.json"


def scores_name(run: str, change: str) -> str:
    return f"{FOLDER}/{run}.{change}.npy"
