"""Quality of the predictions by every metric, and whether their probabilities can be trusted."""

from __future__ import annotations

import dataclasses

import gradio as gr

from tl_core.api.types import Problem
from tl_core.figures import decision as decision_figures
from tl_core.figures import results as figures
from tl_core.report.sections.decision import Told, shown_trust, trust_table
from tl_core.tasks import task_of
from tl_core.words.names import renamed
from tl_core.words.phrases import say
from tl_ui.components.html import escaped, how_html, report_html
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen, waiting_html
from tl_ui.words import t, word


@dataclasses.dataclass(frozen=True)
class Section:
    """Metrics, reliability and abstention."""

    id: str = "trust"
    order: int = 45
    title: str = "trust_title"
    rail: str = "trust"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        table = gr.HTML(elem_id="trust-table")
        arms = gr.Dropdown(
            [],
            multiselect=True,
            label=word("trust_arms"),
            visible=False,
            interactive=True,
            elem_id="trust-arms",
        )
        with gr.Row(visible=False) as pictures:
            reliability, risk = (
                _picture(f"{name}-head", f"{name}-picture") for name in ("reliability", "risk")
            )

        def draw(found: Seen, values: dict) -> dict:
            lang, decision = found.lang, found.decision
            if decision is None:
                return {table: waiting_html(found)}
            trusted = {q.arm: q.trust for q in decision.quality if q.trust}
            kept = [arm for arm in values[arms] or [] if arm in trusted] or list(
                shown_trust(decision)
            )
            return {
                table: (
                    report_html(trust_table(Told(renamed(decision, found.names), lang)))
                    + how_html(lang, *how_keys(decision.problem), **values_told(found))
                ),
                arms: gr.Dropdown(
                    choices=[(found.names[arm], arm) for arm in trusted],
                    value=kept,
                    visible=bool(trusted),
                ),
                pictures: gr.Row(visible=bool(trusted)),
                **drawn(found, {**values, arms: kept}),
            }

        def drawn(found: Seen, values: dict) -> dict:
            lang = found.lang
            trusted = (
                {
                    q.arm: q.trust
                    for q in found.decision.quality
                    if q.trust and q.arm in (values[arms] or [])
                }
                if found.decision
                else {}
            )
            if not trusted:
                return {reliability[1]: None, risk[1]: None}
            points = {arm: trust.points for arm, trust in trusted.items()}
            head = {
                place[0]: (
                    f"<h3>{escaped(say(lang, f'{name}_head'))}</h3><p"
                    f" class='tl-fine'>{escaped(say(lang, f'{name}_note'))}</p>"
                )
                for name, place in (("reliability", reliability), ("risk", risk))
            }
            return head | {
                reliability[1]: drawing(
                    figures.reliability(points, found.comparison, language=lang),
                    t(lang, "chart_reliability"),
                ),
                risk[1]: drawing(
                    decision_figures.risk_coverage(trusted, found.comparison, language=lang),
                    t(lang, "chart_risk"),
                ),
            }

        place.draw(draw, [arms], [table, arms, pictures, *reliability, *risk])
        place.on(arms.input, drawn, [arms], [*reliability, *risk], trigger_mode="always_last")


def values_told(found: Seen) -> dict[str, str]:
    """Return what the explanation of the measures is filled with."""
    study = found.opened.plan.study
    task = task_of(study.problem)
    return task.how_values(task.gold(study.problem, study.split.test))


def how_keys(problem: Problem) -> tuple[str, ...]:
    """Return the numbers of the table that are explained."""
    task = task_of(problem)
    more = ("ece", "abstain") if task.classes else ()
    return (*(key.removeprefix("how_") for key in task.how_words), *more)


def _picture(head: str, name: str) -> tuple[gr.HTML, gr.HTML]:
    with gr.Column(min_width=320, elem_classes="tl-card"):
        return gr.HTML(elem_id=head), plotly_view(label=name, elem_id=name)


SECTION = Section()
