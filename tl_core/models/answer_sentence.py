"""Answers without a labelled row: the sentence of a text that is most like the question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tl_core.api.types import Example, Problem, Steps
from tl_core.api.words import split_words
from tl_core.data.sentence_places import sentence_places
from tl_core.models.label_vectors import unit
from tl_core.models.saved import write_arrays
from tl_core.models.training.heads import softmax
from tl_core.tasks import MOST_ANSWER, task_of


class SentencePredictor:
    """softmax(cosine of question and sentence / temperature). It never says that there is no
    answer, and answers with a whole sentence.
    """

    def __init__(self, temperature: float, problem: Problem, encoder):
        self.temperature, self.problem, self.encoder = temperature, problem, encoder

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W + 1, 2) float32."""
        places = [sentence_places(e.text) for e in examples]
        parts = [e.text[a:b] for e, found in zip(examples, places) for a, b in found]
        distinct = list(dict.fromkeys(parts))
        vectors = unit((yield from self.encoder.embed(distinct))).astype(np.float64)
        asked = unit((yield from self.encoder.embed([e.text_b or "" for e in examples])))
        of = {text: i for i, text in enumerate(distinct)}
        scores = np.zeros(task_of(self.problem).shape(self.problem, examples), np.float32)
        for row, example, found, question in zip(scores, examples, places, asked, strict=True):
            if not found:
                continue
            near = vectors[[of[example.text[a:b]] for a, b in found]] @ question
            words = split_words(example.text)
            starts, ends = np.array(words).T
            for (a, b), chance in zip(found, softmax(near / self.temperature), strict=True):
                first = int(np.searchsorted(ends, a, "right"))
                last = int(np.searchsorted(starts, b, "left")) - 1
                row[first + 1, 0] += chance
                row[min(last, first + MOST_ANSWER - 1) + 1, 1] += chance
        return scores

    def save(self, folder: Path) -> None:
        """Write the temperature."""
        write_arrays(folder, temperature=np.array([self.temperature]))
