"""The command line: finds the commands, runs one, and tells every failure in words.

Exit codes: 0 done; 2 something the person can put right; 130 interrupted; 1 a bug.
"""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections.abc import Sequence

from tl_core.commands import shown
from tl_core.errors import UserError, WorkerDied
from tl_core.plugins import found

DONE, BUG, PUT_RIGHT, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    arguments = _parsed(argv)
    if not sys.warnoptions:
        warnings.simplefilter("ignore", FutureWarning)  # of libraries to those who write with them
    try:
        return arguments.run(arguments) or DONE
    except UserError as fault:
        print("\n".join(f"transfer-lab: {shown(line)}" for line in str(fault).splitlines()), file=sys.stderr)
        return PUT_RIGHT
    except WorkerDied as fault:
        print(f"transfer-lab: {fault} Try again; if it happens again, choose a smaller model or fewer rows.", file=sys.stderr)
        return BUG
    except KeyboardInterrupt:
        print("transfer-lab: stopped. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has enough
        return DONE
    except Exception:  # noqa: BLE001  the traceback is for the report of the bug
        traceback.print_exc()
        print("transfer-lab: this is a bug. Please report it with the lines above.", file=sys.stderr)
        return BUG


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """FILE may stand anywhere; argparse gives an optional one nothing once an option stands before it."""
    top = parser()
    arguments, rest = top.parse_known_args(argv)
    if len(rest) == 1 and not rest[0].startswith("-") and getattr(arguments, "file", "") is None:
        arguments.file = rest.pop()
    if rest:
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    return arguments


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = argparse.ArgumentParser(prog="python -m tl_core", description="Which way of using labels suits your texts, and how sure is that?")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in found("tl_core.commands", "COMMAND").values():
        made = commands.add_parser(command.id, help=command.help)
        command.add(made)
        made.set_defaults(run=command.run)
    return top
