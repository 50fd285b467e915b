"""Tests of meaning: five kinds of made studies, and the sentence a sensible statistician would write under each.

The headline and the first sentences are compared word for word, so whoever changes the rules reads here what they say now.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.numbers.test_decide import results_of, said, weighed
from tests.numbers.test_report import study, visible
from tl_core.experiments.compare import compare
from tl_core.experiments.decision import Prices, decide
from tl_core.experiments.plan import Plan, plan
from tl_core.report import advice
from tl_core.report.html import report_html
from tl_core.statistics.recommendation import CHEAPEST_OF_CLOSE
from tl_core.types import RunResult

THREE = dict(strategies=("similarity", "probe", "lora"), shots=(0, 8), seeds=5, test=600, pool=600)


def made(**more) -> Plan:
    return plan(study(**{**THREE, **more}))


# --- a clear winner -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_clear_winner(seed):
    """90 against 70 and 60 %: nobody would hesitate."""
    d = weighed(made(), {"similarity": 0.6, "probe": 0.7, "lora": 0.9}, seed=seed)
    assert advice.headline(d) == "Use lora"
    told = said(d)
    assert told.startswith("Use lora: it beats every other arm here by more than chance allows, all pairs taken together (95 %).")
    assert re.search(r"The runner-up, probe, scored (1[5-9]|2\d)\.\d points less \(95 % interval [\d.]+ – [\d.]+, allowing for 2 comparisons\)\.", told)


# --- a tie ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_tie_lets_cost_decide_and_says_so(seed):
    """80 against 80 %: take the one without labels, because it is cheap and not because it is best."""
    d = weighed(made(test=1000), {"similarity": 0.8, "probe": 0.8, "lora": 0.6}, seed=seed, spread=0.003)
    assert advice.headline(d) == "No clear winner: of those that scored about the same, none costs less than similarity"
    told = said(d)
    assert "2 of 3 could be the best (" in told and "lora" not in d.advice.found.best
    assert "none costs less than similarity, and that is the reason to use it." in told and "beats" not in told
    assert "scored the same" in told or "which may be chance" in told


# --- few draws ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_few_draws_and_few_rows_lead_to_the_one_ahead_for_now(seed):
    """75 against 65 % on 80 rows and three draws: the better one for now, and no talk of the worse one being cheaper."""
    d = weighed(made(seeds=3, test=80), {"similarity": 0.40, "probe": 0.65, "lora": 0.78}, seed=seed, spread=0.05)
    found = d.advice.found
    assert found.choice == found.leader and found.winner in (None, "lora")
    if found.why == CHEAPEST_OF_CLOSE:  # luck brought them close: then nobody is said to be ahead
        assert "none costs less than" in advice.headline(d)
    elif found.winner is None:
        assert advice.headline(d) in ("lora scored highest, but is not shown to be the best", "lora is ahead, but not yet for certain")
        assert said(d).startswith("Use lora for now: it") and "costs less" not in said(d)
        assert re.search(r"With \d+ (seeds|test rows)|With \d+ seeds, or with", said(d))


def test_the_sign_of_a_difference_is_that_of_its_words_and_limits():
    """"scored 1.3 points more (−3.2 – 0.6)" was the difference the other way round."""
    for seed in range(12):
        d = weighed(made(seeds=3, test=200), {"similarity": 0.70, "probe": 0.71, "lora": 0.72}, seed=seed)
        found, told = d.advice.found, said(d)
        told_of = re.search(r"scored ([\d.]+) points (more|less) \(95 % interval (−?[\d.]+) – (−?[\d.]+)", told)
        if not told_of:
            assert "scored the same" in told
            continue
        value, low, high = (float(told_of[i].replace("−", "-")) for i in (1, 3, 4))
        assert low <= value <= high and (told_of[2] == "more") == (found.difference.value < 0)
        assert (low <= 0) == ("which may be chance" in told.split("(95 % interval", 2)[-1].split(".")[0] or "may be chance" in told)


def test_who_is_left_out_and_what_the_interval_says_never_contradict():
    """An interval that holds 0 belongs to a pair of which both could be the best, and the other way round."""
    rng = np.random.default_rng(5)
    for seed in range(20):
        skill = {"similarity": 0.7, "probe": 0.7 + rng.uniform(0, 0.1), "lora": 0.7 + rng.uniform(0, 0.1)}
        found = weighed(made(seeds=3, test=300), skill, seed=seed).advice.found
        behind = found.difference.high < 0 or found.difference.low > 0
        pair = {found.choice, found.runner_up}
        assert behind != (pair <= set(found.best)), (found, skill)


def test_when_training_is_said_to_be_ahead_the_level_is_not_advised():
    """"Use similarity" above "prior-probe is surely ahead from 48 labels on" was two answers to one question."""
    for seed in range(15):
        d = weighed(made(seeds=3, test=150, shots=(0, 1, 4, 8)), {"similarity": 0.66, "probe": {1: 0.5, 4: 0.66, 8: 0.73}, "lora": 0.6}, seed=seed, spread=0.02)
        ahead = {x.learner for x in d.break_even if x.found and x.found.sure_from}
        assert not ahead or d.advice.found.choice != "similarity"


# --- imbalance ------------------------------------------------------------------------------------------


def imbalanced(skill_common: float, skill_rare: float, *, n: int = 400, seed: int = 0):
    """Nine rows of ten carry one label; an arm is right on those, and on the others, with these probabilities."""
    base = study(strategies=("probe", "tfidf"), shots=(8,), seeds=5, test=n, pool=600, labels=("spam", "ham"))
    test = tuple(replace(e, labels=("spam",) if i % 10 == 0 else ("ham",)) for i, e in enumerate(base.split.test))
    p = plan(replace(base, split=replace(base.split, test=test)))
    rng, results = np.random.default_rng(seed), {}
    gold = np.array([p.study.problem.label_index[e.labels[0]] for e in test])
    for spec in p.specs:
        rare, common = (skill_rare, skill_common) if spec.arm.id == "probe" else (0.02, 0.98)
        right = rng.random(n) < np.where(np.arange(n) % 10 == 0, rare, common)
        scores = np.full((n, 2), 0.1, np.float32)
        scores[np.arange(n), np.where(right, gold, 1 - gold)] = 0.9
        results[spec.id] = RunResult(spec.id, "done", scores, {"train": len(spec.train)}, {"fit": 1.0, "predict": 0.1}, 1, 1, 1)
    return p, results


def test_under_imbalance_macro_f1_decides_and_accuracy_is_not_claimed():
    """Finding most of the rare label is worth something; that accuracy is below the commonest label's is said beside it."""
    p, results = imbalanced(0.90, 0.85)
    d = decide(p, results, compare(p, results))
    assert d.metric == "macro_f1" and advice.headline(d) == "Use probe" and d.plain_by == ("accuracy",)
    assert "By accuracy it is not shown to do better than giving every text the commonest answer." in said(d)


