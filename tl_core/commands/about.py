"""A study's title, and a note about it."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.sentences import say
from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "about"
    order: int = 41
    help: str = say("give a study a title and a note, or print them")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help=say("folder of a study"))
        command.add_argument(
            "--title", metavar="TEXT", help=say("its title in the report and on the page")
        )
        command.add_argument("--note", metavar="TEXT", help=say("a note about it"))

    def run(self, a: argparse.Namespace) -> None:
        """Keep what was given; numbers stay as they are."""
        from tl_core.studies.store import Store
        from tl_core.studies.title import read_about, write_about

        store = Store(a.folder)
        study = store.load_study()
        given = {name: text for name in ("title", "note") if (text := getattr(a, name)) is not None}
        if given:
            write_about(store, dataclasses.replace(read_about(store), **given))
        about = read_about(store)
        print(shown(about.title or study.name))
        for line in about.note.splitlines():
            print(shown(line))


COMMAND = _Command()
