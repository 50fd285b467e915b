"""The commands of a lab, run on the rows of a folder, and what every arm reaches.

    python -m benchmarks.labs film-reviews DATA [--out DIR] [--only compare]

DATA holds train.jsonl and test.jsonl. Commands run one after another in DIR, where studies stay:
the same command goes on with what is not finished. Prints a table for the page of the lab.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

PAGES = Path(__file__).parents[1] / "docs" / "labs"


def page(lab: str) -> str:
    """The text of a lab."""
    return (PAGES / f"{lab}.md").read_text(encoding="utf-8")


def commands(lab: str) -> list[list[str]]:
    """Its commands in order, each as arguments."""
    blocks = re.findall(r"```sh\n(.*?)```", page(lab), re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line]


def labels(lab: str) -> str:
    """Its label table, as JSON."""
    (found,) = re.findall(r"```json\n(.*?)```", page(lab), re.S)
    return found


def main() -> None:
    """Run them and print what was reached."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lab", choices=sorted(p.stem for p in PAGES.glob("*.md")))
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("lab"))
    parser.add_argument("--only", metavar="COMMAND", help="only commands of this name")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    for name in ("train.jsonl", "test.jsonl"):
        if not (a.out / name).exists():
            (a.out / name).symlink_to((a.data / name).resolve())
    (a.out / "labels.json").write_text(labels(a.lab), encoding="utf-8")
    for command in commands(a.lab):
        program, name, *_ = command
        if program != "transfer-lab" or name == "serve" or a.only not in (None, name):
            continue
        print(shlex.join(command), flush=True)
        subprocess.run([sys.executable, "-m", "tl_core", *command[1:]], cwd=a.out, check=True)
    for study in sorted(a.out.glob("*/study.json")):
        print("\n".join(reached(study)))


def reached(study: Path) -> list[str]:
    """What every arm of a study reached, from its study.json, as lines of a table."""
    record = json.loads(study.read_text(encoding="utf-8"))
    lines = []
    for cell in record["summary"]:
        mean, low, high = (100 * cell["accuracy"][x] for x in ("mean", "low", "high"))
        name = f"{study.parent.name}: `{cell['arm']}`"
        lines.append(f"| {name} | {cell['labels']:g} | {mean:.1f}% ({low:.1f} – {high:.1f}) |")
    return lines


if __name__ == "__main__":
    main()
