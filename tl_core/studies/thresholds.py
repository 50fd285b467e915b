"""Thresholds for texts that may have several labels: one for each label, part of what an arm
learns.

A strategy gives every label a probability and knows nothing of cuts. The wrapper here
chooses them inside the labels, on rows that a fit had not seen
(`tl_core.statistics.classification.thresholds`), and moves the scores so that every cut lies at one
half: so code that asks whether a score reaches one half, as all statistics do, asks the right
question. The cuts are kept with the run and the trained state, and the probabilities can be got
back (`probabilities`).

Where every row that was learned from has a label, a text of which no label reaches its cut gets the
one that comes nearest.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say, together
from tl_core.api.strategy import Strategy
from tl_core.api.types import Arm, Example, Fitted, Job, Predictor, Problem, RunResult, Steps
from tl_core.statistics.classification.thresholds import (
    can_choose,
    chosen_cuts,
    cuts_without_labels,
    f1_by_label,
    moved,
    moved_back,
    spread_folds,
    usual_cuts,
    with_one_at_least,
)
from tl_core.studies.progress import as_part
from tl_core.tasks import task_of

FOLDS = 5  # of the rows left out in turn, where a fit takes a blink
SHARE = 3  # where a network is trained, one of so many rows is left out, once
FILE = "cuts.json"
Fitting = Callable[[Job], Steps[Fitted]]


def decides(strategy: Strategy, problem: Problem) -> bool:
    """Whether cuts are chosen for a strategy: not where it says itself which labels apply."""
    return task_of(problem).cuts and not strategy.says_which_apply


def reads_texts(strategy: Strategy, arm: Arm, problem: Problem) -> bool:
    """Whether an arm that learns from no label has its cut set by texts without labels. Arms made
    before there was one have none.
    """
    return (
        decides(strategy, problem)
        and strategy.needs == "no labels"
        and arm.strategy_version >= strategy.cut_since
    )


def fit(fitting: Fitting, job: Job, *, trains: bool, chosen: bool = False) -> Steps[Fitted]:
    """Fit, and choose the cuts.

    Args:
        fitting: fits the arm on a job.
        trains: it trains by gradients, so a second fit is all that is asked of it.
        chosen: rows were left out to choose its settings, and serve here as well.
    """
    fitted = yield from (as_part(fitting(job), 0, 2) if trains and not chosen else fitting(job))
    if not job.train and job.labels_a_text is None:
        return fitted  # of an arm made before cuts were set so
    if not job.train:
        return (yield from _by_expectation(fitted, job))
    gold = task_of(job.problem).gold(job.problem, job.train)
    why_not = say("too few labels have two rows for any to be left out to choose by")
    if fitted.held_out is None and can_choose(gold):
        try:
            fitted = dataclasses.replace(
                fitted, held_out=(yield from _left_out(fitting, job, gold, trains))
            )
        except UserError as fault:  # with all rows it could be fitted
            why_not = say(
                "the rest of the rows is too few for this arm once some are left out to choose"
                " by ({fault})",
                fault=fault,
            )
    cuts, note = _chosen(fitted, gold, why_not)
    return _decided(fitted, cuts, bool(gold.any(1).all()), note)


def probabilities(result: RunResult) -> np.ndarray:
    """(n, C) float64: a run's scores as the probabilities they were before they were moved."""
    return (
        moved_back(result.test_scores, np.array(result.cuts))
        if result.cuts
        else result.test_scores.astype(float)
    )


def load(predictor: Predictor, folder: Path) -> Predictor:
    """A predictor with the cuts that were saved alongside it; what was saved before there were any
    keeps one half.
    """
    if not (folder / FILE).exists():
        return predictor
    saved = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return Decided(predictor, np.array(saved["cuts"]), bool(saved["one_at_least"]))


