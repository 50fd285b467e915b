"""An arm as something to fit: its strategy, with what chooses its settings, what copies its rows, what scales its confidence,
and what it builds on.

A strategy knows nothing of these four, so every one that trains has them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.data.split import Pool
from tl_core.errors import UserError
from tl_core.experiments import deciding
from tl_core.experiments.progress import as_part
from tl_core.params import declared, param
from tl_core.statistics.cuts import chosen_cuts, f1_by_label, moved, spread_folds
from tl_core.statistics.temperature import heated, mixed, temperature
from tl_core.strategies import strategies
from tl_core.tasks import task_of
from tl_core.types import Arm, Example, Facts, Fitted, Job, Predictor, Problem, Steps

MAX_UNLABELLED = 256  # texts without labels that a run may learn from, where its strategy does not want more
MAX_ORACLE = 500  # rows that an oracle chooses by
COPIES = 3  # of every training row, where rows are augmented
MAX_FOLDS = 4  # of the cross-validation inside the labels
LEAST_TO_CALIBRATE = 4  # rows of a label, in the mean, from which on probabilities are calibrated: with 2, they came out worse
ENOUGH_HELD = 1000  # rows held out are enough for one number
EVEN_SHARE = 0.1  # spread over all labels before calibrating: neighbours give most of 150 labels nothing at all
PRIOR_SPREAD = 1.0  # of log temperature; 0.7 to 2 are about as good (docs/methods.md)
OPTIMISTIC = " (optimistic)"  # in the name of an arm that has seen what nobody has who labels only a few rows
TEST_TEXTS = " (test texts seen)"


@dataclass(frozen=True)
class Recipe:
    """What every arm that trains can be asked beside its strategy's own settings."""

    selection: str = param(
        "fixed",
        "What chooses the step size: fixed takes it as set; inside tries smaller and larger ones by cross-validation on the training rows; "
        "dev on as many further labels, which count; oracle on up to 500 further labels that do not count, so it is optimistic",
        choices=("fixed", "inside", "dev", "oracle"),
    )
    augmentation: str = param(
        "none",
        "Three made-up copies of every training text: words deleted, words swapped, or words replaced by a model that fills blanks",
        choices=("none", "delete", "swap", "replace"),
    )
    scaling: str = param(
        "none",
        "Calibrates the probabilities, and changes no answer: inside fits one temperature on training rows held out by cross-validation",
        choices=("none", "inside"),
    )


@dataclass(frozen=True)
class Confidence:
    """What an arm can be asked that trains nothing step by step and is fitted in a blink."""

    scaling: str = param(
        "inside",
        "Calibrates the probabilities, and changes no answer: inside fits one temperature on training rows held out in turn, from 4 rows of a label on; none leaves them as they come",
        choices=("none", "inside"),
    )


def around(strategy: Any) -> type | None:
    """What can be asked beside a strategy's own settings: `Recipe`, `Confidence` or nothing."""
    return Recipe if trains(strategy) else Confidence if getattr(strategy, "quick", False) else None


def for_problem(arm: Arm, problem: Problem) -> Arm:
    """The arm without the settings, and the usual scaling, that say nothing about rows of this kind: they are no part of what is computed.

    Raises:
        UserError: one of them was asked for.
    """
    apart = {s["name"]: s for s in declared(strategies()[arm.strategy].Params) if s.get("only", problem.inputs) != problem.inputs}
    asked = [f"{name}={arm.settings[name]}" for name, s in apart.items() if arm.settings.get(name, s["default"]) != s["default"]]
    if asked:
        raise UserError(f"{arm.id}: {', '.join(asked)} is about rows of two texts, and here each row has one. Leave it out.")
    settings = {name: value for name, value in arm.settings.items() if name not in apart}
    scaling = arm.scaling if can_be_scaled(arm, problem) else "none"
    return replace(arm, settings=settings, base=arm.base and for_problem(arm.base, problem), scaling=scaling)


def can_be_scaled(arm: Arm, problem: Problem) -> bool:
    """Whether the usual scaling means something here: of several labels there is no one temperature."""
    return trains(strategies()[arm.strategy]) or problem.target == "one label"


