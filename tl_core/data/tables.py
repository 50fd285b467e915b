"""A person's file as columns of cells: CSV, TSV, JSONL, JSON, Parquet, XLSX.

What a file is, is read from its bytes; the suffix only settles what the bytes leave open. Every guess is
kept with the option that overrides it, and every fault is one sentence that names lines or rows.
"""

from __future__ import annotations

import codecs
import difflib
from dataclasses import replace
from pathlib import Path

from tl_core.data.delimited import DELIMITERS, read_delimited
from tl_core.data.encodings import CHUNK, find_encoding, refuse_nul
from tl_core.data.json_rows import json_kind, read_json, read_jsonl
from tl_core.data.limits import MAX_CELL, USUAL, Limits
from tl_core.data.parquet import read_parquet
from tl_core.data.table import GUESS_ALL, Cell, Guess, ReadOptions, Table, checked, some, well_formed
from tl_core.data.workbook import read_workbook
from tl_core.errors import UserError

__all__ = [
    "DELIMITERS", "GUESS_ALL", "MAX_CELL", "OLE", "READABLE", "USUAL", "Cell", "Guess", "Limits", "ReadOptions", "Table", "read_table", "some", "well_formed",
]  # fmt: skip

READABLE = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")

# First bytes of files that are no table of texts, and what to call them.
FOREIGN = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"ARROW1", "an Arrow or Feather file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"{\\rtf", "a rich text document"),
    (b"\x7fELF", "a program"),
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of .xls files and of workbooks with a password


def read_table(path: Path, options: ReadOptions = GUESS_ALL, limits: Limits = USUAL) -> Table:
    """Read a file whatever its format.

    Raises:
        UserError: the file cannot be read as a table, every fault with its line or row; or there is more of it than `limits` allow.
    """
    path = Path(path)
    head = _head(path)
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls") and head[:4] != b"PK\x03\x04" and head[:8] != OLE:
        raise UserError(
            f"{path.name} is not an Excel workbook, whatever its name says. "
            "Save it again as .xlsx, or name it .csv if it is text."
        )
    if suffix == ".parquet" and head[:4] not in (b"PAR1", b"PARE"):
        raise UserError(
            f"{path.name} is not a Parquet file, whatever its name says. Write it again, or name it .csv if it is text."
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
    given = {"--sheet": options.sheet and not workbook}
    given |= {"--encoding": options.encoding and not text, "--delimiter": options.delimiter and not text}
    unused = [option for option, idle in given.items() if idle]
    return (f"{' and '.join(unused)} had no use: {path.name} is of another kind.",) if unused else ()


# --- what the bytes say --------------------------------------------------------------------------------


def _head(path: Path) -> bytes:
    """The first bytes; or the sentence for a file that is not there, a folder, an empty file."""
    try:
        if path.is_dir():
            inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in READABLE)
            kinds = f", of a kind that can be read ({', '.join(READABLE)}); it holds none now."
            raise UserError(f"{path} is a folder. Name one file in it" + (f": {some(inside)}." if inside else kinds))
        with path.open("rb") as file:
            head = file.read(CHUNK)
    except FileNotFoundError:
        raise UserError(_missing(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UserError(f"{path} cannot be opened ({error}). Check its name and who may read it.") from None
    if not head.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise UserError(f"{path.name} is empty. It needs a line of column names and rows below it.")
    return head


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"There is no file {path}, and no folder {folder}. Check the path."
    here = {p.name.lower(): p.name for p in folder.iterdir()}
    near = [here[n] for n in difflib.get_close_matches(path.name.lower(), here, n=3, cutoff=0.5)]
    return f"There is no file {path}. " + (
        f"Did you mean {' or '.join(near)}?" if near else f"Nothing in {folder.absolute()} has a name like it."
    )


def _refuse_foreign(path: Path, head: bytes) -> None:
    remedy = "Export the rows as CSV, JSONL, Parquet or XLSX."
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise UserError(f"{path.name} is {what}, not a table of texts. {remedy}")
    if head.startswith(OLE):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise UserError(
                f"{path.name} is protected with a password. Open it, remove the password and save it again."
            )
        raise UserError(f"{path.name} is an old Excel or Office file (.xls). Open it and save it as .xlsx or CSV.")

def _read_text(path: Path, head: bytes, options: ReadOptions, limits: Limits) -> Table:
    encoding, guesses = find_encoding(path, head, options.encoding)
    refuse_nul(path, encoding)
    kind = None if options.delimiter else json_kind(path, encoding)
    if kind:
        columns = read_jsonl(path, encoding, limits) if kind == "jsonl" else read_json(path, encoding, limits)
        return checked(path, list(columns), list(columns.values()), guesses)
    return read_delimited(path, encoding, options, guesses, limits)
