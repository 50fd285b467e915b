"""How long a large file takes to be read and audited, and in how much memory.

    python -m benchmarks.reading [--rows 1000000]

Writes made-up rows of about 240 characters to a temporary file, then reads, looks for duplicates
and audits, as `python -m tl_core check` does.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Print seconds and peak memory of each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        _write(path, asked.rows)
        print(f"{asked.rows} rows, {path.stat().st_size / 2**20:.0f} MB")
        from tl_core.cli import main as run

        started = time.perf_counter()
        code = run(["check", str(path)])
        print(
            f"check: exit {code}, {time.perf_counter() - started:.0f} s, peak"
            f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB"
        )


def _write(path: Path, rows: int) -> None:
    pick = random.Random(0)
    words = [
        "".join(pick.choices("abcdefghijklmnopqrstuvwxyz", k=pick.randint(2, 10)))
        for _ in range(30_000)
    ]
    with open(path, "w", encoding="utf-8") as file:
        for i in range(rows):
            text = " ".join(pick.choices(words, k=36))
            file.write(json.dumps({"text": text, "label": f"topic {i % 8}"}) + "\n")


if __name__ == "__main__":
    main()