def params_of(arm: Arm, problem: Problem) -> Any:
    """The settings of an arm; what it was made without is as it was before there was such a setting."""
    of = strategies()[arm.strategy].Params
    absent = {s["name"]: s["absent"] for s in declared(of) if s.get("only") == problem.inputs and s["absent"] is not None}
    return of(**{**absent, **arm.settings})


def trains(strategy: Any) -> bool:
    """Whether a strategy trains by gradients, so that a recipe means something."""
    return hasattr(strategy, "tries")


def without_labels(arm: Arm) -> bool:
    """Whether the arm learns from no labelled row, and so runs once."""
    return strategies()[_last(arm).strategy].needs == "no labels"


def shots_of(arm: Arm, shots: Sequence[int | None]) -> tuple[int | None, ...]:
    """The numbers of labels at which the arm runs, of those asked for."""
    if without_labels(arm):
        return (0,)
    if getattr(strategies()[_last(arm).strategy], "also_without_labels", False):
        return tuple(shots)
    return tuple(s for s in shots if s != 0) or tuple(shots)


def draws(arm: Arm, shots: int | None) -> bool:
    """Whether another seed may give other answers: other rows are drawn, or first weights, order, copies or folds are."""
    if shots == 0:
        return False
    last = _last(arm)
    same = arm is last and getattr(strategies()[arm.strategy], "deterministic", False) and arm.augmentation == "none"
    return shots is not None or not same


def refuses(arm: Arm, facts: Facts) -> str:
    """Why the arm cannot run there, as a sentence; "" when it can."""
    strategy = strategies()[arm.strategy]
    if reason := strategy.refuses(facts):
        return reason
    if arm.base is not None:
        return refuses(arm.base, facts)
    if arm.selection == "inside" and facts.shots == 1:
        return f"{arm.id} chooses by cross-validation inside the labels, and from one label per class nothing can be left out. Choose 2 or more shots."
    if arm.scaling == "inside" and trains(strategy) and facts.shots == 1:
        return f"{arm.id} scales its confidence by cross-validation inside the labels, and from one label per class nothing can be left out. Choose 2 or more shots."
    if arm.scaling == "inside" and facts.problem.target != "one label":
        return f"{arm.id} scales the confidence of one answer, and here a text may have several labels. Leave scaling out."
    if arm.selection in ("dev", "oracle") and facts.shots is None:
        return f"{arm.id} chooses on labels that are not trained on, and with all rows there are none. Choose selection=inside or fixed there."
    if arm.augmentation == "replace" and (facts.model is None or facts.model.speaks not in ("masked", "permutation")):
        name = facts.model.name if facts.model else "no model"
        return f"{arm.id} replaces words by a model that fills blanks, and {name} does not. Use minilm-masked, or augmentation=delete or swap."
    return ""


def too_few_to_choose(arm: Arm, shots: int | None, pool: Pool) -> str:
    """Why there are no rows to choose settings by, as a sentence; "" when there are."""
    how, least = _last(arm).selection, min(pool.counts().values())
    if how == "dev" and 2 * shots > least:
        return f"{arm.id} chooses on as many labels again as it trains on, and the training part has only {least} rows of some label, not {2 * shots}. Choose fewer shots, or selection=inside."
    if how == "oracle" and len(pool.k_shot(shots, seed=0)) == len(pool.examples):
        return f"{arm.id} chooses on rows that are not trained on, and at {shots} shots there are none left. Choose fewer shots, or selection=inside."
    return ""


def selection_rows(arm: Arm, shots: int | None, seed: int, pool: Pool) -> list[int]:
    """Positions of the pool whose labels choose settings.

    dev: the k rows per label that follow the training rows in the seed's order. oracle: up to 500 other rows.
    """
    how = _last(arm).selection
    if how not in ("dev", "oracle") or shots is None:
        return []
    trained = set(pool.k_shot(shots, seed=seed))
    if how == "oracle":
        return [i for i in pool.k_shot(None, seed=seed) if i not in trained][:MAX_ORACLE]
    return [i for i in pool.k_shot(2 * shots, seed=seed) if i not in trained]


