"""Views of the tab "Look inside", one per file: what a model does with a text, drawn.

A file here that sets `VIEW` is found; there is no list to edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import gradio as gr

from tl_ui.lab import Lab


@dataclass(frozen=True)
class Choose:
    """How a view learns that a visitor has it before them, which is the time for a first answer: nobody waits for
    views that are never opened.

    These are events and no gr.State: the change of a state inside a tab is told again whenever the tab is drawn.
    """

    view: gr.Radio  # its value is the id of the chosen view
    events: list[Any]  # after each of them another view may be on show: the tab is opened, a view is chosen


class View(Protocol):
    """One way of looking inside."""

    id: str
    order: int
    title: str  # key of its name in words.py
    about: str  # key of what a visitor is looking at, as Markdown

    def build(self, lab: Lab, choose: Choose) -> None:
        """Draw the view and wire it."""
