"""Every command of the labs runs, in order, on a small cut and with tiny models."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from benchmarks.labs import commands, labels, reached

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tl_core" / "data" / "samples"
LABS = {  # the sample that stands for its reviews, and how its labels are called
    "film-reviews": ("product_opinions", {}),
    "korean-film-reviews": ("korean_opinions", {"긍정": "positive", "부정": "negative"}),
}
TRAIN, TEST = 40, 20


def cut(lab: str, place: Path) -> None:
    """A few rows of each label, as the lab's files."""
    sample, names = LABS[lab]
    with open(SAMPLES / f"{sample}.csv", encoding="utf-8", newline="") as file:
        rows = [{**r, "label": names.get(r["label"], r["label"])} for r in csv.DictReader(file)]
    of = [[r for r in rows if r["label"] == label] for label in ("negative", "positive")]
    mixed = [row for both in zip(*of) for row in both]
    for name, some in (("train", mixed[:TRAIN]), ("test", mixed[TRAIN : TRAIN + TEST])):
        lines = [json.dumps(row, ensure_ascii=False) for row in some]
        (place / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (place / "labels.json").write_text(labels(lab), encoding="utf-8")


def smaller(command: list[str], model: Path, masked: Path) -> list[str]:
    """The same command for a few rows: fewer labels, seeds and steps, and tiny models."""
    if command[1] != "compare":
        return command
    said = shlex.join(command)
    for much, little in (
        ("--seeds 3", "--seeds 1"),
        ("0,4,16", "0,4"),
        ("0,8,64,all", "0,4"),
        ("64,all", "4"),
        ("--shots 16", "--shots 4"),
        ("steps=200", "steps=1"),
        ("full,epochs=2", "full,epochs=1,min_steps=1"),
        ("full,epochs=6", "full,epochs=2,min_steps=1"),
        ("model=minilm-masked", f"model={masked}"),
    ):
        said = said.replace(much, little)
    said = re.sub("(strategy=lora)(,epochs=2)?", r"\1,epochs=1,min_steps=1", said)
    said = said.replace("base=lora", "base=lora,base.epochs=1,base.min_steps=1")
    return [*shlex.split(said), "--model", str(model)]


@pytest.fixture(scope="module")
def place(tiny_models, tmp_path_factory):
    """A folder where all commands of each lab have run in one process, but for the service."""
    place = tmp_path_factory.mktemp("labs")
    lines, tiny = [], (tiny_models.body(), tiny_models.headed("bert"))
    for lab in LABS:
        (place / lab).mkdir()
        cut(lab, place / lab)
        for command in commands(lab):
            if command[1] == "serve" or command[0] != "transfer-lab":
                continue
            lines.append(json.dumps([lab, smaller(command, *tiny)[1:]]))
    program = (
        "import json, os, sys; from tl_core import cli\n"
        "for line in sys.stdin.read().splitlines():\n"
        "    lab, command = json.loads(line)\n"
        f"    os.chdir(os.path.join({str(place)!r}, lab))\n"
        "    code = cli.main(command)\n"
        "    assert code == 0, (line, code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input="\n".join(lines),
        cwd=place,
        env={**environment(place), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return place


def environment(place: Path) -> dict[str, str]:
    return {**os.environ, "TL_HOME": str(place / "home"), "HF_HUB_OFFLINE": "1"}


def test_the_labs_have_commands_and_their_studies_say_something(place):
    assert [len(commands(lab)) for lab in LABS] == [15, 10]
    for lab, studies in (
        ("film-reviews", {"films", "films-all", "films-helps"}),
        ("korean-film-reviews", {"reviews"}),
    ):
        made = {
            p.parent.name: json.loads(p.read_text("utf-8"))
            for p in place.glob(f"{lab}/*/study.json")
        }
        assert made.keys() == studies
        for study in made.values():
            assert {r["status"] for r in study["runs"]} == {"done"}
    table = "\n".join(reached(place / "film-reviews" / "films" / "study.json"))
    assert "| films: `blank` | 0 | " in table and "| films: `lora` | 8 | " in table


def test_what_is_served_answers(place):
    lab = place / "film-reviews"
    serving, asking = [c for c in commands("film-reviews") if c[0] == "curl" or c[1] == "serve"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tl_core", *serving[1:], "--port", "0"],
        cwd=lab,
        env={**environment(place), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        first = process.stderr.readline()
        assert " answer at http://127.0.0.1:" in first, first + process.stderr.read()
        url = first.split(" at ")[1].split(";")[0]
        _, address, flag, body = asking
        assert (address, flag) == ("http://127.0.0.1:8080", "-d")
        with urllib.request.urlopen(urllib.request.Request(url, body.encode()), timeout=60) as said:
            answers = json.load(said)
        assert len(answers) == 2
        assert {x["label"] for x in answers[0]} == {"negative", "positive"}
    finally:
        process.terminate()
        process.communicate(timeout=60)
