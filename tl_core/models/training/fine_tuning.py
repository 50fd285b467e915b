"""Base of strategies that train the whole network. Nothing here needs torch before a fit begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.api.errors import raise_all
from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import EVERYTHING, QUESTIONS, WRITTEN, Needs, Strategy
from tl_core.api.types import Example, Fitted, Job, Predictor, Problem, Steps
from tl_core.models.training.settings import TRIES, StepSettings, pairs_param, reads_param

if TYPE_CHECKING:
    from tl_core.models.training.classifier import TextClassifier


@dataclass(frozen=True)
class FineTuningSettings(StepSettings):
    """The settings of every strategy that trains the whole network."""

    learning_rate: float = param(1e-4, "Learning rate of the top layer", low=1e-7, high=0.1)
    head_learning_rate: float = param(1e-2, "Learning rate of the linear head", low=1e-6, high=1.0)
    weight_decay: float = param(0.01, "Pull of the weights towards zero", low=0.0, high=1.0)
    early_stopping: float = param(
        0.0,
        "Share of the labelled rows that is held out to stop by; 0 holds none out",
        low=0.0,
        high=0.5,
    )
    patience: int = param(
        5,
        "Looks at the held-out rows, one an epoch, that may pass without a lower loss",
        low=1,
        high=1000,
    )
    pairs: str = pairs_param()
    reads: str = reads_param()


class FineTuning(Strategy):
    """A strategy that trains everything from the embeddings to the head.

    A file in `strategies/` says from which weights (`classifier`), what happens before (`start`),
    and how fast each layer learns.
    """

    tasks = EVERYTHING | QUESTIONS | WRITTEN
    of_heads: Sequence[str] = ()  # further settings that mean nothing where a text is written
    needs: Needs = "all labels"
    tries = TRIES
    settings: type[FineTuningSettings]

    def classifier(
        self, encoder: Any, problem: Problem, p: Any, seed: int | None = None
    ) -> TextClassifier:
        """The network as it is trained.

        Args:
            seed: of a run that starts; None where saved weights are about to be put in.
        """
        raise NotImplementedError

    def faults(self, encoder: Any, p: Any) -> list[str]:
        """Return which settings this model cannot meet, in sentences."""
        return []

    def start(self, model: TextClassifier, train: Sequence[Example]) -> Steps[None]:
        """Prepare the model before the first step."""
        yield from ()

    def layer_decay(self, p: Any) -> float:
        """Return how much slower a layer learns than the one above it, as a factor."""
        return 1.0

    def gradual(self, p: Any) -> bool:
        """Whether layers begin to learn one after another."""
        return False

    def notes(self, model: TextClassifier, p: Any, rows: int, steps: int) -> list[str]:
        """Return what to report of a training on so many rows that took so many steps."""
        return []

    def passes(self, params: FineTuningSettings, train: int, test: int) -> float:
        """Every step trains a batch, and every epoch looks at what is held out; then the test
        rows.
        """
        steps = params.steps(train)
        return (3.0 + params.early_stopping) * steps * min(params.batch, train) + test

    def updates(self, params: FineTuningSettings, train: int) -> float:
        """Every step updates them."""
        return float(params.steps(train))

    def refused_for_texts(self, p: Any) -> list[str]:
        """Return which settings mean nothing where a text is written, in sentences."""
        usual = self.settings()
        idle = [
            name
            for name in ("early_stopping", *self.of_heads)
            if getattr(p, name) != getattr(usual, name)
        ]
        return [
            say(
                "{id}: {setting} is for models that label texts, and here a text is written. Leave"
                " it out.",
                id=self.id,
                setting=name,
            )
            for name in idle
        ]

    def fit_writer(self, job: Job) -> Steps[Fitted]:
        """Train a model that writes."""
        from tl_core.models.training.writer import fit_full

        decay = self.layer_decay(job.params)
        return (yield from fit_full(job, decay, self.refused_for_texts(job.params)))

    def load_writer(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """A model that writes, as saved."""
        from tl_core.models.training.writer import load_full

        return load_full(folder, problem, encoder, self.settings)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Train everything together."""
        from tl_core.tasks import task_of

        if task_of(job.problem).writes:
            return (yield from self.fit_writer(job))
        from tl_core.models.training.classifier import fitted, layer_groups, train_classifier
        from tl_core.models.training.stopping import HeldOut, hold_out

        p: FineTuningSettings = job.params
        raise_all(self.faults(job.encoder, p))
        train, by = hold_out(job.problem, job.train, p.early_stopping, job.seed)
        model = self.classifier(job.encoder, job.problem, p, job.seed)
        yield from self.start(model, train)
        groups = layer_groups(
            model, p.learning_rate, self.layer_decay(p), p.head_learning_rate, p.weight_decay
        )
        held = (
            HeldOut(model, by, rows=len(train), batch=p.batch, patience=p.patience) if by else None
        )
        curve = yield from train_classifier(
            model,
            train,
            groups,
            steps=p.steps(len(train)),
            batch=p.batch,
            seed=job.seed,
            held=held,
            gradual=self.gradual(p),
        )
        notes = [*([held.note] if held else []), *self.notes(model, p, len(train), len(curve))]
        return fitted(model, p, curve, notes)

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """All weights as saved."""
        from tl_core.tasks import task_of

        if task_of(problem).writes:
            return self.load_writer(folder, problem, encoder)
        from tl_core.models.training.classifier import ClassifierPredictor, saved_params

        params = saved_params(self.settings, folder)
        model = self.classifier(encoder, problem, params)
        model.restore(folder)
        return ClassifierPredictor(model, params)

    def portable(self, predictor: Any, problem: Problem, encoder: Any) -> Any:
        """The trained body and its head; a model that writes has none."""
        from tl_core.tasks import task_of

        if task_of(problem).writes:
            return None
        from tl_core.models.training.portable import of_classifier

        return of_classifier(predictor.model)
