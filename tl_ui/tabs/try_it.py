"""A text of the visitor's own: what every kept arm says about it, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np

from tl_core.api.amounts import percent
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Problem, RunSpec
from tl_core.report.marked import answer_html, marked_html
from tl_core.running.study_records import OPEN
from tl_core.tasks import task_of
from tl_core.words.verdict import method_name
from tl_ui.components.checkpoints import open_study, predictions, some_rows
from tl_ui.components.html import clip, escaped, row_text, shots_text
from tl_ui.components.service import Service
from tl_ui.errors import notice_html, on_page
from tl_ui.lab import Lab
from tl_ui.state.studies import Opened
from tl_ui.words import t, word

LABELS_SHOWN = 8
Answer = tuple[RunSpec, np.ndarray]  # and the (C,) probabilities of a text
# Asks as somebody writes, once they rest for a moment; where no arm can answer, nothing is asked.
_AS_ONE_WRITES = """
let resting = 0;
document.addEventListener('input', event => {
  if (!event.target.closest?.('#try-text, #try-text-b')) return;
  clearTimeout(resting);
  resting = setTimeout(() => {
    const ask = document.getElementById('try-ask');
    const able = document.getElementById('try-take')?.offsetParent;
    const written = document.querySelector('#try-text textarea, #try-text input')?.value.trim();
    if (ask && able && written) ask.click();
  }, 500);
});
"""
# The part of the answer that gives out a trained arm. What is in a tab that was never shown is made
# when it is: so the rail is waited for.
_TO_TAKE_HOME = """
() => {
  document.querySelector('[data-tab=results]').click();
  const go = tries => {
    const section = document.getElementById('section-take-home');
    if (!section && tries > 0) return void setTimeout(() => go(tries - 1), 100);
    dispatchEvent(new CustomEvent('tl-part', {detail: {id: 'section-take-home'}}));
    section?.scrollIntoView({block: 'start'});
  };
  go(100);
}
"""


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
                text = gr.Textbox(
                    label=word("try_text"),
                    lines=1,
                    max_lines=8,
                    elem_id="try-text",
                    submit_btn=False,
                )
                text_b = gr.Textbox(
                    label=word("try_text_b"),
                    lines=1,
                    max_lines=8,
                    visible=False,
                    elem_id="try-text-b",
                )
                ask = gr.Button(word("try_ask"), variant="primary", elem_id="try-ask")
                gr.Markdown(word("try_examples"), elem_classes="tl-fine")
                examples = gr.Radio(
                    [],
                    show_label=False,
                    container=False,
                    elem_id="try-examples",
                    elem_classes="tl-stack tl-examples",
                )
            with gr.Column(scale=3, min_width=320):
                answers = gr.HTML(elem_id="try-answers", js_on_load=_AS_ONE_WRITES)
                with gr.Row(elem_classes="tl-actions"):
                    take = gr.Button(
                        word("try_take"),
                        size="sm",
                        visible=False,
                        elem_id="try-take",
                        min_width=220,
                    )
        Asking(lab, text, text_b, ask, examples, answers, take).wire(notice)
        take.click(None, None, None, js=_TO_TAKE_HOME, api_visibility="private")
        if not lab.profile.public:  # strangers ask nothing of the machine that the page runs on
            Service(lab, text, text_b).wire()


class Asking:
    """The form and its answers, on one page: components are attributes, handlers are methods."""

    def __init__(
        self,
        lab: Lab,
        text: gr.Textbox,
        text_b: gr.Textbox,
        ask: gr.Button,
        examples: gr.Radio,
        answers: gr.HTML,
        take_home: gr.Button,
    ):
        self.lab, self.text, self.text_b, self.ask = lab, text, text_b, ask
        self.examples, self.answers, self.take_home = examples, answers, take_home
        # the texts whose answers are on show, so that a switch of language asks again
        self.asked = gr.State(None)

    def wire(self, notice: gr.HTML) -> None:
        """Wire every event."""
        lab, texts = self.lab, [self.text, self.text_b]
        quick: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": self.answers}
        lab.on(
            [self.ask.click, self.text.submit, self.text_b.submit],
            self.predict,
            [lab.study_id, *texts],
            [self.answers, self.asked],
            notice,
            trigger_mode="always_last",
            **quick,
        )
        lab.on(
            self.examples.input,
            self.take,
            [lab.study_id, lab.status, self.examples],
            [*texts, self.answers, self.asked],
            notice,
            **quick,
        )
        lab.on(lab.study_id.change, self.renew, outputs=[self.asked, self.examples])
        lab.on(
            [lab.arrived.change, lab.settled.change, lab.spoken.change],
            self.prepare,
            [lab.study_id, lab.status, self.asked],
            [self.answers, self.text_b, self.examples, self.take_home],
            notice,
            trigger_mode="always_last",
        )

    def predict(self, values: dict) -> dict:
        """Answers to what is written."""
        return self._asked(values, values[self.text], values[self.text_b])

    def take(self, values: dict) -> dict:
        """Answers to a test row."""
        if values[self.examples] is None:
            return {}
        study = self.lab.studies.open(values[self.lab.study_id]).plan.study
        example = study.split.test[int(values[self.examples])]
        return {
            self.text: example.text,
            self.text_b: example.text_b or "",
            **self._asked(values, example.text, example.text_b),
        }

    def _asked(self, values: dict, text: str, text_b: str | None) -> dict:
        lab = self.lab
        shown = answers_html(lab, values[lab.study_id], text, text_b, values[lab.lang])
        return {self.asked: [text, text_b], self.answers: shown}

    def prepare(self, values: dict) -> dict:
        """The form for the open study's kind of texts."""
        lab = self.lab
        opened = open_study(lab, values[lab.study_id])
        if opened is None:
            return {
                self.answers: _nothing(lab, values),
                self.examples: gr.Radio(choices=[]),
                self.take_home: gr.Button(visible=False),
            }
        problem = opened.plan.study.problem
        pair, asks = problem.inputs == "two texts", task_of(problem).alternatives
        again = {self.answers: _hint(values[lab.lang])}
        if values[self.asked]:
            first, second = values[self.asked]
            again = {self.answers: answers_html(lab, opened.name, first, second, values[lab.lang])}
        return {
            self.take_home: gr.Button(visible=True),
            self.text_b: gr.Textbox(visible=pair),
            self.examples: gr.Radio(
                choices=[
                    (clip((asks and row.text_b) or row_text(row), 140), str(i))
                    for i, row in some_rows(opened).items()
                ]
            ),
            **again,
        }

    def renew(self, _values: dict) -> dict:
        """Another study: nothing of it was asked."""
        return {self.asked: None, self.examples: gr.Radio(value=None)}


