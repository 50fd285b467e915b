"""The learning curve as SVG, without a script and without a library: it shows in a notebook that
runs nothing, and beside a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tl_core.analysis.compare import Cell, Comparison

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 300, 46, 34, 12, 150
COLOURS = ("#0f766e", "#b45309", "#4338ca", "#be123c", "#0369a1", "#4d7c0f", "#7e22ce", "#57534e")


def curve_svg(comparison: Comparison, *, first: str = "", paper: bool = False) -> tuple[str, int]:
    """The metric by labels, a line with its 95% band for each arm; arms that need no labels are
    level lines. And how many arms are not drawn, where there are too many to be told apart.

    Args:
        first: an arm that is drawn whatever else is.
        paper: as a file of its own, on white.
    """
    metric, cells = comparison.metric, comparison.cells
    arms = {
        arm: sorted((c for c in cells if c.arm == arm), key=lambda c: c.labels)
        for arm in sorted({c.arm: None for c in cells}, key=lambda arm: arm != first)
    }
    low, high = _span(cells, metric)
    most = max(cell.labels for cell in cells)

    def x(labels: float) -> float:
        share = math.log2(1 + labels) / math.log2(1 + most) if most else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(share: float) -> float:
        return TOP + (high - share) / (high - low) * (HEIGHT - TOP - BOTTOM)

    marks = _axes(
        sorted({cell.labels for cell in cells}), low, high, x, y, _name(metric), _tick(comparison)
    )
    for i, (arm, points) in enumerate(list(arms.items())[: len(COLOURS)]):
        marks.append(_line(arm, points, metric, COLOURS[i], i, x, y, x(most)))
    around = f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>" if paper else ""
    colour = "#1f2937" if paper else "currentColor"
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' role='img'"
        f" aria-label='{_name(metric)} by labels' style='max-width:{WIDTH}px;font:12px sans-serif'"
        f" color='{colour}' fill='currentColor'>{around}{''.join(marks)}</svg>"
    )
    return svg, max(0, len(arms) - len(COLOURS))


def _span(cells: Sequence[Cell], metric: str) -> tuple[float, float]:
    """Limits of the upright axis, in whole tenths around all points."""
    values = [cell.measures[metric].value for cell in cells]
    low, high = math.floor(10 * min(values)) / 10, math.ceil(10 * max(values)) / 10
    return (low, high) if high > low else (max(0.0, low - 0.1), high + 0.1)


def _axes(labels, low, high, x, y, name, tick) -> list[str]:
    marks = []
    steps = round((high - low) * 10)
    for i in range(steps + 1):
        share = low + (high - low) * i / steps
        marks.append(
            f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y(share):.1f}' y2='{y(share):.1f}'"
            " stroke='currentColor' opacity='.15'/>"
            f"<text x='{LEFT - 6}' y='{y(share) + 4:.1f}' text-anchor='end'>"
            f"{tick(share)}</text>"
        )
    last = -math.inf
    for count in labels:
        if x(count) - last < 34:
            continue
        last = x(count)
        marks.append(
            f"<text x='{last:.1f}' y='{HEIGHT - BOTTOM + 16}' text-anchor='middle'>"
            f"{count:,.0f}</text>"
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    marks.append(
        f"<text x='{middle:.0f}' y='{HEIGHT - 3}' text-anchor='middle'>"
        f"labelled rows · {name}</text>"
    )
    return marks


def _line(arm, points, metric, colour, place, x, y, right) -> str:
    shown = [cell.measures[metric] for cell in points]
    xs = [x(cell.labels) for cell in points]
    if len(points) == 1 and points[0].labels == 0:  # it needs no labels: as good with any number
        xs, shown = [xs[0], right], shown * 2
    path = " ".join(f"{a:.1f},{y(s.value):.1f}" for a, s in zip(xs, shown, strict=True))
    finite = [
        (a, s)
        for a, s in zip(xs, shown, strict=True)
        if math.isfinite(s.low) and math.isfinite(s.high)
    ]
    band = ""
    if len(finite) > 1:
        upper = [f"{a:.1f},{_inside(y(s.high)):.1f}" for a, s in finite]
        lower = [f"{a:.1f},{_inside(y(s.low)):.1f}" for a, s in reversed(finite)]
        band = f"<polygon points='{' '.join(upper + lower)}' fill='{colour}' opacity='.12'/>"
    dots = "".join(
        f"<circle cx='{a:.1f}' cy='{y(s.value):.1f}' r='3' fill='{colour}'/>"
        for a, s in zip(xs, shown, strict=True)
    )
    at = TOP + 12 + 18 * place
    name = "".join(c if c.isprintable() else " " for c in arm)  # XML holds no control characters
    name = name if len(name) <= 20 else f"{name[:19]}…"
    legend = (
        f"<rect x='{WIDTH - RIGHT + 14}' y='{at - 8}' width='10' height='10' fill='{colour}'/>"
        f"<text x='{WIDTH - RIGHT + 30}' y='{at + 1}'>{escape(name)}</text>"
    )
    return (
        f"{band}<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
        f"{dots}{legend}"
    )


def _inside(at: float) -> float:
    """A band may reach further than the axis does."""
    return min(max(at, TOP), HEIGHT - BOTTOM)


def _name(metric: str) -> str:
    from tl_core.words.phrases import say

    return say("en", metric)


def _tick(comparison: Comparison) -> Callable[[float], str]:
    """Return the function that labels a tick on the vertical axis; better is higher up, also where
    less is better.
    """
    from tl_core.words.units import PERCENT, sorting_unit

    unit = sorting_unit(comparison)
    if unit == PERCENT:
        return lambda share: f"{unit.at(share):.0f} %"
    return lambda share: f"{unit.at(share):.{unit.digits}f}"
