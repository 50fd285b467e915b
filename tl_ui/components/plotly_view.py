"""A Plotly figure that can be clicked, follows light and dark, and says what it shows.

Drawn with the plotly.js inside the installed plotly package, so both sides always agree. `gr.Plot`
ships another version, has no click event and stays white in the dark.
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
# For a slider alongside a drawing with steps, answered by the browser alone: (step, drawing) in,
# drawing out.
TAKE_STEP = "(step, drawn) => drawn ? JSON.stringify({...JSON.parse(drawn), at: step}) : drawn"

_HERE = Path(__file__).parent
# for whoever draws with Plotly: the library, and the colours of the page
THEMED = f"const script = '{SCRIPT}';\n" + (_HERE / "plotly_colours.js").read_text("utf-8")
_JS = THEMED + Path(__file__).with_suffix(".js").read_text("utf-8")


def plotly_view(*, label: str, **more: Any) -> gr.HTML:
    """A place for a `drawing`; its `select` event has the `id` (customdata), `x` and `y` of a
    clicked point.

    A plain gr.HTML: for a subclass Gradio would write an interface file alongside this one.
    """
    return gr.HTML(
        label=label,
        html_template=(
            "<div class='tl-plot' role='figure'"
            f" aria-label='{html.escape(label, quote=True)}'></div><button type='button'"
            " class='tl-picture' hidden></button><button type='button' class='tl-vector'"
            " hidden>SVG</button>"
        ),
        js_on_load=_JS,
        **more,
    )


def drawing(
    figure: Any,
    label: str,
    height: int = 360,
    *,
    picture: tuple[str, str] | None = None,
    steps: Sequence[Any] = (),
    at: int = 0,
) -> str:
    """A figure as the view takes it.

    Args:
        label: text for readers who cannot see it.
        picture: (name of the file, words on the button) of the PNG; without it, the name of the
            place and PNG.
        steps: figures with the same traces, between which the browser changes by itself; see
            `TAKE_STEP`.
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
    """Return the parts of a step that differ from the first figure: texts of hundreds of points are
    sent once.
    """
    other = lambda new, old: {key: value for key, value in new.items() if value != old.get(key)}  # noqa: E731
    return {
        "data": [other(new, old) for new, old in zip(step["data"], first["data"], strict=True)],
        "layout": other(step["layout"], first["layout"]),
    }


def script_folder() -> Path:
    """Return the folder of the installed plotly's plotly.min.js."""
    found = importlib.util.find_spec("plotly")
    assert found is not None and found.submodule_search_locations  # it is required
    return Path(found.submodule_search_locations[0]) / "package_data"
