"""Where transfer happens: what a linear probe can read at every layer before and after training, and how far each layer
was moved (Alain & Bengio 2017 for probes at every layer)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tl_core.errors import UserError
from tl_core.tasks import task_of
from tl_core.types import Example, Problem, Step, Steps

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    from tl_core.models.depths import Deep

MOST_TEST = 500  # test rows a probe is judged on: every one is read twice, which takes longest


@dataclass(frozen=True)
class Layer:
    """One depth: 0 is what goes into the first layer."""

    depth: int
    before: float  # accuracy of a probe on the test rows, 0 to 1, untrained
    after: float  # trained
    turned: float  # mean over the test rows of 1 - cosine between a text's vector before and after
    moved: float | None  # norm of the change of the layer's weights over that of the weights; None where layers share theirs
    added: int  # parameters that stand beside its weights


@dataclass(frozen=True)
class Layers:
    """A trained model, layer by layer."""

    arm: str
    model: str
    layers: tuple[Layer, ...]
    train: int  # rows the probes are fitted on: those the run was trained on
    test: int  # rows they are judged on
    notes: tuple[str, ...]


def layers(before: Deep, after: Deep, problem: Problem, train: Sequence[Example], test: Sequence[Example]) -> Steps[Layers]:
    """Probe every depth of a model before and after training.

    Args:
        train: the rows the run was trained on; nothing is fitted on any other.
        test: judged on, an even share of them where they are very many.

    Raises:
        UserError: the run was trained on no rows.
    """
    from tl_core.models.heads import fit_head
    from tl_core.models.moved import moved
    from tl_core.models.yes_no import many_scores

    if not train:
        raise UserError(f"{after.name} was trained on no rows, so there is nothing to fit probes on. Choose a run with labels.")
    notes = []
    if len(test) > MOST_TEST:
        notes.append(f"Probes are judged on {MOST_TEST:,} of the {len(test):,} test rows, evenly spread.")
        test = [test[i] for i in np.linspace(0, len(test) - 1, MOST_TEST).astype(int)]
    depths = range(before.layers + 1)
    task = task_of(problem)
    accuracies, read = [], []
    for deep in (before, after):
        known = yield from deep.vectors(train, depths)
        asked = yield from deep.vectors(test, depths)
        right = []
        for depth in depths:
            if problem.target == "one label":
                scores = fit_head(known[depth], task.gold(problem, train), len(problem.labels)).logits(asked[depth])
            else:
                scores = yield from many_scores(known[depth], task.gold(problem, train), asked[depth])
            right.append(float(task.correct(task.gold(problem, test), scores).mean()))
            yield Step(depth + 1, len(depths), phase="fit")
        accuracies.append(right)
        read.append(asked)
    parts = before.encoder.parts
    weights = moved(before.network, after.network, parts) if parts else None
    if weights is None:
        notes.append(f"{before.name} is not built of one stack of layers, so how far each was moved cannot be told.")
    return Layers(
        after.name,
        before.name,
        tuple(
            Layer(
                d, accuracies[0][d], accuracies[1][d], float(1 - (read[0][d] * read[1][d]).sum(1, dtype=np.float64).mean()),
                weights[d].relative if weights else None, weights[d].added if weights else 0,
            )
            for d in depths
        ),
        len(train), len(test), tuple(notes),
    )  # fmt: skip
