"""Plain text for masked-language training: files of paragraphs to packed sequences of equal length.

Every sequence is full, so nothing is computed on padding. Tokens lie in a file alongside the model
that is made: a text
of any size takes little memory, and a run that continues does not read it again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import say
from tl_core.api.types import Step, Steps

PARAGRAPHS_AT_A_TIME = 2_000
UNPACK: dict[str, Callable[[IO[bytes]], Iterable[bytes]]] = {".xz": lzma.open, ".gz": gzip.open}
HELD_OUT_ROWS = 256
SENTENCE_TOKENS = (4, 40)  # of sentences read on their own; longer ones would pad all others


@dataclass(frozen=True)
class Corpus:
    """Packed sequences. `rows` picks which of them are meant."""

    tokens: np.ndarray  # (n * inner,) token ids, without special tokens at the ends
    prefix: tuple[int, ...]  # special tokens before
    suffix: tuple[int, ...]  # and after every sequence
    length: int  # of a sequence, special tokens included
    rows: np.ndarray  # (n,) positions of sequences

    def sequences(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """(B, length) int64 token ids."""
        inner = self.length - len(self.prefix) - len(self.suffix)
        rows = self.rows[np.asarray(positions)]
        middle = (
            self.tokens[: (len(self.tokens) // inner) * inner]
            .reshape(-1, inner)[rows]
            .astype(np.int64)
        )
        ends = np.ones((len(middle), 1), np.int64)
        return np.hstack(
            [ends * np.asarray(self.prefix), middle, ends * np.asarray(self.suffix)]
        ).astype(np.int64)

    def sentences(
        self, positions: Sequence[int] | np.ndarray, ends: Sequence[int], pad: int
    ) -> np.ndarray:
        """(S, T) int64 token ids: whole, not too long sentences inside these sequences, each on its
        own and padded.

        At most two a sequence, and T is always the same: blocks of ever other sizes would fragment
        the memory.

        Args:
            ends: tokens that end a sentence. Where there is no whole sentence, the sequences
                themselves are given.
        """
        whole = self.sequences(positions)
        between = self.suffix[-1:] or self.prefix[:1]
        found: list[np.ndarray] = []
        for row in whole[:, len(self.prefix) : self.length - len(self.suffix)]:
            cuts = np.flatnonzero(np.isin(row, (*ends, *between)))
            pieces = (row[a + 1 : b + (row[b] not in between)] for a, b in pairwise(cuts))
            found += [
                piece for piece in pieces if SENTENCE_TOKENS[0] <= len(piece) <= SENTENCE_TOKENS[1]
            ]
        if not found:
            return whole
        rows = [
            np.concatenate([self.prefix, piece, self.suffix]).astype(np.int64)
            for piece in found[: 2 * len(whole)]
        ]
        width = len(self.prefix) + SENTENCE_TOKENS[1] + len(self.suffix)
        return np.stack([np.pad(row, (0, width - len(row)), constant_values=pad) for row in rows])

    def __len__(self) -> int:
        return len(self.rows)


def read_corpus(files: Sequence[Path], tokenizer: Any, length: int, folder: Path) -> Steps[Corpus]:
    """Read, tokenize and pack; yields Steps counted in bytes read.

    Args:
        files: UTF-8 text, one paragraph a line, a blank line between documents; .xz and .gz are
            opened.
        folder: where the tokens are kept; the same files are not read twice.

    Raises:
        UserError: a file is missing, empty or not UTF-8, or there is too little text.
    """
    check_files(files)
    prefix, suffix = ends_of(tokenizer)
    inner = length - len(prefix) - len(suffix)
    kind = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
    folder.mkdir(parents=True, exist_ok=True)
    key = _key(files, tokenizer)
    stored, note = folder / f"{key}.tokens", folder / f"{key}.json"
    count = _kept(stored, note, kind)
    if count is None:
        done, total, count = 0, sum(f.stat().st_size for f in files), 0
        note.unlink(missing_ok=True)  # from here until the end the tokens are not whole
        with open(stored, "wb") as out:
            for file in files:
                for ids, share in _tokens(file, tokenizer, suffix[-1:] or prefix[:1]):
                    out.write(np.asarray(ids, kind).tobytes())
                    count += len(ids)
                    yield Step(done + int(share * file.stat().st_size), total, phase="read")
                done += file.stat().st_size
        new = note.with_suffix(".new")
        new.write_text(
            json.dumps({"files": [f.name for f in files], "tokens": count}), encoding="utf-8"
        )
        os.replace(new, note)
    if count // inner < 2:
        raise UserError(
            say(
                "{files} holds {count} tokens; a sequence takes {length}, and two are needed at"
                " least. Give more text.",
                files=", ".join(f.name for f in files),
                count=count,
                length=length,
            )
        )
    tokens = np.memmap(stored, kind, "r", shape=(count,))
    return Corpus(tokens, prefix, suffix, length, np.arange(count // inner))


def held_apart(corpus: Corpus) -> tuple[Corpus, Corpus]:
    """(what is trained on, what is measured on): one sequence in 200, 256 at most, never trained
    on.
    """
    every = max(2, min(200, len(corpus) // 2))
    apart = corpus.rows[::every][:HELD_OUT_ROWS]
    rest = np.setdiff1d(corpus.rows, apart)
    return _picked(corpus, rest), _picked(corpus, apart)


def first_rows(corpus: Corpus, count: int = HELD_OUT_ROWS) -> Corpus:
    """The first `count` sequences."""
    return _picked(corpus, corpus.rows[:count])


def check_files(files: Sequence[Path]) -> None:
    """Report every missing file at once."""
    faults = [
        say("{f} is a folder; give its text files.", f=f)
        if f.is_dir()
        else say("There is no file {f}.", f=f)
        for f in files
        if not f.is_file()
    ]
    faults += [say("{f} is empty.", f=f) for f in files if f.is_file() and not f.stat().st_size]
    raise_all(faults)


def ends_of(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special tokens this tokenizer puts before and after a text."""
    whole, inside = (
        tokenizer("a")["input_ids"],
        tokenizer("a", add_special_tokens=False)["input_ids"],
    )
    before = next(i for i in range(len(whole)) if whole[i : i + len(inside)] == inside)
    return tuple(whole[:before]), tuple(whole[before + len(inside) :])


