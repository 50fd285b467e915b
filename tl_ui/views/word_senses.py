"""Word senses: one word in many sentences, as a point for each at every layer, beside the one point it had before."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr

from tl_core.report.inside_texts import layer_name, senses_by_layer, senses_map
from tl_core.views.senses import Depth, Senses, around
from tl_ui.lab import Lab
from tl_ui.links import link_html, linked
from tl_ui.pieces import escaped, percent, table_html
from tl_ui.plotly_view import TAKE_STEP, drawing, plotly_view
from tl_ui.press import at, examples_html, pressable, pressed_example
from tl_ui.readers import Choice, Said, choice, notes_html, senses_read, sentences_given, side_by_side, sides, unread_html
from tl_ui.sense_sentences import EXAMPLES
from tl_ui.views import Choose
from tl_ui.waiting import Wait, ask_slowly, wait
from tl_ui.words import t, word

MOST_SIDES = 2
LAYERS = 6  # of the slider until somebody has answered


@dataclasses.dataclass(frozen=True)
class WordSenses:
    """The view."""

    id: str = "senses"
    order: int = 40
    title: str = "senses_title"
    about: str = "senses_about"

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="senses-notice")
        first_word, first_sentences = EXAMPLES[0]
        with gr.Row(elem_classes="tl-look"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                asked_word = gr.Textbox(first_word, label=word("senses_word"), info=word("senses_word_info"), max_lines=1, elem_id="senses-word")
                sentences = gr.Textbox(first_sentences, label=word("senses_sentences"), info=word("senses_sentences_info"), lines=8, max_lines=14, elem_id="senses-sentences")
                ask = gr.Button(word("senses_ask"), variant="primary", elem_id="senses-ask")
                examples = lab.in_language(pressable(value=_examples_html("en"), elem_id="senses-examples"), _examples_html)
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                waiting = wait("senses")
                told = gr.HTML(elem_id="senses-told")
                layer = gr.Slider(0, LAYERS, value=LAYERS, step=1, label=word("look_layer"), info=word("senses_layer_info"), elem_id="senses-layer")
                maps = tuple(plotly_view(label="", elem_id=f"senses-map-{i}", elem_classes="tl-card tl-drawn") for i in range(MOST_SIDES))
                mention = gr.HTML(elem_id="senses-mention")
                by_layer = plotly_view(label="", elem_id="senses-by-layer", elem_classes="tl-card tl-drawn")
                table = gr.HTML(elem_id="senses-table")
                link = gr.HTML(elem_id="senses-link")
            with gr.Column(min_width=280, elem_classes="tl-card tl-more"):
                models = choice(lab, "senses", headed=False)
        _wire(lab, choose, Form(asked_word, sentences, ask, examples, models, waiting, told, layer, maps, mention, by_layer, table, link, gr.State(None)), notice)


@dataclasses.dataclass(frozen=True)
class Form:
    word: gr.Textbox
    sentences: gr.Textbox
    ask: gr.Button
    examples: gr.HTML
    models: Choice
    wait: Wait
    told: gr.HTML
    layer: gr.Slider
    maps: tuple[gr.HTML, ...]
    mention: gr.HTML
    by_layer: gr.HTML
    table: gr.HTML
    link: gr.HTML
    asked: gr.State  # Asked, whose answer is on show; None before the first

    @property
    def named(self) -> dict[str, Any]:
        """What a link holds."""
        return {"word": self.word, "sentences": self.sentences, "model": self.models.reader, "beside": self.models.beside, "layer": self.layer}


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was asked, by its name in a link, and what everyone says."""

    given: Mapping[str, str]
    study: str
    unread: str  # HTML
    said: tuple[Said, ...]


