"""Answer over HTTP with what studies trained."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.commands import device_option, shown
from tl_core.commands._sending import may_send, sending_option


@dataclass(frozen=True)
class _Command:
    id: str = "serve"
    order: int = 58
    help: str = say("answer over HTTP with what studies trained")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "arms",
            nargs="+",
            metavar="ARM",
            help=say(
                "an export, a study, STUDY:RUN for a run or arm of it, or name@version of a"
                " registered model; NAME=ARM gives it a name"
            ),
        )
        command.add_argument(
            "--host", default="127.0.0.1", metavar="H", help=say("address (default: 127.0.0.1)")
        )
        command.add_argument(
            "--port", type=int, default=8080, metavar="N", help=say("port (default: 8080)")
        )
        command.add_argument(
            "--token-file",
            metavar="FILE",
            help=say("a file whose first line every request must bring as its bearer token"),
        )
        limits = command.add_argument_group(say("limits"))
        limits.add_argument("--most-texts", type=int, metavar="N", help=say("texts in one request"))
        limits.add_argument(
            "--most-characters", type=int, metavar="N", help=say("characters of one text")
        )
        limits.add_argument("--most-bytes", type=int, metavar="N", help=say("bytes of a body"))
        limits.add_argument(
            "--most-waiting",
            type=int,
            metavar="N",
            help=say("texts that may wait; further ones get 429"),
        )
        limits.add_argument(
            "--seconds", type=float, metavar="S", help=say("seconds until an answer")
        )
        cluster = command.add_argument_group(say("more than one machine"))
        cluster.add_argument(
            "--ray",
            metavar="ADDRESS",
            help=say(
                "answer from a Ray cluster: its address, auto for the one this machine is part of,"
                " or local to start one here"
            ),
        )
        cluster.add_argument(
            "--replicas",
            type=int,
            default=4,
            metavar="N",
            help=say("at most so many copies, by how many requests wait (default: 4)"),
        )
        device_option(command)
        sending_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Load the arms, then answer until SIGTERM."""
        import dataclasses

        from tl_core.serving.asking import Limits
        from tl_core.serving.run import serve

        given = {
            "texts": a.most_texts,
            "characters": a.most_characters,
            "body_bytes": a.most_bytes,
            "waiting": a.most_waiting,
            "seconds": a.seconds,
        }
        if low := [name for name, value in given.items() if value is not None and value <= 0]:
            raise UserError(say("A limit must be above 0: {names}.", names=", ".join(low)))
        limits = dataclasses.replace(
            Limits(), **{name: value for name, value in given.items() if value is not None}
        )
        if not 0 <= a.port <= 65535:
            raise UserError(
                say("{port_option} must be from 0 to 65535.", port_option=Setting("port"))
            )
        how = {
            "host": a.host,
            "port": a.port,
            "limits": limits,
            "token_file": a.token_file,
            "device": a.device,
            "may_send": may_send(a.send_texts),
            "say": lambda said: print(shown(said), file=sys.stderr, flush=True),
        }
        if a.ray is None:
            serve(a.arms, **how)
            return
        from tl_core.serving.on_ray import Cluster, serve_on_ray

        serve_on_ray(a.arms, Cluster(a.ray, a.replicas), **how)


COMMAND = _Command()
