"""Words of a text and where they are: what tags are about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tl_core.api.types import Example

Places = tuple[tuple[int, int], ...]  # (start, end) of each word, in characters; the end is outside

# Scripts whose names may begin and end between any two characters: Hangul carries particles,
# Chinese and Japanese are written without spaces.
ALONE = "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u065f\u0900-\u0903\u093a-\u094f\u0e31-\u0e4e"
_WORD = re.compile(
    rf"[{ALONE}]|\d+|(?:(?![{ALONE}])[^\W\d_])(?:(?![{ALONE}])[^\W\d_]|[{MARKS}])*|\S"
)


def split_words(text: str) -> Places:
    """Runs of letters, runs of digits, any other sign alone; of Hangul, kana and Chinese characters
    each by itself.

    Examples:
        >>> split_words("Kim's 2 cats")
        ((0, 3), (3, 4), (4, 5), (6, 7), (8, 12))
        >>> split_words("서울에")
        ((0, 1), (1, 2), (2, 3))
    """
    return tuple(match.span() for match in _WORD.finditer(text))


def words_of(example: Example) -> Places:
    """The words that the file gives, else as `split_words` finds them."""
    return split_words(example.text) if example.words is None else example.words


def joined_words(words: Sequence[str]) -> tuple[str, Places]:
    """Words as one text with a space between each two, and where each is in it."""
    places, end = [], 0
    for word in words:
        places.append((end, end + len(word)))
        end += len(word) + 1
    return " ".join(words), tuple(places)


def most_words(examples: Iterable[Example]) -> int:
    """How many words the longest text has; at least one."""
    return max((len(words_of(e)) for e in examples), default=1) or 1