def _wire(lab: Lab, choose: Choose, form: Form, notice: gr.HTML) -> None:
    def first(values: dict, request: gr.Request) -> Iterator[dict]:
        given = linked(request, VIEW.id, form.named)
        if values[form.asked] is None and (given or values[choose.view] == VIEW.id):
            layer = given.pop(form.layer, "")
            yield from _answered(lab, form, values, given, int(layer) if layer.isdecimal() else None)

    def ask(values: dict) -> Iterator[dict]:
        yield from _answered(lab, form, values, {})

    def take_example(values: dict, event: gr.EventData) -> Iterator[dict]:
        example = pressed_example(event, EXAMPLES)
        if example is not None:
            yield from _answered(lab, form, values, dict(zip((form.word, form.sentences), example, strict=True)))

    def redraw(values: dict) -> dict:
        return _drawn(form, values[form.asked], values[form.layer], values[lab.lang]) if values[form.asked] else {}

    def tell(values: dict, event: gr.EventData) -> dict:
        """The mention that was clicked."""
        found = _mentioned(values[form.asked], event._data.get("id"))
        return {} if found is None else {form.mention: _mention_html(found, values[lab.lang])}

    def take_layer(values: dict, event: gr.EventData) -> dict:
        """The layer whose number was clicked."""
        depth = event._data.get("id")
        return {form.layer: depth, **link({**values, form.layer: depth})} if isinstance(depth, int) and depth >= 0 else {}

    def link(values: dict) -> dict:
        return {form.link: _link(values[form.asked], values[form.layer], values[lab.lang])} if values[form.asked] else {}

    inputs = [form.word, form.sentences, *form.models.asked, form.asked, lab.study_id, lab.turns]
    drawn = [form.told, form.layer, *form.maps, form.mention, form.by_layer, form.table, form.link]
    outputs = [form.word, form.sentences, *form.models.asked, form.wait.status, *drawn, form.asked]
    quick = {"show_progress": "minimal", "show_progress_on": form.told}
    asking = [
        lab.on([*choose.events, lab.linked.change], first, [choose.view, *inputs], outputs, notice, **quick),
        lab.on([form.ask.click, form.word.submit, form.models.reader.input, form.models.beside.input], ask, inputs, outputs, notice, **quick),
        lab.on(form.examples.select, take_example, inputs, outputs, notice, **quick),
    ]
    form.wait.ends(lab, asking)
    lab.draw_on(("lang",), redraw, [form.asked, form.layer], drawn)
    lab.on(form.by_layer.select, take_layer, [form.asked], [form.layer, form.link])
    lab.on(form.layer.release, link, [form.asked, form.layer], [form.link])
    for shown in form.maps:
        form.layer.change(None, [form.layer, shown], [shown], js=TAKE_STEP, api_visibility="private", show_progress="hidden")
        lab.on(shown.select, tell, [form.asked], [form.mention])


def _answered(lab: Lab, form: Form, values: dict, given: dict, depth: int | None = None) -> Iterator[dict]:
    """What is `given` goes into the form first; then everyone is asked, one after the other."""
    values, lang, check = {**values, **given}, values[lab.lang], values[lab.turns].take(VIEW.id)
    if given:
        yield given
    asked_word, sentences = values[form.word] or "", values[form.sentences] or ""
    asked = sides(lab, form.models, values)
    said = yield from form.wait.through(ask_slowly(asked, lambda side: senses_read(lab, side.reader, asked_word, sentences), lang), check)
    unread = unread_html(lab, asked, [e.text for e in sentences_given(sentences)[0]], lang)
    answer = Asked({name: values[component] or "" for name, component in form.named.items() if component is not form.layer}, values[lab.study_id], unread, said)
    yield {form.asked: answer, **_drawn(form, answer, depth, lang)}


def _mentioned(asked: Asked | None, place: Any) -> tuple[Senses, int] | None:
    """The answer that has a mention of this number; every side has read the same sentences."""
    for said in asked.said if asked else ():
        if isinstance(place, int) and at(said.answer and said.answer.mentions, place):
            return said.answer, place
    return None


# --- drawing -------------------------------------------------------------------------------------------


