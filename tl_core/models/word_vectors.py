"""Vectors of words, from a text file (GloVe, word2vec, fastText: `word v1 v2 ...`) or from a
model's own input layer.

A file is known by the digest of its bytes, is read once and is checked from its first line to its
last.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import sys
import time
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import say, say_n
from tl_core.api.types import Example

MAX_BYTES = 2**30  # of vectors in memory: 400,000 words of 300 numbers are half of it
MAX_WORDS = 5_000_000
MAX_LINE = 2**16  # bytes: 2,000 dimensions with room to spare
BLOCK = 4096  # lines whose numbers are read together
SHOWN = 3  # lines named of each kind of fault
UNKNOWN = -1


@dataclass(frozen=True)
class FileVectors:
    """Words and a vector each; what a text says as positions of them."""

    name: str  # for a sentence
    digest: str
    index: dict[str, int] = field(repr=False)
    table: np.ndarray = field(repr=False)  # (V, d) float32
    seconds: float = 0.0  # that reading took

    def read(self, texts: Sequence[str]) -> list[list[int]]:
        """Position of every word of each text; UNKNOWN for one without a vector."""
        plain = (unicodedata.normalize("NFC", text).replace("’", "'") for text in texts)
        return [
            [i for token in _tokens().findall(text) for i in self._found(token)] for text in plain
        ]

    def _found(self, token: str) -> list[int]:
        """As written, else in small letters; else its parts at hyphens and apostrophes; else, where
        words are written without spaces, the longest words that it begins with."""
        whole = self._one(token)
        if whole != UNKNOWN:
            return [whole]
        parts = PARTS.findall(token)
        if len(parts) > 1:
            return [i for part in parts for i in self._found(part)]
        return self._longest(token) if UNSPACED.search(token) else [UNKNOWN]

    def _one(self, word: str) -> int:
        found = self.index.get(word, UNKNOWN)
        return found if found != UNKNOWN else self.index.get(word.lower(), UNKNOWN)

    def _longest(self, token: str) -> list[int]:
        out, start = [], 0
        while start < len(token):
            ends = range(min(len(token), start + LONGEST_WORD), start, -1)
            end = next((e for e in ends if token[start:e] in self.index), start + 1)
            out.append(self.index.get(token[start:end], UNKNOWN))
            start = end
        return out


PARTS = re.compile(
    r"(?:(?!n't\b)[^'\-])+|n't\b|'[^'\-]+|['\-]"
)  # don't: do, n't; it's: it, 's; well-made: well, -, made
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
LONGEST_WORD = (
    12  # characters tried of a script without spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese
)


@cache
def _tokens() -> re.Pattern:
    """Words with what joins their parts, and single marks. Letters carry accents and vowel signs,
    which \\w leaves out.
    """
    marks = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c))[0] == "M"]
    letter = f"[\\w{''.join(map(re.escape, marks))}\u200c\u200d]"
    return re.compile(f"{letter}+(?:['\\-]{letter}+)*|\\S")


def read_vectors(given: str) -> FileVectors:
    """The vectors of a file, plain or packed with gzip. The same file is read once as long as no
    other is.

    Raises:
        UserError: it is not there, no such file, damaged or too large; with every fault that was
            found.
    """
    path = Path(given).expanduser()
    try:
        stat = path.stat()
        if not path.is_file():
            raise UserError(
                say(
                    "{given} is no file. Give a text file of word vectors: a word and its"
                    " numbers on every line.",
                    given=given,
                )
            )
        return _read(path.resolve(), given, stat.st_size, stat.st_mtime_ns)
    except (OSError, ValueError) as fault:
        reason = (
            say("is not there")
            if isinstance(fault, FileNotFoundError)
            else say("cannot be read ({reason})", reason=getattr(fault, "strerror", None) or fault)
        )
        raise UserError(
            say(
                "The file of word vectors {given} {reason}. Check its path.",
                given=given,
                reason=reason,
            )
        ) from fault


@lru_cache(maxsize=1)
def _read(path: Path, given: str, _size: int, _time: int) -> FileVectors:
    started = time.perf_counter()
    hashed = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while part := file.read(2**20):
            hashed.update(part)
        file.seek(0)
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            unpacked = cast("IO[bytes]", gzip.open(file)) if packed else file
            words, table = _parsed(unpacked, given)
        except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
            raise UserError(
                say(
                    "{given} is packed with gzip and damaged ({fault}). Download it again.",
                    given=given,
                    fault=fault,
                )
            ) from fault
    index: dict[str, int] = {}
    for i, word in enumerate(words):
        index.setdefault(word, i)  # of a word that is there twice the first counts
    return FileVectors(given, hashed.hexdigest(), index, table, time.perf_counter() - started)


def _parsed(file: IO[bytes], given: str) -> tuple[list[str], np.ndarray]:
    """(words, (V, d) float32)."""
    faults = _Faults(given)
    words: list[bytes] = []
    numbers = bytearray()  # grows in place: no second copy of a large table
    width = 0
    for first, lines in _blocks(file, given):
        kept: list[bytes] = []
        at: list[int] = []
        for n, line in enumerate(lines, start=first):
            fields = line.split()
            if (
                n == 1 and len(fields) == 2 and all(f.isdigit() for f in fields)
            ):  # word2vec: how many words, how many numbers
                width = int(fields[1])
                continue
            if not fields:
                continue
            width = width or len(fields) - 1
            if width < 1:
                raise UserError(
                    say(
                        "{given}, line {n}, has a word and no numbers. Give a text file of word"
                        " vectors: a word and its numbers on every line.",
                        given=given,
                        n=n,
                    )
                )
            word = fields[: len(fields) - width]
            if not word or any(
                map(_is_number, word[1:])
            ):  # a word may hold spaces (fastText), but no numbers after them
                faults.ragged.append(n)
                continue
            words.append(b" ".join(word))
            kept.append(b" ".join(fields[-width:]))
            at.append(n)
        block = _numbers(kept, at, width, faults)
        numbers += block.tobytes()
        _must_fit(len(words), width, given)
    faults.tell(width)
    if not words:
        raise UserError(
            say(
                "{given} is empty. Give a text file of word vectors: a word and its numbers on"
                " every line.",
                given=given,
            )
        )
    return [w.decode("utf-8", "replace") for w in words], np.frombuffer(
        numbers, np.float32
    ).reshape(-1, width)


def _must_fit(words: int, width: int, given: str) -> None:
    fits = min(MAX_WORDS, MAX_BYTES // (4 * max(1, width)))
    if words > fits:
        raise UserError(
            say(
                "{given} holds more vectors than fit: {fits:,} words of {width} numbers are"
                " read at most. Keep its first {fits:,} lines, the most frequent words.",
                given=given,
                fits=fits,
                width=width,
            )
        )


def _blocks(file: IO[bytes], given: str) -> Iterator[tuple[int, list[bytes]]]:
    """(number of the first line, some lines)."""
    first = 1
    lines: list[bytes] = []
    while line := file.readline(MAX_LINE):
        if b"\0" in line or len(line) == MAX_LINE and not line.endswith(b"\n"):
            what = (
                say("is no text but a binary file")
                if b"\0" in line
                else say("has a line of more than {max_line:,} bytes", max_line=MAX_LINE)
            )
            raise UserError(
                say(
                    "{given} {what} (line {first:,}). Give word vectors as text: a word and its"
                    " numbers on every line.",
                    given=given,
                    what=what,
                    first=first + len(lines),
                )
            )
        lines.append(line)
        if len(lines) == BLOCK:
            yield first, lines
            first, lines = first + BLOCK, []
    if lines:
        yield first, lines


def _numbers(rows: list[bytes], at: list[int], width: int, faults: _Faults) -> np.ndarray:
    """(lines, width) float32; 0 rows stand for what is no number, which is among the faults."""
    try:
        read = (
            np.array(b" ".join(rows).split(), dtype=np.float32).reshape(-1, width)
            if rows
            else np.zeros((0, width), np.float32)
        )
        if np.isfinite(read).all():
            return read
    except ValueError:
        pass
    faults.wordy += [
        n for n, row in zip(at, rows, strict=True) if not all(map(_is_number, row.split()))
    ]
    return np.zeros((len(rows), width), np.float32)


def _is_number(text: bytes) -> bool:
    try:
        return bool(np.isfinite(np.float32(text)))
    except ValueError:
        return False


class _Faults:
    """The faults of the lines of a file, by kind."""

    def __init__(self, given: str):
        self.given = given
        self.ragged: list[int] = []
        self.wordy: list[int] = []

    def tell(self, width: int) -> None:
        kinds = [
            (self.ragged, say("not the {width} numbers that the file begins with", width=width)),
            (self.wordy, say("something that is no finite number")),
        ]
        raise_all(
            say(
                "{given} has {what} in {lines}. Download it again, or correct them.",
                given=self.given,
                what=what,
                lines=_lines(found),
            )
            for found, what in kinds
            if found
        )


def _lines(found: Sequence[int]) -> str:
    shown = ", ".join(f"{n:,}" for n in found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
    return say_n("line {shown}", "{n:,} lines ({shown})", len(found), shown=shown)


@dataclass(frozen=True)
class OwnVectors:
    """The input embeddings of a model: the tokens of its tokenizer, each with the vector that the
    model begins with.
    """

    encoder: Any = field(repr=False)  # tl_core.models.encoding.Encoder
    table: np.ndarray = field(repr=False)  # (V, d) float32

    @classmethod
    def of(cls, encoder: Any) -> OwnVectors:
        """Return the vectors of the encoder's model."""
        return cls(
            encoder,
            encoder.model.network.get_input_embeddings().weight.detach().float().cpu().numpy(),
        )

    @property
    def name(self) -> str:
        """The model's."""
        return self.encoder.model.ref.name

    @property
    def digest(self) -> str:
        """The model's."""
        return self.encoder.model.ref.digest

    def read(self, texts: Sequence[str]) -> list[list[int]]:
        """Position of every token of each text, cut to what the model reads."""
        return [list(row) for row in self.encoder.tokens([Example(0, text) for text in texts])]


def vectors_for(encoder: Any, given: str, expected: str) -> FileVectors | OwnVectors:
    """Return the vectors of a file, or the model's own where none is given. Time that an earlier
    run spent on reading is charged to this one.

    Raises:
        UserError: as `read_vectors`, or the file does not have the digest that is expected ("":
            any).
    """
    if not given:
        return OwnVectors.of(encoder)
    started = time.perf_counter()
    vectors = read_vectors(given)
    encoder.borrowed_seconds += max(0.0, vectors.seconds - (time.perf_counter() - started))
    if expected and vectors.digest != expected:
        raise UserError(
            say(
                "The file of word vectors {given} has changed since the study was planned. Put"
                " the old one back, or start the study again.",
                given=given,
            )
        )
    return vectors
