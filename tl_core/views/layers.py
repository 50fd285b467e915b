"""Layer by layer, where transfer happens: what a linear probe can read at every layer before and
after training, and how far each layer was moved (Alain & Bengio 2017 for probes at every layer).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Problem, Step, Steps
from tl_core.api.view import Checkpoint, Job, Models, Numbers
from tl_core.tasks import about_whole_texts, task_of

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    from tl_core.models.training.depths import Deep

MOST_TEST = 500  # test rows a probe is judged on: every one is read twice, which takes longest


@dataclass(frozen=True)
class Layer:
    """One depth: 0 is what goes into the first layer."""

    depth: int
    before: float  # accuracy of a probe on the test rows, 0 to 1, untrained
    after: float  # trained
    turned: float  # mean over the test rows of 1 - cosine between a text's vector before and after
    moved: (
        float | None
        # norm of the change of the layer's weights over that of the weights; None where layers
        # share theirs
    )
    added: int  # parameters that are next to its weights


@dataclass(frozen=True)
class Layers:
    """A trained model, layer by layer."""

    arm: str
    model: str
    layers: tuple[Layer, ...]
    train: int  # rows the probes are fitted on: those the run was trained on
    test: int  # rows they are judged on
    notes: tuple[str, ...]


def layers(
    before: Deep, after: Deep, problem: Problem, train: Sequence[Example], test: Sequence[Example]
) -> Steps[Layers]:
    """Probe every depth of a model before and after training.

    Args:
        train: the rows the run was trained on; nothing is fitted on any other.
        test: judged on, an even share of them where they are very many.

    Raises:
        UserError: the run was trained on no rows.
    """
    from tl_core.models.training.task_heads import probe_scores
    from tl_core.models.training.weight_shift import moved

    if not train:
        raise UserError(
            say(
                "{after} was trained on no rows, so there is nothing to fit probes on. Choose a"
                " run with labels.",
                after=after.name,
            )
        )
    notes = []
    if len(test) > MOST_TEST:
        notes.append(
            say(
                "Probes are judged on {most_test:,} of the {test:,} test rows, evenly spread.",
                most_test=MOST_TEST,
                test=len(test),
            )
        )
        test = [test[i] for i in np.linspace(0, len(test) - 1, MOST_TEST).astype(int)]
    depths = range(before.layers + 1)
    task = task_of(problem)
    accuracies, read = [], []
    for deep in (before, after):
        known = yield from deep.vectors(train, depths)
        asked = yield from deep.vectors(test, depths)
        right = []
        for depth in depths:
            scores = yield from probe_scores(problem, known[depth], train, asked[depth])
            right.append(float(task.correct(task.gold(problem, test), scores).mean()))
            yield Step(depth + 1, len(depths), phase="fit")
        accuracies.append(right)
        read.append(asked)
    parts = before.encoder.parts
    weights = moved(before.network, after.network, parts) if parts else None
    if weights is None:
        notes.append(
            say(
                "{before} is not built of one stack of layers, so how far each was moved is"
                " unknown.",
                before=before.name,
            )
        )
    return Layers(
        after.name,
        before.name,
        tuple(
            Layer(
                d,
                accuracies[0][d],
                accuracies[1][d],
                float(1 - (read[0][d] * read[1][d]).sum(1, dtype=np.float64).mean()),
                weights[d].relative if weights else None,
                weights[d].added if weights else 0,
            )
            for d in depths
        ),
        len(train),
        len(test),
        tuple(notes),
    )


def _of_run(models: Models, checkpoint: Checkpoint) -> Iterator[Step | Layers]:
    """Steps, then one `Layers` of a kept run that trained its model.

    Raises:
        UserError: it changed nothing inside its model.
    """
    run = models.trained_run(checkpoint)
    about_whole_texts(run.problem, say("Layer by layer"))
    before, after = (
        models.deep(replace(checkpoint, untrained=untrained)) for untrained in (True, False)
    )
    if before.network is after.network:
        raise UserError(
            say(
                "{arm} changes nothing inside its model. Choose an arm that does, such as lora"
                " or full.",
                arm=run.arm.id,
            )
        )
    yield (yield from layers(before, after, run.problem, run.train, run.test))


NUMBERS = Numbers("layers", (Job("layer_changes", _of_run),))