def _examples_html(lang: str) -> str:
    return examples_html([f"{named}: {', '.join(dict.fromkeys(sentences_given(lines)[1]))}" for named, lines in EXAMPLES], lang)


def _drawn(form: Form, asked: Asked, depth: int | None, lang: str) -> dict:
    """Everything that is shown; at the depth where senses stand apart best when none is given."""
    found = [said.answer for said in asked.said if said.answer]
    layers = max(len(one.depths) - 1 for one in found)
    if depth is None:
        depth = layers if found[0].best is None else found[0].best
    depth = min(depth, layers)
    maps = {form.maps[i]: _map(one, depth, lang) for i, one in enumerate(found)}
    measured = [one for one in found if one.best is not None]
    return {
        **dict.fromkeys(form.maps, ""), **maps, form.told: told_html(asked, lang), form.layer: gr.Slider(value=depth, maximum=layers), form.mention: "",
        form.by_layer: drawing(senses_by_layer(measured, language=lang), t(lang, "senses_by_layer_label"), picture=("senses-by-layer", t(lang, "picture"))) if measured else "",
        form.table: "".join(_table_html(one, lang) for one in measured), form.link: _link(asked, depth, lang),
    }  # fmt: skip


def _link(asked: Asked, depth: int, lang: str) -> str:
    return link_html(VIEW.id, {**asked.given, "layer": depth}, lang, study=asked.study)


def _map(found: Senses, depth: int, lang: str) -> str:
    steps = [senses_map(found, i, language=lang) for i in range(len(found.depths))]
    label = t(lang, "senses_map_label", word=found.word, n=len(found.mentions), model=found.model)
    return drawing(steps[0], label, picture=("word-senses", t(lang, "picture")), steps=steps, at=depth)


def told_html(asked: Asked, lang: str) -> str:
    """What each model makes of it, in a sentence."""
    return asked.unread + side_by_side(asked.said, lambda _, found: notes_html(found.notes), lambda found: _best_told(found, lang))


def _best_told(found: Senses, lang: str) -> str:
    if found.best is None:
        return t(lang, "senses_no_number")
    best = found.depths[found.best].apart
    if best.accuracy <= best.commonest:
        return t(lang, "senses_mixed", share=percent(best.accuracy, 0), commonest=percent(best.commonest, 0))
    layer = layer_name(found.best, len(found.depths) - 1, lang)
    return t(lang, "senses_best", layer=layer, share=percent(best.accuracy, 0), commonest=percent(best.commonest, 0))


def _mention_html(found: tuple[Senses, int], lang: str) -> str:
    senses, place = found
    mention = senses.mentions[place]
    before, shown, after = map(escaped, around(mention))
    sense = f"<b>{escaped(mention.sense)}</b> · " if mention.sense else ""
    about = f"{t(lang, 'senses_line', n=f'{mention.row:,}')} · {' '.join(senses.pieces[place])}"
    return f"<section class='tl-card tl-said' role='status'><p>{sense}<bdi>{before}<mark>{shown}</mark>{after}</bdi></p><p class='tl-fine'>{escaped(about)}</p></section>"


def _table_html(found: Senses, lang: str) -> str:
    rows = [_row(t(lang, "senses_static"), found.static)]
    rows += [_row(layer_name(i, len(found.depths) - 1, lang), depth) for i, depth in enumerate(found.depths)]
    head = [t(lang, "senses_depth"), t(lang, "senses_nearest"), t(lang, "senses_silhouette")]
    return f"<details><summary>{escaped(t(lang, 'senses_table', model=found.model))}</summary>{table_html(found.model, head, rows)}</details>"


def _row(named: str, depth: Depth) -> tuple[str, str, str]:
    silhouette = "–" if depth.apart.silhouette is None else f"{depth.apart.silhouette:.2f}".replace("-", "−")
    return escaped(named), escaped(percent(depth.apart.accuracy)), silhouette


VIEW = WordSenses()
