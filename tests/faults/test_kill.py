"""Whatever ends a study, what was finished is kept and the same command goes on to the same
results.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tests.faults.command import FAST, command, environment, listing, rows, study_of, tl, write
from tl_core import cli
from tl_core.data.perturb import CHANGES

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX"),
    pytest.mark.usefixtures("workers_alone"),
]

SEEDS = 12  # x 3 shots x 2 arms: long enough to be hit in the middle
COMPARE = ("compare", "rows.csv", *FAST, "--shots", "1,4,8", "--seeds", SEEDS, "--keep", "none")
WAIT = 90.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows.csv and a study of it that nothing interrupted."""
    folder = tmp_path_factory.mktemp("kill")
    write(folder / "rows.csv", rows(120))
    tl(folder, *COMPARE, "--out", "whole")
    return folder


class Started:
    """A comparison in a process group of its own, and the processes it has started."""

    def __init__(self, place: Path, out: str):
        self.runs = place / out / "runs"
        self.folder = place / out
        self.process = subprocess.Popen(
            command(*COMPARE, "--out", out),
            cwd=place,
            env=environment(place / "home"),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.before = len(list(self.runs.glob("*.json")))

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def wait_for(self, reached: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not reached():
            assert self.process.poll() is None, self.process.stderr.read().decode()
            assert time.monotonic() - began < WAIT
            time.sleep(0.005)

    def more(self, count: int) -> Callable[[], bool]:
        """Whether so many runs were finished since the start."""
        return lambda: len(list(self.runs.glob("*.json"))) >= self.before + count

    def end(self) -> tuple[int, str]:
        """Exit code and what was said, once it has ended by itself."""
        _, said = self.process.communicate(timeout=WAIT)
        return self.process.returncode, said.decode()


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive, [p.cmdline() for p in alive]


def what_counts(folder: Path) -> tuple[list, list]:
    """Of study.json: runs and summary without what depends on the machine's mood."""
    said = study_of(folder)
    lines = [
        {k: v for k, v in line.items() if k not in ("seconds", "peak_bytes")}
        for line in said["summary"]
    ]
    lines.sort(key=lambda line: (line["arm"], str(line["shots"])))  # ties are ordered by seconds
    return [
        (r["id"], r["arm"], r["shots"], r["seed"], r["status"], r["metrics"]) for r in said["runs"]
    ], lines


def assert_same(one: Path, other: Path) -> None:
    assert what_counts(one) == what_counts(other)
    a, b = (pq.read_table(folder / "predictions.parquet").to_pydict() for folder in (one, other))
    assert (a["run"], a["part"], a["row"]) == (b["run"], b["part"], b["row"])
    for mine, theirs in zip(a["scores"], b["scores"], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-6)


def test_whatever_ends_a_study_it_ends_as_if_nothing_had_happened(place):
    """Killed with its worker before anything was computed, killed alone, interrupted, and bereft of
    its worker: one study that goes on each time.
    """
    for moment in (
        lambda run: run.runs.is_dir,  # the folder has just been made
        lambda run: (run.folder / "rows.parquet").exists,  # nothing is computed yet
    ):
        run = Started(place, "ended")
        run.wait_for(moment(run))
        processes = run.children()
        os.killpg(run.process.pid, signal.SIGKILL)
        for process in processes:  # the worker is in a session of its own
            if process.is_running():
                process.kill()
        run.end()
        assert_gone(processes)
    the_worker_ends_with_its_parent(Started(place, "ended"))
    (run.runs / ".0123456789abcdef.npy.99").write_bytes(
        b"half a fi"
    )  # as a kill in the middle of writing leaves it
    interrupted_keeps_everything(Started(place, "ended"))
    first = {p.name: p.stat().st_mtime_ns for p in run.runs.glob("*.json")}
    assert 23 <= len(first) < 6 * SEEDS
    a_killed_worker_is_replaced(Started(place, "ended"))
    assert {
        name: (run.runs / name).stat().st_mtime_ns for name in first
    } == first  # nothing was computed twice
    assert_same(place / "whole", run.folder)
    assert {p.name for p in run.folder.iterdir()} == {p.name for p in (place / "whole").iterdir()}
    assert {p.name for p in run.runs.iterdir()} == {
        p.name for p in (place / "whole" / "runs").iterdir()
    }


def the_worker_ends_with_its_parent(run: Started) -> None:
    run.wait_for(run.more(3))
    processes = run.children()
    assert processes
    run.process.kill()
    run.end()
    assert_gone(processes)


def interrupted_keeps_everything(run: Started) -> None:
    run.wait_for(run.more(20))
    processes = run.children()
    run.process.send_signal(signal.SIGINT)
    code, said = run.end()
    assert code == 130
    assert (
        "Finished runs are kept; the same command continues from there." in said
        and "Traceback" not in said
    )
    assert_gone(processes)
    kept = list(run.runs.glob("*.json"))
    said = study_of(run.folder)
    assert len(kept) >= run.before + 20
    assert sum(r["status"] == "done" for r in said["runs"]) == len(kept)
    assert {r["status"] for r in said["runs"]} == {"done", "stopped"}
    assert len(set(pq.read_table(run.folder / "predictions.parquet")["run"].to_pylist())) == len(
        kept
    )
    assert not (run.folder / "progress.json").exists()


def a_killed_worker_is_replaced(run: Started) -> None:
    """And the study finishes."""
    run.wait_for(run.more(5))
    run.children()[0].kill()
    code, said = run.end()
    assert code == 0
    assert "The worker process ended unexpectedly" in said and "Traceback" not in said


def main(*arguments: object) -> None:
    """The command in this process, where nothing is going to be killed."""
    assert cli.main(list(map(str, arguments))) == 0


def test_the_same_command_again_computes_nothing(place, here):
    before = listing(place / "whole" / "runs")
    said = study_of(place / "whole")
    main(*COMPARE, "--out", "whole")
    assert listing(place / "whole" / "runs") == before
    again = study_of(place / "whole")
    assert (
        again["runs"] == said["runs"]
        and again["summary"] == said["summary"]
        and again["id"] == said["id"]
    )


def test_damaged_runs_are_done_again(place, here):
    shutil.copytree(place / "whole", place / "damaged", ignore=shutil.ignore_patterns("study.json"))
    runs = sorted((place / "damaged" / "runs").glob("*.json"))
    runs[0].write_text("{")
    runs[1].with_suffix(".npy").write_bytes(b"\x93NUMPY")
    runs[2].with_suffix(".npy").unlink()
    main(*COMPARE, "--out", "damaged")
    assert_same(place / "whole", place / "damaged")


def test_appended_rows_join_the_pool_and_zero_shot_runs_are_reused(place, here):
    options = (
        "--strategies",
        "majority,similarity",
        "--shots",
        "0,2",
        "--seeds",
        2,
        "--test-size",
        30,
    )
    write(place / "growing.csv", rows(90))
    main("compare", "growing.csv", *options, "--out", "grown")
    first, test = study_of(place / "grown"), rows_of(place / "grown", "test")
    zero = next(r["id"] for r in first["runs"] if r["arm"] == "similarity")
    before = (place / "grown" / "runs" / f"{zero}.json").stat().st_mtime_ns
    write(place / "growing.csv", [*rows(30, start=500), *rows(90)])
    main("compare", "growing.csv", *options, "--out", "grown")
    again = study_of(place / "grown")
    assert (
        again["split"]["test_digest"] == first["split"]["test_digest"]
        and rows_of(place / "grown", "test") == test
    )
    assert again["split"]["n_pool"] == first["split"]["n_pool"] + 30
    assert {text for text, _ in rows(30, start=500)} <= rows_of(place / "grown", "pool")
    assert (place / "grown" / "runs" / f"{zero}.json").stat().st_mtime_ns == before
    assert {r["status"] for r in again["runs"]} == {"done"}


def rows_of(folder: Path, part: str) -> set[str]:
    return {
        x["text"].decode()
        for x in pq.read_table(folder / "rows.parquet").to_pylist()
        if x["part"] == part
    }


def test_from_an_earlier_study_takes_its_test_rows(place, here):
    main(
        "compare",
        "--from",
        "whole/study.json",
        "--strategies",
        "tfidf",
        "--shots",
        "2,all",
        "--seeds",
        1,
        "--out",
        "later",
    )
    first, later = study_of(place / "whole"), study_of(place / "later")
    assert later["split"] == first["split"]
    assert {(r["arm"], r["shots"]) for r in later["runs"]} == {("tfidf", 2), ("tfidf", "all")}
    main("compare", "--from", "later", "--out", "later_still")
    assert [r["id"] for r in study_of(place / "later_still")["runs"]] == [
        r["id"] for r in later["runs"]
    ]


def test_questions_about_changed_texts_go_on_after_a_kill(place, here):
    main(
        "compare",
        "rows.csv",
        *FAST,
        "--shots",
        1,
        "--seeds",
        4,
        "--keep",
        "all",
        "--out",
        "asked",
    )
    parts = place / "asked" / "robustness"
    process = subprocess.Popen(
        command("robustness", "asked"),
        cwd=place,
        env=environment(place / "home"),
        start_new_session=True,
    )
    began = time.monotonic()
    while process.poll() is None and len(list(parts.glob("[0-9a-f]*.npy"))) < 3:
        assert time.monotonic() - began < WAIT
        time.sleep(0.002)
    children = (
        psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    )
    process.kill()
    process.wait()
    assert_gone(children)
    before = {name: told for name, told in listing(parts).items() if not name.startswith(".")}
    assert len(before) > 3
    main("robustness", "asked")
    after = listing(parts)
    assert before.items() <= after.items(), "what was stored is not asked again"
    assert len([name for name in after if name.endswith(".npy")]) == 4 * len(CHANGES), (
        "every run of tfidf under every change"
    )
