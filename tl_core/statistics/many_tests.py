"""Many tests at once: p-values adjusted so that one may still be read at .05."""

from __future__ import annotations

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """(m,) p-values adjusted for there being m of them, in the order given (Holm 1979): one is
    right at .05 if below .05.
    """
    p = np.asarray(p, float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(stepped, 1.0)
    return out


def false_discovery(p: np.ndarray) -> np.ndarray:
    """(m,) p-values adjusted so that of those below .05 about one in twenty is a false find
    (Benjamini & Hochberg 1995).

    It finds more than `holm`, which makes a single false find unlikely. Tests may depend on each
    other as overlapping groups of rows do.
    """
    p = np.asarray(p, float)
    order = np.argsort(-p, kind="stable")
    stepped = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(stepped, 1.0)
    return out
