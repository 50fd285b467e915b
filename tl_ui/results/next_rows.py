"""Texts to label next: texts without labels in, those worth a label out."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import gradio as gr

from tl_core.analysis.compare import CONSTANT
from tl_core.api.amounts import percent
from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import RunSpec, Step
from tl_core.data.tables import READABLE
from tl_core.running.label_next import NextRows, unlabelled
from tl_core.running.predict import texts_of_file
from tl_core.words.verdict import method_name
from tl_ui.components.downloads import hand_out, harmless_csv
from tl_ui.components.html import (
    bar,
    clip,
    duration,
    escaped,
    how_html,
    label_name,
    row_text,
    table_html,
)
from tl_ui.lab import Lab
from tl_ui.results import Place, Seen, seen
from tl_ui.words import t, word

MOST, SHOWN, BETWEEN = 1_000, 10, 0.3  # texts chosen; shown; seconds between two signs of life


@dataclasses.dataclass(frozen=True)
class Section:
    """A file, who chooses, and a file."""

    id: str = "next"
    order: int = 70
    title: str = "next_head"
    rail: str = "next"
    open: bool = False

    def build(self, lab: Lab, place: Place) -> None:
        """Draw the section and wire it."""
        gr.Markdown(word("next_about"), elem_classes="tl-fine")
        with gr.Row():
            with gr.Column(min_width=300, elem_classes="tl-card"):
                kinds = [kind for kind in READABLE if kind != ".txt"]
                file = gr.File(
                    label=word("next_file"),
                    file_types=kinds,
                    file_count="single",
                    height=120,
                    elem_id="next-file",
                )
                column = gr.Textbox(
                    label=word("next_column"),
                    info=word("next_column_info"),
                    max_length=200,
                    elem_id="next-column",
                )
            with gr.Column(min_width=300, elem_classes="tl-card"):
                arm = gr.Dropdown(
                    [], label=word("next_arm"), info=word("next_arm_info"), elem_id="next-arm"
                )
                count = gr.Number(
                    50,
                    label=word("next_count"),
                    minimum=1,
                    maximum=MOST,
                    precision=0,
                    elem_id="next-count",
                )
                with gr.Row(elem_classes="tl-actions"):
                    ask = gr.Button(word("next_ask"), variant="primary", elem_id="next-ask")
                    stop = gr.Button(
                        word("stop"), variant="stop", visible=False, elem_id="next-stop"
                    )
        status = gr.HTML(elem_id="next-status")
        out = gr.HTML(elem_id="next-out")
        with gr.Row(elem_classes="tl-actions"):
            download = gr.DownloadButton(
                word("next_down"), interactive=False, elem_id="next-down", size="sm"
            )

        how = gr.HTML(elem_classes="tl-fine")

        def draw(found: Seen, values: dict) -> dict:
            there = _who(lab, found)
            ids = [s.id for s in there]
            chosen = values[arm] if values[arm] in ids else (ids[0] if ids else None)
            return {
                arm: gr.Dropdown(
                    choices=[
                        (
                            method_name(
                                s.arm.id, s.arm.strategy, found.lang, found.comparison.problem
                            ),
                            s.id,
                        )
                        for s in there
                    ],
                    value=chosen,
                ),
                how: how_html(found.lang, "next"),
            }

        def choose(values: dict) -> Iterator[dict]:
            yield {
                stop: gr.Button(visible=True),
                out: "",
                download: gr.DownloadButton(value=None, interactive=False),
                status: "",
            }
            try:
                made = yield from _chosen(
                    lab, values, values[file], values[column], values[arm], values[count], status
                )
            finally:
                yield {stop: gr.Button(visible=False), status: ""}
            if made:
                path = hand_out("label-these.csv", harmless_csv(made.table()))
                yield {
                    out: _out_html(made, values[lab.lang]),
                    download: gr.DownloadButton(value=path, interactive=True),
                }

        asked = lab.on(
            ask.click,
            choose,
            [lab.study_id, file, column, arm, count],
            [stop, status, out, download],
            place.notice,
            concurrency_limit=2,
            trigger_mode="once",
        )
        lab.on(
            stop.click,
            lambda _values: {stop: gr.Button(visible=False), status: ""},
            outputs=[stop, status],
            cancels=[asked],
        )
        place.draw(draw, [arm], [arm, how])


def _who(lab: Lab, found: Seen) -> list[RunSpec]:
    """Kept runs that give a confidence, without sending texts elsewhere: of the arm advised
    first, then the best.
    """
    comparison, results = found.comparison, found.weighed.results
    advised = found.decision.advice.found.choice if found.decision and found.decision.advice else ""
    rank = {(c.arm, c.shots): i for i, c in enumerate(comparison.cells)}
    there = [
        s
        for s in lab.studies.kept(found.opened)
        if s.id in results and not results[s.id].choices_only and s.arm.strategy != CONSTANT
    ]
    return sorted(
        there, key=lambda s: (s.arm.id != advised, rank.get((s.arm.id, s.shots), len(rank)))
    )


def _chosen(
    lab: Lab,
    values: dict,
    file: str | None,
    column: str,
    run: str | None,
    count: float,
    status: gr.HTML,
) -> Generator[dict, None, NextRows | None]:
    """Yield progress; return the rows to label next.

    Raises:
        UserError: no study, no file, no arm, too many texts, or none left.
    """
    found = seen(lab, values)
    spec = next((s for s in _who(lab, found) if s.id == run), None) if found else None
    if found is None or spec is None:
        raise UserError(
            say(
                "No arm of this study can choose: none with known probabilities has a checkpoint."
                " Run a study first."
            )
        )
    if not file:
        raise UserError(say("Give a file of texts without labels first."))
    study = found.opened.plan.study
    texts = lab.datasets.bounded.call(
        texts_of_file,
        file,
        (column or "").strip() or None,
        None,
        study.problem,
        lab.profile.reading,
    )
    left = unlabelled(texts, study.split, Path(file).name)
    folder = str(lab.queue.store(found.opened.name).folder.resolve())
    began = told = time.monotonic()
    count = min(MOST, max(1, int(count or 1)))
    for item in lab.queue.ask(
        "choose_next", folder=folder, run=spec.id, examples=left.examples, count=count
    ):
        if not isinstance(item, Step):
            return NextRows(spec, study.problem, left, item[1], item[0])
        if time.monotonic() - told > BETWEEN:
            told = time.monotonic()
            yield {status: _status_html(item, told - began, found.lang)}
    return None


def _status_html(step: Step, passed: float, lang: str) -> str:
    share = step.done / max(1, step.total)
    said = t(
        lang,
        f"next_{'embed' if step.phase == 'embed' else 'read'}",
        done=f"{step.done:,}",
        total=f"{step.total:,}",
    )
    if passed > 2 and share > 0.05:
        said += ", " + t(lang, "left", time=duration(passed * (1 - share) / share, lang))
    return f"<div class='tl-status'>{bar(share, said)}<p role='status'>{escaped(said)}</p></div>"


def _out_html(made: NextRows, lang: str) -> str:
    """The first of them, and what was left out."""
    told = t(
        lang,
        "next_done",
        n=len(made.order),
        all=f"{len(made.texts.examples):,}",
        arm=method_name(made.spec.arm.id, made.spec.arm.strategy, lang, made.problem),
    )
    texts = made.texts
    if texts.known or texts.repeated or texts.empty:
        told += " " + t(
            lang,
            "next_left_out",
            known=f"{texts.known:,}",
            repeated=f"{texts.repeated:,}",
            empty=f"{texts.empty:,}",
        )
    rows = [
        [
            escaped(e.row),
            escaped(clip(row_text(e), 200)),
            f"{escaped(label_name(made.problem, guess) or '–')}"
            f" {percent(made.sure_of(guess, p), 0)}",
        ]
        for e, guess, p in list(made.chosen())[:SHOWN]
    ]
    head = [t(lang, "head_row"), t(lang, "head_text"), t(lang, "next_guess")]
    return (
        f"<p role='status'>{escaped(told)}</p>"
        f"{table_html(t(lang, 'next_first', n=len(rows)), head, rows)}"
    )


SECTION = Section()
