"""Attention: whom every token of a text looks at, in each head of each layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import gradio as gr
import numpy as np

from tl_core.report.inside_texts import attention_map
from tl_core.views.attention import Attention as Looks
from tl_ui.lab import Lab
from tl_ui.links import link_html, linked
from tl_ui.pieces import escaped, percent
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.press import button, examples_html, pressable, pressed, pressed_example
from tl_ui.readers import FIRST, Choice, Said, ask_each, attended, choice, notes_html, side_by_side, sides, unread_html
from tl_ui.views import Choose
from tl_ui.words import t, word


@dataclasses.dataclass(frozen=True)
class Example:
    """A head that does something a person can see."""

    about: str  # key of what that is
    text: str
    text_b: str
    layer: int
    head: int  # 0 for the mean of all
    token: int


EXAMPLES = (  # heads of the model that comes along
    Example("attention_example_it", "The cat sat on the mat because it was tired.", "", 4, 2, 8),
    Example("attention_example_before", "The cat sat on the mat because it was tired.", "", 1, 3, 8),
    Example("attention_example_pair", "The film was great.", "I liked the movie.", 5, 1, 2),
)
MOST_SIDES = 2
LAYERS, HEADS = 6, 12  # of the sliders until somebody has answered
LISTED = 3  # tokens told of the one that was pressed


@dataclasses.dataclass(frozen=True)
class Attention:
    """The view."""

    id: str = "attention"
    order: int = 50
    title: str = "attention_title"
    about: str = "attention_about"

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="attention-notice")
        first = EXAMPLES[0]
        with gr.Row(elem_classes="tl-look"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                text = gr.Textbox(first.text, label=word("look_text"), lines=1, max_lines=8, elem_id="attention-text")
                text_b = gr.Textbox(label=word("tokens_text_b"), info=word("tokens_text_b_info"), lines=1, max_lines=8, elem_id="attention-text-b")
                ask = gr.Button(word("attention_ask"), variant="primary", elem_id="attention-ask")
                examples = lab.in_language(pressable(value=_examples_html("en"), elem_id="attention-examples"), _examples_html)
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                with gr.Row():
                    layer = gr.Slider(1, LAYERS, value=first.layer, step=1, label=word("look_layer"), min_width=200, elem_id="attention-layer")
                    head = gr.Slider(0, HEADS, value=first.head, step=1, label=word("attention_head"), info=word("attention_head_info"), min_width=200, elem_id="attention-head")
                out = pressable(elem_id="attention-out")
                maps = tuple(plotly_view(label="", elem_id=f"attention-map-{i}", elem_classes="tl-card tl-drawn") for i in range(MOST_SIDES))
                link = gr.HTML(elem_id="attention-link")
            with gr.Column(min_width=280, elem_classes="tl-card tl-more"):
                models = choice(lab, "attention", headed=False)
        _wire(lab, choose, Form(text, text_b, ask, examples, models, layer, head, gr.State(first.token), out, maps, link, gr.State(None)), notice)


@dataclasses.dataclass(frozen=True)
class Form:
    text: gr.Textbox
    text_b: gr.Textbox
    ask: gr.Button
    examples: gr.HTML
    models: Choice
    layer: gr.Slider
    head: gr.Slider
    token: gr.State  # place of the token that was pressed
    out: gr.HTML
    maps: tuple[gr.HTML, ...]
    link: gr.HTML
    asked: gr.State  # Asked, whose answer is on show; None before the first

    @property
    def named(self) -> dict[str, Any]:
        """What a link holds."""
        return {"text": self.text, "text_b": self.text_b, "model": self.models.reader, "beside": self.models.beside, **self.numbers}

    @property
    def numbers(self) -> dict[str, Any]:
        """What is looked at in an answer."""
        return {"layer": self.layer, "head": self.head, "token": self.token}


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was asked, by its name in a link, and what everyone says."""

    given: Mapping[str, str]
    study: str
    unread: str  # HTML
    said: tuple[Said, ...]


def _wire(lab: Lab, choose: Choose, form: Form, notice: gr.HTML) -> None:
    def first(values: dict, request: gr.Request) -> dict:
        given = linked(request, VIEW.id, form.named)
        if values[form.asked] is not None or not (given or values[choose.view] == VIEW.id):
            return {}
        numbers = {component: int(given[component]) for component in form.numbers.values() if given.get(component, "").isdecimal()}
        return _answered(lab, form, values, {**given, **numbers})

    def ask(values: dict) -> dict:
        return _answered(lab, form, values, {})

    def take_example(values: dict, event: gr.EventData) -> dict:
        example = pressed_example(event, EXAMPLES)
        if example is None:
            return {}
        given = {form.text: example.text, form.text_b: example.text_b, form.models.reader: FIRST, form.models.beside: ""}
        return _answered(lab, form, values, {**given, form.layer: example.layer, form.head: example.head, form.token: example.token})

    def look_again(values: dict) -> dict:
        """The same answers at another layer, head or token."""
        return _drawn(form, values[form.asked], _place(form, values), values[lab.lang]) if values[form.asked] else {}

    def press(values: dict, event: gr.EventData) -> dict:
        what, numbers = pressed(event)
        return look_again({**values, form.token: numbers[0]}) if what == "token" and len(numbers) == 1 else {}

    def press_map(values: dict, event: gr.EventData) -> dict:
        row = event._data.get("id")
        return look_again({**values, form.token: row}) if isinstance(row, int) else {}

    inputs = [form.text, form.text_b, *form.models.asked, *form.numbers.values(), form.asked, lab.study_id, lab.turns]
    drawn = [form.layer, form.head, form.token, form.out, *form.maps, form.link]
    outputs = [form.text, form.text_b, *form.models.asked, *drawn, form.asked]
    quick = {"show_progress": "minimal", "show_progress_on": form.out}
    lab.on([*choose.events, lab.linked.change], first, [choose.view, *inputs], outputs, notice, **quick)
    again = [form.ask.click, form.text.submit, form.text_b.submit, form.models.reader.input, form.models.beside.input]
    lab.on(again, ask, inputs, outputs, notice, trigger_mode="always_last", **quick)
    lab.on(form.examples.select, take_example, inputs, outputs, notice, **quick)
    looked = [*form.numbers.values(), form.asked]
    lab.on([form.layer.input, form.head.input], look_again, looked, drawn, trigger_mode="always_last")
    lab.draw_on(("lang",), look_again, looked, drawn)
    lab.on(form.out.select, press, looked, drawn)
    for shown in form.maps:
        lab.on(shown.select, press_map, looked, drawn)


