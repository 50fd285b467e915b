"""A decision in plain sentences, English and Korean, never stronger than the statistics behind it.

Sentences are text, not HTML: names in them are as a person wrote them. Every code of the statistics
has its sentence in CODES; the same keys are in both languages.
"""

from __future__ import annotations

import math

import numpy as np

from tl_core.analysis.decision.caveats import MANY, Power
from tl_core.analysis.decision.curves import (
    NO_COMMON_LABELS,
    NO_COMMON_SEEDS,
    TOO_FEW_ROWS,
    Against,
    Gain,
)
from tl_core.analysis.decision.decide import Advice, Decision
from tl_core.api.sentences import Sentence
from tl_core.api.sentences import say as sentence
from tl_core.statistics.advantage import NO_OVERLAP, Advantage
from tl_core.statistics.break_even import (
    AT_MOST,
    AT_THE_EARLIEST,
    AT_THE_LATEST,
    BETWEEN,
    EXACT,
    FROM_THE_START,
    MORE_THAN,
    NOT_REACHED,
    NOT_RESOLVED,
    Band,
    Labels,
)
from tl_core.statistics.extrapolation import NOT_PREDICTED, TOO_FEW_POINTS
from tl_core.statistics.intervals import Interval
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
    UNFINISHED,
    WINNER,
)
from tl_core.tasks import task_of
from tl_core.words.phrases import cell_name, number, percent, speaker
from tl_core.words.phrases import say as say_word
from tl_core.words.units import PERCENT, Unit, sorting_unit

NAMED = 6  # arms or labels in one sentence

CODES = {
    WINNER: "why_winner",
    AS_GOOD_AND_CHEAPER: "why_as_good",
    CHEAPEST_OF_CLOSE: "why_close",
    LEADS: "why_leads",
    ALONE: "why_ahead",
    NOT_ABOVE: "why_not_shown",
    ONLY_ONE: "why_only",
    UNFINISHED: "why_unfinished",
    MORE_SEEDS: "change_seeds",
    MORE_ROWS: "change_rows",
    FROM_THE_START: "pays_from_the_start",
    NOT_REACHED: "pays_not_reached",
    BETWEEN: "pays_between",
    AT_THE_LATEST: "pays_at_the_latest",
    AT_THE_EARLIEST: "pays_at_the_earliest",
    NOT_RESOLVED: "pays_not_resolved",
    EXACT: "labels_exact",
    AT_MOST: "labels_at_most",
    MORE_THAN: "labels_more_than",
    NO_COMMON_LABELS: "pays_no_labels",
    NO_COMMON_SEEDS: "pays_no_seeds",
    TOO_FEW_ROWS: "pays_no_rows",
    NO_OVERLAP: "worth_apart",
    TOO_FEW_POINTS: "gain_few_points",
    NOT_PREDICTED: "gain_not_predicted",
}
FEW = {MORE_SEEDS: "change_few_seeds", MORE_ROWS: "change_few_rows"}
WORTH = {
    BETWEEN: "worth_between",
    AT_THE_LATEST: "worth_at_most",
    AT_THE_EARLIEST: "worth_at_least",
}

