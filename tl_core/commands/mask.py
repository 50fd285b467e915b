"""Fill the blanks of a text with what a model expects there."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tl_core.commands import shown

if TYPE_CHECKING:
    from tl_core.views.fill_mask import Filled

WIDTH = 30  # of a bar, in characters


@dataclass(frozen=True)
class _Command:
    id: str = "mask"
    order: int = 40
    help: str = "fill the blanks of a text"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("text", metavar="TEXT", help="with [MASK] at every blank, as in 'The cat is on the [MASK].'")
        command.add_argument("--model", default="minilm-masked", metavar="NAME", help="a model that fills blanks: minilm-masked, a local folder, or a name on the hub (default: minilm-masked)")
        command.add_argument("--candidates", metavar="A,B,C", help="words of your own to compare in every blank")
        command.add_argument("--top", type=int, default=5, metavar="N", help="words shown for every blank (default: 5)")
        command.add_argument("--joint", action="store_true", help="also fill all blanks together")
        command.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")
        command.add_argument("--json", action="store_true", help="print JSON")

    def run(self, a: argparse.Namespace) -> None:
        """Load the model here, fill, print."""
        from tl_core.experiments.service import Reader, State, fill_blanks

        candidates = [] if a.candidates is None else a.candidates.split(",")
        filled: Filled = next(fill_blanks(State(a.device), Reader(a.model), a.text, a.top, a.joint, candidates, hub=True))
        if a.json:
            print(json.dumps(asdict(filled), ensure_ascii=False, indent=1))
            return
        for i, guesses in enumerate(filled.alone):
            if len(filled.alone) > 1:
                print(f"blank {i + 1}")
            _bars([(guess.word if guess.begins_word else f"-{guess.word}", guess.probability) for guess in guesses])
            if filled.candidates:
                print("  among your words")
                _bars([(c.word if len(c.tokens) == 1 else f"{c.word} ({' '.join(c.tokens)})", c.share) for c in filled.candidates[i]])
        if filled.together:
            print("together")
            _bars([(" … ".join(way.words), way.probability) for way in filled.together])
        for note in filled.notes:
            print(f"note     {shown(note)}")


def _bars(rows: list[tuple[str, float]]) -> None:
    width = max(len(word) for word, _ in rows)
    for word, share in rows:
        print(f"  {shown(word):<{width}}  {100 * share:5.1f} %  {'█' * round(WIDTH * share)}".rstrip())


COMMAND = _Command()
