"""Plain text for masked-language training: files of paragraphs to packed sequences of equal length.

Every sequence is full, so nothing is computed on padding. Tokens lie in a file beside the model that is made: a text
of any size takes little memory, and a run that goes on does not read it again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.errors import UserError, raise_all
from tl_core.types import Step, Steps

PARAGRAPHS_AT_A_TIME = 2_000
UNPACK = {".xz": lzma.open, ".gz": gzip.open}
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

    def sequences(self, positions: Sequence[int]) -> np.ndarray:
        """(B, length) int64 token ids."""
        inner = self.length - len(self.prefix) - len(self.suffix)
        rows = self.rows[np.asarray(positions)]
        middle = self.tokens[: (len(self.tokens) // inner) * inner].reshape(-1, inner)[rows].astype(np.int64)
        ends = np.ones((len(middle), 1), np.int64)
        return np.hstack([ends * np.asarray(self.prefix), middle, ends * np.asarray(self.suffix)]).astype(np.int64)

    def sentences(self, positions: Sequence[int], ends: Sequence[int], pad: int) -> np.ndarray:
        """(S, T) int64 token ids: whole, not too long sentences inside these sequences, each on its own and padded.

        At most two a sequence, and T is always the same: blocks of ever other sizes would fragment the memory.

        Args:
            ends: tokens that end a sentence. Where there is no whole sentence, the sequences themselves are given.
        """
        whole = self.sequences(positions)
        between = self.suffix[-1:] or self.prefix[:1]
        found: list[np.ndarray] = []
        for row in whole[:, len(self.prefix) : self.length - len(self.suffix)]:
            cuts = np.flatnonzero(np.isin(row, (*ends, *between)))
            pieces = (row[a + 1 : b + (row[b] not in between)] for a, b in pairwise(cuts))
            found += [piece for piece in pieces if SENTENCE_TOKENS[0] <= len(piece) <= SENTENCE_TOKENS[1]]
        if not found:
            return whole
        rows = [np.concatenate([self.prefix, piece, self.suffix]).astype(np.int64) for piece in found[: 2 * len(whole)]]
        width = len(self.prefix) + SENTENCE_TOKENS[1] + len(self.suffix)
        return np.stack([np.pad(row, (0, width - len(row)), constant_values=pad) for row in rows])

    def __len__(self) -> int:
        return len(self.rows)


def read_corpus(files: Sequence[Path], tokenizer: Any, length: int, folder: Path) -> Steps[Corpus]:
    """Read, tokenize and pack; yields Steps counted in bytes read.

    Args:
        files: UTF-8 text, one paragraph a line, a blank line between documents; .xz and .gz are opened.
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
        new.write_text(json.dumps({"files": [f.name for f in files], "tokens": count}), encoding="utf-8")
        os.replace(new, note)
    if count // inner < 2:
        raise UserError(f"{', '.join(f.name for f in files)} holds {count} tokens; a sequence takes {length}, and two are needed at least. Give more text.")
    tokens = np.memmap(stored, kind, "r", shape=(count,))
    return Corpus(tokens, prefix, suffix, length, np.arange(count // inner))


def held_apart(corpus: Corpus) -> tuple[Corpus, Corpus]:
    """(what is trained on, what is measured on): one sequence in 200, 256 at most, never trained on."""
    every = max(2, min(200, len(corpus) // 2))
    apart = corpus.rows[::every][:HELD_OUT_ROWS]
    rest = np.setdiff1d(corpus.rows, apart)
    return _picked(corpus, rest), _picked(corpus, apart)


def first_rows(corpus: Corpus, count: int = HELD_OUT_ROWS) -> Corpus:
    """The first `count` sequences."""
    return _picked(corpus, corpus.rows[:count])


def check_files(files: Sequence[Path]) -> None:
    """Tell every file that is not there, at once."""
    faults = [f"{f} is a folder; give its text files." if f.is_dir() else f"There is no file {f}." for f in files if not f.is_file()]
    faults += [f"{f} is empty." for f in files if f.is_file() and not f.stat().st_size]
    raise_all(faults)


def ends_of(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The special tokens this tokenizer puts before and after a text."""
    whole, inside = tokenizer("a")["input_ids"], tokenizer("a", add_special_tokens=False)["input_ids"]
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
    """How many tokens are kept; None where they are not, or not whole."""
    try:
        count = int(json.loads(note.read_text(encoding="utf-8"))["tokens"])
        return count if stored.stat().st_size == count * np.dtype(kind).itemsize else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tokens(file: Path, tokenizer: Any, between: tuple[int, ...]) -> Iterator[tuple[list[int], float]]:
    """(token ids, share of the file read) of some paragraphs at a time; `between` stands after every document."""
    unpack = UNPACK.get(file.suffix, lambda raw: raw)
    size = file.stat().st_size
    with open(file, "rb") as raw:
        batch: list[str] = []
        try:
            for number, line in enumerate(unpack(raw), start=1):
                batch.append(line.decode("utf-8-sig" if number == 1 else "utf-8").strip())
                if len(batch) >= PARAGRAPHS_AT_A_TIME:
                    yield _ids(batch, tokenizer, between), min(1.0, raw.tell() / size)
                    batch = []
        except UnicodeDecodeError as fault:
            raise UserError(f"{file} is not UTF-8 text (byte {fault.object[fault.start]:#x} in line {number}). Save it as UTF-8.") from None
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as fault:
            raise UserError(f"{file} could not be read: {str(fault).rstrip('.')}. Download or make it again.") from None
        yield _ids([*batch, ""], tokenizer, between), 1.0  # the next file begins another document


def _ids(paragraphs: list[str], tokenizer: Any, between: tuple[int, ...]) -> list[int]:
    read = tokenizer(paragraphs, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False, verbose=False)["input_ids"]
    return [token for ids in read for token in (ids or between)]
