"""How good an answer to a question is: exact match and F1 as SQuAD counts them, and the F1 of
characters as KorQuAD does.

Rajpurkar et al. 2016 (SQuAD 1.1), Rajpurkar, Jia & Liang 2018 (2.0), Lim, Kim & Lee 2019 (KorQuAD
1.0). Of several correct answers the one that fits best counts. A question without an answer has the
one correct answer "", which nothing but "" matches.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tl_core.api.types import Interval
from tl_core.statistics.crossed import credit_interval
from tl_core.statistics.intervals import NEVER_RIGHT, NEVER_WRONG, share_notes

PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_KOREAN_SIGNS = re.compile("['\"《》<>〈〉()‘’]")


def normalised(text: str) -> str:
    """Small letters, no ASCII punctuation, no English articles, single spaces: what SQuAD compares.

    Examples:
        >>> normalised("The  U.S.A., an ally")
        'usa ally'
    """
    kept = "".join(c for c in text.lower() if c not in PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", kept).split())


def normalised_korean(text: str) -> str:
    """Small letters, no ASCII punctuation, quotation marks and brackets as spaces, single spaces:
    what KorQuAD compares.

    Examples:
        >>> normalised_korean("《서울》 특별시.")
        '서울 특별시'
    """
    kept = _KOREAN_SIGNS.sub(" ", text).lower()
    return " ".join("".join(c for c in kept if c not in PUNCTUATION).split())


@lru_cache(maxsize=65_536)
def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a normalised answer."""
    return tuple(normalised(text).split())


@lru_cache(maxsize=65_536)
def characters(text: str) -> tuple[str, ...]:
    """Return the characters of a normalised answer, without spaces."""
    return tuple(c for word in normalised_korean(text).split() for c in word)


def exact(answer: str, right: Sequence[str]) -> float:
    """1 where a normalised answer equals one of the right ones, else 0."""
    said = tokens(answer)
    return float(any(said == tokens(one) for one in _real(right, tokens)))


def token_f1(answer: str, right: Sequence[str]) -> float:
    """F1 of words, of the correct answer that fits best."""
    return _best(answer, right, tokens)


def character_f1(answer: str, right: Sequence[str]) -> float:
    """F1 of characters, of the correct answer that fits best."""
    return _best(answer, right, characters)


def _best(answer: str, right: Sequence[str], parts: Callable[[str], tuple[str, ...]]) -> float:
    said = parts(answer)
    return max(_f1(said, parts(one)) for one in _real(right, parts))


def _real(right: Iterable[str], parts: Callable[[str], tuple[str, ...]]) -> list[str]:
    """The correct answers of which anything is left to compare; "" where there is none."""
    return [one for one in right if parts(one)] or [""]


def _f1(said: Sequence[str], wanted: Sequence[str]) -> float:
    if not said or not wanted:
        return float(not said and not wanted)
    shared = (Counter(said) & Counter(wanted)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(said), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def answer_interval(Y: np.ndarray, **options: Any) -> Interval:
    """Mean of Y (S, n), parts of credit; `options` as those of `credit_interval`."""
    few = [note for note in share_notes(Y == 1.0) if note == NEVER_WRONG]
    few += [note for note in share_notes(Y > 0.0) if note == NEVER_RIGHT]
    return credit_interval(Y, few, **options)
