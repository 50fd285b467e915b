"""A trained arm to take along: an archive in a format that holds it exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.api.types import RunSpec
from tl_core.exports.jobs import FOLDER, Offer
from tl_core.running.study_records import OPEN
from tl_core.serving.lines import lines
from tl_core.studies.consent import stays
from tl_core.tasks import task_of
from tl_core.words.verdict import method_name
from tl_ui.components.downloads import hand_out_place
from tl_ui.components.html import code_html, escaped, lines_html, shots_text
from tl_ui.components.progress import Wait, following, wait
from tl_ui.errors import on_page
from tl_ui.lab import Lab, key_of
from tl_ui.results import Place, Seen, seen
from tl_ui.results._registered import Registered
from tl_ui.words import t, word

TEXT = "I was charged twice this month"
SERVICE = "http://127.0.0.1:8080"  # where `transfer-lab serve` listens, unless told otherwise


@dataclasses.dataclass(frozen=True)
class Section:
    """Choose an arm and a format, and download it."""

    id: str = "take-home"
    order: int = 80
    title: str = "home_head"
    rail: str = "share"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        TakeHome(lab, place).wire()


class TakeHome:
    """The section on one page: components are attributes, handlers are methods."""

    def __init__(self, lab: Lab, place: Place):
        self.lab, self.place = lab, place
        gr.Markdown(word("home_about"), elem_classes="tl-fine")
        with gr.Row():
            with gr.Column(min_width=300, elem_classes="tl-card"):
                self.arm = gr.Dropdown(
                    [], label=word("home_arm"), interactive=True, elem_id="home-arm"
                )
                self.format = gr.Radio(
                    [], label=word("home_format"), visible=False, elem_id="home-format"
                )
                self.rows = gr.Checkbox(
                    label=word("home_rows"),
                    info=word("home_rows_info"),
                    visible=False,
                    elem_id="home-rows",
                )
                self.int8 = gr.Checkbox(
                    label=word("home_int8"),
                    info=word("home_int8_info"),
                    visible=False,
                    elem_id="home-int8",
                )
                with gr.Row(elem_classes="tl-actions"):
                    self.go = gr.Button(
                        word("home_go"), variant="primary", visible=False, elem_id="home-go"
                    )
                    self.again = gr.Button(word("home_again"), visible=False, elem_id="home-again")
                    self.down = gr.DownloadButton(
                        word("home_down"), interactive=False, elem_id="home-down"
                    )
                self.wait: Wait = wait("home")
            with gr.Column(min_width=300):
                self.said = gr.HTML(elem_id="home-said")
        self.needs_rows = gr.State(())  # formats that would take training rows along
        self.archive = gr.State("")  # path of the one that was made last
        self.registered = None if lab.profile.public else Registered(lab, place, self.archive)

    def wire(self) -> None:
        """Wire every event."""
        lab, place = self.lab, self.place
        inputs = [lab.study_id, lab.turns, lab.saved, lab.status, self.arm, place.is_open]
        choice = [self.format, self.rows, self.int8, self.go, self.again, self.said]
        archive = [self.down, self.archive]
        outputs = [self.arm, *choice, *archive, self.needs_rows, self.wait.status]
        how: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": self.said}
        lab.on(place.accordion.expand, self.draw, inputs, outputs, place.notice, **how)
        lab.on(place.news.change, self.draw_again, inputs, outputs, place.notice)
        chosen = lab.on(self.arm.input, self.draw, inputs, outputs, place.notice, **how)
        lab.on(
            self.format.input,
            lambda values: self.asked_of(values[self.format], values[self.needs_rows]),
            [self.format, self.needs_rows],
            [self.rows, self.int8, *archive],
        )
        makes = lab.on(
            self.go.click,
            self.make,
            [*inputs, self.format, self.rows, self.int8, self.needs_rows],
            [*archive, self.go, self.said, self.wait.status],
            place.notice,
            concurrency_limit=2,
            trigger_mode="once",
        )
        trains = lab.on(
            self.again.click,
            self.train,
            inputs,
            [*outputs, lab.fresh, lab.settled],
            place.notice,
            concurrency_limit=2,
            trigger_mode="once",
        )
        self.wait.ends(lab, [chosen, makes, trains])
        if self.registered is not None:
            self.registered.wire()

    # --- what is there ----------------------------------------------------------------------------

    def draw_again(self, values: dict) -> Iterator[dict]:
        """The study or the language is another one."""
        if values[self.place.is_open]:
            yield from self.draw(values)

    def draw(self, values: dict) -> Iterator[dict]:
        """The arms, and what can hold the chosen one."""
        found = self.place.seen(values)
        if found is None:
            return
        lang, there = found.lang, self.runs(found)
        spec = next((s for s in there if s.id == values[self.arm]), next(iter(there), None))
        choices = [(self.name_of(s, found), s.id) for s in there]
        nothing = {
            self.arm: gr.Dropdown(choices=choices, value=spec and spec.id),
            self.format: gr.Radio(visible=False),
            self.rows: gr.Checkbox(value=False, visible=False),
            self.int8: gr.Checkbox(value=False, visible=False),
            self.go: gr.Button(visible=False),
            self.again: gr.Button(visible=False),
            **self.no_archive(),
        }
        if spec is None:
            going = self.lab.queue.status(found.opened.name)["status"] in OPEN
            yield {**nothing, self.said: _fine(t(lang, "home_open" if going else "home_none"))}
            return
        if not self.is_kept(found, spec):
            mine = bool(key_of(values[self.lab.saved], found.opened.name))
            said = _fine(t(lang, "home_needs_fit" if mine else "home_needs_fit_mine"))
            yield {**nothing, self.again: gr.Button(visible=mine), self.said: said}
            return
        yield {**nothing, self.said: _fine(t(lang, "home_looking"))}
        asked = {"folder": self.folder(found), "run": spec.id}
        offers = yield from self.wait.through(
            following(spec.arm.id, self.lab.queue.ask("offers", **asked), lang), found.still_asked
        )
        # the choice once more: a list that is only being made takes the first one without its value
        yield {self.arm: nothing[self.arm], **self.offered(offers, lang)}

    def offered(self, offers: tuple[Offer, ...], lang: str) -> dict:
        """The formats that hold a run, and why others do not."""
        held = [offer.format for offer in offers if not offer.why_not]
        needs = tuple(offer.format for offer in offers if offer.holds_rows)
        return {
            self.format: gr.Radio(choices=held, value=held[0], visible=True),
            self.needs_rows: needs,
            self.go: gr.Button(visible=True, interactive=True),
            **self.asked_of(held[0], needs),
            self.said: _refused_html(offers, lang),
        }

    def asked_of(self, format: str | None, needs: tuple[str, ...]) -> dict:
        """What else is asked of a format: whether training rows may go along, where they would,
        and whether weights are rounded.
        """
        return {
            self.rows: gr.Checkbox(value=False, visible=format in needs),
            self.int8: gr.Checkbox(value=False, visible=format == "onnx"),
            **self.no_archive(),
        }

    def no_archive(self) -> dict:
        """What was made is of another choice."""
        return {self.down: gr.DownloadButton(value=None, interactive=False), self.archive: ""}

    def runs(self, found: Seen) -> list[RunSpec]:
        """Finished runs whose weights a study keeps, of arms that send texts nowhere; that of the
        arm advised first, then the best.
        """
        opened, status = found.opened, self.lab.queue.status(found.opened.name)["status"]
        advice = found.decision.advice if found.decision else None
        advised = advice.found.choice if advice else ""
        rank = {(c.arm, c.shots): i for i, c in enumerate(found.comparison.cells)}
        there = [
            s
            for s in opened.plan.specs
            if s.id in opened.plan.keep and opened.is_done(s.id) and stays(s.arm)
        ]
        if status in OPEN:
            return []
        return sorted(
            there, key=lambda s: (s.arm.id != advised, rank.get((s.arm.id, s.shots), len(rank)))
        )

    def name_of(self, spec: RunSpec, found: Seen) -> str:
        """An arm and its labels, and whether it must be trained again."""
        per = task_of(found.opened.plan.study.problem).shots_per
        method = method_name(spec.arm.id, spec.arm.strategy, found.lang, found.comparison.problem)
        name = f"{method} · {shots_text(spec.shots, found.lang, per)}"
        return name if self.is_kept(found, spec) else t(found.lang, "home_not_kept", arm=name)

    def is_kept(self, found: Seen, spec: RunSpec) -> bool:
        """Whether its weights are here."""
        return self.lab.queue.store(found.opened.name).model_folder(spec.id).is_dir()

    def folder(self, found: Seen) -> str:
        """Return the folder of the study, for a worker process."""
        return str(self.lab.queue.store(found.opened.name).folder.resolve())

    # --- what is pressed --------------------------------------------------------------------------

    def make(self, values: dict) -> Iterator[dict]:
        """Write the archive."""
        found, spec = self.chosen(values)
        format = values[self.format]
        if format in values[self.needs_rows] and not values[self.rows]:
            raise UserError(t(found.lang, "home_rows_needed"))
        yield {
            self.go: gr.Button(interactive=False),
            **self.no_archive(),
            self.wait.status: _status(t(found.lang, "home_writing")),
        }
        try:
            options = {
                "with_rows": bool(values[self.rows]),
                "int8": bool(values[self.int8]) and format == "onnx",
            }
            path, cost = self.written(found, spec, format, options)
        finally:
            yield {self.go: gr.Button(interactive=True), self.wait.status: ""}
        yield {
            self.down: gr.DownloadButton(value=path, interactive=True),
            self.archive: path,
            self.said: _use_html(cost, found.lang),
        }

    def written(
        self, found: Seen, spec: RunSpec, format: str, options: dict[str, bool]
    ) -> tuple[str, str]:
        """Path of the archive, and what rounding its weights costs."""
        with hand_out_place() as place:
            asked = self.lab.queue.ask(
                "packed_export",
                folder=self.folder(found),
                run=spec.id,
                format=format,
                place=str(place),
                **options,
            )
            with closing(asked):
                return next(iter(asked))

    def train(self, values: dict) -> Iterator[dict]:
        """Train a run again whose weights are not here, then look what can hold it."""
        found, spec = self.chosen(values)
        name, lab = found.opened.name, self.lab
        lab.queue.records.check_may_run(name, key_of(values[lab.saved], name))
        yield {
            self.again: gr.Button(interactive=False),
            self.wait.status: _status(t(found.lang, "home_fitting")),
        }
        asked = lab.queue.ask("fit_run_again", folder=self.folder(found), run=spec.id)
        try:
            yield from self.wait.through(following(spec.arm.id, asked, found.lang))
        finally:
            yield {self.again: gr.Button(interactive=True), self.wait.status: ""}
        lab.studies.renew(found.opened)
        where = lab.where(name)
        yield {lab.fresh: where[lab.fresh]}  # this section too is drawn again

    def chosen(self, values: dict) -> tuple[Seen, RunSpec]:
        """The study and the run that is chosen.

        Raises:
            UserError: there is none.
        """
        found = seen(self.lab, values)
        there = self.runs(found) if found else []
        wanted = values[self.arm] or next((s.id for s in there), None)
        spec = next((s for s in there if s.id == wanted), None)
        if found is None or spec is None:
            raise UserError(t(values[self.lab.lang], "home_none"))
        return found, spec


def _fine(said: str) -> str:
    return f"<p class='tl-fine' role='status'>{escaped(said)}</p>"


def _status(said: str) -> str:
    return f"<div class='tl-status'><p role='status'>{escaped(said)}</p></div>"


def _refused_html(offers: tuple[Offer, ...], lang: str) -> str:
    """The formats that cannot hold a run, each with its reason."""
    rows = "".join(
        f"<li><b>{escaped(offer.format)}</b>: {escaped(on_page(offer.why_not, lang))}</li>"
        for offer in offers
        if offer.why_not
    )
    if not rows:
        return ""
    return f"<p><b>{escaped(t(lang, 'home_others'))}</b></p><ul class='tl-list'>{rows}</ul>"


def _use_html(cost: str, lang: str) -> str:
    """Commands to paste; of rounded weights before that what they cost."""
    unpack = (
        f"unzip model-*.zip\npip install -r {FOLDER}/requirements.txt\n"
        f'python {FOLDER}/example.py "{TEXT}"'
    )
    asks = lines(SERVICE, TEXT)
    serve = f"transfer-lab serve {FOLDER}\n{asks.pop('curl')}"
    measured = f"<p role='status'>{escaped(on_page(cost, lang))}</p>" if cost else ""
    return (
        measured + f"<p role='status'><b>{escaped(t(lang, 'home_use'))}</b></p>"
        f"<p class='tl-fine'>{escaped(t(lang, 'home_use_unpack'))}</p>{code_html(unpack)}"
        f"<p class='tl-fine'>{escaped(t(lang, 'home_use_serve'))}</p>{code_html(serve)}"
        + lines_html(asks)
    )


SECTION = Section()
