"""Which texts to label next?"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tl_core.commands import shown
from tl_core.commands._readers import last
from tl_core.commands._sending import may_send, sending_option
from tl_core.errors import UserError


@dataclass(frozen=True)
class _Command:
    id: str = "next"
    order: int = 38
    help: str = "which texts without labels to label next"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
        command.add_argument("--from", dest="source", metavar="FILE", help="texts without labels; rows of the study in it are left out")
        command.add_argument("--column", help="column of the text in FILE")
        command.add_argument("--text-b", dest="second", help="column of the second text, where the study has two texts per row")
        command.add_argument("--rows", type=int, default=50, metavar="N", help="texts to choose (default: 50)")
        command.add_argument("--run", metavar="ID", dest="run_id", help="run or arm that chooses (default: the arm advised, if its weights are kept)")
        command.add_argument("--out", type=Path, metavar="FILE", help="write a CSV with an empty column for the labels instead of printing")
        command.add_argument("--json", action="store_true", help="print JSON")
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Score the texts in the worker, choose, print or write."""
        from tl_core.experiments.next_rows import next_rows

        if a.rows < 1:
            raise UserError(f"--rows is {a.rows}; it must be 1 or more.")
        found = last(next_rows(a.folder, file=a.source, count=a.rows, run=a.run_id, column=a.column, second=a.second, may_send=may_send(a.send_texts)))
        if found.texts.note:
            print(f"note     {found.texts.note}", file=sys.stderr)
        if a.out:
            found.write(a.out)
        if a.json:
            print(json.dumps(found.plain(), ensure_ascii=False, indent=1))
        elif not a.out:
            for e, guess, scores in found.chosen():
                print(f"{e.row}\t{shown(', '.join(guess)) or '(none)'} {100 * scores.max():.1f} %\t{shown(e.text[:80])}")
        print(f"{len(found.order):,} of {len(found.texts.examples):,} texts chosen by {found.spec.arm.id}{f': {a.out}' if a.out else ''}.", file=sys.stderr)


COMMAND = _Command()
