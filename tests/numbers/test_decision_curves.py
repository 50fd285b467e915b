"""Curves, break-even, advantage and extrapolation: against scikit-learn, by hand, on the
degenerate, and a published table.
"""

import math

import numpy as np
import pytest
from sklearn.isotonic import isotonic_regression

from tl_core.statistics import break_even as be
from tl_core.statistics.advantage import NO_OVERLAP, advantage, area
from tl_core.statistics.break_even import BETWEEN, Labels, band, break_even, crossing
from tl_core.statistics.crossed import crossed
from tl_core.statistics.curves import above, curve, isotonic, order_limits
from tl_core.statistics.extrapolation import NOT_PREDICTED, TOO_FEW_POINTS, extrapolate, power_law
from tl_core.statistics.intervals import ONE_SEED

# Schick & Schütze 2021 (EACL, "Exploiting Cloze-Questions for Few-Shot Text Classification and
# Natural Language Inference"), Table 1: accuracy of RoBERTa-large in %, supervised training on 10,
# 50, 100 and 1000 examples, PET on the same, and prompts without any ("unsupervised (avg)" and
# "unsupervised (max)").
EXAMPLES = np.array([10.0, 50, 100, 1000])
SUPERVISED = {
    "Yelp": (21.1, 44.8, 53.0, 63.0),
    "AG's": (25.0, 82.1, 86.0, 86.9),
    "Yahoo": (10.1, 52.5, 62.9, 70.5),
    "MNLI": (34.2, 45.6, 47.9, 73.1),
}
PET = {
    "Yelp": (52.9, 60.0, 61.9, 64.8),
    "AG's": (87.5, 86.3, 88.3, 86.9),
    "Yahoo": (63.8, 66.2, 69.2, 72.7),
    "MNLI": (41.8, 63.9, 74.7, 85.3),
}
PROMPTS_MEAN = {"Yelp": 33.8, "AG's": 69.5, "Yahoo": 44.0, "MNLI": 39.1}
PROMPTS_BEST = {"Yelp": 40.8, "AG's": 79.4, "Yahoo": 56.4, "MNLI": 43.8}

GRID = 8 * 2.0 ** np.arange(7)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def close(a, b):
    return np.allclose(a, b, rtol=0, atol=1e-9)


def flat(values, S=5, n=40):
    """Scores (G, S, n) that are the same for every seed and row."""
    return np.tile(np.asarray(values, float)[:, None, None], (1, S, n))


def noisy(values, rng, S=5, n=400, seed_sd=0.01):
    """Scores (G, S, n) with these means, normal noise by seed, by row and of both."""
    G = len(values)
    rows, seeds = rng.normal(0, 0.3, n), rng.normal(0, seed_sd, (G, S, 1))
    return np.asarray(values)[:, None, None] + rows + seeds + rng.normal(0, 0.2, (G, S, n))


# --- the rising fit -------------------------------------------------------------------------------


@pytest.mark.parametrize("G", [1, 2, 5, 12])
def test_the_rising_fit_is_sklearns(G, rng):
    y = rng.normal(size=(60, G)) + np.linspace(0, 1, G)
    assert close(isotonic(y), [isotonic_regression(row) for row in y])
    assert close(isotonic(y[0]), isotonic_regression(y[0]))


def test_limits_by_order_keep_the_endless():
    values = np.concatenate([np.full(30, -np.inf), np.arange(940.0), np.full(30, np.inf)])
    assert order_limits(values) == (-math.inf, math.inf)
    assert order_limits(np.arange(1000.0)) == (25.0, 974.0)


# --- draws of a curve -----------------------------------------------------------------------------


def test_a_curve_has_the_variances_of_its_points(rng):
    scores = noisy(np.linspace(0.5, 0.8, 4), rng)
    moments = curve(scores, overlap=np.array([0.0, 0.05, 0.3, 0.5]))
    for g, overlap in enumerate((0.0, 0.05, 0.3, 0.5)):
        ours, theirs = moments.at(np.eye(4)[g]), crossed(scores[g], overlap=overlap)
        assert close(
            (ours.mean, ours.A, ours.B, ours.C), (theirs.mean, theirs.A, theirs.B, theirs.C)
        )
    half = moments.at(np.array([0.5, 0.5, 0, 0]))
    theirs = crossed(scores[:2].mean(0))
    assert close((half.mean, half.A, half.B, half.C), (theirs.mean, theirs.A, theirs.B, theirs.C))


