"""The same network from random weights: the difference to `full` is what pre-training is worth here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class Params:
    learning_rate: float = param(5e-4, "Step size of the network", low=1e-7, high=0.1)
    head_learning_rate: float = param(1e-2, "Step size of the linear head", low=1e-6, high=1.0)
    weight_decay: float = param(0.01, "Pull of the weights towards zero", low=0.0, high=1.0)
    batch: int = param(16, "Texts in an optimizer step", low=1, high=512)
    epochs: int = param(20, "Times every text is seen, unless that gives too few or too many steps", low=1, high=1000)
    min_steps: int = param(60, "At least so many optimizer steps", low=1, high=100_000)
    max_steps: int = param(1000, "At most so many optimizer steps", low=1, high=1_000_000)


class Scratch:
    id = "scratch"
    version = 1
    order = 90
    title = "Training from scratch"
    about = "The same network without its pre-training. Nobody should use it; it shows what the pre-training is worth."
    needs = "all labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from."""
        return "scratch needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Every step trains a batch; then the test rows."""
        from tl_core.models.recipes import steps_for

        steps = steps_for(train, params.batch, epochs=params.epochs, low=params.min_steps, high=params.max_steps)
        return 3.0 * steps * min(params.batch, train) + test

    def fit(self, job: Job) -> Steps[Fitted]:
        """Everything from random weights, drawn by the run's seed."""
        from tl_core.models.classifier import ClassifierPredictor, TextClassifier, layer_groups, train_classifier
        from tl_core.models.recipes import steps_for

        p: Params = job.params
        model = TextClassifier(job.encoder, job.problem, start=0, random_weights=job.seed)
        groups = layer_groups(model, p.learning_rate, 1.0, p.head_learning_rate, p.weight_decay)
        steps = steps_for(len(job.train), p.batch, epochs=p.epochs, low=p.min_steps, high=p.max_steps)
        curve = yield from train_classifier(model, job.train, groups, steps=steps, batch=p.batch, seed=job.seed)
        count = sum(t.numel() for t in model.trainable().values())
        return Fitted(ClassifierPredictor(model, p), optimizer_steps=steps, trainable_parameters=count, curve=curve)

    def load(self, folder: Path, problem: Problem, encoder):
        """All weights as saved."""
        from tl_core.models.classifier import ClassifierPredictor, TextClassifier
        from tl_core.models.saved import read_settings

        model = TextClassifier(encoder, problem, start=0)
        model.restore(folder)
        return ClassifierPredictor(model, Params(**read_settings(folder)))


STRATEGY = Scratch()
