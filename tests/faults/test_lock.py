"""One page for a home and one comparison for a folder; a start that cannot succeed is a
sentence.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.command import (
    FAST,
    ROOT,
    command,
    environment,
    rows,
    sentences,
    study_of,
    tl,
    write,
)
from tl_core.api.errors import UserError
from tl_core.studies.lock import Lock

COMPARE = ("compare", "rows.csv", *FAST, "--shots", "1,2", "--seeds")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lock")
    write(folder / "rows.csv", rows(90))
    return folder


def lock(folder: Path) -> Lock:
    return Lock(folder, "somebody at work here", "go elsewhere")


def test_the_second_is_told_who_the_first_is(tmp_path):
    with lock(tmp_path), pytest.raises(UserError) as told:
        lock(tmp_path).take()
    assert str(told.value).startswith(
        f"There is somebody at work here already: process {os.getpid()}, since 2"
    )
    assert str(told.value).endswith("Wait for its end or stop it, or go elsewhere.")
    assert list(tmp_path.iterdir()) == []
    with lock(tmp_path):
        pass


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_a_killed_process_leaves_no_lock(tmp_path):
    code = (
        "import time, pathlib; from tests.faults.test_lock import lock; held ="
        f" lock(pathlib.Path({str(tmp_path)!r})); held.take(); print('held', flush=True);"
        " time.sleep(60)"
    )
    held = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert held.stdout.readline() == b"held\n"
    with pytest.raises(UserError, match=f"process {held.pid}"):
        lock(tmp_path).take()
    held.send_signal(signal.SIGKILL)
    held.wait()
    with lock(tmp_path):
        assert (tmp_path / ".lock").exists()
    assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_what_stands_in_the_file_does_not_matter(tmp_path, content):
    (tmp_path / ".lock").write_bytes(content)
    with lock(tmp_path):
        pass


def test_two_comparisons_do_not_write_to_one_folder(place):
    first = subprocess.Popen(
        command(*COMPARE, 100, "--out", "study"),
        cwd=place,
        env=environment(place / "home"),
        stderr=subprocess.PIPE,
    )
    began = time.monotonic()
    while not (place / "study" / "study.json").exists():
        assert first.poll() is None, first.stderr.read().decode()
        assert time.monotonic() - began < 60
        time.sleep(0.02)
    said = tl(place, *COMPARE, 100, "--out", "study", code=2).stderr
    assert f"a study that writes to study already: process {first.pid}" in said and sentences(said)
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert not (place / "study" / ".lock").exists()
    assert study_of(place / "study")["runs"]


def app(home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**environment(home), **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], part: str) -> None:
    assert done.returncode == 2, done.stderr
    assert part in done.stderr and sentences(done.stderr) and "--out" not in done.stderr


def test_a_page_that_cannot_start_says_why(tmp_path):
    refused(app(tmp_path, TL_PROFILE="cpuu"), "There is no profile called 'cpuu'. Did you mean cpu")
    (tmp_path / "file").write_text("x")
    refused(
        app(tmp_path / "file"),
        "a file of that name is in the way. Choose another folder with TL_HOME.",
    )
    (
        refused(
            app(Path("/proc/nothing/here")), "TL_HOME" if os.geteuid() else "could not be written"
        )
        if Path("/proc").is_dir()
        else None
    )
    with Lock(tmp_path, "a page that keeps its studies here", "choose another folder with TL_HOME"):
        refused(app(tmp_path), f"already: process {os.getpid()}, since 2")
