"""What a line of the leaderboard has had beside its training rows, and what its model was taught before: the honest budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tl_core.experiments.compare import Cell
from tl_core.report.words import number, percent, say
from tl_core.types import Arm


def remarks(cell: Cell, metric: str, language: str) -> list[str]:
    """What must be known to compare a line with others, as short phrases; none where it had its training rows alone."""
    return [*untrained(cell, metric, language), *beside(cell.budget, cell.labels, language)]


def beside(budget: Mapping[str, float], labels: float, language: str) -> list[str]:
    """What was used beside training rows.

    Args:
        budget: as `Cell.budget`.
        labels: those that are counted; labels to choose by are not among them where an oracle gave them.
    """
    selection = "selection" if labels > budget.get("train", 0) else "oracle"
    used = ((selection, "selection"), ("unlabelled", "unlabelled"), ("test_texts", "test_texts"))
    return [say(language, f"beside_{said}", n=number(budget[name], 0)) for said, name in used if budget.get(name)]


def untrained(cell: Cell, metric: str, language: str) -> list[str]:
    """How many runs did not train, with the mean of those that did."""
    if not cell.collapsed:
        return []
    said = say(language, "untrained", n=cell.collapsed, all=len(cell.seeds))
    return [said, say(language, "mean_trained", value=percent(cell.mean_trained[metric], language))] if cell.mean_trained else [said]


def taught(arms: Iterable[Arm], language: str) -> dict[str, str]:
    """By the name of each model, the labelled data it had seen before the study: no budget of labels counts it."""
    models = [part.model for arm in arms for part in (arm, arm.base) if part and part.model]
    return {model.name: model.supervised or say(language, "taught_unknown") for model in models}
