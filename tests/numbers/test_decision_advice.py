"""From differences to advice: equivalence, best sets, power, failures, cost and what is
recommended.
"""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import ttost_paired

from benchmarks.coverage import Arm, draw
from tests.numbers.made import candidates, contenders
from tl_core.statistics.best_set import best_set, pair_p_values, strict_best_set
from tl_core.statistics.cost import Prices, could_be_on_front, equal_cost_at, pareto, total_cost
from tl_core.statistics.crossed import (
    crossed,
    difference_interval,
    equivalence_margin,
    equivalent,
    interval_of,
    p_value,
    score_interval,
)
from tl_core.statistics.failures import failure_rate_at_most, with_failures
from tl_core.statistics.intervals import FAILED_RUNS, ONE_SEED
from tl_core.statistics.many_tests import holm
from tl_core.statistics.power import (
    Spread,
    detectable_difference,
    detectable_of_two_models,
    needed,
    spread_of,
    usual_spread,
    wilson_half_width,
)
from tl_core.statistics.recommendation import (
    ALONE,
    AS_GOOD_AND_CHEAPER,
    CHEAPEST_OF_CLOSE,
    CLOSE,
    LEADS,
    MORE_ROWS,
    MORE_SEEDS,
    NOT_ABOVE,
    ONLY_ONE,
    WINNER,
    recommend,
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def close(a, b):
    return np.allclose(a, b, rtol=0, atol=1e-9)


def study(rng, *accuracies, S=5, n=400, seed_sd=0.1):
    return dict(
        zip("abcdefgh", draw(tuple(Arm(a, seed_sd=seed_sd) for a in accuracies), S, n, rng))
    )


def same_cost(scores):
    return dict.fromkeys(scores, 1.0)


# --- equivalence ----------------------------------------------------------------------------------


def test_equivalence_of_two_deterministic_strategies_is_the_paired_t(rng):
    D = rng.normal(0.01, 0.2, 300)
    for margin in (0.01, 0.025, 0.03, 0.05):
        p = ttost_paired(D, np.zeros(300), -margin, margin)[0]
        assert equivalent(D, margin) == (p < 0.05)
    assert ttost_paired(D, np.zeros(300), -equivalence_margin(D), equivalence_margin(D))[
        0
    ] == pytest.approx(0.05, abs=1e-9)


def test_equivalence_asks_more_of_few_rows_and_few_seeds(rng):
    D = np.subtract(*draw((Arm(0.8), Arm(0.8)), 10, 1000, rng))
    assert equivalence_margin(D) < equivalence_margin(D[:, :100]) and equivalence_margin(
        D
    ) < equivalence_margin(D, overlap=0.5)
    c = crossed(D)
    assert close(equivalence_margin(D), abs(c.mean) + c.half_width(0.95))
    assert close(equivalence_margin(D, centre=-0.2), 0.2 + c.half_width(0.95))


def test_equal_answers_on_few_rows_show_little():
    """No difference in n rows: up to 1 - .05^(1/n) of others may differ."""
    assert equivalence_margin(np.zeros((5, 20))) == pytest.approx(
        1 - 0.05 ** (1 / 20)
    ) and not equivalent(np.zeros((5, 20)), 0.1)
    assert equivalent(np.zeros((5, 500)), 0.01)
    assert not equivalent(np.ones((5, 500)), 0.99)


def test_the_interval_of_a_difference_is_the_same_from_either_end(rng):
    a, b = draw((Arm(0.7), Arm(0.8)), 5, 200, rng)
    assert interval_of(b - a) == difference_interval(a, b)
    assert interval_of(np.ones((3, 50))) == difference_interval(np.zeros((3, 50)), np.ones((3, 50)))


# --- best sets ------------------------------------------------------------------------------------


def test_the_strict_best_set_is_holm_over_all_pairs(rng):
    scores = study(rng, 0.8, 0.78, 0.7, 0.6)
    p = pair_p_values(contenders(scores))
    assert len(p) == 6 and all(scores[i].mean() >= scores[j].mean() for i, j in p)
    assert close(list(p.values()), holm(np.array([p_value(scores[i] - scores[j]) for i, j in p])))
    assert strict_best_set(contenders(scores)) == [
        j for j in scores if not any(p.get((i, j), 1) < 0.05 for i in scores)
    ]
    assert "d" not in strict_best_set(contenders(scores)) and "a" in strict_best_set(
        contenders(scores)
    )


def test_the_strict_set_takes_the_same_seeds_and_deterministic_sides(rng):
    a, b = (arm[0:1] if k else arm for k, arm in enumerate(draw((Arm(0.9), Arm(0.6)), 5, 400, rng)))
    assert strict_best_set(contenders({"a": a, "b": np.tile(b, (5, 1))}, {"b"})) == ["a"]
    apart = {"a": (1, 2, 3, 4, 5), "b": (6,)}
    assert strict_best_set(contenders({"a": a, "b": b}, seeds=apart)) == ["a", "b"]
    assert strict_best_set(contenders({"a": a})) == ["a"]


# --- power ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("S", "n", "points"),
    [
        (5, 200, (7.2, 7.9, 9.8)),
        (5, 500, (4.6, 5.6, 8.0)),
        (5, 2000, (2.3, 4.0, 7.0)),
        (10, 200, (6.6, 6.9, 7.7)),
        (10, 500, (4.2, 4.6, 5.8)),
        (10, 2000, (2.1, 2.9, 4.5)),
    ],
)
def test_the_detectable_difference_of_methods(S, n, points):
    """In points at a disagreement of .2 and a seed SD of 0, 2 and 4, by the formula worked out
    apart from the code.
    """
    for sd, expected in zip((0, 0.02, 0.04), points):
        assert 100 * detectable_difference(S, n, usual_spread(sd)) == pytest.approx(
            expected, abs=0.06
        )


