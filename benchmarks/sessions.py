"""What a visit costs the page's memory, and whether it comes back: the real page, and a real
browser.

    python -m benchmarks.sessions [--calls 150] [--visits 10]

Starts the page with a home of its own. Prints by how many MB its process grows with every session
of a program (one call each) and with every visit of a browser that opens the page and looks at
Results and Look inside.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from benchmarks.served import chromium, served

WARM = 5  # calls and visits before the first look: libraries load, caches fill


def main() -> None:
    """Print a line for programs and a line for browsers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=150)
    parser.add_argument("--visits", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as it:
        server = psutil.Process(it.pid)
        told(
            "session of a program",
            server,
            asked.calls,
            lambda count: [call(it.url) for _ in range(count)],
        )
        if asked.visits:
            told("visit of a browser", server, asked.visits, lambda count: browse(it.url, count))


def told(what: str, server: psutil.Process, count: int, do) -> None:
    """Do it some times to warm up, then measure."""
    do(min(WARM, count))
    before, began = server.memory_info().rss, time.perf_counter()
    do(count)
    seconds = time.perf_counter() - began
    grown = server.memory_info().rss - before
    print(
        f"{what}: {grown / count / 2**20:.2f} MB each ({count} of them, {seconds / count:.2f} s"
        f" each; the page has {server.memory_info().rss / 2**20:.0f} MB)",
        flush=True,
    )


def call(url: str) -> None:
    """One call in a session of its own, as any program makes it."""
    asked = urllib.request.Request(
        f"{url}/gradio_api/call/list_strategies",
        json.dumps({"data": []}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as response:
        event = json.load(response)["event_id"]
    with urllib.request.urlopen(
        f"{url}/gradio_api/call/list_strategies/{event}", timeout=60
    ) as response:
        assert b"complete" in response.read()


def browse(url: str, count: int) -> None:
    """Browse as so many visitors, one after another."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        for _ in range(count):
            context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
            page = context.new_page()
            page.set_default_timeout(120_000)
            page.goto(url)
            page.locator("#run").wait_for()
            for tab in ("results", "look"):
                page.locator(f"#tab-{tab}-button").click()
            page.locator("#fill-out .tl-guess").first.wait_for()
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
