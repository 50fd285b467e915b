"""How the values of a measure are written: shares in percent, errors in points on the scale.

Inside, every measure is larger where answers are better, and 1 is all there is
(`tl_core.api.task.Measure`); a `Unit` turns that into what people read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from tl_core.api.types import Interval, Problem
from tl_core.studies.plan import Plan
from tl_core.tasks import task_of
from tl_core.words.phrases import number, percent, say


@dataclass(frozen=True)
class Unit:
    """The unit of one measure on one problem."""

    kind: str = "percent"
    scale: float = 100.0  # what 1 is as it is shown
    falls: bool = False  # it is shown as an error: what is missing to 1, and less is better

    @property
    def digits(self) -> int:
        """Return the number of decimals of a value: 1 for percent, else 2."""
        return 1 if self.kind == "percent" else 2

    def at(self, value: float) -> float:
        """A value as it is shown."""
        return self.scale * (1 - value if self.falls else value)

    def interval(self, found: Interval) -> Interval:
        """A value and its limits as they are shown, the lower limit first."""
        ends = sorted((self.at(found.low), self.at(found.high)))
        return replace(found, value=self.at(found.value), low=ends[0], high=ends[1])

    def drawn(self, found: Interval) -> Interval:
        """The same in hundredths, for figures whose axes count from 0 to 100."""
        shown = self.interval(found)
        return replace(shown, value=shown.value / 100, low=shown.low / 100, high=shown.high / 100)

    def value(self, value: float, language: str) -> str:
        """A value in words."""
        if self.kind == "percent":
            return percent(value, language)
        return number(self.at(value), self.digits)

    def limits(self, found: Interval, language: str) -> str:
        """The limits of a value; a dash where there are none."""
        return self._range(self.interval(found), language)

    def with_limits(self, found: Interval, language: str) -> str:
        """A value with its limits."""
        return say(
            language,
            "interval",
            value=self.value(found.value, language),
            range=self.limits(found, language),
        )

    def points(self, difference: float, language: str) -> str:
        """Say by how much one value is better than another."""
        key = "points" if self.kind == "percent" else "points_of_scale"
        return say(language, key, x=number(self.scale * difference, self.digits))

    def points_limits(self, found: Interval, language: str) -> str:
        """The limits of a difference."""
        shown = replace(found, low=self.scale * found.low, high=self.scale * found.high)
        return self._range(shown, language)

    def _range(self, shown: Interval, language: str) -> str:
        if not (math.isfinite(shown.low) and math.isfinite(shown.high)):
            return "–"
        low, high = (number(x, self.digits) for x in (shown.low, shown.high))
        return say(language, "range", low=low, high=high)

    def axis(self, metric: str, language: str) -> str:
        """The title of an axis."""
        return say(language, f"axis_{self.kind}", metric=say(language, metric))

    def key(self, key: str) -> str:
        """The sentence for this unit: of an error, that it is smaller, not that a score is
        higher.
        """
        return f"{key}_error" if self.falls else key


PERCENT = Unit()


def unit_of(problem: Problem, metric: str) -> Unit:
    """Return the unit in which a measure of the problem's task is shown."""
    measure = task_of(problem).measure(metric)
    return Unit(measure.unit, measure.scale(problem), measure.falls)


def usual_unit(plan: Plan) -> Unit:
    """Return the unit of the first measure of a study's task, before one is known to sort."""
    problem = plan.study.problem
    return unit_of(problem, task_of(problem).measures[0].id)


class Sorted(Protocol):
    """A comparison, or a decision."""

    @property
    def problem(self) -> Problem:
        """Return the problem of the study."""

    @property
    def metric(self) -> str:
        """Return the id of the measure that sorts."""


def sorting_unit(of: Sorted) -> Unit:
    """Return the unit of the measure that sorts."""
    return unit_of(of.problem, of.metric)
