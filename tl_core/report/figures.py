"""Comparison -> plotly figures, for the page and the report.

Figures have no background and no text colour of their own: whoever shows them puts in its own (light or dark).
Plotly takes some HTML in any text (<b>, <a href>), so every name from a person is escaped here, and none is ever
put into a template, where plotly would look for %{...}.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from tl_core.experiments.compare import Cell, Comparison
from tl_core.report.words import limits, number, percent, say, shots_name
from tl_core.statistics.intervals import Interval
from tl_core.statistics.reliability import Reliability

# Okabe & Ito (2008), told apart by most colour-blind people; without yellow and black, of which one is lost on
# white and the other on black.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8C8C8C")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
STRONG, MUTED, GRID = "#0072B2", "#8C8C8C", "rgba(128,128,128,0.25)"
CLEAR = "rgba(0,0,0,0)"
ARMS_DRAWN = 7  # one per colour; the others wait in the legend
NAME_SHOWN, LINE_SHOWN = 22, 48  # characters on an axis; of a line in a hover text
LABELS_AS_TEXT = 30  # a matrix of more labels has no room for its counts


# --- leaderboard ----------------------------------------------------------------------------------------


def leaderboard(
    comparison: Comparison,
    metric: str,
    *,
    title_of: Mapping[str, str | None] | None = None,
    limit: int = 20,
    language: str = "en",
) -> go.Figure:
    """Dots with 95 % intervals, best on top; filled and strong where the line could be the best.

    A point's customdata is "arm|shots", shots a number or "all". The dashed line is the share of the largest class
    in the test rows, which is an accuracy: with macro-F1 there is none.
    """
    ranked = sorted(comparison.cells, key=lambda c: -getattr(c, metric).value)
    cells = ranked[:limit]
    figure = empty(height=110 + 27 * max(len(cells), 2))
    for could, colour, symbol, key in ((True, STRONG, "circle", "could_be_best"), (False, MUTED, "circle-open", "left_out")):
        places = [i for i, c in enumerate(cells) if c.could_be_best == could]
        if places:
            some = [cells[i] for i in places]
            figure.add_trace(_dots(some, places, metric, colour, symbol, say(language, key), title_of or {}, language))
    figure.update_xaxes(range=_span([getattr(c, metric) for c in cells], comparison.chance if metric == "accuracy" else None))
    figure.update_xaxes(title_text=say(language, "axis_percent", metric=say(language, metric)), ticksuffix="", nticks=6)
    figure.update_yaxes(
        tickvals=list(range(len(cells))), ticktext=[f"{clipped(c.arm, 18)} · {c.shots_name}" for c in cells],
        range=[len(cells) - 0.4, -0.6], automargin=True, showgrid=False, ticklabelstandoff=6,
    )  # fmt: skip
    if metric == "accuracy" and math.isfinite(comparison.chance):
        figure.add_trace(_chance_line(comparison.chance, len(cells), language))
    if len(ranked) > limit:
        figure.update_layout(title={"text": say(language, "first_of", n=limit, all=len(ranked)), "font_size": 12, "x": 0.01, "xref": "container"})
        figure.update_layout(margin_t=36, height=figure.layout.height + 28)
    return figure


def _dots(cells: list[Cell], places: list[int], metric: str, colour: str, symbol: str, name: str, title_of: Mapping, language: str) -> go.Scatter:
    shown = [getattr(c, metric) for c in cells]
    return go.Scatter(
        x=[100 * i.value for i in shown], y=places, mode="markers", name=name,
        error_x=bars(shown, colour, width=0), marker={"color": colour, "symbol": symbol, "size": 10, "line": {"color": colour, "width": 2}},
        customdata=[_id(c) for c in cells], hoverinfo="text", hovertext=[_told(c, metric, title_of.get(c.arm), language) for c in cells],
    )  # fmt: skip


def _chance_line(chance: float, cells: int, language: str) -> go.Scatter:
    """A trace, not a shape, so that the legend says what it is."""
    name = say(language, "chance_line")
    return go.Scatter(
        x=[100 * chance] * 2, y=[-0.6, cells - 0.4], mode="lines", name=f"{name}: {percent(chance, language)}",
        line={"color": MUTED, "dash": "dash", "width": 1.5}, hoverinfo="text", hovertext=f"{name}: {percent(chance, language)}",
    )  # fmt: skip


def _span(shown: Sequence[Interval], chance: float | None) -> list[float]:
    """The axis from a little below the lowest limit to a little above the highest, in percent, within 0..100."""
    ends = [100 * x for i in shown for x in (i.low, i.high, i.value) if math.isfinite(x)] + ([100 * chance] if chance is not None else [])
    if not ends:
        return [0, 100]
    room = max(2.0, 0.05 * (max(ends) - min(ends)))
    return [max(-1.0, min(ends) - room), min(101.0, max(ends) + room)]


# --- learning curves ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """How one arm is drawn: told apart by colour, by marker and by dash, any of which is enough."""

    colour: str
    symbol: str
    dash: str
    drawn: bool


def learning_curves(comparison: Comparison, metric: str, *, language: str = "en") -> go.Figure:
    """Score against labels used for training, each arm with its 95 % band; arms without labels are dashed level lines.

    A point's customdata is "arm|shots", shots a number or "all". The best arms are drawn; a click on its name in the
    legend draws another.
    """
    arms: dict[str, list[Cell]] = {}
    for cell in sorted(comparison.cells, key=lambda c: -getattr(c, metric).value):
        arms.setdefault(cell.arm, []).append(cell)
    trained = [c.labels for c in comparison.cells if c.labels >= 1]
    ends = (min(trained), max(trained)) if trained else (1.0, 2.0)
    if ends[0] == ends[1]:
        ends = (ends[0] / 2, ends[1] * 2)
    figure = empty(height=390 + 13 * max(0, len(arms) - 4))
    bands, lines = [], []
    for place, cells in enumerate(_drawn_first(list(arms.values()))):
        look = _Look(PALETTE[place % len(PALETTE)], SYMBOLS[place % len(SYMBOLS)], DASHES[place % len(DASHES)], place < ARMS_DRAWN)
        points = sorted((c for c in cells if c.labels >= 1), key=lambda c: c.labels)
        level = [c for c in cells if c.labels < 1]
        if points:
            *band, line = _curve(str(place), points, metric, look, language)
            bands, lines = [*bands, *band], [*lines, line]
        if level:
            *band, line = _level(str(place), level[0], metric, look, _ticks([*trained, *ends]), language, named=not points)
            bands, lines = [*bands, *band], [*lines, line]
    figure.add_traces([*bands, *lines])
    figure.update_xaxes(
        type="log", title_text=say(language, "axis_labels"), tickvals=_ticks(trained), ticktext=[f"{x:,.0f}" for x in _ticks(trained)],
        range=[math.log10(ends[0]) - 0.05, math.log10(ends[1]) + 0.05], showticklabels=bool(trained), showgrid=False,
    )  # fmt: skip
    figure.update_yaxes(title_text=say(language, "axis_percent", metric=say(language, metric)), range=_span([getattr(c, metric) for c in comparison.cells], None), nticks=7)
    if len(arms) > 1:
        figure.update_layout(legend_title={"text": say(language, "legend"), "side": "top"})
    return figure


def _drawn_first(arms: list[list[Cell]]) -> list[list[Cell]]:
    """Arms in their order, but the best one without labels among those that are drawn: the others are read against it."""
    level = next((i for i, cells in enumerate(arms) if all(c.labels < 1 for c in cells)), 0)
    if level >= ARMS_DRAWN:
        arms.insert(ARMS_DRAWN - 1, arms.pop(level))
    return arms


def _curve(group: str, cells: list[Cell], metric: str, look: _Look, language: str) -> list[go.Scatter]:
    shown = [getattr(c, metric) for c in cells]
    line = go.Scatter(
        x=[c.labels for c in cells], y=[100 * i.value for i in shown], mode="lines+markers", name=clipped(cells[0].arm), legendgroup=group,
        line={"color": look.colour, "dash": look.dash, "width": 2}, marker={"symbol": look.symbol, "size": 9, "color": look.colour},
        customdata=[_id(c) for c in cells], hoverinfo="text", hovertext=[_told(c, metric, None, language) for c in cells],
        visible=True if look.drawn else "legendonly",
    )  # fmt: skip
    if len(cells) == 1:  # a band over one place has no width
        line.error_y = bars(shown, look.colour, width=4)
        return [line]
    return [_band(group, [c.labels for c in cells], shown, look), line]


def _level(group: str, cell: Cell, metric: str, look: _Look, ticks: list[float], language: str, *, named: bool) -> list[go.Scatter]:
    """Points at every tick, without markers, so that the line can be pointed at anywhere."""
    shown = getattr(cell, metric)
    xs = [min(ticks) / 4, *ticks, max(ticks) * 4]
    line = go.Scatter(
        x=xs, y=[100 * shown.value] * len(xs), mode="lines", name=f"{clipped(cell.arm)} ({say(language, 'shots_0')})", legendgroup=group, showlegend=named,
        line={"color": look.colour, "dash": "dash", "width": 2}, customdata=[_id(cell)] * len(xs), hoverinfo="text",
        hovertext=_told(cell, metric, None, language), visible=True if look.drawn else "legendonly",
    )  # fmt: skip
    return [_band(group, [xs[0], xs[-1]], [shown] * 2, look), line]


def _band(group: str, xs: list[float], shown: list[Interval], look: _Look) -> go.Scatter:
    low = [100 * (i.low if math.isfinite(i.low) else i.value) for i in shown]
    high = [100 * (i.high if math.isfinite(i.high) else i.value) for i in shown]
    red, green, blue = (int(look.colour[k : k + 2], 16) for k in (1, 3, 5))
    return go.Scatter(
        x=[*xs, *reversed(xs)], y=[*high, *reversed(low)], fill="toself", fillcolor=f"rgba({red},{green},{blue},0.11)", mode="lines", line={"width": 0},
        hoverinfo="skip", showlegend=False, legendgroup=group, visible=True if look.drawn else "legendonly",
    )  # fmt: skip


def _ticks(labels: Sequence[float]) -> list[float]:
    """The numbers that occur, without those too close to the one before to be read."""
    kept: list[float] = []
    for x in sorted(set(labels)):
        if not kept or math.log2(x / kept[-1]) > 0.45:
            kept.append(x)
    return kept


# --- confusion ------------------------------------------------------------------------------------------


def confusion(counts: np.ndarray, labels: Sequence[str], *, ids: Sequence[str] | None = None, language: str = "en") -> go.Figure:
    """counts (C, C), rows given labels and columns answers, as colours by the row's share.

    A square's customdata is "given|answered", in `ids`; without them, in positions of `labels`.
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    scale = [[0, "rgba(0,114,178,0.04)"], [1, "rgba(0,114,178,0.6)"]]
    told = [[_square_told(labels[i], labels[j], counts[i, j], shares[i, j], language) for j in range(len(labels))] for i in range(len(labels))]
    return _squares(np.round(100 * shares, 2), (0, 100), scale, counts, "{:,}", told, labels, ids, language)