def test_under_imbalance_an_arm_that_always_says_the_common_label_is_not_praised():
    p, results = imbalanced(0.98, 0.02)
    d = decide(p, results, compare(p, results))
    assert "beat giving every text the commonest label" in advice.headline(d) or "more than giving every text" in advice.headline(d)
    assert not d.advice.found.advised


# --- nothing learnt -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_nothing_learnt_advises_nothing(seed):
    """A third right of three labels: whatever scored highest did so by luck."""
    d = weighed(made(test=200), {"similarity": 0.34, "probe": 0.33, "lora": 0.34}, seed=seed, spread=0.01)
    assert not d.advice.found.advised and advice.headline(d) in (
        "Nothing is shown to beat giving every text the commonest label", "Nothing scored more than giving every text the commonest label",
    )  # fmt: skip
    assert "Use " not in said(d) and len(advice.advice(d)) == 1


# --- rows that belong together --------------------------------------------------------------------------


def test_rows_of_one_conversation_are_no_independent_witnesses():
    alone = made(test=500, seeds=5)
    test = tuple(replace(e, group=f"conversation {i // 20}") for i, e in enumerate(alone.study.split.test))
    grouped = plan(replace(alone.study, split=replace(alone.study.split, test=test)))
    rng, results = np.random.default_rng(0), {}
    gold = np.array([grouped.study.problem.label_index[e.labels[0]] for e in test])
    easy = {arm: np.repeat(rng.normal(0, 0.25, 25), 20) for arm in ("similarity", "probe", "lora")}
    for spec in grouped.specs:
        right = rng.random(500) < np.clip({"similarity": 0.6, "probe": 0.66, "lora": 0.7}[spec.arm.id] + easy[spec.arm.id], 0, 1)
        scores = np.full((500, 3), 0.05, np.float32)
        scores[np.arange(500), np.where(right, gold, (gold + 1) % 3)] = 0.9
        results[spec.id] = RunResult(spec.id, "done", scores, {"train": len(spec.train)}, {"fit": 1.0, "predict": 0.1}, 1, 1, 1)
    with_groups, without = (decide(p, results, compare(p, results)) for p in (grouped, alone))
    width = lambda d: d.advice.found.difference.high - d.advice.found.difference.low  # noqa: E731
    assert with_groups.groups == 25 and without.groups is None and width(with_groups) > 1.3 * width(without)
    assert with_groups.power.before > without.power.before and with_groups.power.after > without.power.after
    assert "The test rows come in 25 groups" in advice.power(with_groups.power) and "25개 그룹" in advice.power(with_groups.power, "ko")
    assert with_groups.quality[0].accuracy.high - with_groups.quality[0].accuracy.low > without.quality[0].accuracy.high - without.quality[0].accuracy.low


