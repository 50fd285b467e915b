"""Comparison -> plotly figures, for the page and the report.

Figures have no background and no text colour of their own: the place that shows them puts in its
own (light or dark). Plotly takes some HTML in any text (<b>, <a href>), so every name from a person
is escaped here, and none is ever put into a template, where plotly would look for %{...}.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from tl_core.analysis.compare import Cell, Comparison
from tl_core.figures.looks import PALETTE, Look, looks
from tl_core.statistics.classification.reliability import Reliability
from tl_core.statistics.intervals import Interval
from tl_core.words.phrases import number, percent, say, shots_name
from tl_core.words.units import Unit, unit_of

STRONG, MUTED, GRID = "#0072B2", "#8C8C8C", "rgba(128,128,128,0.25)"
CLEAR = "rgba(0,0,0,0)"
ARMS_DRAWN = 7  # one per colour; the others wait in the legend
NAME_IN_LINE = 22  # characters of a name beside a dot, in each of two lines
NAME_SHOWN, LINE_SHOWN = 22, 48  # characters on an axis; of a line in a hover text
LEGEND_SHOWN = 38  # characters in a legend
LABELS_AS_TEXT = 30  # a matrix of more labels has no room for its counts


# --- leaderboard ----------------------------------------------------------------------------------


def leaderboard(
    comparison: Comparison, metric: str, *, limit: int = 20, language: str = "en"
) -> go.Figure:
    """Dots with 95% intervals, best on top, in the colours of the arms; filled where the line could
    be the best.

    A point's customdata is "arm|shots", shots a number or "all". The dashed line is the share of
    the most frequent label in the test rows, which is an accuracy: with macro-F1 there is none.
    """
    ranked = sorted(comparison.cells, key=lambda c: -c.measures[metric].value)
    cells, seen = ranked[:limit], looks(comparison, language)
    figure = _dotted(comparison, metric, cells, range(len(cells)), len(cells), seen, language)
    figure.update_layout(height=110 + 27 * max(len(cells), 2), showlegend=True)
    for could, symbol, key in (
        (True, "circle", "could_be_best"),
        (False, "circle-open", "left_out"),
    ):
        if any(c.could_be_best == could for c in cells):
            figure.add_trace(key_of_dots(symbol, say(language, key)))
    figure.update_yaxes(
        tickvals=list(range(len(cells))),
        ticktext=[f"{clipped(seen[c.arm].name, 18)} · {c.shots_name}" for c in cells],
    )
    if len(ranked) > limit:
        figure.update_layout(
            title={
                "text": say(language, "first_of", n=limit, all=len(ranked)),
                "font_size": 12,
                "x": 0.01,
                "xref": "container",
            }
        )
        figure.update_layout(margin_t=36, height=figure.layout.height + 28)
    return figure


def best_of_each(comparison: Comparison, metric: str, *, language: str = "en") -> go.Figure:
    """One dot with its 95% interval for every arm, at the most labels it was given: above those
    that could be the best, held together by a bracket; below those that are ruled out, under a line
    that says so.

    A point's customdata is "arm|shots", as everywhere.
    """
    most = {c.arm: c for c in sorted(comparison.cells, key=lambda c: c.labels)}
    ranked = sorted(most.values(), key=lambda c: -c.measures[metric].value)
    groups = [[c for c in ranked if c.could_be_best == could] for could in (True, False)]
    seen, cells = looks(comparison, language), [c for group in groups for c in group]
    places: list[int] = []
    heads: list[tuple[int, str]] = []
    row = 0
    for group, key in zip(groups, ("could_be", "ruled_out")):
        if group:
            heads.append((row, say(language, f"dots_{key}")))
            places += range(row + 1, row + 1 + len(group))
            row += 1 + len(group)
    figure = _dotted(comparison, metric, cells, places, row, seen, language, values=True)
    names = [_two_lines(seen[c.arm].name, NAME_IN_LINE) for c in cells]
    of_row = 48 if any("<br>" in name for name in names) else 37
    figure.update_layout(height=max(390, 76 + of_row * row), showlegend=False)
    figure.update_yaxes(
        tickvals=list(places),
        ticktext=[f"{name}<br>{_labels_of(c, language)}" for name, c in zip(names, cells)],
        tickfont_size=12,
    )
    for at, text in heads:
        figure.add_annotation(
            x=1,
            xref="paper",
            y=at,
            text=f"<b>{text}</b>",
            showarrow=False,
            xanchor="right",
            font_size=12,
        )
    if len(groups[0]) > 1:
        figure.add_shape(
            type="rect",
            xref="paper",
            x0=0,
            x1=1,
            y0=-0.45,
            y1=len(groups[0]) + 0.48,
            fillcolor="rgba(0,114,178,0.07)",
            line={"width": 0},
            layer="below",
        )
        figure.add_shape(  # the bracket
            type="path",
            xref="paper",
            path=f"M 0.985 0.6 L 1 0.6 L 1 {len(groups[0]) + 0.4} L 0.985 {len(groups[0]) + 0.4}",
            line={"color": MUTED, "width": 2},
        )
    return figure


def _labels_of(cell: Cell, language: str) -> str:
    if cell.labels < 1:
        return say(language, "shots_0")
    return say(language, "labels_in_all", n=number(cell.labels, 0))


def _dotted(
    comparison: Comparison,
    metric: str,
    cells: Sequence[Cell],
    places: Sequence[int],
    rows: int,
    seen: Mapping[str, Look],
    language: str,
    *,
    values: bool = False,
) -> go.Figure:
    """Dots with intervals, each in the colour of its arm, on rows counted from the top.

    Args:
        places: the row of each cell, of so many `rows`.
        values: whether each value is written above its dot.
    """
    unit = unit_of(comparison.problem, metric)
    chance = comparison.chance if metric == comparison.measures[0].id else math.nan
    figure = empty(height=400)
    for arm in dict.fromkeys(c.arm for c in cells):
        some = [(c, place) for c, place in zip(cells, places, strict=True) if c.arm == arm]
        figure.add_trace(_dots(some, metric, seen[arm], unit, language, values=values))
    figure.update_xaxes(
        range=_span(
            [unit.drawn(c.measures[metric]) for c in cells],
            unit.at(chance) / 100 if math.isfinite(chance) else None,
            unit,
        ),
        title_text=unit.axis(metric, language),
        ticksuffix="",
        nticks=6,
    )
    figure.update_yaxes(
        range=[rows - 0.4, -0.6], automargin=True, showgrid=False, ticklabelstandoff=6
    )
    if math.isfinite(chance):
        figure.add_trace(_chance_line(chance, rows, unit, language))
    return figure


def _dots(
    cells: Sequence[tuple[Cell, int]],
    metric: str,
    look: Look,
    unit: Unit,
    language: str,
    *,
    values: bool,
) -> go.Scatter:
    shown = [unit.drawn(c.measures[metric]) for c, _ in cells]
    written = [unit.value(c.measures[metric].value, language) for c, _ in cells]
    return go.Scatter(
        x=[100 * i.value for i in shown],
        y=[place for _, place in cells],
        mode="markers+text" if values else "markers",
        text=written if values else None,
        textposition="top center",
        textfont_size=12,
        cliponaxis=False,
        name=clipped(look.name),
        showlegend=False,
        error_x=bars(shown, look.colour, width=0),
        marker={
            "color": look.colour,
            "symbol": ["circle" if c.could_be_best else "circle-open" for c, _ in cells],
            "size": 10,
            "line": {"color": look.colour, "width": 2},
        },
        customdata=[_id(c) for c, _ in cells],
        hoverinfo="text",
        hovertext=[_told(c, metric, look, unit, language) for c, _ in cells],
    )


def key_of_dots(symbol: str, name: str) -> go.Scatter:
    """What a filled and an open dot mean, in the legend."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=name,
        marker={"color": MUTED, "symbol": symbol, "size": 10, "line": {"width": 2}},
    )


