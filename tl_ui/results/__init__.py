"""Sections of the Results tab below its answer, one per file.

A file here that sets `SECTION` is found; there is no list to edit. Sections import no other
section: what one of them wants another to show goes through `lab.selection`. A section that stands
closed is drawn when it is opened, so that no one waits for what no one reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import gradio as gr

from tl_core.analysis.compare import Cell, Comparison
from tl_core.analysis.decision import Decision
from tl_core.words.names import renamed
from tl_ui.components.html import escaped, in_both
from tl_ui.components.outside import built, words_of
from tl_ui.components.rail import Part, show_part, titled
from tl_ui.lab import Lab
from tl_ui.state.studies import Opened, Weighed
from tl_ui.words import EN, t

Draw = Callable[["Seen", dict], dict]
LABELS_IN_MATRIX = 40  # more are not to be read


class Section(Protocol):
    """One part of what a study says."""

    id: str
    order: int
    title: str  # key of its name in words.py
    rail: str  # the part of the answer it belongs to
    open: bool  # whether it is open from the beginning

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""


@dataclass(frozen=True)
class Seen:
    """A study with results, as a section shows it."""

    opened: Opened
    comparison: Comparison
    decision: Decision | None  # None while runs are to come, and while it is being computed
    lang: str
    # raises `Overtaken` once the visitor has asked the section something newer
    still_asked: Callable[[], None] = lambda: None

    @property
    def weighed(self) -> Weighed:
        """Return what its results say, computed."""
        assert self.opened.weighed is not None  # `seen` has seen to that
        return self.opened.weighed

    @cached_property
    def names(self) -> dict[str, str]:
        """The name of each arm by its id."""
        return self.opened.names(self.lang)

    @cached_property
    def spoken(self) -> Decision | None:
        """The decision, its arms by their names: to be put into words, not to look anything up."""
        return renamed(self.decision, self.names)

    def cell(self, key: str | None) -> Cell | None:
        """The line of a `key_of`."""
        return next((c for c in self.comparison.cells if key_of(c) == key), None)


def seen(lab: Lab, values: dict) -> Seen | None:
    """The open study; None while nothing of it is finished. `values` must hold `lab.study_id` and
    `lab.lang`.
    """
    if not values[lab.study_id]:
        return None
    opened = lab.studies.open(values[lab.study_id])
    weighed = opened.weighed
    return (
        Seen(opened, weighed.comparison, opened.decision, values[lab.lang])
        if weighed and weighed.comparison.cells
        else None
    )


def key_of(cell: Cell) -> str:
    """Names a line in a choice."""
    return f"{cell.arm}\t{cell.shots_name}"


@dataclass(frozen=True)
class Place:
    """The place of a section, and how it is drawn."""

    lab: Lab
    accordion: gr.Accordion
    is_open: gr.State
    # rises when there is something new and the section is open; not a state, whose first writing a
    # browser takes for a change
    news: gr.Number
    notice: gr.HTML

    def draw(self, draw: Draw, inputs: Sequence[Any] = (), outputs: Sequence[Any] = ()) -> None:
        """Wire `draw(seen, values)`: when the section is opened, and while it is open, whenever
        there is something new or another language."""
        lab = self.lab
        inputs = [lab.study_id, lab.turns, self.is_open, *inputs]

        def drawn(values: dict) -> dict:
            found = self.seen(values)
            return draw(found, values) if found else {}

        def again(values: dict) -> dict:
            return (
                drawn(values) if values[self.is_open] else {}
            )  # a state also changes when a visit first writes it

        # on one output: a browser goes through all that ever showed progress at every later event
        how: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": outputs[0]}
        lab.on(self.accordion.expand, drawn, inputs, outputs, self.notice, **how)
        lab.on(self.news.change, again, inputs, outputs, self.notice, trigger_mode="always_last")

    def on(
        self,
        triggers: Any,
        act: Draw,
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
        **more: Any,
    ) -> None:
        """Wire `act(seen, values)` to what a visitor does in the section."""

        def acted(values: dict) -> dict:
            found = self.seen(values)
            return act(found, values) if found else {}

        inputs = [self.lab.study_id, self.lab.turns, *inputs]
        self.lab.on(triggers, acted, inputs, outputs, self.notice, **more)

    def seen(self, values: dict) -> Seen | None:
        """`seen`, as the newest question to this section. The turn is taken before the study is
        opened: what takes long must not become newer than what was asked meanwhile.
        """
        still_asked = values[self.lab.turns].take(str(self.accordion.elem_id))
        found = seen(self.lab, values)
        return dataclasses.replace(found, still_asked=still_asked) if found else None


def line_clicked(place: Place, view: gr.HTML) -> None:
    """A clicked point of a picture is a line, named in its mark as "arm|shots": its rows are shown
    elsewhere.
    """
    lab = place.lab

    def click(values: dict, event: gr.EventData) -> dict:
        arm, _, shots = str(event._data.get("id") or "").rpartition("|")
        found = seen(lab, values)
        line = found.cell(f"{arm}\t{shots}") if found else None
        again = (values[lab.selection] or {}).get(
            "clicks", 0
        ) + 1  # the same point may be clicked twice
        return {lab.selection: {"line": key_of(line), "clicks": again}} if line else {}

    lab.on(view.select, click, [lab.study_id, lab.selection], [lab.selection], place.notice)
    to_rows = show_part("section-rows", drawn=True)
    view.select(None, None, None, js=to_rows, api_visibility="private")


def waiting_html(found: Seen) -> str:
    """Return the content of a section as long as there is no decision."""
    said = t(found.lang, "weighing" if found.opened.ended else "at_the_end")
    return f"<p role='status'>{escaped(said)}</p>"


def parts_of(sections: Iterable[Section], more: Mapping[str, Sequence[str]]) -> list[Part]:
    """The parts of the answer that sections make, in their order; `more`: elements that belong to a
    part beside its sections.
    """
    holds: dict[str, list[str]] = {}
    titles: dict[str, str] = {}
    for it in sections:
        # a section from outside that names no part is one of its own
        part = getattr(it, "rail", it.id)
        holds.setdefault(part, []).append(f"section-{it.id}")
        titles.setdefault(part, f"rail_{part}" if f"rail_{part}" in EN else it.title)
    return [Part(part, titles[part], (*ids, *more.get(part, ()))) for part, ids in holds.items()]


def section(lab: Lab, it: Section) -> Place:
    """The accordion of a section, built. Its head is hidden: the rail opens and closes it."""
    is_open = gr.State(it.open)
    with gr.Accordion(
        words_of(it.title), open=it.open, elem_id=f"section-{it.id}", elem_classes="tl-section"
    ) as accordion:
        place = Place(
            lab, accordion, is_open, gr.Number(0, visible=False), gr.HTML(elem_classes="tl-notices")
        )
        if not it.open:
            gr.HTML(
                in_both(lambda lang: f"<h2>{titled(it.title, lang)}</h2>"),
                elem_classes="tl-section-head",
            )
        with built(lab, "SECTION", it.id):
            it.build(lab, place)
    lab.on(accordion.expand, lambda values: {is_open: True}, outputs=[is_open])
    lab.on(accordion.collapse, lambda values: {is_open: False}, outputs=[is_open])
    return place


def tell_open(lab: Lab, places: Sequence[Place]) -> None:
    """Notify open sections when there is something new or another language: one event, where each
    closed section would cost the browser one of its own."""

    def tell(values: dict) -> dict:
        return {place.news: values[place.news] + 1 for place in places if values[place.is_open]}

    states = [state for place in places for state in (place.is_open, place.news)]
    lab.on(
        [lab.fresh.change, lab.spoken.change],
        tell,
        states,
        [place.news for place in places],
        trigger_mode="always_last",
    )
