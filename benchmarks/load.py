"""A service under load: ours against a plain one, many adapters on one base, a swap, a cold start.

    python -m benchmarks.load [--short] [--only load memory swap start onnx]

Trains small LoRA arms on the bundled tickets first. `load`: 32 clients, each with a text at a time,
ask `transfer-lab serve` and then FastAPI with a pipeline of transformers on a network of the same
size. `memory`: of a process that serves one adapter and eight. `swap`: a version is promoted while
all clients ask; no request may fail, and answers change. `start`: until the first answer. `onnx`:
texts a second of the exact and the rounded graph, and what rounding costs on the test rows. Other
work on the machine is said, and makes the figures worthless. Prints a table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.served import free_port
from tl_core.data.load import load
from tl_core.exports.write import export
from tl_core.models.catalog import find
from tl_core.registry import Registry

CLIENTS, ADAPTERS, NAME = 32, 8, "tickets"
PARTS = ("load", "memory", "swap", "start", "onnx")
PLAIN = """
import sys
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

folder, labels, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=labels)
classify = pipeline("text-classification", model=model, device="cpu", top_k=None,
                    tokenizer=AutoTokenizer.from_pretrained(folder))
app = FastAPI()

class Asked(BaseModel):
    inputs: str

@app.get("/ready")
def ready(): return {}

@app.post("/")
def answer(asked: Asked): return classify(asked.inputs, truncation=True)

uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")
"""


@dataclass
class Asked:
    """What clients were answered."""

    seconds: list[float] = field(default_factory=list)
    answers: set[str] = field(default_factory=set)
    errors: int = 0
    spent: float = 0.0

    def __str__(self) -> str:
        p50, p95 = 1000 * np.quantile(self.seconds, (0.5, 0.95)) if self.seconds else (0, 0)
        rate = len(self.seconds) / self.spent
        return f"{rate:.1f} requests/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms, {self.errors} errors"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    a = parser.parse_args()
    elsewhere = psutil.cpu_percent(1.0) * os.cpu_count() / 100
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores;"
        f" {elsewhere:.1f} of a core busy with other work"
    )
    with tempfile.TemporaryDirectory(prefix="transfer-lab-load-") as place:
        os.environ["TL_HOME"] = str(Path(place, "home"))
        study = trained(Path(place, "study"))
        texts = [e.text for e in load("sample:support_tickets").dataset.examples]
        for part in a.only:
            for line in MEASURES[part](study, texts, 5.0 if a.short else 60.0):
                print(f"| {part} | {line} |", flush=True)


def trained(folder: Path) -> Path:
    """A study with some adapters, each with its own learning rate."""
    import tl_core as tl

    arms = [
        tl.arm("lora", name=f"lora{i}", learning_rate=1e-3 * (1 + i), max_steps=20, min_steps=1)
        for i in range(ADAPTERS)
    ]
    tl.compare(
        "sample:support_tickets", strategies=arms, shots=[4], seeds=1, out=folder, progress=False
    )
    return folder


# --- servers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    url: str
    pid: int
    start_seconds: float

    @property
    def megabytes(self) -> float:
        """Its memory."""
        return psutil.Process(self.pid).memory_info().rss / 2**20


@contextmanager
def running(command: list[str], port: int) -> Iterator[Running]:
    """A server, from its start until it is told to end."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while not _is_ready(url):
            if process.poll() is not None:
                raise SystemExit(f"{command} did not start")
            time.sleep(0.02)
        yield Running(url, process.pid, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _is_ready(url: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{url}/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def ours(*arms: str) -> Iterator[Running]:
    """`transfer-lab serve`."""
    port = free_port()
    command = [sys.executable, "-m", "tl_core", "serve", *arms, "--port", str(port)]
    with running(command, port) as server:
        yield server


@contextmanager
def plain(labels: int) -> Iterator[Running]:
    """FastAPI and a pipeline."""
    port = free_port()
    folder = str(find("minilm").folder)
    with running([sys.executable, "-c", PLAIN, folder, str(labels), str(port)], port) as server:
        yield server


# --- clients --------------------------------------------------------------------------------------


def ask(
    url: str, texts: list[str], seconds: float, meanwhile: Callable[[], None] = lambda: None
) -> Asked:
    """Clients that each ask about a text after the other; half-way something else is done."""
    asked = Asked()
    began = time.perf_counter()
    asyncio.run(_clients(url, texts, seconds, meanwhile, asked))
    asked.spent = time.perf_counter() - began
    return asked


async def _clients(
    url: str, texts: list[str], seconds: float, meanwhile: Callable[[], None], asked: Asked
) -> None:
    import httpx

    ends = time.perf_counter() + seconds
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)

    async def client(first: int) -> None:
        i = first
        while time.perf_counter() < ends:
            began = time.perf_counter()
            try:
                answer = await session.post("/", json={"inputs": texts[i % len(texts)]})
            except httpx.HTTPError:
                asked.errors += 1
                continue
            if answer.status_code == 200:
                asked.seconds.append(time.perf_counter() - began)
                if i % len(texts) == 0:  # what one text is answered, from version to version
                    asked.answers.add(answer.text)
            else:
                asked.errors += 1
            i += 1

    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=120) as session:
        halfway = asyncio.get_running_loop().run_in_executor(None, _after, seconds / 2, meanwhile)
        await asyncio.gather(*(client(i * 7) for i in range(CLIENTS)))
        await halfway


