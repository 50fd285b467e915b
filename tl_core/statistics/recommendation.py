"""Which arm to use, as data, and never stronger than the statistics.

A winner is named only if it is alone in the strict best set and seeds were enough to speak of methods. Otherwise cost decides,
but only among arms that could be the best *and* scored about as much as the leader: a cheap arm that looks clearly worse is
not advised because a small study could not prove it. Nothing is advised that is not shown to beat one answer for all texts.
The sentences are made elsewhere, of these fields.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from tl_core.statistics.best_set import best_set, difference, pair_p_values, simultaneous_tail, usual_of
from tl_core.statistics.crossed import equivalence_margin, exceeds, interval_of, matrix
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import Interval
from tl_core.statistics.power import Spread, detectable_difference, needed, spread_of

# why an arm is advised
WINNER = "alone in the strict best set"
AS_GOOD_AND_CHEAPER = "shown to be as good within the margin, and cheaper"
CHEAPEST_OF_CLOSE = "cheapest of those that could be the best and scored about as much as the leader"
LEADS = "scored highest, and no other that could be the best comes close"
ALONE = "the only one that could be the best, but not shown to be the winner"
NOT_ABOVE = "no arm is shown to score more than one answer for all"
ONLY_ONE = "only one arm was run"
UNFINISHED = "runs that were asked for are missing"  # set by whoever knows what was asked for
NO_ADVICE = (NOT_ABOVE, ONLY_ONE, UNFINISHED)  # of these the choice is who scored highest, and no advice

MORE_SEEDS, MORE_ROWS = "seeds", "test rows"
ROUNDING = 1e-9  # two sums of the same scores may differ by less
CLOSE = 0.03  # scores that differ by this much or less are about the same, unless a margin is given
SEEDS = (5, 10, 20, 40)
ROWS = (200, 500, 1000, 2000, 5000, 10000)


@dataclass(frozen=True)
class Change:
    """At `at` seeds, or test rows, the difference seen would be found with a probability of .8, were it the true one."""

    of: str  # MORE_SEEDS or MORE_ROWS
    at: int


@dataclass(frozen=True)
class Recommendation:
    """What to use and why; ids are those of the arms."""

    choice: str
    why: str  # one of the codes above; of those in NO_ADVICE the choice is only who scored highest
    winner: str | None  # the only one a person may be told is the best
    leader: str  # highest observed mean, of which part is luck
    runner_up: str | None  # highest observed mean among the others than the choice; of those that could be the best, where there are any
    difference: Interval | None  # choice minus runner-up, paired, for as many comparisons as arms; None where they share no seed
    p: float | None  # of that difference, Holm over all pairs
    best: tuple[str, ...]  # could be the best
    strict: tuple[str, ...]  # the same with no tied arm left out
    as_good: tuple[str, ...]  # shown to be as good as the leader within the margin
    doubted: tuple[str, ...]  # arms whose seeds are too few, or whose runs failed: they speak of these trained models
    changes: tuple[Change, ...]  # what would tell choice and runner-up apart; empty where they are, or nothing would
    floor: float | None  # what one answer for all reaches, where it was given
    above: tuple[str, ...]  # shown to score more than it
    leads_floor: bool  # whether the leader scored more than it at all, shown or not

    @property
    def advised(self) -> bool:
        """Whether the choice is advice at all."""
        return self.why not in NO_ADVICE


def recommend(
    scores: Mapping[str, np.ndarray],
    cost: Mapping[str, float],
    deterministic: Collection[str] = frozenset(),
    *,
    failed: Collection[str] = frozenset(),
    margin: float | None = None,
    floor: np.ndarray | None = None,
    overlap: Mapping[str, float] | float = 0.0,
    level: float = 0.95,
    seeds: Mapping[str, tuple[int, ...]] | None = None,
    design: Design = PLAIN,
    usual: Mapping[str, float] | None = None,
) -> Recommendation:
    """Weigh arms by scores (S_j, n), more is better, and by cost in one currency.

    Args:
        cost: infinite where it is not known: such an arm is never advised for being cheap.
        failed: arms some of whose runs failed to train. margin: how much less good is as good, on the scale of the
            scores; None: nothing is shown to be. floor: (n,) scores of the best single answer for all texts.
            deterministic, overlap, seeds, design, usual: as in `best_set`.
    """
    if not scores:
        raise ValueError("There is no arm to recommend.")
    arms = {j: matrix(scores[j]) for j in scores}
    shares = overlap if isinstance(overlap, Mapping) else dict.fromkeys(arms, overlap)
    means = {j: float(Y.mean()) for j, Y in arms.items()}
    how = {"overlap": shares, "seeds": seeds, "design": design, "usual": usual}

    def cheapest(ids: Collection[str]) -> str:
        return min(ids, key=lambda j: (cost[j], -means[j]))

    def options(*ids: str) -> dict:
        return {"overlap": max(shares.get(j, 0.0) for j in ids), "design": design, "usual": usual_of(ids, usual)}

    leader = max(arms, key=lambda j: (means[j], -cost[j]))
    reached = None if floor is None else float(np.mean(floor))
    tail = (1 - level) / 2 / len(arms)
    above = tuple(j for j, Y in arms.items() if floor is None or exceeds(Y - floor, tail=tail, **options(j)))
    doubted = tuple(j for j in arms if j in failed or (j not in deterministic and len(arms[j]) < 3))
    leads_floor = reached is None or means[leader] > reached + ROUNDING
    if len(arms) == 1:
        why = ONLY_ONE if above else NOT_ABOVE
        return Recommendation(leader, why, None, leader, None, None, None, (leader,), (leader,), (), doubted, (), reached, above, leads_floor)

    best, _ = best_set(arms, deterministic, level=level, **how)
    p = pair_p_values(arms, deterministic, **how)
    beaten = {worse for (_, worse), value in p.items() if value < 1 - level}
    strict = tuple(j for j in arms if j not in beaten)

    # of methods only: comparisons of the leader in which seeds were enough
    pairs = {j: difference(leader, j, arms, deterministic, seeds) for j in arms if j != leader}
    clear = {j: D for j, D in pairs.items() if speaks_of_methods(D, {leader, j}, deterministic)}
    winner = leader if strict == (leader,) and not doubted and len(clear) == len(arms) - 1 and leader in above else None
    alpha = (1 - level) / (len(arms) - 1)  # the leader is picked by what was seen, so each could be compared with it
    as_good = [
        j
        for j, D in clear.items()
        if j in above and margin is not None and not {leader, j} & set(doubted) and equivalence_margin(D, alpha=alpha, **options(leader, j)) < margin
    ]

    could_be = best or [leader]  # on unlike seeds each may be beaten by another
    close = [j for j in could_be if j in above and means[leader] - means[j] <= (CLOSE if margin is None else margin)]
    affordable = [j for j in close if math.isfinite(cost[j])]
    if not above:
        choice, why = leader, NOT_ABOVE
    elif as_good and cost[cheapest(as_good)] < cost[leader]:
        choice, why = cheapest(as_good), AS_GOOD_AND_CHEAPER
    elif winner:
        choice, why = winner, WINNER
    elif affordable and (len(close) > 1 or leader not in above):
        choice, why = cheapest(affordable), CHEAPEST_OF_CLOSE
    elif leader not in above:  # who scored highest may have done so by chance, and nobody who surely did not comes close
        choice, why = leader, NOT_ABOVE
    else:
        choice, why = leader, ALONE if best == [leader] else LEADS
    others = [j for j in arms if j != choice]
    runner_up = max([j for j in others if j in best] or others, key=lambda j: means[j])  # who could be the best comes before who could not
    value = p.get((choice, runner_up), p.get((runner_up, choice)))
    D = difference(runner_up, choice, arms, deterministic, seeds)
    prompts = {choice, runner_up} <= set(deterministic)
    told_apart = value is not None and value < 1 - level and speaks_of_methods(D, {choice, runner_up}, deterministic)
    together = 1 - 2 * simultaneous_tail(len(arms), level)
    return Recommendation(
        choice, why, winner, leader, runner_up,
        None if D is None else interval_of(D, deterministic=prompts, level=together, **options(choice, runner_up)),
        value, tuple(best), strict, tuple(as_good), doubted,
        () if D is None or told_apart else _changes(D, prompts, together, design), reached, above, leads_floor,
    )  # fmt: skip


def speaks_of_methods(D: np.ndarray | None, pair: set[str], deterministic: Collection[str]) -> bool:
    """Whether a difference (S, n) of a pair goes beyond these trained models: 3 seeds or more, or no seeds on either side."""
    return D is not None and (len(D) > 2 or pair <= set(deterministic))


def _changes(D: np.ndarray, deterministic: bool, level: float, design: Design) -> tuple[Change, ...]:
    rows = D.shape[1]
    D = design.groups.collapse(D) if design.groups else D
    S, n = D.shape
    if n < 2:
        return (Change(MORE_ROWS, ROWS[0]),)
    if S < 3 and not deterministic:
        return (Change(MORE_SEEDS, SEEDS[0]),)
    spread = Spread(0.0, float(D[0].var(ddof=1)), 0.0) if deterministic else spread_of(D)
    seen = float(D.mean())
    if seen == 0:
        return ()
    seeds = () if deterministic else tuple(s for s in SEEDS if s > S)
    more_seeds = needed(seen, seeds, lambda s: detectable_difference(s, n, spread, level=level))
    # further rows come in groups like those there are
    more_rows = needed(seen, [m for m in ROWS if m > rows], lambda m: detectable_difference(S, round(m * n / rows), spread, level=level))
    return tuple(Change(of, at) for of, at in ((MORE_SEEDS, more_seeds), (MORE_ROWS, more_rows)) if at)
