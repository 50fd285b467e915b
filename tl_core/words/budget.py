"""The full budget of a leaderboard entry: what it used besides its training rows, and what its
model was trained on before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tl_core.analysis.compare import Cell, Comparison
from tl_core.api.types import Arm
from tl_core.words.phrases import number, say
from tl_core.words.units import sorting_unit


def remarks(cell: Cell, comparison: Comparison, language: str) -> list[str]:
    """Return what must be known to compare a line with others, as short phrases; none where it had
    its training rows alone.
    """
    return [*untrained(cell, comparison, language), *beside(cell.budget, cell.labels, language)]


def beside(budget: Mapping[str, float], labels: float, language: str) -> list[str]:
    """Describe what was used alongside training rows.

    Args:
        budget: as `Cell.budget`.
        labels: those that are counted; labels to choose by are not among them where an oracle gave
            them.
    """
    selection = "selection" if labels > budget.get("train", 0) else "oracle"
    used = ((selection, "selection"), ("unlabelled", "unlabelled"), ("test_texts", "test_texts"))
    return [
        say(language, f"beside_{said}", n=number(budget[name], 0))
        for said, name in used
        if budget.get(name)
    ]


def untrained(cell: Cell, comparison: Comparison, language: str) -> list[str]:
    """Say how many runs did not train, with the mean of those that did."""
    if not cell.collapsed:
        return []
    unit, mean = sorting_unit(comparison), cell.mean_trained.get(comparison.metric, 0.0)
    said = say(language, "untrained", n=cell.collapsed, all=len(cell.seeds))
    return (
        [said, say(language, "mean_trained", value=unit.value(mean, language))]
        if cell.mean_trained
        else [said]
    )


def taught(arms: Iterable[Arm], language: str) -> dict[str, str]:
    """Return, by the name of each model, the labelled data it had seen before the study: no budget
    of labels counts it.
    """
    models = [part.model for arm in arms for part in (arm, arm.base) if part and part.model]
    return {model.name: model.supervised or say(language, "taught_unknown") for model in models}
