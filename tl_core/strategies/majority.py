"""The most frequent label, always: what any method has to beat.

Where a text may have several labels, macro-F1 is what counts, and of all answers that are the same for every text it is
largest for every label: 2 p / (1 + p) of a label that a share p of the rows carry, against 0 where it is not given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tl_core.params import param
from tl_core.types import Example, Facts, Fitted, Job, Problem, Step, Steps


@dataclass(frozen=True)
class Params:
    smoothing: float = param(1.0, "Rows added to every label's count, so that none has probability 0", low=0.0, high=1000)


class Majority:
    id = "majority"
    version = 2
    order = 10
    title = "Most frequent label"
    about = "Always answers the most frequent label of the training rows; where a text may have several, every label there is. Whatever does not beat it has learnt nothing."
    needs = "a few labels"
    uses_model = False
    deterministic = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to count."""
        return "majority needs labelled rows to count; choose 1 or more shots." if facts.shots == 0 else ""

    def passes(self, params: Params, train: int, test: int) -> float:
        """Nothing goes through a network beyond shared embeddings."""
        return 0.0

    def fit(self, job: Job) -> Steps[Fitted]:
        """Count labels; equal counts are decided by the seed, not by the order of labels."""
        from tl_core.tasks import task_of

        gold = task_of(job.problem).gold(job.problem, job.train)
        labels = len(job.problem.labels)
        counts = (np.bincount(gold, minlength=labels) if gold.ndim == 1 else gold.sum(0)).astype(np.float64)
        total = counts.sum() if gold.ndim == 1 else len(job.train)
        spread = labels if gold.ndim == 1 else 2
        shares = ((counts + job.params.smoothing) / (total + spread * job.params.smoothing)).astype(np.float32)
        if gold.ndim == 1:
            winner = np.random.default_rng(job.seed).choice(np.flatnonzero(counts == counts.max()))
            shares[winner] = np.nextafter(shares[winner], np.float32(2))  # the least that puts it before its equals
        yield Step(1, 1)
        return Fitted(Predictor(shares), held_out=None if gold.ndim == 1 else (gold, np.tile(shares, (len(gold), 1))))

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Shares as saved."""
        from tl_core.models.saved import read_arrays

        return Predictor(read_arrays(folder)["shares"])


class Predictor:
    """The same shares for every text."""

    def __init__(self, shares: np.ndarray):
        self.shares = shares  # (C,)

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        yield Step(len(examples), len(examples), phase="predict")
        return np.tile(self.shares, (len(examples), 1))

    def save(self, folder: Path) -> None:
        """Write the shares."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, shares=self.shares)


STRATEGY = Majority()
