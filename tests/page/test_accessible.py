"""What axe-core, the checker of accessibility rules, finds on every tab: nothing serious, in light
and in dark.
"""

from __future__ import annotations

import pytest

from tests.page.visiting import TABS, expect, open_section, to_tab

pytestmark = pytest.mark.browser
SECTIONS = ("pictures", "pays", "trust", "rows", "differences")


def test_axe_finds_nothing_serious_on_any_tab(visit, finished):
    from axe_playwright_python.sync_playwright import Axe

    page, axe, found = visit(f"/?study={finished}", tab="start", color_scheme="light"), Axe(), []

    def look(where: str, only: str = "") -> None:
        what = {"runOnly": [only]} if only else {}
        for _ in range(3):  # something may have begun to be drawn anew while it looked
            response = axe.run(page, options={"resultTypes": ["violations"], **what}).response
            wrong = [
                f"{where}: {broken['id']}, {node['target']}: {node['html'][:120]}"
                for broken in response["violations"]
                if broken["impact"] in ("serious", "critical")
                for node in broken["nodes"]
            ]
            if not wrong:
                return
            still(page)
        found.extend(wrong)

    def in_both_schemes(where: str) -> None:
        look(f"{where}, light")
        page.evaluate("document.body.classList.toggle('dark')")
        page.wait_for_timeout(400)  # colours change over a moment
        look(f"{where}, dark", "color-contrast")
        page.evaluate("document.body.classList.toggle('dark')")

    assert {"results", "start"} < set(TABS)
    for tab in TABS:
        to_tab(page, tab)
        page.wait_for_timeout(400)  # for what comes with the tab
        if tab != "results":
            still(page)
            in_both_schemes(tab)
            continue
        for section in SECTIONS:
            open_section(page, section)
            expect(page.locator(f"#section-{section}")).to_be_visible()
            page.wait_for_timeout(500)
            still(page)
            in_both_schemes(f"answer, {section}")
    assert not found, "\n".join(found)
    look("start")  # which finds what is wrong, where something is
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=data:,>')")
    look("a picture without words")
    assert [line for line in found if "image-alt" in line]


def still(page) -> None:
    """Wait until nothing that is seen is being drawn anew: it is pale meanwhile."""
    expect(page.locator(":is(.pending, .generating):visible")).to_have_count(0)
    page.wait_for_timeout(400)  # colours change over a moment