# --- one verdict everywhere -----------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_report_says_what_the_terminal_says_and_nothing_else(language):
    for skill in ({"similarity": 0.6, "probe": 0.7, "lora": 0.9}, {"similarity": 0.8, "probe": 0.8, "lora": 0.8}, dict.fromkeys(("similarity", "probe", "lora"), 0.33)):
        p = made()
        results = results_of(p, skill)
        d = decide(p, results, compare(p, results), Prices(0.2, 1.5, 1000.0))
        page = visible(report_html(p, results, compare(p, results), language=language, decision=d))
        assert advice.headline(d, language) in page
        assert all(sentence in page for sentence in advice.advice(d, language))
        others = set(THREE["strategies"]) - {d.advice.found.choice}
        assert not any(f"Use {arm}" in page for arm in others)


def test_time_measured_a_little_faster_is_no_reason():
    """Seconds vary from run to run: a tenth more does not make the dearer, worse arm the cheap one."""
    p = made(test=1000)
    base = results_of(p, {"similarity": 0.4, "probe": 0.80, "lora": 0.79}, spread=0.003)
    for quicker in ("probe", "lora"):
        arm_of = {s.id: s.arm.id for s in p.specs}
        timed = {k: replace(r, seconds={"fit": 10.0, "predict": 8.0 if arm_of[k] == quicker else 12.0}) for k, r in base.items()}
        d = decide(p, timed, compare(p, timed), Prices(0.2, 1.5, 100_000.0))
        assert d.advice.found.choice == "probe", quicker


def test_what_an_endpoint_takes_is_in_the_cost_or_it_is_not_advised_for_being_cheap():
    p = made()
    base = results_of(p, {"similarity": 0.8, "probe": 0.8, "lora": 0.8}, spread=0.003)
    asked = {s.id for s in p.specs if s.arm.id == "similarity"}
    spent = {"train": 0, "requests": 600, "tokens_in": 60_000, "tokens_out": 1_200}
    results = {k: replace(r, budget=spent) if k in asked else r for k, r in base.items()}
    comparison = compare(p, results)
    plainly = decide(p, results, comparison)
    assert plainly.advice.found.choice != "similarity" and "What the endpoint charges for similarity is not known" in said(plainly)
    priced = decide(p, results, comparison, Prices(0.2, 1.5, 100_000.0, (0.15, 0.60)))
    cost = next(c for c in priced.costs if c.arm == "similarity")
    assert cost.total == pytest.approx(100_000 / 600 * (60_000 * 0.15 + 1_200 * 0.60) / 1e6)
    assert "is not known" not in said(priced)
