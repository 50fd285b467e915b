"""Made-up rows, plans and results whose right answers are known."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from tl_core.api.types import Arm, Example, Label, ModelRef, Problem, RunResult, Split
from tl_core.statistics.best_set import Contender
from tl_core.statistics.recommendation import Candidate
from tl_core.studies.plan import Plan, Study, plan

SIMILARITY = Arm(
    "similarity", "similarity", 1, {"templates": "{}|About {}."}, ModelRef("minilm", "d" * 32)
)


def problem(labels: str = "abc", target: str = "one label") -> Problem:
    return Problem("one text", target, tuple(Label(x, f"the {x}") for x in labels))


def rows(n: int, labels: str = "abc") -> list[Example]:
    """`n` rows whose labels take turns; no text is near another."""
    return [Example(i, _text(i), None, (labels[i % len(labels)],)) for i in range(1, n + 1)]


def _text(i: int) -> str:
    draw = random.Random(i)
    return " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(5))


def arm(name: str, smoothing: float = 1.0) -> Arm:
    return Arm(name, "majority", 1, {"smoothing": smoothing})


def planned(
    arms: Sequence[Arm], *, n_test: int = 40, shots=(1,), seeds: int = 5, of: Problem | None = None
) -> Plan:
    made = rows(n_test + 300)
    split = Split(tuple(made[:n_test]), tuple(made[n_test:]))
    return plan(
        Study(
            "made",
            of or problem(),
            split,
            tuple(arms),
            shots,
            tuple(range(seeds)),
            {"d" * 32: "/nowhere"},
        )
    )


def answered(made: Plan, right: dict[str, Sequence[int]]) -> dict[str, RunResult]:
    """Results in which the arm is right in `right[arm][seed]` of the first test rows, and wrong in
    the others.
    """
    labels, test = made.study.problem.labels, made.study.split.test
    gold = np.array([made.study.problem.label_index[e.labels[0]] for e in test])
    results = {}
    for spec in made.specs:
        if spec.arm.id not in right:
            continue
        count = right[spec.arm.id][made.study.seeds.index(spec.seed)]
        said = np.where(np.arange(len(test)) < count, gold, (gold + 1) % len(labels))
        scores = np.full((len(test), len(labels)), 0.1, np.float32)
        scores[np.arange(len(test)), said] = 0.8
        results[spec.id] = RunResult(
            spec.id,
            "done",
            scores,
            {"train": len(spec.train), "selection": 0, "unlabelled": 0, "test_texts": 0},
            {"fit": 2.0, "predict": 0.5},
            peak_bytes=1000,
            trainable_parameters=12,
            device="cpu",
        )
    return results


def contenders(
    scores: Mapping[str, np.ndarray], once: Collection[str] = (), **of_each: Mapping
) -> list[Contender]:
    """Scores by id as what is compared; further fields by id, where they are not the usual ones."""
    return _made(Contender, scores, once, of_each)


def candidates(
    scores: Mapping[str, np.ndarray],
    cost: Mapping[str, float],
    once: Collection[str] = (),
    **of_each: Mapping,
) -> list[Candidate]:
    """The same with what each costs, to be recommended."""
    return _made(Candidate, scores, once, {"cost": cost, **of_each})


def _made(kind, scores, once, of_each):
    return [
        kind(
            id,
            Y,
            once=id in once,
            **{field: values[id] for field, values in of_each.items() if id in values},
        )
        for id, Y in scores.items()
    ]
