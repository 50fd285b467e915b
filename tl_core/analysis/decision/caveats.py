"""Caveats of a study: its statistical power, collapsed runs, labels too few, arms too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tl_core.analysis.compare import grouping
from tl_core.analysis.decision.entries import Entry
from tl_core.api.types import FINAL, RunResult
from tl_core.data.split import Pool
from tl_core.statistics.best_set import difference
from tl_core.statistics.design import design_effect
from tl_core.statistics.failures import WithFailures, with_failures
from tl_core.statistics.power import (
    USUAL_DISCORDANCE,
    Spread,
    detectable_difference,
    spread_of,
    usual_spread,
    wilson_half_width,
)
from tl_core.statistics.recommendation import Recommendation
from tl_core.studies.plan import Plan

MANY = 10  # arms scored on the same test rows, from which on the best of them is noticeably lucky


@dataclass(frozen=True)
class Power:
    """Difference of two arms that this many seeds and test rows find with a probability of .8."""

    seeds: int  # 0: no arm has any
    rows: int
    before: float  # in accuracy, at the usual spread
    after: (
        float | None
    )  # of the arm advised and its runner-up, at the spread they had, by the metric that sorts
    half_width: float  # of the interval of an accuracy of 80%, rows alone
    groups: int | None = None  # in which the rows come


@dataclass(frozen=True)
class Failing:
    """A line some of whose runs ended in an error or did not train."""

    arm: str
    shots: int | None
    failed: int  # ended in an error: in no mean
    untrained: WithFailures  # accuracy with and without the runs that did not train
    per: str = "class"  # what a number of shots counts, see `Task.shots_per`


@dataclass(frozen=True)
class Scarce:
    """Shots that take more than half of a class: samples of different seeds share many rows."""

    shots: int
    label: str
    rows: int


def power(plan: Plan, candidates: Sequence[Entry], found: Recommendation) -> Power:
    """Return the power of the study, before and after it ran."""
    before = _before(plan, seeds=not all(x.once for x in candidates))
    return replace(before, after=_after(candidates, found))


def expected(plan: Plan) -> Power:
    """Predict the power of a study before any of it is run."""
    return _before(plan, seeds=any(s.shots != 0 and s.id not in plan.refused for s in plan.specs))


def _before(plan: Plan, *, seeds: bool) -> Power:
    """seeds: whether any arm has them."""
    S, n = len(plan.study.seeds) if seeds else 0, len(plan.study.split.test)
    spread = usual_spread() if S else Spread(0.0, USUAL_DISCORDANCE, 0.0)
    groups = grouping(plan).groups
    alone = (
        max(round(n / design_effect(groups.sizes)), 1) if groups else n
    )  # rows on their own that would tell as much
    return Power(
        S,
        n,
        detectable_difference(max(S, 1), alone, spread),
        None,
        wilson_half_width(0.8, alone),
        groups.count if groups else None,
    )


def _after(candidates: Sequence[Entry], found: Recommendation) -> float | None:
    pair = [x for x in candidates if x.arm in (found.choice, found.runner_up)]
    if len(pair) < 2:
        return None
    once = all(x.once for x in pair)
    D = difference(pair[0].contender, pair[1].contender)
    groups = pair[0].design.groups
    D = groups.collapse(D) if groups and D is not None else D
    if D is None or D.shape[1] < 2 or (len(D) < 2 and not once):
        return None
    spread = Spread(0.0, float(D[0].var(ddof=1)), 0.0) if once else spread_of(D)
    return detectable_difference(len(D), D.shape[1], spread)


def failing(lines: Sequence[Entry]) -> tuple[Failing, ...]:
    """Lines that lost runs, or hold runs that did not train."""
    return tuple(
        Failing(
            x.arm,
            x.cell.shots,
            x.cell.failed,
            with_failures(
                x.right,
                np.array([r.collapsed for r in x.results]),
                overlap=x.overlap,
                design=x.design,
            ),
            x.cell.per,
        )
        for x in lines
        if x.cell.failed or x.cell.collapsed
    )


def scarce(plan: Plan) -> tuple[Scarce, ...]:
    """Return labels too scarce for a number of shots, each with the smallest such number."""
    counts = Pool(plan.study.split.pool, plan.study.problem).counts()
    some = sorted(s for s in plan.study.shots if s)
    first = (
        (label, rows, next((s for s in some if 2 * s > rows), None))
        for label, rows in counts.items()
    )
    return tuple(Scarce(shots, label, rows) for label, rows, shots in first if shots)


def absent(plan: Plan) -> tuple[str, ...]:
    """Labels without a test row."""
    seen = {label for e in plan.study.split.test for label in e.labels}
    return tuple(label for label in plan.study.problem.label_ids if label not in seen)


def scored(plan: Plan, results: Mapping[str, RunResult]) -> int:
    """Distinct arms with scores on these test rows, whatever they are called, here or in an earlier
    study.
    """
    return len(
        {
            *plan.study.seen,
            *(
                s.arm.digest
                for s in plan.specs
                if s.id in results and results[s.id].status == "done"
            ),
        }
    )


def unfinished(plan: Plan, results: Mapping[str, RunResult]) -> int:
    """Runs that have not ended one way or another."""
    return sum(
        s.id not in plan.refused and (s.id not in results or results[s.id].status not in FINAL)
        for s in plan.specs
    )
