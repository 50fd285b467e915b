"""A map of texts that is moved, coloured and searched in the browser: places are sent once, as
bytes; a slider carries every text from where it was to where it is without asking anybody.

Texts are put into the page as text and never as HTML. Names of groups go through Plotly's legend,
which takes some HTML, so they arrive here escaped.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from tl_core.views.embedding_map import EmbeddingMap, Placed
from tl_ui.components.html import clip, escaped
from tl_ui.components.plotly_view import THEMED
from tl_ui.views._shared.map_figures import Colouring

_HTML = """
<div class='tl-map' hidden>
  <div class='tl-maptools' role='group'>
    <button type='button' data-drag='lasso' data-say='lasso'></button>
    <button type='button' data-drag='select' data-say='box'></button>
    <button type='button' data-drag='zoom' data-say='zoom'></button>
    <button type='button' data-drag='pan' data-say='pan'></button>
    <button type='button' data-say='whole'></button>
  </div>
  <div class='tl-plot' role='figure'></div><canvas class='tl-sketch' aria-hidden='true'></canvas>
  <div class='tl-move' hidden>
    <button type='button' data-say='play'></button><span class='tl-end'></span>
    <input type='range' min='0' max='100' step='1' value='0'><span class='tl-end'></span>
    <button type='button' data-say='beside'></button>
  </div>
  <button type='button' class='tl-picture' data-say='picture'></button>
  <div class='tl-tip' hidden><b dir='auto'></b><span dir='auto'></span></div>
</div>
"""
_PART = """
const tell = () => {
  window.tlMapParts = {...window.tlMapParts, NAME: props.value};
  window.dispatchEvent(new Event('tl-map-part'));
};
tell();
watch('value', tell);
"""
_SCRIPT = Path(__file__).with_suffix(".js")
TEXT_SHOWN = 160  # characters of a text under the pointer
CHARACTERS_SENT = 4_000_000  # of all texts together; of very many texts less of each is shown


@dataclass(frozen=True)
class Marked:
    """Texts that stand out, by their position among all."""

    rows: Sequence[int] = ()
    start: int | None = None  # whose nearest texts are shown
    near: Sequence[int] = ()
    placed: Sequence[tuple[Placed, ...]] = ()  # further texts, with their places on every side


@dataclass(frozen=True)
class MapView:
    """A map, and alongside it what it draws with. Their values are sent apart and each only when it
    changes: a click lights up
    texts without sending a hundred thousand of them again."""

    # its `select` event has `row` (a text that was clicked) and `side`, or `rows` (texts that were
    # circled)
    view: gr.HTML
    texts: gr.HTML
    colours: gr.HTML
    marks: gr.HTML

    @property
    def parts(self) -> list[gr.HTML]:
        """All of them."""
        return [self.view, self.texts, self.colours, self.marks]


def map_view(**more: Any) -> MapView:
    """A place for a map; there can be one on a page."""
    view = gr.HTML(
        html_template=_HTML, js_on_load=THEMED + _SCRIPT.read_text(encoding="utf-8"), **more
    )
    return MapView(
        view,
        *(
            gr.HTML(
                html_template="<span hidden></span>",
                js_on_load=_PART.replace("NAME", name),
                elem_classes="tl-hidden",
            )
            for name in ("texts", "colours", "marks")
        ),
    )


def map_update(
    found: EmbeddingMap,
    *,
    id: str,
    total: int,
    names: Sequence[str],
    axes: Sequence[str] | None,
    label: str,
    words: Mapping[str, str],
) -> str:
    """The value of `view`.

    Args:
        id: the same for maps between which the visitor's zoom may stay.
        total: texts, also those that this map leaves out.
        names: of the sides.
        axes: names of both axes, escaped, where they have any.
        label: text for readers who cannot see it.
        words: of the buttons.
    """
    sides = [
        {
            "name": escaped(clip(name, 40)),
            "title": clip(name, 40),
            "places": _packed(side.places, "<f4"),
        }
        for name, side in zip(names, found.sides, strict=True)
    ]
    return json.dumps(
        {
            "id": id,
            "label": label,
            "words": dict(words),
            "axes": list(axes) if axes else None,
            "file": f"map-{found.method}",
            "sides": sides,
            "total": total,
            "rows": None if len(found.rows) == total else _packed(found.rows, "<i4"),
        }
    )


def texts_update(texts: Sequence[str]) -> str:
    """The value of `texts`: the beginning of each."""
    most = max(24, min(TEXT_SHOWN, CHARACTERS_SENT // max(1, len(texts))))
    return json.dumps([clip(text[: 4 * most], most) for text in texts], ensure_ascii=False)


def colours_update(colouring: Colouring) -> str:
    """The value of `colours`."""
    groups = [
        {"name": g.shown, "plain": g.name, "colour": g.colour, "symbol": g.symbol}
        for g in colouring.groups
    ]
    return json.dumps({"of": _packed(colouring.of, "<u1"), "groups": groups})


def marks_update(marked: Marked) -> str:
    """The value of `marks`; of `Marked()` nothing stands out."""
    told: dict[str, Any] = {
        "rows": list(map(int, marked.rows)),
        "near": list(map(int, marked.near)),
    }
    if marked.start is not None:
        told["from"] = int(marked.start)
    told["placed"] = [
        {"places": [side.places[0].tolist() for side in sides]} for sides in marked.placed
    ]
    return json.dumps(told)


def _packed(array: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.dtype(kind)).tobytes()).decode()
