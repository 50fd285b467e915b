"""Finds rows that say the same thing: exact copies, near copies, and the same text with different
labels.

Two texts are exact copies when they are equal under `normalise`. They are near copies when their
sets of shingles have a Jaccard similarity of at least 0.8. Shingles are 5 letters long, and of a
text they see letters and digits only, with Hangul taken apart into its jamo:

- Without spaces and punctuation "너무 좋아요!!" and "너무좋아요" are one text. Korean spacing
  varies from writer to writer, and in texts of under 20 characters such marks would be most of the
  shingles.
- Five jamo are about two syllables, five Latin letters about one word, so one threshold suits both;
  five whole syllables would make any changed ending look like another text.
- In a very short text a single other letter makes another text ("good", "food"), and that is meant:
  it often makes another meaning.

Candidates come from MinHash and banding (Broder 1997; Leskovec, Rajaraman & Ullman 2014, chapter
3); each is then checked on the shingles themselves, so no pair is reported on an estimate.
Everything depends on what the texts say and on nothing else: another order of rows gives the same
clusters.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tl_core.api.types import Example

THRESHOLD = 0.8  # Jaccard similarity from which two texts are near duplicates
SHINGLE = 5  # characters
# A pair of similarity s meets in at least one band with probability 1 - (1 - s^6)^16: it is missed
# at 0.9 with probability 5e-6 and at 0.8 with 0.8%; texts with 0.1 in common meet by chance once
# in 60,000 pairs.
BANDS, BAND_ROWS = 16, 6
# Texts in one bucket are compared with their next 48 neighbours: every pair of a bucket of up to
# 49, and a chain through a larger one. Without a limit a million texts from one template would make
# 10^12 pairs.
NEIGHBOURS = 48
MAX_CHECKS = 2_000_000  # exact comparisons, 20 to 40 µs each
MAX_COMPARED = (
    400_000_000  # characters of the texts in them: long texts from one template would take minutes
)
# The share of equal MinHashes has a standard deviation of 0.041 at 0.8; four of them below it only
# 3 in 100,000 true pairs are lost, and most chance meetings are spared the exact check.
ESTIMATE_FLOOR = 0.64
CHUNK = 2048  # texts at a time: their shingles fit the processor's cache
BETWEEN = "\x1f"  # between the two texts of a row; `normalise` leaves none in a text


@dataclass(frozen=True)
class Duplicates:
    """The rows that repeat others.

    Groups hold indices into the examples, ascending, ordered by their first.
    """

    keep: np.ndarray  # (n,) bool; False: a later exact copy, any row of a conflict, an empty text
    cluster: (
        np.ndarray
    )  # (n,) int64; equal: exact or near copies of each other, named by the first's index
    empty: tuple[tuple[int, ...], ...]  # none or one group: nothing to read
    exact: tuple[tuple[int, ...], ...]  # same text, same labels; the first is kept
    near: tuple[tuple[int, ...], ...]  # kept rows that are near copies, directly or through others
    conflicts: tuple[tuple[int, ...], ...]  # same text, different labels; none is kept
    unexamined: int = (
        0  # texts that were not compared with every likely near copy, because there were too many
    )


class Overlap(NamedTuple):
    """Rows of the pool that repeat a test row: (index in pool, index in test), one pair per pool
    row.
    """

    exact: list[tuple[int, int]]
    near: list[tuple[int, int]]


def normalise(text: str) -> str:
    """The text as it counts for equality: NFKC, no case, each run of white space one space, none at
    the ends.
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def find_duplicates(examples: Sequence[Example], *, near: bool = True) -> Duplicates:
    """Group the rows that repeat each other; `near=False` looks for exact copies only.

    A row of two texts is a copy when both are; it is empty when either is. Labels are compared as
    sets. Rows of a conflict and empty ones take no part in near clusters: they are left out anyway.
    """
    n = len(examples)
    first, inverse = _distinct(
        examples
    )  # (m,) the first row of each text, in content order; (n,) text of each row
    labels = [(tuple(sorted(set(e.labels))), e.answer) for e in examples]
    is_empty = np.fromiter((_is_empty(e) for e in examples), bool, n)
    groups = _groups(inverse)
    keep = np.zeros(n, bool)
    keep[first] = True
    keep &= ~is_empty
    exact: list[list[int]] = []
    conflicts: list[list[int]] = []
    for group in groups:
        if is_empty[group[0]]:
            continue
        same = len({labels[i] for i in group}) == 1
        (exact if same else conflicts).append(group)
        keep[group[0]] = same
    text_cluster, unexamined = np.arange(len(first)), 0
    if near:
        candidates = np.flatnonzero(keep[first])
        found, unexamined = _near_clusters([examples[i] for i in first[candidates]])
        text_cluster[candidates] = candidates[found]
    cluster = _named_by_first(text_cluster[inverse])
    kept = np.flatnonzero(keep)
    return Duplicates(
        keep=keep,
        cluster=cluster,
        empty=tuple([tuple(np.flatnonzero(is_empty).tolist())] if is_empty.any() else []),
        exact=tuple(map(tuple, exact)),
        near=tuple(tuple(kept[group].tolist()) for group in _groups(cluster[kept])) if near else (),
        conflicts=tuple(map(tuple, conflicts)),
        unexamined=unexamined,
    )


