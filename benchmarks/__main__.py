"""Ours and the usual way, side by side in one run:

    pip install -r requirements.txt -r benchmarks/requirements.txt
    python -m benchmarks [--short] [--train FILE --test FILE] [--only WORK ...]

Every piece of work runs in a process of its own, ours and theirs by turns on the same rows and
seeds, three times or more. Nothing is written where the machine had other work to do. Without files
it takes the bundled tickets. Results: benchmarks/RESULTS.md and docs/benchmarks.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

MOST_LOAD = 0.3  # of a core, from elsewhere
PATIENCE = 120.0  # seconds to wait for a quiet machine
FOLDER = Path(__file__).parent
RESULTS, CHART = FOLDER / "RESULTS.md", FOLDER.parent / "docs" / "benchmarks.svg"
TIMES = (("ours", "#0072b2"), ("usual", "#999999"))


@dataclass(frozen=True)
class Work:
    """A row of the table."""

    id: str
    title: str
    usual: str  # what people would use instead
    repeats: int
    goal: float | None = None  # largest ratio of our time to theirs
    times: int = 1  # what one run of theirs is counted as: a part of the whole that we do


WORKS = (
    Work("lora", "LoRA, 20 epochs on 8 rows a label, then predictions", "Trainer + peft", 5, 0.15),
    Work("contrastive", "contrastive, then predictions", "setfit", 5, 0.10),
    Work("full", "full fine-tuning, then predictions", "Trainer", 5, 0.30),
    Work("embedding", "embedding texts not seen before", "sentence-transformers", 3, 0.25),
    Work("probe", "probe on all rows", "LogisticRegressionCV, same grid and folds", 3, 0.25),
    Work("static", "static vectors of texts", "sentence-transformers", 3, 1 / 50),
    Work(
        "label scoring",
        "77 labels after each text, GPT-2-sized",
        "one forward pass a label",
        3,
        0.10,
    ),
    Work(
        "curve",
        "LoRA at 1 to 32 rows a label, 5 draws, all predictions",
        "Trainer + peft, 30 runs",
        1,
        0.06,
        times=5,
    ),
)
SHORT = ("embedding", "probe", "static", "lora")


@dataclass
class Found:
    """What came of one work."""

    work: Work
    runs: dict[str, list[dict]] = field(default_factory=lambda: {"ours": [], "usual": []})

    def walls(self, side: str) -> list[float]:
        """Seconds of each run."""
        times = self.work.times if side == "usual" else 1
        return [times * sum(run["seconds"].values()) for run in self.runs[side]]

    @property
    def ratio(self) -> float:
        """Our median seconds over theirs."""
        return statistics.median(self.walls("ours")) / statistics.median(self.walls("usual"))


class Busy(Exception):
    """The machine has other work to do."""


def quiet() -> float:
    """Wait until little else runs; cores used elsewhere, in the mean of two seconds.

    Raises:
        Busy: it does not come to that.
    """
    until = time.monotonic() + PATIENCE
    while True:
        used = psutil.cpu_percent(2.0) / 100 * (os.cpu_count() or 1)
        if used <= MOST_LOAD:
            return used
        if time.monotonic() > until:
            raise Busy(
                f"{used:.1f} cores are used by other programs. End them and start again: times"
                f" taken beside more than {MOST_LOAD} of a core say nothing."
            )


def run(work: Work, side: str, seed: int, files: list[str], folder: Path) -> dict[str, Any]:
    """One piece of work in a process of its own, with a cache that knows nothing."""
    load = quiet()
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.jobs", work.id, side, str(seed), *files,
             "--folder", str(folder)],
            env={**os.environ, "TL_HOME": home, "HF_HUB_OFFLINE": "1"},
            cwd=FOLDER.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{work.id}, {side}: {done.stderr[-2000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "load": round(load, 2)}


def measured(works: list[Work], files: list[str], few: bool) -> Iterator[Found]:
    """Run them all, sides by turns; each as it is finished."""
    with tempfile.TemporaryDirectory() as folder:
        for work in works:
            row = Found(work)
            for seed in range(min(work.repeats, 3) if few else work.repeats):
                sides = ("ours", "usual") if seed % 2 == 0 else ("usual", "ours")
                for side in sides:
                    row.runs[side].append(run(work, side, seed, files, Path(folder)))
                    print(work.id, side, seed, row.runs[side][-1], flush=True)
            yield row


# --- first click and quick strategies: ours alone ----------------------------------------------

COMMANDS = {
    "the first click: similarity, probe, lora, full on the bundled tickets; 0, 1, 4, 8 rows a"
    " label, 3 draws, 200 test rows": (
        "sample:support_tickets --strategies similarity,probe,lora,full --shots 0,1,4,8 --seeds 3"
        " --test-size 200",
        60.0,
    ),
    "seven quick strategies at 7 numbers of labels with 5 draws": (
        "TRAIN --test TEST --strategies majority,tfidf,similarity,prototype,knn,probe,prior-probe"
        " --shots 0,1,2,4,8,16,32 --seeds 5",
        40.0,
    ),
}


def commands(train: str, test: str) -> list[tuple[str, str, float, float, float]]:
    """(title, command, goal, seconds, seconds to the first result) of whole commands."""
    out = []
    for title, (command, goal) in COMMANDS.items():
        quiet()
        words = command.replace("TRAIN", train).replace("TEST", test).split()
        if test == train and "--test" in words:
            del words[words.index("--test") : words.index("--test") + 2]
        with tempfile.TemporaryDirectory() as home:
            study = Path(home) / "study"
            started = time.perf_counter()
            ours = subprocess.Popen(
                [sys.executable, "-m", "tl_core", "compare", *words, "--out", str(study)],
                env={**os.environ, "TL_HOME": home}, cwd=FOLDER.parent,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            first = 0.0
            while ours.poll() is None:
                if not first and any(study.glob("runs/*")):
                    first = time.perf_counter() - started
                time.sleep(0.05)
            took = time.perf_counter() - started
        if ours.returncode:
            raise SystemExit(f"{command} ended with {ours.returncode}.")
        out.append((title, command, goal, took, first))
        print(title, took, first, flush=True)
    return out


# --- what is written ---------------------------------------------------------------------------


def matrix_rates() -> dict[str, float]:
    """GFLOP/s of a product as in a layer (1,024 tokens, 384 to 1,536), by format."""
    import torch

    rates = {}
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        left, right = torch.randn(1024, 384, dtype=kind), torch.randn(1536, 384, dtype=kind)
        took = []
        for _ in range(12):
            started = time.perf_counter()
            torch.nn.functional.linear(left, right)
            took.append(time.perf_counter() - started)
        rates[name] = 2 * 1024 * 384 * 1536 / min(took) / 1e9
    return rates


RATES = "- matrix products on "


def machine() -> list[str]:
    """What it ran on: processor and memory, what its products reach today, versions."""
    from tl_core.models.number_formats import processor

    rates = ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in matrix_rates().items())
    names = ("torch", "transformers", "peft", "setfit", "sentence-transformers", "scikit-learn")
    return [
        f"- {processor().partition(' (')[0]}, {os.cpu_count()} cores,"
        f" {psutil.virtual_memory().total / 2**30:.0f} GB; {platform.system()},"
        f" Python {platform.python_version()}",
        f"{RATES}{time.strftime('%Y-%m-%d')}: {rates}",
        "- " + ", ".join(f"{name} {version(name)}" for name in names),
        f"- load from elsewhere at most {MOST_LOAD} of a core before every run",
    ]


HEADINGS = (
    "| work | instead | ours, s | theirs, s | ratio | goal | ours | theirs | processor s | on |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def measured_row(row: Found) -> str:
    """A line of the table."""
    goal = f"{row.work.goal:.2f}" if row.work.goal else ""
    counted = f" (one of {row.work.times} draws measured)" if row.work.times > 1 else ""
    return (
        f"| {row.work.title} | {row.work.usual}{counted} | {_spread(row.walls('ours'))} |"
        f" {_spread(row.walls('usual'))} | **{row.ratio:.3f}** | {goal} |"
        f" {_quality(row.runs['ours'])} | {_quality(row.runs['usual'])} |"
        f" {_cpu(row, 'ours')} / {_cpu(row, 'usual')} | {time.strftime('%Y-%m-%d')} |"
    )


def kept_rows(before: str, processor: str) -> dict[str, str]:
    """Lines of the table as it was, by the id of the work; none from another processor."""
    if processor not in before:
        return {}
    lines = [line for line in before.splitlines() if line.startswith("| ")]
    return {w.id: line for w in WORKS for line in lines if line.startswith(f"| {w.title} |")}


def _spread(values: list[float]) -> str:
    middle = statistics.median(values)
    digits = 2 if middle < 10 else 1
    if len(values) == 1:
        return f"{middle:.{digits}f}"
    return f"{middle:.{digits}f} ({min(values):.{digits}f} – {max(values):.{digits}f})"


def _cpu(row: Found, side: str) -> str:
    times = row.work.times if side == "usual" else 1
    return f"{times * statistics.median(run['cpu'] for run in row.runs[side]):.1f}"


def _quality(runs: list[dict]) -> str:
    parts = []
    if "accuracy" in runs[0]:
        parts.append(f"{100 * statistics.mean(r['accuracy'] for r in runs):.1f} %")
    if "least cosine" in runs[0]:
        parts.append(f"cosine ≥ {min(r['least cosine'] for r in runs):.5f}")
    if "texts/s" in runs[0]:
        parts.append(f"{statistics.median(r['texts/s'] for r in runs):,.0f} texts/s")
    return ", ".join(parts)


def chart(rows: dict[str, str]) -> str:
    """Our time as a share of theirs, as bars in an SVG.

    Args:
        rows: lines of the table, by the id of the work.
    """
    height, left, width = 26, 330, 320
    bars = []
    for i, work in enumerate(work for work in WORKS if work.id in rows):
        y = 34 + i * height
        ratio = float(rows[work.id].split("**")[1])
        bars.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{work.id}'
            f" ({work.usual.split(',')[0]})</text>"
            f'<rect x="{left}" y="{y}" width="{width}" height="16" fill="{TIMES[1][1]}"'
            ' opacity=".35"/>'
            f'<rect x="{left}" y="{y}" width="{max(1.0, width * min(1.0, ratio)):.1f}" height="16"'
            f' fill="{TIMES[0][1]}"/>'
            f'<text x="{left + width + 8}" y="{y + 13}">{ratio:.2f}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {50 + len(rows) * height}"'
        ' font-family="sans-serif" font-size="13" role="img"><title>Time as a share of what the'
        " usual way takes</title>"
        f'<rect width="720" height="{50 + len(rows) * height}" fill="#fff"/>'
        '<text x="10" y="20" font-weight="bold">Time as a share of what the usual way takes'
        " (grey: 1)</text>" + "".join(bars) + "</svg>\n"
    )


def main() -> None:
    """Measure, then write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", default="sample:support_tickets")
    parser.add_argument("--test", default="")
    parser.add_argument("--only", nargs="*", choices=[work.id for work in WORKS])
    parser.add_argument("--commands", action="store_true", help="with --only: whole commands, too")
    parser.add_argument("--short", action="store_true", help="a few, in about five minutes")
    parser.add_argument("--out", type=Path, default=RESULTS)
    a = parser.parse_args()
    usual = SHORT if a.short else [work.id for work in WORKS]
    wanted = usual if a.only is None else a.only
    test = a.test or a.train
    files = ["--train", a.train, "--test", test, "--most", "200" if a.short else "1000"]
    said = ["python -m benchmarks", *(["--short"] if a.short else [])]
    said += ["--train TRAIN --test TEST"] if a.test else []
    found: list[Found] = []
    try:
        for row in measured([w for w in WORKS if w.id in wanted], files, a.short):
            found.append(row)  # what is there stays, should the rest be cut off
            write(a.out, " ".join(said), found, [])
        whole = commands(a.train, test) if a.commands or not (a.short or wanted != usual) else []
    except Busy as fault:
        raise SystemExit(str(fault)) from None
    write(a.out, " ".join(said), found, whole)
    print(a.out.read_text(encoding="utf-8"))


