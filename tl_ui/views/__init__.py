"""Views of the tab "Look inside", one per file: what a model does with a text, drawn.

A file here that sets `VIEW` to a class is found; there is no list to edit. `tl_ui.views._base` is
what it builds on, and a page makes one of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class Choose:
    """The choice of a view, by which it learns that a visitor has it before them, which is the time
    for a first answer: no one waits for views that are never opened.

    These are events and no gr.State: the change of a state inside a tab is told again whenever the
    tab is drawn.
    """

    view: gr.Radio  # its value is the id of the chosen view
    # after each of them another view may be on show: the tab is opened, a view is chosen
    events: list[Any]