def overlap(pool: Sequence[Example], test: Sequence[Example], *, near: bool = True) -> Overlap:
    """Find the rows of the pool that repeat a row of a separate test file, whatever their labels.

    Empty texts do not count.
    """
    where: dict[bytes, int] = {}
    for k, example in enumerate(test):
        if not _is_empty(example):
            where.setdefault(_content(example), k)
    exact: list[tuple[int, int]] = []
    others: list[int] = []
    for i, example in enumerate(pool):
        j = where.get(_content(example))
        if j is not None:
            exact.append((i, j))
        elif not _is_empty(example):
            others.append(i)
    if not near or not where or not others:
        return Overlap(exact, [])
    tests = [
        where[key] for key in sorted(where)
    ]  # in content order, so that the answer does not follow the rows'
    pairs = _near_across([pool[i] for i in others], [test[j] for j in tests])
    return Overlap(exact, [(others[i], tests[j]) for i, j in pairs])


def jaccard(a: Example, b: Example) -> float:
    """Similarity of two rows, 0..1: shared shingles over all shingles (Jaccard 1912)."""
    return float(_jaccards([a, b], np.array([0]), np.array([1]))[0])


# --- exact copies ---------------------------------------------------------------------------------


def _text(example: Example) -> str:
    if example.text_b is None:
        return normalise(example.text)
    return normalise(example.text) + BETWEEN + normalise(example.text_b)


