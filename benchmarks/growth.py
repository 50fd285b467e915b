"""How seconds and memory grow: more rows, more labels, more runs, longer texts.

    python -m benchmarks.growth [--only rows labels runs tokens] [--most-rows 100000]

Every measurement is a `compare` on made-up rows in a process of its own, with an empty cache. The
words of a text are whole words of the embedded model's vocabulary, so its tokens are counted; seven
of ten belong to its label. Peak memory is the largest sum, over the command and its workers, of
memory that is theirs alone plus their part of what they share (PSS). Like `python -m benchmarks`,
it waits for a quiet machine. Prints a table, and writes docs/growth.svg where all is measured.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.__main__ import Busy, machine, quiet
from tl_core.models.catalog import find

ROOT = Path(__file__).parents[1]
CHART = ROOT / "docs" / "growth.svg"
LOOK = 0.5  # seconds between two looks at the memory
OWN_WORDS, OF_LABEL = 20, 0.7  # words that a label owns, and their share in its texts
TOKENS, TEST = 16, 200


@dataclass(frozen=True)
class Point:
    """One measurement: what is varied, and what was found."""

    of: str
    size: int
    command: list[str]
    rows: int
    labels: int = 4
    tokens: int = TOKENS
    seconds: float = 0.0
    megabytes: float = 0.0
    accuracy: float = 0.0


def wanted(most_rows: int, longer: Path) -> Iterator[Point]:
    """What is measured, the small ones of each kind first.

    Args:
        longer: a copy of the embedded model that reads 512 tokens.
    """
    probe = ["--strategies", "probe", "--shots", "all", "--seeds", "1", "--keep", "none"]
    for rows in (1_000, 10_000, 100_000, 1_000_000):
        if rows <= most_rows:
            yield Point("rows", rows, probe, rows)
    for labels in (2, 10, 50, 150):
        yield Point("labels", labels, probe, 6_000, labels)
    for runs in (1, 4, 16, 64):
        lora = ["--strategies", "lora", "--shots", "4", "--seeds", str(runs), "--keep", "none"]
        yield Point("runs", runs, lora, 2_000)
    for tokens in (16, 64, 256, 512):
        yield Point("tokens", tokens, [*probe, "--model", str(longer)], 1_000, tokens=tokens)


def write_rows(point: Point, file: Path, words: list[str]) -> None:
    """A table of rows with as many tokens each as are asked for, [CLS] and [SEP] among them."""
    draw = random.Random(point.size)
    own = [draw.sample(words, OWN_WORDS) for _ in range(point.labels)]
    with file.open("w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["text", "label"])
        for row in range(point.rows):
            label = row % point.labels
            text = " ".join(
                draw.choice(own[label]) if draw.random() < OF_LABEL else draw.choice(words)
                for _ in range(point.tokens - 2)
            )
            table.writerow([text, f"topic {label}"])


def measured(point: Point, words: list[str]) -> Point:
    """Run its command, and look at its memory meanwhile."""
    quiet()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_rows(point, place / "rows.csv", words)
        command = [sys.executable, "-m", "tl_core", "compare", str(place / "rows.csv")]
        command += [*point.command, "--test-size", str(TEST), "--out", str(place / "study")]
        started, most = time.perf_counter(), 0.0
        log = place / "log.txt"
        said = log.open("w", encoding="utf-8")
        process = subprocess.Popen(
            [*command, "--json"], cwd=ROOT, env=_environment(place / "home"),
            stdout=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
        while True:
            most = max(most, _memory(process.pid))
            try:
                process.wait(timeout=LOOK)
                break
            except subprocess.TimeoutExpired:
                continue
        took = time.perf_counter() - started
        if process.returncode:
            raise SystemExit(f"{point.of} {point.size}: {log.read_text('utf-8')[-2000:]}")
        record = json.loads((place / "study" / "study.json").read_text(encoding="utf-8"))
    accuracy = record["summary"][0]["accuracy"]["mean"]
    return Point(
        point.of, point.size, point.command, point.rows, point.labels, point.tokens,
        took, most / 2**20, accuracy,
    )  # fmt: skip


def _environment(home: Path) -> dict[str, str]:
    import os

    return {**os.environ, "TL_HOME": str(home), "HF_HUB_OFFLINE": "1"}


def _memory(pid: int) -> float:
    """Bytes of a process and all below it."""
    total = 0.0
    try:
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:  # one has just ended
        pass
    return total


def chart(points: list[Point]) -> str:
    """Seconds (blue) and gigabytes (orange) of each kind, both axes logarithmic, as an SVG."""
    kinds = list(dict.fromkeys(p.of for p in points))
    width, height = 340, 230
    parts = [
        _panel([p for p in points if p.of == kind], 20 + width * (i % 2), 20 + height * (i // 2))
        for i, kind in enumerate(kinds)
    ]
    tall = 30 + height * math.ceil(len(kinds) / 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {tall}" role="img"'
        ' font-family="sans-serif" font-size="12"><title>Seconds and memory by rows, labels, runs'
        f' and tokens</title><rect width="720" height="{tall}" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


TITLES = {
    "rows": "rows embedded and probed, 16 tokens",
    "labels": "labels, 6,000 rows probed",
    "runs": "runs of LoRA, 4 rows a label",
    "tokens": "tokens a text, 1,000 rows probed",
}
LINES = (("seconds", "#0072b2", "s"), ("megabytes", "#d55e00", "MB"))


def _panel(points: list[Point], left: float, top: float) -> str:
    inner, tall = 260, 150
    sizes = [math.log(p.size) for p in points]
    span = (max(sizes) - min(sizes)) or 1.0
    values = [getattr(p, name) for p in points for name, *_ in LINES]
    low, high = math.log10(min(values)), math.log10(max(values))
    low, high = math.floor(low), max(math.ceil(high), math.floor(low) + 1)
    x = [left + 30 + inner * (s - min(sizes)) / span for s in sizes]

    def y(value: float) -> float:
        return top + 25 + tall * (1 - (math.log10(value) - low) / (high - low))

    out = [f'<text x="{left}" y="{top + 8}" font-weight="bold">{TITLES[points[0].of]}</text>']
    for power in range(low, high + 1):
        at = y(10**power)
        out.append(
            f'<line x1="{left + 30}" x2="{left + 30 + inner}" y1="{at:.1f}" y2="{at:.1f}"'
            f' stroke="#ddd"/><text x="{left + 26}" y="{at + 4:.1f}" text-anchor="end"'
            f' fill="#555">{10.0**power:,g}</text>'
        )
    for place, point in zip(x, points, strict=True):
        out.append(
            f'<text x="{place:.1f}" y="{top + tall + 40}" text-anchor="middle">'
            f"{point.size:,}</text>"
        )
    for name, colour, unit in LINES:
        told = [getattr(p, name) for p in points]
        line = " ".join(f"{a:.1f},{y(v):.1f}" for a, v in zip(x, told, strict=True))
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for place, value in zip(x, told, strict=True):
            out.append(
                f'<circle cx="{place:.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>'
                f'<text x="{place:.1f}" y="{y(value) - 7:.1f}" text-anchor="middle"'
                f' fill="{colour}">{value:,.0f} {unit}</text>'
            )
    return "".join(out)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=list(TITLES))
    parser.add_argument("--most-rows", type=int, default=100_000)
    a = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        longer = Path(folder) / "longer"
        shutil.copytree(find("minilm").folder, longer)
        (longer / "sentence_bert_config.json").write_text('{"max_seq_length": 512}')
        words = [w for w in (longer / "vocab.txt").read_text(encoding="utf-8").split() if _whole(w)]
        print(*machine(), sep="\n")
        print("\n| what | size | s | MB | accuracy |\n|---|---|---|---|---|")
        try:
            for point in wanted(a.most_rows, longer):
                if a.only and point.of not in a.only:
                    continue
                found.append(measured(point, words))
                p = found[-1]
                print(
                    f"| {TITLES[p.of]} | {p.size:,} | {p.seconds:.1f} | {p.megabytes:,.0f} |"
                    f" {100 * p.accuracy:.1f} % |",
                    flush=True,
                )
        except Busy as fault:
            raise SystemExit(str(fault)) from None
    if not a.only:
        CHART.write_text(chart(found), encoding="utf-8")


def _whole(word: str) -> bool:
    return word.isascii() and word.isalpha() and word.islower() and len(word) > 3


if __name__ == "__main__":
    main()
