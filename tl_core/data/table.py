"""A file as columns of cells, how it was read, and what every format must pass to become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.errors import raise_all
from tl_core.api.sentences import Sentence, listed, say
from tl_core.data.limits import MAX_CELL, Few

Cell = str | int | float | bool | list | None


@dataclass(frozen=True)
class ReadOptions:
    """The options by which a person describes the file; None leaves one to be guessed."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    text: str | None = None
    text_b: str | None = None
    label: str | None = None
    group: str | None = None
    multi_label: bool = False
    merge_labels: bool = False
    task: str | None = None  # id of the task the labels are read for; None: see `multi_label`


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
        """Return the number of rows."""
        return len(next(iter(self.columns.values()), ()))


def some(items: Iterable[Any], limit: int = 10) -> Sentence:
    """The first few items with commas, and how many more there are."""
    return listed(items, limit)


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, which JSON can spell but no tokenizer
    or file can hold.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _no_rows(path: Path, names: list[str]) -> Sentence:
    what = say("a line of column names ({names})", names=some(names)) if names else say("nothing")
    return say(
        "{file} has {what} and no rows. Add at least a few rows for each label.",
        file=path.name,
        what=what,
    )


def checked(
    path: Path,
    names: list[str],
    columns: list[list],
    guesses: tuple[Guess, ...] = (),
    notes: Iterable[str] = (),
    faults: Iterable[str] = (),
) -> Table:
    """The table, once names and cells are fit to be used; columns without a name or a cell are left
    out.

    Raises:
        UserError: every fault, with those that the reader has found.
    """
    notes, faults = list(notes), list(faults)
    names = [well_formed(name.strip()) for name in names]
    kept = [
        i
        for i, name in enumerate(names)
        if name or any(cell not in (None, "") for cell in columns[i])
    ]
    unnamed = [i for i in kept if not names[i]]
    if unnamed:
        notes.append(
            say(
                "Columns of {file} without a name are called by their place: {unnamed}.",
                file=path.name,
                unnamed=some(say("column {n}", n=i + 1) for i in unnamed),
            )
        )
    names, columns = [names[i] or f"column {i + 1}" for i in kept], [columns[i] for i in kept]
    twice = [repr(name) for name, n in Counter(names).items() if n > 1]
    if twice:
        faults.append(
            say(
                "{file} has more than one column called {twice}. Give every column its own"
                " name; the columns are {names}.",
                file=path.name,
                twice=some(twice),
                names=some(names, 30),
            )
        )
    if not columns or not columns[0]:
        if not faults:
            faults.append(_no_rows(path, names))
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
                long.add(f"{i:,} ({len(cell):,})")
            if "\0" in cell:
                nul.add(f"{i:,}")
    faults: list[str] = []
    if long:
        faults.append(
            say(
                "{file}, column {name}: cells of more than {max_cell:,} characters in row"
                " {long}. Shorten or remove them.",
                file=path.name,
                name=name,
                max_cell=MAX_CELL,
                long=long,
            )
        )
    if nul:
        faults.append(
            say(
                "{file}, column {name}: NUL characters, which no text holds, in row {nul}."
                " Remove them.",
                file=path.name,
                name=name,
                nul=nul,
            )
        )
    return faults
