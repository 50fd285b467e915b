"""Embedding map: every text a point, before and after training, so that one sees what moves and whether classes come apart."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr
import numpy as np

from tl_core.errors import UserError
from tl_core.models.catalog import EMBEDDED
from tl_core.report.inside_maps import apart_by_layer
from tl_core.types import Example, Step
from tl_core.views.embedding_map import METHODS, EmbeddingMap, Placed
from tl_ui import trained_example
from tl_ui.lab import Lab
from tl_ui.links import link_of, linked
from tl_ui.many_texts import BY, DATA, TEST, Texts, choices, colouring, mapped, placed, readers_of, texts_of
from tl_ui.map_view import MapView, Marked, colours_update, map_update, map_view, marks_update, texts_update
from tl_ui.pieces import bar, clip, duration, escaped, percent, table_html
from tl_ui.plotly_view import drawing, plotly_view
from tl_ui.press import examples_html, pressable, pressed_example
from tl_ui.readers import Choice, choice, notes_html, runs_of
from tl_ui.views import Choose
from tl_ui.words import t, word

EXAMPLES = (  # words, texts, method
    ("map_example_topics", "sample:support_tickets/as-is", "umap"),
    ("map_example_opinions", "sample:product_opinions/as-is", "pca"),
    ("map_example_korean", "sample:korean_opinions/as-is", "pca"),
)
BUTTONS = ("lasso", "box", "zoom", "pan", "whole", "play", "beside", "slider", "placed")
OF_AN_ARM = ("prediction", "right")
ROWS_SHOWN = 100
FOUND_SHOWN = 2_000  # texts that a search rings on the map
SENTENCES_KEPT = 8
WAITED = 1.0  # seconds until a wait is told
BETWEEN = 0.3  # seconds from one sign of life to the next


@dataclasses.dataclass(frozen=True)
class EmbeddingMapView:
    """The view."""

    id: str = "map"
    order: int = 50
    title: str = "map_title"
    about: str = "map_about"

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
        notice = gr.HTML(elem_classes="tl-notices", elem_id="map-notice")
        with gr.Row(elem_classes="tl-look tl-look-wide"):
            with gr.Column(min_width=280, elem_classes="tl-card tl-ask"):
                rows = gr.Dropdown(choices(lab, "", "en"), value=DATA, label=word("map_rows"), elem_id="map-rows")
                models = choice(lab, "map", first=EMBEDDED.name, headed=False)
                method = gr.Radio([("PCA", "pca"), ("UMAP", "umap"), ("t-SNE", "tsne")], value="pca", label=word("map_method"), info=word("map_method_info"), elem_id="map-method")
                with gr.Row(elem_classes="tl-actions"):
                    draw = gr.Button(word("map_draw"), variant="primary", elem_id="map-draw", min_width=120)
                    stop = gr.Button(word("stop"), variant="stop", visible=False, elem_id="map-stop", min_width=120)
                examples = pressable(value=_examples_html([], "en"), elem_id="map-examples")
            with gr.Column(min_width=280, elem_classes="tl-answer-side"):
                status = gr.HTML(elem_id="map-status")
                map = map_view(elem_id="map-view")
                told = gr.HTML(elem_id="map-told")
                listed = gr.HTML(elem_id="map-listed")
                depths = plotly_view(label="", elem_id="map-depths")
                link = gr.HTML(elem_id="map-link")
            with gr.Column(min_width=280, elem_classes="tl-card tl-more"):
                by = gr.Radio([(word(f"map_by_{name}"), name) for name in BY], value=BY[0], label=word("map_by"), elem_id="map-by")
                arm = gr.Dropdown([], label=word("map_arm"), visible=False, elem_id="map-arm")
                find = gr.Textbox(label=word("map_find"), info=word("map_find_info"), max_lines=1, elem_id="map-find")
                sentence = gr.Textbox(label=word("map_sentence"), info=word("map_sentence_info"), lines=1, max_lines=4, elem_id="map-sentence")
                place = gr.Button(word("map_place"), variant="secondary", elem_id="map-place")
                layer = gr.Dropdown([(word("map_embedding"), "")], value="", label=word("map_layer"), info=word("map_layer_info"), elem_id="map-layer")
                by_layer = gr.Button(word("map_by_layer"), variant="secondary", elem_id="map-by-layer")
        form = Form(
            rows, models, method, draw, stop, examples, status, map, told, listed, depths, link, by, arm, find, sentence, place, layer, by_layer, gr.State(None), gr.State(""), gr.State("")
        )  # fmt: skip
        _wire(lab, choose, form, notice)


@dataclasses.dataclass(frozen=True)
class Form:
    rows: gr.Dropdown
    models: Choice
    method: gr.Radio
    draw: gr.Button
    stop: gr.Button
    examples: gr.HTML
    status: gr.HTML
    map: MapView
    told: gr.HTML
    listed: gr.HTML
    depths: gr.HTML
    link: gr.HTML
    by: gr.Radio
    arm: gr.Dropdown
    find: gr.Textbox
    sentence: gr.Textbox
    place: gr.Button
    layer: gr.Dropdown
    by_layer: gr.Button
    shown: gr.State  # Shown, which is on the page; None before the first
    awaited: gr.State  # the comparison that an example trains; "" for none
    ready: gr.State  # the same when it has ended

    @property
    def asked(self) -> dict[str, Any]:
        """What decides a map and what is lit up on it, by name in an address."""
        return {
            "rows": self.rows, "model": self.models.reader, "beside": self.models.beside, "method": self.method, "layer": self.layer, "by": self.by, "arm": self.arm,
            "find": self.find, "sentence": self.sentence,
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Shown:
    """A map, what it is of, and what was put onto it."""

    texts: Texts
    readers: tuple[Any, ...]
    names: tuple[str, ...]  # of the sides
    method: str
    layer: int | None
    found: EmbeddingMap
    sentences: tuple[tuple[str, tuple[Placed, ...]], ...] = ()

    def placed(self) -> list[tuple[Placed, ...]]:
        """Further texts, for the map."""
        return [sides for _, sides in self.sentences]


def _wire(lab: Lab, choose: Choose, form: Form, notice: gr.HTML) -> None:
    def first(values: dict, request: gr.Request) -> Iterator[dict]:
        """The first map; a link holds what was asked."""
        given = linked(request, VIEW.id, form.asked)
        if values[form.shown] is None and (given or values[choose.view] == VIEW.id):
            yield given
            yield from _map(lab, form, {**values, **given})

    def ask(values: dict) -> Iterator[dict]:
        yield from _map(lab, form, values)

    def take_example(values: dict, event: gr.EventData) -> Iterator[dict]:
        example = pressed_example(event, _examples(runs_of(lab, values[lab.study_id], values[lab.lang], headed=False)))
        if example is None:
            return
        if example == TRAIN:
            name, changed = trained_example.start(lab, values)
            yield {**changed, form.awaited: name, form.status: trained_example.status_html(None, values[lab.lang])}
            return
        _, rows, method, model = example
        given = {form.rows: rows, form.method: method, form.models.reader: model, form.models.beside: "", form.layer: "", form.by: BY[0], form.find: ""}
        yield given
        yield from _map(lab, form, {**values, **given})

    def follow(values: dict) -> dict:
        """What an example trains: how far it is, and when it has ended."""
        return trained_example.followed(values[form.awaited], values[lab.status], values[lab.lang], form.status, form.awaited, form.ready)

    def show_trained(values: dict) -> Iterator[dict]:
        """The map before and after what an example has trained."""
        name, lang = values[form.ready], values[lab.lang]
        runs = runs_of(lab, name, lang, headed=False) if name else []
        if runs:
            given = {form.rows: TEST, form.models.reader: runs[0][1], form.models.beside: ""}
            yield {**given, form.rows: gr.Dropdown(choices=choices(lab, name, lang), value=TEST)}
            yield from _map(lab, form, {**values, **given, lab.study_id: name})

    def halt(_values: dict) -> dict:
        return _at_rest(form)

    def recolour(values: dict) -> dict:
        shown, lang = values[form.shown], values[lab.lang]
        if shown is None:
            return {}
        arm = _arm(shown, values[form.arm])
        if values[form.by] != BY[0] and not arm:
            raise UserError(t(lang, "map_no_answers"))
        return {
            form.map.colours: colours_update(colouring(shown.texts, values[form.by], arm, lang)), form.link: _link(lab, form, values),
            form.arm: gr.Dropdown(choices=list(shown.texts.scores), value=arm or None, visible=values[form.by] in OF_AN_ARM and bool(arm)),
        }  # fmt: skip

    def search(values: dict) -> dict:
        shown = values[form.shown]
        return {} if shown is None else {**_searched(lab, form, shown, values), form.link: _link(lab, form, values)}

    def point(values: dict, event: gr.EventData) -> dict:
        return _pointed(lab, form, values, event._data)

    def put(values: dict) -> dict:
        shown = values[form.shown]
        return {} if shown is None else {**_put(lab, form, shown, values), form.link: _link(lab, form, values)}

    def tell_layers(values: dict) -> Iterator[dict]:
        shown = values[form.shown]
        if shown is not None:
            yield from _by_layer(lab, form, shown, values)

    def choose_layer(values: dict, event: gr.EventData) -> Iterator[dict]:
        depth = event._data.get("id")
        if values[form.shown] is not None and isinstance(depth, int) and 0 <= depth <= values[form.shown].found.layers:
            yield {form.layer: str(depth)}
            yield from _map(lab, form, {**values, form.layer: str(depth)})

    def redraw(values: dict) -> dict:
        shown = values[form.shown]
        return _drawn(lab, form, shown, values, with_texts=False) if shown is not None else {}

    def renew(values: dict) -> dict:
        """What can be chosen, with the open study; what was drawn of other rows is drawn anew when somebody looks."""
        lang, study = values[lab.lang], values[lab.study_id]
        known = choices(lab, study, lang)
        chosen = values[form.rows] if values[form.rows] in [value for _, value in known] else DATA
        return {form.rows: gr.Dropdown(choices=known, value=chosen), form.examples: _examples_html(runs_of(lab, study, lang, headed=False), lang)}

    def forget(_values: dict) -> dict:
        return {form.shown: None}

    asked = [*form.asked.values(), lab.study_id, lab.dataset_id, lab.turns]
    outputs = [*form.asked.values(), form.draw, form.stop, form.status, *form.map.parts, form.told, form.listed, form.depths, form.link, form.shown]
    going = [
        lab.on([*choose.events, lab.linked.change], first, [choose.view, form.shown, *asked], outputs, notice),
        lab.on([form.draw.click, form.rows.input, form.models.reader.input, form.models.beside.input, form.method.input, form.layer.input], ask, asked, outputs, notice, trigger_mode="always_last"),
        lab.on(form.examples.select, take_example, [*asked, *trained_example.inputs(lab)], [*outputs, form.awaited, *trained_example.outputs(lab)], notice),
        lab.on(form.ready.change, show_trained, [form.ready, *asked], outputs, notice),
        lab.on(form.by_layer.click, tell_layers, [form.shown], [form.status, form.stop, form.depths], notice),
        lab.on(form.depths.select, choose_layer, [form.shown, *asked], outputs, notice),
    ]  # fmt: skip
    lab.on(lab.fresh.change, follow, [form.awaited, lab.status], [form.status, form.awaited, form.ready])
    lab.on(form.stop.click, halt, outputs=[form.status, form.stop], cancels=going)
    lab.on([form.by.input, form.arm.input], recolour, [form.shown, *asked], [form.map.colours, form.arm, form.link], notice, trigger_mode="always_last")
    lab.on([form.find.input, form.find.submit], search, [form.shown, *asked], [form.map.marks, form.listed, form.link], notice, trigger_mode="always_last")
    lab.on(form.map.view.select, point, [form.shown, *asked], [form.map.marks, form.listed], notice, trigger_mode="always_last")
    lab.on([form.sentence.submit, form.place.click], put, [form.shown, *asked], [form.map.marks, form.listed, form.shown, form.link], notice)
    lab.draw_on(("lang",), redraw, [form.shown, *asked], outputs)
    lab.draw_on(("settled", "lang"), renew, [form.rows, lab.study_id], [form.rows, form.examples])
    lab.on([lab.dataset_id.change, lab.study_id.change], forget, outputs=[form.shown])


# --- the map --------------------------------------------------------------------------------------------


def _map(lab: Lab, form: Form, values: dict) -> Iterator[dict]:
    """The quick map as soon as there is one, then the one asked for."""
    lang, study = values[lab.lang], values[lab.study_id]
    texts = texts_of(lab, values[form.rows] or DATA, values[lab.dataset_id], study)
    readers, names = readers_of(lab, [values[form.models.reader], values[form.models.beside]], study, lang)
    method, layer = values[form.method] or METHODS[0], _layer(values[form.layer])
    yield {form.stop: gr.Button(visible=True), form.depths: "", form.listed: ""}
    began, told, shown, check = time.monotonic(), 0.0, None, values[lab.turns].take(VIEW.id)
    try:
        for item in mapped(lab, readers, texts, method=method, layer=layer):
            check()
            if isinstance(item, EmbeddingMap):
                first, shown = shown is None, Shown(texts, tuple(readers), tuple(names), method, layer, item)
                yield _drawn(lab, form, shown, values, with_texts=first)
            elif time.monotonic() - began > WAITED and time.monotonic() - told > BETWEEN:
                told = time.monotonic()
                yield {form.status: _status_html(item, told - began, method if shown else "", lang)}
    except UserError:
        yield _at_rest(form)
        raise
    yield _at_rest(form)
    if (values[form.sentence] or "").strip():
        yield _put(lab, form, shown, values)
    elif values[form.find]:
        yield _searched(lab, form, shown, values)


def _at_rest(form: Form) -> dict:
    return {form.status: "", form.stop: gr.Button(visible=False)}


def _layer(chosen: Any) -> int | None:
    return int(chosen) if str(chosen or "").isdecimal() else None


def _arm(shown: Shown, chosen: str | None) -> str:
    """The arm whose answers are meant: the one chosen, or the first."""
    return chosen if chosen in shown.texts.scores else next(iter(shown.texts.scores), "")


def _drawn(lab: Lab, form: Form, shown: Shown, values: dict, *, with_texts: bool) -> dict:
    """Everything that a map changes on the page."""
    lang, found, arm = values[lab.lang], shown.found, _arm(shown, values[form.arm])
    by = values[form.by] if arm else BY[0]
    view = map_update(
        found, id=f"{shown.texts.name} {shown.readers} {found.method} {found.layer}", total=len(shown.texts.examples), names=shown.names,
        axes=[t(lang, "map_axis", n=i + 1, share=percent(share, 0)) for i, share in enumerate(found.share)] if found.share else None,
        label=t(lang, "map_label" if len(found.sides) == 1 else "map_label_two", n=f"{len(found.rows):,}", method=_method(found.method)),
        words={key: t(lang, f"map_{key}") for key in BUTTONS} | {"picture": t(lang, "picture")},
    )  # fmt: skip
    layers = [(t(lang, "map_embedding"), ""), *((t(lang, "map_layer_0") if i == 0 else str(i), str(i)) for i in range(found.layers + 1))]
    return {
        form.map.view: view, form.map.colours: colours_update(colouring(shown.texts, by, arm, lang)), form.map.marks: marks_update(Marked(placed=shown.placed())),
        **({form.map.texts: texts_update(shown.texts.shown)} if with_texts else {}), form.told: told_html(shown, lang), form.link: _link(lab, form, values), form.shown: shown, form.by: by,
        form.layer: gr.Dropdown(choices=layers, value="" if shown.layer is None else str(shown.layer)),
        form.arm: gr.Dropdown(choices=list(shown.texts.scores), value=arm or None, visible=by in OF_AN_ARM),
    }  # fmt: skip


def _link(lab: Lab, form: Form, values: dict) -> str:
    return link_of(VIEW.id, form.asked, values, values[lab.lang], study=values[lab.study_id])


def _method(name: str) -> str:
    return {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}[name]


def _status_html(step: Step, seconds: float, drawing: str, lang: str) -> str:
    """How far it is; while a slow map is worked out, the quick one is on the page already."""
    if drawing and step.total <= 1:
        said = t(lang, "map_step_slow", method=_method(drawing), time=duration(seconds, lang))
        return f"<div class='tl-status'><p role='status'>{escaped(said)}</p></div>"
    left = duration(seconds / step.done * (step.total - step.done), lang) if step.done else "…"
    said = t(lang, f"map_step_{'slow_n' if drawing else step.phase if step.phase == 'embed' else 'read'}", done=f"{step.done:,}", total=f"{step.total:,}", left=left, method=_method(drawing) if drawing else "")
    return f"<div class='tl-status'>{bar(step.done / max(1, step.total), said)}<p role='status'>{escaped(said)}</p></div>"


def told_html(shown: Shown, lang: str) -> str:
    """How well labels stand apart, side by side, and what a reader must know."""
    found = shown.found
    rows = [
        (escaped(name), f"<b>{percent(a.accuracy)}</b>", percent(a.commonest), escaped("–" if a.silhouette is None else f"{a.silhouette:.3f}".replace("-", "−")))
        for name, side in zip(shown.names, found.sides, strict=True) if (a := side.apart)
    ]  # fmt: skip
    head = [t(lang, "map_who"), t(lang, "map_told"), t(lang, "map_commonest"), t(lang, "map_silhouette")]
    table = table_html(t(lang, "map_apart"), head, rows) if rows else ""
    return f"<section class='tl-card tl-apart'>{table}{notes_html(found.notes)}</section>" if table or found.notes else ""


# --- pointing, searching, sentences of one's own --------------------------------------------------------


def _pointed(lab: Lab, form: Form, values: dict, sent: dict) -> dict:
    """A click shows the nearest texts, a circle the texts in it."""
    shown, lang = values[form.shown], values[lab.lang]
    if shown is None:
        return {}
    count = len(shown.texts.examples)
    if isinstance(sent.get("rows"), list):
        rows = [i for i in sent["rows"] if isinstance(i, int) and 0 <= i < count]
        return {form.listed: _rows_html(shown, rows, _arm(shown, values[form.arm]), t(lang, "map_circled", n=f"{len(rows):,}"), lang) if rows else ""}
    row = sent.get("row")
    if not isinstance(row, int) or not 0 <= row < count:
        return {}
    near = _nearest(lab, shown, row)
    here = near[min(len(near) - 1, 1 if sent.get("side") == 1 else 0)]
    head = t(lang, "map_nearest", text=clip(shown.texts.shown[row], 160))
    marks = Marked(start=row, near=[i for i, _ in here], placed=shown.placed())
    return {form.map.marks: marks_update(marks), form.listed: _nearest_html(shown, head, shown.texts.given(row), near, lang)}


def _nearest(lab: Lab, shown: Shown, row: int) -> list[list[tuple[int, float]]]:
    """On every side, the nearest texts by position among all, and their cosines."""
    found = shown.found
    at = int(np.searchsorted(found.rows, row))
    if at < len(found.rows) and found.rows[at] == row and all(len(side.near) for side in found.sides):
        return [_listed(found, side.near[at], side.cosines[at]) for side in found.sides]
    answers = placed(lab, shown.readers, shown.texts, shown.texts.examples[row], method="pca", layer=shown.layer)
    everything = dataclasses.replace(found, rows=np.arange(len(shown.texts.examples)))
    return [[(i, c) for i, c in _listed(everything, side.near[0], side.cosines[0]) if i != row] for side in answers]


def _listed(found: EmbeddingMap, near: np.ndarray, cosines: np.ndarray) -> list[tuple[int, float]]:
    return [(int(found.rows[i]), float(c)) for i, c in zip(near, cosines, strict=True)]


def _searched(lab: Lab, form: Form, shown: Shown, values: dict) -> dict:
    """Rings around the texts that hold some words."""
    words, lang = values[form.find] or "", values[lab.lang]
    rows = shown.texts.holding(words)
    head = t(lang, "map_found", n=f"{len(rows):,}", words=clip(words.strip(), 60))
    listed = _rows_html(shown, rows, _arm(shown, values[form.arm]), head, lang) if words.strip() else ""
    return {form.map.marks: marks_update(Marked(rows=rows[:FOUND_SHOWN], placed=shown.placed())), form.listed: listed}


def _put(lab: Lab, form: Form, shown: Shown, values: dict) -> dict:
    """A sentence of the visitor's own goes onto the map, which stays as it is."""
    text, lang = values[form.sentence] or "", values[lab.lang]
    answer = placed(lab, shown.readers, shown.texts, Example(0, text), method=shown.found.method, layer=shown.layer)
    shown = dataclasses.replace(shown, sentences=(*shown.sentences, (text, answer))[-SENTENCES_KEPT:])
    near = [_listed(shown.found, side.near[0], side.cosines[0]) for side in answer]
    listed = _nearest_html(shown, t(lang, "map_nearest", text=clip(text, 160)), "", near, lang)
    return {form.map.marks: marks_update(Marked(placed=shown.placed())), form.listed: listed, form.shown: shown}


