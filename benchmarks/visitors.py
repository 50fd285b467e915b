"""Many visitors at a time: whether everybody is answered, how soon, and what that does to the
page's memory.

    python -m benchmarks.visitors [--visitors 50] [--seconds 120] [--profile cpu]

Starts the page with a home of its own in which two studies are waiting, so that both processors are
busy, and lets each visitor, from an address of their own (127.0.0.x, so on Linux), fill blanks with
a pause of one to three seconds between them and open the page now and then. Prints errors, how long
a filled blank took at the median and the 95th percentile, and the memory of the page's process
before and after. The target: no errors, 1.5 s at the 95th percentile, 200 MB at most.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import psutil

from benchmarks.served import served
from spaces_config.profiles import profile_named
from tl_core.running.queue import StudyQueue
from tl_core.studies.plan import ArmRequest, make_study
from tl_ui.state.datasets import FIRST, Datasets

TEXTS = (
    "The [MASK] arrived late.",
    "I want my [MASK] back.",
    "Please reset my [MASK], I cannot log in.",
    "She put the [MASK] on the table.",
)
PAUSE = (1.0, 3.0)  # seconds between two questions of a visitor
OPENS = 0.1  # share of the visits of the page among a visitor's requests
PATIENCE = 60.0
WARM = 5


def main() -> None:
    """Print one block of lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=50, choices=range(1, 201), metavar="1..200")
    parser.add_argument(
        "--seconds", type=int, default=120, choices=range(1, 1801), metavar="1..1800"
    )
    parser.add_argument("--profile", default="cpu")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        studies(place / "home", asked.profile)
        with served(place, asked.profile) as it:
            page = psutil.Process(it.pid)
            for _ in range(WARM):
                fill(httpx.Client(base_url=it.url, timeout=PATIENCE))
            before = page.memory_info().rss
            took, opened, errors = together(it.url, asked.visitors, asked.seconds)
            after = page.memory_info().rss
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{asked.visitors} visitors, {asked.seconds} s, two studies running, {os.cpu_count()}"
        f" processors, load {load:.1f}, profile {asked.profile}"
    )
    print(
        f"errors: {sum(errors.values())} of {len(took) + len(opened) + sum(errors.values())}"
        " requests" + "".join(f"\n  {n} times {what}" for what, n in errors.most_common(5))
    )
    for what, seconds in (("a filled blank", took), ("the page's settings", opened)):
        if seconds:
            print(
                f"{what}: {len(seconds)} times, median {np.median(seconds):.2f} s, 95th percentile"
                f" {np.quantile(seconds, 0.95):.2f} s, longest {max(seconds):.2f} s"
            )
    print(
        f"memory of the page: {before / 2**20:.0f} MB before, {after / 2**20:.0f} MB after"
        f" ({(after - before) / 2**20:+.0f} MB)"
    )


def studies(home: Path, profile: str) -> None:
    """Two studies that take longer than this benchmark, waiting for the page to start."""
    queue = StudyQueue(home)
    held = Datasets(home, profile_named(profile), lambda models, texts: []).get(FIRST)
    for seeds in (5, 6):
        arms = [ArmRequest("lora"), ArmRequest("full")]
        queue.submit(
            make_study(
                held.name,
                held.loaded.dataset.problem,
                held.split(None)[0],
                arms=arms,
                shots=[4, 8],
                seeds=seeds,
                hub=False,
            )
        )


def together(
    url: str, visitors: int, seconds: int
) -> tuple[list[float], list[float], Counter[str]]:
    """Seconds of filled blanks, seconds of settings fetched, and errors by kind."""
    took: list[float] = []
    opened: list[float] = []
    errors: Counter[str] = Counter()
    until = time.monotonic() + seconds

    def visit(number: int) -> None:
        draw = random.Random(number)
        transport = httpx.HTTPTransport(local_address=f"127.0.1.{number + 1}")
        with httpx.Client(base_url=url, timeout=PATIENCE, transport=transport) as client:
            time.sleep(draw.uniform(0, PAUSE[1]))
            while time.monotonic() < until:
                opening = draw.random() < OPENS
                began = time.perf_counter()
                try:
                    if opening:
                        client.get("/config").raise_for_status()
                    else:
                        fill(client, draw.choice(TEXTS))
                    (opened if opening else took).append(time.perf_counter() - began)
                except (httpx.HTTPError, ValueError, KeyError) as fault:
                    errors[f"{type(fault).__name__}: {str(fault)[:120]}"] += 1
                time.sleep(draw.uniform(*PAUSE))

    threads = [threading.Thread(target=visit, args=[number]) for number in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, opened, errors


def fill(client: httpx.Client, text: str = TEXTS[0]) -> None:
    """Fill a blank as any program does.

    Raises:
        ValueError: it was not filled.
    """
    event = (
        client.post(
            "/gradio_api/call/fill_mask", json={"data": [text, "minilm-masked", 5, False, ""]}
        )
        .raise_for_status()
        .json()["event_id"]
    )
    answer = client.get(f"/gradio_api/call/fill_mask/{event}").raise_for_status().text
    if "event: complete" not in answer:
        raise ValueError(answer.strip()[-200:])
    json.loads(answer.split("data: ")[-1])


if __name__ == "__main__":
    main()
