"""What a visitor does on the page, and how long a test waits for an answer: long, since other tests
share the cores.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

EVIL = "<img src=x onerror=document.title='run'><b>bold</b> ${document.title='run'} {{7*7}}"
PATIENCE = 120_000  # milliseconds
SOON = 5_000  # milliseconds after which a visitor presses again
TABS = ("start", "data", "compare", "results", "studies", "try", "look", "about")
WORDS = {
    "login": "password account sign locked",
    "billing": "invoice charge card money",
    "shipping": "parcel courier late tracking",
}


def expect(locator):
    from playwright.sync_api import expect as real

    real.set_options(timeout=PATIENCE)
    return real(locator)


def press_until(press: Callable[[], None], seen: Callable[[int], None]) -> None:
    """Press a place in a plot, and press again as a visitor would: a plot that is still being laid
    out lets a press slip.

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


def arrived(page, tab: str | None) -> None:
    """Wait until the page is there, and go to a tab; None stays where the page opens."""
    page.locator(".tl-path [aria-current]").wait_for()
    if tab and not page.locator(f"#tab-{tab}").is_visible():
        to_tab(page, tab)


def to_tab(page, id: str) -> None:
    """Choose a tab."""
    page.locator(f"[data-tab={id}]").click()
    page.locator(f"#tab-{id}").wait_for()
    if id == "data":  # the first dataset has been drawn; what comes later would take a notice away
        expect(page.locator("#preview")).to_contain_text(
            re.compile("[A-Za-z가-힣]{2,} [A-Za-z가-힣]{2,} [A-Za-z가-힣]{2,}")
        )


def open_section(page, id: str) -> None:
    """Show the part of the answer that holds a section."""
    page.locator(f"#rail [data-holds~=section-{id}]").first.click()
    page.locator(f"#section-{id} > .open").wait_for(state="attached")


def only(page, *arms: str) -> None:
    """Tick these strategies and no others, on whichever card they are."""
    open_cards(page)
    for id, ticked in page.locator(".tl-arm input").evaluate_all(
        "boxes => boxes.map(b => [b.closest('.tl-arm').id, b.checked])"
    ):
        if ticked != (id.removeprefix("arm-") in arms):
            page.locator(f"#{id} input").set_checked(not ticked)


def open_cards(page) -> None:
    """Show every strategy of the three cards."""
    for card in page.locator(".tl-rest").all():
        if not card.locator(".tl-arm").first.is_visible():
            card.locator("> button").click()
    for id in ("cloze", "majority", "scratch"):  # one of each card
        page.locator(f"#arm-{id}").wait_for()


def preset(page, id: str) -> None:
    """Have the form filled with a preset."""
    page.locator(f"#preset input[value={id}]").check()


def open_drawer(page) -> None:
    """Open the part of the form with seeds, model, test rows and settings of one's own."""
    if not page.locator("#seeds").is_visible():
        page.locator("#drawer > button").click()
    page.locator("#seeds").wait_for()


def choose(page, dropdown: str, option: str | re.Pattern[str], *, exact: bool = True) -> None:
    """Choose in a list; another that is still folding up may have an option of the same name."""
    field = page.locator(f"{dropdown} input")
    field.click()
    options = page.locator(f"#{field.get_attribute('aria-controls')}")
    options.get_by_role("option", name=option, exact=exact).first.click()


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
        words = [
            *draw.sample(WORDS[label].split(), 2),
            *draw.sample("the my is it please today again still help".split(), 3),
        ]
        lines.append(f"{' '.join(words)} number {i},{label}")
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
