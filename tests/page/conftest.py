"""The page as a visitor has it: `python app.py` in a process of its own, and a browser in front of
it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from spaces_config.profiles import profile_named
from tests.page.serving import Served, serving
from tests.page.visiting import PATIENCE, arrived
from tl_core.running.queue import StudyQueue
from tl_core.running.study_records import OPEN
from tl_ui.state.datasets import FIRST, Datasets
from tl_ui.state.first_study import first_study


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("page"), TL_MCP="1") as page:
        yield page


@pytest.fixture
def visit(chromium, served):
    """Open the page as a new visitor; whatever goes wrong in the browser fails the test."""
    with _visits(chromium, served) as (open_page, wrong):
        yield open_page
    assert not wrong


@pytest.fixture(scope="module")
def _opened(chromium, served):
    with _visits(chromium, served) as (open_page, wrong):
        yield cache(open_page), wrong


@pytest.fixture
def revisit(_opened):
    """`visit` for tests that say themselves all that they look at: who asks for the same page is
    led to the one that a test of the module has opened, as that test has left it.
    """
    open_page, wrong = _opened
    yield open_page
    found, wrong[:] = list(wrong), []
    assert not found


@contextmanager
def _visits(chromium, served):
    contexts, wrong, leaving = [], [], set()

    def open_page(
        path: str = "/", *, width: int = 1280, context=None, tab: str | None = "compare", **options
    ):
        if context is None:
            context = chromium.new_context(
                viewport={"width": width, "height": 900},
                **{"locale": "en-US", "accept_downloads": True, **options},
            )
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda e: wrong.append(f"error in the page: {e}"))
        page.on(
            "console",
            lambda m: (
                wrong.append(f"console: {m.text}")
                if m.type == "error" and page not in leaving
                else None
            ),
        )
        page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((served.url, "data:", "blob:"))
                else wrong.append(f"outside: {r.url}")
            ),
        )
        if tab and "look=" not in path:  # a link to a view goes there by itself
            path += f"{'&' if '?' in path else '?'}tab={tab}"
        page.goto(served.url + path)
        arrived(page, tab if "look=" not in path else None)
        return page

    def reload(page) -> None:
        """Load it again; a stream that is cut by that is no fault."""
        leaving.add(page)
        page.reload()
        arrived(page, "compare")
        leaving.discard(page)

    open_page.reload = reload
    yield open_page, wrong
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def finished(served, tmp_path_factory) -> str:
    """The name of a finished first comparison that somebody else has started: made beside the page,
    which takes half as long, and once for all processes that test.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "first-comparison"
    shared.mkdir(exist_ok=True)
    with open(shared / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = shared / "name"
        if not made.exists():
            made.write_text(_first_comparison(shared))
        name = made.read_text()
    shutil.copytree(shared / "studies" / name, served.home / "studies" / name)
    return name


def _first_comparison(home: Path) -> str:
    held = Datasets(home, profile_named("local"), lambda models, texts: []).get(FIRST)
    queue = StudyQueue(home)
    queue.start()
    try:
        name, _ = queue.submit(first_study(held), context={"dataset": {"source": held.name}})
        began = time.monotonic()
        while (status := queue.status(name)["status"]) in OPEN:
            assert time.monotonic() - began < PATIENCE / 1000
            time.sleep(0.1)
        assert status == "done"
    finally:
        queue.close()
    return name