def confusion_difference(
    a: np.ndarray, b: np.ndarray, labels: Sequence[str], names: tuple[str, str], *, picked: tuple[int, int] | None = None, language: str = "en"
) -> go.Figure:  # fmt: skip
    """How often one of two arms answers otherwise than the other: a - b, both (C, C) as in `confusion`; blue and + where
    a does so more often, orange and - where b does.

    A square's customdata is "given|answered", in positions of `labels`. picked: a square with a frame.
    """
    difference = np.asarray(a) - np.asarray(b)
    most = int(max(1, np.abs(difference).max()))
    scale = [[0, "rgba(213,94,0,0.62)"], [0.5, "rgba(128,128,128,0.04)"], [1, "rgba(0,114,178,0.62)"]]
    hover = lambda i, j: say(  # noqa: E731
        language, "difference_hover", given=folded(labels[i]), said=folded(labels[j]), a=folded(names[0]), b=folded(names[1]), in_a=f"{a[i, j]:,}", in_b=f"{b[i, j]:,}"
    ).replace("\n", "<br>")
    told = [[hover(i, j) for j in range(len(labels))] for i in range(len(labels))]
    figure = _squares(difference, (-most, most), scale, difference, "{:+,}", told, labels, None, language)
    if picked:
        given, said = picked
        figure.add_shape(type="rect", x0=said - 0.5, x1=said + 0.5, y0=given - 0.5, y1=given + 0.5, line={"color": STRONG, "width": 3}, fillcolor=CLEAR)
    return figure


