"""Layer by layer, where transfer happens: what a linear probe can read at every layer before and
after training, and how far each layer was moved (Alain & Bengio 2017 for probes at every layer).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Problem, Step, Steps
from tl_core.api.view import Checkpoint, Job, Models, Numbers
from tl_core.tasks import about_probabilities, task_of

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    from tl_core.models.training.depths import Deep

MOST_TEST = 500  # test rows a probe is judged on: every one is read twice, which takes longest
MOST_WORDED = (
    300  # texts whose words are tagged, to fit on and to judge on: each has dozens of them
)


@dataclass(frozen=True)
class Layer:
    """One depth: 0 is what goes into the first layer."""

    depth: int
    before: float  # accuracy of a probe on the test rows, 0 to 1, untrained; see `Layers.measure`
    after: float  # trained
    # mean over the test rows (or their words) of 1 - cosine between a vector before and after
    turned: float
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
    measure: str = "accuracy"  # of the probes; where words are tagged, what sorts: "entity_f1"


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
    from tl_core.models.training.weight_shift import moved

    if not train:
        raise UserError(
            say(
                "{after} was trained on no rows, so there is nothing to fit probes on. Choose a"
                " run with labels.",
                after=after.name,
            )
        )
    probe = _Words(problem) if task_of(problem).by_word else _Texts(problem)
    train, test, notes = probe.some(train, test)
    room = min(before.room, after.room)  # long texts in the same pieces on both sides
    before, after = (replace(deep, room=room) for deep in (before, after))
    depths = range(before.layers + 1)
    reached, read = [], []
    for deep in (before, after):
        known = yield from probe.read(deep, train, depths)
        asked = yield from probe.read(deep, test, depths)
        found = []
        for depth in depths:
            found.append((yield from probe.reached(known, train, asked, test, depth)))
            yield Step(depth + 1, len(depths), phase="fit")
        reached.append(found)
        read.append(probe.vectors(asked))
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
                reached[0][d],
                reached[1][d],
                float(1 - (read[0][d] * read[1][d]).sum(1, dtype=np.float64).mean()),
                weights[d].relative if weights else None,
                weights[d].added if weights else 0,
            )
            for d in depths
        ),
        len(train),
        len(test),
        tuple(notes),
        probe.measure,
    )


class _Texts:
    """A probe that reads the label of a text off its vector."""

    measure = "accuracy"
    most_train: int | None = None
    most_test = MOST_TEST

    def __init__(self, problem: Problem):
        self.problem, self.task = problem, task_of(problem)

    def some(
        self, train: Sequence[Example], test: Sequence[Example]
    ) -> tuple[Sequence[Example], Sequence[Example], list[str]]:
        """(rows to fit on, rows to judge on, what must be said of them)."""
        notes: list[str] = []
        if self.most_train and len(train) > self.most_train:
            notes.append(
                say(
                    "Probes are fitted on {most:,} of the {train:,} training rows, evenly spread.",
                    most=self.most_train,
                    train=len(train),
                )
            )
        if len(test) > self.most_test:
            notes.append(
                say(
                    "Probes are judged on {most_test:,} of the {test:,} test rows, evenly spread.",
                    most_test=self.most_test,
                    test=len(test),
                )
            )
        return _spread(train, self.most_train), _spread(test, self.most_test), notes

    def read(self, deep: Deep, rows: Sequence[Example], depths: Sequence[int]) -> Steps[Any]:
        """What the probe sees at each depth."""
        return (yield from deep.vectors(rows, depths))

    def vectors(self, read: Any) -> list[np.ndarray]:
        """(m, d) of unit length at each depth."""
        return list(read)

    def reached(
        self,
        known: Any,
        train: Sequence[Example],
        asked: Any,
        test: Sequence[Example],
        depth: int,
    ) -> Steps[float]:
        """Of a probe fitted on what is known at a depth, how good its answers are."""
        from tl_core.models.training.task_heads import probe_scores

        scores = yield from probe_scores(self.problem, known[depth], train, asked[depth])
        return float(self.task.correct(self.task.gold(self.problem, test), scores).mean())


class _Words(_Texts):
    """A probe that reads the tag of a word off its state."""

    most_train, most_test = MOST_WORDED, MOST_WORDED

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self.measure = self.task.measures[0].id

    def read(self, deep: Deep, rows: Sequence[Example], depths: Sequence[int]) -> Steps[Any]:
        """Pieces, and the states of their words at each depth."""
        return (yield from deep.words(rows, depths))

    def vectors(self, read: Any) -> list[np.ndarray]:
        """(words, d) at each depth."""
        return [np.concatenate(of_depth) for of_depth in read[1]]

    def reached(
        self,
        known: Any,
        train: Sequence[Example],
        asked: Any,
        test: Sequence[Example],
        depth: int,
    ) -> Steps[float]:
        """F1 of spans."""
        from tl_core.models.training.task_heads import scores_of
        from tl_core.models.word_pieces import assembled, tags_of_begins

        pieces, states = known
        tags = self.task.gold(self.problem, [piece.example for piece in pieces])
        gold = np.concatenate(tags_of_begins(tags, pieces))
        pieces, of_test = asked
        features = np.concatenate(of_test[depth])
        scores = yield from scores_of(self.problem, np.concatenate(states[depth]), gold, features)
        parts = np.split(scores, np.cumsum([len(x) for x in of_test[depth]])[:-1])
        whole = assembled(test, pieces, parts, self.task.outputs(self.problem))
        decided = self.task.decide(whole)
        return float(
            self.task.measures[0].value(self.problem, self.task.gold(self.problem, test), decided)
        )


def _spread(rows: Sequence[Example], most: int | None) -> Sequence[Example]:
    if not most or len(rows) <= most:
        return rows
    return [rows[i] for i in np.linspace(0, len(rows) - 1, most).astype(int)]


def _of_run(models: Models, checkpoint: Checkpoint) -> Iterator[Step | Layers]:
    """Steps, then one `Layers` of a kept run that trained its model.

    Raises:
        UserError: it changed nothing inside its model.
    """
    run = models.trained_run(checkpoint)
    task = task_of(run.problem)
    if task.by_word and task.alternatives:
        raise UserError(
            say(
                "Layer by layer: a probe reads labels of texts or types of words off a layer, and"
                " here answers are looked for by a question, so it has nothing to show."
            )
        )
    about_probabilities(run.problem, say("Layer by layer"))
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
