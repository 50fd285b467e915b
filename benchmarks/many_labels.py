"""Texts with several labels: every strategy against scikit-learn on the very same rows, and against
every label given always.

    python -m benchmarks.many_labels TRAIN TEST [--shots 8,all] [--seeds 5] [--train-rows 4000]
    [--test-rows 1000]

Prints for each number of shots the mean macro-F1 over seeds of each strategy with its 95%
interval, its exact sets, and the labels it gives a text; beside them the reference:
LogisticRegression(class_weight="balanced") for every label on the embeddings that the probe uses,
with cuts chosen the same way (`tl_core.statistics.classification.thresholds`) from 5 folds, and
with the cut of one half.
"""

from __future__ import annotations

import argparse
import dataclasses

import numpy as np

from benchmarks import ended
from tl_core.analysis.compare import compare
from tl_core.api.types import Finished
from tl_core.data.load import load
from tl_core.data.tables import ReadOptions
from tl_core.running.run import Encoders, run
from tl_core.statistics.classification.constant import best_constant
from tl_core.statistics.classification.f1 import macro_f1
from tl_core.statistics.classification.thresholds import (
    chosen_cuts,
    moved,
    spread_folds,
    with_one_at_least,
)
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan
from tl_core.tasks import task_of

STRATEGIES = "majority,similarity,tfidf,knn,prototype,probe,prior-probe"
FOLDS = 5


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--label")
    parser.add_argument("--strategies", default=STRATEGIES)
    parser.add_argument("--shots", default="8,all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--train-rows", type=int, default=4000)
    parser.add_argument("--test-rows", type=int, default=1000)
    asked = parser.parse_args()
    options = ReadOptions(label=asked.label, multi_label=True)
    loaded = load(asked.train, options)
    test = load(asked.test, options, labels=loaded.dataset.problem.labels, check_classes=False)

    def first(read, rows):
        return dataclasses.replace(
            read, dataset=dataclasses.replace(read.dataset, examples=read.dataset.examples[:rows])
        )

    split, _ = make_split(first(loaded, asked.train_rows), test=first(test, asked.test_rows))
    shots = [None if s == "all" else int(s) for s in asked.shots.split(",")]
    made = plan(
        make_study(
            "rows",
            loaded.dataset.problem,
            split,
            arms=[ArmRequest(s) for s in asked.strategies.split(",")],
            shots=[0, *shots],
            seeds=asked.seeds,
        )
    )
    specs = [
        s for s in made.specs if s.shots is not None or s.seed == made.study.seeds[0]
    ]  # all rows are drawn once
    made, encoders = dataclasses.replace(made, specs=tuple(specs)), Encoders()
    results = {}
    for event in run(made, encoders=encoders):
        if isinstance(event, Finished):
            results[event.run] = event.result
            if event.result.status != "done":
                print(event.result.error, flush=True)
    problem = made.study.problem
    gold = task_of(problem).gold(problem, made.study.split.test)
    labels = len(problem.labels)
    print(
        f"{len(split.pool):,} rows to train on, {len(gold):,} to test on, {labels} labels,"
        f" {gold.sum(1).mean():.2f} a text"
    )
    always = macro_f1(gold, best_constant(gold, many=True), labels, many=True)
    print(f"every label always  {100 * always:5.1f}% macro-F1")
    for cell in sorted(
        compare(made, results).cells,
        key=lambda c: (c.shots is None, c.shots or 0, -c.measures["macro_f1"].value),
    ):
        given = np.mean([(results[r].scores >= 0.5).sum(1).mean() for r in cell.runs])
        f1, exact = cell.measures["macro_f1"], cell.measures["accuracy"]
        print(
            f"{cell.arm:>18} {cell.shots_name:>4}  {100 * f1.value:5.1f}% [{100 * f1.low:.1f},"
            f" {100 * f1.high:.1f}]  exact {100 * exact.value:4.1f}%  {given:.2f} labels a text "
            f" fit {cell.fit_seconds:6.1f} s"
        )
    for k in shots:
        for name, values in _references(made, encoders, k, gold).items():
            print(f"{name:>18} {k or 'all':>4}  {100 * np.mean(values):5.1f}%")


def _references(made, encoders, shots: int | None, gold: np.ndarray) -> dict[str, list[float]]:
    """Macro-F1 of scikit-learn on the rows of each seed, with chosen cuts and with one half."""
    pool = {e.row: e for e in made.study.split.pool}
    problem = made.study.problem
    encoder = next(
        encoders.get(s.arm.model.digest, made.study.model_folders)
        for s in made.specs
        if s.arm.model
    )
    tests = ended(encoder.features(made.study.split.test))
    out: dict[str, list[float]] = {"sklearn, cuts": [], "sklearn, one half": []}
    for rows in dict.fromkeys(s.train for s in made.specs if s.shots == shots):
        train = [pool[r] for r in rows]
        x, y = ended(encoder.features(train)), task_of(problem).gold(problem, train)
        folds, held = spread_folds(y, FOLDS), np.zeros(y.shape)
        for fold in range(FOLDS):
            held[folds == fold] = _balanced(x[folds != fold], y[folds != fold], x[folds == fold])
        said = _balanced(x, y, tests)
        given = with_one_at_least(moved(said, chosen_cuts(y, held))) >= 0.5
        out["sklearn, cuts"].append(macro_f1(gold, given, y.shape[1], many=True))
        out["sklearn, one half"].append(macro_f1(gold, said >= 0.5, y.shape[1], many=True))
    return out


def _balanced(x: np.ndarray, y: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """(n, C) probabilities; of a label without rows, or with all of them, its share."""
    from sklearn.linear_model import LogisticRegression

    columns = [
        (
            np.full(len(texts), c.mean())
            if c.all() or not c.any()
            else LogisticRegression(class_weight="balanced", max_iter=300)
            .fit(x, c)
            .predict_proba(texts)[:, 1]
        )
        for c in y.T
    ]
    return np.stack(columns, axis=1)


if __name__ == "__main__":
    main()
