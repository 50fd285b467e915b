"""Texts that were read in another encoding than they were written in (mojibake), and what they
were.

Decoding the characters back to bytes and reading those as they were written succeeds by chance for
hardly any text, but two accents side by side do stand in some: a text counts as garbled where
nearly all that is not ASCII goes back, and where it was read as Western European or Chinese and
turns out Korean, or Western European with most of its accents gone. Other mixtures are left alone:
nothing is changed by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

WAYS = (  # (what the bytes are, what they were read as)
    ("utf-8", "cp1252"),
    ("utf-8", "cp949"),
    ("cp949", "cp1252"),
)
BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
HANGUL = re.compile("[가-힣]")
MOST_OF_IT = 0.7  # of what is not ASCII is Hangul afterwards, where it was Korean in CP949
FEWEST = 4  # characters beyond ASCII; fewer could be anything


@dataclass(frozen=True)
class Garbled:
    """Rows that were garbled in one way; `meant` is what the first of them seems to have said."""

    rows: tuple[int, ...]  # places in what was looked at
    was: str
    read_as: str
    seen: str
    meant: str


def garbled(texts: Sequence[str]) -> Garbled | None:
    """Return the most common way in which some of these texts are garbled; None where none is."""
    found = [(i, *back) for i, text in enumerate(texts) if (back := restored(text))]
    if not found:
        return None
    (was, read_as), _ = Counter((was, read_as) for _, was, read_as, _ in found).most_common(1)[0]
    rows = tuple(i for i, a, b, _ in found if (a, b) == (was, read_as))
    if was == "cp949" and len(rows) == 1:  # accents may say that by chance, once
        return None
    meant = next(text for i, _, _, text in found if i == rows[0])
    return Garbled(rows, was, read_as, texts[rows[0]], meant)


def restored(text: str) -> tuple[str, str, str] | None:
    """(encoding it was in, encoding it was read as, the text), or None."""
    if len(BEYOND_ASCII.findall(text)) < FEWEST or len(HANGUL.findall(text)) > 0.5 * len(text):
        return None
    for was, read_as in WAYS:
        try:
            meant = _bytes(text, read_as).decode(was)
        except UnicodeError:
            continue
        odd = BEYOND_ASCII.findall(meant)
        if was == "cp949" and len(HANGUL.findall(meant)) < MOST_OF_IT * len(odd):
            continue
        # one character stands for the two or three that its bytes were read as
        if odd and len(odd) < len(BEYOND_ASCII.findall(text)):
            return was, read_as, meant
    return None


def _bytes(text: str, encoding: str) -> bytes:
    """Bytes that were read as this text. What Windows leaves undefined most programs let through as
    it is.
    """
    if encoding != "cp1252":
        return text.encode(encoding)
    return b"".join(bytes([ord(c)]) if "\x80" <= c <= "\x9f" else c.encode(encoding) for c in text)


JAMO = re.compile("[ㄱ-ㆎ\u1100-\u11ff]")
LETTER = re.compile(r"[^\W\d_]")


def only_jamo(text: str) -> bool:
    """Whether a text has letters, and all are single Korean ones, as in ㅋㅋㅋ or ㅠㅠ."""
    letters = LETTER.findall(text)
    return bool(letters) and len(JAMO.findall(text)) == len(letters)