def _squares(
    z: np.ndarray, span: tuple[float, float], scale: list, written: np.ndarray, form: str, told: list[list[str]], labels: Sequence[str], ids: Sequence[str] | None, language: str
) -> go.Figure:  # fmt: skip
    """Given labels down, answered ones across; what is not 0 is written into its square. The scale is see-through: one for
    light and dark."""
    ids = [str(i) for i in range(len(labels))] if ids is None else ids
    C, places = len(labels), list(range(len(labels)))
    figure = empty(height=190 + min(640, max(30 * C, 130)))
    figure.add_trace(
        go.Heatmap(
            z=z.tolist(), x=places, y=places, zmin=span[0], zmax=span[1], showscale=False, xgap=1, ygap=1, colorscale=scale,
            customdata=[[f"{given}|{said}" for said in ids] for given in ids], hoverinfo="text", hovertext=told,
        )
    )  # fmt: skip
    if C <= LABELS_AS_TEXT:  # a trace of its own takes the text colour of the page; a heatmap's text would not
        i, j = np.nonzero(written)
        text = [form.format(written[at]).replace("-", "−") for at in zip(i, j, strict=True)]
        figure.add_trace(go.Scatter(x=j.tolist(), y=i.tolist(), mode="text", text=text, textfont_size=12 if C <= 12 else 9, hoverinfo="skip", showlegend=False))
    ticks = {"tickvals": places, "showgrid": False, "automargin": True, "zeroline": False}
    lines, across = [_two_lines(name) for name in labels], [clipped(name, 18) for name in labels]  # two slanting lines run into each other on a phone
    if C > LABELS_AS_TEXT:
        ticks["tickfont_size"] = 8
    figure.update_xaxes(title_text=say(language, "axis_said"), range=[-0.5, C - 0.5], tickangle=0 if C <= 3 else -45, ticktext=lines if C <= 3 else across, **ticks)
    figure.update_yaxes(title_text=say(language, "axis_given"), range=[C - 0.5, -0.5], ticktext=lines, **ticks)
    return figure


