"""Embedding map: every text a point, before and after training, so that one sees what moves and
whether classes come apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np

from tl_core.api.amounts import percent
from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Example, Step
from tl_core.api.view import Checkpoint
from tl_core.models.embedded import EMBEDDED, READS_KOREAN
from tl_core.views.embedding_map import METHODS, NUMBERS, EmbeddingMap, Placed
from tl_ui.components.clickable import examples_html, pressable, pressed_example
from tl_ui.components.html import bar, clip, duration, escaped, table_html
from tl_ui.components.permalinks import link_of
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.state.datasets import FIRST as FIRST_DATA
from tl_ui.views._base import NOTHING_GIVEN, Values
from tl_ui.views._shared.answers import last, notes_html, whole_number
from tl_ui.views._shared.map_figures import apart_by_layer
from tl_ui.views._shared.map_rows import (
    BY,
    DATA,
    TEST,
    Texts,
    checkpoints_of,
    choices,
    colouring,
    map_of,
    place_of,
    texts_of,
)
from tl_ui.views._shared.map_view import (
    Marked,
    colours_update,
    map_update,
    map_view,
    marks_update,
    texts_update,
)
from tl_ui.views._shared.model_picker import ModelPicker, runs_of
from tl_ui.views._training import TrainingView
from tl_ui.words import t, word

READER = {"en": EMBEDDED.name, "ko": READS_KOREAN.name}
EXAMPLES = (  # words, texts, method, language
    ("map_example_topics", "sample:support_tickets/as-is", "umap", "en"),
    ("map_example_opinions", "sample:product_opinions/as-is", "pca", "en"),
    ("map_example_korean", "sample:korean_opinions/as-is", "pca", "ko"),
)
BUTTONS = ("lasso", "box", "zoom", "pan", "whole", "play", "beside", "slider", "placed")
OF_AN_ARM = ("prediction", "right")
ROWS_SHOWN = 100
FOUND_SHOWN = 2_000  # texts that a search rings on the map
SENTENCES_KEPT = 8
TRAIN = "map_example_train"


@dataclasses.dataclass(frozen=True)
class MapSnapshot:
    """A map, what it is of, and what was put onto it."""

    texts: Texts
    checkpoints: tuple[Checkpoint, ...]
    names: tuple[str, ...]  # of the sides
    method: str
    layer: int | None
    found: EmbeddingMap
    sentences: tuple[tuple[str, tuple[Placed, ...]], ...] = ()

    @property
    def placed(self) -> list[tuple[Placed, ...]]:
        """Further texts, for the map."""
        return [sides for _, sides in self.sentences]

    def arm(self, chosen: str | None) -> str:
        """The arm whose answers are meant: the one chosen, or the first."""
        return chosen if chosen in self.texts.scores else next(iter(self.texts.scores), "")


# --- words ----------------------------------------------------------------------------------------

WORDS: dict[str, Sentence] = {
    "map_title": say("Embedding map"),
    "map_about": say(
        "A model turns each text into a long list of numbers, an embedding; texts it takes to "
        "mean similar things get similar numbers. This map puts every text on a plane so that "
        "near texts stay near, as well as two dimensions allow. Texts of one label that lie "
        "together are easy for it to tell apart; where colours mix, a classifier on top has "
        "nothing to go by.\n\nPCA shows the two directions in which texts differ most, at once "
        "and without distortion, but leaves out all the others. UMAP and t-SNE keep neighbours "
        "together; their islands are real, the distances between islands are not. After "
        "training, the slider moves every text from its place before training to its place "
        "after. The two maps are rotated onto each other first, so what still moves was moved "
        "by training. The numbers below the map are computed in the whole space and not on the "
        "map: trust them more than the picture."
    ),
    "map_rows": say("Texts"),
    "map_method": say("Map"),
    "map_method_info": say("PCA always comes first; a slower map replaces it when it is ready."),
    "map_draw": say("Draw"),
    "map_by": say("Colour by"),
    "map_by_label": say("label"),
    "map_by_prediction": say("prediction"),
    "map_by_right": say("correct or wrong"),
    "map_by_arms": say("which arms are correct"),
    "map_arm": say("Predictions of"),
    "map_no_answers": say(
        "There are no predictions for these texts yet. Run a study, then choose its test rows."
    ),
    "map_find": say("Find texts"),
    "map_find_info": say("Texts that contain these words are circled."),
    "map_sentence": say("A sentence of your own"),
    "map_sentence_info": say("It is placed on the map as it is; the map does not change."),
    "map_place": say("Place it on the map"),
    "map_layer": say("Layer to show"),
    "map_layer_info": say("There, a text is the mean over its tokens."),
    "map_layer_0": say("0: the input to the first layer"),
    "map_embedding": say("sentence embedding"),
    "map_by_layer": say("Show every layer"),
    "map_by_layer_label": say(
        "How well labels separate at every layer; click a point to see the map of that layer"
    ),
    "map_axis": say("direction {n}: {share} of the variance"),
    "map_label": say("Map of {n} texts by {method}. Search below finds texts without it."),
    "map_label_two": say(
        "Map of {n} texts by {method}, before and after training. Search below finds texts "
        "without it."
    ),
    "map_label_spans": say(
        "Map of {n} tagged spans by {method}. Search below finds them without it."
    ),
    "map_label_spans_two": say(
        "Map of {n} tagged spans by {method}, before and after training. Search below finds them "
        "without it."
    ),
    "map_all_layers": say("mean over the layers"),
    "map_lasso": say("Lasso"),
    "map_box": say("Box"),
    "map_zoom": say("Zoom"),
    "map_pan": say("Move"),
    "map_whole": say("Whole map"),
    "map_play": say("▶ Before → after"),
    "map_beside": say("Side by side"),
    "map_slider": say("From before training to after"),
    "map_placed": say("your sentences"),
    "map_step_embed": say("{done} of {total} texts read, {left} left."),
    "map_step_read": say("{done} of {total} steps."),
    "map_step_slow": say("PCA is shown. {method} is being computed: {time} so far."),
    "map_step_slow_n": say(
        "PCA is shown. {method} is being computed: {done} of {total}, {left} left."
    ),
    "map_who": say("Model"),
    "map_apart": say("How well labels separate, in the whole space"),
    "map_nearest": say("Nearest to “{text}”"),
    "map_cosine": say("Cosine"),
    "map_circled": say("{n} texts selected"),
    "map_found": say("{n} texts contain “{words}”"),
    "map_example_train": say("Train on my dataset and watch what moves"),
    "map_example_moved": say("Before and after: {arm}"),
    "map_example_topics": say("Support tickets: topics form islands"),
    "map_example_opinions": say("Product opinions: good and bad mix"),
    "map_example_korean": say("Korean opinions"),
}


# --- the view -------------------------------------------------------------------------------------


class EmbeddingMapView(TrainingView):
    """The view."""

    words = WORDS
    id, order, title, about = "map", 50, "map_title", "map_about"
    numbers, wide, endpoint_name = NUMBERS, True, "map_texts"

    # --- the form ---

    def draw_question(self) -> None:
        """Texts, models, and how they are put on a plane."""
        self.rows = gr.Dropdown(
            choices(self.lab, "", "en"), value=DATA, label=word("map_rows"), elem_id="map-rows"
        )
        self.picker = ModelPicker(self.lab, "map", first=EMBEDDED.name, headed=False)
        self.method = gr.Radio(
            [("PCA", "pca"), ("UMAP", "umap"), ("t-SNE", "tsne")],
            value="pca",
            label=word("map_method"),
            info=word("map_method_info"),
            elem_id="map-method",
        )

    def ask_button(self, **more: Any) -> gr.Button:
        """Make the button that draws."""
        return gr.Button(word("map_draw"), variant="primary", elem_id="map-draw", **more)

    def draw_examples(self) -> gr.HTML:
        """Draw the examples, which follow the open study."""
        return pressable(value=_examples_html([], "en"), elem_id="map-examples")

    def draw_answer(self) -> None:
        """The map, what it says, what was pointed at, and every layer."""
        super().draw_answer()
        self.map = map_view(elem_id="map-view")
        self.summary = gr.HTML(elem_id="map-told")
        self.listed = gr.HTML(elem_id="map-listed")
        self.depths = plotly_view(label="", elem_id="map-depths")

    def draw_options(self) -> None:
        """Colours, words to find, a sentence to put onto the map, the layer."""
        self.by = gr.Radio(
            [(word(f"map_by_{name}"), name) for name in BY],
            value=BY[0],
            label=word("map_by"),
            elem_id="map-by",
        )
        self.arm = gr.Dropdown([], label=word("map_arm"), visible=False, elem_id="map-arm")
        self.find = gr.Textbox(
            label=word("map_find"), info=word("map_find_info"), max_lines=1, elem_id="map-find"
        )
        self.sentence = gr.Textbox(
            label=word("map_sentence"),
            info=word("map_sentence_info"),
            lines=1,
            max_lines=4,
            elem_id="map-sentence",
        )
        self.place = gr.Button(word("map_place"), variant="secondary", elem_id="map-place")
        self.layer = gr.Dropdown(
            [(word("map_embedding"), "")],
            value="",
            label=word("map_layer"),
            info=word("map_layer_info"),
            elem_id="map-layer",
        )
        self.by_layer = gr.Button(word("map_by_layer"), variant="secondary", elem_id="map-by-layer")

    def link_fields(self) -> dict[str, Any]:
        """Return what decides a map and what is marked on it."""
        lit = {"by": self.by, "arm": self.arm, "find": self.find, "sentence": self.sentence}
        plane = {"method": self.method, "layer": self.layer}
        return {"rows": self.rows, **self.picker.fields, **plane, **lit}

    def drawn(self) -> list[Any]:
        """Return what changes with a map."""
        texts = [self.summary, self.listed, self.depths, self.link]
        return [*self.map.parts, *texts, self.by, self.arm, self.layer]

    def events_that_ask(self) -> list[Any]:
        """Return the events that draw the map again; colours and words change no place."""
        lists = [field.input for field in (self.rows, *self.picker.fields.values())]
        return [self.button.click, *lists, self.method.input, self.layer.input]

    def wire_parts(self) -> list[Any]:
        """Layers, which take long; and colours, words and places, which do not."""
        self.wire_marks()
        lab, notice = self.lab, self.notice
        changed = [self.rows, self.examples]
        lab.draw_on(("settled", "spoken"), self.renew, [self.rows, lab.study_id], changed)
        layers = [self.status, self.stop, self.depths]
        return [
            lab.on(self.by_layer.click, self.draw_layers, [self.snapshot], layers, notice),
            self.on(self.depths.select, self.choose_layer),
        ]

    def wire_marks(self) -> None:
        """Colours, words to find, clicks, sentences of one's own."""

        def on(events: Any, handler: Any, outputs: list[Any], **more: Any) -> None:
            self.lab.on(events, handler, self.inputs(), outputs, self.notice, **more)

        newest = {"trigger_mode": "always_last"}
        marks = [self.map.marks, self.listed]
        colours = [self.map.colours, self.arm, self.link]
        on([self.by.input, self.arm.input], self.recolour, colours, **newest)
        on([self.find.input, self.find.submit], self.search, [*marks, self.link], **newest)
        on(self.map.view.select, self.point, marks, **newest)
        put = [self.sentence.submit, self.place.click]
        on(put, self.put, [*marks, self.snapshot, self.link])

    def renew(self, values: Values) -> Values:
        """Renew what can be chosen, with the open study; what was drawn of other rows is drawn
        again when somebody looks.
        """
        lang, study = values[self.lab.lang], values[self.lab.study_id]
        known = choices(self.lab, study, lang)
        chosen = values[self.rows] if values[self.rows] in [value for _, value in known] else DATA
        runs = runs_of(self.lab, study, lang, headed=False)
        return {
            self.rows: gr.Dropdown(choices=known, value=chosen),
            self.examples: _examples_html(runs, lang),
        }

    def take_example(self, values: Values, event: gr.EventData) -> Iterator[Values]:
        """Draw what an example draws, or train what can be drawn."""
        lang = values[self.lab.lang]
        runs = runs_of(self.lab, values[self.lab.study_id], lang, headed=False)
        example = pressed_example(event, _examples(runs))
        if example is None:
            return
        words, rows, method, model = example
        if words == TRAIN:
            yield self.train(values)
            return
        plane = {self.rows: rows, self.method: method, self.layer: ""}
        models = {self.picker.model: model, self.picker.beside: ""}
        yield from self.ask(values, {**plane, **models, self.by: BY[0], self.find: ""})

    def show_trained(self, values: Values) -> Iterator[Values]:
        """The map before and after what an example has trained."""
        name, lang = values[self.ready], values[self.lab.lang]
        runs = runs_of(self.lab, name, lang, headed=False) if name else []
        if runs:
            given = {self.rows: TEST, self.picker.model: runs[0][1], self.picker.beside: ""}
            rows = gr.Dropdown(choices=choices(self.lab, name, lang), value=TEST)
            yield {**given, self.rows: rows}
            yield from self.ask({**values, **given, self.lab.study_id: name})

    # --- the map ---

    def ask(self, values: Values, given: Mapping[Any, Any] = NOTHING_GIVEN) -> Iterator[Values]:
        """The quick map as soon as there is one, then the one asked for."""
        values, lang = {**values, **given}, values[self.lab.lang]
        if given:
            yield dict(given)
        study = values[self.lab.study_id]
        texts = texts_of(self.lab, values[self.rows] or DATA, values[self.lab.dataset_id], study)
        chosen = [values[field] for field in self.picker.fields.values()]
        checkpoints, names = checkpoints_of(self.lab, chosen, study, lang)
        method, layer = values[self.method] or METHODS[0], _layer(values[self.layer])
        yield {self.stop: gr.Button(visible=True), self.depths: "", self.listed: ""}
        snapshot, check = None, self.turn(values)
        items = map_of(self.lab, checkpoints, texts, method=method, layer=layer)
        try:
            for item, seconds in self.parts(items, check):
                if isinstance(item, Step):
                    status = _status_html(item, seconds, method if snapshot else "", lang)
                    yield {self.status: status}
                    continue
                with_texts = snapshot is None
                snapshot = MapSnapshot(texts, tuple(checkpoints), tuple(names), method, layer, item)
                drawn = self.draw(snapshot, values, with_texts=with_texts)
                yield {**drawn, self.snapshot: snapshot}
        except UserError:
            yield self.at_rest()
            raise
        yield self.at_rest()
        if (values[self.sentence] or "").strip():
            yield self.put({**values, self.snapshot: snapshot})
        elif values[self.find]:
            yield self.search({**values, self.snapshot: snapshot})

    def draw(self, snapshot: MapSnapshot, values: Values, *, with_texts: bool = False) -> Values:
        """Draw everything that a map changes on the page."""
        lang, texts, arm = values[self.lab.lang], snapshot.texts, snapshot.arm(values[self.arm])
        by = values[self.by] if arm else BY[0]
        chosen = "" if snapshot.layer is None else str(snapshot.layer)
        arms = gr.Dropdown(
            choices=texts.chosen_by(lang), value=arm or None, visible=by in OF_AN_ARM
        )
        return {
            self.map.view: _map_update(snapshot, lang),
            self.map.colours: colours_update(colouring(texts, by, arm, lang)),
            self.map.marks: marks_update(Marked(placed=snapshot.placed)),
            **({self.map.texts: texts_update(texts.lines)} if with_texts else {}),
            self.summary: summary_html(snapshot, lang),
            self.link: self.link_of(values),
            self.by: by,
            self.layer: gr.Dropdown(choices=_layers(snapshot.found, lang), value=chosen),
            self.arm: arms,
        }

    def link_of(self, values: Values) -> str:
        """The link to what the form says."""
        lang, study = values[self.lab.lang], values[self.lab.study_id]
        return link_of(self.id, self.fields, values, lang, study=study)

    def recolour(self, values: Values) -> Values:
        """Other colours."""
        snapshot, lang = values[self.snapshot], values[self.lab.lang]
        if snapshot is None:
            return {}
        arm = snapshot.arm(values[self.arm])
        if values[self.by] != BY[0] and not arm:
            raise UserError(t(lang, "map_no_answers"))
        colours = colouring(snapshot.texts, values[self.by], arm, lang)
        return {
            self.map.colours: colours_update(colours),
            self.link: self.link_of(values),
            self.arm: gr.Dropdown(
                choices=snapshot.texts.chosen_by(lang),
                value=arm or None,
                visible=values[self.by] in OF_AN_ARM and bool(arm),
            ),
        }

    # --- pointing, searching, sentences of one's own ---

    def point(self, values: Values, event: gr.EventData) -> Values:
        """A click shows the nearest texts, a circle the texts in it."""
        snapshot, lang, sent = values[self.snapshot], values[self.lab.lang], event._data
        if snapshot is None:
            return {}
        count = len(snapshot.texts.examples)
        if isinstance(sent.get("rows"), list):
            rows = [i for i in sent["rows"] if isinstance(i, int) and 0 <= i < count]
            head = t(lang, "map_circled", n=f"{len(rows):,}")
            arm = snapshot.arm(values[self.arm])
            return {self.listed: _rows_html(snapshot, rows, arm, head, lang) if rows else ""}
        row = sent.get("row")
        if not isinstance(row, int) or not 0 <= row < count:
            return {}
        near = _nearest(self.lab, snapshot, row)
        here = near[min(len(near) - 1, 1 if sent.get("side") == 1 else 0)]
        head = t(lang, "map_nearest", text=clip(snapshot.texts.lines[row], 160))
        marks = Marked(start=row, near=[i for i, _ in here], placed=snapshot.placed)
        listed = _nearest_html(snapshot, head, snapshot.texts.label(row), near, lang)
        return {self.map.marks: marks_update(marks), self.listed: listed}

    def search(self, values: Values) -> Values:
        """Rings around the texts that hold some words."""
        snapshot, lang, words = values[self.snapshot], values[self.lab.lang], values[self.find]
        if snapshot is None:
            return {}
        words, listed = (words or "").strip(), ""
        rows = snapshot.texts.holding(words)
        if words:
            head = t(lang, "map_found", n=f"{len(rows):,}", words=clip(words, 60))
            listed = _rows_html(snapshot, rows, snapshot.arm(values[self.arm]), head, lang)
        marks = Marked(rows=rows[:FOUND_SHOWN], placed=snapshot.placed)
        return {
            self.map.marks: marks_update(marks),
            self.listed: listed,
            self.link: self.link_of(values),
        }

    def put(self, values: Values) -> Values:
        """A sentence of the visitor's own goes onto the map, which stays as it is."""
        snapshot, lang = values[self.snapshot], values[self.lab.lang]
        if snapshot is None:
            return {}
        text, found = values[self.sentence] or "", snapshot.found
        plane = {"method": found.method, "layer": snapshot.layer}
        sides = place_of(self.lab, snapshot.checkpoints, snapshot.texts, Example(0, text), **plane)
        sentences = (*snapshot.sentences, (text, sides))[-SENTENCES_KEPT:]
        snapshot = dataclasses.replace(snapshot, sentences=sentences)
        near = [_listed(found, side.near[0], side.cosines[0]) for side in sides]
        head = t(lang, "map_nearest", text=clip(text, 160))
        return {
            self.map.marks: marks_update(Marked(placed=snapshot.placed)),
            self.listed: _nearest_html(snapshot, head, "", near, lang),
            self.snapshot: snapshot,
            self.link: self.link_of(values),
        }

    # --- layer by layer ---

    def draw_layers(self, values: Values) -> Iterator[Values]:
        """Draw how well labels separate at every layer."""
        snapshot, lang = values[self.snapshot], values[self.lab.lang]
        if snapshot is None:
            return
        yield {self.stop: gr.Button(visible=True)}
        items = map_of(
            self.lab,
            snapshot.checkpoints,
            snapshot.texts,
            method="pca",
            layer=snapshot.layer,
            by_layer=True,
        )
        for item, seconds in self.parts(items):
            if isinstance(item, Step):
                yield {self.status: _status_html(item, seconds, "", lang)}
            elif item.sides[0].by_layer:
                yield {self.depths: _layers_figure(item, snapshot.names, lang)}
        yield self.at_rest()

    def choose_layer(self, values: Values, event: gr.EventData) -> Iterator[Values]:
        """The layer whose number was clicked."""
        depth, snapshot = event._data.get("id"), values[self.snapshot]
        if snapshot is not None and isinstance(depth, int) and 0 <= depth <= snapshot.found.layers:
            yield from self.ask(values, {self.layer: str(depth)})

    # --- for programs ---

    @staticmethod
    def endpoint(
        lab: Lab,
        rows: str = "",
        study: str = "",
        model: str = "minilm",
        beside: str = "",
        method: str = "pca",
        layer: int = -1,
        by_layer: bool = False,
    ) -> dict[str, Any]:
        """Texts as points of a plane, of one model, of two, or of a model before and after
        training.

        Args:
            rows: the dataset id of a bundled sample (the default is the first of them), or test or
                all for rows of a study.
            study: the name of a study, as it is in the page's address.
            model: a model, or run: and the id of a kept run of the study that trained its model.
            beside: another one, brought onto the first.
            method: pca, umap or tsne.
            layer: the mean over the tokens of a layer; -1 for the sentence embedding.
            by_layer: also measure how well labels separate at every layer.
        """
        texts = texts_of(lab, str(rows or FIRST_DATA), "", str(study))
        checkpoints, names = checkpoints_of(lab, [str(model), str(beside)], str(study))
        depth = None if whole_number(layer) < 0 else whole_number(layer)
        items = map_of(
            lab, checkpoints, texts, method=str(method), layer=depth, by_layer=bool(by_layer)
        )
        return _as_json(last(items), texts, names)


