"""What every line costs, and which are worth it: in labels and seconds, or at the visitor's own prices."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.experiments.decision import Prices
from tl_core.models.chat_endpoint import token_price
from tl_core.report import advice
from tl_core.report import decision_figures as figures
from tl_core.report.decision import Told, costs_table
from tl_core.report.words import say
from tl_ui.lab import Lab
from tl_ui.pieces import escaped, how_html, report_html
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.results import Place, Seen, line_clicked, waiting_html
from tl_ui.words import t, word


@dataclasses.dataclass(frozen=True)
class Section:
    """Cost against quality."""

    id: str = "costs"
    order: int = 40
    title: str = "costs_title"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        with gr.Row():
            inputs = [gr.Number(None, label=word(f"price_{what}"), info=word(f"price_{what}_info"), placeholder=word("not_given"), min_width=200, elem_id=f"price-{what}") for what in ("label", "hour", "texts")]
        said = gr.HTML(elem_id="costs-said")
        picture = plotly_view(label="Cost against quality", elem_id="pareto")
        table = gr.HTML(elem_id="costs-table")

        def draw(found: Seen, values: dict) -> dict:
            lang, prices = found.lang, Prices(*(values[number] or None for number in inputs), token_price())  # an empty field comes as 0
            decision = found.decision and lab.studies.decided(found.opened, prices)
            if decision is None:
                return {said: waiting_html(found), lab.beat: gr.Timer(active=True)}
            head = t(lang, "at_prices" if prices.label else "without_prices", said=advice.headline(decision, lang))
            note = f"<p role='status'><b>{escaped(head)}.</b></p><p class='tl-fine'>{escaped(say(lang, 'pareto_note'))}</p>"
            return {
                said: note,
                picture: drawing(figures.pareto(decision.costs, found.comparison, language=lang), t(lang, "chart_pareto")),
                table: report_html(costs_table(Told(decision, lang))) + how_html(lang, "costs", "seconds", "memory", n=f"{len(found.opened.plan.study.split.test):,}"),
            }

        outputs = [said, picture, table, lab.beat]
        place.draw(draw, inputs, outputs)
        place.on([x for number in inputs for x in (number.submit, number.blur)], draw, inputs, outputs, trigger_mode="always_last")
        line_clicked(place, picture)


SECTION = Section()
