"""The answer in words, at the top of the report."""

from __future__ import annotations

import time
from collections.abc import Collection

from tl_core.report.html_helpers import as_read
from tl_core.report.sections.decision import advised, doubts
from tl_core.report.sections.pictures import pictures
from tl_core.report.study_report import Report
from tl_core.report.verdict import because_html, verdict_html, ways_html
from tl_core.words.phrases import (
    say,
)
from tl_core.words.units import unit_of
from tl_core.words.verdict import verdict


def answer(r: Report, figures: Collection[str]) -> str:
    """The first page: what was asked of which data, the verdict, both pictures, and why."""
    warnings = "".join(
        f"<div class='warning' role='note'><strong>{r.say('warning')}</strong> {as_read(r, s)}"
        "</div>"
        for s in _token_sentences(r)
    )
    lost = "".join(f"<p class='doubt'>{s}</p>" for s in _lost_sentences(r))
    if r.decision.advice is None:
        head, body = f"<h2>{r.say('answer_none')}</h2>", f"<p>{_nothing(r)}</p>{lost}"
    else:
        found = verdict(r.decision, r.language)
        order = r.say(
            "answer_sorted",
            metric=say(r.language, r.metric),
            why=say(r.language, f"why_{r.metric}"),
        )
        head = verdict_html(found)
        body = (
            f"{ways_html(r.decision, r.language)}{pictures(r, figures)}"
            f"{because_html(found, r.language)}{doubts(r)}{lost}<details>"
            f"<summary>{r.say('verdict_details')}</summary>{advised(r)}<p"
            f" class='fine'>{_majority_sentences(r)} {_behind_sentences(r)} {order}</p></details>"
        )
    return (
        "<section id='answer' class='answer'><p"
        f" class='kicker'>{r.say('answer_head')}</p>{_asked(r)}{head}{body}</section>{warnings}"
    )


def _asked(r: Report) -> str:
    """The question, the data and the date, on one line."""
    study = r.plan.study
    rows = len(study.split.test) + len(study.split.pool)
    data = r.say(
        "asked_data",
        name=study.name,
        rows=f"{rows:,}",
        labels=len(study.problem.labels),
        test=f"{len(study.split.test):,}",
    )
    made = r.context.get("made")
    date = time.strftime("%Y-%m-%d", time.localtime(made)) if made else ""
    told = " · ".join(filter(None, (r.say("asked_question"), data, date)))
    return f"<p class='asked'>{told}</p>"


def _nothing(r: Report) -> str:
    failed, refused = len(r.without("failed")), len(r.without("refused"))
    over = failed + refused == len(r.plan.specs)
    return (
        r.say("answer_all_failed", n=len(r.plan.specs), failed=failed, refused=refused)
        if over
        else r.say("answer_none_text")
    )


def _majority_sentences(r: Report) -> str:
    """Describe what the best answer that is the same for all test rows would reach."""
    problem = r.plan.study.problem
    reached = {
        m.id: unit_of(problem, m.id).value(
            m.value(problem, r.gold, m.constant(problem, r.gold)), r.language
        )
        for m in r.task.measures
    }
    return r.say(r.task.floor_words, **reached)


def _behind_sentences(r: Report) -> str:
    assert r.decision.advice is not None  # something is done, or there were no answer to explain
    n = f"{len(r.plan.study.split.test):,}"
    chosen = r.decision.advice.cell(r.decision.advice.found.choice)
    if chosen.once:
        return r.say("answer_behind_once", n=n)
    said = r.say(
        "answer_behind_1" if len(chosen.seeds) == 1 else "answer_behind",
        seeds=len(chosen.seeds),
        n=n,
    )
    return (
        said
        if len(chosen.seeds) > 2
        else f"{said} <strong>{r.say('answer_seeds_unknown')}</strong>"
    )


def _lost_sentences(r: Report) -> list[str]:
    failed, refused, unfinished = (len(r.without(s)) for s in ("failed", "refused", "unfinished"))
    said = (
        [r.say("answer_lost", failed=failed, refused=refused, all=len(r.plan.specs))]
        if (failed or refused) and r.comparison.cells
        else []
    )
    return said + (
        [r.say("answer_unfinished", n=unfinished, all=len(r.plan.specs))] if unfinished else []
    )


def _token_sentences(r: Report) -> list[str]:
    return [t["sentence"] for t in r.dataset.get("tokens") or [] if t.get("sentence")]
