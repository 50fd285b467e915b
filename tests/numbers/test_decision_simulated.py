"""Do the statistics behind a decision keep their promises? A short run of `python -m
benchmarks.decision`.

Draws are seeded, so what passes once passes always, until the statistics change. What is promised,
and what simulation alone may be off, stands there.
"""

import numpy as np
import pytest

from benchmarks import decision
from tl_core.statistics.break_even import break_even
from tl_core.statistics.curves import above

SHORT = {
    "tests": (decision.tests, 300, {}),
    "break-even": (decision.break_evens, 300, {"settings": ((3, 300), (5, 500))}),
    "advantage": (decision.advantages, 200, {"settings": ((5, 500),)}),
    "extrapolation": (decision.extrapolations, 150, {"settings": ((5, 500),)}),
    "best-set": (decision.best_sets, 300, {"settings": ((5, 300),)}),
    "recommendation": (
        decision.recommendations,
        200,
        {"noise": ((2, 5, 300), (8, 5, 300)), "better": (0.1,)},
    ),
    "power": (decision.powers, 500, {"settings": ((5, 500), (10, 500))}),
    "enough": (decision.enough_labels, 200, {"settings": ((5, 1000),)}),
    "calibration": (decision.calibrations, 300, {"sizes": (200,)}),
}


def test_every_promise_but_the_intervals_is_tested_here():
    assert set(SHORT) == set(decision.PROMISES) - {"intervals"}  # those are in test_coverage


@pytest.mark.parametrize("name", SHORT)
def test_promises_are_kept(name):
    promise, repetitions, settings = SHORT[name]
    lines = list(promise(repetitions, seed=1, **settings))
    assert lines and [line for line in lines if not line.kept] == []


def test_a_broken_promise_is_seen():
    assert not decision.Line("a 95% interval that holds 85%", 0.85, 300, least=0.93).kept
    assert not decision.Line("a 5% test that fires in 9%", 0.09, 300, most=0.05).kept


def test_a_break_even_over_rows_alone_would_fail():
    """The same studies with their seeds averaged away: limits that promise 95% hold far less."""
    rng, n, S = np.random.default_rng(1), 1000, 3
    learner = decision.Learner(decision.rising(0.6, 0.88), seed_sd=0.8)
    truth = decision.crossing(decision.GRID, np.array(learner.accuracies) - 0.78).count
    held = {"crossed": 0, "rows alone": 0}
    for _ in range(150):
        item = rng.standard_normal(n)
        trained = decision.draw_curve(learner, item, S, rng)
        prompt = decision.draw_curve(decision.Learner((0.78,), seed_sd=0.0), item, 1, rng)[0, 0]
        for way, scores in (("crossed", trained), ("rows alone", trained.mean(1, keepdims=True))):
            found = break_even(decision.GRID, above(scores, prompt, deterministic=True))
            held[way] += found.low.count <= truth <= found.high.count
    assert (
        held["crossed"] / 150 >= 0.92 - decision.error(0.92, 150)
        and held["rows alone"] / 150 < 0.85
    )
