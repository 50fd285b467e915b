"""Tags of words as spans, and the F1 of what was found, with its interval.

Tags are numbers: NONE beyond the end of a text, OUTSIDE for a word of no span, and for type t of C
`begin(t)` for the first word of a span and `begin(t) + 1` for each further one (IOB2). A span is
found where type, first and last word are right (strict, as CoNLL-2003 counts); the F1 is of all
spans of all rows together, so rows enter its interval through the jackknife (Tukey 1958).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tl_core.statistics.intervals import Interval
from tl_core.statistics.pooled import pooled_interval, pseudo_values

NONE, OUTSIDE = -1, 0


def begin(type_: int) -> int:
    """The tag of the first word of a span of this type."""
    return 1 + 2 * type_


def tags_of(
    spans: list[tuple[int, int, int]],
    words: int,
) -> np.ndarray:
    """(words,) tags of spans (first word, word after the last, type), which do not overlap."""
    tags = np.zeros(words, np.int16)
    for first, after, type_ in spans:
        tags[first:after] = begin(type_) + 1
        tags[first] = begin(type_)
    return tags


def spans_of(tags: np.ndarray) -> list[tuple[int, int, int]]:
    """(first word, word after the last, type) of each span in (W,) legal tags."""
    last = last_words(tags)
    return [(int(i), int(last[i]) + 1, int(tags[i] - 1) // 2) for i in np.flatnonzero(last >= 0)]


def last_words(tags: np.ndarray) -> np.ndarray:
    """(..., W) for each first word of a span the position of its last, elsewhere -1."""
    tags = np.asarray(tags)
    starts = (tags > 0) & (tags % 2 == 1)
    last = np.empty(tags.shape, np.int32)
    width = tags.shape[-1]
    for i in range(width - 1, -1, -1):
        last[..., i] = i
        if i + 1 < width:
            # what goes on: the next word is inside a span of this word's type
            goes_on = (tags[..., i] > 0) & (tags[..., i + 1] == tags[..., i] + tags[..., i] % 2)
            last[..., i] = np.where(goes_on, last[..., i + 1], i)
    return np.where(starts, last, -1)


def found_spans(gold: np.ndarray, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S, n) spans that both have, and (S, n) spans of gold plus of the decided.

    gold (n, W), decided (S, n, W).
    """
    there, said = last_words(gold), last_words(decided)
    both = (said >= 0) & (said == there) & (decided == gold)
    return both.sum(-1), (there >= 0).sum(-1) + (said >= 0).sum(-1)


def found_words(gold: np.ndarray, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `found_spans`, of words with the right type, whatever the borders of spans."""
    there, said = (gold + 1) // 2, (decided + 1) // 2  # 0: none; else the type, from 1
    return (
        ((said == there) & (there > 0)).sum(-1),
        (there > 0).sum(-1) + (said > 0).sum(-1),
    )


ERRORS = ("right", "borders", "type", "missed", "spurious")


def span_errors(gold: np.ndarray, decided: np.ndarray, types: int) -> np.ndarray:
    """(C, 5) spans by type over (S, n, W) runs, as ERRORS: of the given ones those found, those
    found with other borders, those found as another type, and those missed; and decided ones that
    meet none that is given. One that meets several spans counts by the best of them.
    """
    counts = np.zeros((types, len(ERRORS)), dtype=np.int64)
    given = [spans_of(row) for row in gold]
    for run in decided:
        for there, row in zip(given, run, strict=True):
            said = spans_of(row)
            for first, after, type_ in there:
                met = [(a, b, t) for a, b, t in said if a < after and b > first]
                kind = (
                    0
                    if (first, after, type_) in met
                    else 1
                    if any(t == type_ for _, _, t in met)
                    else 2
                    if met
                    else 3
                )
                counts[type_, kind] += 1
            for first, after, type_ in said:
                if not any(a < after and b > first for a, b, _ in there):
                    counts[type_, 4] += 1
    return counts


def f1(hits: np.ndarray, total: np.ndarray) -> np.ndarray:
    """(S,) 2 hits / total over (S, n) rows; 0 where there is nothing to find and nothing found."""
    return _f1_of(np.stack([hits.sum(-1), total.sum(-1)], -1))


def f1_pseudo(hits: np.ndarray, total: np.ndarray) -> np.ndarray:
    """(S, n) jackknife pseudo-values n F - (n - 1) F without row i."""
    return pseudo_values(np.stack([hits, total], -1), _f1_of)


def f1_interval(hits: np.ndarray, total: np.ndarray, **options: Any) -> Interval:
    """Mean F1 over seeds with its limits; hits and total (S, n) as `found_spans` has them,
    `options` as those of `pooled_interval`.
    """
    return pooled_interval(f1(hits, total), f1_pseudo(hits, total), **options)


def _f1_of(sums: np.ndarray) -> np.ndarray:
    """(...) of (..., 2) hits and totals."""
    return np.divide(
        2.0 * sums[..., 0], sums[..., 1], out=np.zeros(sums.shape[:-1]), where=sums[..., 1] > 0
    )


def legal(tags: np.ndarray) -> np.ndarray:
    """(...,) bool: whether no span of (..., W) tags goes on without having begun."""
    tags = np.asarray(tags)
    inside = (tags > 0) & (tags % 2 == 0)
    before = np.concatenate([np.zeros((*tags.shape[:-1], 1), tags.dtype), tags[..., :-1]], -1)
    return ~(inside & (before != tags) & (before != tags - 1)).any(-1)


def likeliest_legal(logs: np.ndarray) -> np.ndarray:
    """(m, W) the legal tags with the largest sum of (m, W, K) log probabilities (Viterbi 1967)."""
    rows, width, tags = logs.shape
    numbers = np.arange(tags)
    inside = (numbers > 0) & (numbers % 2 == 0)
    # from tag a to tag b
    allowed = ~inside[None, :] | (
        (numbers[:, None] == numbers[None, :]) | (numbers[:, None] == numbers[None, :] - 1)
    )
    barred = np.where(allowed, 0.0, -np.inf)
    reached = np.where(inside, -np.inf, logs[:, 0])
    back = np.zeros((rows, width, tags), np.int16)
    for i in range(1, width):
        ways = reached[:, :, None] + barred
        back[:, i] = ways.argmax(1)
        reached = ways.max(1) + logs[:, i]
    found = np.zeros((rows, width), np.int16)
    found[:, -1] = reached.argmax(1)
    for i in range(width - 1, 0, -1):
        found[:, i - 1] = np.take_along_axis(back[:, i], found[:, i, None].astype(int), 1)[:, 0]
    return found