def test_draws_vary_as_the_curve_does(rng):
    G, S, n = 3, 20, 400
    luck = rng.normal(0, 0.01, (G, S, 1)) + rng.normal(
        0, 0.5, (G, S, n)
    )  # mostly of row and seed together
    rows = rng.normal(0, 0.1, n) + rng.normal(0, 0.1, (G, 1, n))
    moments = curve(np.array([0.5, 0.6, 0.7])[:, None, None] + rows + luck)
    drawn, df = moments.draws(40_000), S - 1
    expected = (
        moments.seed_squares * df / (df - 2) + moments.row_squares - moments.rest_squares
    ) / (S * n)
    assert (
        np.linalg.eigvalsh(moments.row_squares - moments.rest_squares).min() > 0
    )  # else draws are cut to what is possible
    assert np.allclose(drawn.mean(0), moments.mean, atol=1e-3)
    assert np.allclose(np.cov(drawn.T), expected, atol=0.05 * expected.max())
    assert np.array_equal(moments.draws(50, seed=3), moments.draws(50, seed=3))


def test_one_seed_varies_by_rows_and_says_so(rng):
    scores = noisy([0.5, 0.7], rng, S=1)
    moments = curve(scores)
    assert moments.notes == (ONE_SEED,)
    assert np.allclose(moments.draws(20_000).std(0), scores.std(2, ddof=1)[:, 0] / 20, rtol=0.05)
    assert close(moments.at(np.array([1.0, 0])).half_width(), crossed(scores[0]).half_width())


def test_what_is_no_curve_is_refused():
    with pytest.raises(ValueError, match="points, seeds, rows"):
        curve(np.ones((3, 4)))
    with pytest.raises(ValueError, match="finite"):
        curve(np.full((2, 3, 4), np.nan))
    with pytest.raises(ValueError, match="2 test rows"):
        curve(np.ones((2, 3, 1)))
    for labels in ([1, 2, 3], [2, 1], [0, 1]):
        with pytest.raises(ValueError, match="rising"):
            break_even(np.array(labels), flat([0, 1]))
    with pytest.raises(ValueError, match="same labels"):
        above(flat([0.5, 0.6]), flat([0.5, 0.6, 0.7]))
    with pytest.raises(ValueError, match="the seeds they share"):
        above(flat([0.5], S=5), np.zeros((3, 40)))


# --- break-even -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "expected"),
    [
        ((-0.2, -0.1, 0.1, 0.2), Labels(2**4.5)),
        ((-0.3, 0.1, 0.2, 0.3), Labels(2**3.75)),
        ((0.0, 0.1, 0.2, 0.3), Labels(8, "at most")),
        ((-0.4, -0.3, -0.2, -0.1), Labels(64, "more than")),
        ((-0.2, 0.1, -0.1, 0.3), Labels(2**4)),  # the two in the middle fit as 0
    ],
)
def test_where_a_curve_crosses_by_hand(mean, expected):
    found = crossing(GRID[:4], np.array(mean))
    assert found.censored == expected.censored and found.count == pytest.approx(expected.count)


def passed(task, level):
    return crossing(EXAMPLES, np.array(SUPERVISED[task]) / 100 - level / 100)


def test_a_published_table_gives_the_crossing_read_off_by_hand():
    """Of four tasks the mean prompt is passed between 10 and 50 examples, and the best one too, but
    for Yahoo's.
    """
    assert list(SUPERVISED) == ["Yelp", "AG's", "Yahoo", "MNLI"]
    for task, (low, high, *_) in SUPERVISED.items():
        for level in {PROMPTS_MEAN[task], PROMPTS_BEST[task]} - {56.4}:
            assert low < level < high
            assert passed(task, level).count == pytest.approx(
                10 * 5 ** ((level - low) / (high - low)), rel=1e-9
            )
    assert passed("AG's", 69.5).count == pytest.approx(35.06, abs=0.01)  # 10 * 5^(44.5 / 57.1)
    assert passed("MNLI", 39.1).count == pytest.approx(19.97, abs=0.01)  # 10 * 5^(4.9 / 11.4)
    assert passed("Yahoo", 56.4).count == pytest.approx(64.84, abs=0.01)  # 50 * 2^(3.9 / 10.4)
    assert passed("AG's", PET["AG's"][0]) == Labels(
        1000, "more than"
    )  # 87.5 on 10 examples, 86.9 on 1000


