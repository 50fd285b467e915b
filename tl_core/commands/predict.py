"""Label texts with what a study trained."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tl_core.commands import shown
from tl_core.commands._sending import may_send, sending_option
from tl_core.errors import UserError


@dataclass(frozen=True)
class _Command:
    id: str = "predict"
    order: int = 30
    help: str = "label texts with what a study trained"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
        command.add_argument("file", nargs="?", metavar="FILE", help="texts to label")
        command.add_argument("--text", help="one text to label")
        command.add_argument("--text-b", dest="second", help="its second text, where the study has two texts per row; with FILE: the column of the second text")
        command.add_argument("--column", help="column of the text in FILE")
        command.add_argument("--run", metavar="ID", dest="run_id", help="run or arm to use (default: the best one whose weights are kept)")
        command.add_argument("--out", type=Path, metavar="FILE", help="write a CSV here instead of printing")
        command.add_argument("--json", action="store_true", help="print JSON")
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Ask the worker, print or write."""
        from tl_core.experiments.predicting import predict

        if (a.text is None) == (a.file is None):
            raise UserError("Give either --text or a FILE of texts.")
        answer = predict(a.folder, run=a.run_id, text=a.text, second=a.second, file=a.file, column=a.column, may_send=may_send(a.send_texts))
        if a.json:
            print(json.dumps(answer.plain(), ensure_ascii=False, indent=1))
        elif a.out:
            answer.write_csv(a.out)
            print(f"{len(answer.examples)} texts labelled by {answer.arm}: {a.out}", file=sys.stderr)
        else:
            for example, labels, scores in answer.rows():
                likeliest = ", ".join(f"{shown(name)} {100 * p:.1f} %" for name, p in scores[:3])
                print(f"{shown(', '.join(labels)) or ('(none)' if scores else '(no text)')}\t{likeliest}\t{shown(example.text[:80])}")


COMMAND = _Command()
