"""Tests of meaning: five kinds of made studies, and the sentence a sensible statistician would
write under each.

The headline and the first sentences are compared word for word, so whoever changes the rules reads
here what they say now.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.numbers.test_decide import results_of, said, weighed
from tests.numbers.test_report import study, visible
from tl_core.analysis.compare import compare
from tl_core.analysis.decision import Prices, decide
from tl_core.api.types import RunResult
from tl_core.report.html import report_html
from tl_core.statistics.recommendation import CHEAPEST_OF_CLOSE, LEADS
from tl_core.studies.plan import Plan, plan
from tl_core.words import advice
from tl_core.words.names import arm_names, renamed
from tl_core.words.verdict import verdict


def accuracy(cell):
    return cell.measures["accuracy"]


THREE = dict(strategies=("similarity", "probe", "lora"), shots=(0, 8), seeds=5, test=600, pool=600)


def headline(d) -> str:
    """The verdict on the methods tried, without what was not tried."""
    return verdict(d).sentence.split(" Not tried: ")[0]


def made(**more) -> Plan:
    return plan(study(**{**THREE, **more}))


# --- a clear winner -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_clear_winner(seed):
    """90 against 70 and 60%: nobody would hesitate."""
    d = weighed(made(), {"similarity": 0.6, "probe": 0.7, "lora": 0.9}, seed=seed)
    assert (
        headline(d)
        == "Use LoRA adapter on 24 labelled texts: it beats every other method tried here."
    )
    told = said(d)
    assert told.startswith(
        "Use lora: it beats every other arm here by more than chance allows, all pairs taken"
        " together (95%)."
    )
    assert re.search(
        r"The runner-up, probe, scored (1[5-9]|2\d)\.\d points less \(95% interval [\d.]+ –"
        r" [\d.]+, adjusted for 2 comparisons\)\.",
        told,
    )


# --- a tie ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_tie_lets_cost_decide_and_says_so(seed):
    """80 against 80%: take the one without labels, because it is cheap and not because it is
    best.
    """
    d = weighed(
        made(test=1000), {"similarity": 0.8, "probe": 0.8, "lora": 0.6}, seed=seed, spread=0.003
    )
    assert headline(d) == (
        "Start with Zero-shot by label names (no labelled texts): other methods did about as"
        " well, and none of those is cheaper."
    )
    told = said(d)
    assert "2 of 3 could be the best (" in told and "lora" not in d.advice.found.best
    assert (
        "none is cheaper than similarity, and that is the reason to use it." in told
        and "beats" not in told
    )
    assert "scored the same" in told or "which may be chance" in told


# --- few draws ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_few_draws_and_few_rows_lead_to_the_one_ahead_for_now(seed):
    """75 against 65% on 80 rows and three draws: the better one for now, and no talk of the worse
    one being cheaper.
    """
    d = weighed(
        made(seeds=3, test=80),
        {"similarity": 0.40, "probe": 0.65, "lora": 0.78},
        seed=seed,
        spread=0.05,
    )
    found = d.advice.found
    assert found.choice == found.leader and found.winner in (None, "lora")
    if found.why == CHEAPEST_OF_CLOSE:  # luck brought them close: then nobody is said to be ahead
        assert "none of those is cheaper" in headline(d)
    elif found.winner is None:
        assert headline(d) in (
            "Start with LoRA adapter on 24 labelled texts: it did best here, but another method"
            " may turn out to be better.",
            "Start with LoRA adapter on 24 labelled texts: it did best here, though not by enough"
            " to be sure of it.",
        )
        assert said(d).startswith("Use lora for now: it") and "costs less" not in said(d)
        assert re.search(r"With \d+ (seeds|test rows)|With \d+ seeds, or with", said(d))


def test_the_sign_of_a_difference_is_that_of_its_words_and_limits():
    """ "scored 1.3 points more (−3.2 – 0.6)" was the difference the other way round."""
    for seed in range(12):
        d = weighed(
            made(seeds=3, test=200), {"similarity": 0.70, "probe": 0.71, "lora": 0.72}, seed=seed
        )
        found, told = d.advice.found, said(d)
        told_of = re.search(
            r"scored ([\d.]+) points (more|less) \(95% interval (−?[\d.]+) – (−?[\d.]+)", told
        )
        if not told_of:
            assert "scored the same" in told
            continue
        value, low, high = (float(told_of[i].replace("−", "-")) for i in (1, 3, 4))
        assert low <= value <= high and (told_of[2] == "more") == (found.difference.value < 0)
        assert (low <= 0) == (
            "which may be chance" in told.split("(95% interval", 2)[-1].split(".")[0]
            or "may be chance" in told
        )


def test_who_is_left_out_and_what_the_interval_says_never_contradict():
    """An interval that holds 0 belongs to a pair of which both could be the best, and the other way
    round.
    """
    rng = np.random.default_rng(5)
    for seed in range(20):
        skill = {
            "similarity": 0.7,
            "probe": 0.7 + rng.uniform(0, 0.1),
            "lora": 0.7 + rng.uniform(0, 0.1),
        }
        found = weighed(made(seeds=3, test=300), skill, seed=seed).advice.found
        behind = found.difference.high < 0 or found.difference.low > 0
        pair = {found.choice, found.runner_up}
        assert behind != (pair <= set(found.best)), (found, skill)


def test_when_training_is_said_to_be_ahead_the_level_is_not_advised():
    """ "Use similarity" above "prior-probe is surely ahead from 48 labels on" was two answers to
    one question.
    """
    for seed in range(15):
        d = weighed(
            made(seeds=3, test=150, shots=(0, 1, 4, 8)),
            {"similarity": 0.66, "probe": {1: 0.5, 4: 0.66, 8: 0.73}, "lora": 0.6},
            seed=seed,
            spread=0.02,
        )
        ahead = {x.learner for x in d.break_even if x.found and x.found.sure_from}
        assert not ahead or d.advice.found.choice != "similarity"


# --- imbalance ------------------------------------------------------------------------------------


def imbalanced(skill_common: float, skill_rare: float, *, n: int = 400, seed: int = 0):
    """Nine rows of ten carry one label; an arm is right on those, and on the others, with these
    probabilities.
    """
    base = study(
        strategies=("probe", "tfidf"), shots=(8,), seeds=5, test=n, pool=600, labels=("spam", "ham")
    )
    test = tuple(
        replace(e, labels=("spam",) if i % 10 == 0 else ("ham",))
        for i, e in enumerate(base.split.test)
    )
    p = plan(replace(base, split=replace(base.split, test=test)))
    rng, results = np.random.default_rng(seed), {}
    gold = np.array([p.study.problem.label_index[e.labels[0]] for e in test])
    for spec in p.specs:
        rare, common = (skill_rare, skill_common) if spec.arm.id == "probe" else (0.02, 0.98)
        right = rng.random(n) < np.where(np.arange(n) % 10 == 0, rare, common)
        scores = np.full((n, 2), 0.1, np.float32)
        scores[np.arange(n), np.where(right, gold, 1 - gold)] = 0.9
        results[spec.id] = RunResult(
            spec.id,
            "done",
            scores,
            {"train": len(spec.train)},
            {"fit": 1.0, "predict": 0.1},
            1,
            1,
            1,
        )
    return p, results


def test_under_imbalance_macro_f1_decides_and_accuracy_is_not_claimed():
    """Finding most of the rare label is worth something; that accuracy is below the commonest
    label's is said beside it.
    """
    p, results = imbalanced(0.90, 0.85)
    d = decide(p, results, compare(p, results))
    assert (
        d.metric == "macro_f1"
        and headline(d).startswith("Use Linear probe on ")
        and d.plain_by == ("accuracy",)
    )
    assert (
        "By accuracy it is not shown to do better than giving every text the most frequent label."
        in said(d)
    )


def test_under_imbalance_an_arm_that_always_says_the_common_label_is_not_praised():
    p, results = imbalanced(0.98, 0.02)
    d = decide(p, results, compare(p, results))
    assert "better than giving every text the most frequent label" in headline(d)
    assert not d.advice.found.advised


# --- nothing learnt -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_nothing_learnt_advises_nothing(seed):
    """A third right of three labels: whatever scored highest did so by luck."""
    d = weighed(
        made(test=200), {"similarity": 0.34, "probe": 0.33, "lora": 0.34}, seed=seed, spread=0.01
    )
    always = "do better than giving every text the most frequent label."
    assert not d.advice.found.advised and headline(d) in (
        f"No method tried here is shown to {always}",
        f"No method tried here {always.replace('do', 'does', 1)}",
    )
    assert "Use " not in said(d) and len(advice.advice(d)) == 1


# --- the three ways -------------------------------------------------------------------------------

WAYS = dict(
    strategies=("majority", "similarity", "probe", "lora"),
    shots=(0, 8, None),
    seeds=5,
    test=600,
    pool=600,
)
SKILL = {
    "majority": 0.33,
    "similarity": 0.6,
    "probe": {8: 0.7, None: 0.75},
    "lora": {8: 0.72, None: 0.9},
}


def test_the_three_ways_are_said_with_their_numbers_and_a_winner_is_sure():
    d = weighed(made(**WAYS), SKILL)
    told = verdict(d)
    best = {w.id: w.best for w in d.ways}
    assert {way: (c.arm, round(c.labels)) for way, c in best.items()} == {
        "none": ("similarity", 0),
        "few": (best["few"].arm, 24),
        "all": ("lora", 600),
    }
    assert told.mark == "sure" and "Not tried" not in told.sentence
    none, few, every = (f"{100 * accuracy(c).value:.1f}%" for c in best.values())
    assert told.reach == (
        f"Texts given the correct label: {none} without labelled texts, {few} with 24 labelled"
        f" texts, {every} with all 600 labelled texts."
    )
    assert any(x.startswith("All 600 labelled texts help further: ") for x in told.why)


def test_a_way_that_has_not_run_is_said_and_nothing_is_sure():
    asked = made(**WAYS)
    skip = [("lora", None, s) for s in range(5)] + [("probe", None, s) for s in range(5)]
    unfinished = weighed(asked, SKILL, skip=skip)
    told = verdict(unfinished)
    assert told.mark == "unclear" and "still to come: Linear probe, LoRA adapter" in told.sentence
    assert [w.to_come for w in unfinished.ways] == [0, 0, 6] and unfinished.ways[2].best is None
    untried = verdict(weighed(made(**{**WAYS, "shots": (0, 8)}), SKILL))
    assert untried.mark != "sure" and untried.sentence.endswith(
        "Not tried: all 600 labelled texts."
    )


def test_training_once_is_never_more_than_luck():
    told = verdict(weighed(made(**{**WAYS, "seeds": 1}), SKILL))
    assert told.mark == "unclear" and "only one training run" in told.sentence
    assert not any("more than chance" in line for line in told.why)


def test_labels_are_not_said_to_help_where_none_could_be_the_best():
    """Several arms tried with labels, one without: picking the best of the several is luck too."""
    for seed in range(12):
        skill = {**SKILL, "similarity": 0.72, "probe": 0.73, "lora": 0.74}
        d = weighed(made(**{**WAYS, "seeds": 3, "test": 200}), skill, seed=seed)
        helps = [x for x in verdict(d).why if "labelled texts help" in x]
        every = next(w for w in d.ways if w.id == "all")
        could = "similarity" in d.advice.found.best and every.over.arm == "similarity"
        assert not (helps and could and every.gain.low > 0)


# --- rows that belong together --------------------------------------------------------------------


def test_rows_of_one_conversation_are_no_independent_witnesses():
    alone = made(test=500, seeds=5)
    test = tuple(
        replace(e, group=f"conversation {i // 20}") for i, e in enumerate(alone.study.split.test)
    )
    grouped = plan(replace(alone.study, split=replace(alone.study.split, test=test)))
    rng, results = np.random.default_rng(0), {}
    gold = np.array([grouped.study.problem.label_index[e.labels[0]] for e in test])
    easy = {arm: np.repeat(rng.normal(0, 0.25, 25), 20) for arm in ("similarity", "probe", "lora")}
    for spec in grouped.specs:
        right = rng.random(500) < np.clip(
            {"similarity": 0.6, "probe": 0.66, "lora": 0.7}[spec.arm.id] + easy[spec.arm.id], 0, 1
        )
        scores = np.full((500, 3), 0.05, np.float32)
        scores[np.arange(500), np.where(right, gold, (gold + 1) % 3)] = 0.9
        results[spec.id] = RunResult(
            spec.id,
            "done",
            scores,
            {"train": len(spec.train)},
            {"fit": 1.0, "predict": 0.1},
            1,
            1,
            1,
        )
    with_groups, without = (decide(p, results, compare(p, results)) for p in (grouped, alone))
    width = lambda d: d.advice.found.difference.high - d.advice.found.difference.low  # noqa: E731
    assert (
        with_groups.groups == 25
        and without.groups is None
        and width(with_groups) > 1.3 * width(without)
    )
    assert (
        with_groups.power.before > without.power.before
        and with_groups.power.after > without.power.after
    )
    assert "The test rows come in 25 groups" in advice.power(
        with_groups.power
    ) and "25개 그룹" in advice.power(with_groups.power, "ko")
    assert (
        accuracy(with_groups.quality[0]).high - accuracy(with_groups.quality[0]).low
        > accuracy(without.quality[0]).high - accuracy(without.quality[0]).low
    )


# --- one verdict everywhere -----------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_report_says_what_the_terminal_says_and_nothing_else(language):
    for skill in (
        {"similarity": 0.6, "probe": 0.7, "lora": 0.9},
        {"similarity": 0.8, "probe": 0.8, "lora": 0.8},
        dict.fromkeys(("similarity", "probe", "lora"), 0.33),
    ):
        p = made()
        results = results_of(p, skill)
        d = decide(p, results, compare(p, results), Prices(0.2, 1.5, 1000.0))
        page = visible(report_html(p, results, compare(p, results), language=language, decision=d))
        told = verdict(d, language)
        shown = (told.said, told.sentence, told.reach, *told.why, *told.change)
        assert all(sentence in page for sentence in shown)
        arms = [(arm.id, arm.strategy) for arm in p.study.arms]
        named = renamed(d, arm_names(arms, p.study.problem, language))
        assert all(sentence in page for sentence in advice.advice(named, language))
        others = set(THREE["strategies"]) - {d.advice.found.choice}
        assert not any(f"Use {arm}" in page for arm in others)


def test_time_measured_a_little_faster_is_no_reason():
    """Seconds vary from run to run: a tenth more does not make the dearer, worse arm the
    cheap one.
    """
    p = made(test=1000)
    base = results_of(p, {"similarity": 0.4, "probe": 0.80, "lora": 0.79}, spread=0.003)
    for quicker in ("probe", "lora"):
        arm_of = {s.id: s.arm.id for s in p.specs}
        timed = {
            k: replace(r, seconds={"fit": 10.0, "predict": 8.0 if arm_of[k] == quicker else 12.0})
            for k, r in base.items()
        }
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
    assert (
        plainly.advice.found.choice != "similarity"
        and "What the endpoint charges for similarity is unknown" in said(plainly)
    )
    priced = decide(p, results, comparison, Prices(0.2, 1.5, 100_000.0, (0.15, 0.60)))
    cost = next(c for c in priced.costs if c.arm == "similarity")
    assert cost.total == pytest.approx(100_000 / 600 * (60_000 * 0.15 + 1_200 * 0.60) / 1e6)
    assert "is not known" not in said(priced)


# --- what the screen says, as a reader without statistics took it ---------------------------------


def test_one_run_says_that_the_intervals_leave_luck_out():
    """Intervals that do not touch, and "may be chance" below them: the reader must be told why."""
    found = verdict(weighed(made(seeds=1), {"similarity": 0.6, "probe": 0.7, "lora": 0.75}, seed=0))
    assert found.sentence.startswith("Too early to say") and found.said == "cannot tell"
    assert found.why[0].startswith("With one training run of each method it is not known")
    few = verdict(weighed(made(seeds=2), {"similarity": 0.6, "probe": 0.7, "lora": 0.75}, seed=0))
    assert few.why[0].startswith("With 2 training runs of each method it is not known")
    alone = made(strategies=("lora",), shots=(8,), seeds=1)
    only = verdict(weighed(alone, {"lora": 0.75}, seed=0))
    assert only.sentence.startswith("Only LoRA adapter") and not any(
        "chance" in x for x in only.why
    )


def test_a_lead_that_chance_may_explain_is_said_to_be_one():
    levels = {"similarity": 0.40, "probe": 0.55, "lora": 0.72}
    made_of = (weighed(made(seeds=3, test=80), levels, seed=s, spread=0.06) for s in range(40))
    found = verdict(next(d for d in made_of if d.advice.found.why == LEADS))
    assert found.why[0].startswith("It scored highest, and none of the others came within 3.0")
    assert "chance explains differences of that size here" in found.why[0]


def test_methods_no_better_than_always_the_same_are_said_to_be_none_that_works():
    levels = {"majority": 0.34, "similarity": 0.34, "probe": 0.33}
    d = weighed(made(strategies=tuple(levels), test=200), levels, seed=0)
    found = verdict(d)
    assert found.mark == "unclear" and found.said == "none shown to work"
    assert "is shown to do better than giving every text the most frequent label" in found.sentence


def test_what_would_change_a_tie_is_no_reason_that_nothing_would():
    d = weighed(
        made(test=1000), {"similarity": 0.8, "probe": 0.8, "lora": 0.6}, seed=0, spread=0.003
    )
    found = verdict(d)
    assert any("so close that more runs" in x for x in found.why)
    assert not any("so close" in x for x in found.change)
