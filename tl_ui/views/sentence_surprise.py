"""Sentence surprise: how likely every token of a text was, and the text as a whole."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import gradio as gr

from tl_core.views.surprise import Seen, Surprise
from tl_ui.lab import Lab
from tl_ui.links import link_of, linked
from tl_ui.pieces import escaped, table_html
from tl_ui.press import examples_html, pressable, pressed_example
from tl_ui.readers import Choice, choice, family, notes_html, side_by_side, sides, surprised
from tl_ui.views import Choose
from tl_ui.waiting import Wait, ask_slowly, wait
from tl_ui.words import t, word

FIRST_TEXT = "The cat sat on the mat."
EXAMPLES = (FIRST_TEXT, "The mat sat on the cat.", "The dog barked at the postman.", "She drank a cup of hot gravel.", "Time flies like an arrow; fruit flies like a banana.")
SHADES = (1.0, 0.1, 0.01, 0.001, 0.0001)  # probabilities of the legend; the last and anything below has the full colour


@dataclasses.dataclass(frozen=True)
class SentenceSurprise:
    """The view."""

    id: str = "surprise"
    order: int = 20
    title: str = "surprise_title"
    about: str = "surprise_about"

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="surprise-notice")
        with gr.Row(elem_classes="tl-look"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                text = gr.Textbox(FIRST_TEXT, label=word("look_text"), lines=1, max_lines=8, elem_id="surprise-text")
                ask = gr.Button(word("surprise_ask"), variant="primary", elem_id="surprise-ask")
                examples = lab.in_language(pressable(value=examples_html(EXAMPLES, "en"), elem_id="surprise-examples"), lambda lang: examples_html(EXAMPLES, lang))
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                waiting = wait("surprise")
                out = gr.HTML(elem_id="surprise-out")
                link = gr.HTML(elem_id="surprise-link")
            with gr.Column(min_width=280, elem_classes="tl-card tl-more"):
                models = choice(lab, "surprise")
        _wire(lab, choose, Form(text, ask, examples, models, waiting, out, link, gr.State(None)), notice)


@dataclasses.dataclass(frozen=True)
class Form:
    text: gr.Textbox
    ask: gr.Button
    examples: gr.HTML
    models: Choice
    wait: Wait
    out: gr.HTML
    link: gr.HTML
    said: gr.State  # what is on show; None before the first

    @property
    def named(self) -> dict[str, Any]:
        """What a link holds."""
        return {"text": self.text, "model": self.models.reader, "beside": self.models.beside}


def _wire(lab: Lab, choose: Choose, form: Form, notice: gr.HTML) -> None:
    def first(values: dict) -> Iterator[dict]:
        if values[choose.view] == VIEW.id and values[form.said] is None:
            yield from ask(values)

    def from_link(values: dict, request: gr.Request) -> Iterator[dict]:
        given = linked(request, VIEW.id, form.named)
        if given:
            yield given
            yield from ask({**values, **given})

    def ask(values: dict) -> Iterator[dict]:
        yield from _asked(lab, form, values, values[form.text] or "")

    def take_example(values: dict, event: gr.EventData) -> Iterator[dict]:
        text = pressed_example(event, EXAMPLES)
        if text is not None:
            yield {form.text: text}
            yield from _asked(lab, form, {**values, form.text: text}, text)

    def redraw(values: dict) -> dict:
        return {form.out: out_html(values[form.said], values[lab.lang]), form.link: _link(lab, form, values)} if values[form.said] else {}

    inputs = [form.text, *form.models.asked, form.said, lab.study_id, lab.turns]
    outputs = [*form.named.values(), form.wait.status, form.out, form.link, form.said]
    quick = {"show_progress": "minimal", "show_progress_on": form.out}
    asking = [
        lab.on(choose.events, first, [choose.view, *inputs], outputs, notice, **quick),
        lab.on(lab.linked.change, from_link, inputs, outputs, notice),
        lab.on([form.ask.click, form.text.submit, form.models.reader.input, form.models.beside.input], ask, inputs, outputs, notice, **quick),
        lab.on(form.examples.select, take_example, inputs, outputs, notice, **quick),
    ]
    form.wait.ends(lab, asking)
    lab.draw_on(("lang",), redraw, [form.said, *form.named.values(), lab.study_id], [form.out, form.link])


def _asked(lab: Lab, form: Form, values: dict, text: str) -> Iterator[dict]:
    """Ask one after the other; who takes long shows how far it is."""
    lang, check = values[lab.lang], values[lab.turns].take(VIEW.id)
    said = yield from form.wait.through(ask_slowly(sides(lab, form.models, values), lambda side: surprised(lab, side.reader, text), lang), check)
    yield {form.said: said, form.out: out_html(said, lang), form.link: _link(lab, form, values)}


def _link(lab: Lab, form: Form, values: dict) -> str:
    return link_of(VIEW.id, form.named, values, values[lab.lang], study=values[lab.study_id])


# --- drawing -------------------------------------------------------------------------------------------


def out_html(said: Any, lang: str) -> str:
    """The legend, and every model's tokens."""
    return _legend_html(lang) + side_by_side(said, lambda _, answer: _answer_html(answer, lang), lambda a: family(a.family, lang))


