"""Fair turns: visitors take turns, however much one of them asks for."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from tl_core.api.errors import UserError
from tl_core.api.sentences import say

LOOK_SECONDS = 0.2  # between two looks whether somebody who waits is still there
REMEMBERED = 1000  # visitors whose last turn is remembered


@dataclass(frozen=True)
class Visitor:
    """A visitor who asks."""

    name: str = ""  # the same for everything that one person asks for; nothing that tells who it is
    gone: Callable[[], bool] = lambda: False  # whether no one waits for the answer any more


class Line:
    """Things that wait. The visitor whose last turn was longest ago is next; of one visitor, what
    came first. Not for several threads at once."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[tuple[int, str]]] = {}  # by visitor: (number, thing)
        self._last: dict[str, int] = {}  # by visitor: number of the last turn
        self._numbers = count()

    def add(self, thing: str, visitor: str = "") -> None:
        """Put something at the end of what a visitor waits for."""
        self._waiting.setdefault(visitor, deque()).append((next(self._numbers), thing))

    def take(self, passed_by: Container[str] = ()) -> str | None:
        """Remove what is next and not to be passed by; None when there is none."""
        thing = next((one for one in self if one not in passed_by), None)
        if thing is None:
            return None
        visitor = next(
            visitor
            for visitor, things in self._waiting.items()
            if any(entry[1] == thing for entry in things)
        )
        self.remove(thing)
        self._last.pop(visitor, None)
        self._last[visitor] = next(self._numbers)
        while len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]
        return thing

    def remove(self, thing: str) -> bool:
        """Take something out of the line; whether it was there."""
        for visitor, things in self._waiting.items():
            for entry in things:
                if entry[1] == thing:
                    things.remove(entry)
                    if not things:
                        del self._waiting[visitor]
                    return True
        return False

    def of(self, visitor: str) -> int:
        """Number of things a visitor waits for."""
        return len(self._waiting.get(visitor, ()))

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __contains__(self, thing: str) -> bool:
        return any(entry[1] == thing for things in self._waiting.values() for entry in things)

    def __iter__(self) -> Iterator[str]:
        """Yield everything in the order in which it will come, should no one else join."""
        waiting = {visitor: deque(things) for visitor, things in self._waiting.items()}
        last, number = dict(self._last), max(self._last.values(), default=-1) + 1
        while waiting:
            visitor = self._next(waiting, last)
            yield waiting[visitor].popleft()[1]
            last[visitor], number = number, number + 1
            if not waiting[visitor]:
                del waiting[visitor]

    @staticmethod
    def _next(waiting: dict[str, deque[tuple[int, str]]], last: dict[str, int]) -> str:
        return min(waiting, key=lambda visitor: (last.get(visitor, -1), waiting[visitor][0][0]))


class Gate:
    """A gate that admits one question at a time, visitors in turn."""

    def __init__(self, most_each: int = 1_000_000):
        self.most_each = most_each  # questions of one visitor, the one being answered included
        self._changed = threading.Condition()
        self._line = Line()
        self._tickets = count()
        self._inside: tuple[str, str] | None = None  # (ticket, visitor)

    @contextmanager
    def turn(self, visitor: Visitor) -> Iterator[None]:
        """Wait for a turn and have it.

        Raises:
            UserError: this visitor asks too much at a time, or has left.
        """
        ticket = str(next(self._tickets))
        with self._changed:
            if (
                self._line.of(visitor.name)
                + (self._inside is not None and self._inside[1] == visitor.name)
                >= self.most_each
            ):
                raise UserError(
                    say(
                        "{most_each} of your questions are being answered already. Wait for an"
                        " answer, then ask again.",
                        most_each=self.most_each,
                    )
                )
            self._line.add(ticket, visitor.name)
            try:
                self._wait(ticket, visitor)
            finally:
                self._line.remove(ticket)
        try:
            yield
        finally:
            with self._changed:
                self._inside = None
                self._changed.notify_all()

    def try_turn(self) -> bool:
        """Whether no one is inside or waits: then this one is in, and must `leave`."""
        with self._changed:
            if self._inside is None and not len(self._line):
                self._inside = ("", "")
                return True
            return False

    def leave(self) -> None:
        """After `try_turn`."""
        with self._changed:
            self._inside = None
            self._changed.notify_all()

    def _wait(self, ticket: str, visitor: Visitor) -> None:
        while self._inside is not None or next(iter(self._line)) != ticket:
            self._changed.wait(LOOK_SECONDS)
            if visitor.gone():
                raise UserError(say("No one is waiting for this result any longer."))
        self._line.take()
        self._inside = (ticket, visitor.name)


class Deadline:
    """A time limit on work, by a clock that no one sets."""

    def __init__(self, seconds: float):
        self.seconds, self._until = seconds, time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._until
