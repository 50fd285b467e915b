"""Attention: which tokens every token of a text looks at, in each head of each layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go

from tl_core.api.amounts import percent
from tl_core.api.sentences import Sentence, say
from tl_core.figures.results import (
    clean,
    clipped,
    empty,
    folded,
)
from tl_core.views.attention import NUMBERS
from tl_core.views.attention import Attention as Weights
from tl_core.words import phrases
from tl_core.words.phrases import say as phrase
from tl_ui.components.clickable import button, pressable, pressed
from tl_ui.components.html import escaped
from tl_ui.components.plotly_view import drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.views._base import Snapshot, Values, View
from tl_ui.views._shared.answers import (
    answer_to,
    notes_html,
    side_by_side,
    unreadable_html,
    whole_number,
)
from tl_ui.views._shared.model_picker import FIRST, ModelPicker, Pick, resolve
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

    def given(self) -> dict[str, Any]:
        """Return what it puts into the form, by names of fields."""
        return {name: v for name, v in dataclasses.asdict(self).items() if name != "about"}


EXAMPLES = (  # heads of the model that comes along
    Example("attention_example_it", "The cat sat on the mat because it was tired.", "", 4, 2, 8),
    Example(
        "attention_example_before", "The cat sat on the mat because it was tired.", "", 1, 3, 8
    ),
    Example("attention_example_pair", "The film was great.", "I liked the movie.", 5, 1, 2),
)
TICKS = 36  # tokens that have room for their names along an axis
TOKEN_SHOWN = 12  # characters of a token along an axis
MOST_SIDES = 2
LAYERS, HEADS = 6, 12  # of the sliders until somebody has answered
LISTED = 3  # tokens named that the pressed one looks at


# --- words ----------------------------------------------------------------------------------------

WORDS: dict[str, Sentence] = {
    "attention_title": say("Attention"),
    "attention_about": say(
        "To make a new vector for a token, a transformer takes something from all the others. "
        "How much it takes from each is its attention: shares that sum to 100%. Every layer "
        "does this in several heads at once, and each head has learned to look for something: "
        "the token before, the token a pronoun refers to, the same word in the other sentence. "
        "Click a token to see what it attends to; in the map, each row attends to its columns, "
        "the darker the more.\n\nMany heads attend to [CLS], [SEP] or a full stop when they "
        "find nothing: that is where they rest. Attention shows where a model looked, which "
        "need not be why it decided (Jain & Wallace 2019); “Which words mattered” asks that. "
        "After a study, you can choose what it trained and see the model before training side "
        "by side."
    ),
    "attention_ask": say("Show attention"),
    "attention_head": say("Head"),
    "attention_head_info": say("0 is the mean over all heads of the layer."),
    "attention_example_it": say("What “it” refers to (layer 4, head 2)"),
    "attention_example_before": say("A head that attends to the token before (layer 1, head 3)"),
    "attention_example_pair": say("From “film” to “movie”, across two texts (layer 5, head 1)"),
    "attention_where": say("{model}, layer {layer} of {layers}, head {head} of {heads}"),
    "attention_where_mean": say("{model}, layer {layer} of {layers}, mean of its {heads} heads"),
    "attention_press": say("Click a token to see what it attends to:"),
    "attention_whom": say("what does “{token}” attend to?"),
    "attention_told": say("“{token}” attends to {told}."),
    "attention_map_label": say(
        "Attention map of {where}: rows attend to columns. The tokens above show one row with "
        "the same numbers; click a row to choose it."
    ),
}


# --- the view -------------------------------------------------------------------------------------


class Attention(View):
    """The view."""

    words = WORDS
    id, order, title, about = "attention", 50, "attention_title", "attention_about"
    ask_label, numbers = "attention_ask", NUMBERS

    def draw_question(self) -> None:
        """A text, or two."""
        self.text = gr.Textbox(
            EXAMPLES[0].text,
            label=word("look_text"),
            lines=1,
            max_lines=8,
            elem_id="attention-text",
        )
        self.text_b = gr.Textbox(
            label=word("tokens_text_b"),
            info=word("tokens_text_b_info"),
            lines=1,
            max_lines=8,
            elem_id="attention-text-b",
        )

    def draw_answer(self) -> None:
        """Layer and head, the tokens to press, and a map for each model."""
        with gr.Row():
            self.layer = gr.Slider(
                1,
                LAYERS,
                value=EXAMPLES[0].layer,
                step=1,
                label=word("look_layer"),
                min_width=200,
                elem_id="attention-layer",
            )
            self.head = gr.Slider(
                0,
                HEADS,
                value=EXAMPLES[0].head,
                step=1,
                label=word("attention_head"),
                info=word("attention_head_info"),
                min_width=200,
                elem_id="attention-head",
            )
        self.out = pressable(elem_id="attention-out")
        self.maps = [
            plotly_view(label="", elem_id=f"attention-map-{i}", elem_classes="tl-card tl-drawn")
            for i in range(MOST_SIDES)
        ]
        self.token = gr.State(EXAMPLES[0].token)  # place of the token that was pressed

    def draw_options(self) -> None:
        """Models, with a head or without."""
        self.picker = ModelPicker(self.lab, "attention", headed=False)

    def link_fields(self) -> dict[str, Any]:
        """Return the fields that a link holds."""
        place = {"layer": self.layer, "head": self.head, "token": self.token}
        return {"text": self.text, "text_b": self.text_b, **self.picker.fields, **place}

    def drawn(self) -> list[Any]:
        """Return what changes with the layer, the head and the token."""
        return [self.layer, self.head, self.token, self.out, *self.maps, self.link]

    def wire_more(self, asking: list[Any]) -> None:
        """Another layer, head or token of the same answers."""
        looked = [self.layer, self.head, self.token, self.snapshot]
        sliders = [self.layer.input, self.head.input]
        self.lab.on(sliders, self.redraw, looked, self.drawn(), trigger_mode="always_last")
        self.lab.on(self.out.select, self.press, looked, self.drawn())
        for drawn in self.maps:
            self.lab.on(drawn.select, self.press_map, looked, self.drawn())

    def example_list(self, lang: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Heads that do something a person can see."""
        return [
            (t(lang, example.about), {**example.given(), "model": FIRST, "beside": ""})
            for example in EXAMPLES
        ]

    def ask_model(self, pick: Pick, values: Values) -> Generator[Weights, None, None]:
        """The weights of every head, small enough to be kept while the page is open."""
        text, text_b = values[self.text] or "", values[self.text_b] or None
        question = {"checkpoint": pick.checkpoint, "text": text, "text_b": text_b}
        for found in self.question("attention", **question):
            yield dataclasses.replace(found, weights=found.weights.astype(np.float16))

    def warning(self, picks: Sequence[Pick], values: Values) -> str:
        """Models that cannot read the text."""
        texts = [values[self.text] or "", values[self.text_b] or ""]
        return unreadable_html(self.lab, picks, texts, values[self.lab.lang])

    def press(self, values: Values, event: gr.EventData) -> Values:
        """The token that was pressed."""
        what, numbers = pressed(event)
        if what != "token" or len(numbers) != 1:
            return {}
        return self.redraw({**values, self.token: numbers[0]})

    def press_map(self, values: Values, event: gr.EventData) -> Values:
        """The token whose row of a map was pressed."""
        row = event._data.get("id")
        return self.redraw({**values, self.token: row}) if isinstance(row, int) else {}

    def draw(self, snapshot: Snapshot, values: Values) -> Values:
        """Tokens and maps at the layer, head and token that are chosen, or the last there is."""
        lang = values[self.lab.lang]
        found = [answer.value for answer in snapshot.answers if answer.value]
        chosen = (self.layer, self.head, self.token)
        place = Place(*(int(values[component] or 0) for component in chosen)).within(found[0])
        layers, heads = (max(one.weights.shape[axis] for one in found) for axis in (0, 1))
        maps = [_map(one, place.within(one), lang) for one in found]
        maps += [""] * (MOST_SIDES - len(maps))
        return {
            **dict(zip(self.maps, maps, strict=True)),
            self.out: out_html(snapshot, place, lang),
            self.token: place.token,
            self.layer: gr.Slider(value=place.layer, maximum=layers),
            self.head: gr.Slider(value=place.head, maximum=heads),
            self.link: self.link_to(snapshot, lang, **dataclasses.asdict(place)),
        }

    @staticmethod
    def endpoint(
        lab: Lab, text: str, text_b: str = "", model: str = FIRST, layer: int = 0, head: int = 0
    ) -> dict[str, Any]:
        """Return what every token of a text attends to: rows look at columns, and sum to 1.

        Args:
            text: the text.
            text_b: a second text, read together with the first.
            model: who reads.
            layer: counted from 1; 0 for the last.
            head: counted from 1; 0 for the mean of all heads of the layer.
        """
        checkpoint, second = resolve(lab, str(model)).checkpoint, str(text_b or "") or None
        found: Weights = answer_to(
            lab, NUMBERS, "attention", checkpoint=checkpoint, text=str(text), text_b=second
        )
        chosen = whole_number(layer) or len(found.weights), whole_number(head) or None
        return found.plain(found.of(*chosen))