def _chance_line(chance: float, cells: int, unit: Unit, language: str) -> go.Scatter:
    """A trace, not a shape, so that the legend says what it is."""
    name = say(language, "chance_line")
    return go.Scatter(
        x=[unit.at(chance)] * 2,
        y=[-0.6, cells - 0.4],
        mode="lines",
        name=f"{name}: {unit.value(chance, language)}",
        line={"color": MUTED, "dash": "dash", "width": 1.5},
        hoverinfo="text",
        hovertext=f"{name}: {unit.value(chance, language)}",
    )


def _span(shown: Sequence[Interval], chance: float | None, unit: Unit) -> list[float]:
    """The axis from a little below the lowest limit to a little above the highest, in percent,
    within 0..100.
    """
    ends = [100 * x for i in shown for x in (i.low, i.high, i.value) if math.isfinite(x)] + (
        [100 * chance] if chance is not None else []
    )
    if not ends:
        return [0, unit.scale]
    all_there_is = abs(unit.scale)
    room = max(0.02 * all_there_is, 0.05 * (max(ends) - min(ends)))
    lowest = -0.01 * all_there_is if min(ends) >= 0 else -1.01 * all_there_is
    return [max(lowest, min(ends) - room), min(1.01 * all_there_is, max(ends) + room)]


