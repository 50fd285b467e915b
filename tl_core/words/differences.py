"""Differences between arms in plain sentences, English and Korean, never stronger than the
statistics behind them.

Sentences are text, not HTML: names in them are as a person wrote them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tl_core.analysis.differences.disagreement import (
    BOTH,
    ONLY_A,
    ONLY_B,
    SAME_MISTAKE,
    Disagreement,
    RightSet,
)
from tl_core.analysis.differences.label_errors import Doubts
from tl_core.analysis.differences.slices import LABEL, LEAST_ROWS, SCRIPT, Slice, Tested
from tl_core.api.sentences import Sentence
from tl_core.api.sentences import say as sentence
from tl_core.api.types import Problem
from tl_core.words.phrases import cell_name, limits, number, percent, speaker
from tl_core.words.phrases import say as say_word

NAMED = 6  # arms in one sentence

EN: dict[str, Sentence] = {
    "counts": (
        sentence(
            "Of {n} test rows {a} alone is correct on {only_a}, {b} alone on {only_b}, both on {both}"
            " and neither on {neither}; on {same} of these both make the same mistake."
        )
    ),
    "usual": sentence("Rows are counted by the prediction that most seeds of an arm gave."),
    "ahead": (
        sentence(
            "Over the seeds they share, {ahead} is {difference} ahead of {behind} in accuracy (95%"
            " interval {range})."
        )
    ),
    "ahead_chance": (
        sentence(
            "Over the seeds they share, {ahead} is {difference} ahead of {behind} in accuracy (95%"
            " interval {range}), which may be chance."
        )
    ),
    "ahead_level": (
        sentence(
            "Over the seeds they share, their accuracy is the same (95% interval of the difference"
            " {range})."
        )
    ),
    "ahead_apart": sentence("They share no seed, so their accuracies were not compared."),
    "slice_arm": (
        sentence(
            "{a} is correct on {inside} of the {n} rows {where}, and on {outside} of the others:"
            " {difference} (95% interval on its own {range})."
        )
    ),
    "slice_pair": (
        sentence(
            "The lead of {a} over {b} is {inside} on the {n} rows {where}, and {outside} on the"
            " others: {difference} (95% interval on its own {range})."
        )
    ),
    "slices_found": (
        sentence(
            "{groups} groups of rows were tried in {tests} tests. {found} of these stand out by more"
            " than chance allows when all are taken together; about one in twenty such finds is false."
        )
    ),
    "slices_none": (
        sentence(
            "{groups} groups of rows were tried in {tests} tests. None stands out by more than chance"
            " allows when all are taken together."
        )
    ),
    "slices_untested": (
        sentence(
            "No group of rows could be tested: a group needs {least} rows, as do the others, and both"
            " correct and wrong predictions."
        )
    ),
    "where_short": sentence("of at most {value} characters"),
    "where_long": sentence("of at least {value} characters"),
    "where_label": sentence("labelled “{value}”"),
    "where_script": sentence("written mostly in {value} letters"),
    "where_topic": sentence("of the topic “{value}”"),
    "where_word": sentence("that contain “{value}”"),
    "where_number": sentence("that contain a number"),
    "where_question": sentence("that contain a question mark"),
    "where_exclamation": sentence("that contain an exclamation mark"),
    "script_LATIN": sentence("Latin"),
    "script_HANGUL": sentence("Hangul"),
    "script_CJK": sentence("Chinese"),
    "script_KANA": sentence("Japanese"),
    "script_CYRILLIC": sentence("Cyrillic"),
    "script_ARABIC": sentence("Arabic"),
    "set_all": sentence("All {n} arms"),
    "set_none": sentence("No arm"),
    "set_only": sentence("Only {arms}"),
    "set_but": sentence("All but {arms}"),
    "suspicious": (
        sentence(
            "Every arm asked ({arms}) confidently contradicts the label of {n} of {rows} test rows."
            " Such a label may be wrong, or the row hard for all of them: look before you change it."
        )
    ),
    "suspicious_none": (
        sentence(
            "There is no test row whose label every arm asked ({arms}) confidently contradicts."
        )
    ),
    "suspicious_one": sentence("Only one arm could be asked, so nothing confirms its predictions."),
    "suspicious_nobody": (
        sentence(
            "No arm with known probabilities is shown to be better than one prediction for all, so"
            " none was asked about the labels."
        )
    ),
}


say = speaker(EN)


# --- two arms -------------------------------------------------------------------------------------


def pair(d: Disagreement, language: str = "en") -> list[str]:
    """Say how often which of two is right, and whether one is ahead."""
    a, b = (cell_name(x.line.cell, language) for x in (d.a, d.b))
    n, both, only_a, only_b = len(d.a.right), d.count(BOTH), d.count(ONLY_A), d.count(ONLY_B)
    counts = {
        "n": n,
        "only_a": only_a,
        "only_b": only_b,
        "both": both,
        "neither": n - both - only_a - only_b,
        "same": d.count(SAME_MISTAKE),
    }
    return [
        say(language, "counts", a=a, b=b, **{k: f"{v:,}" for k, v in counts.items()}),
        _ahead(d, a, b, language),
    ]


def _ahead(d: Disagreement, a: str, b: str, language: str) -> str:
    if d.ahead is None:
        return say(language, "ahead_apart")
    if d.ahead.value == 0:
        return say(language, "ahead_level", range=limits(d.ahead, language))
    found = (
        d.ahead
        if d.ahead.value > 0
        else replace(d.ahead, value=-d.ahead.value, low=-d.ahead.high, high=-d.ahead.low)
    )
    ahead, behind = (a, b) if d.ahead.value > 0 else (b, a)
    key = "ahead" if found.low > 0 else "ahead_chance"
    return say(
        language,
        key,
        ahead=ahead,
        behind=behind,
        difference=_points(found.value, language),
        range=limits(found, language),
    )


# --- groups of rows -------------------------------------------------------------------------------


def finding(x: Tested, group: Slice, problem: Problem, language: str = "en") -> str:
    """One arm, or one lead, in one group and outside."""
    told = percent if not x.b else _points
    values = {
        "inside": told(x.inside, language),
        "outside": told(x.outside, language),
        "difference": _points(x.difference.value, language),
    }
    return say(
        language,
        "slice_pair" if x.b else "slice_arm",
        a=x.a,
        b=x.b,
        n=f"{int(group.inside.sum()):,}",
        where=where(group, problem, language),
        range=limits(x.difference, language),
        **values,
    )


def where(group: Slice, problem: Problem, language: str = "en") -> str:
    """Name the rows of a group."""
    value = group.value
    if group.kind == SCRIPT:
        key = f"script_{value}"
        value = say(language, key) if key in EN else value.capitalize()
    elif group.kind == LABEL:
        value = problem.labels[problem.label_index[value]].name
    return say(language, f"where_{group.kind}", value=value)


def findings(slices: Sequence[Slice], tested: Sequence[Tested], language: str = "en") -> str:
    """Say how much was tried, and how much of it stands out."""
    if not tested:
        return say(language, "slices_untested", least=LEAST_ROWS)
    found = sum(x.found for x in tested)
    groups = len({x.of for x in tested})
    return say(
        language,
        "slices_found" if found else "slices_none",
        groups=groups,
        tests=f"{len(tested):,}",
        found=found,
    )


# --- more than two --------------------------------------------------------------------------------


def right_set(x: RightSet, arms: Sequence[str], language: str = "en") -> str:
    """Name the arms that are right, by the shorter list."""
    wrong = [a for a in arms if a not in x.arms]
    if not wrong:
        return say(language, "set_all", n=len(arms))
    if not x.arms:
        return say(language, "set_none")
    shorter, key = (x.arms, "set_only") if len(x.arms) <= len(wrong) else (wrong, "set_but")
    return say(language, key, arms=_some(shorter, language))


# --- labels that look wrong -----------------------------------------------------------------------


def doubts(found: Doubts, rows: int, language: str = "en") -> list[str]:
    """Say how many labels look wrong, and which arms found them."""
    if not found.asked:
        return [say(language, "suspicious_nobody")]
    key = "suspicious" if found.rows else "suspicious_none"
    said = [
        say(
            language,
            key,
            n=f"{len(found.rows):,}",
            rows=f"{rows:,}",
            arms=_some([x.arm for x in found.asked], language),
        )
    ]
    return said + (
        [say(language, "suspicious_one")] if len(found.asked) == 1 and found.rows else []
    )


def _points(share: float, language: str) -> str:
    return say_word(language, "points", x=number(100 * share))


def _some(names: Sequence[str], language: str) -> str:
    shown = ", ".join(names[:NAMED])
    return (
        shown
        if len(names) <= NAMED
        else f"{shown}, {say_word(language, 'more', n=len(names) - NAMED)}"
    )
