"""Stopping early: rows of the budget are held out, looked at now and then, and the weights that
were best on them stay.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from tl_core.api.errors import UserError
from tl_core.api.sentences import listed, say
from tl_core.api.types import Example, Problem, Step, Steps

LEAST_STEPS = (
    5  # between two looks: on few rows an epoch is one step, and a look would cost as much as it
)
MARGIN = 1e-4  # by which a loss must be lower to count


def hold_out(
    problem: Problem, examples: Sequence[Example], share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """(rows to train on, rows to stop by): a share of each label's rows, at least one, whatever the
    order of the rows. Made-up copies of a row that is held out go with it and are used for neither.

    Raises:
        UserError: a label has no row to spare.
    """
    if not share:
        return list(examples), []
    first = {e.row: e for e in reversed(examples)}  # a row's copies are behind it
    mixed = sorted(
        first.values(),
        key=lambda e: (hashlib.blake2b(e.content, key=b"held out %d" % seed).digest(), e.row),
    )
    members = {label: [e for e in mixed if label in e.labels] for label in problem.label_ids}
    left = {label: len(rows) for label, rows in members.items() if rows}
    held: dict[int, Example] = {}
    short = []
    for label in sorted(
        left, key=lambda x: (left[x], problem.label_index[x])
    ):  # the rarest first: its rows are the hardest to spare
        rows = members[label]
        wanted = max(1, round(share * len(rows)))
        for example in rows:
            if sum(e.row in held for e in rows) >= wanted:
                break
            if example.row not in held and all(left[x] > 1 for x in example.labels):
                held[example.row] = example
                left.update({x: left[x] - 1 for x in example.labels})
        if not any(e.row in held for e in rows):
            short.append(label)
    if short:
        named = listed(map(repr, short), 10)
        raise UserError(
            say(
                "early_stopping={share:g} holds rows of every label out, but there are too few"
                " of {named}: each needs one to train on and one to stop by. Choose 2 or more"
                " shots, or early_stopping=0.",
                share=share,
                named=named,
            )
        )
    return [e for e in examples if e.row not in held], list(held.values())


class Learner(Protocol):
    """What is stopped."""

    def trainable(self) -> dict[str, torch.Tensor]:
        """Names and tensors of what training may change."""

    def loss_on(self, examples: Sequence[Example]) -> Steps[float]:
        """Mean loss of examples that are not trained on."""

    def train(self) -> Any:
        """Go on training after a look."""


class HeldOut:
    """Rows that are not trained on. It looks at them once an epoch and remembers the weights of
    their lowest loss.
    """

    def __init__(
        self,
        model: Learner,
        examples: Sequence[Example],
        *,
        rows: int,
        batch: int,
        patience: int,
    ):
        """
        Args:
            rows: how many are trained on, so many a step as `batch` says: what an epoch is.
            patience: looks without a lower loss before training ends.
        """
        self.model, self.examples = model, examples
        self.every = max(LEAST_STEPS, math.ceil(rows / batch))
        self.patience = patience
        self.step = self.last = 0  # of the lowest loss, and of the last look
        self._loss = math.inf
        self._worse = 0
        self._weights = model.trainable()  # every one of them: gradual unfreezing lets some sleep
        self._best: dict[str, torch.Tensor] = {}

    def look(self, step: int, steps: int) -> Steps[bool]:
        """Decide after a step whether to stop here."""
        if step % self.every and step != steps:
            return False
        looking = self.model.loss_on(self.examples)
        while True:
            try:
                next(looking)
            except StopIteration as end:
                loss = end.value
                break
            yield Step(step, steps)
        self.model.train()
        self.last = step
        if loss < self._loss - MARGIN:
            self.step, self._loss, self._worse = step, loss, 0
            self._best = {
                name: tensor.detach().to("cpu", copy=True) for name, tensor in self._weights.items()
            }
        else:
            self._worse += 1
        return self._worse >= self.patience

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best weights back; nothing to put back where every loss was no number."""
        for name, tensor in self._best.items():
            self._weights[name].copy_(tensor)

    @property
    def note(self) -> str:
        """Return what it did, for the record."""
        return say(
            "{examples:,} of the labelled rows were held out to stop by; training ended after"
            " step {last:,} with the weights of step {step:,}, where their loss was lowest.",
            examples=len(self.examples),
            last=self.last,
            step=self.step,
        )
