"""How rows and draws were sampled: groups of rows that belong together, and spreads between draws
that are pooled.
"""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from tests.numbers.made import candidates, contenders
from tl_core.statistics.best_set import best_set
from tl_core.statistics.break_even import break_even
from tl_core.statistics.classification.f1 import macro_f1_interval
from tl_core.statistics.crossed import (
    crossed,
    difference_interval,
    exceeds,
    interval_of,
    loss_at_most,
    mean_interval,
    p_value,
    spread_seen,
)
from tl_core.statistics.curves import curve
from tl_core.statistics.design import (
    PLAIN,
    Design,
    Spread,
    design_effect,
    groups_of,
    pooled_spread,
    usual_variance,
)
from tl_core.statistics.intervals import wilson
from tl_core.statistics.recommendation import MORE_ROWS, recommend


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def in_groups(*sizes):
    names = [str(g) for g, size in enumerate(sizes) for _ in range(size)]
    return Design(groups_of(names))


def clustered(rng, G=30, size=10, S=5, between=0.3):
    """Scores around .6 that share much within a group."""
    level = np.repeat(rng.normal(0, between, G), size)
    return (rng.random((S, G * size)) < np.clip(0.6 + level, 0, 1)).astype(float)


# --- groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes", [(10,) * 30, (1, 2, 3, 40, 5, 6, 1, 1, 9, 30), tuple(range(1, 20))]
)
def test_one_draw_has_the_cluster_robust_error_of_statsmodels(sizes, rng):
    design, n = in_groups(*sizes), sum(sizes)
    Y = (rng.random(n) < 0.4 + 0.4 * (design.groups.of % 2)).astype(float)
    theirs = (
        sm.OLS(Y, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": design.groups.of}).bse[0]
    )
    c = crossed(Y, design=design)
    assert np.sqrt(c.C) == pytest.approx(theirs, abs=1e-9) and c.mean == pytest.approx(Y.mean())


def test_rows_on_their_own_are_no_groups_and_groups_of_one_change_nothing(rng):
    assert (
        groups_of([None, None, "a"]) is None
        and groups_of([]) is None
        and groups_of(["a", "b"]) is None
    )
    two = groups_of([None, "a", "a", None])
    assert two.count == 3 and two.sizes.tolist() == [1, 2, 1] and two.of.tolist() == [0, 1, 1, 2]
    assert groups_of(["x", ("x",), 1, "x"]).count == 3
    Y = (rng.random((5, 60)) < 0.7).astype(float)
    alone = Design(groups_of([str(i) for i in range(60)]))
    assert alone == PLAIN and mean_interval(Y, design=alone) == mean_interval(Y)


def test_equal_groups_are_an_analysis_of_their_means(rng):
    Y = clustered(rng)
    means = Y.reshape(5, 30, 10).mean(2)
    design = in_groups(*(10,) * 30)
    assert design.groups.df == pytest.approx(29) and design.groups.lift == pytest.approx(1)
    assert np.allclose(design.groups.collapse(Y), means)
    ours, theirs = crossed(Y, design=design), crossed(means)
    assert ours.half_width() == pytest.approx(theirs.half_width()) and ours.mean == pytest.approx(
        theirs.mean
    )
    assert p_value(Y - 0.6, design=design) == pytest.approx(p_value(means - 0.6))
    assert mean_interval(Y, design=design).high - mean_interval(Y, design=design).low > 1.5 * (
        mean_interval(Y).high - mean_interval(Y).low
    )


def test_unequal_groups_have_fewer_degrees_of_freedom_by_the_moments_of_their_sum_of_squares(rng):
    for sizes in ((40, 30, 10, 10, 5, 5), (1, 1, 1, 50), (3, 4, 5)):
        w = np.array(sizes) / sum(sizes)
        B = np.diag(w) @ (np.eye(len(w)) - np.outer(np.ones(len(w)), w))
        M = B @ B.T
        found = groups_of([g for g, size in enumerate(sizes) for _ in range(size)])
        assert found.df == pytest.approx(np.trace(M) ** 2 / (M**2).sum())
        assert (
            found.lift == pytest.approx((w**2).sum() * (len(w) - 1) / len(w) / np.trace(M))
            and found.df < len(w) - 1 < found.count
        )


def test_one_group_says_nothing_at_all():
    Y = np.ones((5, 20))
    Y[:, ::3] = 0
    design = in_groups(20)
    assert mean_interval(Y, design=design).low == 0 and mean_interval(Y, design=design).high == 1
    assert (
        interval_of(Y, design=design, unit=False).high == np.inf
        and p_value(Y, design=design) == 1.0
    )


def test_few_groups_of_which_every_row_is_right_leave_room(rng):
    right = np.ones((3, 200))
    low = mean_interval(right, design=in_groups(*(40,) * 5)).low
    assert low < 0.6 < mean_interval(right).low and mean_interval(
        np.ones((1, 200)), design=in_groups(*(40,) * 5)
    ).low == pytest.approx(low)
    gold = np.arange(200) % 2
    assert macro_f1_interval(gold, np.stack([gold] * 3), 2, design=in_groups(*(40,) * 5)).low < 0.6
    alike = mean_interval((rng.random((1, 200)) < 0.5).astype(float), design=in_groups(*(2,) * 100))
    assert (
        alike.high - alike.low >= np.diff(wilson(alike.value * 200, 200))[0] * 0.95
    )  # never as if there were more rows than there are


def test_groups_reach_best_sets_break_even_and_what_would_change_it(rng):
    a, b = clustered(rng), clustered(rng)
    low, high = sorted((a, b), key=np.mean)
    scores, design = {"a": low, "b": high}, in_groups(*(10,) * 30)
    assert best_set(contenders(scores))[0] == ["b"] and best_set(contenders(scores), design=design)[
        0
    ] == [
        "a",
        "b",
    ]  # rows alone see a difference
    D = np.stack([low - 0.6, high - 0.5])
    by_rows, by_groups = (break_even(np.array([8.0, 16.0]), D, design=d) for d in (PLAIN, design))
    assert by_groups.value == by_rows.value and (by_groups.high.count, by_groups.high.censored) >= (
        by_rows.high.count,
        by_rows.high.censored,
    )
    found = recommend(candidates(scores, dict.fromkeys(scores, 1.0)), design=design)
    rows = [c.at for c in found.changes if c.of == MORE_ROWS]
    assert found.winner is None and (not rows or rows[0] > 300)
    assert curve(D, design=design).rows_df == pytest.approx(29)
    half = design.subset(np.arange(150))
    assert half.groups.count == 15 and design.subset(np.arange(0, 300, 10)).groups is None


def test_the_design_effect_is_kishs():
    assert (
        design_effect(np.array([20] * 25), 0.1) == pytest.approx(1 + 19 * 0.1)
        and design_effect(np.ones(10)) == 1.0
    )


# --- spreads that are pooled ----------------------------------------------------------------------


def test_a_moderated_variance_is_smyths_weighted_mean_with_more_degrees_of_freedom():
    spread = Spread(level=2.0, df=6.0)
    assert spread.moderate(0.0004, 0.0002, S=3) == (pytest.approx((6 * 0.0004 + 2 * 0.0004) / 8), 8)
    calm, df = spread.moderate(0.0, 0.0002, S=3)
    assert calm == pytest.approx(6 * 0.0004 / 8) and df == 8
    wild, df = spread.moderate(
        0.04, 0.0002, S=3
    )  # a hundred times what the others show: it stands for itself
    assert wild > 0.035 and df < 2.2
    assert spread.moderate(0.0, 0.0, S=3)[0] == 0.0


def test_the_level_and_the_likeness_of_spreads_are_found_again(rng):
    usual = np.full(400, 0.0004)
    for level in (0.25, 1.0, 9.0):
        same = level * usual * rng.chisquare(2, 400) / 2
        found = pooled_spread(same, usual, [3] * 400, independent=400)
        assert found.level == pytest.approx(level, rel=0.2) and found.df > 8
    unlike = (
        usual * stats.invgamma(2, scale=2).rvs(400, random_state=1) * rng.chisquare(2, 400) / 2
    )  # df 4 between lines
    assert 2.5 < pooled_spread(unlike, usual, [3] * 400, independent=400).df < 7
    assert (
        pooled_spread([], [], [], 0)
        == pooled_spread([0.0, 0.0], [0.0004] * 2, [3, 3], 1)
        == Spread(1.0, 4.0)
    )


def test_usual_spreads_are_the_published_ones():
    """SetFit, six data sets (Tunstall et al. 2022, table 2): medians of 3 points at 8 labels and
    1.05 at 64.
    """
    assert [round(100 * usual_variance(k) ** 0.5, 2) for k in (8, 64)] == [3.01, 1.06]
    assert usual_variance(0) == 0 and usual_variance(1e9) == pytest.approx(0.003**2)


def test_three_draws_that_agree_with_the_rest_of_the_study_are_not_blind(rng):
    """Six arms, three draws: the variance between draws of one difference has two degrees of
    freedom, with the others' many more.
    """
    usual, ratios, sizes = {f"arm {j}": usual_variance(8) for j in range(6)}, [], []
    for _ in range(20):
        luck = rng.normal(0, 0.02, (6, 3, 1))
        scores = {
            f"arm {j}": (rng.random((3, 1000)) < 0.60 + 0.04 * j + luck[j]).astype(float)
            for j in range(6)
        }
        seen = [spread_seen(Y) for Y in scores.values()]
        design = Design(
            spread=pooled_spread(
                [v for v, _ in seen], [usual_variance(8) + rest for _, rest in seen], [3] * 6, 5
            )
        )
        D = scores["arm 5"] - scores["arm 0"]
        ratios.append(
            crossed(D, design=design, usual=2 * usual_variance(8)).half_width_at_tail(0.005)
            / crossed(D).half_width_at_tail(0.005)
        )
        sizes.append(
            (
                len(best_set(contenders(scores, usual=usual), design=design)[0]),
                len(best_set(contenders(scores))[0]),
            )
        )
    assert (
        np.median(ratios) < 0.6
        and np.mean([pooled for pooled, _ in sizes]) < np.mean([alone for _, alone in sizes]) - 1
    )


# --- one-sided questions --------------------------------------------------------------------------


def test_what_fewer_labels_lose_at_most_is_the_one_sided_limit(rng):
    less, most = (
        (rng.random((5, 400)) < 0.78).astype(float),
        (rng.random((5, 400)) < 0.80).astype(float),
    )
    D = less - most
    c = crossed(D)
    assert loss_at_most(D) == pytest.approx(-c.mean + c.half_width(0.975))
    assert loss_at_most(np.zeros((5, 50))) == pytest.approx(
        1 - 0.025 ** (1 / 50)
    )  # no row differed, but rows not seen may
    assert difference_interval(less, most).high == pytest.approx(loss_at_most(D))


def test_more_than_a_level_is_shown_only_beyond_chance(rng):
    Y = (rng.random((5, 400)) < 0.8).astype(float)
    assert exceeds(Y - 0.7) and not exceeds(Y - Y.mean()) and not exceeds(Y - 0.9)
    assert (
        exceeds(np.full((3, 20), 0.1))
        and not exceeds(np.full((3, 4), 0.1))
        and not exceeds(np.zeros((3, 20)))
    )
