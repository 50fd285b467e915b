"""The parts of an arm: its strategy, with what chooses its settings, what copies its rows, what
scales its confidence, and what it builds on. `tl_core.running.fit_arm` fits it.

A strategy knows nothing of these four, so every one that trains has them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.params import declared, param
from tl_core.api.sentences import say
from tl_core.api.strategy import MAX_UNLABELLED, Strategy
from tl_core.api.types import Arm, Facts, Problem
from tl_core.data.split import Pool
from tl_core.strategies import strategies
from tl_core.studies import thresholds as deciding
from tl_core.tasks import task_of

MAX_ORACLE = 500  # rows that an oracle chooses by
COPIES = 3  # of every training row, where rows are augmented
MAX_FOLDS = 4  # of the cross-validation inside the labels
# in the name of an arm that has seen what no one has who labels only a few rows
OPTIMISTIC = " (optimistic)"
TEST_TEXTS = " (test texts seen)"


@dataclass(frozen=True)
class Recipe:
    """The settings of every arm that trains, alongside its strategy's own."""

    selection: str = param(
        "fixed",
        "How the learning rate is chosen: fixed takes it as set; inside tries smaller and larger"
        " ones by cross-validation on the training rows; dev on as many further labels, which"
        " count; oracle on up to 500 further labels that do not count, so it is optimistic",
        choices=("fixed", "inside", "dev", "oracle"),
    )
    augmentation: str = param(
        "none",
        "Three made-up copies of every training text: words deleted, words swapped, or words"
        " replaced by a model that fills blanks",
        choices=("none", "delete", "swap", "replace"),
    )
    scaling: str = param(
        "none",
        "Calibrates the probabilities without changing any prediction: inside fits one"
        " temperature on training rows held out by cross-validation",
        choices=("none", "inside"),
    )


@dataclass(frozen=True)
class Confidence:
    """The settings of an arm that trains nothing step by step and is fitted almost instantly."""

    scaling: str = param(
        "inside",
        "Calibrates the probabilities without changing any prediction: inside fits one"
        " temperature on training rows held out in turn, from 4 rows of a label on; none leaves"
        " them as they come",
        choices=("none", "inside"),
    )


def around(strategy: Strategy) -> type | None:
    """Return the settings alongside a strategy's own: `Recipe`, `Confidence` or nothing."""
    return Recipe if strategy.trains else Confidence if strategy.quick else None


def for_problem(arm: Arm, problem: Problem) -> Arm:
    """The arm without the settings, and the usual scaling, that say nothing about rows of this
    kind: they are no part of what is computed.

    Raises:
        UserError: one of them was asked for.
    """
    some = [s for s in declared(strategies()[arm.strategy].settings) if "only" in s]
    apart = [s for s in some if not _about(s, problem)]
    _see_that_none_is_asked(arm, apart)
    silent = {s["name"] for s in apart} | {
        s["name"]
        for s in some
        if s["absent"] == s["default"] == arm.settings.get(s["name"], s["default"])
    }
    settings = {name: value for name, value in arm.settings.items() if name not in silent}
    scaling = arm.scaling if can_be_scaled(arm, problem) else "none"
    return replace(
        arm, settings=settings, base=arm.base and for_problem(arm.base, problem), scaling=scaling
    )


def _about(setting: Mapping[str, Any], problem: Problem) -> bool:
    """Whether a setting that says something about some rows alone does about these."""
    only = setting["only"]
    return bool({problem.inputs, problem.task} & {*((only,) if isinstance(only, str) else only)})


def _see_that_none_is_asked(arm: Arm, apart: Sequence[Mapping[str, Any]]) -> None:
    asked = [s for s in apart if arm.settings.get(s["name"], s["default"]) != s["default"]]
    pairs, others = (
        [
            f"{s['name']}={arm.settings[s['name']]}"
            for s in asked
            if (s["only"] == "two texts") == is_
        ]
        for is_ in (True, False)
    )
    if pairs:
        raise UserError(
            say(
                "{arm}: {asked} is about rows of two texts, and here each row has one. Leave it"
                " out.",
                arm=arm.id,
                asked=", ".join(pairs),
            )
        )
    if others:
        raise UserError(
            say(
                "{arm}: {asked} is about answers that are stretches of a text, and here they are"
                " not. Leave it out.",
                arm=arm.id,
                asked=", ".join(others),
            )
        )


