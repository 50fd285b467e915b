"""Questions that may take long: who waits sees how far it is and how long it will take, and can
stop it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from tl_core.api.errors import UserError
from tl_core.api.types import Step
from tl_ui.components.html import bar, duration, escaped
from tl_ui.errors import Overtaken
from tl_ui.lab import Lab
from tl_ui.words import t, word

PATIENCE = 2.0  # seconds without a word
BETWEEN = 0.3  # seconds from one sign of life to the next

T = TypeVar("T")


@dataclass(frozen=True)
class Wait:
    """The place where progress is shown, and the button that stops the work; the style sheet shows
    it only while there is progress to show.
    """

    status: gr.HTML
    stop: gr.Button

    def through(
        self, asking: Generator[str, None, T], check: Callable[[], None] = lambda: None
    ) -> Generator[dict, None, T]:
        """Show the progress of `asking` until it has an answer, or cannot have one.

        Args:
            check: raises when no one waits for it any more; see `Turns`.
        """
        with closing(asking):
            try:
                while True:
                    step = next(asking)
                    check()
                    yield {self.status: step}
            except StopIteration as end:
                answer = end.value
            except (UserError, Overtaken):
                yield {self.status: ""}
                raise
        yield {self.status: ""}
        check()
        return answer

    def ends(self, lab: Lab, events: list[Any]) -> None:
        """Make the button stop what these events began."""
        lab.on(
            self.stop.click,
            lambda _values: {self.status: ""},
            outputs=[self.status],
            cancels=events,
            queue=False,
        )


def wait(id: str) -> Wait:
    """Draw the place."""
    status = gr.HTML(elem_id=f"{id}-status")
    return Wait(
        status,
        gr.Button(
            word("stop"), variant="stop", size="sm", elem_id=f"{id}-stop", elem_classes="tl-stop"
        ),
    )


def following(
    title: str, items: Generator[Any, None, None], lang: str
) -> Generator[str, None, Any]:
    """Yield progress, as HTML, once the first patience is over; return what follows the steps."""
    began = phase_began = told = time.monotonic()
    phase, answer = "", None
    with closing(items):
        for item in items:
            now = time.monotonic()
            if not isinstance(item, Step):
                answer = item
                continue
            if item.phase != phase:
                phase, phase_began = item.phase, now
            if now - began > PATIENCE and now - told > BETWEEN:
                told = now
                yield _status_html(title, item, now - phase_began, lang)
    return answer


def _status_html(title: str, step: Step, spent: float, lang: str) -> str:
    said = t(lang, "look_step", model=title, done=f"{step.done:,}", total=f"{step.total:,}")
    if step.done and spent > BETWEEN:
        said += (
            " · "
            f"{t(lang, 'left', time=duration(spent * (step.total - step.done) / step.done, lang))}"
        )
    return (
        f"<div class='tl-status'>{bar(step.done / max(1, step.total), said)}<p"
        f" role='status'>{escaped(said)}</p></div>"
    )