EN: dict[str, Sentence] = {
    # of an error, less is better
    "why_close_error": (
        sentence(
            "No single best arm is shown: {n} of {all} could be the best ({arms}). Of those whose error"
            " is within {close} of the smallest, none is cheaper than {choice}, and that is the reason"
            " to use it."
        )
    ),
    "why_leads_error": (
        sentence(
            "Use {choice} for now: it has the smallest error. That does not show it to be the best: {n}"
            " of {all} arms could be ({arms})."
        )
    ),
    "why_not_shown_error": (
        sentence(
            "It takes no model to reach {floor} {metric}: {always} does. {choice} has the smallest,"
            " {value}, which may be chance, so nothing is advised. More test rows, more labels or other"
            " strategies may change that."
        )
    ),
    "why_none_above_error": (
        sentence(
            "It takes no model to reach {floor} {metric}: {always} does, and no arm has less, so none is"
            " advised. Other strategies, more labels or clearer ones may change that."
        )
    ),
    "why_unclear_error": (
        sentence(
            "On the seeds that pairs share, each arm is beaten by another one; {choice} has the smallest"
            " error over all its runs, which is little to go by."
        )
    ),
    "why_unfinished_error": sentence("{missing} So far {choice} has the smallest error."),
    "ahead_error": (
        sentence(
            "The error of the runner-up, {runner_up}, is {difference} larger (95% interval"
            " {range}{together})."
        )
    ),
    "ahead_perhaps_error": (
        sentence(
            "The error of the runner-up, {runner_up}, is {difference} larger (95% interval"
            " {range}{together}), which may be chance."
        )
    ),
    "behind_error": (
        sentence(
            "The error of {runner_up} is {difference} smaller (95% interval {range}{together}), which may"
            " be chance."
        )
    ),
    "behind_surely_error": (
        sentence(
            "The error of {runner_up} is {difference} smaller (95% interval {range}{together})."
        )
    ),
    "fewer_loses_error": (
        sentence(
            "With {n} labelled texts instead of {most} its error was {loss} larger (95% interval {range})."
        )
    ),
    "fewer_unclear_error": (
        sentence(
            "With {n} labelled texts instead of {most} its error was {loss} larger (95% interval {range}), so"
            " they are not shown to be enough."
        )
    ),
    "fewer_higher_error": (
        sentence(
            "With {n} labelled texts instead of {most} its error was {loss} smaller (95% interval {range}), so"
            " they are not shown to be enough."
        )
    ),
    "always_median": sentence("giving every text the median rating"),
    "plain_weighted_kappa": (
        sentence("By weighted kappa it is not shown to do better than {always}.")
    ),
    "always_nothing_written": sentence("writing nothing"),
    "always_no_span": sentence("finding no span at all"),
    "always_first_words": sentence("the best answer that is the same for every question"),
    "always_one": sentence("giving every text the most frequent label"),
    "always_many": sentence("giving every text every label"),
    # which, in full
    "why_winner": (
        sentence(
            "Use {choice}: it beats every other arm here by more than chance allows, all pairs taken"
            " together (95%)."
        )
    ),
    "why_as_good": (
        sentence(
            "Use {choice}: it is shown to be as good as {leader} within the requested margin, and it"
            " costs less."
        )
    ),
    "why_close": (
        sentence(
            "No single best arm is shown: {n} of {all} could be the best ({arms}). Of those that also"
            " scored within {close} of the highest, none is cheaper than {choice}, and that is the"
            " reason to use it."
        )
    ),
    "why_leads": (
        sentence(
            "Use {choice} for now: it scored highest. That does not show it to be the best: {n} of"
            " {all} arms could be ({arms})."
        )
    ),
    "why_ahead": (
        sentence(
            "Use {choice} for now: it is the only one of {all} arms that could be the best, but the"
            " evidence is not enough to call it the winner."
        )
    ),
    "why_not_shown": (
        sentence(
            "It takes no model to reach {floor} {metric}: {always} does. {choice} scored highest,"
            " {value}, which may be chance, so nothing is recommended. More test rows, more labels or"
            " other strategies may change that."
        )
    ),
    "why_none_above": (
        sentence(
            "It takes no model to reach {floor} {metric}: {always} does, and no arm scored more, so"
            " none is recommended. Other strategies, more labels or clearer ones may change that."
        )
    ),
    "why_unclear": (
        sentence(
            "On the seeds that pairs share, each arm is beaten by another one; {choice} scored highest"
            " over all its runs, which is weak evidence."
        )
    ),
    "why_only": (
        sentence(
            "Only {choice} has finished runs, so there is nothing to compare it with, and nothing is"
            " recommended."
        )
    ),
    "why_unfinished": sentence("{missing} So far {choice} scored highest."),
    "missing_runs": (
        sentence(
            "{n} of {all} runs have not finished ({arms}), and nothing is recommended before they have."
        )
    ),
    "missing_failed": (
        sentence(
            "Every run of {arms} failed, so nothing is known about it. Run it again, or compare"
            " without it."
        )
    ),
    "reaches": sentence("With the most labels it was given ({shots}) it reaches {value} {metric}."),
    "reaches_without": sentence("Without any of your labels it reaches {value} {metric}."),
    "plain_accuracy": (
        sentence(
            "By accuracy it is not shown to do better than giving every text the most frequent label."
        )
    ),
    "plain_chrf": sentence("By chrF++ it is not shown to do better than {always}."),
    "plain_rouge_l": sentence("By ROUGE-L it is not shown to do better than {always}."),
    "plain_rouge_1": sentence("By ROUGE-1 it is not shown to do better than {always}."),
    "plain_rouge_2": sentence("By ROUGE-2 it is not shown to do better than {always}."),
    "plain_bleu": sentence("By BLEU it is not shown to do better than {always}."),
    "plain_answer_f1": sentence("By answer F1 it is not shown to do better than {always}."),
    "plain_exact_match": sentence("By exact match it is not shown to do better than {always}."),
    "plain_character_f1": sentence("By character F1 it is not shown to do better than {always}."),
    "plain_entity_f1": sentence("By span F1 it is not shown to do better than {always}."),
    "plain_word_f1": sentence("By word F1 it is not shown to do better than {always}."),
    "plain_whole_texts": sentence(
        "By texts with every span right it is not shown to do better than {always}."
    ),
    "plain_macro_f1": sentence("By macro-F1 it is not shown to do better than {always}."),
    "ahead": (
        sentence(
            "The runner-up, {runner_up}, scored {difference} less (95% interval {range}{together})."
        )
    ),
    "ahead_perhaps": (
        sentence(
            "The runner-up, {runner_up}, scored {difference} less (95% interval {range}{together}),"
            " which may be chance."
        )
    ),
    "behind": (
        sentence(
            "{runner_up} scored {difference} more (95% interval {range}{together}), which may be"
            " chance."
        )
    ),
    "behind_surely": sentence(
        "{runner_up} scored {difference} more (95% interval {range}{together})."
    ),
    "level": (
        sentence(
            "The runner-up, {runner_up}, scored the same (95% interval of the difference"
            " {range}{together})."
        )
    ),
    "together": sentence(", adjusted for {n} comparisons"),
    "apart": (
        sentence(
            "The runner-up by its score is {runner_up}; the two share no seed, so they were not"
            " compared."
        )
    ),
    "doubted": (
        sentence(
            "Too few seeds were run for {arms}, or runs were lost: for them the study describes these"
            " trained models, not the method."
        )
    ),
    "change_seeds": (
        sentence(
            "With {at} seeds a difference as large as the one observed would be found 8 times out of"
            " 10."
        )
    ),
    "change_rows": (
        sentence(
            "With {at} test rows a difference as large as the one observed would be found 8 times out"
            " of 10."
        )
    ),
    "change_both": (
        sentence(
            "With {seeds} seeds, or with {rows} test rows, a difference as large as the one observed"
            " would be found 8 times out of 10."
        )
    ),
    "change_few_seeds": (
        sentence(
            "With {at} seeds you would know how much it matters which labels are drawn; run them"
            " before trusting this."
        )
    ),
    "change_few_rows": sentence("It takes {at} test rows to have some evidence."),
    "change_none": (
        sentence(
            "Up to 40 seeds or 10,000 test rows would probably not separate the two; let cost decide."
        )
    ),
    "change_told": (
        sentence(
            "More seeds or test rows are not needed to separate these two; other texts, or other"
            " prices, could still change the recommendation."
        )
    ),
    "enough": (
        sentence(
            "{n} labelled texts instead of {most} are enough: the loss is shown to be less than {margin} (95%"
            " interval of the loss {range})."
        )
    ),
    "fewer_loses": (
        sentence(
            "With {n} labelled texts instead of {most} it scored {loss} lower (95% interval {range})."
        )
    ),
    "fewer_unclear": (
        sentence(
            "With {n} labelled texts instead of {most} it scored {loss} lower (95% interval {range}), so they"
            " are not shown to be enough."
        )
    ),
    "fewer_higher": (
        sentence(
            "With {n} labelled texts instead of {most} it scored {loss} higher (95% interval {range}), so they"
            " are not shown to be enough."
        )
    ),
    # when labelling pays
    "labels_exact": sentence("{n}"),
    "labels_at_most": sentence("{n} or fewer"),
    "labels_more_than": sentence("more than {n}"),
    "pays_from_the_start": (
        sentence(
            "{learner} is already ahead of {other} with {first} labelled texts, the fewest tried."
        )
    ),
    "pays_not_reached": sentence(
        "{learner} stays behind {other} with up to {last} labelled texts, the most tried."
    ),
    "pays_between": (
        sentence(
            "{learner} overtakes {other} at about {value} labelled texts (95% limits {low} to {high}); from"
            " {sure} labelled texts on, the next training size tried, the limits say that it is ahead."
        )
    ),
    "pays_at_the_latest": (
        sentence(
            "{learner} overtakes {other} at {high} labelled texts at the latest (95% limit); the best estimate"
            " is {value}. From {sure} labelled texts on, the next training size tried, the limits say that it"
            " is ahead."
        )
    ),
    "pays_at_the_earliest": (
        sentence(
            "{learner} does not overtake {other} before {low} labelled texts (95% limit), and it is not"
            " certain that it does within the {last} labelled texts tried; the best estimate is {value}."
        )
    ),
    "pays_not_resolved": (
        sentence(
            "These labelled texts and test rows do not show how many {learner} needs to be better than"
            " {other}; the best estimate is {value}."
        )
    ),
    "pays_no_labels": (
        sentence(
            "{learner} and {other} were not tried at the same number of labelled texts, so they cannot be"
            " compared."
        )
    ),
    "pays_no_seeds": (
        sentence(
            "The runs of {learner} and {other} share no seed across all their training sizes, so they"
            " cannot be compared."
        )
    ),
    "pays_no_rows": sentence("One test row is too few to compare {learner} with {other}."),
    "pays_few_seeds": (
        sentence(
            "With fewer than 3 seeds this does not account for which rows were drawn for training."
        )
    ),
    "at_ahead": (
        sentence(
            "With {n} labelled texts, {learner} is {difference} ahead of {other} (95% limits {range})."
        )
    ),
    "at_ahead_perhaps": (
        sentence(
            "With {n} labelled texts, {learner} is {difference} ahead of {other} (95% limits {range}), which"
            " may be chance."
        )
    ),
    "at_behind": (
        sentence(
            "With {n} labelled texts, {learner} is {difference} behind {other} (95% limits {range})."
        )
    ),
    "at_behind_perhaps": (
        sentence(
            "With {n} labelled texts, {learner} is {difference} behind {other} (95% limits {range}), which may"
            " be chance."
        )
    ),
    "worth_between": sentence(
        "So {other}, which needs none, is worth about {value} labelled texts given to {learner}."
    ),
    "worth_at_most": sentence(
        "So {other}, which needs none, is worth at most {high} labelled texts given to {learner}."
    ),
    "worth_at_least": sentence(
        "So {other}, which needs none, is worth at least {low} labelled texts given to {learner}."
    ),
    "worth_fewer": (
        sentence(
            "Where both curves reach the same score, {learner} needs {times} times fewer labelled"
            " texts than {other} (95% limits {low} to {high} times)."
        )
    ),
    "worth_more": (
        sentence(
            "Where both curves reach the same score, {learner} needs {times} times as many labelled"
            " texts as {other} (95% limits {low} to {high} times)."
        )
    ),
    "worth_apart": sentence(
        "The two curves reach no common score, so they cannot be compared in labelled texts."
    ),
    # what more labels bring
    "gain": (
        sentence(
            "If the curve of {arm} keeps its shape, {labels} labelled texts would bring it from {now} to"
            " {score} {metric} (95% band {range})."
        )
    ),
    "gain_few_points": (
        sentence(
            "What more labels would bring {arm} cannot be extrapolated: at least 5 training sizes are"
            " needed."
        )
    ),
    "gain_not_predicted": (
        sentence(
            "What more labels would bring {arm} cannot be extrapolated: the other points of its"
            " learning curve do not predict the last one."
        )
    ),
    # how far it goes
    "power_before": (
        sentence(
            "{seeds} seeds and {rows} test rows find a difference of {before} 8 times out of 10, as"
            " arms usually differ."
        )
    ),
    "power_once": (
        sentence(
            "{rows} test rows find a difference of {before} between two arms without seeds 8 times out"
            " of 10, as such arms usually differ."
        )
    ),
    "power_one_seed": (
        sentence(
            "With one seed no difference between trained arms can be attributed to the methods,"
            " whatever its size. Run 3 seeds or more."
        )
    ),
    "power_groups": (
        sentence(
            "The test rows come in {groups} groups, and rows of one group are not independent: every"
            " interval here counts groups."
        )
    ),
    "power_after": (
        sentence(
            "At the observed spread between the recommended arm and its runner-up it is {after}:"
            " smaller differences would mostly be missed."
        )
    ),
    "many": (
        sentence(
            "{n} arms were scored on the same test rows. The best of many is partly lucky: expect less"
            " on new rows, and check it on rows not used here."
        )
    ),
    "scarce": (
        sentence(
            "{shots} shots are more than half of all rows of {labels}: samples of different"
            " seeds share many rows, so seeds vary less than newly labelled rows would."
        )
    ),
    "absent": sentence(
        "No test row has the label {labels}: nothing here says how well it is predicted."
    ),
    "lost": sentence("{arm}: runs that failed and count in no mean: {failed}."),
    "untrained": (
        sentence(
            "{arm}: {failed} of {seeds} runs collapsed. All runs together predict {every} of the rows"
            " correctly, {trained}; up to {rate} of runs may collapse like this (95%)."
        )
    ),
    "trained_are": sentence("those that did not collapse {value}"),
    "trained_none": sentence("and every run collapsed"),
    "choices_only": (
        sentence(
            "The scores of {arms} say which label was chosen, not how likely it is: nothing is"
            " reported about their probabilities."
        )
    ),
    "endpoint": (
        sentence(
            "What the endpoint charges for {arms} is unknown, so its cost is not compared: that takes"
            " the price per label, texts per month and TL_CHAT_PRICE."
        )
    ),
    "nothing": sentence("No run has finished yet, so nothing can be recommended."),
    "surer": sentence("{arm} is overconfident by {gap}."),
    "less_sure": sentence("{arm} is underconfident by {gap}."),
}


