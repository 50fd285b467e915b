"""Studies as things: somebody else's is duplicated, named, packed, opened again, and set beside the
first.
"""

from __future__ import annotations

import re
import zipfile

import pytest

from tests.page.visiting import EVIL, expect, open_cards, to_tab

pytestmark = pytest.mark.browser


def test_a_study_goes_from_hand_to_hand(visit, finished, tmp_path):
    page = visit(f"/?study={finished}")
    to_tab(page, "studies")
    facts = page.locator("#study-facts")
    expect(facts).to_contain_text("5 arms")
    expect(page.locator("#study-save")).to_be_disabled()  # it was started in another browser
    page.locator("#study-again button").first.click()
    expect(page.locator("#study-again")).to_contain_text(
        "python -m tl_core again study.zip --out again"
    )
    expect(page.locator("#study-again")).to_contain_text(").again(")

    page.locator("#study-duplicate").click()
    expect(page.locator("#study-save")).to_be_enabled()
    assert (own := re.search(r"study=([\w-]+)", page.url)[1]) != finished
    page.locator("#study-title input, #study-title textarea").fill(f"Second look {EVIL}")
    page.locator("#study-note textarea").fill("before the labels\nwere cleaned")
    page.locator("#study-save").click()
    expect(facts.locator("h4")).to_have_text(f"Second look {EVIL}")
    expect(facts).to_contain_text("were cleaned")
    table = page.locator("#studies-table tbody")
    expect(table).to_contain_text("% accuracy, ")
    page.get_by_role("searchbox", name="Search").fill("no such thing")
    expect(table.locator("tr")).not_to_be_visible()
    page.get_by_role("searchbox", name="Search").fill("SECOND look")
    table.get_by_role("button", name="Delete Second look").click()
    expect(page.locator("#study-away")).to_contain_text("can be brought back")
    expect(table.locator("tr")).to_have_count(0)
    page.wait_for_url(lambda url: "study=" not in url)
    page.locator("#study-undo").click()
    table.get_by_role("button", name="Open Second look").click()
    page.wait_for_url(lambda url: own in url)
    expect(page.locator("#answer h2")).to_be_visible()
    to_tab(page, "studies")

    with page.expect_download() as got:
        page.locator("#study-pack").click()
    got.value.save_as(tmp_path / "study.zip")
    assert "plan.json" in zipfile.ZipFile(tmp_path / "study.zip").namelist()

    (tmp_path / "broken.zip").write_bytes((tmp_path / "study.zip").read_bytes()[:5000])
    page.locator("#archive-file input[type=file]").set_input_files(tmp_path / "broken.zip")
    expect(page.locator("#studies-notice")).to_contain_text("damaged or cut off")
    page.locator(
        "#archive-file button[aria-label='Remove this file'], #archive-file"
        " button[aria-label='Clear']"
    ).first.click()
    page.locator("#archive-file input[type=file]").set_input_files(tmp_path / "study.zip")
    page.wait_for_url(lambda url: own not in url and finished not in url)
    expect(page.locator("#answer h2")).to_be_visible()

    to_tab(page, "try")
    expect(page.locator("#try-answers")).to_contain_text(
        "an archive holds rows, predictions and the report, but no trained weights"
    )
    to_tab(page, "studies")
    page.locator("#two-compare").click()
    found = page.locator("#two-found")
    expect(found).to_contain_text("the same on every row")
    expect(found).to_contain_text("Both studies have the same")
    expect(found.locator("tbody tr").first).to_contain_text("%")
    assert page.title() == "Transfer Lab" and page.locator("#tab-studies img").count() == 0
    page.locator("#study-change").click()
    expect(page.locator("#intro")).to_contain_text("support_tickets.jsonl")
    expect(page.locator("#advice")).to_contain_text("runs, about")
    open_cards(page)
    expect(page.locator(".tl-arm input:checked")).to_have_count(5)
    assert page.locator("#shots input:checked").count() == 5
    to_tab(page, "studies")
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
