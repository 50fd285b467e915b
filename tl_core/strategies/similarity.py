"""Zero-shot by sentence embedding: the label whose name and descriptions lie nearest to the text.

Of two texts, whether they say the same: their cosine, and a cut where the cosines of pairs without labels fall into two
groups (Otsu 1979). Which of two labels means the same is read from their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tl_core.data.pair_labels import same_label
from tl_core.errors import UserError
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
    unlabelled_pairs = True

    def refuses(self, facts: Facts) -> str:
        """Names must mean something, and one text must have one label; of two texts, one of two labels must mean that they say the same."""
        if facts.problem.inputs == "two texts" and facts.problem.target == "one label":
            return "" if same_label(facts.problem.labels) is not None else _no_same(facts.problem)
        return nameless(facts, self.id)

    def passes(self, params: Params, train: int, test: int) -> float:
        """Nothing goes through a network beyond shared embeddings."""
        return 0.0

    def fit(self, job: Job) -> Steps[Fitted]:
        """Embed the labels; or, of two texts, find the cut.

        Raises:
            UserError: no two pairs without labels are differently alike.
        """
        from tl_core.models.label_vectors import label_vectors

        p: Params = job.params
        if job.problem.inputs == "two texts":
            return (yield from _fit_pairs(job))
        vectors = yield from label_vectors(job.encoder, job.problem, p.templates, p.descriptions)
        return Fitted(Predictor(vectors, p.temperature, job.encoder))

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor | PairPredictor:
        """Label vectors, or the cut, as saved."""
        from tl_core.models.saved import read_arrays

        arrays = read_arrays(folder)
        if problem.inputs == "two texts":
            return PairPredictor(int(arrays["same"][0]), float(arrays["cut"][0]), float(arrays["temperature"][0]), encoder)
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


class PairPredictor:
    """sigmoid((cosine of the two texts - cut) / temperature) for the label that means the same."""

    def __init__(self, same: int, cut: float, temperature: float, encoder):
        self.same, self.cut, self.temperature, self.encoder = same, cut, temperature, encoder

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, 2) float32."""
        from tl_core.models.heads import sigmoid

        same = sigmoid(((yield from _cosines(self.encoder, examples)) - self.cut) / self.temperature)
        return np.stack([same, 1 - same] if self.same == 0 else [1 - same, same], axis=1).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the cut, and which label means the same."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, same=np.array([self.same]), cut=np.array([self.cut]), temperature=np.array([self.temperature]))


def _fit_pairs(job: Job) -> Steps[Fitted]:
    from tl_core.statistics.two_groups import otsu_cut

    same = same_label(job.problem.labels)
    cut = otsu_cut((yield from _cosines(job.encoder, job.unlabelled)))
    if cut is None:
        raise UserError(f"similarity needs pairs of the training part that are not all equally alike, and of {len(job.unlabelled)} none differ. Add rows, or use probe.")
    note = (
        f"“{job.problem.labels[same].name}” is taken to mean that both texts say the same, because of its name. The cut is at cosine {cut:.2f}, "
        f"where {len(job.unlabelled):,} pairs of the training part fall into two groups; their labels were not seen."
    )
    return Fitted(PairPredictor(same, cut, job.params.temperature, job.encoder), notes=(note,))


def _cosines(encoder, examples: Sequence[Example]) -> Steps[np.ndarray]:
    """(n,) float64, between the two texts of each row."""
    from tl_core.models.label_vectors import unit

    first = unit((yield from encoder.embed([e.text for e in examples])))
    return (first * unit((yield from encoder.embed([e.text_b or "" for e in examples])))).sum(1)


def _no_same(problem: Problem) -> str:
    names = [label.name for label in problem.labels]
    told = ", ".join(f"“{name}”" for name in names[:5]) + (" and others" if len(names) > 5 else "")
    if len(names) != 2:
        return f"similarity tells two texts that say the same from two that do not, and here are {len(names)} labels ({told}). Use probe, or nli where they name entailment."
    return (
        f"similarity tells two texts that say the same from two that do not, and the names {told} do not say which label means the same. "
        "In the label table (on the page, or with --labels FILE), call one of them same, paraphrase or duplicate and the other different; or use probe."
    )


STRATEGY = Similarity()
