"""Where the sentences of a text are."""

from __future__ import annotations

import re

# what ends a sentence, with what may close after it; then a space, or a script without spaces
_END = re.compile(r"(?:[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+[」』”’)]*|\n+)")
_NO_END = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|No|Fig|e\.g|i\.e|al)|\b[A-Z])\.$")


def sentence_places(text: str) -> tuple[tuple[int, int], ...]:
    """(start, end) of each sentence in characters, without the space around it.

    Examples:
        >>> sentence_places("Dr. Kim left. Why?")
        ((0, 13), (14, 18))
    """
    found, start = [], 0
    for end in _END.finditer(text):
        goes_on = text[end.end() :].lstrip()[:1].islower()
        if "\n" not in end[0] and (goes_on or _NO_END.search(text[start : end.end()])):
            continue
        found.append((start, end.end()))
        start = end.end()
    found.append((start, len(text)))
    trimmed = (
        (a + len(part) - len(part.lstrip()), a + len(part.rstrip()))
        for a, b in found
        if (part := text[a:b]).strip()
    )
    return tuple(trimmed)
