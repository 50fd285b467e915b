"""A study as a notebook shows it: the answer in words, the leaderboard, the learning curve.

The curve is drawn as SVG, without a script: it shows wherever the notebook is opened, offline and
in a viewer that runs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tl_core.analysis.compare import Cell, Comparison
    from tl_core.api.types import Problem
    from tl_core.words.verdict import Verdict

MOST_LINES = 12  # of the leaderboard; `leaderboard()` has them all
CELL = "padding:.15em .8em;text-align:right"


def as_html(
    comparison: Comparison, found: Verdict, advice: str, warnings: Sequence[str], unfinished: str
) -> str:
    """Words, table and picture. Names and sentences are text, whatever they hold.

    Args:
        unfinished: how many runs are not finished, as a sentence; "" where all are.
    """
    parts = [
        f"<p style='max-width:46em'><b>{escape(found.sentence)}</b>"
        f" <i>({escape(found.said)})</i></p>"
    ]
    if found.reach:
        parts.append(f"<p style='max-width:46em'>{escape(found.reach)}</p>")
    if found.why:
        why = "".join(f"<li>{escape(sentence)}</li>" for sentence in found.why)
        parts.append(f"<ul style='max-width:46em'>{why}</ul>")
    parts.append(
        "<details style='max-width:46em'><summary>Details</summary>"
        f"<p>{escape(advice)}</p></details>"
    )
    if warnings:
        parts.append(
            "<ul style='max-width:46em'>"
            + "".join(f"<li>{escape(sentence)}</li>" for sentence in warnings)
            + "</ul>"
        )
    if unfinished:
        parts.append(f"<p>{escape(unfinished)}</p>")
    if comparison.cells:
        from tl_core.figures.curve_svg import curve_svg

        parts.append(_table(comparison))
        svg, left_out = curve_svg(comparison)
        parts.append(svg)
        if left_out:
            parts.append(f"<p><small>{left_out:,} more arms are not drawn.</small></p>")
    return f"<div>{''.join(parts)}</div>"


def as_text(comparison: Comparison) -> str:
    """The leaderboard for a prompt."""
    if not comparison.cells:
        return "No run is finished yet."
    shown = comparison.cells[:MOST_LINES]
    width = max(len("arm"), *(len(cell.arm) for cell in shown))
    by = comparison.metric
    lines = [f"  {'arm':<{width}}  {'shots':>5}  {'labels':>6}  {_name(by)}"]
    lines += [
        f"{'*' if cell.could_be_best else ' '} {cell.arm:<{width}}  {cell.shots_name!s:>5} "
        f" {cell.labels:>6,.0f}  {_share(cell, by, comparison.problem)}"
        for cell in shown
    ]
    lines.append(_below(comparison))
    return "\n".join(filter(None, lines))


def _below(comparison: Comparison) -> str:
    more = len(comparison.cells) - MOST_LINES
    mark = "* could be the best; intervals are 95%."
    return f"{mark} {more:,} more lines: leaderboard()." if more > 0 else mark


def _name(metric: str) -> str:
    from tl_core.words.phrases import say

    return say("en", metric)


def _share(cell: Cell, metric: str, problem: Problem) -> str:
    from tl_core.words.units import PERCENT, unit_of

    found = cell.measures[metric]
    unit = unit_of(problem, metric)
    ends = unit.interval(found)
    limits = (
        f" [{ends.low:.{unit.digits}f}, {ends.high:.{unit.digits}f}]"
        if math.isfinite(ends.low) and math.isfinite(ends.high)
        else ""
    )
    return f"{ends.value:.{unit.digits}f}{' %' if unit == PERCENT else ''}{limits}"


def _table(comparison: Comparison) -> str:
    measures = (_name(m.id) for m in comparison.measures)
    head = ("", "arm", "shots", "labels", *measures, "fit s")
    rows = [
        (
            "*" if cell.could_be_best else "",
            cell.arm,
            str(cell.shots_name),
            f"{cell.labels:,.0f}",
            *(_share(cell, m.id, comparison.problem) for m in comparison.measures),
            f"{cell.fit_seconds:.1f}",
        )
        for cell in comparison.cells[:MOST_LINES]
    ]
    lines = [f"<tr>{''.join(f'<th style={CELL!r}>{escape(h)}</th>' for h in head)}</tr>"]
    lines += [
        f"<tr>{''.join(f'<td style={CELL!r}>{escape(value)}</td>' for value in row)}</tr>"
        for row in rows
    ]
    return f"<table>{''.join(lines)}</table><p><small>{escape(_below(comparison))}</small></p>"
