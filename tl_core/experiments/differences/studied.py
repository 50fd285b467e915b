"""A study as the questions read it: each line's usual answer to every test row, worked out when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from tl_core.errors import UserError, unknown
from tl_core.experiments.compare import CONSTANT, Comparison
from tl_core.experiments.deciding import probabilities
from tl_core.experiments.decision.lines import Line, lines_of, most_labels
from tl_core.experiments.plan import Plan
from tl_core.types import Example, RunResult

T = TypeVar("T")
KEPT = 64  # answers of lines, and what pairs of them say: 100 MB at 10,000 rows and 20 labels


@dataclass(frozen=True)
class Usual:
    """What a line answers to each row in most of its draws. Rows are in the order of the test rows."""

    line: Line

    @property
    def name(self) -> str:
        """Unlike that of any other line."""
        return self.line.name

    @property
    def arm(self) -> str:
        return self.line.arm

    @property
    def tells_chances(self) -> bool:
        """Whether its scores say how likely, and not only which."""
        return not any(r.choices_only for r in self.line.results)

    @cached_property
    def chances(self) -> np.ndarray:
        """(n, C) mean probabilities over draws; where labels have cuts, as they were before each cut was moved to one half."""
        return np.mean([probabilities(r) for r in self.line.results], axis=0)

    @cached_property
    def answer(self) -> np.ndarray:
        """(n,) positions: the label most draws gave, of equals the likelier in the mean; (n, C) bool: each label by itself."""
        if self.line.gold.ndim == 2:
            share = np.mean([d for d in self.line.decided], axis=0)
            scores = np.mean([r.scores for r in self.line.results], axis=0, dtype=float)
            return (share > 0.5) | ((share == 0.5) & (scores >= 0.5))
        counts = self.chances / 2  # below 1, so it decides among equals alone
        rows = np.arange(len(counts))
        for decided in self.line.decided:
            counts[rows, decided] += 1
        return counts.argmax(1)

    @cached_property
    def right(self) -> np.ndarray:
        """(n,) bool."""
        same = self.answer == self.line.gold
        return same.all(1) if same.ndim == 2 else same

    @cached_property
    def sure(self) -> np.ndarray:
        """(n,) probability of the whole answer; with many labels as if they did not depend on each other."""
        return _chance_of(self.answer, self.chances)

    @cached_property
    def of_given(self) -> np.ndarray:
        """(n,) probability of what the row is labelled."""
        return _chance_of(self.line.gold, self.chances)


def _chance_of(answer: np.ndarray, chances: np.ndarray) -> np.ndarray:
    if answer.ndim == 1:
        return chances[np.arange(len(answer)), answer]
    return np.where(answer, chances, 1 - chances).prod(1)


@dataclass(frozen=True)
class Studied:
    """One state of a study."""

    plan: Plan
    comparison: Comparison
    lines: tuple[Line, ...]  # best first
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, plan: Plan, results: Mapping[str, RunResult], comparison: Comparison) -> Studied:
        """From what is finished."""
        return cls(plan, comparison, lines_of(plan, results, comparison))

    @property
    def rows(self) -> tuple[Example, ...]:
        """The test rows."""
        return self.plan.study.split.test

    @cached_property
    def gold(self) -> np.ndarray:
        """(n,) positions, or (n, C) bool."""
        return self.lines[0].gold

    @cached_property
    def arms(self) -> tuple[Usual, ...]:
        """Each arm with the most labels it was given; the constant answer aside, unless nothing else is there."""
        every = most_labels(self.lines)
        some = [x for x in every if x.cell.strategy != CONSTANT]
        return tuple(self.usual(x.name) for x in (some or every))

    def usual(self, name: str) -> Usual:
        """Of the line with this name."""
        return self.once(("usual", name), lambda: Usual(next(x for x in self.lines if x.name == name)))

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` gives, worked out the first time; the oldest are forgotten."""
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = make()
            while len(self._kept) > KEPT:
                self._kept.pop(next(iter(self._kept)), None)
        return found

    def find(self, asked: str) -> Usual:
        """An arm at its most labels, or ARM@SHOTS.

        Raises:
            UserError: no finished run of such an arm.
        """
        known = {x.arm: x.name for x in most_labels(self.lines)} | {f"{x.arm}@{x.cell.shots_name}": x.name for x in self.lines}
        if asked not in known:
            raise UserError(unknown("arm with finished runs", asked, known))
        return self.usual(known[asked])
