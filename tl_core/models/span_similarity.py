"""Spans by what they are most like: candidates of a text against the names of types, with no
labelled row.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tl_core.api.types import Example, Problem, Steps
from tl_core.api.words import words_of
from tl_core.data.candidates import candidates
from tl_core.models.label_vectors import unit
from tl_core.models.saved import write_arrays
from tl_core.models.training.heads import softmax
from tl_core.tasks import task_of

# A candidate whose nearest type is no nearer than this (cosine) is left alone.
LEAST = 0.15


class SpanPredictor:
    """Candidates as texts of their own, each given the type whose vector is nearest."""

    def __init__(self, vectors: np.ndarray, temperature: float, problem: Problem, encoder):
        self.vectors, self.temperature = vectors, temperature  # (C, d) of unit length
        self.problem, self.encoder = problem, encoder

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W, K) float32."""
        found = [candidates(e) for e in examples]
        said = []
        for example, spans in zip(examples, found, strict=True):
            places = words_of(example)
            said += [example.text[places[a][0] : places[b - 1][1]] for a, b in spans]
        vectors = yield from self.encoder.embed(said)
        scores = np.zeros(task_of(self.problem).shape(self.problem, examples), np.float32)
        for row, example in zip(scores, examples, strict=True):
            row[: len(words_of(example)), 0] = 1.0
        if not said:
            return scores
        cosines = unit(vectors).astype(np.float64) @ self.vectors.T
        # none of the types, as if there were one more that everything is as near to
        all_ = np.concatenate([np.full((len(cosines), 1), LEAST), cosines], 1)
        chances = softmax(all_ / self.temperature)
        at = 0
        for row, spans in zip(scores, found, strict=True):
            for first, end in spans:
                row[first:end, 0] = chances[at, 0]
                row[first, 1::2] = chances[at, 1:]
                row[first + 1 : end, 2::2] = chances[at, 1:]
                at += 1
        return scores

    def save(self, folder: Path) -> None:
        """Write the vectors of the types."""
        write_arrays(folder, vectors=self.vectors, temperature=np.array([self.temperature]))
