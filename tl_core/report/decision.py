"""Sections of the report that help to decide: what to do, when labelling pays, what it costs, what can be trusted."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Protocol

from tl_core.experiments.decision import Decision
from tl_core.experiments.decision.costs import Cost
from tl_core.experiments.decision.curves import Against
from tl_core.experiments.decision.quality import Quality
from tl_core.report import advice
from tl_core.report.pieces import Speaker, escaped, measured, named, section, tabled
from tl_core.report.words import limits, number
from tl_core.statistics.intervals import Interval
from tl_core.statistics.reliability import Reliability


class Decided(Speaker, Protocol):
    """A report with a decision."""

    decision: Decision


def advised(r: Decided) -> str:
    """What to do, and what to know before trusting it: inside the answer."""
    d = r.decision
    if d.advice is None:
        return ""
    told = "".join(f"<p>{escaped(s)}</p>" for s in advice.advice(d, r.language))
    doubts = "".join(f"<p class='doubt'>{escaped(s)}</p>" for s in advice.warnings(d, r.language))
    return f"<h3>{r.say('advice_head')}</h3>{told}{doubts}<p class='fine'>{escaped(advice.power(d.power, r.language))}</p>"


def decision_sections(r: Decided, figures: Collection[str]) -> list[str]:
    """Break-even, cost, and trust, in this order; nothing while nothing is finished."""
    return [_pays(r), _costs(r), _trust(r, figures)] if r.decision.advice else []


def reliability_points(r: Decided) -> dict[str, Reliability]:
    """Of the arm advised, its runner-up and the arms without labels it is held against."""
    d = r.decision
    if d.advice is None:
        return {}
    wanted = dict.fromkeys([d.advice.found.choice, d.advice.found.runner_up, *(x.other for x in d.break_even)])
    trusted = {q.arm: q.trust.points for q in d.quality if q.trust}
    return {arm: trusted[arm] for arm in wanted if arm in trusted}


# --- when labelling pays --------------------------------------------------------------------------------


def _pays(r: Decided) -> str:
    against = r.decision.break_even
    gains = "".join(f"<li>{escaped(advice.gain(g, r.decision.metric, r.language))}</li>" for g in r.decision.gains)
    more = f"<h3>{r.say('gains_head')}</h3><ul>{gains}</ul>" if gains else ""
    if not against:
        return section(r, "pays", f"<p>{r.say('pays_none')}</p>{more}")
    head = [r.say(k) for k in ("head_learner", "head_even", "head_even_limits", "head_sure", "head_in_words")]
    table = tabled(r, head, [_pays_row(r, x) for x in against], numbers={1, 2, 3}, kind="reasons")
    return section(r, "pays", f"<p class='fine'>{r.say('pays_note', level=against[0].other)}</p>{table}{more}")


def _pays_row(r: Decided, x: Against) -> tuple[str, ...]:
    said = escaped(advice.break_even(x, r.language))
    if x.found is None:
        return named(x.learner), "–", "–", "–", said
    value, low, high = (escaped(advice.labels(count, r.language)) for count in (x.found.value, x.found.low, x.found.high))
    return named(x.learner), value, f"{low} – {high}", number(x.found.sure_from or math.nan, 0), said


# --- what it costs --------------------------------------------------------------------------------------


def _costs(r: Decided) -> str:
    p = r.decision.prices
    keys = ["arm", "shots", "labels", "fit", "speed", "memory", *(["total"] if p.label else []), "front"]
    given = {name: "–" if price is None else f"{price:g}" for name, price in (("label", p.label), ("hour", p.hour), ("texts", p.texts))}
    note = r.say("costs_priced", **given) if p.label else r.say("costs_note")
    table = tabled(r, [r.say(f"head_{k}") for k in keys], [_cost_row(r, c) for c in r.decision.costs], numbers=set(range(1, len(keys) - 1)), kind="board")
    return section(r, "costs", f"<p class='fine'>{note}</p>{table}")


def _cost_row(r: Decided, c: Cost) -> tuple[str, ...]:
    total = [number(c.total, 2)] if c.total is not None else []
    mark = f"<span aria-hidden='true'>{'●' if c.could_be_front else '○'}</span> {r.say('yes' if c.could_be_front else 'no')}"
    memory = number(c.peak_bytes / 2**20, 0)
    return named(c.arm), _shots(r, c.shots), number(c.labels, 0), number(c.fit_seconds, 2), number(c.texts_a_second, 0), memory, *total, mark


# --- what can be trusted --------------------------------------------------------------------------------


def _trust(r: Decided, figures: Collection[str]) -> str:
    keys = ("arm", "shots", "accuracy", "macro_f1", "balanced_accuracy", "matthews", "nll", "brier", "gap", "ece", "ece_calibrated")
    rows = [_trust_row(r, q) for q in r.decision.quality]
    table = tabled(r, [r.say(f"head_{k}") for k in keys], rows, numbers=set(range(1, len(keys))), kind="board")
    drawn = ""
    if "reliability" in figures:
        place = f"<div class='plot' id='plot-reliability' role='img' aria-label='{r.say('reliability_head')}'></div>"
        drawn = f"<h3>{r.say('reliability_head')}</h3><p class='fine'>{r.say('reliability_note')}</p>{place}"
    return section(r, "trust", f"<p class='fine'>{r.say('trust_note')}</p>{table}{drawn}")


def _trust_row(r: Decided, q: Quality) -> tuple[str, ...]:
    shares = (measured(r, x) for x in (q.accuracy, q.macro_f1, q.balanced_accuracy))
    scores = (_score(q.matthews, 2), _score(q.nll, 3), _score(q.brier, 3))
    gap = "–" if q.gap is None else f"<b>{number(100 * q.gap.value)}</b><small>{escaped(limits(q.gap, r.language))}</small>"
    ece = ("–", "–")
    if q.trust:
        e = q.trust.error
        ece = f"<b>{number(100 * e.value)}</b>", f"{number(100 * e.calibrated_mean)}<small>≤ {number(100 * e.calibrated_95)}</small>"
    return named(q.arm), _shots(r, q.shots), *shares, *scores, gap, *ece


def _score(found: Interval | None, digits: int) -> str:
    if found is None:
        return "–"
    return f"<b>{number(found.value, digits)}</b><small>{number(found.low, digits)} – {number(found.high, digits)}</small>"


def _shots(r: Decided, shots: int | None) -> str:
    return r.say("shots_all") if shots is None else str(shots)
