"""CSV, TSV and their relatives: delimiter, quotation marks, records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from tl_core.data.encodings import CHUNK
from tl_core.data.limits import MAX_CELL, Budget, Few, Limits
from tl_core.data.table import Guess, ReadOptions, Table, checked
from tl_core.errors import UserError

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar"}


def read_delimited(path: Path, encoding: str, options: ReadOptions, guesses: tuple[Guess, ...], limits: Limits) -> Table:
    """Records as a table. Once a record has too few or too many fields the others are only counted: there will be no table.

    Raises:
        UserError: every fault with its line, or it is more than may be read.
    """
    delimiter = _given_delimiter(options.delimiter)
    if delimiter is None:
        delimiter, why = _guess_delimiter(path, encoding)
        guesses += (Guess("delimiter", DELIMITERS[delimiter], why, "--delimiter"),)
    notes = []
    plain = delimiter == "\t" and _plain_quotes(path, encoding)
    if plain:
        notes.append(f"Quotation marks in {path.name} are read as part of the texts: they do not enclose cells there.")
    names: list[str] = []
    columns: list[list] = []
    faults: list[str] = []
    ragged, blank, budget = Few(), 0, Budget(path.name, limits)
    for line, cells in _records(path, encoding, delimiter, csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL, faults):
        if not any(cells) and len(cells) < 2:
            blank += 1
        elif not names:
            budget.columns(len(cells))
            names, columns = cells, [[] for _ in cells]
        elif len(cells) != len(columns):
            ragged.add("line {:,} has {}", line, len(cells))
        elif not ragged:
            budget.take(1, len(cells))
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
    if ragged:
        faults.append(_ragged_fault(path, ragged, len(columns), delimiter))
    if blank:
        notes.append(f"{blank:,} empty line{'s' * (blank > 1)} of {path.name} are passed over and not counted as rows.")
    return checked(path, names, columns, guesses, notes, faults)


def _records(
    path: Path, encoding: str, delimiter: str, quoting: int, faults: list[str]
) -> Iterator[tuple[int, list[str]]]:
    """The line each record begins on, and its cells; faults of quoting are added to `faults`."""
    csv.field_size_limit(MAX_CELL)  # of the whole process, and the same at every call
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True, quoting=quoting)
        while True:
            line = reader.line_num + 1  # a quoted cell may go on over several lines
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                faults.append(_quote_fault(path, error, line, reader.line_num))
                if reader.line_num > line or len(faults) == 10:
                    return  # where the next record begins is unknown now, and what followed would be noise
            else:
                yield line, cells


def _ragged_fault(path: Path, ragged: Few, expected: int, delimiter: str) -> str:
    return (
        f"{path.name}: the first line has {expected} field{'s' * (expected > 1)}, but {ragged}. "
        f"Put quotation marks around texts that hold a {DELIMITERS.get(delimiter, repr(delimiter))}, or name "
        "another delimiter with --delimiter."
    )


def _quote_fault(path: Path, error: csv.Error, line: int, end: int) -> str:
    where = f"{path.name}, line {line:,}"
    if "field larger" in str(error):
        if end > line:
            return (
                f"{where}: a quotation mark opened in this row is never closed, so the cell runs on for more than "
                f"{MAX_CELL:,} characters. Close it, or double it if it is part of the text."
            )
        return (
            f"{where}: one cell has more than {MAX_CELL:,} characters. "
            "Shorten it, or check that the lines of the file are separated."
        )
    if "unexpected end" in str(error):
        return (
            f"{where}: a quotation mark opened in this row is never closed. "
            "Close it, or double it if it is part of the text."
        )
    until = f" (the cell ends on line {end:,})" if end > line else ""
    return (
        f"{where}: a quoted cell goes on after its closing quotation mark{until}. "
        "Double quotation marks that are part of a text, or close the one that was left open."
    )


def _given_delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    delimiter = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "bar": "|"}.get(
        given.lower(), given
    )
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise UserError(
            f"{given!r} cannot be a delimiter. Give one character, such as ',' or ';' or '|', or the word tab."
        )
    return delimiter


def _guess_delimiter(path: Path, encoding: str) -> tuple[str, str]:
    """The one that cuts the header and, as evenly as possible, the rows below it; cells in quotes are not cut."""
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(CHUNK)
        whole = not file.read(1)
    order = "\t,;|" if path.suffix.lower() == ".tsv" else ",\t;|"
    even = {}
    for delimiter in order:
        widths = _widths(sample, delimiter)
        widths = widths if whole else widths[:-1]  # the last record is cut off where the sample ends
        if widths and widths[0] > 1:
            even[delimiter] = sum(w == widths[0] for w in widths) / len(widths)
    if not even:
        return order[0], "none of comma, tab, semicolon and vertical bar is in the first line"
    best = max(even, key=even.__getitem__)
    return best, f"it cuts {even[best]:.0%} of the first lines into as many fields as the header"


def _widths(sample: str, delimiter: str) -> list[int]:
    csv.field_size_limit(MAX_CELL)
    widths = []
    try:
        for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if any(cells):
                widths.append(len(cells))
    except csv.Error:
        pass  # told by the reading itself, with its line
    return widths


def _plain_quotes(path: Path, encoding: str) -> bool:
    """Whether quotation marks in a tab-separated file are ordinary characters, as in the files of GLUE.

    They are when every line has its fields without any quoting, and some cell begins with a mark that does
    not enclose it. Read as quoting, such a cell would swallow the rows below it. A header in quotation marks settles
    it: whoever wrote that encloses cells.
    """
    plain, width = False, None
    with path.open(encoding=encoding, newline="") as file:
        for line in file:
            cells = line.rstrip("\r\n").split("\t")
            if width is None and any(c.startswith('"') and _enclosed(c) for c in cells):
                return False
            width = width or len(cells)
            if '"' not in line:
                continue
            if len(cells) != width:
                return False
            plain = plain or any(c.startswith('"') and not _enclosed(c) for c in cells)
    return plain


def _enclosed(cell: str) -> bool:
    """Whether the quotation mark that a cell begins with also ends it, and those between are doubled."""
    return len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "")
