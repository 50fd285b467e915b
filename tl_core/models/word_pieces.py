"""Words of texts in the tokens of a model, and texts longer than it reads in overlapping pieces.

A model decides about tokens, a task about words. A word is decided by the first token that it is
in; where a token holds several words (in Korean, characters), the first of them decides and the
others go on with the same span.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.api.words import most_words, words_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tl_core.models.loading import LoadedModel

SPARE = 8  # tokens left free in a piece: cut out of its text, it may take a few more
SHARED = 0.25  # of a piece, at most, is in the next one as well


@dataclass(frozen=True)
class Piece:
    """A stretch of a text that a model reads at once."""

    row: int  # position of its text among the examples
    example: Example  # the stretch as a text of its own, with its words and its part of the answer
    first: int  # how many words of the text are before it
    taken: tuple[int, int]  # words, counted in the piece, that are decided here
    tokens: tuple[int, ...]  # position of the token that decides each word that begins one
    begins: np.ndarray  # (w,) bool: whether a word begins a token, or goes on with one

    @property
    def at(self) -> np.ndarray:
        """(w,) which of `tokens` decides each word."""
        return np.maximum(np.cumsum(self.begins) - 1, 0)


def pieces_of(
    model: LoadedModel, examples: Sequence[Example], most: int | None = None
) -> list[Piece]:
    """The pieces of these texts, in their order; a text without a word has none.

    Args:
        most: tokens that fit into a piece; None: all that the model reads.

    Raises:
        UserError: the model's tokenizer does not say which characters a token is made of.
    """
    _check(model)
    room = most or model.max_tokens
    found: list[Piece] = []
    for row, (example, places) in enumerate(
        zip(examples, _tokens_of(model, examples), strict=True)
    ):
        words = words_of(example)
        if not words:
            continue
        first_token, counted = places
        if counted <= room:
            found.append(_piece(row, example, words, 0, len(words), first_token))
            continue
        found += _cut(model, row, example, words, first_token, room)
    return found


def mean_of_layers(network: PreTrainedModel, batch: dict[str, torch.Tensor]) -> np.ndarray:
    """(B, T, d) float32: the states of each token, in the mean over all layers and what is below
    them.

    The last layer of a sentence encoder has given up most of what single words were: on 1,200
    sentences of WNUT 2017 a probe on it found .24 of the names, on the mean of all .33, on the best
    layer .35.
    """
    read = network(**batch, output_hidden_states=True)
    return torch.stack([layer.float() for layer in read.hidden_states]).mean(0).cpu().numpy()


def assembled(
    examples: Sequence[Example], pieces: Sequence[Piece], found: Sequence[np.ndarray], tags: int
) -> np.ndarray:
    """(n, W, K) float32: probabilities of the words of whole texts.

    Args:
        found: of each piece (b, K), for its words that begin a token.
    """
    scores = np.zeros((len(examples), most_words(examples), tags), np.float32)
    for piece, chances in zip(pieces, found, strict=True):
        spread = np.asarray(chances, np.float32)[piece.at]
        goes_on = np.flatnonzero(~piece.begins)
        # within a token a span that has begun goes on, and none begins
        spread[goes_on, 2::2] += spread[goes_on, 1::2]
        spread[goes_on, 1::2] = 0.0
        low, high = piece.taken
        scores[piece.row, piece.first + low : piece.first + high] = spread[low:high]
    return scores


def tags_of_begins(gold: np.ndarray, pieces: Sequence[Piece]) -> list[np.ndarray]:
    """(b,) gold of the words that begin a token, of each row of (p, w) gold of the pieces."""
    return [row[: len(piece.begins)][piece.begins] for row, piece in zip(gold, pieces, strict=True)]


def _check(model: LoadedModel) -> None:
    if not getattr(model.tokenizer, "is_fast", False):
        raise UserError(
            say(
                "{model} has a tokenizer that does not say where in a text its tokens are, so words"
                " cannot be tagged with it. Choose another model.",
                model=model.ref.name,
            )
        )


def _tokens_of(model: LoadedModel, examples: Sequence[Example]) -> list[tuple[np.ndarray, int]]:
    """For each text the position of each word's first token (-1: it has none), and how many tokens
    there are in all.
    """
    found = []
    for start in range(0, len(examples), 1000):
        part = examples[start : start + 1000]
        read = model.tokenizer(
            [e.text for e in part], return_offsets_mapping=True, return_attention_mask=False
        )
        for example, ids, offsets in zip(
            part, read["input_ids"], read["offset_mapping"], strict=True
        ):
            found.append((_first_tokens(words_of(example), offsets), len(ids)))
    return found


def _first_tokens(
    words: Sequence[tuple[int, int]], offsets: Sequence[tuple[int, int]]
) -> np.ndarray:
    """(w,) position of the first token that each word is in; -1 where it is in none."""
    real = [i for i, (start, end) in enumerate(offsets) if end > start]
    starts = np.array([offsets[i][0] for i in real], dtype=np.int64)
    ends = np.array([offsets[i][1] for i in real], dtype=np.int64)
    at = np.full(len(words), -1, dtype=np.int64)
    for w, (start, end) in enumerate(words):
        k = int(np.searchsorted(ends, start, "right"))
        if k < len(real) and starts[k] < end:
            at[w] = real[k]
    return at


def _piece(
    row: int,
    example: Example,
    words: Sequence[tuple[int, int]],
    low: int,
    high: int,
    first_token: np.ndarray,
    taken: tuple[int, int] | None = None,
) -> Piece:
    """Words `low` to `high` of a text; `first_token` is of the piece's own tokens."""
    inside = words[low:high]
    if (low, high) == (0, len(words)):
        made = Example(
            example.row,
            example.text,
            answer=example.answer,
            labels=example.labels,
            words=example.words,
        )
    else:
        start, end = inside[0][0], inside[-1][1]
        made = Example(
            example.row,
            example.text[start:end],
            labels=example.labels,
            answer=tuple(
                (max(a, start) - start, min(b, end) - start, label)
                for a, b, label in example.answer
                if a < end and b > start
            ),
            words=tuple((a - start, b - start) for a, b in inside),
        )
    # a word without a token (a sign that the tokenizer leaves out) goes on with the one before
    known = np.maximum.accumulate(first_token)
    begins = np.concatenate([[True], known[1:] > known[:-1]])
    tokens = tuple(int(t) for t in np.maximum(known[begins], 0))
    return Piece(row, made, low, taken or (0, high - low), tokens, begins)


