"""Robustness to changed texts: accuracy before and after (of spans and of answers in texts the
measure that sorts), and the flip rate.

All numbers are of the rows that a change changes, so that rows it leaves alone do not hide what it
does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tl_core.analysis.compare import Comparison, grouping, share
from tl_core.analysis.compare import plain as of_interval
from tl_core.api.task import Task
from tl_core.api.types import Example, Problem, RunResult
from tl_core.data.perturb import CHANGES
from tl_core.statistics.crossed import difference_interval, mean_interval
from tl_core.statistics.intervals import Interval
from tl_core.studies.plan import Plan
from tl_core.studies.stored_answers import Changed, StoredAnswers
from tl_core.tasks import task_of

LEAST_ROWS = 10  # of fewer nothing is reported: their intervals would hold everything
NUMBERS = ("before", "after", "difference", "flips")  # of an effect


@dataclass(frozen=True)
class Effect:
    """The effect of a change on the answers of an arm at a number of shots.

    All numbers are of the rows it changes.
    """

    arm: str
    shots: int | None
    change: str
    runs: tuple[str, ...]  # those that were asked
    rows: int
    flips: (
        Interval | None
    )  # share of answers that are other ones than before; None of fewer rows than `LEAST_ROWS`
    before: Interval | None = (
        None  # `measure`; None where no one knows the correct labels of the changed rows
    )
    after: Interval | None = None
    difference: Interval | None = None  # after - before
    measure: str = "accuracy"  # what `before` and `after` are means of
    per: str = "class"  # what a number of shots counts, see `Task.shots_per`

    @property
    def shots_name(self) -> int | str:
        """Return the number of shots, or "all" where it is None."""
        return "all" if self.shots is None else self.shots


def effects(
    parts: StoredAnswers, made: Plan, results: Mapping[str, RunResult], comparison: Comparison
) -> tuple[Effect, ...]:
    """Every line of the leaderboard that was asked, best first, under every change."""
    task, problem, pool = (
        task_of(made.study.problem),
        made.study.problem,
        len(made.study.split.pool),
    )
    gold, grouped = task.gold(problem, made.study.split.test), grouping(made)
    told = []
    measure = task.sorts(gold, len(problem.labels))[0] if task.by_word else "accuracy"
    for cell in comparison.cells:
        for change, rows in parts.rows.items():
            runs = tuple(run for run in cell.runs if (run, change) in parts.scores)
            nothing = CHANGES[change].of_hangul and not len(rows.at)
            if not runs or nothing:
                continue
            effect = Effect(
                cell.arm,
                cell.shots,
                change,
                runs,
                len(rows.at),
                None,
                measure=measure,
                per=cell.per,
            )
            if len(rows.at) >= LEAST_ROWS:
                before = np.stack([results[run].test_scores[rows.at] for run in runs])
                after = np.stack([parts.scores[run, change] for run in runs])
                of = _Rows(problem, gold[rows.at], rows)
                how = {
                    "overlap": share(cell, pool),
                    "deterministic": cell.once,
                    "design": grouped.subset(rows.at),
                }
                effect = _measured(effect, of, before, after, how)
            told.append(effect)
    return tuple(told)


@dataclass(frozen=True)
class _Rows:
    """Rows that a change changes."""

    problem: Problem
    gold: np.ndarray  # (m, ...) before they were changed
    changed: Changed

    @property
    def task(self) -> Task:
        """Return the task."""
        return task_of(self.problem)

    def flipped(self, said: np.ndarray, says: np.ndarray) -> np.ndarray:
        """(S, m) bool: where the answer is another one; (S, m, ...) answers."""
        task, rows = self.task, self.changed
        return ~task.same(task.moved(self.problem, said, rows.examples, rows.places), says)

    @property
    def gold_after(self) -> np.ndarray:
        """(m, ...) what is correct of them now."""
        if not self.task.spans_move:
            return self.gold
        return self.task.gold(self.problem, self.changed.examples)


def _measured(
    effect: Effect, of: _Rows, before: np.ndarray, after: np.ndarray, how: dict[str, Any]
) -> Effect:
    """before, after: scores (S, m, ...). how: options of the intervals."""
    said, says = (of.task.decide(scores) for scores in (before, after))
    effect = replace(effect, flips=mean_interval(of.flipped(said, says).astype(float), **how))
    if not CHANGES[effect.change].keeps_answer:
        return effect
    once, task, problem = how["deterministic"], of.task, of.problem
    if task.by_word:
        measure, both = task.measure(effect.measure), ((of.gold, said), (of.gold_after, says))
        rows = [measure.rows(problem, gold, answers) for gold, answers in both]
        sides = [measure.interval(problem, gold, answers, **how) for gold, answers in both]
    else:
        rows = [
            task.correct(gold, scores)
            for gold, scores in ((of.gold, before), (of.gold_after, after))
        ]
        sides = [mean_interval(right, **how) for right in rows]
    difference = difference_interval(
        *rows,
        a_deterministic=once,
        b_deterministic=once,
        overlap=how["overlap"],
        design=how["design"],
    )
    return replace(effect, before=sides[0], after=sides[1], difference=difference)


@dataclass(frozen=True)
class Flip:
    """A row to which a run gives another answer since it was changed."""

    before: Example
    after: Example
    said: tuple[str, ...]  # label ids; of spans and answers in texts, phrases
    says: tuple[str, ...]
    given: tuple[str, ...] = ()  # of those: what is correct, in phrases


def flips(
    parts: StoredAnswers, made: Plan, results: Mapping[str, RunResult], effect: Effect
) -> list[Flip]:
    """Rows to which the first of the runs asked gives another answer."""
    problem, test, run, rows = (
        made.study.problem,
        made.study.split.test,
        effect.runs[0],
        parts.rows[effect.change],
    )
    task = task_of(problem)
    before, after = results[run].test_scores[rows.at], parts.scores[run, effect.change]
    examples = [test[i] for i in rows.at]
    of = _Rows(problem, task.gold(problem, examples), rows)
    decided = task.decide(before), task.decide(after)
    there = np.flatnonzero(of.flipped(decided[0][None], decided[1][None])[0])
    given: list[tuple[str, ...]] = [()] * len(examples)
    if task.by_word:
        said, says = (
            task.phrases(problem, own, answers)
            for own, answers in zip((examples, rows.examples), decided, strict=True)
        )
        given = task.phrases(problem, examples, of.gold)
    else:
        said, says = (task.names(problem, answers) for answers in decided)
    return [Flip(examples[i], rows.examples[i], said[i], says[i], given[i]) for i in there]


def table(told: Sequence[Effect]) -> Iterator[list[Any]]:
    """A head and a row for each, for a spreadsheet; shares are 0..1, and what is not known is
    empty.
    """
    yield [
        "arm",
        "shots",
        "change",
        "runs",
        "rows",
        *(f"{name}{end}" for name in NUMBERS for end in ("", " low", " high")),
    ]
    for x in told:
        limits = [of_interval(found) if (found := getattr(x, name)) else {} for name in NUMBERS]
        cells = [
            "" if (value := given.get(end)) is None else round(value, 6)
            for given in limits
            for end in ("value", "low", "high")
        ]
        yield [x.arm, x.shots_name, x.change, len(x.runs), x.rows, *cells]


def plain(told: Sequence[Effect], test: int) -> dict[str, Any]:
    """As printed with --json; an interval is value, low, high, n, and null where there is none.

    Args:
        test: number of test rows.
    """
    rows = [
        {
            "arm": x.arm,
            "shots": x.shots_name,
            "change": x.change,
            "runs": list(x.runs),
            "rows": x.rows,
        }
        | {name: of_interval(found) if (found := getattr(x, name)) else None for name in NUMBERS}
        for x in told
    ]
    return {"test_rows": test, "effects": rows}
