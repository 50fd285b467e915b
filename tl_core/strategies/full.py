"""Full fine-tuning done properly at few rows: every weight may change, lower layers more slowly.

Bias-corrected Adam, warm-up and enough steps (Mosbach et al. 2021; Zhang et al. 2021), layer-wise learning-rate
decay (Howard & Ruder 2018), and a head that begins as the probe (Kumar et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.errors import UserError
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class Params:
    learning_rate: float = param(1e-4, "Step size of the top layer", low=1e-7, high=0.1)
    layer_decay: float = param(0.9, "Each layer further down learns this many times as fast as the one above it", low=0.1, high=1.0)
    head_learning_rate: float = param(1e-2, "Step size of the linear head", low=1e-6, high=1.0)
    weight_decay: float = param(0.01, "Pull of the weights towards zero", low=0.0, high=1.0)
    frozen_layers: int = param(0, "How many of the lowest layers (and the embeddings with them) stay as they are", low=0, high=200)
    batch: int = param(16, "Texts in an optimizer step", low=1, high=512)
    epochs: int = param(20, "Times every text is seen, unless that gives too few or too many steps", low=1, high=1000)
    min_steps: int = param(60, "At least so many optimizer steps", low=1, high=100_000)
    max_steps: int = param(1000, "At most so many optimizer steps", low=1, high=1_000_000)


class Full:
    id = "full"
    version = 1
    order = 80
    title = "Full fine-tuning"
    about = "Lets every weight of the model change. Wants hundreds of labels, time and memory; then it is usually the most accurate."
    needs = "all labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from."""
        return "full needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Every step trains a batch; then the test rows."""
        from tl_core.models.recipes import steps_for

        steps = steps_for(train, params.batch, epochs=params.epochs, low=params.min_steps, high=params.max_steps)
        return 3.0 * steps * min(params.batch, train) + test

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then everything together."""
        from tl_core.models.classifier import ClassifierPredictor, TextClassifier, layer_groups, train_classifier
        from tl_core.models.recipes import steps_for

        p: Params = job.params
        _check_frozen(job.encoder, p.frozen_layers)
        model = TextClassifier(job.encoder, job.problem, start=p.frozen_layers)
        yield from model.start_head_from_probe(job.train)
        groups = layer_groups(model, p.learning_rate, p.layer_decay, p.head_learning_rate, p.weight_decay)
        steps = steps_for(len(job.train), p.batch, epochs=p.epochs, low=p.min_steps, high=p.max_steps)
        curve = yield from train_classifier(model, job.train, groups, steps=steps, batch=p.batch, seed=job.seed)
        count = sum(t.numel() for t in model.trainable().values())
        return Fitted(ClassifierPredictor(model, p), optimizer_steps=steps, trainable_parameters=count, curve=curve)

    def load(self, folder: Path, problem: Problem, encoder):
        """All changed weights as saved."""
        from tl_core.models.classifier import ClassifierPredictor, TextClassifier
        from tl_core.models.saved import read_settings

        params = Params(**read_settings(folder))
        model = TextClassifier(encoder, problem, start=params.frozen_layers)
        model.restore(folder)
        return ClassifierPredictor(model, params)


def _check_frozen(encoder, count: int) -> None:
    name, parts = encoder.model.ref.name, encoder.parts
    if count and not encoder.can_cut:
        raise UserError(f"frozen_layers={count}, but {name} cannot be cut between two layers. Choose 0.")
    if parts and count > parts.count:
        raise UserError(f"frozen_layers={count}, but {name} has {parts.count} layers. Choose from 0 to {parts.count}.")


STRATEGY = Full()
