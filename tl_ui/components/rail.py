"""The rail beside the answer: its parts, each with an address of its own (`?section=rows`), of
which one is in sight. A press shows another in the browser, at once; what it holds is drawn when it
is first shown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr

from tl_ui.components.html import escaped, in_both
from tl_ui.words import EN, t

SCRIPT = Path(__file__).with_suffix(".js")


@dataclass(frozen=True)
class Part:
    """What is in sight together."""

    id: str  # in the address
    title: str  # a key of `words.py`, or the words themselves
    holds: tuple[str, ...]  # ids of elements of the page; one may belong to several parts


def rail_view(parts: Sequence[Part]) -> gr.HTML:
    """The rail; the first part is shown where the address names none."""
    listed = "".join(
        f"<li><button type='button' data-part='{escaped(part.id)}'"
        f" data-holds='{escaped(' '.join(part.holds))}'>{in_both(partial(titled, part.title))}"
        "</button></li>"
        for part in parts
    )
    return gr.HTML(
        html_template=f"<nav class='tl-rail' aria-label='{escaped(t('en', 'tab_results'))} / "
        f"{escaped(t('ko', 'tab_results'))}'><ul>{listed}</ul></nav>",
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        elem_id="rail",
    )


def show_part(element: str, *, drawn: bool = False) -> str:
    """JavaScript of an event that shows the part that holds an element of the page; `drawn`:
    whether the server opens and draws it because of the same event.
    """
    detail = json.dumps({"id": element, "drawn": drawn})
    return f"() => {{ dispatchEvent(new CustomEvent('tl-part', {{detail: {detail}}})); }}"


def titled(title: str, lang: str) -> str:
    """A title in a language, as HTML."""
    return escaped(t(lang, title) if title in EN else title)