# --- learning curves ------------------------------------------------------------------------------


def learning_curves(comparison: Comparison, metric: str, *, language: str = "en") -> go.Figure:
    """Score against labels used for training, each arm with its 95% band; arms without labels are
    dashed level lines.

    A point's customdata is "arm|shots", shots a number or "all". The best arms are drawn; a click
    on its name in the legend draws another.
    """
    unit = unit_of(comparison.problem, metric)
    arms: dict[str, list[Cell]] = {}
    for cell in sorted(comparison.cells, key=lambda c: -c.measures[metric].value):
        arms.setdefault(cell.arm, []).append(cell)
    trained = [c.labels for c in comparison.cells if c.labels >= 1]
    ends = (min(trained), max(trained)) if trained else (1.0, 2.0)
    if ends[0] == ends[1]:
        ends = (ends[0] / 2, ends[1] * 2)
    figure = empty(height=390 + 13 * max(0, len(arms) - 4))
    bands: list[go.Scatter] = []
    lines: list[go.Scatter] = []
    seen = looks(comparison, language)
    beside = _beside(list(arms.values()))
    for place, cells in enumerate(_drawn_first(list(arms.values()))):
        look, drawn = seen[cells[0].arm], place < ARMS_DRAWN
        points = sorted((c for c in cells if c.labels >= 1), key=lambda c: c.labels)
        level = [c for c in cells if c.labels < 1]
        if points:
            *band, line = _curve(points, metric, look, drawn, unit, language)
            if cells[0].arm in beside:
                line.x = [points[0].labels * beside[cells[0].arm]]
            bands, lines = [*bands, *band], [*lines, line]
        if level:
            *band, line = _level(
                level[0],
                metric,
                look,
                drawn,
                _ticks([*trained, *ends]),
                unit,
                language,
                named=not points,
            )
            bands, lines = [*bands, *band], [*lines, line]
    figure.add_traces([*bands, *lines])
    figure.update_xaxes(
        type="log",
        title_text=say(language, "axis_labels"),
        tickvals=_ticks(trained),
        ticktext=[f"{x:,.0f}" for x in _ticks(trained)],
        range=[math.log10(ends[0]) - 0.05, math.log10(ends[1]) + 0.05],
        showticklabels=bool(trained),
        showgrid=False,
    )
    figure.update_yaxes(
        title_text=unit.axis(metric, language),
        range=_span([unit.drawn(c.measures[metric]) for c in comparison.cells], None, unit),
        nticks=7,
    )
    if len(arms) > 1:
        figure.update_layout(legend_title={"text": say(language, "legend"), "side": "top"})
    return figure


def _beside(arms: Sequence[list[Cell]]) -> dict[str, float]:
    """Where all arms were trained on one number of labels, their dots would hide each other: a
    factor for each, by which its dot is drawn beside that number.
    """
    trained = [c for cells in arms for c in cells if c.labels >= 1]
    if len(trained) < 2 or len({c.labels for c in trained}) > 1:
        return {}
    step = min(0.06, 0.4 / len(trained))
    middle = (len(trained) - 1) / 2
    return {c.arm: 10 ** (step * (i - middle)) for i, c in enumerate(trained)}


def _drawn_first(arms: list[list[Cell]]) -> list[list[Cell]]:
    """Arms in their order, but the best one without labels among those that are drawn: the others
    are read against it.
    """
    level = next((i for i, cells in enumerate(arms) if all(c.labels < 1 for c in cells)), 0)
    if level >= ARMS_DRAWN:
        arms.insert(ARMS_DRAWN - 1, arms.pop(level))
    return arms


