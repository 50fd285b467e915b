"""Where arms differ, in plain sentences, English and Korean, never stronger than the statistics behind them.

Sentences are text, not HTML: names in them are as a person wrote them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tl_core.experiments.differences.disagreement import BOTH, ONLY_A, ONLY_B, SAME_MISTAKE, Disagreement, RightSet
from tl_core.experiments.differences.slices import LABEL, LEAST_ROWS, SCRIPT, Slice, Tested
from tl_core.experiments.differences.suspicious import Doubts
from tl_core.report.words import cell_name, limits, number, percent, speaker
from tl_core.report.words import say as say_word
from tl_core.types import Problem

NAMED = 6  # arms in one sentence

EN: dict[str, str] = {
    "counts": "Of {n} test rows {a} alone is right on {only_a}, {b} alone on {only_b}, both on {both} and neither on {neither}; on {same} of these both make the same mistake.",
    "usual": "Rows are counted by the answer that most draws of an arm gave.",
    "ahead": "Over the draws both have, {ahead} is {difference} ahead of {behind} in accuracy (95 % interval {range}).",
    "ahead_chance": "Over the draws both have, {ahead} is {difference} ahead of {behind} in accuracy (95 % interval {range}), which may be chance.",
    "ahead_level": "Over the draws both have, their accuracy is the same (95 % interval of the difference {range}).",
    "ahead_apart": "They share no draw, so their accuracies were not compared.",
    "slice_arm": "{a} is right on {inside} of the {n} rows {where}, and on {outside} of the others: {difference} (95 % interval by itself {range}).",
    "slice_pair": "The lead of {a} over {b} is {inside} on the {n} rows {where}, and {outside} on the others: {difference} (95 % interval by itself {range}).",
    "slices_found": "{groups} groups of rows were tried in {tests} tests. {found} of these stand out by more than chance allows when all are taken together; about one in twenty such finds is false.",
    "slices_none": "{groups} groups of rows were tried in {tests} tests. None stands out by more than chance allows when all are taken together.",
    "slices_untested": "No group of rows could be tested: a group needs {least} rows, as do the others, and both right and wrong answers.",
    "where_short": "of at most {value} characters",
    "where_long": "of at least {value} characters",
    "where_label": "labelled “{value}”",
    "where_script": "written mostly in {value} letters",
    "where_topic": "of the topic “{value}”",
    "where_word": "that contain “{value}”",
    "where_number": "that contain a number",
    "where_question": "that contain a question mark",
    "where_exclamation": "that contain an exclamation mark",
    "script_LATIN": "Latin",
    "script_HANGUL": "Hangul",
    "script_CJK": "Chinese",
    "script_KANA": "Japanese",
    "script_CYRILLIC": "Cyrillic",
    "script_ARABIC": "Arabic",
    "set_all": "All {n} arms",
    "set_none": "No arm",
    "set_only": "Only {arms}",
    "set_but": "All but {arms}",
    "suspicious": "Every arm asked ({arms}) contradicts with confidence the label of {n} of {rows} test rows. Such a label may be wrong, or the row hard for all of them: look before you change it.",
    "suspicious_none": "There is no test row whose label every arm asked ({arms}) contradicts with confidence.",
    "suspicious_one": "Only one arm could be asked, so nothing confirms what it says.",
    "suspicious_nobody": "No arm whose probabilities are known is shown to be better than one answer for all, so none was asked about the labels.",
}

KO: dict[str, str] = {
    "counts": "테스트 행 {n}개 가운데 {a}만 맞힌 행은 {only_a}개, {b}만 맞힌 행은 {only_b}개, 둘 다 맞힌 행은 {both}개, 둘 다 틀린 행은 {neither}개입니다. 둘 다 틀린 행 가운데 {same}개는 같은 답으로 틀렸습니다.",
    "usual": "행은 비교 대상이 가장 여러 번의 추출에서 내놓은 답으로 셉니다.",
    "ahead": "공통인 추출 전체로 보면 {ahead}의 정확도가 {behind}보다 {difference} 높습니다(95 % 구간 {range}).",
    "ahead_chance": "공통인 추출 전체로 보면 {ahead}의 정확도가 {behind}보다 {difference} 높지만(95 % 구간 {range}) 우연일 수 있습니다.",
    "ahead_level": "공통인 추출 전체로 보면 정확도가 같습니다(차이의 95 % 구간 {range}).",
    "ahead_apart": "공통인 추출이 없어 정확도를 견주지 않았습니다.",
    "slice_arm": "{a}: {where} {n}개 행에서는 {inside}, 나머지에서는 {outside}를 맞힙니다. 차이는 {difference}입니다(따로 본 95 % 구간 {range}).",
    "slice_pair": "{b}에 대한 {a}의 우위: {where} {n}개 행에서는 {inside}, 나머지에서는 {outside}입니다. 차이는 {difference}입니다(따로 본 95 % 구간 {range}).",
    "slices_found": "행 묶음 {groups}개를 {tests}번 검정했습니다. 모두 함께 보아도 우연으로 볼 수 있는 것 이상으로 두드러지는 것이 {found}개입니다. 이런 발견은 스무 개에 하나꼴로 거짓입니다.",
    "slices_none": "행 묶음 {groups}개를 {tests}번 검정했습니다. 모두 함께 보면 우연으로 볼 수 있는 것 이상으로 두드러지는 것은 없습니다.",
    "slices_untested": "검정할 수 있는 행 묶음이 없습니다. 묶음에도 나머지에도 행이 {least}개는 있어야 하고, 맞힌 답과 틀린 답이 모두 있어야 합니다.",
    "where_short": "{value}자 이하인",
    "where_long": "{value}자 이상인",
    "where_label": "라벨이 “{value}”인",
    "where_script": "주로 {value}로 쓴",
    "where_topic": "“{value}” 주제의",
    "where_word": "“{value}”이(가) 들어 있는",
    "where_number": "숫자가 들어 있는",
    "where_question": "물음표가 들어 있는",
    "where_exclamation": "느낌표가 들어 있는",
    "script_LATIN": "로마자",
    "script_HANGUL": "한글",
    "script_CJK": "한자",
    "script_KANA": "가나 문자",
    "script_CYRILLIC": "키릴 문자",
    "script_ARABIC": "아랍 문자",
    "set_all": "비교 대상 {n}개 모두",
    "set_none": "없음",
    "set_only": "{arms}만",
    "set_but": "{arms}만 빼고 모두",
    "suspicious": "테스트 행 {rows}개 가운데 {n}개에는 물어본 비교 대상({arms})이 모두 확신을 가지고 다른 라벨을 답합니다. 라벨이 틀렸거나, 모두에게 어려운 행일 수 있습니다. 고치기 전에 읽어 보세요.",
    "suspicious_none": "물어본 비교 대상({arms})이 모두 확신을 가지고 다른 라벨을 답하는 테스트 행은 없습니다.",
    "suspicious_one": "물어볼 수 있는 비교 대상이 하나뿐이어서 그 답을 뒷받침하는 것이 없습니다.",
    "suspicious_nobody": "확률을 알 수 있고 한 가지로만 답하는 것보다 낫다고 드러난 비교 대상이 없어 라벨에 관해 물어보지 않았습니다.",
}

say = speaker({"en": EN, "ko": KO})


# --- two arms -------------------------------------------------------------------------------------------


def pair(d: Disagreement, language: str = "en") -> list[str]:
    """How often which of two is right, and whether one is ahead."""
    a, b = (cell_name(x.line.cell, language) for x in (d.a, d.b))
    n, both, only_a, only_b = len(d.a.right), d.count(BOTH), d.count(ONLY_A), d.count(ONLY_B)
    counts = {"n": n, "only_a": only_a, "only_b": only_b, "both": both, "neither": n - both - only_a - only_b, "same": d.count(SAME_MISTAKE)}
    return [say(language, "counts", a=a, b=b, **{k: f"{v:,}" for k, v in counts.items()}), _ahead(d, a, b, language)]


def _ahead(d: Disagreement, a: str, b: str, language: str) -> str:
    if d.ahead is None:
        return say(language, "ahead_apart")
    if d.ahead.value == 0:
        return say(language, "ahead_level", range=limits(d.ahead, language))
    found = d.ahead if d.ahead.value > 0 else replace(d.ahead, value=-d.ahead.value, low=-d.ahead.high, high=-d.ahead.low)
    ahead, behind = (a, b) if d.ahead.value > 0 else (b, a)
    key = "ahead" if found.low > 0 else "ahead_chance"
    return say(language, key, ahead=ahead, behind=behind, difference=_points(found.value, language), range=limits(found, language))


# --- groups of rows -------------------------------------------------------------------------------------


def finding(x: Tested, group: Slice, problem: Problem, language: str = "en") -> str:
    """One arm, or one lead, in one group and outside."""
    told = percent if not x.b else _points
    values = {"inside": told(x.inside, language), "outside": told(x.outside, language), "difference": _points(x.difference.value, language)}
    return say(
        language, "slice_pair" if x.b else "slice_arm", a=x.a, b=x.b, n=f"{int(group.inside.sum()):,}", where=where(group, problem, language),
        range=limits(x.difference, language), **values,
    )  # fmt: skip


def where(group: Slice, problem: Problem, language: str = "en") -> str:
    """Which rows."""
    value = group.value
    if group.kind == SCRIPT:
        key = f"script_{value}"
        value = say(language, key) if key in EN else value.capitalize()
    elif group.kind == LABEL:
        value = problem.labels[problem.label_index[value]].name
    return say(language, f"where_{group.kind}", value=value)


def findings(slices: Sequence[Slice], tested: Sequence[Tested], language: str = "en") -> str:
    """How much was tried, and how much of it stands out."""
    if not tested:
        return say(language, "slices_untested", least=LEAST_ROWS)
    found = sum(x.found for x in tested)
    groups = len({x.of for x in tested})
    return say(language, "slices_found" if found else "slices_none", groups=groups, tests=f"{len(tested):,}", found=found)


# --- more than two --------------------------------------------------------------------------------------


def right_set(x: RightSet, arms: Sequence[str], language: str = "en") -> str:
    """Which arms are right, by the shorter list."""
    wrong = [a for a in arms if a not in x.arms]
    if not wrong:
        return say(language, "set_all", n=len(arms))
    if not x.arms:
        return say(language, "set_none")
    shorter, key = (x.arms, "set_only") if len(x.arms) <= len(wrong) else (wrong, "set_but")
    return say(language, key, arms=_some(shorter, language))


# --- labels that look wrong -----------------------------------------------------------------------------


def doubts(found: Doubts, rows: int, language: str = "en") -> list[str]:
    """How many labels look wrong, and who said so."""
    if not found.asked:
        return [say(language, "suspicious_nobody")]
    key = "suspicious" if found.rows else "suspicious_none"
    said = [say(language, key, n=f"{len(found.rows):,}", rows=f"{rows:,}", arms=_some([x.arm for x in found.asked], language))]
    return said + ([say(language, "suspicious_one")] if len(found.asked) == 1 and found.rows else [])


def _points(share: float, language: str) -> str:
    return say_word(language, "points", x=number(100 * share))


def _some(names: Sequence[str], language: str) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown}, {say_word(language, 'more', n=len(names) - NAMED)}"
