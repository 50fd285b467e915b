"""A file as columns of cells, how it was read, and what every format must pass to become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.data.limits import MAX_CELL, Few
from tl_core.errors import raise_all

Cell = str | int | float | bool | list | None


@dataclass(frozen=True)
class ReadOptions:
    """What the person says about the file; None leaves it to be guessed."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    text: str | None = None
    text_b: str | None = None
    label: str | None = None
    group: str | None = None
    multi_label: bool = False
    merge_labels: bool = False


GUESS_ALL = ReadOptions()


@dataclass(frozen=True)
class Guess:
    """Something that was taken to be so, why, and the option that says otherwise."""

    what: str
    value: str
    why: str
    option: str


@dataclass(frozen=True)
class Table:
    """Columns of equal length in the order of the file; cell i of each belongs to row i + 1."""

    name: str
    columns: dict[str, list]
    guesses: tuple[Guess, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def some(items: Iterable[Any], limit: int = 10) -> str:
    """The first few items with commas, and how many more there are."""
    items = list(items)
    more = len(items) - limit
    return ", ".join(map(str, items[:limit])) + (f" and {more:,} more" if more > 0 else "")


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, which JSON can spell but no tokenizer or file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def checked(
    path: Path,
    names: list[str],
    columns: list[list],
    guesses: tuple[Guess, ...] = (),
    notes: Iterable[str] = (),
    faults: Iterable[str] = (),
) -> Table:
    """The table, once names and cells are fit to be used; columns without a name or a cell are left out.

    Raises:
        UserError: every fault, with those that the reader has found.
    """
    notes, faults = list(notes), list(faults)
    names = [well_formed(name.strip()) for name in names]
    kept = [i for i, name in enumerate(names) if name or any(cell not in (None, "") for cell in columns[i])]
    unnamed = [i for i in kept if not names[i]]
    if unnamed:
        notes.append(
            f"Columns of {path.name} without a name are called by their place: "
            f"{some(f'column {i + 1}' for i in unnamed)}."
        )
    names, columns = [names[i] or f"column {i + 1}" for i in kept], [columns[i] for i in kept]
    twice = [repr(name) for name, n in Counter(names).items() if n > 1]
    if twice:
        faults.append(
            f"{path.name} has more than one column called {some(twice)}. "
            f"Give every column its own name; the columns are {some(names, 30)}."
        )
    if not columns or not columns[0]:
        if not faults:
            what = f"a line of column names ({some(names)})" if names else "nothing"
            faults.append(f"{path.name} has {what} and no rows. Add at least a few rows for each label.")
    elif not faults:
        for name, cells in zip(names, columns, strict=True):
            faults += _cell_faults(path, name, cells)
    raise_all(faults)
    return Table(path.stem, dict(zip(names, columns, strict=True)), guesses, tuple(notes))


def _cell_faults(path: Path, name: str, cells: list) -> list[str]:
    long, nul = Few(), Few()
    for i, cell in enumerate(cells, 1):
        if type(cell) is str:
            if len(cell) > MAX_CELL:
                long.add("{:,} ({:,})", i, len(cell))
            if "\0" in cell:
                nul.add("{:,}", i)
    faults = []
    if long:
        faults.append(
            f"{path.name}, column {name}: cells of more than {MAX_CELL:,} characters in row {long}. "
            "Shorten or remove them."
        )
    if nul:
        faults.append(
            f"{path.name}, column {name}: NUL characters, which no text holds, in row {nul}. Remove them."
        )
    return faults
