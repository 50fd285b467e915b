"""The report: one HTML file that opens without a network and holds every number alongside its
picture.

A content security policy allows nothing but the scripts written here, by their digests: a text that
slipped through the escaping still could not run or load anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tl_core.analysis.compare import Comparison
from tl_core.analysis.decision import Decision, decide
from tl_core.analysis.differences.topics import Topics, stored_topics
from tl_core.api.types import RunResult
from tl_core.report.page import page
from tl_core.report.sections.again import again_section
from tl_core.report.sections.answer import answer
from tl_core.report.sections.compared import compared
from tl_core.report.sections.decision import decision_sections
from tl_core.report.sections.differences import differing
from tl_core.report.sections.how import how
from tl_core.report.sections.leaderboard import leaderboard
from tl_core.report.sections.lost import lost
from tl_core.report.sections.mixed_up import mixed_up
from tl_core.report.sections.pictures import figures_of
from tl_core.report.sections.robustness import robustness
from tl_core.report.sections.wrong_rows import wrong_rows
from tl_core.report.study_report import Report, place
from tl_core.studies.plan import Plan
from tl_core.studies.store import Store
from tl_core.studies.stored_answers import StoredAnswers, read_stored_answers


def write_report(
    store: Store,
    plan: Plan,
    results: Mapping[str, RunResult],
    comparison: Comparison,
    *,
    context: Mapping[str, Any],
    decision: Decision | None = None,
    language: str = "en",
) -> str:
    """Write report.html into the folder of the study; returns what was written."""
    made = report_html(
        plan,
        results,
        comparison,
        context={"made": store.made(), **context},
        decision=decision,
        language=language,
        parts=read_stored_answers(store, plan),
        topics=stored_topics(store, plan),
    )
    store.write_bytes("report.html", made.encode("utf-8"))
    return made


def report_html(
    plan: Plan,
    results: Mapping[str, RunResult],
    comparison: Comparison,
    *,
    context: Mapping[str, Any] | None = None,
    language: str = "en",
    decision: Decision | None = None,
    parts: StoredAnswers = StoredAnswers(),
    topics: Topics | None = None,
) -> str:
    """The whole report; equal for equal studies. Can always be encoded as UTF-8.

    Args:
        results: by run id; runs without one are shown as unfinished.
        context: what only the caller knows, as in `export.record`: `dataset` (source, guesses,
            notes, tokens), `wall_seconds`, `command`; and `made`, when it was asked for, in
            seconds since 1970. Whatever is missing is left out.
        language: "en" or "ko".
        decision: as `decide` makes it of the same study; without it, made here, without prices.
        parts: what was asked about changed texts.
        topics: of the test rows, where they were asked for.
    """
    r = Report(
        plan,
        results,
        comparison,
        context or {},
        language,
        decision or decide(plan, results, comparison),
        parts,
        topics,
    )
    figures = figures_of(r)
    sections = [  # the first page, then as on the page, then what is looked up
        answer(r, figures),
        *decision_sections(r, figures),
        mixed_up(r, figures),
        wrong_rows(r),
        differing(r),
        robustness(r, place(r, "robust") if "robust" in figures else ""),
        leaderboard(r),
        compared(r),
        lost(r),
        how(r),
        again_section(r),
    ]
    return page(r, "\n".join(filter(None, sections)), figures)
