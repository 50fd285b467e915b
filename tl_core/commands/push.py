"""Put an export, a registered version or a study on the Hugging Face hub."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "push"
    order: int = 58
    help: str = say(
        "put an export or a study on the Hugging Face hub, private unless you say otherwise"
    )

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "source",
            metavar="WHAT",
            help=say("folder of an export or of a study, or a registered version as name@3"),
        )
        command.add_argument(
            "repository", metavar="OWNER/NAME", help=say("what it is called on the hub")
        )
        command.add_argument(
            "--public", action="store_true", help=say("let everybody see it (default: only you)")
        )
        command.add_argument(
            "--yes", action="store_true", help=say("do not ask before anything is sent")
        )
        command.add_argument("--json", action="store_true", help=say("print JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Ask, send, and say where it is."""
        from tl_core.registry.push import parcel, push

        with parcel(a.source) as ready:
            question = ready.question(a.repository, private=not a.public)
            if not a.yes and not _agreed(question):
                raise UserError(
                    say(
                        "Nothing was sent. Say {yes} to send it without a question.",
                        yes=Setting("yes"),
                    )
                )
            made = push(ready, a.repository, private=not a.public)
        if a.json:
            print(json.dumps(made.plain(), ensure_ascii=False))
        else:
            access = say("private") if made.private else say("for everybody to see")
            print(shown(say("{url} ({access})", url=made.url, access=access)))


def _agreed(question: str) -> bool:
    print(shown(question), file=sys.stderr)
    if not sys.stdin.isatty():
        return False
    print(f"{shown(say('Go on? [y/N]'))} ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


COMMAND = _Command()
