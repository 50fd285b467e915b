"""One thread that does small jobs again and again: looks after other threads, clears away what is
old.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger("transfer-lab")
LOOK_SECONDS = 1.0


@dataclass
class Job:
    """A job to do every so many seconds."""

    seconds: float
    do: Callable[[], object]
    next: float  # monotonic


class Keeper:
    """A thread that does jobs until it is closed.

    A job that fails is logged and done again next time; it never ends the others.
    """

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def every(self, seconds: float, do: Callable[[], object]) -> None:
        """Do this every so many seconds, for the first time after as many."""
        self._jobs.append(Job(seconds, do, time.monotonic() + seconds))

    def start(self) -> None:
        """Begin, or begin again if the thread has ended."""
        if not self.alive and not self._closed.is_set():
            self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End after the job in hand."""
        self._closed.set()

    @property
    def alive(self) -> bool:
        """Whether the jobs are being done."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            for job in list(self._jobs):
                if self._closed.is_set() or time.monotonic() < job.next:
                    continue
                try:
                    job.do()
                except Exception:
                    log.exception("a regular job failed")
                job.next = time.monotonic() + job.seconds
