"""The recommended arm, as data, and never stronger than the statistics.

A winner is named only if it is alone in the strict best set and seeds were enough to judge
methods. Otherwise cost decides, but only among arms that could be the best *and* scored about as
much as the leader: a cheap arm that looks clearly worse is not recommended because a small study
could not prove it. Nothing is recommended that is not shown to beat one answer for all texts. The
sentences are made elsewhere, of these fields.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tl_core.statistics.best_set import (
    Contender,
    best_set,
    difference,
    not_beaten,
    pair_of,
    pair_p_values,
    simultaneous_tail,
)
from tl_core.statistics.crossed import equivalence_margin, exceeds, interval_of
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import Interval
from tl_core.statistics.power import Spread, detectable_difference, needed, spread_of

# why an arm is advised
WINNER = "alone in the strict best set"
AS_GOOD_AND_CHEAPER = "shown to be as good within the margin, and cheaper"
CHEAPEST_OF_CLOSE = (
    "cheapest of those that could be the best and scored about as much as the leader"
)
LEADS = "scored highest, and no other that could be the best comes close"
ALONE = "the only one that could be the best, but not shown to be the winner"
NOT_ABOVE = "no arm is shown to score more than one answer for all"
ONLY_ONE = "only one arm was run"
UNFINISHED = "runs that were asked for are missing"  # set by whoever knows what was asked for
NO_ADVICE = (
    NOT_ABOVE,
    ONLY_ONE,
    UNFINISHED,
)  # of these the choice is who scored highest, and no advice

MORE_SEEDS, MORE_ROWS = "seeds", "test rows"
ROUNDING = 1e-9  # two sums of the same scores may differ by less
CLOSE = 0.03  # scores that differ by this much or less are about the same, unless a margin is given
SEEDS = (5, 10, 20, 40)
ROWS = (200, 500, 1000, 2000, 5000, 10000)


@dataclass(frozen=True, eq=False)
class Candidate(Contender):
    """An arm that may be recommended."""

    # in one currency, or a place from the cheapest up; infinite where it is not known: such an arm
    # is never recommended for being cheap
    cost: float = math.inf
    failed: bool = False  # some of its runs failed to train

    @cached_property
    def mean(self) -> float:
        """Return its mean over seeds and rows."""
        return float(self.scores.mean())


@dataclass(frozen=True)
class Change:
    """The number of seeds, or test rows, `at` which the difference seen would be found with a
    probability of .8, were it the true one.
    """

    of: str  # MORE_SEEDS or MORE_ROWS
    at: int


@dataclass(frozen=True)
class Recommendation:
    """The arm to use and why; ids are those of the arms."""

    choice: str
    why: str  # one of the codes above; of those in NO_ADVICE the choice is only who scored highest
    winner: str | None  # the only one a person may be told is the best
    leader: str  # highest observed mean, of which part is luck
    runner_up: (
        str | None
        # highest observed mean among the others than the choice; of those that could be the best,
        # where there are any
    )
    difference: (
        Interval | None
        # choice minus runner-up, paired, for as many comparisons as arms; None where they share no
        # seed
    )
    p: float | None  # of that difference, Holm over all pairs
    best: tuple[str, ...]  # could be the best
    strict: tuple[str, ...]  # the same with no tied arm left out
    as_good: tuple[str, ...]  # shown to be as good as the leader within the margin
    doubted: tuple[
        str, ...
    ]  # arms whose seeds are too few, or whose runs failed: they speak of these trained models
    changes: tuple[
        Change, ...
    ]  # what would tell choice and runner-up apart; empty where they are, or nothing would
    floor: float | None  # what one answer for all reaches, where it was given
    above: tuple[str, ...]  # shown to score more than it
    leads_floor: bool  # whether the leader scored more than it at all, shown or not

    @property
    def advised(self) -> bool:
        """Whether the choice is advice at all."""
        return self.why not in NO_ADVICE


def recommend(
    candidates: Sequence[Candidate],
    *,
    margin: float | None = None,
    floor: np.ndarray | None = None,
    level: float = 0.95,
    design: Design = PLAIN,
) -> Recommendation:
    """Weigh arms by their scores and by their cost.

    Args:
        margin: how much less good is as good, on the scale of the scores; None: nothing is shown to
            be.
        floor: (n,) scores of the best single answer for all texts.
        design: as in `best_set`.
    """
    if not candidates:
        raise ValueError("There is no arm to recommend.")
    arms = {x.id: x for x in candidates}
    leader = max(candidates, key=lambda x: (x.mean, -x.cost))
    reached = None if floor is None else float(np.mean(floor))
    tail = (1 - level) / 2 / len(arms)
    above = tuple(
        x
        for x in candidates
        if floor is None or exceeds(x.scores - floor, tail=tail, design=design, **pair_of(x))
    )
    doubted = tuple(x.id for x in candidates if x.failed or x.few)
    leads_floor = reached is None or leader.mean > reached + ROUNDING
    if len(arms) == 1:
        why = ONLY_ONE if above else NOT_ABOVE
        return Recommendation(
            leader.id,
            why,
            None,
            leader.id,
            None,
            None,
            None,
            (leader.id,),
            (leader.id,),
            (),
            doubted,
            (),
            reached,
            _ids(above),
            leads_floor,
        )

    best, _ = best_set(candidates, level=level, design=design)
    p = pair_p_values(candidates, design=design)
    strict = tuple(not_beaten(candidates, p, level))

    # of methods only: comparisons of the leader in which seeds were enough
    clear = [
        (x, D)
        for x in candidates
        if x is not leader
        and (D := difference(leader, x)) is not None
        and speaks_of_methods(D, leader, x)
    ]
    winner = (
        leader.id
        if strict == (leader.id,)
        and not doubted
        and len(clear) == len(arms) - 1
        and leader in above
        else None
    )
    alpha = (1 - level) / (
        len(arms) - 1
    )  # the leader is picked by what was seen, so each could be compared with it
    as_good = [
        x
        for x, D in clear
        if x in above
        and margin is not None
        and not {leader.id, x.id} & set(doubted)
        and equivalence_margin(D, alpha=alpha, design=design, **pair_of(leader, x)) < margin
    ]

    could_be = [arms[id] for id in best] or [leader]  # on unlike seeds each may be beaten
    close = [
        x
        for x in could_be
        if x in above and leader.mean - x.mean <= (CLOSE if margin is None else margin)
    ]
    affordable = [x for x in close if math.isfinite(x.cost)]
    if not above:
        choice, why = leader, NOT_ABOVE
    elif as_good and _cheapest(as_good).cost < leader.cost:
        choice, why = _cheapest(as_good), AS_GOOD_AND_CHEAPER
    elif winner:
        choice, why = leader, WINNER
    elif affordable and (len(close) > 1 or leader not in above):
        choice, why = _cheapest(affordable), CHEAPEST_OF_CLOSE
    elif (
        leader not in above
    ):  # who scored highest may have done so by chance, and no one who surely did not comes close
        choice, why = leader, NOT_ABOVE
    else:
        choice, why = leader, ALONE if best == [leader.id] else LEADS
    others = [x for x in candidates if x is not choice]
    runner_up = max(
        [x for x in others if x.id in best] or others, key=lambda x: x.mean
    )  # who could be the best comes before who could not
    value = p.get((choice.id, runner_up.id), p.get((runner_up.id, choice.id)))
    D = difference(runner_up, choice)
    prompts = choice.once and runner_up.once
    told_apart = value is not None and value < 1 - level and speaks_of_methods(D, choice, runner_up)
    together = 1 - 2 * simultaneous_tail(len(arms), level)
    return Recommendation(
        choice.id,
        why,
        winner,
        leader.id,
        runner_up.id,
        (
            None
            if D is None
            else interval_of(
                D,
                deterministic=prompts,
                level=together,
                design=design,
                **pair_of(choice, runner_up),
            )
        ),
        value,
        tuple(best),
        strict,
        _ids(as_good),
        doubted,
        () if D is None or told_apart else _changes(D, prompts, together, design),
        reached,
        _ids(above),
        leads_floor,
    )


def _cheapest(candidates: Iterable[Candidate]) -> Candidate:
    return min(candidates, key=lambda x: (x.cost, -x.mean))


def _ids(candidates: Iterable[Candidate]) -> tuple[str, ...]:
    return tuple(x.id for x in candidates)


def speaks_of_methods(D: np.ndarray | None, a: Contender, b: Contender) -> bool:
    """Whether a difference (S, n) of a pair goes beyond these trained models: 3 seeds or more, or
    no seeds on either side.
    """
    return D is not None and (len(D) > 2 or (a.once and b.once))


def _changes(
    D: np.ndarray, deterministic: bool, level: float, design: Design
) -> tuple[Change, ...]:
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
    more_rows = needed(
        seen,
        [m for m in ROWS if m > rows],
        lambda m: detectable_difference(S, round(m * n / rows), spread, level=level),
    )
    return tuple(
        Change(of, at) for of, at in ((MORE_SEEDS, more_seeds), (MORE_ROWS, more_rows)) if at
    )
