"""Gain of every arm from more labels, where that can be predicted."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.figures import decision as figures
from tl_core.words import advice
from tl_core.words.names import renamed
from tl_ui.components.html import escaped, how_html
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen, waiting_html
from tl_ui.words import t


@dataclasses.dataclass(frozen=True)
class Section:
    """Learning curves extrapolated."""

    id: str = "more-labels"
    order: int = 30
    title: str = "gains_title"
    rail: str = "labels"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        said = gr.HTML(elem_id="gains")
        picture = plotly_view(label="Learning curves, extrapolated", elem_id="gains-picture")

        def draw(found: Seen, _values: dict) -> dict:
            decision, lang = found.decision, found.lang
            if decision is None:
                return {said: waiting_html(found)}
            told = advice.gains(renamed(decision, found.names), lang) or [t(lang, "gains_none")]
            listed = (
                f"<ul class='tl-list'>{''.join(f'<li>{escaped(s)}</li>' for s in told)}</ul>"
                f"{how_html(lang, 'gains')}"
            )
            if not any(g.found.points for g in decision.gains):  # the curves themselves are above
                return {said: listed, picture: None}
            figure = figures.more_labels(
                found.comparison, decision.metric, decision.gains, language=lang
            )
            return {said: listed, picture: drawing(figure, t(lang, "chart_gains"))}

        place.draw(draw, outputs=[said, picture])


SECTION = Section()
