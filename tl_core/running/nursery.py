"""A process that has imported what workers need, and forks one in a moment.

A worker that starts alone spends seconds and hundreds of megabytes on importing the libraries it
computes with. Where several are wanted, as on the page, one process imports them once; a worker
forked from it starts at once, shares their memory, and costs nothing to end and start again.

Only on Linux, where a process can be held by a descriptor, and not beside a GPU, whose state no
fork may share: elsewhere, and whenever anything about the nursery goes wrong, a worker starts alone
as it always could.
"""

from __future__ import annotations

import contextlib
import gc
import hmac
import importlib
import json
import os
import secrets
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
import warnings
from typing import Any

from tl_core.running.child import environment as child_environment

WHERE = "TL_NURSERY"  # address and secret of one that processes below this one may use
POSSIBLE = sys.platform == "linux" and hasattr(os, "pidfd_open")
GPUS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dri/renderD128")
LOADED = (
    "torch",
    "transformers",
    "sentence_transformers",
    "sklearn.linear_model",
    "peft",
    "tl_core.running.jobs",
    "tl_core.running.run",
    "tl_core.running.warm_models",
)
# What libraries read while they are imported; a worker that wants these otherwise starts alone.
READ_AT_IMPORT = tuple("CUDA HF_ HUGGINGFACE LD_ MALLOC PYTORCH TORCH_ TRANSFORMERS".split())
THREADS = "OMP_NUM_THREADS"
PATIENCE = 120.0  # seconds for its imports, on a busy machine


class Forked:
    """A process that somebody else forked, with what `subprocess.Popen` offers of it. Every method
    may be called from any thread.
    """

    def __init__(self, pid: int, descriptor: int):
        self.pid, self._descriptor = pid, descriptor

    def poll(self) -> int | None:
        """None while it runs; then 1: its exit status is not known."""
        return 1 if self._ended(0) else None

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end."""
        self._ended(None)
        return 1

    def _ended(self, milliseconds: int | None) -> bool:
        waiting = select.poll()  # `select` takes no descriptor beyond 1,023
        waiting.register(self._descriptor, select.POLLIN)
        return bool(waiting.poll(milliseconds))

    def __del__(self) -> None:
        """Here and not in `wait`: another thread may be waiting, too."""
        os.close(self._descriptor)


class Nursery:
    """Every method may be called from any thread."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._where = ""

    def start(self) -> str:
        """Start it where it does not run; returns what `WHERE` should hold."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                name, secret = secrets.token_hex(16), secrets.token_hex(16)
                with socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(_address(name))
                    listener.listen()
                    self._process = subprocess.Popen(
                        [sys.executable, "-m", __name__, str(listener.fileno())],
                        pass_fds=[listener.fileno()],
                        env=child_environment({WHERE: secret}),
                        stdin=subprocess.PIPE,  # its end is the sign to end
                        stdout=subprocess.DEVNULL,
                        start_new_session=True,
                    )
                self._where = f"{name}:{secret}"
            return self._where

    def end(self) -> None:
        """End it; what it forked goes on."""
        with self._lock:
            process, self._process = self._process, None
        if process:
            assert process.stdin is not None
            process.stdin.close()
            process.kill()
            process.wait()


ours = Nursery()  # of this process; it ends when the process does


def fork(
    address: str, device: str, environment: dict[str, str], errors: int, *, start: bool
) -> Forked | None:
    """A worker that connects to the address, see
    `tl_core.running.worker_process`.

    Args:
        environment: the whole of it.
        errors: file descriptor for what it writes.
        start: start a nursery where there is none.

    Returns:
        None where there is no nursery, or it cannot.
    """
    where = os.environ.get(WHERE) if POSSIBLE else ""
    if not where:
        if not start or not POSSIBLE or any(os.path.exists(gpu) for gpu in GPUS):
            return None
        where = ours.start()
    name, secret = where.split(":")
    asked = {
        "secret": secret,
        "address": address,
        "device": device,
        "environment": environment,
        "folder": os.getcwd(),
    }
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(_address(name))
            given = json.dumps(asked, ensure_ascii=True).encode()
            socket.send_fds(connection, [struct.pack("!I", len(given))], [errors])
            connection.sendall(given)
            said, held, _, _ = socket.recv_fds(connection, 16, 1)
            return Forked(int(said), held[0]) if held else None
    except (OSError, ValueError):
        return None


def _address(name: str) -> str:
    """One that is no file, so that nothing stays behind."""
    return f"\0transfer-lab-{name}"


# --- the other side -------------------------------------------------------------------------------


def _serve(listener: socket.socket, secret: str, mine: dict[str, str]) -> None:
    """Fork a worker for everybody who knows the secret, until the parent is gone.

    Args:
        mine: the environment in which the libraries were imported.
    """
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError, ValueError, KeyError):
            connection.settimeout(5)
            asked, errors = _request(connection)
            try:
                if not hmac.compare_digest(asked["secret"], secret):
                    continue
                if _differs(mine, asked["environment"]):
                    continue  # without a process the one who asked starts one
                pid = os.fork()
                if pid == 0:
                    listener.close()
                    connection.close()
                    _become(asked, errors, mine)
                held = os.pidfd_open(pid)
                try:
                    socket.send_fds(connection, [str(pid).encode()], [held])
                finally:
                    os.close(held)
            finally:
                os.close(errors)


def _request(connection: socket.socket) -> tuple[dict[str, Any], int]:
    head, given, _, _ = socket.recv_fds(connection, 4, 1)
    (length,) = struct.unpack("!I", head)
    try:
        with connection.makefile("rb") as stream:
            return json.loads(stream.read(length)), given[0]
    except BaseException:
        for one in given:
            os.close(one)
        raise


def _differs(mine: dict[str, str], wanted: dict[str, str]) -> bool:
    """Whether the libraries would have been imported otherwise there."""
    return any(
        mine.get(name) != wanted.get(name)
        for name in {*mine, *wanted}
        if name.startswith(READ_AT_IMPORT)
    )


def _become(asked: dict[str, Any], errors: int, mine: dict[str, str]) -> None:
    """Be the worker that was asked for; never returns."""
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        known = set(sys.path)
        sys.path[1:1] = [
            p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and p not in known
        ]
        if os.environ.get(THREADS) != mine.get(THREADS):
            _compute_on(int(os.environ.get(THREADS) or len(os.sched_getaffinity(0))))
        from tl_core.running.worker_process import connect

        connect(asked["address"], asked["device"])
    except BaseException:  # noqa: BLE001  whatever happened, this process is no nursery
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _compute_on(threads: int) -> None:
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads)


def main() -> None:
    """Import, and serve the process that handed over a socket."""
    secret, mine = os.environ.pop(WHERE), dict(os.environ)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended workers leave nothing behind
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore", FutureWarning)  # of libraries to those who write with them
    for name in LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is shared stays shared
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        _serve(listener, secret, mine)


if __name__ == "__main__":
    main()
