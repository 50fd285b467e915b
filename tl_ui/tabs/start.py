"""Tab Start: a finished study to look at, and the two ways on: own texts, or the same live."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gradio as gr

from tl_core.studies.estimate import estimate
from tl_core.studies.plan import Study, plan
from tl_ui.components.first_picture import first_picture
from tl_ui.components.html import duration, escaped, in_both
from tl_ui.components.ticket import LONGEST, answers_html, ask_all, ticket_view
from tl_ui.lab import Lab, key_of
from tl_ui.serving import borrowing
from tl_ui.state.datasets import Held, sample_ids
from tl_ui.state.first_study import live_study
from tl_ui.state.shipped_study import ShippedStudy, shipped_study
from tl_ui.words import t, word

DROP = Path(__file__).with_name("start_drop.js")


@dataclasses.dataclass(frozen=True)
class Tab:
    """The tab a visitor arrives at."""

    id: str = "start"
    order: int = 5
    title: str = "tab_start"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        study = shipped_study()
        dataset = sample_ids()[study.sample]
        held = lab.datasets.get(dataset)
        first_picture(study, held)
        with gr.Column(elem_classes="tl-card"):
            ticket = ticket_view()
        notice = gr.HTML(elem_classes="tl-notices", elem_id="start-notice")
        with gr.Row(elem_classes="tl-onwards", equal_height=True):
            gr.HTML(
                in_both(_yours),
                js_on_load=DROP.read_text(encoding="utf-8"),
                elem_id="yours",
            )
            with gr.Column(elem_classes="tl-live", min_width=300):
                live = gr.Button(word("start_live"), size="lg", elem_id="live")
                about = gr.HTML(_about_live(lab, held), elem_classes="tl-fine")
        self._wire(lab, live, dataset, notice)
        _wire_ticket(lab, ticket, study, held, notice)
        lab.draw_on(("arrived",), lambda _: {about: _about_live(lab, held)}, (), (about,))
        lab.draw_on(("timed",), lambda _: {about: _about_live(lab, held)}, (), (about,))

    def _wire(self, lab: Lab, live: gr.Button, dataset: str, notice: gr.HTML) -> None:
        def run(values: dict) -> dict:
            """Start the same study smaller, and show it where it runs."""
            values = {**values, lab.dataset_id: dataset}
            study = live_study(lab.datasets.get(dataset))
            name, opened = lab.submit(values, study)
            return {
                **opened,
                lab.dataset_id: dataset,
                lab.lead: name,
                lab.tabs: gr.Tabs(selected="compare"),
                lab.status: {"name": name, **lab.queue.status(name)},
                lab.beat: gr.Timer(active=True),
                **borrowing.wanted(lab, study, name, key_of(opened[lab.saved], name)),
            }

        signals = [lab.study_id, lab.saved, lab.selection, lab.status, lab.beat, lab.borrow]
        lab.on(
            live.click,
            run,
            [lab.dataset_id, lab.saved],
            [*signals, lab.dataset_id, lab.lead, lab.tabs],
            notice,
        )


def _wire_ticket(
    lab: Lab, ticket: gr.HTML, study: ShippedStudy, held: Held, notice: gr.HTML
) -> None:
    def answer(values: dict, event: gr.EventData) -> dict:
        text = " ".join(str(event._data.get("id") or "").split())[:LONGEST]
        if not text:
            return {ticket: ""}
        still_asked = values[lab.turns].take("ticket")
        found = ask_all(lab.queue, study.kept, text)
        still_asked()
        problem = held.loaded.dataset.problem
        return {ticket: answers_html(study.kept, found, problem, text, values[lab.lang])}

    lab.on(ticket.select, answer, [lab.turns], [ticket], notice, trigger_mode="always_last")


def _yours(lang: str) -> str:
    return (
        f"<button type='button' class='tl-yours'><b>{escaped(t(lang, 'start_yours'))}</b>"
        f"<span>{escaped(t(lang, 'start_yours_info'))}</span></button>"
    )


def _about_live(lab: Lab, held: Held) -> str:
    """How long it takes as fast as this machine has been so far."""
    seconds = live_seconds(lab, live_study(held))
    return in_both(
        lambda lang: f"<p>{escaped(t(lang, 'start_live_info', time=duration(seconds, lang)))}</p>"
    )


def live_seconds(lab: Lab, study: Study) -> float:
    """About how long a study takes, with what is lent for it."""
    made = plan(study)
    asked = borrowing.asked(lab, made)
    about = estimate(
        made, done=[run for call in asked for run in call.runs], where=lab.queue.folder.parent
    )
    return about.seconds + sum(call.seconds for call in asked)


TAB = Tab()
