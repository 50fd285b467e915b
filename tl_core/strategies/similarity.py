"""Zero-shot by sentence embedding: the label whose name and descriptions lie nearest to the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tl_core.models.label_vectors import NameTemplates, nameless
from tl_core.params import param
from tl_core.types import Example, Facts, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class Params(NameTemplates):
    temperature: float = param(0.05, "How sharp the probabilities are; it never changes the answer", low=0.001, high=10)


class Similarity:
    id = "similarity"
    version = 2
    cut_since = 2
    order = 30
    title = "Label similarity (zero-shot)"
    about = "Needs no labelled rows: compares each text with the names and descriptions of the labels. Good names are everything."
    needs = "no labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Names must mean something, and one text must have one label."""
        return nameless(facts, self.id)

    def passes(self, params: Params, train: int, test: int) -> float:
        """Nothing goes through a network beyond shared embeddings."""
        return 0.0

    def fit(self, job: Job) -> Steps[Fitted]:
        """Embed the labels."""
        from tl_core.models.label_vectors import label_vectors

        p: Params = job.params
        vectors = yield from label_vectors(job.encoder, job.problem, p.templates, p.descriptions)
        return Fitted(Predictor(vectors, p.temperature, job.encoder))

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Label vectors as saved."""
        from tl_core.models.saved import read_arrays

        arrays = read_arrays(folder)
        return Predictor(arrays["vectors"], float(arrays["temperature"][0]), encoder)


class Predictor:
    """softmax(cosine / temperature)."""

    def __init__(self, vectors: np.ndarray, temperature: float, encoder):
        self.vectors, self.temperature, self.encoder = vectors, temperature, encoder  # vectors: (C, d), unit length

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        from tl_core.models.heads import softmax
        from tl_core.models.label_vectors import unit

        texts = yield from self.encoder.embed([e.text for e in examples])
        return softmax(unit(texts).astype(np.float64) @ self.vectors.T / self.temperature).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the label vectors."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, vectors=self.vectors, temperature=np.array([self.temperature]))


STRATEGY = Similarity()
