"""Decoding of a text file's bytes: the encoding it is in, given or guessed, and what is no text at
all.
"""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterator
from encodings.aliases import aliases
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, Setting, either, listed, say, together
from tl_core.data.limits import Few
from tl_core.data.table import Guess

MOST_PARTS = 8  # stretches of lines that a refusal names
CHUNK = 1 << 20  # bytes or characters looked at in one go
BOMS = (  # the longer first: a UTF-32 mark begins with the one of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROL = bytes(
    {*range(32), 127} - {9, 10, 12, 13, 27}
)  # what no text has; tab, line ends, page end, escape apart


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
    line = (
        data[:start].count(
            b"\n" if width == 1 else "\n".encode("utf-16-le" if width == 2 else "utf-32-le")
        )
        + 1
    )
    return say(
        "byte {data:#04x} at position {start:,} (line {line:,})",
        data=data[start],
        start=start,
        line=line,
    )


def find_encoding(path: Path, head: bytes, given: str | None) -> tuple[str, tuple[Guess, ...]]:
    """An encoding that decodes the whole file, given or guessed.

    Raises:
        UserError: none does.
    """
    if given:
        return _given_encoding(path, head, given), ()
    encoding, why = _guess_encoding(path, head)
    return encoding, (Guess(say("encoding"), encoding.removesuffix("-sig"), why, "--encoding"),)


