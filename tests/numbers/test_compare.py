"""The comparison is a pure function of stored scores: known scores give known numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tests.numbers.made import SIMILARITY, answered, arm, planned, problem
from tl_core.analysis.compare import compare, plain, run_metrics
from tl_core.api.types import RunResult
from tl_core.statistics.crossed import crossed, difference_interval
from tl_core.statistics.intervals import ONE_SEED, Interval, wilson


def accuracy(cell):
    return cell.measures["accuracy"]


def macro(cell):
    return cell.measures["macro_f1"]


GOOD, POOR = arm("good"), arm("poor", 2.0)


def result_of(made, results, name: str, seed: int) -> RunResult:
    return next(results[s.id] for s in made.specs if s.arm.id == name and s.seed == seed)


def right(made, result: RunResult) -> np.ndarray:
    gold = [made.study.problem.label_index[e.labels[0]] for e in made.study.split.test]
    return (result.scores.argmax(-1) == gold).astype(float)


def test_means_are_those_of_the_runs():
    made = planned([GOOD, POOR])
    results = answered(made, {"good": [30, 32, 34, 36, 38], "poor": [10, 10, 12, 12, 16]})
    found = compare(made, results)
    good, poor = found.cells
    assert (good.arm, poor.arm) == ("good", "poor")
    assert accuracy(good).value == pytest.approx(0.85) and poor.measures[
        "accuracy"
    ].value == pytest.approx(0.3)
    assert accuracy(good).low < 0.85 < accuracy(good).high and (
        accuracy(good).seeds,
        accuracy(good).n,
    ) == (5, 40)
    assert (
        good.labels,
        good.fit_seconds,
        good.predict_seconds,
        good.peak_bytes,
        good.trainable_parameters,
    ) == (3, 2.0, 0.5, 1000, 12)
    assert good.failed == 0 and good.seeds == (0, 1, 2, 3, 4) and good.shots_name == 1
    assert found.metric == "accuracy" and "13 to 14 rows each" in found.why_metric
    assert found.chance == 14 / 40
    assert found.cell("poor", 1) is poor and found.cell("poor", 2) is None


def test_macro_f1_is_scikit_learns():
    made = planned([GOOD])
    results = answered(made, {"good": [20, 25, 30, 35, 40]})
    gold = [made.study.problem.label_index[e.labels[0]] for e in made.study.split.test]
    each = [
        f1_score(gold, r.scores.argmax(-1), average="macro", labels=range(3))
        for r in results.values()
    ]
    assert macro(compare(made, results).cells[0]).value == pytest.approx(np.mean(each))
    first = next(iter(results.values()))
    assert run_metrics(made, first)["macro_f1"].value == pytest.approx(each[0])
    assert run_metrics(made, first)["accuracy"].value == 0.5


def test_what_is_clearly_worse_is_left_out_and_what_is_not_stays():
    made = planned([GOOD, POOR, arm("near", 3.0)])
    found = compare(
        made,
        answered(
            made,
            {"good": [32, 33, 34, 33, 32], "poor": [8, 9, 8, 9, 8], "near": [33, 32, 33, 33, 32]},
        ),
    )
    assert {c.arm: c.could_be_best for c in found.cells} == {
        "good": True,
        "near": True,
        "poor": False,
    }
    assert set(found.best) == {("good", 1), ("near", 1)}
    assert any(note.startswith("poor at 1 is left out: ") for note in found.notes)


def test_differences_are_paired_with_the_leading_line():
    made = planned([GOOD, POOR])
    results = answered(made, {"good": [30, 32, 34, 36, 38], "poor": [10, 10, 12, 12, 16]})
    found = compare(made, results)
    (difference,) = found.differences.values()
    D = np.stack(
        [
            right(made, result_of(made, results, "good", s))
            - right(made, result_of(made, results, "poor", s))
            for s in range(5)
        ]
    )
    assert set(found.differences) == {("poor", 1)}
    assert difference.value == pytest.approx(0.55) == pytest.approx(D.mean())
    cells = [found.cell("good", 1), found.cell("poor", 1)]
    pooled = crossed(D, design=found.design, usual=sum(c.usual for c in cells))
    assert (
        difference.high - difference.value == pytest.approx(pooled.half_width())
        and pooled.seeds_df > 4
    )


def test_a_zero_shot_arm_stands_beside_every_seed_of_a_trained_one():
    made = planned([SIMILARITY, GOOD], shots=(0, 1))
    results = answered(made, {"similarity": [36], "good": [20, 22, 24, 26, 28]})
    found = compare(made, results)
    zero, trained = found.cells
    assert zero.once and not trained.once
    assert (zero.arm, zero.shots, zero.labels, accuracy(zero).value) == (
        "similarity",
        0,
        0,
        0.9,
    )
    assert (accuracy(zero).low, accuracy(zero).high) == pytest.approx(wilson(36, 40)) and accuracy(
        zero
    ).notes == ()
    once = right(made, result_of(made, results, "similarity", 0))[None]
    five = np.stack([right(made, result_of(made, results, "good", s)) for s in range(5)])
    expected = difference_interval(
        five, once, b_deterministic=True, design=found.design, usual=trained.usual
    )
    assert found.differences["good", 1] == expected
    assert expected.seeds == 5 and expected.value == pytest.approx(0.3)


def test_failed_runs_are_counted_and_never_averaged_in():
    made = planned([GOOD])
    results = answered(made, {"good": [30] * 5})
    for spec in made.specs[:2]:
        results[spec.id] = RunResult(spec.id, "failed", error="It did not work.")
    (cell,) = compare(made, results).cells
    assert (
        cell.failed,
        cell.seeds,
        accuracy(cell).value,
        accuracy(cell).seeds,
    ) == (
        2,
        (2, 3, 4),
        0.75,
        3,
    )


def test_arms_are_compared_on_the_seeds_they_share():
    made = planned([GOOD, POOR])
    results = answered(made, {"good": [30, 32, 34, 36, 38], "poor": [10, 10, 12, 12, 16]})
    gone = [s for s in made.specs if (s.arm.id, s.seed) in {("good", 0), ("poor", 4)}]
    found = compare(made, {run: r for run, r in results.items() if run not in {s.id for s in gone}})
    assert found.differences["poor", 1].seeds == 3
    assert found.differences["poor", 1].value == pytest.approx(np.mean([22, 22, 24]) / 40)


def test_arms_without_a_common_seed_are_not_compared():
    made = planned([GOOD, POOR])
    results = answered(made, {"good": [30] * 5, "poor": [10] * 5})
    kept = {s.id for s in made.specs if (s.arm.id == "good") == (s.seed < 2)}
    found = compare(made, {run: r for run, r in results.items() if run in kept})
    assert found.differences == {}
    assert any("share no seed" in note for note in found.notes)
    assert all(c.could_be_best for c in found.cells)


def test_one_seed_says_that_its_spread_is_unknown():
    made = planned([GOOD], seeds=1)
    (cell,) = compare(made, answered(made, {"good": [30]})).cells
    assert ONE_SEED in accuracy(cell).notes and cell.could_be_best
    assert (accuracy(cell).low, accuracy(cell).high) == pytest.approx(wilson(30, 40))


def test_nothing_finished_is_an_empty_comparison():
    made = planned([GOOD])
    for results in ({}, {s.id: RunResult(s.id, "failed", error="no") for s in made.specs}):
        found = compare(made, results)
        assert (found.cells, found.best, found.differences, found.notes) == ((), (), {}, ())
        assert found.chance == 14 / 40


def test_every_answer_right_keeps_a_lower_limit_below_one():
    made = planned([GOOD])
    (cell,) = compare(made, answered(made, {"good": [40] * 5})).cells
    assert accuracy(cell).value == accuracy(cell).high == 1 and 0.8 < accuracy(cell).low < 1


def test_unbalanced_labels_are_sorted_by_macro_f1():
    made = planned([GOOD, POOR])
    test = tuple(
        replace(e, labels=("a",)) if i < 30 else e for i, e in enumerate(made.study.split.test)
    )
    made = replace(made, study=replace(made.study, split=replace(made.study.split, test=test)))
    found = compare(made, answered(made, {"good": [35] * 5, "poor": [31] * 5}))
    assert found.metric == "macro_f1" and "not balanced" in found.why_metric
    assert macro(found.cells[0]).value > macro(found.cells[1]).value
    assert found.chance > 0.7


def test_ties_go_to_the_fewer_labels():
    made = planned([GOOD], shots=(1, 4), seeds=3)
    found = compare(made, answered(made, {"good": [30] * 3}))
    assert [c.shots for c in found.cells] == [1, 4] and all(c.best_at_shots for c in found.cells)
    assert [c.could_be_best for c in found.cells] == [False, True] and found.best == (
        ("good", 4),
    )  # each arm with the most labels it was given


def test_all_the_rows_are_named_so():
    made = planned([GOOD], shots=(None,), seeds=3)
    (cell,) = compare(made, answered(made, {"good": [30] * 3})).cells
    assert (cell.shots, cell.shots_name, cell.labels) == (None, "all", 300)


def test_several_labels_count_whole_sets():
    made = planned([GOOD], of=problem(target="many labels"))
    gold = np.array([[x in e.labels for x in "abc"] for e in made.study.split.test])
    scores = np.where(gold, 0.9, 0.1).astype(np.float32)
    scores[:10, 0] = 1 - scores[:10, 0]  # one label of the first ten rows is wrong
    found = compare(made, {s.id: RunResult(s.id, "done", scores, {"train": 3}) for s in made.specs})
    assert accuracy(found.cells[0]).value == 0.75 and found.metric == "macro_f1"


def test_plain_numbers_are_finite_or_nothing():
    assert plain(Interval(0.5, -math.inf, math.inf, 1, 9)) == {
        "value": 0.5,
        "low": None,
        "high": None,
        "n": 9,
    }
    assert plain(Interval(math.nan, 0.1, 0.2, 1, 9), seeds=3) == {
        "value": None,
        "low": 0.1,
        "high": 0.2,
        "n": 9,
        "seeds": 3,
    }
