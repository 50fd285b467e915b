"""Differences between two studies: their choices and their results."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.sentences import say
from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "changes"
    order: int = 43
    help: str = say("compare two studies: which choices differ, and what changed")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "before", type=Path, metavar="BEFORE", help=say("folder of a study, or its archive")
        )
        command.add_argument("after", type=Path, metavar="AFTER", help=say("another one"))
        command.add_argument("--json", action="store_true", help=say("print it as JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Read both and print what differs. No model is loaded."""
        from tl_core.analysis.read_study import finished
        from tl_core.analysis.study_diff import changes, plain
        from tl_core.words import study_diff as words

        found = changes(finished(a.before), finished(a.after))
        if a.json:
            print(json.dumps(plain(found), ensure_ascii=False, allow_nan=False, indent=1))
            return
        for line in (
            *words.summary(found),
            *map(words.asked, found.asked),
            *([] if words.apart(found) else ["", *map(words.moved, found.moved)]),
        ):
            print(shown(line))


COMMAND = _Command()
