"""Which words mattered: what two arms of the open study answer, and how that changes without each word."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np

from tl_core.errors import UserError
from tl_core.report.inside_texts import words_changed
from tl_core.tasks import task_of
from tl_core.types import Problem, RunSpec
from tl_core.views.occlusion import WAYS, Occluded, Piece
from tl_ui.kept import occluded, open_study, predictions, sent_away, some_rows
from tl_ui.lab import Lab
from tl_ui.links import link_html, linked
from tl_ui.pieces import clip, escaped, label_name, percent, row_text
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.press import examples_html, pressable, pressed
from tl_ui.readers import notes_html
from tl_ui.studies import Opened
from tl_ui.views import Choose
from tl_ui.waiting import Wait, following, wait
from tl_ui.words import t, word

DISAGREED = 3  # examples on which the two arms differ; after them come some of every label
EXAMPLES = 6
MOST_HEAT = 50  # percent of the full colour: text must be read on it
LEAST_SCALE = 0.02  # a change of 2 points has no full colour, however small the others are


@dataclasses.dataclass(frozen=True)
class WordsThatMattered:
    """The view."""

    id: str = "mattered"
    order: int = 60
    title: str = "mattered_title"
    about: str = "mattered_about"

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="mattered-notice")
        with gr.Row(elem_classes="tl-look"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                text = gr.Textbox(label=word("look_text"), lines=2, max_lines=8, elem_id="mattered-text")
                text_b = gr.Textbox(label=word("tokens_text_b"), lines=1, max_lines=8, visible=False, elem_id="mattered-text-b")
                ask = gr.Button(word("mattered_ask"), variant="primary", elem_id="mattered-ask")
                examples = pressable(elem_id="mattered-examples")
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                waiting = wait("mattered")
                out = gr.HTML(elem_id="mattered-out")
                chart = plotly_view(label="", elem_id="mattered-chart", elem_classes="tl-card tl-drawn")
                link = gr.HTML(elem_id="mattered-link")
            with gr.Column(min_width=280, elem_classes="tl-card tl-more"):
                with gr.Row():
                    arm = gr.Dropdown([], label=word("arm"), min_width=140, interactive=True, elem_id="mattered-arm")
                    beside = gr.Dropdown([], label=word("look_beside"), min_width=140, interactive=True, elem_id="mattered-beside")
                label = gr.Dropdown([], label=word("mattered_label"), info=word("mattered_label_info"), interactive=True, elem_id="mattered-label")
                way = gr.Radio([(word("mattered_remove"), "remove"), (word("mattered_mask"), "mask")], value="remove", label=word("mattered_way"), elem_id="mattered-way")
        _wire(lab, choose, Form(text, text_b, ask, examples, waiting, out, chart, link, arm, beside, label, way, gr.State(()), gr.State(None)), notice)


@dataclasses.dataclass(frozen=True)
class Form:
    text: gr.Textbox
    text_b: gr.Textbox
    ask: gr.Button
    examples: gr.HTML
    wait: Wait
    out: gr.HTML
    chart: gr.HTML
    link: gr.HTML
    arm: gr.Dropdown
    beside: gr.Dropdown
    label: gr.Dropdown
    way: gr.Radio
    rows: gr.State  # places of the test rows that are the examples
    asked: gr.State  # Asked, whose answer is on show; None before the first

    @property
    def named(self) -> dict[str, Any]:
        """What a link holds."""
        return {"text": self.text, "text_b": self.text_b, "arm": self.arm, "beside": self.beside, "label": self.label, "way": self.way}


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was asked, by its name in a link, and what was answered."""

    study: str
    given: Mapping[str, str]
    answers: tuple[tuple[str, str, float], ...]  # (arm, its answer as label ids, probability of the likeliest label)
    found: tuple[Occluded, ...]  # of the two arms