def _cut(
    model: LoadedModel,
    row: int,
    example: Example,
    words: Sequence[tuple[int, int]],
    first_token: np.ndarray,
    room: int,
) -> list[Piece]:
    """Overlapping pieces of a text that is longer than the model reads. Each word is decided in the
    piece in which it is farthest from a border.
    """
    room = max(1, room - model.tokenizer.num_special_tokens_to_add() - SPARE)
    known = np.maximum.accumulate(np.maximum(first_token, 0))
    borders: list[tuple[int, int]] = []
    low = 0
    while True:
        high = max(low + 1, int(np.searchsorted(known, known[low] + room, "left")))
        borders.append((low, min(high, len(words))))
        if high >= len(words):
            break
        back = int(np.searchsorted(known, known[high] - SHARED * room, "left"))
        low = max(low + 1, min(back, high))
    middles = [
        (borders[i + 1][0] + borders[i][1]) // 2 for i in range(len(borders) - 1)
    ]  # from here on a word is nearer to the middle of the next piece
    froms, untils = [0, *middles], [*middles, len(words)]
    texts = [
        Example(
            example.row,
            example.text[words[a][0] : words[b - 1][1]],
            words=tuple((s - words[a][0], e - words[a][0]) for s, e in words[a:b]),
        )
        for a, b in borders
    ]
    return [
        _piece(row, example, words, a, b, own, (start - a, stop - a))
        for (a, b), start, stop, (own, _) in zip(
            borders, froms, untils, _tokens_of(model, texts), strict=True
        )
        if stop > start
    ]