def _as_json(found: EmbeddingMap, texts: Texts, names: Sequence[str]) -> dict[str, Any]:
    """A map as plain values."""
    drawn = [texts.examples[i] for i in found.rows]
    return {
        "method": found.method,
        "layers": found.layers,
        "share": found.share,
        "notes": list(found.notes),
        "rows": [e.row for e in drawn],
        "labels": [list(e.labels) for e in drawn],
        "sides": [
            {
                "model": name,
                "places": s.places.tolist(),
                "apart": s.apart and dataclasses.asdict(s.apart),
                "by_layer": [a and dataclasses.asdict(a) for a in s.by_layer],
            }
            for name, s in zip(names, found.sides, strict=True)
        ],
    }


# --- drawing --------------------------------------------------------------------------------------


def _layer(chosen: Any) -> int | None:
    return int(chosen) if str(chosen or "").isdecimal() else None


def _layers(found: EmbeddingMap, lang: str) -> list[tuple[str, str]]:
    """Layers to choose from."""
    numbered = [(str(i), str(i)) for i in range(1, found.layers + 1)]
    usual = t(lang, "map_all_layers" if found.mentions else "map_embedding")
    return [(usual, ""), (t(lang, "map_layer_0"), "0"), *numbered]


def _map_update(snapshot: MapSnapshot, lang: str) -> str:
    found, axes = snapshot.found, None
    if found.share:
        axes = [
            t(lang, "map_axis", n=i, share=percent(share, 0))
            for i, share in enumerate(found.share, start=1)
        ]
    label = "map_label_spans" if found.mentions else "map_label"
    label += "" if len(found.sides) == 1 else "_two"
    return map_update(
        found,
        id=f"{snapshot.texts.name} {snapshot.checkpoints} {found.method} {found.layer}",
        total=len(snapshot.texts.examples),
        names=snapshot.names,
        axes=axes,
        label=t(lang, label, n=f"{len(found.rows):,}", method=_method(found.method)),
        words={key: t(lang, f"map_{key}") for key in BUTTONS} | {"picture": t(lang, "picture")},
    )


