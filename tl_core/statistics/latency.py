"""How many times as long one arm takes as another, for the same texts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tl_core.statistics.crossed import t_quantile
from tl_core.statistics.intervals import Interval

SHORTEST = 1e-9  # seconds; no clock tells less


def times_as_long(a: Sequence[float], b: Sequence[float], *, tail: float = 0.025) -> Interval:
    """How many times as long `a` takes as `b`: the geometric mean of the ratios text by text, with
    limits from Student's t on their logarithms. Long texts take both long, so pairs vary less.

    Args:
        a: seconds of each text; of the longer of the two only those that the other has, too.
        tail: probability above each limit.
    """
    n = min(len(a), len(b))
    if n == 0:
        raise ValueError("There is no text that both were timed on.")
    logs = np.log(np.maximum(a[:n], SHORTEST)) - np.log(np.maximum(b[:n], SHORTEST))
    mean = float(logs.mean())
    if n == 1:
        return Interval(math.exp(mean), math.nan, math.nan, 1, 1)
    half = t_quantile(tail, n - 1) * float(logs.std(ddof=1)) / math.sqrt(n)
    return Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half), 1, n)
