"""Sentences with their translations, end to end as token ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Step, Steps
from tl_core.models.corpus import check_files, paragraphs

MOST_TOKENS = 48  # of a side; what is longer is cut
FLATTER = 0.5  # of sources of different sizes: 1 draws every pair alike, 0 every source alike
KINDS = {"ui": 0.4, "word": 0.4}  # a pair's weight by its kind; a whole sentence has 1
POOL = 16  # batches that are drawn together, so that each holds pairs of about one length


@dataclass(frozen=True)
class Pairs:
    """Token ids of both sides, and how often each pair is drawn."""

    tokens: np.ndarray
    ends: np.ndarray  # (n, 3): where the first side begins, where the second begins, where it ends
    chances: np.ndarray  # (n,) cumulative, to 1

    def __len__(self) -> int:
        return len(self.ends)

    def batches(self, size: int, seed: int, skip: int = 0) -> Iterator[np.ndarray]:
        """Endless batches of positions, each (size,), of pairs of about one length; the first
        `skip` are left out."""
        while True:
            random = np.random.default_rng((seed, skip // POOL))
            rows = np.searchsorted(self.chances, random.random(size * POOL))
            tokens = self.ends[rows, 2] - self.ends[rows, 0]
            rows = rows[np.argsort(tokens + random.random(len(rows)))].reshape(POOL, size)
            for i in random.permutation(POOL)[skip % POOL :]:
                yield rows[i]
            skip += POOL - skip % POOL

    def sides(
        self, rows: np.ndarray, prefix: Sequence[int], suffix: Sequence[int], pad: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """(B, T) padded ids of the first and of the second side."""
        first, second = (
            _padded(
                [
                    [*prefix, *self.tokens[self.ends[i, k] : self.ends[i, k + 1]], *suffix]
                    for i in rows
                ],
                pad,
            )
            for k in (0, 1)
        )
        return first, second


def read_pairs(files: Sequence[Path], sides: tuple[str, str], tokenizer: Any) -> Steps[Pairs]:
    """JSON lines with a text under each of two names, and optionally `source` and `kind`.

    Args:
        sides: names of what the teacher reads and of its translation.

    Raises:
        UserError: a file cannot be read, a line is no such record, or there are none.
    """
    check_files(files)
    tokens: list[np.ndarray] = []
    ends, sources, weights = [], [], []
    at = 0
    for file in files:
        for lines, share in paragraphs(file):
            records = [_record(line, file, sides) for line in lines if line]
            texts = [r[side] for r in records for side in sides]
            read = _ids(texts, tokenizer) if texts else []
            for r, first, second in zip(records, read[::2], read[1::2], strict=True):
                if not first or not second:
                    continue
                tokens.append(np.array([*first, *second], np.int32))
                ends.append((at, at + len(first), at + len(first) + len(second)))
                at = ends[-1][-1]
                sources.append(str(r.get("source", "")).split(":")[0])
                weights.append(KINDS.get(str(r.get("kind", "")), 1.0))
            yield Step(int(1000 * share), 1000, phase="read")
    if not ends:
        raise UserError(
            say(
                "{files} holds no pairs of {first} and {second}.",
                files=", ".join(f.name for f in files),
                first=sides[0],
                second=sides[1],
            )
        )
    _, of, counts = np.unique(sources, return_inverse=True, return_counts=True)
    chances = np.cumsum(counts[of] ** (FLATTER - 1.0) * weights)
    return Pairs(np.concatenate(tokens), np.array(ends), chances / chances[-1])


def side_lines(file: Path, side: str) -> Iterator[tuple[list[str], float]]:
    """(some texts, share of the file read) of one side of pairs."""
    for lines, share in paragraphs(file):
        yield [_record(line, file, (side,))[side] for line in lines if line], share


def _ids(texts: list[str], tokenizer: Any) -> list[list[int]]:
    return tokenizer(
        texts,
        add_special_tokens=False,
        truncation=True,
        max_length=MOST_TOKENS,
        return_attention_mask=False,
        return_token_type_ids=False,
    )["input_ids"]


def _record(line: str, file: Path, sides: Sequence[str]) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if all(isinstance(record[side], str) for side in sides):
            return record
    except (ValueError, KeyError, TypeError):
        pass
    raise UserError(
        say(
            "{file} holds a line that is no JSON record with {sides}: {line}",
            file=file,
            sides=", ".join(sides),
            line=line[:80],
        )
    )


def _padded(rows: list[list[int]], pad: int) -> np.ndarray:
    width = max(map(len, rows))
    return np.array([row + [pad] * (width - len(row)) for row in rows], np.int64)
