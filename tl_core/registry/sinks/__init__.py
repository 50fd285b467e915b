"""Registered versions, handed on to another program's registry or record of runs, where one is
installed. Each file here knows one such program; nothing is handed on unless somebody asks.
"""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass
from typing import Any

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import Setting, say
from tl_core.registry import Registry
from tl_core.registry.sinks._base import Sink
from tl_core.registry.sinks.to_mlflow import ToMlflow
from tl_core.registry.sinks.to_trackio import ToTrackio


@dataclass(frozen=True)
class Sent:
    """What was handed on, and where it is now."""

    reference: str
    to: str
    where: str  # as that program names it
    files: bool  # whether it has the export, or its numbers alone

    def plain(self) -> dict[str, Any]:
        """As printed with --json."""
        return asdict(self)


def sinks() -> dict[str, Sink]:
    """All there are, by their id."""
    found: tuple[Sink, ...] = (ToMlflow(), ToTrackio())
    return {sink.id: sink for sink in found}


def send(registry: Registry, reference: str, to: str, *, with_rows: bool = False) -> Sent:
    """Hand a version on, after a look whether its files are what was registered.

    Args:
        with_rows: an arm that needs its training rows to answer may take them along.

    Raises:
        UserError: there is no such version or program, it is not installed, or takes nothing.
    """
    from tl_core.exports.opened import read_about

    there = sinks()
    if to not in there:
        raise UserError(unknown(say("program"), to, there))
    sink = there[to]
    version, folder = registry.opened(reference)
    if importlib.util.find_spec(sink.id) is None:
        raise UserError(
            say(
                "{name} is not installed here. Run: pip install {package}",
                name=sink.id,
                package=sink.package,
            )
        )
    if sink.files and read_about(folder).get("holds_rows") and not with_rows:
        raise UserError(
            say(
                "{reference} holds training rows, and {name} would get them. Say {with_rows} if"
                " they may go along.",
                reference=version.reference,
                name=sink.id,
                with_rows=Setting("with_rows"),
            )
        )
    return Sent(version.reference, sink.id, sink.send(version, folder), sink.files)
