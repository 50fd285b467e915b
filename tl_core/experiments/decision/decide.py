"""From a comparison to a decision: which arm, from how many labels on, at what cost, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tl_core.experiments.compare import Cell, Comparison
from tl_core.experiments.decision import doubts
from tl_core.experiments.decision.costs import Cost, Prices, cost_table, ranks
from tl_core.experiments.decision.curves import Against, Gain, against_level, best_level, gains, learners, pair
from tl_core.experiments.decision.lines import Line, lines_of, most_labels
from tl_core.experiments.decision.quality import Quality, quality
from tl_core.experiments.plan import Plan
from tl_core.statistics.recommendation import Recommendation, recommend
from tl_core.types import RunResult


@dataclass(frozen=True)
class Advice:
    """One arm, weighed against all others, each with the most labels it was given."""

    found: Recommendation  # its ids are those of arms
    candidates: tuple[Cell, ...]
    enough: Cell | None  # the chosen arm with the fewest labels that could still be the best line

    def cell(self, arm: str) -> Cell:
        return next(c for c in self.candidates if c.arm == arm)


@dataclass(frozen=True)
class Decision:
    """Everything that is said about what to do. `advice` and `power` are None while nothing is finished."""

    metric: str  # accuracy or macro_f1
    prices: Prices
    advice: Advice | None
    break_even: tuple[Against, ...]  # every arm that learns, against the best one without labels; then pairs asked for
    gains: tuple[Gain, ...]
    costs: tuple[Cost, ...]
    quality: tuple[Quality, ...]
    power: doubts.Power | None
    failing: tuple[doubts.Failing, ...]
    scarce: tuple[doubts.Scarce, ...]
    absent: tuple[str, ...]  # labels without a test row
    scored: int  # distinct arms that these test rows have seen
    unfinished: int


def decide(
    plan: Plan,
    results: Mapping[str, RunResult],
    comparison: Comparison,
    prices: Prices | None = None,
    *,
    margin: float | None = None,
    pairs: Sequence[tuple[str, str]] = (),
    lines: tuple[Line, ...] | None = None,
) -> Decision:
    """Weigh a study. A pure function of what is stored.

    Args:
        margin: how much less good is as good, as a share; None: nothing is.
        pairs: further (a, b): from how many labels on is b better than a.
        lines: as `lines_of` makes them of the same results, where the caller has them.

    Raises:
        UserError: a pair names an arm that is not there.
    """
    lines = lines_of(plan, results, comparison) if lines is None else lines
    prices = prices or Prices()
    candidates, level = most_labels(lines), best_level(lines)
    advice = _advice(candidates, comparison, prices, margin) if lines else None
    against = [against_level(lines, arm, level) for arm in learners(lines) if level and arm != level.arm]
    return Decision(
        comparison.metric, prices, advice,
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
    )  # fmt: skip


def priced(decision: Decision, plan: Plan, comparison: Comparison, lines: tuple[Line, ...], prices: Prices) -> Decision:
    """The same decision at other prices: costs, and what is advised where cost decides.

    Args:
        lines: those that it was made of.
    """
    if decision.advice is None:
        return replace(decision, prices=prices)
    candidates = most_labels(lines)
    advice = _advice(candidates, comparison, prices, None)
    return replace(decision, prices=prices, advice=advice, costs=cost_table(lines, prices), power=doubts.power(plan, candidates, advice.found))


def _advice(candidates: Sequence[Line], comparison: Comparison, prices: Prices, margin: float | None) -> Advice:
    found = recommend(
        {x.arm: x.per_row for x in candidates},
        dict(zip((x.arm for x in candidates), ranks(candidates, prices))),
        {x.arm for x in candidates if x.once},
        failed={x.arm for x in candidates if x.cell.failed or x.cell.collapsed},
        margin=margin,
        floor=candidates[0].constant,
        overlap={x.arm: x.overlap for x in candidates},
        seeds={x.arm: x.cell.seeds for x in candidates},
    )
    chosen = next(x.cell for x in candidates if x.arm == found.choice)
    fewer = [c for c in comparison.cells if c.arm == found.choice and c.could_be_best and c.labels < chosen.labels]
    return Advice(found, tuple(x.cell for x in candidates), min(fewer, key=lambda c: c.labels, default=None))
