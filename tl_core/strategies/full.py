"""Full fine-tuning done properly at few rows: every weight may change, lower layers more slowly.

Bias-corrected Adam, warm-up and enough steps (Mosbach et al. 2021; Zhang et al. 2021), layer-wise learning-rate
decay (Howard & Ruder 2018), and a head that begins as the probe (Kumar et al. 2022). As options: gradual unfreezing
(Howard & Ruder 2018), frozen embeddings or lower layers, and stopping early by rows held out of the budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tl_core.errors import raise_all
from tl_core.models.recipes import TRIES, pairs_param
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class Params:
    learning_rate: float = param(1e-4, "Step size of the top layer", low=1e-7, high=0.1)
    layer_decay: float = param(0.9, "Each layer further down learns this many times as fast as the one above it", low=0.1, high=1.0)
    head_learning_rate: float = param(1e-2, "Step size of the linear head", low=1e-6, high=1.0)
    weight_decay: float = param(0.01, "Pull of the weights towards zero", low=0.0, high=1.0)
    frozen_layers: int = param(0, "How many of the lowest layers (and the embeddings with them) stay as they are", low=0, high=200)
    frozen_embeddings: bool = param(False, "The embeddings of tokens and positions stay as they are")
    unfreezing: str = param(
        "all at once", "What learns from the start; gradual: the top layer and the head, then one layer more in every epoch", choices=("all at once", "gradual")
    )
    early_stopping: float = param(0.0, "Share of the labelled rows that is held out to stop by; 0 holds none out", low=0.0, high=0.5)
    patience: int = param(5, "Looks at the held-out rows, one an epoch, that may pass without a lower loss", low=1, high=1000)
    batch: int = param(16, "Texts in an optimizer step", low=1, high=512)
    epochs: int = param(20, "Times every text is seen, unless that gives too few or too many steps", low=1, high=1000)
    min_steps: int = param(60, "At least so many optimizer steps", low=1, high=100_000)
    max_steps: int = param(1000, "At most so many optimizer steps", low=1, high=1_000_000)
    pairs: str = pairs_param()


class Full:
    id = "full"
    version = 2
    order = 80
    title = "Full fine-tuning"
    about = "Lets every weight of the model change. Wants hundreds of labels, time and memory; then it is usually the most accurate."
    needs = "all labels"
    uses_model = True
    Params = Params
    tries = TRIES

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from."""
        return "full needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Every step trains a batch, and every epoch looks at what is held out; then the test rows."""
        from tl_core.models.recipes import steps_for

        steps = steps_for(train, params.batch, epochs=params.epochs, low=params.min_steps, high=params.max_steps)
        return (3.0 + params.early_stopping) * steps * min(params.batch, train) + test

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then everything together."""
        from tl_core.models.classifier import ClassifierPredictor, floors, layer_groups, train_classifier
        from tl_core.models.recipes import steps_for
        from tl_core.models.stopping import HeldOut, hold_out

        p: Params = job.params
        raise_all(_faults(job.encoder, p))
        train, by = hold_out(job.problem, job.train, p.early_stopping, job.seed)
        model = _classifier(job.encoder, job.problem, p)
        yield from model.start_head_from_probe(train)
        groups = layer_groups(model, p.learning_rate, p.layer_decay, p.head_learning_rate, p.weight_decay)
        steps = steps_for(len(train), p.batch, epochs=p.epochs, low=p.min_steps, high=p.max_steps)
        held = HeldOut(model, by, rows=len(train), batch=p.batch, patience=p.patience) if by else None
        curve = yield from train_classifier(
            model, train, groups, steps=steps, batch=p.batch, seed=job.seed, held=held, gradual=p.unfreezing == "gradual"
        )
        notes = [held.note] if held else []
        epochs = math.ceil(len(curve) / math.ceil(len(train) / p.batch))
        if p.unfreezing == "gradual" and (asleep := len(floors(model)) - epochs) > 0:
            notes.append(f"Training ended after {epochs:,} epochs, before the lowest {asleep} layers (the embeddings count as one) had begun to learn.")
        count = sum(t.numel() for t in model.trainable().values())
        return Fitted(ClassifierPredictor(model, p), optimizer_steps=len(curve), trainable_parameters=count, curve=curve, notes=tuple(notes))

    def load(self, folder: Path, problem: Problem, encoder):
        """All changed weights as saved."""
        from tl_core.models.classifier import ClassifierPredictor, saved_params

        params = saved_params(Params, folder)
        model = _classifier(encoder, problem, params)
        model.restore(folder)
        return ClassifierPredictor(model, params)


def _classifier(encoder, problem: Problem, p: Params):
    """The model as it is trained: with frozen what stays."""
    from tl_core.models.classifier import TextClassifier

    model = TextClassifier(encoder, problem, start=p.frozen_layers, pairs=p.pairs)
    if p.frozen_embeddings:
        model.freeze_embeddings()
    return model


def _faults(encoder, p: Params) -> list[str]:
    """What this model cannot do of what is asked."""
    name, parts, faults = encoder.model.ref.name, encoder.parts, []
    if p.frozen_layers and not encoder.can_cut:
        faults.append(f"frozen_layers={p.frozen_layers}, but {name} cannot be cut between two layers. Choose 0.")
    if parts and p.frozen_layers > parts.count:
        faults.append(f"frozen_layers={p.frozen_layers}, but {name} has {parts.count} layers. Choose from 0 to {parts.count}.")
    if p.unfreezing == "gradual" and parts is None:
        faults.append(f"unfreezing=gradual, but {name} is not built of one stack of layers that could begin to learn one after another. Choose all at once.")
    return faults


STRATEGY = Full()
