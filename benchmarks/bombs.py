"""What small files do that were made to take the page down: files to read, and archives of studies
to open.

    python -m benchmarks.bombs [--profile cpu] [--only WORDS]

Every file is given to what the page gives it to, within the limits of the profile. The table says
for how long, how much memory the process of the page and the one that reads took at most (MB
resident; 0 where it was gone before anybody looked), and what came of it. At the end is printed how
many took more than 10 seconds or 500 MB, how many ended in anything but a sentence or a dataset,
and how many archives would have run what the form of the page refuses.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks.made_archives import crafted
from benchmarks.made_bombs import BOMBS, LABEL_TABLES
from spaces_config import Profile
from spaces_config.profiles import PROFILES
from tl_core.api.errors import UserError
from tl_core.models.embedded import EMBEDDED
from tl_core.report.html import report_html
from tl_core.running.queue import StudyQueue
from tl_core.running.reading_process import Bounded
from tl_core.studies.allowed import lay_out, take_in
from tl_core.studies.archive import pack
from tl_core.studies.title import read_about
from tl_ui.serving.place import allowed_at
from tl_ui.state import clone_study as from_study
from tl_ui.state.datasets import Datasets
from tl_ui.state.studies import Studies

MOST_SECONDS, MOST_MB = 10.0, 500.0
EVERY = 0.002  # seconds between two looks at the memory
OPENED, UNCAUGHT, RUNS = "opened", "UNCAUGHT", "RUNS WHAT THE FORM REFUSES"


@dataclass(frozen=True)
class Row:
    """The outcome of one file."""

    name: str
    seconds: float
    page: float  # MB resident at most
    child: float
    outcome: str


class Watch:
    """The largest memory of this process and of those that read for it, while something happens."""

    def __init__(self, bounded: Bounded):
        self.bounded = bounded

    def __enter__(self) -> Watch:
        self.page = self.child = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.began = time.perf_counter()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.began
        self.over.set()
        self.thread.join()
        self.page = max(self.page, psutil.Process().memory_info().rss)

    def _look(self) -> None:
        own, server = psutil.Process(), psutil.Process(self.bounded._server.pid)
        while not self.over.wait(EVERY):
            self.page = max(self.page, own.memory_info().rss)
            for child in server.children():
                with contextlib.suppress(psutil.Error):
                    self.child = max(self.child, child.memory_info().rss)


def measured(name: str, bounded: Bounded, act: Callable[[], str]) -> Row:
    """Do it, and say what came of it in one line."""
    with Watch(bounded) as watch:
        try:
            outcome = act()
        except UserError as fault:
            outcome = " ".join(str(fault).split())
        except BaseException as fault:  # noqa: BLE001  that it was not told in a sentence is what is looked for
            outcome = f"{UNCAUGHT} {type(fault).__name__}: {fault}"
    return Row(name, watch.seconds, watch.page / 2**20, watch.child / 2**20, outcome)


def bombs(home: Path, profile: Profile, scale: float, only: str = "") -> Iterator[Row]:
    """Every file that is to be read."""
    datasets = Datasets(home, profile, lambda models, texts: [])
    datasets.bounded.start()
    datasets.bounded.call(len, "")
    try:
        for name, (suffix, _) in BOMBS.items():
            if only in name:
                path = _made(name, home / f"bomb.{suffix}", scale)
                yield measured(name, datasets.bounded, partial(_used, datasets, path))
        for name in LABEL_TABLES:
            if only in name:
                path = _made(name, home / "labels.json", scale)
                yield measured(
                    name,
                    datasets.bounded,
                    lambda path=path: f"{OPENED}: {len(datasets.labels_of(path))} labels",
                )
    finally:
        datasets.bounded.close()


def _made(name: str, path: Path, scale: float) -> Path:
    subprocess.run(
        [sys.executable, "-m", "benchmarks.made_bombs", name, str(path), str(scale)], check=True
    )
    return path


def _used(datasets: Datasets, path: Path) -> str:
    """As the Data tab uses a file."""
    held = datasets.get(datasets.choose(datasets.add(path)))
    _ = held.audit, held.texts
    with contextlib.suppress(UserError):
        _ = held.usual_split
    return f"{OPENED}: {held.table.rows:,} rows"


def archives(home: Path, profile: Profile, scale: float, only: str = "") -> Iterator[Row]:
    """Every archive that is to be opened."""
    datasets = Datasets(home, profile, lambda models, texts: [])
    datasets.bounded.start()
    datasets.bounded.call(len, "")
    queue = StudyQueue(home)
    try:
        for name, path, refused in crafted(home, scale):
            if only in name:
                yield measured(
                    name,
                    datasets.bounded,
                    partial(_opened, queue, datasets, profile, path, refused),
                )
    finally:
        queue.close()
        datasets.bounded.close()


def _opened(
    queue: StudyQueue, datasets: Datasets, profile: Profile, path: Path, refused: bool
) -> str:
    """As the page uses an archive: opened, computed, packed, reported, its rows taken as a
    dataset, and put into the line.

    Args:
        refused: the form would not run what it asks for.
    """
    studies = Studies(queue)
    apart = lambda source, folder: datasets.bounded.call(lay_out, source, folder, profile.reading)  # noqa: E731
    name, key = queue.adopt(partial(take_in, path, allowed=allowed_at(profile), lay_out=apart))
    opened = studies.open(name)
    while opened.behind:
        time.sleep(0.01)
        opened = studies.open(name)
    store = queue.store(name)
    pack(store)
    read_about(store)
    if opened.comparison and opened.comparison.cells:
        report_html(
            opened.plan,
            opened.weighed.results,
            opened.comparison,
            context=store.read_json("state.json")["context"],
            decision=opened.decision,
            topics=opened.topics,
        )
    from_study.wishes(opened.plan.study, EMBEDDED.name, adopted=True)
    datasets.choose(from_study.dataset_of(datasets, opened.plan.study).partition("/")[0])
    try:
        queue.again(name, key)
    except UserError as fault:
        return f"{OPENED}, only read: {' '.join(str(fault).split())}"
    return RUNS if refused else f"{OPENED}, may run"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="cpu", choices=PROFILES)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="1: as large as a public place takes files"
    )
    parser.add_argument("--only", default="", help="files whose name holds these words")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    profile, rows = PROFILES[asked.profile], []
    print(f"{'':46}{'s':>7}{'page MB':>9}{'reader MB':>11}  outcome")
    for kind in (bombs, archives):
        with tempfile.TemporaryDirectory() as home:
            for row in kind(Path(home), profile, asked.scale, asked.only):
                rows.append(row)
                print(
                    f"{row.name[:45]:46}{row.seconds:7.2f}{row.page:9.0f}{row.child:11.0f} "
                    f" {row.outcome[:110]}",
                    flush=True,
                )
    slow, large = (
        [r for r in rows if r.seconds > MOST_SECONDS],
        [r for r in rows if max(r.page, r.child) > MOST_MB],
    )
    uncaught, run = (
        [r for r in rows if UNCAUGHT in r.outcome],
        [r for r in rows if r.outcome == RUNS],
    )
    print(
        f"\n{len(rows)} files: {len(slow)} over {MOST_SECONDS:.0f} s, {len(large)} over"
        f" {MOST_MB:.0f} MB, {len(uncaught)} uncaught, {len(run)} that run what the form refuses"
    )


if __name__ == "__main__":
    main()
