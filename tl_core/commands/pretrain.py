"""Train a masked language model further on plain text."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.commands import device_option, shown
from tl_core.words.columns import left

if TYPE_CHECKING:
    from tl_core.models.pretraining.pretrain import Mark

SECONDS_BETWEEN_LINES = 0.5  # of the live line
MINUTES = 60.0
MOST_PIECES = 100_000
RANK = 192  # numbers a new piece is learned and kept as


@dataclass(frozen=True)
class _Command:
    id: str = "pretrain"
    order: int = 50
    help: str = say("train a masked language model further on plain text")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "texts",
            nargs="+",
            type=Path,
            metavar="TEXT",
            help=say(
                "UTF-8 text, one paragraph a line, a blank line between documents; .xz and .gz too"
            ),
        )
        command.add_argument(
            "--base",
            default="minilm",
            metavar="NAME",
            help=say(
                "model to start from: minilm, a local folder, or a name on the hub (default:"
                " minilm)"
            ),
        )
        command.add_argument(
            "--out",
            type=Path,
            required=True,
            metavar="DIR",
            help=say("folder for the model and the checkpoints"),
        )
        command.add_argument(
            "--minutes",
            type=float,
            default=MINUTES,
            metavar="M",
            help=say(
                "how long to train in all; with --resume, what was trained already counts, unless"
                " that run was finished (default: {minutes:g})",
                minutes=MINUTES,
            ),
        )
        command.add_argument("--resume", action="store_true", help=say("resume the run in --out"))
        command.add_argument(
            "--held-out",
            type=Path,
            metavar="FILE",
            help=say("text to measure on (default: a part of TEXT that is not trained on)"),
        )
        command.add_argument(
            "--pairs",
            nargs="+",
            type=Path,
            default=[],
            metavar="FILE",
            help=say(
                "sentences and translations, as JSON lines: both sides learn the vectors that the"
                " base gives the first one"
            ),
        )
        command.add_argument(
            "--sides",
            nargs=2,
            default=("en", "ko"),
            metavar=("FIRST", "SECOND"),
            help=say("names of both sides in --pairs; the base reads the first (default: en ko)"),
        )
        command.add_argument(
            "--pieces",
            type=int,
            default=0,
            metavar="N",
            help=say(
                "learn so many new pieces of words for a script the base does not read (default: 0)"
            ),
        )
        command.add_argument(
            "--changed-only",
            action="store_true",
            help=say("write only the weights that differ from the base, in half precision"),
        )
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="K=V",
            help=say("a setting of the training, as in rate=3e-4 or batch=256; may be repeated"),
        )
        device_option(command)

    def run(self, a: argparse.Namespace) -> None:
        """Read, train, write; a stop keeps where it is."""
        from tl_core.api.params import build
        from tl_core.models.catalog import find
        from tl_core.models.corpus import check_files, first_rows, held_apart, read_corpus
        from tl_core.models.delta_weights import PIECES
        from tl_core.models.loading import choose_device
        from tl_core.models.masked_lm import load_masked_lm
        from tl_core.models.pretraining.alignment import Teacher
        from tl_core.models.pretraining.glosses import gloss_vectors
        from tl_core.models.pretraining.pairs import read_pairs
        from tl_core.models.pretraining.pieces import grown
        from tl_core.models.pretraining.pretrain import Recipe, pretrain, save_model
        from tl_core.models.training.classifier import seeded

        recipe = build(Recipe, _settings(a.set), "pretrain")
        if a.minutes <= 0:
            raise UserError(say("{minutes} must be more than 0.", minutes=Setting("minutes")))
        if (a.out / "training").is_dir() and not a.resume:
            raise UserError(
                say(
                    "{out} holds a run already. Give {resume} to continue it, or another"
                    " {out_setting}.",
                    out=a.out,
                    resume=Setting("resume"),
                    out_setting=Setting("out"),
                )
            )
        if not 0 <= a.pieces <= MOST_PIECES:
            raise UserError(
                say(
                    "{pieces} must be from 0 to {most:,}.",
                    pieces=Setting("pieces"),
                    most=MOST_PIECES,
                )
            )
        device, base = choose_device(a.device), find(a.base)
        with seeded(recipe.seed):
            model = load_masked_lm(base, fresh_head=True)
        if recipe.length > model.max_tokens:
            raise UserError(
                say(
                    "{base} reads {max_tokens} tokens; {set} length={length} is more. Choose up"
                    " to {max_tokens}.",
                    base=a.base,
                    max_tokens=model.max_tokens,
                    length=recipe.length,
                    set=Setting("set"),
                )
            )
        check_files([*a.texts, *a.pairs, *([a.held_out] if a.held_out else [])])
        teacher = Teacher(model) if a.pairs else None
        if a.pieces or (a.resume and (a.out / PIECES).is_file()):
            _read_more(a, model)
        pairs = None
        if a.pairs:
            pairs = _shown_while(read_pairs(a.pairs, tuple(a.sides), model.tokenizer))
        if (table := grown(model.network)) and pairs and not a.resume:
            first = table.first.weight.detach().double().numpy()
            new = len(table.left)
            table.begin_with(_shown_while(gloss_vectors(pairs, first, new, recipe.seed)))
        tokens = a.out / "tokens"
        corpus = _shown_while(read_corpus(a.texts, model.tokenizer, recipe.length, tokens))
        if a.held_out:
            held_out = first_rows(
                _shown_while(read_corpus([a.held_out], model.tokenizer, recipe.length, tokens))
            )
        else:
            corpus, held_out = held_apart(corpus)
        begins = say(
            "{n:,} sequences of {length} tokens to train on, {held_out} to measure on; {device};"
            " {settings}",
            n=len(corpus),
            length=recipe.length,
            held_out=len(held_out),
            device=device,
            settings=", ".join(f"{f.name}={getattr(recipe, f.name):g}" for f in fields(recipe)),
        )
        print(shown(begins), file=sys.stderr)
        last = _follow(
            pretrain(
                model,
                corpus,
                held_out,
                recipe,
                a.out,
                seconds=60 * a.minutes,
                device=device,
                resume=a.resume,
                pairs=pairs,
                teacher=teacher,
            ),
            60 * a.minutes,
        )
        save_model(model, base, a.out, changed_only=a.changed_only)
        (a.out / "README.md").write_text(_card(a, recipe, last), encoding="utf-8")
        ended = say(
            "{tokens:,} tokens in {minutes:.1f} min; held-out masked accuracy {accuracy:.3f}."
            " Model: {out}",
            tokens=last.tokens,
            minutes=last.seconds / 60,
            accuracy=last.accuracy,
            out=a.out,
        )
        print(shown(ended))


def _read_more(a: argparse.Namespace, model: Any) -> None:
    """Give the model new pieces: those of the run that is resumed, or learned from the texts."""
    from tl_core.models.corpus import paragraphs
    from tl_core.models.delta_weights import PIECES, read_pieces, write_pieces
    from tl_core.models.pretraining.pairs import side_lines
    from tl_core.models.pretraining.pieces import add_to, learn_pieces

    kept = a.out / PIECES
    if a.resume and kept.is_file():
        pieces = read_pieces(kept)
    else:
        sources = [paragraphs(f) for f in a.texts] + [side_lines(f, a.sides[1]) for f in a.pairs]
        pieces = _shown_while(learn_pieces(sources, model.tokenizer, a.pieces))
        a.out.mkdir(parents=True, exist_ok=True)
        write_pieces(kept, pieces)
    add_to(model, pieces, RANK, 0)


def _card(a: argparse.Namespace, recipe: Any, last: Mark) -> str:
    """Write the model card: what anyone who finds the model must know; the licence of the texts is
    for a person to add.
    """
    made = "\n".join(
        (
            f"# {a.out.name}",
            "",
            (
                f"A masked language model: {a.base}, trained on to guess hidden words. The"
                f" vocabulary's vectors are those of {a.base}."
            ),
            "",
            (
                f"- Texts: {', '.join(f.name for f in a.texts)}. Licence: to be added by whoever"
                " passes this model on."
            ),
            (
                f"- Training: {last.steps:,} optimizer steps, {last.tokens:,} tokens (repetitions"
                f" counted) in {last.seconds / 60:.0f} minutes."
            ),
            (
                "- Settings:"
                f" {', '.join(f'{f.name}={getattr(recipe, f.name):g}' for f in fields(recipe))}."
            ),
            (
                "- Share of hidden tokens guessed right on"
                f" {a.held_out.name if a.held_out else 'sequences kept apart'}:"
                f" {last.accuracy:.3f}."
            ),
            (
                "- Made by:"
                f" `{' '.join(map(shlex.quote, ('python', '-m', 'tl_core', *sys.argv[1:])))}`"
            ),
        )
    )
    return made + "\n"


def _settings(given: list[str]) -> dict[str, str]:
    faults = [text for text in given if "=" not in text]
    if faults:
        raise UserError(
            say(
                "{set} {fault}: write a setting as name=value, as in {set} rate=3e-4.",
                fault=faults[0],
                set=Setting("set"),
            )
        )
    return dict(text.split("=", 1) for text in given)


def _shown_while(steps: Iterator[Any]) -> Any:
    """Show how far reading is, return what is read."""
    try:
        while True:
            step = next(steps)
            print(
                f"\r{left(shown(say('reading')), 8)} {100 * step.done / max(1, step.total):3.0f}%",
                end="",
                file=sys.stderr,
                flush=True,
            )
    except StopIteration as end:
        print("\r" + " " * 20 + "\r", end="", file=sys.stderr)
        return end.value


def _follow(marks: Generator[Mark, None, None], seconds: float) -> Mark:
    """Show loss, held-out accuracy and time left: one live line on a terminal, a line for each
    measurement elsewhere.
    """
    live, told, accuracy = sys.stderr.isatty(), 0.0, None
    try:
        for last in marks:  # there is one at least, that of the end
            accuracy = accuracy if last.accuracy is None else last.accuracy
            due = (
                time.monotonic() - told > SECONDS_BETWEEN_LINES
                if live
                else last.accuracy is not None
            )
            if due:
                told = time.monotonic()
                line = shown(
                    say(
                        "{share:5.1f}%  {tokens:>12,} tokens  loss {loss:.3f}  held-out accuracy"
                        " {accuracy}  {minutes:.1f} min left",
                        share=100 * last.share,
                        tokens=last.tokens,
                        loss=last.loss,
                        accuracy="–" if accuracy is None else f"{accuracy:.3f}",
                        minutes=(1 - last.share) * seconds / 60,
                    )
                )
                print(
                    f"\r{line}  " if live else line,
                    end="" if live and last.accuracy is None else "\n",
                    file=sys.stderr,
                    flush=True,
                )
        return last
    except KeyboardInterrupt:
        saved = say(
            "stopping; progress is saved: the same command with {resume} continues.",
            resume=Setting("resume"),
        )
        print(f"\n{shown(saved)}", file=sys.stderr)
        raise
    finally:
        marks.close()


COMMAND = _Command()
