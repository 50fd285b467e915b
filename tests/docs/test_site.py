"""The documentation as a site, and the notebook in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import tl_core

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built as `mkdocs build --strict` builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WARNING" not in done.stderr
    return folder


def test_every_public_name_is_in_the_reference(site):
    shown = "".join(
        (site / "reference" / page / "index.html").read_text(encoding="utf-8")
        for page in ("library", "api")
    )
    for name in set(tl_core.__all__) - {"__version__"}:
        home = tl_core._HOME[name]
        assert f'id="tl_core.{name}"' in shown or f'id="{home}.{name}"' in shown, name


def test_the_site_fetches_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        found = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?:[^\"]+)\"", text)
        assert not [url for url in found if "canonical" not in url], page


def test_every_strategy_has_its_page_on_the_site(site):
    pages = {path.stem for path in (ROOT / "docs" / "strategies").glob("*.md")} - {"README"}
    assert len(pages) > 20
    for page in pages:
        assert (site / "strategies" / page / "index.html").is_file()


def test_the_notebook_runs(tmp_path, monkeypatch):
    """A DataFrame becomes an answer; then a classifier; then predictions."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in cells), "the notebook is kept without outputs"
    client = NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    (answer,) = [cell for cell in cells if "tl.compare(" in cell.source]
    shown = "".join(
        output.data.get("text/html", "")
        for output in answer.outputs
        if output.output_type in ("display_data", "execute_result")
    )
    assert "<progress max='9' value='9'>" in shown  # one line that was drawn again and again
    assert "<svg" in shown and "<table>" in shown and "could be the best" in shown
    (said,) = [cell for cell in cells if cell.source.startswith("study.predict(")]
    assert "billing" in said.outputs[-1].data["text/plain"]
