"""Choose the texts to label next."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.commands import note, shown
from tl_core.commands._readers import last
from tl_core.commands._sending import may_send, sending_option


@dataclass(frozen=True)
class _Command:
    id: str = "next"
    order: int = 38
    help: str = say("which texts without labels to label next")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help=say("folder of a study"))
        command.add_argument(
            "--from",
            dest="source",
            metavar="FILE",
            help=say("texts without labels; rows of the study in it are left out"),
        )
        command.add_argument("--column", help=say("column of the text in FILE"))
        command.add_argument(
            "--text-b",
            dest="second",
            help=say("column of the second text, where the study has two texts per row"),
        )
        command.add_argument(
            "--rows", type=int, default=50, metavar="N", help=say("texts to choose (default: 50)")
        )
        command.add_argument(
            "--run",
            metavar="ID",
            dest="run_id",
            help=say(
                "run or arm that chooses (default: the recommended arm, if it has a checkpoint)"
            ),
        )
        command.add_argument(
            "--out",
            type=Path,
            metavar="FILE",
            help=say("write a CSV with an empty column for the labels instead of printing"),
        )
        command.add_argument("--json", action="store_true", help=say("print JSON"))
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Score the texts in the worker, choose, print or write."""
        from tl_core.running.label_next import next_rows

        if a.rows < 1:
            raise UserError(
                say(
                    "{rows_setting} is {rows}; it must be 1 or more.",
                    rows=a.rows,
                    rows_setting=Setting("rows"),
                )
            )
        found = last(
            next_rows(
                a.folder,
                file=a.source,
                count=a.rows,
                run=a.run_id,
                column=a.column,
                second=a.second,
                may_send=may_send(a.send_texts),
            )
        )
        if found.texts.note:
            print(note(found.texts.note), file=sys.stderr)
        if a.out:
            found.write(a.out)
        if a.json:
            print(json.dumps(found.plain(), ensure_ascii=False, indent=1))
        elif not a.out:
            for e, guess, scores in found.chosen():
                sure = 100 * found.sure_of(guess, scores)
                print(
                    f"{e.row}\t{shown(', '.join(guess) or say('(none)'))} {sure:.1f}"
                    f" %\t{shown(e.text[:80])}"
                )
        chosen = {
            "n": len(found.order),
            "all": len(found.texts.examples),
            "arm": found.spec.arm.id,
        }
        done = (
            say("{n:,} of {all:,} texts chosen by {arm}: {file}.", file=a.out, **chosen)
            if a.out
            else say("{n:,} of {all:,} texts chosen by {arm}.", **chosen)
        )
        print(shown(done), file=sys.stderr)


COMMAND = _Command()
