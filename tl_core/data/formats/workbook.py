"""XLSX: one sheet of a workbook. What it unpacks to is looked at first, and reading ends with the
first row that is too much.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say, say_n, together
from tl_core.data.formats.encodings import CHUNK
from tl_core.data.limits import Budget, Limits
from tl_core.data.table import Cell, Guess, ReadOptions, Table, checked, some

SHARED = "xl/sharedstrings.xml"
A_SHARED_STRING = (b"<si>", b"<si ", b"<si/", b":si>", b":si ", b":si/")
MOST_BLANK = 1_048_576  # rows of a sheet in Excel; a row numbered higher is no row of a workbook
CELLS_BEYOND = 4  # cells that are formatted and empty, for each that may be kept


@dataclass(frozen=True)
class Sheet:
    """The filled rows of a sheet, each without the empty cells at its end."""

    title: str
    others: list[str]
    rows: list[tuple]
    blank: int


def read_workbook(path: Path, options: ReadOptions, limits: Limits) -> Table:
    """The named sheet, or the first that is not hidden.

    Raises:
        UserError: there is none, it is damaged, or more than may be read.
    """
    budget = Budget(path.name, limits)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {info.filename: info.file_size for info in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise UserError(
            say(
                "{file} is a broken workbook or archive ({error}). Save it again, or check that"
                " it was copied whole.",
                file=path.name,
                error=error,
            )
        ) from None
    if not any(name.lower() == "xl/workbook.xml" for name in parts):
        raise UserError(
            say(
                "{file} is a ZIP archive, not an Excel workbook. Unpack it and choose the file"
                " inside.",
                file=path.name,
            )
        )
    budget.unpacks_to(sum(parts.values()))
    try:
        _count_shared_strings(path, budget)
        sheet = _sheet(path, options.sheet, budget)
    except (UserError, MemoryError):
        raise
    # openpyxl raises whatever it stumbles over in a damaged file: KeyError, TypeError, ParseError
    except Exception as error:
        raise UserError(
            say(
                "{file} is a broken workbook ({name}: {error}). Open it in Excel and save it"
                " again, or save the sheet as CSV.",
                file=path.name,
                name=type(error).__name__,
                error=error,
            )
        ) from error
    guesses: tuple[Guess, ...] = ()
    if sheet.others and options.sheet is None:
        guesses = (
            Guess(
                say("sheet"),
                sheet.title,
                say("it is the first; there are also {others}", others=some(sheet.others)),
                "--sheet",
            ),
        )
    return _from_rows(path, sheet, guesses)


def _count_shared_strings(path: Path, budget: Budget) -> None:
    """The texts of all cells lie in one part, which is read whole before the first row: more of
    them than cells may be read are too many.
    """
    count = 0
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.lower() == SHARED:
                with archive.open(info) as part:
                    end = b""
                    while chunk := part.read(CHUNK):
                        count += sum((end + chunk).count(mark) for mark in A_SHARED_STRING)
                        end = chunk[-3:]  # shorter than any mark, so that none is counted twice
    if count > budget.limits.cells:
        budget.take(0, count)


def _sheet(path: Path, wanted: str | None, budget: Budget) -> Sheet:
    import openpyxl
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    ReadOnlyWorksheet._get_size = lambda self: (
        None
    )  # it would go through a whole sheet for a size that is not used here
    with path.open("rb") as file:  # opened here because openpyxl judges a path by its suffix
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            sheets = {sheet.title: sheet for sheet in book.worksheets}
            if wanted is not None and wanted not in sheets:
                raise UserError(
                    together(
                        (
                            unknown(say("sheet in {file}", file=path.name), wanted, sheets),
                            say("Its sheets are: {sheets}.", sheets=list(sheets))
                            if len(sheets) > 1
                            else "",
                        )
                    )
                )
            if not sheets:
                raise UserError(
                    say("{file} has no sheet with cells. Save one that has.", file=path.name)
                )
            shown = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
            title = wanted or (shown or list(sheets))[0]
            rows: list[tuple] = []
            blank, width, met = 0, 0, 0
            for row in sheets[title].iter_rows(values_only=True):
                met += len(row)
                kept = _without_end(row)
                if kept:
                    width = max(width, len(kept))
                    budget.columns(width)
                    if rows:  # the first holds the names
                        budget.take(
                            1, len(kept), sum(len(cell) for cell in kept if isinstance(cell, str))
                        )
                    rows.append(kept)
                elif (blank := blank + 1) > MOST_BLANK:
                    raise UserError(
                        say(
                            "The sheet of {file} has {blank:,} empty rows. Delete what lies far"
                            " below the rows, or save the sheet as CSV.",
                            file=path.name,
                            blank=blank,
                        )
                    )
                if met > CELLS_BEYOND * budget.limits.cells:
                    raise UserError(
                        say(
                            "The sheet of {file} has more than {cells_beyond:,} cells, most"
                            " of them empty."
                            " Save it as CSV.",
                            file=path.name,
                            cells_beyond=CELLS_BEYOND * budget.limits.cells,
                        )
                    )
            budget.take(
                0, max(0, width * (len(rows) - 1) - budget.cells)
            )  # rows that end early are filled up
            return Sheet(title, [t for t in sheets if t != title], rows, blank)
        finally:
            book.close()


def _without_end(row: tuple) -> tuple:
    """The row up to its last cell that holds something."""
    end = len(row)
    while end and (row[end - 1] is None or row[end - 1] == ""):
        end -= 1
    return row[:end]


def _from_rows(path: Path, sheet: Sheet, guesses: tuple[Guess, ...]) -> Table:
    if not sheet.rows:
        raise UserError(
            say(
                "The sheet of {file} is empty. It needs a line of column names and rows below it.",
                file=path.name,
            )
        )
    header, body = sheet.rows[0], sheet.rows[1:]
    width = max(map(len, sheet.rows))
    names = ["" if cell is None else str(cell) for cell in header] + [""] * (width - len(header))
    columns = [
        [_excel_cell(row[i]) if i < len(row) else None for row in body] for i in range(width)
    ]
    notes = (
        [
            say_n(
                "{n:,} empty row of {file} is passed over and not counted.",
                "{n:,} empty rows of {file} are passed over and not counted.",
                sheet.blank,
                file=path.name,
            )
        ]
        if sheet.blank
        else []
    )
    return checked(path, names, columns, guesses, notes)


def _excel_cell(cell: Any) -> Cell:
    """Excel writes characters that XML cannot hold as _xHHHH_ (ECMA-376 part 1, 22.9.2.19); dates
    become text.
    """
    if isinstance(cell, str):
        return (
            re.sub("_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), cell)
            if "_x" in cell
            else cell
        )
    return cell if cell is None or isinstance(cell, (bool, int, float)) else str(cell)
