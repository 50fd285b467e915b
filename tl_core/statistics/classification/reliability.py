"""Is a confidence of .8 right in 8 of 10? Calibration error in bins of equal mass, and what to hold
it against.

The error of a binned curve is above 0 by chance even for a perfectly calibrated model: .07 at 200
rows. So it is next to its value for one, and never with a bootstrap interval, which would
resample that bias. What can be tested is in `metrics_scores`. Everywhere: confidence (n,) of 0..1
and right (n,) of 0 and 1, of one trained model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_BINS, ROWS_PER_BIN = 15, 20
DRAWS = 1000


@dataclass(frozen=True)
class Reliability:
    """Points of a reliability diagram, by rising confidence; each array is (bins,)."""

    confidence: np.ndarray  # mean in the bin
    accuracy: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class CalibrationError:
    """A calibration error alongside that of a calibrated model with the same confidences."""

    value: float
    calibrated_mean: float
    calibrated_95: float  # exceeded in 5% of draws
    p: float  # share of draws at least as large as the value
    bins: int
    n: int


@dataclass(frozen=True)
class BrierParts:
    """Mean (confidence - right)^2 = unreliability - resolution + uncertainty + within (Murphy 1973;
    Stephenson 2008).
    """

    unreliability: float  # confidences of bins away from their accuracy: less is better
    resolution: float  # accuracies of bins apart from each other: more is better
    uncertainty: float  # of being right at all
    within: float  # what bins hide

    @property
    def total(self) -> float:
        """Return the mean (confidence - right)
        2, the sum of the parts.
        """
        return self.unreliability - self.resolution + self.uncertainty + self.within


def n_bins(n: int) -> int:
    """15, or fewer so that each holds 20 rows."""
    return max(1, min(MOST_BINS, n // ROWS_PER_BIN))


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int | None = None) -> Reliability:
    """Rows in bins of equal mass. Rows of equal confidence share their accuracy, so the order of
    rows does not matter.
    """
    confidence, right = checked(confidence, right)
    bins = bins or n_bins(len(confidence))
    sorted_by, starts, sizes = _layout(confidence, bins)
    accuracy = np.add.reduceat(smoothed(confidence, right[None])[0], starts) / sizes
    return Reliability(np.add.reduceat(confidence[sorted_by], starts) / sizes, accuracy, sizes)


def ece(confidence: np.ndarray, right: np.ndarray, bins: int | None = None) -> float:
    """Expected calibration error (Naeini et al. 2015), here with bins of equal mass."""
    points = reliability(confidence, right, bins)
    return float(
        (points.rows * np.abs(points.accuracy - points.confidence)).sum() / points.rows.sum()
    )


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> CalibrationError:
    """`ece`, and its distribution were each row right with the probability it says (Bröcker & Smith
    2007).
    """
    confidence, right = checked(confidence, right)
    n, bins = len(confidence), n_bins(len(confidence))
    sorted_by, starts, _ = _layout(confidence, bins)
    lucky = np.random.default_rng(seed).random((draws, n)) < confidence
    gaps = smoothed(confidence, lucky.astype(float)) - confidence[sorted_by]
    calibrated = np.abs(np.add.reduceat(gaps, starts, axis=1)).sum(1) / n
    value = ece(confidence, right)
    return CalibrationError(
        value,
        float(calibrated.mean()),
        float(np.quantile(calibrated, 0.95)),
        float((calibrated >= value - 1e-12).mean()),
        bins,
        n,
    )


def classwise_ece(gold: np.ndarray, probabilities: np.ndarray, *, many: bool = False) -> np.ndarray:
    """(C,) calibration error of each label's own probability (Kull et al. 2019); gold (n,) int;
    many: (n, C) bool.
    """
    gold, p = np.asarray(gold), np.asarray(probabilities, float)
    return np.array([ece(p[:, c], gold[:, c] if many else gold == c) for c in range(p.shape[1])])


def brier_parts(confidence: np.ndarray, right: np.ndarray) -> BrierParts:
    """The Brier score of being right, by its causes."""
    points = reliability(confidence, right)
    confidence, right = checked(confidence, right)
    share, mean = points.rows / len(right), right.mean()
    unreliability = (share * (points.confidence - points.accuracy) ** 2).sum()
    resolution = (share * (points.accuracy - mean) ** 2).sum()
    uncertainty = mean * (1 - mean)
    within = ((confidence - right) ** 2).mean() - unreliability + resolution - uncertainty
    return BrierParts(float(unreliability), float(resolution), float(uncertainty), float(within))


def checked(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float arrays (n,).

    Raises:
        ValueError: they are not (n,) each, or n is 0.
    """
    confidence, right = np.asarray(confidence, float), np.asarray(right, float)
    if confidence.ndim != 1 or confidence.shape != right.shape or not len(confidence):
        raise ValueError(
            f"Confidence and right must be (n,) each, not {confidence.shape} and {right.shape}."
        )
    return confidence, right


def _layout(confidence: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order of rows by confidence, where each bin starts in it, and its rows. Edges as
    scikit-learn's quantile bins.
    """
    n = len(confidence)
    starts = np.concatenate([[0], (n - 1) * np.arange(1, bins) // bins + 1])
    starts = np.unique(np.minimum(starts, n - 1))
    return np.argsort(confidence, kind="stable"), starts, np.diff(np.append(starts, n))


def smoothed(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """right (draws, n) in order of confidence, each the mean of its ties."""
    _, group, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    ordered = right[:, np.argsort(confidence, kind="stable")]
    if len(sizes) == len(confidence):
        return ordered
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return (np.add.reduceat(ordered, starts, axis=1) / sizes)[:, np.sort(group)]
