"""The little that the server keeps of a visitor.

Gradio keeps for every session a copy of the settings of every component, for links that restore a
page as it was; this page has no such links. It keeps every component that an event ever changed,
though what it sends depends only on the change; needed are those whose choices and bounds decide
which values may come back. Measured with `python -m benchmarks.sessions`.

New choices stand here before the browser has them, and what is asked meanwhile still holds a choice
of before: it counts as nothing chosen, where Gradio would tell the visitor of an error.
"""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState, StateHolder

from tl_ui.errors import CHOOSING

CHECKED = (
    gr.Dropdown,
    gr.Radio,
    gr.CheckboxGroup,
    gr.Slider,
    gr.Number,
    gr.Dataframe,
)  # what comes back is checked against what was sent
FORGOTTEN_SECONDS = (
    3600.0  # after the last event of a visitor who has left; as long as Gradio keeps its states
)


def _forgiving(component: Any) -> Any:
    """The component, for which a choice that is not offered any more is none."""
    if "preprocess" in vars(component) or getattr(component, "allow_custom_value", False):
        return component  # one that no visitor has changed is the same for all visitors
    check = component.preprocess

    def preprocess(chosen: Any) -> Any:
        offered = [value for _, value in component.choices]
        if isinstance(chosen, list):
            return check([value for value in chosen if value in offered])
        return check(chosen if chosen in offered else None)

    component.preprocess = preprocess
    return component


class Session(SessionState):
    """One visitor's states, and the components whose choices were changed for them."""

    def __init__(self, blocks: gr.Blocks):
        self._newest: tuple[int, Any] = (-1, None)
        super().__init__(
            SimpleNamespace(default_config=blocks.default_config, blocks=())
        )  # no block: no settings are copied

    def __setitem__(self, key: int, value: Any) -> None:
        if (
            isinstance(value, gr.blocks.Block)
            and not isinstance(value, CHECKED)
            and key in self.blocks_config.blocks
        ):
            self._newest = (
                key,
                value,
            )  # what is sent is read from it at once, before anything else can be set
            return
        super().__setitem__(key, _forgiving(value) if isinstance(value, CHOOSING) else value)
        self.config_values.clear()

    def __getitem__(self, key: int) -> Any:
        return self._newest[1] if key == self._newest[0] else super().__getitem__(key)

    def _update_config(self, key: int) -> None: ...

    def _update_value_in_config(self, key: int, value: Any) -> None: ...


class Sessions(StateHolder):
    """Every visitor's session; those used longest ago go when there are too many."""

    def __getitem__(self, session_id: str) -> SessionState:
        with self.lock:
            if session_id not in self.session_data:
                self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)

    def forget(self, seconds: float = FORGOTTEN_SECONDS) -> int:
        """Drop the sessions of visitors who have closed the page and have done nothing for so long;
        returns how many.
        """
        now = datetime.now()
        with self.lock:
            left = [
                name
                for name, session in self.session_data.items()
                if session.is_closed
                and (now - self.time_last_used.get(name, now)).total_seconds() > seconds
            ]
            for name in left:
                del self.session_data[name]
                self.time_last_used.pop(name, None)
        return len(left)


def keep_little(page: gr.Blocks) -> Sessions:
    """Keep the sessions of a page that has been launched this way, from now on."""
    sessions = Sessions()
    sessions.set_blocks(page)
    page.app.state_holder = sessions
    return sessions