def _square_told(given: str, said: str, n: int, share: float, language: str) -> str:
    count = say(language, "cell_hover", given=folded(given), said=folded(said), n=f"{n:,}")
    return count.replace("\n", "<br>") + "<br>" + say(language, "of_row", share=percent(share, language), label=folded(given))


# --- reliability ----------------------------------------------------------------------------------------


def reliability(points: Mapping[str, Reliability], *, language: str = "en") -> go.Figure:
    """Share right against confidence, a line for each arm; the dashed diagonal is being as sure as right."""
    figure = empty(height=400)
    name = say(language, "as_sure")
    figure.add_trace(go.Scatter(x=[0, 100], y=[0, 100], mode="lines", name=name, line={"color": MUTED, "dash": "dash", "width": 1.5}, hoverinfo="text", hovertext=name))
    for place, (arm, found) in enumerate(points.items()):
        colour = PALETTE[place % len(PALETTE)]
        told = [
            say(language, "point_told", n=f"{n:,}", confidence=percent(c, language), right=percent(a, language))
            for c, a, n in zip(found.confidence, found.accuracy, found.rows, strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=(100 * found.confidence).tolist(), y=(100 * found.accuracy).tolist(), mode="lines+markers", name=clipped(arm),
                line={"color": colour, "dash": DASHES[place % len(DASHES)], "width": 2}, marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 9, "color": colour},
                hoverinfo="text", hovertext=[f"{folded(arm)}<br>{t}" for t in told],
            )
        )  # fmt: skip
    figure.update_xaxes(title_text=say(language, "axis_confidence"), range=[0, 101], nticks=6)
    figure.update_yaxes(title_text=say(language, "axis_right"), range=[-1, 103], nticks=6)
    return figure


# --- probabilities --------------------------------------------------------------------------------------


