"""First vectors for new pieces: the mean of the known tokens that translate them.

Which token translates which piece is learned from sentence pairs alone (IBM Model 1, Brown et al.
1993): a model that has never seen the new script then reads it as a word-for-word gloss, and
training begins from there instead of from noise (as Minixhofer et al. 2022 do with bilingual word
vectors).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from tl_core.api.types import Step, Steps
from tl_core.models.pretraining.pairs import Pairs

ROUNDS = 6  # of expectation and maximization; the likelihood hardly rises after four
LONGEST = (24, 32)  # tokens of a first and of a second side
MOST_PAIRS = 400_000  # about 60 million places to weigh, 1.5 GB
LEAST_CHANCE = 0.01  # below it a translation is noise
DOUBT = 2.0  # occurrences at which a gloss is trusted half
SPREAD = 1.5  # glosses are means, which lie closer together than single tokens' vectors


def gloss_vectors(pairs: Pairs, known: np.ndarray, count: int, seed: int) -> Steps[np.ndarray]:
    """(count, d) first vectors of the pieces that follow the known tokens.

    Args:
        pairs: the first side in known tokens, the second in new pieces.
        known: (V, d) vectors of the tokens there were.
        count: how many pieces are new.
    """
    ends = _short(pairs, seed)
    piece, token, place, first = _places(pairs.tokens, ends, len(known), count)
    cells, of = np.unique(piece * len(known) + token, return_inverse=True)
    pieces, tokens = cells // len(known), cells % len(known)
    chance = 1 / np.bincount(pieces)[pieces]  # to begin with, every token met is as likely
    lengths = np.diff(np.append(first, len(place)))
    met = chance
    for done in range(ROUNDS):
        yield Step(done, ROUNDS, phase="read")
        weights = chance[of]
        weights /= np.repeat(np.add.reduceat(weights, first), lengths)
        met = np.bincount(of, weights, minlength=len(cells))
        chance = met / np.maximum(np.bincount(pieces, met, minlength=count + 2)[pieces], 1e-12)
    sure = (pieces < count) & (chance > LEAST_CHANCE)
    times = np.bincount(pieces[sure], met[sure], minlength=count)
    table = csr_matrix((chance[sure], (pieces[sure], tokens[sure])), shape=(count, len(known)))
    total = np.asarray(table.sum(1)).ravel()
    glosses = (table @ known) / np.maximum(total, 1e-9)[:, None]
    glossed = total > 0
    centre = glosses[glossed].mean(0) if glossed.any() else known.mean(0)
    trust = np.where(glossed, times / (times + DOUBT), 0.0)[:, None]
    vectors = centre + trust * (glosses - centre)
    middle = vectors.mean(0)
    return middle + SPREAD * (vectors - middle)


def _short(pairs: Pairs, seed: int) -> np.ndarray:
    lengths = np.diff(pairs.ends, axis=1)
    kept = np.flatnonzero((lengths <= LONGEST).all(1))
    return pairs.ends[np.random.default_rng(seed).permutation(kept)[:MOST_PAIRS]]


def _places(
    tokens: np.ndarray, ends: np.ndarray, known: int, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every token of a first side beside every piece of its second side, and beside nothing.

    Returns:
        (piece, token, place of the token, where each place's pieces begin). A piece is 0 to
        count - 1, `count` for nothing, `count` + 1 for a token that was known.
    """
    left, right = np.diff(ends, axis=1).T
    owner, where = _each(ends[:, 0], left)
    first_tokens = tokens[where].astype(np.int64)
    _, where = _each(ends[:, 1], right)
    second_tokens = tokens[where].astype(np.int64)
    begins = np.cumsum(right) - right
    many = right[owner] + 1
    place, within = _each(np.zeros(len(many), np.int64), many)
    piece = np.full(len(place), count, np.int64)
    some = within > 0
    met = second_tokens[begins[owner[place[some]]] + within[some] - 1] - known
    piece[some] = np.where(met >= 0, met, count + 1)
    return piece, first_tokens[place], place, np.flatnonzero(within == 0)


def _each(begins: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, position) of every element of rows that begin there and are so long."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return rows, begins[rows] + within
