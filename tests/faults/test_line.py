"""The page's line of studies goes on, whatever happens to one study, its folder, the disk, a thread
or a worker.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.loops import in_a_loop
from tests.numbers.made import arm, planned
from tl_core.api.errors import UserError, WorkerDied
from tl_core.running.keeper import Keeper
from tl_core.running.queue import StudyQueue
from tl_core.running.study_records import OPEN, Damaged
from tl_core.running.turns import Visitor
from tl_core.running.worker import Worker
from tl_core.studies.plan import Study
from tl_ui.shell import health

WAIT = 60.0


def study(runs: int = 2) -> Study:
    """So many quick runs, another study every time."""
    made = planned([arm("counted", smoothing=1.0 + time.time() % 1)], seeds=runs).study
    return replace(made, model_folders={})


def until(reached: Callable[[], object]) -> None:
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < WAIT
        time.sleep(0.02)


def ended(queue: StudyQueue, name: str) -> dict:
    until(lambda: queue.status(name)["status"] not in OPEN)
    return queue.status(name)


@pytest.fixture(scope="module")
def started(tmp_path_factory) -> Iterator[StudyQueue]:
    home = tmp_path_factory.mktemp("line")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TL_HOME", str(home))
        made = StudyQueue(home, device="cpu")
        made.start()
        yield made
        made.close()


@pytest.fixture
def queue(started) -> Iterator[StudyQueue]:
    """A line that works, with nothing in it; what a test does to it is undone."""
    usual = dict(started.__dict__)
    yield started
    for name in ("_plan", "_run_one", "_warm_worker", "worker", "max_seconds"):
        started.__dict__.pop(name, None)
        if name in usual:
            started.__dict__[name] = usual[name]
    until(lambda: started.line.current is None and not len(started.line.waiting))


def test_deleting_the_study_that_runs_leaves_the_line_alone(queue):
    begun = threading.Event()
    plans, go_on = queue._plan, threading.Event()
    queue._plan = lambda store: (begun.set(), go_on.wait(WAIT), plans(store))[
        -1
    ]  # as a large study, which takes long to plan
    name, key = queue.submit(study())
    assert begun.wait(WAIT)
    with pytest.raises(UserError, match="another browser"):
        queue.delete(name, "a guess")
    queue.delete(name, key)
    folder = queue.folder / name
    assert folder.is_dir(), "the conductor may still write"
    with pytest.raises(UserError, match="no such study"):
        queue.status(name)
    go_on.set()
    until(lambda: not folder.exists())
    queue._plan = plans
    assert ended(queue, queue.submit(study())[0])["status"] == "done"
    assert queue.faults() == []


def test_what_was_deleted_by_mistake_is_brought_back_and_is_gone_after_a_while(queue):
    name, key = queue.submit(study())
    with pytest.raises(UserError, match="still being computed"):
        queue.put_away(name, key)
    before = ended(queue, name)
    with pytest.raises(UserError, match="another browser"):
        queue.put_away(name, "a guess")
    queue.put_away(name, key)
    with pytest.raises(UserError, match="no such study"):
        queue.status(name)
    queue.sweep(0.0)
    queue.records.clear_away()
    with pytest.raises(UserError, match="another browser"):
        queue.bring_back(name, "a guess")
    queue.bring_back(name, key)
    assert queue.status(name) == before
    queue.put_away(name, key)
    queue.records.clear_away(0.0)
    assert not (queue.folder / name).exists()
    with pytest.raises(UserError, match="no such study"):
        queue.bring_back(name, key)


def test_a_folder_that_vanishes_leaves_the_line_alone(queue):
    plans = queue._plan

    def vanish(store):
        (store.folder / "state.json").unlink()
        return plans(store)

    queue._plan = vanish
    queue.submit(study())
    until(lambda: queue.line.current is None and not len(queue.line.waiting))
    queue._plan = plans
    assert ended(queue, queue.submit(study())[0])["status"] == "done"


def test_deleting_one_that_waits_or_has_ended_and_one_that_a_dead_process_left(queue):
    name, key = queue.submit(study())
    ended(queue, name)
    queue.delete(name, key)
    assert not (queue.folder / name).exists()
    left, _ = queue.submit(study())
    ended(queue, left)
    state = json.loads((queue.folder / left / "state.json").read_text())
    (queue.folder / left / "state.json").write_text(json.dumps({**state, "status": "deleted"}))
    (queue.folder / ".gone.cut-off").mkdir()
    other = StudyQueue(queue.folder.parent)
    other.sweep(1)
    assert {name, left, ".gone.cut-off"}.isdisjoint(
        folder.name for folder in queue.folder.iterdir()
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'{"status": 3}',
        b'{"status": "queued", "key": null}',
        b"\xff",
    ],
)
def test_a_damaged_folder_is_left_alone_and_told(tmp_path, content, caplog):
    whole = StudyQueue(tmp_path)
    name, _ = whole.submit(study())
    (tmp_path / "studies" / "damaged-folder").mkdir()
    (tmp_path / "studies" / "damaged-folder" / "state.json").write_bytes(content)
    (tmp_path / "studies" / "a file").write_bytes(b"")
    (tmp_path / "studies" / "an empty folder").mkdir()
    queue = StudyQueue(tmp_path)
    assert list(queue.line.waiting) == [name]
    assert "damaged" in caplog.text
    queue.sweep(3)
    assert (tmp_path / "studies" / "damaged-folder").is_dir()
    with pytest.raises(Damaged, match="damaged"):
        queue.status("damaged-folder")
    queue.sweep(-1)
    assert not (tmp_path / "studies" / "damaged-folder").exists(), (
        "in the end it goes as every other study does"
    )
    assert (tmp_path / "studies" / name).is_dir()


def test_a_disk_that_is_full_ends_one_study_and_not_the_line(tmp_path, monkeypatch):
    home = tmp_path / "small"
    home.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", home], capture_output=True, check=False
    ).returncode:
        pytest.skip("Mounting is not allowed here.")
    monkeypatch.setenv("TL_HOME", str(tmp_path))  # of the workers
    queue = StudyQueue(home, device="cpu")
    try:
        name, key = queue.submit(study(200))
        filling = home / "filling"
        queue.start()
        until(lambda: queue.status(name)["done"] > 3)
        filling.write_bytes(b"")
        with filling.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 4096)
        said = ended(queue, name)
        assert said["status"] == "failed" and "The disk is full" in said["error"]
        assert 3 < said["done"] < 200
        finished = {
            p.name: p.stat().st_mtime_ns for p in (queue.folder / name / "runs").glob("*.json")
        }
        filling.unlink()
        subprocess.run(["mount", "-o", "remount,size=20m", home], check=True)
        assert ended(queue, queue.submit(study())[0])["status"] == "done"
        queue.again(name, key)
        assert ended(queue, name)["status"] == "done"
        assert (
            finished.items()
            <= {
                p.name: p.stat().st_mtime_ns for p in (queue.folder / name / "runs").glob("*.json")
            }.items()
        )
        assert queue.faults() == []
    finally:
        queue.close()
        subprocess.run(["umount", home], check=True)


def test_a_dead_thread_or_worker_is_told_and_replaced(queue):
    ended(queue, queue.submit(study())[0])
    workers = (queue.worker, queue.questions.short.worker, queue.questions.long.worker)
    for ask in ({"texts": []}, {"texts": ["a"] * 51}):
        list(queue.ask("token_reports", models=[], hub=False, **ask))
    assert queue.questions.long.gate.try_turn()
    queue.questions.short.gate._inside = (
        "",
        "",
    )  # nobody puts them right before it was seen that they are gone
    queue._warm_worker = lambda: None
    queue.worker.start()
    for worker in workers:
        worker._process.kill()
        worker._process.wait()
    assert len(queue.faults()) == 3 and all(
        "is not there: The worker process ended unexpectedly." in fault for fault in queue.faults()
    )
    response = in_a_loop(health(queue.faults)(None))
    assert (
        response.status_code == 503
        and "answers long questions" in json.loads(response.body)["faults"][-1]
    )
    del queue._warm_worker
    for helper in (queue.questions.short, queue.questions.long):
        helper.gate.leave()
    until(lambda: not queue.faults())
    assert in_a_loop(health(queue.faults)(None)).status_code == 200
    assert ended(queue, queue.submit(study())[0])["status"] == "done"


def test_a_thread_that_ended_is_started_again(queue, monkeypatch):
    class Cut(BaseException):
        """Nothing that anybody expects."""

    def cut(name):
        raise Cut

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    queue._run_one, first = cut, queue._thread
    queue.submit(study())
    until(lambda: not first.is_alive())  # another may be there before anybody looks
    del queue._run_one
    until(lambda: not queue.faults())
    assert ended(queue, queue.submit(study())[0])["status"] == "done"


def test_a_regular_job_that_fails_stops_no_other(monkeypatch):
    monkeypatch.setattr("tl_core.running.keeper.LOOK_SECONDS", 0.01)
    keeper, done = Keeper(), []
    keeper.every(0.01, lambda: 1 / 0)
    keeper.every(0.01, lambda: done.append(1))
    keeper.start()
    until(lambda: len(done) > 2)
    keeper.close()
    until(lambda: not keeper.alive)


class Deadly(Worker):
    """A process that ends in the middle of a run, always."""

    def call(self, name, **arguments):
        raise WorkerDied("The worker process ended unexpectedly, perhaps for lack of memory.")
        yield


def test_runs_that_ended_their_process_twice_can_be_tried_again(queue):
    real, queue.worker = queue.worker, Deadly("cpu")
    name, key = queue.submit(study(2))
    said = ended(queue, name)
    assert (said["status"], said["failed"], said["done"]) == ("done", 2, 2)
    queue.worker = real
    queue.again(name, key)
    until(lambda: queue.status(name)["failed"] == 0)
    assert ended(queue, name)["status"] == "done"


def test_going_on_right_after_a_stop_is_not_lost(queue):
    name, key = queue.submit(study(2000))
    until(lambda: queue.status(name)["done"] > 2)
    queue.stop(name, key)
    queue.again(name, key)  # while it is still being stopped
    until(
        lambda: (
            queue.status(name)["status"] == "stopped"
            or queue._thread is None
            or queue._once_more == set()
        )
    )
    before = queue.status(name)["done"]
    until(lambda: queue.status(name)["done"] > before)
    queue.stop(name, key)
    assert ended(queue, name)["status"] == "stopped"


def test_a_stop_that_came_too_late_does_not_stop_the_next_study(queue):
    queue.worker.stop()
    assert ended(queue, queue.submit(study())[0])["status"] == "done"


def test_the_time_of_a_study_is_not_that_of_the_wall(queue, monkeypatch):
    queue.max_seconds = 45.0
    plans, wall = queue._plan, time.time
    queue._plan = lambda store: (
        monkeypatch.setattr(time, "time", lambda: wall() + 3600),
        plans(store),
    )[-1]  # set forward while it runs
    assert ended(queue, queue.submit(study(20))[0])["status"] == "done"


def test_a_study_that_has_had_its_time_is_stopped_and_keeps_what_is_finished(queue):
    ended(queue, queue.submit(study())[0])
    queue.max_seconds = 1.0
    said = ended(queue, (name := queue.submit(study(5000))[0]))
    assert said["status"] == "stopped" and "is used up" in said["error"]
    assert said["done"] == len(list((queue.folder / name / "runs").glob("*.json"))) < 5000


def asked_by(queue: StudyQueue, visitor: str) -> StudyQueue:
    queue._who = lambda: Visitor(visitor)
    return queue


def test_studies_run_in_turn_by_visitor_and_one_visitor_does_not_fill_the_line(tmp_path):
    queue = StudyQueue(
        tmp_path, max_waiting=6, max_waiting_each=3
    )  # never started: all of them wait
    many = [asked_by(queue, "many").submit(study())[0] for _ in range(3)]
    with pytest.raises(UserError, match="3 of your studies are waiting"):
        queue.submit(study())
    one, key = asked_by(queue, "one").submit(study())
    assert list(queue.line.waiting) == [many[0], one, *many[1:]]
    assert queue.status(one)["ahead"] == 1
    assert [name for name in StudyQueue(tmp_path).line.waiting] == list(queue.line.waiting), (
        "after a restart too"
    )
    queue.stop(one, key)
    two = [asked_by(queue, "two").submit(study())[0] for _ in range(3)]
    with pytest.raises(UserError, match="6 studies are waiting"):
        asked_by(queue, "one").again(one, key)
    assert queue.status(one)["status"] == "stopped" and len(list(queue.folder.iterdir())) == 7
    assert list(queue.line.waiting) == [many[0], two[0], many[1], two[1], many[2], two[2]]


def test_two_at_once_are_not_promised_the_same_place(tmp_path):
    queue = StudyQueue(tmp_path, max_waiting=2, max_waiting_each=9)
    ready, said = threading.Barrier(6), []

    def submit() -> None:
        ready.wait(WAIT)
        try:
            queue.submit(study())
            said.append("")
        except UserError as fault:
            said.append(str(fault))

    threads = [threading.Thread(target=submit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert said.count("") == 2 and sum("waiting already" in x for x in said) == 4
    assert len(list(queue.folder.iterdir())) == 2, "what found no place leaves no folder"
