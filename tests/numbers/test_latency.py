"""The time of one text: paired text by text, with its interval, and against quality."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from tests.numbers.made import answered, arm, planned
from tl_core.analysis.compare import compare
from tl_core.analysis.decision import decide
from tl_core.analysis.decision.as_json import plain
from tl_core.api.types import Arm
from tl_core.figures.latency import latency_figure
from tl_core.report.sections.decision import Told, decision_figures, latency_table
from tl_core.statistics.latency import times_as_long
from tl_core.studies.as_json import RESULT_FIELDS, result_of
from tl_core.words.phrases import say

LENGTHS = np.random.default_rng(0).lognormal(0.0, 1.0, 40)  # of texts, by which all arms take long


def seconds(times: float, seed: int, noise: float = 0.02) -> tuple[float, ...]:
    """An arm that takes `times` as long as another, a text more or less."""
    drawn = np.random.default_rng(seed).normal(0.0, noise, len(LENGTHS))
    return tuple(0.01 * times * LENGTHS * np.exp(drawn))


def test_pairs_are_known_better_than_their_sides():
    found = times_as_long(seconds(1.5, 1), seconds(1.0, 2))
    assert found.low < 1.5 < found.high < 1.53 and found.low > 1.47 and found.n == 40
    logs = [1.0, 2.0, 4.0]
    found = times_as_long(logs, [1.0, 1.0, 1.0])  # logs 0, ln 2, ln 4: mean ln 2, sd ln 2, t 4.303
    half = 4.302653 * np.log(2) / np.sqrt(3)
    assert found.value == pytest.approx(2.0)
    assert np.log([found.low, found.high]) == pytest.approx(np.log(2) + np.array([-half, half]))
    same = times_as_long([1.0, 0.0], [1.0, 0.0, 5.0])
    assert (same.value, same.low, same.high, same.n) == (1.0, 1.0, 1.0, 2)
    assert np.isnan(times_as_long([1.0], [2.0]).high)
    with pytest.raises(ValueError, match="no text"):
        times_as_long([], [1.0])


def test_limits_hold_the_truth_as_often_as_they_say():
    draw = np.random.default_rng(1)
    held = 0
    for _ in range(2000):
        noise = np.exp(draw.normal(0.0, 0.3, (2, 12)))
        found = times_as_long(3.0 * noise[0], noise[1])
        held += found.low <= 3.0 <= found.high
    assert 0.94 <= held / 2000 <= 0.96 + 0.005


@pytest.fixture(scope="module")
def study():
    """Good and slow, good and quick, bad and quick, bad and slow, and one that was not timed."""
    right = {"good-slow": 40, "good-quick": 40, "bad-quick": 20, "bad-slow": 20, "untimed": 30}
    arms = [Arm(name, "tfidf", 3, {"strength": 1.0 + i}) for i, name in enumerate(right)]
    made = planned([*arms, arm("constant")], n_test=40, seeds=3)
    results = answered(made, {name: [n] * 3 for name, n in [*right.items(), ("constant", 13)]})
    times = {"good-slow": 3.0, "good-quick": 1.05, "bad-quick": 1.0, "bad-slow": 3.0}
    times["constant"] = 0.0001  # which reads no text, and so is none to wait for
    for i, spec in enumerate(made.specs):
        if spec.seed == 0 and spec.arm.id in times:
            alone = seconds(times[spec.arm.id], i)
            more = {"one_p50": float(np.median(alone)), "one_p95": float(np.quantile(alone, 0.95))}
            given = results[spec.id]
            results[spec.id] = dataclasses.replace(given, seconds=given.seconds | more, alone=alone)
    return made, results, compare(made, results)


def test_an_arm_is_beaten_only_by_one_shown_to_be_as_quick_and_better(study):
    decision = decide(*study)
    found = {x.arm: x for x in decision.latencies}
    assert [x.arm for x in decision.latencies][:2] == ["bad-quick", "good-quick"]
    assert found["bad-quick"].times.value == found["bad-quick"].times.high == 1.0
    assert found["good-slow"].times.low < 3.0 < found["good-slow"].times.high
    assert {name: x.could_be_front for name, x in found.items()} == {
        "good-slow": True,  # nothing is better
        "good-quick": True,
        "bad-quick": False,  # a twentieth slower is as quick, and that one is better
        "bad-slow": False,
    }
    told = json.loads(json.dumps(plain(decision), allow_nan=False))["latencies"]
    assert told[0]["arm"] == "bad-quick" and told[2]["times"]["n"] == 40


def test_picture_and_table_show_them(study):
    made, results, comparison = study
    decision = decide(made, results, comparison)
    figure = latency_figure(decision.latencies, comparison, language="ko")
    points = {t.customdata[0]: t for t in figure.data if t.customdata is not None}
    assert points.keys() == {f"{x.arm}|1" for x in decision.latencies}
    assert points["bad-slow|1"].marker.symbol == "circle-open"
    assert points["good-slow|1"].error_x.array[0] > 0 and figure.layout.xaxis.type == "log"
    assert say("ko", "quick_enough") in [t.name for t in figure.data]
    assert "latency" in decision_figures(decision, comparison, "en")
    table = latency_table(Told(decision, "en"))
    assert table.count("<tr>") == 5 and table.count("○") == 2 and "untimed" not in table


def test_studies_without_times_show_none_and_times_are_kept(study):
    made, results, _ = study
    old = {run: dataclasses.replace(r, alone=()) for run, r in results.items()}
    comparison = compare(made, old)
    decision = decide(made, old, comparison)
    assert decision.latencies == () and latency_table(Told(decision, "en")) == ""
    assert "latency" not in decision_figures(decision, comparison, "en")
    timed = next(r for r in results.values() if r.alone)
    record = json.loads(json.dumps({n: getattr(timed, n) for n in RESULT_FIELDS}))
    assert result_of(record, timed.scores).alone == pytest.approx(timed.alone)
    assert result_of({n: v for n, v in record.items() if n != "alone"}, timed.scores).alone == ()
    for wrong in ("x", [None], [-1.0], [float("nan")], [True]):
        with pytest.raises(ValueError):
            result_of(record | {"alone": wrong}, timed.scores)
