"""A person's file as columns of cells: CSV, TSV, JSONL, JSON, Parquet, XLSX.

What a file is, is read from its bytes; the suffix only settles what the bytes leave open. Every guess is
kept with the option that overrides it, and every fault is one sentence that names lines or rows.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from encodings.aliases import aliases
from pathlib import Path
from typing import Any, Literal

from tl_core.errors import UserError, raise_all, unknown

MAX_CELL = 1_000_000  # characters; a longer cell is a file swallowed by one open quote, or no text to label
MAX_ROWS = 5_000_000  # at 240 characters a row this is about 2 GB of memory, all that a usual machine can spare
MAX_COLUMNS = 1_000  # JSON rows may each bring new keys; every one of them is a cell in every row
MAX_UNPACKED = 4 << 30  # bytes; a small XLSX or Parquet file can unpack to more than any memory
DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar"}
CHUNK = 1 << 20  # bytes or characters looked at in one go
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
BOMS = (  # the longer first: a UTF-32 mark begins with the one of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROL = bytes({*range(32), 127} - {9, 10, 12, 13, 27})  # what no text has; tab, line ends, page end, escape apart

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


def read_table(path: Path, options: ReadOptions = GUESS_ALL) -> Table:
    """Read a file whatever its format.

    Raises:
        UserError: the file cannot be read as a table; every fault with its line or row.
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
        table = _read_xlsx(path, options)
    elif head[:4] in (b"PAR1", b"PARE"):
        table = _read_parquet(path, head)
    else:
        _refuse_foreign(path, head)
        table = _read_text(path, head, options)
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


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _beyond_ascii(path: Path, encoding: str, enough: int = 100_000) -> str:
    """The first characters that are not ASCII; what cannot be decoded is U+FFFD."""
    decoder, found = codecs.getincrementaldecoder(encoding)("replace"), ""
    for chunk in _chunks(path):
        found += re.sub(r"[\x00-\x7f]+", "", decoder.decode(chunk))
        if len(found) >= enough:
            break
    return found


def _undecodable(path: Path, encoding: str) -> str:
    data, start = path.read_bytes(), 0
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        start = error.start
    except UnicodeError:  # some codecs do not say where
        pass
    width = 2 if "16" in encoding else 4 if "32" in encoding else 1
    line = data[:start].count(b"\n" if width == 1 else "\n".encode("utf-16-le" if width == 2 else "utf-32-le")) + 1
    return f"byte {data[start]:#04x} at position {start:,} (line {line:,})"


def _find_encoding(path: Path, head: bytes, given: str | None) -> tuple[str, tuple[Guess, ...]]:
    """An encoding that decodes the whole file, given or guessed."""
    if given:
        return _given_encoding(path, head, given), ()
    encoding, why = _guess_encoding(path, head)
    return encoding, (Guess("encoding", encoding.removesuffix("-sig"), why, "--encoding"),)