def _wire(lab: Lab, choose: Choose, form: Form, notice: gr.HTML) -> None:
    def prepare(values: dict, request: gr.Request) -> dict:
        """The form for the open study; a link may say what is chosen."""
        return _prepared(lab, form, values, said(values, request))

    def said(values: dict, request: gr.Request) -> dict:
        """What the address says, until something was asked."""
        return linked(request, VIEW.id, form.named) if values[form.asked] is None else {}

    def first(values: dict, request: gr.Request) -> Iterator[dict]:
        given = said(values, request)
        opened = open_study(lab, values[lab.study_id])
        if opened is None or not (given or values[choose.view] == VIEW.id) or (values[form.asked] and values[form.asked].study == opened.name):
            return
        ready = _prepared(lab, form, values, given)
        arm, beside = _two_arms(lab, opened, values[form.arm], values[form.beside])
        row = opened.plan.study.split.test[ready[form.rows][0]]
        texts = {component: given.get(component, text) for component, text in zip((form.text, form.text_b), (row.text, row.text_b), strict=True)}
        second = gr.Textbox(texts[form.text_b], visible=opened.plan.study.problem.inputs == "two texts")
        yield {**ready, form.text: texts[form.text], form.text_b: second, form.out: "", form.chart: "", form.link: ""}
        yield from _answered(lab, form, {**values, form.label: "", form.arm: arm, form.beside: beside, **given, **texts}, opened)

    def ask(values: dict) -> Iterator[dict]:
        yield from _answered(lab, form, values, _opened(lab, values))

    def take_example(values: dict, event: gr.EventData) -> Iterator[dict]:
        what, numbers = pressed(event)
        if what == "example" and len(numbers) == 1 and numbers[0] < len(values[form.rows]):
            opened = _opened(lab, values)
            row = opened.plan.study.split.test[values[form.rows][numbers[0]]]
            texts = {form.text: row.text, form.text_b: row.text_b}
            yield texts
            yield from _answered(lab, form, {**values, **texts}, opened)

    def redraw(values: dict) -> dict:
        asked = values[form.asked]
        return _drawn(lab, form, asked, values[lab.lang]) if asked and asked.study == values[lab.study_id] else {}

    fields = list(form.named.values())
    inputs = [*fields, form.rows, form.asked, lab.study_id, lab.turns]
    drawn = [form.out, form.chart, form.link]
    prepared = [form.text_b, form.arm, form.beside, form.label, form.way, form.examples, form.rows, *drawn]
    outputs = [form.text, *prepared, form.wait.status, form.asked]
    quick = {"show_progress": "minimal", "show_progress_on": form.out}
    lab.draw_on(("arrived", "settled", "lang"), prepare, inputs, prepared)
    again = [form.ask.click, form.text.submit, form.text_b.submit, form.arm.input, form.beside.input, form.label.input, form.way.input]
    asking = [
        lab.on([*choose.events, lab.linked.change], first, [choose.view, *inputs], outputs, notice, **quick),
        lab.on(again, ask, inputs, outputs, notice, **quick),
        lab.on(form.examples.select, take_example, inputs, outputs, notice, **quick),
    ]
    form.wait.ends(lab, asking)
    lab.draw_on(("lang",), redraw, [form.asked, lab.study_id], drawn)


# --- asking --------------------------------------------------------------------------------------------


def _opened(lab: Lab, values: dict) -> Opened:
    """The open study.

    Raises:
        UserError: none is open.
    """
    opened = open_study(lab, values[lab.study_id])
    if opened is None:
        raise UserError("Run a comparison first; then its arms answer here.")
    return opened


def _two_arms(lab: Lab, opened: Opened, arm: str | None, beside: str | None) -> tuple[str, str]:
    """Those that are chosen; in place of one that is not there, the kept arms that answer best."""
    ahead = {cell.arm: cell.accuracy.value for cell in sorted(opened.comparison.cells, key=lambda cell: cell.accuracy.value)}
    kept = sorted((spec.arm.id for spec in lab.studies.kept(opened)), key=lambda name: -ahead.get(name, 0))
    one = arm if arm in kept else kept[0]
    others = [name for name in kept if name != one]
    return one, beside if beside in others else others[0] if others and beside != "" else ""


