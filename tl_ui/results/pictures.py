"""The two pictures of the answer: what more labels bring every arm, and the best of each."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.figures import results as figures
from tl_core.tasks import task_to_read
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen, line_clicked
from tl_ui.words import t, word

USUAL = task_to_read().measures  # to choose from until a study says its own


@dataclasses.dataclass(frozen=True)
class Section:
    """Learning curves and leaderboard, drawn."""

    id: str = "pictures"
    order: int = 10
    title: str = "pictures_head"
    rail: str = "answer"
    open: bool = True

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        known = gr.State("")  # the study whose own measure has been taken over
        with gr.Row(elem_classes="tl-charts"):
            with gr.Column(scale=2, min_width=320, elem_classes="tl-card"):
                gr.Markdown(word("curves_head"))
                curves = plotly_view(label="Learning curves", elem_id="curves")
            with gr.Column(scale=1, min_width=320, elem_classes="tl-card"):
                gr.Markdown(word("board_head"))
                board = plotly_view(label="Best of each method", elem_id="board")
        with gr.Row(elem_classes="tl-under-charts"):
            metric = gr.Radio(
                [(word(m.id), m.id) for m in USUAL],
                value=USUAL[0].id,
                label=word("metric"),
                elem_id="metric",
                container=False,
                scale=0,
                min_width=260,
            )
            with gr.Column(min_width=320):
                gr.Markdown(word("charts_info"), elem_classes="tl-fine")

        def draw(found: Seen, values: dict) -> dict:
            comparison, lang = found.comparison, found.lang
            measures = comparison.measures
            same = values[known] == found.opened.name
            measure = values[metric] if same else comparison.metric
            drawn = {
                known: found.opened.name,
                metric: gr.Radio(choices=[(t(lang, m.id), m.id) for m in measures], value=measure),
                curves: drawing(
                    figures.learning_curves(comparison, measure, language=lang),
                    t(lang, "chart_curves"),
                ),
                board: drawing(
                    figures.best_of_each(comparison, measure, language=lang),
                    t(lang, "chart_best"),
                ),
            }
            found.still_asked()
            return drawn

        def choose(found: Seen, values: dict) -> dict:
            """What a visitor chose, even before the first drawing has said which study it is of."""
            return draw(found, {**values, known: found.opened.name})

        place.draw(draw, [metric, known], [metric, known, curves, board])
        place.on(
            metric.input,
            choose,
            [metric, known],
            [metric, known, curves, board],
            trigger_mode="always_last",
        )
        for view in (curves, board):
            line_clicked(place, view)


SECTION = Section()
