"""The model first reads your texts, without labels, guessing hidden words; then another strategy
learns on it.

Task-adaptive pre-training (Gururangan et al. 2020). What then learns is the arm's `base`, with
settings of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import LABELS_AND_RATINGS, Base, Strategy
from tl_core.api.types import Example, Facts, Fitted, Job, Predictor, Problem, Steps


@dataclass(frozen=True)
class AdaptThenSettings:
    base: str = param(
        "lora",
        "The strategy that learns from the labels afterwards; its own settings are written"
        " base.NAME, as in base.rank=4",
    )
    steps: int = param(
        200,
        "Optimizer steps of guessing hidden words, 32 pieces of text each",
        low=1,
        high=1_000_000,
    )
    learning_rate: float = param(
        2e-4, "Peak learning rate while guessing hidden words", low=1e-7, high=0.1
    )
    length: int = param(64, "Tokens in a piece of text", low=8, high=512)
    test_texts: bool = param(
        False,
        "Read the test texts as well, without their labels: the result then holds for these texts"
        " only, and says so",
    )


class AdaptThen(Strategy):
    id = "adapt-then"
    order = 85
    title = say("Read your texts first, then learn")
    about = say(
        "Trains the model on your texts without their labels, by guessing hidden words, before"
        " another strategy learns from the labels. For texts unlike those the model knows."
    )
    tasks = LABELS_AND_RATINGS
    settings = AdaptThenSettings
    takes_base = True
    most_unlabelled = 20_000

    def refuses(self, facts: Facts) -> str:
        """The model must be one that can be trained to guess hidden words."""
        if facts.model is not None and facts.model.speaks in ("causal", "sentinel", "permutation"):
            return say(
                "adapt-then trains a model to guess hidden words, and {model} learned language"
                " in another way. Use a model such as minilm or BERT.",
                model=facts.model.name,
            )
        return ""

    def uses_unlabelled(self, params: AdaptThenSettings) -> bool:
        """That is what it does."""
        return True

    def sees_test_texts(self, params: AdaptThenSettings) -> bool:
        """Whether it was asked to see the test texts."""
        return params.test_texts

    def passes(self, params: AdaptThenSettings, train: int, test: int) -> float:
        """Pieces of text trained on; the seeds share them, so a grid costs less than this says."""
        return 3.0 * params.steps * 32

    def fit(self, job: Job) -> Steps[Fitted]:
        """Train further, or take what an earlier run made of the same texts; then the base on that
        model.
        """
        from tl_core.models.pretraining.further import about, further

        p: AdaptThenSettings = job.params
        encoder, folder = yield from further(
            job.encoder,
            job.unlabelled,
            steps=p.steps,
            rate=p.learning_rate,
            length=p.length,
            seed=0,
        )
        fitted = yield from job.base.fit(
            replace(
                job,
                encoder=encoder,
                unlabelled=job.unlabelled[: len(job.unlabelled) - job.test_texts],
            )
        )
        job.encoder.borrowed_seconds += encoder.borrowed_seconds
        made = about(folder)
        notes = [
            say(
                "Before learning, the model read {texts:,} texts without labels and then guessed"
                " {accuracy:.0f}% of the hidden words of texts kept apart.",
                texts=made["texts"],
                accuracy=100 * made["accuracy"],
            )
        ]
        if job.test_texts:
            notes.append(
                say(
                    "The {test_texts:,} test texts, without their labels, were among them: this"
                    " result holds for these texts, not for new ones.",
                    test_texts=job.test_texts,
                )
            )
        return replace(
            fitted,
            predictor=AdaptedPredictor(fitted.predictor, job.encoder, encoder, folder),
            notes=(*notes, *fitted.notes),
        )

    def load_on(self, base: Base, folder: Path, problem: Problem, encoder: Any) -> AdaptedPredictor:
        """The changed model, and the base on it."""
        from tl_core.models.pretraining.further import opened

        changed = opened(encoder, folder / "model")
        return AdaptedPredictor(
            base.load(folder / "base", problem, changed), encoder, changed, folder / "model"
        )


class AdaptedPredictor:
    """The base's predictor, with the model it needs."""

    def __init__(self, inner: Predictor, encoder: Any, changed: Any, model: Path):
        self.inner, self.encoder, self.changed, self.model_folder = inner, encoder, changed, model

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the base's notes on the texts it last predicted."""
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
