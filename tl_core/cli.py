"""The command line: finds the commands, runs one, and reports every failure in words.

Exit codes: 0 done; 2 something the person can fix; 130 interrupted; 1 a bug.
"""

from __future__ import annotations

import argparse
import gettext
import io
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from tl_core import __version__
from tl_core.api.errors import UserError, WorkerDied
from tl_core.api.plugins import found
from tl_core.api.sentences import LANGUAGES, say
from tl_core.commands import language, of_the_system, option, shown
from tl_core.commands._help import Help, argparse_speaks

INSTALLED = "transfer-lab"  # the command that comes with an installed package
DONE, BUG, PUT_RIGHT, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook's or a test's may be of another kind
            stream.reconfigure(encoding="utf-8", errors="replace")
    language.set(_language(argv))  # before anything is said, help and faults of options too
    arguments = _parsed(argv)
    if not sys.warnoptions:
        warnings.simplefilter("ignore", FutureWarning)  # of libraries to those who write with them
    try:
        return arguments.run(arguments) or DONE
    except UserError as fault:
        print(
            "\n".join(
                f"transfer-lab: {shown(line)}"
                for line in fault.to(language.get(), option).splitlines()
            ),
            file=sys.stderr,
        )
        return PUT_RIGHT
    except WorkerDied as fault:
        print(
            "transfer-lab: "
            + shown(
                say(
                    "{fault} Try again; if it happens again, choose a smaller model or fewer rows.",
                    fault=fault,
                )
            ),
            file=sys.stderr,
        )
        return BUG
    except KeyboardInterrupt:
        print(
            "transfer-lab: "
            + shown(say("stopped. Finished runs are kept; the same command continues from there.")),
            file=sys.stderr,
        )
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has enough
        return DONE
    except Exception:  # noqa: BLE001  the traceback is for the report of the bug
        traceback.print_exc()
        print(
            "transfer-lab: " + shown(say("this is a bug. Please report it with the lines above.")),
            file=sys.stderr,
        )
        return BUG


def _language(argv: Sequence[str] | None) -> str:
    """The language that the options or the system ask for."""
    early = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    early.add_argument("--language")
    try:
        asked = early.parse_known_args(argv)[0].language
    except argparse.ArgumentError:  # no value: the parser says so
        asked = None
    return asked if asked in LANGUAGES else of_the_system()


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """FILE may stand anywhere; argparse gives an optional one nothing once an option is before
    it.
    """
    with argparse_speaks(language.get()):
        top = parser()
        arguments, rest = top.parse_known_args(argv)
        if (
            len(rest) == 1
            and not rest[0].startswith("-")
            and getattr(arguments, "file", "") is None
        ):
            arguments.file = rest.pop()
        if rest:
            top.error(gettext.gettext("unrecognized arguments: %s") % " ".join(rest))
    return arguments


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    installed = Path(sys.argv[0]).stem == INSTALLED
    top = argparse.ArgumentParser(
        prog=INSTALLED if installed else "python -m tl_core",
        description=say("Which way of using labels suits your texts, and how sure is that?"),
        formatter_class=Help,
    )
    top.add_argument(
        "--version",
        action="version",
        version=f"{INSTALLED} {__version__}",
        help=say("show program's version number and exit"),
    )
    _language_option(top)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in found("tl_core.commands", "COMMAND").values():
        made = commands.add_parser(
            command.id, help=command.help, description=command.help, formatter_class=Help
        )
        command.add(made)
        _language_option(made)
        made.set_defaults(run=command.run)
    return top


def _language_option(command: argparse.ArgumentParser) -> None:
    """The option that `_language` reads."""
    command.add_argument(
        "--language",
        choices=LANGUAGES,
        default=argparse.SUPPRESS,
        help=say(
            "of what is said and of the report (default: the system's, where there is a"
            " translation into it)"
        ),
    )
