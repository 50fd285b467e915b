"""python -m benchmarks.tables [--check]: writes the tables of strategies in README.md and docs.

They are between `<!-- generated: NAME -->` and `<!-- end of NAME -->`; everything else in these
files is written by hand. `docs/methods.md` keeps the rows that people wrote, and gets the first
words of a strategy's file where it has none.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from tl_core.api.params import declared
from tl_core.api.strategy import Strategy
from tl_core.api.types import Arm, Facts, Label, ModelRef, Problem
from tl_core.strategies import strategies
from tl_core.studies.arms import refuses

ROOT = Path(__file__).parents[1]
PAGES = Path("docs/strategies")
GROUPS = {
    "no labels": "**No labels** (zero-shot: names of labels, or a prompt, are all there is)",
    "a few labels": "**A few labels** (few-shot: from one of each label on)",
    "all labels": "**All labels** (hundreds and more)",
}
# what the map of models asks: architecture, family of its head, whether it knows what entails what
MODELS = {
    "minilm, or any body without a head": ("bert", "", False),
    "minilm-masked, BERT with its head": ("bert", "masked", False),
    "XLNet": ("xlnet", "permutation", False),
    "T5": ("t5", "sentinel", False),
    "GPT-2": ("gpt2", "causal", False),
    "Llama": ("llama", "causal", False),
    "BERT trained on NLI": ("bert", "", True),
}
PROBLEM = Problem("one text", "one label", (Label("1", "sea"), Label("2", "bread")))


def main(arguments: list[str]) -> int:
    """Write what is out of date; with --check only name it, and return 1."""
    stale = [path for path, text in texts() if text != (ROOT / path).read_text(encoding="utf-8")]
    for path, text in list(texts()) if "--check" not in arguments else []:
        (ROOT / path).write_text(text, encoding="utf-8")
    print(
        *(f"{path} {'is out of date' if '--check' in arguments else 'written'}" for path in stale)
    )
    without = [id for id in strategies() if not has_page(id)]
    if without:
        print(f"Without a page of their own in {PAGES}: {', '.join(without)}")
    return 1 if stale and "--check" in arguments else 0


def texts() -> Iterator[tuple[Path, str]]:
    """Every file that holds a table, as it should be."""
    yield Path("README.md"), _filled(Path("README.md"), {"strategies": _readme})
    map_of = {"map": _map, "models": _models}
    yield PAGES / "README.md", _filled(PAGES / "README.md", map_of)
    yield Path("docs/methods.md"), _filled(Path("docs/methods.md"), {"methods": _methods})
    for id, strategy in strategies().items():
        if has_page(id):
            page = PAGES / f"{id}.md"
            yield page, _filled(page, {"settings": partial(_settings, strategy)})


def has_page(id: str) -> bool:
    """Whether a strategy has a page of its own."""
    return (ROOT / PAGES / f"{id}.md").exists()


def _filled(path: Path, makers: Mapping[str, Callable[[str], str]]) -> str:
    """The file with its tables made anew; each maker is given what was there.

    Raises:
        ValueError: the file has no place for one of them.
    """
    text = (ROOT / path).read_text(encoding="utf-8")
    for name, make in makers.items():
        before, after = f"<!-- generated: {name} -->\n", f"<!-- end of {name} -->"
        if text.count(before) != 1 or text.count(after) != 1:
            raise ValueError(f"{path} must hold {before.strip()} and {after} once, in this order.")
        head, rest = text.split(before)
        old, tail = rest.split(after)
        text = f"{head}{before}\n{make(old)}\n{after}{tail}"
    return text


def needs(strategy: Strategy) -> str:
    """The group it is shown in."""
    return "no labels" if strategy.also_without_labels else strategy.needs


def first_sentence(text: str) -> str:
    """Up to the first full stop."""
    return re.split(r"(?<=[.!?])\s", " ".join(str(text).split()))[0]


def cell(text: Any) -> str:
    """A text in a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _linked(id: str, folder: str = "", code: bool = False) -> str:
    name = f"`{id}`" if code else id
    return f"[{name}]({folder}{id}.md)" if has_page(id) else name


def _readme(_: str) -> str:
    lines = ["| strategy | what it does |", "|---|---|"]
    for group in GROUPS:
        lines.append(f"| **{group}** | |")
        lines += [
            f"| {_linked(s.id, f'{PAGES}/', code=True)} | {cell(first_sentence(s.about))} |"
            for s in strategies().values()
            if needs(s) == group
        ]
    return "\n".join(lines) + "\n"


def _map(_: str) -> str:
    parts = []
    for group, head in GROUPS.items():
        lines = [
            f"- {_linked(s.id)}: {first_sentence(s.about)}"
            for s in strategies().values()
            if needs(s) == group
        ]
        parts.append(head + "\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _models(_: str) -> str:
    lines = [f"| strategy | {' | '.join(MODELS)} |", "|---" * (1 + len(MODELS)) + "|"]
    for s in strategies().values():
        answers = [runs_on(s, *model) for model in MODELS.values()]
        lines.append(f"| {_linked(s.id)} | {' | '.join(answers)} |")
    return "\n".join(lines) + "\n"


def runs_on(strategy: Strategy, kind: str, speaks: str, entails: bool) -> str:
    """Return whether it runs on such a model."""
    if not strategy.uses_model:
        return "needs none"
    ref = ModelRef("a model", "0" * 32, kind, speaks, entails)
    base = Arm("lora", "lora", 1, model=ref) if strategy.takes_base else None
    arm = Arm(strategy.id, strategy.id, strategy.version, model=ref, base=base)
    shots = 0 if strategy.needs == "no labels" else 4
    return "no" if refuses(arm, Facts(PROBLEM, shots, ref, True)) else "yes"


def _methods(old: str) -> str:
    kept = {
        found[1]: line
        for line in old.splitlines()
        if (found := re.match(r"\| ([a-z0-9-]+) \|", line)) and found[1] != "id"
    }
    lines = ["| id | what is computed | source |", "|---|---|---|"]
    for id, strategy in strategies().items():
        said = import_module(type(strategy).__module__).__doc__ or strategy.about
        first = cell(said.strip().split("\n\n")[0])
        lines.append(kept.get(id) or f"| {id} | {first} | |")
    return "\n".join(lines) + "\n"


def _settings(strategy: Strategy, _: str) -> str:
    rows = declared(strategy.settings)
    if not rows:
        return "It has none.\n"
    lines = ["| setting | default | may be | what it does |", "|---|---|---|---|"]
    lines += [
        f"| `{s['name']}` | {_default(s['default'])} | {_may_be(s)} | {cell(s['help'])} |"
        for s in rows
    ]
    return "\n".join(lines) + "\n"


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{cell(value)}`" if value != "" else "(empty)"


def _may_be(setting: dict[str, Any]) -> str:
    low, high = setting["low"], setting["high"]
    if setting["choices"]:
        return ", ".join(f"`{choice}`" for choice in setting["choices"])
    if isinstance(setting["default"], bool):
        return "`yes`, `no`"
    if low is not None or high is not None:
        shown = [_number(x) if x is not None else "" for x in (low, high)]
        return f"{shown[0]} to {shown[1]}" if all(shown) else f"at least {shown[0]}"
    return "text" if isinstance(setting["default"], str) else "any"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
