"""Pieces of HTML that every section of the report is made of. Whatever comes in is escaped here."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tl_core.api.sentences import in_language
from tl_core.statistics.intervals import Interval
from tl_core.words.phrases import badges, say
from tl_core.words.units import PERCENT, Unit

SAVING = (
    Path(__file__).with_name("table_csv.js").read_text(encoding="utf-8")
)  # what a page with such tables runs
SAVE = "<button type='button' class='csv'>CSV</button>"  # of the table it is in or alongside


class Speaker(Protocol):
    """The source of fixed texts, in one language."""

    @property
    def language(self) -> str:
        """Return the code of the language, such as en."""

    def say(self, key: str, **values: object) -> str:
        """A fixed text, escaped with its values."""


@dataclass(frozen=True)
class InLanguage:
    """All that a table here needs."""

    language: str

    def say(self, key: str, **values: object) -> str:
        """A fixed text, escaped with its values."""
        return escaped(say(self.language, key, **values))


def escaped(text: object) -> str:
    """Text inside HTML; half a surrogate pair, which no file can hold, becomes a question mark, and
    so does NUL.
    """
    return html.escape(str(text).encode("utf-8", "replace").decode().replace("\0", "?"), quote=True)


def as_read(r: Speaker, text: object) -> str:
    """Return a sentence of the engine in the language of the report."""
    return escaped(in_language(text, r.language) if isinstance(text, str) else text)


def named(text: object) -> str:
    """A person's words, which may run from right to left, without turning what is around
    them.
    """
    return f"<bdi>{escaped(text)}</bdi>"


def section(r: Speaker, key: str, body: str) -> str:
    """Return a section of the report as HTML; its heading is the text `key` + "_head"."""
    return f"<section id='{key}'><h2>{r.say(f'{key}_head')}</h2>{body}</section>"


def tabled(
    r: Speaker,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Collection[int] = frozenset(),
    kind: str = "",
) -> str:
    """A table in a box that scrolls by itself; cells are HTML already."""
    side = lambda i: " class='n'" if i in numbers else ""  # noqa: E731
    top = "".join(f"<th scope='col'{side(i)}>{h}</th>" for i, h in enumerate(head))
    body = "".join(
        "<tr>"
        + "".join(
            f"<th scope='row'>{c}</th>" if i == 0 else f"<td{side(i)}>{c}</td>"
            for i, c in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{r.say('scroll')}'><table"
        f" class='{kind}'><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{SAVE}</div>"
    )


class Notes:
    """What intervals of a table do not cover: a mark in each cell, and each sentence once below."""

    def __init__(self, language: str):
        self._language = language
        self._said: dict[str, int] = {}

    def marks(self, interval: Interval) -> str:
        """Return the marks of an interval, as HTML; "" for one without notes."""
        numbers = [
            self._said.setdefault(b, len(self._said) + 1) for b in badges(interval, self._language)
        ]
        return f"<sup class='doubt'>{', '.join(map(str, numbers))}</sup>" if numbers else ""

    def html(self) -> str:
        """Return the sentences, to be put below the table."""
        lines = "".join(f"<li>{escaped(said)}</li>" for said in self._said)
        return f"<ol class='notes'>{lines}</ol>" if lines else ""


def measured(r: Speaker, interval: Interval, notes: Notes, unit: Unit = PERCENT) -> str:
    """Return a value and its limits as HTML, with a mark for what they do not cover."""
    return (
        f"<b>{escaped(unit.value(interval.value, r.language))}</b>{notes.marks(interval)}<small>"
        f"{escaped(unit.limits(interval, r.language))}</small>"
    )
