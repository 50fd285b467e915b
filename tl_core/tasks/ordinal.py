"""A rating: whole numbers on a scale, and an answer that is off by one is better than one off by
three.

Scores are one distribution over the points of the scale, in order. The answer is its median, which
of all answers has the least error to be expected (its mean is no point of the scale, and its peak
forgets the order).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.task import Measure
from tl_core.api.types import Interval, Label, Problem
from tl_core.tasks._measures import Accuracy
from tl_core.tasks._one_answer import OneAnswer

if TYPE_CHECKING:
    import torch

MOST_POINTS = 21  # from -10 to 10, or every 5 to 100
POINT = re.compile(r"[-+]?\d{1,4}", re.ASCII)


def values_of(problem: Problem) -> np.ndarray:
    """(C,) the number of each label, rising."""
    return np.array([float(label.id) for label in problem.labels])


class MeanAbsoluteError(Measure):
    """The mean distance of answers from the given labels, in points on the scale.

    As a score: 1 - error / length of the scale.
    """

    id = "mean_absolute_error"
    row_by_row = True
    unit = "points"
    falls = True

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) closeness."""
        from tl_core.statistics.ordinal import closeness

        values = values_of(problem)
        return closeness(values[gold], values[decided], self.scale(problem))

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """Return the interval of the closeness."""
        from tl_core.statistics.ordinal import closeness_interval

        return closeness_interval(self.rows(problem, gold, decided), **options)

    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """The median of the rows."""
        return np.full_like(gold, best_points(problem, gold)[0])

    def scale(self, problem: Problem) -> float:
        """Return the length of the scale, from its lowest point to its highest."""
        values = values_of(problem)
        return float(values[-1] - values[0])


