"""Word senses: one word in many sentences, as a point for each at every layer, alongside the one
point it had before.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tl_core.api.amounts import percent
from tl_core.api.errors import UserError
from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Example
from tl_core.figures.looks import DASHES, PALETTE, SYMBOLS
from tl_core.figures.results import GRID, STRONG, clean, clipped, empty, folded
from tl_core.views.senses import NUMBERS, Depth, Mention, Senses, around
from tl_core.words import phrases
from tl_core.words.phrases import number
from tl_core.words.phrases import say as phrase
from tl_ui.components.clickable import at
from tl_ui.components.html import escaped, table_html
from tl_ui.components.plotly_view import TAKE_STEP, drawing, plotly_view
from tl_ui.lab import Lab
from tl_ui.views._base import NOTHING_GIVEN, Snapshot, Values, View
from tl_ui.views._shared.answers import answer_to, notes_html, side_by_side, unreadable_html
from tl_ui.views._shared.model_picker import FIRST, ModelPicker, Pick, in_order, reader_of, resolve
from tl_ui.views._shared.sense_sentences import EXAMPLES
from tl_ui.words import t, word

ALONE = 0.2  # of the width: the one vector that is the same in every sentence
MOST_SIDES = 2
MOST_SENTENCES = 500
LAYERS = 6  # of the slider until somebody has answered


# --- words ----------------------------------------------------------------------------------------

WORDS: dict[str, Sentence] = {
    "senses_title": say("Word senses"),
    "senses_about": say(
        "Each point is one sentence that contains the word. Older methods gave a word one "
        "vector, whatever it meant: on the left, all sentences lie on one point. A transformer "
        "makes a new vector for the word in every sentence, layer by layer, from the words "
        "around it: on the right, move the slider to see “play” a game, an instrument and a "
        "film separate.\n\nThe numbers are computed in the whole space, not on the map: how "
        "often the nearest mentions in other sentences (5 of them) vote for the correct sense, "
        "and the silhouette, which is 0 where senses are mixed and 1 where they are far apart. "
        "A dozen sentences illustrate the idea; a hundred measure it."
    ),
    "senses_word": say("Word"),
    "senses_word_info": say(
        "As written in the sentences; a Korean word is found with or without particles."
    ),
    "senses_sentences": say("Sentences, one per line"),
    "senses_sentences_info": say(
        "You can add the sense after | or a tab. With senses, there are numbers."
    ),
    "senses_ask": say("Show the senses"),
    "senses_layer_info": say("0 is the word with its position, before the first layer."),
    "senses_best": say(
        "Senses separate best here: {layer}. The nearest mentions predict the correct sense "
        "for {share} of the sentences; always predicting the most frequent sense would be "
        "correct for {commonest}."
    ),
    "senses_mixed": say(
        "Senses separate at no layer: at best the nearest mentions predict the correct one for "
        "{share} of the sentences, and always predicting the most frequent sense would be "
        "correct for {commonest}."
    ),
    "senses_no_number": say(
        "Numbers need two or more senses and a sense for every sentence; without them there is "
        "only the map."
    ),
    "senses_line": say("line {n}"),
    "senses_static": say("one vector per word"),
    "senses_depth": say("Depth"),
    "senses_nearest": say("Nearest-neighbour accuracy"),
    "senses_silhouette": say("Silhouette"),
    "senses_table": say("The numbers as a table: {model}"),
    "senses_map_label": say(
        "Map of {n} mentions of “{word}” as {model} reads them: on the left one vector for "
        "all, on the right one vector each, at the layer of the slider."
    ),
    "senses_by_layer_label": say(
        "How well the senses separate at each layer. The table below has the same numbers. "
        "Click a layer to see its map."
    ),
}


# --- the view -------------------------------------------------------------------------------------


class WordSenses(View):
    """The view."""

    words = WORDS
    id, order, title, about = "senses", 40, "senses_title", "senses_about"
    ask_label, numbers, slow, endpoint_name = "senses_ask", NUMBERS, True, "word_senses"

    def draw_question(self) -> None:
        """A word, and sentences with it."""
        first_word, first_sentences = EXAMPLES[0]
        self.word = gr.Textbox(
            first_word,
            label=word("senses_word"),
            info=word("senses_word_info"),
            max_lines=1,
            elem_id="senses-word",
        )
        self.sentences = gr.Textbox(
            first_sentences,
            label=word("senses_sentences"),
            info=word("senses_sentences_info"),
            lines=8,
            max_lines=14,
            elem_id="senses-sentences",
        )

    def draw_answer(self) -> None:
        """A map for each model at a layer, and how well senses separate at each."""
        self.summary = gr.HTML(elem_id="senses-told")
        self.layer = gr.Slider(
            0,
            LAYERS,
            value=LAYERS,
            step=1,
            label=word("look_layer"),
            info=word("senses_layer_info"),
            elem_id="senses-layer",
        )
        self.maps = [
            plotly_view(label="", elem_id=f"senses-map-{i}", elem_classes="tl-card tl-drawn")
            for i in range(MOST_SIDES)
        ]
        self.mention = gr.HTML(elem_id="senses-mention")
        self.by_layer = plotly_view(
            label="", elem_id="senses-by-layer", elem_classes="tl-card tl-drawn"
        )
        self.table = gr.HTML(elem_id="senses-table")

    def draw_options(self) -> None:
        """Models, with a head or without."""
        self.picker = ModelPicker(self.lab, "senses", headed=False)

    def link_fields(self) -> dict[str, Any]:
        """Return the fields that a link holds."""
        fields = {"word": self.word, "sentences": self.sentences}
        return {**fields, **self.picker.fields, "layer": self.layer}

    def drawn(self) -> list[Any]:
        """Return what changes with an answer."""
        pictures = [*self.maps, self.mention, self.by_layer, self.table]
        return [self.summary, self.layer, *pictures, self.link]

    def waits_on(self) -> Any:
        """The summary."""
        return self.summary

    def events_that_ask(self) -> list[Any]:
        """The end of the word; sentences have many lines."""
        lists = [field.input for field in self.picker.fields.values()]
        return [self.button.click, self.word.submit, *lists]

    def wire_more(self, asking: list[Any]) -> None:
        """Layers, which the browser has already, and mentions that are clicked."""
        self.lab.on(self.by_layer.select, self.take_layer, [self.snapshot], [self.layer, self.link])
        self.lab.on(self.layer.release, self.renew_link, [self.snapshot, self.layer], [self.link])
        for drawn in self.maps:
            self.layer.change(
                None,
                [self.layer, drawn],
                [drawn],
                js=TAKE_STEP,
                api_visibility="private",
                show_progress="hidden",
            )
            self.lab.on(drawn.select, self.take_mention, [self.snapshot], [self.mention])

    def example_list(self, lang: str) -> Sequence[tuple[str, Mapping[str, Any]]]:
        """Words with several senses."""
        return [
            (
                f"{named}: {', '.join(dict.fromkeys(sentences_given(lines)[1]))}",
                {
                    "word": named,
                    "sentences": lines,
                    "model": reader_of(lines),
                },
            )
            for named, lines in in_order(EXAMPLES, lang, lambda example: example[1])
        ]

    def ask(self, values: Values, given: Mapping[Any, Any] = NOTHING_GIVEN) -> Iterator[Values]:
        """As every view; at the depth where senses separate best unless a link names one."""
        yield from super().ask({**values, self.layer: None}, given)

    def ask_model(self, pick: Pick, values: Values) -> Generator[Any, None, None]:
        """Steps, then the word as the model reads it in every sentence."""
        examples, senses = sentences_given(values[self.sentences] or "")
        return self.question(
            "word_senses",
            checkpoint=pick.checkpoint,
            word=values[self.word] or "",
            examples=examples,
            senses_of=senses,
        )

    def warning(self, picks: Sequence[Pick], values: Values) -> str:
        """Models that cannot read the sentences."""
        texts = [e.text for e in sentences_given(values[self.sentences] or "")[0]]
        return unreadable_html(self.lab, picks, texts, values[self.lab.lang])

    def draw(self, snapshot: Snapshot, values: Values) -> Values:
        """Draw everything that is shown."""
        lang, depth = values[self.lab.lang], values[self.layer]
        found = [answer.value for answer in snapshot.answers if answer.value]
        layers = max(len(one.depths) - 1 for one in found)
        if depth is None:
            depth = layers if found[0].best is None else found[0].best
        depth = min(depth, layers)
        maps = [_map(one, depth, lang) for one in found]
        maps += [""] * (MOST_SIDES - len(maps))
        measured = [one for one in found if one.best is not None]
        return {
            **dict(zip(self.maps, maps, strict=True)),
            self.summary: summary_html(snapshot, lang),
            self.layer: gr.Slider(value=depth, maximum=layers),
            self.mention: "",
            self.by_layer: _by_layer(measured, lang) if measured else "",
            self.table: "".join(_table_html(one, lang) for one in measured),
            self.link: self.link_to(snapshot, lang, layer=depth),
        }

    def take_mention(self, values: Values, event: gr.EventData) -> Values:
        """The mention that was clicked; every model has read the same sentences."""
        place, snapshot = event._data.get("id"), values[self.snapshot]
        for answer in snapshot.answers if snapshot else ():
            found = answer.value
            if isinstance(place, int) and at(found and found.mentions, place):
                return {self.mention: _mention_html(found, place, values[self.lab.lang])}
        return {}

    def take_layer(self, values: Values, event: gr.EventData) -> Values:
        """The layer whose number was clicked."""
        depth = event._data.get("id")
        if not isinstance(depth, int) or depth < 0:
            return {}
        return {self.layer: depth, **self.renew_link({**values, self.layer: depth})}

    def renew_link(self, values: Values) -> Values:
        """A link holds the layer, too."""
        snapshot, lang = values[self.snapshot], values[self.lab.lang]
        if not snapshot:
            return {}
        return {self.link: self.link_to(snapshot, lang, layer=values[self.layer])}

    @staticmethod
    def endpoint(lab: Lab, word: str, sentences: str, model: str = FIRST) -> dict[str, Any]:
        """One word in many sentences: its place at every layer, and how well its senses separate
        there.

        Args:
            word: the word, as it is in the sentences.
            sentences: one a line; what the word means there may follow behind | or a tab.
            model: who reads them.
        """
        checkpoint = resolve(lab, str(model)).checkpoint
        examples, senses = sentences_given(str(sentences))
        question = {"word": str(word), "examples": examples, "senses_of": senses}
        found: Senses = answer_to(lab, NUMBERS, "word_senses", checkpoint=checkpoint, **question)
        return found.plain()


# --- sentences ------------------------------------------------------------------------------------


def sentences_given(text: str) -> tuple[list[Example], list[str]]:
    """The sentences, one a line, numbered by their lines; and what the word means in each, which
    may are behind a tab or |.

    Raises:
        UserError: there is none, or there are too many.
    """
    NUMBERS.check({"text": text})
    found = [
        (n, *_with_sense(line))
        for n, line in enumerate((text or "").splitlines(), start=1)
        if line.strip(" \t|")
    ]
    if not found:
        raise UserError(say("Write some sentences first, one a line."))
    if len(found) > MOST_SENTENCES:
        raise UserError(
            say(
                "There are {found:,} sentences; at most {most_sentences} are looked at here."
                " Leave some out.",
                found=len(found),
                most_sentences=MOST_SENTENCES,
            )
        )
    return [Example(n, sentence) for n, sentence, _ in found], [sense for _, _, sense in found]


def _with_sense(line: str) -> tuple[str, str]:
    sentence, mark, sense = line.rpartition("\t" if "\t" in line else "|")
    return (sentence.strip(), sense.strip()) if mark else (line.strip(), "")


# --- drawing --------------------------------------------------------------------------------------


def _map(found: Senses, depth: int, lang: str) -> str:
    steps = [senses_map(found, i, language=lang) for i in range(len(found.depths))]
    label = t(lang, "senses_map_label", word=found.word, n=len(found.mentions), model=found.model)
    return drawing(
        steps[0], label, picture=("word-senses", t(lang, "picture")), steps=steps, at=depth
    )


def _by_layer(measured: Sequence[Senses], lang: str) -> str:
    return drawing(
        senses_by_layer(measured, language=lang),
        t(lang, "senses_by_layer_label"),
        picture=("senses-by-layer", t(lang, "picture")),
    )


def summary_html(snapshot: Snapshot, lang: str) -> str:
    """Describe what each model makes of it, in a sentence."""
    return snapshot.warning + side_by_side(
        snapshot.answers,
        lambda _, found: notes_html(found.notes, lang),
        lambda found: _best_depth(found, lang),
        lang,
    )


def _best_depth(found: Senses, lang: str) -> str:
    """Say where senses separate best."""
    if found.best is None:
        return t(lang, "senses_no_number")
    best = found.depths[found.best].apart
    assert best is not None  # or there were no best
    if best.accuracy <= best.commonest:
        return t(
            lang,
            "senses_mixed",
            share=percent(best.accuracy, 0),
            commonest=percent(best.commonest, 0),
        )
    layer = layer_name(found.best, len(found.depths) - 1, lang)
    return t(
        lang,
        "senses_best",
        layer=layer,
        share=percent(best.accuracy, 0),
        commonest=percent(best.commonest, 0),
    )


def _mention_html(senses: Senses, place: int, lang: str) -> str:
    mention = senses.mentions[place]
    before, marked, after = map(escaped, around(mention))
    sense = f"<b>{escaped(mention.sense)}</b> · " if mention.sense else ""
    about = f"{t(lang, 'senses_line', n=f'{mention.row:,}')} · {' '.join(senses.pieces[place])}"
    return (
        "<section class='tl-card tl-said'"
        f" role='status'><p>{sense}<bdi>{before}<mark>{marked}</mark>{after}</bdi></p><p"
        f" class='tl-fine'>{escaped(about)}</p></section>"
    )


def _table_html(found: Senses, lang: str) -> str:
    rows = [_row(t(lang, "senses_static"), found.static)]
    rows += [
        _row(layer_name(i, len(found.depths) - 1, lang), depth)
        for i, depth in enumerate(found.depths)
    ]
    head = [t(lang, "senses_depth"), t(lang, "senses_nearest"), t(lang, "senses_silhouette")]
    return (
        f"<details><summary>{escaped(t(lang, 'senses_table', model=found.model))}</summary>"
        f"{table_html(found.model, head, rows)}</details>"
    )


def _row(named: str, depth: Depth) -> tuple[str, str, str]:
    apart = depth.apart
    assert apart is not None  # the table is drawn where senses are known
    silhouette = "–" if apart.silhouette is None else f"{apart.silhouette:.2f}".replace("-", "−")
    return escaped(named), escaped(percent(apart.accuracy)), silhouette


# --- figures --------------------------------------------------------------------------------------


def senses_map(found: Senses, depth: int, *, language: str = "en") -> go.Figure:
    """Left the word before anything is read, one place for all sentences; right its places at a
    depth, by sense.

    A point's customdata is the position of its mention.
    """
    figure = empty(height=390)
    axes = {
        "showgrid": False,
        "showticklabels": False,
        "zeroline": False,
        "showline": True,
        "mirror": True,
        "fixedrange": True,
        "linecolor": GRID,
    }
    figure.update_layout(
        xaxis={"domain": [0, ALONE], **axes},
        yaxis={"anchor": "x", **axes},
        xaxis2={"domain": [ALONE + 0.04, 1], "anchor": "y2", **axes},
        yaxis2={"anchor": "x2", "scaleanchor": "x2", "constrain": "domain", **axes},
        margin_t=44,
        legend_y=-0.06,
        legend_itemsizing="constant",
    )
    for depth_shown, x, y in ((found.static, "x", "y"), (found.depths[depth], "x2", "y2")):
        for place, name in enumerate(_names(found)):
            some = [i for i, m in enumerate(found.mentions) if m.sense == name]
            figure.add_trace(
                _points(found, depth_shown, some, name, place, language).update(
                    xaxis=x, yaxis=y, showlegend=x == "x2" and bool(name)
                )
            )
    for left, xanchor, text in (
        (0.0, "left", phrase(language, "one_vector", n=f"{len(found.mentions):,}")),
        (ALONE + 0.04, "left", layer_name(depth, len(found.depths) - 1, language)),
    ):
        lines = "<br>".join(textwrap.wrap(text, 14)) if left == 0 else text
        figure.add_annotation(
            x=left,
            y=1,
            xref="paper",
            yref="paper",
            xanchor=xanchor,
            yanchor="bottom",
            showarrow=False,
            text=lines,
            font_size=12,
            align="left",
        )
    span = max(0.05, 1.12 * float(np.abs(found.static.places).max(initial=0)))
    return figure.update_layout(xaxis_range=[-span, span], yaxis_range=[-span, span])


def layer_name(depth: int, layers: int, language: str) -> str:
    """Return the name of a depth."""
    return (
        phrase(language, "before_layers")
        if depth == 0
        else phrase(language, "layer_of", n=depth, all=layers)
    )


def _names(found: Senses) -> list[str]:
    return sorted({m.sense for m in found.mentions})


def _points(
    found: Senses, depth: Depth, some: list[int], name: str, place: int, language: str
) -> go.Scatter:
    colour, symbol = (
        (PALETTE[place % len(PALETTE)], SYMBOLS[place % len(SYMBOLS)])
        if name or len(_names(found)) > 1
        else (STRONG, "circle")
    )
    return go.Scatter(
        x=depth.places[some, 0].tolist(),
        y=depth.places[some, 1].tolist(),
        mode="markers",
        name=clipped(name) or "–",
        legendgroup=str(place),
        marker={
            "color": colour,
            "symbol": symbol,
            "size": 11,
            "opacity": 0.85,
            "line": {"width": 1, "color": "rgba(255,255,255,0.7)"},
        },
        customdata=some,
        hoverinfo="text",
        hovertext=[_mention_told(found.mentions[i]) for i in some],
    )


def _mention_told(mention: Mention) -> str:
    before, word, after = (clean(part) for part in around(mention))
    marked = f"{before[-60:]} «{word}» {after[:60]}".strip()
    lines = [html.escape(line, quote=False) for line in textwrap.wrap(marked, 38)]
    return "<br>".join(([f"<b>{folded(mention.sense)}</b>"] if mention.sense else []) + lines)


def senses_by_layer(found: Sequence[Senses], *, language: str = "en") -> go.Figure:
    """Draw how well senses separate at every depth: share predicted from their nearest, and
    silhouette; a line for each model.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12)
    figure.update_layout(empty(height=380).layout)
    for place, one in enumerate(found):
        look = {
            "color": PALETTE[place % len(PALETTE)],
            "dash": DASHES[place % len(DASHES)],
            "width": 2,
        }
        marker = {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8, "color": look["color"]}
        measured = [d.apart for d in (one.static, *one.depths) if d.apart is not None]
        names = [
            phrase(language, "one_vector_short"),
            *(layer_name(i, len(one.depths) - 1, language) for i in range(len(one.depths))),
        ]
        for row, values in (
            (1, [100 * d.accuracy for d in measured]),
            (2, [d.silhouette for d in measured]),
        ):
            lines = [
                f"<b>{clipped(one.model)}</b><br>{name}<br>"
                + (
                    "–"
                    if v is None
                    else phrases.percent(v / 100, language)
                    if row == 1
                    else number(v, 2)
                )
                for name, v in zip(names, values, strict=True)
            ]
            figure.add_trace(
                go.Scatter(
                    x=list(range(-1, len(one.depths))),
                    y=values,
                    mode="lines+markers",
                    name=clipped(one.model),
                    legendgroup=str(place),
                    showlegend=row == 1,
                    line=look,
                    marker=marker,
                    hoverinfo="text",
                    hovertext=lines,
                    customdata=list(range(-1, len(one.depths))),
                ),
                row=row,
                col=1,
            )
    most = max(len(one.depths) for one in found)
    ticks = {
        "tickvals": list(range(-1, most)),
        "ticktext": [
            phrase(language, "one_vector_short").replace(" ", "<br>", 1),
            *map(str, range(most)),
        ],
        "range": [-1.4, most - 0.6],
    }
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
        "title_font_size": 12,
    }
    figure.update_xaxes(**axis, **ticks).update_yaxes(**axis)
    figure.update_xaxes(title_text=phrase(language, "axis_layer"), row=2)
    figure.update_yaxes(
        title_text=phrase(language, "told_by_nearest"), range=[-4, 104], nticks=5, row=1
    )
    figure.update_yaxes(title_text=phrase(language, "silhouette"), nticks=5, row=2)
    return figure.update_layout(showlegend=len(found) > 1, legend_y=-0.24)


VIEW = WordSenses
