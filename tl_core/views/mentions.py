"""Mentions: each tagged span of a text as a point of a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Problem
from tl_core.tasks import task_of


def has_mentions(problem: Problem | None) -> bool:
    """Whether rows are tagged with spans, so that those are what a map shows."""
    if problem is None:
        return False
    task = task_of(problem)
    return task.by_word and not task.alternatives


def mentions_of(examples: Sequence[Example]) -> tuple[list[Example], list[int]]:
    """(a row for each span, with that span alone and its type; which example each is of).

    Raises:
        UserError: nothing is tagged.
    """
    found, of = [], []
    for i, example in enumerate(examples):
        for span in example.answer:
            found.append(replace(example, labels=(span[2],), answer=(span,)))
            of.append(i)
    if not found:
        raise UserError(
            say("No span is tagged in these rows, and a map of tagged rows shows spans. Add some.")
        )
    return found, of
