"""The first picture of the page: what labels buy on the texts of a finished study, and where these
texts lie before and after training. Drawn as HTML and SVG, without a library, so that it is there
as soon as the page is; a few lines of script move the map.

It comes in every language at once and the document's language shows one of them: a switch asks the
server nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from tl_core.api import amounts
from tl_core.api.types import Dataset
from tl_core.figures.results import PALETTE
from tl_core.strategies import strategies
from tl_ui.components.html import clip, escaped, in_both, strategy_title, table_html
from tl_ui.state.datasets import Held
from tl_ui.state.shipped_study import Point, ShippedStudy, Side
from tl_ui.words import t

SCRIPT = Path(__file__).with_suffix(".js")
TEXT_SHOWN = 180
LEAST_GAP = 21.0  # percent of the picture's height between two names beside it


@dataclass(frozen=True)
class Way:
    """One of the three ways to use labels, as the picture shows it."""

    id: str  # of its colour in theme.css, and of its words
    strategy: str
    shots: int | str  # of the number that stands for it


WAYS = (Way("none", "similarity", 0), Way("few", "lora", 8), Way("all", "full", "all"))


def first_picture(study: ShippedStudy, held: Held) -> gr.HTML:
    """The picture; `held` is the dataset of the study."""
    return gr.HTML(
        in_both(lambda lang: said_html(study, held.loaded.dataset, lang))
        + "<div class='tl-first'>"
        + in_both(lambda lang: curve_html(study, lang))
        + _map_html(study, held)
        + "</div>",
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        elem_id="first-picture",
    )


def said_html(study: ShippedStudy, dataset: Dataset, lang: str) -> str:
    """Say in one sentence what labels buy."""
    found = {way.id: study.at(way.strategy, way.shots) for way in WAYS}
    marked = {
        way.id: f"<b class='tl-way-{way.id}'>{100 * found[way.id].value:.0f}</b>" for way in WAYS
    }
    counts = {f"{id}_labels": f"{point.labels:,}" for id, point in found.items()}
    names = {f"{way.id}_name": _name(way, lang) for way in WAYS}
    places = {id: f"[{id}]" for id in marked}  # filled after the rest is escaped
    said = escaped(t(lang, "start_said", **counts, **names, **places))
    for id, place in places.items():
        said = said.replace(place, marked[id])
    about = t(
        lang,
        "start_about",
        rows=f"{len(dataset):,}",
        labels=len(dataset.problem.labels),
        test=f"{study.test_rows:,}",
        seeds=study.seeds,
    )
    return (
        f"<h2>{escaped(t(lang, 'start_head'))}</h2><p class='tl-start-said'>{said}</p>"
        f"<p class='tl-fine'>{escaped(about)}</p>"
    )


def _name(way: Way, lang: str) -> str:
    return strategy_title(strategies()[way.strategy], lang)


# --- the learning curve ---------------------------------------------------------------------------


def curve_html(study: ShippedStudy, lang: str) -> str:
    """The share of correct answers by number of labels: a line for each of the three ways."""
    curves = {way: study.curve(way.strategy) for way in WAYS}
    across = _Across(sorted({p.labels for points in curves.values() for p in points if p.labels}))
    shown = [p for points in curves.values() for p in points]
    low = 10 * math.floor(10 * min(p.low for p in shown))
    up = _Up(max(0, low), 100)
    lines = "".join(_line(way, points, across, up) for way, points in curves.items())
    names = _names(curves, up, lang)
    ticks = "".join(
        f"<span class='tl-tick-y' style='top:{up(y / 100):.1f}%'>{y}%</span>"
        for y in range(up.low, 101, 10 if 100 - up.low <= 50 else 20)
    )
    grid = "".join(
        f"<line x1='0' x2='100' y1='{up(y / 100):.1f}' y2='{up(y / 100):.1f}' class='tl-grid'/>"
        for y in range(up.low, 101, 10 if 100 - up.low <= 50 else 20)
    )
    below = "<span class='tl-tick-x' style='left:0%'>0</span>" + "".join(
        f"<span class='tl-tick-x' style='left:{across(x):.1f}%'>{x:,}</span>" for x in across.labels
    )
    title = t(lang, "start_curve")
    return (
        f"<figure class='tl-curve'><figcaption><b>{escaped(title)}</b></figcaption>"
        f"<div class='tl-curve-box' role='img' aria-label='{escaped(title)}'>{ticks}"
        "<div class='tl-curve-plot'><svg viewBox='0 0 100 100' preserveAspectRatio='none'"
        f" aria-hidden='true'>{grid}{lines}</svg>{_dots(curves, across, up)}</div>{names}"
        f"<div class='tl-curve-below'>{below}</div></div>"
        f"<p class='tl-fine tl-curve-x'>{escaped(t(lang, 'start_curve_x'))}</p>"
        f"<details><summary>{escaped(t(lang, 'start_numbers'))}</summary>"
        f"{_table(study, lang)}</details></figure>"
    )


class _Across:
    """The place of a number of labels, in percent of the width: 0 at the left, then by powers."""

    def __init__(self, labels: Sequence[int]):
        self.labels = labels
        self.first, self.last = math.log(labels[0]), math.log(labels[-1])

    def __call__(self, labels: int) -> float:
        if not labels:
            return 0.0
        return 14 + 84 * (math.log(labels) - self.first) / (self.last - self.first)


class _Up:
    """The place of a share, in percent from the top."""

    def __init__(self, low: int, high: int):
        self.low, self.high = low, high

    def __call__(self, share: float) -> float:
        return 100 * (self.high - 100 * share) / (self.high - self.low)


def _line(way: Way, points: Sequence[Point], across: _Across, up: _Up) -> str:
    if len(points) == 1:  # it uses no labels, and stays what it is however many there are
        point = points[0]
        xs = [(0.0, point), (100.0, point)]
    else:
        xs = [(across(p.labels), p) for p in points]
    band = [f"{x:.1f},{up(p.high):.1f}" for x, p in xs] + [
        f"{x:.1f},{up(p.low):.1f}" for x, p in reversed(xs)
    ]
    line = " ".join(f"{x:.1f},{up(p.value):.1f}" for x, p in xs)
    return (
        f"<polygon class='tl-way-{way.id} tl-band' points='{' '.join(band)}'/>"
        f"<polyline class='tl-way-{way.id} tl-thick' points='{line}'/>"
    )


def _dots(curves: dict[Way, tuple[Point, ...]], across: _Across, up: _Up) -> str:
    return "".join(
        f"<i class='tl-dot tl-way-{way.id}' style='left:{across(p.labels):.1f}%;"
        f"top:{up(p.value):.1f}%'></i>"
        for way, points in curves.items()
        for p in points
    )


def _names(curves: dict[Way, tuple[Point, ...]], up: _Up, lang: str) -> str:
    """Names beside the ends of the lines, the best on top, none over another."""
    ends = sorted((up(points[-1].value), way.id, way) for way, points in curves.items())
    places: list[float] = []
    for wanted, _, _ in ends:
        places.append(max(wanted, places[-1] + LEAST_GAP) if places else max(wanted, 4.0))
    return (
        "<div class='tl-curve-names'>"
        + "".join(
            f"<span style='top:{place:.1f}%'><b class='tl-way-{way.id}'>"
            f"{escaped(t(lang, f'curve_{way.id}'))}</b>"
            f"<small>{escaped(_name(way, lang))}</small></span>"
            for place, (_, _, way) in zip(places, ends, strict=True)
        )
        + "</div>"
    )


def _table(study: ShippedStudy, lang: str) -> str:
    rows = [
        (
            escaped(strategy_title(strategies()[p.strategy], lang)),
            f"{p.labels:,}",
            f"{p.draws}",
            f"{amounts.percent(p.value)} ({100 * p.low:.1f}–{100 * p.high:.1f})",
        )
        for p in study.points
    ]
    head = [t(lang, key) for key in ("strategy", "labels", "draws", "accuracy")]
    return table_html(t(lang, "start_curve"), head, rows)


# --- the map --------------------------------------------------------------------------------------


def _map_html(study: ShippedStudy, held: Held) -> str:
    problem = held.loaded.dataset.problem
    examples = {e.row: e for e in held.loaded.dataset.examples}
    texts = [examples[row] for row in study.rows]
    drawn = {
        "sides": [side.places for side in study.sides],
        "of": [problem.label_index[e.labels[0]] for e in texts],
        "colours": PALETTE[: len(problem.labels)],
        "labels": [label.name for label in problem.labels],
        "texts": [clip(e.text, TEXT_SHOWN) for e in texts],
    }
    legend = "".join(
        f"<span><i style='background:{colour}'></i>{escaped(label.name)}</span>"
        for label, colour in zip(problem.labels, PALETTE, strict=False)
    )
    stops = "".join(
        f"<button type='button' data-stop='{i}'>{in_both(partial(_stop, study, side))}</button>"
        for i, side in enumerate(study.sides)
    )
    return (
        "<figure class='tl-moved'><figcaption>"
        + in_both(
            lambda lang: (
                f"<b>{escaped(t(lang, 'start_map'))}</b><p class='tl-fine'>"
                f"{escaped(t(lang, 'start_map_about'))}</p>"
            )
        )
        + f"</figcaption><div class='tl-moved-box'><svg data-map='{escaped(json.dumps(drawn))}'"
        " aria-hidden='true'></svg><div class='tl-tip' hidden><b></b><span dir='auto'></span></div>"
        f"</div><div class='tl-stops'>{stops}</div>"
        "<input type='range' min='0' max='2' step='0.01' value='0' aria-label='Training / 학습'>"
        f"<div class='tl-moved-legend'>{legend}</div></figure>"
    )


def _stop(study: ShippedStudy, side: Side, lang: str) -> str:
    near = t(lang, "start_near", share=f"{100 * side.near:.0f}%")
    if not side.strategy:
        return f"<b>{escaped(t(lang, 'start_untrained'))}</b><small>{escaped(near)}</small>"
    labels = t(lang, "start_trained", n=f"{study.at(side.strategy, side.shots).labels:,}")
    name = strategy_title(strategies()[side.strategy], lang)
    return f"<b>{escaped(name)}</b><small>{escaped(labels)}: {escaped(near)}</small>"
