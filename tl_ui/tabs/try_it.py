"""A text of the visitor's own: what every kept arm says about it, side by side."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr
import numpy as np

from tl_core.errors import UserError
from tl_core.experiments.queue import OPEN
from tl_core.strategies import strategies
from tl_core.tasks import task_of
from tl_core.types import Problem, RunSpec
from tl_ui.kept import open_study, predictions, some_rows
from tl_ui.lab import Lab
from tl_ui.pieces import clip, escaped, percent, row_text, shots_text, strategy_title
from tl_ui.shown import notice_html
from tl_ui.studies import Opened
from tl_ui.words import t, word

LABELS_SHOWN = 8


@dataclasses.dataclass(frozen=True)
class Tab:
    """The try tab."""

    id: str = "try"
    order: int = 40
    title: str = "tab_try"

    def build(self, lab: Lab) -> None:
        """Draw the tab and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="try-notice")
        with gr.Row():
            with gr.Column(scale=2, min_width=300, elem_classes="tl-card"):
                gr.Markdown(word("try_head"))
                text = gr.Textbox(label=word("try_text"), lines=1, max_lines=8, elem_id="try-text", submit_btn=False)
                text_b = gr.Textbox(label=word("try_text_b"), lines=1, max_lines=8, visible=False, elem_id="try-text-b")
                ask = gr.Button(word("try_ask"), variant="primary", elem_id="try-ask")
                gr.Markdown(word("try_examples"), elem_classes="tl-fine")
                examples = gr.Radio([], show_label=False, container=False, elem_id="try-examples", elem_classes="tl-stack tl-examples")
            with gr.Column(scale=3, min_width=320):
                answers = gr.HTML(elem_id="try-answers")
        _wire(lab, text, text_b, ask, examples, answers, notice)


def _wire(lab: Lab, text: gr.Textbox, text_b: gr.Textbox, ask: gr.Button, examples: gr.Radio, answers: gr.HTML, notice: gr.HTML) -> None:
    asked = gr.State(None)  # the texts whose answers are on show, so that a switch of language asks again

    def predict(values: dict) -> dict:
        return {asked: [values[text], values[text_b]], answers: answers_html(lab, values[lab.study_id], values[text], values[text_b], values[lab.lang])}

    def take(values: dict) -> dict:
        if values[examples] is None:
            return {}
        example = lab.studies.open(values[lab.study_id]).plan.study.split.test[int(values[examples])]
        shown = {text: example.text, text_b: example.text_b or ""}
        return {**shown, asked: [example.text, example.text_b], answers: answers_html(lab, values[lab.study_id], example.text, example.text_b, values[lab.lang])}

    def prepare(values: dict) -> dict:
        """The form for the open study's kind of texts."""
        opened = open_study(lab, values[lab.study_id])
        if opened is None:
            return {answers: _nothing(lab, values), examples: gr.Radio(choices=[])}
        pair = opened.plan.study.problem.inputs == "two texts"
        again = {answers: answers_html(lab, opened.name, *values[asked], values[lab.lang])} if values[asked] else {answers: _hint(values[lab.lang])}
        return {text_b: gr.Textbox(visible=pair), examples: gr.Radio(choices=[(clip(row_text(row), 140), str(i)) for i, row in some_rows(opened).items()]), **again}

    def renew(_values: dict) -> dict:
        return {asked: None, examples: gr.Radio(value=None)}

    quick = {"show_progress": "minimal", "show_progress_on": answers}
    lab.on([ask.click, text.submit, text_b.submit], predict, [lab.study_id, text, text_b], [answers, asked], notice, **quick)
    lab.on(examples.input, take, [lab.study_id, lab.status, examples], [text, text_b, answers, asked], notice, **quick)
    lab.on(lab.study_id.change, renew, outputs=[asked, examples])
    lab.on([lab.arrived.change, lab.settled.change, lab.lang.change], prepare, [lab.study_id, lab.status, asked], [answers, text_b, examples], notice, trigger_mode="always_last")


def _nothing(lab: Lab, values: dict) -> str:
    """Why nobody can be asked, and what to do."""
    lang, status = values[lab.lang], values[lab.status] or {}
    why = "try_none" if not values[lab.study_id] else "try_none_yet" if status.get("status") in OPEN else "try_none_kept"
    return f"<section class='tl-card tl-empty'><h3>{escaped(t(lang, 'try_none_head'))}</h3><p>{escaped(t(lang, why))}</p></section>"


def _hint(lang: str) -> str:
    return f"<section class='tl-card tl-empty'><p>{escaped(t(lang, 'try_hint'))}</p></section>"


def answers_html(lab: Lab, study: str, text: str, text_b: str | None, lang: str) -> str:
    """Every arm's probabilities as bars."""
    if not study:
        raise UserError(t(lang, "try_none"))
    opened = lab.studies.open(study)
    if not lab.studies.kept(opened):
        raise UserError(t(lang, "try_none_yet" if lab.queue.status(study)["status"] in OPEN else "try_none_kept"))
    cards = [_card(opened, spec, scores, lang) for spec, scores in predictions(lab, opened, text, text_b)]
    return _unread(lab, opened, text, lang) + f"<div class='tl-answers' role='status'>{''.join(cards)}</div>"


def _card(opened: Opened, spec: RunSpec, scores: np.ndarray, lang: str) -> str:
    problem, strategy = opened.plan.study.problem, strategies()[spec.arm.strategy]
    given = {problem.label_index[x] for x in task_of(problem).names(problem, task_of(problem).decide(scores[None]))[0]}
    order = np.argsort(-scores, kind="stable")[: max(LABELS_SHOWN, len(given))]
    rows = "".join(_label_bar(problem, int(i), float(scores[i]), given=int(i) in given) for i in order)
    about = f"{strategy_title(strategy, lang)} · {shots_text(spec.shots, lang)}" + (f" · {spec.arm.model.name}" if spec.arm.model else "")
    cut = f"<p class='tl-fine'>{escaped(t(lang, 'try_cut'))}</p>" if problem.target == "many labels" else ""
    return f"<section class='tl-card'><h4>{escaped(spec.arm.id)}</h4><p class='tl-fine'>{escaped(about)}</p><table class='tl-balance'><tbody>{rows}</tbody></table>{cut}</section>"


def _label_bar(problem: Problem, i: int, share: float, *, given: bool) -> str:
    share = share if np.isfinite(share) else 0.0
    mark = " class='tl-first'" if given else ""
    return (
        f"<tr{mark}><th scope='row'>{escaped(problem.labels[i].name)}</th><td class='tl-wide'><div class='tl-bar' aria-hidden='true'><i style='width:{100 * share:.1f}%'></i></div></td>"
        f"<td class='tl-num'>{percent(share, 0)}</td></tr>"
    )


def _unread(lab: Lab, opened: Opened, text: str, lang: str) -> str:
    """The sentence for each model of the study that cannot read this text."""
    models: list[Any] = sorted({spec.arm.model.name for spec in lab.studies.kept(opened) if spec.arm.model})
    reports = [r for name in models for r in lab.queue.ask("token_reports", models=[name], texts=[text], hub=False)]
    return notice_html("\n".join(r.sentence for r in reports if not r.readable), kind="note")


TAB = Tab()