def _layers_figure(found: EmbeddingMap, names: Sequence[str], lang: str) -> str:
    sides = [
        dataclasses.replace(side, model=name) for name, side in zip(names, found.sides, strict=True)
    ]
    return drawing(
        apart_by_layer(sides, language=lang),
        t(lang, "map_by_layer_label"),
        picture=("labels-by-layer", t(lang, "picture")),
    )


def _method(name: str) -> str:
    return {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}[name]


def _status_html(step: Step, seconds: float, drawing: str, lang: str) -> str:
    """Show progress; while a slow map is computed, the quick one is on the page already."""
    if drawing and step.total <= 1:
        sentence = t(lang, "map_step_slow", method=_method(drawing), time=duration(seconds, lang))
        return f"<div class='tl-status'><p role='status'>{escaped(sentence)}</p></div>"
    left = duration(seconds / step.done * (step.total - step.done), lang) if step.done else "…"
    sentence = t(
        lang,
        f"map_step_{'slow_n' if drawing else step.phase if step.phase == 'embed' else 'read'}",
        done=f"{step.done:,}",
        total=f"{step.total:,}",
        left=left,
        method=_method(drawing) if drawing else "",
    )
    return (
        f"<div class='tl-status'>{bar(step.done / max(1, step.total), sentence)}<p"
        f" role='status'>{escaped(sentence)}</p></div>"
    )


