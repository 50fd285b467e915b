"""What can be picked where two arms are held against each other, and the rows behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tl_core.experiments.differences import Studied, Usual
from tl_core.experiments.differences.disagreement import PARTS, Disagreement, RightSet, disagreement, right_sets, square, surely_wrong
from tl_core.experiments.differences.slices import Slice, Tested, find
from tl_core.experiments.differences.suspicious import Doubts, suspicious
from tl_core.report import differences as said
from tl_core.tasks import task_of
from tl_core.types import Problem
from tl_ui.pieces import label_name, percent
from tl_ui.results._listed import headers, row_cells
from tl_ui.words import t

Pick = tuple[str, tuple[int, ...]]  # what, and its numbers, as `press.pressed` gives them
NOTHING: Pick = ("", ())


@dataclass(frozen=True)
class Two:
    """Two lines of a study. What they say together is worked out once."""

    studied: Studied
    slices: tuple[Slice, ...]
    a: Usual
    b: Usual

    @property
    def problem(self) -> Problem:
        return self.studied.plan.study.problem

    @property
    def disagreement(self) -> Disagreement:
        return self.studied.once(("pair", self.a.name, self.b.name), lambda: disagreement(self.a, self.b))

    @property
    def tested(self) -> tuple[Tested, ...]:
        return self.studied.once(("slices", len(self.slices), self.a.name, self.b.name), lambda: find(self.studied, self.slices, (self.a, self.b)))

    @property
    def sets(self) -> tuple[RightSet, ...]:
        return self.studied.once("sets", lambda: right_sets(self.studied))

    @property
    def doubts(self) -> Doubts:
        return self.studied.once("doubts", lambda: suspicious(self.studied))

    def of_group(self, group: int) -> list[Tested]:
        """What was tested of a group: a, b, and the lead."""
        return sorted((x for x in self.tested if x.of == group), key=lambda x: (bool(x.b), x.a != self.a.arm))


def picked_rows(two: Two, pick: Pick) -> np.ndarray | None:
    """Positions of test rows, those first that a wrong answer is surest of; None for a pick of something that is not there."""
    what, numbers = pick
    d, sizes = two.disagreement, {"part": len(PARTS), "sure": 2, "slice": len(two.slices), "set": len(two.sets), "doubts": 1}
    if what == "":
        apart = np.concatenate([d.parts[part] for part in PARTS if part not in ("both", "same_mistake")])
        return _by_sure_mistake(two, apart)
    if what == "square" and two.studied.gold.ndim == 1 and len(numbers) == 2 and max(numbers) < len(two.problem.labels):
        return square(d, *numbers)
    if len(numbers) != 1 or numbers[0] >= sizes.get(what, 0):
        return None
    at = numbers[0]
    if what == "sure":
        return surely_wrong((two.a, two.b)[at])
    if what == "doubts":
        return np.array([x.at for x in two.doubts.rows], dtype=int)
    rows = {"part": lambda: d.parts[PARTS[at]], "slice": lambda: two.slices[at].rows, "set": lambda: two.sets[at].rows}
    return _by_sure_mistake(two, rows[what]())


def _by_sure_mistake(two: Two, rows: np.ndarray) -> np.ndarray:
    sure = sum(np.where(x.right, 0.0, x.sure) for x in (two.a, two.b))
    return rows[np.argsort(-sure[rows], kind="stable")]


def picked_text(two: Two, pick: Pick, lang: str) -> str:
    """Which rows these are."""
    what, numbers = pick
    names = {"a": two.a.arm, "b": two.b.arm}
    if what == "":
        return t(lang, "differ_rows_apart", **names)
    if what == "part":
        return t(lang, f"differ_{PARTS[numbers[0]]}", **names) + "."
    if what == "sure":
        return t(lang, "differ_sure", arm=(two.a.arm, two.b.arm)[numbers[0]]) + "."
    if what == "square":
        given, answered = (two.problem.labels[i].name for i in numbers)
        return t(lang, "differ_rows_square", given=given, said=answered, **names)
    if what == "set":
        return t(lang, "differ_rows_set", arms=said.right_set(two.sets[numbers[0]], [x.arm for x in two.studied.arms], lang))
    if what == "doubts":
        return t(lang, "differ_rows_doubts")
    group = two.slices[numbers[0]]
    return " ".join(said.finding(x, group, two.problem, lang) for x in two.of_group(numbers[0])) or said.where(group, two.problem, lang)


def rows_table(two: Two, pick: Pick, at: np.ndarray, lang: str) -> dict[str, Any]:
    """Row, text, given label, and what the two and then every other arm usually answers, with its probability."""
    task = task_of(two.problem)
    arms = list({x.name: x for x in (two.a, two.b, *two.studied.arms)}.values())
    answers = [task.names(two.problem, x.answer[at]) for x in arms]
    instead = {x.at: x.instead for x in two.doubts.rows} if pick[0] == "doubts" else None
    extra = [] if instead is None else [t(lang, "differ_instead")]
    data = []
    for k, i in enumerate(at):
        told = [_answer(two.problem, x, names[k], i) for x, names in zip(arms, answers)]
        row = row_cells(two.studied.rows[i], two.problem)
        data.append([*row, *([] if instead is None else [label_name(two.problem, instead[i])]), *told])
    return {"headers": headers([x.line.cell for x in arms], lang, *extra), "data": data}


def _answer(problem: Problem, one: Usual, ids: tuple[str, ...], i: int) -> str:
    sure = f" {percent(float(one.sure[i]), 0)}".replace(" ", "\u00a0") if one.tells_chances else ""  # never a % on a line of its own
    return f"{'✓' if one.right[i] else '✗'} {label_name(problem, ids) or '–'}{sure}"
