"""The model first reads your texts, without labels, guessing hidden words; then another strategy learns on it.

Task-adaptive pre-training (Gururangan et al. 2020). What then learns is the arm's `base`, with settings of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.params import param
from tl_core.types import Base, Example, Facts, Fitted, Job, Predictor, Problem, Steps


@dataclass(frozen=True)
class Params:
    base: str = param("lora", "The strategy that learns from the labels afterwards; its own settings are written base.NAME, as in base.rank=4")
    steps: int = param(200, "Optimizer steps of guessing hidden words, 32 pieces of text each", low=1, high=1_000_000)
    learning_rate: float = param(2e-4, "Highest step size while guessing hidden words", low=1e-7, high=0.1)
    length: int = param(64, "Tokens in a piece of text", low=8, high=512)
    test_texts: bool = param(False, "Read the test texts as well, without their labels: the result then holds for these texts only, and says so")


class AdaptThen:
    id = "adapt-then"
    version = 1
    order = 85
    title = "Read your texts first, then learn"
    about = "Trains the model on your texts without their labels, by guessing hidden words, before another strategy learns from the labels. For texts unlike those the model knows."
    needs = "a few labels"
    uses_model = True
    Params = Params
    takes_base = True
    most_unlabelled = 20_000

    def refuses(self, facts: Facts) -> str:
        """The model must be one that can be trained to guess hidden words."""
        if facts.model is not None and facts.model.speaks in ("causal", "sentinel", "permutation"):
            return f"adapt-then trains a model to guess hidden words, and {facts.model.name} learned language in another way. Use a model such as minilm or BERT."
        return ""

    def uses_unlabelled(self, params: Params) -> bool:
        """That is what it does."""
        return True

    def sees_test_texts(self, params: Params) -> bool:
        """Only where asked for."""
        return params.test_texts

    def passes(self, params: Params, train: int, test: int) -> float:
        """Pieces of text trained on; the seeds share them, so a grid costs less than this says."""
        return 3.0 * params.steps * 32

    def fit(self, job: Job) -> Steps[Fitted]:
        """Train further, or take what an earlier run made of the same texts; then the base on that model."""
        from tl_core.models.further import about, further

        p: Params = job.params
        encoder, folder = yield from further(job.encoder, job.unlabelled, steps=p.steps, rate=p.learning_rate, length=p.length, seed=0)
        fitted = yield from job.base.fit(replace(job, encoder=encoder, unlabelled=job.unlabelled[: len(job.unlabelled) - job.test_texts]))
        job.encoder.borrowed_seconds += encoder.borrowed_seconds
        made = about(folder)
        notes = [f"Before learning, the model read {made['texts']:,} texts without labels and then guessed {100 * made['accuracy']:.0f} % of the hidden words of texts kept apart."]
        if job.test_texts:
            notes.append(f"The {job.test_texts:,} test texts, without their labels, were among them: this result holds for these texts, not for new ones.")
        return replace(fitted, predictor=AdaptedPredictor(fitted.predictor, job.encoder, encoder, folder), notes=(*notes, *fitted.notes))

    def load(self, folder: Path, problem: Problem, encoder: Any, base: Base) -> AdaptedPredictor:
        """The changed model, and the base on it."""
        from tl_core.models.further import opened

        changed = opened(encoder, folder / "model")
        return AdaptedPredictor(base.load(folder / "base", problem, changed), encoder, changed, folder / "model")


class AdaptedPredictor:
    """The base's predictor, with the model it needs."""

    def __init__(self, inner: Predictor, encoder: Any, changed: Any, model: Path):
        self.inner, self.encoder, self.changed, self.model_folder = inner, encoder, changed, model

    @property
    def notes(self) -> tuple[str, ...]:
        """What the base says of the texts it last predicted."""
        return getattr(self.inner, "notes", ())

    @property
    def cuts(self) -> tuple[float, ...]:
        """The base's, where a text may have many labels."""
        return getattr(self.inner, "cuts", ())

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        before = self.changed.borrowed_seconds
        scores = yield from self.inner.predict(examples)
        self.encoder.borrowed_seconds += self.changed.borrowed_seconds - before
        return scores

    def save(self, folder: Path) -> None:
        """The changed model and what the base keeps."""
        shutil.copytree(self.model_folder, folder / "model")
        (folder / "base").mkdir()
        self.inner.save(folder / "base")


STRATEGY = AdaptThen()
