"""What the page takes of the machine it runs on: the real page, in a real browser.

    python -m benchmarks.page [--visits 3]

Starts the page with a home of its own and prints, of every visit, the seconds until the button that
runs a comparison is there, and for some things visitors do the seconds of processor time that the
browser's page and the server spend on them; and what both spend while nobody does anything. The
first visit meets a server that is still loading its model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.served import chromium, served

SETTLED = 3_000  # milliseconds after which what a press began is over


def main() -> None:
    """Print a block of lines for every visit."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=3)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as it,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        for visit in range(1, asked.visits + 1):
            context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
            page = context.new_page()
            page.set_default_timeout(120_000)
            print(f"visit {visit}")
            measured(page, it.url, psutil.Process(it.pid))
            context.close()
        browser.close()


def measured(page, url: str, server: psutil.Process) -> None:
    """Measure everything about one visit."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def spent() -> tuple[float, float]:
        browser = next(
            m["value"]
            for m in session.send("Performance.getMetrics")["metrics"]
            if m["name"] == "TaskDuration"
        )
        return browser, sum(server.cpu_times()[:2])

    def told(what: str, do: Callable[[], object]) -> None:
        browser, serving = spent()
        began = time.perf_counter()
        do()
        seen = time.perf_counter() - began
        page.wait_for_timeout(SETTLED)
        after = spent()
        print(
            f"  {what}: {seen:.1f} s until it is seen, browser {after[0] - browser:.2f} s, server"
            f" {after[1] - serving:.2f} s",
            flush=True,
        )

    first = page.locator("#tl-first-paint[data-shown], #first-picture").first
    told("the first picture", lambda: (page.goto(url, wait_until="commit"), first.wait_for()))
    told("then the page itself", page.locator("#first-picture").wait_for)
    told("nothing is done for three seconds", lambda: None)
    told(
        "a tab is chosen",
        lambda: (page.locator("[data-tab=compare]").click(), page.locator("#run").wait_for()),
    )
    told("a strategy is ticked", lambda: page.locator("#arm-lora input").click())
    told(
        "the language is changed",
        lambda: (
            page.locator("#lang input").nth(1).check(),
            page.get_by_role("button", name="2 비교").first.wait_for(),
        ),
    )
    told(
        "looking inside, a blank is filled",
        lambda: (
            page.locator("[data-tab=look]").click(),
            page.locator("#fill-out .tl-guess").first.wait_for(),
        ),
    )


if __name__ == "__main__":
    main()
