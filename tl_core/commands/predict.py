"""Label texts with what a study trained."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.commands import run_option, shown
from tl_core.commands._sending import may_send, sending_option


@dataclass(frozen=True)
class _Command:
    id: str = "predict"
    order: int = 30
    help: str = say("label texts with what a study trained")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "folder",
            type=Path,
            metavar="DIR",
            help=say("folder of a study or of an export; or name@version of a registered model"),
        )
        command.add_argument(
            "file", nargs="?", metavar="FILE", help=say("texts to predict labels for")
        )
        command.add_argument("--text", help=say("one text to predict a label for"))
        command.add_argument(
            "--text-b",
            dest="second",
            help=say(
                "its second text, where the study has two texts per row; with FILE: the column of"
                " the second text"
            ),
        )
        command.add_argument("--column", help=say("column of the text in FILE"))
        run_option(command)
        command.add_argument(
            "--out", type=Path, metavar="FILE", help=say("write a CSV here instead of printing")
        )
        command.add_argument("--json", action="store_true", help=say("print JSON"))
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Ask the worker, print or write."""
        from tl_core.exports.opened import is_export
        from tl_core.exports.predict import predict_export
        from tl_core.registry import Registry, is_reference
        from tl_core.running.predict import predict

        if (a.text is None) == (a.file is None):
            raise UserError(say("Give either {text} or a FILE of texts.", text=Setting("text")))
        asked = {
            "text": a.text,
            "second": a.second,
            "file": a.file,
            "column": a.column,
            "may_send": may_send(a.send_texts),
        }
        registered = is_reference(str(a.folder))
        folder = Registry().opened(str(a.folder))[1] if registered else a.folder
        if is_export(folder):
            if a.run_id is not None:
                raise UserError(
                    say("An export holds one run: leave {run} out.", run=Setting("run"))
                )
            answer = predict_export(folder, **asked)
        else:
            answer = predict(folder, run=a.run_id, **asked)
        if a.json:
            print(json.dumps(answer.plain(), ensure_ascii=False, indent=1))
        elif a.out:
            answer.write_csv(a.out)
            done = say(
                "{n} texts labelled by {arm}: {file}",
                n=len(answer.examples),
                arm=answer.arm,
                file=a.out,
            )
            print(shown(done), file=sys.stderr)
        else:
            means = answer.expected()
            for _, said in answer.found() if answer.in_texts else ():
                print(shown(" ".join(said) or say("(nothing)")))
            for i, ((example, labels, scores), (_, said)) in enumerate(
                () if answer.in_texts else zip(answer.rows(), answer.found(), strict=True)
            ):
                told = scores[:3] if means is None else scores
                likeliest = ", ".join(f"{shown(name)} {100 * p:.1f}%" for name, p in told)
                if means is not None and scores:
                    mean = shown(say("expected {mean:.2f}", mean=means[i]))
                    likeliest = f"{mean}; {likeliest}"
                nothing = say("(none)") if scores else say("(no text)")
                print(
                    f"{shown(', '.join(said if answer.in_spans else labels) or nothing)}"
                    f"\t{likeliest}\t{shown(example.text[:80])}"
                )


COMMAND = _Command()
