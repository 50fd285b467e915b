"""How well arms hold up when test texts are changed: in sentences, as a table, and as a section of the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tl_core.experiments.compare import CONSTANT
from tl_core.experiments.plan import Plan
from tl_core.experiments.robustness.effects import LEAST_ROWS, Effect
from tl_core.report.pieces import Speaker, escaped, named, section, tabled
from tl_core.report.words import limits, number, percent, say, shots_name
from tl_core.statistics.intervals import Interval

FEW_SEEDS = 3  # with fewer the spread between seeds is not known


class Robust(Speaker, Protocol):
    """A report of a study with answers to changed texts."""

    plan: Plan
    effects: Sequence[Effect]


def robustness(r: Robust, picture: str) -> str:
    """Nothing where nothing was asked. picture: the place of the figure."""
    if not r.effects:
        return ""
    said = "".join(f"<p>{escaped(s)}</p>" for s in sentences(r.effects, r.plan, r.language))
    return section(r, "robust", f"{said}{picture}{effects_table(r, r.effects)}")


def change_name(change: str, language: str) -> str:
    return say(language, f"change_{change}")


def line_name(x: Effect, language: str) -> str:
    """The arm and its labels."""
    return say(language, "cell", arm=x.arm, shots=shots_name(x.shots, language))


def sentences(effects: Sequence[Effect], plan: Plan, language: str = "en") -> list[str]:
    """What stands out, how many rows each change changes, what may be concluded, and who was not asked."""
    counts = ", ".join(f"{change_name(change, language)} {n:,}" for change, n in {x.change: x.rows for x in effects}.items())
    scored = [x for x in effects if x.difference]
    said = [_worst(scored, language)] if scored else []
    said.append(say(language, "robust_rows", all=f"{len(plan.study.split.test):,}", counts=counts))
    said += [say(language, "robust_few", least=LEAST_ROWS)] if not all(x.flips for x in effects) else []
    said += [say(language, "robust_kept_answer")] if scored else []
    said += [say(language, "robust_negation")] if any(x.flips and not x.difference for x in effects) else []
    said += [say(language, "robust_one_run")] if any(x.shots != 0 and len(x.runs) < FEW_SEEDS for x in effects) else []
    asked = {x.arm for x in effects}
    others = [arm.id for arm in plan.study.arms if arm.id not in asked and arm.strategy != CONSTANT]
    return said + ([say(language, "robust_not_asked", arms=", ".join(others))] if others else [])


def _worst(scored: Sequence[Effect], language: str) -> str:
    lost = [x for x in scored if x.difference.high < 0]
    if not lost:
        return say(language, "robust_no_loss")
    x = min(lost, key=lambda x: x.difference.value)
    return say(
        language, "robust_loss", cell=line_name(x, language), change=change_name(x.change, language), difference=say(language, "points", x=number(100 * x.difference.value)),
        range=limits(x.difference, language),
    )  # fmt: skip


def told(effects: Sequence[Effect], plan: Plan) -> list[str]:
    """For a terminal: a block of lines for each change, then the sentences."""
    lines = []
    for change in dict.fromkeys(x.change for x in effects):
        some = [x for x in effects if x.change == change]
        lines += [f"{change}: {some[0].rows:,} of {len(plan.study.split.test):,} test rows are changed", *(f"  {_line(x)}" for x in some if x.flips), ""]
    return lines + sentences(effects, plan)


def _line(x: Effect) -> str:
    cell, flips = line_name(x, "en"), percent(x.flips.value, "en")
    if not x.difference:
        return say("en", "robust_line_negation", cell=cell, flips=flips, range=limits(x.flips, "en"))
    shares = {name: percent(found.value, "en") for name, found in (("before", x.before), ("after", x.after))}
    return say("en", "robust_line", cell=cell, difference=say("en", "points", x=number(100 * x.difference.value)), range=limits(x.difference, "en"), flips=flips, **shares)


def effects_table(r: Speaker, effects: Sequence[Effect]) -> str:
    """Every arm under every change that changes enough rows."""
    keys = ("arm", "difference", "before", "after", "flips", "rows")
    rows = [(_named(x, r), _points(x.difference, r), _share(x.before, r), _share(x.after, r), _flips(x.flips, r), f"{x.rows:,}") for x in effects if x.flips]
    return tabled(r, [r.say(f"head_{k}") for k in keys], rows, numbers={1, 2, 3, 4, 5}, kind="board")


def _named(x: Effect, r: Speaker) -> str:
    return f"{named(x.arm)}&nbsp;·&nbsp;{r.say('shots_all') if x.shots is None else x.shots}<small>{escaped(change_name(x.change, r.language))}</small>"


def _flips(found: Interval, r: Speaker) -> str:
    return f"{escaped(percent(found.value, r.language))}<small>{escaped(limits(found, r.language))}</small>"


def _share(found: Interval | None, r: Speaker) -> str:
    return escaped(percent(found.value, r.language)) if found else "–"


def _points(found: Interval | None, r: Speaker) -> str:
    return f"<b>{number(100 * found.value)}</b><small>{escaped(limits(found, r.language))}</small>" if found else "–"
