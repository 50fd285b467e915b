"""Risk and coverage: errors if only the most confident predictions are used. (El-Yaniv & Wiener
2010; Geifman & El-Yaniv 2017)

confidence (n,), right (n,) of 0 and 1, of one trained model. Rows of equal confidence are used in
no order of their own: each
counts as the mean of its ties.
"""

from __future__ import annotations

import numpy as np

from tl_core.statistics.classification.reliability import checked, smoothed


def risk_coverage(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) share of rows answered, 1/n to 1, and (n,) share of wrong predictions among them, the
    most confident first.
    """
    confidence, right = checked(confidence, right)
    wrong = 1 - smoothed(confidence, right[None])[0][::-1]
    used = np.arange(1, len(wrong) + 1)
    return used / len(wrong), np.cumsum(wrong) / used


def aurc(confidence: np.ndarray, right: np.ndarray) -> float:
    """Area under the risk-coverage curve, the mean risk over coverages 1/n to 1: less is better."""
    return float(risk_coverage(confidence, right)[1].mean())
