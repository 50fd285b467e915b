"""What a visitor does on the tab "Look inside"."""

from __future__ import annotations

from collections.abc import Callable

from tests.page.visiting import press_until, to_tab


def to_look(page, view: str = "fill") -> None:
    """Open the tab and a view of it."""
    to_tab(page, "look")
    page.locator("#look-view").wait_for()
    if view != "fill":
        page.locator(f"#look-view input[value={view}]").check()
    page.locator(f"#view-{view}").wait_for()


def box(page, id: str):
    return page.locator(f"#{id} textarea, #{id} input").first


def press_point(point, seen: Callable[[int], None], **at) -> None:
    """Press a point of a plot, see `press_until`; `at` says where on it."""

    def press() -> None:
        point.hover(force=True, **at)  # what takes the pointer lies over the points
        point.click(force=True, **at)

    press_until(press, seen)
