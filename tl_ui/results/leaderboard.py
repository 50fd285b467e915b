"""Every line with its numbers, as a table that sorts."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr
import numpy as np

from tl_core.experiments.compare import Cell, Comparison
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen
from tl_ui.words import t, word

WIDTHS = ["218px", "92px", "100px", "118px", "100px", "118px", "92px", "76px", "92px", "92px", "92px"]


@dataclasses.dataclass(frozen=True)
class Section:
    """The leaderboard."""

    id: str = "board"
    order: int = 50
    title: str = "leaderboard_head"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        table = gr.Dataframe(interactive=False, label=word("leaderboard"), wrap=True, elem_id="leaderboard", max_height=420, column_widths=WIDTHS)

        def draw(found: Seen, _values: dict) -> dict:
            return {table: leaderboard_rows(found.comparison, found.lang)}

        place.draw(draw, outputs=[table])


def leaderboard_rows(comparison: Comparison, lang: str) -> dict[str, Any]:
    """One row per arm and number of shots; numbers stay numbers, so that every column sorts."""
    head = ["arm", "labels_per_class", "accuracy", "accuracy_range", "macro_f1", "macro_f1_range", "best_mark", "draws", "rows_used", "fit_seconds", "memory"]
    data = [_board_row(c, lang) for c in comparison.cells]
    return {"headers": [t(lang, f"head_{h}") for h in head], "data": data}


def _board_row(c: Cell, lang: str) -> list[Any]:
    return [
        c.arm, t(lang, "all_rows") if c.shots is None else str(c.shots), round(100 * c.accuracy.value, 1), _range(c.accuracy), round(100 * c.macro_f1.value, 1),
        _range(c.macro_f1), t(lang, "yes") if c.could_be_best else "", len(c.seeds), round(c.labels), round(c.fit_seconds, 2), round(c.peak_bytes / 2**20),
    ]  # fmt: skip


def _range(interval: Any) -> str:
    if not np.isfinite([interval.low, interval.high]).all():
        return "–"
    return f"{100 * interval.low:.1f} – {100 * interval.high:.1f}"


SECTION = Section()
