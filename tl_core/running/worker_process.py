"""The process that computes: it answers the calls of a `tl_core.running.worker.Worker` until that
is gone.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
import warnings
from collections.abc import Generator
from multiprocessing.connection import Client, Connection
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.types import Event

SECRET = "TL_WORKER_SECRET"
NICE = "TL_WORKER_NICE"


def serve(connection: Connection, device: str | None) -> None:
    """Answer calls until the parent is gone."""
    from tl_core.running.jobs import answer
    from tl_core.running.warm_models import WarmModels

    models: WarmModels | None = None
    stop, calls, arrived = threading.Event(), [], threading.Semaphore(0)

    def listen() -> None:
        while True:
            try:
                name, arguments = connection.recv()
            except (EOFError, OSError):
                os._exit(0)  # no one is left to work for
            if name == "stop":
                stop.set()
            else:
                calls.append((name, arguments))
            arrived.release()

    def answered(name: str, arguments: dict[str, Any]) -> Generator[Any, None, None]:
        nonlocal models
        # here, so that a device that is not there is reported as a sentence
        models = models or WarmModels(device)
        yield from answer(models, name, **arguments)

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


def _answer(
    events: Generator[Event, None, None], connection: Connection, stop: threading.Event
) -> tuple[str, Any]:
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
    """Work for the parent named on the command line."""
    warnings.simplefilter("ignore", FutureWarning)  # of libraries to those who write with them
    connect(sys.argv[1], sys.argv[2])


def connect(address: str, device: str) -> None:
    """Answer the calls of the parent that listens there, until it is gone."""
    if (nice := int(os.environ.pop(NICE, "0"))) and os.name == "posix":
        os.nice(nice)
    target: Any = address
    if os.name != "posix" and not address.startswith("\\\\"):
        host, port = address.rsplit(":", 1)
        target = host, int(port)
    serve(Client(target, authkey=bytes.fromhex(os.environ.pop(SECRET))), device or None)


if __name__ == "__main__":
    main()
