"""The verdict as HTML, the same on the page and at the top of the report. shared.css styles it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tl_core.analysis.decision import Decision
from tl_core.analysis.decision.ways import Way
from tl_core.report.html_helpers import InLanguage, escaped
from tl_core.words.phrases import number
from tl_core.words.units import sorting_unit
from tl_core.words.verdict import Verdict, method_name, way_name

# of what page and report both show
STYLE = Path(__file__).with_name("shared.css").read_text(encoding="utf-8")


def verdict_html(found: Verdict) -> str:
    """The mark, the sentence, and what the three ways reach in words."""
    reach = f"<p class='reach'>{escaped(found.reach)}</p>" if found.reach else ""
    return (
        f"<p class='mark mark-{found.mark}'>{escaped(found.said)}</p>"
        f"<h2>{escaped(found.sentence)}</h2>{reach}"
    )


def because_html(found: Verdict, language: str) -> str:
    """Why, and what would change it, a line each."""
    r = InLanguage(language)
    blocks = [
        f"<div><h3>{r.say(key)}</h3><ul>{_items(lines)}</ul></div>"
        for key, lines in (("verdict_why", found.why), ("verdict_change", found.change))
        if lines
    ]
    return f"<div class='because'>{''.join(blocks)}</div>" if blocks else ""


def ways_html(decision: Decision, language: str) -> str:
    """A tile for each of the three ways: its best method, with interval and labels."""
    tiles = "".join(f"<li>{_tile(way, decision, language)}</li>" for way in decision.ways)
    return f"<ul class='ways'>{tiles}</ul>"


def _tile(way: Way, decision: Decision, language: str) -> str:
    r, unit = InLanguage(language), sorting_unit(decision)
    name = way_name(way, decision, language)
    head = f"<h3>{escaped(name[:1].upper() + name[1:])}</h3>"
    if way.best is None:
        state = "way_running" if way.to_come else "way_failed" if way.runs else "way_not_run"
        return f"{head}<p class='none'>{r.say(state)}</p>"
    found = way.best.measures[decision.metric]
    method = escaped(method_name(way.best.arm, way.best.strategy, language, decision.problem))
    needs = r.say("labels_in_all", n=number(way.best.labels, 0)) if way.best.labels >= 1 else ""
    note = r.say("way_more_to_come") if way.to_come else ""
    advised = _advised(way, decision, language)
    return (
        f"{head}<p class='score'>{escaped(unit.value(found.value, language))}</p>"
        f"<p class='range'>{r.say('way_range', range=unit.limits(found, language))}</p>"
        f"<p><bdi>{method}</bdi></p>"
        f"<p class='range'>{'<br>'.join(filter(None, (advised, needs, note)))}</p>"
    )


def _advised(way: Way, decision: Decision, language: str) -> str:
    """What the advised method reaches on as many labels, where another scored highest on them, as
    HTML.
    """
    if way.best is None or decision.advice is None or not decision.advice.found.advised:
        return ""
    cell = decision.advice.cell(decision.advice.found.choice)
    if cell.arm == way.best.arm or cell.labels != way.best.labels:
        return ""
    unit = sorting_unit(decision)
    return InLanguage(language).say(
        "way_advised",
        method=method_name(cell.arm, cell.strategy, language, decision.problem),
        value=unit.value(cell.measures[decision.metric].value, language),
    )


def _items(lines: Sequence[str]) -> str:
    return "".join(f"<li>{escaped(line)}</li>" for line in lines)