def test_rows_never_make_up_for_seeds():
    for S, floor in ((5, 1.66), (10, 0.995), (20, 0.66)):
        t = stats.t(S - 1)
        found = detectable_difference(S, 10**9, Spread(1.0, 0.1, 0.1))
        assert found == pytest.approx((t.ppf(0.975) + t.ppf(0.8)) / math.sqrt(S), rel=1e-3)
        assert found == pytest.approx(floor, abs=0.01)
    assert (
        detectable_difference(1, 500) == math.inf
        and detectable_difference(5, 500, Spread(0, 0, 0)) == 0
    )


@pytest.mark.parametrize(
    ("n", "few", "many"),
    [
        (100, 8.8, 12.4),
        (200, 6.2, 8.8),
        (500, 4.0, 5.6),
        (1000, 2.8, 4.0),
        (2000, 2.0, 2.8),
        (5000, 1.3, 1.8),
    ],
)
def test_the_detectable_difference_of_two_models(n, few, many):
    for discordance, expected in ((0.1, few), (0.2, many)):
        delta = detectable_of_two_models(n, discordance)
        assert 100 * delta == pytest.approx(expected, abs=0.06)
        z, power = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
        assert close(
            delta * math.sqrt(n),
            z * math.sqrt(discordance) + power * math.sqrt(discordance - delta**2),
        )


def test_no_difference_is_larger_than_the_disagreement():
    assert detectable_of_two_models(20, 0.1) == math.inf
    with pytest.raises(ValueError, match="share of rows"):
        detectable_of_two_models(100, 0)


@pytest.mark.parametrize(("n", "points"), [(100, 7.8), (200, 5.5), (500, 3.5), (1000, 2.5)])
def test_half_widths_of_a_share(n, points):
    low, high = proportion_confint(0.8 * n, n, method="wilson")
    assert close(wilson_half_width(0.8, n), (high - low) / 2)
    assert 100 * wilson_half_width(0.8, n) == pytest.approx(points, abs=0.06)