def _rows_html(shown: Shown, rows: Sequence[int], arm: str, head: str, lang: str) -> str:
    """Some of the texts, with what is known of them."""
    texts = shown.texts
    said, right = (texts.said(arm), texts.right(arm)) if arm else ([], [])
    columns = [t(lang, "head_row"), t(lang, "head_text"), t(lang, "head_given"), *([arm] if arm else [])]
    cells = []
    for i in rows[:ROWS_SHOWN]:
        answer = [escaped("–" if said[i] is None else f"{'✓' if right[i] else '✗'} {said[i]}")] if arm else []
        cells.append((str(texts.examples[i].row), _text_html(texts.shown[i]), f"<bdi>{escaped(texts.given(i))}</bdi>", *answer))
    more = f"<p class='tl-fine'>{escaped(t(lang, 'rows_first', n=ROWS_SHOWN))}</p>" if len(rows) > ROWS_SHOWN else ""
    return f"<section class='tl-card tl-listed' role='status'>{table_html(head, columns, cells) if rows else f'<p>{escaped(head)}</p>'}{more}</section>"


def _nearest_html(shown: Shown, head: str, label: str, near: Sequence[Sequence[tuple[int, float]]], lang: str) -> str:
    """The nearest texts on every side, beside each other; those with another label are marked."""
    columns = [t(lang, "head_text"), t(lang, "head_given"), t(lang, "map_cosine")]
    parts = []
    for name, listed in zip(shown.names, near, strict=True):
        cells = []
        for i, cosine in listed:
            given = shown.texts.given(i)
            mark = "≠ " if label and given != label else ""
            cells.append((_text_html(shown.texts.shown[i]), f"{mark}<bdi>{escaped(given)}</bdi>", f"{cosine:.2f}".replace("-", "−")))
        parts.append(f"<div>{table_html(name, columns, cells)}</div>")
    given = f" <span class='tl-level'><bdi>{escaped(label)}</bdi></span>" if label else ""
    return f"<section class='tl-card tl-listed' role='status'><p><b><bdi>{escaped(head)}</bdi></b>{given}</p><div class='tl-sides'>{''.join(parts)}</div></section>"


