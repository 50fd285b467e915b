"""From numbers to a decision, on made studies whose right answer is known: never stronger than the
statistics allow.
"""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from tests.numbers.test_report import EVIL, study
from tl_core.analysis.compare import compare
from tl_core.analysis.decision import Decision, Prices, decide, priced
from tl_core.analysis.decision import curves as of_curves
from tl_core.analysis.decision.as_json import plain
from tl_core.analysis.decision.caveats import expected
from tl_core.analysis.decision.costs import machines_for
from tl_core.analysis.decision.curves import ahead, pair
from tl_core.analysis.decision.entries import entries_of
from tl_core.analysis.decision.machines import machine_named, machines
from tl_core.api.errors import UserError
from tl_core.api.types import RunResult
from tl_core.figures import decision as decision_figures
from tl_core.report.html import report_html
from tl_core.report.sections.decision import Told, costs_table, trust_table
from tl_core.statistics import advantage, break_even, extrapolation, recommendation
from tl_core.studies.plan import Plan, plan
from tl_core.words import advice
from tl_core.words.names import arm_names, renamed
from tl_core.words.verdict import verdict


def accuracy(cell):
    return cell.measures["accuracy"]


GRID = (1, 4, 16, 64)
LEVEL = 0.6


def results_of(
    made: Plan, skill, *, seed: int = 0, spread: float = 0.01, failed=(), collapsed=(), skip=()
) -> dict[str, RunResult]:
    """Results of arms that are right with the probability `skill[arm]`, or `skill[arm][shots]`.

    Args:
        spread: of that probability between seeds.
        failed, collapsed, skip: (arm, shots, seed) of runs that ended so, or have not ended.
    """
    rng = np.random.default_rng(seed)
    problem, test = made.study.problem, made.study.split.test
    gold, C = np.array([problem.label_index[e.labels[0]] for e in test]), len(problem.labels)
    results = {}
    for spec in made.specs:
        key, which = spec.arm.id, (spec.arm.id, spec.shots, spec.seed)
        if spec.id in made.refused or which in skip:
            continue
        if which in failed:
            results[spec.id] = RunResult(spec.id, "failed", error="The disk went away.")
            continue
        p = skill[key][spec.shots] if isinstance(skill[key], dict) else skill[key]
        right = rng.random(len(test)) < p + (0 if spec.shots == 0 else rng.normal(0, spread))
        scores = rng.random((len(test), C)) * 0.1
        scores[np.arange(len(test)), np.where(right, gold, (gold + 1) % C)] = 1
        results[spec.id] = RunResult(
            spec.id,
            "done",
            (scores / scores.sum(1, keepdims=True)).astype(np.float32),
            {"train": len(spec.train)},
            {"fit": 1.0 + len(spec.train), "predict": 0.5},
            1000,
            10,
            10,
            collapsed=which in collapsed,
        )
    return results


def weighed(
    made: Plan, skill, prices: Prices | None = None, *, margin=None, pairs=(), **how
) -> Decision:
    results = results_of(made, skill, **how)
    return decide(made, results, compare(made, results), prices, margin=margin, pairs=pairs)


def curve(*shares: float) -> dict:
    return dict(zip(GRID, shares, strict=True))


def said(decision: Decision, language: str = "en") -> str:
    return " ".join([*advice.advice(decision, language), *advice.warnings(decision, language)])


# --- words ----------------------------------------------------------------------------------------


