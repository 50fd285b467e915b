"""What differed between two studies, and what changed."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "changes"
    order: int = 43
    help: str = "set two studies beside each other: what was asked differently, and what changed"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("before", type=Path, metavar="BEFORE", help="folder of a study, or its archive")
        command.add_argument("after", type=Path, metavar="AFTER", help="another one")
        command.add_argument("--json", action="store_true", help="print it as JSON")

    def run(self, a: argparse.Namespace) -> None:
        """Read both and print what differs. No model is loaded."""
        from tl_core.experiments.changes import changes, plain
        from tl_core.experiments.stored import finished
        from tl_core.report import changes as words

        found = changes(finished(a.before), finished(a.after))
        if a.json:
            print(json.dumps(plain(found), ensure_ascii=False, allow_nan=False, indent=1))
            return
        for line in (*words.summary(found), *map(words.asked, found.asked), "", *map(words.moved, found.moved)):
            print(shown(line))


COMMAND = _Command()
