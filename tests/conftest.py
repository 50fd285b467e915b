"""What browser tests of the page and of the report share."""

from __future__ import annotations

import os
import shutil

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores, and threads of each would stand in the others' way
    os.environ.setdefault("OMP_NUM_THREADS", "1")

BROWSER_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium. Missing, it is a failure on CI and a reason to skip elsewhere."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium on this machine; on CI the page and the report must be opened in one.")
        pytest.skip("There is no Chromium on this machine.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=found, args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()
