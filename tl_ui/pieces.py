"""Small pieces of HTML and text that several tabs use. Whatever came from a file is escaped here."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from typing import Any

from tl_core.report.pieces import SAVE
from tl_core.report.words import number, say
from tl_core.statistics.intervals import Interval
from tl_core.types import Example, Label, Problem
from tl_ui.words import LABELS_OF_STRATEGIES, t

TEXT_SHOWN = 400  # characters of a text in a table


def safe(text: Any) -> str:
    """Text that can be sent: half a surrogate pair, which JSON files may bring, becomes a question mark."""
    return str(text).encode("utf-8", "replace").decode("utf-8")


def clip(text: str | None, most: int = TEXT_SHOWN) -> str:
    """The beginning of a text."""
    text = safe(text or "")
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def escaped(text: Any) -> str:
    """Text inside HTML."""
    return html.escape(safe(text), quote=True)


def percent(share: float, digits: int = 1) -> str:
    """A share as people read it."""
    return "–" if not math.isfinite(share) else f"{number(100 * share, digits)} %"


def interval_text(interval: Interval, digits: int = 1) -> str:
    """Value with its limits."""
    if not math.isfinite(interval.low) or not math.isfinite(interval.high):
        return percent(interval.value, digits)
    return f"{percent(interval.value, digits)} ({number(100 * interval.low, digits)} – {number(100 * interval.high, digits)})"


def duration(seconds: float, lang: str) -> str:
    """About how long, in the unit a person would choose."""
    if seconds < 90:
        return t(lang, "seconds", n=f"{max(1, round(seconds)):,}" if seconds >= 1 or seconds == 0 else f"{seconds:.2g}")
    if seconds < 5400:
        return t(lang, "minutes", n=f"{seconds / 60:.0f}")
    return t(lang, "hours", n=f"{seconds / 3600:.1f}")


def shots_text(shots: int | None | str, lang: str) -> str:
    """Labels per class, in words."""
    if shots in (None, "all"):
        return t(lang, "all_rows")
    return t(lang, f"shots_{shots}" if str(shots) in ("0", "1") else "shots_n", n=shots)


def strategy_title(strategy: Any, lang: str) -> str:
    """What a strategy is called; in English where nobody has translated it yet."""
    return LABELS_OF_STRATEGIES.get(lang, {}).get(strategy.id, (strategy.title, ""))[0]


def strategy_about(strategy: Any, lang: str) -> str:
    """The one sentence about a strategy."""
    return LABELS_OF_STRATEGIES.get(lang, {}).get(strategy.id, ("", strategy.about))[1]


def row_text(example: Example) -> str:
    """A row as one line; a pair is one."""
    return " ∥ ".join(filter(None, (example.text, example.text_b)))


def label_name(problem: Problem, ids: Iterable[str]) -> str:
    """Labels as a person would say them."""
    names: dict[str, Label] = {label.id: label for label in problem.labels}
    return safe(", ".join(names[i].name for i in ids))


def bar(share: float, text: str) -> str:
    """A progress bar with the number beside it for those who cannot see it."""
    done = round(100 * min(1.0, max(0.0, share)))
    return (
        f"<div class='tl-bar' role='progressbar' aria-valuemin='0' aria-valuemax='100' aria-valuenow='{done}' aria-label='{escaped(text)}'>"
        f"<i style='width:{done}%'></i></div>"
    )


def table_html(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A small table; cells are HTML already."""
    top = "".join(f"<th scope='col'>{escaped(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table class='tl-table'><caption>{escaped(caption)}{SAVE}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def report_html(tables: str) -> str:
    """Tables as the report makes them, in the colours of the page."""
    return f"<div class='tl-report'>{tables}</div>"


def how_html(lang: str, *keys: str, **values: str) -> str:
    """How numbers were computed, behind a click: the report's own words."""
    told = "".join(f"<dt>{escaped(say(lang, f'how_{key}'))}</dt><dd>{escaped(say(lang, f'how_{key}_text', **values))}</dd>" for key in keys)
    return f"<details class='tl-how'><summary>{escaped(t(lang, 'how_computed'))}</summary><dl class='tl-terms'>{told}</dl></details>"
