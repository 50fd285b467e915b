"""How well do the arms of a study hold up when its test texts are changed?"""

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
    id: str = "robustness"
    order: int = 34
    help: str = "how much the arms of a study lose by typos, by case, without punctuation, and what negation changes"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help="folder of a study; of an archive what is stored is told")
        command.add_argument("--arm", action="append", default=[], metavar="ARM", help="ask only this arm; may be repeated (default: every kept one)")
        command.add_argument("--changes", default="", metavar="LIST", help="of typos,lower,upper,no-punctuation,negation (default: all)")
        command.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")
        command.add_argument("--json", action="store_true", help="print the numbers as JSON")
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Ask in the worker for what is not stored yet; print what is stored."""
        from tl_core.experiments.robustness.asking import robustness
        from tl_core.experiments.robustness.effects import effects, plain
        from tl_core.experiments.stored import finished
        from tl_core.report.robustness import told

        changes = [x for x in (x.strip() for x in a.changes.split(",")) if x]
        if not a.folder.is_file():
            request = last(robustness(a.folder, arms=a.arm, changes=changes, device=a.device, may_send=may_send(a.send_texts)))
            for sentence in request.left_out:
                print(f"note     {shown(sentence)}", file=sys.stderr)
        stored = finished(a.folder)
        found = [
            x for x in effects(stored.parts, stored.plan, stored.results, stored.comparison)
            if (not a.arm or x.arm in a.arm) and (not changes or x.change in changes)
        ]  # fmt: skip
        if not found:
            raise UserError(f"No answers to texts changed so are stored in {a.folder}. Give the study's own folder, which keeps the weights to ask.")
        if a.json:
            print(json.dumps(plain(found, len(stored.plan.study.split.test)), ensure_ascii=False, allow_nan=False, indent=1))
        else:
            print("\n".join(shown(line) for line in told(found, stored.plan)))


COMMAND = _Command()
