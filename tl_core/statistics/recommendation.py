"""Which arm to use, as data, and never stronger than the statistics.

A winner is named only if it is alone in the strict best set and seeds were enough to speak of methods. Otherwise the advice
is about cost: the cheapest of those that could be the best, or the cheapest that is shown to be as good within a margin the
person chose. What scored no more than one answer for all texts does is never advised for being cheap. The sentences are
made elsewhere, of these fields.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from tl_core.statistics.best_set import best_set, difference, pair_p_values
from tl_core.statistics.crossed import equivalence_margin, interval_of, matrix
from tl_core.statistics.intervals import Interval
from tl_core.statistics.power import Spread, detectable_difference, needed, spread_of

# why an arm is advised
WINNER = "alone in the strict best set"
AS_GOOD_AND_CHEAPER = "shown to be as good within the margin, and cheaper"
CHEAPEST_OF_BEST = "cheapest of those that could be the best"
CHEAPEST_ABOVE = "cheapest of those that could be the best and scored more than one answer for all"
NONE_ABOVE = "no arm scored more than one answer for all"
ONLY_ONE = "only one arm was run"

MORE_SEEDS, MORE_ROWS = "seeds", "test rows"
ROUNDING = 1e-9  # two sums of the same scores may differ by less
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
    why: str  # one of the codes above; of NONE_ABOVE and ONLY_ONE the choice is no advice
    winner: str | None  # the only one a person may be told is the best
    leader: str  # highest observed mean, of which part is luck
    runner_up: str | None  # highest observed mean among the others than the choice
    difference: Interval | None  # choice minus runner-up, paired; None where they share no seed
    p: float | None  # of that difference, Holm over all pairs
    best: tuple[str, ...]  # could be the best
    strict: tuple[str, ...]  # the same with no tied arm left out
    as_good: tuple[str, ...]  # shown to be as good as the leader within the margin
    doubted: tuple[str, ...]  # arms whose seeds are too few, or whose runs failed: they speak of these trained models
    changes: tuple[Change, ...]  # what would tell choice and runner-up apart; empty where they are, or nothing would
    floor: float  # what one answer for all reaches, as it was given


def recommend(
    scores: Mapping[str, np.ndarray],
    cost: Mapping[str, float],
    deterministic: Collection[str] = frozenset(),
    *,
    failed: Collection[str] = frozenset(),
    margin: float | None = None,
    floor: float = -math.inf,
    overlap: Mapping[str, float] | float = 0.0,
    level: float = 0.95,
    seeds: Mapping[str, tuple[int, ...]] | None = None,
) -> Recommendation:
    """Weigh arms by scores (S_j, n), more is better, and by cost in one currency.

    Args:
        failed: arms some of whose runs failed to train. margin: how much less good is as good, on the scale of the
            scores; None: nothing is. floor: what the commonest answer, given to every text, scores. deterministic, overlap,
            seeds: as in `best_set`.
    """
    if not scores:
        raise ValueError("There is no arm to recommend.")
    arms = {j: matrix(scores[j]) for j in scores}
    shares = overlap if isinstance(overlap, Mapping) else dict.fromkeys(arms, overlap)
    means = {j: float(Y.mean()) for j, Y in arms.items()}

    def cheapest(ids: Collection[str]) -> str:
        return min(ids, key=lambda j: (cost[j], -means[j]))

    leader = max(arms, key=lambda j: (means[j], -cost[j]))
    above = [j for j in arms if means[j] > floor + ROUNDING]
    doubted = tuple(j for j in arms if j in failed or (j not in deterministic and len(arms[j]) < 3))
    if len(arms) == 1:
        return Recommendation(leader, ONLY_ONE, None, leader, None, None, None, (leader,), (leader,), (), doubted, (), floor)

    best, _ = best_set(arms, deterministic, overlap=shares, level=level, seeds=seeds)
    p = pair_p_values(arms, deterministic, overlap=shares, seeds=seeds)
    beaten = {worse for (_, worse), value in p.items() if value < 1 - level}
    strict = tuple(j for j in arms if j not in beaten)

    def pair(j: str, i: str) -> tuple[np.ndarray | None, float]:
        return difference(j, i, arms, deterministic, seeds), max(shares.get(i, 0.0), shares.get(j, 0.0))

    # of methods only: comparisons of the leader in which seeds were enough
    pairs = {j: pair(leader, j) for j in arms if j != leader}
    clear = {j: (D, f) for j, (D, f) in pairs.items() if speaks_of_methods(D, {leader, j}, deterministic)}
    winner = leader if strict == (leader,) and not doubted and len(clear) == len(arms) - 1 else None
    alpha = (1 - level) / (len(arms) - 1)  # the leader is picked by what was seen, so each could be compared with it
    as_good = [
        j
        for j, (D, f) in clear.items()
        if j in above and margin is not None and not {leader, j} & set(doubted) and equivalence_margin(D, overlap=f, alpha=alpha) < margin
    ]

    could_be = best or [leader]  # on unlike seeds each may be beaten by another
    worth = [j for j in could_be if j in above]
    if not above:
        choice, why = cheapest(could_be), NONE_ABOVE
    elif as_good and cost[cheapest(as_good)] < cost[leader]:
        choice, why = cheapest(as_good), AS_GOOD_AND_CHEAPER
    elif winner:
        choice, why = winner, WINNER
    else:
        choice = cheapest(worth or [leader])
        why = CHEAPEST_OF_BEST if choice == cheapest(could_be) else CHEAPEST_ABOVE
    runner_up = max((j for j in arms if j != choice), key=lambda j: means[j])
    value = p.get((choice, runner_up), p.get((runner_up, choice)))
    D, f = pair(runner_up, choice)
    prompts = {choice, runner_up} <= set(deterministic)
    told_apart = value is not None and value < 1 - level and speaks_of_methods(D, {choice, runner_up}, deterministic)
    return Recommendation(
        choice, why, winner, leader, runner_up,
        None if D is None else interval_of(D, overlap=f, deterministic=prompts, level=level),
        value, tuple(best), strict, tuple(as_good), doubted,
        () if D is None or told_apart else _changes(D, prompts, level), floor,
    )  # fmt: skip


def speaks_of_methods(D: np.ndarray | None, pair: set[str], deterministic: Collection[str]) -> bool:
    """Whether a difference (S, n) of a pair goes beyond these trained models: 3 seeds or more, or no seeds on either side."""
    return D is not None and (len(D) > 2 or pair <= set(deterministic))


def _changes(D: np.ndarray, deterministic: bool, level: float) -> tuple[Change, ...]:
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
    rows = tuple(m for m in ROWS if m > n)
    more_seeds = needed(seen, seeds, lambda s: detectable_difference(s, n, spread, level=level))
    more_rows = needed(seen, rows, lambda m: detectable_difference(S, m, spread, level=level))
    return tuple(Change(of, at) for of, at in ((MORE_SEEDS, more_seeds), (MORE_ROWS, more_rows)) if at)
