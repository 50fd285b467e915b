"""What is learned on frozen states of words: rows to learn from, and predictors that put what they
say of words together to whole texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.types import Example, Job, Problem, Steps
from tl_core.models.label_vectors import unit
from tl_core.models.training.heads import LinearHead, save_head
from tl_core.models.word_pieces import assembled, tags_of_begins
from tl_core.tasks import task_of

Chances = Callable[[np.ndarray], np.ndarray]


def word_rows(job: Job) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """(words, d) of unit length and (words,) their tags: every word of the training texts
    that begins a token.
    """
    pieces, states = yield from job.encoder.words(job.train)
    gold = task_of(job.problem).gold(job.problem, [piece.example for piece in pieces])
    return unit(np.concatenate(states)), np.concatenate(tags_of_begins(gold, pieces))


def tagged(
    problem: Problem, encoder: Any, examples: Sequence[Example], chances: Chances
) -> Steps[np.ndarray]:
    """(n, W, K) float32.

    Args:
        chances: (b, d) states of words, of unit length, to (b, K) probabilities of their tags.
    """
    pieces, states = yield from encoder.words(examples)
    found = [chances(unit(some)) for some in states]
    return assembled(examples, pieces, found, task_of(problem).outputs(problem))


class WordHeadPredictor:
    """A linear head on the states of words."""

    def __init__(self, head: LinearHead, problem: Problem, encoder: Any):
        self.head, self.problem, self.encoder = head, problem, encoder

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W, K) float32."""
        task = task_of(self.problem)
        return (
            yield from tagged(
                self.problem,
                self.encoder,
                examples,
                lambda states: task.probabilities(self.head.logits(states)),
            )
        )

    def save(self, folder: Path) -> None:
        """Write the head to a folder."""
        save_head(self.head, folder)
