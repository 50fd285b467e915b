"""The first screen: a finished study before anything was asked, and the ways on."""

from __future__ import annotations

from collections.abc import Iterator

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


# --- before the page's own script is there --------------------------------------------------------


def in_first_paint(page) -> Iterator[tuple[str, list[dict]]]:
    """(text, path of nodes to it) of all text in the first paint, whose shadow root is closed."""
    session = page.context.new_cdp_session(page)
    document = session.send("DOM.getDocument", {"depth": -1, "pierce": True})["root"]

    def below(node: dict, path: list[dict]) -> Iterator[tuple[str, list[dict]]]:
        path = [*path, node]
        if node["nodeName"] == "#text":
            yield node["nodeValue"], path
        for inner in (*node.get("shadowRoots", ()), *node.get("children", ())):
            yield from below(inner, path)

    for text, path in below(document, []):
        if any(node["nodeName"] == "#document-fragment" for node in path):
            yield text, path


@pytest.mark.parametrize("width,language", [(1280, "en-US"), (390, "ko-KR")])
def test_the_first_screen_is_there_before_the_script(chromium, served, visit, width, language):
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, locale=language, reduced_motion="reduce"
    )
    waiting = context.new_page()
    waiting.route("**/*.js", lambda route: route.abort())
    waiting.goto(served.url)
    box = waiting.locator("#tl-first-paint").bounding_box()
    assert box["width"] == width and box["height"] >= 900
    assert waiting.evaluate("document.documentElement.scrollWidth") == width
    session = waiting.context.new_cdp_session(waiting)
    session.send("DOM.getDocument")
    places, head = {}, {"en-US": "what does each get you?", "ko-KR": "각각 얼마나"}[language]
    for text, path in in_first_paint(waiting):
        if head in text:
            model = session.send("DOM.getBoxModel", {"backendNodeId": path[-2]["backendNodeId"]})
            places["head"] = model["model"]["border"][:2]
    context.close()

    page = visit("/", width=width, locale=language, tab=None)  # and then nothing jumps
    expect(page.locator("#first-picture h2:visible")).to_contain_text(head)
    expect(page.locator("#tl-first-paint")).to_have_count(0)
    found = page.locator("#first-picture h2:visible").bounding_box()
    assert abs(found["x"] - places["head"][0]) < 3 and abs(found["y"] - places["head"][1]) < 16


def test_a_link_elsewhere_shows_no_first_screen(chromium, served):
    for path in ("/?tab=data", "/?study=anything", "/?look=tokens"):
        page = chromium.new_page()
        page.route("**/*.js", lambda route: route.abort())
        page.goto(served.url + path)
        assert page.locator("#tl-first-paint").count() == 0, path
        page.close()


def test_without_javascript_the_first_screen_says_so(chromium, served):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.url)
    expect(page.locator("noscript p").first).to_contain_text("This page needs JavaScript")
    assert page.locator("#tl-first-paint").bounding_box()["height"] > 500
    context.close()
