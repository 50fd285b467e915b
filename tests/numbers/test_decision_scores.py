"""Metrics, calibration and tests of two models against scikit-learn, scipy, statsmodels and brute
force.
"""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    matthews_corrcoef,
)
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from tl_core.statistics.classification import counts
from tl_core.statistics.classification.f1 import macro_f1, macro_f1_interval, macro_f1_pseudo
from tl_core.statistics.classification.proper_scores import (
    brier,
    confidence,
    confidence_gap,
    nll,
    right,
)
from tl_core.statistics.classification.reliability import (
    brier_parts,
    calibration_error,
    classwise_ece,
    ece,
    n_bins,
    reliability,
)
from tl_core.statistics.classification.selective import aurc, risk_coverage
from tl_core.statistics.classification.temperature import HIGHEST, heated, temperature
from tl_core.statistics.intervals import wilson
from tl_core.statistics.leave_out import block_residuals, blocks, choose_strength, ridge_hat
from tl_core.statistics.many_tests import holm
from tl_core.statistics.two_models import mcnemar

METRICS = (counts.balanced_accuracy, counts.macro_f1_of_counts, counts.matthews)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def close(a, b):
    return np.allclose(a, b, rtol=0, atol=1e-9)


def made(rng, n=300, C=3):
    """Gold (n,) and probabilities (n, C) that are right about as often as they say."""
    logits = rng.normal(0, 1.5, (n, C))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return (rng.random((n, 1)) > p.cumsum(1)).sum(1).clip(max=C - 1), p


# --- two trained models ---------------------------------------------------------------------------


def right_rows(both, only_a, only_b, neither):
    a = np.repeat([1, 1, 0, 0], [both, only_a, only_b, neither])
    b = np.repeat([1, 0, 1, 0], [both, only_a, only_b, neither])
    return a, b


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 0), (0, 1), (6, 14), (14, 6), (9, 9), (40, 70), (0, 12)]
)
def test_mcnemar_is_statsmodels(only_a, only_b):
    ours = mcnemar(*right_rows(50, only_a, only_b, 20))
    assert (ours.only_a, ours.only_b) == (only_a, only_b)
    theirs = (
        their_mcnemar([[50, only_a], [only_b, 20]], exact=True).pvalue if only_a + only_b else 1.0
    )
    assert close(ours.exact, theirs)
    below = [
        math.comb(only_a + only_b, i) / 2 ** (only_a + only_b)
        for i in range(min(only_a, only_b) + 1)
    ]
    assert close(ours.mid_p, 1.0 if only_a == only_b else 2 * sum(below) - below[-1])
    assert ours.mid_p <= ours.exact + 1e-12


def test_mcnemar_refuses_other_rows():
    with pytest.raises(ValueError, match="same rows"):
        mcnemar(np.ones(4), np.ones(5))


@pytest.mark.parametrize("m", [1, 2, 9, 40])
def test_holm_is_statsmodels(m, rng):
    for p in (rng.random(m), rng.random(m) ** 6, np.full(m, 0.01)):
        assert close(holm(p), multipletests(p, method="holm")[1])


@pytest.mark.parametrize(("k", "n"), [(0, 20), (7, 20), (160, 200)])
def test_wilson_is_statsmodels(k, n):
    assert close(wilson(k, n), proportion_confint(k, n, method="wilson"))


# --- metrics of counts ----------------------------------------------------------------------------


@pytest.mark.parametrize("C", [2, 3, 7])
def test_metrics_of_counts_are_sklearns(C, rng):
    for n in (5, 40, 300):
        gold, said = rng.integers(0, C, n), rng.integers(0, C, n)
        said = np.where(rng.random(n) < 0.5, gold, said)
        total = counts.row_counts(gold, said, C).sum(0)
        assert close(counts.balanced_accuracy(total), balanced_accuracy_score(gold, said))
        assert close(counts.matthews(total), matthews_corrcoef(gold, said))
        theirs = f1_score(gold, said, labels=range(C), average="macro", zero_division=0)
        assert close([counts.macro_f1_of_counts(total), macro_f1(gold, said, C)], theirs)
    assert counts.matthews(counts.row_counts(gold, np.zeros_like(gold), C).sum(0)) == 0.0