say = speaker(EN)


# --- which ----------------------------------------------------------------------------------------


def advice(decision: Decision, language: str = "en") -> list[str]:
    """Say what to use and why, the runner-up, and what would change it: one to seven sentences."""
    return (
        list(reasons(decision, language).values())
        if decision.advice
        else [say(language, "nothing")]
    )


def reasons(decision: Decision, language: str = "en") -> dict[str, str]:
    """The same, by what each sentence is about: why, reaches, runner_up, doubted, changes, enough;
    without those there are none of.
    """
    given = decision.advice
    assert given is not None  # who asks for reasons has seen that there is advice
    found = given.found
    chosen, metric = given.cell(found.choice), say_word(language, decision.metric)
    unit = sorting_unit(decision)
    value, shots = (
        unit.with_limits(chosen.measures[decision.metric], language),
        _labels_in_all(chosen.labels, language),
    )
    why = {
        "choice": found.choice,
        "leader": found.leader,
        "n": len(found.best),
        "all": len(given.candidates),
        "arms": _some(found.best, language),
    }
    why |= {
        "floor": "" if found.floor is None else unit.value(found.floor, language),
        "metric": metric,
        "value": value,
        "close": unit.points(CLOSE, language),
        "always": _always(decision, language),
    }
    if found.why == UNFINISHED:
        why["missing"] = " ".join(_missing(decision, language))
    said = {"why": say(language, _of(unit, _reason(given)), **why)}
    if found.why == NOT_ABOVE:
        return said
    said["reaches"] = " ".join(
        [
            say(
                language,
                "reaches" if chosen.labels else "reaches_without",
                shots=shots,
                value=value,
                metric=metric,
            )
        ]
        + [
            say(language, f"plain_{by}", always=_always(decision, language))
            for by in decision.plain_by
        ]
    )
    if found.why == UNFINISHED:
        return said
    said |= {
        "runner_up": _runner_up(given, unit, language),
        "doubted": (
            say(language, "doubted", arms=_some(found.doubted, language)) if found.doubted else ""
        ),
        "changes": _changes(given, language),
        "enough": _enough(given, unit, language),
    }
    return {about: sentence for about, sentence in said.items() if sentence}


