"""Base of strategies on frozen embeddings: they send nothing further through the network, and what
they learn is a linear head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.params import param
from tl_core.api.strategy import EVERYTHING, ONE_LABEL, Strategy
from tl_core.api.types import Example, Fitted, Job, Predictor, Problem, Step, Steps

if TYPE_CHECKING:
    from tl_core.models.training.heads import LinearHead

Features = Callable[[Sequence[Example]], Steps[np.ndarray]]
HeldOut = tuple[np.ndarray, np.ndarray] | None


class FrozenHead(Strategy):
    """A file in `strategies/` says what it is called, its settings, and `head`: how embeddings and
    gold labels become a `tl_core.models.training.heads.LinearHead`.
    """

    tasks = ONE_LABEL  # add "many-labels" where `head` takes gold of (n, C) bool
    deterministic = True  # `head` is given no seed
    quick = True

    def head(self, features: np.ndarray, gold: np.ndarray, labels: int, params: Any) -> LinearHead:
        """The head for these rows.

        Args:
            features: (n, d) float64, as the encoder gives them: not scaled. Of two texts u and v
                they are |u - v|, u * v and their cosine put together.
            gold: (n,) positions of the labels, 0 to `labels` - 1, not every one of which need
                occur; (n, C) bool where a text may have several.
            labels: C, how many labels there are.
            params: the strategy's settings.
        """
        raise NotImplementedError(f"{type(self).__name__} has no head(features, gold, labels, ...)")

    def learn(
        self, job: Job, features: np.ndarray, gold: np.ndarray
    ) -> Steps[tuple[LinearHead, HeldOut]]:
        """The head, and `Fitted.held_out`. Override it instead of `head` to see the whole job."""
        yield Step(0, 1)
        head = self.head(features.astype(np.float64), gold, len(job.problem.labels), job.params)
        return head, None

    def features_of(self, encoder: Any) -> Features:
        """Turn examples into the features that the head sees: (n, d)."""
        return encoder.features

    def fit(self, job: Job) -> Steps[Fitted]:
        """Embed the training rows, then learn the head."""
        from tl_core.models.training.frozen_words import word_rows
        from tl_core.tasks import task_of

        task = task_of(job.problem)
        if task.by_word:
            features, gold = yield from word_rows(job)
        else:
            features = yield from self.features_of(job.encoder)(job.train)
            gold = task.gold(job.problem, job.train)
        head, held_out = yield from self.learn(job, features, gold)
        yield Step(1, 1)
        return Fitted(
            self.predictor(head, job.problem, job.encoder),
            trainable_parameters=head.weight.size + head.bias.size,
            held_out=held_out,
        )

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """The head as saved."""
        from tl_core.models.training.heads import load_head

        return self.predictor(load_head(folder), problem, encoder)

    def portable(self, predictor: Any, problem: Problem, encoder: Any) -> Any:
        """The head on embeddings; None where a strategy has features or predictions of its own."""
        from tl_core.models.training.frozen_words import WordHeadPredictor
        from tl_core.models.training.portable import of_frozen, of_words

        if isinstance(predictor, WordHeadPredictor):
            return of_words(predictor.head, encoder)
        own = type(self)
        if (own.features_of, own.predictor) != (FrozenHead.features_of, FrozenHead.predictor):
            return None
        return of_frozen(predictor.head, problem, encoder)

    def predictor(self, head: LinearHead, problem: Problem, encoder: Any) -> Predictor:
        """The head on embeddings."""
        from tl_core.models.training.frozen_words import WordHeadPredictor
        from tl_core.models.training.heads import HeadPredictor
        from tl_core.tasks import task_of

        if task_of(problem).by_word:
            return WordHeadPredictor(head, problem, encoder)
        return HeadPredictor(head, task_of(problem).probabilities, self.features_of(encoder))


@dataclass(frozen=True)
class ProbeSettings:
    strength: float = param(
        0.0,
        "Inverse of the regularisation (scikit-learn's C); 0 chooses it by cross-validation inside"
        " the labels",
        low=0.0,
        high=1e6,
    )


class LinearProbe(FrozenHead):
    """Logistic regression on the features that `features_of` names, its strength chosen inside the
    labels.
    """

    tasks = EVERYTHING
    settings = ProbeSettings

    def fit(self, job: Job) -> Steps[Fitted]:
        """As every head; of questions, the two of where an answer begins and ends."""
        from tl_core.tasks import task_of

        if task_of(job.problem).alternatives:
            from tl_core.models.training.answer_finder import AnswerProbe

            return (yield from AnswerProbe.fit(job))
        return (yield from super().fit(job))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """The head as saved."""
        from tl_core.tasks import task_of

        if task_of(problem).alternatives:
            from tl_core.models.training.answer_finder import AnswerProbe

            return AnswerProbe.load(folder, problem, encoder, self.settings)
        return super().load(folder, problem, encoder)

    def portable(self, predictor: Any, problem: Problem, encoder: Any) -> Any:
        """The head on embeddings, or on every word; of questions, on every token."""
        from tl_core.tasks import task_of

        if task_of(problem).alternatives:
            from tl_core.models.training.portable import of_classifier

            return of_classifier(predictor.model)
        return super().portable(predictor, problem, encoder)

    def learn(
        self, job: Job, features: np.ndarray, gold: np.ndarray
    ) -> Steps[tuple[LinearHead, HeldOut]]:
        """Choose the regularisation inside the labels, then fit."""
        from tl_core.models.training.task_heads import fit_task_head

        yield Step(0, 1)
        return (yield from fit_task_head(job.problem, features, gold, job.params.strength))

    def as_fitted(self, params: ProbeSettings, fitted: Fitted) -> ProbeSettings:
        """Return the settings with the strength that was chosen."""
        from tl_core.models.training.heads import head_of

        return replace(params, strength=head_of(fitted).strength)