def test_every_code_of_the_statistics_has_its_sentence_in_both_languages():
    codes = {
        value
        for module in (recommendation, break_even, advantage, extrapolation, of_curves)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    assert len(codes) == 25 and codes == set(advice.CODES)
    keys = {*advice.CODES.values(), *advice.FEW.values(), *advice.WORTH.values()}
    assert keys <= advice.EN.keys()


def test_korean_is_korean():
    assert all(
        re.search("[가-힣]", text.to("ko"))
        for key, text in advice.EN.items()
        if key != "labels_exact"
    )


# --- which arm ------------------------------------------------------------------------------------

TWO = dict(strategies=("tfidf", "probe"), shots=(16,), seeds=5, test=400, pool=240)


def test_a_clear_winner_is_named_as_one():
    decision = weighed(plan(study(**TWO)), {"tfidf": 0.5, "probe": 0.9})
    assert decision.advice.found.winner == "probe"
    assert said(decision).startswith(
        "Use probe: it beats every other arm here by more than chance allows"
    )
    assert (
        "probe 사용을 권합니다" in said(decision, "ko")
        and verdict(decision).sentence
        == "Use Linear probe on 48 labelled texts: it beats every other method tried here."
        " Not tried: no labelled texts, all 240 labelled texts."
    )


def test_a_reader_is_told_names_and_no_ids():
    made = plan(study(**TWO))
    results = results_of(made, {"tfidf": 0.7, "probe": 0.71})
    comparison = compare(made, results)
    decision = decide(made, results, comparison)
    names = arm_names(comparison.arms, made.study.problem)
    told = renamed(decision, names)
    shown = Told(told, "en")
    text = " ".join(
        [said(told), *advice.gains(told), costs_table(shown), trust_table(shown)]
        + [advice.break_even(x) for x in told.break_even]
    )
    assert "Linear probe" in text and not re.search(r"tfidf|(?<!Linear )\bprobe\b", text)
    assert decision.advice.found.choice in names and decision.costs[0].arm in names


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_winner_is_claimed_only_where_the_statistics_name_one(language):
    claims = {advice.say(language, "why_winner", choice=arm) for arm in ("tfidf", "probe")}
    seen = set()
    for seed, better in enumerate((0.5, 0.6, 0.62, 0.65, 0.7, 0.9)):
        for seeds in (1, 2, 5):
            decision = weighed(
                plan(study(**{**TWO, "seeds": seeds})), {"tfidf": 0.6, "probe": better}, seed=seed
            )
            found = decision.advice.found
            claimed = advice.advice(decision, language)[0] in claims
            assert claimed == (found.winner is not None)
            assert not claimed or (
                found.strict == (found.winner,) and not found.doubted and found.p < 0.05
            )
            told = verdict(decision, language)
            use = {"en": "beats every other", "ko": "모든 방법보다 낫습니다"}[language]
            assert claimed == (use in told.sentence) and told.mark != "sure"  # a way was not tried
            seen.add(claimed)
    assert seen == {True, False}


def test_of_equals_the_cheapest_is_advised_and_called_so():
    decision = weighed(
        plan(study(strategies=("similarity", "probe"), shots=(0, 16), seeds=5, test=400)),
        {"similarity": 0.7, "probe": 0.7},
        seed=2,
    )
    assert decision.advice.found.choice == "similarity"
    assert "No single best arm is shown: 2 of 2 could be the best (similarity, probe)." in said(
        decision
    )
    assert "within 3.0 points of the highest, none is cheaper than similarity" in said(decision)
    assert "other methods did about as well, and none of those is cheaper." in (
        verdict(decision).sentence
    )


def test_what_is_not_shown_to_beat_the_commonest_label_is_not_advised():
    made = plan(study(strategies=("similarity", "probe"), shots=(0, 16), seeds=5, test=60))
    perhaps = weighed(made, {"similarity": 0.3, "probe": 0.37}, seed=1)
    found = perhaps.advice.found
    assert (
        round(found.floor, 6) == 0.333333 < accuracy(perhaps.advice.cell("probe")).value
        and not found.advised
    )
    assert verdict(perhaps).sentence.startswith(
        "No method tried here is shown to do better than giving every text the most frequent label."
    )
    assert (
        len(advice.advice(perhaps)) == 1
        and "which may be chance, so nothing is recommended" in said(perhaps)
        and "권하지 않습니다" in said(perhaps, "ko")
    )

    none = weighed(made, {"similarity": 0.2, "probe": 0.2}, seed=1)
    assert verdict(none).sentence.startswith(
        "No method tried here does better than giving every text the most frequent label."
    )
    assert (
        len(advice.advice(none)) == 1
        and "none is recommended" in said(none)
        and "권하지 않습니다" in said(none, "ko")
    )

    shown = weighed(made, {"similarity": 0.3, "probe": 0.7}, seed=1)
    assert shown.advice.found.choice == "probe" and shown.advice.found.above == ("probe",)


def test_a_margin_lets_the_cheaper_be_as_good():
    made = plan(
        study(strategies=("similarity", "probe"), shots=(0, 16), seeds=10, test=3000, pool=300)
    )
    decision = weighed(made, {"similarity": 0.7, "probe": 0.75}, margin=0.1)
    assert (decision.advice.found.choice, decision.advice.found.leader) == ("similarity", "probe")
    assert "as good as probe within the requested margin, and it costs less" in said(decision)


def test_fewer_labels_are_enough_only_where_what_they_lose_is_shown_to_be_little():
    large = plan(study(strategies=("probe", "tfidf"), shots=GRID, seeds=10, test=4000, pool=3000))
    level = weighed(large, {"probe": curve(0.5, 0.8, 0.8, 0.8), "tfidf": 0.4}, spread=0.003)
    assert level.advice.enough.cell.shots == 4 and level.advice.enough.loss.high < 0.03
    assert (
        "12 labelled texts instead of 192 are enough: the loss is shown to be less than 3.0 points"
        in said(level)
    )
    assert "With 3 labelled texts instead of 192 it scored" in said(
        level
    ) and "예시 192개 대신 12개로 충분합니다" in said(level, "ko")

    small = plan(study(strategies=("probe", "tfidf"), shots=GRID, seeds=3, test=100, pool=300))
    unclear = weighed(small, {"probe": curve(0.5, 0.7, 0.78, 0.8), "tfidf": 0.4}, spread=0.05)
    assert unclear.advice.enough is None and "are enough:" not in said(unclear)
    assert re.search(
        r"With 48 labelled texts instead of 192 it scored [\d.]+ points (lower|higher)",
        said(unclear),
    )
    assert weighed(
        small, {"probe": curve(0.5, 0.7, 0.78, 0.8), "tfidf": 0.4}, spread=0.05, margin=0.5
    ).advice.enough


def test_a_gap_of_fifteen_points_is_said_and_never_called_enough():
    """Three draws and many lines used to hide it behind "could still be the best"."""
    made = plan(
        study(strategies=("tfidf", "probe"), shots=(1, 2, 4, 8, 64), seeds=3, test=300, pool=600)
    )
    skill = {1: 0.3, 2: 0.4, 4: 0.55, 8: 0.68, 64: 0.83}
    decision = weighed(made, {"tfidf": skill, "probe": 0.35}, spread=0.04)
    assert decision.advice.found.choice == "tfidf" and decision.advice.enough is None
    assert re.search(
        r"With 24 labelled texts instead of 192 it scored 1\d\.\d points lower"
        r" \(95% interval [\d.]+ –"
        r" [\d.]+\)\.",
        said(decision),
    )


def test_one_arm_is_no_comparison():
    decision = weighed(plan(study(strategies=("probe",), shots=(4,), seeds=3)), {"probe": 0.7})
    assert (
        "Only probe has finished runs, so there is nothing to compare it with, and nothing is"
        " recommended." in said(decision)
    )
    assert (
        "Use " not in said(decision) and decision.power.after is None and decision.break_even == ()
    )


def test_one_seed_speaks_of_trained_models_only():
    decision = weighed(plan(study(**{**TWO, "seeds": 1})), {"tfidf": 0.2, "probe": 0.95})
    told = said(decision)
    assert decision.advice.found.winner is None and "not the method" in told
    assert (
        "With 5 seeds you would know how much it matters which labels are drawn" in told
        and "are not needed" not in told
    )
    assert advice.power(decision.power).startswith(
        "With one seed no difference between trained arms can be attributed"
    )
    assert "시드가 하나면" in advice.power(decision.power, "ko")


def test_nothing_finished_advises_nothing():
    made = plan(study(**TWO))
    decision = decide(made, {}, compare(made, {}))
    assert decision.advice is None and decision.power is None and decision.unfinished == 10
    assert said(decision) == "No run has finished yet, so nothing can be recommended."
    assert json.loads(json.dumps(plain(decision), allow_nan=False))["advice"] is None


# --- when labelling pays --------------------------------------------------------------------------

# what the curve of probe does against a level of .6; what is said; parts of both sentences
CENSORED = [
    (
        curve(0.9, 0.92, 0.94, 0.95),
        break_even.FROM_THE_START,
        "is already ahead of similarity with 3 labelled texts, the fewest tried",
        "시도한 것 중 가장 적은 예시 3개로도 이미",
    ),
    (
        curve(0.2, 0.22, 0.25, 0.3),
        break_even.NOT_REACHED,
        "stays behind similarity with up to 192 labelled texts, the most tried",
        "시도한 것 중 가장 많은 예시 192개까지",
    ),
    (curve(0.2, 0.4, 0.8, 0.9), break_even.BETWEEN, "worth about", "값어치는 probe에 예시를 약"),
    (
        curve(0.55, 0.7, 0.9, 0.95),
        break_even.AT_THE_LATEST,
        "at the latest (95% limit)",
        "늦어도 예시",
    ),
    (
        curve(0.2, 0.3, 0.5, 0.61),
        break_even.AT_THE_EARLIEST,
        "it is not certain that it does",
        "확실하지 않습니다",
    ),
    (
        curve(0.6, 0.6, 0.6, 0.6),
        break_even.NOT_RESOLVED,
        "These labelled texts and test rows do not show",
        "지금의 예시와 테스트 행만으로는",
    ),
]


@pytest.fixture(scope="module")
def against_similarity() -> Plan:
    return plan(
        study(strategies=("similarity", "probe"), shots=(0, *GRID), seeds=5, test=400, pool=300)
    )


@pytest.mark.parametrize(
    ("probe", "code", "english", "korean"), CENSORED, ids=[c[1] for c in CENSORED]
)
def test_break_even_says_what_lies_outside_the_labels_tried(
    against_similarity, probe, code, english, korean
):
    (found,) = weighed(against_similarity, {"similarity": LEVEL, "probe": probe}).break_even
    assert found.found.said == code
    assert english in advice.break_even(found) and korean in advice.break_even(found, "ko")
    counts = [
        advice.labels(x, "en") for x in (found.found.low, found.found.value, found.found.high)
    ]
    for shown, count in zip(counts, (found.found.low, found.found.value, found.found.high)):
        assert shown.endswith("or fewer") == (count.censored == break_even.AT_MOST)
        assert shown.startswith("more than") == (count.censored == break_even.MORE_THAN)


def test_all_the_rows_without_a_draw_are_no_level_without_labels():
    made = plan(
        study(
            strategies=("similarity", "probe", "lora"),
            shots=(0, 1, 16, None),
            seeds=3,
            test=400,
            pool=300,
        )
    )
    skill = {
        "similarity": LEVEL,
        "probe": {1: 0.3, 16: 0.7, None: 0.9},
        "lora": {1: 0.2, 16: 0.7, None: 0.95},
    }
    decision = weighed(made, skill)
    assert [(x.learner, x.other, len(x.labels)) for x in decision.break_even] == [
        ("lora", "similarity", 3),
        ("probe", "similarity", 3),
    ]
    assert len([s for s in made.specs if s.shots is None]) == 1 + 3 and {
        c.arm for c in decision.advice.candidates if c.once
    } == {"similarity", "probe"}


def test_without_three_seeds_break_even_says_what_it_does_not_count():
    made = plan(
        study(strategies=("similarity", "probe"), shots=(0, *GRID), seeds=2, test=400, pool=300)
    )
    (found,) = weighed(made, {"similarity": LEVEL, "probe": curve(0.2, 0.4, 0.8, 0.9)}).break_even
    assert advice.break_even(found).endswith(
        "this does not account for which rows were drawn for training."
    )


def test_a_study_without_a_level_has_no_break_even_but_pairs():
    made = plan(study(strategies=("tfidf", "probe"), shots=GRID, seeds=5, test=400, pool=300))
    skill = {"tfidf": curve(0.3, 0.5, 0.7, 0.8), "probe": curve(0.5, 0.7, 0.8, 0.85)}
    decision = weighed(made, skill, pairs=[("tfidf", "probe")])
    (found,) = decision.break_even
    assert (found.learner, found.other, found.level) == ("probe", "tfidf", False)
    assert "probe needs" in advice.break_even(
        found
    ) and "times fewer labelled texts than tfidf" in advice.break_even(found)
    results = results_of(made, skill)
    assert "there is no break-even point" in report_html(made, results, compare(made, results))


def test_pairs_that_cannot_be_held_against_each_other_say_why():
    made = study(
        arms=(
            ("few", "probe"),
            ("many", "tfidf"),
            ("names", "similarity"),
            ("words", "similarity"),
        ),
        shots=(0, 1, 4),
        seeds=3,
    )
    made = plan(
        dataclasses.replace(
            made,
            arms=(*made.arms[:3], dataclasses.replace(made.arms[3], settings={"templates": "{}"})),
        )
    )
    results = results_of(made, dict.fromkeys(("few", "many", "names", "words"), 0.7))
    split = {
        k: r
        for k, r in results.items()
        if not any(
            s.id == k and (s.arm.id, s.shots) in (("few", 4), ("many", 1)) for s in made.specs
        )
    }
    lines = entries_of(made, split, compare(made, split))
    told = advice.break_even(pair(lines, "few", "many"))
    assert (
        told == "many and few were not tried at the same number of labelled texts, so they cannot"
        " be compared."
    )
    assert ahead(lines, "few", "many") is None
    for a, b, sentence in (
        ("few", "few", "named twice"),
        ("names", "words", "Neither names nor words was trained on labels"),
        ("few", "probe", "probe"),
    ):
        with pytest.raises(UserError, match=sentence):
            pair(lines, a, b)


def test_at_any_number_of_labels_it_is_told_who_is_ahead_and_whether_that_may_be_chance(
    against_similarity,
):
    results = results_of(
        against_similarity, {"similarity": LEVEL, "probe": curve(0.2, 0.4, 0.8, 0.9)}
    )
    comparison = compare(against_similarity, results)
    lines = entries_of(against_similarity, results, comparison)
    found, band = pair(lines, "similarity", "probe"), ahead(lines, "similarity", "probe")
    for labels, shots in ((3, 1), (12, 4), (48, 16), (192, 64)):
        near = int(np.argmin(np.abs(band.labels - labels)))
        assert band.mean[near] == pytest.approx(
            accuracy(comparison.cell("probe", shots)).value
            - accuracy(comparison.cell("similarity", 0)).value
        )
    assert re.match(
        r"With 3 labelled texts, probe is [\d.]+ points behind similarity \(95% limits [\d.]+ –"
        r" [\d.]+\)\.$",
        advice.ahead_at(found, band, 3),
    )
    assert re.match(
        r"With 192 labelled texts, probe is [\d.]+ points ahead of similarity \(95% limits [\d.]+ –"
        r" [\d.]+\)\.$",
        advice.ahead_at(found, band, 192),
    )
    even = float(found.found.value.count)
    assert "which may be chance" in advice.ahead_at(
        found, band, even
    ) and "우연일 수 있습니다" in advice.ahead_at(found, band, even, "ko")


def test_more_labels_are_foretold_only_from_five_numbers_on():
    made = plan(study(strategies=("probe",), shots=(1, 2, 4, 8, 16), seeds=5, test=600, pool=300))
    errors = {k: 0.1 + 0.8 * k**-0.5 for k in (1, 2, 4, 8, 16)}
    (told,) = advice.gains(weighed(made, {"probe": {k: 1 - e for k, e in errors.items()}}))
    assert (
        "If the curve of probe keeps its shape, 96 labelled texts would bring it from" in told
        and "192 labelled texts" in told
    )
    few = weighed(
        plan(study(strategies=("probe", "tfidf"), shots=(1, 4), seeds=3)),
        {"probe": 0.7, "tfidf": 0.5},
    )
    assert advice.gains(few) == [
        "What more labels would bring probe, tfidf cannot be extrapolated: at least 5 training"
        " sizes are needed."
    ]
    assert "5가지 이상" in advice.gains(few, "ko")[0]


# --- what it costs --------------------------------------------------------------------------------


def test_prices_that_are_none_are_told_together():
    with pytest.raises(UserError) as told:
        Prices(0.0, -1.0, float("inf"))
    assert [line[:24] for line in str(told.value).splitlines()] == [
        "The price of a label is ",
        "The price of an hour is ",
        "The number of texts a mo",
    ]
    with pytest.raises(UserError) as told:
        Prices(None, 3.0, None)
    assert "Without the price of a label" in str(told.value)
    with pytest.raises(UserError, match="give the price of an hour as well"):
        Prices(0.1, None, 100.0)


def test_prices_change_costs_and_may_change_the_advice():
    made = plan(study(strategies=("similarity", "probe"), shots=(0, 16), seeds=5, test=400))
    results = results_of(made, {"similarity": 0.7, "probe": 0.7}, seed=2)
    results = {
        k: dataclasses.replace(
            r, seconds={"fit": 1.0, "predict": 400.0 if r.budget["train"] == 0 else 0.4}
        )
        for k, r in results.items()
    }
    comparison = compare(made, results)
    plainly, prices = decide(made, results, comparison), Prices(0.01, 3600.0, 10_000.0)
    assert plainly.advice.found.choice == "similarity"
    told = decide(made, results, comparison, prices)
    assert told.advice.found.choice == "probe"  # a month of slow answers costs more than 48 labels
    by_arm = {c.arm: c for c in told.costs}
    assert by_arm["probe"].total == pytest.approx(0.01 * 48 + 1.0 + 10_000 * 0.4 / 400)
    assert by_arm["similarity"].total == pytest.approx(1.0 + 10_000 * 400 / 400)
    again = priced(plainly, made, comparison, entries_of(made, results, comparison), prices)
    assert plain(again) == plain(told)


# --- what went wrong ------------------------------------------------------------------------------


def test_failed_and_untrained_runs_are_counted_and_name_no_winner():
    made = plan(study(**TWO))
    decision = weighed(
        made, {"tfidf": 0.3, "probe": 0.9}, failed=[("tfidf", 16, 0)], collapsed=[("probe", 16, 1)]
    )
    told = said(decision)
    assert decision.advice.found.winner is None
    assert "tfidf (16 texts per label): runs that failed and count in no mean: 1." in told
    assert (
        "probe (16 texts per label): 1 of 5 runs collapsed." in told
        and "those that did not collapse" in told
    )
    lost = weighed(
        made, {"tfidf": 0.3, "probe": 0.9}, collapsed=[("probe", 16, s) for s in range(5)]
    )
    assert "and every run collapsed" in said(lost) and "모든 실행이 무너졌습니다" in said(
        lost, "ko"
    )


def test_nothing_is_advised_before_all_that_was_asked_for_has_run():
    decision = weighed(
        plan(study(**TWO)), {"tfidf": 0.3, "probe": 0.9}, skip=[("tfidf", 16, s) for s in (3, 4)]
    )
    assert (
        decision.unfinished == 2
        and not decision.advice.found.advised
        and plain(decision)["advice"]["choice"] is None
    )
    told = verdict(decision)
    assert told.mark == "unclear" and told.sentence.startswith(
        "No verdict until everything has run; still to come: TF-IDF + logistic regression. So far"
        " Linear probe on 48 labelled texts did best."
    )
    assert said(decision).startswith(
        "2 of 10 runs have not finished (tfidf), and nothing is recommended before they have. So"
        " far probe scored highest."
    )
    assert "Use " not in said(decision) and "실행 10번 가운데 2번이 끝나지 않았습니다" in said(
        decision, "ko"
    )


def test_an_arm_that_was_asked_for_and_never_ran_is_missed():
    failed = [("tfidf", 16, s) for s in range(5)]
    decision = weighed(plan(study(**TWO)), {"tfidf": 0.3, "probe": 0.9}, failed=failed)
    assert decision.unfinished == 0 and not decision.advice.found.advised
    assert "Every run of tfidf failed, so nothing is known about it." in said(decision)
    assert weighed(
        plan(study(**TWO)), {"tfidf": 0.3, "probe": 0.9}, failed=failed[:2]
    ).advice.found.advised


def test_seeds_not_shared_are_not_compared():
    failed = [("tfidf", 16, s) for s in (0, 1)] + [("probe", 16, s) for s in (2, 3, 4)]
    decision = weighed(plan(study(**TWO)), {"tfidf": 0.3, "probe": 0.9}, failed=failed)
    assert (
        decision.advice.found.difference is None
        and "share no seed, so they were not compared" in said(decision)
    )


def test_a_label_without_test_rows_is_told():
    made = study(**TWO)
    test = tuple(e for e in made.split.test if e.labels != ("bug",))
    decision = weighed(
        plan(dataclasses.replace(made, split=dataclasses.replace(made.split, test=test))),
        {"tfidf": 0.5, "probe": 0.9},
    )
    assert decision.absent == ("bug",) and "No test row has the label bug" in said(decision)
    assert json.dumps(plain(decision), allow_nan=False)


def test_scarce_labels_and_many_arms_are_told():
    made = plan(
        study(arms=tuple((f"probe {i}", "probe") for i in range(10)), shots=(16,), seeds=3, pool=60)
    )
    made = plan(
        dataclasses.replace(
            made.study,
            arms=tuple(
                dataclasses.replace(a, settings={**a.settings, "strength": 1.0 + i})
                for i, a in enumerate(made.study.arms)
            ),
        )
    )
    decision = weighed(made, {f"probe {i}": 0.7 for i in range(10)})
    assert decision.scored == 10 and {s.label for s in decision.scarce} == {
        "billing",
        "shipping",
        "bug",
    }
    assert "10 arms were scored on the same test rows" in said(
        decision
    ) and "16 shots are more than half of all rows of" in said(decision)


def test_what_could_be_found_is_the_same_before_and_after():
    for strategies, shots in ((("tfidf", "probe"), (4,)), (("similarity",), (0,))):
        made = plan(study(strategies=strategies, shots=shots, seeds=3))
        before, after = expected(made), weighed(made, dict.fromkeys(strategies, 0.7)).power
        assert (before.seeds, before.rows, before.before) == (
            after.seeds,
            after.rows,
            after.before,
        ) and before.after is None
    assert expected(made).seeds == 0 and "between two arms without seeds" in advice.power(
        expected(made)
    )


def test_it_fits_into_strict_json(against_similarity):
    decision = weighed(
        against_similarity, {"similarity": LEVEL, "probe": curve(0.2, 0.4, 0.8, 0.9)}
    )
    told = json.loads(json.dumps(plain(decision), allow_nan=False))
    assert (
        told["break_even"][0]["said"] == break_even.BETWEEN
        and told["advice"]["choice"] == decision.advice.found.choice
    )
    for quality in told["quality"]:
        assert (
            quality["nll"]["low"] >= 0
            and 0 <= quality["brier"]["low"] <= quality["brier"]["high"] <= 2
            and -1 <= quality["gap"]["low"]
        )
    assert len(told["quality"]) == len(told["costs"]) == 5 and told["metric"] == "accuracy"


# --- figures --------------------------------------------------------------------------------------


def test_machines_for_the_texts_of_a_month():
    month = 30 * 24 * 3600
    assert [machines_for(texts, 0.5) for texts in (1, 2 * month, 2 * month + 1)] == [1, 1, 2]


def test_prices_of_machines_are_the_users_before_they_are_published_ones(tmp_path):
    published = machines(tmp_path)
    assert published["aws:m5.large"].price_hour == 0.096 and published["aws:m5.large"].date
    own = tmp_path / "machines.csv"
    own.write_text("name,price_hour\nmine,0.02\naws:m5.large,0.1\n", encoding="utf-8-sig")
    found = machines(tmp_path)
    assert next(iter(found)) == "mine" and found.keys() - {"mine"} == published.keys()
    assert found["aws:m5.large"].price_hour == 0.1 and machine_named("mine", tmp_path).about == ""
    with pytest.raises(UserError, match="nowhere"):
        machine_named("nowhere", tmp_path)
    own.write_text("name,price_hour\n,1\nb,-1\nc,nan\nd,much\n")
    with pytest.raises(UserError) as fault:
        machines(tmp_path)
    for told in ("line 2: a machine has no name", "'-1'", "'nan'", "line 5: price_hour is 'much'"):
        assert told in str(fault.value)
    own.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="machines.csv cannot be read"):
        machines(tmp_path)