def _curve(
    cells: list[Cell], metric: str, look: Look, drawn: bool, unit: Unit, language: str
) -> list[go.Scatter]:
    shown = [unit.drawn(c.measures[metric]) for c in cells]
    line = go.Scatter(
        x=[c.labels for c in cells],
        y=[100 * i.value for i in shown],
        mode="lines+markers",
        name=clipped(look.name, LEGEND_SHOWN),
        legendgroup=look.group,
        line={"color": look.colour, "dash": look.dash, "width": 2},
        marker={"symbol": look.symbol, "size": 9, "color": look.colour},
        customdata=[_id(c) for c in cells],
        hoverinfo="text",
        hovertext=[_told(c, metric, look, unit, language) for c in cells],
        visible=True if drawn else "legendonly",
    )
    if len(cells) == 1:  # a band over one place has no width
        line.error_y = bars(shown, look.colour, width=4)
        return [line]
    return [_band([c.labels for c in cells], shown, look, drawn), line]


def _level(
    cell: Cell,
    metric: str,
    look: Look,
    drawn: bool,
    ticks: list[float],
    unit: Unit,
    language: str,
    *,
    named: bool,
) -> list[go.Scatter]:
    """Points at every tick, without markers, so that the line can be pointed at anywhere."""
    shown = unit.drawn(cell.measures[metric])
    xs = [min(ticks) / 4, *ticks, max(ticks) * 4]
    line = go.Scatter(
        x=xs,
        y=[100 * shown.value] * len(xs),
        mode="lines",
        name=f"{clipped(look.name, LEGEND_SHOWN)} ({say(language, 'shots_0')})",
        legendgroup=look.group,
        showlegend=named,
        line={"color": look.colour, "dash": "dash", "width": 2},
        customdata=[_id(cell)] * len(xs),
        hoverinfo="text",
        hovertext=_told(cell, metric, look, unit, language),
        visible=True if drawn else "legendonly",
    )
    return [_band([xs[0], xs[-1]], [shown] * 2, look, drawn), line]


def _band(xs: list[float], shown: list[Interval], look: Look, drawn: bool) -> go.Scatter:
    low = [100 * (i.low if math.isfinite(i.low) else i.value) for i in shown]
    high = [100 * (i.high if math.isfinite(i.high) else i.value) for i in shown]
    red, green, blue = (int(look.colour[k : k + 2], 16) for k in (1, 3, 5))
    return go.Scatter(
        x=[*xs, *reversed(xs)],
        y=[*high, *reversed(low)],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.11)",
        mode="lines",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=look.group,
        visible=True if drawn else "legendonly",
    )


def _ticks(labels: Sequence[float]) -> list[float]:
    """The numbers that occur, without those too close to the one before to be read."""
    kept: list[float] = []
    for x in sorted(set(labels)):
        if not kept or math.log2(x / kept[-1]) > 0.45:
            kept.append(x)
    return kept


# --- confusion ------------------------------------------------------------------------------------


def confusion(
    counts: np.ndarray,
    labels: Sequence[str],
    *,
    ids: Sequence[str] | None = None,
    language: str = "en",
) -> go.Figure:
    """counts (C, C), rows given labels and columns answers, as colours by the row's share.

    A square's customdata is "given|answered", in `ids`; without them, in positions of `labels`.
    """
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    scale = [[0, "rgba(0,114,178,0.04)"], [1, "rgba(0,114,178,0.6)"]]
    told = [
        [
            _square_told(labels[i], labels[j], counts[i, j], shares[i, j], language)
            for j in range(len(labels))
        ]
        for i in range(len(labels))
    ]
    return _squares(
        np.round(100 * shares, 2), (0, 100), scale, counts, "{:,}", told, labels, ids, language
    )


