"""Attention: what every token of a text attends to."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tl_core.api.sentences import say
from tl_core.commands import note, shown
from tl_core.commands._readers import ask, reader_of, reader_options
from tl_core.words.columns import cells, left

if TYPE_CHECKING:
    from tl_core.views.attention import Attention

LISTED = 3  # tokens listed for each


@dataclass(frozen=True)
class _Command:
    id: str = "attention"
    order: int = 48
    help: str = say("show what every token of a text attends to")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument("text", metavar="TEXT", help=say("the text"))
        command.add_argument(
            "--text-b",
            dest="second",
            metavar="TEXT",
            help=say("a second text, read together with the first"),
        )
        reader_options(command)
        command.add_argument(
            "--layer", type=int, metavar="N", help=say("layer to print, from 1 (default: the last)")
        )
        command.add_argument(
            "--head",
            type=int,
            metavar="N",
            help=say("head to print, from 1 (default: the mean of all)"),
        )
        command.add_argument(
            "--json",
            action="store_true",
            help=say("print every weight of every head as JSON: layers x heads x tokens x tokens"),
        )

    def run(self, a: argparse.Namespace) -> None:
        """Load the model here, look, print."""
        found: Attention = ask(
            a,
            "attention",
            checkpoint=reader_of(a, [a.text, a.second or ""]),
            text=a.text,
            text_b=a.second,
        )
        layers, heads = found.weights.shape[:2]
        layer = layers if a.layer is None else a.layer
        weights = found.of(layer, a.head)
        if a.json:
            print(json.dumps(found.plain(found.weights), ensure_ascii=False))
            return
        of = {"model": found.model, "layer": layer, "layers": layers, "heads": heads}
        if a.head is None:
            print(shown(say("{model}, layer {layer} of {layers}, mean of its {heads} heads", **of)))
        else:
            print(
                shown(
                    say(
                        "{model}, layer {layer} of {layers}, head {head} of {heads} heads",
                        head=a.head,
                        **of,
                    )
                )
            )
        columns = [
            *(say("(trained {n})", n=i + 1) for i in range(found.trained)),
            *(t.text for t in found.tokens),
        ]
        width = max(cells(shown(t.text)) for t in found.tokens)
        for token, row in zip(found.tokens, weights, strict=True):
            most = (-row).argsort(kind="stable")[:LISTED]
            print(
                f"  {left(shown(token.text), width)} "
                f" {'   '.join(f'{100 * row[i]:.0f}% {shown(columns[i])}' for i in most)}"
            )
        for text in found.notes:
            print(note(text))


COMMAND = _Command()
