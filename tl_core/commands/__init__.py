"""The commands, one file each: a file that sets COMMAND is found. What several of them need is
here.
"""

from __future__ import annotations

import argparse
import contextvars
import functools
import os
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from tl_core.api.sentences import ENGLISH, LANGUAGES, in_language, say
from tl_core.words.columns import left

# what the person at this terminal reads; set once, before a command runs
language: contextvars.ContextVar[str] = contextvars.ContextVar("language", default=ENGLISH)


def shown(text: str) -> str:
    """Return a text for a terminal, in the reader's language: a file's contents must not move the
    cursor or change colours.
    """
    said = in_language(text, language.get(), option)
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in said)


def marked(mark: str, text: str) -> str:
    """Return a line that begins with what it is: a note, a warning, a guess."""
    return f"{left(shown(mark), 8)} {shown(text)}"


def note(text: str) -> str:
    """Return a line with something to know."""
    return marked(say("note"), text)


def option(setting: str) -> str:
    """Return the name of a setting on the command line."""
    return "--" + setting.replace("_", "-")


def of_the_system(environment: Mapping[str, str] = os.environ) -> str:
    """The language that the locale asks for; English where there is no translation into it."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            asked = value.partition("_")[0].partition(".")[0].lower()
            return asked if asked in LANGUAGES else ENGLISH
    return ENGLISH


def display_here() -> Callable[..., Any]:
    """Return the display of a comparison's progress on this terminal."""
    from tl_core.running.display import TerminalDisplay

    return functools.partial(TerminalDisplay, language=language.get(), name_of=option)


def device_option(command: argparse.ArgumentParser) -> None:
    """Where models run."""
    command.add_argument(
        "--device",
        metavar="D",
        help=say("cpu, cuda, cuda:1 or mps (default: the fastest there is)"),
    )


def run_option(command: argparse.ArgumentParser) -> None:
    """Which run of a study is meant."""
    command.add_argument(
        "--run",
        metavar="ID",
        dest="run_id",
        help=say("run or arm to use (default: the best one with a checkpoint)"),
    )


def rows_option(command: argparse.ArgumentParser) -> None:
    """Whether training rows may go along."""
    command.add_argument(
        "--with-rows",
        action="store_true",
        help=say("an arm that needs its training rows to answer may take them along"),
    )


def keep_option(command: argparse.ArgumentParser) -> None:
    """Which trained models a study saves."""
    command.add_argument(
        "--keep",
        choices=("best", "all", "none"),
        default="best",
        help=say("which checkpoints to save (default: best of each arm)"),
    )
