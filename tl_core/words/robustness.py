"""Robustness of arms to changed test texts, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tl_core.analysis.compare import CONSTANT
from tl_core.analysis.robustness import LEAST_ROWS, Effect
from tl_core.statistics.intervals import Interval
from tl_core.studies.plan import Plan
from tl_core.words.names import renamed
from tl_core.words.phrases import limits, number, percent, say, shots_name

FEW_SEEDS = 3  # with fewer the spread between seeds is not known


def change_name(change: str, language: str) -> str:
    """Return the name of a change in a language."""
    return say(language, f"change_{change}")


def line_name(x: Effect, language: str) -> str:
    """The arm and its labels."""
    return say(language, "cell", arm=x.arm, shots=shots_name(x.shots, language, x.per))


def sentences(
    effects: Sequence[Effect],
    plan: Plan,
    language: str = "en",
    names: Mapping[str, str] | None = None,
) -> list[str]:
    """Say what stands out, how many rows each change changes, what may be concluded, and which arms
    were left out.

    Args:
        names: of arms, by their ids, which are said where there are none.
    """
    names = names or {}
    counts = ", ".join(
        f"{change_name(change, language)} {n:,}"
        for change, n in {x.change: x.rows for x in effects}.items()
    )
    scored = [x for x in effects if x.difference]
    said = [_worst(renamed(scored, names), language)] if scored else []
    if scored and scored[0].measure != "accuracy":
        said.append(say(language, "robust_measure", measure=say(language, scored[0].measure)))
    said.append(say(language, "robust_rows", all=f"{len(plan.study.split.test):,}", counts=counts))
    said += (
        [say(language, "robust_few", least=LEAST_ROWS)] if not all(x.flips for x in effects) else []
    )
    said += [say(language, "robust_kept_answer")] if scored else []
    said += (
        [say(language, "robust_negation")]
        if any(x.flips and not x.difference for x in effects)
        else []
    )
    said += (
        [say(language, "robust_one_run")]
        if any(x.shots != 0 and len(x.runs) < FEW_SEEDS for x in effects)
        else []
    )
    asked = {x.arm for x in effects}
    others = [
        names.get(arm.id, arm.id)
        for arm in plan.study.arms
        if arm.id not in asked and arm.strategy != CONSTANT
    ]
    return said + ([say(language, "robust_not_asked", arms=", ".join(others))] if others else [])


def _worst(scored: Sequence[Effect], language: str) -> str:
    lost = [(d, x) for x in scored if (d := x.difference) and d.high < 0]
    if not lost:
        return say(language, "robust_no_loss")
    difference, x = min(lost, key=lambda pair: pair[0].value)
    return say(
        language,
        "robust_loss",
        cell=line_name(x, language),
        change=change_name(x.change, language),
        difference=say(language, "points", x=number(100 * difference.value)),
        range=limits(difference, language),
    )


def told(effects: Sequence[Effect], plan: Plan) -> list[str]:
    """Return lines for a terminal: a block for each change, then the sentences."""
    lines = []
    for change in dict.fromkeys(x.change for x in effects):
        some = [x for x in effects if x.change == change]
        lines += [
            f"{change}: {some[0].rows:,} of {len(plan.study.split.test):,} test rows are changed",
            *(f"  {_line(x, x.flips)}" for x in some if x.flips),
            "",
        ]
    return lines + sentences(effects, plan)


def _line(x: Effect, other: Interval) -> str:
    cell, flips = line_name(x, "en"), percent(other.value, "en")
    if not x.difference:
        return say("en", "robust_line_negation", cell=cell, flips=flips, range=limits(other, "en"))
    shares = {
        name: percent(found.value, "en")
        for name, found in (("before", x.before), ("after", x.after))
        if found
    }
    return say(
        "en",
        "robust_line",
        cell=cell,
        difference=say("en", "points", x=number(100 * x.difference.value)),
        range=limits(x.difference, "en"),
        flips=flips,
        **shares,
    )
