"""Every strategy has a page that says what is so: its settings, what it runs on, commands that can
be given.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import tables
from tl_core.api import plugins
from tl_core.cli import parser
from tl_core.commands.compare import _arm, _names, _shots
from tl_core.strategies import strategies
from tl_core.studies.arms import Confidence, around
from tl_core.studies.plan import DEFAULT_STRATEGIES, ArmRequest, check_arms

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "strategies"
PARTS = (
    "When to choose it",
    "How it is computed",
    "Settings",
    "What it refuses",
    "Cost",
    "Measured",
    "Sources",
)
ELSEWHERE = "DIR"  # stands for a model nobody can be asked to have

WITH_PAGE = sorted({path.stem for path in PAGES.glob("*.md")} - {"README"})
every_page = pytest.mark.parametrize("id", WITH_PAGE)
documents = pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))],
    ids=lambda p: str(p.relative_to(ROOT)),
)


def page(id: str) -> str:
    return (PAGES / f"{id}.md").read_text(encoding="utf-8")


def part(id: str, title: str) -> str:
    return page(id).split(f"## {title}\n")[1].split("\n## ")[0]


def commands(text: str) -> list[str]:
    """What follows `python -m tl_core compare`, in blocks and in code spans."""
    return re.findall(r"python -m tl_core compare ([^`\n]+)", text)


def anchors(text: str) -> set[str]:
    """The names by which GitHub links to the headings of a page."""
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.M)
    }


def test_no_page_is_left_over():
    """A strategy need not have one; those that come with this program do."""
    assert set(WITH_PAGE) <= set(strategies())
    assert len(WITH_PAGE) >= 25


@every_page
def test_it_has_every_part_in_order(id):
    assert page(id).startswith(f"# {id}: {strategies()[id].title}\n\n")
    assert tuple(re.findall(r"^## (.+)$", page(id), re.M)) == PARTS
    for title in PARTS:
        assert len(part(id, title).split()) > 2, title


@every_page
def test_it_says_what_may_be_asked_around_it(id):
    """A strategy that trains takes selection, augmentation and scaling, or its base does; the
    others refuse them.
    """
    strategy = strategies()[id]
    told = " ".join(page(id).split())
    assert ("`selection`, `augmentation` and `scaling`" in told) == (
        strategy.trains or strategy.takes_base
    )
    assert ("`scaling` (`inside` unless `none` is asked for)" in told) == (
        around(strategy) is Confidence
    )


@every_page
def test_it_has_a_measured_number_with_its_command_or_says_that_it_has_none(id):
    told = " ".join(part(id, "Measured").split())
    number = re.search(r"\d\d\.\d% \(95%: \d\d?\.\d – \d\d?\.\d\) (correct|span F1)", told)
    assert bool(number) != ("not measured" in told.lower())
    (command,) = commands(told if number else part(id, "Measured"))
    assert id in re.split(r"[ ,=]", command)


@documents
def test_its_commands_can_be_given(path, monkeypatch):
    """As they stand: every option is known, every arm's settings are, and so are the models that
    come with the project.
    """
    monkeypatch.setenv("TL_CHAT_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("TL_CHAT_MODEL", "somebody")
    for command in commands(path.read_text(encoding="utf-8")):
        asked = parser().parse_args(["compare", *shlex.split(command)])
        names = _names(asked.strategies) or (() if asked.arm else DEFAULT_STRATEGIES)
        arms = [*map(ArmRequest, names), *map(_arm, asked.arm)]
        _shots(asked.shots)
        _, _, faults = check_arms(
            [replace(a, model=None) if a.model == ELSEWHERE else a for a in arms]
        )
        assert not faults, (command, faults)


@documents
def test_its_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("http"):
            continue
        name, _, heading = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not heading or heading in anchors(target.read_text(encoding="utf-8")), link


def test_the_tables_are_fresh():
    """Those of README.md and docs, of settings, of what runs on which model."""
    stale = [str(path) for path, text in tables.texts() if text != (ROOT / path).read_text("utf-8")]
    assert not stale, f"python -m benchmarks.tables writes them anew: {stale}"


def test_a_strategy_without_a_page_stands_in_every_table(tmp_path, monkeypatch):
    """One more file in a folder, and the command: nothing is written by hand."""
    (tmp_path / "newcomer.py").write_text(
        '"""The majority again. Nobody 2026."""\n'
        "from tl_core.strategies.majority import Majority\nclass New(Majority):\n"
        "    id = 'newcomer'\n    order = 11\nSTRATEGY = New()\n"
    )
    monkeypatch.setenv(plugins.FOLDERS, str(tmp_path))
    plugins.forget()
    try:
        made = {str(path): text for path, text in tables.texts()}
    finally:
        monkeypatch.undo()
        plugins.forget()
    assert "| `newcomer` | Always predicts the most frequent label" in made["README.md"]
    map_of = made["docs/strategies/README.md"]
    assert "- newcomer: Always predicts" in map_of and "| newcomer | needs none |" in map_of
    assert "| newcomer | The majority again. Nobody 2026. | |" in made["docs/methods.md"]


def test_the_map_says_what_is_so():
    """Two cells of a table that is made by asking, against what is known."""
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^\| \[cloze\]\(cloze.md\) \| no \| yes \|", text, re.M)
    assert re.search(r"^\| \[majority\]\(majority.md\) \| needs none \|", text, re.M)
