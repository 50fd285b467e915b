"""Fits an arm: its strategy, and around it what chooses its settings, copies its rows and scales
its confidence.

A strategy knows nothing of these, so every one that trains has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.strategy import Strategy
from tl_core.api.types import Arm, Example, Fitted, Job, Predictor, Problem, Steps
from tl_core.statistics.classification.temperature import heated, mixed, temperature
from tl_core.strategies import strategies
from tl_core.studies import thresholds as deciding
from tl_core.studies.arms import (
    COPIES,
    MAX_FOLDS,
    candidates,
    most_unlabelled,
    params_of,
    texts_for_cuts,
)
from tl_core.studies.progress import as_part
from tl_core.tasks import task_of

# rows of a label, in the mean, from which on probabilities are calibrated: with 2, they came out
# worse
LEAST_TO_CALIBRATE = 4
ENOUGH_HELD = 1000  # rows held out are enough for one number
# spread over all labels before calibrating: neighbours give most of 150 labels nothing at all
EVEN_SHARE = 0.1
PRIOR_SPREAD = 1.0  # of log temperature; 0.7 to 2 are about as good (docs/methods.md)


def fit(arm: Arm, job: Job) -> Steps[Fitted]:
    """Fit the arm on a job, whose `params` and `base` are set here."""
    strategy = strategies()[arm.strategy]
    params = params_of(arm, job.problem)
    if arm.base is not None:
        return (yield from _steps(strategy, replace(job, params=params, base=BaseArm(arm.base))))
    most = max(most_unlabelled(arm, job.problem), texts_for_cuts(arm, job.problem))
    job = replace(job, params=params, unlabelled=job.unlabelled[:most])
    fitting = _fit_once if arm.selection == "fixed" else _fit_chosen
    if deciding.decides(strategy, job.problem):
        return (
            yield from deciding.fit(
                lambda part: fitting(strategy, arm, part),
                job,
                trains=strategy.trains,
                chosen=arm.selection != "fixed",
            )
        )
    if arm.scaling == "none":
        return (yield from fitting(strategy, arm, job))
    if not strategy.trains:
        return (yield from _fit_calibrated(strategy, job))
    return (yield from _fit_scaled(fitting, strategy, arm, job))


def load(arm: Arm, folder: Path, problem: Problem, encoder: Any) -> Predictor:
    """Load what a fitted arm wrote, ready to predict."""
    strategy = strategies()[arm.strategy]
    if arm.base:
        return strategy.load_on(BaseArm(arm.base), folder, problem, encoder)
    predictor = strategy.load(folder, problem, encoder)
    if deciding.decides(strategy, problem):
        return deciding.load(predictor, folder)
    return Scaled.around(predictor, folder) if arm.scaling != "none" else predictor


@dataclass(frozen=True)
class BaseArm:
    """An arm as another one's base."""

    arm: Arm

    def fit(self, job: Job) -> Steps[Fitted]:
        """Fit it on the changed model."""
        return (yield from fit(self.arm, job))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Load what its predictor saved."""
        return load(self.arm, folder, problem, encoder)


def _steps(strategy: Strategy, job: Job) -> Steps[Fitted]:
    made = strategy.fit(job)
    if not isinstance(made, Generator):
        raise TypeError(
            f"fit of the strategy {strategy.id!r} must be a generator: yield a Step, then return"
            f" Fitted(predictor). It returned {type(made).__name__}."
        )
    return made


def _fit_once(strategy: Strategy, arm: Arm, job: Job) -> Steps[Fitted]:
    if arm.augmentation == "none":
        return (yield from _steps(strategy, job))
    from tl_core.models.training.augmentation import augmented

    train = yield from augmented(job.train, arm.augmentation, COPIES, job.seed, job.encoder)
    fitted = yield from _steps(strategy, replace(job, train=train))
    made = len(train) - len(job.train)
    return replace(
        fitted,
        notes=(
            *fitted.notes,
            say(
                "Trained on {made:,} made-up copies (augmentation={augmentation}) in addition to"
                " the {train:,} labelled rows.",
                made=made,
                augmentation=arm.augmentation,
                train=len(job.train),
            ),
        ),
    )


def _fit_chosen(strategy: Strategy, arm: Arm, job: Job) -> Steps[Fitted]:
    """Fit with every candidate, judge each on rows it has not seen, then fit with the best on all
    training rows.
    """
    tried = candidates(strategy, job.params)
    parts = list(_folds(job)) if arm.selection == "inside" else [(job.train, job.selection)]
    task = task_of(job.problem)
    gold = task.joined([task.gold(job.problem, held) for _, held in parts])
    fits, done, marks, said = len(tried) * len(parts) + 1, 0, [], []
    for params in tried:
        scores = []
        for train, held in parts:
            fitted = yield from as_part(
                _fit_once(strategy, arm, replace(job, params=params, train=train)), done, fits
            )
            scores.append((yield from as_part(fitted.predictor.predict(held), done + 1, fits)))
            done += 1
        said.append(task.joined(scores))
        marks.append(task.mark(gold, said[-1]))
    best = max(range(len(tried)), key=lambda i: marks[i])
    fitted = yield from as_part(
        _fit_once(strategy, arm, replace(job, params=tried[best])), done, fits
    )
    values = ", ".join("/".join(f"{getattr(p, name):g}" for name in strategy.tries) for p in tried)
    chosen = ", ".join(f"{name}={getattr(tried[best], name):g}" for name in strategy.tries)
    note = task.chosen_note(
        selection=arm.selection,
        values=values,
        rows=len(gold),
        chosen=chosen,
        reached=marks[best][0],
    )
    return replace(
        fitted, notes=(*fitted.notes, note), held_out=(gold, said[best]) if task.cuts else None
    )


def _fit_scaled(
    fitting: Callable[..., Steps[Fitted]], strategy: Strategy, arm: Arm, job: Job
) -> Steps[Fitted]:
    """Fit without a part of the training rows at a time; one temperature for what those fits say of
    the rows left out (Guo et al. 2017); then fit on all of them."""
    parts = list(_folds(job))
    said, gold = [], []
    for done, (train, held) in enumerate(parts):
        fitted = yield from as_part(
            fitting(strategy, arm, replace(job, train=train)), done, len(parts) + 1
        )
        said.append((yield from as_part(fitted.predictor.predict(held), done + 1, len(parts) + 1)))
        gold.append(task_of(job.problem).gold(job.problem, held))
    found = temperature(np.concatenate(gold), np.concatenate(said))
    fitted = yield from as_part(fitting(strategy, arm, job), len(parts), len(parts) + 1)
    note = say(
        "scaling={scaling}: on {train:,} training rows, each held out once, the log loss was"
        " least at temperature {found:.2f}.",
        scaling=arm.scaling,
        train=len(job.train),
        found=found,
    )
    return replace(fitted, predictor=Scaled(fitted.predictor, found), notes=(*fitted.notes, note))


def _fit_calibrated(strategy: Strategy, job: Job) -> Steps[Fitted]:
    """As `_fit_scaled`, of a strategy that is fitted almost instantly: with what the first fit
    chose, a prior that holds the temperature near 1 where rows are few, and as they come where they
    are fewer."""
    parts = _held_in_turn(job)
    fitted = yield from as_part(_steps(strategy, job), 0, len(parts) + 1)
    if not parts:
        note = say(
            "Its probabilities are as they come: to calibrate them it takes {least_to_calibrate}"
            " rows of each label.",
            least_to_calibrate=LEAST_TO_CALIBRATE,
        )
        return replace(fitted, predictor=Scaled(fitted.predictor, 1.0), notes=(*fitted.notes, note))
    job = replace(
        job,
        params=strategy.as_fitted(job.params, fitted),
    )
    said, gold = [], []
    for done, (train, held) in enumerate(parts, start=1):
        part = yield from as_part(_steps(strategy, replace(job, train=train)), done, len(parts) + 1)
        said.append((yield from part.predictor.predict(held)))
        gold.append(task_of(job.problem).gold(job.problem, held))
    found = temperature(
        np.concatenate(gold), mixed(np.concatenate(said), EVEN_SHARE), spread=PRIOR_SPREAD
    )
    note = say(
        "Calibrated on {rows:,} training rows that were held out in turn: temperature {found:.2f}"
        " (scaling=inside); no prediction changes.",
        rows=sum(map(len, gold)),
        found=found,
    )
    return replace(
        fitted, predictor=Scaled(fitted.predictor, found, EVEN_SHARE), notes=(*fitted.notes, note)
    )


def _held_in_turn(job: Job) -> list[tuple[list[Example], list[Example]]]:
    """(train, held out), each label's rows spread over the parts whatever their order, until
    `ENOUGH_HELD` rows were held out. The only row of a label stays in training: a fit that never
    saw the label would count for more confident than any other."""
    by_label: dict[tuple[str, ...], list[Example]] = {}
    for example in job.train:
        by_label.setdefault(example.labels, []).append(example)
    if len(job.train) < LEAST_TO_CALIBRATE * len(by_label) or len(by_label) < 2:
        return []
    fold: dict[int, int] = {}
    first = 0
    for label in sorted(by_label):
        rows = sorted(by_label[label], key=lambda e: (e.content, e.row))
        fold |= {id(e): (first + i) % MAX_FOLDS for i, e in enumerate(rows) if len(rows) > 1}
        first += len(rows)
    parts: list[tuple[list[Example], list[Example]]] = []
    for k in range(MAX_FOLDS):
        if sum(len(held) for _, held in parts) >= ENOUGH_HELD:
            break
        parts.append(
            (
                [e for e in job.train if fold.get(id(e)) != k],
                [e for e in job.train if fold.get(id(e)) == k],
            )
        )
    return [part for part in parts if part[1]]


@dataclass(frozen=True)
class Scaled:
    """A predictor with another confidence in the same answers."""

    inner: Predictor
    temperature: float
    even: float = 0.0  # share that is spread evenly over the labels before

    FILE = "temperature.json"

    @classmethod
    def around(cls, inner: Predictor, folder: Path) -> Scaled:
        """Build it around an arm with what `save` wrote."""
        kept = json.loads((folder / cls.FILE).read_text(encoding="utf-8"))
        return (
            cls(inner, **kept) if isinstance(kept, dict) else cls(inner, float(kept))
        )  # older ones: the temperature alone

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the predictor's notes on the texts it last predicted."""
        return getattr(self.inner, "notes", ())

    @property
    def model(self) -> Any:
        """Return the trained model, to be looked into, where there is one."""
        inner: Any = self.inner  # one without a model has no such attribute, and nor has this one
        return inner.model

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32, rows sum to 1."""
        return heated(
            mixed((yield from self.inner.predict(examples)), self.even), self.temperature
        ).astype(np.float32)

    def save(self, folder: Path) -> None:
        """The predictor's own files, and the temperature."""
        self.inner.save(folder)
        (folder / self.FILE).write_text(
            json.dumps({"temperature": self.temperature, "even": self.even}), encoding="utf-8"
        )


def _folds(job: Job) -> Iterator[tuple[list[Example], list[Example]]]:
    """(train, held out) with about as many rows of each label in every fold. One row alone is never
    left out: its label
    would become the smallest, and what is right would look wrong."""
    folds = task_of(job.problem).folds(job.problem, job.train, MAX_FOLDS)
    for k in range(folds.max() + 1):
        train, out = (
            [e for e, f in zip(job.train, folds, strict=True) if (f == k) == left_out]
            for left_out in (False, True)
        )
        yield train, out
