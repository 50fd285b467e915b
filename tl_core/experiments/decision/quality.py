"""How good the answers of every line are, by each metric, and how far its probabilities can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tl_core.experiments.deciding import probabilities
from tl_core.experiments.decision.lines import Line
from tl_core.statistics.crossed import score_interval
from tl_core.statistics.intervals import Interval
from tl_core.statistics.metrics_counts import balanced_accuracy, matthews, metric_interval
from tl_core.statistics.metrics_scores import brier, confidence, confidence_gap, nll
from tl_core.statistics.reliability import CalibrationError, Reliability, calibration_error, reliability
from tl_core.statistics.selective import risk_coverage

DRAWS, DRAWN_NUMBERS = (100, 1000), 1_000_000  # of the calibrated reference: fewer draws where there are many rows, which need fewer
COVERAGES = 20


@dataclass(frozen=True)
class Trust:
    """Confidence against correctness of one trained model: the line's first seed. One label per text."""

    seed: int
    error: CalibrationError
    points: Reliability
    coverage: tuple[float, ...]  # share of rows answered, the surest first
    risk: tuple[float, ...]  # share of wrong answers among them
    aurc: float


@dataclass(frozen=True)
class Quality:
    """Metrics of a line. What is of probabilities is None where the scores only say which label was chosen."""

    arm: str
    shots: int | None
    accuracy: Interval
    macro_f1: Interval
    balanced_accuracy: Interval
    matthews: Interval | None  # None with many labels
    nll: Interval | None
    brier: Interval | None
    gap: Interval | None  # confidence minus correctness: above 0, surer than right
    trust: Trust | None  # None with many labels too, and where it was not asked for


def quality(line: Line, *, trust: bool) -> Quality:
    """Every metric of one line; how far it can be trusted takes the time of a thousand draws, so only where asked for."""
    gold, labels, single = line.gold, len(line.problem.labels), line.gold.ndim == 1
    options = {"overlap": line.overlap, "deterministic": line.once, "design": replace(line.design, spread=None)}
    balanced = metric_interval(gold, line.decided, labels, balanced_accuracy, **options)
    correlation = metric_interval(gold, line.decided, labels, matthews, lowest=-1.0, **options) if single else None
    cell = line.cell
    if any(r.choices_only for r in line.results):
        return Quality(cell.arm, cell.shots, cell.accuracy, cell.macro_f1, balanced, correlation, None, None, None, None)
    scores = np.stack([probabilities(r) for r in line.results])  # (S, n, C)
    of_rows = (_within(score_interval(score(gold, scores), **options), *ends) for score, ends in ((nll, (0.0, np.inf)), (brier, (0.0, _most(line))), (confidence_gap, (-1.0, 1.0))))
    trusted = _trust(line, scores[0]) if single and trust else None
    return Quality(cell.arm, cell.shots, cell.accuracy, cell.macro_f1, balanced, correlation, *of_rows, trusted)


def _most(line: Line) -> float:
    """The largest Brier score a row can have."""
    return 2.0 if line.gold.ndim == 1 else float(len(line.problem.labels))


def _within(found: Interval, lowest: float, highest: float) -> Interval:
    """The same with limits that the score can have."""
    return replace(found, low=max(found.low, lowest), high=min(found.high, highest))


def _trust(line: Line, scores: np.ndarray) -> Trust:
    sure, right, n = np.minimum(confidence(scores), 1.0), line.right[0], len(scores)
    error = calibration_error(sure, right, draws=int(np.clip(DRAWN_NUMBERS // n, *DRAWS)))
    coverage, risk = risk_coverage(sure, right)
    shown = np.unique(np.ceil(np.linspace(1 / COVERAGES, 1, COVERAGES) * n).astype(int) - 1)
    return Trust(
        line.cell.seeds[0], error, reliability(sure, right), tuple(coverage[shown].tolist()), tuple(risk[shown].tolist()), float(risk.mean())
    )