@dataclass(frozen=True)
class Decided:
    """A predictor whose scores say which labels are given: those that reach one half."""

    inner: Predictor
    each: np.ndarray  # (C,) cuts, as probabilities of the inner predictor
    one_at_least: bool

    @property
    def cuts(self) -> tuple[float, ...]:
        """As a run's result keeps them."""
        return tuple(float(cut) for cut in self.each)

    def __getattr__(self, name: str) -> Any:
        """Notes, what was trained and whatever else the inner predictor has."""
        if name.startswith("__") or name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        scores = moved((yield from self.inner.predict(examples)), self.each)
        return (with_one_at_least(scores) if self.one_at_least and len(scores) else scores).astype(
            np.float32
        )

    def save(self, folder: Path) -> None:
        """The predictor's own files, and the cuts."""
        self.inner.save(folder)
        (folder / FILE).write_text(
            json.dumps({"cuts": self.cuts, "one_at_least": self.one_at_least}), encoding="utf-8"
        )


def _left_out(
    fitting: Fitting, job: Job, gold: np.ndarray, trains: bool
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """(gold, probabilities) of rows that were left out of a fit."""
    folds = spread_folds(gold, min(SHARE if trains else FOLDS, len(gold)))
    truth, said = [], []
    borrowed = (
        job.encoder.borrowed_seconds
    )  # all these rows were read for the first fit: no one would read them again
    for fold in range(1 if trains else int(folds.max()) + 1):
        train, held = (
            [e for e, f in zip(job.train, folds, strict=True) if (f == fold) == out]
            for out in (False, True)
        )
        part = fitting(dataclasses.replace(job, train=train))
        fitted = yield from (as_part(part, 1, 2) if trains else part)
        said.append((yield from fitted.predictor.predict(held)))
        truth.append(gold[folds == fold])
        job.encoder.borrowed_seconds = borrowed
    return np.concatenate(truth), np.concatenate(said)


def _chosen(fitted: Fitted, gold: np.ndarray, why_not: str) -> tuple[np.ndarray, str]:
    """(cuts, how they were come by)."""
    if fitted.held_out is None:
        return (
            usual_cuts(gold),
            say(
                "each the share of the training rows that carry the label, because {why_not}",
                why_not=why_not,
            ),
        )
    truth, said = fitted.held_out
    cuts = chosen_cuts(truth, said)
    reached = f1_by_label(truth, moved(said, cuts) >= 0.5)[truth.any(0)].mean()
    return (
        cuts,
        say(
            "chosen for macro-F1 on {truth:,} rows that were left out of a fit ({reached:.0f}%"
            " there)",
            truth=len(truth),
            reached=100 * reached,
        ),
    )


def _by_expectation(fitted: Fitted, job: Job) -> Steps[Fitted]:
    """One cut for all labels, without any row's labels: that of the largest macro-F1 to be
    expected, by how many labels texts usually carry.
    """
    said = yield from fitted.predictor.predict(job.unlabelled)
    usual = job.labels_a_text
    assert usual is not None  # or there had been nothing to set cuts by
    note = say(
        "set by {unlabelled:,} texts of the training part, whose labels were not seen, for the"
        " largest macro-F1 to be expected where a text carries {mean:g} labels in the mean, as"
        " rows there do",
        unlabelled=len(job.unlabelled),
        mean=usual.mean,
    )
    return _decided(fitted, cuts_without_labels(said, usual.mean), usual.least > 0, note)


def _decided(fitted: Fitted, cuts: np.ndarray, one_at_least: bool, how: str) -> Fitted:
    low, high = 100 * cuts.min(), 100 * cuts.max()
    if low == high:
        note = say(
            "A label is predicted where its probability reaches its threshold. The threshold is"
            " {low:.2g}% for every label, {how}.",
            low=low,
            how=how,
        )
    else:
        note = say(
            "A label is predicted where its probability reaches its threshold. The thresholds"
            " range from {low:.2g} to {high:.2g}%, {how}.",
            low=low,
            high=high,
            how=how,
        )
    if one_at_least:
        lifted = say(
            "A text without a label that reaches its threshold gets the nearest, because every row"
            " has one."
        )
        note = together((note, lifted))
    return dataclasses.replace(
        fitted, predictor=Decided(fitted.predictor, cuts, one_at_least), notes=(*fitted.notes, note)
    )
