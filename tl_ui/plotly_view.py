"""A Plotly figure that can be clicked, follows light and dark, and says what it shows.

Drawn with the plotly.js inside the installed plotly package, so both sides always agree. `gr.Plot` ships another
version, has no click event and stays white in the dark.
"""

from __future__ import annotations

import html
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

SCRIPT_ROUTE = "/tl-static"
SCRIPT = f"{SCRIPT_ROUTE}/plotly.min.js"
# For a slider beside a drawing with steps, answered by the browser alone: (step, drawing) in, drawing out.
TAKE_STEP = "(step, drawn) => drawn ? JSON.stringify({...JSON.parse(drawn), at: step}) : drawn"

# For whoever draws with Plotly: the colours of the page, light or dark, by `colour(name)` and `themed(layout)`; and
# `plotly()`, a promise of the library, whose 5 MB are not run before something is to be drawn.
THEMED = f"const script = '{SCRIPT}';" + r"""
const plotly = () => window.tlPlotly ??= new Promise((ready, failed) => {
  const element = document.createElement('script');
  element.src = script; element.onload = ready;
  element.onerror = () => { window.tlPlotly = undefined; failed(new Error('plotly.min.js did not come')); };
  document.head.append(element);
});
const colour = name => getComputedStyle(document.querySelector('.gradio-container') || document.body).getPropertyValue(name).trim();
const axes = layout => new Set([...Object.keys(layout).filter(key => /^[xy]axis\d*$/.test(key)), 'xaxis', 'yaxis']);
const themed = layout => {
  const ink = colour('--body-text-color'), line = colour('--border-color-primary'), clear = 'rgba(0,0,0,0)';
  const out = {...layout, autosize: true, width: undefined, uirevision: 'keep', paper_bgcolor: clear, plot_bgcolor: clear,
    font: {...(layout.font || {}), color: ink, family: getComputedStyle(document.body).fontFamily},
    modebar: {bgcolor: clear, color: ink, activecolor: ink},
    hoverlabel: {bgcolor: colour('--block-background-fill') || '#fff', bordercolor: line, font: {color: ink}, align: 'left', ...(layout.hoverlabel || {})}};
  for (const key of axes(layout)) out[key] = {...(layout[key] || {}), gridcolor: line, zerolinecolor: line, linecolor: line};
  return out;
};
"""

_JS = THEMED + r"""
const box = element.querySelector('.tl-plot'), png = element.querySelector('.tl-picture'), svg = element.querySelector('.tl-vector');
let listening = false;
const shown = given => {
  const steps = given.steps || [], step = steps[Math.min(given.at, steps.length - 1)];
  if (!step) return given.figure;
  return {data: given.figure.data.map((trace, i) => ({...trace, ...step.data[i]})), layout: {...given.figure.layout, ...step.layout}};
};
const draw = () => {
  png.hidden = svg.hidden = !props.value;
  if (typeof Plotly === 'undefined' && props.value) { plotly().then(draw); return; }
  if (!props.value) { if (listening) Plotly.purge(box); listening = false; box.style.height = '0'; box.removeAttribute('aria-label'); return; }
  const given = JSON.parse(props.value), figure = shown(given);
  png.textContent = given.picture ? given.picture.says : 'PNG';
  png.ariaLabel = `${given.label}: PNG`;
  svg.ariaLabel = `${given.label}: SVG`;
  box.setAttribute('aria-label', given.label);
  box.style.height = (figure.layout.height || given.height) + 'px';
  Plotly.react(box, figure.data, themed(figure.layout), {responsive: true, displaylogo: false, displayModeBar: false});
  if (listening) return;
  listening = true;
  box.on('plotly_click', event => {
    const p = event.points[0];
    trigger('select', {id: p.customdata === undefined ? null : p.customdata, x: p.x, y: p.y, curve: p.curveNumber});
  });
};
draw();
watch('value', draw);
const keep = format => {
  const given = JSON.parse(props.value), figure = shown(given), back = colour('--block-background-fill') || '#fff';
  const size = {width: box.clientWidth, height: box.clientHeight}, name = given.picture ? given.picture.name : element.parentElement.closest('[id]')?.id || 'plot';
  const layout = {...themed(figure.layout), paper_bgcolor: back, plot_bgcolor: back, ...size};
  Plotly.downloadImage({data: figure.data, layout}, {format, scale: format === 'png' ? 2 : 1, ...size, filename: name});
};
png.addEventListener('click', () => keep('png'));
svg.addEventListener('click', () => keep('svg'));
new MutationObserver(draw).observe(document.body, {attributes: true, attributeFilter: ['class']});
new ResizeObserver(() => { if (props.value && box.clientWidth && typeof Plotly !== 'undefined' && listening) Plotly.Plots.resize(box); }).observe(element);
"""


def plotly_view(*, label: str, **more: Any) -> gr.HTML:
    """A place for a `drawing`; its `select` event has the `id` (customdata), `x` and `y` of a clicked point.

    A plain gr.HTML: for a subclass Gradio would write an interface file beside this one.
    """
    return gr.HTML(
        label=label,
        html_template=f"<div class='tl-plot' role='figure' aria-label='{html.escape(label, quote=True)}'></div><button type='button' class='tl-picture' hidden></button><button type='button' class='tl-vector' hidden>SVG</button>",
        js_on_load=_JS,
        **more,
    )


def drawing(
    figure: Any, label: str, height: int = 360, *, picture: tuple[str, str] | None = None, steps: Sequence[Any] = (), at: int = 0
) -> str:  # fmt: skip
    """A figure as the view takes it.

    Args:
        label: what somebody who cannot see it is told.
        picture: (name of the file, words on the button) of the PNG; without it, the name of the place and PNG.
        steps: figures with the same traces, between which the browser changes by itself; see `TAKE_STEP`.
        at: the step to begin with.
    """
    first = _plain(figure)
    told = {"figure": first, "label": label, "height": height}
    if picture is not None:
        told["picture"] = {"name": picture[0], "says": picture[1]}
    if steps:
        told |= {"steps": [_different(_plain(step), first) for step in steps], "at": at}
    return json.dumps(told)


def _plain(figure: Any) -> dict[str, Any]:
    shown = json.loads(figure.to_json())
    shown["layout"].pop("template", None)  # colours come from the page; the template alone is 7 KB
    return shown


def _different(step: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    """What a step says other than the first figure: texts of hundreds of points are sent once."""
    other = lambda new, old: {key: value for key, value in new.items() if value != old.get(key)}  # noqa: E731
    return {"data": [other(new, old) for new, old in zip(step["data"], first["data"], strict=True)], "layout": other(step["layout"], first["layout"])}


def script_folder() -> Path:
    """Where the installed plotly keeps its plotly.min.js."""
    found = importlib.util.find_spec("plotly")
    return Path(found.submodule_search_locations[0]) / "package_data"