def test_a_pilot_gives_back_its_variances(rng):
    D = rng.normal(0, 0.3, (60, 1)) + rng.normal(0, 0.5, 4000) + rng.normal(0, 0.2, (60, 4000))
    found = spread_of(D)
    assert (found.seed, found.row, found.rest) == pytest.approx((0.09, 0.25, 0.04), rel=0.5)
    assert (found.row, found.rest) == pytest.approx((0.25, 0.04), rel=0.06)
    assert spread_of(np.zeros((2, 2))) == Spread(0, 0, 0)
    with pytest.raises(ValueError, match="2 seeds"):
        spread_of(D[:1])


def test_how_much_more_is_needed():
    assert (
        needed(0.05, (5, 10, 20), lambda S: 0.2 / S) == 5
        and needed(-0.015, (5, 10, 20), lambda S: 0.2 / S) == 20
    )
    assert needed(0.001, (5, 10), lambda S: 0.2 / S) is None


# --- failed runs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("S", "most"), [(5, 0.45), (10, 0.26)])
def test_none_failed_of_few_says_little(S, most):
    assert close(failure_rate_at_most(0, S), 1 - 0.05 ** (1 / S))
    assert failure_rate_at_most(0, S) == pytest.approx(most, abs=0.005)


def test_the_failure_rate_is_clopper_and_pearsons():
    for f, S in ((0, 7), (1, 5), (4, 5), (3, 20)):
        assert close(
            failure_rate_at_most(f, S),
            stats.binomtest(f, S, alternative="less").proportion_ci(0.95).high,
        )
    assert failure_rate_at_most(5, 5) == 1.0
    with pytest.raises(ValueError, match="not a share"):
        failure_rate_at_most(6, 5)


def test_failed_runs_are_in_the_first_mean_and_not_in_the_second(rng):
    (Y,) = draw((Arm(0.9),), 5, 200, rng)
    Y[2] = np.arange(200) % 2
    both = with_failures(Y, np.array([False, False, True, False, False]))
    assert (both.failed, both.seeds) == (1, 5) and FAILED_RUNS in both.all_runs.notes
    assert close(both.all_runs.value, Y.mean()) and both.trained == score_interval(
        np.delete(Y, 2, 0)
    )
    assert both.trained.value > both.all_runs.value
    none = with_failures(Y, np.zeros(5, bool))
    assert none.all_runs == none.trained and FAILED_RUNS not in none.all_runs.notes
    assert with_failures(Y, np.ones(5, bool)).trained is None


# --- cost -----------------------------------------------------------------------------------------


def test_what_an_arm_costs_in_all():
    assert total_cost(
        200, 0.5, 10_000, Prices(label=0.3, hour=2.0, prediction=0.001)
    ) == pytest.approx(60 + 1 + 10)
    assert equal_cost_at(60, 0.001, 0, 0.004) == pytest.approx(20_000)
    assert equal_cost_at(60, 0.004, 0, 0.001) is None and equal_cost_at(1, 0.1, 2, 0.1) is None


def test_the_front_by_brute_force(rng):
    for _ in range(50):
        cost, score = rng.integers(0, 4, 7), rng.integers(0, 4, 7)
        slow = [
            not any(
                cost[i] <= cost[j]
                and score[i] >= score[j]
                and (cost[i], -score[i]) != (cost[j], -score[j])
                for i in range(7)
            )
            for j in range(7)
        ]
        assert pareto(cost, score).tolist() == slow


def test_a_dearer_arm_leaves_the_front_only_if_it_is_surely_worse(rng):
    scores = study(rng, 0.80, 0.80, 0.60, 0.60)
    cost = {"a": 2.0, "b": 3.0, "c": 1.0, "d": 4.0}
    assert could_be_on_front(candidates(scores, cost)) == ["a", "b", "c"]
    assert (
        could_be_on_front(candidates(scores, dict.fromkeys(scores, 1.0)))
        == best_set(contenders(scores))[0]
    )


# --- recommendation -------------------------------------------------------------------------------