def _picked(corpus: Corpus, rows: np.ndarray) -> Corpus:
    return Corpus(corpus.tokens, corpus.prefix, corpus.suffix, corpus.length, rows)


def _key(files: Sequence[Path], tokenizer: Any) -> str:
    h = hashlib.blake2b(json.dumps(sorted(tokenizer.get_vocab().items())).encode(), digest_size=8)
    for file in files:
        with open(file, "rb") as handle:
            h.update(hashlib.file_digest(handle, "sha256").digest())
    return h.hexdigest()


def _kept(stored: Path, note: Path, kind: type) -> int | None:
    """Return the number of tokens kept; None where they are not, or not whole."""
    try:
        count = int(json.loads(note.read_text(encoding="utf-8"))["tokens"])
        return count if stored.stat().st_size == count * np.dtype(kind).itemsize else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def paragraphs(file: Path) -> Iterator[tuple[list[str], float]]:
    """(some lines, share of the file read) of UTF-8 text, unpacked where its name says so.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    unpack = UNPACK.get(file.suffix, lambda raw: raw)
    size = file.stat().st_size
    with open(file, "rb") as raw:
        batch: list[str] = []
        number = 0
        try:
            for number, line in enumerate(unpack(raw), start=1):
                batch.append(line.decode("utf-8-sig" if number == 1 else "utf-8").strip())
                if len(batch) >= PARAGRAPHS_AT_A_TIME:
                    yield batch, min(1.0, raw.tell() / size)
                    batch = []
        except UnicodeDecodeError as fault:
            raise UserError(
                say(
                    "{file} is not UTF-8 text (byte {object:#x} in line {number}). Save it as"
                    " UTF-8.",
                    file=file,
                    object=fault.object[fault.start],
                    number=number,
                )
            ) from None
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as fault:
            raise UserError(
                say(
                    "{file} could not be read: {fault}. Download or make it again.",
                    file=file,
                    fault=str(fault).rstrip("."),
                )
            ) from None
        yield [*batch, ""], 1.0  # the next file begins another document


def _tokens(
    file: Path, tokenizer: Any, between: tuple[int, ...]
) -> Iterator[tuple[list[int], float]]:
    """(token ids, share of the file read) of some paragraphs at a time; `between` is after
    every document.
    """
    for lines, share in paragraphs(file):
        yield _ids(lines, tokenizer, between), share


def _ids(lines: list[str], tokenizer: Any, between: tuple[int, ...]) -> list[int]:
    read = tokenizer(
        lines,
        add_special_tokens=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )["input_ids"]
    return [token for ids in read for token in ids or between]