def passes(arm: Arm, train: int, test: int, selection: int = 0, *, many: bool = False) -> float:
    """About how many texts a run sends through the whole network, as the strategy says and as often as it is fitted.

    Args:
        many: a text may have several labels.
    """
    if arm.base is not None:
        own = strategies()[arm.strategy]
        return own.passes(own.Params(**arm.settings), train, test) + passes(arm.base, train, test, selection, many=many)
    strategy = strategies()[arm.strategy]
    params = strategy.Params(**arm.settings)
    if many and strategy.needs == "no labels":
        test += MAX_UNLABELLED
    rows = train * (1 if arm.augmentation == "none" else 1 + COPIES)
    fits = 1 if arm.scaling == "none" else 1 + MAX_FOLDS
    last = strategy.passes(params, rows, test) + (fits - 1) * strategy.passes(params, rows, train // MAX_FOLDS)
    if arm.selection == "fixed":
        return last + (strategy.passes(params, rows * 2 // 3, train // 3) if many and trains(strategy) else 0.0)
    tried, folds = len(candidates(strategy, params)), MAX_FOLDS if arm.selection == "inside" else 1
    return last + fits * tried * folds * strategy.passes(params, rows, selection)


def most_unlabelled(arm: Arm, pairs: bool) -> int:
    """How many texts without labels the arm may learn from: 0 when it learns from none.

    Args:
        pairs: a row holds two texts.
    """
    strategy = strategies()[arm.strategy]
    asks: Callable[[Any], bool] | None = getattr(strategy, "uses_unlabelled", None)
    own = getattr(strategy, "most_unlabelled", MAX_UNLABELLED) if asks and asks(strategy.Params(**arm.settings)) else 0
    own = max(own, MAX_UNLABELLED if pairs and getattr(strategy, "unlabelled_pairs", False) else 0)
    return max(own, most_unlabelled(arm.base, pairs)) if arm.base else own


def texts_for_cuts(arm: Arm, problem: Problem) -> int:
    """How many texts without labels say where the cut between given and not given lies: 0 where rows say so, or one label applies."""
    learns = _last(arm)
    return MAX_UNLABELLED if deciding.reads_texts(strategies()[learns.strategy], learns, problem) else 0


def sees_test_texts(arm: Arm) -> bool:
    """Whether test texts, without their labels, are among what the arm learns from."""
    strategy = strategies()[arm.strategy]
    return hasattr(strategy, "sees_test_texts") and strategy.sees_test_texts(strategy.Params(**arm.settings))


def warnings(arm: Arm) -> str:
    """What must stand beside the arm's name wherever it is shown."""
    return (OPTIMISTIC if _last(arm).selection == "oracle" else "") + (TEST_TEXTS if sees_test_texts(arm) else "")


# --- fit and load ---------------------------------------------------------------------------------------


def fit(arm: Arm, job: Job) -> Steps[Fitted]:
    """Fit the arm on a job, whose `params` and `base` are set here."""
    strategy = strategies()[arm.strategy]
    params = params_of(arm, job.problem)
    if arm.base is not None:
        return (yield from strategy.fit(replace(job, params=params, base=BaseArm(arm.base))))
    most = max(most_unlabelled(arm, job.problem.inputs == "two texts"), texts_for_cuts(arm, job.problem))
    job = replace(job, params=params, unlabelled=job.unlabelled[:most])
    fitting = _fit_once if arm.selection == "fixed" else _fit_chosen
    if deciding.decides(strategy, job.problem):
        return (yield from deciding.fit(lambda part: fitting(strategy, arm, part), job, trains=trains(strategy), chosen=arm.selection != "fixed"))
    if arm.scaling == "none":
        return (yield from fitting(strategy, arm, job))
    if not trains(strategy):
        return (yield from _fit_calibrated(strategy, job))
    return (yield from _fit_scaled(fitting, strategy, arm, job))


def load(arm: Arm, folder: Path, problem: Problem, encoder: Any) -> Predictor:
    """What a fitted arm wrote, ready to predict."""
    strategy = strategies()[arm.strategy]
    if arm.base:
        return strategy.load(folder, problem, encoder, BaseArm(arm.base))
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
        """What its predictor saved."""
        return load(self.arm, folder, problem, encoder)


def _fit_once(strategy: Any, arm: Arm, job: Job) -> Steps[Fitted]:
    if arm.augmentation == "none":
        return (yield from strategy.fit(job))
    from tl_core.models.augmentation import augmented

    train = yield from augmented(job.train, arm.augmentation, COPIES, job.seed, job.encoder)
    fitted = yield from strategy.fit(replace(job, train=train))
    made = len(train) - len(job.train)
    return replace(fitted, notes=(*fitted.notes, f"Trained on {made:,} made-up copies (augmentation={arm.augmentation}) beside the {len(job.train):,} labelled rows."))


def _fit_chosen(strategy: Any, arm: Arm, job: Job) -> Steps[Fitted]:
    """Fit with every candidate, judge each on rows it has not seen, then fit with the best on all training rows."""
    tried = candidates(strategy, job.params)
    parts = list(_folds(job)) if arm.selection == "inside" else [(job.train, job.selection)]
    gold = np.concatenate([task_of(job.problem).gold(job.problem, held) for _, held in parts])
    fits, done, marks, said = len(tried) * len(parts) + 1, 0, [], []
    for params in tried:
        scores = []
        for train, held in parts:
            fitted = yield from as_part(_fit_once(strategy, arm, replace(job, params=params, train=train)), done, fits)
            scores.append((yield from as_part(fitted.predictor.predict(held), done + 1, fits)))
            done += 1
        said.append(np.concatenate(scores))
        marks.append(_mark(gold, said[-1]))
    best = max(range(len(tried)), key=lambda i: marks[i])
    fitted = yield from as_part(_fit_once(strategy, arm, replace(job, params=tried[best])), done, fits)
    values = ", ".join("/".join(f"{getattr(p, name):g}" for name in strategy.tries) for p in tried)
    chosen = ", ".join(f"{name}={getattr(tried[best], name):g}" for name in strategy.tries)
    reached = f"{100 * marks[best][0]:.0f} % {'right' if gold.ndim == 1 else 'macro-F1'} there"
    note = f"selection={arm.selection}: of {values} the best on {len(gold):,} rows that were held out was {chosen} ({reached})."
    return replace(fitted, notes=(*fitted.notes, note), held_out=(gold, said[best]) if gold.ndim == 2 else None)


def _fit_scaled(fitting: Callable[..., Steps[Fitted]], strategy: Any, arm: Arm, job: Job) -> Steps[Fitted]:
    """Fit without a part of the training rows at a time; one temperature for what those fits say of the rows left out
    (Guo et al. 2017); then fit on all of them."""
    parts = list(_folds(job))
    said, gold = [], []
    for done, (train, held) in enumerate(parts):
        fitted = yield from as_part(fitting(strategy, arm, replace(job, train=train)), done, len(parts) + 1)
        said.append((yield from as_part(fitted.predictor.predict(held), done + 1, len(parts) + 1)))
        gold.append(task_of(job.problem).gold(job.problem, held))
    found = temperature(np.concatenate(gold), np.concatenate(said))
    fitted = yield from as_part(fitting(strategy, arm, job), len(parts), len(parts) + 1)
    note = f"scaling={arm.scaling}: on {len(job.train):,} training rows, each held out once, the log loss was least at temperature {found:.2f}."
    return replace(fitted, predictor=Scaled(fitted.predictor, found), notes=(*fitted.notes, note))


def _fit_calibrated(strategy: Any, job: Job) -> Steps[Fitted]:
    """As `_fit_scaled`, of a strategy that is fitted in a blink: with what the first fit chose, a prior that holds the temperature
    near 1 where rows are few, and as they come where they are fewer."""
    parts = _held_in_turn(job)
    fitted = yield from as_part(strategy.fit(job), 0, len(parts) + 1)
    if not parts:
        note = f"Its probabilities are as they come: to calibrate them it takes {LEAST_TO_CALIBRATE} rows of each label."
        return replace(fitted, predictor=Scaled(fitted.predictor, 1.0), notes=(*fitted.notes, note))
    job = replace(job, params=strategy.as_fitted(job.params, fitted) if hasattr(strategy, "as_fitted") else job.params)
    said, gold = [], []
    for done, (train, held) in enumerate(parts, start=1):
        part = yield from as_part(strategy.fit(replace(job, train=train)), done, len(parts) + 1)
        said.append((yield from part.predictor.predict(held)))
        gold.append(task_of(job.problem).gold(job.problem, held))
    found = temperature(np.concatenate(gold), mixed(np.concatenate(said), EVEN_SHARE), spread=PRIOR_SPREAD)
    note = f"Calibrated on {sum(map(len, gold)):,} training rows that were held out in turn: temperature {found:.2f} (scaling=inside); no answer changes."
    return replace(fitted, predictor=Scaled(fitted.predictor, found, EVEN_SHARE), notes=(*fitted.notes, note))


def _held_in_turn(job: Job) -> list[tuple[list[Example], list[Example]]]:
    """(train, held out), each label's rows spread over the parts whatever their order, until `ENOUGH_HELD` rows were held out.
    The only row of a label stays in training: a fit that never saw the label would count for surer than any other."""
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
        parts.append(([e for e in job.train if fold.get(id(e)) != k], [e for e in job.train if fold.get(id(e)) == k]))
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
        """With what `save` wrote."""
        kept = json.loads((folder / cls.FILE).read_text(encoding="utf-8"))
        return cls(inner, **kept) if isinstance(kept, dict) else cls(inner, float(kept))  # older ones: the temperature alone

    @property
    def notes(self) -> tuple[str, ...]:
        """What the predictor says about the texts it last predicted."""
        return getattr(self.inner, "notes", ())

    @property
    def model(self) -> Any:
        """What was trained, to be looked into, where there is such a thing."""
        return self.inner.model

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32, rows sum to 1."""
        return heated(mixed((yield from self.inner.predict(examples)), self.even), self.temperature).astype(np.float32)

    def save(self, folder: Path) -> None:
        """The predictor's own files, and the temperature."""
        self.inner.save(folder)
        (folder / self.FILE).write_text(json.dumps({"temperature": self.temperature, "even": self.even}), encoding="utf-8")


def candidates(strategy: Any, params: Any) -> list[Any]:
    """The settings that selection tries: each named one times its factors, inside its bounds."""
    bounds = {s["name"]: s for s in declared(strategy.Params)}
    choices = []
    for name, factors in strategy.tries.items():
        low, high = bounds[name]["low"], bounds[name]["high"]
        choices.append(dict.fromkeys(min(high, max(low, getattr(params, name) * f)) for f in factors))
    return [replace(params, **dict(zip(strategy.tries, values, strict=True))) for values in itertools.product(*choices)]


def _folds(job: Job) -> Iterator[tuple[list[Example], list[Example]]]:
    """(train, held out) with about as many rows of each label in every fold. One row alone is never left out: its label
    would become the smallest, and what is right would look wrong."""
    if job.problem.target == "many labels":
        gold = task_of(job.problem).gold(job.problem, job.train)
        folds = spread_folds(gold, min(MAX_FOLDS, len(gold)))
        for k in range(folds.max() + 1):
            yield tuple([e for e, f in zip(job.train, folds, strict=True) if (f == k) == out] for out in (False, True))
        return
    by_label: dict[tuple[str, ...], list[Example]] = {}
    for example in job.train:
        by_label.setdefault(example.labels, []).append(example)
    count = max(2, min(MAX_FOLDS, min(map(len, by_label.values()))))
    fold = {id(e): i % count for rows in by_label.values() for i, e in enumerate(rows)}
    for k in range(count):
        yield [e for e in job.train if fold[id(e)] != k], [e for e in job.train if fold[id(e)] == k]


def _mark(gold: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """How good answers on rows held out are: the share that is right, or macro-F1 with the cuts that are best for many labels; of
    equals, the smaller squared error."""
    one = gold.ndim == 1
    wanted = np.eye(scores.shape[1])[gold] if one else gold
    good = (scores.argmax(1) == gold).mean() if one else f1_by_label(gold, moved(scores, chosen_cuts(gold, scores)) >= 0.5).mean()
    return float(good), -float(((scores - wanted) ** 2).sum(1).mean())


def _last(arm: Arm) -> Arm:
    """The arm that learns from the labels."""
    return _last(arm.base) if arm.base else arm