def _reason(given: Advice) -> str:
    """The key of why: what was seen alongside may say more than the code."""
    found = given.found
    if found.why == NOT_ABOVE and not found.leads_floor:
        return "why_none_above"
    return "why_unclear" if found.why in (LEADS, ALONE) and not found.best else CODES[found.why]


def _always(decision: Decision, language: str) -> str:
    """The answer that needs no text to be read."""
    return say(language, decision.always)


def _missing(decision: Decision, language: str) -> list[str]:
    """Say what was asked for and has not run."""
    coming, failed = (
        [x for x in decision.missing if x.runs],
        [x for x in decision.missing if not x.runs],
    )
    said = []
    if coming:
        said.append(
            say(
                language,
                "missing_runs",
                n=sum(x.runs for x in coming),
                all=decision.runs,
                arms=_some([x.arm for x in coming], language),
            )
        )
    return said + (
        [say(language, "missing_failed", arms=_some([x.arm for x in failed], language))]
        if failed
        else []
    )


def _runner_up(given: Advice, unit: Unit, language: str) -> str:
    """Describe the runner-up, from whichever of the two scored less: the difference and its limits
    have the sign of the words.
    """
    found = given.found
    if found.runner_up is None:
        return ""
    d = found.difference
    if d is None:
        return say(language, "apart", runner_up=found.runner_up)
    low, high = (d.low, d.high) if d.value >= 0 else (-d.high, -d.low)
    shown = Interval(abs(d.value), low, high, d.seeds, d.n)
    key = (
        "level"
        if d.value == 0
        else (
            ("ahead" if low > 0 else "ahead_perhaps")
            if d.value > 0
            else ("behind_surely" if low > 0 else "behind")
        )
    )
    comparisons = len(given.candidates) - 1
    together = say(language, "together", n=comparisons) if comparisons > 1 else ""
    return say(
        language,
        _of(unit, key),
        runner_up=found.runner_up,
        difference=unit.points(shown.value, language),
        range=unit.points_limits(shown, language),
        together=together,
    )


