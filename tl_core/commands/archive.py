"""A study in one file."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Command:
    id: str = "archive"
    order: int = 40
    help: str = "pack a study into one file, which report, changes and the page open without a model"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
        command.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: DIR.zip)")

    def run(self, a: argparse.Namespace) -> None:
        """Pack it. Trained weights stay behind."""
        from tl_core.experiments.archive import pack
        from tl_core.experiments.store import Store, told

        packed = pack(Store(a.folder))
        out = a.out or a.folder.with_name(f"{a.folder.resolve().name}.zip")
        with told(out):
            out.write_bytes(packed)
        print(f"Archive: {out} ({len(packed) / 2**20:.1f} MB)")


COMMAND = _Command()