def write(out: Path, said: str, found: list[Found], whole: list[tuple]) -> None:
    """The results, and for the project's own file the chart; notes below the tables stay, and so do
    rows of an earlier day on the same processor that were not measured now.
    """
    before = out.read_text(encoding="utf-8") if out.is_file() else ""
    about = machine()
    rows = kept_rows(before, about[0].split(",")[0])
    rows |= {row.work.id: measured_row(row) for row in found}
    missing = [work.title for work in WORKS if work.id not in rows]
    lines = [
        "# Ours and the usual way, side by side",
        "",
        f"Written by `{said}`. Medians (smallest – largest) of wall seconds, models loaded and"
        " libraries imported before; both sides on the same rows and seeds by turns, each run in a"
        " process of its own with empty caches.",
        "",
        *about[:2],
        *_earlier_rates(before, about[1], rows),
        *about[2:],
        "",
        *HEADINGS,
        *(rows[work.id] for work in WORKS if work.id in rows),
        "",
    ]
    if missing:
        lines += ["Not measured: " + "; ".join(missing) + ".", ""]
    lines += _whole(whole) if whole else _whole_before(before)
    lines += _notes(before)
    if out == RESULTS:
        CHART.write_text(chart(rows), encoding="utf-8")
    out.write_text("\n".join(lines), encoding="utf-8")


