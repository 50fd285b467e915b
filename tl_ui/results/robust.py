"""How do the arms hold up? Kept runs are asked about changed test texts; what they say is stored, and shown from then on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import gradio as gr

from tl_core.data.perturb import CHANGES
from tl_core.errors import UserError
from tl_core.experiments.robustness.asking import ask, asked
from tl_core.experiments.robustness.effects import Effect, effects, flips, table
from tl_core.experiments.robustness.parts import Parts, stored_parts
from tl_core.report import robustness as said
from tl_core.report.decision import Told
from tl_core.report.robustness_figure import robustness_figure
from tl_core.types import Example
from tl_ui.downloads import hand_out, harmless_csv
from tl_ui.lab import Lab
from tl_ui.pieces import escaped, how_html, report_html
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.results import Place, Seen, seen
from tl_ui.results._flips_html import flips_html
from tl_ui.waiting import Wait, following, wait
from tl_ui.words import t, word


@dataclasses.dataclass(frozen=True)
class Section:
    """Which changes, who loses what, and the rows behind it."""

    id: str = "robust"
    order: int = 67
    title: str = "robust_head"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        _wire(lab, place, _drawn())


@dataclasses.dataclass(frozen=True)
class Its:
    changes: gr.CheckboxGroup
    ask: gr.Button
    wait: Wait
    told: gr.HTML
    picture: gr.HTML
    table: gr.HTML
    download: gr.DownloadButton
    which: gr.Dropdown  # values are `_key`
    rows: gr.HTML

    @property
    def shown(self) -> list:
        return [self.ask, self.changes, self.told, self.picture, self.table, self.download, self.which, self.rows]


def _drawn() -> Its:
    gr.Markdown(word("robust_about"), elem_classes="tl-fine")
    with gr.Column(elem_classes="tl-card tl-answer-side"):
        changes = gr.CheckboxGroup([], label=word("robust_changes"), interactive=True, elem_id="robust-changes")
        with gr.Row(elem_classes="tl-actions"):
            ask = gr.Button(word("robust_ask"), variant="primary", interactive=False, elem_id="robust-ask")
        waiting = wait("robust")
    told = gr.HTML(elem_id="robust-told")
    picture = plotly_view(label="", elem_id="robust-picture", elem_classes="tl-card tl-drawn")
    numbers = gr.HTML(elem_id="robust-table")
    with gr.Row(elem_classes="tl-actions"):
        download = gr.DownloadButton(word("robust_down"), visible=False, interactive=True, elem_id="robust-down", size="sm")
    which = gr.Dropdown([], label=word("robust_which"), visible=False, interactive=True, elem_id="robust-which")
    return Its(changes, ask, waiting, told, picture, numbers, download, which, gr.HTML(elem_id="robust-rows"))


def _wire(lab: Lab, place: Place, its: Its) -> None:
    def draw(found: Seen, values: dict) -> dict:
        """All that is stored."""
        lang, parts = found.lang, _stored(lab, found)
        there, chosen = bool(found.opened.ended and lab.studies.kept(found.opened)), values[its.changes] or list(CHANGES)
        shown = {
            its.ask: gr.Button(interactive=there),
            its.changes: gr.CheckboxGroup(choices=[(said.change_name(x, lang), x) for x in CHANGES], value=chosen, interactive=there),
        }
        told = _effects(found, parts)
        if not told:
            nothing = "" if there else f"<p class='tl-fine'>{escaped(t(lang, 'robust_no_weights' if found.opened.ended else 'at_the_end'))}</p>"
            no_file = gr.DownloadButton(value=None, visible=False)
            return shown | {its.told: nothing, its.picture: None, its.table: "", its.download: no_file, its.which: gr.Dropdown(visible=False), its.rows: ""}
        sentences = "".join(f"<p>{escaped(s)}</p>" for s in said.sentences(told, found.opened.plan, lang))
        scored = any(x.difference for x in told)
        return shown | {
            its.told: f"<div role='status'>{sentences}</div>{how_html(lang, 'robust', 'interval')}",
            its.picture: drawing(robustness_figure(told, language=lang), t(lang, "chart_robust")) if scored else None,
            its.table: report_html(said.effects_table(Told(found.decision, lang), told)),
            its.download: gr.DownloadButton(value=hand_out("robustness.csv", harmless_csv(table(told))), visible=True),
            **examples(found, parts, told, values[its.which]),
        }

    def choose(found: Seen, values: dict) -> dict:
        parts = _stored(lab, found)
        return examples(found, parts, _effects(found, parts), values[its.which])

    def examples(found: Seen, parts: Parts, told: Sequence[Effect], key: str | None) -> dict:
        """Rows whose answer one change has changed; those of the largest loss, where none is chosen."""
        some = sorted((x for x in told if x.flips and x.flips.value), key=lambda x: x.difference.value if x.difference else 0.0)
        if not some:
            return {its.which: gr.Dropdown(visible=False), its.rows: ""}
        one = next((x for x in some if _key(x) == key), some[0])
        choices = [(f"{said.line_name(x, found.lang)} · {said.change_name(x.change, found.lang)}", _key(x)) for x in told if x in some]
        rows = flips(parts, found.opened.plan, found.opened.weighed.results, one)
        return {its.which: gr.Dropdown(choices=choices, value=_key(one), visible=True), its.rows: flips_html(rows, found.opened.plan.study.problem, found.lang)}

    def begin(values: dict) -> Iterator[dict]:
        found = seen(lab, values)
        if found is None:
            return
        store, made = lab.queue.store(found.opened.name), found.opened.plan
        if not values[its.changes]:
            raise UserError("Choose at least one change.")
        request = asked(store, made, changes=values[its.changes])

        def predict(runs: Sequence[str], texts: Sequence[Example], consent: str) -> Iterator:
            return lab.queue.ask("predict", folder=str(store.folder.resolve()), runs=runs, examples=texts)

        yield {its.ask: gr.Button(interactive=False)}
        try:
            yield from its.wait.through(following(t(found.lang, "robust_texts"), ask(store, made, request, predict), found.lang))
        except UserError:
            yield {its.ask: gr.Button(interactive=True)}
            raise
        yield end(found, values)

    def end(found: Seen, values: dict) -> dict:
        """Something was stored: this section, which is open, and the report are drawn anew."""
        lab.studies.renew(found.opened)
        return {its.ask: gr.Button(interactive=True), lab.fresh: lab.where(found.opened.name)[lab.fresh]}

    place.draw(draw, [its.changes, its.which], its.shown)
    place.on(its.which.input, choose, [its.which], [its.which, its.rows], trigger_mode="always_last")
    asking = lab.on(
        its.ask.click, begin, [lab.study_id, its.changes], [its.ask, its.wait.status, lab.fresh], place.notice, concurrency_limit=1, trigger_mode="once",
    )  # fmt: skip
    its.wait.ends(lab, [asking])
    place.on(its.wait.stop.click, end, [], [its.ask, lab.fresh])


def _stored(lab: Lab, found: Seen) -> Parts:
    return stored_parts(lab.queue.store(found.opened.name), found.opened.plan)


def _effects(found: Seen, parts: Parts) -> tuple[Effect, ...]:
    return effects(parts, found.opened.plan, found.opened.weighed.results, found.comparison)


def _key(x: Effect) -> str:
    return f"{x.arm}\t{x.shots_name}\t{x.change}"


SECTION = Section()
