"""Fill the blanks of a text with what a model expects there."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tl_core.api.sentences import say
from tl_core.api.view import Checkpoint
from tl_core.commands import device_option, note, shown
from tl_core.commands._readers import ask
from tl_core.words.columns import cells, left

if TYPE_CHECKING:
    from tl_core.views.fill_mask import Filled

WIDTH = 30  # of a bar, in characters


@dataclass(frozen=True)
class _Command:
    id: str = "mask"
    order: int = 40
    help: str = say("fill the blanks of a text")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "text",
            metavar="TEXT",
            help=say("with [MASK] at every blank, as in 'The cat is on the [MASK].'"),
        )
        command.add_argument(
            "--model",
            default="minilm-masked",
            metavar="NAME",
            help=say(
                "a model that fills blanks: minilm-masked, a local folder, or a name on the hub"
                " (default: minilm-masked)"
            ),
        )
        command.add_argument(
            "--candidates", metavar="A,B,C", help=say("words of your own to compare in every blank")
        )
        command.add_argument(
            "--top",
            type=int,
            default=5,
            metavar="N",
            help=say("words shown for every blank (default: 5)"),
        )
        command.add_argument(
            "--joint", action="store_true", help=say("also fill all blanks together")
        )
        device_option(command)
        command.add_argument("--json", action="store_true", help=say("print JSON"))

    def run(self, a: argparse.Namespace) -> None:
        """Load the model here, fill, print."""
        candidates = [] if a.candidates is None else a.candidates.split(",")
        filled: Filled = ask(
            a,
            "fill_blanks",
            checkpoint=Checkpoint(a.model, hub=True),
            text=a.text,
            top=a.top,
            together=a.joint,
            candidates=candidates,
        )
        if a.json:
            print(json.dumps(asdict(filled), ensure_ascii=False, indent=1))
            return
        for i, guesses in enumerate(filled.alone):
            if len(filled.alone) > 1:
                print(shown(say("blank {n}", n=i + 1)))
            _bars(
                [
                    (guess.word if guess.begins_word else f"-{guess.word}", guess.probability)
                    for guess in guesses
                ]
            )
            if filled.candidates:
                print(f"  {shown(say('among your words'))}")
                _bars(
                    [
                        (
                            c.word if len(c.tokens) == 1 else f"{c.word} ({' '.join(c.tokens)})",
                            c.share,
                        )
                        for c in filled.candidates[i]
                    ]
                )
        if filled.together:
            print(shown(say("together")))
            _bars([(" … ".join(way.words), way.probability) for way in filled.together])
        for text in filled.notes:
            print(note(text))


def _bars(rows: list[tuple[str, float]]) -> None:
    width = max(cells(shown(word)) for word, _ in rows)
    for word, share in rows:
        bar = "█" * round(WIDTH * share)
        print(f"  {left(shown(word), width)}  {100 * share:5.1f}%  {bar}".rstrip())


COMMAND = _Command()
