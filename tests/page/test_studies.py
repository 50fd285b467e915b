"""Studies as things: somebody else's is duplicated, named, packed, opened again, and set beside the first."""

from __future__ import annotations

import re
import zipfile

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect as real

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror=\"document.title='run'\"> {{7*7}}"


def expect(locator):
    real.set_options(timeout=30_000)
    return real(locator)


def to_studies(page):
    page.get_by_role("tab", name="Studies").click()


def test_a_study_goes_from_hand_to_hand(visit, finished, tmp_path):
    page = visit(f"/?study={finished}")
    to_studies(page)
    facts = page.locator("#study-facts")
    expect(facts).to_contain_text("5 arms")
    expect(page.locator("#study-save")).to_be_disabled()  # it was started in another browser
    page.locator("#study-again button").first.click()
    expect(page.locator("#study-again")).to_contain_text("python -m tl_core again study.zip --out again")
    expect(page.locator("#study-again")).to_contain_text("open_again(")

    page.locator("#study-duplicate").click()
    expect(page.locator("#study-save")).to_be_enabled()
    assert (own := re.search(r"study=([\w-]+)", page.url)[1]) != finished
    page.locator("#study-title input, #study-title textarea").fill(f"Second look {EVIL}")
    page.locator("#study-note textarea").fill("before the labels\nwere cleaned")
    page.locator("#study-save").click()
    expect(facts.locator("h4")).to_have_text(f"Second look {EVIL}")
    expect(facts).to_contain_text("were cleaned")

    with page.expect_download() as got:
        page.locator("#study-pack").click()
    got.value.save_as(tmp_path / "study.zip")
    assert "plan.json" in zipfile.ZipFile(tmp_path / "study.zip").namelist()

    (tmp_path / "broken.zip").write_bytes((tmp_path / "study.zip").read_bytes()[:5000])
    page.locator("#archive-file input[type=file]").set_input_files(tmp_path / "broken.zip")
    expect(page.locator("#studies-notice")).to_contain_text("damaged or cut off")
    page.locator("#archive-file button[aria-label='Remove this file'], #archive-file button[aria-label='Clear']").first.click()
    page.locator("#archive-file input[type=file]").set_input_files(tmp_path / "study.zip")
    page.wait_for_url(lambda url: own not in url and finished not in url)
    expect(page.locator("#answer h2")).to_be_visible()

    to_studies(page)
    page.locator("#two-compare").click()
    found = page.locator("#two-found")
    expect(found).to_contain_text("the same on every row")
    expect(found).to_contain_text("Both studies have the same")
    expect(found.locator("tbody tr").first).to_contain_text("%")
    assert page.title() == "Transfer Lab" and page.locator("#tab-studies img").count() == 0
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
