"""Columns of a terminal: Korean and other wide letters take two."""

from __future__ import annotations

import textwrap
import unicodedata


def cells(text: str) -> int:
    """The columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


def left(text: str, width: int) -> str:
    """The text, filled up on its right."""
    return text + " " * (width - cells(text))


def right(text: str, width: int) -> str:
    """The text, filled up on its left."""
    return " " * (width - cells(text)) + text


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many columns, cut between words, and in words that are longer."""
    if text.isascii():
        return textwrap.wrap(text, width)
    lines, line = [], ""
    for word in text.split():
        if line and cells(line) + 1 + cells(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
        while cells(line) > width:
            at = len(line)
            while cells(line[:at]) > width and at > 1:
                at -= 1
            lines.append(line[:at])
            line = line[at:]
    return [*lines, line] if line else lines
