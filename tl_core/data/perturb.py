"""Texts changed as people change them without meaning anything else: by typos, by case, by leaving
out punctuation; and by negation, which does mean something else.

The same change of the same row is the same everywhere. Characters that belong together (a letter
and its marks, a flag, an emoji and its colour) stay together, and a composed Hangul syllable stays
one.

A typo is put into one in ten words, and into one at least. What is drawn is one of:

- two neighbouring letters behind the first change places, one of them is left out, or one is
    written twice (Belinkov & Bisk
  2018), in words of three letters or more;
- in Hangul, in words of two syllables or more, two neighbouring syllables change places, or a
    syllable gets another final
  consonant or loses it.

Two changes are made in texts with Hangul only, one in ten words and one at least: a space between
two words is left out, or put into a word of three syllables or more; and a word is typed with the
keyboard in the other language.
"""

from __future__ import annotations

import math
import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby

from tl_core.api.types import Example
from tl_core.api.words import Places, words_of
from tl_core.data.korean_keyboard import as_hangul, as_keys
from tl_core.data.negation import negated

VERSION = 1  # rises with whatever makes other texts
TYPOS = 0.1  # share of the words
FINALS = (
    0,
    1,
    4,
    8,
    16,
    17,
    19,
    21,
)  # none, ㄱ ㄴ ㄹ ㅁ ㅂ ㅅ ㅇ: the commonest, by their place in a syllable's number
SYLLABLES, FINAL_COUNT = range(0xAC00, 0xD7A4), 28
JOINER, BETWEEN = "\u200d", "\u200c"
NO_LETTER, LETTER, SYLLABLE = range(3)


@dataclass(frozen=True)
class Change:
    """One way of changing a text."""

    id: str
    keeps_answer: bool  # the right answer stays what it was; else nobody knows
    # what becomes of each of the `clusters` of a text; the same where the change does not apply
    pieces: Callable[[list[str], random.Random], list[str]]
    of_hangul: bool = False  # it changes no other texts

    def make(self, text: str, draw: random.Random) -> str:
        """Change a text."""
        return "".join(self.pieces(clusters(text), draw))


def drawing(change: Change, example: Example) -> random.Random:
    """What draws a row's change, the same everywhere."""
    return random.Random(f"{VERSION} {change.id} {example.row}")


def changed(change: Change, example: Example) -> Example:
    """The row as the change leaves it; equal to it where there was nothing to change."""
    draw = drawing(change, example)
    text = change.make(example.text, draw)
    if example.text_b is None or (not change.keeps_answer and text != example.text):
        return replace(
            example, text=text
        )  # of two texts one is negated: two negations may take each other back
    return replace(example, text=text, text_b=change.make(example.text_b, draw))


def asked_otherwise(change: Change, example: Example) -> Example:
    """A question with its text, of which the question alone is changed."""
    return replace(example, text_b=change.make(example.text_b or "", drawing(change, example)))


def moved(change: Change, example: Example) -> tuple[str, Places]:
    """The text as the change leaves it, and where each of its words is in there; one that is gone
    has no length.
    """
    before = clusters(example.text)
    after = change.pieces(before, drawing(change, example))
    old = [0, *accumulate(map(len, before))]
    new = dict(zip(old, [0, *accumulate(map(len, after))], strict=True))
    inside = dict(enumerate(_in_between(old, new)))
    return "".join(after), tuple((inside[a], inside[b]) for a, b in words_of(example))


def _in_between(old: Sequence[int], new: dict[int, int]) -> list[int]:
    """New positions of all old ones; within a piece, that of its beginning."""
    found = [0] * (old[-1] + 1)
    for low, high in zip(old, [*old[1:], old[-1] + 1], strict=True):
        found[low:high] = [new[low]] * (high - low)
    return found


def with_spans_moved(example: Example, text: str, places: Places) -> Example:
    """The row with a text that was changed, its words and its spans where they are in there.

    Args:
        places: of its words, as `moved` has them.
    """
    starts, ends = zip(*words_of(example), strict=True) if words_of(example) else ((), ())
    answer = []
    for start, end, label in example.answer:
        of = [at for at, a, b in zip(places, starts, ends, strict=True) if a < end and b > start]
        there = [at for at in of if at[0] < at[1]]
        if there:
            answer.append((there[0][0], there[-1][1], label))
    words = None if example.words is None else tuple(at for at in places if at[0] < at[1])
    return replace(example, text=text, answer=tuple(answer), words=words)


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
    """Whether a character goes with what is before it. The cases of Unicode's annex 29 that
    texts have.
    """
    if (
        unicodedata.category(character)[0] == "M"
        or character in (JOINER, BETWEEN)
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    ):
        return True
    if piece[-1] == JOINER:
        return (
            not character.isalpha()
        )  # joined emoji; letters around a joiner only change their shape
    if "\U0001f1e6" <= character <= "\U0001f1ff":  # two of these are a flag
        return len(piece) == 1 and "\U0001f1e6" <= piece <= "\U0001f1ff"
    return (
        "\u1160" <= character <= "\u11ff" and "\u1100" <= piece[0] <= "\u11ff"
    )  # a syllable written in jamo


# --- typos ----------------------------------------------------------------------------------------


def typos(pieces: list[str], draw: random.Random) -> list[str]:
    """Typos in a share of the words."""
    runs = [(kind, list(run)) for kind, run in groupby(pieces, _kind)]
    words = [i for i, (kind, _) in enumerate(runs) if kind != NO_LETTER]
    fit = [i for i in words if len(runs[i][1]) >= (2 if runs[i][0] == SYLLABLE else 3)]
    for i in _some(fit, len(words), draw):
        kind, word = runs[i]
        runs[i] = kind, (_misspelt_hangul if kind == SYLLABLE else _misspelt)(word, draw)
    return [piece for _, run in runs for piece in run]


