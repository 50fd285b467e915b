"""The base of every adapter. Nothing here needs torch before a fit begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.params import param
from tl_core.api.sentences import Sentence, say
from tl_core.api.strategy import EVERYTHING, QUESTIONS, WRITTEN, Strategy
from tl_core.api.types import Facts, Fitted, Job, Predictor, Problem, Steps
from tl_core.models.training.settings import (
    TRIES,
    StepSettings,
    max_steps_param,
    min_steps_param,
    pairs_param,
    reads_param,
)


@dataclass(frozen=True)
class AdapterSettings(StepSettings):
    """The settings of every adapter; each strategy adds its own and sets its own rates."""

    layers: int = param(
        0, "How many upper layers get adapters; 0 for the upper half", low=0, high=200
    )
    learning_rate: float = param(1e-3, "Learning rate of the adapters", low=1e-6, high=10.0)
    head_learning_rate: float = param(1e-2, "Learning rate of the linear head", low=1e-6, high=1.0)
    min_steps: int = min_steps_param(40)
    max_steps: int = max_steps_param(400)
    pairs: str = pairs_param()
    reads: str = reads_param()


@dataclass(frozen=True)
class LowRankSettings(AdapterSettings):
    """The settings of every low-rank adapter."""

    rank: int = param(
        8, "Size of the low-rank update; more learns more and overfits sooner", low=1, high=256
    )
    alpha: float = param(
        16.0, "Strength of the update: it is scaled by alpha / rank", low=0.1, high=1024
    )


class Adapter(Strategy):
    """The common part of every adapter strategy; a file in `strategies/` says what it is called and
    where it goes.
    """

    tasks = EVERYTHING | QUESTIONS
    version = 3
    settings: type[AdapterSettings]
    whole = False  # reaches every layer, so that none can be cut off below it
    without: Sequence[str] = ()  # architectures it does not work on
    reason: Sentence = Sentence("")  # why not, with {kind} for the architecture
    tries = TRIES

    def put(self, model: Any, params: Any, first: int) -> None:
        """Put adapters into the body of a classifier, from layer `first` on.

        Raises:
            UserError: the body has no place for them.
        """
        raise NotImplementedError

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: it needs rows to learn from, and an architecture it works
        on.
        """
        if reason := super().refuses(facts):
            return reason
        kind = facts.model.kind if facts.model else ""
        if kind not in self.without:
            return ""
        return say("{id} {reason}", id=self.id, reason=self.reason.filled(kind=kind))

    def passes(self, params: AdapterSettings, train: int, test: int) -> float:
        """A batch a step in the layers it reaches; then the test rows in the same."""
        share = 1.0 if self.whole else 0.5
        return share * params.trained_texts(train) + share * test

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then adapters and head together."""
        from tl_core.models.training.adapters import fit_adapter

        return (yield from fit_adapter(job, self.put, whole=self.whole))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Adapters and head as saved, on the same model."""
        from tl_core.models.training.adapters import load_adapter

        return load_adapter(folder, problem, encoder, self.settings, self.put, whole=self.whole)

    def portable(self, predictor: Any, problem: Problem, encoder: Any) -> Any:
        """The trained body and its head."""
        from tl_core.models.training.portable import of_classifier

        return of_classifier(predictor.model)


class LowRank(Adapter):
    """Low-rank updates of the linear maps of upper layers, of models that label texts and of those
    that write them.
    """

    tasks = EVERYTHING | QUESTIONS | WRITTEN
    settings: type[LowRankSettings] = LowRankSettings
    direction_alone = False  # the update is of the direction, the size is learned by itself (DoRA)

    def config(self, names: Sequence[str], p: LowRankSettings) -> Any:
        """Return peft's configuration; the update starts at zero."""
        from peft import LoraConfig

        return LoraConfig(
            r=p.rank,
            lora_alpha=p.alpha,
            target_modules=list(names),
            lora_dropout=0.0,
            use_dora=self.direction_alone,
        )

    def put(self, model: Any, params: LowRankSettings, first: int) -> None:
        """Put the adapter on every linear map of the upper layers."""
        from tl_core.models.training.adapters import inject, linear_maps

        inject(model, self.config(linear_maps(model, first), params))

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: a text is written by a model that writes."""
        from tl_core.models.writing import cannot_write
        from tl_core.tasks import task_of

        if reason := super().refuses(facts):
            return reason
        return cannot_write(facts, self.id) if task_of(facts.problem).writes else ""

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then adapters and head together; adapters alone where a text is
        written.
        """
        from tl_core.tasks import task_of

        if not task_of(job.problem).writes:
            return (yield from super().fit(job))
        from tl_core.models.training.writer import fit_low_rank

        return (yield from fit_low_rank(job, self.config))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Adapters as saved, and the head, on the same model."""
        from tl_core.tasks import task_of

        if not task_of(problem).writes:
            return super().load(folder, problem, encoder)
        from tl_core.models.training.writer import load_low_rank

        return load_low_rank(folder, problem, encoder, self.settings, self.config)

    def portable(self, predictor: Any, problem: Problem, encoder: Any) -> Any:
        """The trained body and its head; a model that writes has none."""
        from tl_core.tasks import task_of

        return None if task_of(problem).writes else super().portable(predictor, problem, encoder)
