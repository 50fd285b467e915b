"""`python app.py` in a process of its own, as a visitor's browser meets it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.served import answers

ROOT = Path(__file__).parents[2]
START_SECONDS = 120


@dataclass(frozen=True)
class Served:
    """A running page."""

    url: str
    home: Path
    log: Path


@contextlib.contextmanager
def serving(folder: Path, **more: str) -> Iterator[Served]:
    """A page whose files lie in an empty folder; `more` is its environment beside the usual."""
    home, log = folder / "home", folder / "log.txt"
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("TL_PROFILE", "SPACE_ID")},
        "TL_HOME": str(home),
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        **more,
    }
    began = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        while not answers(f"{url}/healthz"):
            assert process.poll() is None and time.monotonic() - began < START_SECONDS, (
                log.read_text()
            )
            time.sleep(0.1)
        yield Served(url, home, log)
    finally:
        process.send_signal(signal.SIGINT)  # the queue ends its workers
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