class WeightedKappa(Measure):
    """Agreement beyond chance, a disagreement counting by its square (Cohen 1968)."""

    id = "weighted_kappa"
    unit = "number"

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) pseudo-values."""
        from tl_core.statistics.ordinal import weighted_kappa_pseudo

        values = values_of(problem)
        return weighted_kappa_pseudo(values[gold], values[decided])

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `weighted_kappa_interval`."""
        from tl_core.statistics.ordinal import weighted_kappa_interval

        values = values_of(problem)
        return weighted_kappa_interval(values[gold], values[decided], **options)

    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """The median: no constant answer has any."""
        return np.full_like(gold, best_points(problem, gold)[0])

    def scale(self, problem: Problem) -> float:
        """Return 1: the score is shown as it is."""
        return 1.0

    def value(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> float:
        """Return the value of one run, without the jackknife."""
        from tl_core.statistics.ordinal import weighted_kappa

        values = values_of(problem)
        return float(weighted_kappa(values[gold], values[decided]))


def best_points(problem: Problem, gold: np.ndarray) -> np.ndarray:
    """Positions of the points whose error is least where every row gets them: the medians."""
    values = values_of(problem)
    counts = np.bincount(gold, minlength=len(values))
    errors = np.abs(values[:, None] - values) @ counts
    return np.flatnonzero(errors == errors.min())


class Ordinal(OneAnswer):
    id = "ordinal"
    order = 110  # after those that need no saying so
    title = "A rating per text: whole numbers whose order counts"
    target = "ordinal"
    objective = "log loss of every threshold of the scale"
    on_request = True
    classes = False
    measures = (MeanAbsoluteError(), WeightedKappa(), Accuracy())
    decision = "median"
    scalable = False  # another temperature is another median
    trust = False  # the median has no one probability
    shots_per = "rating"
    head = "one direction"
    floor_words = "answer_median"
    always_words = "always_median"
    how_words = ("how_errors", "how_further_errors")
    doubts_by = "mean_absolute_error"

    def ordered(self, labels: Iterable[Label]) -> tuple[Label, ...]:
        """Order labels by their numbers."""
        return tuple(sorted(labels, key=lambda label: int(label.id)))

    def why_not_scaled(self, arm: str) -> str:
        """Another temperature is another median."""
        return say(
            "{arm} scales the confidence of an answer and keeps the answer; of ratings that cannot"
            " be, because the median moves. Leave scaling out.",
            arm=arm,
        )

    def fault(self, ids: Iterable[str], column: str) -> str:
        """Labels must be whole numbers, and few enough to be points on a scale."""
        ids = sorted(ids)
        strange = [i for i in ids if not POINT.fullmatch(i)]
        if strange:
            return say(
                "The column {column!r} is to hold ratings, and {strange} is no whole number"
                " (at most four digits). Choose the column of ratings, or read the labels as"
                " classes.",
                column=column,
                strange=", ".join(map(repr, strange[:5])),
            )
        values = {int(i) for i in ids}
        if len(values) > MOST_POINTS or len(values) < len(ids):
            return say(
                "The column {column!r} has {n} different ratings, and a scale has at most"
                " {most} points, each written in one way. Join some, or read the labels as"
                " classes.",
                column=column,
                n=len(ids),
                most=MOST_POINTS,
            )
        return ""

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(..., n, C) distributions to (..., n) positions: the median, of two the lower."""
        sums = np.cumsum(np.asarray(scores, dtype=np.float64), axis=-1)
        return (sums < sums[..., -1:] * (0.5 - 1e-7)).sum(-1)

    def expected(self, problem: Problem, scores: np.ndarray) -> np.ndarray:
        """(n,) mean of each distribution, on the scale."""
        scores = np.asarray(scores, dtype=np.float64)
        return scores @ values_of(problem) / scores.sum(-1)

    def answer_errors(self, scores: np.ndarray) -> np.ndarray:
        """(n, C - 1) at every threshold: doubt between far points counts more than between
        neighbours.
        """
        below = np.cumsum(np.asarray(scores, dtype=np.float64), axis=-1)[:, :-1]
        return below - (np.arange(below.shape[-1]) >= self.decide(scores)[:, None])

    def most_frequent(self, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(n,) the median answer, of two the lower."""
        return self.decide((decided[..., None] == np.arange(n_labels)).mean(0))

    def consensus(self, decided: np.ndarray, scores: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n,) the median over runs, where two are as near the one the mean distribution holds."""
        given = (decided[..., None] == np.arange(chances.shape[1])).mean(0)
        return self.decide(given + 1e-3 * chances)

    def loss(self, logits: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """Mean over thresholds of the log loss of being above or not: a proper score that knows
        the order. logits (B, C), gold (B,).
        """
        import torch

        logs = torch.log_softmax(logits, -1)
        below = torch.logcumsumexp(logs, -1)[:, :-1]  # (B, C-1) log P(y <= c)
        above = torch.logcumsumexp(logs.flip(-1), -1).flip(-1)[:, 1:]  # log P(y > c)
        is_above = gold[:, None] > torch.arange(logits.shape[1] - 1, device=logits.device)
        return -torch.where(is_above, above, below).mean()

    def mark(self, gold: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
        """Less mean distance in points is better; of equals, the smaller ranked probability score
        (Epstein 1969).
        """
        off = np.abs(self.decide(scores) - gold).mean()
        steps = np.arange(scores.shape[1]) >= gold[:, None]
        ranked = ((np.cumsum(scores, 1) - steps) ** 2).sum(1).mean()
        return -float(off), -float(ranked)

    def chosen_note(
        self, *, selection: str, values: str, rows: int, chosen: str, reached: float
    ) -> str:
        """With the mark in places on the scale."""
        return say(
            "selection={selection}: of {values} the best on {rows:,} rows that were held out was"
            " {chosen} ({off:.2f} places off there).",
            selection=selection,
            values=values,
            rows=rows,
            chosen=chosen,
            off=-reached,
        )

    def untrained(self, gold: np.ndarray, scores: np.ndarray) -> bool:
        """As `no_closer`."""
        from tl_core.statistics.ordinal import no_closer

        return no_closer(gold, self.decide(scores), float(np.median(gold)))

    def constant_scores(
        self, problem: Problem, gold: np.ndarray, smoothing: float, seed: int
    ) -> np.ndarray:
        """(C,) smoothed shares, with so much more on a median that it stays the median."""
        shares = self._shares(gold, len(problem.labels), smoothing).astype(np.float64)
        median = np.random.default_rng(seed).choice(best_points(problem, gold))
        shares /= shares.sum()
        beside = max(shares[:median].sum(), shares[median + 1 :].sum())
        kept = min(1.0, 0.499 / beside) if beside else 1.0
        shares *= kept
        shares[median] += 1 - kept
        return shares.astype(np.float32)

    def sorts(self, gold: np.ndarray, n_labels: int) -> tuple[str, str]:
        """The mean absolute error."""
        return (
            "mean_absolute_error",
            say("mean absolute error, because the labels are points on a scale"),
        )

    def confidence_gap(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) probability of the answer minus whether it is correct."""
        decided = self.decide(probabilities)
        sure = np.take_along_axis(probabilities, decided[..., None], -1)[..., 0]
        return sure - (decided == gold)


TASK = Ordinal()
