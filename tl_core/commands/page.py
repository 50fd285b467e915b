"""Start the page. It is a program of its own: the engine imports nothing of it."""

from __future__ import annotations

import argparse
import importlib.util
import os
import runpy
from dataclasses import dataclass

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.commands import shown

PROGRAM = "tl_ui"


@dataclass(frozen=True)
class _Command:
    id: str = "page"
    order: int = 5
    help: str = say("start the page and print its address")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "--port", type=_port, metavar="N", help=say("first port to try (default: 7860)")
        )

        command.add_argument(
            "--mcp",
            action="store_true",
            help=say("let other programs use its endpoints as tools (Model Context Protocol)"),
        )

    def run(self, a: argparse.Namespace) -> None:
        """Serve until Ctrl-C."""
        if importlib.util.find_spec(PROGRAM) is None:
            raise UserError(
                say("The page is not installed here, only the engine. Install transfer-lab again.")
            )
        if a.port is not None:
            os.environ["GRADIO_SERVER_PORT"] = str(a.port)  # gradio reads it when it is imported
        if a.mcp:
            os.environ["TL_MCP"] = "1"
        runpy.run_module(PROGRAM, run_name="__main__")


def _port(text: str) -> int:
    """A number that a port may have."""
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(
            shown(say("{text!r} is no port from 1 to 65535", text=text))
        )
    return int(text)


COMMAND = _Command()
