"""The page as a visitor has it: `python app.py` in a process of its own, and a browser in front of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

import pytest

from spaces_config.profiles import profile_named
from tests.page.serving import Served, serving
from tests.page.visiting import PATIENCE
from tl_core.experiments.queue import OPEN, StudyQueue
from tl_ui.datasets import FIRST, Datasets
from tl_ui.tabs.compare import first_study


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.fixture
def visit(chromium, served):
    """Open the page as a new visitor; whatever goes wrong in the browser fails the test."""
    contexts, wrong, leaving = [], [], set()

    def open_page(path: str = "/", *, width: int = 1280, context=None, **options):
        if context is None:
            context = chromium.new_context(viewport={"width": width, "height": 900}, **{"locale": "en-US", "accept_downloads": True, **options})
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda e: wrong.append(f"error in the page: {e}"))
        page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type == "error" and page not in leaving else None)
        page.on("request", lambda r: None if r.url.startswith((served.url, "data:", "blob:")) else wrong.append(f"outside: {r.url}"))
        page.goto(served.url + path)
        page.locator("#run").wait_for()
        return page

    def reload(page) -> None:
        """Load it again; a stream that is cut by that is no fault."""
        leaving.add(page)
        page.reload()
        page.locator("#run").wait_for()
        leaving.discard(page)

    open_page.reload = reload
    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture(scope="session")
def finished(served, tmp_path_factory) -> str:
    """The name of a finished first comparison that somebody else has started: made beside the page, which takes half as long."""
    home = tmp_path_factory.mktemp("elsewhere")
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
    shutil.copytree(home / "studies" / name, served.home / "studies" / name)
    return name
