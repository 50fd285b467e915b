"""The studies of a browser as a table: what each is called, how far it is, the best it found, when
it was made. It is searched in the browser; a press on a row's buttons names the row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.running.queue import StudyQueue
from tl_core.running.study_records import Damaged
from tl_core.studies.as_json import problem_of
from tl_core.studies.store import Store
from tl_core.studies.title import read_about
from tl_core.words.units import unit_of
from tl_core.words.verdict import method_name
from tl_ui.components.clickable import button
from tl_ui.components.html import clip, escaped, in_both
from tl_ui.words import t

SCRIPT = Path(__file__).with_suffix(".js")
TITLE_SHOWN = 60


@dataclass(frozen=True)
class Best:
    """The result of the arm that a finished study advises."""

    arm: str
    strategy: str
    metric: str
    value: float  # 0..1
    problem: dict


@dataclass(frozen=True)
class Listed:
    """A study as the table shows it: from its small files alone."""

    name: str
    title: str  # "" where it is damaged
    status: dict
    best: Best | None

    def called(self, lang: str) -> str:
        """Title and moment."""
        if not self.title:
            return f"{clip(self.name, 8)} · {t(lang, 'study_damaged')}"
        return f"{clip(self.title, TITLE_SHOWN)} · {_moment(self.status['made'])}"


def listed(queue: StudyQueue, names: Sequence[str]) -> list[Listed]:
    """Those of the studies that are still here, the newest first."""
    found = []
    for name in names:
        try:
            status, store = queue.status(name), queue.store(name)
        except Damaged:
            found.append(Listed(name, "", {"made": 0.0}, None))
            continue
        except UserError:
            continue  # removed meanwhile
        title = read_about(store).title or (store.read_json("plan.json") or {}).get("name") or name
        found.append(Listed(name, title, status, best_of(store)))
    return sorted(found, key=lambda one: -one.status["made"])


def best_of(store: Store) -> Best | None:
    """What a study says is best; None while it says nothing."""
    path = store.folder / "study.json"
    try:
        return _best(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=256)
def _best(path: Path, _written: int) -> Best | None:
    record = Store(path.parent).read_json(path.name)
    advice = ((record or {}).get("decision") or {}).get("advice")
    if not advice:
        return None
    metric = record["metric"]
    for cell in record["summary"]:
        if (cell["arm"], cell["shots"]) == (advice["choice"], advice["shots"]):
            value = cell[metric]["mean"]
            return Best(cell["arm"], cell["strategy"], metric, value, record["problem"])
    return None


def table_view() -> gr.HTML:
    """The table; its `select` event names what was pressed, see `tl_ui.components.clickable`."""
    search = in_both(
        lambda lang: (
            f"<label class='tl-search'><span>{escaped(t(lang, 'studies_search'))}</span>"
            "<input type='search' autocomplete='off'></label>"
        )
    )
    return gr.HTML(
        html_template=f"{search}<div class='tl-scroll tl-studies'></div>",
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        elem_id="studies-table",
    )


def rows_html(
    studies: Sequence[Listed], chosen: str | None, opened: str, against: str, lang: str
) -> str:
    """The table, or why there is none; `against` is the study for which another one is being chosen
    to compare them.
    """
    if not studies:
        return f"<p class='tl-fine'>{escaped(t(lang, 'studies_none'))}</p>"
    head = "".join(
        f"<th scope='col'>{escaped(t(lang, key))}</th>"
        for key in ("study", "studies_state", "studies_best", "studies_made", "studies_do")
    )
    first = next((one for one in studies if one.name == against), None)
    rows = "".join(
        _row(i, one, chosen, opened, lang, _comparing(i, one, first, lang))
        if len(studies) > 1
        else _row(i, one, chosen, opened, lang)
        for i, one in enumerate(studies)
    )
    choose = escaped(t(lang, "study_choose_other", title=_title(first, lang))) if first else ""
    return (
        f"<table class='tl-table'><caption class='tl-unseen'>{escaped(t(lang, 'tab_studies'))}"
        f"</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p class='tl-fine' role='status' data-none hidden>"
        f"{escaped(t(lang, 'studies_no_match'))}</p>"
        + (f"<p role='status'>{choose}</p>" if choose else "")
    )


def _title(one: Listed, lang: str) -> str:
    return clip(one.title, TITLE_SHOWN) if one.title else one.called(lang)


def _comparing(i: int, one: Listed, first: Listed | None, lang: str) -> str:
    """The button that chooses a row to be compared, or that which it is compared with."""
    key = "study_with_this" if first and first is not one else "study_against"
    label = t(lang, f"{key}_of", title=_title(one, lang))
    on = first is one if first is None or first is one else None
    return button(escaped(t(lang, key)), "against", i, kind="tl-act", label=label, on=on)


def _row(
    i: int, one: Listed, chosen: str | None, opened: str, lang: str, comparing: str = ""
) -> str:
    here = one.name == chosen
    title = _title(one, lang)
    state = t(lang, f"path_{one.status['status']}", **_counts(one.status)) if one.title else ""
    mark = f" <small>{escaped(t(lang, 'studies_open_now'))}</small>" if one.name == opened else ""
    acts = "".join(
        button(
            escaped(t(lang, key)),
            what,
            i,
            kind="tl-act",
            label=t(lang, f"{key}_of", title=title),
        )
        for what, key in (("open", "study_open"), ("delete", "study_delete"))
    )
    shown = button(escaped(title), "pick", i, kind="tl-name", on=here)
    best = escaped(_best_text(one.best, lang)) if one.best else "–"
    made = _moment(one.status["made"]) if one.title else ""
    return (
        f"<tr{' class=tl-chosen' if here else ''}><th scope='row'>{shown}{mark}</th>"
        f"<td>{escaped(state)}</td><td>{best}</td><td>{escaped(made)}</td>"
        f"<td>{acts}{comparing}</td></tr>"
    )


def _counts(status: dict) -> dict:
    return {name: status[name] for name in ("done", "total", "ahead")}


def _best_text(best: Best, lang: str) -> str:
    problem = problem_of(best.problem)
    unit = unit_of(problem, best.metric)
    value = f"{unit.value(best.value, lang)} {t(lang, best.metric)}"
    return f"{value}, {method_name(best.arm, best.strategy, lang, problem)}"


def _moment(made: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(made))