def _given_encoding(path: Path, head: bytes, given: str) -> str:
    try:
        "x".encode(given)  # also refuses codecs that are no text encodings, such as base64
        name = codecs.lookup(given).name
    except (LookupError, UnicodeError, ValueError):
        names = sorted(
            {a.replace("_", "-") for a in aliases} | {a.replace("_", "-") for a in aliases.values()}
        )
        near = difflib.get_close_matches(given.lower().replace("_", "-"), names, n=3, cutoff=0.6)
        raise UserError(
            together(
                (
                    say("There is no encoding called {given!r}.", given=given),
                    say("Did you mean {names}?", names=either(near))
                    if near
                    else say("Common ones are utf-8, utf-16, cp949, latin-1, cp1252."),
                )
            )
        ) from None
    if name == "utf-8":
        # the mark at the start, if there is one, is not part of the first column's name
        name = "utf-8-sig"
    if name in ("utf-16-le", "utf-16-be") and head[:2] in (
        codecs.BOM_UTF16_LE,
        codecs.BOM_UTF16_BE,
    ):
        name = "utf-16"
    elif name == "utf-16" and head[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        name = _wide(path, head, False) or "utf-16-le"
    if not _decodes(path, name):
        raise UserError(
            say(
                "{file} is not in the encoding {given}: {undecodable} cannot be decoded. Name"
                " another one with {encoding}, or leave it out to have it guessed.",
                file=path.name,
                given=given,
                undecodable=_undecodable(path, name),
                encoding=Setting("encoding"),
            )
        )
    return name


def _guess_encoding(path: Path, head: bytes) -> tuple[str, str]:
    for mark, encoding in BOMS:
        if head.startswith(mark):
            if not _decodes(path, encoding):
                raise UserError(
                    say(
                        "{file} begins with the byte order mark of {encoding}, but {undecodable} is"
                        " not. Save it again as UTF-8.",
                        file=path.name,
                        encoding=encoding.removesuffix("-sig").upper(),
                        undecodable=_undecodable(path, encoding),
                    )
                )
            return encoding, say("it begins with a byte order mark")
    utf8 = _decodes(path, "utf-8")
    if wide := _wide(path, head, utf8):
        return wide, say("every other byte is zero, as in UTF-16")
    _refuse_binary(path, head, utf8)
    if utf8:
        return "utf-8", say("all of it is valid UTF-8")
    return _guess_legacy(path)


def _in_two(path: Path) -> list[Sentence]:
    """Stretches of lines by their encoding, where every line is in one of two; [] elsewhere.

    A line of CP949 is taken for such only where it is no UTF-8 and Korean.
    """
    stretches: list[tuple[str, int, int]] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.isascii():
                continue
            encoding = _of_line(line)
            if not encoding:
                return []
            if stretches and stretches[-1][0] == encoding:
                stretches[-1] = (encoding, stretches[-1][1], number)
            else:
                stretches.append((encoding, number, number))
    if len({encoding for encoding, _, _ in stretches}) < 2:
        return []
    return [
        say("line {first:,} in {encoding}", first=a, encoding=encoding.upper())
        if a == b
        else say(
            "lines {first:,} to {last:,} in {encoding}",
            first=a,
            last=b,
            encoding=encoding.upper(),
        )
        for encoding, a, b in stretches
    ]


def _of_line(line: bytes) -> str:
    for encoding in ("utf-8", "cp949"):
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            continue
        odd = re.sub(r"[\x00-\x7f]+", "", text)
        if encoding == "utf-8" or len(re.findall("[가-힣ㄱ-ㆎ]", odd)) > 0.7 * len(odd):
            return encoding
    return ""


def _wide(path: Path, head: bytes, utf8: bool) -> str | None:
    """UTF-16 without its mark: ASCII characters have a zero as their upper byte, and nothing has
    one as its lower.
    """
    units = max(1, len(head) // 2)
    low, high = head[0::2].count(0) / units, head[1::2].count(0) / units
    # ASCII in UTF-16 is also valid UTF-8, but half of it is NUL; Korean is not, and has few ASCII
    # characters.
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
            say(
                "{file} is not text: its bytes look like an image, an archive or a program,"
                " whatever its name says. Export the rows as CSV, JSONL, Parquet or XLSX.",
                file=path.name,
            )
        )


def _guess_legacy(path: Path) -> tuple[str, str]:
    """Guess an encoding that is not UTF-8.

    Korean, Western European, or a refusal: a wrong guess turns every text to rubbish.
    """
    if parts := _in_two(path):
        raise UserError(
            say(
                "{file} is partly in UTF-8 and partly in Korean CP949, as when files are put"
                " together: {parts}. Save each part as UTF-8 and put those together.",
                file=path.name,
                parts=listed(parts, MOST_PARTS),
            )
        )
    seen = _beyond_ascii(path, "utf-8")
    if len(seen) > 5 * seen.count("\ufffd"):
        raise UserError(
            say(
                "{file} is UTF-8 but for a few bytes, the first is {undecodable}. Mend those"
                " lines and save the file as UTF-8, or name its encoding with {encoding}.",
                file=path.name,
                undecodable=_undecodable(path, "utf-8"),
                encoding=Setting("encoding"),
            )
        )
    seen = _beyond_ascii(path, "cp949")
    hangul = len(re.findall("[가-힣ㄱ-ㆎ]", seen))
    if hangul > 0.7 * len(seen):
        if _decodes(path, "cp949"):
            return "cp949", say("it is not valid UTF-8 and reads as Korean")
        raise UserError(
            say(
                "{file} is Korean in CP949 but for a few bytes, the first is {undecodable}."
                " Mend those lines and save the file as UTF-8, or name its encoding with"
                " {encoding}.",
                file=path.name,
                undecodable=_undecodable(path, "cp949"),
                encoding=Setting("encoding"),
            )
        )
    return _guess_western(path)


def _guess_western(path: Path) -> tuple[str, str]:
    size = high = c1 = 0
    for chunk in _chunks(path):
        size += len(chunk)
        high += len(chunk.translate(None, bytes(range(128))))
        c1 += len(chunk) - len(chunk.translate(None, bytes(range(128, 160))))
    if (
        high > 0.3 * size
    ):  # Western European texts have an accent in ten letters, others have hardly an ASCII letter
        raise UserError(
            say(
                "{file} is not UTF-8, and its bytes look neither like Korean (CP949) nor like a"
                " Western European language (Latin-1). Save it as UTF-8, or name its encoding"
                " with {encoding}, such as gbk, shift_jis, big5 or cp1251.",
                file=path.name,
                encoding=Setting("encoding"),
            )
        )
    if c1 and _decodes(path, "cp1252"):
        return (
            "cp1252",
            say("it is neither valid UTF-8 nor Korean, and has the quotation marks of Windows"),
        )
    return (
        "latin-1",
        say("it is neither valid UTF-8 nor Korean; Latin-1 reads any byte, so look at the accents"),
    )


def refuse_nul(path: Path, encoding: str) -> None:
    """See that there is no NUL byte.

    Raises:
        UserError: there are some; their lines.
    """
    if encoding.startswith(("utf-16", "utf-32")):
        return  # zeros are halves of characters there; NUL characters are found in the cells
    lines, line = Few(), 1
    for chunk in _chunks(path):
        if b"\0" in chunk:
            for i, part in enumerate(chunk.split(b"\n")):
                if b"\0" in part:
                    lines.add(f"{line + i:,}")
        line += chunk.count(b"\n")
    if lines:
        raise UserError(
            say(
                "{file} has NUL bytes, which no text holds, in line {lines}. Remove them, or"
                " write the file again from its source.",
                file=path.name,
                lines=lines,
            )
        )
