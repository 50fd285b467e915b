"""HTML in which buttons can be pressed: words of a text, guesses, examples.

Each button carries an id, and only that id comes back. What it stands for, the handler finds in the
visitor's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from tl_ui.components.html import escaped
from tl_ui.words import t

_JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def pressable(**more: Any) -> gr.HTML:
    """A place for `button`s; its `select` event names the one pressed, see `pressed`."""
    return gr.HTML(js_on_load=_JS, **more)


def button(
    inner: str, *marks: str | int, kind: str, label: str = "", on: bool | None = None
) -> str:
    """A button.

    Args:
        inner: HTML already.
        marks: what `pressed` gives back.
        label: what it does, for those who cannot see where it is.
        on: whether it stays pressed; None: it is no such button.
    """
    stays = "" if on is None else f" aria-pressed='{str(on).lower()}'"
    named = f" aria-label='{escaped(label)}' title='{escaped(label)}'" if label else ""
    return (
        f"<button type='button' class='{kind}'"
        f" data-press='{escaped('|'.join(map(str, marks)))}'{named}{stays}>{inner}</button>"
    )


def pressed(event: gr.EventData) -> tuple[str, tuple[int, ...]]:
    """Return what was pressed: a word, and numbers.

    ("", ()) for anything a page of ours does not send.
    """
    what, *numbers = str(event._data.get("id") or "").split("|")
    if not all(number.isdecimal() and len(number) < 7 for number in numbers):
        return "", ()
    return what, tuple(map(int, numbers))


def pressed_example(event: gr.EventData, examples: Sequence[Any]) -> Any:
    """The example whose button was pressed, or None."""
    what, numbers = pressed(event)
    return at(examples, *numbers) if what == "example" and len(numbers) == 1 else None


def examples_html(examples: Iterable[str], lang: str) -> str:
    """Texts to be taken with one press."""
    chips = "".join(
        f"<li>{button(escaped(text), 'example', i, kind='tl-example')}</li>"
        for i, text in enumerate(examples)
    )
    return (
        f"<p class='tl-fine'>{escaped(t(lang, 'look_examples'))}</p><ul"
        f" class='tl-chips'>{chips}</ul>"
    )


def at(things: Any, *numbers: int) -> Any:
    """things[a][b]..., or None where there is no such thing: a visitor can send any number."""
    for number in numbers:
        if not isinstance(things, list | tuple) or not 0 <= number < len(things):
            return None
        things = things[number]
    return things
