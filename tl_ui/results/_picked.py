"""Picks where two arms are compared with each other, and the rows behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tl_core.analysis.differences import Consensus, StudyPredictions
from tl_core.analysis.differences.disagreement import (
    PARTS,
    Disagreement,
    RightSet,
    disagreement,
    right_sets,
    square,
    surely_wrong,
)
from tl_core.analysis.differences.label_errors import Doubts, suspicious
from tl_core.analysis.differences.slices import Slice, Tested, find
from tl_core.api.amounts import percent
from tl_core.api.types import Problem
from tl_core.tasks import task_of
from tl_core.words import differences as said
from tl_core.words.names import arm_names, renamed
from tl_ui.components.html import label_name, safe
from tl_ui.results._listed import headers, row_cells
from tl_ui.words import t

Pick = tuple[str, tuple[int, ...]]  # what, and its numbers, as `press.pressed` gives them
NOTHING: Pick = ("", ())


@dataclass(frozen=True)
class Two:
    """Two lines of a study. What they show together is computed once."""

    studied: StudyPredictions
    slices: tuple[Slice, ...]
    a: Consensus
    b: Consensus

    @property
    def problem(self) -> Problem:
        """Return the study's problem."""
        return self.studied.plan.study.problem

    @property
    def disagreement(self) -> Disagreement:
        """Return the test rows by which of the two lines is correct."""
        return self.studied.once(
            ("pair", self.a.name, self.b.name), lambda: disagreement(self.a, self.b)
        )

    @property
    def tested(self) -> tuple[Tested, ...]:
        """Return the tests of both lines, and of the lead, in every group."""
        return self.studied.once(
            ("slices", len(self.slices), self.a.name, self.b.name),
            lambda: find(self.studied, self.slices, (self.a, self.b)),
        )

    @property
    def sets(self) -> tuple[RightSet, ...]:
        """Return the largest groups of test rows on which the same arms are correct."""
        return self.studied.once("sets", lambda: right_sets(self.studied))

    @property
    def doubts(self) -> Doubts:
        """Return the labels that look wrong."""
        return self.studied.once("doubts", lambda: suspicious(self.studied))

    def names(self, lang: str) -> dict[str, str]:
        """Return the name of each arm by its id."""
        arms = [(arm.id, arm.strategy) for arm in self.studied.plan.study.arms]
        return arm_names(arms, self.problem, lang)

    def of_group(self, group: int) -> list[Tested]:
        """Return the tests of a group: a, b, and the lead."""
        return sorted(
            (x for x in self.tested if x.of == group), key=lambda x: (bool(x.b), x.a != self.a.arm)
        )


def picked_rows(two: Two, pick: Pick) -> np.ndarray | None:
    """Positions of test rows, those first that a wrong prediction is most confident of; None for a
    pick of something that is not there.
    """
    what, numbers = pick
    d, sizes = (
        two.disagreement,
        {
            "part": len(PARTS),
            "sure": 2,
            "slice": len(two.slices),
            "set": len(two.sets),
            "doubts": 1,
        },
    )
    if what == "":
        apart = np.concatenate(
            [d.parts[part] for part in PARTS if part not in ("both", "same_mistake")]
        )
        return _by_sure_mistake(two, apart)
    if (
        what == "square"
        and two.studied.task.confusion
        and len(numbers) == 2
        and max(numbers) < len(two.problem.labels)
    ):
        return square(d, *numbers)
    if len(numbers) != 1 or numbers[0] >= sizes.get(what, 0):
        return None
    at = numbers[0]
    if what == "sure":
        return surely_wrong((two.a, two.b)[at])
    if what == "doubts":
        return np.array([x.at for x in two.doubts.rows], dtype=int)
    rows = {
        "part": lambda: d.parts[PARTS[at]],
        "slice": lambda: two.slices[at].rows,
        "set": lambda: two.sets[at].rows,
    }
    return _by_sure_mistake(two, rows[what]())


def _by_sure_mistake(two: Two, rows: np.ndarray) -> np.ndarray:
    sure = np.where(two.a.right, 0.0, two.a.sure) + np.where(two.b.right, 0.0, two.b.sure)
    return rows[np.argsort(-sure[rows], kind="stable")]


def picked_text(two: Two, pick: Pick, lang: str) -> str:
    """Describe the rows that were picked."""
    what, numbers = pick
    called = two.names(lang)
    names = {"a": called[two.a.arm], "b": called[two.b.arm]}
    if what == "":
        return t(lang, "differ_rows_apart", **names)
    if what == "part":
        return t(lang, f"differ_{PARTS[numbers[0]]}", **names) + "."
    if what == "sure":
        return t(lang, "differ_sure", arm=names["ab"[numbers[0]]]) + "."
    if what == "square":
        given, answered = (two.problem.labels[i].name for i in numbers)
        return t(lang, "differ_rows_square", given=given, said=answered, **names)
    if what == "set":
        return t(
            lang,
            "differ_rows_set",
            arms=said.right_set(
                renamed(two.sets[numbers[0]], called),
                [called[x.arm] for x in two.studied.arms],
                lang,
            ),
        )
    if what == "doubts":
        return t(lang, "differ_rows_doubts")
    group = two.slices[numbers[0]]
    return " ".join(
        said.finding(renamed(x, called), group, two.problem, lang) for x in two.of_group(numbers[0])
    ) or said.where(group, two.problem, lang)


def rows_table(two: Two, pick: Pick, at: np.ndarray, lang: str) -> dict[str, Any]:
    """Row, text, given label, and what the two and then every other arm usually answers, with its
    probability.
    """
    task = task_of(two.problem)
    arms = list({x.name: x for x in (two.a, two.b, *two.studied.arms)}.values())
    asked = [two.studied.rows[i] for i in at]
    answers = [task.phrases(two.problem, asked, x.answer[at]) for x in arms]
    given = task.phrases(two.problem, asked, two.studied.gold[at])
    instead = {x.at: x.instead for x in two.doubts.rows} if pick[0] == "doubts" else None
    extra = [] if instead is None else [t(lang, "differ_instead")]
    data = []
    for k, i in enumerate(at):
        told = [_answer(x, said[k], i) for x, said in zip(arms, answers)]
        row = row_cells(two.studied.rows[i], given[k])
        data.append(
            [*row, *([] if instead is None else [label_name(two.problem, instead[i])]), *told]
        )
    return {
        "headers": headers([x.line.cell for x in arms], two.problem, lang, *extra),
        "data": data,
    }


def _answer(one: Consensus, said: tuple[str, ...], i: int) -> str:
    sure = (
        f" {percent(float(one.sure[i]), 0)}".replace(" ", "\u00a0") if one.tells_chances else ""
    )  # never a % on a line of its own
    return f"{'✓' if one.right[i] else '✗'} {safe(', '.join(said)) or '–'}{sure}"
