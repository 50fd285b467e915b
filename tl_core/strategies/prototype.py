"""Nearest class mean in the frozen embedding space (Snell et al. 2017, without their training)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tl_core.params import param
from tl_core.types import Example, Facts, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class Params:
    temperature: float = param(0.05, "How sharp the probabilities are; it never changes the answer", low=0.001, high=10)


class Prototype:
    id = "prototype"
    version = 2
    order = 40
    title = "Nearest class mean"
    about = "Averages the embeddings of each label's rows and answers the nearest mean. Steady with one to four labels a class."
    needs = "a few labels"
    uses_model = True
    deterministic = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to average."""
        return "prototype needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Nothing goes through a network beyond shared embeddings."""
        return 0.0

    def fit(self, job: Job) -> Steps[Fitted]:
        """Average each label's unit embeddings."""
        from tl_core.models.label_vectors import unit
        from tl_core.tasks import task_of

        features = unit((yield from job.encoder.features(job.train)))
        gold = task_of(job.problem).gold(job.problem, job.train)
        means = np.zeros((len(job.problem.labels), features.shape[1]))
        carried = np.eye(len(means), dtype=bool)[gold] if gold.ndim == 1 else gold
        for label in np.flatnonzero(carried.any(0)):
            means[label] = features[carried[:, label]].mean(0)
        return Fitted(Predictor(unit(means), job.params.temperature, job.encoder))

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Means as saved."""
        from tl_core.models.saved import read_arrays

        arrays = read_arrays(folder)
        return Predictor(arrays["means"], float(arrays["temperature"][0]), encoder)


class Predictor:
    """softmax(cosine to each mean / temperature)."""

    def __init__(self, means: np.ndarray, temperature: float, encoder):
        self.means, self.temperature, self.encoder = means, temperature, encoder  # means: (C, d), unit length

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        from tl_core.models.heads import softmax
        from tl_core.models.label_vectors import unit

        features = unit((yield from self.encoder.features(examples)))
        return softmax(features @ self.means.T / self.temperature).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the means."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, means=self.means, temperature=np.array([self.temperature]))


STRATEGY = Prototype()