def _enough(given: Advice, unit: Unit, language: str) -> str:
    """The fewest labels that are shown to do, and what the next fewer lose."""
    told: list[str] = []
    enough = given.enough
    most = number(given.cell(given.found.choice).labels, 0)
    if enough and enough.loss:
        margin = unit.points(enough.margin, language)
        told.append(
            say(
                language,
                "enough",
                n=number(enough.cell.labels, 0),
                most=most,
                margin=margin,
                range=unit.points_limits(enough.loss, language),
            )
        )
    fewer = next((x for x in given.fewer if not x.enough and x.loss is not None), None)
    if fewer and fewer.loss:
        d = fewer.loss
        key = "fewer_loses" if d.low > 0 else "fewer_unclear" if d.value >= 0 else "fewer_higher"
        shown = d if d.value >= 0 else Interval(-d.value, -d.high, -d.low, d.seeds, d.n)
        told.append(
            say(
                language,
                _of(unit, key),
                n=number(fewer.cell.labels, 0),
                most=most,
                loss=unit.points(shown.value, language),
                range=unit.points_limits(shown, language),
            )
        )
    return " ".join(told)


def _changes(given: Advice, language: str) -> str:
    found = given.found
    if found.difference is None:
        return ""
    at = {c.of: f"{c.at:,}" for c in found.changes}
    if len(at) == 2:
        return say(language, "change_both", seeds=at[MORE_SEEDS], rows=at[MORE_ROWS])
    few = {MORE_SEEDS: found.difference.seeds < 3, MORE_ROWS: found.difference.n < 2}
    if at:
        ((of, n),) = at.items()
        return say(language, FEW[of] if few[of] else CODES[of], at=n)
    if found.p is None or found.p >= 0.05:
        return say(language, "change_none")
    doubted = {found.choice, found.runner_up} & set(
        found.doubted
    )  # then what is missing is said elsewhere
    return "" if doubted else say(language, "change_told")