def _answered(lab: Lab, form: Form, values: dict, opened: Opened) -> Iterator[dict]:
    """First what every arm answers, then, arm by arm, which words that hangs on.

    The fields are left alone: who goes on writing meanwhile keeps what they wrote.
    """
    lang, problem, check = values[lab.lang], opened.plan.study.problem, values[lab.turns].take(VIEW.id)
    given = {name: values[component] or "" for name, component in form.named.items()}
    text, text_b = given["text"], given["text_b"] or None
    said = tuple(_answer(problem, spec, scores) for spec, scores in predictions(lab, opened, text, text_b))
    check()
    asked = Asked(opened.name, given, said, ())
    yield {form.asked: asked, **_drawn(lab, form, asked, lang)}

    def looked() -> Generator[str, None, tuple[Occluded, ...]]:
        found = []
        for arm in filter(None, dict.fromkeys([given["arm"], given["beside"]])):
            label = given["label"] or (found[0].label if found else "")  # both are asked about the same one
            found.append((yield from following(arm, occluded(lab, opened, arm, text, text_b, label=label, way=given["way"]), lang)))
        return tuple(found)

    asked = dataclasses.replace(asked, found=(yield from form.wait.through(looked(), check)))
    yield {form.asked: asked, **_drawn(lab, form, asked, lang)}


def _answer(problem: Problem, spec: RunSpec, scores: np.ndarray) -> tuple[str, str, float]:
    task = task_of(problem)
    ids = task.names(problem, task.decide(scores[None]))[0]
    return spec.arm.id, label_name(problem, ids) or "–", float(scores.max())


# --- drawing -------------------------------------------------------------------------------------------


def _prepared(lab: Lab, form: Form, values: dict, given: Mapping[Any, str]) -> dict:
    """Arms, labels and examples of the open study, or the sentence that there is none."""
    lang, opened = values[lab.lang], open_study(lab, values[lab.study_id])
    if opened is None:
        empty = gr.Dropdown(choices=[], value=None)
        about = f"<section class='tl-card tl-empty'><h3>{escaped(t(lang, 'try_none_head'))}</h3><p>{escaped(t(lang, 'mattered_none'))}</p></section>"
        return {form.arm: empty, form.beside: empty, form.label: empty, form.examples: "", form.rows: (), form.out: about, form.chart: "", form.link: ""}
    problem, names = opened.plan.study.problem, [spec.arm.id for spec in lab.studies.kept(opened)]
    arm, beside = _two_arms(lab, opened, given.get(form.arm, values[form.arm]), given.get(form.beside, values[form.beside]))
    labels = [(t(lang, "mattered_answered"), ""), *((label.name, label.id) for label in problem.labels)]
    label, way = (given.get(component, values[component]) or "" for component in (form.label, form.way))
    rows = _examples(opened, arm, beside)
    changed = {
        form.text_b: gr.Textbox(visible=problem.inputs == "two texts"), form.arm: gr.Dropdown(choices=names, value=arm),
        form.beside: gr.Dropdown(choices=[(t(lang, "none"), ""), *names], value=beside),
        form.label: gr.Dropdown(choices=labels, value=label if label in problem.label_index else ""), form.rows: rows,
        form.way: way if way in WAYS else WAYS[0],
        form.examples: examples_html([clip(row_text(opened.plan.study.split.test[i]), 90) for i in rows], lang),
    }  # fmt: skip
    stale = values[form.asked] is not None and values[form.asked].study != opened.name
    return {**changed, form.out: "", form.chart: "", form.link: ""} if stale else changed


def _examples(opened: Opened, arm: str, beside: str) -> tuple[int, ...]:
    """Places of test rows: some on which the two arms differ, then some of every label."""
    runs = [next((s for s in opened.plan.specs if s.id in opened.plan.keep and s.arm.id == name and opened.is_done(s.id)), None) for name in (arm, beside)]
    differ: Sequence[int] = ()
    if all(runs):
        decided = [task_of(opened.plan.study.problem).decide(opened.results[run.id].scores) for run in runs]
        differ = np.flatnonzero((decided[0] != decided[1]).reshape(len(decided[0]), -1).any(axis=1)).tolist()
    return tuple(dict.fromkeys([*differ[:DISAGREED], *some_rows(opened)]))[:EXAMPLES]


