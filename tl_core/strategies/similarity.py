"""Zero-shot by sentence embedding: the label whose name and descriptions lie nearest to the text.

Where spans of a text are asked for, those that could be any are compared with the types instead;
where a text is written, its most central sentence is taken; where a question is asked of a text,
the sentence that is most like it.

Of two texts, whether they say the same: their cosine, and a cut where the cosines of pairs without
labels fall into two groups (Otsu 1979). Which of two labels means the same is read from their
names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.params import param
from tl_core.api.sentences import Setting, listed, say
from tl_core.api.strategy import EVERYTHING, QUESTIONS, WRITTEN, Strategy
from tl_core.api.types import Example, Facts, Fitted, Job, Problem, Step, Steps
from tl_core.data.pair_labels import same_label
from tl_core.models.label_vectors import NameTemplates, nameless
from tl_core.tasks import task_of


@dataclass(frozen=True)
class SimilaritySettings(NameTemplates):
    temperature: float = param(
        0.05, "How sharp the probabilities are; it never changes the prediction", low=0.001, high=10
    )


class Similarity(Strategy):
    id = "similarity"
    tasks = EVERYTHING | QUESTIONS | WRITTEN
    version = 3
    cut_since = 2
    order = 30
    title = say("Zero-shot by label names")
    titles = (
        (WRITTEN, say("Most central sentence, copied")),
        (QUESTIONS, say("Sentence most like the question")),
    )
    about = say(
        "Needs no labelled rows: compares each text with the names and descriptions of the"
        " labels. Good names are essential. Where a text is written, takes the most central"
        " sentence of each."
    )
    needs = "no labels"
    reads_label_names = True
    settings = SimilaritySettings
    unlabelled_pairs = True

    def refuses(self, facts: Facts) -> str:
        """Names must mean something, and one text must have one label; of two texts, one of two
        labels must mean that they say the same.
        """
        if task_of(facts.problem).writes:
            return ""  # it takes a sentence of the text, whatever it is called
        if task_of(facts.problem).alternatives:
            return ""  # it reads the question, whatever labels are called
        if facts.problem.inputs == "two texts" and task_of(facts.problem).exclusive:
            return "" if same_label(facts.problem.labels) is not None else _no_same(facts.problem)
        return nameless(facts, self.id)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Embed the labels; or, of two texts, find the cut.

        Raises:
            UserError: no two pairs without labels are differently alike.
        """
        from tl_core.models.label_vectors import label_vectors

        p: SimilaritySettings = job.params
        if task_of(job.problem).writes:
            from tl_core.models.sentences import Central

            yield Step(1, 1)
            return Fitted(Central(job.encoder))
        if task_of(job.problem).alternatives:
            from tl_core.models.answer_sentence import SentencePredictor

            yield Step(1, 1)
            return Fitted(SentencePredictor(p.temperature, job.problem, job.encoder))
        if job.problem.inputs == "two texts":
            return (yield from _fit_pairs(job))
        vectors = yield from label_vectors(job.encoder, job.problem, p.templates, p.descriptions)
        return Fitted(_predictor(vectors, p.temperature, job.problem, job.encoder))

    def load(self, folder: Path, problem: Problem, encoder) -> Any:
        """Label vectors, or the cut, as saved; sentences need nothing."""
        from tl_core.models.sentences import Central

        if task_of(problem).writes:
            return Central(encoder)
        from tl_core.models.saved import read_arrays

        arrays = read_arrays(folder)
        if task_of(problem).alternatives:
            from tl_core.models.answer_sentence import SentencePredictor

            return SentencePredictor(float(arrays["temperature"][0]), problem, encoder)
        if problem.inputs == "two texts":
            return PairPredictor(
                int(arrays["same"][0]),
                float(arrays["cut"][0]),
                float(arrays["temperature"][0]),
                encoder,
            )
        return _predictor(arrays["vectors"], float(arrays["temperature"][0]), problem, encoder)

    def portable(self, predictor, problem: Problem, encoder):
        """The label vectors as a linear map of unit embeddings; of two texts there are none, and
        spans are made in ways of its own.
        """
        from tl_core.models.training.portable import of_vectors

        task = task_of(problem)
        if problem.inputs == "two texts" or task.writes or task.by_word:
            return None
        return of_vectors(predictor.vectors, predictor.temperature, problem, encoder)


