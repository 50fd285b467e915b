"""Every line with its numbers, as a table that sorts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np

from tl_core.experiments.compare import Cell, Comparison
from tl_core.report.budget import remarks, taught
from tl_core.report.words import best_mark, number, rounded, say
from tl_core.types import Arm
from tl_ui.lab import Lab
from tl_ui.pieces import escaped, how_html
from tl_ui.results import Place, Seen
from tl_ui.words import t, word

WIDTHS = {
    "arm": "218px", "labels_per_class": "92px", "accuracy": "100px", "accuracy_range": "118px", "macro_f1": "100px", "macro_f1_range": "118px",
    "best_mark": "92px", "draws": "76px", "labels_used": "92px", "remarks": "250px", "fit_seconds": "92px", "memory": "92px",
}  # fmt: skip  # by column


@dataclasses.dataclass(frozen=True)
class Section:
    """The leaderboard."""

    id: str = "board"
    order: int = 50
    title: str = "leaderboard_head"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        table = gr.Dataframe(interactive=False, label=word("leaderboard"), wrap=True, elem_id="leaderboard", max_height=420)
        learnt = gr.HTML(elem_id="learnt")
        how = gr.HTML()

        def draw(found: Seen, _values: dict) -> dict:
            widths = [WIDTHS[name] for name in _columns(found.comparison)]
            board = gr.Dataframe(value=leaderboard_rows(found.comparison, found.lang), column_widths=widths)
            study = found.opened.plan.study
            told = how_html(found.lang, "metrics", "interval", "best", "seconds", "memory", n=f"{len(study.split.test):,}")
            return {table: board, learnt: learnt_html(study.arms, found.lang), how: told}

        place.draw(draw, outputs=[table, learnt, how])


def leaderboard_rows(comparison: Comparison, lang: str) -> dict[str, Any]:
    """One row per arm and number of shots; numbers stay numbers, so that every column sorts."""
    columns = _columns(comparison)
    rows = [_board_row(c, comparison.metric, lang) for c in comparison.cells]
    return {"headers": [t(lang, f"head_{name}") for name in columns], "data": [[row[name] for name in columns] for row in rows]}


def learnt_html(arms: Sequence[Arm], lang: str) -> str:
    """What the models had learnt from labels before the study: the numbers of labels in the table leave that out."""
    lines = "".join(f"<li><b>{escaped(model)}</b>: {escaped(seen)}</li>" for model, seen in taught(arms, lang).items())
    return f"<div class='tl-fine'><p>{escaped(t(lang, 'learnt_before'))}</p><ul>{lines}</ul></div>" if lines else ""


def _columns(comparison: Comparison) -> list[str]:
    """Remarks have a column where there are any."""
    return [name for name in WIDTHS if name != "remarks" or any(remarks(c, comparison.metric, "en") for c in comparison.cells)]


def _board_row(c: Cell, metric: str, lang: str) -> dict[str, Any]:
    return {
        "arm": c.arm, "labels_per_class": t(lang, "all_rows") if c.shots is None else str(c.shots), "accuracy": rounded(100 * c.accuracy.value),
        "accuracy_range": _range(c.accuracy), "macro_f1": rounded(100 * c.macro_f1.value), "macro_f1_range": _range(c.macro_f1),
        "best_mark": say(lang, best_mark(c)), "draws": len(c.seeds), "labels_used": round(c.labels),
        "remarks": "; ".join(remarks(c, metric, lang)), "fit_seconds": round(c.fit_seconds, 2), "memory": round(c.peak_bytes / 2**20),
    }  # fmt: skip


def _range(interval: Any) -> str:
    if not np.isfinite([interval.low, interval.high]).all():
        return "–"
    return f"{number(100 * interval.low)} – {number(100 * interval.high)}"


SECTION = Section()
