"""From a comparison to a decision: which arm, from how many labels on, at what cost, and how sure
that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from tl_core.analysis.compare import Cell, Comparison
from tl_core.analysis.decision import caveats as doubts
from tl_core.analysis.decision.costs import Cost, Prices, cost_table, ranks
from tl_core.analysis.decision.curves import (
    Against,
    Gain,
    against_level,
    best_level,
    gains,
    learners,
    pair,
)
from tl_core.analysis.decision.entries import Entry, entries_of, most_labels, of_arm
from tl_core.analysis.decision.latency import Latency, latencies
from tl_core.analysis.decision.quality import Quality, quality
from tl_core.analysis.decision.ways import Way, ways_of
from tl_core.api.types import FINAL, Problem, RunResult
from tl_core.statistics.best_set import difference, pair_of
from tl_core.statistics.crossed import interval_of, loss_at_most
from tl_core.statistics.intervals import IDENTICAL, Interval
from tl_core.statistics.recommendation import UNFINISHED, Recommendation, recommend
from tl_core.studies.plan import Plan
from tl_core.tasks import task_of

MARGIN = 0.03  # that may be lost with fewer labels and still be enough, unless another one is given


@dataclass(frozen=True)
class Fewer:
    """The chosen arm with fewer labels than the most it was given."""

    cell: Cell
    loss: (
        Interval | None
    )  # score with the most labels minus score with these; None where they share no seed
    margin: float

    @property
    def enough(self) -> bool:
        """Whether the upper limit of the loss is below the margin (non-inferiority, one-sided at
        .025).
        """
        return self.loss is not None and self.loss.high < self.margin and not self.loss.notes


@dataclass(frozen=True)
class Missing:
    """An arm that was asked for and has runs to come, or none that succeeded."""

    arm: str
    strategy: str
    runs: int  # to come
    failed: int  # ended in an error; all of them, where none are to come


@dataclass(frozen=True)
class Advice:
    """One arm, weighed against all others, each with the most labels it was given."""

    found: Recommendation  # its ids are those of arms
    candidates: tuple[Cell, ...]
    fewer: tuple[Fewer, ...]  # the chosen arm with fewer labels, the most first

    @property
    def enough(self) -> Fewer | None:
        """The fewest labels that are shown to do."""
        return fewest_enough(self.fewer)

    def cell(self, arm: str) -> Cell:
        """Return the candidate line of this arm."""
        return next(c for c in self.candidates if c.arm == arm)


@dataclass(frozen=True)
class Decision:
    """The recommendation with all that supports it. `advice` and `power` are None while nothing is
    finished.
    """

    problem: Problem
    metric: str  # id of the measure that sorts
    prices: Prices
    advice: Advice | None
    break_even: tuple[
        Against, ...
    ]  # every arm that learns, against the best one without labels; then pairs asked for
    gains: tuple[Gain, ...]
    costs: tuple[Cost, ...]
    quality: tuple[Quality, ...]
    power: doubts.Power | None
    failing: tuple[doubts.Failing, ...]
    scarce: tuple[doubts.Scarce, ...]
    absent: tuple[str, ...]  # labels without a test row
    scored: int  # distinct arms that these test rows have seen
    unfinished: int
    missing: tuple[Missing, ...]  # while there are any, nothing is advised
    runs: int  # asked for and not refused
    always: str  # key of the noun phrase for the best answer that is the same for all
    groups: int | None  # of test rows that belong together; None where each is on its own
    plain_by: tuple[
        str, ...
    ]  # measures by which the choice is not shown to beat one answer for all
    ways: tuple[Way, ...]  # no labels, a few, all
    labels: int  # rows of the pool: what "all labels" are
    latencies: tuple[Latency, ...]  # of arms that were timed text by text


def decide(
    plan: Plan,
    results: Mapping[str, RunResult],
    comparison: Comparison,
    prices: Prices | None = None,
    *,
    margin: float | None = None,
    pairs: Sequence[tuple[str, str]] = (),
    lines: tuple[Entry, ...] | None = None,
) -> Decision:
    """Weigh a study. A pure function of what is stored.

    Args:
        margin: how much less good is as good, as a share; None: nothing is, and with fewer labels
            `MARGIN`.
        pairs: further (a, b): from how many labels on is b better than a.
        lines: as `entries_of` makes them of the same results, where the caller has them.

    Raises:
        UserError: a pair names an arm that is not there.
    """
    lines = entries_of(plan, results, comparison) if lines is None else lines
    prices = prices or Prices()
    candidates, level = most_labels(lines), best_level(lines)
    missing = missing_arms(plan, results)
    advice = _advice(lines, candidates, prices, margin, missing) if lines else None
    learning = [arm for arm in learners(lines) if level and arm != level.arm]
    against = [
        against_level(lines, arm, level, together=len(learning)) for arm in learning if level
    ]
    return Decision(
        comparison.problem,
        comparison.metric,
        prices,
        advice,
        break_even=(*against, *(pair(lines, a, b) for a, b in pairs)),
        gains=gains(lines),
        costs=cost_table(lines, prices) if lines else (),
        quality=tuple(quality(x, trust=any(x is c for c in candidates)) for x in lines),
        power=doubts.power(plan, candidates, advice.found) if advice else None,
        failing=doubts.failing(lines),
        scarce=doubts.scarce(plan),
        absent=doubts.absent(plan),
        scored=doubts.scored(plan, results),
        unfinished=doubts.unfinished(plan, results),
        missing=missing,
        runs=sum(s.id not in plan.refused for s in plan.specs),
        always=task_of(plan.study.problem).always_words,
        groups=comparison.design.groups.count if comparison.design.groups else None,
        plain_by=_plain_by(candidates, advice),
        ways=ways_of(plan, results, lines),
        labels=len(plan.study.split.pool),
        latencies=latencies(candidates),
    )


def missing_arms(plan: Plan, results: Mapping[str, RunResult]) -> tuple[Missing, ...]:
    """Arms with runs to come, and arms all of whose runs ended in an error. What the plan or the
    run refused is not missing.
    """
    found = []
    for arm in plan.study.arms:
        status = [
            results[s.id].status if s.id in results else "to come"
            for s in plan.specs
            if s.arm.id == arm.id and s.id not in plan.refused
        ]
        failed, ahead = status.count("failed"), sum(x not in FINAL for x in status)
        if ahead or (failed and not status.count("done")):
            found.append(Missing(arm.id, arm.strategy, ahead, failed))
    return tuple(found)


def priced(
    decision: Decision, plan: Plan, comparison: Comparison, lines: tuple[Entry, ...], prices: Prices
) -> Decision:
    """The same decision at other prices: costs, and what is advised where cost decides.

    Args:
        lines: those that it was made of.
    """
    if decision.advice is None:
        return replace(decision, prices=prices)
    candidates = most_labels(lines)
    advice = _advice(lines, candidates, prices, None, decision.missing)
    return replace(
        decision,
        prices=prices,
        advice=advice,
        costs=cost_table(lines, prices),
        power=doubts.power(plan, candidates, advice.found),
        plain_by=_plain_by(candidates, advice),
    )


def _advice(
    lines: tuple[Entry, ...],
    candidates: Sequence[Entry],
    prices: Prices,
    margin: float | None,
    missing: Sequence[Missing],
) -> Advice:
    found = recommend(
        [x.candidate(x.arm, cost) for x, cost in zip(candidates, ranks(candidates, prices))],
        margin=margin,
        floor=candidates[0].constant,
        design=candidates[0].design,
    )
    if missing:
        found = replace(found, choice=found.leader, why=UNFINISHED)
    return Advice(
        found,
        tuple(x.cell for x in candidates),
        fewer(lines, found.choice, MARGIN if margin is None else margin),
    )


def fewer(lines: tuple[Entry, ...], arm: str, margin: float = MARGIN) -> tuple[Fewer, ...]:
    """Return what an arm loses with fewer labels than the most it was given, the most first."""
    *others, most = of_arm(lines, arm)
    return tuple(
        Fewer(x.cell, _loss(x, most), margin)
        for x in reversed(others)
        if x.cell.labels < most.cell.labels
    )


def fewest_enough(found: Sequence[Fewer]) -> Fewer | None:
    """The last of those shown to do, from the most down to the first that is not: asked in a fixed
    order, each at the full level.
    """
    shown = list(takewhile(lambda x: x.enough, found))
    return shown[-1] if shown else None


def _loss(less: Entry, most: Entry) -> Interval | None:
    sides = less.contender, most.contender
    D = difference(*sides)
    if D is None:
        return None
    options: dict[str, Any] = {"design": less.design, **pair_of(*sides)}
    found = interval_of(D, deterministic=less.once and most.once, **options)
    # where no row ever differed, rows not seen still may
    return replace(
        found,
        high=max(found.high, loss_at_most(-D, **options)),
        notes=tuple(n for n in found.notes if n != IDENTICAL),
    )


def _plain_by(candidates: Sequence[Entry], advice: Advice | None) -> tuple[str, ...]:
    if advice is None or not advice.found.advised:
        return ()
    chosen = next(x for x in candidates if x.arm == advice.found.choice)
    return tuple(
        m.id
        for m in task_of(chosen.problem).measures
        if m.id != chosen.by and not chosen.above_constant(m.id)
    )
