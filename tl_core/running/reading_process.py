"""Calls a function in a process of its own, which may take only so much memory and time.

What strangers give to be read is read there: whatever a parser makes of it, the process that asked
continues. A small server process, which has loaded the readers and little else, splits off a
process for every call, so that no one waits for Python to start. The new process sets its own
limits before it looks at anything: the system ends it where it goes beyond them, even in the middle
of a library's code.

Where processes cannot be split off (Windows), every call starts a fresh Python, and memory is
bounded only by what the readers count themselves.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import importlib.abc
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, cast

from tl_core.api import sentences
from tl_core.api.errors import Faults, UserError
from tl_core.api.sentences import say
from tl_core.running.child import environment

if sys.platform != "win32":
    import resource

SPLITS = hasattr(os, "fork") and hasattr(socket, "send_fds")
LOADED = (
    "tl_core.data.tables",
    "tl_core.data.labels",
    "tl_core.studies.allowed",
    "tl_core.running.predict",
    "pyarrow.parquet",
    "pyarrow.compute",
    "openpyxl",
)
GRACE = 5.0  # seconds after which a process that should have ended is given up
PATIENCE = 60.0  # seconds to wait for others' files
# One thread, and one store of memory for it: the address space that is counted is then what is
# used.
ALONE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
}


class Bounded:
    """Every method may be called from any thread.

    Args:
        seconds: by the clock, for one call.
        megabytes: of memory, beyond what Python and the readers take themselves.
        at_once: calls side by side; further ones wait.
    """

    def __init__(self, seconds: float, megabytes: int, at_once: int = 2):
        self.seconds, self.megabytes, self.at_once = seconds, megabytes, at_once
        self._places = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._server: subprocess.Popen | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Start the server, which gets ready by itself; otherwise the first call waits for it."""
        if SPLITS:
            with self._lock:
                self._started()

    def close(self) -> None:
        """End the server; calls that are under way come to their end."""
        with self._lock:
            server, control, self._server, self._control = self._server, self._control, None, None
        if control:
            control.close()
        if server:
            server.wait()

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call the function in that process and return what it gives. It must be one of a module,
        and give plain values or dataclasses of the engine.

        Raises:
            UserError: as the function raised it, or it took too much memory or time.
            RuntimeError: a bug in the function, with its traceback.
        """
        if not self._places.acquire(timeout=PATIENCE):
            raise UserError(say("Other files are being read here just now. Try again in a minute."))
        try:
            return self._call(
                pickle.dumps(
                    (
                        function,
                        tuple(map(_bare, arguments)),
                        {k: _bare(v) for k, v in named.items()},
                        self.seconds,
                        self.megabytes,
                    )
                )
            )
        finally:
            self._places.release()

    def _call(self, request: bytes) -> Any:
        began = time.monotonic()
        with self._connected() as (source, sink):
            try:
                sink.write(request)
                sink.flush()
                kind, value = _Plain(source).load()
            except (EOFError, OSError, pickle.UnpicklingError):
                kind, value = (
                    ("time", None) if time.monotonic() - began >= self.seconds else ("ended", None)
                )
        match kind:
            case "answer":
                return value
            case "user error":
                raise UserError(value[0]) if len(value) == 1 else Faults(value)
            case "bug":
                raise RuntimeError(value)
            case "time":
                raise UserError(
                    say(
                        "Reading this file took more than the {seconds:g} seconds it may take"
                        " here. Save its rows as a plain CSV or JSONL file, or give a part of"
                        " them.",
                        seconds=self.seconds,
                    )
                )
        raise UserError(
            say(
                "Reading this file took more than the {megabytes} MB of memory it may take here,"
                " or it is damaged. Save its rows as a plain CSV or JSONL file, or give a part"
                " of them.",
                megabytes=self.megabytes,
            )
        )

    @contextlib.contextmanager
    def _connected(self) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        """Streams from and to a new process that waits for one request."""
        if not SPLITS:
            process = subprocess.Popen(
                _command("once"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(ALONE),
            )
            timer = threading.Timer(self.seconds + GRACE, process.kill)
            timer.start()
            try:
                assert process.stdout is not None and process.stdin is not None
                yield cast("BinaryIO", process.stdout), cast("BinaryIO", process.stdin)
            finally:
                timer.cancel()
                process.kill()
                process.wait()
            return
        here, there = socket.socketpair()
        with here:
            with there:
                self._hand_over(there)
            here.settimeout(self.seconds + GRACE)
            with _stream(here) as stream:
                yield stream, stream

    def _hand_over(self, there: socket.socket) -> None:
        with self._lock:
            try:
                socket.send_fds(self._started(), [b"."], [there.fileno()])
            except OSError:  # it was ended by somebody
                self._server = None
                socket.send_fds(self._started(), [b"."], [there.fileno()])

    def _started(self) -> socket.socket:
        if self._server is None or self._server.poll() is not None:
            if self._control:
                self._control.close()
            self._control, theirs = socket.socketpair()
            with theirs:
                self._server = subprocess.Popen(
                    _command(str(theirs.fileno())),
                    pass_fds=[theirs.fileno()],
                    env=environment(ALONE),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
        assert self._control is not None  # it is made with the server
        return self._control


def _stream(connection: socket.socket) -> BinaryIO:
    """Return a stream to read from and to write to; its class says that it is both, and not that it
    is a file.
    """
    return cast("BinaryIO", connection.makefile("rwb"))


def _bare(value: Any) -> Any:
    """A string of a library's own kind, such as Gradio's for the name of a file, as a plain one:
    there that library is not loaded.
    """
    return str(value) if isinstance(value, str) else value


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tl_core.running.reading_process", *arguments]


class _Plain(pickle.Unpickler):
    """An unpickler that takes plain values and the engine's own records from a process that has
    read a stranger's file, and nothing that runs code.
    """

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(
            ("tl_core.data.", "tl_core.studies.", "tl_core.running.", "tl_core.api.types")
        ):
            found = getattr(importlib.import_module(module), name, None)
            if isinstance(found, type) and dataclasses.is_dataclass(found):
                return found
        if module == sentences.__name__ and name in ("Sentence", "Setting", "together"):
            return getattr(sentences, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no record.")


# --- the other side -------------------------------------------------------------------------------


def _serve(control: socket.socket) -> None:
    """Split off a process for every connection that is handed over, until no one is left to hand
    one over.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended processes leave nothing behind
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        _, given, _, _ = socket.recv_fds(control, 1, 1)
        if not given:
            return
        with socket.socket(fileno=given[0]) as connection:
            if os.fork() == 0:
                control.close()
                status = 1
                try:
                    with _stream(connection) as stream:
                        _answer(stream, stream)
                    status = 0
                finally:
                    os._exit(status)  # whatever happened, this process is no server