def _kind(piece: str) -> int:
    if not piece[0].isalpha():
        return NO_LETTER
    return SYLLABLE if len(piece) == 1 and ord(piece) in SYLLABLES else LETTER


def _misspelt(word: list[str], draw: random.Random) -> list[str]:
    places = _swappable(word, 1)
    way, i = (
        draw.choice(("swap", "drop", "double") if places else ("drop", "double")),
        draw.randrange(1, len(word)),
    )
    if way == "swap":
        return _swapped(word, draw.choice(places))
    return [*word[:i], "" if way == "drop" else 2 * word[i], *word[i + 1 :]]


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


# --- Korean ---------------------------------------------------------------------------------------


def respaced(pieces: list[str], draw: random.Random) -> list[str]:
    """Spaces left out or put in, where a text is in Hangul."""
    if not any(_kind(p) == SYLLABLE for p in pieces):
        return pieces

    def letters(*places: int) -> bool:
        return all(0 <= i < len(pieces) and _kind(pieces[i]) == SYLLABLE for i in places)

    gaps = [i for i, p in enumerate(pieces) if p == " " and letters(i - 1, i + 1)]
    # not behind the first syllable of a word, nor before its last one
    inside = [i for i in range(len(pieces)) if letters(i - 2, i - 1, i, i + 1)]
    after = list(pieces)
    for i in _some(gaps + inside, len(gaps) + 1, draw):
        if pieces[i] == " ":
            after[i] = ""
        else:  # behind what is before it, so that a word begins with its first letter
            after[i - 1] += " "
    return after


def wrong_keyboard(pieces: list[str], draw: random.Random) -> list[str]:
    """Words typed with the keyboard in the other language, where a text is in Hangul."""
    runs = [(kind, list(run)) for kind, run in groupby(pieces, _kind)]
    if not any(kind == SYLLABLE for kind, _ in runs):
        return pieces
    words = [
        i
        for i, (kind, run) in enumerate(runs)
        if kind == SYLLABLE or (kind == LETTER and "".join(run).isascii())
    ]
    for i in _some(words, len(words), draw):
        kind, word = runs[i]
        # letters become syllables together: their word is where its first letter was
        typed = [as_hangul("".join(word)), *[""] * (len(word) - 1)]
        runs[i] = kind, [as_keys(p) for p in word] if kind == SYLLABLE else typed
    return [piece for _, run in runs for piece in run]


def _some(places: Sequence[int], words: int, draw: random.Random) -> list[int]:
    """As many of the places as a share of the words, and one at least."""
    return draw.sample(places, min(len(places), max(1, math.floor(TYPOS * words + 0.5))))


# --- punctuation ----------------------------------------------------------------------------------


def unpunctuated(pieces: list[str], draw: random.Random) -> list[str]:
    """Remove punctuation except inside a word or a number; a text of nothing else stays."""

    def inside(i):
        return 0 < i < len(pieces) - 1 and pieces[i - 1][0].isalnum() and pieces[i + 1][0].isalnum()

    after = [
        p if unicodedata.category(p[0])[0] != "P" or len(p) > 1 or inside(i) else ""
        for i, p in enumerate(pieces)
    ]
    if after == pieces or not "".join(after).strip():
        return pieces
    return _stripped(after)


def _stripped(pieces: list[str]) -> list[str]:
    """Leave out the space at both ends of a text."""
    text = "".join(pieces)
    low, high = len(text) - len(text.lstrip()), len(text.rstrip())
    ends = [0, *accumulate(map(len, pieces))]
    return [text[max(a, low) : max(low, min(b, high))] for a, b in zip(ends, ends[1:])]


# --- all of a text --------------------------------------------------------------------------------


def in_case(case: Callable[[str], str]) -> Callable[[list[str], random.Random], list[str]]:
    """A change of every letter."""

    def of(pieces: list[str], draw: random.Random) -> list[str]:
        alone, text = [case(p) for p in pieces], case("".join(pieces))
        # what stands beside a letter may decide its form (a Greek sigma that ends a word)
        ends = [0, *accumulate(map(len, alone))]
        return [text[a:b] for a, b in zip(ends, ends[1:])] if len(text) == ends[-1] else alone

    return of


def in_one(make: Callable[[str], str]) -> Callable[[list[str], random.Random], list[str]]:
    """A change of which nobody knows what became of each piece."""

    def of(pieces: list[str], draw: random.Random) -> list[str]:
        text = "".join(pieces)
        after = make(text)
        return pieces if after == text else [after, *[""] * (len(pieces) - 1)]

    return of


def changes_of(*, spans: bool) -> dict[str, Change]:
    """The changes that can be asked about.

    Args:
        spans: answers are spans of the text that is changed, so it must be known where they are.
    """
    return {id: change for id, change in CHANGES.items() if change.keeps_answer or not spans}


CHANGES: dict[str, Change] = {
    change.id: change
    for change in (
        Change("typos", True, typos),
        Change("spacing", True, respaced, of_hangul=True),
        Change("keyboard", True, wrong_keyboard, of_hangul=True),
        Change("lower", True, in_case(str.lower)),
        Change("upper", True, in_case(str.upper)),
        Change("no-punctuation", True, unpunctuated),
        Change("negation", False, in_one(negated)),
    )
}
