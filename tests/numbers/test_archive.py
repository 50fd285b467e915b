"""A study as a thing: one file that opens anywhere, made again, set beside another one."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.numbers.made import SIMILARITY, answered, arm, planned
from tl_core import cli
from tl_core.analysis.compare import compare
from tl_core.analysis.read_study import Stored, read_study
from tl_core.analysis.study_diff import (
    ONLY_AFTER,
    ONLY_BEFORE,
    OTHER_LABELS,
    OTHER_METRIC,
    OTHER_TEST_ROWS,
    PARTLY_F1,
    changes,
)
from tl_core.api.errors import UserError
from tl_core.api.params import declared
from tl_core.api.types import Label, Problem
from tl_core.data.limits import Limits
from tl_core.report import script as again
from tl_core.strategies import strategies
from tl_core.studies.archive import pack, unpack
from tl_core.studies.arms import Recipe
from tl_core.studies.plan import ArmRequest, check_arms, plan, request_of
from tl_core.studies.store import Store
from tl_core.studies.title import About, read_about, write_about
from tl_core.words import study_diff as words

ROOT = Path(__file__).parents[2]
ODD = "=2+3\"'</script>{0}\n​한국어"


def saved(folder: Path, made, right) -> Store:
    store = Store(folder)
    store.prepare()
    store.save_study(made.study)
    for result in answered(made, right).values():
        store.save_result(result)
    return store


def stored(made, right, about: About | None = None) -> Stored:
    results = answered(made, right)
    return Stored(
        Store(Path("nowhere")), made, results, compare(made, results), {}, about or About()
    )


@pytest.fixture
def made():
    return planned([SIMILARITY, arm("good")], shots=(0, 1), seeds=3)


# --- the archive ----------------------------------------------------------------------------------


def test_an_archive_holds_the_study_and_nothing_of_the_place(tmp_path, made):
    store = saved(tmp_path / "a", made, {"good": [30, 31, 32], "similarity": [20]})
    write_about(store, About("  A title \n of two lines ", ODD))
    store.write_json("state.json", {"key": "secret"})
    weights = store.model_folder("0" * 16)
    weights.mkdir(parents=True)
    (weights / "weights.safetensors").write_bytes(b"weights")
    packed = pack(store)
    assert packed == pack(store)
    (tmp_path / "a.zip").write_bytes(packed)
    names = zipfile.ZipFile(tmp_path / "a.zip").namelist()
    assert {"plan.json", "rows.parquet", "about.json"} <= set(names) and sum(
        n.startswith("runs/") for n in names
    ) == 2 * 4
    assert not any("state" in n or "models" in n for n in names)

    found, there = read_study(tmp_path / "a.zip"), read_study(tmp_path / "a")
    assert (
        found.plan.study == dataclasses.replace(made.study, model_folders={})
        and found.comparison == there.comparison
    )
    assert found.about == About("A title of two lines", ODD.strip())
    assert (
        all(np.array_equal(found.results[run].scores, r.scores) for run, r in there.results.items())
        and len(found.results) == 4
    )


def test_a_folder_packed_by_hand_opens_too_and_other_files_are_left_in_it(tmp_path, made):
    store = saved(tmp_path / "a", made, {"good": [30, 31, 32]})
    with zipfile.ZipFile(tmp_path / "hand.zip", "w") as out:
        for path in store.folder.rglob("*"):
            if path.is_file():
                out.write(path, f"my study/{path.relative_to(store.folder)}")
        for name in (
            "my study/../../evil.txt",
            "/evil.txt",
            "my study/runs/../evil.json",
            "my study/state.json",
            "evil.py",
        ):
            out.writestr(name, "evil")
    unpack(tmp_path / "hand.zip", tmp_path / "b" / "c")
    assert read_study(tmp_path / "b" / "c").plan.study == dataclasses.replace(
        made.study, model_folders={}
    )
    assert not [p for p in tmp_path.rglob("*") if "evil" in p.name or p.name == "state.json"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: b"", "damaged or cut off"),
        (lambda d: d[: len(d) // 2], "damaged or cut off"),
        (lambda d: d.replace(b"PK\x03\x04", b"PK\x03\x05"), "damaged or cut off"),
        (
            lambda d: bytes(b ^ 0x55 if 200 < i < len(d) // 2 else b for i, b in enumerate(d)),
            "damaged",
        ),
    ],
)
def test_a_damaged_archive_is_a_sentence(tmp_path, made, spoil, words):
    path = tmp_path / "a.zip"
    path.write_bytes(spoil(pack(saved(tmp_path / "a", made, {"good": [30, 31, 32]}))))
    with pytest.raises(UserError, match=words):
        read_study(path)


def remade(source: Path, change) -> Path:
    """The archive with its plan.json changed."""
    out = source.with_name("changed.zip")
    with (
        zipfile.ZipFile(source) as old,
        zipfile.ZipFile(out, "w") as new,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        for info in old.infolist():
            data = old.read(info)
            if info.filename == "plan.json":
                asked = json.loads(data)
                change(asked)
                data = json.dumps(asked).encode()
            new.writestr(info.filename, data)
    return out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.update(schema=99), "newer version"),
        (lambda a: a["arms"][0].update(strategy="oracle-9000"), "does not have"),
        (lambda a: a.pop("problem"), "damaged"),
        (lambda a: a.update(shots="many"), "damaged"),
        (lambda a: a.update(seeds=list(range(10**5))), "the most a study may have"),
    ],
)
def test_an_archive_that_cannot_be_used_is_a_sentence_with_its_name(tmp_path, made, change, words):
    (tmp_path / "a.zip").write_bytes(pack(saved(tmp_path / "a", made, {"good": [30, 31, 32]})))
    with pytest.raises(UserError, match=words) as fault:
        read_study(remade(tmp_path / "a.zip", change))
    assert "transfer-lab-" not in str(fault.value), "no path of a moment"


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr("notes.txt", "hello")
    with pytest.raises(UserError, match="not of a study"):
        read_study(tmp_path / "a.zip")
    with pytest.raises(UserError, match="holds no study"):
        pack(Store(tmp_path))


def test_a_zip_larger_than_any_study_is_not_unpacked(tmp_path, made):
    (tmp_path / "a.zip").write_bytes(pack(saved(tmp_path / "a", made, {"good": [30, 31, 32]})))
    with pytest.raises(UserError, match="a study may have"):
        unpack(tmp_path / "a.zip", tmp_path / "b", Limits(unpacked=1000))
    assert not (tmp_path / "b").exists()
    with pytest.raises(
        UserError, match="4 runs of 40 test rows, 160 predictions; 159 may be compared here"
    ):
        unpack(tmp_path / "a.zip", tmp_path / "c", Limits(answers=159))


# --- title and note -------------------------------------------------------------------------------


def test_title_and_note(tmp_path, made, capsys):
    store = saved(tmp_path / "a", made, {"good": [30, 31, 32]})
    assert cli.main(["about", str(store.folder)]) == 0 and capsys.readouterr().out == "made\n"
    assert (
        cli.main(
            [
                "about",
                str(store.folder),
                "--title",
                "Second\x1b[2J look",
                "--note",
                "with new labels",
            ]
        )
        == 0
    )
    assert capsys.readouterr().out == "Second [2J look\nwith new labels\n"
    assert cli.main(["about", str(store.folder), "--note", ""]) == 0
    assert read_about(store) == About("Second\x1b[2J look", "")
    assert (
        cli.main(["about", str(store.folder), "--title", "x" * 201]) == 2
        and "201 characters" in capsys.readouterr().err
    )
    store.write_json("about.json", {"title": 7, "note": "n", "more": 1})
    assert read_about(store) == About("", "n")


# --- again ----------------------------------------------------------------------------------------


def requests():
    for id, strategy in strategies().items():
        texts = [
            s for s in declared(strategy.settings) if s["type"] in ("int", "float") and s["high"]
        ]
        other = {texts[0]["name"]: texts[0]["high"]} if texts else {}
        yield ArmRequest(id, other, "=odd name'")
        if strategy.trains:
            yield ArmRequest(
                id, {"selection": "oracle", "augmentation": "swap"}, None, "minilm-masked"
            )
    yield ArmRequest(
        "adapt-then",
        {"base": "lora", "base.rank": 2, "base.selection": "inside", "steps": 7},
        "both",
    )


SINGLE = Problem("one text", "one label", (Label("a", "a"), Label("b", "b")))


@pytest.mark.parametrize(
    "request_", requests(), ids=lambda r: f"{r.strategy}-{'-'.join(map(str, r.settings))}"
)
def test_every_arm_can_be_asked_for_again(request_, monkeypatch):
    monkeypatch.setenv("TL_CHAT_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("TL_CHAT_MODEL", "somebody")
    arms, folders, faults = check_arms([request_])
    assert not faults
    assert check_arms([request_of(arms[0], SINGLE, folders)])[0] == arms
    assert len(request_of(arms[0], SINGLE).settings) <= len(request_.settings) + len(
        dataclasses.fields(Recipe)
    ), "defaults are left out"


def test_a_study_is_made_again_by_command_and_by_script(tmp_path, capfd):
    first, packed = tmp_path / "first", tmp_path / again.ARCHIVE
    asked = [
        "--strategies",
        "majority,tfidf",
        "--arm",
        "name=odd '{}(),strategy=tfidf,strength=2",
        "--shots",
        "1,2",
        "--seeds",
        "2",
        "--out",
        str(first),
    ]
    assert cli.main(["compare", "sample:support_tickets", *asked]) == 0
    assert cli.main(["archive", str(first), "--out", str(packed)]) == 0
    assert cli.main(["again", str(packed), "--out", str(tmp_path / "second")]) == 0
    assert "12 of 12 runs came out the same" in capfd.readouterr().out

    before, after = read_study(first), read_study(tmp_path / "second")
    assert (
        before.results.keys() == after.results.keys()
        and before.plan.study.id == after.plan.study.id
    )
    (tmp_path / "script.py").write_text(again.script(before.plan.study), encoding="utf-8")
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    elsewhere = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=bare,
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert elsewhere.returncode == 1 and elsewhere.stderr.startswith(
        "Transfer Lab is not found. Install it, start this script in its folder"
    )
    subprocess.run(
        [sys.executable, tmp_path / "script.py"],
        cwd=ROOT,
        env=bare,
        check=True,
        capture_output=True,
        timeout=200,
    )
    scripted = read_study(tmp_path / again.FOLDER)
    assert scripted.results.keys() == before.results.keys()
    assert all(
        np.array_equal(scripted.results[run].scores, r.scores) for run, r in before.results.items()
    )
    report = (tmp_path / again.FOLDER / "report.html").read_text(encoding="utf-8")
    assert "again study.zip --out again" in report and ").again(" in report

    Store(tmp_path / "other").write_json(
        "study.json", {"id": "another", "split": {}, "problem": {}, "dataset": {}}
    )
    assert (
        cli.main(["again", str(packed), "--out", str(tmp_path / "other")]) == 2
        and "another study" in capfd.readouterr().err
    )


# --- two studies ----------------------------------------------------------------------------------


def test_what_changed_between_two_studies():
    before = planned([arm("good"), arm("old", smoothing=3.0), SIMILARITY], shots=(0, 1), seeds=3)
    after = planned(
        [arm("good", smoothing=2.0), arm("new", smoothing=4.0), SIMILARITY],
        shots=(0, 1, 4),
        seeds=3,
    )
    found = changes(
        stored(before, {"good": [30, 30, 30], "old": [20] * 3, "similarity": [36]}, About("First")),
        stored(after, {"good": [36, 36, 36], "new": [20] * 3, "similarity": [36]}),
    )
    assert found.same_test and found.common_test == 40
    assert {(x.what, x.arm, x.before, x.after) for x in found.asked} == {
        ("title", "", "First", "made"),
        ("shots", "", "0, 1", "0, 1, 4"),
        ("smoothing", "good", "1.0", "2.0"),
        ("arm", "old", "majority", ""),
        ("arm", "new", "", "majority"),
    }
    moved = {(m.arm, m.shots): m for m in found.moved}
    good = moved["good", 1]
    assert (
        good.difference.value == pytest.approx(6 / 40)
        and good.before.value == 0.75
        and good.after.value == 0.9
    )
    assert good.difference.low < 6 / 40 < good.difference.high
    assert words.difference(moved["similarity", 0]) == "the same on every row"
    assert moved["old", 1].why_not == ONLY_BEFORE and moved["good", 4].why_not == ONLY_AFTER
    for language in ("en", "ko"):
        assert (
            all(words.moved(m, language) for m in found.moved)
            and words.summary(found, language)
            and all(words.asked(x, language) for x in found.asked)
        )


def test_scores_are_set_against_each_other_on_common_rows_alone():
    before = planned([arm("good")], n_test=40, seeds=3)
    study = before.study
    fewer = dataclasses.replace(
        study, split=dataclasses.replace(study.split, test=study.split.test[10:][::-1])
    )
    found = changes(stored(before, {"good": [20] * 3}), stored(plan(fewer), {"good": [30] * 3}))
    assert not found.same_test and found.common_test == 30
    (m,) = found.moved
    assert m.difference.value == pytest.approx(
        1 - 10 / 30
    )  # rows 11 to 20 are right before, all 30 after
    none = dataclasses.replace(
        study,
        split=dataclasses.replace(
            study.split, test=study.split.pool[:40], pool=study.split.pool[40:]
        ),
    )
    (m,) = changes(stored(before, {"good": [20] * 3}), stored(plan(none), {"good": [20] * 3})).moved
    assert m.difference is None and m.why_not == OTHER_TEST_ROWS


def test_what_cannot_be_compared_says_why():
    codes = {ONLY_BEFORE, ONLY_AFTER, OTHER_LABELS, OTHER_METRIC, OTHER_TEST_ROWS, PARTLY_F1}
    assert codes <= words.EN.keys()
    before, after = planned([arm("good")], seeds=3), planned([arm("good")], seeds=3)
    other = dataclasses.replace(after.study.problem, labels=after.study.problem.labels[::-1])
    relabelled = plan(dataclasses.replace(after.study, problem=other))
    found = changes(stored(before, {"good": [20] * 3}), stored(relabelled, {"good": [20] * 3}))
    (m,) = found.moved
    assert m.why_not == OTHER_LABELS
    for language, said in (("en", "their labels differ"), ("ko", "라벨이 다르")):
        (line,) = words.summary(found, language)
        assert line == words.apart(found, language) and said in line
    same = changes(stored(before, {"good": [20] * 3}), stored(after, {"good": [21] * 3}))
    assert words.apart(same) == "" and len(words.summary(same)) >= 1


def test_changes_on_the_command_line(tmp_path, made, capsys):
    a = saved(tmp_path / "a", made, {"good": [30, 31, 32], "similarity": [20]}).folder
    (tmp_path / "b.zip").write_bytes(
        pack(saved(tmp_path / "b", made, {"good": [33, 31, 32], "similarity": [20]}))
    )
    assert cli.main(["changes", str(a), str(tmp_path / "b.zip"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["same_test"] and said["asked"] == [] and len(said["moved"]) == 2
    assert cli.main(["changes", str(a), str(tmp_path / "b.zip")]) == 0
    assert "No choice differs." in capsys.readouterr().out
    assert (
        cli.main(["changes", str(a), str(tmp_path / "gone")]) == 2
        and "holds no study" in capsys.readouterr().err
    )
