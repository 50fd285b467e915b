"""Every line with its numbers, as a table that sorts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import gradio as gr

from tl_core.analysis.compare import Cell, Comparison
from tl_core.api.amounts import rounded
from tl_core.api.types import Arm
from tl_core.tasks import task_of
from tl_core.words.budget import remarks, taught
from tl_core.words.phrases import best_mark, say
from tl_core.words.units import unit_of
from tl_core.words.verdict import method_name
from tl_ui.components.html import escaped, how_html
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen
from tl_ui.words import t, word

BEFORE_MEASURES = {
    "arm": "218px",
    "labels_per_class": "92px",
}
AFTER_MEASURES = {
    "best_mark": "92px",
    "draws": "76px",
    "labels_used": "92px",
    "remarks": "250px",
    "fit_seconds": "92px",
    "alone_ms": "104px",
    "texts_a_second": "92px",
    "memory": "92px",
}  # their columns, with widths
MEASURE_WIDTH, RANGE_WIDTH = "100px", "118px"


@dataclasses.dataclass(frozen=True)
class Section:
    """The leaderboard."""

    id: str = "board"
    order: int = 50
    title: str = "leaderboard_head"
    rail: str = "board"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        table = gr.Dataframe(
            interactive=False,
            label=word("leaderboard"),
            wrap=True,
            elem_id="leaderboard",
            max_height=420,
        )
        learnt = gr.HTML(elem_id="learnt")
        how = gr.HTML()

        def draw(found: Seen, _values: dict) -> dict:
            widths = [_width(name) for name in _columns(found.comparison)]
            board = gr.Dataframe(
                value=leaderboard_rows(found.comparison, found.lang, named=True),
                column_widths=widths,
            )
            study = found.opened.plan.study
            task = task_of(study.problem)
            told = how_html(
                found.lang,
                task.how_words[0].removeprefix("how_"),
                "interval",
                "best",
                "seconds",
                "memory",
                n=f"{len(study.split.test):,}",
                **task.how_values(task.gold(study.problem, study.split.test)),
            )
            return {table: board, learnt: learnt_html(study.arms, found.lang), how: told}

        place.draw(draw, outputs=[table, learnt, how])


def leaderboard_rows(comparison: Comparison, lang: str, *, named: bool = False) -> dict[str, Any]:
    """One row per arm and number of shots; numbers stay numbers, so that every column sorts.

    Args:
        named: whether arms are called as a reader knows them; else by their ids, as in exports.
    """
    columns = _columns(comparison)
    rows = [_board_row(c, comparison, lang) for c in comparison.cells]
    if named:
        for row, c in zip(rows, comparison.cells, strict=True):
            row["arm"] = method_name(c.arm, c.strategy, lang, comparison.problem)
    return {
        "headers": [t(lang, f"head_{name}") for name in columns],
        "data": [[row[name] for name in columns] for row in rows],
    }


def learnt_html(arms: Sequence[Arm], lang: str) -> str:
    """Show what the models had learned from labels before the study: the numbers of labels in the
    table leave that out.
    """
    lines = "".join(
        f"<li><b>{escaped(model)}</b>: {escaped(seen)}</li>"
        for model, seen in taught(arms, lang).items()
    )
    return (
        f"<div class='tl-fine'><p>{escaped(t(lang, 'learnt_before'))}</p><ul>{lines}</ul></div>"
        if lines
        else ""
    )


def _columns(comparison: Comparison) -> list[str]:
    """Every measure has two, and remarks one where there are any."""
    measures = [name for m in comparison.measures for name in (m.id, f"{m.id}_range")]
    last = [
        name
        for name in AFTER_MEASURES
        if name != "remarks" or any(remarks(c, comparison, "en") for c in comparison.cells)
    ]
    return [*BEFORE_MEASURES, *measures, *last]


def _width(column: str) -> str:
    widths = BEFORE_MEASURES | AFTER_MEASURES
    return widths.get(column, RANGE_WIDTH if column.endswith("_range") else MEASURE_WIDTH)


def _board_row(c: Cell, comparison: Comparison, lang: str) -> dict[str, Any]:
    measures: dict[str, Any] = {}
    for name, found in c.measures.items():
        unit = unit_of(comparison.problem, name)
        measures |= {
            name: rounded(unit.at(found.value), unit.digits),
            f"{name}_range": unit.limits(found, lang),
        }
    return {
        "arm": c.arm,
        "labels_per_class": t(lang, "all_rows") if c.shots is None else str(c.shots),
        **measures,
        "best_mark": say(lang, best_mark(c)),
        "draws": len(c.seeds),
        "labels_used": round(c.labels),
        "remarks": "; ".join(remarks(c, comparison, lang)),
        "fit_seconds": round(c.fit_seconds, 2),
        "alone_ms": None if c.alone_seconds is None else round(1000 * c.alone_seconds[0], 1),
        "texts_a_second": _rate(c.text_seconds),
        "memory": round(c.peak_bytes / 2**20),
    }


def _rate(text_seconds: float | None) -> int | None:
    return round(1 / text_seconds) if text_seconds else None


SECTION = Section()
