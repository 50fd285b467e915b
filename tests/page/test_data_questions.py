"""What the Data tab asks about a file, answered by one press each."""

from __future__ import annotations

import json
import re

import pytest

from tests.page.visiting import EVIL, expect, to_tab, upload

pytestmark = pytest.mark.browser


def spelled_in_two_ways(folder):
    """12 rows of a label in two spellings and 6 of each other one; authors wrote three rows
    each.
    """
    labels = ["Billing", "billing", "login", "signing in"] * 6
    rows = [f"text,label,{EVIL.replace(',', '')} author"] + [
        f"about {label} and thing {7 * i} {i},{label},writer {i // 3}"
        for i, label in enumerate(labels)
    ]
    path = folder / "spelled.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def several(folder):
    path = folder / "several.jsonl"
    path.write_text(
        "\n".join(
            json.dumps(
                {"text": f"text {i} {7 * i}", "label": [["joy"], ["fear", "joy"], ["fear"]][i % 3]}
            )
            for i in range(60)
        )
    )
    return path


def test_what_the_data_leave_open_is_asked_and_answered_by_one_press(visit, tmp_path):
    page = visit()
    to_tab(page, "data")
    page.locator("#upload input[type=file]").set_input_files(spelled_in_two_ways(tmp_path))
    expect(page.locator("#data-summary")).to_contain_text("4 labels")
    expect(page.locator("#findings")).to_contain_text("“Billing” (6) and “billing” (6)")
    shots = re.search(r"At most (\d+) shots", page.locator("#findings").text_content())[1]
    to_tab(page, "compare")
    expect(page.locator("#shots")).to_contain_text(f"The rarest label has {shots} rows to train on")
    expect(page.locator("#advice")).to_contain_text("runs, about")
    # fewer rows than the numbers of labels that were ticked
    assert page.locator("[data-testid='toast-body']").all_text_contents() == []

    to_tab(page, "data")
    expect(page.locator("#take-multi-label")).not_to_be_visible()
    upload(
        page,
        "labels.csv",
        b"id,name\nBilling,Money\nbilling,Small money\nlogin,Getting in\nsigning in,Getting in\n",
    )
    expect(page.locator("#data-notice")).to_contain_text(
        "'login' and 'signing in' are both called “Getting in”"
    )
    expect(page.locator("#data-summary")).to_contain_text("4 labels")
    page.locator("#take-merge-labels").click()
    expect(page.locator("#data-summary")).to_contain_text("2 labels")
    expect(page.locator("#data-summary")).to_contain_text("Getting in")
    expect(page.locator("#take-merge-labels")).not_to_be_visible()

    expect(page.locator("#findings")).to_contain_text("as the group")
    page.locator("#take-group").click()
    expect(page.locator("#take-group")).not_to_be_visible()
    expect(page.locator("#data-summary")).to_contain_text("2 labels")

    page.locator(
        "#sample input"
    ).first.check()  # takes the file away, so that another can be brought
    expect(page.locator("#take-multi-label")).not_to_be_visible()
    page.locator("#upload input[type=file]").set_input_files(several(tmp_path))
    expect(page.locator("#data-notice")).to_contain_text(
        "say so with “A text may have several labels”"
    )
    page.locator("#take-multi-label").click()
    expect(page.locator("#data-summary")).to_contain_text("any number of labels each")
    assert page.title() != "run"


def test_ratings_are_read_as_such_by_one_press(visit, tmp_path):
    path = tmp_path / "ratings.jsonl"
    rows = [{"text": f"thing {i} {7 * i}", "rating": 1 + i % 5} for i in range(80)]
    path.write_text("\n".join(map(json.dumps, rows)))
    page = visit()
    to_tab(page, "data")
    page.locator("#upload input[type=file]").set_input_files(path)
    expect(page.locator("#data-summary")).to_contain_text("one label each")
    expect(page.locator("#findings")).to_contain_text("say so with “What the labels are”")
    page.locator("#take-task").click()
    expect(page.locator("#data-summary")).to_contain_text("one rating each")
    expect(page.locator("#take-task")).not_to_be_visible()


def test_what_is_written_into_the_label_table_counts_at_once(visit):
    page = visit()
    to_tab(page, "data")
    _write(page, "cell-0-1", "Money matters")
    expect(page.locator("#data-summary")).to_contain_text("Money matters")
    _write(page, "cell-1-1", "Money matters")
    expect(page.locator("#data-notice")).to_contain_text("are both called “Money matters”")


def _write(page, cell: str, text: str) -> None:
    """Write into a cell of the label table, once it is open for writing."""
    page.locator(f"#labels [data-testid='{cell}']").dblclick()
    page.locator("#labels textarea:focus").fill(text)
    page.keyboard.press("Enter")


def test_columns_are_in_sight_with_what_they_hold(visit, tmp_path):
    path = tmp_path / "odd.csv"
    rows = "".join(f"left side {7 * i} {i},right side {3 * i},{'ab'[i % 2]}\n" for i in range(60))
    path.write_text("s1,s2,gold\n" + rows, encoding="utf-8")
    page = visit()
    to_tab(page, "data")
    page.locator("#upload input[type=file]").set_input_files(path)
    expect(page.locator("#data-notice")).to_contain_text("“Text column”")
    page.locator("#column-text input").click()
    page.get_by_role("option", name="s1: left side 0 0").click()
    page.locator("#column-label input").click()
    page.get_by_role("option", name="gold: a").last.click()
    expect(page.locator("#data-summary")).to_contain_text("odd.csv")
    expect(page.locator("#column-text")).to_contain_text("left side 0 0 · left side 7 1")
    expect(page.locator("#data-notice")).not_to_contain_text("Text column")
