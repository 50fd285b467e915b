"""What a visitor does on the page, and how long a test waits for an answer: long, since other tests share the cores."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

EVIL = "<img src=x onerror=document.title='run'><b>bold</b> ${document.title='run'} {{7*7}}"
PATIENCE = 120_000  # milliseconds
SOON = 5_000  # milliseconds after which a visitor presses again
TABS = ("data", "compare", "results", "try", "look", "about")
WORDS = {"login": "password account sign locked", "billing": "invoice charge card money", "shipping": "parcel courier late tracking"}


def expect(locator):
    from playwright.sync_api import expect as real

    real.set_options(timeout=PATIENCE)
    return real(locator)


def press_until(press: Callable[[], None], seen: Callable[[int], None]) -> None:
    """Press a place in a plot, and press again as a visitor would: a plot that is still being laid out lets a press slip.

    Args:
        seen: what must be seen then, within so many milliseconds.
    """
    for patience in [SOON] * 5 + [PATIENCE]:
        press()
        try:
            return seen(patience)
        except AssertionError:
            if patience == PATIENCE:
                raise


def to_tab(page, id: str) -> None:
    """Choose a tab, from the overflow menu where the screen is narrow."""
    tab = page.locator(f"#tab-{id}-button")
    page.locator("#tab-data-button, .overflow-menu > button").filter(visible=True).first.wait_for()
    page.wait_for_timeout(200)  # the row of tabs finds out what fits
    if not tab.is_visible():
        page.locator(".overflow-menu > button").click()
        page.locator(".overflow-dropdown button", has_text=tab_name(page, id)).click()
    else:
        tab.click()
    page.locator(f"#tab-{id}").wait_for()
    if id == "data":  # the first dataset has been drawn; what comes later would take a notice away
        expect(page.locator("#preview")).to_contain_text(re.compile(r"\w{3,} \w{3,} \w{3,}"))


def tab_name(page, id: str) -> str:
    from tl_ui.words import t

    return t(page.evaluate("document.documentElement.lang"), f"tab_{id}")


def open_section(page, id: str) -> None:
    """Open a section of the results."""
    page.locator(f"#section-{id} > button, #section-{id} > .label-wrap").first.click()


def only(page, *arms: str) -> None:
    """Tick these strategies and no others."""
    for id, ticked in page.locator(".tl-arm input").evaluate_all("boxes => boxes.map(b => [b.closest('.tl-arm').id, b.checked])"):
        if ticked != (id.removeprefix("arm-") in arms):
            page.locator(f"#{id} input").set_checked(not ticked)


def upload(page, name: str, content: bytes) -> None:
    """Choose a label table with the button."""
    with page.expect_file_chooser() as chooser:
        page.locator("#labels-up").click()
    chooser.value.set_files({"name": name, "mimeType": "text/plain", "buffer": content})


def own_file(folder, rows: int = 90, name: str = "mine.csv"):
    draw = random.Random(7)
    lines = ["text,label"]
    for i in range(rows):
        label = list(WORDS)[i % 3]
        words = [*draw.sample(WORDS[label].split(), 2), *draw.sample("the my is it please today again still help".split(), 3)]
        lines.append(f"{' '.join(words)} number {i},{label}")
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
