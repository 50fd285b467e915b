"""Questions that visitors ask of models while studies run: short ones never wait for long ones,
visitors take turns, and no one's takes longer than this place allows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any

from tl_core.api.errors import UserError, WorkerDied
from tl_core.api.sentences import say
from tl_core.running.jobs import jobs_by_name
from tl_core.running.turns import Deadline, Gate, Visitor
from tl_core.running.worker import Stopped, Worker

log = logging.getLogger("transfer-lab")
SHORT_WHEN_FEW = {"predict": "examples", "token_reports": "texts"}
FEW = 50
LONG_NICE, STUDIES_NICE = 5, 10  # which process gives way where processors are few


class Helper:
    """A worker process, and the gate before it."""

    def __init__(
        self, worker: Worker, most_each: int, warm: Sequence[tuple[str, dict[str, Any]]] = ()
    ):
        self.worker, self.gate = worker, Gate(most_each)
        self.also = warm  # asked at the start, after the models

    def warm(self, models: Sequence[str]) -> None:
        """Start the process, or start it again, and have it load what is wanted first. Does nothing
        while it is being asked.
        """
        if not self.gate.try_turn():
            return
        try:
            warm_up(
                self.worker,
                [*(("warm", {"model": model}) for model in models), *(self.also if models else ())],
            )
        finally:
            self.gate.leave()


class Questions:
    """Two helpers: one for what takes a moment, one for what may take longer. Every method may be
    called from any thread.
    """

    def __init__(
        self,
        device: str | None,
        *,
        who: Callable[[], Visitor],
        most_seconds: float | None,
        most_each: int,
    ):
        self._who, self.most_seconds = who, most_seconds
        # A short text is read as soon on one processor as on several, and sooner where others are
        # busy too.
        self.short = Helper(Worker(device, threads=1, one_of_several=True), most_each)
        warm: list[tuple[str, dict[str, Any]]] = [
            (j.name, {}) for j in jobs_by_name().values() if j.warm
        ]
        self.long = Helper(Worker(device, nice=LONG_NICE, one_of_several=True), most_each, warm)

    def ask(self, function: str, **arguments: Any) -> Generator[Any, None, None]:
        """Ask a helper process: what the function of `tl_core.running.jobs` yields.

        Raises:
            UserError: as the function says; this visitor asks too much at a time; it takes too
                long; the process died.
        """
        visitor, helper = self._who(), self.short if is_short(function, arguments) else self.long
        with helper.gate.turn(visitor):
            deadline = Deadline(self.most_seconds) if self.most_seconds else None

            def watch() -> None:
                if visitor.gone():
                    raise UserError(say("No one is waiting for this result any longer."))
                if deadline and deadline.over:
                    raise UserError(
                        say(
                            "An answer may take {seconds:.0f} seconds here, and this one is not"
                            " ready. Ask about less text, or choose a smaller model.",
                            seconds=deadline.seconds,
                        )
                    )

            try:
                with closing(helper.worker.call(function, watch, **arguments)) as answers:
                    yield from answers
            except WorkerDied as fault:
                raise UserError(
                    say(
                        "{fault} Try again; if it happens again, choose a smaller model.",
                        fault=fault,
                    )
                ) from fault

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
    if many := SHORT_WHEN_FEW.get(function):
        return len(arguments[many]) <= FEW
    job = jobs_by_name().get(function)
    return job is not None and job.short


def warm_up(worker: Worker, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Start a process and have it answer these; what it cannot is logged, and the answers so far
    are returned.
    """
    answers: list[Any] = []
    try:
        worker.start()
        for function, arguments in calls:
            answers += worker.call(function, **arguments)
    except (WorkerDied, Stopped, UserError, RuntimeError) as fault:
        log.warning("a worker could not be warmed: %s", fault)
    return answers
