"""One vector for each token of a vocabulary, distilled from a model that reads whole texts.

A token's vector is what the model makes of it alone; the principal directions of all of them are
kept, and a text is the weighted mean of its tokens, the most frequent weighing least (model2vec,
Tulkens & van Dongen 2024; the weights are those of Arora et al. 2017). The model itself is not run
any more: thousands of texts a second on a processor.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from tl_core.api.types import Step, Steps
from tl_core.models.disk_cache import ArrayCache
from tl_core.models.encoding import Tokens
from tl_core.statistics.one_thread import eigh

if TYPE_CHECKING:
    from tl_core.models.encoding import Encoder

VERSION = 1  # raise it when the same model gives other vectors
DIRECTIONS = 256
# Arora et al. 2017: between 1e-4 and 1e-3
RARE = 1e-3
MARKS = re.compile(r"^(##|▁|Ġ)")  # of a piece that begins or goes on with a word
UNUSED = re.compile(r"[\[<]unused_?\d+[\]>]")
PART = 4096  # texts tokenized between two signs of life


class StaticVectors:
    """A table of vectors and how it reads texts."""

    def __init__(self, encoder: Encoder):
        self.encoder = encoder
        self.table: np.ndarray | None = None  # (V, DIRECTIONS) float32, weighted
        self.seconds = 0.0  # that distilling it took

    def vectors(self, texts: Sequence[str]) -> Steps[np.ndarray]:
        """(n, DIRECTIONS) float32 of unit length; zeros for a text without a known token."""
        from scipy.sparse import csr_matrix

        if self.table is None:
            yield from self._distil()
        assert self.table is not None
        parts = []
        for start in range(0, len(texts), PART):
            rows = self._ids(texts[start : start + PART])
            ends = np.cumsum([0, *map(len, rows)])
            ids = np.fromiter(chain.from_iterable(rows), np.int64, ends[-1])
            ones = np.ones(len(ids), np.float32)
            counts = csr_matrix((ones, ids, ends), shape=(len(rows), len(self.table)))
            parts.append(counts @ self.table)
            yield Step(min(start + PART, len(texts)), len(texts), phase="embed")
        out = np.concatenate(parts) if parts else np.zeros((0, self.table.shape[1]), np.float32)
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)

    def distilled(self) -> np.ndarray:
        """(V, DIRECTIONS) float32: the table, made now where it was not before."""
        if self.table is None:
            for _ in self._distil():
                pass
        assert self.table is not None
        return self.table

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        tokenizer = self.encoder.model.tokenizer
        return tokenizer(
            list(texts),
            add_special_tokens=False,
            truncation=True,
            max_length=self.encoder.model.max_tokens,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]

    def _distil(self) -> Steps[None]:
        """Read every token alone, unless that was done before."""
        key = hashlib.sha256(f"{VERSION}/{self.encoder.space}".encode()).hexdigest()
        cache = ArrayCache(self.encoder.folder / "static" if self.encoder.folder else None)
        self.table = cache.get(key)
        if self.table is not None:
            return
        started = time.perf_counter()
        found = yield from self._token_vectors()
        centred = found - found.mean(0)
        squares, directions = eigh((centred.T @ centred).astype(np.float64))
        best = directions[:, np.argsort(-squares)[:DIRECTIONS]].astype(np.float32)
        self.table = (centred @ best * self.weights()[:, None]).astype(np.float32)
        self.seconds = time.perf_counter() - started
        cache.put(key, self.table)

    def weights(self) -> np.ndarray:
        """(V,) how much a token counts: a / (a + p), with p by Zipf's law from its place in the
        vocabulary, which is learned from the most frequent piece down. Single characters come first
        whatever they are, and count as the most frequent; special and unused tokens count nothing.
        """
        tokenizer = self.encoder.model.tokenizer
        tokens = [token or "" for token in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))]
        special = set(tokenizer.all_special_ids)
        is_empty = [
            i in special or not t or bool(UNUSED.fullmatch(t)) for i, t in enumerate(tokens)
        ]
        is_word = [not e and len(MARKS.sub("", t)) > 1 for e, t in zip(is_empty, tokens)]
        common = 1 / (np.maximum(np.cumsum(is_word), 1) + 1.7)  # Zipf & Mandelbrot
        common[~np.array(is_word)] = common.max()
        weight = RARE / (RARE + common / common[is_word].sum())
        return np.where(is_empty, 0.0, weight)

    def _token_vectors(self) -> Steps[np.ndarray]:
        """(V, width) float32."""
        tokenizer = self.encoder.model.tokenizer
        shown = tokenizer("a", return_special_tokens_mask=True)
        own = [i for i, special in enumerate(shown["special_tokens_mask"]) if not special]
        before, after = shown["input_ids"][: own[0]], shown["input_ids"][own[-1] + 1 :]
        alone = [Tokens([*before, i, *after]) for i in range(len(tokenizer))]
        out: np.ndarray | None = None
        done = 0
        for positions in self.encoder.batches([len(row) for row in alone]):
            made = self.encoder.embed_tokens([alone[i] for i in positions])
            if out is None:
                out = np.zeros((len(alone), made.shape[1]), np.float32)
            out[positions] = made
            done += len(positions)
            yield Step(done, len(alone), phase="embed")
        assert out is not None  # a vocabulary has tokens
        return out