def test_many_labels_count_each_label_on_its_own(rng):
    gold, said = rng.random((50, 4)) < 0.4, rng.random((50, 4)) < 0.4
    assert close(
        counts.macro_f1_of_counts(counts.row_counts(gold, said, 4, many=True).sum(0)),
        f1_score(gold, said, average="macro"),
    )
    assert close(
        counts.metric_pseudo(gold, said, 4, counts.macro_f1_of_counts, many=True),
        macro_f1_pseudo(gold, said, 4, many=True),
    )


@pytest.mark.parametrize("metric", METRICS)
def test_pseudo_values_are_those_of_one_row_left_out_at_a_time(metric, rng):
    n, C = 30, 3
    gold, runs = rng.integers(0, C, n), rng.integers(0, C, (2, n))

    def of(run, rows):
        return metric(counts.row_counts(gold[rows], run[rows], C).sum(0))

    everything = np.arange(n)
    slow = [
        [n * of(run, everything) - (n - 1) * of(run, np.delete(everything, i)) for i in everything]
        for run in runs
    ]
    assert close(counts.metric_pseudo(gold, runs, C, metric), slow)


def test_the_interval_of_macro_f1_is_the_same_by_either_way(rng):
    gold = rng.integers(0, 3, 120)
    runs = np.where(rng.random((5, 120)) < 0.7, gold, rng.integers(0, 3, (5, 120)))
    ours, other = (
        counts.metric_interval(gold, runs, 3, counts.macro_f1_of_counts),
        macro_f1_interval(gold, runs, 3),
    )
    assert close((ours.value, ours.low, ours.high), (other.value, other.low, other.high))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("S", [1, 5])
def test_intervals_of_all_right_are_finite_and_not_certain(metric, S):
    gold = np.arange(60) % 3
    interval = counts.metric_interval(gold, np.tile(gold, (S, 1)), 3, metric, lowest=-1.0)
    assert interval.value == interval.high == 1.0 and 0.5 < interval.low < 1.0


def test_the_bootstrap_agrees_with_the_jackknife_on_one_run(rng):
    gold = rng.integers(0, 3, 600)
    a = np.where(rng.random(600) < 0.7, gold, rng.integers(0, 3, 600))
    b = np.where(rng.random(600) < 0.2, gold, a)
    for metric in METRICS:
        boot, jack = (
            counts.bootstrap_interval(gold, a, 3, metric),
            counts.metric_interval(gold, a, 3, metric),
        )
        assert boot.value == jack.value and np.allclose(
            (boot.low, boot.high), (jack.low, jack.high), atol=0.01
        )
        difference = counts.bootstrap_difference(gold, a, b, 3, metric)
        assert close(
            difference.value, counts.metric_interval(gold, b, 3, metric).value - jack.value
        )
        assert 0 < difference.low < difference.value < difference.high
        # paired, so narrower than two intervals side by side
        assert difference.high - difference.low < boot.high - boot.low
        assert counts.randomisation_p(gold, a, b, 3, metric, draws=500) == pytest.approx(1 / 501)
    assert counts.bootstrap_difference(
        gold, a, b, 3, counts.matthews
    ) == counts.bootstrap_difference(gold, a, b, 3, counts.matthews)


def test_the_randomisation_test_of_equals_is_right_as_often_as_it_says(rng):
    p = []
    for r in range(200):
        gold = rng.integers(0, 2, 80)
        a, b = (np.where(rng.random(80) < 0.75, gold, 1 - gold) for _ in range(2))
        p.append(
            counts.randomisation_p(gold, a, b, 2, counts.macro_f1_of_counts, draws=200, seed=r)
        )
    assert np.mean(np.array(p) < 0.05) < 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 200)
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert counts.randomisation_p(gold, a, a, 2, counts.macro_f1_of_counts, draws=50) == 1.0