def _answer(source: BinaryIO, sink: BinaryIO) -> None:
    """Do one request."""
    function, arguments, named, seconds, megabytes = pickle.load(source)
    _limit(seconds, megabytes)
    try:
        kind, value = "answer", function(*arguments, **named)
    except UserError as fault:
        kind, value = "user error", fault.faults if isinstance(fault, Faults) else [str(fault)]
    except MemoryError:
        kind, value = "ended", None
    except Exception:  # noqa: BLE001  the caller gets the traceback
        kind, value = "bug", traceback.format_exc()
    try:
        pickle.dump((kind, value), sink, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        os._exit(1)
    sink.flush()


def _limit(seconds: float, megabytes: int) -> None:
    """Make the system end this process, or refuse it memory, from here on, where it goes beyond
    these.
    """
    if sys.platform == "win32":
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = _address_space() + megabytes * 2**20
    with contextlib.suppress(ValueError, OSError):  # macOS knows the limit and does not keep it
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _address_space() -> int:
    """Bytes."""
    import psutil

    return psutil.Process().memory_info().vms


def main() -> None:
    """Serve the process that handed over a socket, or answer one request."""
    warnings.simplefilter(
        "ignore"
    )  # what libraries think of a stranger's file is nothing for the log
    sys.meta_path.insert(0, _WithoutPandas())
    for name in LOADED:
        importlib.import_module(name)
    _warm()
    if sys.argv[1] == "once":
        _answer(sys.stdin.buffer, sys.stdout.buffer)
        return
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        _serve(control)


class _WithoutPandas(importlib.abc.MetaPathFinder):
    """An import finder that reports no pandas: pyarrow would load it in every new process, for a
    second, and needs nothing of it here.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _warm() -> None:
    """Load what is loaded at the first use."""
    import numpy.random  # noqa: F401
    import psutil  # noqa: F401

    from tl_core.strategies import strategies

    strategies()


if __name__ == "__main__":
    main()