def confusion_difference(
    a: np.ndarray,
    b: np.ndarray,
    labels: Sequence[str],
    names: tuple[str, str],
    *,
    picked: tuple[int, int] | None = None,
    language: str = "en",
) -> go.Figure:
    """Draw how often one of two arms answers otherwise than the other: a - b, both (C, C) as in
    `confusion`; blue and + where a does so more often, orange and - where b does.

    A square's customdata is "given|answered", in positions of `labels`. picked: a square with a
    frame.
    """
    difference = np.asarray(a) - np.asarray(b)
    most = int(max(1, np.abs(difference).max()))
    scale = [
        [0, "rgba(213,94,0,0.62)"],
        [0.5, "rgba(128,128,128,0.04)"],
        [1, "rgba(0,114,178,0.62)"],
    ]
    hover = lambda i, j: say(  # noqa: E731
        language,
        "difference_hover",
        given=folded(labels[i]),
        said=folded(labels[j]),
        a=folded(names[0]),
        b=folded(names[1]),
        in_a=f"{a[i, j]:,}",
        in_b=f"{b[i, j]:,}",
    ).replace("\n", "<br>")
    told = [[hover(i, j) for j in range(len(labels))] for i in range(len(labels))]
    figure = _squares(
        difference, (-most, most), scale, difference, "{:+,}", told, labels, None, language
    )
    if picked:
        given, said = picked
        figure.add_shape(
            type="rect",
            x0=said - 0.5,
            x1=said + 0.5,
            y0=given - 0.5,
            y1=given + 0.5,
            line={"color": STRONG, "width": 3},
            fillcolor=CLEAR,
        )
    return figure


def _squares(
    z: np.ndarray,
    span: tuple[float, float],
    scale: list,
    written: np.ndarray,
    form: str,
    told: list[list[str]],
    labels: Sequence[str],
    ids: Sequence[str] | None,
    language: str,
) -> go.Figure:
    """Given labels down, answered ones across; what is not 0 is written into its square. The scale
    is see-through: one for light and dark."""
    ids = [str(i) for i in range(len(labels))] if ids is None else ids
    C, places = len(labels), list(range(len(labels)))
    figure = empty(height=190 + min(640, max(30 * C, 130)))
    figure.add_trace(
        go.Heatmap(
            z=z.tolist(),
            x=places,
            y=places,
            zmin=span[0],
            zmax=span[1],
            showscale=False,
            xgap=1,
            ygap=1,
            colorscale=scale,
            customdata=[[f"{given}|{said}" for said in ids] for given in ids],
            hoverinfo="text",
            hovertext=told,
        )
    )
    if (
        C <= LABELS_AS_TEXT
    ):  # a trace of its own takes the text colour of the page; a heatmap's text would not
        figure.add_trace(_numbers(written, form))
    ticks = {"tickvals": places, "showgrid": False, "automargin": True, "zeroline": False}
    lines, across = (
        [_two_lines(name) for name in labels],
        [clipped(name, 18) for name in labels],
    )  # two slanting lines run into each other on a phone
    if C > LABELS_AS_TEXT:
        ticks["tickfont_size"] = 8
    figure.update_xaxes(
        title_text=say(language, "axis_said"),
        range=[-0.5, C - 0.5],
        tickangle=0 if C <= 3 else -45,
        ticktext=lines if C <= 3 else across,
        **ticks,
    )
    figure.update_yaxes(
        title_text=say(language, "axis_given"), range=[C - 0.5, -0.5], ticktext=lines, **ticks
    )
    return figure


def _numbers(written: np.ndarray, form: str) -> go.Scatter:
    """What is not 0, in its square."""
    i, j = np.nonzero(written)
    return go.Scatter(
        x=j.tolist(),
        y=i.tolist(),
        mode="text",
        text=[form.format(written[at]).replace("-", "−") for at in zip(i, j, strict=True)],
        textfont_size=12 if len(written) <= 12 else 9,
        hoverinfo="skip",
        showlegend=False,
    )


def _square_told(given: str, said: str, n: int, share: float, language: str) -> str:
    count = say(language, "cell_hover", given=folded(given), said=folded(said), n=f"{n:,}")
    return (
        count.replace("\n", "<br>")
        + "<br>"
        + say(language, "of_row", share=percent(share, language), label=folded(given))
    )


# --- reliability ----------------------------------------------------------------------------------


