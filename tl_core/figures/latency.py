"""Quality against the time that one text takes, each with its interval. As in `figures`: no ground
and no ink of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from tl_core.analysis.compare import Comparison
from tl_core.analysis.decision.latency import Latency
from tl_core.figures.looks import looks
from tl_core.figures.results import LEGEND_SHOWN, bars, clipped, empty, folded, key_of_dots
from tl_core.statistics.intervals import Interval
from tl_core.words.phrases import number, say, shots_name
from tl_core.words.units import sorting_unit

FILLED = {True: "circle", False: "circle-open"}
TICKS = (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)


def latency_figure(
    found: Sequence[Latency], comparison: Comparison, *, language: str = "en"
) -> go.Figure:
    """Quality upwards, how many times as long as the quickest arm to the right, on a log axis;
    filled where no arm as quick is shown to be better. A point's customdata is "arm|shots".
    """
    figure, seen, unit = empty(height=400), looks(comparison, language), sorting_unit(comparison)
    for x in found:
        cell = comparison.cell(x.arm, x.shots)
        if cell is None:
            continue
        look, value = seen[x.arm], cell.measures[comparison.metric]
        drawn = unit.drawn(value)
        told = [
            f"<b>{folded(look.name)} ({shots_name(x.shots, language, cell.per)})</b>",
            say(language, "latency_told", ms=number(1000 * x.p50, 1), times=_times(x, language)),
            f"{unit.value(value.value, language)} ({unit.limits(value, language)})",
        ]
        figure.add_trace(
            go.Scatter(
                x=[x.times.value],
                y=[100 * drawn.value],
                mode="markers",
                name=clipped(look.name, LEGEND_SHOWN),
                error_x=_across(x.times, look.colour),
                error_y=bars([drawn], look.colour, width=0),
                marker={
                    "color": look.colour,
                    "symbol": FILLED[x.could_be_front],
                    "size": 10,
                    "line": {"color": look.colour, "width": 2},
                },
                hoverinfo="text",
                hovertext=["<br>".join(told)],
                customdata=[f"{x.arm}|{cell.shots_name}"],
            )
        )
    for could, key in ((True, "quick_enough"), (False, "quick_beaten")):
        if any(x.could_be_front == could for x in found):
            figure.add_trace(key_of_dots(FILLED[could], say(language, key)))
    most = max((x.times.value for x in found), default=1.0)
    ticks = [tick for tick in TICKS if tick <= 2 * most]
    figure.update_xaxes(
        type="log",
        title_text=say(language, "axis_latency"),
        tickvals=ticks,
        ticktext=[f"{tick:,g}" for tick in ticks],
    )
    figure.update_yaxes(title_text=unit.axis(comparison.metric, language), nticks=7)
    return figure


def _times(x: Latency, language: str) -> str:
    limits = say(language, "range", low=number(x.times.low, 2), high=number(x.times.high, 2))
    return f"{number(x.times.value, 2)} ({limits})"


def _across(shown: Interval, colour: str) -> dict:
    """A bar to both limits, to the sides."""
    finite = math.isfinite(shown.low) and math.isfinite(shown.high)
    return {
        "type": "data",
        "symmetric": False,
        "array": [shown.high - shown.value if finite else 0.0],
        "arrayminus": [shown.value - shown.low if finite else 0.0],
        "color": colour,
        "thickness": 2,
        "width": 0,
    }