def _legend_html(lang: str) -> str:
    steps = "".join(f"<span class='tl-shade' style='--heat:{_heat(math.log(p))}%'>{100 * p:g} %{'' if p > SHADES[-1] else ' ↓'}</span>" for p in SHADES)
    return f"<div class='tl-legend'><span class='tl-fine'>{escaped(t(lang, 'surprise_legend'))}</span><span class='tl-scale'>{steps}</span></div>"


def _answer_html(answer: Surprise, lang: str) -> str:
    one_way = answer.family == "causal"
    figure = f"{answer.perplexity:,.1f}" if answer.perplexity < 100 else f"{answer.perplexity:,.0f}"
    named = t(lang, "perplexity" if one_way else "pseudo_perplexity")
    meaning = t(lang, "perplexity_means", n=f"{answer.perplexity:,.0f}" if answer.perplexity >= 1.5 else "1")
    return (
        f"<p class='tl-figure'><b>{escaped(figure)}</b> {escaped(named)}</p><p class='tl-fine'>{escaped(meaning)}</p>"
        f"<p class='tl-tokens'>{_chips_html(answer.tokens, lang)}</p>{notes_html(answer.notes)}{_table_html(answer.tokens, lang)}"
    )


def _chips_html(tokens: tuple[Seen, ...], lang: str) -> str:
    """Tokens with nothing between them stand together and break the line together where they can."""
    groups, end = [], None
    for token in tokens:
        if token.start != end:
            groups.append("")
        groups[-1] += _chip(token, lang)
        end = token.end
    return "".join(f"<span class='tl-joined'>{group}</span>" for group in groups)


def _chip(token: Seen, lang: str) -> str:
    number, mark = _probability(token.log_probability), " tl-unknown" if token.unknown else ""
    told = t(lang, "surprise_token", token=token.token, share=number, nats=_nats(token.log_probability))
    heat = _heat(token.log_probability)
    return f"<span class='tl-token{mark}' style='--heat:{heat}%' title='{escaped(told)}'>{escaped(token.text or token.token)}<small>{escaped(number)}</small></span>"


def _table_html(tokens: tuple[Seen, ...], lang: str) -> str:
    """The same for those who cannot see colours."""
    rows = [(escaped(s.text or s.token), escaped(s.token), escaped(_probability(s.log_probability)), escaped(_nats(s.log_probability))) for s in tokens]
    head = [t(lang, "head_text"), t(lang, "token"), t(lang, "probability"), t(lang, "surprise_nats")]
    return f"<details><summary>{escaped(t(lang, 'surprise_table'))}</summary>{table_html(t(lang, 'surprise_table'), head, rows)}</details>"


def _heat(log_probability: float | None) -> int:
    """Percent of the full colour."""
    return 0 if log_probability is None else round(100 * min(1.0, log_probability / math.log(SHADES[-1])))


def _nats(log_probability: float | None) -> str:
    return "–" if log_probability is None else f"{max(0.0, -log_probability):.2f}"


def _probability(log_probability: float | None) -> str:
    if log_probability is None:
        return "–"
    share = 100 * math.exp(log_probability)
    return f"{share:.0f} %" if share >= 9.5 else f"{share:.1f} %" if share >= 0.095 else f"{share:.2f} %" if share >= 0.0095 else "< 0.01 %"


VIEW = SentenceSurprise()
