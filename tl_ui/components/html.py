"""Small pieces of HTML and text that several tabs use. Whatever came from a file is escaped
here.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tl_core.api import amounts
from tl_core.api.sentences import LANGUAGES, in_language
from tl_core.api.types import Example, Label, Problem
from tl_core.report.html_helpers import SAVE
from tl_core.statistics.intervals import Interval
from tl_core.words.phrases import say, shots_name
from tl_core.words.units import PERCENT, Unit
from tl_ui.words import t

TEXT_SHOWN = 400  # characters of a text in a table


def safe(text: Any) -> str:
    """Text that can be sent: half a surrogate pair, which JSON files may bring, becomes a question
    mark.
    """
    return str(text).encode("utf-8", "replace").decode("utf-8")


def clip(text: str | None, most: int = TEXT_SHOWN) -> str:
    """The beginning of a text."""
    text = safe(text or "")
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def escaped(text: Any) -> str:
    """Text inside HTML."""
    return html.escape(safe(text), quote=True)


def in_both(draw: Callable[[str], str]) -> str:
    """HTML in every language, of which the document's shows, without asking anybody."""
    return "".join(
        f"<div class='tl-in-{lang}' lang='{lang}'>{draw(lang)}</div>" for lang in LANGUAGES
    )


def interval_text(interval: Interval, unit: Unit = PERCENT, lang: str = "en") -> str:
    """Value with its limits."""
    value = unit.value(interval.value, lang)
    if not math.isfinite(interval.low) or not math.isfinite(interval.high):
        return value
    return f"{value} ({unit.limits(interval, lang)})"


def duration(seconds: float, lang: str) -> str:
    """About how long, in the unit a person would choose."""
    return amounts.duration(seconds, about=True).to(lang)


def shots_text(shots: int | None | str, lang: str, per: str) -> str:
    """A number of shots in words; `per` as `Task.shots_per`."""
    return shots_name(shots, lang, per)


def strategy_title(strategy: Any, lang: str, problem: Problem | None = None) -> str:
    """Return the name of a strategy, on a problem where one is given; in English where no one has
    translated it yet.
    """
    return in_language(strategy.title_for(problem) if problem else strategy.title, lang)


def strategy_about(strategy: Any, lang: str) -> str:
    """The one sentence about a strategy."""
    return in_language(strategy.about, lang)


def row_text(example: Example) -> str:
    """A row as one line; a pair is one."""
    return " ∥ ".join(filter(None, (example.text, example.text_b)))


def label_name(problem: Problem, ids: Iterable[str]) -> str:
    """Labels as a person would say them."""
    names: dict[str, Label] = {label.id: label for label in problem.labels}
    return safe(", ".join(names[i].name for i in ids))


def bar(share: float, text: str) -> str:
    """A progress bar with the number alongside it for those who cannot see it."""
    done = round(100 * min(1.0, max(0.0, share)))
    return (
        "<div class='tl-bar' role='progressbar' aria-valuemin='0' aria-valuemax='100'"
        f" aria-valuenow='{done}' aria-label='{escaped(text)}'><i style='width:{done}%'></i></div>"
    )


def table_html(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A small table; cells are HTML already."""
    top = "".join(f"<th scope='col'>{escaped(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        "<table"
        f" class='tl-table'><caption>{escaped(caption)}{SAVE}</caption><thead><tr>{top}</tr>"
        f"</thead><tbody>{body}</tbody></table>"
    )


def code_html(text: str) -> str:
    """Lines to be copied."""
    return f"<pre class='tl-code' tabindex='0'><code>{escaped(text)}</code></pre>"


def lines_html(lines: Mapping[str, str]) -> str:
    """The same in several languages, each by its name."""
    return "".join(
        f"<p class='tl-fine'>{escaped(name)}</p>{code_html(text)}" for name, text in lines.items()
    )


def report_html(tables: str) -> str:
    """Tables as the report makes them, in the colours of the page."""
    return f"<div class='tl-report'>{tables}</div>"


def how_html(lang: str, *keys: str, **values: str) -> str:
    """Explain how numbers were computed, behind a click, in the report's own words."""
    told = "".join(
        f"<dt>{escaped(say(lang, f'how_{key}'))}</dt><dd>"
        f"{escaped(say(lang, f'how_{key}_text', **values))}</dd>"
        for key in keys
    )
    return (
        f"<details class='tl-how'><summary>{escaped(t(lang, 'how_computed'))}</summary><dl"
        f" class='tl-terms'>{told}</dl></details>"
    )
