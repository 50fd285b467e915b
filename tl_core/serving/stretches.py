"""What arms say that answer with stretches of a text, as the inference API writes it: entities of
token classification, answers of question answering.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tl_core.api.types import Example, Problem
from tl_core.statistics.tags import spans_of
from tl_core.tasks import task_of


def entities(
    problem: Problem, examples: Sequence[Example], scores: np.ndarray
) -> list[list[dict[str, Any]]]:
    """The spans of each text, each with the mean probability of its words' tags.

    Args:
        scores: (n, W, K).
    """
    task = task_of(problem)
    found = []
    for example, answer, chances in zip(examples, task.decide(scores), scores, strict=True):
        places = task.spans(example, problem, answer)
        tags = answer[answer >= 0]
        sure = chances[np.arange(len(tags)), tags]
        found.append(
            [
                _stretch(example.text, start, end, sure[first:after].mean(), entity_group=label)
                for (start, end, label), (first, after, _) in zip(
                    places, spans_of(tags), strict=True
                )
            ]
        )
    return found


def answers(
    problem: Problem, examples: Sequence[Example], scores: np.ndarray
) -> list[dict[str, Any]]:
    """The answer to each question; an empty one where the text does not say.

    Args:
        scores: (n, W + 1, 2).
    """
    task = task_of(problem)
    decided = task.decide(scores)
    chances = task.chance_of(decided, scores)
    found = []
    for example, answer, chance in zip(examples, decided, chances, strict=True):
        start, end = next(((a, b) for a, b, _ in task.spans(example, problem, answer)), (0, 0))
        said = _stretch(example.text, start, end, chance)
        found.append({"answer": said.pop("word"), **said})
    return found


def _stretch(text: str, start: int, end: int, score: float, **more: str) -> dict[str, Any]:
    return {**more, "score": float(score), "word": text[start:end], "start": start, "end": end}