def summary_html(snapshot: MapSnapshot, lang: str) -> str:
    """Say how well labels separate, side by side, and what a reader must know."""
    found = snapshot.found
    rows = [
        (
            escaped(name),
            f"<b>{percent(a.accuracy)}</b>",
            percent(a.commonest),
            escaped("–" if a.silhouette is None else f"{a.silhouette:.3f}".replace("-", "−")),
        )
        for name, side in zip(snapshot.names, found.sides, strict=True)
        if (a := side.apart)
    ]
    head = [
        t(lang, "map_who"),
        t(lang, "map_told"),
        t(lang, "map_commonest"),
        t(lang, "map_silhouette"),
    ]
    table = table_html(t(lang, "map_apart"), head, rows) if rows else ""
    return (
        f"<section class='tl-card tl-apart'>{table}{notes_html(found.notes, lang)}</section>"
        if table or found.notes
        else ""
    )


# --- texts in lists -------------------------------------------------------------------------------


def _nearest(lab: Lab, snapshot: MapSnapshot, row: int) -> list[list[tuple[int, float]]]:
    """Return on every side the nearest texts by position among all, and their cosines."""
    found = snapshot.found
    at = int(np.searchsorted(found.rows, row))
    if (
        at < len(found.rows)
        and found.rows[at] == row
        and all(len(side.near) for side in found.sides)
    ):
        return [_listed(found, side.near[at], side.cosines[at]) for side in found.sides]
    answers = place_of(
        lab,
        snapshot.checkpoints,
        snapshot.texts,
        snapshot.texts.examples[row],
        method="pca",
        layer=snapshot.layer,
    )
    everything = dataclasses.replace(found, rows=np.arange(len(snapshot.texts.examples)))
    return [
        [(i, c) for i, c in _listed(everything, side.near[0], side.cosines[0]) if i != row]
        for side in answers
    ]


