"""CSV, TSV and their relatives: delimiter, quotation marks, records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say, say_n
from tl_core.data.formats.encodings import CHUNK
from tl_core.data.limits import MAX_CELL, Budget, Few, Limits
from tl_core.data.table import Guess, ReadOptions, Table, checked

DELIMITERS = {
    ",": say("comma"),
    "\t": say("tab"),
    ";": say("semicolon"),
    "|": say("vertical bar"),
}


def read_delimited(
    path: Path, encoding: str, options: ReadOptions, guesses: tuple[Guess, ...], limits: Limits
) -> Table:
    """Records as a table. Once a record has too few or too many fields the others are only counted:
    there will be no table.

    Raises:
        UserError: every fault with its line, or it is more than may be read.
    """
    delimiter = _given_delimiter(options.delimiter)
    if delimiter is None:
        delimiter, why = _guess_delimiter(path, encoding)
        guesses += (Guess(say("delimiter"), DELIMITERS[delimiter], why, "--delimiter"),)
    notes = []
    plain = delimiter == "\t" and _plain_quotes(path, encoding)
    if plain:
        notes.append(
            say(
                "Quotation marks in {file} are read as part of the texts: they do not enclose"
                " cells there.",
                file=path.name,
            )
        )
    names: list[str] = []
    columns: list[list] = []
    faults: list[str] = []
    ragged, blank, budget = Few(), 0, Budget(path.name, limits)
    for line, cells in _records(path, encoding, delimiter, faults, plain=plain):
        if not any(cells) and len(cells) < 2:
            blank += 1
        elif not names:
            budget.columns(len(cells))
            names, columns = cells, [[] for _ in cells]
        elif len(cells) != len(columns):
            ragged.add(
                say("line {line:,} has {n}", line=line, n=len(cells)) if ragged.shows else ""
            )
        elif not ragged:
            budget.take(1, len(cells))
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
    if ragged:
        faults.append(_ragged_fault(path, ragged, len(columns), delimiter))
    if blank:
        notes.append(
            say_n(
                "{n:,} empty line of {file} is passed over and not counted as a row.",
                "{n:,} empty lines of {file} are passed over and not counted as rows.",
                blank,
                file=path.name,
            )
        )
    return checked(path, names, columns, guesses, notes, faults)


def _records(
    path: Path, encoding: str, delimiter: str, faults: list[str], *, plain: bool
) -> Iterator[tuple[int, list[str]]]:
    """The line each record begins on, and its cells; faults of quoting are added to `faults`."""
    csv.field_size_limit(MAX_CELL)  # of the whole process, and the same at every call
    quoting: Literal[0, 3] = csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True, quoting=quoting)
        while True:
            line = reader.line_num + 1  # a quoted cell may continue over several lines
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                faults.append(_quote_fault(path, error, line, reader.line_num))
                if reader.line_num > line or len(faults) == 10:
                    # where the next record begins is unknown now, and what followed would be noise
                    return
            else:
                yield line, cells


def _ragged_fault(path: Path, ragged: Few, expected: int, delimiter: str) -> str:
    return say_n(
        "{file}: the first line has {n} field, but {ragged}. Put quotation marks around texts that"
        " hold a {mark}, or name another delimiter with {option}.",
        "{file}: the first line has {n} fields, but {ragged}. Put quotation marks around texts that"
        " hold a {mark}, or name another delimiter with {option}.",
        expected,
        file=path.name,
        ragged=ragged,
        mark=DELIMITERS.get(delimiter, repr(delimiter)),
        option=Setting("delimiter"),
    )


def _quote_fault(path: Path, error: csv.Error, line: int, end: int) -> str:
    where = say("{file}, line {line:,}", file=path.name, line=line)
    if "field larger" in str(error):
        if end > line:
            return say(
                "{where}: a quotation mark opened in this row is never closed, so the cell runs"
                " on for more than {max_cell:,} characters. Close it, or double it if it is"
                " part of the text.",
                where=where,
                max_cell=MAX_CELL,
            )
        return say(
            "{where}: one cell has more than {max_cell:,} characters. Shorten it, or check"
            " that the lines of the file are separated.",
            where=where,
            max_cell=MAX_CELL,
        )
    if "unexpected end" in str(error):
        return say(
            "{where}: a quotation mark opened in this row is never closed. Close it, or"
            " double it if it is part of the text.",
            where=where,
        )
    values = {"where": where, "end": end}
    if end > line:
        return say(
            "{where}: a quoted cell continues after its closing quotation mark (the cell ends on"
            " line {end:,}). Double quotation marks that are part of a text, or close the one"
            " that was left open.",
            **values,
        )
    return say(
        "{where}: a quoted cell continues after its closing quotation mark. Double quotation"
        " marks that are part of a text, or close the one that was left open.",
        **values,
    )


def _given_delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    delimiter = {
        "\\t": "\t",
        "tab": "\t",
        "comma": ",",
        "semicolon": ";",
        "pipe": "|",
        "bar": "|",
    }.get(given.lower(), given)
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise UserError(
            say(
                "{given!r} cannot be a delimiter. Give one character, such as ',' or ';' or"
                " '|', or the word tab.",
                given=given,
            )
        )
    return delimiter


def _guess_delimiter(path: Path, encoding: str) -> tuple[str, str]:
    """The one that cuts the header and, as evenly as possible, the rows below it; cells in quotes
    are not cut.
    """
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(CHUNK)
        whole = not file.read(1)
    order = "\t,;|" if path.suffix.lower() == ".tsv" else ",\t;|"
    even = {}
    for delimiter in order:
        widths = _widths(sample, delimiter)
        widths = (
            widths if whole else widths[:-1]
        )  # the last record is cut off where the sample ends
        if widths and widths[0] > 1:
            even[delimiter] = sum(w == widths[0] for w in widths) / len(widths)
    if not even:
        return order[0], say("none of comma, tab, semicolon and vertical bar is in the first line")
    best = max(even, key=even.__getitem__)
    return best, say(
        "it cuts {even:.0%} of the first lines into as many fields as the header", even=even[best]
    )


def _widths(sample: str, delimiter: str) -> list[int]:
    csv.field_size_limit(MAX_CELL)
    widths = []
    try:
        for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if any(cells):
                widths.append(len(cells))
    except csv.Error:
        pass  # reported by the reader itself, with its line
    return widths


def _plain_quotes(path: Path, encoding: str) -> bool:
    """Whether quotation marks in a tab-separated file are ordinary characters, as in the files of
    GLUE.

    They are when every line has its fields without any quoting, and some cell begins with a mark
    that does not enclose it. Read as quoting, such a cell would swallow the rows below it. A header
    in quotation marks settles
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
    """Whether the quotation mark that a cell begins with also ends it, and those between are
    doubled.
    """
    return len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "")
