"""Archives that no program has packed: each is opened or refused in a sentence, and runs nothing
that the page's form refuses.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.made_archives import DEEP, READ, crafted, parts_of, study_folder, zipped
from spaces_config.profiles import PROFILES
from tests.faults.command import refused
from tl_core.api.errors import UserError
from tl_core.api.types import Finished, RunResult
from tl_core.models.catalog import find
from tl_core.models.embedded import EMBEDDED
from tl_core.running.queue import StudyQueue
from tl_core.running.reading_process import Bounded
from tl_core.running.run import run
from tl_core.running.session import open_again
from tl_core.studies.allowed import lay_out, take_in
from tl_core.studies.archive import pack, unpack
from tl_core.studies.plan import ArmRequest, plan
from tl_core.studies.store import Store
from tl_ui.serving.place import allowed_at
from tl_ui.state import clone_study as from_study

CPU = PROFILES["cpu"]
SCALE = 0.02
OPENED = {
    "a good one",
    "a good one, packed by hand",
    "a name that climbs",
    "a name from the root",
    "names with odd marks",
    "a run that is a link",
    "the state of another study",
    "weights",
    "two plans",
    "folders of this machine",
    "a thousand million shots",
    "a large study",
}


@pytest.fixture(scope="module")
def bounded():
    made = Bounded(
        CPU.max_read_seconds * 4, CPU.max_read_mb
    )  # tests share the processors with others
    yield made
    made.close()


@pytest.fixture
def adopt(bounded, tmp_path):
    """Takes an archive in as the page does; the line of studies is not started."""
    queue = StudyQueue(tmp_path / "home")

    def taken(path: Path, profile=CPU):
        apart = lambda source, folder: bounded.call(lay_out, source, folder, profile.reading)  # noqa: E731
        return queue, *queue.adopt(
            partial(take_in, path, allowed=allowed_at(profile), lay_out=apart)
        )

    yield taken
    queue.close()


def test_crafted_archives(adopt, tmp_path):
    seen, opened = 0, set()
    for name, path, never in crafted(tmp_path / "made", SCALE):
        seen += 1
        try:
            queue, study, key = adopt(path)
        except UserError as fault:
            assert str(fault).endswith((".", "?")), f"{name}: {fault}"
            assert str(tmp_path / "home") not in str(fault), f"{name}: {fault}"
            assert never == READ, f"{name} should open, to be read: {fault}"
            continue
        opened.add(name)
        store = queue.store(study)
        made = plan(store.load_study())
        assert all(
            np.isfinite(r.scores).all()
            for r in store.results(s.id for s in made.specs).values()
            if r.scores is not None
        ), name
        assert not [
            p
            for p in store.folder.rglob("*")
            if p.is_symlink() or p.name == "report.html" or "evil" in p.name
        ], name
        why = queue.status(study)["only_read"]
        assert bool(why) == never, f"{name}: {why or 'may run'}"
        if never:
            for again in (queue.again, lambda n, k, queue=queue: list(queue.borrow(n, k, None))):
                with pytest.raises(UserError, match="can only be read here"):
                    again(study, key)
            other, its_key = queue.duplicate(study)
            with pytest.raises(UserError, match="can only be read here"):
                queue.again(other, its_key)
            assert len(queue.line.waiting) == 0
        else:
            assert json.loads(pack_of(store)["plan.json"])["model_folders"] == {}, name
    assert seen > 61 and opened >= OPENED
    assert not [p for p in tmp_path.rglob("*evil*")]


def pack_of(store: Store) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(pack(store))) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def test_what_an_archive_names_is_not_asked_for_when_it_is_changed(tmp_path):
    store = study_folder(
        tmp_path / "a",
        arms=(ArmRequest("majority"), ArmRequest("word-rnn", {"hidden": 32}), ArmRequest("probe")),
    )
    asked = json.loads((store.folder / "plan.json").read_bytes())
    asked["arms"][1]["settings"]["vectors"] = "/etc/passwd"
    asked["arms"][2]["model"]["name"] = "/root/models/own"
    (tmp_path / "a.zip").write_bytes(
        zipped({**parts_of(store), "plan.json": json.dumps(asked).encode()})
    )
    study = unpack(tmp_path / "a.zip", tmp_path / "b").study
    wishes = from_study.wishes(study, EMBEDDED.name, adopted=True)
    assert (
        "passwd" not in str(wishes)
        and "/root" not in str(wishes)
        and {"hidden": 32} in [arm["settings"] for arm in wishes.own]
    )
    with pytest.raises(
        UserError, match=r"(?s)word-rnn reads a file.*probe uses the model in the folder 'own'"
    ):
        open_again(tmp_path / "a.zip", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_an_archive_names_no_folder_of_the_machine_it_was_packed_on(tmp_path):
    store = study_folder(tmp_path / "secret place" / "a")
    asked = json.loads((store.folder / "plan.json").read_bytes())
    folder = "/home/me/models/mine"
    asked["model_folders"] = {asked["arms"][2]["model"]["digest"]: folder}
    asked["arms"][2]["model"]["name"] = folder
    (store.folder / "plan.json").write_text(json.dumps(asked))
    made = plan(Store(store.folder).load_study())
    failed = next(s for s in made.specs if s.arm.id == "similarity")
    store.save_result(
        RunResult(
            failed.id,
            "failed",
            error=(
                f"{folder}/config.json cannot be read; see {Path.home()}/log and"
                f" {store.folder}/runs."
            ),
        )
    )
    store.write_json(
        "study.json",
        {
            "schema": 1,
            "command": "python -m tl_core compare /data/me/rows.csv --out /data/me/out",
            "request": {"file": "/data/me/rows.csv", "model": folder},
            "dataset": {"source": "/data/me/rows.csv", "guesses": [], "notes": []},
            "runs": [{"error": f"{folder}/config.json cannot be read"}],
        },
    )
    store.write_bytes("report.html", f"<p>{folder}</p>".encode())
    packed = pack_of(Store(store.folder))
    for name, data in packed.items():
        for secret in (folder, "/home/me", "/data/me", str(tmp_path), f"{Path.home()}/"):
            assert secret.encode() not in data, (name, secret)
    assert "report.html" not in packed, "it would name the folder, and is made anew"
    assert json.loads(packed["study.json"])["request"]["file"] == "rows.csv"
    (tmp_path / "a.zip").write_bytes(pack(Store(store.folder)))
    again = unpack(tmp_path / "a.zip", tmp_path / "b")
    assert [s.id for s in again.specs] == [s.id for s in made.specs]
    assert "mine/config.json cannot be read" in Store(tmp_path / "b").result(failed.id).error


def test_an_adopted_study_that_the_form_would_run_finds_its_models_here(adopt, tmp_path):
    (tmp_path / "a.zip").write_bytes(pack(study_folder(tmp_path / "a")))
    queue, study, key = adopt(tmp_path / "a.zip")
    found = queue.store(study).load_study()
    assert set(found.model_folders) == {
        arm.model.digest for arm in found.arms if arm.model
    } and all(Path(f).is_dir() for f in found.model_folders.values())
    queue.again(study, key)
    assert queue.status(study)["status"] == "queued"


@pytest.mark.parametrize("name", ["x" * 300, "a/b", "..", "", "\0", "日本語", None, 7, ["a"]])
def test_names_that_no_study_has(tmp_path, name):
    queue = StudyQueue(tmp_path)
    try:
        with pytest.raises(UserError, match="no such study"):
            queue.status(name)
    finally:
        queue.close()


@pytest.mark.parametrize("key", ["", "é", "\ud83d", None, 7, ["a"]])
def test_keys_that_open_nothing(adopt, tmp_path, key):
    (tmp_path / "a.zip").write_bytes(pack(study_folder(tmp_path / "a")))
    queue, study, _ = adopt(tmp_path / "a.zip")
    with pytest.raises(UserError, match="another browser"):
        queue.again(study, key)


def test_a_run_that_fails_does_not_say_where_its_model_lies(tmp_path):
    study = study_folder(tmp_path / "a").load_study()
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    made = plan(
        replace(
            study,
            model_folders=dict.fromkeys(study.model_folders, str(folder)),
            arms=study.arms[2:],
        )
    )
    (failed,) = [e.result for e in run(made, device="cpu") if isinstance(e, Finished)]
    assert (
        failed.status == "failed" and "minilm" in failed.error and str(tmp_path) not in failed.error
    )


def test_json_that_is_nested_too_deeply_is_a_sentence_on_the_command_line(tmp_path, capfd):
    for name in ("plan.json", "study.json", "config.json"):
        (tmp_path / name).write_bytes(DEEP)
    assert "plan.json cannot be read" in refused(capfd, "report", tmp_path)
    assert "plan.json cannot be read" in refused(
        capfd, "archive", tmp_path, "--out", tmp_path / "a.zip"
    )
    assert "is damaged" in refused(
        capfd, "compare", "sample:support_tickets", "--from", tmp_path, "--out", tmp_path / "out"
    )
    with pytest.raises(UserError, match=r"config\.json of .* is damaged"):
        find(str(tmp_path))
