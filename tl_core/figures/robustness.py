"""Effect of changed texts on the accuracy of each arm, as points with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from tl_core.analysis.robustness import Effect
from tl_core.figures.looks import PALETTE, SYMBOLS
from tl_core.figures.results import MUTED, bars, clipped, empty, folded
from tl_core.words.phrases import limits, number, percent, say
from tl_core.words.robustness import change_name, line_name

APART = 0.17  # between two changes of one arm, where arms are 1 apart


def robustness_figure(effects: Sequence[Effect], *, language: str = "en") -> go.Figure:
    """Accuracy after less before with 95% intervals, a row for each arm, a colour and a shape for
    each change; left of the dashed line something is lost. A change without an accuracy (negation)
    is not drawn."""
    drawn = [x for x in effects if x.difference]
    lines = [*dict.fromkeys(map(_line, drawn))]
    changes = [*dict.fromkeys(x.change for x in drawn)]
    figure = empty(height=120 + (20 + 16 * len(changes)) * max(len(lines), 1))
    for place, change in enumerate(changes):
        some = [x for x in drawn if x.change == change]
        shift = APART * (place - (len(changes) - 1) / 2)
        heights = [lines.index(_line(x)) + shift for x in some]
        figure.add_trace(_dots(some, heights, place, language))
    rows = [-0.6, len(lines) - 0.4]
    figure.add_trace(
        go.Scatter(
            x=[0, 0],
            y=rows,
            mode="lines",
            name=say(language, "as_before"),
            line={"color": MUTED, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
        )
    )
    ends = [
        100 * end
        for x in drawn
        if x.difference
        for end in (x.difference.value, x.difference.low, x.difference.high)
        if math.isfinite(end)
    ] + [0]
    room = max(1.0, 0.06 * (max(ends) - min(ends)))
    figure.update_xaxes(
        title_text=say(
            language,
            "axis_robust",
            measure=say(language, drawn[0].measure if drawn else "accuracy"),
        ),
        range=[min(ends) - room, max(ends) + room],
        nticks=6,
    )
    figure.update_yaxes(
        tickvals=list(range(len(lines))),
        ticktext=[f"{clipped(arm, 18)} · {shots}" for arm, shots in lines],
        range=rows[::-1],
        automargin=True,
        showgrid=False,
        ticklabelstandoff=6,
    )
    return figure


def _dots(
    some: Sequence[Effect], heights: Sequence[float], place: int, language: str
) -> go.Scatter:
    """One change, of every arm."""
    colour = PALETTE[place % len(PALETTE)]
    differences = [x.difference for x in some if x.difference]
    return go.Scatter(
        x=[100 * difference.value for difference in differences],
        y=heights,
        mode="markers",
        name=change_name(some[0].change, language),
        marker={"color": colour, "symbol": SYMBOLS[place % len(SYMBOLS)], "size": 10},
        error_x=bars(differences, colour, width=0),
        hoverinfo="text",
        hovertext=[_told(x, language) for x in some],
    )


def _line(x: Effect) -> tuple[str, int | str]:
    return x.arm, x.shots_name


def _told(x: Effect, language: str) -> str:
    assert x.before and x.after and x.difference  # or it were not drawn
    change = (
        f"{change_name(x.change, language)}: {percent(x.before.value, language)} →"
        f" {percent(x.after.value, language)}"
    )
    difference = say(language, "points", x=number(100 * x.difference.value))
    return (
        f"<b>{folded(line_name(x, language))}</b><br>{change}<br>{difference}"
        f" ({limits(x.difference, language)})<br>{say(language, 'head_rows')}: {x.rows:,}"
    )
