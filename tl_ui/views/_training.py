"""Base of views of trained models: answers that come in parts, and the example that trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from tl_core.api.types import Step
from tl_ui.components.progress import BETWEEN
from tl_ui.views._base import Values, View
from tl_ui.views._shared import trained_example
from tl_ui.words import word

PATIENCE = 1.0  # seconds of a long answer without a word


class TrainingView(View):
    """A view of what training changes. Its answers take long and come in parts, and one of its
    examples trains a small comparison first.
    """

    def draw_buttons(self) -> None:
        """Ask, and stop."""
        with gr.Row(elem_classes="tl-actions"):
            self.button = self.ask_button(min_width=120)
            self.stop = gr.Button(
                word("stop"),
                variant="stop",
                visible=False,
                elem_id=f"{self.id}-stop",
                min_width=120,
            )
        self.awaited = gr.State("")  # the comparison that an example trains; "" for none
        self.ready = gr.State("")  # the same when it has ended

    def draw_answer(self) -> None:
        """Draw the progress of training."""
        self.status = gr.HTML(elem_id=f"{self.id}-status")

    def further_inputs(self) -> list[Any]:
        """Return the dataset, which the texts come from."""
        return [self.lab.dataset_id]

    def further_outputs(self) -> list[Any]:
        """Return the components that show progress."""
        return [self.stop, self.status]

    def on(self, triggers: Any, handler: Callable, inputs: Sequence[Any] = (), **more: Any) -> Any:
        """Wire a handler in steps."""
        read = [*inputs, *self.inputs()]
        return self.lab.on(triggers, handler, read, self.outputs(), self.notice, **more)

    def wire_examples(self) -> Any:
        """Make a press on an example ask, or train."""
        return self.lab.on(
            self.examples.select,
            self.take_example,
            [*self.inputs(), *trained_example.inputs(self.lab)],
            [*self.outputs(), self.awaited, *trained_example.outputs(self.lab)],
            self.notice,
        )

    def wire_more(self, asking: list[Any]) -> None:
        """Wire what follows and shows what an example trains; everything can be stopped."""
        lab = self.lab
        asking.append(self.on(self.ready.change, self.show_trained, [self.ready]))
        asking += self.wire_parts()
        followed = [self.status, self.awaited, self.ready]
        lab.on(lab.fresh.change, self.follow, [self.awaited, lab.status], followed)
        lab.on(
            self.stop.click,
            lambda _values: self.at_rest(),
            outputs=[self.status, self.stop],
            cancels=asking,
        )
        lab.on(
            [lab.dataset_id.change, lab.study_id.change],
            lambda _values: {self.snapshot: None},
            outputs=[self.snapshot],
        )

    def wire_parts(self) -> list[Any]:
        """Wire further events of the view that take long."""
        return []

    def at_rest(self) -> Values:
        """Return the changes that show that nothing is on its way."""
        return {self.status: "", self.stop: gr.Button(visible=False)}

    def parts(
        self, items: Iterator[Any], check: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[Any, float]]:
        """Answers as they come, and of the steps those worth a word, each with the seconds since
        the beginning.
        """
        began, spoke = time.monotonic(), 0.0
        for item in items:
            check()
            now = time.monotonic()
            if not isinstance(item, Step):
                yield item, now - began
            elif now - began > PATIENCE and now - spoke > BETWEEN:
                spoke = now
                yield item, now - began

    def train(self, values: Values) -> Values:
        """Put the comparison of the example in line."""
        name, changed = trained_example.start(self.lab, values)
        status = trained_example.status_html(None, values[self.lab.lang])
        return {**changed, self.awaited: name, self.status: status}

    def follow(self, values: Values) -> Values:
        """Show the progress of what an example trains, and when it has ended."""
        lab = self.lab
        return trained_example.followed(
            values[self.awaited],
            values[lab.status],
            values[lab.lang],
            self.status,
            self.awaited,
            self.ready,
        )

    def show_trained(self, values: Values) -> Iterator[Values]:
        """The answer to what an example has trained."""
        raise NotImplementedError
