"""Test rows whose given label looks wrong: every arm that knows anything contradicts it, and each
is confident.

No arm has learned from a test row, so its probabilities are out of sample, as confident learning
asks (Northcutt et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.analysis.compare import CONSTANT
from tl_core.analysis.differences.predictions import Consensus, StudyPredictions
from tl_core.statistics.classification.label_errors import doubted


@dataclass(frozen=True)
class Doubt:
    """One row."""

    at: int  # position among the test rows
    instead: tuple[str, ...]  # label ids the arms would give it
    arms: int  # how many of the arms asked would give it all of these
    given: float  # mean probability of what it is labelled


@dataclass(frozen=True)
class Doubts:
    """The arms that were compared with the given labels, and the rows, the least likely labels
    first.
    """

    asked: tuple[Consensus, ...]
    rows: tuple[Doubt, ...]


def suspicious(studied: StudyPredictions) -> Doubts:
    """Rows whose label all arms asked doubt. No arm is asked that may be no better than one answer
    for all.
    """
    asked = tuple(x for x in studied.arms if _knows(x, studied))
    if not asked:
        return Doubts((), ())
    task, labels = studied.task, len(studied.plan.study.problem.labels)
    gold = studied.gold if task.exclusive else task.carried(studied.gold, labels)
    every = np.stack(
        [doubted(gold, x.label_chances, many=not studied.task.exclusive) for x in asked]
    )  # (arms, n, C)
    rows = np.flatnonzero(every.any(2).all(0))
    votes, chances = (
        every[:, rows].sum(0),
        np.mean([x.label_chances[rows] for x in asked], axis=0),
    )  # (rows, C)
    given = np.mean([x.of_given[rows] for x in asked], axis=0)
    found = [
        _doubt(studied, gold, int(at), votes[i], chances[i], float(given[i]), every[:, at])
        for i, at in enumerate(rows)
    ]
    return Doubts(asked, tuple(sorted(found, key=lambda d: (d.given, d.at))))


def _knows(one: Consensus, studied: StudyPredictions) -> bool:
    """Whether it is shown to be better than one answer for all; with many labels by macro-F1, for
    which it gives more than rows carry.
    """
    known = one.line.beats_constant(studied.task.doubts_by)
    return one.line.cell.strategy != CONSTANT and one.tells_chances and known


def _doubt(
    studied: StudyPredictions,
    gold: np.ndarray,
    at: int,
    votes: np.ndarray,
    chances: np.ndarray,
    given: float,
    each: np.ndarray,
) -> Doubt:
    """One label: the one most arms are confident of, of equals the likelier. Many: the given ones,
    less and plus those doubted by most.
    """
    ids = studied.plan.study.problem.label_ids
    if studied.task.exclusive:
        best = int((votes + chances / 2).argmax())
        return Doubt(at, (ids[best],), int(votes[best]), given)
    changed = votes == votes.max()
    wanted = gold[at] ^ changed
    return Doubt(
        at, tuple(np.array(ids)[wanted].tolist()), int(each[:, changed].all(1).sum()), given
    )
