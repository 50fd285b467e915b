"""The labels of the most similar training rows, weighted by how similar they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tl_core.params import param
from tl_core.types import Example, Facts, Fitted, Job, Problem, Step, Steps


@dataclass(frozen=True)
class Params:
    neighbours: int = param(50, "How many of the nearest training rows are asked", low=1, high=10_000)
    temperature: float = param(0.1, "How much nearer rows count for more; lower looks at the very nearest only", low=0.001, high=10)


class Knn:
    id = "knn"
    version = 2
    order = 50
    title = "Nearest neighbours"
    about = "Asks the most similar training rows. For classes made of several clumps, and for answers that can be traced to rows."
    needs = "a few labels"
    uses_model = True
    deterministic = True
    Params = Params
    quick = True

    def refuses(self, facts: Facts) -> str:
        """Needs rows to ask."""
        return "knn needs labelled rows; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Nothing goes through a network beyond shared embeddings."""
        return 0.0

    def fit(self, job: Job) -> Steps[Fitted]:
        """Embed the training rows."""
        from tl_core.models.label_vectors import unit
        from tl_core.tasks import task_of

        rows = unit((yield from job.encoder.features(job.train))).astype(np.float32)
        gold = task_of(job.problem).gold(job.problem, job.train)
        votes = np.eye(len(job.problem.labels), dtype=np.float32)[gold] if gold.ndim == 1 else gold.astype(np.float32)
        return Fitted(Predictor(rows, votes, job.params, job.encoder))

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Rows and votes as saved."""
        from tl_core.models.saved import read_arrays, read_settings

        arrays = read_arrays(folder)
        return Predictor(arrays["rows"], arrays["votes"], Params(**read_settings(folder)), encoder)


class Predictor:
    """Votes of the nearest rows with weights exp(cosine / temperature)."""

    def __init__(self, rows: np.ndarray, votes: np.ndarray, params: Params, encoder):
        self.rows, self.votes, self.params, self.encoder = rows, votes, params, encoder  # (m, d) unit length, (m, C)

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        from tl_core.models.label_vectors import unit

        features = unit((yield from self.encoder.features(examples))).astype(np.float32)
        parts = []
        for start in range(0, len(features), PART):
            parts.append(self._votes(features[start : start + PART]))
            yield Step(min(start + PART, len(features)), len(features), phase="predict")
        return np.concatenate(parts)

    def _votes(self, features: np.ndarray) -> np.ndarray:
        near = features @ self.rows.T  # (b, m)
        count = min(self.params.neighbours, near.shape[1])
        asked = np.argpartition(-near, count - 1, axis=1)[:, :count]
        cosine = np.take_along_axis(near, asked, axis=1).astype(np.float64)
        weight = np.exp((cosine - cosine.max(1, keepdims=True)) / self.params.temperature)
        weight /= weight.sum(1, keepdims=True)
        return (weight[:, :, None] * self.votes[asked]).sum(1).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write rows and votes."""
        from tl_core.models.saved import write_arrays, write_settings

        write_arrays(folder, rows=self.rows, votes=self.votes)
        write_settings(folder, self.params)


PART = 1024  # texts at a time: memory stays bounded with many training rows

STRATEGY = Knn()
