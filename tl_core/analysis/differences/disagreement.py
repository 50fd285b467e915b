"""Two arms on the same rows: what only one of them gets right, and how their mistakes differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.analysis.compare import contender_of
from tl_core.analysis.decision.entries import Entry
from tl_core.analysis.differences.predictions import Consensus, StudyPredictions
from tl_core.statistics.best_set import Contender, difference
from tl_core.statistics.crossed import interval_of
from tl_core.statistics.intervals import Interval

BOTH, ONLY_A, ONLY_B, SAME_MISTAKE, OTHER_MISTAKE = PARTS = (
    "both",
    "only_a",
    "only_b",
    "same_mistake",
    "other_mistake",
)


@dataclass(frozen=True)
class Disagreement:
    """Every row is in exactly one part."""

    a: Consensus
    b: Consensus
    parts: dict[str, np.ndarray]  # PARTS -> positions of rows
    ahead: (
        Interval | None
    )  # accuracy of a minus that of b, over the draws both have; None where they share none

    def count(self, part: str) -> int:
        """Return the number of test rows in a part, one of `PARTS`."""
        return len(self.parts[part])


def disagreement(a: Consensus, b: Consensus) -> Disagreement:
    """Compare the usual answers of two arms; `ahead` takes every draw."""
    same = a.task.same(a.answer, b.answer)
    wrong = ~a.right & ~b.right
    masks = (a.right & b.right, a.right & ~b.right, ~a.right & b.right, wrong & same, wrong & ~same)
    return Disagreement(
        a, b, {part: np.flatnonzero(mask) for part, mask in zip(PARTS, masks)}, _ahead(a, b)
    )


def _ahead(a: Consensus, b: Consensus) -> Interval | None:
    D = between(a, b)
    if D is None:
        return None
    return interval_of(
        D,
        overlap=max(a.line.overlap, b.line.overlap),
        deterministic=a.line.once and b.line.once,
        unit=True,
        design=a.line.design,
        usual=a.line.cell.usual + b.line.cell.usual,
    )


def between(a: Consensus, b: Consensus) -> np.ndarray | None:
    """(S, n) correct of a minus correct of b, by shared seed; None where they share none."""
    return difference(_by_accuracy(b.line), _by_accuracy(a.line))


def _by_accuracy(line: Entry) -> Contender:
    return contender_of(line.cell, line.name, line.right, line.overlap)


# --- confusions -----------------------------------------------------------------------------------


def square(d: Disagreement, given: int, said: int) -> np.ndarray:
    """Positions of rows labelled `given` that one or both of the two answer with `said`; those on
    which they differ first.
    """
    a, b = d.a.answer == said, d.b.answer == said
    rows = np.flatnonzero((d.a.line.gold == given) & (a | b))
    return rows[np.argsort((a & b)[rows], kind="stable")]


# --- more than two --------------------------------------------------------------------------------


@dataclass(frozen=True)
class RightSet:
    """Rows that exactly these arms get right."""

    arms: tuple[str, ...]
    rows: np.ndarray


def right_sets(studied: StudyPredictions, most: int = 12) -> tuple[RightSet, ...]:
    """The largest such sets, over every arm at its most labels."""
    right = np.stack([x.right for x in studied.arms], axis=1)  # (n, arms)
    packed = np.packbits(right, axis=1)
    _, first, of_row, counts = np.unique(
        packed, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    of_row = of_row.ravel()
    largest = np.argsort(-counts, kind="stable")[:most]
    names = [x.arm for x in studied.arms]
    return tuple(
        RightSet(
            tuple(n for n, yes in zip(names, right[first[k]]) if yes), np.flatnonzero(of_row == k)
        )
        for k in largest
    )


# --- one ------------------------------------------------------------------------------------------


def surely_wrong(one: Consensus) -> np.ndarray:
    """Positions of the rows predicted wrongly, most confident first."""
    wrong = np.flatnonzero(~one.right)
    return wrong[np.argsort(-one.sure[wrong], kind="stable")]


def costliest(one: Consensus) -> np.ndarray:
    """Positions of all rows, those first whose given label was thought least likely: the highest
    loss.
    """
    return np.argsort(one.of_given, kind="stable")