# --- when labelling pays --------------------------------------------------------------------------


def break_even(against: Against, language: str = "en") -> str:
    """Say from how many labels on one arm is better than another, and what that is worth."""
    names = {"learner": against.learner, "other": against.other}
    if against.refused:
        return say(language, CODES[against.refused], **names)
    found = against.found
    assert found is not None  # it was not refused
    values = {key: labels(getattr(found, key), language) for key in ("value", "low", "high")}
    ends = {
        "first": number(against.labels[0], 0),
        "last": number(against.labels[-1], 0),
        "sure": number(found.sure_from or math.nan, 0),
    }
    said = [say(language, CODES[found.said], **names, **values, **ends)]
    if against.level and found.said in WORTH:
        said.append(say(language, WORTH[found.said], **names, **values))
    if against.advantage:
        said.append(_worth(against, against.advantage, language))
    if found.notes:
        said.append(say(language, "pays_few_seeds"))
    return " ".join(said)


def ahead_at(
    against: Against, band: Band, labels: float, language: str = "en", unit: Unit = PERCENT
) -> str:
    """Say which of a pair is ahead at about so many labels, and whether that is sure."""
    near = int(np.argmin(np.abs(band.labels - labels)))
    mean, low, high = (float(x[near]) for x in (band.mean, band.low, band.high))
    key = ("at_ahead" if mean >= 0 else "at_behind") + ("_perhaps" if low <= 0 <= high else "")
    if not low <= 0 <= high:
        low, high = sorted((abs(low), abs(high)))
    elif mean < 0:
        low, high = -high, -low
    span = unit.points_limits(Interval(abs(mean), low, high, 1, 1), language)
    return say(
        language,
        key,
        n=number(float(band.labels[near]), 0),
        learner=against.learner,
        other=against.other,
        difference=unit.points(abs(mean), language),
        range=span,
    )