def _after(seconds: float, act: Callable[[], None]) -> None:
    time.sleep(seconds)
    act()


# --- what is measured -----------------------------------------------------------------------------


def under_load(study: Path, texts: list[str], seconds: float) -> Iterator[str]:
    """Ours, then the plain one."""
    found: dict[str, Asked] = {}
    with ours(f"{study}:lora0") as server:
        ask(server.url, texts, 2)  # warm
        found["ours"] = ask(server.url, texts, seconds)
    with plain(6) as server:
        ask(server.url, texts, 2)
        found["plain"] = ask(server.url, texts, seconds)
    for name, asked in found.items():
        yield f"{name}: {asked}"
    rate = [len(asked.seconds) / asked.spent for asked in found.values()]
    yield f"throughput {rate[0] / rate[1]:.2f} times that of the plain one"


def memory(study: Path, texts: list[str], seconds: float) -> Iterator[str]:
    """One adapter, and eight, each after it has answered."""
    sizes = []
    for count in (1, ADAPTERS):
        with ours(*(f"{study}:lora{i}" for i in range(count))) as server:
            ask(server.url, texts, 2)
            sizes.append(server.megabytes)
    yield f"1 adapter {sizes[0]:.0f} MiB, {ADAPTERS} {sizes[1]:.0f} MiB: {sizes[1] / sizes[0]:.2f}"


def swap(study: Path, texts: list[str], seconds: float) -> Iterator[str]:
    """A version is promoted under load."""
    registry = Registry()
    with tempfile.TemporaryDirectory() as place:
        for i in (0, ADAPTERS - 1):
            out = Path(place, str(i))
            export(study, out, run=f"lora{i}", format="recipe")
            registry.add(NAME, out)
    registry.promote(f"{NAME}@1")
    with ours(f"{NAME}@production") as server:
        found = ask(
            server.url, texts[:1], max(seconds, 12), lambda: registry.promote(f"{NAME}@2") and None
        )
    yield f"{found}; {len(found.answers)} different answers to one text (two versions)"


def start(study: Path, texts: list[str], seconds: float) -> Iterator[str]:
    """Three starts, until it is ready."""
    took = []
    for _ in range(3):
        with ours(f"{study}:lora0") as server:
            took.append(server.start_seconds)
    yield f"ready after {sorted(took)[1]:.1f} s ({min(took):.1f} – {max(took):.1f})"


def onnx(study: Path, texts: list[str], seconds: float) -> Iterator[str]:
    """Texts a second by ONNX Runtime, exact and rounded, and by torch."""
    from tl_core.api.steps import ended
    from tl_core.api.types import Example
    from tl_core.exports.formats import format_of
    from tl_core.exports.formats.onnx import FILE, SMALL, int8_cost
    from tl_core.exports.kept import open_kept

    rows = [Example(i, text) for i, text in enumerate(texts)]
    kept = open_kept(study, "lora0")
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "onnx")
        made = export(study, out, run="lora0", format="onnx", int8=True)
        about = json.loads((out / "export.json").read_text(encoding="utf-8"))
        ways: dict[str, Callable[[], Any]] = {"torch": lambda: ended(kept.predictor.predict(rows))}
        for name, file in (("onnx", FILE), ("onnx, 8 bits", SMALL)):
            opened = format_of("onnx").open(out, about | {"file": file})
            ways[name] = lambda opened=opened: opened(rows)
        for name, act in ways.items():
            act()
            began = time.perf_counter()
            act()
            yield f"{name}: {len(rows) / (time.perf_counter() - began):.0f} texts/s"
    yield str(int8_cost(made.int8))


MEASURES: dict[str, Callable[[Path, list[str], float], Iterator[str]]] = {
    "load": under_load,
    "memory": memory,
    "swap": swap,
    "start": start,
    "onnx": onnx,
}

if __name__ == "__main__":
    main()
