"""Choose the texts to label next: those a model is uncertain of, no two of them alike (BADGE, Ash
et al. 2020).

A text stands for the gradient that its own answer would send into the last layer: the
answer's error, which is long where the model is uncertain, times the text's features. The first is
the longest; each further one is drawn with a probability that grows with the squared distance to
all chosen before (k-means++, Arthur & Vassilvitskii 2007).
"""

from __future__ import annotations

from typing import Any

import numpy as np

TINY = 1e-9  # of a squared distance: rounding


def badge(error: np.ndarray, features: Any, count: int, *, seed: int = 0) -> np.ndarray:
    """(min(count, n),) positions in the order in which they were chosen; fewer where the others
    would add nothing.

    Args:
        error: (n, K) what contradicts each row's own answer (`Task.answer_errors`).
        features: (n, d), dense or sparse, rows of length 1: directions say what a text is about.
    """
    error = np.asarray(error, float)
    length = (error**2).sum(1)
    draw = np.random.default_rng(seed)
    chosen: list[int] = []
    distance = length.copy()
    while len(chosen) < min(count, len(error)) and distance.max() > TINY:
        i = (
            int(distance.argmax())
            if not chosen
            else int(draw.choice(len(error), p=distance / distance.sum()))
        )
        chosen.append(i)
        away = length + length[i] - 2 * (error @ error[i]) * _alike(features, i)
        distance = np.minimum(distance, np.maximum(away, 0.0))
        distance[i] = 0.0
    return np.array(chosen, dtype=int)


def _alike(features: Any, i: int) -> np.ndarray:
    """(n,) inner products with row i."""
    found = features @ (features[i] if isinstance(features, np.ndarray) else features[[i]].T)
    return found if isinstance(found, np.ndarray) else found.toarray().ravel()