def _text_html(text: str) -> str:
    return f"<span dir='auto'>{escaped(clip(text, 200))}</span>"


# --- layer by layer -------------------------------------------------------------------------------------


def _by_layer(lab: Lab, form: Form, shown: Shown, values: dict) -> Iterator[dict]:
    lang = values[lab.lang]
    yield {form.stop: gr.Button(visible=True)}
    began, told = time.monotonic(), 0.0
    for item in mapped(lab, shown.readers, shown.texts, method="pca", layer=shown.layer, by_layer=True):
        if isinstance(item, EmbeddingMap) and item.sides[0].by_layer:
            named = [dataclasses.replace(side, model=name) for name, side in zip(shown.names, item.sides, strict=True)]
            figure = drawing(apart_by_layer(named, language=lang), t(lang, "map_by_layer_label"), picture=("labels-by-layer", t(lang, "picture")))
            yield {form.depths: figure}
        elif isinstance(item, Step) and time.monotonic() - began > WAITED and time.monotonic() - told > BETWEEN:
            told = time.monotonic()
            yield {form.status: _status_html(item, told - began, "", lang)}
    yield _at_rest(form)


# --- examples -------------------------------------------------------------------------------------------

TRAIN = ("map_example_train", "", "", "")


def _examples(runs: Sequence[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """(words, texts, method, model): what runs of the open study moved, or how to have one; then the samples."""
    moved = [(title, TEST, "pca", value) for title, value in runs[:3]]
    return [*(moved or [TRAIN]), *((key, rows, method, EMBEDDED.name) for key, rows, method in EXAMPLES)]


def _examples_html(runs: Sequence[tuple[str, str]], lang: str) -> str:
    titles = {title for title, _ in runs}
    return examples_html([t(lang, "map_example_moved", arm=words) if words in titles else t(lang, words) for words, *_ in _examples(runs)], lang)


VIEW = EmbeddingMapView()