def _answered(lab: Lab, form: Form, values: dict, given: dict) -> dict:
    """What is `given` goes into the form, and everyone is asked."""
    values, lang, check = {**values, **given}, values[lab.lang], values[lab.turns].take(VIEW.id)
    text, text_b = values[form.text] or "", values[form.text_b] or ""
    asked = sides(lab, form.models, values)
    said = ask_each(asked, lambda side: _smaller(attended(lab, side.reader, text, text_b)))
    check()
    fixed = {name: values[component] or "" for name, component in form.named.items() if name not in form.numbers}
    answer = Asked(fixed, values[lab.study_id], unread_html(lab, asked, [text, text_b], lang), said)
    return {**given, form.asked: answer, **_drawn(form, answer, _place(form, values), lang)}


def _smaller(found: Looks) -> Looks:
    """A visitor's state holds it while the page is open."""
    return dataclasses.replace(found, weights=found.weights.astype(np.float16))


# --- drawing -------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Place:
    """What is looked at: layers and heads counted from 1, head 0 for their mean, tokens from 0."""

    layer: int
    head: int
    token: int

    def within(self, found: Looks) -> Place:
        """The same, or the last there is; a visitor can send any number."""
        layers, heads, tokens = found.weights.shape[:3]
        return Place(max(1, min(self.layer, layers)), max(0, min(self.head, heads)), max(0, min(self.token, tokens - 1)))


def _place(form: Form, values: dict) -> Place:
    return Place(**{name: int(values[component] or 0) for name, component in form.numbers.items()})


def _drawn(form: Form, asked: Asked, place: Place, lang: str) -> dict:
    """Everything that is shown."""
    found = [said.answer for said in asked.said if said.answer]
    place = place.within(found[0])
    layers, heads = (max(one.weights.shape[axis] for one in found) for axis in (0, 1))
    maps = {form.maps[i]: _map(one, place.within(one), lang) for i, one in enumerate(found)}
    return {
        **dict.fromkeys(form.maps, ""), **maps, form.out: out_html(asked, place, lang), form.token: place.token,
        form.layer: gr.Slider(value=place.layer, maximum=layers), form.head: gr.Slider(value=place.head, maximum=heads),
        form.link: link_html(VIEW.id, {**asked.given, **dataclasses.asdict(place)}, lang, study=asked.study),
    }  # fmt: skip


def _examples_html(lang: str) -> str:
    return examples_html([t(lang, example.about) for example in EXAMPLES], lang)


def _map(found: Looks, place: Place, lang: str) -> str:
    label = t(lang, "attention_map_label", where=_where(found, place, lang))
    return drawing(attention_map(found, place.layer, place.head or None, language=lang), label, picture=("attention", t(lang, "picture")))


def _where(found: Looks, place: Place, lang: str) -> str:
    layers, heads = found.weights.shape[:2]
    return t(lang, "attention_where" if place.head else "attention_where_mean", model=found.model, layer=place.layer, layers=layers, head=place.head, heads=heads)


def out_html(asked: Asked, place: Place, lang: str) -> str:
    """The tokens of every side, those that the pressed one looks at shaded."""
    return asked.unread + side_by_side(
        asked.said, lambda _, found: _tokens_html(found, place.within(found), lang), lambda found: _where(found, place.within(found), lang)
    )  # fmt: skip


def _tokens_html(found: Looks, place: Place, lang: str) -> str:
    row = found.of(place.layer, place.head or None)[place.token]
    to_tokens = row[found.trained :]
    names = [token.text for token in found.tokens]
    order = np.argsort(-to_tokens, kind="stable")[:LISTED]
    told = ", ".join(f"“{names[i]}” ({percent(float(to_tokens[i]), 0)})" for i in order)
    strongest = max(float(to_tokens.max()), 0.01)
    chips = "".join(_chip(token.text, token.special, i, float(to_tokens[i]) / strongest, float(to_tokens[i]), i == place.token, lang) for i, token in enumerate(found.tokens))
    return (
        f"<p class='tl-fine'>{escaped(t(lang, 'attention_press'))}</p><p class='tl-tokens'>{chips}</p>"
        f"<p role='status'>{escaped(t(lang, 'attention_told', token=names[place.token], told=told))}</p>{notes_html(found.notes)}"
    )


def _chip(text: str, special: bool, i: int, shade: float, share: float, chosen: bool, lang: str) -> str:
    inside = f"{escaped(text)}<small>{escaped(percent(share, 0))}</small>"
    kind = f"tl-token tl-press{' tl-special' if special else ''}{' tl-chosen' if chosen else ''}"
    made = button(inside, "token", i, kind=kind, label=t(lang, "attention_whom", token=text))
    return made.replace("<button ", f"<button style='--heat:{100 * shade:.0f}%' aria-pressed='{str(chosen).lower()}' ", 1)


VIEW = Attention()
