"""Pieces of HTML that every section of the report is made of. Whatever comes in is escaped here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from tl_core.report.words import badges, limits, percent
from tl_core.statistics.intervals import Interval

SAVING = Path(__file__).with_name("table_csv.js").read_text(encoding="utf-8")  # what a page with such tables runs
SAVE = "<button type='button' class='csv'>CSV</button>"  # of the table it stands in or beside


class Speaker(Protocol):
    """Who says fixed texts, in one language."""

    language: str

    def say(self, key: str, **values: object) -> str:
        """A fixed text, escaped with its values."""


def escaped(text: object) -> str:
    """Text inside HTML; half a surrogate pair, which no file can hold, becomes a question mark, and so does NUL."""
    return html.escape(str(text).encode("utf-8", "replace").decode().replace("\0", "?"), quote=True)


def named(text: object) -> str:
    """A person's words, which may run from right to left, without turning what stands around them."""
    return f"<bdi>{escaped(text)}</bdi>"


def section(r: Speaker, key: str, body: str) -> str:
    return f"<section id='{key}'><h2>{r.say(f'{key}_head')}</h2>{body}</section>"


def tabled(r: Speaker, head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: set[int] = frozenset(), kind: str = "") -> str:
    """A table in a box that scrolls by itself; cells are HTML already."""
    side = lambda i: " class='n'" if i in numbers else ""  # noqa: E731
    top = "".join(f"<th scope='col'{side(i)}>{h}</th>" for i, h in enumerate(head))
    body = "".join("<tr>" + "".join(f"<th scope='row'>{c}</th>" if i == 0 else f"<td{side(i)}>{c}</td>" for i, c in enumerate(row)) + "</tr>" for row in rows)
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{r.say('scroll')}'><table class='{kind}'><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{SAVE}</div>"
    )


def measured(r: Speaker, interval: Interval) -> str:
    doubts = "".join(f"<small class='doubt'>{escaped(b)}</small>" for b in badges(interval, r.language))
    return f"<b>{escaped(percent(interval.value, r.language))}</b><small>{escaped(limits(interval, r.language))}</small>{doubts}"
