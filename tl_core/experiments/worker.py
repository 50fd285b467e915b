"""The process that computes, and the handle by which another process gives it work.

The page and the command line never load a model; they start one worker, keep it warm, and read what it
sends. What yields is stopped by closing its generator; what does not yield within a second is stopped by
ending the process, and the next work starts a fresh one. A worker whose parent is gone ends itself.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from tl_core.errors import UserError, WorkerDied
from tl_core.types import Event

GRACE_SECONDS = 1.0  # between asking a worker to stop and ending it
START_SECONDS = 120.0
SECRET = "TL_WORKER_SECRET"
NICE = "TL_WORKER_NICE"


class Worker:
    """A warm worker process. Not for two threads at once, except `stop`."""

    def __init__(self, device: str | None = None, *, threads: int | None = None, nice: int = 0):
        """Starts nothing yet.

        Args:
            threads: processors it computes on; None: all.
            nice: by how much it stands back where processors are wanted by others too (POSIX).
        """
        self.device, self.threads, self.nice = device, threads, nice
        self._process: subprocess.Popen | None = None
        self._connection: Connection | None = None
        self._stopping = threading.Event()
        self._no_start = ""  # why the process could not be started, while that is so

    @property
    def trouble(self) -> str:
        """Why there is no process, as a sentence; "" while it runs, and while nothing was asked of it yet."""
        process = self._process
        if process is not None and process.poll() is not None:
            return "The worker process ended unexpectedly."
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
            self._no_start = "The worker process could not be started."
            raise WorkerDied(self._no_start) from fault
        self._no_start = ""

    def _start(self) -> None:
        secret = secrets.token_bytes(32)
        # In a folder of its own, which is gone at once: that of `multiprocessing` stays behind whenever a process is killed.
        with tempfile.TemporaryDirectory(prefix="transfer-lab-") as folder, Listener(_address(folder), authkey=secret) as listener:
            address = listener.address if isinstance(listener.address, str) else ":".join(map(str, listener.address))
            here = os.pathsep.join(filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH"))))
            environment = {**os.environ, SECRET: secret.hex(), "TOKENIZERS_PARALLELISM": "true", "PYTHONPATH": here, NICE: str(self.nice)}
            if self.threads:
                environment["OMP_NUM_THREADS"] = str(self.threads)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tl_core.experiments.worker", address, self.device or ""],
                env=environment, stdout=subprocess.DEVNULL if sys.stdout is None else sys.stderr.fileno(),
                start_new_session=os.name == "posix",  # Ctrl-C reaches the parent, which decides what happens here
            )  # fmt: skip
            accepted: list[Connection] = []
            waiting = threading.Thread(target=lambda: accepted.append(listener.accept()), daemon=True)
            waiting.start()
            waited = 0.0
            while not accepted:
                waiting.join(0.05)
                waited += 0.05
                if self._process.poll() is not None or waited > START_SECONDS:
                    raise WorkerDied
            self._connection = accepted[0]

    def call(self, name: str, watch: Callable[[], None] | None = None, /, **arguments: Any) -> Iterator[Any]:
        """Yield what the function `name` of the worker yields. Closing the iterator stops the work.

        Args:
            watch: called some times a second while an answer is waited for; what it raises stops the work.

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
            raise WorkerDied("The worker process ended unexpectedly, perhaps for lack of memory.") from fault
        finally:
            if not finished:
                self._interrupt()

    def stop(self) -> None:
        """Ask whoever reads `call`, or calls next, to stop; may be called from another thread."""
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


def _address(folder: str) -> str | None:
    return os.path.join(folder, "worker") if os.name == "posix" else None


class Stopped(Exception):
    """The work was stopped by a person."""


# --- the other side ------------------------------------------------------------------------------------


def serve(connection: Connection, device: str | None) -> None:
    """Answer calls until the parent is gone."""
    from tl_core.experiments.service import FUNCTIONS, State

    state: State | None = None
    stop, calls, arrived = threading.Event(), [], threading.Semaphore(0)

    def listen() -> None:
        while True:
            try:
                name, arguments = connection.recv()
            except (EOFError, OSError):
                os._exit(0)  # nobody is left to work for
            if name == "stop":
                stop.set()
            else:
                calls.append((name, arguments))
            arrived.release()

    def answered(name: str, arguments: dict[str, Any]) -> Iterator[Any]:
        nonlocal state
        state = state or State(device)  # here, so that a device that is not there is told as a sentence
        yield from FUNCTIONS[name](state, **arguments)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        arrived.acquire()
        if not calls:
            if stop.is_set():  # it came after the work had ended
                stop.clear()
                connection.send(("stopped", None))
            continue
        name, arguments = calls.pop(0)
        connection.send(_answer(answered(name, arguments), connection, stop))


def _answer(events: Iterator[Event], connection: Connection, stop: threading.Event) -> tuple[str, Any]:
    try:
        for event in events:
            if stop.is_set():
                stop.clear()
                events.close()
                return "stopped", None
            connection.send(("event", event))
    except UserError as fault:
        return "user error", str(fault)
    except Exception:  # noqa: BLE001  the parent gets the traceback
        return "bug", traceback.format_exc()
    return "done", None


def main() -> None:
    """Connect to the parent named on the command line."""
    warnings.simplefilter("ignore", FutureWarning)  # of libraries to those who write with them
    address, device = sys.argv[1], sys.argv[2]
    if (nice := int(os.environ.pop(NICE, "0"))) and os.name == "posix":
        os.nice(nice)
    target: Any = address
    if os.name != "posix" and not address.startswith("\\\\"):
        host, port = address.rsplit(":", 1)
        target = host, int(port)
    serve(Client(target, authkey=bytes.fromhex(os.environ.pop(SECRET))), device or None)


if __name__ == "__main__":
    main()