def can_be_scaled(arm: Arm, problem: Problem) -> bool:
    """Whether the usual scaling means something here: of several labels there is no one
    temperature.
    """
    return strategies()[arm.strategy].trains or task_of(problem).scalable


def params_of(arm: Arm, problem: Problem) -> Any:
    """The settings of an arm; what it was made without is as it was before there was such a
    setting.
    """
    of = strategies()[arm.strategy].settings
    absent = {
        s["name"]: s["absent"]
        for s in declared(of)
        if "only" in s and _about(s, problem) and s["absent"] is not None
    }
    return of(**{**absent, **arm.settings})


def without_labels(arm: Arm) -> bool:
    """Whether the arm learns from no labelled row, and so runs once."""
    return strategies()[_last(arm).strategy].needs == "no labels"


def shots_of(arm: Arm, shots: Sequence[int | None]) -> tuple[int | None, ...]:
    """The training sizes at which the arm runs, of those asked for."""
    if without_labels(arm):
        return (0,)
    if strategies()[_last(arm).strategy].also_without_labels:
        return tuple(shots)
    return tuple(s for s in shots if s != 0) or tuple(shots)


def draws(arm: Arm, shots: int | None) -> bool:
    """Whether another seed may give other answers: other rows are drawn, or first weights, order,
    copies or folds are.
    """
    if shots == 0:
        return False
    last = _last(arm)
    same = arm is last and strategies()[arm.strategy].deterministic and arm.augmentation == "none"
    return shots is not None or not same


def refuses(arm: Arm, facts: Facts) -> str:
    """Return why the arm cannot run there, as a sentence; "" when it can."""
    strategy = strategies()[arm.strategy]
    if reason := strategy.why_not(facts):
        return reason
    if arm.base is not None:
        return refuses(arm.base, facts)
    if arm.selection == "inside" and facts.shots == 1:
        return say(
            "{arm} chooses by cross-validation inside the labels, and from one label per class"
            " nothing can be left out. Choose 2 or more shots.",
            arm=arm.id,
        )
    if arm.scaling == "inside" and strategy.trains and facts.shots == 1:
        return say(
            "{arm} scales its confidence by cross-validation inside the labels, and from one"
            " label per class nothing can be left out. Choose 2 or more shots.",
            arm=arm.id,
        )
    task = task_of(facts.problem)
    if arm.scaling == "inside" and not task.scalable:
        return task.why_not_scaled(arm.id)
    if arm.selection in ("dev", "oracle") and facts.shots is None:
        return say(
            "{arm} chooses on labels that are not trained on, and with all rows there are none."
            " Choose selection=inside or fixed there.",
            arm=arm.id,
        )
    if arm.augmentation == "replace" and (
        facts.model is None or facts.model.speaks not in ("masked", "permutation")
    ):
        name = facts.model.name if facts.model else "no model"
        return say(
            "{arm} replaces words by a model that fills blanks, and {name} does not. Use"
            " minilm-masked, or augmentation=delete or swap.",
            arm=arm.id,
            name=name,
        )
    return ""


def too_few_to_choose(arm: Arm, shots: int | None, pool: Pool) -> str:
    """Return why there are no rows to choose settings by, as a sentence; "" when there are."""
    how, least = _last(arm).selection, min(pool.counts().values())
    if how == "dev" and shots is not None and 2 * shots > least:
        return say(
            "{arm} chooses on as many labels again as it trains on, and the training part has"
            " only {least} rows of some label, not {shots}. Choose fewer shots, or"
            " selection=inside.",
            arm=arm.id,
            least=least,
            shots=2 * shots,
        )
    if how == "oracle" and len(pool.k_shot(shots, seed=0)) == len(pool.examples):
        return say(
            "{arm} chooses on rows that are not trained on, and at {shots} shots there are none"
            " left. Choose fewer shots, or selection=inside.",
            arm=arm.id,
            shots=shots,
        )
    return ""


def selection_rows(arm: Arm, shots: int | None, seed: int, pool: Pool) -> list[int]:
    """Positions of the pool whose labels choose settings.

    dev: the k rows per label that follow the training rows in the seed's order. oracle: up to 500
        other rows.
    """
    how = _last(arm).selection
    if how not in ("dev", "oracle") or shots is None:
        return []
    trained = set(pool.k_shot(shots, seed=seed))
    if how == "oracle":
        return [i for i in pool.k_shot(None, seed=seed) if i not in trained][:MAX_ORACLE]
    return [i for i in pool.k_shot(2 * shots, seed=seed) if i not in trained]


