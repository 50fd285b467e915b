"""How long a visitor waits for the map of embeddings: the real page, in a real browser.

    python -m benchmarks.maps [--rows 2000 20000 100000] [--methods pca umap] [--no-slider]

Starts the page with a home of its own, gives it a file of short made-up texts and, for every number
of rows, prints the seconds until every text is on the map for the first time (most of that is
reading the texts with the model) and once they have been read, until every number beside it is
there, how long after a step of the slider from one model to the other the browser has painted it,
and how soon a click and a search are answered. A browser without a GPU draws WebGL by software.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.served import chromium, served

WORDS = {
    "sports": "match goal team coach season league player win score".split(),
    "money": "bank market price share profit loan tax budget cost".split(),
    "travel": "flight hotel beach train ticket city museum island road".split(),
    "cooking": "bread soup oven garlic sugar recipe knife butter dinner".split(),
}
COUNT = (
    "() => (document.querySelector('#map-view .tl-plot')?.data || []).reduce((n, t) => n +"
    " (t.legendgroup ? t.x.length : 0), 0)"
)
STEP = """async () => {
  const slider = document.querySelector('#map-view input[type=range]');
  const frame = done => requestAnimationFrame(() => requestAnimationFrame(done));
  const painted = () => new Promise(frame), took = [];
  for (let i = 1; i <= 20; i++) {
    await painted();
    const began = performance.now();
    slider.value = 5 * i;
    slider.dispatchEvent(new Event('input'));
    await painted();
    took.push(performance.now() - began);
  }
  return took;
}"""
SPOT = """() => {
  const plot = document.querySelector('#map-view .tl-plot'), [trace] = plot.data;
  const {xaxis, yaxis} = plot._fullLayout, at = plot.getBoundingClientRect();
  return [at.x + xaxis._offset + xaxis.l2p(trace.x[0]),
          at.y + yaxis._offset + yaxis.l2p(trace.y[0])];
}"""


def main() -> None:
    """Print a few lines for every number of rows."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument(
        "--methods", nargs="+", default=["pca", "umap"], choices=["pca", "umap", "tsne"]
    )
    parser.add_argument("--no-slider", action="store_true", help="read with one model only")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as it,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for rows in asked.rows:
            page = browser.new_page(viewport={"width": 1280, "height": 1000}, locale="en-US")
            page.set_default_timeout(1_800_000)
            page.goto(it.url)
            measured(
                page, file_of(Path(folder), rows), rows, asked.methods, slider=not asked.no_slider
            )
            page.close()
        browser.close()


def measured(page, file: Path, rows: int, methods: list[str], *, slider: bool) -> None:
    """Measure everything about one file."""
    page.locator("[data-tab=data]").click()
    page.locator("#upload input[type=file]").set_input_files(file)
    page.locator("#data-summary", has_text=re.compile(rf"{rows:,} rows")).wait_for()
    page.locator("[data-tab=look]").click()
    page.locator("#look-view").wait_for()
    print(f"{rows:,} texts")
    told(
        "read for the first time and put on the map (PCA)",
        lambda: (page.locator("#look-view input[value=map]").check(), shown(page, rows)),
    )
    told("  every number beside it", lambda: rested(page))
    for method in methods:
        other(page)
        page.locator(f"#map-method input[value={method}]").check()
        rested(page)
        told(
            (
                f"read before: on the map (PCA, before {method})"
                if method != "pca"
                else "read before: on the map"
            ),
            lambda: (choose(page, "map-rows", "the Data tab"), shown(page, rows)),
        )
        told("  and whole", lambda: rested(page))
    x, y = page.evaluate(SPOT)
    told(
        "a click is answered",
        lambda: (
            page.mouse.click(x, y),
            page.locator("#map-listed", has_text="Nearest to").wait_for(),
        ),
    )
    told(
        "a search is answered",
        lambda: (
            page.locator("#map-find input, #map-find textarea").first.press_sequentially("garlic"),
            page.locator("#map-listed", has_text="“garlic”").wait_for(),
        ),
    )
    if slider:
        page.locator("#map-find input, #map-find textarea").first.fill("")
        page.locator("#map-method input[value=pca]").check()
        rested(page)
        told(
            "a second model reads them",
            lambda: (
                choose(page, "map-beside", "minilm-masked:"),
                page.locator("#map-view input[type=range]").wait_for(),
                rested(page),
            ),
        )
        took = page.evaluate(STEP)
        print(
            f"  {'a step of the slider, median and longest':<52} {statistics.median(took):8.0f} ms"
            f" {max(took):8.0f} ms"
        )


def told(what: str, call: Callable[[], object]) -> None:
    """Print how long it takes."""
    began = time.perf_counter()
    call()
    print(f"  {what:<52} {time.perf_counter() - began:8.2f} s", flush=True)


def shown(page, rows: int) -> None:
    """Wait until so many texts are on the map."""
    page.wait_for_function(f"rows => ({COUNT})() === rows", arg=rows, polling=20)


def rested(page) -> None:
    """Wait until nothing is computed any more."""
    page.locator("#map-told table").wait_for()
    page.locator("#map-stop").wait_for(state="hidden")


def other(page) -> None:
    """Show other texts."""
    choose(page, "map-rows", "Support tickets")
    page.wait_for_function(f"() => ({COUNT})() < 1000", polling=20)
    rested(page)


def choose(page, id: str, name: str) -> None:
    """Choose from a list."""
    page.locator(f"#{id} input").click()
    page.get_by_role("option", name=re.compile(name, re.IGNORECASE)).first.click()


def file_of(folder: Path, rows: int) -> Path:
    """Short texts of four kinds."""
    draw = random.Random(rows)
    path = folder / f"texts-{rows}.csv"
    with path.open("w", encoding="utf-8") as out:
        out.write("text,label\n")
        for i in range(rows):
            label = list(WORDS)[i % len(WORDS)]
            others = [word for words in WORDS.values() for word in words]
            out.write(
                f"{' '.join([*draw.sample(WORDS[label], 3), draw.choice(others)])} {i},{label}\n"
            )
    return path


if __name__ == "__main__":
    main()
