"""The first screen: a finished study before anything was asked, and the ways on."""

from __future__ import annotations

import pytest

from tests.page.visiting import expect

pytestmark = pytest.mark.browser


def test_the_way_is_in_the_address_and_its_history(visit):
    page = visit("/?tab=data", tab=None)
    page.locator("#tab-data").wait_for()
    expect(page.locator("[data-tab=data]")).to_have_attribute("aria-current", "page")
    expect(page.locator("[data-state=data]")).to_have_text("498 rows, 6 labels")
    page.locator("#next-compare").click()
    page.locator("#run").wait_for()
    assert "tab=compare" in page.url
    page.locator("[data-tab=start]").click()
    page.locator("#first-picture").wait_for()
    assert "tab=" not in page.url
    page.go_back()
    page.locator("#run").wait_for()
    expect(page.locator("[data-tab=compare]")).to_have_attribute("aria-current", "page")
    visit.reload(page)
    expect(page.locator("[data-tab=compare]")).to_have_attribute("aria-current", "page")
    page.locator(".tl-skip").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#tab-compare")).to_be_focused()
    assert page.locator(".tl-path [aria-current]").count() == 1


def test_the_way_says_how_far_a_study_is(visit, finished):
    page = visit(f"/?study={finished}&tab=start", tab=None)
    expect(page.locator("[data-state=compare]")).to_have_text("finished")
    expect(page.locator("[data-state=results]")).to_have_text("ready")
    page.locator("#lang label", has_text="한국어").click()
    expect(page.locator("[data-state=compare]")).to_have_text("완료")
    expect(page.locator("[data-tab=results]")).to_contain_text("3 답")


def test_a_file_that_misses_the_places_for_files_is_told_where_they_go(visit):
    page = visit(tab=None)
    said = page.get_by_text("Nothing was read.").first
    expect(said).to_be_hidden()
    page.locator("[data-tab=about]").click()
    page.locator("#tab-about").wait_for()
    left_alone = page.evaluate(
        "() => { const brought = new DataTransfer(); brought.items.add(new File(['a'], 'a.csv'));"
        " return document.body.dispatchEvent(new DragEvent('drop',"
        " {dataTransfer: brought, bubbles: true, cancelable: true})); }"
    )
    assert not left_alone, "the browser would open the file in place of the page"
    expect(said).to_be_visible()
    assert said.evaluate("e => e.closest('[role=alert]') !== null")
