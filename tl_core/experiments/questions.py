"""Questions that visitors ask of models while studies run: short ones never wait for long ones, visitors take turns, and
nobody's takes longer than this place allows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from tl_core.errors import UserError, WorkerDied
from tl_core.experiments.turns import Deadline, Gate, Visitor
from tl_core.experiments.worker import Stopped, Worker

log = logging.getLogger("transfer-lab")
SHORT = ("fill_blanks", "cut_text", "attention")
SHORT_WHEN_FEW = {"predict": "examples", "token_reports": "texts"}
FEW = 50
LONG_NICE, STUDIES_NICE = 5, 10  # who gives way to whom where processors are few


class Helper:
    """A worker process, and the gate before it."""

    def __init__(self, worker: Worker, most_each: int, warm: Sequence[tuple[str, dict[str, Any]]] = ()):
        self.worker, self.gate = worker, Gate(most_each)
        self.also = warm  # asked at the start, after the models

    def warm(self, models: Sequence[str]) -> None:
        """Start the process, or start it again, and have it load what is wanted first. Does nothing while it is being asked."""
        if not self.gate.try_turn():
            return
        try:
            warm_up(self.worker, [*(("warm", {"model": model}) for model in models), *(self.also if models else ())])
        finally:
            self.gate.leave()


class Questions:
    """Two helpers: one for what takes a moment, one for what may take longer. Every method may be called from any thread."""

    def __init__(self, device: str | None, *, who: Callable[[], Visitor], most_seconds: float | None, most_each: int):
        self._who, self.most_seconds = who, most_seconds
        # A short text is read as soon on one processor as on several, and sooner where others are busy too.
        self.short = Helper(Worker(device, threads=1), most_each)
        self.long = Helper(Worker(device, nice=LONG_NICE), most_each, [("warm_maps", {})])

    def ask(self, function: str, **arguments: Any) -> Iterator[Any]:
        """Ask a helper process: what the function of `tl_core.experiments.service` yields.

        Raises:
            UserError: as the function says; this visitor asks too much at a time; it takes too long; the process died.
        """
        visitor, helper = self._who(), self.short if is_short(function, arguments) else self.long
        with helper.gate.turn(visitor):
            deadline = Deadline(self.most_seconds) if self.most_seconds else None

            def watch() -> None:
                if visitor.gone():
                    raise UserError("Nobody waits for this answer any more.")
                if deadline and deadline.over:
                    raise UserError(f"An answer may take {deadline.seconds:.0f} seconds here, and this one is not ready. Ask about less text, or choose a smaller model.")

            try:
                with closing(helper.worker.call(function, watch, **arguments)) as answers:
                    yield from answers
            except WorkerDied as fault:
                raise UserError(f"{fault} Try again; if it happens again, choose a smaller model.") from fault

    def warm(self, models: Sequence[str]) -> None:
        """Begin to load what is wanted first."""
        for helper in (self.short, self.long):
            helper.warm(models)

    def tend(self, models: Sequence[str]) -> None:
        """Start again what died."""
        for helper in (self.short, self.long):
            if helper.worker.trouble:
                helper.warm(models)

    def end(self) -> None:
        """End both processes."""
        for helper in (self.short, self.long):
            helper.worker.end()


def is_short(function: str, arguments: dict[str, Any]) -> bool:
    """Whether a question is answered in a moment."""
    many = SHORT_WHEN_FEW.get(function)
    return function in SHORT or (many is not None and len(arguments[many]) <= FEW)


def warm_up(worker: Worker, calls: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Start a process and have it answer these; what it cannot is logged."""
    try:
        worker.start()
        for function, arguments in calls:
            list(worker.call(function, **arguments))
    except (WorkerDied, Stopped, UserError, RuntimeError) as fault:
        log.warning("a worker could not be warmed: %s", fault)