def _worth(against: Against, advantage: Advantage, language: str) -> str:
    octaves = advantage.octaves
    if octaves is None:
        return say(language, CODES[NO_OVERLAP])
    fewer = octaves.value >= 0
    ends = (octaves.low, octaves.high) if fewer else (-octaves.high, -octaves.low)
    times, low, high = (number(2**x) for x in (abs(octaves.value), *ends))
    return say(
        language,
        "worth_fewer" if fewer else "worth_more",
        learner=against.learner,
        other=against.other,
        times=times,
        low=low,
        high=high,
    )


def labels(count: Labels, language: str) -> str:
    """A number of labels, or the end of those tried beyond which it lies."""
    return say(language, CODES[count.censored], n=number(count.count, 0))


def gains(decision: Decision, language: str = "en") -> list[str]:
    """Say what more labels would bring, a sentence for every arm of which it can be predicted, and
    one for all with the same reason why not.
    """
    unit = sorting_unit(decision)
    told = [gain(g, decision.metric, language, unit) for g in decision.gains if not g.found.refused]
    for why in dict.fromkeys(g.found.refused for g in decision.gains if g.found.refused):
        told.append(
            say(
                language,
                CODES[why],
                arm=_some([g.arm for g in decision.gains if g.found.refused == why], language),
            )
        )
    return told


