"""Intervals and tests against scipy, scikit-learn, brute force and numbers worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.metrics import f1_score

from tests.numbers.made import contenders
from tl_core.statistics.best_set import best_set
from tl_core.statistics.classification.f1 import (
    macro_f1,
    macro_f1_difference,
    macro_f1_interval,
    macro_f1_pseudo,
)
from tl_core.statistics.crossed import (
    crossed,
    difference_interval,
    mean_interval,
    p_value,
    score_interval,
)
from tl_core.statistics.intervals import (
    IDENTICAL,
    NEVER_RIGHT,
    NEVER_WRONG,
    ONE_SEED,
    TWO_SEEDS,
    wilson,
)

RNG = np.random.default_rng(7)
START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def same_draws():
    """Every test draws the same numbers, alone or among others."""
    RNG.bit_generator.state = START


def close(a, b, tolerance=1e-9):
    return np.allclose(a, b, rtol=0, atol=tolerance)


# --- one share ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 20), (160, 200), (1, 2000)]
)
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_wilson_is_scipys(k, n, level):
    theirs = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    assert close(wilson(k, n, level), theirs)


@pytest.mark.parametrize(("k", "n"), [(3, 0), (-1, 10), (11, 10)])
def test_wilson_refuses_what_is_no_share(k, n):
    with pytest.raises(ValueError, match="not a share"):
        wilson(k, n)


def test_a_deterministic_strategy_gets_wilson_and_no_badge():
    y = np.repeat([1, 0], [80, 20])
    for Y in (y, np.tile(y, (5, 1))):
        interval = mean_interval(Y, deterministic=True)
        assert close(
            (interval.low, interval.high), stats.binomtest(80, 100).proportion_ci(method="wilson")
        )
        assert (interval.seeds, interval.n, interval.notes) == (1, 100, ())


def test_one_and_two_seeds_take_the_rows_only_and_say_so():
    y = np.repeat([1, 0], [80, 20])
    one, two = mean_interval(y), mean_interval(np.stack([y, y]))
    assert one.notes == (ONE_SEED,) and two.notes == (TWO_SEEDS,)
    assert (one.low, one.high) == (two.low, two.high) == wilson(80, 100)
    opposite = mean_interval(np.stack([np.ones(100), np.zeros(100)]))
    assert (opposite.low, opposite.high) == wilson(50, 100)
    D = np.stack([y, 1 - y]) + RNG.normal(size=(2, 100))
    theirs = stats.ttest_1samp(D.mean(0), 0)  # the seeds as given: one mean per row
    difference = difference_interval(np.zeros((2, 100)), D)
    assert difference.notes == (TWO_SEEDS,)
    assert close((difference.low, difference.high), theirs.confidence_interval())
    assert close(p_value(D), theirs.pvalue)


# --- crossed --------------------------------------------------------------------------------------


def test_the_analysis_of_variance_by_hand():
    # rows of scores 1 2 3 6 | 2 4 3 7 | 3 3 6 8: grand mean 4; seed means 3 4 5; row means 2 3 4 7
    D = np.array([[1, 2, 3, 6], [2, 4, 3, 7], [3, 3, 6, 8]])
    # MS_s = 4 (1+0+1) / 2 = 4; MS_i = 3 (4+1+0+9) / 3 = 14
    # residuals: 0 0 0 0 | 0 1 -1 0 | 0 -1 1 0; MS_e = 4 / (2*3) = 2/3
    c = crossed(D)
    assert close((c.mean, c.A, c.B, c.C), (4, 4 / 12, (14 - 2 / 3) / 12, 14 / 12))
    assert (c.seeds, c.n, c.deterministic) == (3, 4, False)
    # t of 2 df 4.302653, of 3 df 3.182446 (any table): (1/3*4.302653 + 10/9*3.182446) / sqrt(13/9)
    assert close(c.half_width(), (4.302653 / 3 + 3.182446 * 10 / 9) / math.sqrt(13 / 9), 1e-5)


def test_an_interval_is_never_narrower_than_the_rows_only_one():
    D = np.array([[1, 2, 3, 6], [1, 2, 3, 6], [2, 1, 3, 6]])  # no seed effect at all
    c = crossed(D)
    assert c.A == 0
    assert close(c.half_width(), stats.t.ppf(0.975, 3) * math.sqrt(c.C))
    assert c.half_width() > stats.t.ppf(0.975, 3) * math.sqrt(c.B)


def test_overlap_enlarges_the_seed_variance_only_above_a_tenth():
    D = RNG.normal(size=(5, 30))
    plain, tenth, half, whole = (crossed(D, overlap=f) for f in (0, 0.1, 0.5, 1))
    assert plain == tenth
    assert close(half.A, plain.A * (1 + 5 * 1)) and (half.B, half.C) == (plain.B, plain.C)
    assert close(whole.A, plain.A * (1 + 5 * 9))  # held at .9
    assert whole.half_width() > half.half_width() > plain.half_width()


@pytest.mark.parametrize("seeds", [1, 4])
def test_two_deterministic_strategies_get_the_paired_t(seeds):
    a, b = RNG.normal(size=(2, 40))
    theirs = stats.ttest_rel(b, a)
    D = np.tile(b - a, (seeds, 1))
    assert crossed(D).deterministic
    assert close(p_value(D), theirs.pvalue)
    ours = difference_interval(a, b, a_deterministic=True, b_deterministic=True)
    assert close((ours.low, ours.high), theirs.confidence_interval())
    assert close(crossed(D).half_width(), (ours.high - ours.low) / 2)
    assert ours.notes == ()


def test_p_is_where_the_interval_just_touches_zero():
    D = RNG.normal(0.3, 1, size=(5, 60)) + 0.1 * np.arange(-2, 3)[:, None]
    p = p_value(D)
    assert 1e-6 < p < 0.5
    assert close(crossed(D).half_width(1 - p / 2), abs(D.mean()))
    assert p_value(D, overlap=0.5) > p
    assert close(p_value(-D), p)


def test_p_at_its_ends():
    assert p_value(np.zeros((3, 10))) == 1
    assert p_value(np.ones((3, 1))) == 1  # one row says nothing
    assert p_value(np.ones((3, 10))) == 2**-9  # the sign test
    assert p_value(np.tile(RNG.normal(50, 1, 300), (3, 1))) == 1e-16
    assert close(p_value(RNG.normal(0, 1, (1, 50)), centre=1e-12), 1, 1e-6)


def test_a_deterministic_side_stands_for_every_seed_and_a_trained_one_never_does():
    a, B = RNG.random(50) < 0.7, RNG.random((4, 50)) < 0.8
    interval = difference_interval(a, B, a_deterministic=True)
    assert interval == difference_interval(np.tile(a, (4, 1)), B)
    assert close(interval.value, B.mean() - a.mean()) and interval.seeds == 4
    with pytest.raises(ValueError, match="1 and 4 seeds"):
        difference_interval(a, B)
    with pytest.raises(ValueError, match="differ between seeds"):
        difference_interval(B, B, a_deterministic=True)
    with pytest.raises(ValueError, match="50 and 49 rows"):
        difference_interval(a, B[:, 1:], a_deterministic=True)


def test_identical_arms_are_called_identical():
    Y = RNG.random((3, 20)) < 0.5
    interval = difference_interval(Y, Y)
    assert (interval.low, interval.value, interval.high, interval.notes) == (0, 0, 0, (IDENTICAL,))
    assert IDENTICAL not in difference_interval(1 - Y, Y).notes


def test_scores_that_balance_over_rows_and_seeds_are_not_called_certain():
    board = np.indices((4, 4)).sum(0) % 2  # every row mean and every column mean is 1/2
    interval = mean_interval(board)
    assert interval.low < 0.2 and interval.high > 0.8


def test_badges_of_the_rare():
    Y = np.ones((3, 100))
    assert mean_interval(Y).notes == (NEVER_WRONG,)
    assert mean_interval(1 - Y).notes == (NEVER_RIGHT,)
    Y[0, :5], Y[1, 5:10] = 0, 0  # 10 rows are wrong in some seed
    assert mean_interval(Y).notes == ()


def test_scores_that_are_none_are_refused():
    with pytest.raises(ValueError, match="finite"):
        score_interval(np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match="at least one"):
        crossed(np.zeros((0, 5)))
    with pytest.raises(ValueError, match="0 and 1"):
        mean_interval(np.full((3, 5), 0.5))


@pytest.mark.parametrize("S", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 2, 3, 50])
@pytest.mark.parametrize("fill", ["right", "wrong", "first", "noise"])
@pytest.mark.parametrize("deterministic", [False, True])
def test_intervals_of_the_degenerate_are_ordered_and_within_bounds(S, n, fill, deterministic):
    Y = {
        "right": np.ones((S, n)),
        "wrong": np.zeros((S, n)),
        "first": np.zeros((S, n)),
        "noise": RNG.random((S, n)) < 0.5,
    }[fill]
    Y = Y.astype(int)
    if fill == "first":
        Y[:, 0] = 1
    Y = Y[:1] if deterministic else Y
    accuracy = mean_interval(Y, deterministic=deterministic)
    assert 0 <= accuracy.low <= accuracy.value <= accuracy.high <= 1
    assert accuracy.high - accuracy.low > 0.01  # nothing is certain on 50 rows
    gold = np.arange(n) % 2
    f1 = macro_f1_interval(gold, np.where(Y == 1, gold, 1 - gold), 2, deterministic=deterministic)
    assert 0 <= f1.low <= f1.value <= f1.high <= 1 and f1.high > f1.low
    for other in (Y, 1 - Y, np.ones_like(Y)):
        d = difference_interval(Y, other)
        assert -1 <= d.low <= d.value <= d.high <= 1
        assert d.high > d.low or not (other - Y).any()
        assert 0 < p_value(other - Y) <= 1


def test_one_row_gives_no_limits():
    assert (mean_interval([[1], [1], [0]]).low, mean_interval([[1], [1], [0]]).high) == (0, 1)
    assert score_interval([[0.3], [0.2], [0.4]]).high == math.inf


# --- macro-F1 -------------------------------------------------------------------------------------


def sklearn_f1(gold, predicted, C):
    if gold.ndim == 2:
        return f1_score(gold, predicted, average="macro", zero_division=0)
    return f1_score(gold, predicted, labels=range(C), average="macro", zero_division=0)


def drawn(C, n, S, many):
    """Gold and predictions where the last label is nearly absent."""
    if many:
        gold = RNG.random((n, C)) < np.linspace(0.6, 0.03, C)
        return gold, gold ^ (RNG.random((S, n, C)) < 0.2)
    weights = np.r_[np.ones(C - 1), 0.05]
    gold = RNG.choice(C, n, p=weights / weights.sum())
    return gold, np.where(RNG.random((S, n)) < 0.7, gold, RNG.integers(0, C, (S, n)))


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(("C", "n", "S"), [(2, 30, 1), (3, 12, 3), (6, 40, 4)])
def test_macro_f1_and_pseudo_values_against_sklearn_one_row_left_out_at_a_time(C, n, S, many):
    gold, runs = drawn(C, n, S, many)
    P = macro_f1_pseudo(gold, runs, C, many=many)
    assert P.shape == (S, n)
    for s, run in enumerate(runs):
        F = sklearn_f1(gold, run, C)
        assert close(macro_f1(gold, run, C, many=many), F)
        without = [sklearn_f1(np.delete(gold, i, 0), np.delete(run, i, 0), C) for i in range(n)]
        assert close(P[s], n * F - (n - 1) * np.array(without))
    interval = macro_f1_interval(gold, runs, C, many=many)
    assert close(interval.value, np.mean([sklearn_f1(gold, run, C) for run in runs]))
    assert (interval.seeds, interval.n) == (S, n)


def test_a_label_that_never_occurs_counts_as_zero():
    gold = np.array([0, 1, 0, 1])
    assert macro_f1(gold, gold, 3) == pytest.approx(2 / 3)
    assert macro_f1(gold, gold, 2) == 1


def test_macro_f1_of_one_run_agrees_with_the_bootstrap():
    gold, runs = drawn(3, 400, 1, False)
    interval = macro_f1_interval(gold, runs, 3)
    rows = RNG.integers(0, 400, (400, 400))
    draws = [macro_f1(gold[r], runs[0][r], 3) for r in rows]
    assert (interval.high - interval.low) / 2 == pytest.approx(1.96 * np.std(draws), rel=0.15)
    assert ONE_SEED in interval.notes


def test_macro_f1_difference_is_paired():
    gold, runs = drawn(3, 300, 4, False)
    better = np.where(RNG.random(runs.shape) < 0.3, gold, runs)
    up, down = (
        macro_f1_difference(gold, runs, better, 3),
        macro_f1_difference(gold, better, runs, 3),
    )
    assert close((up.value, up.low, up.high), (-down.value, -down.high, -down.low))
    value = np.mean(
        [macro_f1(gold, b, 3) - macro_f1(gold, a, 3) for a, b in zip(runs, better, strict=True)]
    )
    assert close(up.value, value) and up.low > 0
    alone = macro_f1_interval(gold, runs, 3)
    assert up.high - up.low < alone.high - alone.low
    assert IDENTICAL in macro_f1_difference(gold, runs, runs, 3).notes
    once = macro_f1_difference(gold, runs[:1], runs, 3, a_deterministic=True)
    assert once == macro_f1_difference(gold, np.repeat(runs[:1], 4, 0), runs, 3)
    with pytest.raises(ValueError, match="1 and 4 seeds"):
        macro_f1_difference(gold, runs[:1], runs, 3)


def test_macro_f1_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="seeds first"):
        macro_f1_pseudo(np.zeros(4, int), np.zeros((2, 5), int), 2)
    with pytest.raises(ValueError, match="from 0 to 1"):
        macro_f1(np.array([0, 2]), np.array([0, 1]), 2)
    with pytest.raises(ValueError, match="2 columns"):
        macro_f1(np.zeros((4, 2), bool), np.zeros((4, 2), bool), 3, many=True)


# --- the best set ---------------------------------------------------------------------------------


def right(accuracy, S, n=400):
    return (RNG.random((S, n)) < accuracy).astype(float)


def test_the_best_set_keeps_the_near_and_drops_the_far():
    y = right(0.9, 5)
    near = right(0.9, 5)
    scores = {"near": near, "far": right(0.6, 5), "best": y, "prior": right(0.5, 1)}
    stays, reasons = best_set(contenders(scores, {"prior"}))
    assert stays == ["near", "best"]
    assert (
        len(reasons) == 2
        and reasons[0].startswith("far is left out: ")
        and reasons[1].startswith("prior is left out: ")
    )


def test_the_best_set_of_one_is_itself_and_of_two_follows_the_interval_of_their_difference():
    y = right(0.8, 5, 100)
    assert best_set(contenders({"a": y})) == (["a"], [])
    z = right(0.86, 5, 100)
    out = "a" not in best_set(contenders({"a": y, "b": z}))[0]
    assert out == (crossed(z - y).mean > crossed(z - y).half_width(0.975))
    c = crossed(z - y)
    level = 1 - stats.norm.sf(1)  # well below or above where it tips: the set follows the level
    assert ("a" in best_set(contenders({"a": y, "b": z}), level=level)[0]) == (
        c.mean <= c.half_width((1 + level) / 2)
    )


def test_the_best_set_compares_on_the_seeds_both_have():
    y, n = right(0.8, 5), 400
    z = np.vstack(
        [np.zeros((5, n)), y[:3]]
    )  # its seeds 5 to 9 failed to learn; 0, 1, 2 equal those of y
    assert best_set(contenders({"y": y, "z": z}))[0] == [
        "y"
    ]  # without seeds: the first rows of both
    assert best_set(
        contenders({"y": y, "z": z}, seeds={"y": (0, 1, 2, 3, 4), "z": (5, 6, 7, 8, 9, 0, 1, 2)})
    ) == (["y", "z"], [])
    stays, reasons = best_set(
        contenders({"y": y, "z": z}, seeds={"y": (0, 1, 2, 3, 4), "z": (5, 6, 7, 8, 9, 10, 11, 12)})
    )
    assert stays == ["y", "z"] and reasons == ["y and z were not compared: they share no seed."]


def test_the_best_set_says_where_seeds_are_too_few():
    scores = {"zero": right(0.5, 1), "one run": right(0.9, 1), "five": right(0.9, 5)}
    stays, reasons = best_set(contenders(scores, {"zero"}))
    assert "zero" not in stays
    assert sum("The variation between seeds of one run is unknown" in r for r in reasons) == 1
    assert not any(
        "The variation between seeds of five" in r or "Seed variation of zero" in r for r in reasons
    )


def test_the_best_set_is_wider_where_training_sets_overlap():
    y = right(0.8, 5)
    z = np.clip(y + (RNG.random(y.shape) < 0.12 * np.arange(1, 6)[:, None] / 3), 0, 1)
    assert best_set(contenders({"y": y, "z": z}))[0] == ["z"]
    assert best_set(contenders({"y": y, "z": z}, overlap={"z": 0.9}))[0] == ["y", "z"]


# --- properties -----------------------------------------------------------------------------------

pairs = st.tuples(st.integers(1, 6), st.integers(1, 25)).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(np.int8, shape, elements=st.integers(0, 1))] * 2)
)
quick = settings(max_examples=150, deadline=None)


@quick
@given(pairs, st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_intervals_hold_their_value_and_widen_with_level_and_overlap(ab, overlap, level):
    A, B = ab
    for interval, wider in (
        (
            mean_interval(A, overlap=overlap, level=level),
            mean_interval(A, overlap=overlap, level=0.995),
        ),
        (mean_interval(A), mean_interval(A, overlap=overlap)),
        (
            difference_interval(A, B, overlap=overlap, level=level),
            difference_interval(A, B, overlap=overlap, level=0.995),
        ),
    ):
        assert interval.low <= interval.value <= interval.high
        assert wider.low <= interval.low + 1e-12 and wider.high >= interval.high - 1e-12


@quick
@given(pairs)
def test_swapping_the_sides_mirrors_the_interval(ab):
    A, B = ab
    there, back = difference_interval(A, B), difference_interval(B, A)
    assert close((there.low, there.value, there.high), (-back.high, -back.value, -back.low))
    assert there.notes == back.notes
    assert close(p_value(B - A), p_value(A - B))


@quick
@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_of_seeds_does_not_matter(ab, random):
    S, n = ab[0].shape
    s, i = random.sample(range(S), S), random.sample(range(n), n)
    A, B = (Y[s][:, i] for Y in ab)
    for f in (
        lambda a, b: mean_interval(a),
        difference_interval,
        lambda a, b: macro_f1_interval(b[0], a, 2),
    ):
        one = f(*ab)
        two = f(A, np.vstack([ab[1][:1][:, i], B[1:]])) if f is not difference_interval else f(A, B)
        assert close((one.low, one.value, one.high), (two.low, two.value, two.high))
        assert one.notes == two.notes


@quick
@given(pairs)
def test_swapping_right_and_wrong_mirrors_the_accuracy(ab):
    here, there = mean_interval(ab[0]), mean_interval(1 - ab[0])
    assert close((here.low, here.high), (1 - there.high, 1 - there.low))
