"""The most frequent label, always: what any method has to beat.

Where a text is written, the first sentences of the text itself (lead-k), or all of it.

Where a text may have several labels, macro-F1 is what counts, and of all answers that are the same
for every text it is
largest for every label: 2 p / (1 + p) of a label that a share p of the rows carry, against 0 where
it is not given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import EVERYTHING, QUESTIONS, WRITTEN, Strategy
from tl_core.api.types import Example, Fitted, Job, Problem, Step, Steps


@dataclass(frozen=True)
class MajoritySettings:
    smoothing: float = param(
        1.0, "Rows added to every label's count, so that none has probability 0", low=0.0, high=1000
    )


class Majority(Strategy):
    id = "majority"
    tasks = EVERYTHING | QUESTIONS | WRITTEN
    version = 2
    order = 10
    title = say("Most frequent label")
    titles = (
        (WRITTEN, say("First sentences, copied")),
        (QUESTIONS, say("The same answer always")),
    )
    about = say(
        "Always predicts the most frequent label of the training rows; where a text may have"
        " several, every label there is; where a text is written, copies the first sentences."
        " Anything that does not beat it has learned nothing."
    )
    uses_model = False
    learns_from_few = False  # it never looks at a text
    deterministic = True
    settings = MajoritySettings

    def fit(self, job: Job) -> Steps[Fitted]:
        """Count labels; equal counts are decided by the seed, not by the order of labels."""
        from tl_core.tasks import task_of

        task = task_of(job.problem)
        if task.writes:
            from tl_core.models.sentences import fit_lead

            return (yield from fit_lead(job))
        gold = task.gold(job.problem, job.train)
        shares = task.constant_scores(job.problem, gold, job.params.smoothing, job.seed)
        yield Step(1, 1)
        return Fitted(
            Predictor(shares, job.problem),
            held_out=(gold, np.tile(shares, (len(gold), 1))) if task.cuts else None,
        )

    def load(self, folder: Path, problem: Problem, encoder) -> Any:
        """Shares as saved."""
        from tl_core.models.saved import read_arrays
        from tl_core.models.sentences import load_lead
        from tl_core.tasks import task_of

        if task_of(problem).writes:
            return load_lead(folder)
        return Predictor(read_arrays(folder)["shares"], problem)


class Predictor:
    """The same shares for every text."""

    def __init__(self, shares: np.ndarray, problem: Problem):
        self.shares, self.problem = shares, problem  # as `constant_scores` makes them

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32; of words (n, W, K)."""
        from tl_core.tasks import task_of

        yield Step(len(examples), len(examples), phase="predict")
        return task_of(self.problem).constant_rows(self.problem, examples, self.shares)

    def save(self, folder: Path) -> None:
        """Write the shares."""
        from tl_core.models.saved import write_arrays

        write_arrays(folder, shares=self.shares)


STRATEGY = Majority()