def _drawn(lab: Lab, form: Form, asked: Asked, lang: str) -> dict:
    """Everything that is shown."""
    opened = lab.studies.open(asked.study)
    problem = opened.plan.study.problem
    away = sent_away(opened)
    notes = notes_html([t(lang, "mattered_away", arms=", ".join(away))] if away else [])
    chart = ""
    if asked.found:
        figure = words_changed([(one.arm, one) for one in asked.found], language=lang)
        chart = drawing(figure, t(lang, "mattered_chart", label=label_name(problem, [asked.found[0].label])), picture=("words-that-mattered", t(lang, "picture")))
    scale = max([LEAST_SCALE, *(abs(piece.change) for one in asked.found for piece in one.pieces)])
    cards = "".join(_card(problem, one, scale, lang) for one in asked.found)
    return {
        form.out: f"{_answers_html(asked, lang)}{notes}<div class='tl-sides' role='status'>{cards}</div>", form.chart: chart,
        form.link: link_html(VIEW.id, asked.given, lang, study=asked.study),
    }  # fmt: skip


def _answers_html(asked: Asked, lang: str) -> str:
    """What every kept arm answers."""
    rows = "".join(
        f"<tr><th scope='row'>{escaped(arm)}</th><td>{escaped(answer)}</td><td class='tl-wide'><div class='tl-bar' aria-hidden='true'>"
        f"<i style='width:{100 * share:.1f}%'></i></div></td><td class='tl-num'>{escaped(percent(share, 0))}</td></tr>"
        for arm, answer, share in asked.answers
    )
    head = f"<caption>{escaped(t(lang, 'mattered_answers'))}</caption>"
    return f"<section class='tl-card'><table class='tl-balance tl-answers-of'>{head}<tbody>{rows}</tbody></table></section>"


def _card(problem: Problem, found: Occluded, scale: float, lang: str) -> str:
    likeliest = max(found.scores, key=found.scores.__getitem__)
    about = t(lang, "mattered_said", label=label_name(problem, [found.label]), share=percent(found.probability))
    other = "" if likeliest == found.label else f" {t(lang, 'mattered_other', label=label_name(problem, [likeliest]), share=percent(found.scores[likeliest]))}"
    chips = [_chip(piece, scale, likeliest, problem, lang) for piece in found.pieces]
    between = next((i for i, piece in enumerate(found.pieces) if piece.side == 1), None)
    if between is not None:
        chips.insert(between, "<span class='tl-fine'>∥</span>")
    return f"<section class='tl-card'><h4>{escaped(found.arm)}</h4><p class='tl-fine'>{escaped(about + other)}</p><p class='tl-tokens'>{''.join(chips)}</p><p class='tl-fine'>{escaped(t(lang, 'mattered_legend'))}</p>{notes_html(found.notes)}</section>"


def _chip(piece: Piece, scale: float, likeliest: str, problem: Problem, lang: str) -> str:
    """A word with the points it gives or takes; told apart by sign and border as well as by colour."""
    points = f"{100 * piece.change:+.0f}".replace("-", "−")
    shown = "0" if points in ("+0", "−0") else points
    about = t(lang, "mattered_without", word=piece.text, share=percent(piece.probability))
    if piece.answer in problem.label_index and piece.answer != likeliest:
        shown += " ⇄"
        about += " " + t(lang, "mattered_flips", label=label_name(problem, [piece.answer]))
    heat = MOST_HEAT * min(1.0, abs(piece.change) / scale)
    side = "for" if piece.change > 0 else "against"
    return f"<span class='tl-token tl-{side}' style='--heat:{heat:.0f}%' title='{escaped(about)}'>{escaped(piece.text)}<small>{shown}</small></span>"


VIEW = WordsThatMattered()
