"""Figures of many texts: colours of a map, and plotly figures layer by layer. As in `figures`,
the place that shows them puts in its own colours for text and background.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tl_core.figures.looks import DASHES, PALETTE, SYMBOLS
from tl_core.figures.results import GRID, MUTED, NAME_SHOWN, clipped, empty
from tl_core.views.embedding_map import Side
from tl_core.views.layers import Layers
from tl_core.words.phrases import number, percent, say

MOST_GROUPS = 20  # in a legend; the smallest of more are drawn as one
PLAIN = PALETTE[-1]  # grey: nothing is known of these


# --- colours of a map -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """Texts of one colour and shape."""

    name: str  # as it is
    shown: str  # short, and escaped for plotly
    colour: str
    symbol: str


@dataclass(frozen=True)
class Colouring:
    """The grouping of texts by colour."""

    of: np.ndarray  # (n,) uint8
    groups: tuple[Group, ...]


def coloured(
    of: Sequence[int] | np.ndarray, names: Sequence[str], *, language: str = "en"
) -> Colouring:
    """A colour and a shape for every name; of very many the largest keep theirs, and the rest are
    one group.

    Args:
        of: position of a name for every text, -1 for none.
    """
    names_of = np.asarray(of, int)
    sizes = np.bincount(names_of[names_of >= 0], minlength=len(names))
    kept = sorted(np.argsort(-sizes, kind="stable")[:MOST_GROUPS].tolist())
    hues = PALETTE[:-1]
    groups = [_group(names[i], hues[i % len(hues)], SYMBOLS[i % len(SYMBOLS)]) for i in kept]
    place = np.full(len(names) + 1, len(groups))  # the last is that of -1
    place[kept] = np.arange(len(kept))
    group_of = place[names_of]
    if (group_of == len(groups)).any():
        groups.append(
            _group(
                say(language, "map_others" if len(names) > MOST_GROUPS else "map_nothing"),
                PLAIN,
                "circle-open",
            )
        )
    return Colouring(group_of.astype(np.uint8), tuple(groups))


def right_or_wrong(
    right: Sequence[float] | np.ndarray, names: tuple[str, str], *, language: str = "en"
) -> Colouring:
    """Correct predictions pale and round, wrong ones strong and crossed.

    Args:
        right: 1, 0, or nan where no one answered.
    """
    share = np.asarray(right, float)
    groups = [_group(names[0], "#56B4E9", "circle"), _group(names[1], "#D55E00", "x")]
    of = np.where(np.isnan(share), 2, share < 0.5).astype(np.uint8)
    if (of == 2).any():
        groups.append(_group(say(language, "map_nothing"), PLAIN, "circle-open"))
    return Colouring(of, tuple(groups))


def _group(name: str, colour: str, symbol: str) -> Group:
    return Group(" ".join(name.split()), clipped(name), colour, symbol)


# --- layer by layer -------------------------------------------------------------------------------


def apart_by_layer(sides: Sequence[Side], *, language: str = "en") -> go.Figure:
    """Draw how well labels separate at every depth: predicted from the nearest texts, and
    silhouette; a line for each model. A point's customdata is its depth.
    """
    lines: list[tuple] = []
    for place, side in enumerate(sides):
        measured = [(d, a) for d, a in enumerate(side.by_layer) if a is not None]
        depths = [d for d, _ in measured]
        lines.append(
            (
                1,
                side.model,
                place,
                depths,
                [100 * a.accuracy for _, a in measured],
                lambda v: percent(v / 100, language),
            )
        )
        lines.append(
            (
                2,
                side.model,
                place,
                depths,
                [a.silhouette for _, a in measured],
                lambda v: number(v, 3),
            )
        )
    figure = _stacked(lines, [say(language, "map_told"), say(language, "map_silhouette")], language)
    commonest = next((a.commonest for s in sides for a in s.by_layer if a is not None), None)
    if commonest is not None:
        figure.add_hline(
            y=100 * commonest, row=1, col=1, line={"color": MUTED, "dash": "dash", "width": 1.5}
        )
    return figure


def layers_changed(found: Sequence[Layers], *, language: str = "en") -> go.Figure:
    """Layer by layer, an arm a line: what a probe can read, how far weights were moved, how far
    texts were. A point's customdata is its depth."""
    lines: list[tuple] = []

    def share(v: float) -> str:
        return percent(v / 100, language)

    befores: dict[tuple, str] = {}
    for place, one in enumerate(found):
        depths = [layer.depth for layer in one.layers]
        before = tuple(100 * layer.before for layer in one.layers)
        if (
            befores.setdefault((one.model, before), one.arm) == one.arm
        ):  # arms that learned from the same rows have one line before
            model = textwrap.shorten(one.model, NAME_SHOWN, placeholder="…")
            named = say(language, "layers_before", model=model)
            lines.append((1, named, None, depths, list(before), share))
        after = [100 * layer.after for layer in one.layers]
        moved = [None if layer.moved is None else 100 * layer.moved for layer in one.layers]
        turned = [layer.turned for layer in one.layers]
        lines += [
            (1, one.arm, place, depths, after, share),
            (2, one.arm, place, depths, moved, share),
            (3, one.arm, place, depths, turned, lambda v: number(v, 3)),
        ]
    by_text = found[0].measure == "accuracy"
    return _stacked(
        lines,
        [
            say(language, "layers_probe" if by_text else "layers_probe_f1"),
            say(language, "layers_moved"),
            say(language, "layers_turned"),
        ],
        language,
    )


def _stacked(lines: Sequence[tuple], titles: Sequence[str], language: str) -> go.Figure:
    """One chart above the other, with depths along the axis they share.

    Args:
        lines: (chart, name, place among the arms or None for what was before, depths, values, how a
            value is told).
    """
    rows = len(titles)
    figure = make_subplots(
        rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=titles
    )
    figure.update_layout(empty(height=150 + 175 * rows).layout)
    known = set()
    for row, name, place, depths, values, text_of in lines:
        colour = MUTED if place is None else PALETTE[place % (len(PALETTE) - 1)]
        texts = [
            f"<b>{clipped(name)}</b><br>{_depth(d, language)}: {'–' if v is None else text_of(v)}"
            for d, v in zip(depths, values, strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=depths,
                y=values,
                mode="lines+markers",
                name=clipped(name, 2 * NAME_SHOWN),
                legendgroup=f"{place} {clipped(name)}",
                showlegend=(place, name) not in known,
                line={
                    "color": colour,
                    "dash": "dot" if place is None else DASHES[place % len(DASHES)],
                    "width": 2,
                },
                marker={
                    "symbol": "circle-open" if place is None else SYMBOLS[place % len(SYMBOLS)],
                    "size": 9,
                    "color": colour,
                },
                customdata=depths,
                hoverinfo="text",
                hovertext=texts,
            ),
            row=row,
            col=1,
        )
        known.add((place, name))
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
        "title_font_size": 12,
    }
    figure.update_xaxes(**axis, dtick=1).update_yaxes(**axis, nticks=5)
    figure.update_xaxes(title_text=say(language, "layers_axis"), row=rows)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    return figure.update_layout(margin_t=28, legend_y=-0.3 / rows)


def _depth(depth: int, language: str) -> str:
    return say(language, "layers_first") if depth == 0 else say(language, "layers_nth", n=depth)
