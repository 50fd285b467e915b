"""What models do with single texts -> plotly figures: word senses, attention, words that mattered. As in `figures`, whoever
shows them puts in its own colours for text and background."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tl_core.report.figures import DASHES, GRID, MUTED, PALETTE, STRONG, SYMBOLS, clean, clipped, empty, folded
from tl_core.report.words import number, percent, say
from tl_core.views.attention import Attention
from tl_core.views.occlusion import Occluded
from tl_core.views.senses import Depth, Mention, Senses, around

SENSES_DRAWN = 7  # one per colour; the others look alike
ALONE = 0.2  # of the width: the one vector that is the same in every sentence
TICKS = 36  # tokens that have room for their names along an axis
TOKEN_SHOWN = 12  # characters of a token along an axis


# --- word senses ----------------------------------------------------------------------------------------


def senses_map(found: Senses, depth: int, *, language: str = "en") -> go.Figure:
    """Left the word before anything is read, one place for all sentences; right its places at a depth, by sense.

    A point's customdata is the position of its mention.
    """
    figure = empty(height=390)
    axes = {"showgrid": False, "showticklabels": False, "zeroline": False, "showline": True, "mirror": True, "fixedrange": True, "linecolor": GRID}
    figure.update_layout(
        xaxis={"domain": [0, ALONE], **axes}, yaxis={"anchor": "x", **axes}, xaxis2={"domain": [ALONE + 0.04, 1], "anchor": "y2", **axes},
        yaxis2={"anchor": "x2", "scaleanchor": "x2", "constrain": "domain", **axes}, margin_t=44, legend_y=-0.06, legend_itemsizing="constant",
    )  # fmt: skip
    for depth_shown, x, y in ((found.static, "x", "y"), (found.depths[depth], "x2", "y2")):
        for place, name in enumerate(_names(found)):
            some = [i for i, m in enumerate(found.mentions) if m.sense == name]
            figure.add_trace(_points(found, depth_shown, some, name, place, language).update(xaxis=x, yaxis=y, showlegend=x == "x2" and bool(name)))
    for x, xanchor, text in (
        (0, "left", say(language, "one_vector", n=f"{len(found.mentions):,}")), (ALONE + 0.04, "left", layer_name(depth, len(found.depths) - 1, language)),
    ):  # fmt: skip
        lines = "<br>".join(textwrap.wrap(text, 14)) if x == 0 else text
        figure.add_annotation(x=x, y=1, xref="paper", yref="paper", xanchor=xanchor, yanchor="bottom", showarrow=False, text=lines, font_size=12, align="left")
    span = max(0.05, 1.12 * float(np.abs(found.static.places).max(initial=0)))
    return figure.update_layout(xaxis_range=[-span, span], yaxis_range=[-span, span])


def layer_name(depth: int, layers: int, language: str) -> str:
    """What a depth is called."""
    return say(language, "before_layers") if depth == 0 else say(language, "layer_of", n=depth, all=layers)


def _names(found: Senses) -> list[str]:
    return sorted({m.sense for m in found.mentions})


def _points(found: Senses, depth: Depth, some: list[int], name: str, place: int, language: str) -> go.Scatter:
    colour, symbol = (PALETTE[place % len(PALETTE)], SYMBOLS[place % len(SYMBOLS)]) if name or len(_names(found)) > 1 else (STRONG, "circle")
    return go.Scatter(
        x=depth.places[some, 0].tolist(), y=depth.places[some, 1].tolist(), mode="markers", name=clipped(name) or "–", legendgroup=str(place),
        marker={"color": colour, "symbol": symbol, "size": 11, "opacity": 0.85, "line": {"width": 1, "color": "rgba(255,255,255,0.7)"}}, customdata=some,
        hoverinfo="text", hovertext=[_mention_told(found.mentions[i]) for i in some],
    )  # fmt: skip


def _mention_told(mention: Mention) -> str:
    before, word, after = (clean(part) for part in around(mention))
    marked = f"{before[-60:]} «{word}» {after[:60]}".strip()
    lines = [html.escape(line, quote=False) for line in textwrap.wrap(marked, 38)]
    return "<br>".join(([f"<b>{folded(mention.sense)}</b>"] if mention.sense else []) + lines)


def senses_by_layer(found: Sequence[Senses], *, language: str = "en") -> go.Figure:
    """How well senses stand apart at every depth: share told by their nearest, and silhouette; a line for each model."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12)
    figure.update_layout(empty(height=380).layout)
    for place, one in enumerate(found):
        look = {"color": PALETTE[place % len(PALETTE)], "dash": DASHES[place % len(DASHES)], "width": 2}
        marker = {"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 8, "color": look["color"]}
        depths = [one.static, *one.depths]
        names = [say(language, "one_vector_short"), *(layer_name(i, len(one.depths) - 1, language) for i in range(len(one.depths)))]
        for row, values in ((1, [100 * d.apart.accuracy for d in depths]), (2, [d.apart.silhouette for d in depths])):
            told = [
                f"<b>{clipped(one.model)}</b><br>{name}<br>" + (percent(v / 100, language) if row == 1 else number(v, 2) if v is not None else "–")
                for name, v in zip(names, values, strict=True)
            ]
            figure.add_trace(
                go.Scatter(
                    x=list(range(-1, len(one.depths))), y=values, mode="lines+markers", name=clipped(one.model), legendgroup=str(place), showlegend=row == 1,
                    line=look, marker=marker, hoverinfo="text", hovertext=told, customdata=list(range(-1, len(one.depths))),
                ),
                row=row, col=1,
            )  # fmt: skip
    most = max(len(one.depths) for one in found)
    ticks = {"tickvals": list(range(-1, most)), "ticktext": [say(language, "one_vector_short").replace(" ", "<br>", 1), *map(str, range(most))], "range": [-1.4, most - 0.6]}
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True, "fixedrange": True, "title_font_size": 12}
    figure.update_xaxes(**axis, **ticks).update_yaxes(**axis)
    figure.update_xaxes(title_text=say(language, "axis_layer"), row=2)
    figure.update_yaxes(title_text=say(language, "told_by_nearest"), range=[-4, 104], nticks=5, row=1)
    figure.update_yaxes(title_text=say(language, "silhouette"), nticks=5, row=2)
    return figure.update_layout(showlegend=len(found) > 1, legend_y=-0.24)


