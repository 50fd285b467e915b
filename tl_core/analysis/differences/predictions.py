"""A study as the questions read it: each line's usual answer to every test row, computed when
first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from tl_core.analysis.compare import CONSTANT, Comparison
from tl_core.analysis.decision.entries import Entry, entries_of, most_labels
from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say
from tl_core.api.task import Task
from tl_core.api.types import Example, RunResult
from tl_core.studies.plan import Plan
from tl_core.studies.thresholds import probabilities
from tl_core.tasks import task_of

T = TypeVar("T")
KEPT = 64  # answers of lines, and what pairs of them say: 100 MB at 10,000 rows and 20 labels


@dataclass(frozen=True)
class Consensus:
    """The answers of a line to each row, in most of its draws.

    Rows are in the order of the test rows.
    """

    line: Entry

    @property
    def name(self) -> str:
        """Return a name unlike that of any other line."""
        return self.line.name

    @property
    def arm(self) -> str:
        """Return the id of the line's arm."""
        return self.line.arm

    @property
    def task(self) -> Task:
        """Return the task of the line's problem."""
        return task_of(self.line.problem)

    @property
    def tells_chances(self) -> bool:
        """Whether its scores say how likely, and not only which."""
        return not any(r.choices_only for r in self.line.results)

    @cached_property
    def chances(self) -> np.ndarray:
        """(n, C) mean probabilities over draws; where labels have cuts, as they were before each
        cut was moved to one half.
        """
        return np.mean([probabilities(r) for r in self.line.results], axis=0)

    @cached_property
    def label_chances(self) -> np.ndarray:
        """(n, C) mean probability that a row has each label."""
        return self.task.label_chances(self.chances, len(self.line.problem.labels))

    @cached_property
    def answer(self) -> np.ndarray:
        """(n, ...) what most draws answered, of equals the likelier in the mean."""
        if self.task.writes:  # nothing is likelier
            return self.task.most_frequent(self.line.decided, len(self.line.problem.labels))
        scores = self.task.stacked([r.test_scores for r in self.line.results]).mean(0, dtype=float)
        return self.task.consensus(self.line.decided, scores, self.chances)

    @cached_property
    def right(self) -> np.ndarray:
        """(n,) bool."""
        return self.task.same(self.answer, self.line.gold)

    @cached_property
    def sure(self) -> np.ndarray:
        """(n,) probability of the whole answer; with many labels as if they did not depend on each
        other.
        """
        return self.task.chance_of(self.answer, self.chances)

    @cached_property
    def of_given(self) -> np.ndarray:
        """(n,) probability of what the row is labelled."""
        return self.task.chance_of(self.line.gold, self.chances)


@dataclass(frozen=True)
class StudyPredictions:
    """One state of a study."""

    plan: Plan
    comparison: Comparison
    lines: tuple[Entry, ...]  # best first
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls, plan: Plan, results: Mapping[str, RunResult], comparison: Comparison
    ) -> StudyPredictions:
        """Build the predictions from what is finished."""
        return cls(plan, comparison, entries_of(plan, results, comparison))

    @property
    def task(self) -> Task:
        """Return the task of the study's problem."""
        return task_of(self.plan.study.problem)

    @property
    def rows(self) -> tuple[Example, ...]:
        """The test rows."""
        return self.plan.study.split.test

    @cached_property
    def gold(self) -> np.ndarray:
        """(n, ...) as the task has it."""
        return self.lines[0].gold

    @cached_property
    def arms(self) -> tuple[Consensus, ...]:
        """Each arm with the most labels it was given; the constant answer aside, unless nothing
        else is there.
        """
        every = most_labels(self.lines)
        some = [x for x in every if x.cell.strategy != CONSTANT]
        return tuple(self.usual(x.name) for x in some or every)

    def usual(self, name: str) -> Consensus:
        """Return the line with this name."""
        return self.once(
            ("usual", name), lambda: Consensus(next(x for x in self.lines if x.name == name))
        )

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Return what `make` gives, computed the first time; the oldest values are forgotten."""
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = make()
            while len(self._kept) > KEPT:
                self._kept.pop(next(iter(self._kept)), None)
        return found

    def find(self, asked: str) -> Consensus:
        """An arm at its most labels, or ARM@SHOTS.

        Raises:
            UserError: no finished run of such an arm.
        """
        known = {x.arm: x.name for x in most_labels(self.lines)} | {
            f"{x.arm}@{x.cell.shots_name}": x.name for x in self.lines
        }
        if asked not in known:
            raise UserError(unknown(say("arm with finished runs"), asked, known))
        return self.usual(known[asked])
