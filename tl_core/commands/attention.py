"""Whom every token of a text attends to."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tl_core.commands import shown
from tl_core.commands._readers import last, reader_of, reader_options

if TYPE_CHECKING:
    from tl_core.views.attention import Attention

LISTED = 3  # tokens told of each


@dataclass(frozen=True)
class _Command:
    id: str = "attention"
    order: int = 48
    help: str = "show whom every token of a text attends to"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("text", metavar="TEXT", help="the text")
        command.add_argument("--text-b", dest="second", metavar="TEXT", help="a second text, read together with the first")
        reader_options(command)
        command.add_argument("--layer", type=int, metavar="N", help="layer to print, from 1 (default: the last)")
        command.add_argument("--head", type=int, metavar="N", help="head to print, from 1 (default: the mean of all)")
        command.add_argument("--json", action="store_true", help="print every weight of every head as JSON: layers x heads x tokens x tokens")

    def run(self, a: argparse.Namespace) -> None:
        """Load the model here, look, print."""
        from tl_core.experiments.service import State, attention

        found: Attention = last(attention(State(a.device), reader_of(a), a.text, a.second, hub=True))
        layers, heads = found.weights.shape[:2]
        layer = layers if a.layer is None else a.layer
        weights = found.of(layer, a.head)
        if a.json:
            print(json.dumps(found.plain(found.weights), ensure_ascii=False))
            return
        print(f"{found.model}, layer {layer} of {layers}, {'mean of its' if a.head is None else f'head {a.head} of'} {heads} heads")
        columns = [f"(trained {i + 1})" for i in range(found.trained)] + [t.text for t in found.tokens]
        width = max(len(t.text) for t in found.tokens)
        for token, row in zip(found.tokens, weights, strict=True):
            most = (-row).argsort(kind="stable")[:LISTED]
            print(f"  {shown(token.text):<{width}}  {'   '.join(f'{100 * row[i]:.0f} % {shown(columns[i])}' for i in most)}")
        for note in found.notes:
            print(f"note     {shown(note)}")


COMMAND = _Command()
