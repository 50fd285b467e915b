"""Total cost of an arm, and the arms no cheaper one beats.

    C = price of a label * labels + price of an hour * hours of training, all trials + N * price of
    a prediction

in one currency, which the caller chooses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tl_core.statistics.best_set import difference, pair_of, simultaneous_tail
from tl_core.statistics.crossed import crossed
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.recommendation import Candidate


@dataclass(frozen=True)
class Prices:
    """The prices of labels, machine hours and predictions, in one currency."""

    label: float
    hour: float  # of the machine that trains
    prediction: float  # of one text, by this arm


def total_cost(labels: float, hours: float, predictions: float, prices: Prices) -> float:
    """C for one arm: labels bought, hours of training, and N texts to be labelled with it."""
    return prices.label * labels + prices.hour * hours + prices.prediction * predictions


def equal_cost_at(fixed_a: float, each_a: float, fixed_b: float, each_b: float) -> float | None:
    """Predictions at which arms a and b cost the same: below it the one with the smaller fixed cost
    is cheaper.

    fixed: labels and hours; each: one prediction. None where one is never dearer.
    """
    if each_a == each_b:
        return None
    n = (fixed_b - fixed_a) / (each_a - each_b)
    return n if n > 0 and math.isfinite(n) else None


def pareto(cost: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(M,) bool: no other arm is as cheap and better, or cheaper and as good. score: more is
    better.
    """
    cost, score = np.asarray(cost, float), np.asarray(score, float)
    no_dearer, no_worse = cost[:, None] <= cost, score[:, None] >= score  # [i, j]: i against j
    better = (cost[:, None] < cost) | (score[:, None] > score)
    return ~np.asarray((no_dearer & no_worse & better).any(0))


def could_be_on_front(
    candidates: Sequence[Candidate], *, level: float = 0.95, design: Design = PLAIN
) -> list[str]:
    """Ids that no arm as cheap beats by more than chance allows (Bonferroni over those arms): the
    front with its doubt.

    Costs are taken as they are, scores as a sample. Other arguments as in `best_set`.
    """
    front = []
    for x in candidates:
        rivals = [y for y in candidates if y is not x and y.cost <= x.cost]
        tail = simultaneous_tail(len(rivals) + 1, level)
        beaten = False
        for y in rivals:
            D = difference(x, y)
            if D is not None:
                c = crossed(D, design=design, **pair_of(x, y))
                beaten |= c.mean > c.half_width_at_tail(tail)
        if not beaten:
            front.append(x.id)
    return front
