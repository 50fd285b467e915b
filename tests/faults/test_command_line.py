"""The command line as a person uses it: what it prints, what it leaves, and what it says when
something is wrong.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.faults.command import (
    FAST,
    command,
    environment,
    listing,
    refused,
    rows,
    sentences,
    study_of,
    tl,
    write,
)
from tl_core import cli
from tl_core.commands import list as list_command

HEAVY = (
    "torch",
    "gradio",
    "plotly",
    "sentence_transformers",
    "transformers",
    "pandas",
    "sklearn",
    "scipy",
    "pyarrow",
)
RUN_FIELDS = {
    "id",
    "arm",
    "strategy",
    "model",
    "shots",
    "seed",
    "status",
    "metrics",
    "budget",
    "seconds",
    "peak_bytes",
    "trainable_parameters",
    "error",
}
COUNT = 120


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows.csv and a finished study of it: two arms without a network, one with."""
    folder = tmp_path_factory.mktemp("place")
    write(folder / "rows.csv", rows(COUNT))
    done = tl(
        folder,
        "compare",
        "rows.csv",
        "--strategies",
        "majority,tfidf,probe",
        "--shots",
        "0,1,4,all",
        "--seeds",
        3,
        "--test-size",
        30,
        "--out",
        "study",
    )
    (folder / "said.txt").write_text(done.stdout + "\n---\n" + done.stderr, encoding="utf-8")
    return folder


# --- help and lists -------------------------------------------------------------------------------


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom tl_core import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(Path("nowhere")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == "[]"
    for word in (
        "check",
        "compare",
        "predict",
        "mask",
        "embed",
        "senses",
        "attention",
        "pretrain",
        "list",
    ):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("what", "some"),
    [
        ("strategies", "majority"),
        ("models", "minilm"),
        ("datasets", "sample:support_tickets"),
        ("tasks", "single-label"),
    ],
)
def test_lists(capsys, what, some):
    assert cli.main(["list", what]) == 0
    assert some in capsys.readouterr().out
    assert cli.main(["list", what, "--json"]) == 0
    assert some in [row["id"] for row in json.loads(capsys.readouterr().out)]


def test_strategies_are_listed_by_what_they_need_and_what_all_that_train_take_is_told_once(capsys):
    assert cli.main(["list", "strategies"]) == 0
    told = capsys.readouterr().out
    places = [
        told.index(f"\n{line}")
        for line in (
            "similarity ",
            "A few labels",
            "lora ",
            "As many labels as there are",
            "full ",
            "What every strategy that trains",
        )
    ]
    assert told.startswith("No labels needed") and places == sorted(places)
    assert (
        told.count("selection=fixed") == told.count("augmentation=none") == 1
        and told.index("selection=fixed") > places[-1]
    )
    assert cli.main(["list", "strategies", "--json"]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["lora"]["trains"] and not rows["probe"]["trains"]
    assert set(rows["lora"]) == {
        "id",
        "title",
        "about",
        "needs",
        "uses_model",
        "trains",
        "settings",
    }


def test_a_bug_is_exit_1_with_its_traceback(capsys, monkeypatch):
    def broken():
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(list_command.LISTS, "tasks", broken)
    assert cli.main(["list", "tasks"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said and "ZeroDivisionError: a bug" in said and "this is a bug" in said


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["compar"],
        ["list"],
        ["list", "strategy"],
        ["compare", "a.csv", "--keep", "some"],
        ["compare", "a.csv", "--test", "b", "--test-size", "3"],
        ["compare", "a.csv", "b.csv"],
        ["compare", "--seeds", "1", "a.csv", "--sed", "3"],
    ],
)
def test_what_cannot_be_parsed_is_exit_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2 and "usage:" in capsys.readouterr().err


# --- check ----------------------------------------------------------------------------------------


def test_check_tells_what_is_in_a_file(here, capfd):
    assert cli.main(["check", "rows.csv"]) == 0
    said = capfd.readouterr().out
    assert "guessed  text: text (its name); --text overrides it" in said
    assert f"{COUNT} rows, 3 labels, one text per row" in said
    assert "      40  delivery" in said
    assert cli.main(["check", "rows.csv", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (
        found["rows"] == COUNT
        and found["columns"]["label"] == "label"
        and found["inputs"] == "one text"
    )
    assert found["tokens"][0]["model"] == "minilm" and found["tokens"][0]["readable"]


# --- compare --------------------------------------------------------------------------------------


def test_compare_prints_a_leaderboard_and_one_live_display(place):
    out, err = (place / "said.txt").read_text(encoding="utf-8").split("\n---\n")
    assert "30 test rows, 90 to train on" in out and "Report: study/report.html" in out
    assert out.count("\n* ") >= 1 and "could be the best" in out
    for arm in ("majority", "tfidf", "probe"):
        assert sum(line[2:].startswith(arm + " ") for line in out.splitlines()) == 3
    assert (
        "guessed  text" in err
        and re.search(r"running  (\d+) of \1 runs after", err)
        and "Traceback" not in err
    )


def test_compare_leaves_its_files(place):
    names = {p.name for p in (place / "study").iterdir()}
    assert names == {
        "study.json",
        "plan.json",
        "rows.parquet",
        "predictions.parquet",
        "samples.parquet",
        "report.html",
        "runs",
        "models",
    }
    report = (place / "study" / "report.html").read_text(encoding="utf-8")
    assert "<html" in report and "probe" in report


def test_study_json_has_every_field(place):
    said = study_of(place / "study")
    assert said["schema"] == 1 and said["problem"]["target"] == "one label"
    assert said["dataset"]["rows"] == COUNT and said["dataset"]["source"] == "rows.csv"
    assert (said["split"]["n_test"], said["split"]["n_pool"]) == (30, 90) and len(
        said["split"]["test_digest"]
    ) == 32
    assert [a["id"] for a in said["arms"]] == ["majority", "tfidf", "probe"]
    for arm in said["arms"]:
        assert {
            "id",
            "strategy",
            "settings",
            "model",
            "calibration",
            "templates",
            "selection",
        } <= arm.keys() and arm["settings"]
    assert said["arms"][2]["model"]["name"] == "minilm" and said["arms"][0]["model"] is None
    assert (
        len(said["runs"]) == 21 == len({r["id"] for r in said["runs"]})
    )  # with all rows nothing is drawn: one run for each arm
    for run in said["runs"]:
        assert RUN_FIELDS <= run.keys() and run["status"] == "done" and run["error"] is None
        assert {"accuracy", "macro_f1"} <= run["metrics"].keys()
        assert all(
            0 <= m["low"] <= m["value"] <= m["high"] <= 1 and m["n"] == 30
            for m in run["metrics"].values()
        )
        assert run["budget"] == {
            "train": {1: 3, 4: 12, "all": 90}[run["shots"]],
            "selection": 0,
            "unlabelled": 0,
            "test_texts": 0,
        }
        assert (
            run["seconds"]["fit"] >= 0 and run["seconds"]["predict"] >= 0 and run["peak_bytes"] >= 0
        )
        assert isinstance(run["trainable_parameters"], int)
    assert len(said["summary"]) == 9 and said["wall_seconds"] > 0
    for line in said["summary"]:
        assert line["accuracy"].keys() >= {"mean", "low", "high", "seeds"} <= line[
            "macro_f1"
        ].keys() and line["accuracy"]["seeds"] == (1 if line["shots"] == "all" else 3)
    assert said["command"].startswith("python -m tl_core compare rows.csv")


def test_predictions_agree_with_the_metrics(place):
    said = study_of(place / "study")
    with (place / "rows.csv").open(encoding="utf-8") as file:
        gold = {i: row["label"] for i, row in enumerate(csv.DictReader(file), 1)}
    labels = [x["id"] for x in said["problem"]["labels"]]
    by_run: dict[str, list[dict]] = {}
    for line in pq.read_table(place / "study" / "predictions.parquet").to_pylist():
        by_run.setdefault(line["run"], []).append(line)
    assert by_run.keys() == {r["id"] for r in said["runs"]}
    assert len({tuple(x["row"] for x in lines) for lines in by_run.values()}) == 1
    for run in said["runs"]:
        lines = by_run[run["id"]]
        assert {x["part"] for x in lines} == {"test"} and all(
            abs(sum(x["scores"]) - 1) < 1e-5 for x in lines
        )
        right = np.mean([labels[int(np.argmax(x["scores"]))] == gold[x["row"]] for x in lines])
        assert right == pytest.approx(run["metrics"]["accuracy"]["value"])
    mean = np.mean(
        [
            r["metrics"]["accuracy"]["value"]
            for r in said["runs"]
            if (r["arm"], r["shots"]) == ("tfidf", "all")
        ]
    )
    assert next(x for x in said["summary"] if (x["arm"], x["shots"]) == ("tfidf", "all"))[
        "accuracy"
    ]["mean"] == pytest.approx(mean)


def test_training_and_test_rows_are_apart(place):
    study = pq.read_table(place / "study" / "rows.parquet").to_pylist()
    samples = {x["row"] for x in pq.read_table(place / "study" / "samples.parquet").to_pylist()}
    test = {x["row"] for x in study if x["part"] == "test"}
    assert len(study) == COUNT and len(test) == 30 and samples and not samples & test


def test_json_is_all_there_is_on_standard_output(place):
    done = tl(
        place,
        "compare",
        "rows.csv",
        *FAST,
        "--arm",
        "name=mild,strategy=tfidf,strength=0.5",
        "--shots",
        "2",
        "--seeds",
        1,
        "--out",
        "by_json",
        "--json",
    )
    assert json.loads(done.stdout) == study_of(place / "by_json")
    assert [a["id"] for a in json.loads(done.stdout)["arms"]] == ["majority", "tfidf", "mild"]
    assert json.loads(done.stdout)["arms"][2]["settings"]["strength"] == 0.5
    assert done.stderr == ""


def test_the_file_may_stand_anywhere(here, capfd):
    for arguments in (
        ["--strategies", "majority", "absent.csv"],
        ["--from", "study", "--out", "x", "absent.csv"],
        ["--seeds", "1", "absent.csv", "--shots", "1"],
    ):
        assert "There is no file absent.csv" in refused(capfd, "compare", *arguments)


# --- predict --------------------------------------------------------------------------------------


def test_predict_one_text(here, capfd):
    asked = ["predict", "study", "--text", "password reset code locked account", "--run"]
    assert cli.main([*asked, "tfidf"]) == 0
    said = capfd.readouterr().out
    assert said.startswith("login\tlogin ") and said.count("\n") == 1
    assert cli.main([*asked, "probe", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    (one,) = found["predictions"]
    assert (
        found["arm"] == "probe"
        and one["label"] == "login"
        and sum(one["scores"].values()) == pytest.approx(1, abs=1e-5)
    )


def test_predict_gives_what_the_study_gave(here, capfd):
    table = {x["row"]: x for x in pq.read_table("study/rows.parquet").to_pylist()}
    run = json.loads((here / "study" / "study.json").read_text())["runs"]
    run = next(r["id"] for r in run if (r["arm"], r["shots"], r["seed"]) == ("tfidf", "all", 0))
    kept = [x for x in pq.read_table("study/predictions.parquet").to_pylist() if x["run"] == run]
    write(here / "again.csv", [(table[x["row"]]["text"].decode(), "") for x in kept])
    capfd.readouterr()
    assert (
        cli.main(["predict", "study", "--run", run, "again.csv", "--column", "text", "--json"]) == 0
    )
    found = json.loads(capfd.readouterr().out)
    labels = [x["id"] for x in study_of(here / "study")["problem"]["labels"]]
    again = np.array([[p["scores"][x] for x in labels] for p in found["predictions"]])
    np.testing.assert_allclose(again, [x["scores"] for x in kept], atol=1e-6)


def test_predict_writes_a_table_that_no_spreadsheet_runs(here):
    (here / "new.csv").write_text(
        'text\n=1+1\n@refund my card\n"<b>parcel</b>, late"\n', encoding="utf-8"
    )
    assert cli.main(["predict", "study", "--run", "tfidf", "new.csv", "--out", "labelled.csv"]) == 0
    made = list(
        csv.DictReader(io.StringIO((here / "labelled.csv").read_text(encoding="utf-8-sig")))
    )
    assert [x["text"] for x in made] == ["'=1+1", "'@refund my card", "<b>parcel</b>, late"]
    assert {"row", "text", "label", "refund", "login", "delivery"} == made[0].keys()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["predict", "nowhere", "--text", "x"], "nowhere holds no study"),
        (["predict", "rows.csv", "--text", "x"], "rows.csv holds no study"),
        (["predict", "study"], "Give either --text or a FILE of texts."),
        (["predict", "study", "rows.csv", "--text", "x"], "Give either --text or a FILE of texts."),
        (["predict", "study", "missing.csv"], "There is no file missing.csv"),
        (["predict", "study", "rows.csv", "--column", "txt"], "rows.csv has no column 'txt'"),
        (["predict", "study", "--text", "x", "--run", "tfdf"], "Did you mean tfidf?"),
    ],
)
def test_predict_refuses(here, capfd, arguments, part):
    assert part in refused(capfd, *arguments)


def test_a_run_that_was_not_kept_says_which_were(here, capfd):
    run = next(r["id"] for r in study_of(here / "study")["runs"] if r["shots"] == 1)
    assert f"{run} has no checkpoint. Checkpoints exist for: " in refused(
        capfd, "predict", "study", "--text", "x", "--run", run
    )


def test_a_full_disk_under_predict(here, capfd):
    if not os.path.exists("/dev/full"):
        pytest.skip("There is no /dev/full here.")
    assert "The disk is full" in refused(
        capfd, "predict", "study", "--run", "majority", "--text", "x", "--out", "/dev/full"
    )
    assert "could not be written" in refused(
        capfd,
        "predict",
        "study",
        "--run",
        "majority",
        "--text",
        "x",
        "--out",
        "no/such/folder/a.csv",
    )


# --- bad files ------------------------------------------------------------------------------------

GOOD = "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows(30))
FILES = {
    "missing.csv": (None, "There is no file missing.csv"),
    "empty.csv": ("", "is empty"),
    "header.csv": ("text,label\n", "no rows"),
    "one_column.csv": ("text\nx\ny\n", "has one column"),
    "one_class.csv": ("text,label\nx,a\ny,a\n", "only the label 'a'"),
    "single.csv": (GOOD + "odd one,other\n", "labels with a single row: 'other' (row 31)"),
    "binary.csv": (bytes(range(256)) * 40, "is not text"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
    "broken.jsonl": ('{"text": "x", "label": "a"}\n{"text": "y", "label": }\n', "line 2"),
    "ragged.csv": (GOOD + "a,b,c\n", "line 32 has 3"),
    "cell.csv": (
        GOOD + "y" * 10_000_000 + ",login\n",
        "line 32: one cell has more than 1,000,000 characters",
    ),
    "nul.csv": (b"text,label\nx,a\ny\0,b\n", "NUL bytes"),
    "nan.jsonl": (
        '{"text": "x", "label": NaN}\n{"text": "y", "label": NaN}\n',
        "has no label in any of the 2 rows",
    ),
    "twice.csv": ("text,label,text\nx,a,b\n", "more than one column called 'text'"),
    "classes.csv": (
        "text,label\n" + "".join(f"text {i},{i}\n" for i in range(5000)),
        "5,000 different values",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_files_get_a_sentence_and_earlier_results_stay(here, capfd, name):
    content, part = FILES[name]
    if content is not None:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = listing(here / "study")
    assert part in refused(capfd, "check", name)
    assert part in refused(capfd, "compare", name, "--strategies", "majority", "--out", "study")
    assert listing(here / "study") == before


def test_bad_files_end_a_process_with_exit_2(place):
    done = tl(place, "compare", "nothing.csv", "--json", code=2)
    assert done.stdout == "" and sentences(done.stderr) == [
        "There is no file nothing.csv." + done.stderr.split("nothing.csv.", 1)[1].rstrip("\n")
    ]


# --- bad requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (
            ["--strategies", "majority,tfidff"],
            "There is no strategy called 'tfidff'. Did you mean tfidf",
        ),
        (["--strategies", ","], "Choose at least one strategy"),
        (
            ["--strategies", "probe", "--model", "minilmm"],
            "Did you mean minilm or minilm-masked or minilm-korean?",
        ),
        (["--strategies", "probe", "--model", "rows.csv"], "is a file"),
        (["--strategies", "probe", "--model", "."], "config.json"),
        (
            ["--strategies", "probe", "--model", "nobody/nothing"],
            "is not on this machine and the hub could not be reached",
        ),
        (["--arm", "strategy=tfidf,strenght=2"], "Did you mean strength?"),
        (["--arm", "strategy=tfidf,strength=-2"], "strength=-2 must be"),
        (["--arm", "strategy=tfidf,strength=high"], "must be a number"),
        (["--arm", "name=x"], "say which strategy"),
        (["--arm", "tfidf"], "is not of the form name=value"),
        (
            ["--arm", "strategy=tfidf", "--arm", "strategy=tfidf,strength=2"],
            "Two arms are called 'tfidf'",
        ),
        (["--strategies", "tfidf", "--arm", "strategy=tfidf"], "Two arms are called 'tfidf'"),
        (["--arm", "strategy=majority,model=minilm"], "majority uses no model"),
        (
            ["--strategies", "majority", "--shots", "1,31"],
            "are all there are in the training part. Choose at most 30 shots",
        ),
        (["--strategies", "majority", "--shots", "two"], "--shots two: shots must be"),
        (["--strategies", "majority", "--shots=-1"], "--shots -1: shots must be"),
        (["--strategies", "majority", "--shots", ","], "Shots must be"),
        (["--strategies", "majority", "--shots", "0"], "choose 1 or more shots"),
        (["--strategies", "majority", "--seeds", "0"], "Seeds must be from 1 to 100"),
        (["--strategies", "majority", "--seeds", "101"], "Seeds must be from 1 to 100"),
        (["--strategies", "majority", "--text", "txt"], "Did you mean text?"),
        (["--strategies", "majority", "--labels", "missing.json"], "There is no file missing.json"),
        (["--strategies", "majority", "--test", "missing.csv"], "There is no file missing.csv"),
    ],
)
def test_bad_requests(here, capfd, arguments, part):
    before = listing(here / "study")
    assert part in refused(capfd, "compare", "rows.csv", *arguments, "--out", "study")
    assert listing(here / "study") == before


@pytest.mark.parametrize("size", [0, 119, 1000])
def test_bad_test_sizes(here, capfd, size):
    assert "Choose from 1 to 117" in refused(
        capfd,
        "compare",
        "rows.csv",
        "--strategies",
        "majority",
        "--test-size",
        size,
        "--out",
        "sizes",
    )
    assert not Path("sizes").exists()


def test_faults_of_file_and_arms_are_told_together(here, capfd):
    said = refused(
        capfd,
        "compare",
        "rows.csv",
        "--label",
        "lable",
        "--text",
        "txet",
        "--strategies",
        "majorty",
        "--arm",
        "strategy=lora,rnk=2",
        "--arm",
        "strategy=tfidf,strength=-1",
    )
    assert len(said.splitlines()) == 5
    for part in ("'lable'", "'txet'", "'majorty'", "'rnk'", "strength=-1"):
        assert part in said
    said = refused(
        capfd, "compare", "rows.csv", "--shots", "x,1,y", "--arm", "tfidf", "--arm", "name=a"
    )
    for part in ("--shots x", "--shots y", "'tfidf' is not of the form", "--arm name=a"):
        assert part in said


def test_a_test_file_with_unknown_labels(here, capfd):
    write(
        Path("other_labels.csv"),
        [*rows(6, start=500), ("something else", "complaint"), ("and another", "complaint")],
    )
    said = refused(
        capfd,
        "compare",
        "rows.csv",
        "--strategies",
        "majority",
        "--test",
        "other_labels.csv",
        "--out",
        "others",
    )
    assert "a label that the training file lacks: 'complaint'" in said


def test_bare_numbers_refuse_what_reads_names_and_nothing_else(here, capfd):
    numbers = {"refund": "0", "login": "1", "delivery": "2"}
    write(Path("numbers.csv"), [(text, numbers[label]) for text, label in rows(90)])
    options = (
        "compare",
        "numbers.csv",
        "--shots",
        "0,2",
        "--seeds",
        "1",
        "--test-size",
        "30",
        "--out",
        "numbered",
    )
    assert "bare numbers, which say nothing" in refused(
        capfd, *options, "--strategies", "similarity"
    )
    assert cli.main([*options, "--strategies", "majority,similarity"]) == 0
    out, _ = capfd.readouterr()
    assert "refused: similarity at 0: similarity reads the names of labels" in out
    runs = study_of(here / "numbered")["runs"]
    assert [(r["arm"], r["status"]) for r in runs] == [
        ("majority", "done"),
        ("similarity", "refused"),
    ]
    assert "bare numbers" in runs[1]["error"]


def test_a_device_that_is_not_there(here, capfd):
    import torch

    if torch.cuda.is_available():
        pytest.skip("This machine has a GPU.")
    assert "The device 'cuda' is not on this machine. There are: cpu" in refused(
        capfd, "compare", "rows.csv", *FAST, "--device", "cuda", "--out", "on_a_gpu"
    )
    assert "The device 'abacus'" in refused(
        capfd, "compare", "rows.csv", *FAST, "--device", "abacus", "--out", "on_a_gpu"
    )


def test_no_file_is_told(here, capfd):
    assert "Say which FILE" in refused(capfd, "compare", "--strategies", "majority")


# --- texts that could do harm ---------------------------------------------------------------------

NASTY = (
    "<img src=x onerror=alert(1)> & <b>bold</b>",
    '=HYPERLINK("http://evil")',
    "\x1b[31mred\x1b[0m\x07 alarm",
    "crab \U0001f980\U0001f980 party",
    "half \ud83d of a pair",
    "\u202eright to left\u202c mark",
    "{{7*7}} ${x} %s {0}",
    "tab\tand\nline",
    "</script><script>alert(2)</script>",
)


def test_nasty_texts_survive_compare_and_predict(place, here, capfd):
    lines = [
        json.dumps(
            {
                "text": f"{NASTY[i % len(NASTY)]} {text}",
                "label": {"refund": "a\ud83d", "login": "<i>b", "delivery": "=c"}[label],
            }
        )
        for i, (text, label) in enumerate(rows(90))
    ]
    (place / "nasty.jsonl").write_text("\n".join(lines), encoding="ascii")
    done = tl(
        place,
        "compare",
        "nasty.jsonl",
        "--strategies",
        "majority,tfidf,similarity,probe",
        "--shots",
        "0,2",
        "--seeds",
        1,
        "--test-size",
        30,
        "--out",
        "nasty",
    )
    assert {r["status"] for r in study_of(place / "nasty")["runs"]} == {"done"}
    assert "\x1b[31m" not in done.stdout
    report = (place / "nasty" / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in report and "<script>alert(2)" not in report
    (place / "nasty_texts.jsonl").write_text(
        "\n".join(json.dumps({"text": t}) for t in NASTY), encoding="ascii"
    )
    capfd.readouterr()
    assert cli.main(["predict", "nasty", "nasty_texts.jsonl", "--run", "probe"]) == 0
    said = capfd.readouterr().out
    assert said.count("\n") == len(NASTY) and "\x1b" not in said and "\x07" not in said
    found = json.loads(
        tl(
            place,
            "predict",
            "nasty",
            "--run",
            "tfidf",
            "--text",
            b"not UTF-8: \xff\xfe".decode("utf-8", "surrogateescape"),
            "--json",
        ).stdout
    )
    assert set(found["predictions"][0]["scores"]) == {"a\N{REPLACEMENT CHARACTER}", "<i>b", "=c"}


def test_differences_of_two_arms(here, capsys):
    assert cli.main(["differences", "study", "--suspicious", "doubts.csv"]) == 0
    told = capsys.readouterr()
    assert (
        "alone is correct on" in told.out
        and "Which arms are correct on which rows:" in told.out
        and "rows written to doubts.csv" in told.err
    )
    assert (here / "doubts.csv").read_text(encoding="utf-8-sig").startswith("row,text,label,")
    assert cli.main(["differences", "study", "--a", "tfidf@4", "--b", "tfidf", "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=lambda x: 1 / 0)
    assert (found["pair"]["a"], found["pair"]["b"]) == (
        {"arm": "tfidf", "shots": 4},
        {"arm": "tfidf", "shots": "all"},
    )
    assert (
        sum(len(rows) for rows in found["pair"]["rows"].values())
        == sum(x["count"] for x in found["right_sets"])
        == 30
    )


def test_topics_stay_with_the_study(here, capfd):
    assert cli.main(["differences", "study", "--topics"]) == 0
    record = json.loads((here / "study" / "topics.json").read_text(encoding="utf-8"))
    assert len(record["of"]) == 30 and set(record["of"]) == set(range(len(record["words"])))
    assert cli.main(["archive", "study", "--out", "with-topics.zip"]) == 0
    assert "topics.json" in zipfile.ZipFile(here / "with-topics.zip").namelist()


def test_differences_that_cannot_be_told(here, capfd):
    err = refused(capfd, "differences", "study", "--a", "tfdif", "--b", "lora")
    assert len(err.splitlines()) == 2 and "Did you mean tfidf" in err
    assert "are the same entry" in refused(
        capfd, "differences", "study", "--a", "tfidf", "--b", "tfidf@all"
    )
    assert "holds no study" in refused(capfd, "differences", "nothing")


def test_texts_to_label_next(here, capfd):
    new = [(text, "") for text, _ in rows(40, start=COUNT)]
    write(here / "more.csv", [("=1+1 refund the parcel please", ""), *new, *rows(20)])
    assert (
        cli.main(
            [
                "next",
                "study",
                "--from",
                "more.csv",
                "--column",
                "text",
                "--run",
                "tfidf",
                "--rows",
                "41",
                "--out",
                "next.csv",
                "--json",
            ]
        )
        == 0
    )
    told = capfd.readouterr()
    found = json.loads(told.out)
    assert (
        found["of"] == 41
        and found["left_out"] == {"known": 20, "repeated": 0, "empty": 0}
        and "20 in the study already" in told.err
    )
    with (here / "next.csv").open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.DictReader(file))
    assert [int(x["row"]) for x in written] == [x["row"] for x in found["rows"]] and {
        x["label"] for x in written
    } == {""}
    assert "'=1+1 refund the parcel please" in {x["text"] for x in written}


def test_how_arms_hold_up_when_texts_change(here, capfd):
    shutil.copytree(here / "study", here / "changed")
    assert cli.main(["robustness", "changed", "--changes", "upper,negation", "--json"]) == 0
    told = capfd.readouterr()
    found = json.loads(told.out, parse_constant=lambda x: 1 / 0)
    assert {(x["arm"], x["change"]) for x in found["effects"]} == {
        (a, c) for a in ("tfidf", "probe") for c in ("upper", "negation")
    }
    (upper,) = (x for x in found["effects"] if (x["arm"], x["change"]) == ("tfidf", "upper"))
    assert (
        upper["rows"] == 30
        and upper["before"] == upper["after"]
        and upper["difference"]["value"] == upper["flips"]["value"] == 0
    ), "tfidf lowercases"

    def parts() -> dict:
        return {
            name: told
            for name, told in listing(here / "changed").items()
            if name.endswith(".npy") and "robustness" in name
        }

    before = parts()
    assert (
        cli.main(
            ["robustness", "changed", "--changes", "upper", "--arm", "tfidf", "--arm", "majority"]
        )
        == 0
    )
    told = capfd.readouterr().out
    assert (
        "upper: 30 of 30 test rows are changed" in told
        and "majority (" in told
        and "probe (" not in told
    )
    after = parts()
    assert before.items() <= after.items() and len(after) == len(before) + 1, (
        "what was asked is not asked again"
    )

    assert (
        cli.main(["archive", "changed"]) == 0
        and cli.main(["report", "changed.zip", "--out", "changed.html"]) == 0
    )
    shutil.rmtree(here / "changed")
    assert "plot-robust" in (here / "changed.html").read_text(encoding="utf-8")
    capfd.readouterr()
    assert cli.main(["robustness", "changed.zip", "--changes", "upper", "--json"]) == 0
    assert upper in json.loads(capfd.readouterr().out)["effects"]
    assert "No predictions for texts changed this way" in refused(
        capfd, "robustness", "changed.zip", "--changes", "typos"
    )


def test_changes_that_cannot_be_asked_about(here, capfd):
    err = refused(capfd, "robustness", "study", "--changes", "typo,upper", "--arm", "tfdif")
    assert (
        len(err.splitlines()) == 2 and "Did you mean typos" in err and "Did you mean tfidf" in err
    )
    assert "holds no study" in refused(capfd, "robustness", "nothing")


def test_when_there_is_nothing_to_choose_from(here, capfd):
    write(here / "known.csv", rows(5))
    assert "All 120 rows of this study have a label" in refused(capfd, "next", "study")
    assert "5 are in the study already" in refused(
        capfd, "next", "study", "--from", "known.csv", "--column", "text"
    )
    assert "--rows is 0" in refused(capfd, "next", "study", "--rows", "0")


def test_a_reader_that_has_enough_is_no_bug(place):
    run = subprocess.Popen(
        command("list", "strategies"),
        cwd=place,
        env=environment(place / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    run.stdout.close()
    assert b"Traceback" not in run.stderr.read()
    run.wait()
    run.stderr.close()


def test_the_earlier_study_was_left_alone_by_all_of_this(place):
    shutil.copytree(place / "study", place / "copy")
    assert (
        len(study_of(place / "copy")["runs"])
        == 21
        == len(list((place / "copy" / "runs").glob("*.json")))
    )
