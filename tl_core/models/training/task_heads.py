"""The linear head of a task on frozen features; the task says which one (`Task.head`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tl_core.api.types import Example, Problem, Steps
from tl_core.models.training.heads import LinearHead, fit_head, fit_heads, softmax
from tl_core.models.training.label_by_label import (
    WAYS,
    HeldOut,
    fit_many,
    many_scores,
    ways_of,
)
from tl_core.models.training.ordinal_head import fit_ordinal_head
from tl_core.tasks import task_of
from tl_core.tasks.ordinal import values_of

# of a head on words; of 10 and 100 about as good or better on every set that was tried
WORD_STRENGTH = 10.0


class _Softmax:
    """One label a row: a logistic regression over all labels."""

    def fit(
        self, problem: Problem, features: Any, gold: np.ndarray, strength: float | None
    ) -> Steps[tuple[LinearHead, HeldOut]]:
        """Fit the head with its strength chosen inside the labels where None is given."""
        return fit_head(features, gold, len(problem.labels), strength), None
        yield

    def plain(
        self, problem: Problem, features: Any, gold: np.ndarray, strength: float
    ) -> LinearHead:
        """Fit the head at once, at this strength."""
        return fit_head(features, gold, len(problem.labels), strength)

    def scores(
        self, problem: Problem, known: Any, gold: np.ndarray, asked: Any
    ) -> Steps[np.ndarray]:
        """(m, C) scores of other features."""
        return fit_head(known, gold, len(problem.labels)).logits(asked)
        yield


class _LabelByLabel:
    """Any number of labels a row: each label against the rest."""

    def fit(
        self, problem: Problem, features: Any, gold: np.ndarray, strength: float | None
    ) -> Steps[tuple[LinearHead, HeldOut]]:
        """Fit the head, and return the predictions of fits on rows they had not seen, to choose
        cuts by.
        """
        return (yield from fit_many(features, gold, ways_of(strength) if strength else WAYS))

    def plain(
        self, problem: Problem, features: Any, gold: np.ndarray, strength: float
    ) -> LinearHead:
        """Fit the head at once, at this strength."""
        return fit_heads(features, gold, strength)

    def scores(
        self, problem: Problem, known: Any, gold: np.ndarray, asked: Any
    ) -> Steps[np.ndarray]:
        """(m, C) scores of other features, cuts at one half."""
        return (yield from many_scores(known, gold, asked))


class _OneDirection:
    """A point on a scale: one direction of the features."""

    def fit(
        self, problem: Problem, features: Any, gold: np.ndarray, strength: float | None
    ) -> Steps[tuple[LinearHead, HeldOut]]:
        """Fit the head with its strength chosen inside the labels where None is given."""
        return fit_ordinal_head(features, gold, values_of(problem), strength), None
        yield

    def plain(
        self, problem: Problem, features: Any, gold: np.ndarray, strength: float
    ) -> LinearHead:
        """Fit the head at once, at this strength."""
        return fit_ordinal_head(features, gold, values_of(problem), strength)

    def scores(
        self, problem: Problem, known: Any, gold: np.ndarray, asked: Any
    ) -> Steps[np.ndarray]:
        """(m, C) distributions over the scale."""
        return softmax(fit_ordinal_head(known, gold, values_of(problem)).logits(asked))
        yield


class _Tags:
    """A tag a word: features and gold are of the words of all texts, one after another."""

    def fit(
        self, problem: Problem, features: Any, gold: np.ndarray, strength: float | None
    ) -> Steps[tuple[LinearHead, HeldOut]]:
        """Fit the head; nothing is chosen where no strength is given."""
        return self.plain(problem, features, gold, strength or WORD_STRENGTH), None
        yield

    def plain(
        self, problem: Problem, features: Any, gold: np.ndarray, strength: float
    ) -> LinearHead:
        """Fit the head at once, at this strength."""
        return fit_head(features, gold, task_of(problem).outputs(problem), strength)

    def scores(
        self, problem: Problem, known: Any, gold: np.ndarray, asked: Any
    ) -> Steps[np.ndarray]:
        """(m, K) probabilities of the tags of other words."""
        return softmax(self.plain(problem, known, gold, WORD_STRENGTH).logits(asked))
        yield


HEADS: dict[str, _Softmax | _LabelByLabel | _OneDirection | _Tags] = {
    "softmax": _Softmax(),
    "label by label": _LabelByLabel(),
    "one direction": _OneDirection(),
    "tags": _Tags(),
}


def fit_task_head(
    problem: Problem, features: Any, gold: np.ndarray, strength: float | None
) -> Steps[tuple[LinearHead, HeldOut]]:
    """Fit on (n, d) features, dense or sparse.

    Args:
        gold: as the task has it; of words, one after another.
        strength: of the regularisation, scikit-learn's C; None or 0: chosen inside the labels.

    Returns:
        The head, and (gold, probabilities) of rows that a fit had not seen where the task chooses
        cuts.
    """
    return (yield from HEADS[task_of(problem).head].fit(problem, features, gold, strength or None))


def plain_head(problem: Problem, features: Any, gold: np.ndarray, strength: float) -> LinearHead:
    """Fit at once, with nothing chosen."""
    return HEADS[task_of(problem).head].plain(problem, features, gold, strength)


def probe_scores(
    problem: Problem, known: Any, examples: Sequence[Example], asked: Any
) -> Steps[np.ndarray]:
    """(m, C) scores of `asked` features by a head fitted on those `known` of the examples, for
    `Task.decide`.
    """
    gold = task_of(problem).gold(problem, examples)
    return (yield from scores_of(problem, known, gold, asked))


def scores_of(problem: Problem, known: Any, gold: np.ndarray, asked: Any) -> Steps[np.ndarray]:
    """The same where `gold` is known; of words, one after another."""
    return (yield from HEADS[task_of(problem).head].scores(problem, known, gold, asked))
