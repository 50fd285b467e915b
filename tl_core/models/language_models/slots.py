"""Base of masked and permutation models: they see both sides, and a blank of n tokens is n hidden
places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch

from tl_core.api.types import Step, Steps
from tl_core.models.language_models import Asked, Scored
from tl_core.models.language_models.blanks import Blanked

HIDDEN = -1  # stands for a hidden place among token ids
CHUNK_TOKENS = (
    2048  # tokens that go through a network at a time: keeps memory small and a stop quick
)

# rows of token ids, all of one length, HIDDEN where hidden, and for each row the place asked about:
# (B, V) log-probabilities
Ask = Callable[[list[list[int]], list[int]], torch.Tensor]


def questions(blanked: Blanked, asked: Sequence[Asked], ask: Ask) -> torch.Tensor:
    """(B, V)."""
    rows = [_row(blanked, one) for one in asked]
    found: list[torch.Tensor] = [torch.empty(0)] * len(rows)
    for positions in of_one_length([len(row) for row, _ in rows]):
        for i, row in zip(
            positions, ask(*map(list, zip(*(rows[i] for i in positions), strict=True))), strict=True
        ):
            found[i] = row
    return torch.stack(found)


def scores(
    blanked: Blanked, blank: int, words: Sequence[tuple[int, ...]], ask: Ask
) -> list[Scored]:
    """Each word from left to right, its own later tokens hidden: the one of the usual ways whose
    probabilities add up to 1 over all strings of a length (for one word, Kauf and Ivanova 2023)."""
    steps = _steps(blanked, blank, words)
    asked = list(
        dict.fromkeys(one for word in steps for one in word)
    )  # words of one length begin with the same question
    if not asked:
        return []
    found = dict(zip(asked, questions(blanked, asked, ask), strict=True))
    return [
        Scored(tuple(float(found[one][token]) for one, token in zip(ones, word, strict=True)))
        for ones, word in zip(steps, words, strict=True)
    ]


def scores_each(
    texts: Sequence[Blanked], words: Sequence[Sequence[tuple[int, ...]]], ask: Ask
) -> Steps[list[list[Scored]]]:
    """`scores` of many texts with one blank each. Rows of one length go through the network
    together, whichever text they are of; words of one token take one row a text."""
    steps = [_steps(text, 0, of_text) for text, of_text in zip(texts, words, strict=True)]
    wanted: dict[
        tuple[int, Asked], dict[int, float]
    ] = {}  # (text, question) -> token -> its log-probability
    for i, (ones, of_text) in enumerate(zip(steps, words, strict=True)):
        for one, token in (
            (one, token)
            for asked, word in zip(ones, of_text, strict=True)
            for one, token in zip(asked, word, strict=True)
        ):
            wanted.setdefault((i, one), {})[token] = 0.0
    places, done = list(wanted), 0
    rows = [_row(texts[i], one) for i, one in places]
    for positions in of_one_length([len(row) for row, _ in rows]):
        for p, log_probs in zip(
            positions, ask(*map(list, zip(*(rows[p] for p in positions), strict=True))), strict=True
        ):
            tokens = list(wanted[places[p]])
            wanted[places[p]] = dict(zip(tokens, log_probs[tokens].tolist(), strict=True))
        done += len(positions)
        yield Step(done, len(rows), phase="predict")
    return [
        [
            Scored(tuple(wanted[i, one][token] for one, token in zip(asked, word, strict=True)))
            for asked, word in zip(ones, of_text, strict=True)
        ]
        for i, (ones, of_text) in enumerate(zip(steps, words, strict=True))
    ]


def _steps(blanked: Blanked, blank: int, words: Sequence[tuple[int, ...]]) -> list[list[Asked]]:
    """Return for each word the questions that its tokens answer."""
    return [
        [
            Asked(
                tuple(word[:t] if i == blank else () for i in range(blanked.blanks)),
                blank,
                len(word),
            )
            for t in range(len(word))
        ]
        for word in words
    ]


def surprise(
    ids: Sequence[int], words: Sequence[int | None], ask: Ask
) -> Steps[list[float | None]]:
    """Pseudo-log-likelihood of every token, its word's later pieces hidden with it, so that they do
    not give it away (Salazar et al. 2020; Kauf and Ivanova 2023).

    Args:
        words: number of the word each token belongs to.
    """
    rows = [
        [
            HIDDEN if j == t or (j > t and words[j] is not None and words[j] == words[t]) else token
            for j, token in enumerate(ids)
        ]
        for t in range(len(ids))
    ]
    found: list[float | None] = []
    for a, b in chunks([len(ids)] * len(ids)):
        log_probs = ask(rows[a:b], list(range(a, b)))
        found += [float(log_probs[t - a, ids[t]]) for t in range(a, b)]
        yield Step(b, len(ids), phase="predict")
    return found


def chunks(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges of rows that go through a network together."""
    size = max(1, CHUNK_TOKENS // max(lengths, default=1))
    return list(pairwise([*range(0, len(lengths), size), len(lengths)]))


def of_one_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Positions of rows that go through a network together. Rows of one length need no padding,
    which not every architecture leaves unread (FNet mixes all places, ConvBERT convolves over
    them)."""
    for length in dict.fromkeys(lengths):
        same = [i for i, other in enumerate(lengths) if other == length]
        yield from (same[a:b] for a, b in chunks([length] * len(same)))


def _row(blanked: Blanked, asked: Asked) -> tuple[list[int], int]:
    parts, place = blanked.parts(), 0
    row: list[int] = []
    for i, part in enumerate(parts[:-1]):
        row += part
        fill = asked.fills[i]
        if i == asked.blank:
            place = len(row) + len(fill)
            row += [*fill, *[HIDDEN] * (asked.length - len(fill))]
        else:
            row += fill or [HIDDEN]
    return row + list(parts[-1]), place
