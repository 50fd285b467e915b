"""Low-rank adapters (LoRA): small trained matrices beside the frozen weights of the upper layers.

Hu et al. 2022. Layers below the adapters are frozen, so their outputs are computed once per text.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class Params:
    rank: int = param(8, "Size of the low-rank update; more learns more and overfits sooner", low=1, high=256)
    alpha: float = param(16.0, "Strength of the update: it is scaled by alpha / rank", low=0.1, high=1024)
    layers: int = param(0, "How many upper layers get adapters; 0 for the upper half", low=0, high=200)
    learning_rate: float = param(1e-3, "Step size of the adapters", low=1e-6, high=0.1)
    head_learning_rate: float = param(1e-2, "Step size of the linear head", low=1e-6, high=1.0)
    batch: int = param(16, "Texts in an optimizer step", low=1, high=512)
    epochs: int = param(20, "Times every text is seen, unless that gives too few or too many steps", low=1, high=1000)
    min_steps: int = param(40, "At least so many optimizer steps", low=1, high=100_000)
    max_steps: int = param(400, "At most so many optimizer steps", low=1, high=1_000_000)


class Lora:
    id = "lora"
    version = 1
    order = 70
    title = "LoRA adapter"
    about = "Trains small low-rank matrices in the upper layers and a linear head; the rest of the model stays as it was."
    needs = "a few labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from."""
        return "lora needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Every step trains a batch in half the layers; then the test rows, in half the layers."""
        from tl_core.models.training import steps_for

        steps = steps_for(train, params.batch, epochs=params.epochs, low=params.min_steps, high=params.max_steps)
        return 1.5 * steps * min(params.batch, train) + 0.5 * test

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then adapters and head together."""
        from tl_core.models.classifier import ClassifierPredictor, train_classifier
        from tl_core.models.training import steps_for

        p: Params = job.params
        model = _adapted(job.encoder, job.problem, p, job.seed)
        yield from model.start_head_from_probe(job.train)
        adapters = [tensor for name, tensor in model.trainable().items() if not name.startswith("head.")]
        groups = [
            {"params": adapters, "lr": p.learning_rate, "weight_decay": 0.0},
            {"params": list(model.head.parameters()), "lr": p.head_learning_rate, "weight_decay": 0.0},
        ]
        steps = steps_for(len(job.train), p.batch, epochs=p.epochs, low=p.min_steps, high=p.max_steps)
        curve = yield from train_classifier(model, job.train, groups, steps=steps, batch=p.batch, seed=job.seed)
        count = sum(t.numel() for t in model.trainable().values())
        return Fitted(ClassifierPredictor(model, p), optimizer_steps=steps, trainable_parameters=count, curve=curve)

    def load(self, folder: Path, problem: Problem, encoder):
        """Adapters and head as saved, on the same model."""
        from tl_core.models.classifier import ClassifierPredictor
        from tl_core.models.saved import read_settings

        params = Params(**read_settings(folder))
        model = _adapted(encoder, problem, params)
        model.restore(folder)
        return ClassifierPredictor(model, params)


def _adapted(encoder, problem: Problem, p: Params, seed: int = 0):
    """The model with fresh adapters (the update starts at zero) on every linear map of its upper layers."""
    from peft import LoraConfig, inject_adapter_in_model

    from tl_core.models.classifier import TextClassifier, seeded

    first = encoder.first_of_upper(p.layers)
    model = TextClassifier(encoder, problem, start=first)
    names = encoder.parts.linear_names(model.body, first)  # our own targets: peft has none for several encoders
    with seeded(seed):
        inject_adapter_in_model(LoraConfig(r=p.rank, lora_alpha=p.alpha, target_modules=names, lora_dropout=0.0), model.body)
    model.to(encoder.device)
    return model


STRATEGY = Lora()
