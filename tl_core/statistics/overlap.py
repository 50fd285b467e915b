"""How much a written text has in common with the given one: ROUGE, chrF++ and BLEU.

ROUGE (Lin 2004) is the F1 of words, of pairs of words, or of the longest sequence that both have
in this order; a mean over rows. rouge-score reads nothing but Latin letters, so that equal Korean
texts have 0 there; here a word is a run of letters and digits of any script, and each Hangul, kana
or Chinese character by itself.

chrF++ (Popović 2017) and BLEU (Papineni et al. 2002) are sacrebleu's (Post 2018), from the counts
of all rows together; leaving out each row in turn gives it its share (`tl_core.statistics.pooled`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from tl_core.api.words import ALONE, MARKS

_WORD = re.compile(rf"[{ALONE}]|(?:(?![{ALONE}])[^\W_])(?:(?![{ALONE}])[^\W_]|[{MARKS}])*")
_EACH_ALONE = re.compile(f"[{ALONE}]")

ROUGES = ("rouge_1", "rouge_2", "rouge_l")
CHAR_ORDER, WORD_ORDER, BETA = 6, 2, 2  # of chrF++
ORDER = 4  # of BLEU
CHRF = 3 * (CHAR_ORDER + WORD_ORDER)  # numbers a row adds: n-grams written, given, in both
BLEU = 2 + 2 * ORDER  # lengths, n-grams in both, n-grams written
KEPT = 50_000  # pairs of texts whose numbers are remembered: about 60 MB


def rouge_words(text: str) -> list[str]:
    """Words in small letters, without signs.

    Examples:
        >>> rouge_words("It's 3pm, 서울")
        ['it', 's', '3pm', '서', '울']
    """
    return _WORD.findall(text.lower())


def rouge(given: str, written: str) -> tuple[float, float, float]:
    """F1 of ROUGE-1, ROUGE-2 and ROUGE-L.

    Examples:
        >>> rouge("the cat sat", "the cat ran")
        (0.6666666666666666, 0.5, 0.6666666666666666)
    """
    a, b = rouge_words(given), rouge_words(written)
    pairs = [Counter(zip(x, x[1:], strict=False)) for x in (a, b)]
    return (
        _f1((Counter(a) & Counter(b)).total(), len(a), len(b)),
        _f1((pairs[0] & pairs[1]).total(), max(len(a) - 1, 0), max(len(b) - 1, 0)),
        _f1(longest_common(a, b), len(a), len(b)),
    )


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest subsequence of both, by bits of one number (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    every = (1 << len(a)) - 1
    row = every
    for word in b:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & every
    return len(a) - row.bit_count()


def _f1(both: int, given: int, written: int) -> float:
    return 2 * both / (given + written) if given + written else 0.0


def by_characters(texts: Sequence[str]) -> bool:
    """Whether most letters of these texts are Hangul, kana or Chinese: BLEU then counts
    characters.
    """
    alone = sum(len(_EACH_ALONE.findall(text)) for text in texts)
    return alone > 0 and 2 * alone > sum(sum(map(str.isalpha, text)) for text in texts)


@cache
def _sacrebleu(characters: bool) -> tuple[Any, Any]:
    """(chrF++, BLEU)."""
    from sacrebleu.metrics.bleu import BLEU as Bleu
    from sacrebleu.metrics.chrf import CHRF as Chrf

    # `force`: it warns of texts whose full stops stand alone, which a user may well have
    return Chrf(word_order=WORD_ORDER), Bleu(tokenize="char" if characters else "13a", force=True)


def signatures(texts: Sequence[str]) -> tuple[str, str]:
    """sacrebleu's signatures of chrF++ and BLEU for these given texts."""
    metrics = _sacrebleu(by_characters(texts))
    for metric in metrics:
        metric.corpus_score(["a"], [["a"]])  # it knows how many references there are from then on
    chrf, bleu = (str(metric.get_signature()) for metric in metrics)
    return chrf, bleu


@lru_cache(maxsize=KEPT)
def _of_row(given: str, written: str, characters: bool) -> np.ndarray:
    """(3 + CHRF + BLEU,) ROUGE, and what the row adds to the counts of chrF++ and BLEU."""
    counts = [
        metric._extract_corpus_statistics([written], [[given]])[0]
        for metric in _sacrebleu(characters)
    ]
    found = np.array([*rouge(given, written), *counts[0], *counts[1]], np.float32)
    found.flags.writeable = False
    return found


def of_rows(given: np.ndarray, written: np.ndarray) -> np.ndarray:
    """(S, n, 3 + CHRF + BLEU) float64 of (n,) given and (S, n) written texts."""
    characters = by_characters(given.tolist())
    found = [
        [_of_row(a, b, characters) for a, b in zip(given.tolist(), run, strict=True)]
        for run in written.tolist()
    ]
    return np.array(found, np.float64).reshape(*written.shape, len(ROUGES) + CHRF + BLEU)


def chrf(counts: np.ndarray) -> np.ndarray:
    """(...) chrF++ from 0 to 1 of (..., CHRF) sums of counts."""
    written, given, both = np.moveaxis(counts.reshape(*counts.shape[:-1], -1, 3), -1, 0)
    there = (written > 0) & (given > 0)
    orders = np.maximum(there.sum(-1), 1)
    precision = (_share(both, written) * there).sum(-1) / orders
    recall = (_share(both, given) * there).sum(-1) / orders
    return _share((1 + BETA**2) * precision * recall, BETA**2 * precision + recall)


def bleu(counts: np.ndarray) -> np.ndarray:
    """(...) BLEU from 0 to 1 of (..., BLEU) sums of counts; an order without a match counts as half
    a match, the next as a quarter and so on (sacrebleu's "exp").
    """
    written, given = counts[..., 0], counts[..., 1]
    both, total = counts[..., 2 : 2 + ORDER], counts[..., 2 + ORDER :]
    none = (both == 0) & (total > 0)
    precision = _share(np.where(none, 0.5 ** np.cumsum(none, -1), both), total)
    mean = np.exp(np.log(np.maximum(precision, 1e-300)).mean(-1))
    short = np.exp(1 - np.maximum(_share(given, written), 1))
    return np.where((both.sum(-1) > 0) & (total > 0).all(-1), mean * short, 0.0)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)