# --- scores of a row ------------------------------------------------------------------------------


def test_log_loss_and_brier_are_sklearns(rng):
    gold, p = made(rng)
    assert close(nll(gold, p).mean(), log_loss(gold, p, labels=range(3)))
    assert close(
        brier(gold, p).mean(), brier_score_loss(gold, p, labels=[0, 1, 2], scale_by_half=False)
    )
    assert close(confidence_gap(gold, p).mean(), p.max(1).mean() - (p.argmax(1) == gold).mean())
    assert nll(gold, np.stack([p, p])).shape == brier(gold, np.stack([p, p])).shape == (2, 300)


def test_an_impossible_truth_costs_much_but_not_endlessly():
    assert nll(np.array([0]), np.array([[0.0, 1.0]]))[0] == pytest.approx(34.5, abs=0.1)


def test_scores_of_many_labels_add_up_over_labels(rng):
    gold, p = rng.random((40, 3)) < 0.5, rng.random((40, 3))
    assert close(
        nll(gold, p, many=True).mean(),
        sum(log_loss(gold[:, c], p[:, c], labels=[False, True]) for c in range(3)),
    )
    assert close(
        brier(gold, p, many=True).mean(),
        sum(brier_score_loss(gold[:, c], p[:, c]) for c in range(3)),
    )
    assert confidence(p, many=True).min() >= 0.5 and right(gold, p, many=True).shape == (40, 3)
    assert close(
        confidence_gap(gold, p, many=True), (np.maximum(p, 1 - p) - ((p >= 0.5) == gold)).mean(1)
    )


# --- calibration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "bins"), [(10, 1), (19, 1), (40, 2), (200, 10), (300, 15), (5000, 15)]
)
def test_the_number_of_bins(n, bins):
    assert n_bins(n) == bins


@pytest.mark.parametrize("n", [25, 200, 317, 1000])
def test_bins_are_sklearns_quantile_bins(n, rng):
    conf = rng.random(n)
    hit = rng.random(n) < conf
    points = reliability(conf, hit)
    accuracy, mean = calibration_curve(hit, conf, n_bins=n_bins(n), strategy="quantile")
    assert close(points.accuracy, accuracy) and close(points.confidence, mean)
    assert points.rows.sum() == n and np.ptp(points.rows) <= 1
    assert close(ece(conf, hit), (points.rows / n * np.abs(accuracy - mean)).sum())


def test_ties_make_the_order_of_rows_matter_nowhere(rng):
    conf = np.round(rng.random(200), 1)
    hit = (rng.random(200) < conf).astype(float)
    mixed = rng.permutation(200)
    assert close(ece(conf, hit), ece(conf[mixed], hit[mixed]))
    assert close(aurc(conf, hit), aurc(conf[mixed], hit[mixed]))
    assert close(ece(np.full(200, 0.9), np.repeat([1, 0], 100)), 0.4)


def test_class_by_class(rng):
    gold, p = made(rng)
    assert close(classwise_ece(gold, p), [ece(p[:, c], gold == c) for c in range(3)])


def test_brier_parts_add_up(rng):
    gold, p = made(rng, 400)
    conf, hit = p.max(1), right(gold, p)
    parts = brier_parts(conf, hit)
    assert close(parts.total, brier_score_loss(hit, conf)) and close(
        parts.uncertainty, hit.mean() * (1 - hit.mean())
    )
    coarse = brier_parts(np.repeat([0.25, 0.75], 20), np.repeat([1, 0, 1, 0], [5, 15, 15, 5]))
    assert close([coarse.unreliability, coarse.resolution, coarse.within], [0, 0.0625, 0])