def passes(arm: Arm, train: int, test: int, selection: int = 0, *, many: bool = False) -> float:
    """About how many texts a run sends through the whole network, as the strategy says and as often
    as it is fitted.

    Args:
        many: a text may have several labels.
    """
    return _of_all_fits(arm, train, test, selection, many, lambda s: s.passes)


def updates(arm: Arm, train: int, selection: int = 0, *, many: bool = False) -> float:
    """About how often a run updates every weight of the model, over all its fits; see `passes`."""
    return _of_all_fits(
        arm, train, 0, selection, many, lambda s: lambda p, rows, test: s.updates(p, rows)
    )


def _of_all_fits(
    arm: Arm,
    train: int,
    test: int,
    selection: int,
    many: bool,
    cost: Callable[[Strategy], Callable[[Any, int, int], float]],
) -> float:
    """What all fits of a run cost.

    Args:
        cost: of a strategy: what a fit with these settings, on so many rows, costs with predicting
            so many.
    """
    strategy = strategies()[arm.strategy]
    params, of = strategy.settings(**arm.settings), cost(strategy)
    if arm.base is not None:
        return of(params, train, test) + _of_all_fits(arm.base, train, test, selection, many, cost)
    if many and strategy.needs == "no labels":
        test += MAX_UNLABELLED
    rows = train * (1 if arm.augmentation == "none" else 1 + COPIES)
    fits = 1 if arm.scaling == "none" else 1 + MAX_FOLDS
    last = of(params, rows, test) + (fits - 1) * of(params, rows, train // MAX_FOLDS)
    if arm.selection == "fixed":
        again = many and strategy.trains
        return last + (of(params, rows * 2 // 3, train // 3) if again else 0.0)
    tried, folds = len(candidates(strategy, params)), MAX_FOLDS if arm.selection == "inside" else 1
    return last + fits * tried * folds * of(params, rows, selection)


def most_unlabelled(arm: Arm, problem: Problem) -> int:
    """Number of texts without labels the arm may learn from: 0 when it learns from none."""
    strategy = strategies()[arm.strategy]
    asks = _overrides(strategy, "uses_unlabelled") and strategy.uses_unlabelled(
        strategy.settings(**arm.settings)
    )
    own = strategy.most_unlabelled if asks else 0
    pairs = problem.inputs == "two texts" and not task_of(problem).alternatives
    own = max(own, MAX_UNLABELLED if pairs and strategy.unlabelled_pairs else 0)
    return max(own, most_unlabelled(arm.base, problem)) if arm.base else own


def texts_for_cuts(arm: Arm, problem: Problem) -> int:
    """Return how many texts without labels set the cut between given and not given: 0 where rows do
    so, or one label applies.
    """
    learns = _last(arm)
    return (
        MAX_UNLABELLED
        if deciding.reads_texts(strategies()[learns.strategy], learns, problem)
        else 0
    )


def sees_test_texts(arm: Arm) -> bool:
    """Whether test texts, without their labels, are among what the arm learns from."""
    strategy = strategies()[arm.strategy]
    return _overrides(strategy, "sees_test_texts") and strategy.sees_test_texts(
        strategy.settings(**arm.settings)
    )


def _overrides(strategy: Strategy, method: str) -> bool:
    """Whether the strategy says more than the default does. One that doesn't is not asked: a study
    whose settings this version does not know can still be read.
    """
    return getattr(type(strategy), method) is not getattr(Strategy, method)


def warnings(arm: Arm) -> str:
    """Return what must be next to the arm's name wherever it is shown."""
    return (OPTIMISTIC if _last(arm).selection == "oracle" else "") + (
        TEST_TEXTS if sees_test_texts(arm) else ""
    )


def candidates(strategy: Strategy, params: Any) -> list[Any]:
    """The settings that selection tries: each named one times its factors, inside its bounds."""
    bounds = {s["name"]: s for s in declared(strategy.settings)}
    choices = []
    for name, factors in strategy.tries.items():
        low, high = bounds[name]["low"], bounds[name]["high"]
        choices.append(
            dict.fromkeys(min(high, max(low, getattr(params, name) * f)) for f in factors)
        )
    return [
        replace(params, **dict(zip(strategy.tries, values, strict=True)))
        for values in itertools.product(*choices)
    ]


def _last(arm: Arm) -> Arm:
    """The arm that learns from the labels."""
    return _last(arm.base) if arm.base else arm
