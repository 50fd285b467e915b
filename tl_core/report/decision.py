"""Sections of the report that help to decide: what to do, when labelling pays, what it costs, what can be trusted."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from tl_core.experiments.compare import Comparison
from tl_core.experiments.decision import Decision
from tl_core.experiments.decision.costs import Cost
from tl_core.experiments.decision.curves import Against
from tl_core.experiments.decision.quality import Quality, Trust
from tl_core.report import advice
from tl_core.report.pieces import Speaker, escaped, measured, named, section, tabled
from tl_core.report.words import limits, number, say
from tl_core.statistics.intervals import Interval


class Decided(Speaker, Protocol):
    """Whoever tells a decision: the report, or the page."""

    decision: Decision


@dataclass(frozen=True)
class Told:
    """A decision in a language: all that the tables here need."""

    decision: Decision
    language: str

    def say(self, key: str, **values: object) -> str:
        """A fixed text, escaped with its values."""
        return escaped(say(self.language, key, **values))


def advised(r: Decided) -> str:
    """What to do, and what to know before trusting it: inside the answer."""
    d = r.decision
    if d.advice is None:
        return ""
    told = "".join(f"<p>{escaped(s)}</p>" for s in advice.advice(d, r.language))
    doubts = "".join(f"<p class='doubt'>{escaped(s)}</p>" for s in advice.warnings(d, r.language))
    return f"{told}{doubts}<p class='fine'>{escaped(advice.power(d.power, r.language))}</p>"


def decision_sections(r: Decided, figures: Collection[str]) -> list[str]:
    """Break-even, cost, and trust, in this order; nothing while nothing is finished."""
    if r.decision.advice is None:
        return []
    return [_pays(r), section(r, "costs", _drawn(r, figures, "pareto") + costs_table(r)), section(r, "trust", trust_table(r) + _drawn(r, figures, "reliability", "risk"))]


def decision_figures(decision: Decision, comparison: Comparison, language: str) -> dict[str, Any]:
    """Plotly figures by the id of their place in the report."""
    from tl_core.report import decision_figures as drawn
    from tl_core.report import figures

    if decision.advice is None:
        return {}
    made = {"pareto": drawn.pareto(decision.costs, comparison, language=language)}
    if trusted := shown_trust(decision):
        made["reliability"] = figures.reliability({arm: t.points for arm, t in trusted.items()}, language=language)
        made["risk"] = drawn.risk_coverage(trusted, language=language)
    return made


def shown_trust(decision: Decision) -> dict[str, Trust]:
    """Of the arm advised, its runner-up and the arms without labels it is held against: what a picture has room for."""
    found = decision.advice.found
    wanted = dict.fromkeys([found.choice, found.runner_up, *(x.other for x in decision.break_even)])
    trusted = {q.arm: q.trust for q in decision.quality if q.trust}
    return {arm: trusted[arm] for arm in wanted if arm in trusted}


# --- when labelling pays --------------------------------------------------------------------------------


def _pays(r: Decided) -> str:
    against = r.decision.break_even
    gains = "".join(f"<li>{escaped(s)}</li>" for s in advice.gains(r.decision, r.language))
    more = f"<h3>{r.say('gains_head')}</h3><ul>{gains}</ul>" if gains else ""
    if not against:
        return section(r, "pays", f"<p>{r.say('pays_none')}</p>{more}")
    return section(r, "pays", f"{pays_table(r)}{more}")


def pays_table(r: Decided) -> str:
    """Every arm that learns against the best one without labels; there must be one."""
    against = r.decision.break_even
    head = [r.say(k) for k in ("head_learner", "head_even", "head_even_limits", "head_sure", "head_in_words")]
    table = tabled(r, head, [_pays_row(r, x) for x in against], numbers={1, 2, 3}, kind="reasons")
    return f"<p class='fine'>{r.say('pays_note', level=against[0].other)}</p>{table}"


def _pays_row(r: Decided, x: Against) -> tuple[str, ...]:
    said = escaped(advice.break_even(x, r.language))
    if x.found is None:
        return named(x.learner), "–", "–", "–", said
    value, low, high = (escaped(advice.labels(count, r.language)) for count in (x.found.value, x.found.low, x.found.high))
    return named(x.learner), value, f"{low} – {high}", number(x.found.sure_from or math.nan, 0), said


# --- what it costs --------------------------------------------------------------------------------------


def costs_table(r: Decided) -> str:
    """Every line with what it costs."""
    p = r.decision.prices
    keys = ["arm", "shots", "labels", "fit", "speed", "memory", *(["total"] if p.label else []), "front"]
    given = {name: "–" if price is None else f"{price:g}" for name, price in (("label", p.label), ("hour", p.hour), ("texts", p.texts))}
    note = r.say("costs_priced", **given) if p.label else r.say("costs_note")
    table = tabled(r, [r.say(f"head_{k}") for k in keys], [_cost_row(r, c) for c in r.decision.costs], numbers=set(range(1, len(keys) - 1)), kind="board")
    return f"<p class='fine'>{note}</p>{table}"


def _cost_row(r: Decided, c: Cost) -> tuple[str, ...]:
    total = [number(c.total, 2)] if c.total is not None else []
    mark = f"<span aria-hidden='true'>{'●' if c.could_be_front else '○'}</span> {r.say('yes' if c.could_be_front else 'no')}"
    memory = number(c.peak_bytes / 2**20, 0)
    return named(c.arm), _shots(r, c.shots), number(c.labels, 0), number(c.fit_seconds, 2), number(c.texts_a_second, 0), memory, *total, mark


# --- what can be trusted --------------------------------------------------------------------------------


def trust_table(r: Decided) -> str:
    """Every line by every metric, best first by the one that suits the labels."""
    keys = ("arm", "shots", "accuracy", "macro_f1", "balanced_accuracy", "matthews", "nll", "brier", "gap", "ece", "ece_calibrated")
    rows = [_trust_row(r, q) for q in r.decision.quality]
    table = tabled(r, [r.say(f"head_{k}") for k in keys], rows, numbers=set(range(1, len(keys))), kind="board")
    metric = r.decision.metric
    order = r.say("answer_sorted", metric=say(r.language, metric), why=say(r.language, f"why_{metric}"))
    return f"<p class='fine'>{order} {r.say('trust_note')}</p>{table}"


def _drawn(r: Decided, figures: Collection[str], *keys: str) -> str:
    return "".join(
        f"<h3>{r.say(f'{key}_head')}</h3><p class='fine'>{r.say(f'{key}_note')}</p><div class='plot' id='plot-{key}' role='img' aria-label='{r.say(f'{key}_head')}'></div>"
        for key in keys
        if key in figures
    )


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