def test_the_reference_is_what_a_calibrated_model_gets(rng):
    """The mean gap of a bin is that of a normal: sqrt(2 M mean p(1-p) / (pi n)) over M bins."""
    conf = np.clip(rng.normal(0.8, 0.02, 1000), 0, 1)
    found = calibration_error(conf, rng.random(1000) < conf)
    assert found.calibrated_mean == pytest.approx(
        math.sqrt(2 * 15 * (conf * (1 - conf)).mean() / (math.pi * 1000)), rel=0.05
    )
    assert found.calibrated_mean < found.calibrated_95 and found.p > 0.01
    assert calibration_error(conf, rng.random(1000) < conf - 0.15).p == 0.0
    assert found.bins == 15


def test_temperature_undoes_what_was_done_to_the_scores(rng):
    gold, p = made(rng, 4000)
    assert temperature(gold, heated(p, 1 / 3)) == pytest.approx(3 * temperature(gold, p), rel=1e-2)
    assert temperature(gold, p) == pytest.approx(1, abs=0.1)
    assert close(heated(p, 1.0), p) and (heated(p, 3.0).argmax(1) == p.argmax(1)).all()
    assert temperature(p.argmin(1), p) == pytest.approx(HIGHEST, rel=0.01)


def test_few_rows_that_are_all_right_make_nobody_certain(rng):
    """Every row says .9 of two labels: right on all n, it may say (n + 1) / (n + 2) (Laplace),
    whatever it said before.
    """
    for n in (4, 16, 200):
        p = np.tile([0.9, 0.1], (n, 1))
        assert heated(p, temperature(np.zeros(n, int), p))[0, 0] == pytest.approx(
            (n + 1) / (n + 2), abs=1e-4
        )


def test_risk_and_coverage_by_hand():
    coverage, risk = risk_coverage(np.array([0.6, 0.9, 0.8, 0.7]), np.array([1, 1, 0, 1]))
    assert close(coverage, [0.25, 0.5, 0.75, 1]) and close(risk, [0, 1 / 2, 1 / 3, 1 / 4])
    assert close(
        aurc(np.array([0.6, 0.9, 0.8, 0.7]), np.array([1, 1, 0, 1])), (1 / 2 + 1 / 3 + 1 / 4) / 4
    )
    assert close(aurc(np.full(5, 0.5), np.array([1, 1, 0, 1, 1])), 0.2)


# --- one row of every label left out --------------------------------------------------------------


def test_blocks_left_out_are_exact_refits(rng):
    X, gold = rng.normal(size=(12, 30)), np.tile([0, 1, 2], 4)
    Y, block = np.eye(3)[gold], blocks(gold)
    out = block_residuals(ridge_hat(X, 2.5), Y, block)
    for b in range(4):
        keep, held = block != b, block == b
        mean, target = X[keep].mean(0), Y[keep].mean(0)
        W = np.linalg.solve(
            (X[keep] - mean).T @ (X[keep] - mean) + 2.5 * np.eye(30),
            (X[keep] - mean).T @ (Y[keep] - target),
        )
        assert close(out[held], Y[held] - (X[held] - mean) @ W - target)


def test_on_noise_blocks_score_at_chance_where_single_rows_score_below(rng):
    by_block, by_row = [], []
    for _ in range(300):
        X, gold = rng.normal(size=(8, 40)), np.tile([0, 1], 4)
        Y, hat = np.eye(2)[gold], ridge_hat(X, 100.0)
        for block, out in ((blocks(gold), by_block), (np.arange(8), by_row)):
            out.append(((Y - block_residuals(hat, Y, block)).argmax(1) == gold).mean())
    assert np.mean(by_block) == pytest.approx(0.5, abs=0.03) and np.mean(by_row) < 0.3


def test_the_strength_chosen(rng):
    gold = np.tile([0, 1], 8)
    X = rng.normal(size=(16, 200))
    X[:, 0] += 30 * gold
    assert choose_strength(X[:2], gold[:2], (1.0, 10.0)) is None
    assert choose_strength(np.zeros((16, 3)), gold, (1.0, 100.0, 10.0)) == 100.0
    assert choose_strength(X, gold, (1.0, 1e9)) == 1.0
