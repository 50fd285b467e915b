"""Quality of every entry's predictions by each metric, and how far its probabilities can be
trusted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tl_core.analysis.decision.entries import Entry
from tl_core.statistics.classification.counts import balanced_accuracy, matthews, metric_interval
from tl_core.statistics.classification.proper_scores import confidence
from tl_core.statistics.classification.reliability import (
    CalibrationError,
    Reliability,
    calibration_error,
    reliability,
)
from tl_core.statistics.classification.selective import risk_coverage
from tl_core.statistics.crossed import score_interval
from tl_core.statistics.intervals import Interval
from tl_core.studies.thresholds import probabilities
from tl_core.tasks import task_of

DRAWS, DRAWN_NUMBERS = (
    (100, 1000),
    1_000_000,
)  # of the calibrated reference: fewer draws where there are many rows, which need fewer
COVERAGES = 20


@dataclass(frozen=True)
class Trust:
    """Confidence against correctness of one trained model: the line's first seed. One label per
    text.
    """

    seed: int
    error: CalibrationError
    points: Reliability
    coverage: tuple[float, ...]  # share of rows answered, most confident first
    risk: tuple[float, ...]  # share of wrong predictions among them
    aurc: float


@dataclass(frozen=True)
class Quality:
    """Metrics of a line. What is of probabilities is None where the scores only say which label was
    chosen.
    """

    arm: str
    shots: int | None
    measures: dict[str, Interval]  # those of the task
    balanced_accuracy: Interval | None  # None where answers are of words
    matthews: Interval | None  # None where a row may have several answers
    nll: Interval | None
    brier: Interval | None
    gap: Interval | None  # confidence minus correctness: above 0, more confident than right
    trust: Trust | None  # None where the task offers none, and where it was not asked for


def quality(line: Entry, *, trust: bool) -> Quality:
    """Every metric of one line; how far it can be trusted takes the time of a thousand draws, so
    only where asked for.
    """
    gold, labels, task = line.gold, len(line.problem.labels), task_of(line.problem)
    options: dict[str, Any] = {
        "overlap": line.overlap,
        "deterministic": line.once,
        "design": replace(line.design, spread=None),
    }
    balanced = (
        None
        if task.by_word or task.writes
        else metric_interval(
            gold, line.decided, labels, balanced_accuracy, many=not task.exclusive, **options
        )
    )
    correlation = (
        metric_interval(gold, line.decided, labels, matthews, lowest=-1.0, **options)
        if task.exclusive
        else None
    )
    cell = line.cell
    if any(r.choices_only for r in line.results):
        return Quality(
            cell.arm,
            cell.shots,
            cell.measures,
            balanced,
            correlation,
            None,
            None,
            None,
            None,
        )
    scores = np.stack([probabilities(r) for r in line.results])  # (S, n, C)
    of_nll, of_brier, of_gap = (
        _within(score_interval(score(gold, scores), **options), *ends)
        for score, ends in (
            (task.log_loss, (0.0, np.inf)),
            (task.brier, (0.0, task.largest_brier(labels))),
            (task.confidence_gap, (-1.0, 1.0)),
        )
    )
    trusted = _trust(line, scores[0]) if task.trust and trust else None
    return Quality(
        cell.arm,
        cell.shots,
        cell.measures,
        balanced,
        correlation,
        of_nll,
        of_brier,
        of_gap,
        trusted,
    )


def _within(found: Interval, lowest: float, highest: float) -> Interval:
    """The same with limits that the score can have."""
    return replace(found, low=max(found.low, lowest), high=min(found.high, highest))


def _trust(line: Entry, scores: np.ndarray) -> Trust:
    sure, right, n = np.minimum(confidence(scores), 1.0), line.right[0], len(scores)
    error = calibration_error(sure, right, draws=int(np.clip(DRAWN_NUMBERS // n, *DRAWS)))
    coverage, risk = risk_coverage(sure, right)
    shown = np.unique(np.ceil(np.linspace(1 / COVERAGES, 1, COVERAGES) * n).astype(int) - 1)
    return Trust(
        line.cell.seeds[0],
        error,
        reliability(sure, right),
        tuple(coverage[shown].tolist()),
        tuple(risk[shown].tolist()),
        float(risk.mean()),
    )
