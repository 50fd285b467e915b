"""report, power and break-even on a stored study: what they print, what they leave, and their
faults in sentences.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.faults.command import listing, refused, rows, study_of, tl, write
from tl_core import cli

ARMS = ("--strategies", "majority,tfidf", "--shots", "1,4,16", "--seeds", 3, "--test-size", 60)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study of two arms without a network."""
    folder = tmp_path_factory.mktemp("decided")
    write(folder / "rows.csv", rows(240))
    tl(folder, "compare", "rows.csv", *ARMS, "--out", "study")
    return folder


def said(capfd, *arguments: object) -> str:
    capfd.readouterr()
    assert cli.main(list(map(str, arguments))) == 0
    return capfd.readouterr().out


def strict(text: str) -> dict:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


# --- what they say --------------------------------------------------------------------------------


def test_the_decision_is_in_the_record_and_on_standard_output(here, capfd):
    stored = study_of(here / "study")["decision"]
    assert strict(said(capfd, "report", "study", "--json")) == stored
    assert stored["advice"]["choice"] == "tfidf" and stored["unfinished"] == 0
    assert {c["arm"] for c in stored["costs"]} == {"majority", "tfidf"} and stored[
        "break_even"
    ] == []  # nothing here needs no labels


def test_report_says_the_advice_and_writes_a_page_in_either_language(here, capfd, tmp_path):
    told = said(capfd, "report", "study", "--out", tmp_path / "r.html", "--language", "ko")
    assert "tfidf" in told and f"보고서: {tmp_path / 'r.html'}" in told
    sentences = told.split("보고서")[0].split("\n- ")[0]
    assert re.search("[가-힣]", sentences) and not re.search(
        r"\b(Use|ahead|labels|rows)\b", sentences
    )
    assert "lang='ko'" in (tmp_path / "r.html").read_text(encoding="utf-8")
    before = (here / "study" / "report.html").stat().st_mtime_ns
    assert (
        "Report: study" in said(capfd, "report", "study")
        and (here / "study" / "report.html").stat().st_mtime_ns > before
    )


def test_prices_are_in_the_costs(here, capfd, tmp_path):
    prices = ("--label-price", 0.5, "--hour-price", 2, "--texts", 1000)
    told = strict(said(capfd, "report", "study", *prices, "--out", tmp_path / "r.html", "--json"))
    assert told["prices"] == {"label": 0.5, "hour": 2.0, "texts": 1000.0, "tokens": None}
    assert all(c["total"] >= 0.5 * c["labels"] for c in told["costs"])


def test_break_even_of_two_arms(here, capfd):
    told = strict(said(capfd, "break-even", "study", "--a", "majority", "--b", "tfidf", "--json"))
    assert (told["learner"], told["other"], told["labels"]) == ("tfidf", "majority", [3, 12, 48])
    assert (
        told["said"] == "at the latest"
        and told["low"] == {"count": 3.0, "censored": "at most"}
        and 3 < told["high"]["count"] <= told["sure_from"]
    )
    assert re.match(
        r"tfidf overtakes majority at \d+ labelled texts at the latest \(95% limit\);"
        r" the best estimate is"
        r" \d+ or fewer",
        said(capfd, "break-even", "study", "--a", "majority", "--b", "tfidf"),
    )


def test_power_before_anything_is_run(capsys):
    assert cli.main(["power", "--rows", "500", "--seeds", "3", "--classes", "4", "--json"]) == 0
    told = strict(capsys.readouterr().out)
    assert (told["rows"], told["seeds"], told["rows_per_class"]) == (500, 3, 125)
    found = [line["difference"] for line in told["methods"]]
    assert (
        found == sorted(found)
        and found[0] > 0.03
        and list(told["more_rows"]) == ["1000", "2000", "5000"]
    )
    assert cli.main(["power", "--rows", "500", "--seeds", "1"]) == 0
    told = capsys.readouterr().out
    assert (
        "no difference of two strategies, whatever its size: one seed does not show how much they"
        " vary"
        in told
        and "none" not in told
    )
    assert cli.main(["power", "--rows", "10", "--seeds", "2"]) == 0
    assert "none" not in capsys.readouterr().out


