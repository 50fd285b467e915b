"""Robustness of the arms. Checkpoints predict changed test texts; the predictions are stored, and
shown from then on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import gradio as gr

from tl_core.analysis.robustness import Effect, effects, flips, table
from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.figures.robustness import robustness_figure
from tl_core.report.html_helpers import InLanguage
from tl_core.report.sections.robustness import effects_table
from tl_core.running.predict_perturbed import ask, asked
from tl_core.studies.stored_answers import StoredAnswers, changes_for, read_stored_answers
from tl_core.words import robustness as said
from tl_core.words.names import renamed
from tl_ui.components.downloads import hand_out, harmless_csv
from tl_ui.components.html import escaped, how_html, report_html
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.components.progress import following, wait
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen, seen
from tl_ui.results._flips_html import flips_html
from tl_ui.words import t, word


@dataclasses.dataclass(frozen=True)
class Section:
    """The section on changed texts: which changes, what each arm loses, the rows behind it."""

    id: str = "robust"
    order: int = 67
    title: str = "robust_head"
    rail: str = "robust"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        Robustness(lab, place)


class Robustness:
    """The section on one page: its parts are attributes, what happens in it are methods."""

    def __init__(self, lab: Lab, place: Place):
        self.lab, self.place = lab, place
        self.draw_parts()
        self.wire()

    def draw_parts(self) -> None:
        """Draw the parts of the section."""
        gr.Markdown(word("robust_about"), elem_classes="tl-fine")
        with gr.Column(elem_classes="tl-card tl-answer-side"):
            self.changes = gr.CheckboxGroup(
                [], label=word("robust_changes"), interactive=True, elem_id="robust-changes"
            )
            with gr.Row(elem_classes="tl-actions"):
                self.ask = gr.Button(
                    word("robust_ask"), variant="primary", interactive=False, elem_id="robust-ask"
                )
            self.wait = wait("robust")
        self.summary = gr.HTML(elem_id="robust-told")
        self.picture = plotly_view(
            label="", elem_id="robust-picture", elem_classes="tl-card tl-drawn"
        )
        self.table = gr.HTML(elem_id="robust-table")
        with gr.Row(elem_classes="tl-actions"):
            self.download = gr.DownloadButton(
                word("robust_down"),
                visible=False,
                interactive=True,
                elem_id="robust-down",
                size="sm",
            )
        self.which = gr.Dropdown(
            [], label=word("robust_which"), visible=False, interactive=True, elem_id="robust-which"
        )
        self.rows = gr.HTML(elem_id="robust-rows")

    def wire(self) -> None:
        """Wire everything."""
        form = [self.ask, self.changes, self.which]
        drawn = [self.summary, self.picture, self.table, self.download, self.rows]
        self.place.draw(self.draw, [self.changes, self.which], [*form, *drawn])
        self.place.on(
            self.which.input,
            self.choose,
            [self.which],
            [self.which, self.rows],
            trigger_mode="always_last",
        )
        asking = self.lab.on(
            self.ask.click,
            self.begin,
            [self.lab.study_id, self.changes],
            [self.ask, self.wait.status, self.lab.fresh],
            self.place.notice,
            concurrency_limit=1,
            trigger_mode="once",
        )
        self.wait.ends(self.lab, [asking])
        self.place.on(self.wait.stop.click, self.end, [], [self.ask, self.lab.fresh])

    def draw(self, found: Seen, values: dict) -> dict:
        """All that is stored."""
        there = bool(found.opened.ended and self.lab.studies.kept(found.opened))
        there_are = list(changes_for(found.opened.plan.study))
        names = [(said.change_name(x, found.lang), x) for x in there_are]
        chosen = [x for x in values[self.changes] or () if x in there_are] or there_are
        parts = _stored(self.lab, found)
        effects = _effects(found, parts)
        form = {
            self.ask: gr.Button(interactive=there),
            self.changes: gr.CheckboxGroup(choices=names, value=chosen, interactive=there),
        }
        if not effects:
            return {**form, **self.nothing(found, there)}
        examples = self.examples(found, parts, effects, values[self.which])
        return {**form, **self.numbers(found, effects), **examples}

    def nothing(self, found: Seen, there: bool) -> dict:
        """Nothing is stored yet; why nothing can be asked, where it cannot."""
        why = t(found.lang, "robust_no_weights" if found.opened.ended else "at_the_end")
        return {
            self.summary: "" if there else f"<p class='tl-fine'>{escaped(why)}</p>",
            self.picture: None,
            self.table: "",
            self.download: gr.DownloadButton(value=None, visible=False),
            self.which: gr.Dropdown(visible=False),
            self.rows: "",
        }

    def numbers(self, found: Seen, effects: Sequence[Effect]) -> dict:
        """Show each change's effect on each arm: in sentences, drawn, as a table, as a file."""
        lang, picture = found.lang, None
        lines = said.sentences(effects, found.opened.plan, lang, found.names)
        shown = renamed(list(effects), found.names)
        sentences = "".join(f"<p>{escaped(line)}</p>" for line in lines)
        how = how_html(lang, "robust", "interval")
        if any(x.difference for x in effects):
            picture = drawing(robustness_figure(shown, language=lang), t(lang, "chart_robust"))
        file = hand_out("robustness.csv", harmless_csv(table(effects)))
        return {
            self.summary: f"<div role='status'>{sentences}</div>{how}",
            self.picture: picture,
            self.table: report_html(effects_table(InLanguage(lang), shown)),
            self.download: gr.DownloadButton(value=file, visible=True),
        }

    def choose(self, found: Seen, values: dict) -> dict:
        """Rows of another change, or of another arm."""
        parts = _stored(self.lab, found)
        return self.examples(found, parts, _effects(found, parts), values[self.which])

    def examples(
        self, found: Seen, parts: StoredAnswers, effects: Sequence[Effect], key: str | None
    ) -> dict:
        """Rows whose answer one change has changed; those of the largest loss, where none is
        chosen.
        """
        some = sorted(
            (x for x in effects if x.flips and x.flips.value),
            key=lambda x: x.difference.value if x.difference else 0.0,
        )
        if not some:
            return {self.which: gr.Dropdown(visible=False), self.rows: ""}
        one = next((x for x in some if _key(x) == key), some[0])
        choices = [(_named(found, x), _key(x)) for x in effects if x in some]
        rows = flips(parts, found.opened.plan, found.weighed.results, one)
        return {
            self.which: gr.Dropdown(choices=choices, value=_key(one), visible=True),
            self.rows: flips_html(rows, found.opened.plan.study.problem, found.lang),
        }

    def begin(self, values: dict) -> Iterator[dict]:
        """Ask the kept runs about the changed texts."""
        found = seen(self.lab, values)
        if found is None:
            return
        store, made = self.lab.queue.store(found.opened.name), found.opened.plan
        if not values[self.changes]:
            raise UserError(say("Choose at least one change."))
        request = asked(store, made, changes=values[self.changes])

        def predict(
            runs: Sequence[str], texts: Sequence[Example], consent: str
        ) -> Generator[Any, None, None]:
            return self.lab.queue.ask(
                "predict", folder=str(store.folder.resolve()), runs=runs, examples=texts
            )

        yield {self.ask: gr.Button(interactive=False)}
        try:
            yield from self.wait.through(
                following(
                    t(found.lang, "robust_texts"), ask(store, made, request, predict), found.lang
                )
            )
        except UserError:
            yield {self.ask: gr.Button(interactive=True)}
            raise
        yield self.end(found, values)

    def end(self, found: Seen, values: dict) -> dict:
        """Something was stored: this section, which is open, and the report are drawn again."""
        self.lab.studies.renew(found.opened)
        return {
            self.ask: gr.Button(interactive=True),
            self.lab.fresh: self.lab.where(found.opened.name)[self.lab.fresh],
        }


def _stored(lab: Lab, found: Seen) -> StoredAnswers:
    return read_stored_answers(lab.queue.store(found.opened.name), found.opened.plan)


def _effects(found: Seen, parts: StoredAnswers) -> tuple[Effect, ...]:
    return effects(parts, found.opened.plan, found.weighed.results, found.comparison)


def _named(found: Seen, x: Effect) -> str:
    line = said.line_name(renamed(x, found.names), found.lang)
    return f"{line} · {said.change_name(x.change, found.lang)}"


def _key(x: Effect) -> str:
    return f"{x.arm}\t{x.shots_name}\t{x.change}"


SECTION = Section()