# --- attention ------------------------------------------------------------------------------------------


def attention_map(found: Attention, layer: int, head: int | None, *, language: str = "en") -> go.Figure:
    """Who looks at whom in a head of a layer, both counted from 1; None for the mean over heads. Rows look at columns, the
    stronger the darker. A square's customdata is its row."""
    weights = found.of(layer, head)
    rows, columns = weights.shape
    names = [clean(t.text)[:40] for t in found.tokens]
    across = [*(f"[{i + 1}]" for i in range(found.trained)), *names]
    figure = empty(height=130 + min(620, max(24 * rows, 160)))
    figure.add_trace(
        go.Heatmap(
            z=np.round(100 * weights, 2).tolist(), x=list(range(columns)), y=list(range(rows)), zmin=0, zmax=max(5.0, float(100 * weights.max())), showscale=False,
            xgap=1 if columns <= 40 else 0, ygap=1 if rows <= 40 else 0, colorscale=[[0, "rgba(0,114,178,0.04)"], [1, "rgba(0,114,178,1)"]],
            customdata=[[i] * columns for i in range(rows)], hoverinfo="text",
            hovertext=[
                [say(language, "looks_told", here=folded(names[i]), there=folded(across[j]), share=percent(float(weights[i, j]), language)) for j in range(columns)]
                for i in range(rows)
            ],
        )
    )  # fmt: skip
    small = 11 if max(rows, columns) <= 24 else 9
    for update, labels, title in ((figure.update_xaxes, across, "axis_looked_at"), (figure.update_yaxes, names, "axis_looks")):
        step = -(-len(labels) // TICKS)
        kept = list(range(0, len(labels), step))
        update(
            tickvals=kept, ticktext=[clipped(labels[i], TOKEN_SHOWN) for i in kept], tickfont_size=small, showgrid=False, title_text=say(language, title),
            ticklabelstandoff=4,
        )  # fmt: skip
    figure.update_xaxes(tickangle=-60, side="top", range=[-0.5, columns - 0.5])
    return figure.update_yaxes(range=[rows - 0.5, -0.5]).update_layout(margin_t=4)


# --- words that mattered --------------------------------------------------------------------------------


def words_changed(found: Sequence[tuple[str, Occluded]], most: int = 12, *, language: str = "en") -> go.Figure:
    """By how many points the probability falls without each word: those that change most, a marker for each arm.

    Args:
        found: (name of an arm, what it said), of one text.
    """
    pieces = found[0][1].pieces
    largest = np.max([[abs(p.change) for p in one.pieces] for _, one in found], axis=0)
    order = sorted(np.argsort(-largest, kind="stable")[:most].tolist())
    figure = empty(height=120 + 24 * max(3, len(order)))
    for place, (arm, one) in enumerate(found):
        values = [100 * one.pieces[i].change for i in order]
        colour = PALETTE[place % len(PALETTE)]
        figure.add_trace(
            go.Scatter(
                x=values, y=list(range(len(order))), mode="markers", name=clipped(arm),
                marker={"color": colour, "symbol": SYMBOLS[place % len(SYMBOLS)], "size": 11},
                error_x={"type": "data", "symmetric": False, "array": [max(0.0, -v) for v in values], "arrayminus": [max(0.0, v) for v in values], "color": colour, "thickness": 2, "width": 0},
                customdata=order, hoverinfo="text",
                hovertext=[f"<b>{folded(pieces[i].text)}</b><br>{folded(arm)}: {number(v)}" for i, v in zip(order, values, strict=True)],
            )
        )  # fmt: skip
    figure.add_vline(x=0, line_color=MUTED, line_width=1)
    figure.update_xaxes(title_text=say(language, "axis_change"), nticks=6)
    figure.update_yaxes(tickvals=list(range(len(order))), ticktext=[clipped(pieces[i].text, 18) for i in order], range=[len(order) - 0.4, -0.6], showgrid=False)
    return figure.update_layout(showlegend=len(found) > 1)
