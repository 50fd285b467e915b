"""The strategies against scikit-learn on the very same rows.

    python -m benchmarks.right_answers TRAIN TEST [--shots 1,2,4,8,16,32,64] [--seeds 20]
    [--test-rows 1000]

Prints, for each number of shots, the mean accuracy over seeds of each strategy and of its
reference: probe and LogisticRegression(C=1), prototype and NearestCentroid, knn and
KNeighborsClassifier(5), tfidf and a pipeline of two TfidfVectorizers with LogisticRegression(C=1);
and prior-probe minus similarity with its interval.
"""

from __future__ import annotations

import argparse
import dataclasses

import numpy as np

from benchmarks import ended
from tl_core.analysis.compare import compare
from tl_core.api.types import Finished
from tl_core.data.load import load
from tl_core.running.run import Encoders, run
from tl_core.statistics.crossed import difference_interval
from tl_core.studies.plan import ArmRequest, make_split, make_study, plan

STRATEGIES = ("similarity", "probe", "prototype", "knn", "tfidf", "prior-probe")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--shots", default="1,2,4,8,16,32,64")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    asked = parser.parse_args()
    loaded = load(asked.train)
    test = load(asked.test, labels=loaded.dataset.problem.labels, check_classes=False)
    test = dataclasses.replace(
        test,
        dataset=dataclasses.replace(
            test.dataset, examples=test.dataset.examples[: asked.test_rows]
        ),
    )
    split, _ = make_split(loaded, test=test)
    shots = [None if s == "all" else int(s) for s in asked.shots.split(",")]
    study = make_study(
        "rows",
        loaded.dataset.problem,
        split,
        arms=[ArmRequest(s) for s in asked.strategies.split(",")],
        shots=shots,
        seeds=asked.seeds,
    )
    made, encoders = plan(study), Encoders()
    results = {e.run: e.result for e in run(made, encoders=encoders) if isinstance(e, Finished)}
    references = _references(made, encoders)
    comparison = compare(made, results)
    strategies = [s for s in asked.strategies.split(",") if s != "similarity"]
    zero = comparison.cell("similarity", 0)
    if zero:
        print(f"similarity: {zero.measures['accuracy'].value:.3f}")
    print("shots  " + "  ".join(f"{s:>12} (reference)" for s in strategies))
    for k in shots:
        cells = []
        for s in strategies:
            reference = references.get((s, k))
            cells.append(
                f"{comparison.cell(s, k).measures['accuracy'].value:>12.3f} "
                + (f"({np.mean(reference):.3f})    " if reference else " " * 11)
            )
        print(f"{k if k is not None else 'all':>5}  " + "  ".join(cells))
        if zero and "prior-probe" in strategies:
            gold = _gold(made)
            right = {
                s.id: (results[s.id].scores.argmax(1) == gold).astype(float) for s in made.specs
            }
            prior = np.stack([right[r] for r in comparison.cell("prior-probe", k).runs])
            gap = difference_interval(right[zero.runs[0]][None], prior, a_deterministic=True)
            print(
                f"       prior-probe minus similarity {gap.value:+.3f} [{gap.low:+.3f},"
                f" {gap.high:+.3f}]"
            )


def _gold(made) -> np.ndarray:
    return np.array([made.study.problem.label_index[e.labels[0]] for e in made.study.split.test])


def _references(made, encoders) -> dict[tuple[str, int | None], list[float]]:
    """scikit-learn on the rows of each run."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
    from sklearn.pipeline import make_pipeline, make_union

    pool = {e.row: e for e in made.study.split.pool}
    test, gold = made.study.split.test, _gold(made)
    encoder = next(
        (
            encoders.get(s.arm.model.digest, made.study.model_folders)
            for s in made.specs
            if s.arm.model
        ),
        None,
    )
    tests = ended(encoder.embed([e.text for e in test])) if encoder else None
    out: dict[tuple[str, int | None], list[float]] = {}
    for spec in made.specs:
        rows = [pool[r] for r in spec.train]
        y = np.array([made.study.problem.label_index[e.labels[0]] for e in rows])
        if spec.arm.strategy == "tfidf":
            words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")
            model = make_pipeline(
                make_union(words, TfidfVectorizer(analyzer="char", ngram_range=(2, 5))),
                LogisticRegression(max_iter=300),
            )
            right = model.fit([e.text for e in rows], y).predict([e.text for e in test]) == gold
        elif spec.arm.strategy in ("probe", "prototype", "knn"):
            model = {
                "probe": LogisticRegression(max_iter=300),
                "prototype": NearestCentroid(),
                "knn": KNeighborsClassifier(min(5, len(rows))),
            }[spec.arm.strategy]
            right = (
                model.fit(ended(encoder.embed([e.text for e in rows])), y).predict(tests) == gold
            )
        else:
            continue
        out.setdefault((spec.arm.strategy, spec.shots), []).append(right.mean())
    return out


if __name__ == "__main__":
    main()