def test_of_the_published_curves_pet_needs_fewer_labels_by_hand():
    """MNLI: both reach 41.8 to 73.1%. Supervised training passes 73.1 at 1000 examples, PET before
    100.
    """
    a, b = flat(np.array(PET["MNLI"]) / 100), flat(np.array(SUPERVISED["MNLI"]) / 100)
    found = advantage(EXAMPLES, a, EXAMPLES, b, draws=50)
    assert found.reached == pytest.approx((0.418, 0.731))

    def mean_labels(points, x, low=41.8, high=73.1):  # trapezoids, a fine grid of levels
        y = np.linspace(low, high, 100_001)
        return np.trapezoid(np.interp(y, points, x), y) / (high - low)

    for unit, x in (("labels", EXAMPLES), ("octaves", np.log2(EXAMPLES))):
        by_hand = mean_labels(SUPERVISED["MNLI"], x) - mean_labels(PET["MNLI"], x)
        assert getattr(found, unit).value == pytest.approx(by_hand, rel=1e-4) and by_hand > 0


def test_the_band_is_the_crossed_interval_at_every_16th_of_a_doubling(rng):
    D = noisy(np.linspace(-0.2, 0.2, 4), rng)
    found = band(GRID[:4], D)
    assert len(found.labels) == 3 * 16 + 1 and close(np.diff(np.log2(found.labels)), 1 / 16)
    for g in range(4):
        c, k = crossed(D[g]), 16 * g
        assert close(
            (found.labels[k], found.low[k], found.high[k]),
            (GRID[g], c.mean - c.half_width(), c.mean + c.half_width()),
        )
    c = crossed((D[1] + D[2]) / 2)
    assert close(
        (found.low[24], found.high[24]), (c.mean - c.half_width(), c.mean + c.half_width())
    )


def test_break_even_is_where_the_band_leaves_zero(rng):
    D = noisy([-0.2, -0.15, -0.05, 0.02, 0.08, 0.15, 0.2], rng)
    found, b = break_even(GRID, D), band(GRID, D)
    assert found.said == BETWEEN and found.low.count < found.value.count < found.high.count
    assert (b.high[b.labels < found.low.count * 0.999] < 0).all() and (
        b.low[b.labels >= found.high.count * 0.999] > 0
    ).all()
    assert found.sure_from in GRID and found.sure_from >= found.high.count > found.sure_from / 2
    assert (found.seeds, found.n) == (5, 400)
    wider = break_even(GRID, D, overlap=0.5)
    assert wider.low.count <= found.low.count and wider.high.count >= found.high.count


@pytest.mark.parametrize(
    ("means", "said", "sure_from"),
    [
        (np.linspace(0.2, 0.4, 7), be.FROM_THE_START, 8),
        (np.linspace(-0.4, -0.2, 7), be.NOT_REACHED, None),
        (np.full(7, 0.0), be.NOT_RESOLVED, None),
        (np.linspace(0.0, 0.4, 7), be.AT_THE_LATEST, None),
        (np.linspace(-0.4, 0.0, 7), be.AT_THE_EARLIEST, None),
    ],
)
def test_what_lies_outside_the_labels_tried_is_said_to_be_so(means, said, sure_from, rng):
    found = break_even(GRID, noisy(means, rng))
    assert found.said == said
    if said in (be.FROM_THE_START, be.NOT_REACHED):
        assert found.sure_from == sure_from and found.low == found.value == found.high
    if said == be.AT_THE_LATEST:
        assert found.low == Labels(8, "at most") and 8 < found.high.count < 512 and found.sure_from
    if said == be.AT_THE_EARLIEST:
        assert found.high == Labels(512, "more than") and 8 < found.low.count < 512


def test_break_even_of_the_degenerate():
    for S in (1, 2, 5):
        same = break_even(GRID, flat(np.zeros(7), S=S))
        assert same.said == be.NOT_RESOLVED and same.sure_from is None
        assert same.notes == curve(flat([0.0], S=S)).notes
    assert break_even(GRID, flat(np.ones(7))).said == be.FROM_THE_START
    assert break_even(GRID[:1], flat([-1.0])).said == be.NOT_REACHED
    sharp = break_even(GRID, flat([-1, -1, -1, 1, 1, 1, 1]))
    assert (
        sharp.low.count <= sharp.value.count <= sharp.high.count
        and sharp.value.count == pytest.approx(2**4.5 * 2**1)
    )


def test_a_prompt_stands_for_every_seed_and_a_curve_is_paired(rng):
    trained, prompt = noisy([0.5, 0.7], rng), rng.random(400)
    assert close(above(trained, prompt, deterministic=True), trained - prompt)
    assert close(above(trained, trained[::-1]), trained - trained[::-1])


# --- advantage ------------------------------------------------------------------------------------


