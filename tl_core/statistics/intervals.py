"""Wilson's interval for one share, and the badges an interval can carry."""

from __future__ import annotations

import numpy as np
from scipy import special

from tl_core.api.types import Interval as Interval

ONE_SEED = "seed variation unknown"
TWO_SEEDS = "seed variation unknown: two seeds are too few, use 3 or more"
IDENTICAL = "identical"
NEVER_WRONG = "fewer than 10 rows ever wrong"
NEVER_RIGHT = "fewer than 10 rows ever right"
FAILED_RUNS = "some runs failed to train"
FEW_PER_LABEL = "fewer than 10 test rows of some label"
FEW = 10  # below this, coverage of a nominal 95% interval was seen to fall to .88


def wilson(successes: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Limits for a share of n independent rows (Wilson 1927). Successes may be fractional: a mean
    times n.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} rows is not a share.")
    return wilson_at(successes / n, n, float(special.ndtri((1 + level) / 2)))


def wilson_at(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's limits `z` standard errors from the share; z may be infinite: then 0 and 1."""
    if np.isinf(z):
        return 0.0, 1.0
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(max(0.0, min(centre - half, share))), float(min(1.0, max(centre + half, share)))


def share_notes(right: np.ndarray) -> tuple[str, ...]:
    """Badges for right (S, n) bool: too few rows were wrong, or right, in any seed to trust a
    variance.
    """
    notes = []
    if (~right).any(0).sum() < FEW:
        notes.append(NEVER_WRONG)
    if right.any(0).sum() < FEW:
        notes.append(NEVER_RIGHT)
    return tuple(notes)


def seed_notes(seeds: int, deterministic: bool) -> tuple[str, ...]:
    """The badge of a number whose spread over seeds could not be measured."""
    return () if deterministic or seeds > 2 else (ONE_SEED,) if seeds == 1 else (TWO_SEEDS,)
