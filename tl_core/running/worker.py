"""The handle by which another process gives work to the one that computes.

The page and the command line never load a model; they start one worker, keep it warm, and read what
it sends. What yields is stopped by closing its generator; what does not yield within a second is
stopped by ending the process, and the next work starts a fresh one. A worker whose parent is gone
ends itself.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection, Listener
from typing import Any

from tl_core.api.errors import UserError, WorkerDied
from tl_core.api.sentences import say
from tl_core.running import child, nursery
from tl_core.running.worker_process import NICE, SECRET

PROCESS = "tl_core.running.worker_process"
GRACE_SECONDS = 1.0  # between asking a worker to stop and ending it
START_SECONDS = 120.0


class Worker:
    """A warm worker process. Not for two threads at once, except `stop`."""

    def __init__(
        self,
        device: str | None = None,
        *,
        threads: int | None = None,
        nice: int = 0,
        one_of_several: bool = False,
    ):
        """Starts nothing yet.

        Args:
            threads: processors it computes on; None: all.
            nice: by how much it yields where processors are wanted by others too (POSIX).
            one_of_several: this process has several workers, which a `nursery` forks.
        """
        self.one_of_several = one_of_several
        self.device, self.threads, self.nice = device, threads, nice
        self._process: subprocess.Popen | nursery.Forked | None = None
        self._connection: Connection | None = None
        self._stopping = threading.Event()
        self._no_start = ""  # why the process could not be started, while that is so

    @property
    def trouble(self) -> str:
        """Return why there is no process, as a sentence; "" while it runs, and while nothing was
        asked of it yet.
        """
        process = self._process
        if process is not None and process.poll() is not None:
            return say("The worker process ended unexpectedly.")
        return self._no_start

    def start(self) -> None:
        """Start the process if it is not running.

        Raises:
            WorkerDied: it cannot be started.
        """
        if self._process and self._process.poll() is None:
            return
        self.end()  # what is left of one that died
        try:
            self._start()
        except (WorkerDied, OSError) as fault:
            self.end()
            self._no_start = say("The worker process could not be started.")
            raise WorkerDied(self._no_start) from fault
        self._no_start = ""

    def _start(self) -> None:
        secret = secrets.token_bytes(32)
        # In a folder of its own, which is gone at once: that of `multiprocessing` stays behind
        # whenever a process is killed.
        with (
            tempfile.TemporaryDirectory(prefix="transfer-lab-") as folder,
            Listener(_address(folder), authkey=secret) as listener,
        ):
            address = (
                listener.address
                if isinstance(listener.address, str)
                else ":".join(map(str, listener.address))
            )
            more = {
                SECRET: secret.hex(),
                NICE: str(self.nice),
                "TOKENIZERS_PARALLELISM": "true",
            }
            if self.threads:
                more["OMP_NUM_THREADS"] = str(self.threads)
            environment = child.environment(more)
            errors = _standard_error()
            self._process = self._forked(address, environment, errors) or subprocess.Popen(
                [sys.executable, "-m", PROCESS, address, self.device or ""],
                env=environment,
                stdout=errors,
                start_new_session=os.name
                == "posix",  # Ctrl-C reaches the parent, which decides what happens here
            )
            accepted: list[Connection] = []
            waiting = threading.Thread(
                target=lambda: accepted.append(listener.accept()), daemon=True
            )
            waiting.start()
            waited = 0.0
            while not accepted:
                waiting.join(0.05)
                waited += 0.05
                if self._process.poll() is not None or waited > START_SECONDS:
                    raise WorkerDied
            self._connection = accepted[0]

    def _forked(
        self, address: str, environment: dict[str, str], errors: int
    ) -> nursery.Forked | None:
        with contextlib.ExitStack() as stack:
            if errors == subprocess.DEVNULL:
                errors = os.open(os.devnull, os.O_WRONLY)
                stack.callback(os.close, errors)
            return nursery.fork(
                address, self.device or "", environment, errors, start=self.one_of_several
            )

    def call(
        self, name: str, watch: Callable[[], None] | None = None, /, **arguments: Any
    ) -> Generator[Any, None, None]:
        """Yield what the function `name` of the worker yields. Closing the iterator stops the work.

        Args:
            watch: called some times a second while an answer is waited for; what it raises stops
                the work.

        Raises:
            UserError: as the function raised it.
            WorkerDied: the process ended.
        """
        self.start()
        finished = False
        try:
            if self._connection is None:
                raise EOFError
            self._connection.send((name, arguments))
            while True:
                kind, value = self._receive(watch)
                if kind == "event":
                    yield value
                    continue
                finished = True
                if kind == "user error":
                    raise UserError(value)
                if kind == "bug":
                    raise RuntimeError(value)
                return
        except (EOFError, OSError, BrokenPipeError) as fault:
            self.end()
            raise WorkerDied(
                say("The worker process ended unexpectedly, perhaps for lack of memory.")
            ) from fault
        finally:
            if not finished:
                self._interrupt()

    def stop(self) -> None:
        """Ask the reader of `call`, or the next caller, to stop; may be called from another
        thread.
        """
        self._stopping.set()

    def unstop(self) -> None:
        """Forget a `stop` that found nothing to stop, so that it does not end the next call."""
        self._stopping.clear()

    def end(self) -> None:
        """End the process at once."""
        process, self._process = self._process, None
        if self._connection:
            self._connection.close()
            self._connection = None
        if process and process.poll() is None:
            process.kill()
        if process:
            process.wait()

    def _receive(self, watch: Callable[[], None] | None) -> tuple[str, Any]:
        connection, process = self._connection, self._process
        if connection is None or process is None:  # ended by another thread
            raise EOFError
        while not connection.poll(0.1):
            if watch:
                watch()
            if self._stopping.is_set():
                raise Stopped
            if process.poll() is not None and not connection.poll(0):
                raise EOFError
        if self._stopping.is_set():
            raise Stopped
        return connection.recv()

    def _interrupt(self) -> None:
        """Stop the running function: kindly, and after a second by ending the process."""
        self._stopping.clear()
        if self._connection is None:
            return
        try:
            self._connection.send(("stop", {}))
            while self._connection.poll(GRACE_SECONDS):
                if self._connection.recv()[0] == "stopped":
                    return
        except (EOFError, OSError):
            pass  # it is gone already, which is what was wanted
        self.end()


def _standard_error() -> int:
    """Return the file descriptor to which a library's output goes.

    A notebook or a test may have put something else in the place of standard error, which no
    process can write to.
    """
    if sys.stdout is None:
        return subprocess.DEVNULL
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL


def _address(folder: str) -> str | None:
    return os.path.join(folder, "worker") if os.name == "posix" else None


class Stopped(Exception):
    """The work was stopped by a person."""