def test_a_clear_winner_is_named(rng):
    scores = study(rng, 0.9, 0.7, 0.6, n=800)
    found = recommend(candidates(scores, same_cost(scores) | {"a": 5.0}))
    assert (found.winner, found.choice, found.why, found.runner_up) == ("a", "a", WINNER, "b")
    assert found.strict == found.best == ("a",) and found.p < 0.05 and found.changes == ()
    assert found.difference == difference_interval(
        scores["b"], scores["a"], level=1 - 0.05 / 2
    )  # two comparisons


def test_of_those_that_scored_about_the_same_the_cheapest_is_advised(rng):
    scores = study(rng, 0.8, 0.8, 0.5)
    found = recommend(candidates(scores, {"a": 3.0, "b": 2.0, "c": 1.0}))
    assert found.winner is None and (found.choice, found.why) == ("b", CHEAPEST_OF_CLOSE)
    assert set(found.best) == {"a", "b"} == set(found.strict) and found.runner_up == "a"


def test_a_cheap_arm_that_looks_clearly_worse_is_not_advised_because_a_small_study_cannot_prove_it(
    rng,
):
    scores = study(rng, 0.80, 0.70, S=3, n=60, seed_sd=0.5)
    assert scores["a"].mean() - scores["b"].mean() > CLOSE
    found = recommend(candidates(scores, {"a": 50.0, "b": 1.0}))
    assert set(found.best) == {"a", "b"} and (found.choice, found.why, found.winner) == (
        "a",
        LEADS,
        None,
    )
    assert (
        recommend(candidates(scores, {"a": 50.0, "b": 1.0}), margin=0.5).choice == "b"
    )  # who says that so much less is as good


def test_the_runner_up_is_one_that_could_be_the_best_where_there_is_any(rng):
    scores = study(rng, 0.9, 0.7, 0.7, S=5, n=400, seed_sd=0.05)
    unsteady = np.clip(
        scores["c"] + np.where(np.arange(5)[:, None] < 2, 1, -0.6), 0, 1
    )  # as good now and then
    found = recommend(candidates({**scores, "c": unsteady}, same_cost(scores)))
    assert (
        scores["b"].mean() > unsteady.mean() and found.best == ("a", "c") and found.runner_up == "c"
    )


def test_what_nobody_knows_the_cost_of_is_not_advised_for_being_cheap(rng):
    scores = study(rng, 0.8, 0.8, 0.8)
    assert recommend(candidates(scores, {"a": 3.0, "b": 2.0, "c": math.inf})).choice == "b"
    assert recommend(candidates(scores, dict.fromkeys(scores, math.inf))).why == LEADS


def test_nothing_is_advised_that_is_not_shown_to_beat_one_answer_for_all(rng):
    scores = study(rng, 0.72, 0.69, 0.5, n=150, seed_sd=0.05)
    cost = {"a": 3.0, "b": 2.0, "c": 1.0}
    always = (rng.random(150) < 0.7).astype(float)
    found = recommend(candidates(scores, cost), floor=always)
    assert (
        found.why == NOT_ABOVE and not found.advised and found.above == () and found.winner is None
    )
    assert found.floor == pytest.approx(always.mean()) and found.leads_floor == (
        scores[found.leader].mean() > always.mean()
    )
    low = recommend(candidates(scores, cost), floor=np.zeros(150))
    assert set(low.above) == {"a", "b", "c"} and low.advised and low.leads_floor
    only = recommend(candidates({"a": scores["a"]}, cost), floor=np.ones(150))
    assert only.why == NOT_ABOVE and recommend(candidates({"a": scores["a"]}, cost)).why == ONLY_ONE
    half = recommend(
        candidates(study(rng, 0.9, 0.52, n=800), {"a": 9.0, "b": 1.0}),
        floor=(rng.random(800) < 0.5).astype(float),
        margin=0.49,
    )
    assert half.above == ("a",) and half.choice == "a" and half.as_good == ()


