"""`python -m spaces_config list` and `python -m spaces_config build --profile NAME OUT`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from spaces_config.profiles import PROFILES, profile_named
from tl_core.api.errors import UserError


def main(argv: list[str] | None = None) -> int:
    """Run one command: 0 when done, 2 for what the person can fix (on stderr); a bug keeps
    its traceback (1).
    """
    arguments = parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except UserError as fault:
        print(fault, file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    about = "The places the app runs, and the folder to push to each."
    top = argparse.ArgumentParser(prog="python -m spaces_config", description=about)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    show = commands.add_parser("list", help="show every profile with its limits")
    show.set_defaults(run=_list)

    make = commands.add_parser("build", help="assemble the folder to push to a Space")
    targets = ", ".join(name for name, profile in PROFILES.items() if profile.card)
    what = make.add_mutually_exclusive_group(required=True)
    what.add_argument("--profile", metavar="NAME", help=f"the whole page: one of {targets}")
    alone = "a page of one trained arm alone: the folder that 'transfer-lab export' wrote"
    what.add_argument("--arm", type=Path, metavar="EXPORT", help=alone)
    again = "empty OUT first if it holds an earlier build and nothing else"
    make.add_argument("--replace", action="store_true", help=again)
    make.add_argument(
        "out", type=Path, metavar="OUT", help="folder to write; empty or not there yet"
    )
    make.set_defaults(run=_build)
    return top


def _list(_: argparse.Namespace) -> None:
    rows: list[tuple[str, ...]] = [
        (
            "name",
            "place",
            "visitors",
            "MB",
            "rows",
            "test rows",
            "seconds",
            "queue",
            "days",
            "hardware",
        )
    ]
    for p in PROFILES.values():
        hardware = "ZeroGPU" if p.zero_gpu else (p.card or {}).get("suggested_hardware", "any")
        visitors = "strangers" if p.public else "you"
        limits = (
            p.max_upload_mb,
            p.max_rows,
            p.max_test_rows,
            p.max_study_seconds,
            p.max_queue,
            p.keep_studies_days,
        )
        rows.append((p.name, p.title, visitors, *map(str, limits), hardware))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _build(arguments: argparse.Namespace) -> None:
    from spaces_config.arm import build_arm
    from spaces_config.build import build

    how = {"replace": arguments.replace}
    if arguments.arm:
        built = build_arm(arguments.arm, arguments.out, **how)
        print(f"{built.out} holds {len(built.files)} files for a page of this arm.")
        return
    built = build(profile_named(arguments.profile), arguments.out, **how)
    for link in built.links:
        print(f"{link} is a symbolic link and was left out.", file=sys.stderr)
    print(f"{built.out} holds {len(built.files)} files for the profile {built.profile}.")


if __name__ == "__main__":
    sys.exit(main())