# --- drawing --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Place:
    """The part that is looked at: layers and heads counted from 1, head 0 for their mean, tokens
    from 0.
    """

    layer: int
    head: int
    token: int

    def within(self, found: Weights) -> Place:
        """The same, or the last there is; a visitor can send any number."""
        layers, heads, tokens = found.weights.shape[:3]
        return Place(
            max(1, min(self.layer, layers)),
            max(0, min(self.head, heads)),
            max(0, min(self.token, tokens - 1)),
        )


def _map(found: Weights, place: Place, lang: str) -> str:
    label = t(lang, "attention_map_label", where=_where(found, place, lang))
    return drawing(
        attention_map(found, place.layer, place.head or None, language=lang),
        label,
        picture=("attention", t(lang, "picture")),
    )


def _where(found: Weights, place: Place, lang: str) -> str:
    layers, heads = found.weights.shape[:2]
    return t(
        lang,
        "attention_where" if place.head else "attention_where_mean",
        model=found.model,
        layer=place.layer,
        layers=layers,
        head=place.head,
        heads=heads,
    )


def out_html(snapshot: Snapshot, place: Place, lang: str) -> str:
    """The tokens for every model, those that the pressed one looks at shaded."""
    return snapshot.warning + side_by_side(
        snapshot.answers,
        lambda _, found: _tokens_html(found, place.within(found), lang),
        lambda found: _where(found, place.within(found), lang),
        lang,
    )


