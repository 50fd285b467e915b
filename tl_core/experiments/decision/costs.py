"""What every line costs, and which lines no cheaper one beats. Without prices: in labels, then in seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tl_core.errors import raise_all
from tl_core.experiments.decision.lines import Line
from tl_core.statistics import cost

HOUR = 3600.0


@dataclass(frozen=True)
class Prices:
    """In one currency; None: unknown.

    Raises:
        UserError: a price that is none, or one without what it needs.
    """

    label: float | None = None
    hour: float | None = None  # of the machine that trains and predicts
    texts: float | None = None  # how many are to be labelled in a month

    def __post_init__(self):
        named = (("The price of a label", self.label), ("The price of an hour", self.hour), ("The number of texts a month", self.texts))
        faults = [
            f"{what} is {value:g}; it must be a number above 0. Leave it out if it is not known."
            for what, value in named
            if value is not None and not (value > 0 and math.isfinite(value))
        ]
        if self.hour is not None and self.label is None:
            faults.append("Without the price of a label the sum would leave out what costs most. Give it as well.")
        if self.texts is not None and self.hour is None:
            faults.append("Texts a month cost the time of a machine: give the price of an hour as well.")
        raise_all(faults)


@dataclass(frozen=True)
class Cost:
    """One line of the cost table."""

    arm: str
    shots: int | None
    labels: float
    fit_seconds: float  # once, all trials
    texts_a_second: float
    peak_bytes: float
    asks_endpoint: bool  # what an endpoint charges is not in any of these
    total: float | None  # labels, training and a month of texts; None without prices
    front: bool  # no other line is as cheap and better, as far as means tell
    could_be_front: bool  # none as cheap is better by more than chance allows


def cost_table(lines: Sequence[Line], prices: Prices) -> tuple[Cost, ...]:
    """In the order of the lines."""
    place = dict(zip((x.name for x in lines), ranks(lines, prices)))
    doubt = cost.could_be_on_front(
        place,
        {x.name: x.per_row for x in lines},
        {x.name for x in lines if x.once},
        overlap={x.name: x.overlap for x in lines},
        seeds={x.name: x.cell.seeds for x in lines},
    )
    front = cost.pareto(np.array([place[x.name] for x in lines]), np.array([x.mean for x in lines]))
    return tuple(_cost(x, prices, bool(on), x.name in doubt) for x, on in zip(lines, front))


def ranks(lines: Sequence[Line], prices: Prices) -> list[int]:
    """Places from the cheapest up, equal ones alike: all that a choice by cost needs."""
    paid = [(x.cell.labels, x.cell.fit_seconds + x.cell.predict_seconds) if prices.label is None else (total(x, prices),) for x in lines]
    order = sorted(set(paid))
    return [order.index(p) for p in paid]


def total(line: Line, prices: Prices) -> float | None:
    """Labels, training once, and a month of texts; None without prices."""
    if prices.label is None:
        return None
    hour, texts = prices.hour or 0.0, prices.texts or 0.0
    per_text = line.cell.predict_seconds / len(line.gold) / HOUR
    return cost.total_cost(line.cell.labels, line.cell.fit_seconds / HOUR, texts, cost.Prices(prices.label, hour, hour * per_text))


def _cost(line: Line, prices: Prices, front: bool, could: bool) -> Cost:
    c = line.cell
    speed = len(line.gold) / c.predict_seconds if c.predict_seconds > 0 else math.inf
    asks = any(r.budget.get("requests") for r in line.results)
    return Cost(c.arm, c.shots, c.labels, c.fit_seconds, speed, c.peak_bytes, asks, total(line, prices), front, could)
