"""The labels of the most similar training rows, weighted by how similar they are; where a text is
written, what is given for the most similar one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import EVERYTHING, WRITTEN, Strategy
from tl_core.api.types import Example, Fitted, Job, Problem, Step, Steps


@dataclass(frozen=True)
class KnnSettings:
    neighbours: int = param(50, "How many of the nearest training rows vote", low=1, high=10_000)
    temperature: float = param(
        0.1,
        "How much more nearer rows count; a lower value looks only at the very nearest",
        low=0.001,
        high=10,
    )


class Knn(Strategy):
    id = "knn"
    tasks = EVERYTHING | WRITTEN
    version = 3
    order = 50
    title = say("Nearest neighbours")
    titles = ((WRITTEN, say("Nearest example, copied")),)
    about = say(
        "Lets the most similar training rows vote. For classes that form several clusters, and"
        " for predictions that can be traced to rows. Where a text is written, takes that of the"
        " most similar row."
    )
    deterministic = True
    settings = KnnSettings
    quick = True
    stands_in = WRITTEN

    def fit(self, job: Job) -> Steps[Fitted]:
        """Embed the training rows, or their words."""
        from tl_core.models.label_vectors import unit
        from tl_core.models.training.frozen_words import word_rows
        from tl_core.tasks import task_of

        task = task_of(job.problem)
        if task.writes:
            from tl_core.models.sentences import fit_nearest

            return (yield from fit_nearest(job))
        if task.by_word:
            words, tags = yield from word_rows(job)
            given = np.eye(task.outputs(job.problem), dtype=np.float32)[tags]
            return Fitted(
                WordPredictor(words.astype(np.float32), given, job.params, job.encoder, job.problem)
            )
        rows = unit((yield from job.encoder.features(job.train))).astype(np.float32)
        votes = task.carried(task.gold(job.problem, job.train), len(job.problem.labels))
        return Fitted(Predictor(rows, votes.astype(np.float32), job.params, job.encoder))

    def keeps_rows(self, params: KnnSettings) -> bool:
        """They vote: as vectors, from which much of a text can be guessed."""
        return True

    def load(self, folder: Path, problem: Problem, encoder) -> Any:
        """Rows and votes as saved."""
        from tl_core.models.saved import read_arrays, read_settings
        from tl_core.models.sentences import load_nearest
        from tl_core.tasks import task_of

        if task_of(problem).writes:
            return load_nearest(folder, encoder)
        arrays, params = read_arrays(folder), KnnSettings(**read_settings(folder))
        if task_of(problem).by_word:
            return WordPredictor(arrays["rows"], arrays["votes"], params, encoder, problem)
        return Predictor(arrays["rows"], arrays["votes"], params, encoder)


class Predictor:
    """Votes of the nearest rows with weights exp(cosine / temperature)."""

    def __init__(self, rows: np.ndarray, votes: np.ndarray, params: KnnSettings, encoder):
        self.rows, self.votes, self.params, self.encoder = (
            rows,
            votes,
            params,
            encoder,
        )  # (m, d) unit length, (m, C)

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


class WordPredictor(Predictor):
    """The same of words: each is tagged by the training words most like it in their sentences
    (Yang & Katiyar 2020).
    """

    def __init__(self, rows: np.ndarray, votes: np.ndarray, params: KnnSettings, encoder, problem):
        super().__init__(rows, votes, params, encoder)
        self.problem = problem

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W, K) float32."""
        from tl_core.models.training.frozen_words import tagged

        return (yield from tagged(self.problem, self.encoder, examples, self._of_words))

    def _of_words(self, states: np.ndarray) -> np.ndarray:
        """(b, K) of (b, d)."""
        states = states.astype(np.float32)
        return np.concatenate(
            [self._votes(states[i : i + PART]) for i in range(0, len(states), PART)]
        )


PART = 1024  # texts at a time: memory stays bounded with many training rows

STRATEGY = Knn()
