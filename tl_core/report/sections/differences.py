"""The report's section on where arms differ: the recommended arm against its runner-up, weak spots,
and labels that look wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tl_core.analysis.compare import Comparison
from tl_core.analysis.decision import Decision
from tl_core.analysis.differences import StudyPredictions
from tl_core.analysis.differences.disagreement import disagreement, right_sets
from tl_core.analysis.differences.label_errors import Doubts, suspicious
from tl_core.analysis.differences.slices import find, slices_of
from tl_core.analysis.differences.topics import Topics
from tl_core.api.types import RunResult
from tl_core.report.html_helpers import Speaker, escaped, named, section, tabled
from tl_core.studies.plan import Plan
from tl_core.words import differences as said
from tl_core.words.names import renamed
from tl_core.words.phrases import percent

FOUND, DOUBTS, TEXT_SHOWN = 10, 20, 300


class Differing(Speaker, Protocol):
    """A report of a study."""

    @property
    def plan(self) -> Plan:
        """Return the plan of the study."""

    @property
    def results(self) -> Mapping[str, RunResult]:
        """Return the results by run."""

    @property
    def comparison(self) -> Comparison:
        """Return the comparison of all that is done."""

    @property
    def decision(self) -> Decision:
        """Return the decision that the section presents."""

    @property
    def names(self) -> Mapping[str, str]:
        """Return the name of each arm by its id."""

    @property
    def topics(self) -> Topics | None:
        """Return the topics of the test rows, where they were asked for."""


def differing(r: Differing) -> str:
    """Describe how arms differ; nothing while nothing is finished."""
    if r.decision.advice is None:
        return ""
    studied, problem = StudyPredictions.of(r.plan, r.results, r.comparison), r.plan.study.problem
    body = _pair(r, studied)
    slices = slices_of(problem, studied.rows, r.topics)
    tested = find(studied, slices)
    found = "".join(
        f"<li>{escaped(said.finding(renamed(x, r.names), slices[x.of], problem, r.language))}</li>"
        for x in [x for x in tested if x.found][:FOUND]
    )
    body += (
        f"<h3>{r.say('slices_head')}</h3><p>{escaped(said.findings(slices, tested, r.language))}"
        f"</p><ul>{found}</ul>"
    )
    return section(r, "differ", body + _doubts(r, studied, suspicious(studied)))


def _pair(r: Differing, studied: StudyPredictions) -> str:
    advised = r.decision.advice.found if r.decision.advice else None
    if advised is None or advised.runner_up is None:
        return ""
    pair = disagreement(studied.find(advised.choice), studied.find(advised.runner_up))
    names = [r.names[x.arm] for x in studied.arms]
    rows = [
        (named(said.right_set(renamed(x, r.names), names, r.language)), f"{len(x.rows):,}")
        for x in right_sets(studied)
    ]
    sets = (
        tabled(r, [r.say("head_right"), r.say("head_rows")], rows, numbers={1})
        if len(names) > 2
        else ""
    )
    return (
        "".join(f"<p>{escaped(s)}</p>" for s in said.pair(renamed(pair, r.names), r.language))
        + f"<p class='fine'>{escaped(said.say(r.language, 'usual'))}</p>{sets}"
    )


def _doubts(r: Differing, studied: StudyPredictions, found: Doubts) -> str:
    told = "".join(
        f"<p>{escaped(s)}</p>"
        for s in said.doubts(renamed(found, r.names), len(studied.rows), r.language)
    )
    names = {x.id: x.name for x in r.plan.study.problem.labels}
    rows = []
    for d in found.rows[:DOUBTS]:
        e = studied.rows[d.at]
        text = " ∥ ".join(x[:TEXT_SHOWN] for x in (e.text, e.text_b) if x)
        rows.append(
            (
                str(e.row),
                named(text),
                *(named(", ".join(names[i] for i in ids) or "–") for ids in (e.labels, d.instead)),
                escaped(percent(d.given, r.language)),
            )
        )
    table = (
        tabled(
            r,
            [
                r.say(k)
                for k in (
                    "head_row",
                    "head_text",
                    "head_given",
                    "head_instead",
                    "head_given_chance",
                )
            ],
            rows,
            numbers={0, 4},
        )
        if rows
        else ""
    )
    return f"<h3>{r.say('doubts_head')}</h3>{told}{table}"
