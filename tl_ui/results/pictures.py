"""Two pictures: what more labels bring every arm, and who is ahead."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.report import figures
from tl_ui.lab import Lab
from tl_ui.pieces import how_html
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.results import Place, Seen, line_clicked
from tl_ui.words import t, word

METRICS = ("accuracy", "macro_f1")


@dataclasses.dataclass(frozen=True)
class Section:
    """Learning curves and leaderboard, drawn."""

    id: str = "pictures"
    order: int = 10
    title: str = "pictures_head"
    open: bool = True

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        known = gr.State("")  # the study whose own measure has been taken over
        metric = gr.Radio([(word(m), m) for m in METRICS], value="accuracy", label=word("metric"), elem_id="metric")
        with gr.Row():
            with gr.Column(scale=1, min_width=320, elem_classes="tl-card"):
                gr.Markdown(word("curves_head"))
                curves = plotly_view(label="Learning curves", elem_id="curves")
                gr.Markdown(word("curves_info"), elem_classes="tl-fine")
            with gr.Column(scale=1, min_width=320, elem_classes="tl-card"):
                gr.Markdown(word("board_head"))
                board = plotly_view(label="Leaderboard", elem_id="board")
                gr.Markdown(word("board_info"), elem_classes="tl-fine")

        how = gr.HTML()

        def draw(found: Seen, values: dict) -> dict:
            comparison, lang = found.comparison, found.lang
            measure = values[metric] if values[known] == found.opened.name else comparison.metric
            return {
                known: found.opened.name,
                metric: measure,
                curves: drawing(figures.learning_curves(comparison, measure, language=lang), t(lang, "chart_curves")),
                board: drawing(figures.leaderboard(comparison, measure, language=lang), t(lang, "chart_leaderboard")),
                how: how_html(lang, "interval", "best", "seeds"),
            }

        place.draw(draw, [metric, known], [metric, known, curves, board, how])
        place.on(metric.input, draw, [metric, known], [metric, known, curves, board, how], trigger_mode="always_last")
        for view in (curves, board):
            line_clicked(place, view)


SECTION = Section()