def _nothing(lab: Lab, values: dict) -> str:
    """Return why no arm can predict here, and what to do."""
    lang, status = values[lab.lang], values[lab.status] or {}
    why = (
        "try_none"
        if not values[lab.study_id]
        else "try_none_yet"
        if status.get("status") in OPEN
        else "try_none_kept"
    )
    return (
        "<section class='tl-card"
        f" tl-empty'><h3>{escaped(t(lang, 'try_none_head'))}</h3><p>{escaped(t(lang, why))}</p>"
        "</section>"
    )


def _hint(lang: str) -> str:
    return f"<section class='tl-card tl-empty'><p>{escaped(t(lang, 'try_hint'))}</p></section>"


def answers_html(lab: Lab, study: str, text: str, text_b: str | None, lang: str) -> str:
    """Every arm's probabilities as bars."""
    if not study:
        raise UserError(t(lang, "try_none"))
    opened = lab.studies.open(study)
    if not lab.studies.kept(opened):
        raise UserError(
            t(
                lang,
                "try_none_yet" if lab.queue.status(study)["status"] in OPEN else "try_none_kept",
            )
        )
    advised = advised_of(opened)
    cards = [
        _card(opened, spec, (text, text_b), scores, lang, advised=spec.arm.id == advised)
        for spec, scores in in_order(opened, predictions(lab, opened, text, text_b))
    ]
    return (
        _unread(lab, opened, text, lang)
        + f"<div class='tl-answers' role='status'>{''.join(cards)}</div>"
    )


def advised_of(opened: Opened) -> str:
    """The arm that the study advises; "" while it advises none."""
    decision = opened.decision
    return decision.advice.found.choice if decision and decision.advice else ""


def in_order(opened: Opened, answers: Sequence[Answer]) -> list[Answer]:
    """The advised arm first, the others as the leaderboard has them."""
    advised, comparison = advised_of(opened), opened.comparison
    ranked = [cell.arm for cell in comparison.cells] if comparison else []

    def place(answer: Answer) -> tuple[bool, int]:
        arm = answer[0].arm.id
        return arm != advised, ranked.index(arm) if arm in ranked else len(ranked)

    return sorted(answers, key=place)


