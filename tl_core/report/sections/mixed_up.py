"""Section on confused labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tl_core.api.sentences import in_language
from tl_core.report.html_helpers import escaped, named, section, tabled
from tl_core.report.study_report import Report, place
from tl_core.report.written import length_ratio
from tl_core.statistics.classification.counts import confusion
from tl_core.words.names import renamed
from tl_core.words.phrases import (
    cell_name,
    percent,
    shots_name,
)

LABELS_SHOWN, LABELS_IN_MATRIX, PAIRS_SHOWN = 20, 60, 10


def confusion_of(r: Report) -> np.ndarray:
    """(C, C) rows given, columns answered, over the runs of the leading cell."""
    return confusion(r.gold, r.decided(r.lead), len(r.plan.study.problem.labels))


def mixed_up(r: Report, figures: Mapping[str, Any]) -> str:
    """A matrix, or a table where the task has none."""
    if not r.comparison.cells:
        return ""
    if r.task.writes:
        return _lengths(r)
    about = {"cell": cell_name(renamed(r.lead, r.names), r.language), "runs": len(r.lead.runs)}
    if not r.task.confusion:
        return section(
            r, "matrix", f"<p class='fine'>{r.say('per_label_note', **about)}</p>{_per_label(r)}"
        )
    picture = place(r, "matrix") if "matrix" in figures else f"<p>{r.say('matrix_large')}</p>"
    note = "matrix_note" if "matrix" in figures else "per_label_note"
    return section(r, "matrix", f"<p class='fine'>{r.say(note, **about)}</p>{picture}{_pairs(r)}")


def _lengths(r: Report) -> str:
    """How long the written texts are beside the given ones, and how many say the same."""
    rows = []
    for cell in r.comparison.cells:
        decided = r.decided(cell)
        rows.append(
            (
                named(r.names[cell.arm]),
                escaped(shots_name(cell.shots, r.language, cell.per)),
                f"{length_ratio(r.gold, decided):.2f}",
                escaped(percent(float((decided == r.gold).mean()), r.language)),
                escaped(percent(float((decided == "").mean()), r.language)),
            )
        )
    keys = ("arm", "shots", "length_ratio", "equal_texts", "empty_texts")
    table = tabled(r, [r.say(f"head_{k}") for k in keys], rows, numbers={2, 3, 4})
    return section(r, "lengths", f"<p class='fine'>{r.say('lengths_note')}</p>{table}")


def _pairs(r: Report) -> str:
    counts, names = confusion_of(r), [x.name for x in r.plan.study.problem.labels]
    given = counts.sum(1)
    wrong = [(int(counts[i, j]), i, j) for i, j in zip(*np.nonzero(counts), strict=True) if i != j]
    if not wrong:
        return f"<p>{r.say('pairs_none')}</p>"
    rows = [
        (named(names[i]), named(names[j]), f"{n:,}", escaped(percent(n / given[i], r.language)))
        for n, i, j in sorted(wrong, key=lambda x: (-x[0], x[1:]))[:PAIRS_SHOWN]
    ]
    table = tabled(
        r,
        [r.say(k) for k in ("head_given", "head_said", "head_times", "head_share")],
        rows,
        numbers={2, 3},
    )
    return f"<h3>{r.say('pairs_head')}</h3>{table}"


def _per_label(r: Report) -> str:
    """Where there is no matrix: for each label, how often it was found, missed and said wrongly."""
    made = r.task.error_rows(r.plan.study.problem, r.gold, r.decided(r.lead))
    rows = [(named(in_language(name, r.language)), *(f"{n:,}" for n in of)) for name, of in made]
    heads = [r.say(k) for k in (r.task.error_head, *r.task.error_words)]
    return tabled(r, heads, rows, numbers=set(range(1, len(heads))))
