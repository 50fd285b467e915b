"""Nearest class mean in the frozen embedding space (Snell et al. 2017, without their training)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import Strategy
from tl_core.api.types import Example, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class PrototypeSettings:
    temperature: float = param(
        0.05, "How sharp the probabilities are; it never changes the prediction", low=0.001, high=10
    )


class Prototype(Strategy):
    id = "prototype"
    version = 3
    order = 40
    title = say("Nearest class mean")
    about = say(
        "Averages the embeddings of each label's rows and predicts the nearest mean. Stable with"
        " one to four labels per class."
    )
    deterministic = True
    settings = PrototypeSettings

    def fit(self, job: Job) -> Steps[Fitted]:
        """Average each label's unit embeddings."""
        from tl_core.models.label_vectors import unit
        from tl_core.tasks import task_of

        features = unit((yield from job.encoder.features(job.train)))
        task = task_of(job.problem)
        means = np.zeros((len(job.problem.labels), features.shape[1]))
        carried = task.carried(task.gold(job.problem, job.train), len(means))
        for label in np.flatnonzero(carried.any(0)):
            means[label] = features[carried[:, label]].mean(0)
        return Fitted(Predictor(unit(means), job.params.temperature, job.encoder))

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Means as saved."""
        from tl_core.models.saved import read_arrays

        arrays = read_arrays(folder)
        return Predictor(arrays["means"], float(arrays["temperature"][0]), encoder)

    def portable(self, predictor, problem: Problem, encoder):
        """The means as a linear map of unit embeddings."""
        from tl_core.models.training.portable import of_vectors

        return of_vectors(predictor.means, predictor.temperature, problem, encoder)


class Predictor:
    """softmax(cosine to each mean / temperature)."""

    def __init__(self, means: np.ndarray, temperature: float, encoder):
        self.means, self.temperature, self.encoder = (
            means,
            temperature,
            encoder,
        )  # means: (C, d), unit length

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        from tl_core.models.label_vectors import unit
        from tl_core.models.training.heads import softmax

        features = unit((yield from self.encoder.features(examples)))
        return softmax(features @ self.means.T / self.temperature).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the means."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, means=self.means, temperature=np.array([self.temperature]))


STRATEGY = Prototype()
