"""Where two arms differ, on the page: what is picked anywhere shows its rows, and texts to label
next come back as a file.
"""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

from tests.numbers.test_differences import made, says, studied, texts
from tests.page.looking import press_point
from tests.page.visiting import expect, open_section, to_tab
from tl_core.analysis.differences.slices import slices_of
from tl_ui.results._picked import NOTHING, Two, picked_rows, picked_text, rows_table
from tl_ui.results._picks_html import doubts_html, parts_html, sets_html, slices_html


@pytest.fixture(scope="module")
def two() -> Two:
    test = texts()
    gold = np.array(["abc".index(e.labels[0]) for e in test])
    rng = np.random.default_rng(1)
    weak = np.array(["refund" in e.text for e in test])

    def draw(good):
        return says(
            np.stack([np.where(rng.random(240) < good, gold, (gold + 1) % 3) for _ in range(3)])
        )

    s = studied(
        made(test, ["<b>a</b>", "b", "c"]),
        {"<b>a</b>": draw(np.where(weak, 0.2, 0.95)), "b": draw(0.9), "c": draw(0.7)},
    )
    return Two(s, slices_of(s.plan.study.problem, test), s.find("<b>a</b>"), s.find("b"))


# --- without a browser ----------------------------------------------------------------------------


def test_every_pick_has_its_rows_and_says_which(two):
    refund = next(i for i, s in enumerate(two.slices) if s.value == "refund")
    for pick, count in {
        ("part", (1,)): two.disagreement.count("only_a"),
        ("slice", (refund,)): 80,
        ("set", (0,)): len(two.sets[0].rows),
    }.items():
        at = picked_rows(two, pick)
        assert len(at) == len(set(at)) == count and picked_text(two, pick, "ko")
        assert len(rows_table(two, pick, at, "en")["data"]) == count
    assert "80 rows that contain “refund”" in picked_text(two, ("slice", (refund,)), "en")
    assert all(not two.a.right[i] for i in picked_rows(two, ("sure", (0,))))
    assert len(picked_rows(two, NOTHING)) == (two.a.answer != two.b.answer).sum()
    given = picked_rows(two, ("square", (0, 1)))
    assert set(given) == set(
        np.flatnonzero((two.studied.gold == 0) & ((two.a.answer == 1) | (two.b.answer == 1)))
    )


@pytest.mark.parametrize(
    "pick",
    [
        ("part", (9,)),
        ("part", ()),
        ("sure", (2,)),
        ("slice", (10**6,)),
        ("square", (0,)),
        ("square", (0, 3)),
        ("rm -rf", (0,)),
        ("set", (0, 0)),
    ],
)
def test_what_is_not_there_cannot_be_picked(two, pick):
    assert picked_rows(two, pick) is None


def test_names_are_no_markup_and_what_is_picked_stays_pressed(two):
    for draw in (parts_html, sets_html, slices_html, doubts_html):
        shown = draw(two, ("part", (1,)), "en")
        assert "<b>a</b>" not in shown
        assert shown.count("aria-pressed='true'") == (draw is parts_html)
    assert "●" in slices_html(two, NOTHING, "en")


# --- in the browser -------------------------------------------------------------------------------


@pytest.mark.browser
def test_one_pick_fills_one_table_and_next_texts_come_back(visit, finished, tmp_path):
    page = visit(f"/?study={finished}")
    to_tab(page, "results")
    open_section(page, "differences")
    expect(page.locator("#differ-told")).to_contain_text("test rows")
    expect(page.locator("#differ-chosen")).to_contain_text("predict differently")

    page.locator("#differ-parts button").first.click()
    expect(page.locator("#differ-chosen")).to_contain_text("Both are correct")
    expect(page.locator("#differ-rows tbody")).to_contain_text("✓")
    assert page.locator("#section-differences [aria-pressed=true]").count() == 1

    page.locator("#differ-slices button").first.click()
    expect(page.locator("#differ-chosen")).to_contain_text("of the others")
    expect(page.locator("#differ-parts [aria-pressed=true]")).to_have_count(0)
    expect(page.locator("#differ-slices [aria-pressed=true]")).to_have_count(1)

    expect(page.locator("#differ-slices")).not_to_contain_text("of the topic")
    page.locator("#differ-topics").click()
    expect(page.locator("#differ-slices")).to_contain_text("of the topic")
    expect(page.locator("#differ-topics")).to_be_hidden()

    told = re.compile("Given “.+”, predicted “")
    corner = {"x": 8, "y": 8}
    press_point(
        page.locator("#differ-matrix .nsewdrag").first,
        lambda ms: expect(page.locator("#differ-chosen")).to_contain_text(told, timeout=ms),
        position=corner,
    )
    page.locator("#differ-clear").click()
    expect(page.locator("#differ-chosen")).to_contain_text("predict differently")

    path = tmp_path / "new.csv"
    path.write_text(
        "text\n"
        + "".join(
            f"=a new question about {word} number {i}\n"
            for i in range(8)
            for word in ("parcels", "passwords", "bills")
        ),
        encoding="utf-8",
    )
    open_section(page, "next")
    page.locator("#next-file input[type=file]").set_input_files(path)
    page.locator("#next-count input").fill("5")
    column = page.locator("#next-column input, #next-column textarea")
    column.fill("nowhere")
    page.locator("#next-ask").click()
    expect(page.locator("#section-next .tl-notices").first).to_contain_text(
        "“Column of the texts”"
    )  # as it is called there
    expect(page.locator("#next-stop")).not_to_be_visible()
    column.fill("")
    page.locator("#next-ask").click()
    expect(page.locator("#next-out")).to_contain_text("5 of 24 texts chosen by")
    with page.expect_download() as got:
        page.locator("#next-down").click()
    with open(got.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 and all(
        r["label"] == "" and r["text"].startswith("'=a new") for r in rows
    )


@pytest.mark.browser
def test_how_arms_hold_up_is_asked_once_and_stays_with_the_study(visit, finished):
    page = visit(f"/?study={finished}")
    to_tab(page, "results")
    open_section(page, "robust")
    for change in ("lower case", "no punctuation", "negation"):
        page.locator("#robust-changes").get_by_label(change).uncheck()
    page.locator("#robust-ask").click()
    expect(page.locator("#robust-told")).to_contain_text(
        "Test rows that are changed, of 200: typos 200, upper case 200", timeout=180_000
    )
    expect(page.locator("#robust-table tbody tr").first).to_contain_text("typos")
    expect(page.locator("#robust-picture .plotly .legendtext").first).to_contain_text("typos")
    expect(page.locator("#robust-rows")).to_contain_text("→")
    with page.expect_download() as got:
        page.locator("#robust-down").click()
    with open(got.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {x["change"] for x in rows} == {"typos", "upper"} and all(
        float(x["difference low"]) <= float(x["difference"]) for x in rows
    )
    assert all(
        float(x["flips"]) == 0 for x in rows if (x["arm"], x["change"]) == ("tfidf", "upper")
    ), "it lowercases"

    again = visit(f"/?study={finished}", width=390, locale="ko-KR")
    to_tab(again, "results")
    open_section(again, "robust")
    expect(again.locator("#robust-table")).to_contain_text("오타")
    assert again.evaluate("document.documentElement.scrollWidth") <= 390