def _card(
    opened: Opened,
    spec: RunSpec,
    texts: tuple[str, str | None],
    scores: np.ndarray,
    lang: str,
    *,
    advised: bool = False,
) -> str:
    problem = opened.plan.study.problem
    task = task_of(problem)
    marked = ""
    if task.writes:
        written = str(task.decide(scores[None])[0])
        said = escaped(written) if written else f"<i>{escaped(t(lang, 'try_nothing'))}</i>"
        said = f"<p class='tl-written' dir='auto'>{said}</p>"
        return _answer_card(spec, problem, lang, said, "", "", advised=advised)
    if task.by_word:
        example = Example(1, *texts)
        decided = task.decide(scores[None])
        spans = task.spans(example, problem, decided[0])
        if task.alternatives:
            said = answer_html(example.text, spans, t(lang, "no_answer"))
            marked = f"<p class='tl-marked' dir='auto'>{said}</p>"
            sure = percent(float(task.chance_of(decided, scores[None])[0]), 0)
            more = f"<p class='tl-fine'>{escaped(t(lang, 'try_sure', share=sure))}</p>"
            return _answer_card(spec, problem, lang, marked, "", more, advised=advised)
        said = marked_html(example.text, spans, problem)
        marked = f"<p class='tl-marked' dir='auto'>{said}</p>"
        scores = task.label_chances(scores[None], len(problem.labels))[0]
        names = {label for _, _, label in spans}
        order = np.argsort(-scores, kind="stable")
        rows = "".join(
            _label_bar(problem, int(i), float(scores[i]), given=problem.label_ids[i] in names)
            for i in order[:LABELS_SHOWN]
        )
        return _answer_card(spec, problem, lang, marked, rows, "", advised=advised)
    given = {
        problem.label_index[x]
        for x in task_of(problem).names(problem, task_of(problem).decide(scores[None]))[0]
    }
    mean = task_of(problem).expected(problem, scores[None])
    order = (
        np.argsort(-scores, kind="stable")[: max(LABELS_SHOWN, len(given))]
        if mean is None
        else np.arange(len(scores))
    )
    rows = "".join(
        _label_bar(problem, int(i), float(scores[i]), given=int(i) in given) for i in order
    )
    cut = f"<p class='tl-fine'>{escaped(t(lang, 'try_cut'))}</p>" if task_of(problem).cuts else ""
    if mean is not None and np.isfinite(mean[0]):
        cut = f"<p class='tl-fine'>{escaped(t(lang, 'try_rating', mean=f'{mean[0]:.2f}'))}</p>"
    return _answer_card(spec, problem, lang, "", rows, cut, advised=advised)


def _answer_card(
    spec: RunSpec, problem: Problem, lang: str, marked: str, rows: str, more: str, *, advised: bool
) -> str:
    """What one arm says: its name, the text with its spans, a bar for each label."""
    name = method_name(spec.arm.id, spec.arm.strategy, lang, problem)
    about = shots_text(spec.shots, lang, task_of(problem).shots_per) + (
        f" · {spec.arm.model.name}" if spec.arm.model else ""
    )
    mark = f" <small class='tl-advised'>{escaped(t(lang, 'try_advised'))}</small>"
    table = f"<table class='tl-balance'><tbody>{rows}</tbody></table>" if rows else ""
    return (
        f"<section class='tl-card'><h3>{escaped(name)}{mark if advised else ''}</h3><p"
        f" class='tl-fine'>{escaped(about)}</p>{marked}{table}{more}</section>"
    )


def _label_bar(problem: Problem, i: int, share: float, *, given: bool) -> str:
    share = share if np.isfinite(share) else 0.0
    mark = " class='tl-given'" if given else ""
    return (
        f"<tr{mark}><th scope='row'>{escaped(problem.labels[i].name)}</th><td class='tl-wide'><div"
        f" class='tl-bar' aria-hidden='true'><i style='width:{100 * share:.1f}%'></i></div></td><td"
        f" class='tl-num'>{percent(share, 0)}</td></tr>"
    )


def _unread(lab: Lab, opened: Opened, text: str, lang: str) -> str:
    """The sentence for each model of the study that cannot read this text."""
    models: list[Any] = sorted(
        {spec.arm.model.name for spec in lab.studies.kept(opened) if spec.arm.model}
    )
    reports = [
        r
        for name in models
        for r in lab.queue.ask("token_reports", models=[name], texts=[text], hub=False)
    ]
    return notice_html(
        "\n".join(on_page(r.sentence, lang) for r in reports if not r.readable), kind="note"
    )


TAB = Tab()