def _content(example: Example) -> bytes:
    return hashlib.blake2b(_text(example).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _is_empty(example: Example) -> bool:
    """Whether there is no visible character: a byte-order mark or a zero-width space is nothing to
    read either.
    """
    texts = (example.text,) if example.text_b is None else (example.text, example.text_b)
    return not all(any(c.isprintable() and not c.isspace() for c in text) for text in texts)


def _distinct(examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
    contents = b"".join(map(_content, examples))
    _, first, inverse = np.unique(
        np.frombuffer(contents, "V16"), return_index=True, return_inverse=True
    )
    return first, inverse


def _groups(values: np.ndarray) -> list[list[int]]:
    """Indices of equal values, where there are two or more; ordered by first index."""
    order = np.argsort(values, kind="stable")
    starts = (
        np.flatnonzero(np.r_[True, values[order][1:] != values[order][:-1]])
        if len(order)
        else order
    )
    sizes = np.diff(np.r_[starts, len(order)])
    return sorted(
        order[s : s + size].tolist() for s, size in zip(starts[sizes > 1], sizes[sizes > 1])
    )


def _named_by_first(values: np.ndarray) -> np.ndarray:
    """(n,) int64: each value replaced by the index at which it first occurs."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


# --- shingles and their similarity ----------------------------------------------------------------


def _are_letters(codes: np.ndarray) -> np.ndarray:
    """Which code points are letters, digits or marks written on them; the selectors that colour
    emoji are not. Asked only of those that occur: all there are take a quarter of a second.
    """
    table = np.zeros(0x110000, bool)
    seen = np.flatnonzero(np.bincount(codes))
    table[seen] = [unicodedata.category(chr(code))[0] in "LMN" for code in seen]
    table[0xFE00:0xFE10] = False
    return table[codes]


def _shingles(examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of all shingles, (s,) uint64, text after text, and (n,) where each text starts. None
    may be empty.

    A text shorter than a shingle is one shingle; a text without a letter (👍) is read as it is.
    """
    texts = [unicodedata.normalize("NFD", _text(e)) for e in examples]
    lengths = np.array([len(text) for text in texts])
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    letter = _are_letters(codes)
    wordless = np.bincount(owner[letter], minlength=len(texts)) == 0
    read = letter | (codes == ord(BETWEEN)) | wordless[owner]
    codes, lengths = codes[read], np.bincount(owner[read], minlength=len(texts))
    return _window_hashes(codes, lengths)


def _window_hashes(codes: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = np.maximum(lengths - SHINGLE + 1, 1)
    starts = np.cumsum(counts) - counts
    text_starts = np.cumsum(lengths) - lengths
    at = np.arange(counts.sum()) + np.repeat(
        text_starts - starts, counts
    )  # (s,) where each window begins
    codes = np.concatenate([codes, np.zeros(SHINGLE, np.uint32)]).astype(np.uint64)
    hashes = codes[at]
    short = np.flatnonzero(lengths < SHINGLE)
    for step in range(1, SHINGLE):
        following = codes[at + step]
        following[starts[short[lengths[short] <= step]]] = 0  # beyond the end of a short text
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + following
    return _mixed(hashes), starts


def _mixed(x: np.ndarray) -> np.ndarray:
    """Spread 64-bit integers over all 64 bits (SplitMix64: Steele, Lea & Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _jaccards(texts: Sequence[Example], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(p,) similarity of texts[a[k]] and texts[b[k]], from 44 bits of each shingle's hash: off by
    one in 10^8 pairs.
    """
    sides = []
    for side in (a, b):
        hashes, starts = _shingles([texts[i] for i in side])
        pair = np.repeat(np.arange(len(side), dtype=np.uint64), np.diff(np.r_[starts, len(hashes)]))
        sides.append(_sorted_set((pair << np.uint64(44)) | (hashes >> np.uint64(20))))
    both = np.sort(np.concatenate(sides))
    shared = np.bincount(
        (both[1:][both[1:] == both[:-1]] >> np.uint64(44)).astype(int), minlength=len(a)
    )
    total = np.bincount((both >> np.uint64(44)).astype(int), minlength=len(a))
    return shared / (total - shared)


def _sorted_set(values: np.ndarray) -> np.ndarray:
    """Sort the distinct values, as np.unique does; its hash table (numpy 2.3 and later) took five
    times as long here as sorting.
    """
    values = np.sort(values)
    return values[np.r_[True, values[1:] != values[:-1]]]


def _signatures(texts: Sequence[Example]) -> np.ndarray:
    """(n, BANDS * BAND_ROWS) uint32: for each of as many hash functions the smallest value over the
    shingles.
    """
    rng = np.random.default_rng(1997)
    factors = rng.integers(0, 2**32, BANDS * BAND_ROWS, dtype=np.uint32) | np.uint32(1)
    shifts = rng.integers(0, 2**32, BANDS * BAND_ROWS, dtype=np.uint32)
    signatures = np.empty((len(texts), BANDS * BAND_ROWS), np.uint32)
    for begin in range(0, len(texts), CHUNK):
        hashes, starts = _shingles(texts[begin : begin + CHUNK])
        hashes = (hashes >> np.uint64(32)).astype(np.uint32)
        values = np.empty_like(hashes)
        for k, (factor, shift) in enumerate(zip(factors, shifts)):
            np.multiply(hashes, factor, out=values)
            values += shift
            signatures[begin : begin + CHUNK, k] = np.minimum.reduceat(values, starts)
    return signatures


def _band_keys(signatures: np.ndarray, band: int) -> np.ndarray:
    """(n,) uint64: equal for texts whose MinHashes agree in the whole band."""
    keys = np.zeros(len(signatures), np.uint64)
    for k in range(band * BAND_ROWS, (band + 1) * BAND_ROWS):
        keys = _mixed(keys + signatures[:, k])
    return keys


# --- near copies ----------------------------------------------------------------------------------


def _near_clusters(texts: Sequence[Example]) -> tuple[np.ndarray, int]:
    """(m,) the smallest index each text is connected to, and how many texts were not compared with
    all they could be.

    `texts` are distinct and in content order, so that every limit below falls on the same pairs in
    any order of rows.
    """
    label, unexamined = np.arange(len(texts)), np.zeros(len(texts), bool)
    if len(texts) < 2:
        return label, 0
    signatures, checks, compared = _signatures(texts), 0, 0
    lengths = np.array([len(_text(e)) for e in texts], np.int64)
    for band in range(BANDS):
        for a, b, last in _bucket_pairs(_band_keys(signatures, band)):
            apart = label[a] != label[b]
            if (
                last or checks >= MAX_CHECKS or compared >= MAX_COMPARED
            ):  # beyond a limit; those already in one cluster need no comparison
                unexamined[a[apart]] = unexamined[b[apart]] = True
                continue
            a, b = a[apart], b[apart]
            likely = _estimates(signatures, a, signatures, b) >= ESTIMATE_FLOOR
            a, b = a[likely], b[likely]
            together = np.cumsum(lengths[a] + lengths[b])
            room = min(
                MAX_CHECKS - checks, int(np.searchsorted(together, MAX_COMPARED - compared)) + 1
            )
            unexamined[a[room:]] = unexamined[b[room:]] = True
            a, b = a[:room], b[:room]
            checks += len(a)
            compared += int(together[len(a) - 1]) if len(a) else 0
            near = _are_near(texts, a, texts, b)
            label = _connected(label, a[near], b[near])
    return label, int(unexamined.sum())


def _bucket_pairs(keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Pairs of texts with equal keys, neighbours first; the last lot, marked True, lies beyond the
    limit.
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    left = np.arange(len(keys))
    for distance in range(1, NEIGHBOURS + 2):
        left = left[left + distance < len(keys)]
        left = left[ordered[left] == ordered[left + distance]]
        if not len(left):
            return
        yield order[left], order[left + distance], distance > NEIGHBOURS


def _estimates(left: np.ndarray, a: np.ndarray, right: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(p,) share of equal MinHashes: an unbiased estimate of the Jaccard similarity."""
    lots = range(0, len(a), 50_000)
    return np.concatenate(
        [
            np.empty(0),
            *((left[a[i : i + 50_000]] == right[b[i : i + 50_000]]).mean(axis=1) for i in lots),
        ]
    )


def _are_near(
    left: Sequence[Example], a: np.ndarray, right: Sequence[Example], b: np.ndarray
) -> np.ndarray:
    """(p,) bool: the two texts of each pair have a similarity of at least THRESHOLD, counted, not
    estimated.
    """
    near = np.zeros(len(a), bool)
    for i in range(0, len(a), CHUNK):
        lot = slice(i, i + CHUNK)
        pairs = [left[j] for j in a[lot]] + [right[j] for j in b[lot]]
        index = np.arange(len(pairs) // 2)
        near[lot] = _jaccards(pairs, index, index + len(index)) >= THRESHOLD
    return near


def _connected(label: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The labels after joining each a with its b; a label is always the smallest index of its
    cluster.
    """
    label = label.copy()
    while len(a):
        low, high = np.minimum(label[a], label[b]), np.maximum(label[a], label[b])
        np.minimum.at(label, high, low)
        while not np.array_equal(shorter := label[label], label):
            label = shorter
        open_ = label[a] != label[b]
        a, b = a[open_], b[open_]
    return label


def _near_across(pool: Sequence[Example], test: Sequence[Example]) -> list[tuple[int, int]]:
    """(pool index, test index) for each pool text that is a near copy of a test text."""
    pool_signatures, test_signatures = _signatures(pool), _signatures(test)
    match = np.full(len(pool), -1)
    for band in range(BANDS):
        keys = _band_keys(test_signatures, band)
        order = np.argsort(keys, kind="stable")
        rows = np.flatnonzero(match < 0)
        wanted = _band_keys(pool_signatures[rows], band)
        low, high = (np.searchsorted(keys[order], wanted, side) for side in ("left", "right"))
        for distance in range(NEIGHBOURS):
            a = np.flatnonzero((low + distance < high) & (match[rows] < 0))
            if not len(a):
                break
            i, j = rows[a], order[low[a] + distance]
            likely = _estimates(pool_signatures, i, test_signatures, j) >= ESTIMATE_FLOOR
            i, j = i[likely], j[likely]
            near = _are_near(pool, i, test, j)
            match[i[near]] = j[near]
    return [(int(i), int(match[i])) for i in np.flatnonzero(match >= 0)]
