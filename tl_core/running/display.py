"""Progress of a study: on a terminal, in a file, or in a notebook."""

from __future__ import annotations

import builtins
import math
import time
from collections.abc import Callable
from html import escape
from typing import Any

from tl_core.api.amounts import duration
from tl_core.api.sentences import ENGLISH, NameOf, Sentence, in_language, say, together
from tl_core.api.types import Finished, Note, Progress, RunSpec
from tl_core.running.runner import StudyRunner
from tl_core.running.session import Session
from tl_core.words.progress import phase

SECONDS_BETWEEN_LINES = 30.0  # where there is no terminal


class TerminalDisplay:
    """A display of what runs, how many are done, how long it will take, on standard error: one live
    line on a terminal; elsewhere, as in a file, a line at the beginning, one every half minute and
    one at the end.
    """

    def __init__(
        self,
        session: Session,
        quiet: bool = False,
        *,
        language: str = ENGLISH,
        name_of: NameOf | None = None,
    ):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self.session, self.began = session, time.monotonic()
        self.language, self.name_of = language, name_of
        self.console = Console(stderr=True, quiet=quiet, highlight=False, markup=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}", markup=False),
        )
        self.bar = Bar(*columns, console=self.console, transient=False)
        self.names = {s.id: self._said(_name(s)) for s in session.plan.specs}
        self.live, self.told = self.console.is_terminal, -math.inf

    def __enter__(self) -> TerminalDisplay:
        left = self._said(_in_all(self.session))
        if self.live:
            self.bar.start()
        else:
            self._print(
                say("running"), say("{n:,} runs, {left}", n=len(self.session.plan.specs), left=left)
            )
            self.told = time.monotonic()
        self.task = self.bar.add_task(
            self._said(say("starting")), total=len(self.session.plan.specs), left=left
        )
        return self

    def __exit__(self, *_) -> None:
        self.bar.update(self.task, left="")
        if self.live:
            self.bar.stop()

    def show(self, event: Any, runner: StudyRunner) -> None:
        """Show an event of the runner."""
        if isinstance(event, Note):
            self._print(say("note"), event.text)
        elif isinstance(event, Progress):
            step = event.step
            loss = "" if step.loss is None else self._said(say(" loss {loss:.3f}", loss=step.loss))
            self.bar.update(
                self.task,
                description=(
                    f"{self.names[event.run]} · {self._said(phase(step.phase))}"
                    f" {step.done}/{step.total}{loss}"
                ),
                left=self._left(runner),
            )
        elif isinstance(event, Finished):
            if event.result.status == "failed":
                said = self._said(event.result.error or "")
                self._print(say("failed"), f"{self.names[event.run]}: {said}")
            self.bar.update(self.task, completed=len(runner.results), left=self._left(runner))
        if not self.live:
            self._line(event, runner)

    def _said(self, text: str) -> str:
        return in_language(text, self.language, self.name_of)

    def _line(self, event: Any, runner: StudyRunner) -> None:
        """Print a line of progress, seldom enough for a file."""
        done, total, now = len(runner.results), len(self.session.plan.specs), time.monotonic()
        if now - self.told < SECONDS_BETWEEN_LINES and done < total:
            return
        self.told = now
        said: list[str] = [
            say(
                "{done:,} of {all:,} runs after {time}",
                done=done,
                all=total,
                time=in_words(now - self.began),
            )
        ]
        if isinstance(event, Progress):
            said.append(say("now {run}", run=self.names[event.run]))
        if left := self._left(runner):
            said.append(say("about {left}", left=left))
        self._print(say("running"), together(said, ", "), soft_wrap=True)

    def _print(self, mark: str, text: str, **how: Any) -> None:
        """Print a line that begins with what it is."""
        from rich.cells import cell_len

        begins = self._said(mark)
        filling = " " * (8 - cell_len(begins))
        self.console.print(f"{begins}{filling} {self._said(text)}", **how)

    def _left(self, runner: StudyRunner) -> str:
        return self._said(time_left(runner))


class NotebookDisplay:
    """One line with a bar that a notebook draws again and again; notes and failures stay."""

    SECONDS = 0.5  # between two drawings

    def __init__(self, session: Session):
        from IPython.display import HTML, display

        self._html, self._display = HTML, display
        self.session, self.began, self.drawn = session, time.monotonic(), -math.inf
        self.names = {s.id: _name(s) for s in session.plan.specs}
        self.total, self.done, self.told = len(session.plan.specs), 0, list(session.notes)

    def __enter__(self) -> NotebookDisplay:
        left = _in_all(self.session)
        self._handle = self._display(self._line("starting", left), display_id=True)
        return self

    def __exit__(self, *_) -> None:
        took = in_words(time.monotonic() - self.began)
        self._handle.update(self._line(f"{self.done:,} of {self.total:,} runs in {took}", ""))

    def show(self, event: Any, runner: StudyRunner) -> None:
        """Show an event of the runner, redrawing at most every `SECONDS`."""
        now = ""
        if isinstance(event, Note):
            self.told.append(event.text)
        elif isinstance(event, Finished):
            self.done = len(runner.results)
            if event.result.status == "failed":
                self.told.append(f"failed: {self.names[event.run]}: {event.result.error}")
        elif isinstance(event, Progress):
            step = event.step
            now = f"{self.names[event.run]} · {phase(step.phase)} {step.done}/{step.total}"
        if time.monotonic() - self.drawn < self.SECONDS:
            return
        self.drawn = time.monotonic()
        self._handle.update(self._line(now or f"{self.done:,} runs", time_left(runner)))

    def _line(self, now: str, left: str) -> Any:
        """Names and notes are text, whatever they hold."""
        said = escape(" · ".join(filter(None, (f"{self.done:,}/{self.total:,}", now, left))))
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.told)
        return self._html(
            f"<div><progress max='{self.total}' value='{self.done}'></progress> {said}"
            + (f"<ul>{notes}</ul>" if notes else "")
            + "</div>"
        )


def display_here() -> Callable[[Session], Any]:
    """Return the display that suits the place: a notebook draws a bar, anything else gets the
    terminal's line.
    """
    shell = getattr(builtins, "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is not None:
        return NotebookDisplay
    return TerminalDisplay


def time_left(runner: StudyRunner) -> str:
    """About how long the rest takes, in words; "" where that is not known."""
    seconds = runner.seconds_left
    return "" if seconds is None else say("{time} left", time=in_words(seconds))


def in_words(seconds: float) -> Sentence:
    """90 -> "2 min"."""
    return duration(seconds, about=True)


def _in_all(session: Session) -> Sentence:
    return say("about {time} in all", time=in_words(session.estimate.seconds))


def _name(spec: RunSpec) -> Sentence:
    if spec.shots is None:
        return say("{arm} all-shot seed {seed}", arm=spec.arm.id, seed=spec.seed)
    return say("{arm} {shots}-shot seed {seed}", arm=spec.arm.id, shots=spec.shots, seed=spec.seed)
