"""Break-even: the training size from which on one arm of a study is better than another."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.sentences import say
from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "break-even"
    order: int = 34
    help: str = say("from how many labels on is one arm of a study better than another")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help=say("folder of a study"))
        command.add_argument(
            "--a",
            required=True,
            metavar="ARM",
            help=say("arm to beat, such as one that needs no labels"),
        )
        command.add_argument(
            "--b", required=True, metavar="ARM", help=say("arm that learns from labels")
        )
        command.add_argument("--json", action="store_true", help=say("print the numbers as JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Read the folder and hold one arm against the other. No model is loaded."""
        from tl_core.analysis.decision.as_json import against
        from tl_core.analysis.decision.curves import pair
        from tl_core.analysis.decision.entries import entries_of
        from tl_core.analysis.read_study import finished
        from tl_core.words import advice

        stored = finished(a.folder)
        found = pair(entries_of(stored.plan, stored.results, stored.comparison), a.a, a.b)
        if a.json:
            print(json.dumps(against(found), ensure_ascii=False, allow_nan=False, indent=1))
        else:
            print(shown(advice.break_even(found)))


COMMAND = _Command()
