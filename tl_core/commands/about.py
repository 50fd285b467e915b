"""A study's title, and what there is to say about it."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from tl_core.commands import shown


@dataclass(frozen=True)
class _Command:
    id: str = "about"
    order: int = 41
    help: str = "give a study a title and a note, or print them"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("folder", type=Path, metavar="DIR", help="folder of a study")
        command.add_argument("--title", metavar="TEXT", help="what it is called in the report and on the page")
        command.add_argument("--note", metavar="TEXT", help="what there is to say about it")

    def run(self, a: argparse.Namespace) -> None:
        """Keep what was given; numbers stay as they are."""
        from tl_core.experiments.about import read_about, write_about
        from tl_core.experiments.store import Store

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
