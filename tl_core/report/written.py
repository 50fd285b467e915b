"""Texts that were written beside those that were given, with what is in only one of the two marked;
for report and page.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher

import numpy as np

from tl_core.api.words import split_words
from tl_core.report.html_helpers import escaped
from tl_core.words.phrases import percent, say

SOURCE_SHOWN, TEXT_SHOWN = 600, 2000  # characters
Part = tuple[str, bool]  # a piece of a text, and whether it is in this text only


def differences(given: str, written: str) -> tuple[list[Part], list[Part]]:
    """The pieces of both texts, in order; what is in both in the same order is in neither alone.

    Examples:
        >>> differences("a red cat", "a cat")
        ([('a ', False), ('red ', True), ('cat', False)], [('a ', False), ('cat', False)])
    """
    a, b = _words(given), _words(written)
    plain_a, plain_b = ([word.strip().casefold() for word in words] for words in (a, b))
    left: list[Part] = []
    right: list[Part] = []
    for kind, a0, a1, b0, b1 in SequenceMatcher(
        None, plain_a, plain_b, autojunk=False
    ).get_opcodes():
        for parts, words in ((left, a[a0:a1]), (right, b[b0:b1])):
            if words:
                parts.append(("".join(words), kind != "equal"))
    return left, right


def _words(text: str) -> list[str]:
    """Words, each with the space after it."""
    starts = [start for start, _ in split_words(text)]
    if not starts:
        return []
    ends = [*starts[1:], len(text)]
    starts[0] = 0
    return [text[a:b] for a, b in zip(starts, ends, strict=True)]


def marked(parts: list[Part], tag: str) -> str:
    """HTML of the pieces, those of one text only in this element."""
    return "".join(
        f"<{tag}>{escaped(piece)}</{tag}>" if alone else escaped(piece) for piece, alone in parts
    )


def written_html(
    source: str, given: str, found: Mapping[str, str], likeness: Mapping[str, float], language: str
) -> str:
    """A text, and below it a table: the given text beside what each arm wrote; arms that wrote the
    same together, the most like the given one first.

    Args:
        found: what each arm wrote, by its name. likeness: ROUGE-L of each, from 0 to 1.
    """
    by_text: dict[str, list[str]] = {}
    for arm, text in found.items():
        by_text.setdefault(text, []).append(arm)
    rows = "".join(
        _row(given, text, arms, likeness[arms[0]], language)
        for text, arms in sorted(by_text.items(), key=lambda item: -likeness[item[1][0]])
    )
    heads = "".join(
        f"<th scope='col'>{escaped(say(language, key))}</th>"
        for key in ("written_by", "written_given", "written_text")
    )
    return (
        f"<blockquote dir='auto'>{_clipped(source, SOURCE_SHOWN)}</blockquote>"
        f"<table class='written'><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(given: str, text: str, arms: list[str], likeness: float, language: str) -> str:
    a, b = differences(given[:TEXT_SHOWN], text[:TEXT_SHOWN])
    length = say(language, "written_length", ratio=f"{len(text) / max(len(given), 1):.2f}")
    about = f"ROUGE-L {percent(likeness, language)} · {length}"
    heads = [escaped(say(language, key)) for key in ("written_given", "written_text")]
    said = marked(b, "ins") if text else f"<i>{escaped(say(language, 'written_nothing'))}</i>"
    return (
        f"<tr><th scope='row'>{escaped(', '.join(arms))}<small>{escaped(about)}</small></th>"
        f"<td dir='auto' data-head='{heads[0]}'>{marked(a, 'del')}</td>"
        f"<td dir='auto' data-head='{heads[1]}'>{said}</td></tr>"
    )


def _clipped(text: str, most: int) -> str:
    return escaped(text if len(text) <= most else text[:most].rstrip() + "…")


def length_ratio(gold: np.ndarray, decided: np.ndarray) -> float:
    """Characters that were written for each that is given, all rows and runs together."""
    given = sum(map(len, gold.tolist())) * len(decided)
    return sum(len(text) for run in decided.tolist() for text in run) / max(given, 1)
