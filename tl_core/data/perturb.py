"""Texts changed as people change them without meaning anything else: by typos, by case, by leaving out punctuation; and by
negation, which does mean something else.

The same change of the same row is the same everywhere. Characters that belong together (a letter and its marks, a flag, an
emoji and its colour) stay together, and a composed Hangul syllable stays one.

A typo is put into one in ten words, and into one at least. What is drawn is one of:

- two neighbouring letters behind the first change places, one of them is left out, or one is written twice (Belinkov & Bisk
  2018), in words of three letters or more;
- in Hangul, in words of two syllables or more, two neighbouring syllables change places, or a syllable gets another final
  consonant or loses it.
"""

from __future__ import annotations

import math
import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tl_core.data.negation import negated
from tl_core.types import Example

VERSION = 1  # rises with whatever makes other texts
TYPOS = 0.1  # share of the words
FINALS = (0, 1, 4, 8, 16, 17, 19, 21)  # none, ㄱ ㄴ ㄹ ㅁ ㅂ ㅅ ㅇ: the commonest, by their place in a syllable's number
SYLLABLES, FINAL_COUNT = range(0xAC00, 0xD7A4), 28
JOINER, BETWEEN = "\u200d", "\u200c"
NO_LETTER, LETTER, SYLLABLE = range(3)


@dataclass(frozen=True)
class Change:
    """One way of changing a text."""

    id: str
    keeps_answer: bool  # the right answer stays what it was; else nobody knows
    make: Callable[[str, random.Random], str]  # the text itself where the change does not apply


def changed(change: Change, example: Example) -> Example:
    """The row as the change leaves it; equal to it where there was nothing to change."""
    draw = random.Random(f"{VERSION} {change.id} {example.row}")
    text = change.make(example.text, draw)
    if example.text_b is None or (not change.keeps_answer and text != example.text):
        return replace(example, text=text)  # of two texts one is negated: two negations may take each other back
    return replace(example, text=text, text_b=change.make(example.text_b, draw))


def clusters(text: str) -> list[str]:
    """The text in pieces that must not be torn apart; joined they are the text."""
    pieces: list[str] = []
    for character in text:
        if pieces and _belongs(pieces[-1], character):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _belongs(piece: str, character: str) -> bool:
    """Whether a character goes with what stands before it. The cases of Unicode's annex 29 that texts have."""
    if unicodedata.category(character)[0] == "M" or character in (JOINER, BETWEEN) or "\U0001f3fb" <= character <= "\U0001f3ff":
        return True
    if piece[-1] == JOINER:
        return not character.isalpha()  # joined emoji; letters around a joiner only change their shape
    if "\U0001f1e6" <= character <= "\U0001f1ff":  # two of these are a flag
        return len(piece) == 1 and "\U0001f1e6" <= piece <= "\U0001f1ff"
    return "\u1160" <= character <= "\u11ff" and "\u1100" <= piece[0] <= "\u11ff"  # a syllable written in jamo


# --- typos ----------------------------------------------------------------------------------------------


def typos(text: str, draw: random.Random) -> str:
    """Typos in a share of the words."""
    runs = [(kind, list(run)) for kind, run in groupby(clusters(text), _kind)]
    words = [i for i, (kind, _) in enumerate(runs) if kind != NO_LETTER]
    fit = [i for i in words if len(runs[i][1]) >= (2 if runs[i][0] == SYLLABLE else 3)]
    for i in draw.sample(fit, min(len(fit), max(1, math.floor(TYPOS * len(words) + 0.5)))):
        kind, word = runs[i]
        runs[i] = kind, (_misspelt_hangul if kind == SYLLABLE else _misspelt)(word, draw)
    return "".join(piece for _, run in runs for piece in run)


def _kind(piece: str) -> int:
    if not piece[0].isalpha():
        return NO_LETTER
    return SYLLABLE if len(piece) == 1 and ord(piece) in SYLLABLES else LETTER


def _misspelt(word: list[str], draw: random.Random) -> list[str]:
    places = _swappable(word, 1)
    way, i = draw.choice(("swap", "drop", "double") if places else ("drop", "double")), draw.randrange(1, len(word))
    if way == "swap":
        return _swapped(word, draw.choice(places))
    return word[:i] + word[i + 1 :] if way == "drop" else [*word[:i], word[i], *word[i:]]


def _misspelt_hangul(word: list[str], draw: random.Random) -> list[str]:
    places = _swappable(word, 0)
    if places and draw.random() < 0.5:
        return _swapped(word, draw.choice(places))
    i = draw.randrange(len(word))
    at = ord(word[i]) - SYLLABLES.start
    final = draw.choice([f for f in FINALS if f != at % FINAL_COUNT])
    return [*word[:i], chr(SYLLABLES.start + at - at % FINAL_COUNT + final), *word[i + 1 :]]


def _swappable(word: Sequence[str], first: int) -> list[int]:
    return [i for i in range(first, len(word) - 1) if word[i] != word[i + 1]]


def _swapped(word: list[str], i: int) -> list[str]:
    return [*word[:i], word[i + 1], word[i], *word[i + 2 :]]


# --- punctuation ----------------------------------------------------------------------------------------


def unpunctuated(text: str, draw: random.Random) -> str:
    """Without punctuation but for what stands inside a word or a number; a text of nothing else stays."""
    pieces = clusters(text)
    inside = lambda i: 0 < i < len(pieces) - 1 and pieces[i - 1][0].isalnum() and pieces[i + 1][0].isalnum()  # noqa: E731
    kept = [p for i, p in enumerate(pieces) if unicodedata.category(p[0])[0] != "P" or len(p) > 1 or inside(i)]
    return "".join(kept).strip() or text if len(kept) < len(pieces) else text


CHANGES: dict[str, Change] = {
    change.id: change
    for change in (
        Change("typos", True, typos),
        Change("lower", True, lambda text, draw: text.lower()),
        Change("upper", True, lambda text, draw: text.upper()),
        Change("no-punctuation", True, unpunctuated),
        Change("negation", False, lambda text, draw: negated(text)),
    )
}