def _predictor(vectors: np.ndarray, temperature: float, problem: Problem, encoder: Any) -> Any:
    if task_of(problem).by_word:
        from tl_core.models.span_similarity import SpanPredictor

        return SpanPredictor(vectors, temperature, problem, encoder)
    return Predictor(vectors, temperature, encoder)


class Predictor:
    """softmax(cosine / temperature)."""

    def __init__(self, vectors: np.ndarray, temperature: float, encoder):
        self.vectors, self.temperature, self.encoder = (
            vectors,
            temperature,
            encoder,
        )  # vectors: (C, d), unit length

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        from tl_core.models.label_vectors import unit
        from tl_core.models.training.heads import softmax

        texts = yield from self.encoder.embed([e.text for e in examples])
        return softmax(unit(texts).astype(np.float64) @ self.vectors.T / self.temperature).astype(
            np.float32
        )

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
        from tl_core.models.training.heads import sigmoid

        same = sigmoid(
            ((yield from _cosines(self.encoder, examples)) - self.cut) / self.temperature
        )
        return np.stack([same, 1 - same] if self.same == 0 else [1 - same, same], axis=1).astype(
            np.float32
        )

    def save(self, folder: Path) -> None:
        """Write the cut, and which label means the same."""
        from tl_core.models.saved import write_arrays

        write_arrays(
            folder,
            same=np.array([self.same]),
            cut=np.array([self.cut]),
            temperature=np.array([self.temperature]),
        )


def _fit_pairs(job: Job) -> Steps[Fitted]:
    from tl_core.statistics.two_groups import otsu_cut

    same = same_label(job.problem.labels)
    assert same is not None  # else `refuses` had said so
    cut = otsu_cut((yield from _cosines(job.encoder, job.unlabelled)))
    if cut is None:
        raise UserError(
            say(
                "similarity needs pairs of the training part that are not all equally alike, and"
                " of {unlabelled} none differ. Add rows, or use probe.",
                unlabelled=len(job.unlabelled),
            )
        )
    note = say(
        "“{label}” is taken to mean that both texts say the same, because of its name. The cut"
        " is at cosine {cut:.2f}, where {unlabelled:,} pairs of the training part fall into two"
        " groups; their labels were not seen.",
        label=job.problem.labels[same].name,
        cut=cut,
        unlabelled=len(job.unlabelled),
    )
    return Fitted(PairPredictor(same, cut, job.params.temperature, job.encoder), notes=(note,))


def _cosines(encoder, examples: Sequence[Example]) -> Steps[np.ndarray]:
    """(n,) float64, between the two texts of each row."""
    from tl_core.models.label_vectors import unit

    first = unit((yield from encoder.embed([e.text for e in examples])))
    return (first * unit((yield from encoder.embed([e.text_b or "" for e in examples])))).sum(1)


def _no_same(problem: Problem) -> str:
    names = [label.name for label in problem.labels]
    told = listed((f"“{name}”" for name in names), 5)
    if len(names) != 2:
        return say(
            "similarity tells two texts that say the same from two that do not, and here are"
            " {names} labels ({told}). Use probe, or nli where they name entailment.",
            names=len(names),
            told=told,
        )
    return say(
        "similarity tells two texts that say the same from two that do not, and the names {told}"
        " do not say which label means the same. In the label table ({labels}), call one of"
        " them same, paraphrase or duplicate and the other different; or"
        " use probe.",
        told=told,
        labels=Setting("labels"),
    )


STRATEGY = Similarity()
