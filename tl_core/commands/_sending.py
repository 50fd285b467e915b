"""Asking a person whether texts may leave this machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable


def sending_option(command: argparse.ArgumentParser) -> None:
    """The option that says yes beforehand."""
    command.add_argument("--send-texts", action="store_true", help="let chat send texts to the endpoint in TL_CHAT_URL without being asked")


def may_send(allowed: bool) -> Callable[[str], bool]:
    """Answers what is asked: yes if the option says so, else as the person at the terminal does; no if there is none."""

    def ask(question: str) -> bool:
        if allowed or not sys.stdin.isatty():
            return allowed
        print(f"{question} Send them? [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    return ask