# --- what they cannot do --------------------------------------------------------------------------

BOTH = pytest.mark.parametrize(
    "ask",
    [("report",), ("break-even", "--a", "majority", "--b", "tfidf")],
    ids=["report", "break-even"],
)


def asked(ask: tuple[str, ...], folder: object) -> tuple[object, ...]:
    return (ask[0], folder, *ask[1:])


@BOTH
def test_a_folder_without_a_study(here, capfd, ask, tmp_path):
    assert "holds no study. Give the folder that compare wrote with --out." in refused(
        capfd, *asked(ask, tmp_path / "nowhere")
    )


@BOTH
@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("plan.json", b"{", "is damaged"),
        ("plan.json", b"[]", "is damaged"),
        ("rows.parquet", b"PAR1", "cannot be read"),
    ],
)
def test_a_damaged_study(copy, capfd, ask, name, content, part):
    (copy / name).write_bytes(content)
    before = listing(copy)
    assert part in refused(capfd, *asked(ask, copy))
    assert listing(copy) == before


@BOTH
@pytest.mark.parametrize("name", ["plan.json", "study.json"])
def test_a_study_of_a_newer_program(copy, capfd, ask, name):
    (copy / name).write_text(
        json.dumps({**json.loads((copy / name).read_text(encoding="utf-8")), "schema": 99}),
        encoding="utf-8",
    )
    assert "was written by a newer version of this program. Update, then open it again." in refused(
        capfd, *asked(ask, copy)
    )


def test_a_study_without_its_record_is_still_reported(copy, capfd):
    (copy / "study.json").unlink()
    capfd.readouterr()
    assert cli.main(["report", str(copy)]) == 0
    out, err = capfd.readouterr()
    assert "tfidf" in out and "the report is without the command and the notes on the file" in err


def test_a_study_of_which_nothing_has_finished(copy, capfd):
    shutil.rmtree(copy / "runs")
    (copy / "runs").mkdir()
    assert "No run of the study in" in refused(
        capfd, "break-even", copy, "--a", "majority", "--b", "tfidf"
    )
    assert "[cannot tell] Nothing has finished yet, so there is no verdict." in said(
        capfd, "report", copy
    )


@pytest.mark.parametrize(
    ("a", "b", "part"),
    [
        ("majority", "tfidff", "There is no arm with finished runs called 'tfidff'"),
        ("x", "y", "called 'x'"),
        ("tfidf", "tfidf", "tfidf was named twice. Name two arms."),
    ],
)
def test_arms_that_are_not_there(here, capfd, a, b, part):
    assert part in refused(capfd, "break-even", "study", "--a", a, "--b", b)


@pytest.mark.parametrize(
    ("prices", "part"),
    [
        (("--label-price", "0"), "The price of a label is 0; it must be a number above 0."),
        (("--label-price", "nan"), "The price of a label is nan"),
        (("--hour-price", "2"), "Without the price of a label"),
        (("--label-price", "1", "--texts", "10"), "give the price of an hour as well"),
    ],
)
def test_prices_that_are_none(here, capfd, prices, part):
    before = listing(here / "study")
    assert part in refused(capfd, "report", "study", *prices)
    assert listing(here / "study") == before


def test_a_report_that_cannot_be_written(here, capfd, tmp_path):
    (tmp_path / "taken").write_text("a file")
    assert "in the way" in refused(capfd, "report", "study", "--out", tmp_path / "taken" / "r.html")


def test_all_faults_of_power_are_told_at_once(capfd):
    told = refused(capfd, "power", "--rows", 1, "--seeds", 0, "--classes", 1)
    assert told.count("it must be") == 3 and "--rows is 1; it must be 2 or more." in told
