"""Section on robustness to changed test texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tl_core.analysis.robustness import Effect
from tl_core.report.html_helpers import Speaker, escaped, named, section, tabled
from tl_core.statistics.intervals import Interval
from tl_core.studies.plan import Plan
from tl_core.words.names import renamed
from tl_core.words.phrases import limits, number, percent
from tl_core.words.robustness import change_name, sentences


class Robust(Speaker, Protocol):
    """A report of a study with answers to changed texts."""

    @property
    def plan(self) -> Plan:
        """Return the plan of the study."""

    @property
    def names(self) -> Mapping[str, str]:
        """Return the name of each arm by its id."""

    @property
    def effects(self) -> Sequence[Effect]:
        """Return the effects of changed texts on the answers."""


def robustness(r: Robust, picture: str) -> str:
    """Describe robustness; nothing where it was not measured. picture: the place of the figure."""
    if not r.effects:
        return ""
    told = sentences(r.effects, r.plan, r.language, r.names)
    said = "".join(f"<p>{escaped(s)}</p>" for s in told)
    return section(
        r, "robust", f"{said}{picture}{effects_table(r, renamed(list(r.effects), r.names))}"
    )


def effects_table(r: Speaker, effects: Sequence[Effect]) -> str:
    """Every arm under every change that changes enough rows."""
    keys = ("arm", "difference", "before", "after", "flips", "rows")
    rows = [
        (
            _named(x, r),
            _points(x.difference, r),
            _share(x.before, r),
            _share(x.after, r),
            _flips(x.flips, r),
            f"{x.rows:,}",
        )
        for x in effects
        if x.flips
    ]
    return tabled(
        r, [r.say(f"head_{k}") for k in keys], rows, numbers={1, 2, 3, 4, 5}, kind="board"
    )


def _named(x: Effect, r: Speaker) -> str:
    return (
        f"{named(x.arm)}&nbsp;·&nbsp;{r.say('shots_all') if x.shots is None else x.shots}<small>"
        f"{escaped(change_name(x.change, r.language))}</small>"
    )


def _flips(found: Interval, r: Speaker) -> str:
    return (
        f"{escaped(percent(found.value, r.language))}<small>{escaped(limits(found, r.language))}"
        "</small>"
    )


def _share(found: Interval | None, r: Speaker) -> str:
    return escaped(percent(found.value, r.language)) if found else "–"


def _points(found: Interval | None, r: Speaker) -> str:
    return (
        f"<b>{number(100 * found.value)}</b><small>{escaped(limits(found, r.language))}</small>"
        if found
        else "–"
    )
