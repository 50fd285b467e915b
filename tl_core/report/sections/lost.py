"""Runs without a result, and why."""

from __future__ import annotations

from tl_core.api.types import RunSpec
from tl_core.report.html_helpers import as_read, escaped, named, section, tabled
from tl_core.report.study_report import Report
from tl_core.words.phrases import (
    shots_name,
)


def lost(r: Report) -> str:
    """Runs that failed, were refused, or are not finished."""
    grouped: dict[tuple[str, str, int | None, str], list[int]] = {}
    for spec in r.plan.specs:
        status = r.status(spec)
        if status != "done":
            grouped.setdefault((status, spec.arm.id, spec.shots, _reason(r, spec)), []).append(
                spec.seed
            )
    if not grouped:
        return section(r, "lost", f"<p>{r.say('lost_none')}</p>")
    rows = [
        (
            r.say(status),
            named(r.names[arm]),
            escaped(shots_name(shots, r.language, r.task.shots_per)),
            "–" if status == "refused" else ", ".join(map(str, seeds)),
            f"<bdi>{as_read(r, reason)}</bdi>",
        )
        for (status, arm, shots, reason), seeds in grouped.items()
    ]
    return section(
        r,
        "lost",
        tabled(
            r,
            [
                r.say(k)
                for k in ("head_status", "head_arm", "head_shots", "head_seeds", "head_reason")
            ],
            rows,
            kind="reasons",
        ),
    )


def _reason(r: Report, spec: RunSpec) -> str:
    found = r.results.get(spec.id)
    return r.plan.refused.get(spec.id) or (found.error if found and found.error else "")
