"""What the open study has kept, asked about a visitor's text: the tab "Try", the view of words that mattered, and the endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tl_core.errors import UserError
from tl_core.experiments.consent import stays
from tl_core.types import Example, RunSpec
from tl_ui.lab import Lab
from tl_ui.studies import Opened

EXAMPLES = 6
MAX_CHARACTERS = 20_000


def open_study(lab: Lab, name: str) -> Opened | None:
    """The open study, when an arm of it has been kept."""
    if not name:
        return None
    opened = lab.studies.open(name)
    return opened if lab.studies.kept(opened) else None


def some_rows(opened: Opened, most: int = EXAMPLES) -> dict[int, Example]:
    """Test rows of different labels, by their place."""
    test, seen, chosen = opened.plan.study.split.test, set(), {}
    for i, example in enumerate(test):
        if example.labels not in seen or len(seen) == len(opened.plan.study.problem.labels):
            seen.add(example.labels)
            chosen[i] = example
        if len(chosen) == most:
            break
    return chosen


def sent_away(opened: Opened) -> list[str]:
    """Arms that would send a text to another machine, and so are not asked here."""
    return [arm.id for arm in opened.plan.study.arms if not stays(arm)]


def predictions(lab: Lab, opened: Opened, text: str, text_b: str | None) -> list[tuple[RunSpec, np.ndarray]]:
    """(C,) probabilities of every kept arm, asked of the queue's helper process.

    Raises:
        UserError: there is no text, it is too long, or no arm has been kept.
    """
    example = _example(opened, text, text_b)
    kept = {spec.id: spec for spec in lab.studies.kept(opened)}
    if not kept:
        raise UserError("No arm of this study has been kept: an archive holds no trained weights. Make the study again, then its arms answer.")
    asked = lab.queue.ask("predict", folder=_folder(lab, opened), runs=list(kept), examples=[example])
    return [(kept[item[0]], item[1][0]) for item in asked if isinstance(item, tuple)]


def occluded(lab: Lab, opened: Opened, arm: str, text: str, text_b: str | None, *, label: str = "", way: str = "remove") -> Iterator[Any]:
    """Steps, then `tl_core.views.occlusion.Occluded`: which words the answer of a kept arm hangs on.

    Raises:
        UserError: as `predictions` and `tl_core.views.occlusion.occlude`, or there is no such arm.
    """
    example = _example(opened, text, text_b)
    kept = {spec.arm.id: spec for spec in lab.studies.kept(opened)}
    if arm not in kept:
        raise UserError(f"No arm called {arm[:80]!r} of this study can be asked here; these can: {', '.join(kept) or 'none'}.")
    for item in lab.queue.ask("occlude", folder=_folder(lab, opened), runs=[kept[arm].id], example=example, label=label, way=way):
        yield item[1] if isinstance(item, tuple) else item


def _example(opened: Opened, text: str, text_b: str | None) -> Example:
    pair = opened.plan.study.problem.inputs == "two texts"
    if not (text or "").strip() or (pair and not (text_b or "").strip()):
        raise UserError("Write both texts first." if pair else "Write a text first.")
    if len(text) + len(text_b or "") > MAX_CHARACTERS:
        raise UserError(f"The text is longer than {MAX_CHARACTERS:,} characters. Take a part of it.")
    return Example(1, text, text_b if pair else None)


def _folder(lab: Lab, opened: Opened) -> str:
    return str(lab.queue.store(opened.name).folder.resolve())
