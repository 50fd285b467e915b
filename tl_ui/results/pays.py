"""Break-even of training, for every arm that learns, and for any two arms."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.analysis.decision.curves import Against, ahead, learners, pair
from tl_core.api.errors import UserError
from tl_core.api.sentences import say as sentence
from tl_core.figures import decision as figures
from tl_core.report.sections.decision import Told, pays_table
from tl_core.statistics.break_even import EXACT, Band
from tl_core.words import advice
from tl_core.words.names import renamed
from tl_core.words.phrases import say
from tl_core.words.units import Unit, sorting_unit
from tl_ui.components.html import escaped, how_html, report_html
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen, waiting_html
from tl_ui.words import t, word


@dataclasses.dataclass(frozen=True)
class Section:
    """Break-even."""

    id: str = "pays"
    order: int = 20
    title: str = "pays_title"
    rail: str = "labels"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        table = gr.HTML(elem_id="pays-table")
        with gr.Column(elem_classes="tl-card"):
            gr.Markdown(word("pair_head"))
            with gr.Row():
                a = gr.Dropdown(
                    [], label=word("pair_a"), elem_id="pair-a", interactive=True, min_width=200
                )
                b = gr.Dropdown(
                    [], label=word("pair_b"), elem_id="pair-b", interactive=True, min_width=200
                )
            said = gr.HTML(elem_id="pair-said")
            picture = plotly_view(label="Who is ahead", elem_id="pair-picture")
            at = gr.Slider(
                1,
                2,
                value=1,
                step=1,
                label=word("pair_at"),
                info=word("pair_at_info"),
                interactive=True,
                visible=False,
                elem_id="pair-at",
            )
            here = gr.HTML(elem_id="pair-here")
        how = gr.HTML()

        def draw(found: Seen, values: dict) -> dict:
            lang, decision = found.lang, found.spoken
            if decision is None:
                return {table: waiting_html(found)}
            pays = (
                pays_table(Told(decision, lang))
                if decision.break_even
                else f"<p>{escaped(say(lang, 'pays_none'))}</p>"
            )
            arms = [
                (found.names[arm], arm)
                for arm in dict.fromkeys(c.arm for c in found.comparison.cells)
            ]
            one, other = chosen(found, values[a], values[b])
            shown = {
                table: report_html(pays),
                a: gr.Dropdown(choices=arms, value=one),
                b: gr.Dropdown(choices=arms, value=other),
                how: how_html(lang, "pays", "interval"),
            }
            return shown | hold(found, {**values, a: one, b: other})

        def hold(found: Seen, values: dict) -> dict:
            """Two arms against each other; the slider is at their break-even, or in the
            middle.
            """
            if not values[a] or not values[b]:
                return {said: "", picture: None, at: gr.Slider(visible=False), here: ""}
            lines, lang = found.weighed.lines, found.lang
            if values[a] == values[b]:
                one = found.names.get(values[a], values[a])
                raise UserError(sentence("{a} was named twice. Name two arms.", a=one))
            against = renamed(pair(lines, values[a], values[b]), found.names)
            band = ahead(lines, values[a], values[b])
            told = f"<p role='status'><b>{escaped(advice.break_even(against, lang))}</b></p>"
            if band is None or len(band.labels) < 2:
                return {said: told, picture: None, at: gr.Slider(visible=False), here: ""}
            first, last = round(float(band.labels[0])), round(float(band.labels[-1]))
            pays = against.found.value if against.found else None
            start = round(pays.count if pays and pays.censored == EXACT else (first * last) ** 0.5)
            slider = gr.Slider(minimum=first, maximum=last, value=start, visible=last > first)
            return {
                said: told,
                at: slider,
                **point(against, band, start, lang, sorting_unit(found.comparison)),
            }

        def move(found: Seen, values: dict) -> dict:
            if not values[a] or not values[b] or values[a] == values[b]:
                return {}
            lines = found.weighed.lines
            band = ahead(lines, values[a], values[b])
            return (
                point(
                    renamed(pair(lines, values[a], values[b]), found.names),
                    band,
                    values[at],
                    found.lang,
                    sorting_unit(found.comparison),
                )
                if band
                else {}
            )

        def point(against: Against, band: Band, labels: float, lang: str, unit: Unit) -> dict:
            figure = figures.ahead(against, band, at=labels, language=lang, unit=unit)
            here_said = advice.ahead_at(against, band, labels, lang, unit)
            label = t(lang, "chart_ahead", learner=against.learner, other=against.other)
            return {
                picture: drawing(figure, label),
                here: f"<p role='status'>{escaped(here_said)}</p>",
            }

        place.draw(draw, [a, b], [table, a, b, said, picture, at, here, how])
        place.on(
            [a.input, b.input], hold, [a, b], [said, picture, at, here], trigger_mode="always_last"
        )
        place.on(
            [at.input, at.release], move, [a, b, at], [picture, here], trigger_mode="always_last"
        )


def chosen(found: Seen, a: str | None, b: str | None) -> tuple[str | None, str | None]:
    """The two arms to begin with: those chosen, else the recommended arm, or one that learns,
    against the best without labels.
    """
    arms, able = {c.arm for c in found.comparison.cells}, learners(found.weighed.lines)
    if a in arms and b in arms:
        return a, b
    decision = found.decision
    choice = decision.advice.found.choice if decision and decision.advice else None
    if decision and (against := decision.break_even):
        first = next((x for x in against if x.learner == choice), against[0])
        return first.other, first.learner
    return (able[1], able[0]) if len(able) > 1 else (None, None)


SECTION = Section()
