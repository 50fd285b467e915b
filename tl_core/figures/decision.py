"""Figures of a decision: which arm is ahead from how many labels on, what more labels would bring,
cost against quality, and what happens if only the most confident answers are used. As in `figures`:
no ground and no ink of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tl_core.analysis.compare import Comparison
from tl_core.analysis.decision.costs import Cost
from tl_core.analysis.decision.curves import Against, Gain
from tl_core.analysis.decision.quality import Trust
from tl_core.figures.looks import PALETTE, looks
from tl_core.figures.results import (
    LEGEND_SHOWN,
    MUTED,
    STRONG,
    bars,
    clipped,
    empty,
    folded,
    key_of_dots,
    learning_curves,
)
from tl_core.statistics.break_even import Band
from tl_core.statistics.intervals import Interval
from tl_core.words.phrases import number, percent, say, shots_name
from tl_core.words.units import PERCENT, Unit, sorting_unit, unit_of

PLOT = (440, 300)  # pixels of the ground of a figure on a narrow page
NAME_WIDTH, NAME_HEIGHT = 7, 15  # pixels, of a letter and of a line
BESIDE = 0.35  # of a decade, between nothing and the smallest amount on an axis of amounts


def ahead(
    against: Against,
    band: Band,
    *,
    at: float | None = None,
    language: str = "en",
    unit: Unit = PERCENT,
) -> go.Figure:
    """Draw by how much the learner is ahead, with its 95% band, against labels; shaded where it may
    break even.

    Args:
        at: a number of labels to point at.
    """
    figure = empty(height=360)
    xs = band.labels.tolist()
    shade = dict(fill="toself", mode="lines", line={"width": 0}, hoverinfo="skip")
    if against.found:
        low, high = (
            min(max(x.count, xs[0]), xs[-1]) for x in (against.found.low, against.found.high)
        )
        ends = [unit.scale * band.low.min(), unit.scale * band.high.max()]
        figure.add_trace(
            go.Scatter(
                x=[low, high, high, low],
                y=[ends[0], ends[0], ends[1], ends[1]],
                fillcolor="rgba(140,140,140,0.16)",
                name=say(language, "even_span"),
                **shade,
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[*xs, *reversed(xs)],
            y=[*(unit.scale * band.high), *reversed(unit.scale * band.low)],
            fillcolor="rgba(0,114,178,0.14)",
            name=say(language, "ahead_band"),
            **shade,
        )
    )
    told = [
        say(
            language,
            "ahead_told",
            n=number(n, 0),
            x=unit.points(m, language),
            low=number(unit.scale * a, unit.digits),
            high=number(unit.scale * b, unit.digits),
        )
        for n, m, a, b in zip(xs, band.mean, band.low, band.high)
    ]
    name = say(
        language, "ahead_line", learner=clipped(against.learner), other=clipped(against.other)
    )
    figure.add_trace(
        go.Scatter(
            x=xs,
            y=(unit.scale * band.mean).tolist(),
            mode="lines",
            name=name,
            line={"color": STRONG, "width": 2},
            hoverinfo="text",
            hovertext=told,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[xs[0], xs[-1]],
            y=[0, 0],
            mode="lines",
            name=say(language, "as_good"),
            line={"color": MUTED, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
        )
    )
    if at is not None:
        near = min(range(len(xs)), key=lambda i: abs(xs[i] - at))
        point = Interval(
            float(band.mean[near]), float(band.low[near]), float(band.high[near]), 1, 1
        )
        figure.add_trace(
            go.Scatter(
                x=[xs[near]],
                y=[unit.scale * point.value],
                mode="markers",
                name=say(language, "at_labels", n=number(xs[near], 0)),
                error_y=bars([_in_unit(point, unit)], PALETTE[4], width=6),
                marker={"color": PALETTE[4], "symbol": "diamond", "size": 12},
                hoverinfo="text",
                hovertext=told[near],
            )
        )
    figure.update_xaxes(
        type="log",
        title_text=say(language, "axis_labels"),
        tickvals=list(against.labels),
        ticktext=[number(x, 0) for x in against.labels],
    )
    figure.update_yaxes(title_text=say(language, "axis_ahead"), nticks=7)
    return figure


def _in_unit(point: Interval, unit: Unit) -> Interval:
    """A difference in hundredths of its unit."""
    k = unit.scale / 100
    return Interval(k * point.value, k * point.low, k * point.high, point.seeds, point.n)


def more_labels(
    comparison: Comparison, metric: str, gains: Sequence[Gain], *, language: str = "en"
) -> go.Figure:
    """The learning curves, extrapolated by dotted lines where that can be predicted."""
    figure, seen = learning_curves(comparison, metric, language=language), looks(comparison)
    unit = unit_of(comparison.problem, metric)
    curves = {
        trace.legendgroup: trace
        for trace in figure.data
        if trace.customdata is not None and trace.mode == "lines+markers"
    }
    most = 0.0
    for gain in gains:
        line = curves.get(seen[gain.arm].group)
        if line is None or not gain.found.points:
            continue
        points, most = gain.found.points, max(most, *gain.found.labels)
        told = [
            f"<b>{line.name}</b><br>{say(language, 'labels_in_all', n=number(n, 0))}<br>"
            f"{unit.value(p.value, language)}"
            f" ({unit.limits(p, language)})"
            for n, p in zip(gain.found.labels, points)
        ]
        figure.add_trace(
            go.Scatter(
                x=[gain.labels, *gain.found.labels],
                y=[unit.at(gain.score), *(unit.at(p.value) for p in points)],
                mode="lines+markers",
                legendgroup=line.legendgroup,
                name=say(language, "carried_on", arm=line.name),
                line={"color": line.line.color, "dash": "dot", "width": 2},
                visible=line.visible,
                marker={
                    "symbol": f"{line.marker.symbol}-open",
                    "size": 9,
                    "color": line.line.color,
                },
                hoverinfo="text",
                hovertext=["", *told],
                error_y=bars(
                    [Interval(0.0, math.nan, math.nan, 1, 1), *map(unit.drawn, points)],
                    line.line.color,
                    width=4,
                ),
            )
        )
    if most:
        figure.update_xaxes(range=[figure.layout.xaxis.range[0], math.log10(most) + 0.1])
        figure.update_yaxes(autorange=True, range=None)
    return figure


def pareto(costs: Sequence[Cost], comparison: Comparison, *, language: str = "en") -> go.Figure:
    """Quality with its interval against cost, on a log axis that begins at nothing; strong where no
    line as cheap is surely better.

    A point's customdata is "arm|shots", as everywhere. The line joins those that none beats by what
    was seen.
    """
    priced = any(c.total is not None for c in costs)
    costs = [c for c in costs if not priced or c.total is not None]
    amount = [c.labels if c.total is None else c.total for c in costs]
    places, ticks = _from_nothing(amount)
    cells = [cell for c in costs if (cell := comparison.cell(c.arm, c.shots)) is not None]
    unit = sorting_unit(comparison)
    values = [cell.measures[comparison.metric] for cell in cells]
    drawn = [unit.drawn(x) for x in values]
    figure = empty(height=430)
    front = sorted((places[i], 100 * drawn[i].value) for i, c in enumerate(costs) if c.front)
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in front],
            y=[y for _, y in front],
            mode="lines",
            name=say(language, "front_line"),
            line={"color": MUTED, "dash": "dot", "shape": "hv", "width": 1.5},
            hoverinfo="skip",
        )
    )
    seen = looks(comparison, language)
    for arm in dict.fromkeys(c.arm for c in costs):
        some, look = [i for i, c in enumerate(costs) if c.arm == arm], seen[arm]
        told = [
            f"<b>{folded(look.name)} ({shots_name(cells[i].shots, language, cells[i].per)})</b><br>"
            f"{_amount(amount[i], priced, language)}<br>{unit.value(values[i].value, language)}"
            f" ({unit.limits(values[i], language)})"
            for i in some
        ]
        figure.add_trace(
            go.Scatter(
                x=[places[i] for i in some],
                y=[100 * drawn[i].value for i in some],
                mode="markers",
                showlegend=False,
                error_y=bars([drawn[i] for i in some], look.colour, width=0),
                marker={
                    "color": look.colour,
                    "symbol": [_filled(costs[i].could_be_front) for i in some],
                    "size": 10,
                    "line": {"color": look.colour, "width": 2},
                },
                hoverinfo="text",
                hovertext=told,
                customdata=[f"{costs[i].arm}|{cells[i].shots_name}" for i in some],
            )
        )
    for could, key in ((True, "worth_it"), (False, "beaten")):
        if any(c.could_be_front == could for c in costs):
            figure.add_trace(key_of_dots(_filled(could), say(language, key)))
    named = [
        i for i, c in enumerate(costs) if c.front
    ]  # those of the line are named, the others say it when pointed at
    ends = [100 * x for v in drawn for x in (v.value, v.low, v.high) if math.isfinite(x)]
    points = [(_share(places[i], places), _share(100 * drawn[i].value, ends)) for i in named]
    for i, at in zip(
        named, _apart(points, [clipped(seen[costs[i].arm].name) for i in named]), strict=True
    ):
        if at is not None:
            side, shift = at
            x = {"xanchor": side, "xshift": 7 if side == "left" else -7}
            figure.add_annotation(
                x=places[i],
                y=100 * drawn[i].value,
                text=clipped(seen[costs[i].arm].name),
                showarrow=False,
                yshift=shift,
                font_size=12,
                **x,
            )
    figure.update_xaxes(
        title_text=say(language, "axis_cost" if priced else "axis_labels"),
        tickvals=list(ticks),
        ticktext=list(ticks.values()),
        range=[min(places) - 0.08, max(places) + 0.12],
    )
    figure.update_yaxes(title_text=unit.axis(comparison.metric, language), nticks=7)
    return figure


def _filled(could: bool) -> str:
    return "circle" if could else "circle-open"


def _share(x: float, among: Sequence[float]) -> float:
    """Return the position of x between the smallest and the largest, 0 to 1."""
    low, high = min(among), max(among)
    return (x - low) / (high - low) if high > low else 0.5


def _apart(
    points: Sequence[tuple[float, float]], names: Sequence[str]
) -> list[tuple[str, int] | None]:
    """Return for each name the side of its point it begins on and its pixels above it, so that no
    two overprint; None: there is no room.

    Args:
        points: shares of the width and the height. The narrowest usual drawing is reckoned with.
    """
    taken: list[tuple[float, float, float, float]] = []
    found: list[tuple[str, int] | None] = []
    for (x, y), name in zip(points, names, strict=True):
        sides = (
            ("right", "left") if x > 0.75 else ("left", "right")
        )  # late on the axis there is more room on the left
        width = NAME_WIDTH * len(name)
        for side, up in ((side, up) for up in (9, -11, 26, -28, 43, -45) for side in sides):
            left = x * PLOT[0] + (7 if side == "left" else -7 - width)
            box = (
                left,
                left + width,
                y * PLOT[1] + up - NAME_HEIGHT / 2,
                y * PLOT[1] + up + NAME_HEIGHT / 2,
            )
            inside = -NAME_WIDTH <= box[0] and box[1] <= PLOT[0] + 60
            if inside and not any(
                box[0] < t[1] and t[0] < box[1] and box[2] < t[3] and t[2] < box[3] for t in taken
            ):
                taken.append(box)
                found.append((side, up))
                break
        else:
            found.append(None)
    return found


def risk_coverage(
    trusted: Mapping[str, Trust], comparison: Comparison, *, language: str = "en"
) -> go.Figure:
    """Share of wrong predictions if only the most confident are used, by arm of the comparison."""
    figure, seen = empty(height=400), looks(comparison, language)
    for arm, trust in trusted.items():
        told = [
            say(language, "risk_told", covered=percent(c, language), wrong=percent(r, language))
            for c, r in zip(trust.coverage, trust.risk)
        ]
        look = seen[arm]
        figure.add_trace(
            go.Scatter(
                x=[100 * c for c in trust.coverage],
                y=[100 * r for r in trust.risk],
                mode="lines+markers",
                name=clipped(look.name, LEGEND_SHOWN),
                line={"color": look.colour, "dash": look.dash, "width": 2},
                marker={"symbol": look.symbol, "size": 6, "color": look.colour},
                hoverinfo="text",
                hovertext=[f"{folded(look.name)}<br>{x}" for x in told],
            )
        )
    figure.update_xaxes(title_text=say(language, "axis_coverage"), range=[0, 101], nticks=6)
    figure.update_yaxes(title_text=say(language, "axis_risk"), rangemode="tozero", nticks=6)
    return figure


def _from_nothing(amounts: Sequence[float]) -> tuple[list[float], dict[float, str]]:
    """Places on a log axis, nothing a step left of the smallest amount; and ticks by place."""
    some = [math.log10(x) for x in amounts if x > 0]
    zero = (min(some) if some else 0.0) - BESIDE
    places = [math.log10(x) if x > 0 else zero for x in amounts]
    ticks = {zero: "0"} if any(x <= 0 for x in amounts) else {}
    if some:
        first, last = math.floor(min(some)), math.ceil(max(some))
        steps = (1, 2, 5) if last - first < 3 else (1, 3) if last - first < 5 else (1,)
        ticks |= {
            math.log10(m * 10**e): f"{m * 10**e:,.6g}"
            for e in range(first, last + 1)
            for m in steps
            if min(some) - 0.05 <= math.log10(m * 10**e) <= max(some) + 0.05
        }
    return places, ticks


def _amount(x: float, priced: bool, language: str) -> str:
    return (
        say(language, "cost_is", x=number(x, 2))
        if priced
        else say(language, "labels_in_all", n=number(x, 0))
    )
