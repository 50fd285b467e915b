"""Write what a study trained as a folder that other libraries load."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.sentences import say
from tl_core.commands import rows_option, run_option, shown


@dataclass(frozen=True)
class _Command:
    id: str = "export"
    order: int = 56
    help: str = say("write what a study trained as a folder that other libraries load")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("folder", type=Path, metavar="STUDY", help=say("folder of a study"))
        run_option(command)
        command.add_argument(
            "--as",
            dest="format",
            metavar="FORMAT",
            help=say(
                "transformers, sentence-transformers, sklearn, peft, onnx or recipe (default: the"
                " first of them that can hold the run exactly)"
            ),
        )
        command.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help=say("new folder for the export")
        )
        command.add_argument(
            "--refit",
            action="store_true",
            help=say("train the run again where its checkpoint was not saved"),
        )
        command.add_argument(
            "--int8",
            action="store_true",
            help=say(
                "of onnx: round the weights to eight bits too, and measure what that costs on the"
                " test rows"
            ),
        )
        rows_option(command)
        command.add_argument("--json", action="store_true", help=say("print JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Export, and say what was written."""
        from tl_core.exports.formats.onnx import int8_cost
        from tl_core.exports.write import export

        made = export(
            a.folder,
            a.out,
            run=a.run_id,
            format=a.format,
            refit=a.refit,
            with_rows=a.with_rows,
            int8=a.int8,
        )
        if a.json:
            print(json.dumps(made.plain(), ensure_ascii=False))
            return
        said = say(
            "{arm} as {format}: {out}. Read it with python {out}/example.py; of {texts} other"
            " texts it says the same as the run, to {difference:.0e}.",
            arm=made.arm,
            format=made.format,
            out=made.folder,
            texts=made.texts,
            difference=made.difference,
        )
        print(shown(said))
        if made.int8:
            print(shown(int8_cost(made.int8)))


COMMAND = _Command()