def _tokens_html(found: Weights, place: Place, lang: str) -> str:
    row = found.of(place.layer, place.head or None)[place.token]
    to_tokens = row[found.trained :]
    names = [token.text for token in found.tokens]
    order = np.argsort(-to_tokens, kind="stable")[:LISTED]
    listed = ", ".join(f"“{names[i]}” ({percent(float(to_tokens[i]), 0)})" for i in order)
    strongest = max(float(to_tokens.max()), 0.01)
    chips = "".join(
        _chip(
            token.text,
            token.special,
            i,
            float(to_tokens[i]) / strongest,
            float(to_tokens[i]),
            i == place.token,
            lang,
        )
        for i, token in enumerate(found.tokens)
    )
    return (
        f"<p class='tl-fine'>{escaped(t(lang, 'attention_press'))}</p><p"
        f" class='tl-tokens'>{chips}</p>"
        "<p role='status'>"
        f"{escaped(t(lang, 'attention_told', token=names[place.token], told=listed))}</p>"
        f"{notes_html(found.notes, lang)}"
    )


def _chip(
    text: str, special: bool, i: int, shade: float, share: float, chosen: bool, lang: str
) -> str:
    inside = f"{escaped(text)}<small>{escaped(percent(share, 0))}</small>"
    kind = f"tl-token tl-press{' tl-special' if special else ''}{' tl-chosen' if chosen else ''}"
    made = button(inside, "token", i, kind=kind, label=t(lang, "attention_whom", token=text))
    return made.replace(
        "<button ",
        f"<button style='--heat:{100 * shade:.0f}%' aria-pressed='{str(chosen).lower()}' ",
        1,
    )


# --- figures --------------------------------------------------------------------------------------


def attention_map(
    found: Weights, layer: int, head: int | None, *, language: str = "en"
) -> go.Figure:
    """Draw what attends to what in a head of a layer, both counted from 1; None for the mean over
    heads. Rows look at columns, the stronger the darker. A square's customdata is its row.
    """
    weights = found.of(layer, head)
    rows, columns = weights.shape
    names = [clean(t.text)[:40] for t in found.tokens]
    across = [*(f"[{i + 1}]" for i in range(found.trained)), *names]
    figure = empty(height=130 + min(620, max(24 * rows, 160)))
    figure.add_trace(
        go.Heatmap(
            z=np.round(100 * weights, 2).tolist(),
            x=list(range(columns)),
            y=list(range(rows)),
            zmin=0,
            zmax=max(5.0, float(100 * weights.max())),
            showscale=False,
            xgap=1 if columns <= 40 else 0,
            ygap=1 if rows <= 40 else 0,
            colorscale=[[0, "rgba(0,114,178,0.04)"], [1, "rgba(0,114,178,1)"]],
            customdata=[[i] * columns for i in range(rows)],
            hoverinfo="text",
            hovertext=[
                [
                    phrase(
                        language,
                        "looks_told",
                        here=folded(names[i]),
                        there=folded(across[j]),
                        share=phrases.percent(float(weights[i, j]), language),
                    )
                    for j in range(columns)
                ]
                for i in range(rows)
            ],
        )
    )
    small = 11 if max(rows, columns) <= 24 else 9
    for update, labels, title in (
        (figure.update_xaxes, across, "axis_looked_at"),
        (figure.update_yaxes, names, "axis_looks"),
    ):
        step = -(-len(labels) // TICKS)
        kept = list(range(0, len(labels), step))
        update(
            tickvals=kept,
            ticktext=[clipped(labels[i], TOKEN_SHOWN) for i in kept],
            tickfont_size=small,
            showgrid=False,
            title_text=phrase(language, title),
            ticklabelstandoff=4,
        )
    figure.update_xaxes(tickangle=-60, side="top", range=[-0.5, columns - 0.5])
    return figure.update_yaxes(range=[rows - 0.5, -0.5]).update_layout(margin_t=4)


VIEW = Attention
