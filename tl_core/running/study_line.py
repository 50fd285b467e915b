"""The line in which the page's studies wait, and the one whose turn it is."""

from __future__ import annotations

import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.running.turns import Line


class StudyLine:
    """What waits and what has its turn; whoever reads or changes it holds `changed`."""

    def __init__(self, most: int, most_each: int):
        """Limits: studies that wait, in all and of one visitor."""
        self.changed = threading.Condition()
        self.waiting = Line()
        self.current: str | None = None
        self.closing = False
        self._most, self._most_each = most, most_each
        self._coming: list[str] = []  # visitors whose studies are being made ready for the line

    def add(self, name: str, visitor: str) -> None:
        """Put a study at the end of what a visitor waits for, and say so."""
        with self.changed:
            self.waiting.add(name, visitor)
            self.changed.notify_all()

    @contextmanager
    def place(self, visitor: str) -> Iterator[None]:
        """A place in the line for a study that is being made ready: no two can be promised the same
        one.

        Raises:
            UserError: there is none.
        """
        with self.changed:
            waiting, own = (
                len(self.waiting) + len(self._coming),
                self.waiting.of(visitor) + self._coming.count(visitor),
            )
            if waiting >= self._most:
                raise UserError(
                    say(
                        "{waiting} studies are waiting already, and no more are taken. Try again"
                        " in some minutes.",
                        waiting=waiting,
                    )
                )
            if own >= self._most_each:
                raise UserError(
                    say(
                        "{own} of your studies are waiting already, and no more of one visitor"
                        " are taken. Wait until one has begun, or stop one.",
                        own=own,
                    )
                )
            self._coming.append(visitor)
        try:
            yield
        finally:
            with self.changed:
                self._coming.remove(visitor)

    def take(self, busy: Container[str], seconds: float) -> str | None:
        """Give the next study that no one is `busy` with its turn; None where none comes within so
        many seconds, or all is closing. Whoever calls holds `changed`.
        """
        if not self.closing and all(name in busy for name in self.waiting):
            self.changed.wait(seconds)
        if self.closing or (name := self.waiting.take(busy)) is None:
            return None
        self.current = name
        return name

    def ahead(self, name: str) -> int:
        """Number of studies whose turn comes before that of this one; 0 where it does not wait."""
        with self.changed:
            if name not in self.waiting:
                return 0
            return list(self.waiting).index(name) + (self.current is not None)

    def close(self) -> None:
        """Let nothing more have its turn."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()