@pytest.mark.parametrize("prices", [None, Prices(0.1, 2.0, 1000.0)])
def test_figures_hold_every_point_and_no_markup(prices):
    made = plan(
        study(arms=((EVIL, "probe"), ("names", "similarity")), shots=(0, 1, 2, 4, 8, 16), seeds=3)
    )
    results = results_of(
        made, {EVIL: {k: 1 - 0.1 - 0.8 * k**-0.5 for k in (1, 2, 4, 8, 16)}, "names": 0.6}
    )
    comparison = compare(made, results)
    decision = decide(made, results, comparison, prices)
    lines = entries_of(made, results, comparison)
    found, band = pair(lines, "names", EVIL), ahead(lines, "names", EVIL)
    trusted = {q.arm: q.trust for q in decision.quality if q.trust}
    drawn = {
        "pareto": decision_figures.pareto(decision.costs, comparison),
        "ahead": decision_figures.ahead(found, band, at=12, language="ko"),
        "more": decision_figures.more_labels(comparison, comparison.metric, decision.gains),
        "risk": decision_figures.risk_coverage(trusted, comparison),
    }
    for figure in drawn.values():
        shown = figure.to_json()
        assert (
            "NaN" not in shown
            and "Infinity" not in shown
            and figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        )
        told = json.loads(shown)
        for trace in told["data"]:
            trace.pop("customdata", None)  # an id for whoever asks, never drawn
        assert "<script" not in json.dumps(told)
    points = [x for trace in drawn["pareto"].data for x in trace.customdata or ()]
    assert sorted(points) == sorted(f"{c.arm}|{c.shots_name}" for c in comparison.cells)
    assert len(drawn["risk"].data) == 2 and max(drawn["risk"].data[0].x) == 100


def test_names_at_points_that_lie_together_do_not_overprint():
    from tl_core.figures.decision import NAME_HEIGHT, NAME_WIDTH, PLOT, _apart

    names = ["tfidf", "prior-probe", "similarity", "a name of eighteen", "lora", "probe", "knn"]
    for points in (
        [(0.5, 0.5)] * 7,
        [(1.0, 0.9)] * 7,
        [(i / 20, 0.9 - i / 300) for i in range(7)],
        [(0.0, 1.0), (0.02, 0.98), (0.9, 0.97), (0.97, 0.99), (1.0, 1.0), (0.5, 0.5), (0.5, 0.4)],
    ):
        boxes = []
        for (x, y), name, at in zip(points, names, _apart(points, names), strict=True):
            if at is None:
                continue
            left = x * PLOT[0] + (7 if at[0] == "left" else -7 - NAME_WIDTH * len(name))
            boxes.append((left, left + NAME_WIDTH * len(name), y * PLOT[1] + at[1]))
        assert len(boxes) >= 5
        assert not any(
            a[0] < b[1] and b[0] < a[1] and abs(a[2] - b[2]) < NAME_HEIGHT
            for i, a in enumerate(boxes)
            for b in boxes[:i]
        )
