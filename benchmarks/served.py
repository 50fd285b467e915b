"""The real page in a process of its own, and the browser that measures it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
    """A running page."""

    url: str
    pid: int


def chromium() -> str:
    """Return the path of the installed Chromium.

    Raises:
        SystemExit: it is not.
    """
    found = (
        shutil.which("chromium-headless-shell")
        or shutil.which("chromium")
        or shutil.which("google-chrome")
    )
    if not found:
        raise SystemExit("there is no Chromium on this machine")
    return found


@contextmanager
def served(folder: Path, profile: str = "local") -> Iterator[Served]:
    """The page at an address of its own, its home in `folder`."""
    port = free_port()
    environment = {
        **os.environ,
        "TL_HOME": str(folder / "home"),
        "TL_PROFILE": profile,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
    }
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(f"{url}/healthz"):
            if process.poll() is not None:
                raise SystemExit("the page did not start")
            time.sleep(0.2)
        yield Served(url, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def free_port() -> int:
    """One at which nobody listens yet."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url: str) -> bool:
    """Whether a server answers there."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except OSError:
        return False
