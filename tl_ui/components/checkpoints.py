"""Checkpoints of the open study, asked about a visitor's text: the tab "Try", the view of words
that mattered, and the endpoints.
"""

from __future__ import annotations

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, RunSpec
from tl_core.studies.consent import stays
from tl_ui.lab import Lab
from tl_ui.state.studies import Opened

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
    test = opened.plan.study.split.test
    seen: set[tuple[str, ...]] = set()
    chosen: dict[int, Example] = {}
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


def predictions(
    lab: Lab, opened: Opened, text: str, text_b: str | None
) -> list[tuple[RunSpec, np.ndarray]]:
    """(C,) probabilities of every kept arm, asked of the queue's helper process.

    Raises:
        UserError: there is no text, it is too long, or no arm has been kept.
    """
    example = example_of(opened, text, text_b)
    kept = {spec.id: spec for spec in lab.studies.kept(opened)}
    if not kept:
        raise UserError(
            say(
                "This study has no checkpoints: an archive holds none. Reproduce the study, then"
                " its arms can predict."
            )
        )
    asked = lab.queue.ask(
        "predict", folder=folder_of(lab, opened), runs=list(kept), examples=[example]
    )
    return [(kept[item[0]], item[1][0]) for item in asked if isinstance(item, tuple)]


def example_of(opened: Opened, text: str, text_b: str | None) -> Example:
    """A visitor's text, as a row of the study.

    Raises:
        UserError: there is none, or it is too long.
    """
    pair = opened.plan.study.problem.inputs == "two texts"
    if not (text or "").strip() or (pair and not (text_b or "").strip()):
        raise UserError(say("Write both texts first.") if pair else say("Write a text first."))
    if len(text) + len(text_b or "") > MAX_CHARACTERS:
        raise UserError(
            say(
                "The text is longer than {max_characters:,} characters. Take a part of it.",
                max_characters=MAX_CHARACTERS,
            )
        )
    return Example(1, text, text_b if pair else None)


def folder_of(lab: Lab, opened: Opened) -> str:
    """Return the folder of a study, for a worker process."""
    return str(lab.queue.store(opened.name).folder.resolve())
