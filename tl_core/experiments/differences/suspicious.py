"""Test rows whose given label looks wrong: every arm that knows anything contradicts it, and each is confident.

No arm has learnt from a test row, so its probabilities are out of sample, as confident learning asks (Northcutt et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.experiments.compare import CONSTANT
from tl_core.experiments.differences.studied import Studied, Usual
from tl_core.statistics.label_errors import doubted


@dataclass(frozen=True)
class Doubt:
    """One row."""

    at: int  # position among the test rows
    instead: tuple[str, ...]  # label ids the arms would give it
    arms: int  # how many of the arms asked would give it all of these
    given: float  # mean probability of what it is labelled


@dataclass(frozen=True)
class Doubts:
    """Those who were asked, and the rows, the least likely labels first."""

    asked: tuple[Usual, ...]
    rows: tuple[Doubt, ...]


def suspicious(studied: Studied) -> Doubts:
    """Rows that all arms asked doubt. Nobody is asked who may be no better than one answer for all."""
    asked = tuple(x for x in studied.arms if _knows(x, studied))
    if not asked:
        return Doubts((), ())
    every = np.stack([doubted(studied.gold, x.chances) for x in asked])  # (arms, n, C)
    rows = np.flatnonzero(every.any(2).all(0))
    votes, chances = every[:, rows].sum(0), np.mean([x.chances[rows] for x in asked], axis=0)  # (rows, C)
    given = np.mean([x.of_given[rows] for x in asked], axis=0)
    found = [_doubt(studied, int(at), votes[i], chances[i], float(given[i]), every[:, at]) for i, at in enumerate(rows)]
    return Doubts(asked, tuple(sorted(found, key=lambda d: (d.given, d.at))))


def _knows(one: Usual, studied: Studied) -> bool:
    """Whether it is shown to be better than one answer for all; with many labels by macro-F1, for which it gives more than rows carry."""
    cell = one.line.cell
    above = cell.accuracy.low > studied.comparison.chance if studied.gold.ndim == 1 else one.line.above_constant("macro_f1")
    return cell.strategy != CONSTANT and one.tells_chances and above


def _doubt(studied: Studied, at: int, votes: np.ndarray, chances: np.ndarray, given: float, each: np.ndarray) -> Doubt:
    """One label: the one most arms are confident of, of equals the likelier. Many: the given ones, less and plus those doubted by most."""
    ids = studied.plan.study.problem.label_ids
    if studied.gold.ndim == 1:
        best = int((votes + chances / 2).argmax())
        return Doubt(at, (ids[best],), int(votes[best]), given)
    changed = votes == votes.max()
    wanted = studied.gold[at] ^ changed
    return Doubt(at, tuple(np.array(ids)[wanted].tolist()), int(each[:, changed].all(1).sum()), given)