def reliability(
    points: Mapping[str, Reliability], comparison: Comparison, *, language: str = "en"
) -> go.Figure:
    """Share right against confidence, a line for each arm of the comparison that has points; the
    dashed diagonal is being as confident as right.
    """
    seen = looks(comparison, language)
    figure = empty(height=400)
    name = say(language, "as_sure")
    figure.add_trace(
        go.Scatter(
            x=[0, 100],
            y=[0, 100],
            mode="lines",
            name=name,
            line={"color": MUTED, "dash": "dash", "width": 1.5},
            hoverinfo="text",
            hovertext=name,
        )
    )
    for arm, found in points.items():
        look = seen[arm]
        told = [
            say(
                language,
                "point_told",
                n=f"{n:,}",
                confidence=percent(c, language),
                right=percent(a, language),
            )
            for c, a, n in zip(found.confidence, found.accuracy, found.rows, strict=True)
        ]
        figure.add_trace(
            go.Scatter(
                x=(100 * found.confidence).tolist(),
                y=(100 * found.accuracy).tolist(),
                mode="lines+markers",
                name=clipped(look.name, LEGEND_SHOWN),
                line={"color": look.colour, "dash": look.dash, "width": 2},
                marker={"symbol": look.symbol, "size": 9, "color": look.colour},
                hoverinfo="text",
                hovertext=[f"{folded(look.name)}<br>{t}" for t in told],
            )
        )
    figure.update_xaxes(title_text=say(language, "axis_confidence"), range=[0, 101], nticks=6)
    figure.update_yaxes(title_text=say(language, "axis_right"), range=[-1, 103], nticks=6)
    return figure


# --- probabilities --------------------------------------------------------------------------------


def probabilities(
    names: Sequence[str], scores_by_arm: Mapping[str, np.ndarray], *, language: str = "en"
) -> go.Figure:
    """Draw each arm's scores for one text: names of C labels, scores (C,) by arm, 0..1; one bar per
    label and arm.
    """
    figure = empty(height=110 + (8 + 14 * len(scores_by_arm)) * len(names))
    for place, (arm, scores) in enumerate(scores_by_arm.items()):
        figure.add_trace(
            go.Bar(
                y=list(range(len(names))),
                x=[100 * float(s) for s in scores],
                orientation="h",
                name=clipped(arm),
                marker_color=PALETTE[place % len(PALETTE)],
                marker_pattern_shape=("", "/", "x", ".", "\\")[place // len(PALETTE) % 5],
                customdata=[f"{arm}|{i}" for i in range(len(names))],
                hoverinfo="text",
                hovertext=[
                    f"{folded(arm)}<br>{folded(name)}: {percent(float(s), language)}"
                    for name, s in zip(names, scores, strict=True)
                ],
            )
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(range=[0, 100], title_text=say(language, "axis_probability"))
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[clipped(n) for n in names],
        autorange="reversed",
        automargin=True,
        showgrid=False,
    )
    return figure


# --- pieces ---------------------------------------------------------------------------------------


def empty(*, height: int) -> go.Figure:
    """Return a figure without traces, in the look of all figures; height in pixels."""
    figure = go.Figure(layout={"template": go.layout.Template()})
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 10, "b": 8},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"family": "inherit", "size": 13},
        hovermode="closest",
        hoverlabel={"align": "left"},
        showlegend=True,
        dragmode=False,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": -58 / (height - 110),
            "yanchor": "top",
            "title_font_size": 12,
            "groupclick": "togglegroup",
            "itemdoubleclick": "toggleothers",
        },
    )
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
        "title_standoff": 8,
        "title_font_size": 13,
        "ticks": "",
    }
    return figure.update_xaxes(**axis).update_yaxes(**axis)


def bars(shown: Sequence[Interval], colour: str, *, width: int) -> dict:
    """Error bars to both limits; none where a limit is not finite."""
    up = [100 * (i.high - i.value) if math.isfinite(i.high) else 0.0 for i in shown]
    down = [100 * (i.value - i.low) if math.isfinite(i.low) else 0.0 for i in shown]
    return {
        "type": "data",
        "symmetric": False,
        "array": up,
        "arrayminus": down,
        "color": colour,
        "thickness": 2,
        "width": width,
    }


def _told(cell: Cell, metric: str, look: Look, unit: Unit, language: str) -> str:
    """The hover text of a cell."""
    shown = cell.measures[metric]
    lines = [f"<b>{folded(look.name)}</b>"]
    lines += [
        (
            f"{shots_name(cell.shots, language, cell.per)}"
            f" ({say(language, 'labels_in_all', n=number(cell.labels, 0))})"
        ),
        f"{say(language, metric)} {unit.value(shown.value, language)}"
        f" ({unit.limits(shown, language)})",
        say(
            language,
            "behind_1" if len(cell.seeds) == 1 else "behind",
            seeds=len(cell.seeds),
            n=f"{shown.n:,}",
        ),
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
    """The whole name (up to a limit no one reads past), escaped, in lines."""
    return "<br>".join(
        html.escape(line, quote=False) for line in textwrap.wrap(clean(name)[:400], LINE_SHOWN)
    )
