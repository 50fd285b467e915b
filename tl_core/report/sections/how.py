"""Section on how the numbers were computed."""

from __future__ import annotations

from tl_core.report.html_helpers import section
from tl_core.report.study_report import Report


def how(r: Report) -> str:
    """Each formula in words."""
    split, task = r.plan.study.split, r.task
    values = {
        "how_seconds": {"n": f"{len(split.test):,}"},
        task.how_words[0]: task.how_values(r.gold),
        "how_test": {"digest": split.test_digest},
    }
    keys = (
        "how_advice",
        "how_power",
        "how_pays",
        "how_gains",
        "how_costs",
        *task.how_words,
        "how_interval",
        "how_best",
        *(["how_ece", "how_abstain"] if task.classes else []),
        "how_slices",
        "how_doubts",
        *(["how_robust"] if r.effects else []),
        "how_behind",
        "how_seeds",
        "how_test",
        "how_seconds",
        "how_memory",
    )
    told = "".join(
        f"<details><summary>{r.say(k)}</summary>"
        f"<p>{r.say(f'{k}_text', **values.get(k, {}))}</p></details>"
        for k in keys
    )
    return section(r, "how", told)
