"""Train a masked language model further on plain text."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.errors import UserError

if TYPE_CHECKING:
    from tl_core.models.pretraining import Mark

SECONDS_BETWEEN_LINES = 0.5  # of the live line
MINUTES = 60.0


@dataclass(frozen=True)
class _Command:
    id: str = "pretrain"
    order: int = 50
    help: str = "train a masked language model further on plain text"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("texts", nargs="+", type=Path, metavar="TEXT", help="UTF-8 text, one paragraph a line, a blank line between documents; .xz and .gz too")
        command.add_argument("--base", default="minilm", metavar="NAME", help="model to begin from: minilm, a local folder, or a name on the hub (default: minilm)")
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the model and the checkpoints")
        command.add_argument("--minutes", type=float, default=MINUTES, metavar="M", help=f"how long to train in all; with --resume, what was trained already counts, unless that run was finished (default: {MINUTES:g})")
        command.add_argument("--resume", action="store_true", help="go on with the run in --out")
        command.add_argument("--held-out", type=Path, metavar="FILE", help="text to measure on (default: a part of TEXT that is not trained on)")
        command.add_argument("--changed-only", action="store_true", help="write only the weights that differ from the base, in half precision")
        command.add_argument("--set", action="append", default=[], metavar="K=V", help="a setting of the training, as in rate=3e-4 or batch=256; may be given again")
        command.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: the fastest there is)")

    def run(self, a: argparse.Namespace) -> None:
        """Read, train, write; a stop keeps where it stands."""
        from tl_core.models.catalog import find
        from tl_core.models.classifier import seeded
        from tl_core.models.corpus import first_rows, held_apart, read_corpus
        from tl_core.models.loading import choose_device
        from tl_core.models.masked_lm import load_masked_lm
        from tl_core.models.pretraining import Recipe, pretrain, save_model
        from tl_core.params import build

        recipe = build(Recipe, _settings(a.set), "pretrain")
        if a.minutes <= 0:
            raise UserError("--minutes must be more than 0.")
        if (a.out / "training").is_dir() and not a.resume:
            raise UserError(f"{a.out} holds a run already. Give --resume to go on with it, or another --out.")
        device, base = choose_device(a.device), find(a.base)
        with seeded(recipe.seed):
            model = load_masked_lm(base, fresh_head=True)
        if recipe.length > model.max_tokens:
            raise UserError(f"{a.base} reads {model.max_tokens} tokens; --set length={recipe.length} is more. Choose up to {model.max_tokens}.")
        tokens = a.out / "tokens"
        corpus = _shown_while(read_corpus(a.texts, model.tokenizer, recipe.length, tokens))
        if a.held_out:
            held_out = first_rows(_shown_while(read_corpus([a.held_out], model.tokenizer, recipe.length, tokens)))
        else:
            corpus, held_out = held_apart(corpus)
        print(f"{len(corpus):,} sequences of {recipe.length} tokens to train on, {len(held_out)} to measure on; {device}; {', '.join(f'{f.name}={getattr(recipe, f.name):g}' for f in fields(recipe))}", file=sys.stderr)
        last = _follow(pretrain(model, corpus, held_out, recipe, a.out, seconds=60 * a.minutes, device=device, resume=a.resume), 60 * a.minutes)
        save_model(model, base, a.out, changed_only=a.changed_only)
        (a.out / "README.md").write_text(_card(a, recipe, last), encoding="utf-8")
        print(f"{last.tokens:,} tokens in {last.seconds / 60:.1f} min; held-out masked accuracy {last.accuracy:.3f}. Model: {a.out}")


def _card(a: argparse.Namespace, recipe: Any, last: Mark) -> str:
    """What whoever finds the model must know; the licence of the texts is for a person to add."""
    made = "\n".join(
        (
            f"# {a.out.name}",
            "",
            f"A masked language model: {a.base}, trained on to guess hidden words. The vocabulary's vectors are those of {a.base}.",
            "",
            f"- Texts: {', '.join(f.name for f in a.texts)}. Licence: to be added by whoever passes this model on.",
            f"- Training: {last.steps:,} optimizer steps, {last.tokens:,} tokens (repetitions counted) in {last.seconds / 60:.0f} minutes.",
            f"- Settings: {', '.join(f'{f.name}={getattr(recipe, f.name):g}' for f in fields(recipe))}.",
            f"- Share of hidden tokens guessed right on {a.held_out.name if a.held_out else 'sequences kept apart'}: {last.accuracy:.3f}.",
            f"- Made by: `{' '.join(map(shlex.quote, ('python', '-m', 'tl_core', *sys.argv[1:])))}`",
        )
    )
    return made + "\n"


def _settings(given: list[str]) -> dict[str, str]:
    faults = [text for text in given if "=" not in text]
    if faults:
        raise UserError(f"--set {faults[0]}: write a setting as name=value, as in --set rate=3e-4.")
    return dict(text.split("=", 1) for text in given)


def _shown_while(steps: Iterator[Any]) -> Any:
    """Show how far reading is, return what is read."""
    try:
        while True:
            step = next(steps)
            print(f"\rreading  {100 * step.done / max(1, step.total):3.0f} %", end="", file=sys.stderr, flush=True)
    except StopIteration as end:
        print("\r" + " " * 20 + "\r", end="", file=sys.stderr)
        return end.value


def _follow(marks: Iterator[Mark], seconds: float) -> Mark:
    """Show loss, held-out accuracy and time left: one live line on a terminal, a line for each measurement elsewhere."""
    live, told, accuracy, last = sys.stderr.isatty(), 0.0, None, None
    try:
        for last in marks:
            accuracy = accuracy if last.accuracy is None else last.accuracy
            due = time.monotonic() - told > SECONDS_BETWEEN_LINES if live else last.accuracy is not None
            if due:
                told = time.monotonic()
                line = f"{100 * last.share:5.1f} %  {last.tokens:>12,} tokens  loss {last.loss:.3f}  held-out accuracy {'–' if accuracy is None else f'{accuracy:.3f}'}  {(1 - last.share) * seconds / 60:.1f} min left"
                print(f"\r{line}  " if live else line, end="" if live and last.accuracy is None else "\n", file=sys.stderr, flush=True)
        return last
    except KeyboardInterrupt:
        print("\nstopping; where it stands is kept: the same command with --resume goes on.", file=sys.stderr)
        raise
    finally:
        marks.close()


COMMAND = _Command()
