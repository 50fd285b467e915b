"""Two studies beside each other, in sentences and cells, English and Korean. Text, not HTML: names are as a person wrote them."""

from __future__ import annotations

from tl_core.experiments import changes as codes
from tl_core.experiments.changes import Asked, Changes, Moved
from tl_core.report.words import limits, number, percent, shots_name, speaker, with_limits
from tl_core.report.words import say as say_word
from tl_core.statistics.intervals import IDENTICAL, Interval

EN: dict[str, str] = {
    "same_test": "Both studies have the same {n} test rows, so every line is set against its like on the same rows.",
    "partly_test": "The test rows differ: {n} are in both studies. Differences are on those alone; the values are of all test rows of each study.",
    "other_test": "The two studies have no test row in common: no line is set against another.",
    "not_corrected": "Each interval stands for itself: of 20 lines that did not change, one is expected to look as if it did.",
    "nothing_asked": "Nothing was asked differently.",
    "title": "title", "test rows": "test rows", "rows": "rows to train on", "labels": "labels", "shots": "labels per class", "seeds": "seeds", "arm": "arm",
    "none": "not there",
    "asked": "{what}: {before} → {after}",
    "of_arm": "{arm}: {what}",
    "moved": "{line}: {before} → {after}; {difference}",
    "difference": "{points}, 95 % interval {range}",
    "same": "the same on every row",
    "more": "+{x} points", "less": "−{x} points",
    codes.ONLY_BEFORE: "only in the first study",
    codes.ONLY_AFTER: "only in the second study",
    codes.OTHER_METRIC: "not set against each other: the studies are sorted by different metrics",
    codes.OTHER_TEST_ROWS: "not set against each other: no test rows in common",
    codes.PARTLY_F1: "not set against each other: macro-F1 is of all test rows, and they differ",
    codes.NO_COMMON_SEEDS: "not set against each other: no seed in common",
    codes.OTHER_LABELS: "not set against each other: the labels differ",
}  # fmt: skip

KO: dict[str, str] = {
    "same_test": "두 실험의 테스트 행 {n}개가 같아, 모든 줄을 같은 행에서 견줍니다.",
    "partly_test": "테스트 행이 다릅니다. 두 실험에 다 있는 것은 {n}개이고, 차이는 그 행에서만 구했습니다. 값은 저마다의 모든 테스트 행에서 구한 것입니다.",
    "other_test": "두 실험에 함께 있는 테스트 행이 없어, 어느 줄도 서로 견주지 않습니다.",
    "not_corrected": "구간은 저마다 따로 본 것입니다. 바뀌지 않은 줄 20개 가운데 하나는 바뀐 것처럼 보일 수 있습니다.",
    "nothing_asked": "다르게 요청한 것이 없습니다.",
    "title": "제목", "test rows": "테스트 행", "rows": "학습에 쓸 행", "labels": "라벨", "shots": "클래스마다 라벨 수", "seeds": "시드", "arm": "비교 대상",
    "none": "없음",
    "asked": "{what}: {before} → {after}",
    "of_arm": "{arm}의 {what}",
    "moved": "{line}: {before} → {after}, {difference}",
    "difference": "{points}, 95 % 구간 {range}",
    "same": "모든 행에서 같음",
    "more": "+{x} %p", "less": "−{x} %p",
    codes.ONLY_BEFORE: "첫째 실험에만 있음",
    codes.ONLY_AFTER: "둘째 실험에만 있음",
    codes.OTHER_METRIC: "견주지 않음: 두 실험를 정렬한 지표가 다릅니다",
    codes.OTHER_TEST_ROWS: "견주지 않음: 함께 있는 테스트 행이 없습니다",
    codes.PARTLY_F1: "견주지 않음: 매크로 F1은 모든 테스트 행에서 구하는데 그 행이 다릅니다",
    codes.NO_COMMON_SEEDS: "견주지 않음: 함께 있는 시드가 없습니다",
    codes.OTHER_LABELS: "견주지 않음: 라벨이 다릅니다",
}  # fmt: skip

LANGUAGES = {"en": EN, "ko": KO}
_say = speaker(LANGUAGES)


def summary(found: Changes, language: str = "en") -> list[str]:
    """What can be set against what."""
    key = "same_test" if found.same_test else "partly_test" if found.common_test >= codes.FEW else "other_test"
    said = [_say(language, key, n=f"{found.common_test:,}")]
    said += [_say(language, "not_corrected")] if sum(m.difference is not None for m in found.moved) > 1 else []
    return said + ([] if found.asked else [_say(language, "nothing_asked")])


def what(x: Asked, language: str = "en") -> str:
    """The name of something that was asked for; settings are called as in the settings of their strategy."""
    named = LANGUAGES[language].get(x.what, x.what)
    return _say(language, "of_arm", arm=x.arm, what=named) if x.arm else named


def asked(x: Asked, language: str = "en") -> str:
    """One line of what differed."""
    return _say(language, "asked", what=what(x, language), before=value(x.before, language), after=value(x.after, language))


def value(told: str, language: str = "en") -> str:
    """What was asked for, or that nothing was."""
    return told or _say(language, "none")


def moved(m: Moved, language: str = "en") -> str:
    """One line of what changed."""
    line = say_word(language, "cell", arm=m.arm, shots=shots_name(m.shots, language))
    before, after = (with_limits(x, language) if x else "–" for x in (m.before, m.after))
    return _say(language, "moved", line=line, before=before, after=after, difference=difference(m, language))


def difference(m: Moved, language: str = "en") -> str:
    """After minus before with its interval, or why there is none."""
    if m.difference is None:
        return _say(language, m.why_not)
    if IDENTICAL in m.difference.notes:
        return _say(language, "same")
    return _say(language, "difference", points=_points(m.difference, language), range=limits(m.difference, language))


def share(found: Interval | None, language: str = "en") -> str:
    """A value as a cell shows it."""
    return percent(found.value, language) if found else "–"


def _points(found: Interval, language: str) -> str:
    x = round(100 * found.value, 1)
    return _say(language, "less" if x < 0 else "more", x=number(abs(x)))
