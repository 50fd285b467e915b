"""The data every section of the report reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tl_core.analysis.compare import Cell, Comparison
from tl_core.analysis.decision import Decision
from tl_core.analysis.differences.topics import Topics
from tl_core.analysis.robustness import Effect, effects
from tl_core.api.task import Task
from tl_core.api.types import RunResult, RunSpec
from tl_core.report.html_helpers import escaped
from tl_core.studies.plan import Plan
from tl_core.studies.stored_answers import StoredAnswers
from tl_core.tasks import task_of
from tl_core.words.names import arm_names, renamed
from tl_core.words.phrases import say


@dataclass(frozen=True)
class Report:
    """The data that every section reads."""

    plan: Plan
    results: Mapping[str, RunResult]
    comparison: Comparison
    context: Mapping[str, Any]
    language: str
    decision: Decision
    parts: StoredAnswers
    topics: Topics | None

    def say(self, key: str, **values: object) -> str:
        """A fixed text, escaped with its values."""
        return escaped(say(self.language, key, **values))

    @property
    def about(self) -> Mapping[str, str]:
        """Title and note, where they were given."""
        return self.context.get("about") or {}

    @property
    def name(self) -> str:
        """Return the study's name."""
        return self.about.get("title") or self.plan.study.name

    @property
    def lead(self) -> Cell:
        """Return the first line of the comparison."""
        return self.comparison.cells[0]

    @property
    def metric(self) -> str:
        """Return the id of the measure by which lines are sorted."""
        return self.comparison.metric

    @property
    def dataset(self) -> Mapping[str, Any]:
        """Return what is recorded of the dataset; empty where nothing is."""
        return self.context.get("dataset") or {}

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """Return the effects of changed texts on the answers."""
        return effects(self.parts, self.plan, self.results, self.comparison)

    @cached_property
    def names(self) -> dict[str, str]:
        """Return the name of each arm by its id."""
        arms = [(arm.id, arm.strategy) for arm in self.plan.study.arms]
        return arm_names(arms, self.plan.study.problem, self.language)

    @cached_property
    def spoken(self) -> Decision:
        """Return the decision, its arms by their names."""
        return renamed(self.decision, self.names)

    @property
    def task(self) -> Task:
        """Return the task of the study's problem."""
        return task_of(self.plan.study.problem)

    @cached_property
    def gold(self) -> np.ndarray:
        """(n, ...) as the task has it."""
        return self.task.gold(self.plan.study.problem, self.plan.study.split.test)

    def decided(self, cell: Cell) -> np.ndarray:
        """(S, n, ...) answers of the runs of a cell."""
        return self.task.decide(
            self.task.stacked([self.results[run].test_scores for run in cell.runs])
        )

    def without(self, status: str) -> list[RunSpec]:
        """Runs that failed, were refused (found by the plan or by the run), or are not finished."""
        return [s for s in self.plan.specs if self.status(s) == status]

    def status(self, spec: RunSpec) -> str:
        """done, failed, refused or unfinished."""
        if spec.id in self.plan.refused:
            return "refused"
        found = self.results.get(spec.id)
        return (
            found.status
            if found and found.status in ("done", "failed", "refused")
            else "unfinished"
        )


def place(r: Report, key: str) -> str:
    """Return the element into which a figure is drawn."""
    return (
        f"<div class='plot' id='plot-{key}' role='img' aria-label='{r.say(f'{key}_head')}'></div>"
    )
