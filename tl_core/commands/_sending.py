"""Asking a person whether texts may leave this machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from tl_core.api.sentences import say
from tl_core.commands import shown


def sending_option(command: argparse.ArgumentParser) -> None:
    """The option that says yes beforehand."""
    command.add_argument(
        "--send-texts",
        action="store_true",
        help=say("let chat send texts to the endpoint in TL_CHAT_URL without being asked"),
    )


def may_send(allowed: bool) -> Callable[[str], bool]:
    """Answers what is asked: yes if the option says so, else as the person at the terminal does; no
    if there is none.
    """

    def ask(question: str) -> bool:
        if allowed or not sys.stdin.isatty():
            return allowed
        asked = say("{question} Send them? [y/N]", question=question)
        print(f"{shown(asked)} ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask
