"""Two studies side by side, in sentences and cells, English and Korean. Text, not HTML: names
are as a person wrote them.
"""

from __future__ import annotations

from tl_core.analysis import study_diff as codes
from tl_core.analysis.study_diff import Asked, Changes, Moved
from tl_core.api.sentences import Sentence
from tl_core.api.sentences import say as sentence
from tl_core.statistics.intervals import IDENTICAL, Interval
from tl_core.words.phrases import limits, number, percent, shots_name, speaker, with_limits
from tl_core.words.phrases import say as say_word

EN: dict[str, Sentence] = {
    "same_test": (
        sentence(
            "Both studies have the same {n} test rows, so every entry is compared with its counterpart"
            " on the same rows."
        )
    ),
    "partly_test": (
        sentence(
            "The test rows differ: {n} are in both studies. Differences are on those alone; the values"
            " are of all test rows of each study."
        )
    ),
    "other_test": (
        sentence("The two studies have no test row in common: no entry is compared with another.")
    ),
    "apart_labels": sentence(
        "The two studies cannot be compared: their labels differ, so a correct prediction in one"
        " is not one in the other."
    ),
    "apart_metric": sentence(
        "The two studies cannot be compared: they are sorted by different metrics."
    ),
    "apart_f1": sentence(
        "The two studies cannot be compared: macro-F1 is of all test rows, and they differ."
    ),
    "apart_seeds": sentence("The two studies cannot be compared: they have no seed in common."),
    "apart_arms": sentence("The two studies cannot be compared: they have no entry in common."),
    "not_corrected": (
        sentence(
            "Each interval is judged on its own: of 20 entries that did not change, one is expected to"
            " look as if it did."
        )
    ),
    "nothing_asked": sentence("No choice differs."),
    "title": sentence("title"),
    "test rows": sentence("test rows"),
    "rows": sentence("rows to train on"),
    "labels": sentence("labels"),
    "shots": sentence("shots"),
    "seeds": sentence("seeds"),
    "arm": sentence("arm"),
    "none": sentence("none"),
    "asked": sentence("{what}: {before} → {after}"),
    "of_arm": sentence("{arm}: {what}"),
    "moved": sentence("{line}: {before} → {after}; {difference}"),
    "difference": sentence("{points}, 95% interval {range}"),
    "same": sentence("the same on every row"),
    "more": sentence("+{x} points"),
    "less": sentence("−{x} points"),
    codes.ONLY_BEFORE: sentence("only in the first study"),
    codes.ONLY_AFTER: sentence("only in the second study"),
    codes.OTHER_METRIC: sentence("not compared: the studies are sorted by different metrics"),
    codes.OTHER_TEST_ROWS: sentence("not compared: no test rows in common"),
    codes.PARTLY_F1: sentence("not compared: macro-F1 is of all test rows, and they differ"),
    codes.NO_COMMON_SEEDS: sentence("not compared: no seed in common"),
    codes.OTHER_LABELS: sentence("not compared: the labels differ"),
}


_say = speaker(EN)


APART = {
    codes.OTHER_LABELS: "apart_labels",
    codes.OTHER_METRIC: "apart_metric",
    codes.OTHER_TEST_ROWS: "other_test",
    codes.PARTLY_F1: "apart_f1",
    codes.NO_COMMON_SEEDS: "apart_seeds",
}


def apart(found: Changes, language: str = "en") -> str:
    """Return why no entry of the two studies can be compared with another one; "" where some can."""
    if not found.moved or any(m.difference for m in found.moved):
        return ""
    why = next((m.why_not for m in found.moved if m.why_not in APART), "")
    return _say(language, APART.get(why, "apart_arms"))


def summary(found: Changes, language: str = "en") -> list[str]:
    """Say what can be compared with what; one line where nothing can."""
    if why := apart(found, language):
        return [why]
    key = (
        "same_test"
        if found.same_test
        else "partly_test"
        if found.common_test >= codes.FEW
        else "other_test"
    )
    said = [_say(language, key, n=f"{found.common_test:,}")]
    said += (
        [_say(language, "not_corrected")]
        if sum(m.difference is not None for m in found.moved) > 1
        else []
    )
    return said + ([] if found.asked else [_say(language, "nothing_asked")])


def what(x: Asked, language: str = "en") -> str:
    """The name of something that was asked for; settings are called as in the settings of their
    strategy.
    """
    named = EN[x.what].to(language) if x.what in EN else x.what
    return _say(language, "of_arm", arm=x.arm, what=named) if x.arm else named


def asked(x: Asked, language: str = "en") -> str:
    """One line of what differed."""
    return _say(
        language,
        "asked",
        what=what(x, language),
        before=value(x.before, language),
        after=value(x.after, language),
    )


def value(told: str, language: str = "en") -> str:
    """Return what was asked for, or that nothing was."""
    return told or _say(language, "none")


def moved(m: Moved, language: str = "en") -> str:
    """One line of what changed."""
    line = say_word(language, "cell", arm=m.arm, shots=shots_name(m.shots, language, m.per))
    before, after = (with_limits(x, language) if x else "–" for x in (m.before, m.after))
    return _say(
        language, "moved", line=line, before=before, after=after, difference=difference(m, language)
    )


def difference(m: Moved, language: str = "en") -> str:
    """Return after minus before with its interval, or why there is none."""
    if m.difference is None:
        return _say(language, m.why_not)
    if IDENTICAL in m.difference.notes:
        return _say(language, "same")
    return _say(
        language,
        "difference",
        points=_points(m.difference, language),
        range=limits(m.difference, language),
    )


def share(found: Interval | None, language: str = "en") -> str:
    """A value as a cell shows it."""
    return percent(found.value, language) if found else "–"


def _points(found: Interval, language: str) -> str:
    x = round(100 * found.value, 1)
    return _say(language, "less" if x < 0 else "more", x=number(abs(x)))
