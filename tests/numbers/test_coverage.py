"""Do 95% intervals hold the truth as often as they say? Simulated, with the truth known
(`benchmarks/coverage.py`).

R simulated studies tell a coverage of .93 apart only within 2.6 sqrt(.93 * .07 / R), which is .021
for 1,000: that much
is granted. Draws are seeded, so a test that passes once passes always, until the statistics change.
"""

import math

import numpy as np
import pytest

from benchmarks import coverage_of_stretches as stretches
from benchmarks.coverage import (
    GROUPED,
    WHOLE,
    Arm,
    Case,
    coverage,
    draw,
    one_mean,
    two_trained,
    whole_coverage,
    zero_shot,
)
from tests.numbers.made import contenders
from tl_core.statistics.best_set import best_set
from tl_core.statistics.classification.f1 import macro_f1, macro_f1_interval
from tl_core.statistics.crossed import crossed

R = 1000


def floor(share, repetitions=R):
    return share - 2.6 * math.sqrt(share * (1 - share) / repetitions)


# each case with the most that an interval over rows alone reaches: below .80 it fails, which shows
# that these can
CASES = [
    (two_trained(3, 500, 0.35), 0.80),
    (two_trained(5, 500, 0.35), 0.80),
    (two_trained(3, 100, 0), 1.0),
    (zero_shot(3, 2000, 0.35), 0.80),
    (zero_shot(5, 500, 0.35), 1.0),
    (zero_shot(3, 500, 1), 0.80),
    (one_mean(3, 2000, 0.80, 4), 0.80),
    (one_mean(5, 100, 0.95, 4), 1.0),
    (one_mean(5, 2000, 0.95, 1.5), 0.80),
]


@pytest.mark.parametrize(
    ("case", "rows_only_at_most"), CASES, ids=[f"{c.name}, S={c.S}, n={c.n}" for c, _ in CASES]
)
def test_crossed_intervals_hold_the_truth_where_rows_alone_do_not(case, rows_only_at_most):
    shares = coverage(case, R, seed=1)
    assert shares["crossed"] >= floor(0.93), shares
    assert shares["crossed"] <= 0.999, shares  # endless intervals hold everything
    assert shares["rows only"] <= rows_only_at_most, shares


@pytest.mark.parametrize(
    "case", [c for c in GROUPED if c.S != 3], ids=lambda c: f"{c.name}, S={c.S}"
)
def test_intervals_over_groups_hold_the_truth_where_rows_alone_do_not(case):
    shares = coverage(case, 400, seed=1)
    assert shares["crossed"] >= floor(0.935, 400) and shares["rows only"] < 0.75, shares


@pytest.mark.parametrize(
    "whole", [w for w in WHOLE if w.S == 3 and w.n == 300], ids=lambda w: w.name
)
def test_pooled_spreads_hold_the_truth_in_shorter_intervals(whole):
    pooled, alone, width = whole_coverage(
        whole, 100, seed=1
    )  # of every study 3 to 9 differences that share rows and draws
    assert pooled >= floor(0.935, 200) and width < 0.8, (pooled, alone, width)


def test_t_over_seeds_fails_where_rows_matter():
    assert coverage(zero_shot(10, 500, 0.35), R, seed=1)["seed t"] < 0.90
    assert coverage(one_mean(10, 100, 0.95, 4), R, seed=1)["seed t"] < 0.80


def test_macro_f1_intervals_hold_the_truth():
    C, S, n, shares = 3, 5, 300, np.array([0.5, 0.3, 0.2])

    def study(rng, S, n):
        gold = rng.choice(C, n, p=shares)
        hard, luck = rng.normal(1.5, 1.5, n), rng.normal(0, 0.35, (S, 1))
        right = rng.random((S, n)) < 1 / (1 + np.exp(-hard - luck))
        return gold, np.where(right, gold, rng.integers(0, C, (S, n)))

    rng = np.random.default_rng(1)
    truth = np.mean(
        [macro_f1(gold, runs[0], C) for gold, runs in (study(rng, 1, 3000) for _ in range(1500))]
    )
    held = []
    for _ in range(R):
        interval = macro_f1_interval(*study(rng, S, n), C)
        held.append(interval.low <= truth <= interval.high)
    assert floor(0.93) <= np.mean(held) <= 0.999


def test_a_strategy_as_good_as_the_best_is_seldom_left_out_and_a_worse_one_often():
    arms = tuple([Arm(0.80)] * 4 + [Arm(0.65)])
    rng, out = np.random.default_rng(1), np.zeros((R, 5))
    for r in range(R):
        scores = dict(zip("abcde", draw(arms, 5, 300, rng), strict=True))
        stays, _ = best_set(contenders(scores))
        out[r] = [arm not in stays for arm in "abcde"]
    error = 2.6 * math.sqrt(0.05 * 0.95 / R)
    assert (out[:, :4].mean(0) <= 0.05 + error).all(), out.mean(0)
    assert out[:, 4].mean() > 0.8


def test_the_best_set_without_seed_variance_would_fail():
    arms, rng, out = (Arm(0.80), Arm(0.80)), np.random.default_rng(1), 0
    for _ in range(R):
        a, b = draw(arms, 3, 500, rng)
        c = crossed((b - a).mean(0))  # seeds averaged away
        out += abs(c.mean) > c.half_width(0.95)
    assert out / R / 2 > 0.10  # each of the two, nominal 5%


def test_the_simulation_draws_the_accuracy_it_calls_the_truth():
    case = Case("check", 4, 200_000, (Arm(0.75, deterministic=True), Arm(0.90, seed_sd=0.0)))
    zero, trained = draw(case.arms, case.S, case.n, np.random.default_rng(0))
    assert zero.shape == (1, case.n) and trained.shape == (4, case.n)
    assert zero.mean() == pytest.approx(0.75, abs=0.004) and trained.mean() == pytest.approx(
        0.90, abs=0.003
    )
    assert case.truth == pytest.approx(0.15)


@pytest.mark.parametrize("case", stretches.STRETCHES[::7], ids=lambda case: case.name)
def test_intervals_of_spans_answers_and_texts_hold_the_truth(case):
    share = stretches.share_held(case, R, seed=1)
    assert floor(0.93) <= share <= 0.999
