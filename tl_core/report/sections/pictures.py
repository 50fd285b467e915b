"""The learning curve and the leaderboard, drawn; and every figure of the report."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tl_core.report.sections.decision import decision_figures
from tl_core.report.sections.mixed_up import LABELS_IN_MATRIX, confusion_of
from tl_core.report.study_report import Report, place
from tl_core.words.names import renamed


def figures_of(r: Report) -> dict[str, Any]:
    """Plotly figures by the id of their place in the page."""
    from tl_core.figures import results as figures
    from tl_core.figures.robustness import robustness_figure

    if not r.comparison.cells:
        return {}
    made = {
        "curves": figures.learning_curves(r.comparison, r.metric, language=r.language),
        "board_figure": figures.best_of_each(r.comparison, r.metric, language=r.language),
    }
    made |= decision_figures(r.decision, r.comparison, r.language)
    if any(x.difference for x in r.effects):
        made["robust"] = robustness_figure(renamed(list(r.effects), r.names), language=r.language)
    labels = r.plan.study.problem.labels
    if r.task.confusion and len(labels) <= LABELS_IN_MATRIX:
        made["matrix"] = figures.confusion(
            confusion_of(r), [x.name for x in labels], language=r.language
        )
    return made


def pictures(r: Report, figures: Collection[str]) -> str:
    """The learning curve and the best of each method, for the first page; with a sentence for a
    reader who sees none, which the script takes away.
    """
    drawn = "".join(
        f"<div><h3>{r.say(f'{key}_head')}</h3>{place(r, key)}</div>"
        for key in ("curves", "board_figure")
        if key in figures
    )
    missing = f"<p class='warning' id='no-plots'>{r.say('no_plots')}</p>"
    note = f"<p class='fine'>{r.say('charts_note')}</p>"
    return f"{missing}<div class='charts'>{drawn}</div>{note}" if drawn else ""
