"""What there is: strategies, models, datasets, tasks."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

HEADS = {"no labels": "No labels needed", "a few labels": "A few labels per class", "all labels": "As many labels as there are"}


@dataclass(frozen=True)
class _Command:
    id: str = "list"
    order: int = 90
    help: str = "what there is"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("what", choices=("strategies", "models", "datasets", "tasks"))
        command.add_argument("--json", action="store_true", help="print JSON")

    def run(self, a: argparse.Namespace) -> None:
        """Print a table."""
        rows = {"strategies": _strategies, "models": _models, "datasets": _datasets, "tasks": _tasks}[a.what]()
        if a.json:
            print(json.dumps(rows, ensure_ascii=False, indent=1))
            return
        if a.what == "strategies":
            _print_strategies(rows)
        else:
            _print(rows, _width(rows))


def _width(rows: list[dict[str, Any]]) -> int:
    return max(len(row["id"]) for row in rows)


def _print(rows: list[dict[str, Any]], width: int) -> None:
    for row in rows:
        print(f"{row['id']:<{width}}  {row['title']}. {row.get('about', '')}".rstrip(". ") + ".")
        _print_settings(row.get("settings", []), width)


def _print_strategies(rows: list[dict[str, Any]]) -> None:
    """By how many labels they want; what all that train can be asked is told once."""
    from tl_core.experiments.arms import Confidence, Recipe, around
    from tl_core.params import declared
    from tl_core.strategies import strategies

    width = _width(rows)
    for needs, head in HEADS.items():
        print(f"{head}\n")
        _print([row for row in rows if row["needs"] == needs], width)
        print()
    print(f"What every strategy that trains takes as well ({', '.join(row['id'] for row in rows if row['trains'])})\n")
    _print_settings(declared(Recipe), width)
    quick = [id for id, strategy in strategies().items() if around(strategy) is Confidence]
    print(f"\nWhat these take as well ({', '.join(quick)})\n")
    _print_settings(declared(Confidence), width)


def _print_settings(settings: list[dict[str, Any]], width: int) -> None:
    for setting in settings:
        print(f"{'':<{width}}    {setting['name']}={setting['default']}  {setting['help']}")


def _strategies() -> list[dict[str, Any]]:
    from tl_core.experiments.arms import trains
    from tl_core.params import declared
    from tl_core.strategies import strategies

    return [
        {"id": s.id, "title": s.title, "about": s.about, "needs": s.needs, "uses_model": s.uses_model, "trains": trains(s), "settings": declared(s.Params)}
        for s in strategies().values()
    ]


def _models() -> list[dict[str, Any]]:
    from tl_core.models.catalog import describe

    return describe()


def _datasets() -> list[dict[str, Any]]:
    from tl_core.data.samples import sample, sample_names

    made = [sample(name) for name in sample_names()]
    return [{"id": f"sample:{s.name}", "title": s.title, "about": s.about, "language": s.language} for s in made]


def _tasks() -> list[dict[str, Any]]:
    from tl_core.tasks import tasks

    return [{"id": t.id, "title": t.title, "target": t.target, "loss": t.loss} for t in tasks().values()]


COMMAND = _Command()
