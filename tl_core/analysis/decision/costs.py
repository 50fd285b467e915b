"""Cost of every entry, and the entries no cheaper one beats. Without prices: in labels, then in
seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tl_core.analysis.decision.entries import Entry
from tl_core.api.errors import raise_all
from tl_core.api.sentences import say
from tl_core.statistics import cost

HOUR = 3600.0
MONTH = 30 * 24 * HOUR
MILLION = 1e6
SAME_SECONDS, SAME_TOTAL = (
    2.0,
    1.1,
)  # times: measured seconds vary by that much from run to run, so what lies within is as cheap


@dataclass(frozen=True)
class Prices:
    """The prices of labels, machine hours and tokens, in one currency; None: unknown.

    Raises:
        UserError: a price that is none, or one without what it needs.
    """

    label: float | None = None
    hour: float | None = None  # of the machine that trains and predicts
    texts: float | None = None  # how many are to be labelled in a month
    tokens: tuple[float, float] | None = (
        None  # what an endpoint takes for a million tokens in, and out
    )

    def __post_init__(self):
        named = (
            (say("The price of a label"), self.label),
            (say("The price of an hour"), self.hour),
            (say("The number of texts a month"), self.texts),
        )
        faults = [
            say(
                "{what} is {value:g}; it must be a number above 0. Leave it out if it is not"
                " known.",
                what=what,
                value=value,
            )
            for what, value in named
            if value is not None and not (value > 0 and math.isfinite(value))
        ]
        if self.hour is not None and self.label is None:
            faults.append(
                say(
                    "Without the price of a label the sum would leave out what costs most. Give"
                    " it as well."
                )
            )
        if self.texts is not None and self.hour is None:
            faults.append(
                say("Texts a month cost the time of a machine: give the price of an hour as well.")
            )
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
    # (median, 95th percentile) of the seconds to an answer for one text; None: not measured
    alone_seconds: tuple[float, float] | None
    machines: int | None  # as this one, for the texts of a month, evenly spread; None: no texts
    asks_endpoint: bool
    total: (
        float | None
        # labels, training and a month of texts, tokens of an endpoint included; None where a price
        # is missing
    )
    front: bool  # no other line is as cheap and better, as far as means tell
    could_be_front: bool  # none as cheap is better by more than chance allows


def cost_table(lines: Sequence[Entry], prices: Prices) -> tuple[Cost, ...]:
    """Return the costs in the order of the lines."""
    place = dict(zip((x.name for x in lines), ranks(lines, prices)))
    doubt = cost.could_be_on_front(
        [x.candidate(x.name, place[x.name]) for x in lines], design=lines[0].design
    )
    front = cost.pareto(np.array([place[x.name] for x in lines]), np.array([x.mean for x in lines]))
    return tuple(_cost(x, prices, bool(on), x.name in doubt) for x, on in zip(lines, front))


def ranks(lines: Sequence[Entry], prices: Prices) -> list[float]:
    """Places from the cheapest up, equal ones alike: all that a choice by cost needs. Infinite
    where the cost is not known.
    """
    priced = [x for x in lines if known(x, prices)]
    if prices.label is None:
        alike = {
            n: _alike([_seconds(x) for x in priced if x.cell.labels == n], SAME_SECONDS)
            for n in {x.cell.labels for x in priced}
        }
        cost: dict[str, tuple[float, ...]] = {
            x.name: (x.cell.labels, alike[x.cell.labels][_seconds(x)]) for x in priced
        }
    else:
        totals = {x.name: paid for x in priced if (paid := total(x, prices)) is not None}
        of_total = _alike(list(totals.values()), SAME_TOTAL)
        cost = {name: (of_total[paid],) for name, paid in totals.items()}
    order = sorted(set(cost.values()))
    return [order.index(cost[x.name]) if x.name in cost else math.inf for x in lines]


def known(line: Entry, prices: Prices) -> bool:
    """Whether it is known what the line costs: an endpoint charges for every text, so its prices
    and the texts have to be given.
    """
    return not asks(line) or (
        None not in (prices.label, prices.tokens, prices.texts) and "tokens_in" in line.cell.budget
    )


def asks(line: Entry) -> bool:
    """Whether it asks an endpoint, whose time and price are somebody else's."""
    return bool(line.cell.budget.get("requests"))


def _seconds(line: Entry) -> float:
    return line.cell.fit_seconds + a_text(line) * len(line.gold)


def a_text(line: Entry) -> float:
    """Seconds for one text: never read before, the model in memory, where that was measured; else
    as the test rows took.
    """
    warm = line.cell.text_seconds
    return line.cell.predict_seconds / len(line.gold) if warm is None else warm


def machines_for(texts: float, a_text: float) -> int:
    """How many machines label so many texts a month, evenly spread and in batches.

    Args:
        a_text: seconds that a text takes on one of them.
    """
    return max(1, math.ceil(texts * a_text / MONTH))


def _alike(costs: Sequence[float], times: float) -> dict[float, int]:
    """The class of each cost: the cheapest, and what costs at most so many times as much, are
    alike; and so on with the rest.
    """
    classes: dict[float, int] = {}
    start, of = -math.inf, -1
    for c in sorted(set(costs)):
        if c > start * times or of < 0:
            start, of = c, of + 1
        classes[c] = of
    return classes


def total(line: Entry, prices: Prices) -> float | None:
    """Labels, training once, and a month of texts with what an endpoint takes for them; None where
    a price is missing.
    """
    if prices.label is None or not known(line, prices):
        return None
    hour, texts = prices.hour or 0.0, prices.texts or 0.0
    if asks(line):  # the machine that answers is the endpoint's
        assert prices.tokens is not None  # or its cost were not known
        spent, rows = line.cell.budget, len(line.gold)
        paid = [
            spent.get(way, 0.0) * price
            for way, price in zip(("tokens_in", "tokens_out"), prices.tokens)
        ]
        each = sum(paid) / MILLION / rows
        return cost.total_cost(line.cell.labels, 0.0, texts, cost.Prices(prices.label, hour, each))
    per_text = a_text(line) / HOUR
    return cost.total_cost(
        line.cell.labels,
        line.cell.fit_seconds / HOUR,
        texts,
        cost.Prices(prices.label, hour, hour * per_text),
    )


def _cost(line: Entry, prices: Prices, front: bool, could: bool) -> Cost:
    c = line.cell
    speed = 1 / a_text(line) if a_text(line) > 0 else math.inf
    return Cost(
        c.arm,
        c.shots,
        c.labels,
        c.fit_seconds,
        speed,
        c.peak_bytes,
        c.alone_seconds,
        None if prices.texts is None or asks(line) else machines_for(prices.texts, a_text(line)),
        asks(line),
        total(line, prices),
        front,
        could,
    )
