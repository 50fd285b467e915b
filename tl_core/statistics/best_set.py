"""Which strategies could be the best: multiple comparisons with the best (Hsu 1981), Bonferroni form.

Ranks say too much: the observed best is partly lucky. Here a strategy is left out only if some other one beats it
by more than chance allows, so each truly best one is left out with a probability of at most 1 - level.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from tl_core.statistics.crossed import crossed, matrix, p_value, paired
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.many_tests import holm


def best_set(
    scores: Mapping[str, np.ndarray],
    deterministic: Collection[str] = frozenset(),
    *,
    overlap: Mapping[str, float] | float = 0.0,
    level: float = 0.95,
    seeds: Mapping[str, tuple[int, ...]] | None = None,
    design: Design = PLAIN,
    usual: Mapping[str, float] | None = None,
) -> tuple[list[str], list[str]]:
    """Ids that could be the best, in the order given; and in sentences why the others could not, and what is in doubt.

    scores: id -> (S_j, n) of any per-row score where more is better, same rows everywhere. seeds: the seeds of each
    one's rows; pairs are compared on those they share (without it: on the first rows of both). Pairs of trained
    strategies that share one or two seeds are compared on the rows alone, and a sentence says so. overlap: labels /
    pool, for all or by id. design: which rows belong together, and how much draws vary in this study; usual: by id, what
    draws of that many labels usually vary (`design.usual_variance`).
    """
    ids = list(scores)
    arms = {j: matrix(scores[j]) for j in ids}
    shares = overlap if isinstance(overlap, Mapping) else dict.fromkeys(ids, overlap)
    tail = simultaneous_tail(len(ids), level)
    stays, reasons, few, apart = [], [], set(), set()
    for j in ids:
        beaten: list[tuple[float, float, str]] = []
        for i in ids:
            if i == j:
                continue
            D = difference(j, i, arms, deterministic, seeds)
            if D is None:
                apart.add(tuple(sorted((i, j))))
                continue
            if len(D) < 3:
                trained = {i, j} - set(deterministic)
                few |= {k for k in trained if len(arms[k]) < 3} or trained
            c = crossed(D, overlap=max(shares.get(i, 0.0), shares.get(j, 0.0)), design=design, usual=usual_of((i, j), usual))
            margin = c.half_width_at_tail(tail)
            if c.mean > margin:
                beaten.append((c.mean - margin, c.mean, i))
        if beaten:
            least, mean, i = max(beaten)
            reasons.append(
                f"{j} is left out: {i} scores {mean:.3f} more, at least {least:.3f} more with chance allowed for."
            )
        else:
            stays.append(j)
    reasons += [f"{i} and {j} were not compared: they share no seed." for i, j in sorted(apart)]
    reasons += [
        f"Seed variation of {j} is unknown in some comparisons, which had fewer than 3 seeds: "
        "they speak of these trained models, not of the strategy. Run 3 seeds or more."
        for j in ids
        if j in few
    ]
    return stays, reasons


def strict_best_set(
    scores: Mapping[str, np.ndarray],
    deterministic: Collection[str] = frozenset(),
    *,
    overlap: Mapping[str, float] | float = 0.0,
    level: float = 0.95,
    seeds: Mapping[str, tuple[int, ...]] | None = None,
    design: Design = PLAIN,
    usual: Mapping[str, float] | None = None,
) -> list[str]:
    """Ids not beaten by any other, such that with a probability of `level` none that is as good as the best is left out.

    `best_set` promises that of each truly best one, so with many of them it leaves some out; this one of all together:
    Holm over all pairs. It keeps more. Arguments as there; pairs that share no seed count as not told apart.
    """
    p = pair_p_values(scores, deterministic, overlap=overlap, seeds=seeds, design=design, usual=usual)
    beaten = {worse for (better, worse), value in p.items() if value < 1 - level}
    return [j for j in scores if j not in beaten]


def pair_p_values(
    scores: Mapping[str, np.ndarray],
    deterministic: Collection[str] = frozenset(),
    *,
    overlap: Mapping[str, float] | float = 0.0,
    seeds: Mapping[str, tuple[int, ...]] | None = None,
    design: Design = PLAIN,
    usual: Mapping[str, float] | None = None,
) -> dict[tuple[str, str], float]:
    """(better, worse by observed mean) -> two-sided p of their difference, Holm over all pairs. Arguments as in `best_set`."""
    ids = list(scores)
    arms = {j: matrix(scores[j]) for j in ids}
    shares = overlap if isinstance(overlap, Mapping) else dict.fromkeys(ids, overlap)
    pairs, p = [], []
    for k, j in enumerate(ids):
        for i in ids[k + 1 :]:
            D = difference(j, i, arms, deterministic, seeds)
            pairs.append((j, i) if D is None or D.mean() < 0 else (i, j))
            options = {"design": design, "usual": usual_of((i, j), usual)}
            p.append(1.0 if D is None else p_value(D, overlap=max(shares.get(i, 0.0), shares.get(j, 0.0)), **options))
    return dict(zip(pairs, holm(np.array(p)).tolist()))


def simultaneous_tail(arms: int, level: float = 0.95) -> float:
    """Probability left above each limit of the difference of one of so many arms and the best, all of them together (Bonferroni).

    An interval at this tail holds 0 exactly where neither arm puts the other out of the best set.
    """
    return (1 - level) / 2 / max(arms - 1, 1)


def usual_of(pair: tuple[str, str], usual: Mapping[str, float] | None) -> float:
    """The variance between draws to be expected of a difference, were the luck of both sides independent."""
    return sum((usual or {}).get(j, 0.0) for j in pair)


def difference(
    j: str,
    i: str,
    arms: Mapping[str, np.ndarray],
    deterministic: Collection[str],
    seeds: Mapping[str, tuple[int, ...]] | None,
) -> np.ndarray | None:
    """Scores of i minus those of j on the seeds both have, (S, n); None where there is none."""
    a, b = arms[j], arms[i]
    if j not in deterministic and i not in deterministic:
        if seeds is None:
            common = min(len(a), len(b))
            a, b = a[:common], b[:common]
        else:
            shared = sorted(set(seeds[j]) & set(seeds[i]))
            if not shared:
                return None
            a, b = (arm[[seeds[k].index(s) for s in shared]] for k, arm in ((j, a), (i, b)))
    return paired(a, b, a_deterministic=j in deterministic, b_deterministic=i in deterministic)