def gain(found: Gain, metric: str, language: str = "en", unit: Unit = PERCENT) -> str:
    """Say what 2 and 4 times the labels would bring an arm."""
    now, name = unit.value(found.score, language), say_word(language, metric)
    return " ".join(
        say(
            language,
            "gain",
            arm=found.arm,
            labels=number(n, 0),
            now=now,
            score=unit.value(p.value, language),
            range=unit.limits(p, language),
            metric=name,
        )
        for n, p in zip(found.found.labels, found.found.points)
    )


# --- how far it goes ------------------------------------------------------------------------------


def power(found: Power, language: str = "en", unit: Unit = PERCENT) -> str:
    """Say what the study could have found."""
    values = {"seeds": found.seeds, "rows": f"{found.rows:,}"}
    if not math.isfinite(found.before):
        said = [say(language, "power_one_seed")]
    else:
        said = [
            say(
                language,
                "power_before" if found.seeds else "power_once",
                before=unit.points(found.before, language),
                **values,
            )
        ]
    if found.groups:
        said.append(say(language, "power_groups", groups=f"{found.groups:,}"))
    if found.after is not None and math.isfinite(found.after):
        said.append(say(language, "power_after", after=unit.points(found.after, language)))
    return " ".join(said)


def warnings(decision: Decision, language: str = "en") -> list[str]:
    """Say what a reader must know before trusting the rest."""
    said = []
    if decision.scored >= MANY:
        said.append(say(language, "many", n=decision.scored))
    for shots in dict.fromkeys(s.shots for s in decision.scarce):
        said.append(
            say(
                language,
                "scarce",
                shots=shots,
                labels=_some([s.label for s in decision.scarce if s.shots == shots], language),
            )
        )
    if decision.absent:
        said.append(say(language, "absent", labels=_some(decision.absent, language)))
    for f in decision.failing:
        name = cell_name(f, language)
        if f.failed:
            said.append(say(language, "lost", arm=name, failed=f.failed))
        if f.untrained.failed:
            u = f.untrained
            kept = (
                say(language, "trained_are", value=percent(u.trained.value, language))
                if u.trained
                else say(language, "trained_none")
            )
            rate, every = percent(u.rate_at_most, language), percent(u.all_runs.value, language)
            said.append(
                say(
                    language,
                    "untrained",
                    arm=name,
                    failed=u.failed,
                    seeds=u.seeds,
                    every=every,
                    trained=kept,
                    rate=rate,
                )
            )
    for key, arms in (
        (
            "choices_only",
            []
            if task_of(decision.problem).writes
            else [q.arm for q in decision.quality if q.nll is None],
        ),
        ("endpoint", [c.arm for c in decision.costs if c.asks_endpoint and c.total is None]),
    ):
        if arms:
            said.append(say(language, key, arms=_some(list(dict.fromkeys(arms)), language)))
    return said


def _labels_in_all(count: float, language: str) -> str:
    return say_word(language, "labels_in_all", n=number(count, 0))


def _of(unit: Unit, key: str) -> str:
    """The variant of a sentence for this unit, where there is one."""
    return unit.key(key) if unit.key(key) in EN else key


def _some(names, language: str) -> str:
    shown = ", ".join(names[:NAMED])
    return (
        shown
        if len(names) <= NAMED
        else f"{shown}, {say_word(language, 'more', n=len(names) - NAMED)}"
    )
