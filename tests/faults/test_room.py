"""What visitors take of the disk is bounded, and a disk that is full loses nothing that is
finished.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from spaces_config.profiles import profile_named
from tests.faults.test_line import study
from tests.numbers.made import arm, planned
from tl_core.api.errors import UserError
from tl_core.api.types import Finished
from tl_core.running.queue import StudyQueue
from tl_core.running.quotas import Room, size_of, whole
from tl_core.running.run import run
from tl_core.running.turns import Visitor
from tl_core.strategies.majority import Predictor
from tl_core.studies.store import Store
from tl_ui.state.datasets import Datasets

MB = 2**20


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def asked_by(queue: StudyQueue, visitor: str) -> StudyQueue:
    queue._who = lambda: Visitor(visitor)
    return queue


def ended_study(queue: StudyQueue, megabytes: int = 3) -> str:
    """A study at its end that has kept weights of so many megabytes."""
    name, key = queue.submit(study())
    queue.stop(name, key)
    weights = queue.folder / name / "models" / "0123456789abcdef" / "weights.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"x" * megabytes * MB)
    queue.room._counted = float("-inf")
    return name


def test_copies_take_next_to_nothing_and_live_on_alone(tmp_path):
    queue = asked_by(StudyQueue(tmp_path, room=Room(tmp_path, most_each=20 * MB)), "a")
    name = ended_study(queue)
    before = shutil.disk_usage(tmp_path).used
    copies = [queue.duplicate(name)[0] for _ in range(5)]
    assert size_of(queue.folder) < 3.5 * MB
    assert shutil.disk_usage(tmp_path).used - before < 2 * MB
    key = Store(queue.folder / name).read_json("state.json")["key"]
    queue.delete(name, key)
    kept = queue.folder / copies[0] / "models" / "0123456789abcdef" / "weights.safetensors"
    assert kept.stat().st_size == 3 * MB
    assert queue.status(copies[0])["status"] == "stopped"


def test_a_visitor_and_all_of_them_have_so_much(tmp_path):
    queue = asked_by(StudyQueue(tmp_path, room=Room(tmp_path, most_each=4 * MB, most=8 * MB)), "a")
    ended_study(queue)
    name = ended_study(queue, 2)
    for ask in (lambda: queue.submit(study()), lambda: queue.duplicate(name)):
        with pytest.raises(
            UserError, match="Your studies and files take 5 MB here, and 4 MB is the most"
        ):
            ask()
    ended_study(asked_by(queue, "b"), 4)
    with pytest.raises(UserError, match="There is no room here for further studies"):
        asked_by(queue, "c").submit(study())
    assert len(list(queue.folder.iterdir())) == 3


def test_quick_requests_are_counted_before_anybody_looks_again(tmp_path):
    room = Room(tmp_path, most_each=10 * MB)
    for _ in range(3):
        room.take("a", 3 * MB)
    with pytest.raises(UserError, match="9 MB here"):
        room.take("a", 3 * MB)
    room.take("b", 3 * MB)


def test_some_of_the_disk_stays_free(tmp_path):
    queue = StudyQueue(tmp_path, room=Room(tmp_path, least_free=shutil.disk_usage(tmp_path).total))
    with pytest.raises(UserError, match="nearly full, so nothing new is taken"):
        queue.submit(study())
    assert list(queue.folder.iterdir()) == []


def test_uploads_are_counted_and_whole(tmp_path, monkeypatch):
    given = tmp_path / "given.csv"
    given.write_text("text,label\n" + "a text,a\nother,b\n" * 40_000)
    datasets = Datasets(
        tmp_path,
        profile_named("cpu"),
        lambda models, texts: [],
        room=Room(tmp_path, most_each=1.5 * MB),
        who=lambda: Visitor("a"),
    )
    datasets.add(given)
    datasets.add(given)
    with pytest.raises(UserError, match="is the most a visitor may have"):
        datasets.add(given)
    assert len(list(datasets.folder.iterdir())) == 2
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(UserError, match="The disk of this place is full: nothing was kept") as told:
        Datasets(tmp_path, profile_named("cpu"), lambda models, texts: []).add(given)
    assert len(list(datasets.folder.iterdir())) == 2 and str(tmp_path) not in str(told.value)


def test_a_study_for_which_there_is_no_room_leaves_nothing(tmp_path, monkeypatch):
    queue = StudyQueue(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="The disk of this place is full") as told:
        queue.submit(study())
    assert (
        list(queue.folder.iterdir()) == []
        and len(queue.line.waiting) == 0
        and str(tmp_path) not in str(told.value)
    )


def test_whatever_goes_wrong_leaves_no_half_folder(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "new") as folder:
        folder.mkdir()
        (folder / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), "safetensors"])
def test_weights_that_do_not_fit_lose_no_scores(tmp_path, monkeypatch, fault):
    from safetensors import SafetensorError

    if fault == "safetensors":
        fault = SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        )
    made = planned([arm("counted")], seeds=2)

    def save(_self, folder: Path) -> None:
        (folder / "half").write_bytes(b"x")
        raise fault

    monkeypatch.setattr(Predictor, "save", save)
    results = [
        event.result
        for event in run(made, model_folder=Store(tmp_path).model_folder, keep="all", device="cpu")
        if isinstance(event, Finished)
    ]
    assert [r.status for r in results] == ["done", "done"] and all(
        r.scores is not None for r in results
    )
    assert all(
        "Its checkpoint was not saved (No space left on device)" in r.notes[-1] for r in results
    )
    assert (
        not list(tmp_path.rglob("*"))
        or [p.name for p in tmp_path.iterdir()] == ["models"]
        and not list((tmp_path / "models").iterdir())
    )
