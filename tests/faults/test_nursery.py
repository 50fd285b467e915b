"""Workers that are forked from a process with the imports done: they work, end and start again like
any other, and whatever is wrong with that process, a worker starts alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time

import psutil
import pytest

from tl_core.api.errors import WorkerDied
from tl_core.running import nursery
from tl_core.running.worker import Worker

pytestmark = [
    pytest.mark.skipif(not nursery.POSSIBLE, reason="processes are held by descriptors on Linux"),
    pytest.mark.usefixtures("offline"),
]


@pytest.fixture
def offline(monkeypatch):
    """As the nursery of the tests was started."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def worker():
    made = Worker("cpu", threads=1, nice=3)
    yield made
    made.end()


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def seen_to_be(true, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()


def test_a_forked_worker_works_ends_and_starts_again(worker):
    worker.start()
    first = worker._process
    assert isinstance(first, nursery.Forked) and first.poll() is None
    here = psutil.Process(first.pid)
    assert here.nice() == psutil.Process().nice() + 3 and here.ppid() != os.getpid()
    assert "torch" not in " ".join(here.cmdline())
    (answer,) = worker.call("warm", model="minilm")
    assert answer
    worker.end()
    assert first.poll() is not None and seen_to_be(lambda: gone(first.pid))
    (answer,) = worker.call("warm", model="minilm")
    assert answer and worker._process.pid != first.pid


def test_one_that_dies_is_told_and_the_next_call_has_another(worker):
    worker.start()
    died = worker._process.pid
    os.kill(died, signal.SIGKILL)
    assert seen_to_be(lambda: bool(worker.trouble))
    assert list(worker.call("warm", model="minilm"))
    assert worker._process.pid != died and not worker.trouble


def test_it_sees_the_environment_and_folder_of_who_asks(worker, monkeypatch, tmp_path):
    monkeypatch.setenv("TL_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)
    worker.start()
    process = psutil.Process(worker._process.pid)
    assert process.cwd() == str(tmp_path)
    list(worker.call("warm", model="minilm"))
    assert (tmp_path / "elsewhere" / "cache").is_dir()


@pytest.mark.parametrize(
    "name,value",
    [
        ("HF_HUB_OFFLINE", "0"),  # read while the libraries are imported
        (nursery.WHERE, "nowhere:0"),
        (nursery.WHERE, ""),
    ],
)
def test_without_a_nursery_a_worker_starts_alone(worker, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    worker.start()
    assert isinstance(worker._process, subprocess.Popen)
    assert psutil.Process(worker._process.pid).ppid() == os.getpid()


def test_nobody_without_the_secret_gets_a_process(worker, monkeypatch):
    name, _ = os.environ[nursery.WHERE].split(":")
    monkeypatch.setenv(nursery.WHERE, f"{name}:{'0' * 32}")
    worker.start()
    assert isinstance(worker._process, subprocess.Popen)


def test_it_ends_with_the_process_that_started_it():
    made = nursery.Nursery()
    where = made.start()
    assert made.start() == where, "one is enough"
    process = made._process
    process.stdin.close()  # as the system does when a process is gone
    assert process.wait(60) == 0
    assert made.start() != where, "one that is gone is started again"
    made.end()


def test_a_worker_that_cannot_start_is_told(worker, monkeypatch):
    monkeypatch.setenv(nursery.WHERE, "")
    monkeypatch.setattr("sys.executable", "/nothing/here")
    with pytest.raises(WorkerDied, match="could not be started"):
        worker.start()
