"""Whatever is killed, and however full the disk gets: nothing that is finished is lost or changed,
and the line goes on.

    python -m benchmarks.kills [--times 60] [--seed 0] [--studies 6]

Runs the queue of studies that the page has in a process of its own, with a home of its own, and
at random moments kills that process, its worker, or both, or fills the disk for a while (where
mounting a small file system is allowed). Looks after every one whether a finished run has gone or
has other bytes, and at the end whether every study is finished and no process
is left. The target: none lost, none changed, none left.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.numbers.made import arm, problem, rows
from tl_core.api.errors import UserError
from tl_core.api.types import Split
from tl_core.running.queue import StudyQueue
from tl_core.running.study_records import OPEN
from tl_core.studies.plan import Study
from tl_core.studies.store import Store

PAUSE = (0.3, 2.5)  # seconds between two kills
FULL_SECONDS = 1.5
DISK_MB = 48
END_SECONDS = 600.0
WAYS = ("the page", "the worker", "both", "a full disk")


def main() -> None:
    """Print what was done and what came of it; exit code 1 where something was lost, changed or
    left.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=60, choices=range(1, 1001), metavar="1..1000")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--studies", type=int, default=6)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        small_disk(Path(folder) / "home") as (home, is_small),
    ):
        raise SystemExit(run(home, is_small, asked.times, random.Random(asked.seed), asked.studies))


def serve(home: Path) -> None:
    """The line of studies as the page has it, and a visitor who presses "Continue" whenever that is
    offered.
    """
    queue = StudyQueue(home, device="cpu")
    queue.start()
    while True:
        time.sleep(0.3)
        for folder in queue.folder.iterdir():
            with contextlib.suppress(UserError):
                status = queue.status(folder.name)
                if status["status"] not in OPEN and (
                    status["status"] != "done" or status["failed"]
                ):
                    queue.again(folder.name, Store(folder).read_json("state.json")["key"])


@dataclass
class Seen:
    """The finished runs that were ever seen, with a digest of their bytes."""

    home: Path
    runs: dict[Path, str] = field(default_factory=dict)
    lost: set[Path] = field(default_factory=set)
    changed: set[Path] = field(default_factory=set)

    def look(self) -> None:
        now = {}
        for path in self.home.glob("studies/*/runs/*.json"):
            with contextlib.suppress(OSError):
                if b'"status": "done"' in path.read_bytes():
                    now[path] = hashlib.sha256(
                        path.read_bytes() + path.with_suffix(".npy").read_bytes()
                    ).hexdigest()
        self.lost |= self.runs.keys() - now.keys()
        self.changed |= {path for path, was in self.runs.items() if now.get(path, was) != was}
        self.runs |= now


def run(home: Path, is_small: bool, times: int, draw: random.Random, studies: int) -> int:
    """The exit code."""
    queue = StudyQueue(home)
    names = [queue.submit(study(i))[0] for i in range(studies)]
    seen, done, page, known = Seen(home), dict.fromkeys(WAYS, 0), start(home), set()
    began = time.monotonic()
    for _ in range(times):
        until = time.monotonic() + draw.uniform(*PAUSE)
        while time.monotonic() < until:
            known |= {page.pid, *(p.pid for p in children(page.pid))}
            time.sleep(0.05)
        way = draw.choice(WAYS if is_small else WAYS[:3])
        done[way] += 1
        workers = children(page.pid)
        if way == "a full disk":
            fill(home)
            time.sleep(FULL_SECONDS)
            (home / "filling").unlink()
        if way in ("the worker", "both"):
            for worker in workers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()
        if way in ("the page", "both"):
            page.kill()
            page.wait()
            page = start(home)
        seen.look()
    ended, until = False, time.monotonic() + END_SECONDS
    while not ended and time.monotonic() < until:
        time.sleep(0.5)
        states = [Store(home / "studies" / name).read_json("state.json") or {} for name in names]
        ended = all(state.get("status") == "done" and not state.get("failed") for state in states)
    known |= {page.pid, *(p.pid for p in children(page.pid))}
    page.send_signal(signal.SIGKILL)
    page.wait()
    time.sleep(2)
    seen.look()
    left = [
        pid
        for pid in known
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]
    print(
        f"{times} times in {time.monotonic() - began:.0f} s: "
        + ", ".join(f"{way} {n}" for way, n in done.items() if n or is_small)
        + ("" if is_small else "; mounting is not allowed here, so no full disk")
    )
    print(
        f"finished runs: {len(seen.runs)} seen, {len(seen.lost)} lost, {len(seen.changed)} changed;"
        f" processes left: {len(left)}; every study came to its end: {'yes' if ended else 'no'}"
    )
    return int(bool(seen.lost or seen.changed or left or not ended))


def study(number: int) -> Study:
    """Two hundred quick runs, another study for every number."""
    made = rows(200)
    arms = (
        arm("counted", smoothing=1.0 + number / 100),
        arm("counted-otherwise", smoothing=2.0 + number / 100),
    )
    return Study(
        f"made {number}",
        problem(),
        Split(tuple(made[:40]), tuple(made[40:])),
        arms,
        (1, 2),
        tuple(range(50)),
        {},
    )


def start(home: Path) -> subprocess.Popen:
    """The process that is killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.kills", "--serve", str(home)],
        env={**os.environ, "TL_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def children(pid: int) -> list[psutil.Process]:
    """Return its workers."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def fill(home: Path) -> None:
    """Write until nothing more fits."""
    with (home / "filling").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)


@contextlib.contextmanager
def small_disk(home: Path) -> Iterator[tuple[Path, bool]]:
    """A home, and whether it is a small file system of its own."""
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(home)]
    try:
        is_small = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        is_small = False
    try:
        yield home, is_small
    finally:
        if is_small:
            subprocess.run(["umount", str(home)], check=True)


if __name__ == "__main__":
    main()
