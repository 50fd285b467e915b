"""A folder that cannot be written, holds something else, or was damaged: a sentence, and nothing in
it is lost.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.faults.command import FAST, listing, rows, sentences, study_of, tl, write
from tests.numbers.made import SIMILARITY, arm, planned
from tl_core import cli
from tl_core.api.errors import UserError
from tl_core.api.types import Example, RunResult, Split
from tl_core.studies.store import Store, is_own

COMPARE = ("compare", "rows.csv", *FAST, "--shots", "1,2", "--seeds", "2")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows.csv and a finished study of it."""
    folder = tmp_path_factory.mktemp("store")
    write(folder / "rows.csv", rows(90))
    write(folder / "others.csv", rows(90, start=300))
    tl(folder, *COMPARE, "--out", "study")
    return folder


@pytest.fixture
def mount(tmp_path) -> Iterator[Callable[[str], Path]]:
    """Small file systems of a kind, where mounting is allowed."""
    made: list[Path] = []

    def mounted(options: str) -> Path:
        folder = tmp_path / f"mounted{len(made)}"
        folder.mkdir()
        try:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                capture_output=True,
                check=False,
            )
        except OSError:
            pytest.skip("There is no mount here.")
        if done.returncode:
            pytest.skip("Mounting is not allowed here.")
        made.append(folder)
        return folder

    yield mounted
    for folder in made:
        subprocess.run(["umount", folder], check=True)


def refused(capfd, *arguments: object) -> str:
    capfd.readouterr()
    code = cli.main(list(map(str, arguments)))
    out, err = capfd.readouterr()
    assert code == cli.PUT_RIGHT, err
    assert out == ""
    assert "Traceback" not in err
    return err


def test_a_folder_of_another_study_is_left_alone(here, capfd):
    before = listing(here / "study")
    assert "study holds another study" in refused(
        capfd, "compare", "others.csv", *FAST, "--out", "study"
    )
    assert "study holds another study" in refused(
        capfd, *COMPARE[:2], "--strategies", "majority", "--test", "others.csv", "--out", "study"
    )
    assert "study holds a study with 30 locked test rows" in refused(
        capfd, *COMPARE[:2], "--strategies", "majority", "--test-size", 20, "--out", "study"
    )
    assert listing(here / "study") == before


def test_folders_of_other_things_are_left_alone(here, capfd, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "is there already and holds no study" in refused(capfd, *COMPARE, "--out", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    said = refused(capfd, *COMPARE, "--out", tmp_path / "thesis.txt")
    assert "a file of that name is in the way" in said and sentences(said)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert "a file of that name is in the way" in refused(
        capfd, *COMPARE, "--out", tmp_path / "thesis.txt" / "below"
    )


@pytest.mark.parametrize("name", ["/proc/transfer-lab", "x" * 300])
def test_folders_that_cannot_be_made(here, capfd, name):
    if not Path("/proc").is_dir():
        pytest.skip("There is no /proc here.")
    assert "could not be written" in refused(capfd, *COMPARE, "--out", name)


def test_a_read_only_folder(here, capfd, mount):
    assert "is read-only. Choose another folder with --out." in refused(
        capfd, *COMPARE, "--out", mount("ro")
    )


def test_a_full_disk_keeps_what_was_finished(here, capfd, mount):
    folder = mount("size=150k,nr_inodes=4000")
    options = (
        "compare",
        "rows.csv",
        *FAST,
        "--shots",
        "1,2",
        "--seeds",
        "40",
        "--keep",
        "none",
        "--out",
    )
    assert "The disk is full" in refused(capfd, *options, folder / "study")
    finished = list((folder / "study" / "runs").glob("*.json"))
    assert finished and not [p for p in folder.rglob(".*")]
    before = {p.name: p.stat().st_mtime_ns for p in finished}
    subprocess.run(["mount", "-o", "remount,size=20m", folder], check=True)
    assert cli.main([*options, str(folder / "study")]) == 0
    assert {p.name: p.stat().st_mtime_ns for p in finished} == before
    assert {r["status"] for r in study_of(folder / "study")["runs"]} == {"done"}


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b'{"schema": 1}', b"\xff\xfe\x00"])
def test_a_damaged_record_is_told_and_nothing_is_lost(copy, capfd, content):
    (copy / "study.json").write_bytes(content)
    before = listing(copy)
    assert f"study.json in {copy} is damaged. Remove that file and start again" in refused(
        capfd, *COMPARE, "--out", copy
    )
    assert listing(copy) == before


@pytest.mark.parametrize(
    "changes", [{"split": 3}, {"split": {}}, {"problem": None}, {"dataset": []}]
)
def test_a_record_of_another_shape_is_another_study(copy, capfd, changes):
    (copy / "study.json").write_text(json.dumps({**study_of(copy), **changes}))
    assert "holds another study" in refused(capfd, *COMPARE, "--out", copy)


