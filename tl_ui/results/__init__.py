"""Sections of the Results tab below its answer, one per file.

A file here that sets `SECTION` is found; there is no list to edit. Sections import no other section: what one of them
wants another to show goes through `lab.selection`. A section that stands closed is drawn when it is opened, so that
nobody waits for what nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gradio as gr

from tl_core.experiments.compare import Cell, Comparison
from tl_core.experiments.decision import Decision
from tl_ui.lab import Lab
from tl_ui.pieces import escaped
from tl_ui.studies import Opened
from tl_ui.words import t, word

Draw = Callable[["Seen", dict], dict]
LABELS_IN_MATRIX = 40  # more are not to be read


class Section(Protocol):
    """One part of what a study says."""

    id: str
    order: int
    title: str  # key of its name in words.py
    open: bool  # whether it stands open from the beginning

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""


@dataclass(frozen=True)
class Seen:
    """A study with results, as a section shows it."""

    opened: Opened
    comparison: Comparison
    decision: Decision | None  # None while runs are to come, and while it is being worked out
    lang: str

    def cell(self, key: str | None) -> Cell | None:
        """The line of a `key_of`."""
        return next((c for c in self.comparison.cells if key_of(c) == key), None)


def seen(lab: Lab, values: dict) -> Seen | None:
    """The open study; None while nothing of it is finished. `values` must hold `lab.study_id` and `lab.lang`."""
    if not values[lab.study_id]:
        return None
    opened = lab.studies.open(values[lab.study_id])
    weighed = opened.weighed
    return Seen(opened, weighed.comparison, opened.decision, values[lab.lang]) if weighed and weighed.comparison.cells else None


def key_of(cell: Cell) -> str:
    """Names a line in a choice."""
    return f"{cell.arm}\t{cell.shots_name}"


@dataclass(frozen=True)
class Place:
    """Where a section stands, and how it is drawn."""

    lab: Lab
    accordion: gr.Accordion
    is_open: gr.State
    news: gr.Number  # rises when there is something new and the section is open; not a state, whose first writing a browser takes for a change
    notice: gr.HTML

    def draw(self, draw: Draw, inputs: Sequence[Any] = (), outputs: Sequence[Any] = ()) -> None:
        """Wire `draw(seen, values)`: when the section is opened, and while it is open, whenever there is something new
        or another language."""
        lab = self.lab
        inputs = [lab.study_id, self.is_open, *inputs]

        def drawn(values: dict) -> dict:
            found = seen(lab, values)
            return draw(found, values) if found else {}

        def again(values: dict) -> dict:
            return drawn(values) if values[self.is_open] else {}  # a state also changes when a visit first writes it

        lab.on(self.accordion.expand, drawn, inputs, outputs, self.notice, show_progress="minimal")
        lab.on(self.news.change, again, inputs, outputs, self.notice, trigger_mode="always_last")

    def on(self, triggers: Any, act: Draw, inputs: Sequence[Any] = (), outputs: Sequence[Any] = (), **more: Any) -> None:
        """Wire `act(seen, values)` to what a visitor does in the section."""

        def acted(values: dict) -> dict:
            found = seen(self.lab, values)
            return act(found, values) if found else {}

        self.lab.on(triggers, acted, [self.lab.study_id, *inputs], outputs, self.notice, **more)


def line_clicked(place: Place, view: gr.HTML) -> None:
    """A clicked point of a picture is a line, named in its mark as "arm|shots": its rows are shown elsewhere."""
    lab = place.lab

    def click(values: dict, event: gr.EventData) -> dict:
        arm, _, shots = str(event._data.get("id") or "").rpartition("|")
        found = seen(lab, values)
        line = found.cell(f"{arm}\t{shots}") if found else None
        again = (values[lab.selection] or {}).get("clicks", 0) + 1  # the same point may be clicked twice
        return {lab.selection: {"line": key_of(line), "clicks": again}} if line else {}

    lab.on(view.select, click, [lab.study_id, lab.selection], [lab.selection], place.notice)


def waiting_html(found: Seen) -> str:
    """What stands in a section as long as there is no decision."""
    said = t(found.lang, "weighing" if found.opened.ended else "at_the_end")
    return f"<p role='status'>{escaped(said)}</p>"


def section(lab: Lab, it: Section) -> Place:
    """The accordion of a section, built."""
    is_open = gr.State(it.open)
    with gr.Accordion(word(it.title), open=it.open, elem_id=f"section-{it.id}", elem_classes="tl-section") as accordion:
        place = Place(lab, accordion, is_open, gr.Number(0, visible=False), gr.HTML(elem_classes="tl-notices"))
        it.build(lab, place)
    lab.on(accordion.expand, lambda values: {is_open: True}, outputs=[is_open])
    lab.on(accordion.collapse, lambda values: {is_open: False}, outputs=[is_open])
    return place


def tell_open(lab: Lab, places: Sequence[Place]) -> None:
    """Let open sections know when there is something new or another language: one event, where each closed section would
    cost the browser one of its own."""

    def tell(values: dict) -> dict:
        return {place.news: values[place.news] + 1 for place in places if values[place.is_open]}

    states = [state for place in places for state in (place.is_open, place.news)]
    lab.on([lab.fresh.change, lab.lang.change], tell, states, [place.news for place in places], trigger_mode="always_last")
