"""The command line as a person has it: a process of its own, in a folder of its own."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tl_core import cli

ROOT = Path(__file__).parents[2]
TOPICS = {
    "refund": (
        "money back charge invoice payment billed twice card refund price cost receipt bank fee"
    ).split(),
    "login": (
        "password account locked sign page code reset user email session token access name forgot"
    ).split(),
    "delivery": (
        "parcel courier late box address door tracking arrived broken truck street post weight van"
    ).split(),
}
FILLING = "please today again the my was with after since still never why how this week".split()
FAST = (
    "--strategies",
    "majority,tfidf",
    "--test-size",
    "30",
)  # arms without a network, which start in half the time


def rows(n: int, start: int = 0) -> list[tuple[str, str]]:
    """(text, label) of rows `start` to `start + n`, always the same; labels take turns."""
    made = []
    for i in range(start, start + n):
        draw, label = random.Random(i), list(TOPICS)[i % len(TOPICS)]
        words = [
            *draw.choices(TOPICS[label], k=3),
            *draw.choices(FILLING, k=4),
            *draw.choices(TOPICS[draw.choice(list(TOPICS))], k=2),
        ]
        draw.shuffle(words)
        made.append((" ".join(words) + f" {i}", label))
    return made


def write(path: Path, made: Iterable[tuple[str, str]]) -> Path:
    """A CSV with the columns text and label."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *made])
    return path


def environment(home: Path) -> dict[str, str]:
    """As a fresh machine without a network; the package is found wherever the command is
    started.
    """
    return {
        **os.environ,
        "TL_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
    }


def command(*arguments: object) -> list[str]:
    """What is typed, with this Python."""
    return [sys.executable, "-m", "tl_core", *map(str, arguments)]


def tl(folder: Path, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder and see its exit code."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(folder / "home"),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=180,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def study_of(folder: Path) -> dict:
    """study.json, strictly: NaN and Infinity are no JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in study.json")

    return json.loads((folder / "study.json").read_text(encoding="utf-8"), parse_constant=refuse)


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below the folder with its time and size."""
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.stat().st_size)
        for p in sorted(folder.rglob("*"))
    }


def sentences(text: str) -> list[str]:
    """What a person is told, line by line; each must be a full sentence."""
    lines = [line.removeprefix("transfer-lab: ") for line in text.splitlines()]
    assert lines, "nothing was said"
    for line in lines:
        assert line.endswith((".", "?", "!")), line
    assert "Traceback" not in text
    return lines


def typed(capfd, *arguments: object, code: int = 0) -> tuple[str, str]:
    """What a command says on standard output and beside it, in this process: for tests that do not
    ask about the process.
    """
    capfd.readouterr()
    ended = cli.main(list(map(str, arguments)))
    out, err = capfd.readouterr()
    assert ended == code, f"exit {ended}\n{out}\n{err}"
    return out, err


def refused(capfd, *arguments: object) -> str:
    """What is said when a command cannot be done: exit 2, in sentences, nothing on standard
    output.
    """
    capfd.readouterr()
    code = cli.main(list(map(str, arguments)))
    out, err = capfd.readouterr()
    assert (code, out) == (cli.PUT_RIGHT, ""), err
    sentences(err)
    return err