def _listed(found: EmbeddingMap, near: np.ndarray, cosines: np.ndarray) -> list[tuple[int, float]]:
    return [(int(found.rows[i]), float(c)) for i, c in zip(near, cosines, strict=True)]


def _rows_html(snapshot: MapSnapshot, rows: Sequence[int], arm: str, head: str, lang: str) -> str:
    """Some of the texts, with what is known of them."""
    texts = snapshot.texts
    predictions: Sequence[str | None] = texts.predictions(arm) if arm else ()
    right: Sequence[float] = texts.right(arm).tolist() if arm else ()
    columns = [
        t(lang, "head_row"),
        t(lang, "head_text"),
        t(lang, "head_given"),
        *([texts.names(lang).get(arm, arm)] if arm else []),
    ]
    cells = []
    for i in rows[:ROWS_SHOWN]:
        answer = (
            [
                escaped(
                    "–"
                    if predictions[i] is None
                    else f"{'✓' if right[i] else '✗'} {predictions[i]}"
                )
            ]
            if arm
            else []
        )
        cells.append(
            (
                str(texts.examples[i].row),
                _text_html(texts.lines[i]),
                f"<bdi>{escaped(texts.label(i))}</bdi>",
                *answer,
            )
        )
    more = (
        f"<p class='tl-fine'>{escaped(t(lang, 'rows_first', n=ROWS_SHOWN))}</p>"
        if len(rows) > ROWS_SHOWN
        else ""
    )
    return (
        "<section class='tl-card tl-listed'"
        " role='status'>"
        f"{table_html(head, columns, cells) if rows else f'<p>{escaped(head)}</p>'}{more}"
        "</section>"
    )


