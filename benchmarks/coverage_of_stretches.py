"""How often intervals of spans found, answers and written texts hold the truth: simulated runs, as
`benchmarks.coverage` has them of labels.

A row's logit is level + item + own item + group + luck of the run. A span of a row is found with
that probability, and spans are made up where rows are hard; an answer is exact with it, else partly
right at times; a written text shares about that much with the given one. The truth is over all rows
and all runs: by Gauss-Hermite quadrature over luck, of 400,000 rows each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy import special

from tl_core.statistics.answers import answer_interval
from tl_core.statistics.crossed import difference_interval
from tl_core.statistics.design import PLAIN, Design, groups_of
from tl_core.statistics.pooled import pooled_interval
from tl_core.statistics.tags import f1, f1_interval, f1_pseudo

TRUE_ROWS, NODES = 400_000, 7
HIGH = (4.0,)  # nearly all is right
Rows = tuple[np.ndarray, ...]  # (S, n) each: hits and totals, or credit alone


@dataclass(frozen=True)
class Stretches:
    """One line of the table: runs of one arm (its mean) or of two (their difference)."""

    what: str  # "spans", "answers" or "written"
    S: int  # 1: nothing in a run is random
    n: int
    levels: tuple[float, ...]  # of each arm, on the logit scale
    group: int = 1  # rows of a text, or document
    seed_sd: float = 0.35

    @property
    def name(self) -> str:
        kind = "difference" if len(self.levels) == 2 else "mean"
        of = f", {self.n // self.group} groups of {self.group}" if self.group > 1 else ""
        few = f" near {truth(self):.2f}" if self.levels == HIGH else ""
        return f"{NAMES[self.what]}, {kind}{few}{of}{', no seeds' if self.S == 1 else ''}"


def spans(logit: np.ndarray, there: np.ndarray, rng: np.random.Generator) -> Rows:
    """Hits, and spans of gold plus spans found."""
    p = special.expit(logit)
    hits = rng.binomial(np.broadcast_to(there, p.shape), p)
    return hits, there + hits + rng.poisson(0.6 * (1 - p))


def answers(logit: np.ndarray, there: np.ndarray, rng: np.random.Generator) -> Rows:
    """Credit of an answer: much is exact or has nothing right."""
    exact = rng.random(logit.shape) < special.expit(logit)
    partly = rng.random(logit.shape) < 0.3 + 0.2 * np.tanh(logit)
    return (np.where(exact, 1.0, np.where(partly, rng.beta(2, 2, logit.shape), 0.0)),)


def written(logit: np.ndarray, there: np.ndarray, rng: np.random.Generator) -> Rows:
    """Credit of a text: nothing is all right or all wrong."""
    p = special.expit(logit / 2)
    return (rng.beta(6 * p, 6 * (1 - p)),)


MADE: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], Rows]] = {
    "spans": spans,
    "answers": answers,
    "written": written,
}
NAMES = {"spans": "span F1", "answers": "answer F1", "written": "ROUGE-L"}


def drawn(
    case: Stretches, n: int, luck: tuple[np.ndarray, ...], rng: np.random.Generator
) -> list[Rows]:
    """Rows of each arm, the same texts for all.

    Args:
        luck: of each arm's runs, (S, 1).
    """
    many = math.ceil(n / case.group)
    of = np.repeat(np.arange(many), case.group)[:n]
    hard = rng.standard_normal(n) + rng.standard_normal(many)[of]
    there = rng.poisson(rng.choice([0.3, 1.0, 3.0], n))
    return [
        MADE[case.what](
            level + hard + 0.7 * (rng.standard_normal(n) + rng.standard_normal(many)[of]) + own,
            there,
            rng,
        )
        for level, own in zip(case.levels, luck, strict=True)
    ]


def score(case: Stretches, rows: Rows) -> np.ndarray:
    """(S,) of each run."""
    return f1(*rows) if case.what == "spans" else rows[0].mean(-1)


@cache
def truth(case: Stretches) -> float:
    """The mean over all rows and runs, of two arms their difference."""
    rng = np.random.default_rng(12345)
    z, weight = np.polynomial.hermite_e.hermegauss(NODES)
    sd = 0.0 if case.S == 1 else case.seed_sd
    parts = [
        [
            float(score(case, rows)[0])
            for rows in drawn(case, TRUE_ROWS, (np.array([[sd * at]]),) * len(case.levels), rng)
        ]
        for at in z
    ]
    means = np.average(parts, axis=0, weights=weight)
    return float(means[-1] - (means[0] if len(means) == 2 else 0.0))


def held(case: Stretches, rng: np.random.Generator) -> bool:
    """Whether the interval of one simulated study holds the truth."""
    once = case.S == 1
    sd = 0.0 if once else case.seed_sd
    luck = tuple(sd * rng.standard_normal((case.S, 1)) for _ in case.levels)
    arms = drawn(case, case.n, luck, rng)
    how: dict[str, Any] = {"design": PLAIN}
    if case.group > 1:
        how = {"design": Design(groups_of((np.arange(case.n) // case.group).tolist()))}
    if len(arms) == 2:
        sides = [f1_pseudo(*rows) if case.what == "spans" else rows[0] for rows in arms]
        found = difference_interval(*sides, a_deterministic=once, b_deterministic=once, **how)
    elif case.what == "spans":
        found = f1_interval(*arms[0], deterministic=once, **how)
    elif case.what == "answers":
        found = answer_interval(arms[0][0], deterministic=once, **how)
    else:
        found = pooled_interval(arms[0][0].mean(-1), arms[0][0], deterministic=once, **how)
    return bool(found.low <= truth(case) <= found.high)


def share_held(case: Stretches, repetitions: int, seed: int = 0) -> float:
    """Share of simulated studies whose interval holds the truth."""
    rng = np.random.default_rng(seed)
    return float(np.mean([held(case, rng) for _ in range(repetitions)]))


STRETCHES = tuple(
    Stretches(what, S, n, levels, group)
    for what in MADE
    for S, n, group in ((5, 200, 1), (3, 1000, 1), (5, 300, 4), (5, 400, 20), (1, 300, 4))
    for levels in ((0.5,), (0.2, 0.6))
) + tuple(Stretches(what, S, 100, HIGH) for what in MADE for S in (5, 1))