def test_the_area_by_hand_where_a_piece_is_flat():
    """From .2 to .6 with n 1, 2, 4, 8 at .2, .4, .4, .8: .2 * 1.5 + .2 * (4 + 6) / 2."""
    y = np.array([[0.2, 0.4, 0.4, 0.8]])
    assert close(
        area(np.array([1.0, 2, 4, 8]), y, np.array([0.2]), np.array([0.6])), 0.2 * 1.5 + 0.2 * 5
    )


def test_a_curve_that_needs_four_times_the_labels_is_two_octaves_behind(rng):
    y = np.linspace(0.5, 0.8, 7)
    found = advantage(GRID, noisy(y, rng), GRID * 4, noisy(y, rng), draws=500)
    assert found.octaves.low < 2 < found.octaves.high and found.octaves.value == pytest.approx(
        2, abs=0.3
    )
    assert found.labels.low < found.labels.value < found.labels.high
    exact = advantage(GRID, flat(y), GRID * 4, flat(y), draws=50)
    assert (exact.octaves.value, exact.octaves.low, exact.octaves.high) == pytest.approx((2, 2, 2))
    back = advantage(GRID * 4, flat(y), GRID, flat(y), draws=50)
    assert back.octaves.value == pytest.approx(-2) and back.labels.value == pytest.approx(
        -exact.labels.value
    )


def test_curves_that_do_not_meet_get_no_number(rng):
    found = advantage(
        GRID,
        noisy(np.linspace(0.5, 0.6, 7), rng),
        GRID,
        noisy(np.linspace(0.7, 0.8, 7), rng),
        draws=200,
    )
    assert found.labels is found.octaves is None and NO_OVERLAP in found.notes and found.apart > 0.9
    with pytest.raises(ValueError, match="they share"):
        advantage(GRID, noisy(np.ones(7), rng, S=3), GRID, noisy(np.ones(7), rng, S=5))


# --- extrapolation --------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b", "c"), [(0.05, 1.0, 0.5), (0.0, 0.8, 0.3), (0.2, 0.0, 1.0)])
def test_a_power_law_is_found_again(a, b, c):
    to = np.array([1024.0, 2048.0])
    assert np.allclose(
        power_law(GRID, (1 - a - b * GRID**-c)[None], np.ones(7), to), 1 - a - b * to**-c, atol=1e-9
    )


def test_the_fit_is_the_best_of_its_kind(rng):
    """Against least squares over a and b >= 0 for every c by scipy."""
    from scipy.optimize import nnls

    y, w, to = 0.6 + 0.3 * rng.random((20, 6)).cumsum(1) / 6, rng.random(6) + 0.5, np.array([512.0])
    n = GRID[:6]
    for row, ours in zip(y, power_law(n, y, w, to)):
        fits = []
        for c in np.arange(1, 41) * 0.05:
            design = np.stack([np.ones(6), n**-c], axis=1)
            (a, b), loss = nnls(design * np.sqrt(w)[:, None], (1 - row) * np.sqrt(w))
            fits.append((loss, 1 - a - b * to[0] ** -c))
        assert ours[0] == pytest.approx(min(fits)[1], abs=1e-6)


def test_what_would_not_have_been_predicted_is_not_carried_on(rng):
    straight = 1 - 0.05 - 0.9 * GRID**-0.5
    found = extrapolate(GRID, noisy(straight, rng), [1024, 2048], draws=400)
    truth = 1 - 0.05 - 0.9 * np.array([1024, 2048.0]) ** -0.5
    assert not found.refused and all(p.low < t < p.high for p, t in zip(found.points, truth))
    jump = straight.copy()
    jump[-1] += 0.15
    refused = extrapolate(GRID, noisy(jump, rng), [1024], draws=400)
    assert refused.refused == NOT_PREDICTED and refused.points == () and refused.miss[1] < 0
    assert (
        extrapolate(GRID[:4], noisy(straight[:4], rng), [128], draws=50).refused == TOO_FEW_POINTS
    )


@pytest.mark.parametrize("to", [512, 2049, 100])
def test_nothing_is_carried_further_than_four_times(to):
    with pytest.raises(ValueError, match="at most 2048"):
        extrapolate(GRID, flat(np.linspace(0.5, 0.8, 7)), [to])


def test_curves_without_spread_give_finite_limits():
    for S in (1, 5):
        found = extrapolate(GRID, flat(1 - 0.9 * GRID**-0.5, S=S), [1024], draws=50)
        assert all(np.isfinite((p.low, p.value, p.high)).all() for p in found.points)