def _nearest_html(
    snapshot: MapSnapshot,
    head: str,
    label: str,
    near: Sequence[Sequence[tuple[int, float]]],
    lang: str,
) -> str:
    """The nearest texts on every side, side by side; those with another label are marked."""
    columns = [t(lang, "head_text"), t(lang, "head_given"), t(lang, "map_cosine")]
    parts = []
    for name, listed in zip(snapshot.names, near, strict=True):
        cells = []
        for i, cosine in listed:
            given = snapshot.texts.label(i)
            mark = "≠ " if label and given != label else ""
            cells.append(
                (
                    _text_html(snapshot.texts.lines[i]),
                    f"{mark}<bdi>{escaped(given)}</bdi>",
                    f"{cosine:.2f}".replace("-", "−"),
                )
            )
        parts.append(f"<div>{table_html(name, columns, cells)}</div>")
    given = f" <span class='tl-level'><bdi>{escaped(label)}</bdi></span>" if label else ""
    return (
        "<section class='tl-card tl-listed'"
        f" role='status'><p><b><bdi>{escaped(head)}</bdi></b>{given}</p><div"
        f" class='tl-sides'>{''.join(parts)}</div></section>"
    )


def _text_html(text: str) -> str:
    return f"<span dir='auto'>{escaped(clip(text, 200))}</span>"


# --- examples -------------------------------------------------------------------------------------


def _examples(runs: Sequence[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """(words, texts, method, model): what runs of the open study moved, or how to have one; then
    the samples.
    """
    moved = [(title, TEST, "pca", value) for title, value in runs[:3]]
    samples = [(key, rows, method, READER[language]) for key, rows, method, language in EXAMPLES]
    return [*(moved or [(TRAIN, "", "", "")]), *samples]


def _examples_html(runs: Sequence[tuple[str, str]], lang: str) -> str:
    titles = {title for title, _ in runs}
    return examples_html(
        [
            t(lang, "map_example_moved", arm=words) if words in titles else t(lang, words)
            for words, *_ in _examples(runs)
        ],
        lang,
    )


VIEW = EmbeddingMapView
