"""Every arm with its scores, its size and its time."""

from __future__ import annotations

from tl_core.analysis.compare import Cell
from tl_core.report.html_helpers import Notes, as_read, escaped, measured, named, section, tabled
from tl_core.report.study_report import Report
from tl_core.words.budget import remarks
from tl_core.words.phrases import (
    best_mark,
    number,
)
from tl_core.words.units import sorting_unit, unit_of


def leaderboard(r: Report) -> str:
    """A row for each entry."""
    if not r.comparison.cells:
        return ""
    keys: tuple[str, ...] = (
        "arm",
        "shots",
        "labels",
        *(m.id for m in r.task.measures),
        "behind",
        "best",
        "seeds",
        "fit",
        "predict",
        "memory",
        "parameters",
        "failed",
    )
    notes = Notes(r.language)
    rows = [_board_row(r, c, notes) for c in r.comparison.cells]
    noted = ["; ".join(remarks(c, r.comparison, r.language)) for c in r.comparison.cells]
    if any(noted):
        keys, rows = (
            (*keys, "remarks"),
            [
                (*row, f"<span class='remarks'>{escaped(said)}</span>")
                for row, said in zip(rows, noted, strict=True)
            ],
        )
    out = "".join(f"<li>{as_read(r, n)}</li>" for n in r.comparison.notes)
    reasons = (
        f"<details><summary>{r.say('why_left_out')}</summary><ul>{out}</ul></details>"
        if out
        else ""
    )
    table = tabled(
        r,
        [r.say(f"head_{k}") for k in keys],
        rows,
        numbers={i for i, key in enumerate(keys) if key not in ("arm", "best", "remarks")},
        kind="board",
    )
    return section(
        r, "board", f"<p class='fine'>{r.say('board_note')}</p>{table}{notes.html()}{reasons}"
    )


def _board_row(r: Report, c: Cell, notes: Notes) -> tuple[str, ...]:
    behind, unit = r.comparison.differences.get((c.arm, c.shots)), sorting_unit(r.comparison)
    shown = (
        r.say("leading")
        if c is r.lead
        else (
            "–"
            if behind is None
            else f"{number(unit.scale * behind.value, unit.digits)}"
            f"<small>{escaped(unit.points_limits(behind, r.language))}</small>"
        )
    )
    mark = (
        "<span"
        f" aria-hidden='true'>{'●' if c.could_be_best else '◐' if c.best_at_shots else '○'}</span>"
        f" {r.say(best_mark(c))}"
    )
    return (
        named(r.names[c.arm]),
        r.say("shots_all") if c.shots is None else str(c.shots),
        number(c.labels, 0),
        *(
            measured(r, c.measures[m.id], notes, unit_of(r.comparison.problem, m.id))
            for m in r.task.measures
        ),
        shown,
        mark,
        str(len(c.seeds)),
        number(c.fit_seconds, 2),
        number(c.predict_seconds, 2),
        _megabytes(c.peak_bytes),
        f"{c.trainable_parameters:,}",
        str(c.failed),
    )


def _megabytes(size: float) -> str:
    return number(size / 2**20, 0 if size >= 10 * 2**20 else 1)
