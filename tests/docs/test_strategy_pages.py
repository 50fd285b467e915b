"""Every strategy has a page that says what is so: its settings, what it runs on, commands that can be given."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tl_core.cli import parser
from tl_core.commands.compare import _arm, _names, _shots
from tl_core.experiments.arms import Confidence, around, refuses
from tl_core.experiments.plan import DEFAULT_STRATEGIES, ArmRequest, check_arms
from tl_core.params import declared
from tl_core.strategies import strategies
from tl_core.types import Arm, Facts, Label, ModelRef, Problem

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "strategies"
PARTS = ("When to choose it", "How it is computed", "Settings", "What it refuses", "Cost", "Measured", "Sources")
MODELS = (  # of the table of families, from left to right: architecture, family of its head, whether it says what entails what
    ("bert", "", False), ("bert", "masked", False), ("xlnet", "permutation", False), ("t5", "sentinel", False), ("gpt2", "causal", False),
    ("llama", "causal", False), ("bert", "", True),
)  # fmt: skip
PROBLEM = Problem("one text", "one label", (Label("1", "sea"), Label("2", "bread")))
ELSEWHERE = "DIR"  # stands for a model nobody can be asked to have

every_page = pytest.mark.parametrize("id", sorted(strategies()))
documents = pytest.mark.parametrize("path", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: str(p.relative_to(ROOT)))


def page(id: str) -> str:
    return (PAGES / f"{id}.md").read_text(encoding="utf-8")


def part(id: str, title: str) -> str:
    return page(id).split(f"## {title}\n")[1].split("\n## ")[0]


def rows(table: str) -> list[list[str]]:
    """Cells of the lines below a table's head; what looks like a bar in a cell is written \\|."""
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def commands(text: str) -> list[str]:
    """What follows `python -m tl_core compare`, in blocks and in code spans."""
    return re.findall(r"python -m tl_core compare ([^`\n]+)", text)


def anchors(text: str) -> set[str]:
    """The names by which GitHub links to the headings of a page."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)}


def test_every_strategy_has_a_page_and_no_page_is_left_over():
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == set(strategies())
    assert len(strategies()) > 20


@every_page
def test_it_has_every_part_in_order(id):
    assert page(id).startswith(f"# {id}: {strategies()[id].title}\n\n")
    assert tuple(re.findall(r"^## (.+)$", page(id), re.M)) == PARTS
    for title in PARTS:
        assert len(part(id, title).split()) > 2, title


@every_page
def test_its_settings_are_as_declared(id):
    def shown(value) -> str:
        if isinstance(value, bool):
            return "`yes`" if value else "`no`"
        return f"`{value}`" if value != "" else "(empty)"

    told = rows(part(id, "Settings"))
    expected = declared(strategies()[id].Params)
    assert [cells[0] for cells in told] == [f"`{s['name']}`" for s in expected]
    for (name, default, _, help), setting in zip(told, expected, strict=True):
        number = isinstance(setting["default"], float)
        assert (float(default.strip("`")) == setting["default"]) if number else default == shown(setting["default"]), name
        assert help == setting["help"], name


@every_page
def test_it_says_what_may_be_asked_around_it(id):
    """A strategy that trains takes selection, augmentation and scaling, or its base does; the others refuse them."""
    strategy = strategies()[id]
    told = " ".join(page(id).split())
    assert ("`selection`, `augmentation` and `scaling`" in told) == (hasattr(strategy, "tries") or getattr(strategy, "takes_base", False))
    assert ("`scaling` (`inside` unless `none` is asked for)" in told) == (around(strategy) is Confidence)


@every_page
def test_it_has_a_measured_number_with_its_command_or_says_that_it_has_none(id):
    told = " ".join(part(id, "Measured").split())
    number = re.search(r"\d\d\.\d % \(95 %: \d\d?\.\d – \d\d?\.\d\) right", told)
    assert bool(number) != ("not measured" in told.lower())
    (command,) = commands(told if number else part(id, "Measured"))
    assert id in re.split(r"[ ,=]", command)


@documents
def test_its_commands_can_be_given(path, monkeypatch):
    """As they stand: every option is known, every arm's settings are, and so are the models that come with the project."""
    monkeypatch.setenv("TL_CHAT_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("TL_CHAT_MODEL", "somebody")
    for command in commands(path.read_text(encoding="utf-8")):
        asked = parser().parse_args(["compare", *shlex.split(command)])
        names = _names(asked.strategies) or (() if asked.arm else DEFAULT_STRATEGIES)
        arms = [*map(ArmRequest, names), *map(_arm, asked.arm)]
        _shots(asked.shots)
        _, _, faults = check_arms([replace(a, model=None) if a.model == ELSEWHERE else a for a in arms])
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


def test_the_map_has_every_strategy_where_its_needs_are():
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    told = {needs: re.findall(r"\]\((.+?)\.md\)", group) for needs, group in re.findall(r"\*\*(.+? labels)\*\*(.+?)(?=\n\*\*|\n## )", text, re.S)}
    assert {needs: sorted(ids) for needs, ids in told.items()} == {
        needs: sorted(s.id for s in strategies().values() if (s.needs if not hasattr(s, "also_without_labels") else "no labels") == needs.lower())
        for needs in ("No labels", "A few labels", "All labels")
    }


def test_the_readme_names_every_strategy():
    told = (ROOT / "README.md").read_text(encoding="utf-8").split("## What it compares")[1].split("\n## ")[0]
    assert set(strategies()) <= set(re.findall(r"`([\w-]+)`", told))


def test_the_map_says_what_runs_on_which_model():
    told = rows((PAGES / "README.md").read_text(encoding="utf-8").split("## What runs on which model")[1])
    assert [cells[0] for cells in told] == [f"[{id}]({id}.md)" for id in strategies()]
    for (_, *cells), strategy in zip(told, strategies().values(), strict=True):
        assert cells == [_answer(strategy, *model) for model in MODELS], strategy.id


def _answer(strategy, kind: str, speaks: str, entails: bool) -> str:
    if not strategy.uses_model:
        return "needs none"
    ref = ModelRef("a model", "0" * 32, kind, speaks, entails)
    base = Arm("lora", "lora", 1, model=ref) if getattr(strategy, "takes_base", False) else None
    arm = Arm(strategy.id, strategy.id, strategy.version, model=ref, base=base)
    return "no" if refuses(arm, Facts(PROBLEM, 0 if strategy.needs == "no labels" else 4, ref, True)) else "yes"
