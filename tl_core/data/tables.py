"""A person's file as columns of cells: CSV, TSV, JSONL, JSON, Parquet, XLSX.

What a file is, is read from its bytes; the suffix only settles what the bytes leave open. Every
guess is kept with the option that overrides it, and every fault is one sentence that names lines or
rows.
"""

from __future__ import annotations

import codecs
import difflib
from dataclasses import replace
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, both, either, say, together
from tl_core.data.formats.conll import is_conll, read_conll
from tl_core.data.formats.delimited import DELIMITERS, read_delimited
from tl_core.data.formats.encodings import CHUNK, find_encoding, refuse_nul
from tl_core.data.formats.json_rows import json_kind, read_json, read_jsonl
from tl_core.data.formats.parquet import read_parquet
from tl_core.data.formats.workbook import read_workbook
from tl_core.data.limits import MAX_CELL, USUAL, Limits
from tl_core.data.table import (
    GUESS_ALL,
    Cell,
    Guess,
    ReadOptions,
    Table,
    checked,
    some,
    well_formed,
)

__all__ = [
    "DELIMITERS",
    "GUESS_ALL",
    "MAX_CELL",
    "OLE",
    "READABLE",
    "USUAL",
    "Cell",
    "Guess",
    "Limits",
    "ReadOptions",
    "Table",
    "read_table",
    "some",
    "well_formed",
]

READABLE = (
    *(".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx"),
    *(".conll", ".iob", ".iob2", ".bio"),
)

# First bytes of files that are no table of texts, and what to call them.
FOREIGN = (
    (b"%PDF", say("a PDF")),
    (b"\x89PNG", say("a PNG image")),
    (b"\xff\xd8\xff", say("a JPEG image")),
    (b"GIF8", say("a GIF image")),
    (b"\x1f\x8b", say("compressed with gzip")),
    (b"BZh", say("compressed with bzip2")),
    (b"\xfd7zXZ", say("compressed with xz")),
    (b"\x28\xb5\x2f\xfd", say("compressed with zstd")),
    (b"7z\xbc\xaf\x27\x1c", say("a 7z archive")),
    (b"SQLite format 3\0", say("an SQLite database")),
    (b"ARROW1", say("an Arrow or Feather file")),
    (b"\x93NUMPY", say("a NumPy array")),
    (b"{\\rtf", say("a rich text document")),
    (b"\x7fELF", say("a program")),
)
# the container of .xls files and of workbooks with a password
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_table(path: Path, options: ReadOptions = GUESS_ALL, limits: Limits = USUAL) -> Table:
    """Read a file whatever its format.

    Raises:
        UserError: the file cannot be read as a table, every fault with its line or row; or there is
            more of it than `limits` allow.
    """
    path = Path(path)
    head = _head(path)
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls") and head[:4] != b"PK\x03\x04" and head[:8] != OLE:
        raise UserError(
            say(
                "{file} is not an Excel workbook, whatever its name says. Save it again as"
                " .xlsx, or name it .csv if it is text.",
                file=path.name,
            )
        )
    if suffix == ".parquet" and head[:4] not in (b"PAR1", b"PARE"):
        raise UserError(
            say(
                "{file} is not a Parquet file, whatever its name says. Write it again, or name"
                " it .csv if it is text.",
                file=path.name,
            )
        )
    if head[:4] == b"PK\x03\x04":
        table = read_workbook(path, options, limits)
    elif head[:4] in (b"PAR1", b"PARE"):
        table = read_parquet(path, head, limits)
    else:
        _refuse_foreign(path, head)
        table = _read_text(path, head, options, limits)
    return replace(table, notes=table.notes + _unused(path, head, options))


def _unused(path: Path, head: bytes, options: ReadOptions) -> tuple[str, ...]:
    """Options that say nothing about a file of this kind."""
    workbook, text = head[:4] == b"PK\x03\x04", head[:4] not in (b"PK\x03\x04", b"PAR1")
    given = {
        "sheet": options.sheet and not workbook,
        "encoding": options.encoding and not text,
        "delimiter": options.delimiter and not text,
    }
    unused = [say("{option}", option=Setting(option)) for option, idle in given.items() if idle]
    if not unused:
        return ()
    return (
        say(
            "Ignored: {unused}, which does not apply to {file}.",
            unused=both(unused),
            file=path.name,
        ),
    )


# --- what the bytes say ---------------------------------------------------------------------------


def _head(path: Path) -> bytes:
    """The first bytes; or the sentence for a file that is not there, a folder, an empty file."""
    try:
        if path.is_dir():
            inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in READABLE)
            if inside:
                raise UserError(
                    say(
                        "{path} is a folder. Name one file in it: {files}.",
                        path=path,
                        files=some(inside),
                    )
                )
            raise UserError(
                say(
                    "{path} is a folder. Name one file in it, of a kind that can be read"
                    " ({readable});"
                    " it holds none now.",
                    path=path,
                    readable=READABLE,
                )
            )
        with path.open("rb") as file:
            head = file.read(CHUNK)
    except FileNotFoundError:
        raise UserError(_missing(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UserError(
            say(
                "{path} cannot be opened ({error}). Check its name and who may read it.",
                path=path,
                error=error,
            )
        ) from None
    if not head.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise UserError(
            say(
                "{file} is empty. It needs a line of column names and rows below it.",
                file=path.name,
            )
        )
    return head


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return say(
            "There is no file {path}, and no folder {folder}. Check the path.",
            path=path,
            folder=folder,
        )
    here = {p.name.lower(): p.name for p in folder.iterdir()}
    near = [here[n] for n in difflib.get_close_matches(path.name.lower(), here, n=3, cutoff=0.5)]
    hint = (
        say("Did you mean {names}?", names=either(near))
        if near
        else say("Nothing in {folder} has a name like it.", folder=folder.absolute())
    )
    return together((say("There is no file {path}.", path=path), hint))


def _refuse_foreign(path: Path, head: bytes) -> None:
    remedy = say("Export the rows as CSV, JSONL, Parquet or XLSX.")
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise UserError(
                say(
                    "{file} is {what}, not a table of texts. {remedy}",
                    file=path.name,
                    what=what,
                    remedy=remedy,
                )
            )
    if head.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise UserError(
                say(
                    "{file} is protected with a password. Open it, remove the password and save it"
                    " again.",
                    file=path.name,
                )
            )
        raise UserError(
            say(
                "{file} is an old Excel or Office file (.xls). Open it and save it as .xlsx or"
                " CSV.",
                file=path.name,
            )
        )


def _read_text(path: Path, head: bytes, options: ReadOptions, limits: Limits) -> Table:
    encoding, guesses = find_encoding(path, head, options.encoding)
    refuse_nul(path, encoding)
    kind = None if options.delimiter else json_kind(path, encoding)
    if kind:
        columns = (
            read_jsonl(path, encoding, limits)
            if kind == "jsonl"
            else read_json(path, encoding, limits)
        )
        return checked(path, list(columns), list(columns.values()), guesses)
    if options.delimiter is None and is_conll(path, encoding):
        return read_conll(path, encoding, guesses, limits)
    return read_delimited(path, encoding, options, guesses, limits)
