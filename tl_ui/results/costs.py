"""Cost of every entry, and which are worth it: in labels and seconds, or at the visitor's own
prices.
"""

from __future__ import annotations

import dataclasses
import logging

import gradio as gr

from tl_core.analysis.decision import Prices
from tl_core.analysis.decision.machines import Machine, machines
from tl_core.api.errors import UserError
from tl_core.figures import decision as figures
from tl_core.models.prompting.chat_endpoint import token_price
from tl_core.report.sections.decision import Told, costs_table
from tl_core.words.names import renamed
from tl_core.words.phrases import say
from tl_core.words.verdict import verdict
from tl_ui.components.html import escaped, how_html, report_html
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen, line_clicked, waiting_html
from tl_ui.words import t, word

log = logging.getLogger("transfer-lab")


@dataclasses.dataclass(frozen=True)
class Section:
    """Cost against quality."""

    id: str = "costs"
    order: int = 40
    title: str = "costs_title"
    rail: str = "costs"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        listed = _machines(lab)
        with gr.Row():
            machine = gr.Dropdown(
                [(_said(m), m.name) for m in listed.values()],
                value=None,
                label=word("price_machine"),
                info=word("price_machine_info"),
                interactive=True,
                min_width=260,
                elem_id="price-machine",
            )
            inputs = [
                gr.Number(
                    None,
                    label=word(f"price_{what}"),
                    info=word(f"price_{what}_info"),
                    placeholder=word("not_given"),
                    min_width=200,
                    elem_id=f"price-{what}",
                )
                for what in ("label", "hour", "texts")
            ]
        said = gr.HTML(elem_id="costs-said")
        picture = plotly_view(label="Cost against quality", elem_id="pareto")
        table = gr.HTML(elem_id="costs-table")

        def draw(found: Seen, values: dict) -> dict:
            label, hour, texts = (values[number] or None for number in inputs)  # empty comes as 0
            lang, prices = found.lang, Prices(label, hour, texts, token_price())
            decision = found.decision and lab.studies.decided(found.opened, prices)
            if decision is None:
                return {said: waiting_html(found), lab.beat: gr.Timer(active=True)}
            head = t(
                lang,
                "at_prices" if prices.label else "without_prices",
                said=verdict(decision, lang).sentence,
            )
            note = (
                f"<p role='status'><b>{escaped(head)}</b></p><p"
                f" class='tl-fine'>{escaped(say(lang, 'pareto_note'))}</p>"
            )
            return {
                said: note,
                picture: drawing(
                    figures.pareto(decision.costs, found.comparison, language=lang),
                    t(lang, "chart_pareto"),
                ),
                table: (
                    report_html(costs_table(Told(renamed(decision, found.names), lang)))
                    + how_html(
                        lang,
                        "costs",
                        "seconds",
                        "memory",
                        n=f"{len(found.opened.plan.study.split.test):,}",
                    )
                ),
            }

        def take_price(found: Seen, values: dict) -> dict:
            chosen = listed.get(values[machine])
            if chosen is None:
                return {}
            return {inputs[1]: chosen.price_hour} | draw(
                found, {**values, inputs[1]: chosen.price_hour}
            )

        outputs = [said, picture, table, lab.beat]
        place.on([machine.input], take_price, [machine, *inputs], [inputs[1], *outputs])
        place.draw(draw, inputs, outputs)
        place.on(
            [x for number in inputs for x in (number.submit, number.blur)],
            draw,
            inputs,
            outputs,
            trigger_mode="always_last",
        )
        line_clicked(place, picture)


def _machines(lab: Lab) -> dict[str, Machine]:
    """Published prices, and on one's own computer those that its user wrote down."""
    try:
        return machines()
    except UserError as fault:  # the page starts all the same
        log.warning("%s", fault)
        return {}


def _said(machine: Machine) -> str:
    price = f"{machine.price_hour:g} {machine.currency}/h"
    return " · ".join(filter(None, (machine.name, price, machine.date, machine.about)))


SECTION = Section()
