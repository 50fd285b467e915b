"""Rows shown in a prompt where questions are answered: a model writes the answer, and it is looked
for in the text.

The question stands before its text, so that what a model cannot read of a long text is its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.types import Example, Fitted, Job, Problem, Steps
from tl_core.api.written import as_texts
from tl_core.models.prompting.span_prompts import AROUND, located
from tl_core.models.prompting.written_prompts import PromptedWriter, fit_prompted, load_prompted
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.models.encoding import Encoder

TEMPLATE = "{text}\nAnswer:"


class PromptedReader:
    """A model that writes answers; nothing in it is trained."""

    choices_only = True

    def __init__(self, writer: PromptedWriter, problem: Problem):
        self.writer, self.problem = writer, problem
        self.notes: tuple[str, ...] = ()

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W + 1, 2) float32: one where the answer begins, and where it ends; no answer where
        what was written is not in the text.
        """
        found = yield from self.writer.predict([_asked(e, self.problem) for e in examples])
        rows, lost = [], 0
        for example, said in zip(examples, as_texts(found).tolist(), strict=True):
            place = None if self._is_none(said) else located(example.text, said)
            lost += place is None and not self._is_none(said)
            spans = ((*place, self.problem.label_ids[0]),) if place else ()
            rows.append(replace(example, answer=spans))
        self.notes = (*self.writer.notes, *_about_lost(lost, len(examples)))
        return task_of(self.problem).sure_scores(self.problem, rows)

    def _is_none(self, said: str) -> bool:
        """Whether it was written that the text does not say."""
        names = [label.name.casefold() for label in self.problem.labels[1:]]
        return said.strip(AROUND).casefold() in names

    def save(self, folder: Path) -> None:
        """Write settings, rows and seed; the model is as it was."""
        self.writer.save(folder)


def fit_reader(job: Job, *, shown: int = 0, nearest: bool = False) -> Steps[Fitted]:
    """Nothing is trained; the model is opened and the prompt looked at.

    Args:
        shown: questions at most, 0 for as many as fit.
        nearest: those most like the question and its text rather than the same for all.
    """
    rows = [_asked(e, job.problem) for e in job.train]
    asked = replace(job, train=rows)
    fitted = yield from fit_prompted(asked, TEMPLATE, shown=shown, nearest=nearest)
    assert isinstance(fitted.predictor, PromptedWriter)  # what `fit_prompted` makes
    return replace(fitted, predictor=PromptedReader(fitted.predictor, job.problem))


def load_reader(folder: Path, settings: type, problem: Problem, encoder: Encoder) -> PromptedReader:
    """As saved."""
    return PromptedReader(load_prompted(folder, settings, problem, encoder), problem)


def _asked(example: Example, problem: Problem) -> Example:
    """A question with its text as one text, and its answer as what is to be written."""
    said = [example.text[a:b] for a, b, _ in example.answer[:1]]
    return Example(
        example.row,
        f"Question: {example.text_b}\nText: {example.text}",
        labels=problem.label_ids[:1],
        answer=tuple(said) or (problem.labels[-1].name,),
    )


def _about_lost(lost: int, examples: int) -> list[str]:
    if not lost:
        return []
    return [
        say(
            "For {lost:,} of {examples:,} questions the model wrote what is not in the text; they"
            " count as unanswered.",
            lost=lost,
            examples=examples,
        )
    ]