def _given_encoding(path: Path, head: bytes, given: str) -> str:
    try:
        "x".encode(given)  # also refuses codecs that are no text encodings, such as base64
        name = codecs.lookup(given).name
    except (LookupError, UnicodeError, ValueError):
        names = sorted({a.replace("_", "-") for a in aliases} | {a.replace("_", "-") for a in aliases.values()})
        near = difflib.get_close_matches(given.lower().replace("_", "-"), names, n=3, cutoff=0.6)
        raise UserError(
            f"There is no encoding called {given!r}. "
            + (
                f"Did you mean {' or '.join(near)}?"
                if near
                else "Common ones are utf-8, utf-16, cp949, latin-1, cp1252."
            )
        ) from None
    if name == "utf-8":
        name = "utf-8-sig"  # the mark at the start, if there is one, is not part of the first column's name
    if name in ("utf-16-le", "utf-16-be") and head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        name = "utf-16"
    elif name == "utf-16" and head[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        name = _wide(path, head, False) or "utf-16-le"
    if not _decodes(path, name):
        raise UserError(
            f"{path.name} is not in the encoding {given}: {_undecodable(path, name)} cannot be decoded. "
            "Name another one with --encoding, or leave it out to have it guessed."
        )
    return name


def _guess_encoding(path: Path, head: bytes) -> tuple[str, str]:
    for mark, encoding in BOMS:
        if head.startswith(mark):
            if not _decodes(path, encoding):
                raise UserError(
                    f"{path.name} begins with the byte order mark of {encoding.removesuffix('-sig').upper()}, but "
                    f"{_undecodable(path, encoding)} is not. Save it again as UTF-8."
                )
            return encoding, "it begins with a byte order mark"
    utf8 = _decodes(path, "utf-8")
    if wide := _wide(path, head, utf8):
        return wide, "every other byte is zero, as in UTF-16"
    _refuse_binary(path, head, utf8)
    if utf8:
        return "utf-8", "all of it is valid UTF-8"
    return _guess_legacy(path)


def _wide(path: Path, head: bytes, utf8: bool) -> str | None:
    """UTF-16 without its mark: ASCII characters have a zero as their upper byte, and nothing has one as its lower."""
    units = max(1, len(head) // 2)
    low, high = head[0::2].count(0) / units, head[1::2].count(0) / units
    # ASCII in UTF-16 is also valid UTF-8, but half of it is NUL; Korean is not, and has few ASCII characters.
    needed = 0.7 if utf8 else 0.05
    for encoding, zeros, others in (("utf-16-le", high, low), ("utf-16-be", low, high)):
        if zeros >= needed and others <= 0.01 and _decodes(path, encoding):
            text = head[: units * 2].decode(encoding, "replace")
            if sum(c in "\t\r\n" or c.isprintable() for c in text) > 0.95 * len(text):
                return encoding
    return None


def _refuse_binary(path: Path, head: bytes, utf8: bool) -> None:
    controls = len(head) - len(head.translate(None, CONTROL))
    if controls > 0.3 * len(head) or (not utf8 and (b"\0" in head or controls > 0.02 * len(head))):
        raise UserError(
            f"{path.name} is not text: its bytes look like an image, an archive or a program, whatever its name says. "
            "Export the rows as CSV, JSONL, Parquet or XLSX."
        )


def _guess_legacy(path: Path) -> tuple[str, str]:
    """Not UTF-8. Korean, Western European, or a refusal: a wrong guess turns every text to rubbish."""
    seen = _beyond_ascii(path, "utf-8")
    if len(seen) > 5 * seen.count("\ufffd"):
        raise UserError(
            f"{path.name} is UTF-8 but for a few bytes, the first is {_undecodable(path, 'utf-8')}. "
            "Mend those lines and save the file as UTF-8, or name its encoding with --encoding."
        )
    seen = _beyond_ascii(path, "cp949")
    hangul = len(re.findall("[가-힣ㄱ-ㆎ]", seen))
    if hangul > 0.7 * len(seen):
        if _decodes(path, "cp949"):
            return "cp949", "it is not valid UTF-8 and reads as Korean"
        raise UserError(
            f"{path.name} is Korean in CP949 but for a few bytes, the first is {_undecodable(path, 'cp949')}. "
            "Mend those lines and save the file as UTF-8, or name its encoding with --encoding."
        )
    size = high = c1 = 0
    for chunk in _chunks(path):
        size += len(chunk)
        high += len(chunk.translate(None, bytes(range(128))))
        c1 += len(chunk) - len(chunk.translate(None, bytes(range(128, 160))))
    if high > 0.3 * size:  # Western European texts have an accent in ten letters, others have hardly an ASCII letter
        raise UserError(
            f"{path.name} is not UTF-8, and its bytes look neither like Korean (CP949) nor like a Western "
            "European language (Latin-1). "
            "Save it as UTF-8, or name its encoding with --encoding, such as gbk, shift_jis, big5 or cp1251."
        )
    if c1 and _decodes(path, "cp1252"):
        return "cp1252", "it is neither valid UTF-8 nor Korean, and has the quotation marks of Windows"
    return "latin-1", "it is neither valid UTF-8 nor Korean; Latin-1 reads any byte, so look at the accents"


def _refuse_nul(path: Path, encoding: str) -> None:
    if encoding.startswith(("utf-16", "utf-32")):
        return  # zeros are halves of characters there; NUL characters are found in the cells
    lines, line = [], 1
    for chunk in _chunks(path):
        if b"\0" in chunk:
            lines += [line + i for i, part in enumerate(chunk.split(b"\n")) if b"\0" in part]
        line += chunk.count(b"\n")
    if lines:
        raise UserError(
            f"{path.name} has NUL bytes, which no text holds, in line {some(dict.fromkeys(lines))}. "
            "Remove them, or write the file again from its source."
        )


# --- text files ----------------------------------------------------------------------------------------


def _read_text(path: Path, head: bytes, options: ReadOptions) -> Table:
    encoding, guesses = _find_encoding(path, head, options.encoding)
    _refuse_nul(path, encoding)
    kind = None if options.delimiter else _json_kind(path, encoding)
    if kind:
        columns = _read_jsonl(path, encoding) if kind == "jsonl" else _read_json(path, encoding)
        return _checked(path, list(columns), list(columns.values()), guesses)
    return _read_delimited(path, encoding, options, guesses)


def _read_delimited(path: Path, encoding: str, options: ReadOptions, guesses: tuple[Guess, ...]) -> Table:
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
    ragged, faults, blank = [], [], 0
    for line, cells in _records(path, encoding, delimiter, csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL, faults):
        if not any(cells) and len(cells) < 2:
            blank += 1
            continue
        if not names:
            names, columns = cells, [[] for _ in cells]
            continue
        if len(cells) != len(columns):
            ragged.append(f"line {line:,} has {len(cells)}")
            cells = (cells + [""] * len(columns))[: len(columns)]
        if len(columns[0]) == MAX_ROWS:
            raise UserError(_too_many(path))
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell)
    if ragged:
        faults.append(_ragged_fault(path, ragged, len(columns), delimiter))
    if blank:
        notes.append(f"{blank:,} empty line{'s' * (blank > 1)} of {path.name} are passed over and not counted as rows.")
    return _checked(path, names, columns, guesses, notes, faults)


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


def _ragged_fault(path: Path, ragged: list[str], expected: int, delimiter: str) -> str:
    return (
        f"{path.name}: the first line has {expected} field{'s' * (expected > 1)}, but {some(ragged)}. "
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
    not enclose it. Read as quoting, such a cell would swallow the rows below it.
    """
    plain, width = False, None
    with path.open(encoding=encoding, newline="") as file:
        for line in file:
            cells = line.rstrip("\r\n").split("\t")
            width = width or len(cells)
            if '"' not in line:
                continue
            if len(cells) != width:
                return False
            plain = plain or any(c.startswith('"') and not re.fullmatch(r'"(?:[^"]|"")*"', c) for c in cells)
    return plain


# --- JSON ----------------------------------------------------------------------------------------------


def _json_kind(path: Path, encoding: str) -> Literal["json", "jsonl"] | None:
    """Lines of objects, one value, or None for something else."""
    with path.open(encoding=encoding) as file:
        lines = (stripped for line in file if (stripped := line.strip()))
        first, second = next(lines, ""), next(lines, "")
    suffix = path.suffix.lower()
    if not first.startswith(("{", "[")):
        return {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(suffix)
    if _is_json(first):
        return "jsonl" if second or suffix in (".jsonl", ".ndjson") else "json"
    if suffix in (".jsonl", ".ndjson") or (first.endswith("}") and second.startswith("{")):
        return "jsonl"
    if suffix == ".json" or _is_json(path.read_text(encoding)):
        return "json"
    return None  # a CSV whose first column is called "[text]", say


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _read_jsonl(path: Path, encoding: str) -> dict[str, list]:
    broken, no_objects = [], []

    def rows() -> Iterator[dict]:
        with path.open(encoding=encoding) as file:
            for number, line in enumerate(file, 1):
                if line.isspace():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    broken.append(f"{number:,} ({error.msg}, character {error.colno:,})")
                except (
                    ValueError,
                    RecursionError,
                ) as error:  # a number of thousands of digits; lists in lists in lists
                    broken.append(f"{number:,} ({error})")
                else:
                    if isinstance(row, dict):
                        yield row
                    else:
                        no_objects.append(f"{number:,}")

    columns = _gather(path, rows())
    faults = []
    if broken:
        faults.append(f"{path.name} has lines that are not valid JSON: line {some(broken)}. Mend or remove them.")
    if no_objects:
        faults.append(
            f"{path.name} has lines that are no JSON objects: line {some(no_objects)}. "
            f'Each line must look like {{"text": "...", "label": "..."}}.'
        )
    raise_all(faults)
    return columns


def _read_json(path: Path, encoding: str) -> dict[str, list]:
    try:
        value = json.loads(path.read_text(encoding))
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path.name} is not valid JSON: {error.msg} at line {error.lineno:,}, character {error.colno:,}. "
            "Mend it there."
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path.name} cannot be read as JSON ({error}). Write it as a list of flat objects.") from None
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if isinstance(value, dict) and value:
        if all(isinstance(v, list) for v in value.values()):
            return _equal_lists(path, value)
        if all(isinstance(v, dict) for v in value.values()):  # what pandas writes: {"text": {"0": "..."}}
            return _equal_lists(path, {name: list(cells.values()) for name, cells in value.items()})
        value = [value]
    if not isinstance(value, list):
        raise UserError(
            f'{path.name} holds no rows. It must be a list of objects, [{{"text": "...", "label": "..."}}, ...], '
            "or one list for each column."
        )
    no_objects = [f"{i:,}" for i, row in enumerate(value, 1) if not isinstance(row, dict)]
    if no_objects:
        raise UserError(
            f"{path.name} has items that are no objects: item {some(no_objects)}. "
            f'Each must look like {{"text": "...", "label": "..."}}.'
        )
    return _gather(path, value)


def _equal_lists(path: Path, columns: dict[str, list]) -> dict[str, list]:
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(
            f"{path.name} has columns of different lengths: {some(f'{n} has {k:,}' for n, k in lengths.items())}. "
            "Every column needs a cell for every row."
        )
    if max(lengths.values()) > MAX_ROWS:
        raise UserError(_too_many(path))
    return {name: [_flat(cell) for cell in cells] for name, cells in columns.items()}


def _gather(path: Path, rows: Iterable[dict]) -> dict[str, list]:
    """Rows to columns; a key that a row lacks is None there."""
    columns: dict[str, list] = {}
    for n, row in enumerate(rows):
        if n == MAX_ROWS:
            raise UserError(_too_many(path))
        if row.keys() != columns.keys():
            for name in row:
                if name not in columns:
                    columns[name] = [None] * n
            if len(columns) > MAX_COLUMNS:
                raise UserError(
                    f"{path.name} has more than {MAX_COLUMNS:,} different keys by row {n + 1:,}. "
                    "Use the same few keys, such as text and label, in every row."
                )
        for name, cells in columns.items():
            cells.append(_flat(row.get(name)))
    return columns


def _flat(cell: Any) -> Cell:
    if type(cell) is dict:
        cell = json.dumps(cell, ensure_ascii=False)
    if type(cell) is list:
        return [well_formed(part) if type(part) is str else part for part in cell]
    return well_formed(cell) if type(cell) is str else cell


def well_formed(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, which JSON can spell but no tokenizer or file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


# --- Parquet and XLSX ----------------------------------------------------------------------------------


def _read_parquet(path: Path, head: bytes) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if head.startswith(b"PARE"):
        raise UserError(f"{path.name} is encrypted. Write it again without encryption.")
    try:
        file = pq.ParquetFile(path)
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        if file.metadata.num_rows > MAX_ROWS:
            raise UserError(_too_many(path))
        if sum(g.total_byte_size for g in groups) > MAX_UNPACKED:
            raise UserError(
                f"{path.name} unpacks to more than {MAX_UNPACKED >> 30} GB. Keep only the columns of texts and labels."
            )
        arrow = file.read()
        columns = [_arrow_cells(column) for column in arrow.columns]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(
            f"{path.name} is a broken Parquet file ({str(error).splitlines()[0]}). "
            "Write it again, or check that it was copied whole."
        ) from None
    kept = [i for i, cells in enumerate(columns) if cells is not None]
    left_out = [name for name, cells in zip(arrow.column_names, columns, strict=True) if cells is None]
    notes = (
        [f"Columns of {path.name} that hold neither texts nor labels are left out: {some(left_out)}."]
        if left_out
        else []
    )
    return _checked(path, [arrow.column_names[i] for i in kept], [columns[i] for i in kept], (), notes)


def _arrow_cells(column: Any) -> list | None:
    """Plain Python cells; None for a type that is neither text nor label (bytes, structures)."""
    import pyarrow as pa

    kinds = pa.types
    of = column.type.value_type if kinds.is_dictionary(column.type) else column.type
    if kinds.is_temporal(of) or kinds.is_decimal(of):
        return column.cast(pa.string()).to_pylist()
    lists = kinds.is_list(of) or kinds.is_large_list(of) or kinds.is_fixed_size_list(of)
    scalar = of.value_type if lists else of
    texts = kinds.is_string(scalar) or kinds.is_large_string(scalar) or kinds.is_string_view(scalar)
    numbers = kinds.is_integer(scalar) or kinds.is_floating(scalar) or kinds.is_boolean(scalar) or kinds.is_null(scalar)
    return column.to_pylist() if texts or numbers else None


def _read_xlsx(path: Path, options: ReadOptions) -> Table:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {info.filename: info.file_size for info in archive.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
        raise UserError(
            f"{path.name} is a broken workbook or archive ({error}). Save it again, or check that it was copied whole."
        ) from None
    if not any(name.lower() == "xl/workbook.xml" for name in parts):
        raise UserError(f"{path.name} is a ZIP archive, not an Excel workbook. Unpack it and choose the file inside.")
    if sum(parts.values()) > MAX_UNPACKED:
        raise UserError(f"{path.name} unpacks to more than {MAX_UNPACKED >> 30} GB. Save the sheet as CSV.")
    try:
        sheet, others, rows = _sheet_rows(path, options.sheet)
    except (UserError, MemoryError):
        raise
    except (
        Exception
    ) as error:  # openpyxl raises whatever it stumbles over in a damaged file: KeyError, TypeError, ParseError
        raise UserError(
            f"{path.name} is a broken workbook ({type(error).__name__}: {error}). "
            "Open it in Excel and save it again, or save the sheet as CSV."
        ) from error
    guesses = ()
    if others and options.sheet is None:
        guesses = (Guess("sheet", sheet, f"it is the first; there are also {some(others)}", "--sheet"),)
    return _from_rows(path, rows, guesses)


def _sheet_rows(path: Path, wanted: str | None) -> tuple[str, list[str], list[tuple]]:
    import openpyxl

    with path.open("rb") as file:  # opened here because openpyxl judges a path by its suffix
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            sheets = {sheet.title: sheet for sheet in book.worksheets}
            if wanted is not None and wanted not in sheets:
                raise UserError(
                    unknown(f"sheet in {path.name}", wanted, sheets)
                    + ("" if len(sheets) < 2 else f" Its sheets are: {', '.join(sheets)}.")
                )
            if not sheets:
                raise UserError(f"{path.name} has no sheet with cells. Save one that has.")
            shown = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
            title = wanted or (shown or list(sheets))[0]
            sheets[title].reset_dimensions()  # many programs write a wrong size there
            rows = []
            for row in sheets[title].iter_rows(values_only=True):
                rows.append(row)
                if len(rows) > MAX_ROWS + 1:
                    raise UserError(_too_many(path))
            return title, [t for t in sheets if t != title], rows
        finally:
            book.close()


def _from_rows(path: Path, rows: list[tuple], guesses: tuple[Guess, ...]) -> Table:
    filled = [row for row in rows if any(cell is not None and cell != "" for cell in row)]
    if not filled:
        raise UserError(f"The sheet of {path.name} is empty. It needs a line of column names and rows below it.")
    header, body = filled[0], filled[1:]
    width = max(map(len, filled))
    if width > MAX_COLUMNS:
        raise UserError(
            f"{path.name} has {width:,} columns; at most {MAX_COLUMNS:,} can be read. Keep those with texts and labels."
        )
    names = ["" if cell is None else str(cell) for cell in header] + [""] * (width - len(header))
    columns = [[_excel_cell(row[i]) if i < len(row) else None for row in body] for i in range(width)]
    inside = len(rows) - len(filled)
    notes = (
        [f"{inside:,} empty row{'s' * (inside > 1)} of {path.name} are passed over and not counted."] if inside else []
    )
    return _checked(path, names, columns, guesses, notes)


def _excel_cell(cell: Any) -> Cell:
    """Excel writes characters that XML cannot hold as _xHHHH_ (ECMA-376 part 1, 22.9.2.19); dates become text."""
    if isinstance(cell, str):
        return re.sub("_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), cell) if "_x" in cell else cell
    return cell if cell is None or isinstance(cell, (bool, int, float)) else str(cell)


# --- what every format must pass -----------------------------------------------------------------------


def _too_many(path: Path) -> str:
    return (
        f"{path.name} has more than {MAX_ROWS:,} rows. Draw a sample of them: far fewer are needed to compare "
        "ways of using labels."
    )


def _checked(
    path: Path,
    names: list[str],
    columns: list[list],
    guesses: tuple[Guess, ...] = (),
    notes: Iterable[str] = (),
    faults: Iterable[str] = (),
) -> Table:
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
    long = [f"{i:,} ({len(c):,})" for i, c in enumerate(cells, 1) if type(c) is str and len(c) > MAX_CELL]
    nul = [f"{i:,}" for i, c in enumerate(cells, 1) if type(c) is str and "\0" in c]
    faults = []
    if long:
        faults.append(
            f"{path.name}, column {name}: cells of more than {MAX_CELL:,} characters in row {some(long)}. "
            "Shorten or remove them."
        )
    if nul:
        faults.append(
            f"{path.name}, column {name}: NUL characters, which no text holds, in row {some(nul)}. Remove them."
        )
    return faults
