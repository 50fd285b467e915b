"""Quality against the time that one text takes, for whoever waits for an answer."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.figures.latency import latency_figure
from tl_core.report.sections.decision import Told, latency_table
from tl_core.words.phrases import say
from tl_ui.components.html import escaped, report_html
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen, line_clicked, waiting_html
from tl_ui.words import t


@dataclasses.dataclass(frozen=True)
class Section:
    """Times of single texts, compared text by text."""

    id: str = "latency"
    order: int = 42
    title: str = "latency_title"
    rail: str = "costs"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        said = gr.HTML(elem_id="latency-said")
        picture = plotly_view(label="Quality against the time of one text", elem_id="latency")
        table = gr.HTML(elem_id="latency-table")

        def draw(found: Seen, _values: dict) -> dict:
            decision, lang = found.spoken, found.lang
            if decision is None or found.decision is None:
                return {said: waiting_html(found)}
            if not decision.latencies:
                return {said: _fine(t(lang, "latency_none")), picture: None, table: ""}
            timed = found.decision.latencies
            figure = latency_figure(timed, found.comparison, language=lang)
            return {
                said: _fine(say(lang, "latency_note")),
                picture: drawing(figure, t(lang, "chart_latency")),
                table: report_html(latency_table(Told(decision, lang))),
            }

        place.draw(draw, outputs=[said, picture, table])
        line_clicked(place, picture)


def _fine(said: str) -> str:
    return f"<p class='tl-fine'>{escaped(said)}</p>"


SECTION = Section()
