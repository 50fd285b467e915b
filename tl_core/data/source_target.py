"""Rows of two texts, of which the second is to be written from the first: summaries,
translations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tl_core.api.sentences import say, say_n
from tl_core.api.types import Example
from tl_core.data.other_tasks import TWO_TEXTS, WRITTEN, column_key, language_columns
from tl_core.data.table import Table, some

NAMES = {  # what is written, by how its column is called
    key: name
    for (_, keys, _), name in zip(TWO_TEXTS[:WRITTEN], ("translation", "summary"), strict=True)
    for key in keys
    if key.isascii()
}
MOST_EQUAL = 0.5  # a file in which more rows have twice the same text has no targets


@dataclass(frozen=True)
class Read:
    """Rows, None where there is no target, with every fault and what else should be known."""

    rows: tuple[Example | None, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def named_columns(table: Table) -> tuple[str | None, str | None]:
    """The column that is read and the one that is written, by their names, where somebody says that
    there are such: otherwise one or both are None.
    """
    keys = {column_key(name): name for name in reversed(table.columns)}
    for reads, writes, _ in TWO_TEXTS:
        a, b = (next((keys[k] for k in names if k in keys), None) for names in (reads, writes))
        if a and b and a != b:
            return a, b
    languages = language_columns(table)
    if len(languages) == 2:
        return languages[0], languages[1]
    if len(table.columns) == 2:
        first, second = table.columns
        return first, second
    return None, None


def written_name(column: str) -> str:
    """What a column of such texts holds, as a person would say it."""
    key = column_key(column)
    return NAMES.get(key, column.replace("_", " ").strip() or column)


def read_pairs(table: Table, text: str, target: str) -> Read:
    """Rows with both texts. The label of each is the target's column.

    Args:
        text: the column that is read. target: the one that is written.
    """
    rows: list[Example | None] = []
    odd: dict[str, list[int]] = {"no text": [], "equal": [], "no target": [], "list": []}
    for number, (a, b) in enumerate(
        zip(table.columns[text], table.columns[target], strict=True), 1
    ):
        if isinstance(a, (list, dict)) or isinstance(b, (list, dict)):
            odd["list"].append(number)
            rows.append(None)
            continue
        said, wanted = _text(a), _text(b)
        rows.append(None)
        if not wanted.strip():
            odd["no target"].append(number)
        elif not said.strip():
            odd["no text"].append(number)
        else:
            if said.strip() == wanted.strip():
                odd["equal"].append(number)
            rows[-1] = Example(number, said, labels=(target,), answer=(wanted.strip(),))
    return Read(tuple(rows), *_told(table, text, target, rows, odd))


def _text(cell: Any) -> str:
    """Exactly the text of a cell; a missing one is empty."""
    if isinstance(cell, str):
        return cell
    return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell)


def _told(
    table: Table,
    text: str,
    target: str,
    rows: Sequence[Example | None],
    odd: dict[str, list[int]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(faults, notes)."""
    there = sum(row is not None for row in rows)
    faults = _faults(text, target, there, odd)
    if not there and not faults:
        faults.append(
            say("{table}: the column {target!r} is empty.", table=table.name, target=target)
        )
    return tuple(faults), () if faults else tuple(_notes(target, odd))


def _faults(text: str, target: str, there: int, odd: dict[str, list[int]]) -> list[str]:
    faults: list[str] = []
    if odd["list"]:
        faults.append(
            say(
                "Row {rows}: a list where a text should be. Write one text into each cell of"
                " {text!r} and {target!r}.",
                rows=some(odd["list"]),
                text=text,
                target=target,
            )
        )
    if odd["no text"]:
        faults.append(
            say(
                "Row {rows}: something is written in {target!r}, and {text!r} is empty. Fill it in"
                " or delete the row.",
                rows=some(odd["no text"]),
                text=text,
                target=target,
            )
        )
    if there and len(odd["equal"]) > MOST_EQUAL * there:
        faults.append(
            say(
                "{n:,} of {there:,} rows have the same text in {text!r} and in {target!r}, such as"
                " row {rows}: there is nothing to write. Name the column of the written texts.",
                n=len(odd["equal"]),
                there=there,
                text=text,
                target=target,
                rows=some(odd["equal"]),
            )
        )
    return faults


def _notes(target: str, odd: dict[str, list[int]]) -> list[str]:
    notes: list[str] = []
    if odd["equal"]:
        notes.append(
            say_n(
                "{n:,} row has the same text in both columns: row {rows}.",
                "{n:,} rows have the same text in both columns: row {rows}.",
                len(odd["equal"]),
                rows=some(odd["equal"]),
            )
        )
    if odd["no target"]:
        notes.append(
            say_n(
                "{n:,} row with nothing in {target!r} is left out: row {rows}.",
                "{n:,} rows with nothing in {target!r} are left out: row {rows}.",
                len(odd["no target"]),
                rows=some(odd["no target"]),
                target=target,
            )
        )
    return notes
