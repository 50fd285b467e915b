"""List what is available: strategies, models, datasets, tasks, machines and plug-ins."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from tl_core.api.plugins import FOLDERS, KINDS, found, from_outside, troubles
from tl_core.api.sentences import say
from tl_core.commands import shown

HEADS = {
    "no labels": say("No labels needed"),
    "a few labels": say("A few labels"),
    "all labels": say("As many labels as there are"),
}


@dataclass(frozen=True)
class _Command:
    id: str = "list"
    order: int = 90
    help: str = say("what there is")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("what", choices=tuple(LISTS), help=say("what to list"))
        command.add_argument("--json", action="store_true", help=say("print JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Print a table."""
        rows = LISTS[a.what]()
        if a.json:
            print(json.dumps(rows, ensure_ascii=False, indent=1))
        elif a.what == "strategies":
            _print_strategies(rows)
        elif a.what == "plugins":
            _print_plugins(rows)
        else:
            _print(rows, _width(rows))
        for line in troubles():
            print(shown(line), file=sys.stderr)


def _width(rows: list[dict[str, Any]]) -> int:
    return max(len(row["id"]) for row in rows)


def _print(rows: list[dict[str, Any]], width: int) -> None:
    for row in rows:
        said = f"{shown(row['title'])}. {shown(row.get('about', ''))}".rstrip(". ")
        print(f"{row['id']:<{width}}  {said}.")
        _print_settings(row.get("settings", []), width)


def _print_strategies(rows: list[dict[str, Any]]) -> None:
    """Print strategies by how many labels they want; the settings that all trained ones share are
    listed once.
    """
    from tl_core.api.params import declared
    from tl_core.strategies import strategies
    from tl_core.studies.arms import Confidence, Recipe, around

    width = _width(rows)
    for needs, head in HEADS.items():
        print(f"{shown(head)}\n")
        _print([row for row in rows if row["needs"] == needs], width)
        print()
    trained = ", ".join(row["id"] for row in rows if row["trains"])
    every = say("What every strategy that trains takes as well ({strategies})", strategies=trained)
    print(f"{shown(every)}\n")
    _print_settings(declared(Recipe), width)
    quick = [id for id, strategy in strategies().items() if around(strategy) is Confidence]
    these = say("What these take as well ({strategies})", strategies=", ".join(quick))
    print(f"\n{shown(these)}\n")
    _print_settings(declared(Confidence), width)


def _print_settings(settings: list[dict[str, Any]], width: int) -> None:
    for setting in settings:
        print(f"{'':<{width}}    {setting['name']}={setting['default']}  {shown(setting['help'])}")


def _strategies() -> list[dict[str, Any]]:
    from tl_core.api.params import declared
    from tl_core.strategies import strategies

    return [
        {
            "id": s.id,
            "title": s.title,
            "about": s.about,
            "needs": s.needs,
            "uses_model": s.uses_model,
            "trains": s.trains,
            "settings": declared(s.settings),
        }
        for s in strategies().values()
    ]


def _models() -> list[dict[str, Any]]:
    from tl_core.models.embedded import describe

    return describe()


def _datasets() -> list[dict[str, Any]]:
    from tl_core.data.samples import sample, sample_names

    made = [sample(name) for name in sample_names()]
    return [
        {"id": f"sample:{s.name}", "title": s.title, "about": s.about, "language": s.language}
        for s in made
    ]


def _tasks() -> list[dict[str, Any]]:
    from tl_core.tasks import tasks

    return [
        {"id": t.id, "title": t.title, "target": t.target, "loss": t.objective}
        for t in tasks().values()
    ]


def _machines() -> list[dict[str, Any]]:
    from tl_core.analysis.decision.machines import machines

    return [
        {
            "id": m.name,
            "title": f"{m.price_hour:g} {m.currency} an hour ({m.date})".replace(" ()", ""),
            "about": m.about,
            "price_hour": m.price_hour,
        }
        for m in machines().values()
    ]


def _plugins() -> list[dict[str, Any]]:
    """List plug-ins from outside, of every kind; those of the page only where it is installed."""
    for kind in KINDS.values():
        if not kind.package.startswith("tl_ui.") or find_spec("gradio"):
            found(kind.package, kind.constant)
    return [
        {"id": p.id, "kind": p.constant.lower(), "where": p.where}
        for p in sorted(from_outside(), key=lambda p: (p.constant, p.id))
    ]


def _print_plugins(rows: list[dict[str, Any]]) -> None:
    if not rows:
        print(
            shown(
                say(
                    "There is no plug-in from outside. CONTRIBUTING.md says how to write one; name"
                    " its folder in {variable}, or install its package.",
                    variable=FOLDERS,
                )
            )
        )
    for row in rows:
        print(f"{row['kind']:<8}  {row['id']}  {shown(row['where'])}")


LISTS = {
    "strategies": _strategies,
    "models": _models,
    "datasets": _datasets,
    "tasks": _tasks,
    "machines": _machines,
    "plugins": _plugins,
}
COMMAND = _Command()