def _earlier_rates(before: str, today: str, rows: dict[str, str]) -> list[str]:
    """What products reached on the days of rows that stay: one name covers several processors."""
    days = {row.rstrip(" |").rpartition("| ")[2] for row in rows.values()}
    lines = [line for line in before.splitlines() if line.startswith(RATES)]
    of_day = {line.removeprefix(RATES)[: len("2026-11-30")]: line for line in lines}
    return [
        line for day, line in of_day.items() if day in days and not today.startswith(RATES + day)
    ]


WHOLE = "| whole command, ours | seconds | first result after | goal | on |"


def _whole(whole: list[tuple]) -> list[str]:
    return [
        WHOLE,
        "|---|---|---|---|---|",
        *(
            f"| {title}<br>`compare {command}` | {took:.1f} | {first:.1f} | {goal:.0f} |"
            f" {time.strftime('%Y-%m-%d')} |"
            for title, command, goal, took, first in whole
        ),
        "",
    ]


def _whole_before(before: str) -> list[str]:
    """The table of whole commands as it was."""
    if WHOLE not in before:
        return []
    table = before[before.index(WHOLE) :].split("\n\n", 1)[0]
    return [*table.splitlines(), ""]


NOTES = "## Read with it"


def _notes(before: str) -> list[str]:
    """What people wrote below the tables stays."""
    return [NOTES + before.split(NOTES, 1)[1]] if NOTES in before else []


if __name__ == "__main__":
    main()
