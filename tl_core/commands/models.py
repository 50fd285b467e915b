"""The registry: versions of models, and which is in production."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.commands import rows_option, run_option, shown

if TYPE_CHECKING:
    from tl_core.registry import Version
    from tl_core.registry.sinks import Sent

DOES = ("list", "show", "add", "promote", "retire", "remove", "send")


@dataclass(frozen=True)
class _Command:
    id: str = "models"
    order: int = 57
    help: str = say("keep versions of trained models, and say which is in production")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "do",
            nargs="?",
            choices=DOES,
            default="list",
            help=say("what to do (default: list)"),
        )
        command.add_argument(
            "name",
            nargs="?",
            metavar="NAME",
            help=say("add, list: a name; else a version, as name@3 or name@production"),
        )
        command.add_argument(
            "source",
            nargs="?",
            type=Path,
            metavar="DIR",
            help=say("add: an export, or a study whose run is exported first"),
        )
        run_option(command)
        command.add_argument(
            "--as", dest="format", metavar="FORMAT", help=say("format of the export")
        )
        rows_option(command)
        command.add_argument(
            "--to",
            metavar="PROGRAM",
            help=say("send: mlflow or trackio, where it is installed"),
        )
        command.add_argument("--json", action="store_true", help=say("print JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Do it, and print what is there now."""
        from tl_core.registry import Registry

        registry = Registry()
        if a.do == "list":
            found = registry.versions(a.name)
        elif a.name is None:
            raise UserError(say("Say which model: models {do} NAME.", do=a.do))
        elif a.do == "add":
            found = [self._added(registry, a)]
        elif a.do == "send":
            self._send(registry, a)
            return
        elif a.do == "show":
            found = [registry.find(a.name)]
        else:
            found = [getattr(registry, a.do)(a.name)]
        if a.json:
            print(json.dumps([asdict(v) for v in found], ensure_ascii=False, indent=1))
            return
        if not found:
            print(shown(say("No model is registered. Add one: models add NAME STUDY.")))
        for version in found:
            print(shown(_line(version)))
            if a.do == "show":
                print(shown(say("digest {digest}", digest=version.digest)))
                print(shown(say("folder {folder}", folder=registry.folder_of(version))))

    def _send(self, registry, a: argparse.Namespace) -> None:
        from tl_core.registry.sinks import send, sinks

        if a.to is None:
            raise UserError(
                say(
                    "Say where to: models send {name} --to PROGRAM, one of {known}.",
                    name=a.name,
                    known=", ".join(sinks()),
                )
            )
        sent = send(registry, a.name, a.to, with_rows=a.with_rows)
        if a.json:
            print(json.dumps(sent.plain(), ensure_ascii=False))
            return
        said = (
            say("{to} has {reference} with its files: {where}", **_told(sent))
            if sent.files
            else say("{to} has the numbers of {reference}: {where}", **_told(sent))
        )
        print(shown(said))

    def _added(self, registry, a: argparse.Namespace) -> Version:
        from tl_core.exports.opened import is_export
        from tl_core.exports.write import export

        if a.source is None:
            raise UserError(say("Say what to add: models add NAME DIR."))
        if is_export(a.source):
            return registry.add(a.name, a.source)
        with tempfile.TemporaryDirectory(prefix="transfer-lab-") as place:
            made = export(
                a.source,
                Path(place) / "export",
                run=a.run_id,
                format=a.format,
                with_rows=a.with_rows,
            )
            return registry.add(a.name, made.folder)


def _told(sent: Sent) -> dict[str, str]:
    return {"to": sent.to, "reference": sent.reference, "where": sent.where}


def _line(v: Version) -> str:
    numbers = ", ".join(
        f"{name} {found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
        for name, found in v.metrics.items()
        if None not in (found.get("value"), found.get("low"), found.get("high"))
    )
    return f"{v.reference:24} {v.stage:11} {v.format:22} {v.arm:16} {numbers}  {v.added}"


COMMAND = _Command()
