"""What a visitor does on the tab "Look inside", and how a test waits for it."""

from __future__ import annotations

import re

EVIL = "<img src=x onerror=document.title='run'><b>bold</b> ${document.title='run'} {{7*7}}"


def expect(locator):
    from playwright.sync_api import expect as real

    real.set_options(timeout=60_000)  # the first answer loads a model, on cores that others use too
    return real(locator)


def to_look(page, view: str = "fill") -> None:
    """Open the tab, from the overflow menu where the screen is narrow, and a view of it."""
    tab = page.locator("#tab-look-button")
    page.locator("#tab-data-button, .overflow-menu > button").filter(visible=True).first.wait_for()
    page.wait_for_timeout(200)  # the row of tabs finds out what fits
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown button", has_text=re.compile("Look inside|들여다보기")).click()
    else:
        tab.click()
    page.locator("#look-view").wait_for()
    if view != "fill":
        page.locator(f"#look-view input[value={view}]").check()
    page.locator(f"#view-{view}").wait_for()


def box(page, id: str):
    return page.locator(f"#{id} textarea, #{id} input").first


def choose(page, id: str, name: str) -> None:
    page.locator(f"#{id} input").click()
    page.get_by_role("option", name=name).first.click()
