"""A dataset as it was read from a table, and what the readers of all tasks share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from tl_core.api.sentences import say, say_n
from tl_core.api.types import Dataset, Label
from tl_core.data.hints import Hint
from tl_core.data.labels import infer_labels, merge, missing, written
from tl_core.data.tables import Guess, Table, some


@dataclass(frozen=True)
class Loaded:
    """A dataset and how it was read; `columns` gives the column of each role, `unlabelled` the rows
    left out.

    `hints` are what the person should be asked; `joined` gives, for each label id that was given up
    for another, that other.
    """

    dataset: Dataset
    columns: dict[str, str | None]
    guesses: tuple[Guess, ...]
    notes: tuple[str, ...]
    unlabelled: int
    hints: tuple[Hint, ...] = ()
    joined: dict[str, str] = field(default_factory=dict)


def groups_of(table: Table, columns: Mapping[str, str | None]) -> Iterator[str | None]:
    """The group of each row; None where it has none."""
    name = columns["group"]
    if name is None:
        return repeat(None, table.rows)
    return (None if cell is None else written(cell) or None for cell in table.columns[name])


def not_among(used: set[str], labels: tuple[Label, ...], check_classes: bool) -> str:
    """Why rows may not have these labels, as a sentence; "" where they may."""
    where = say("the label table") if check_classes else say("the training file")
    return missing(used, labels, where)


def labels_for(
    used: set[str], labels: tuple[Label, ...] | None, check_classes: bool
) -> tuple[Label, ...]:
    """Those of a label table that rows have; without one, the rows' own. Of a test file they are
    kept as given.
    """
    if labels is None:
        return infer_labels(used)
    return merge(used, labels) if check_classes else labels


def left_unlabelled(rows: Sequence[Any]) -> list[str]:
    """Which rows are left out because they have no label, which here are None, as a sentence; none
    where there are no such rows.
    """
    left = [row for row, read in enumerate(rows, 1) if read is None]
    if not left:
        return []
    said = say_n(
        "{n:,} row without a label is left out: row {rows}.",
        "{n:,} rows without a label are left out: row {rows}.",
        len(left),
        rows=some(left),
    )
    return [said]
