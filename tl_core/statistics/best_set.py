"""The set of strategies that could be the best: multiple comparisons with the best (Hsu 1981),
Bonferroni form.

Ranks say too much: the observed best is partly lucky. Here a strategy is left out only if some
other one beats it by more than chance allows, so each truly best one is left out with a probability
of at most 1 - level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from tl_core.api.sentences import Sentence, say
from tl_core.statistics.crossed import crossed, matrix, p_value, paired
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.many_tests import holm


@dataclass(frozen=True, eq=False)
class Contender:
    """What is compared with others of its kind on the same test rows: an arm, or a line of a
    leaderboard.
    """

    id: str
    scores: np.ndarray  # (S, n), or (n,): any per-row score where more is better
    once: bool = False  # the same rows always give the same scores: there are no seeds
    overlap: float = 0.0  # labels / pool
    # of the rows of `scores`; None where no one knows them: then pairs are compared on the first
    # rows of both
    seeds: tuple[int, ...] | None = None
    usual: float = 0.0  # what draws of that many labels usually vary (`design.usual_variance`)

    def __post_init__(self):
        object.__setattr__(self, "scores", matrix(self.scores))

    @property
    def few(self) -> bool:
        """Whether its seeds are too few to tell how much they vary."""
        return not self.once and len(self.scores) < 3


class PairOptions(TypedDict):
    """Arguments of the statistics of a difference."""

    overlap: float
    usual: float


def pair_of(*sides: Contender) -> PairOptions:
    """What the statistics of a difference must know of its two sides, or of one side against a
    constant: the `overlap`, and the `usual` variance between draws, were the luck of the sides
    independent.
    """
    return PairOptions(
        overlap=max(x.overlap for x in sides), usual=sum((x.usual for x in sides), 0.0)
    )


def best_set(
    contenders: Sequence[Contender],
    *,
    level: float = 0.95,
    design: Design = PLAIN,
    points: float = 100.0,
) -> tuple[list[str], list[str]]:
    """Ids that could be the best, in the order given; and in sentences why the others could not,
    and what is in doubt.

    Pairs are compared on the seeds they share; trained ones that share one or two are compared on
    the rows alone, and a sentence says so.

    Args:
        contenders: with scores of the same rows everywhere.
        design: which rows belong together, and how much draws vary in this study.
        points: what 1 is in the sentences: 100 for a share, the length of the scale for ratings.
    """
    tail = simultaneous_tail(len(contenders), level)
    stays: list[str] = []
    reasons: list[str] = []
    few: set[str] = set()
    apart: set[tuple[str, ...]] = set()
    for a in contenders:
        beaten: list[tuple[float, float, str]] = []
        for b in contenders:
            if a is b:
                continue
            D = difference(a, b)
            if D is None:
                apart.add(tuple(sorted((a.id, b.id))))
                continue
            if len(D) < 3:
                trained = [x for x in (a, b) if not x.once]
                few |= {x.id for x in trained if x.few} or {x.id for x in trained}
            c = crossed(D, design=design, **pair_of(a, b))
            margin = c.half_width_at_tail(tail)
            if c.mean > margin:
                beaten.append((c.mean - margin, c.mean, b.id))
        if beaten:
            reasons.append(_why_out(a.id, *max(beaten), points))
        else:
            stays.append(a.id)
    reasons += [
        say("{a} and {b} were not compared: they share no seed.", a=i, b=j)
        for i, j in sorted(apart)
    ]
    reasons += [
        say(
            "The variation between seeds of {arm} is unknown in some comparisons, which had fewer"
            " than 3 seeds: they speak of these trained models, not of the strategy. Run 3 seeds"
            " or more.",
            arm=x.id,
        )
        for x in contenders
        if x.id in few
    ]
    return stays, reasons


def _why_out(loser: str, least: float, mean: float, winner: str, points: float) -> Sentence:
    return say(
        "{loser} is left out: {winner} is {mean:.2f} points better, at least"
        " {least:.2f} points with chance allowed for.",
        loser=loser,
        winner=winner,
        mean=points * mean,
        least=points * least,
    )


def strict_best_set(
    contenders: Sequence[Contender], *, level: float = 0.95, design: Design = PLAIN
) -> list[str]:
    """Ids not beaten by any other, such that with a probability of `level` none that is as good as
    the best is left out.

    `best_set` promises that of each truly best one, so with many of them it leaves some out; this
    one of all together: Holm over all pairs. It keeps more. Pairs that share no seed count as not
    distinguished.
    """
    return not_beaten(contenders, pair_p_values(contenders, design=design), level)


def not_beaten(
    contenders: Sequence[Contender], p: Mapping[tuple[str, str], float], level: float
) -> list[str]:
    """Ids that no other one beats at a level, by `pair_p_values`."""
    beaten = {worse for (_, worse), value in p.items() if value < 1 - level}
    return [x.id for x in contenders if x.id not in beaten]


def pair_p_values(
    contenders: Sequence[Contender], *, design: Design = PLAIN
) -> dict[tuple[str, str], float]:
    """(better, worse by observed mean) -> two-sided p of their difference, Holm over all pairs."""
    pairs: list[tuple[str, str]] = []
    p: list[float] = []
    for k, a in enumerate(contenders):
        for b in contenders[k + 1 :]:
            D = difference(a, b)
            pairs.append((a.id, b.id) if D is None or D.mean() < 0 else (b.id, a.id))
            p.append(1.0 if D is None else p_value(D, design=design, **pair_of(a, b)))
    return dict(zip(pairs, holm(np.array(p)).tolist()))


def simultaneous_tail(arms: int, level: float = 0.95) -> float:
    """Probability left above each limit of the difference of one of so many arms and the best, all
    of them together (Bonferroni).

    An interval at this tail holds 0 exactly where neither arm puts the other out of the best set.
    """
    return (1 - level) / 2 / max(arms - 1, 1)


def difference(a: Contender, b: Contender) -> np.ndarray | None:
    """Scores of b minus those of a on the seeds both have, (S, n); None where there is none."""
    of_a, of_b = a.scores, b.scores
    if not a.once and not b.once:
        if a.seeds is None or b.seeds is None:
            common = min(len(of_a), len(of_b))
            of_a, of_b = of_a[:common], of_b[:common]
        else:
            shared = sorted(set(a.seeds) & set(b.seeds))
            if not shared:
                return None
            of_a = of_a[[a.seeds.index(s) for s in shared]]
            of_b = of_b[[b.seeds.index(s) for s in shared]]
    return paired(of_a, of_b, a_deterministic=a.once, b_deterministic=b.once)
