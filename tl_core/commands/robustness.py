"""Robustness of the arms of a study to changed test texts."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.commands import device_option, note, shown
from tl_core.commands._readers import last
from tl_core.commands._sending import may_send, sending_option


@dataclass(frozen=True)
class _Command:
    id: str = "robustness"
    order: int = 34
    help: str = say(
        "how much the arms of a study lose by typos, by case, without punctuation, and what"
        " negation changes"
    )

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "folder",
            type=Path,
            metavar="DIR",
            help=say("folder of a study; for an archive, what is stored is shown"),
        )
        command.add_argument(
            "--arm",
            action="append",
            default=[],
            metavar="ARM",
            help=say("only this arm; may be repeated (default: every one with a checkpoint)"),
        )
        command.add_argument(
            "--changes",
            default="",
            metavar="LIST",
            help=say(
                "of typos,spacing,keyboard,lower,upper,no-punctuation,negation (default: all)"
            ),
        )
        device_option(command)
        command.add_argument("--json", action="store_true", help=say("print the numbers as JSON"))
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Ask in the worker for what is not stored yet; print what is stored."""
        from tl_core.analysis.read_study import finished
        from tl_core.analysis.robustness import effects, plain
        from tl_core.running.predict_perturbed import robustness
        from tl_core.words.robustness import told

        changes = [x for x in (x.strip() for x in a.changes.split(",")) if x]
        if not a.folder.is_file():
            request = last(
                robustness(
                    a.folder,
                    arms=a.arm,
                    changes=changes,
                    device=a.device,
                    may_send=may_send(a.send_texts),
                )
            )
            for sentence in request.left_out:
                print(note(sentence), file=sys.stderr)
        stored = finished(a.folder)
        found = [
            x
            for x in effects(stored.parts, stored.plan, stored.results, stored.comparison)
            if (not a.arm or x.arm in a.arm) and (not changes or x.change in changes)
        ]
        if not found:
            raise UserError(
                say(
                    "No predictions for texts changed this way are stored in {folder}. Give the"
                    " study's own folder, which has the checkpoints.",
                    folder=a.folder,
                )
            )
        if a.json:
            print(
                json.dumps(
                    plain(found, len(stored.plan.study.split.test)),
                    ensure_ascii=False,
                    allow_nan=False,
                    indent=1,
                )
            )
        else:
            print("\n".join(shown(line) for line in told(found, stored.plan)))


COMMAND = _Command()
