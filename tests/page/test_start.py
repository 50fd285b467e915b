"""The first screen: a finished study before anything was asked, and the ways on."""

from __future__ import annotations

import re

import pytest

from tests.page.visiting import expect, own_file

pytestmark = pytest.mark.browser


def places(page) -> list[str]:
    return page.locator(".tl-moved-box circle").evaluate_all(
        "dots => dots.map(d => d.getAttribute('cx') + ' ' + d.getAttribute('cy'))"
    )


def test_the_page_opens_on_a_finished_study(visit):
    page = visit(tab=None, reduced_motion="reduce")
    expect(page.locator(".tl-start-said:visible")).to_contain_text(re.compile(r"Of 100 .* \d\d "))
    assert page.locator(".tl-curve:visible polyline").count() == 3
    assert len(places(page)) == 150
    page.locator("[data-stop='0']").click()
    before = places(page)
    page.locator("[data-stop='2']").click()
    expect(page.locator("[data-stop='2']")).to_have_attribute("aria-pressed", "true")
    assert sum(a != b for a, b in zip(before, places(page), strict=True)) > 100
    page.locator(".tl-curve:visible summary").click()
    expect(page.locator(".tl-curve:visible table")).to_contain_text("LoRA")
    box = page.get_by_role("textbox", name="Type a message")
    box.fill("I was charged twice for one month")
    answers = page.locator(".tl-three section")
    expect(answers).to_have_count(3)
    for answer in answers.all():
        expect(answer).to_contain_text("Billing and payment")
        expect(answer.locator("mark").first).to_be_visible()
    box.fill("<b>charged</b> twice")
    expect(answers.first).to_contain_text("<b>charged</b> twice")
    page.locator("#lang label", has_text="한국어").click()
    expect(page.locator(".tl-start-said:visible")).to_contain_text("고객 문의")


def test_the_map_plays_once_by_itself_and_a_file_chosen_there_is_the_dataset(visit, tmp_path):
    page = visit(tab=None)
    expect(page.locator("[data-stop='2']")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tl-moved input[type=range]")).to_have_value("2")

    with page.expect_file_chooser() as chooser:
        page.locator(".tl-yours:visible").click()
    chooser.value.set_files(own_file(tmp_path))
    expect(page.locator("#data-summary")).to_contain_text("mine.csv")


def test_the_same_can_be_run_live(visit):
    page = visit(tab=None)
    page.locator("#live").click()
    expect(page.locator("#status")).to_contain_text(re.compile(r"\d+ of \d+ runs|Waiting"))
    page.wait_for_url(re.compile("study="))
    page.locator("#stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped")


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


def test_the_link_of_a_finished_study_opens_its_answer_also_where_nothing_is_kept(
    visit, chromium, finished
):
    forgetful = chromium.new_context(viewport={"width": 1280, "height": 900})
    forgetful.add_init_script(
        "Object.defineProperty(window, 'localStorage', {configurable: true,"
        " get() { throw new DOMException('denied', 'SecurityError'); }})"
    )
    page = visit(f"/?study={finished}", tab=None, context=forgetful)
    expect(page.locator("#answer h2")).to_be_visible()
    expect(page.locator("[data-tab=results]")).to_have_attribute("aria-current", "page")

    part = visit(f"/?study={finished}&section=trust", tab=None, context=forgetful)
    expect(part.locator("#trust-table")).to_contain_text("%")
    expect(part.locator("#rail [aria-current]")).to_contain_text("Trust")
    expect(part.locator("#section-pictures")).not_to_be_visible()
    forgetful.close()


def test_the_way_says_how_far_a_study_is(visit, finished):
    page = visit(f"/?study={finished}&tab=start", tab=None)
    expect(page.locator("[data-state=compare]")).to_have_text("finished")
    expect(page.locator("[data-state=results]")).to_have_text("ready")
    page.locator("#lang label", has_text="한국어").click()
    expect(page.locator("[data-state=compare]")).to_have_text("완료")
    expect(page.locator("[data-tab=results]")).to_contain_text("3 답")
