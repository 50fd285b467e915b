"""A study in one file."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.sentences import say
from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "archive"
    order: int = 40
    help: str = say(
        "pack a study into one file, which report, changes and the page open without a model"
    )

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help=say("folder of a study"))
        command.add_argument(
            "--out", type=Path, metavar="FILE", help=say("where to write it (default: DIR.zip)")
        )

    def run(self, a: argparse.Namespace) -> None:
        """Pack it. Trained weights stay behind."""
        from tl_core.studies.archive import pack
        from tl_core.studies.store import Store, file_errors_as_user_errors

        packed = pack(Store(a.folder))
        out = a.out or a.folder.with_name(f"{a.folder.resolve().name}.zip")
        with file_errors_as_user_errors(out):
            out.write_bytes(packed)
        print(shown(say("Archive: {file} ({size:.1f} MB)", file=out, size=len(packed) / 2**20)))


COMMAND = _Command()