def test_without_its_record_a_study_goes_on_from_its_runs(copy, here):
    said = study_of(copy)
    for name in ("study.json", "plan.json", "rows.parquet", "report.html"):
        (copy / name).unlink()
    before = listing(copy / "runs")
    assert cli.main([*COMPARE, "--out", str(copy)]) == 0
    assert listing(copy / "runs") == before and study_of(copy)["runs"] == said["runs"]


def test_a_damaged_plan_is_written_again_by_the_same_command(copy, here):
    (copy / "plan.json").write_text("{")
    (copy / "rows.parquet").write_bytes(b"PAR1")
    assert cli.main([*COMPARE, "--out", str(copy)]) == 0
    assert cli.main(["predict", str(copy), "--run", "majority", "--text", "x"]) == 0


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("plan.json", b"{", "is damaged"),
        ("plan.json", b"[]", "is damaged"),
        ("plan.json", b'{"schema": 1}', "is damaged"),
        ("plan.json", b'{"schema": 2}', "written by a newer version of this program"),
        ("rows.parquet", b"PAR1 and no more", "The rows of the study in"),
        ("rows.parquet", None, "The rows of the study in"),
        ("plan.json", None, "holds no study"),
    ],
)
def test_predict_from_a_damaged_study(copy, capfd, name, content, part):
    (copy / name).unlink() if content is None else (copy / name).write_bytes(content)
    assert part in refused(capfd, "predict", copy, "--text", "x")


def test_a_newer_record(copy, capfd):
    (copy / "study.json").write_text(json.dumps({**study_of(copy), "schema": 2}))
    before = listing(copy)
    for arguments in (
        (*COMPARE, "--out", copy),
        ("compare", "--from", copy / "study.json", "--out", copy / "other"),
    ):
        assert (
            "was written by a newer version of this program. Update, then open it again."
            in refused(capfd, *arguments)
        )
    assert listing(copy) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b'{"request": null, "split": {"locked": []}}',
        b'{"request": {"columns": 3}, "split": {"locked": []}}',
        b"\xff",
    ],
)
def test_from_something_else(here, capfd, tmp_path, content):
    (tmp_path / "odd.json").write_bytes(content)
    assert "is not the study.json of a study, or it is damaged" in refused(
        capfd, "compare", "--from", tmp_path / "odd.json"
    )


def test_from_what_is_not_there(here, capfd, tmp_path):
    assert "cannot be read. Give the study.json of an earlier study." in refused(
        capfd, "compare", "--from", tmp_path / "none.json"
    )
    assert "cannot be read. Give the study.json of an earlier study." in refused(
        capfd, "compare", "--from", tmp_path
    )
    said = refused(capfd, "compare", "others.csv", "--from", "study", "--out", tmp_path / "new")
    assert "None of the 30 test rows of the earlier study are in others." in said


# --- what is written is what is read --------------------------------------------------------------


def test_a_study_comes_back_as_it_was(tmp_path):
    made = planned([SIMILARITY, arm("good")], shots=(0, 1, None)).study
    odd = tuple(
        Example(900 + i, text, "second" if i else None, ("a",), "group" if i else None)
        for i, text in enumerate(("a\0b", "half \ud83d", "\U0001f980", ""))
    )
    made = replace(made, split=Split(made.split.test, (*made.split.pool, *odd), 7))
    store = Store(tmp_path)
    store.prepare()
    store.save_study(made)
    assert Store(tmp_path).load_study() == made


def test_a_result_comes_back_as_it_was(tmp_path):
    store = Store(tmp_path)
    result = RunResult(
        "r1",
        "done",
        np.random.default_rng(1).random((4, 3), dtype=np.float32),
        {"train": 3},
        {"fit": 0.1},
        10,
        20,
        5,
        (0.5, float("inf")),
        ("note \ud83d",),
        {"torch": "2"},
        "cpu",
    )
    store.save_result(result)
    again = Store(tmp_path).result("r1")
    np.testing.assert_array_equal(again.scores, result.scores)
    assert replace(again, scores=None) == replace(result, scores=None)
    assert Store(tmp_path).result("r2") is None
    store.forget("r1")
    assert store.result("r1") is None


def test_a_record_has_no_number_that_is_none(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        Store(tmp_path).write_json("study.json", {"a": float("nan")})
    Store(tmp_path).write_json("a.json", {"half": "\ud83d"})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"half": "\ud83d"}


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    store = Store(tmp_path)
    store.prepare()
    for name in (".study.json.123", "runs/.abc.npy.123", ".env", ".notes.7", "runs/abc.npy"):
        (tmp_path / name).write_text("x")
    store.prepare()
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()} == {
        ".env",
        ".notes.7",
        "runs/abc.npy",
    }
    assert (
        is_own("study.json")
        and is_own(".study.json.1")
        and not is_own(".env")
        and not is_own("data.csv")
    )


def test_writing_where_it_is_not_allowed_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="a file of that name is in the way"):
        Store(tmp_path / "file").prepare()
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(UserError, match="may not be written to"):
            Store(tmp_path / "new").prepare()
        tmp_path.chmod(0o700)