def probabilities(names: Sequence[str], scores_by_arm: Mapping[str, np.ndarray], *, language: str = "en") -> go.Figure:
    """What each arm says about one text: names of C labels, scores (C,) by arm, 0..1; one bar per label and arm."""
    figure = empty(height=110 + (8 + 14 * len(scores_by_arm)) * len(names))
    for place, (arm, scores) in enumerate(scores_by_arm.items()):
        figure.add_trace(
            go.Bar(
                y=list(range(len(names))), x=[100 * float(s) for s in scores], orientation="h", name=clipped(arm), marker_color=PALETTE[place % len(PALETTE)],
                marker_pattern_shape=("", "/", "x", ".", "\\")[place // len(PALETTE) % 5], customdata=[f"{arm}|{i}" for i in range(len(names))],
                hoverinfo="text", hovertext=[f"{folded(arm)}<br>{folded(name)}: {percent(float(s), language)}" for name, s in zip(names, scores, strict=True)],
            )
        )  # fmt: skip
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(range=[0, 100], title_text=say(language, "axis_probability"))
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=[clipped(n) for n in names], autorange="reversed", automargin=True, showgrid=False)
    return figure


# --- pieces ---------------------------------------------------------------------------------------------


def empty(*, height: int) -> go.Figure:
    figure = go.Figure(layout={"template": go.layout.Template()})
    figure.update_layout(
        height=height, margin={"l": 8, "r": 12, "t": 10, "b": 8}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, font={"family": "inherit", "size": 13},
        hovermode="closest", hoverlabel={"align": "left"}, showlegend=True, dragmode=False,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": -58 / (height - 110), "yanchor": "top", "title_font_size": 12, "groupclick": "togglegroup", "itemdoubleclick": "toggleothers"},
    )  # fmt: skip
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True, "fixedrange": True, "title_standoff": 8, "title_font_size": 13, "ticks": ""}
    return figure.update_xaxes(**axis).update_yaxes(**axis)


def bars(shown: Sequence[Interval], colour: str, *, width: int) -> dict:
    """Error bars to both limits; none where a limit is not finite."""
    up = [100 * (i.high - i.value) if math.isfinite(i.high) else 0.0 for i in shown]
    down = [100 * (i.value - i.low) if math.isfinite(i.low) else 0.0 for i in shown]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "color": colour, "thickness": 2, "width": width}


def _told(cell: Cell, metric: str, title: str | None, language: str) -> str:
    """The hover text of a cell."""
    shown = getattr(cell, metric)
    lines = [f"<b>{folded(cell.arm)}</b>"] + ([folded(title)] if title else [])
    lines += [
        f"{shots_name(cell.shots, language)} ({say(language, 'labels_in_all', n=number(cell.labels, 0))})",
        f"{say(language, metric)} {percent(shown.value, language)} ({limits(shown, language)})",
        say(language, "behind_1" if len(cell.seeds) == 1 else "behind", seeds=len(cell.seeds), n=f"{shown.n:,}"),
    ]
    return "<br>".join(lines + ([say(language, "could_be_best")] if cell.could_be_best else []))


def _id(cell: Cell) -> str:
    return f"{cell.arm}|{cell.shots_name}"


def clean(name: str) -> str:
    """One line that JSON and a browser can hold."""
    return " ".join(name.encode("utf-8", "replace").decode().split())


def clipped(name: str, most: int = NAME_SHOWN) -> str:
    """The beginning of a name, escaped."""
    name = clean(name)
    return html.escape(name if len(name) <= most else name[: most - 1].rstrip() + "…", quote=False)


def _two_lines(name: str, most: int = 15) -> str:
    """The beginning of a name, escaped, in two short lines."""
    lines = textwrap.wrap(clean(name), most) or [""]
    second = lines[1] + ("…" if len(lines) > 2 else "") if len(lines) > 1 else ""
    return "<br>".join(html.escape(line, quote=False) for line in (lines[0], second) if line)


def folded(name: str) -> str:
    """The whole name (up to a limit nobody reads past), escaped, in lines."""
    return "<br>".join(html.escape(line, quote=False) for line in textwrap.wrap(clean(name)[:400], LINE_SHOWN))