def test_as_good_within_the_margin_and_cheaper_is_advised_only_where_it_is_shown(rng):
    scores = study(rng, 0.80, 0.785, S=10, n=4000, seed_sd=0.02)
    cost = {"a": 50.0, "b": 1.0}
    found = recommend(candidates(scores, cost), margin=0.03)
    assert (found.choice, found.why, found.as_good) == ("b", AS_GOOD_AND_CHEAPER, ("b",))
    assert found.winner == "a"  # which is still the better one
    few = {j: Y[:, :100] for j, Y in scores.items()}
    assert recommend(candidates(few, cost), margin=0.03).as_good == ()
    assert recommend(candidates(scores, cost)).as_good == ()
    assert recommend(candidates(scores, {"a": 1.0, "b": 50.0}), margin=0.03).choice == "a"


@pytest.mark.parametrize("doubt", ["two seeds", "failed runs", "few shared seeds"])
def test_no_winner_is_named_where_seeds_or_failures_leave_doubt(doubt, rng):
    scores = study(rng, 0.9, 0.6, n=800)
    options = {"failed": {"b": True}} if doubt == "failed runs" else {}
    if doubt == "two seeds":
        scores["b"] = scores["b"][:2]
    if doubt == "few shared seeds":
        options["seeds"] = {"a": (1, 2, 3, 4, 5), "b": (4, 5, 6, 7, 8)}
    found = recommend(candidates(scores, same_cost(scores), **options), margin=0.5)
    assert (
        found.winner is None and found.choice == "a" and found.why == ALONE and found.as_good == ()
    )
    assert found.doubted == (() if doubt == "few shared seeds" else ("b",))


def test_two_prompts_need_no_seeds(rng):
    scores = {j: Y[:1] for j, Y in study(rng, 0.9, 0.6, n=800).items()}
    assert recommend(candidates(scores, same_cost(scores), {"a", "b"})).winner == "a"
    found = recommend(candidates(scores, same_cost(scores)))
    assert found.winner is None and ONE_SEED in found.difference.notes


def test_what_would_tell_them_apart(rng):
    scores = study(rng, 0.80, 0.77, S=5, n=300, seed_sd=0.02)
    found = recommend(candidates(scores, same_cost(scores)))
    assert (
        found.winner is None
        and {c.of for c in found.changes} <= {MORE_SEEDS, MORE_ROWS}
        and found.changes
    )
    for change in found.changes:
        S, n = (change.at, 300) if change.of == MORE_SEEDS else (5, change.at)
        D = scores[found.choice] - scores[found.runner_up]
        assert (
            detectable_difference(S, n, spread_of(D))
            <= abs(D.mean())
            < detectable_difference(5, 300, spread_of(D))
        )
    one = {j: Y[:1] for j, Y in scores.items()}
    assert [(c.of, c.at) for c in recommend(candidates(one, same_cost(one))).changes] == [
        (MORE_SEEDS, 5)
    ]
    prompts = recommend(candidates(one, same_cost(one), {"a", "b"}))
    assert prompts.winner is None and {c.of for c in prompts.changes} <= {MORE_ROWS}
    crowd = recommend(
        candidates(
            {**scores, **dict.fromkeys("xyz", np.zeros((5, 300)))}, dict.fromkeys("abxyz", 1.0)
        )
    )
    assert (
        crowd.difference.high - crowd.difference.low > found.difference.high - found.difference.low
    )  # more comparisons, wider


def test_the_degenerate_name_no_winner():
    assert recommend(candidates({"a": np.ones((5, 30))}, {"a": 1})).why == ONLY_ONE
    for scores in (
        {"a": np.ones((5, 30)), "b": np.ones((5, 30))},  # all right
        {"a": np.zeros((1, 30)), "b": np.zeros((5, 30))},  # all wrong
        {"a": np.ones((5, 1)), "b": np.zeros((5, 1))},  # one row
    ):
        found = recommend(
            candidates(scores, same_cost(scores), {"a"} if len(scores["a"]) == 1 else ()),
            margin=0.05,
        )
        assert found.winner is None and found.as_good == () and set(found.strict) == {"a", "b"}
    with pytest.raises(ValueError, match="no arm"):
        recommend(candidates({}, {}))
