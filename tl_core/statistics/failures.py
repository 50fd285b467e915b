"""Runs that failed to train: counted, shown, and never averaged away.

A run that stays at the level of its most frequent label says how the method fares too, so both
means are
given: over all runs and over those that trained. No interval holds its level where runs fail
(coverage .43 to .76 with one in ten), so the first wears a badge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from tl_core.statistics.crossed import matrix, score_interval
from tl_core.statistics.design import PLAIN, Design
from tl_core.statistics.intervals import FAILED_RUNS, Interval


@dataclass(frozen=True)
class WithFailures:
    """f of S runs failed, what the rate of failure could be, and the mean over all runs and over
    those that trained.
    """

    failed: int
    seeds: int
    rate_at_most: float
    all_runs: Interval
    trained: Interval | None  # None where all failed


def failure_rate_at_most(failed: int, seeds: int, level: float = 0.95) -> float:
    """Upper limit of the failure rate (Clopper & Pearson 1934, one-sided): 1 - .05^(1/S) where none
    failed.
    """
    if seeds < 1 or not 0 <= failed <= seeds:
        raise ValueError(f"{failed} failed of {seeds} runs is not a share.")
    return 1.0 if failed == seeds else float(special.betaincinv(failed + 1, seeds - failed, level))


def with_failures(
    Y: np.ndarray,
    failed: np.ndarray,
    *,
    overlap: float = 0.0,
    level: float = 0.95,
    design: Design = PLAIN,
) -> WithFailures:
    """Y (S, n) any score of a row, runs that failed to train among them; failed (S,) bool."""
    Y, failed = matrix(Y), np.asarray(failed, bool)
    every = score_interval(Y, overlap=overlap, level=level, design=design)
    if failed.any():
        every = replace(every, notes=(*every.notes, FAILED_RUNS))
    trained = (
        None
        if failed.all()
        else score_interval(Y[~failed], overlap=overlap, level=level, design=design)
    )
    f, S = int(failed.sum()), len(Y)
    return WithFailures(f, S, failure_rate_at_most(f, S, level), every, trained)
