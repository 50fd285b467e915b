"""Sections of the report that help to decide: what to do, when labelling pays, what it costs, what
can be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

from tl_core.analysis.compare import Comparison
from tl_core.analysis.decision import Decision
from tl_core.analysis.decision.costs import Cost
from tl_core.analysis.decision.curves import Against
from tl_core.analysis.decision.quality import Quality, Trust
from tl_core.report.html_helpers import Notes, Speaker, escaped, measured, named, section, tabled
from tl_core.statistics.intervals import Interval
from tl_core.tasks import task_of
from tl_core.words import advice
from tl_core.words.phrases import limits, number, say
from tl_core.words.units import sorting_unit, unit_of


class Decided(Speaker, Protocol):
    """The presenter of a decision: the report, or the page."""

    @property
    def spoken(self) -> Decision:
        """Return the decision that the section presents, its arms by their names."""


@dataclass(frozen=True)
class Told:
    """A decision in a language: all that the tables here need."""

    spoken: Decision  # its arms by their names
    language: str

    def say(self, key: str, **values: object) -> str:
        """A fixed text, escaped with its values."""
        return escaped(say(self.language, key, **values))


def advised(r: Decided) -> str:
    """Write the numbers behind the verdict: inside the answer."""
    d = r.spoken
    if d.advice is None or d.power is None:
        return ""
    told = "".join(f"<p>{escaped(s)}</p>" for s in advice.advice(d, r.language))
    power = escaped(advice.power(d.power, r.language, sorting_unit(d)))
    return f"{told}<p class='fine'>{power}</p>"


def doubts(r: Decided) -> str:
    """Write what to know before trusting the verdict."""
    return "".join(
        f"<p class='doubt'>{escaped(s)}</p>" for s in advice.warnings(r.spoken, r.language)
    )


def decision_sections(r: Decided, figures: Collection[str]) -> list[str]:
    """Break-even, cost, and trust, in this order; nothing while nothing is finished."""
    if r.spoken.advice is None:
        return []
    return [
        _pays(r),
        section(
            r,
            "costs",
            _drawn(r, figures, "pareto")
            + costs_table(r)
            + _drawn(r, figures, "latency")
            + latency_table(r),
        ),
        section(r, "trust", _drawn(r, figures, "reliability", "risk") + trust_table(r)),
    ]


def decision_figures(decision: Decision, comparison: Comparison, language: str) -> dict[str, Any]:
    """Plotly figures by the id of their place in the report."""
    from tl_core.figures import decision as drawn
    from tl_core.figures import results as figures
    from tl_core.figures.latency import latency_figure

    if decision.advice is None:
        return {}
    made = {"pareto": drawn.pareto(decision.costs, comparison, language=language)}
    if decision.latencies:
        made["latency"] = latency_figure(decision.latencies, comparison, language=language)
    if trusted := shown_trust(decision):
        made["reliability"] = figures.reliability(
            {arm: t.points for arm, t in trusted.items()}, comparison, language=language
        )
        made["risk"] = drawn.risk_coverage(trusted, comparison, language=language)
    return made


def shown_trust(decision: Decision) -> dict[str, Trust]:
    """Return the trust in the recommended arm, its runner-up and the arms without labels it is
    compared with: what a picture has room for.
    """
    found = decision.advice.found if decision.advice else None
    first = [found.choice, found.runner_up] if found else []
    wanted = dict.fromkeys([*first, *(x.other for x in decision.break_even)])
    trusted = {q.arm: q.trust for q in decision.quality if q.trust}
    return {arm: trusted[arm] for arm in wanted if arm is not None and arm in trusted}


# --- when labelling pays --------------------------------------------------------------------------


def _pays(r: Decided) -> str:
    against = r.spoken.break_even
    gains = "".join(f"<li>{escaped(s)}</li>" for s in advice.gains(r.spoken, r.language))
    more = f"<h3>{r.say('gains_head')}</h3><ul>{gains}</ul>" if gains else ""
    if not against:
        return section(r, "pays", f"<p>{r.say('pays_none')}</p>{more}")
    return section(r, "pays", f"{pays_table(r)}{more}")


def pays_table(r: Decided) -> str:
    """Every arm that learns against the best one without labels; there must be one."""
    against = r.spoken.break_even
    head = [
        r.say(k)
        for k in ("head_learner", "head_even", "head_even_limits", "head_sure", "head_in_words")
    ]
    table = tabled(r, head, [_pays_row(r, x) for x in against], numbers={1, 2, 3}, kind="reasons")
    return f"<p class='fine'>{r.say('pays_note', level=against[0].other)}</p>{table}"


def _pays_row(r: Decided, x: Against) -> tuple[str, ...]:
    said = escaped(advice.break_even(x, r.language))
    if x.found is None:
        return named(x.learner), "–", "–", "–", said
    value, low, high = (
        escaped(advice.labels(count, r.language))
        for count in (x.found.value, x.found.low, x.found.high)
    )
    return (
        named(x.learner),
        value,
        f"{low} – {high}",
        number(x.found.sure_from or math.nan, 0),
        said,
    )


# --- what it costs --------------------------------------------------------------------------------


def costs_table(r: Decided) -> str:
    """Every line with what it costs."""
    p = r.spoken.prices
    keys = [
        "arm",
        "shots",
        "labels",
        "fit",
        "speed",
        "alone",
        "memory",
        *(["machines"] if p.texts else []),
        *(["total"] if p.label else []),
        "front",
    ]
    given = {
        name: "–" if price is None else f"{price:g}"
        for name, price in (("label", p.label), ("hour", p.hour), ("texts", p.texts))
    }
    note = r.say("costs_priced", **given) if p.label else r.say("costs_note")
    table = tabled(
        r,
        [r.say(f"head_{k}") for k in keys],
        [_cost_row(r, c) for c in r.spoken.costs],
        numbers=set(range(1, len(keys) - 1)),
        kind="board",
    )
    return f"<p class='fine'>{note}</p>{table}"


def _marked(r: Decided, yes: bool) -> str:
    dot = "●" if yes else "○"
    return f"<span aria-hidden='true'>{dot}</span> {r.say('yes' if yes else 'no')}"


def _cost_row(r: Decided, c: Cost) -> tuple[str, ...]:
    total = [number(c.total, 2)] if c.total is not None else []
    mark = _marked(r, c.could_be_front)
    memory = number(c.peak_bytes / 2**20, 0)
    machines = ["–" if c.machines is None else f"{c.machines:,}"] if r.spoken.prices.texts else []
    alone = (
        " – "
        if c.alone_seconds is None
        else " / ".join(number(1000 * seconds, 1) for seconds in c.alone_seconds)
    )
    return (
        named(c.arm),
        _shots(r, c.shots),
        number(c.labels, 0),
        number(c.fit_seconds, 2),
        number(c.texts_a_second, 0),
        alone.strip(),
        memory,
        *machines,
        *total,
        mark,
    )


def latency_table(r: Decided) -> str:
    """Every arm with the time of one text, the quickest first; nothing where none was timed."""
    found = r.spoken.latencies
    if not found:
        return ""
    unit = unit_of(r.spoken.problem, r.spoken.metric)
    scores = {(q.arm, q.shots): q.measures[r.spoken.metric] for q in r.spoken.quality}
    metric = escaped(say(r.language, r.spoken.metric))
    head = [r.say("head_arm"), r.say("head_alone"), r.say("head_slower"), metric]
    notes = Notes(r.language)
    rows = [
        (
            named(x.arm),
            f"{number(1000 * x.p50, 1)} / {number(1000 * x.p95, 1)}",
            _score(x.times, 2),
            measured(r, scores[x.arm, x.shots], notes, unit),
            _marked(r, x.could_be_front),
        )
        for x in found
    ]
    table = tabled(r, [*head, r.say("head_quick")], rows, numbers={1, 2, 3}, kind="board")
    return table + notes.html()


# --- what can be trusted --------------------------------------------------------------------------


def trust_table(r: Decided) -> str:
    """Every line by every metric, best first by the one that suits the labels."""
    task = task_of(r.spoken.problem)
    by_word = task.by_word
    classes = task.classes and not by_word  # not points on a scale
    keys = (
        "arm",
        "shots",
        *dict.fromkeys(name for q in r.spoken.quality for name in q.measures),
        *([] if by_word or task.writes else ["balanced_accuracy"]),
        *(["matthews"] if classes else []),
        *([] if task.writes else ["nll", "brier", "gap"]),
        *(["ece", "ece_calibrated"] if classes else []),
    )
    notes = Notes(r.language)
    rows = [_trust_row(r, q, notes) for q in r.spoken.quality]
    table = tabled(
        r, [r.say(f"head_{k}") for k in keys], rows, numbers=set(range(1, len(keys))), kind="board"
    )
    metric = r.spoken.metric
    order = r.say(
        "answer_sorted", metric=say(r.language, metric), why=say(r.language, f"why_{metric}")
    )
    key = "trust_note" if classes else "trust_note_spans" if by_word else "trust_note_errors"
    note = "" if task.writes else r.say(key)
    return f"<p class='fine'>{order} {note}</p>{table}{notes.html()}"


def _drawn(r: Decided, figures: Collection[str], *keys: str) -> str:
    return "".join(
        f"<h3>{r.say(f'{key}_head')}</h3><p class='fine'>{r.say(f'{key}_note')}</p><div"
        f" class='plot' id='plot-{key}' role='img' aria-label='{r.say(f'{key}_head')}'></div>"
        for key in keys
        if key in figures
    )


def _trust_row(r: Decided, q: Quality, notes: Notes) -> tuple[str, ...]:
    shares = [
        measured(r, x, notes, unit_of(r.spoken.problem, name)) for name, x in q.measures.items()
    ] + ([measured(r, q.balanced_accuracy, notes)] if q.balanced_accuracy else [])
    task = task_of(r.spoken.problem)
    if task.writes:
        return named(q.arm), _shots(r, q.shots), *shares
    classes = task.classes and not task.by_word
    correlation = [_score(q.matthews, 2)] if classes else []
    scores = (*correlation, _score(q.nll, 3), _score(q.brier, 3))
    gap = (
        "–"
        if q.gap is None
        else (
            f"<b>{number(100 * q.gap.value)}</b><small>{escaped(limits(q.gap, r.language))}</small>"
        )
    )
    ece = ("–", "–")
    if q.trust:
        e = q.trust.error
        ece = (
            f"<b>{number(100 * e.value)}</b>",
            f"{number(100 * e.calibrated_mean)}<small>≤ {number(100 * e.calibrated_95)}</small>",
        )
    return named(q.arm), _shots(r, q.shots), *shares, *scores, gap, *(ece if classes else ())


def _score(found: Interval | None, digits: int) -> str:
    if found is None:
        return "–"
    return (
        f"<b>{number(found.value, digits)}</b><small>{number(found.low, digits)} –"
        f" {number(found.high, digits)}</small>"
    )


def _shots(r: Decided, shots: int | None) -> str:
    return r.say("shots_all") if shots is None else str(shots)
