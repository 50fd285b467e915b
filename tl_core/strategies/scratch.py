"""The same network from random weights: the difference to `full` is what pre-training is worth here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.models.recipes import TRIES, pairs_param
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class Params:
    learning_rate: float = param(5e-4, "Step size of the network", low=1e-7, high=0.1)
    head_learning_rate: float = param(1e-2, "Step size of the linear head", low=1e-6, high=1.0)
    weight_decay: float = param(0.01, "Pull of the weights towards zero", low=0.0, high=1.0)
    early_stopping: float = param(0.0, "Share of the labelled rows that is held out to stop by; 0 holds none out", low=0.0, high=0.5)
    patience: int = param(5, "Looks at the held-out rows, one an epoch, that may pass without a lower loss", low=1, high=1000)
    batch: int = param(16, "Texts in an optimizer step", low=1, high=512)
    epochs: int = param(20, "Times every text is seen, unless that gives too few or too many steps", low=1, high=1000)
    min_steps: int = param(60, "At least so many optimizer steps", low=1, high=100_000)
    max_steps: int = param(1000, "At most so many optimizer steps", low=1, high=1_000_000)
    pairs: str = pairs_param()


class Scratch:
    id = "scratch"
    version = 2
    order = 90
    title = "Training from scratch"
    about = "The same network without its pre-training. Nobody should use it; it shows what the pre-training is worth."
    needs = "all labels"
    uses_model = True
    Params = Params
    tries = TRIES

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from."""
        return "scratch needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Every step trains a batch, and every epoch looks at what is held out; then the test rows."""
        from tl_core.models.recipes import steps_for

        steps = steps_for(train, params.batch, epochs=params.epochs, low=params.min_steps, high=params.max_steps)
        return (3.0 + params.early_stopping) * steps * min(params.batch, train) + test

    def fit(self, job: Job) -> Steps[Fitted]:
        """Everything from random weights, drawn by the run's seed."""
        from tl_core.models.classifier import ClassifierPredictor, TextClassifier, layer_groups, train_classifier
        from tl_core.models.recipes import steps_for
        from tl_core.models.stopping import HeldOut, hold_out

        p: Params = job.params
        train, by = hold_out(job.problem, job.train, p.early_stopping, job.seed)
        model = TextClassifier(job.encoder, job.problem, start=0, pairs=p.pairs, random_weights=job.seed)
        groups = layer_groups(model, p.learning_rate, 1.0, p.head_learning_rate, p.weight_decay)
        steps = steps_for(len(train), p.batch, epochs=p.epochs, low=p.min_steps, high=p.max_steps)
        held = HeldOut(model, by, rows=len(train), batch=p.batch, patience=p.patience) if by else None
        curve = yield from train_classifier(model, train, groups, steps=steps, batch=p.batch, seed=job.seed, held=held)
        count = sum(t.numel() for t in model.trainable().values())
        notes = (held.note,) if held else ()
        return Fitted(ClassifierPredictor(model, p), optimizer_steps=len(curve), trainable_parameters=count, curve=curve, notes=notes)

    def load(self, folder: Path, problem: Problem, encoder):
        """All weights as saved."""
        from tl_core.models.classifier import ClassifierPredictor, TextClassifier, saved_params

        params = saved_params(Params, folder)
        model = TextClassifier(encoder, problem, start=0, pairs=params.pairs)
        model.restore(folder)
        return ClassifierPredictor(model, params)


STRATEGY = Scratch()
