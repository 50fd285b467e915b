"""Sentences taken out of a text: the first, and the most central. Answers that need no model that
writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.types import Example, Fitted, Job, Step, Steps
from tl_core.api.written import as_numbers
from tl_core.data.sentence_places import sentence_places

LEADS = (1, 2, 3, 0)  # sentences tried; 0 is the whole text
DAMPING, ROUNDS = 0.85, 50  # of the walk from sentence to sentence (Erkan & Radev 2004)


def sentences(text: str) -> list[str]:
    """The sentences of a text, without the space around them.

    Examples:
        >>> sentences("Dr. Kim left at 3.30. Why? He was late.")
        ['Dr. Kim left at 3.30.', 'Why?', 'He was late.']
    """
    return [text[start:end] for start, end in sentence_places(text)]


def lead(text: str, count: int) -> str:
    """The first sentences of a text as they are in it; the whole text for a count of 0."""
    places = sentence_places(text)
    if not count or len(places) <= count:
        return text.strip()
    return text[: places[count - 1][1]].strip()


class Lead:
    """The first sentences of every text."""

    choices_only = True

    def __init__(self, count: int):
        self.count = count

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, L) float32 characters."""
        yield Step(len(examples), len(examples), phase="predict")
        return as_numbers([lead(e.text, self.count) for e in examples])

    def save(self, folder: Path) -> None:
        """Write how many."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, lead=np.array([self.count]))


def fit_lead(job: Job) -> Steps[Fitted]:
    """As many first sentences as are most like what is given for the training rows; of equals the
    fewest.
    """
    from tl_core.api.sentences import say
    from tl_core.tasks import task_of

    task = task_of(job.problem)
    gold = task.gold(job.problem, job.train)
    marks = []
    for done, count in enumerate(LEADS, 1):
        marks.append(task.mark(gold, as_numbers([lead(e.text, count) for e in job.train])))
        yield Step(done, len(LEADS))
    best = LEADS[max(range(len(LEADS)), key=lambda i: marks[i])]
    what = say("the whole text") if not best else say("the first {n} sentences", n=best)
    if best == 1:
        what = say("the first sentence")
    note = say("It copies {what}, which is most like the texts of its training rows.", what=what)
    return Fitted(Lead(best), notes=(note,))


def load_lead(folder: Path) -> Lead:
    """As saved."""
    from tl_core.models.saved import read_arrays

    return Lead(int(read_arrays(folder)["lead"][0]))


class Central:
    """The sentence of each text that is most like all the others in it: LexRank (Erkan & Radev
    2004) on sentence embeddings.
    """

    choices_only = True

    def __init__(self, encoder: Any):
        self.encoder = encoder

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, L) float32 characters."""
        from tl_core.models.label_vectors import unit

        parts = [sentences(e.text) or [""] for e in examples]
        vectors = unit((yield from self.encoder.embed([s for some in parts for s in some])))
        ends = np.cumsum([len(some) for some in parts])[:-1]
        found = [
            some[most_central(of_text)]
            for some, of_text in zip(parts, np.split(vectors, ends), strict=True)
        ]
        return as_numbers(found)

    def save(self, folder: Path) -> None:
        """There is nothing to keep; the file says so."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, sentences=np.array([1]))


def most_central(vectors: np.ndarray) -> int:
    """The position of the sentence that a walk between like sentences is at most often, of (m, d)
    unit vectors; of equals the first.
    """
    near = np.maximum(vectors.astype(np.float64) @ vectors.T, 0)
    steps = near / near.sum(1, keepdims=True)
    share = np.full(len(near), 1 / len(near))
    for _ in range(ROUNDS):
        share = (1 - DAMPING) / len(near) + DAMPING * share @ steps
    return int(np.argmax(share > share.max() - 1e-9))


class Nearest:
    """What is given for the training text most like each text."""

    choices_only = True

    def __init__(self, rows: np.ndarray, targets: Sequence[str], encoder: Any):
        self.rows, self.targets, self.encoder = rows, tuple(targets), encoder  # (m, d), unit length

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, L) float32 characters."""
        from tl_core.models.label_vectors import unit

        features = unit((yield from self.encoder.features(examples))).astype(np.float32)
        return as_numbers([self.targets[i] for i in (features @ self.rows.T).argmax(1)])

    def save(self, folder: Path) -> None:
        """Write vectors and texts."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, rows=self.rows, targets=as_numbers(self.targets))


def fit_nearest(job: Job) -> Steps[Fitted]:
    """Embed the training rows, in an order that the file has no part in."""
    from tl_core.models.label_vectors import unit

    train = sorted(job.train, key=lambda e: (e.content, e.wanted))
    rows = unit((yield from job.encoder.features(train))).astype(np.float32)
    return Fitted(Nearest(rows, [e.answer[0] for e in train], job.encoder))


def load_nearest(folder: Path, encoder: Any) -> Nearest:
    """As saved."""
    from tl_core.api.written import as_texts
    from tl_core.models.saved import read_arrays

    arrays = read_arrays(folder)
    return Nearest(arrays["rows"], as_texts(arrays["targets"]).tolist(), encoder)
