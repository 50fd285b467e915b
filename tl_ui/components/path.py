"""The way through the page, always in sight: 1 Data, 2 Compare, 3 Answer, each with how far it is,
and the other tabs beside them.

A press changes the tab in the browser, at once, and the address and its history with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import gradio as gr

from tl_core.api.sentences import LANGUAGES
from tl_ui.components.html import escaped, in_both
from tl_ui.words import EN, t

SCRIPT = Path(__file__).with_suffix(".js")
STEPS = ("data", "compare", "results")  # ids of tabs, in the order of the way


def path_view(titles: Mapping[str, str]) -> gr.HTML:
    """The way, for these tabs: a title is a key of `words.py`, or the words themselves."""
    return gr.HTML(
        value=states({}),
        html_template=(
            f"<a class='tl-skip' href='#tabs'>{in_both(lambda lang: escaped(t(lang, 'skip')))}</a>"
            f"{path_html(titles)}<div class='tl-dropped' role='alert' hidden>"
            f"{in_both(lambda lang: escaped(t(lang, 'dropped_beside')))}</div>"
        ),
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        elem_id="path",
    )


def path_html(titles: Mapping[str, str]) -> str:
    """The buttons of the way, each with a place for its state."""
    steps = "<li aria-hidden='true' class='tl-then'>›</li>".join(
        f"<li>{_button(id, f'path_{id}', state=True)}</li>" for id in STEPS if id in titles
    )
    beside = [id for id in titles if id not in STEPS]
    before = [id for id in beside if id == "start"]
    after = "".join(f"<li>{_button(id, titles[id])}</li>" for id in beside if id not in before)
    first = "".join(f"<li>{_button(id, titles[id])}</li>" for id in before)
    return (
        f"<nav class='tl-path' aria-label='Transfer Lab'><ul>{first}</ul><ol>{steps}</ol>"
        f"<ul class='tl-beside'>{after}</ul></nav>"
    )


def _button(id: str, title: str, *, state: bool = False) -> str:
    place = f"<small data-state='{escaped(id)}'></small>" if state else ""
    return (
        f"<button type='button' data-tab='{escaped(id)}'>"
        f"{in_both(partial(_titled, title))}{place}</button>"
    )


def _titled(title: str, lang: str) -> str:
    return escaped(t(lang, title) if title in EN else title)


def states(said: Mapping[str, Mapping[str, str]]) -> str:
    """The value of the view: by the id of a tab, how far it is in each language."""
    return json.dumps({id: {lang: by[lang] for lang in LANGUAGES} for id, by in said.items()})
