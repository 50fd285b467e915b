"""Changed texts and what they do to answers: known answers, and what is stored of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.numbers.made import SIMILARITY, answered, arm, planned
from tests.numbers.test_archive import saved
from tl_core.data.negation import negated
from tl_core.data.perturb import CHANGES, SYLLABLES, changed, clusters
from tl_core.errors import UserError
from tl_core.experiments.archive import pack
from tl_core.experiments.compare import compare
from tl_core.experiments.consent import destination
from tl_core.experiments.plan import ArmRequest, check_arms
from tl_core.experiments.robustness.asking import Asked, ask, asked
from tl_core.experiments.robustness.effects import LEAST_ROWS, effects, flips, plain, table
from tl_core.experiments.robustness.parts import Changed, Parts, changed_rows, stored_parts
from tl_core.experiments.stored import read_study
from tl_core.report import words
from tl_core.report.html import report_html
from tl_core.report.robustness import sentences, told
from tl_core.report.robustness_figure import robustness_figure
from tl_core.statistics.crossed import difference_interval, mean_interval
from tl_core.types import Example, Step

FAMILY, FLAG, WAVE = "👨‍👩‍👧", "🇰🇷", "👍🏽"
TEXTS = [
    "The delivery was quick, and I am happy with it!", "배송이 빨라요. 정말 좋아요", "مرحبا بالعالم الجميل", "हिन्दी में लिखा", f"cafe\u0301 {FAMILY} {FLAG}{FLAG} {WAVE} nai\u0308ve",
    "", "  ", "!!!", "a", "漢字とかな", "\ud83d half", "#️⃣ 1️⃣",
]  # fmt: skip


def made_of(change: str, text: str, row: int = 1) -> str:
    return changed(CHANGES[change], Example(row, text)).text


# --- texts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CHANGES)
def test_the_same_row_is_changed_alike_and_nothing_becomes_empty(change):
    for text in TEXTS:
        out = made_of(change, text)
        assert out == made_of(change, text) and bool(out.strip()) == bool(text.strip())
    assert len({made_of("typos", TEXTS[0], row) for row in range(20)}) > 5


def test_a_typo_stands_in_one_of_ten_words():
    words = [f"{a}{b}{c}{d}" for a in "bcd" for b in "aeiou" for c in "lmn" for d in "st"][:60]
    for count, expected in ((60, 6), (24, 2), (25, 3), (3, 1)):
        text = " ".join(words[:count])
        assert sum(a != b for a, b in zip(text.split(), made_of("typos", text).split(), strict=True)) == expected
    assert made_of("typos", "a bc 12345 ?!") == "a bc 12345 ?!"


def test_a_typo_is_a_swap_a_drop_or_a_double_behind_the_first_letter():
    found = {made_of("typos", "plate", row) for row in range(300)}
    drops, doubles = {"pate", "plte", "plae", "plat"}, {"pllate", "plaate", "platte", "platee"}
    assert found == {"palte", "pltae", "plaet"} | drops | doubles


def test_hangul_swaps_syllables_or_changes_a_final_consonant_and_stays_composed():
    found = {made_of("typos", "사람", row) for row in range(300)}
    assert "람사" in found and {"산람", "사라", "사랑"} <= found
    assert all(len(x) == 2 and all(ord(c) in SYLLABLES for c in x) and unicodedata.is_normalized("NFC", x) for x in found)
    assert made_of("typos", "사") == "사"


@given(st.text(st.one_of(st.sampled_from("abç éあ漢한국어ب!'-\u0301\u200d" + FAMILY + FLAG + WAVE), st.characters(exclude_categories=["Cs"])), max_size=40), st.integers(1, 50))
def test_what_belongs_together_stays_together(text, row):
    pieces = clusters(text)
    assert "".join(pieces) == text
    assert set(clusters(made_of("no-punctuation", text, row))) <= set(pieces)
    others = [p for p in pieces if not p[0].isalpha()]
    assert [p for p in clusters(made_of("typos", text, row)) if not p[0].isalpha()] == others, "a typo touches letters alone"


def test_pieces_are_what_a_reader_takes_for_a_character():
    assert clusters(f"e\u0301{FAMILY}{FLAG}{FLAG}{WAVE}한") == ["e\u0301", FAMILY, FLAG, FLAG, WAVE, "한"]
    assert clusters(unicodedata.normalize("NFD", "한국")) == [unicodedata.normalize("NFD", x) for x in "한국"]


def test_punctuation_inside_words_and_numbers_stays():
    assert made_of("no-punctuation", "Well, it's 3.5 (well-known)...") == "Well it's 3.5 well-known"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("The room is clean and bright.", "The room is not clean and bright."), ("I don't like it.", "I do like it."), ("It can’t be repaired", "It can be repaired"),
        ("We won't come back.", "We will come back."), ("It is not only good", None), ("Is it good?", None), ("It is not good and not cheap", None), ("Nice and warm", None),
        ("배송이 좋아요", "배송이 좋지 않아요"), ("안 좋아요", "좋아요"), ("추천합니다", "추천하지 않습니다"), ("만들지 않습니다", "만듭니다"), ("천이 촘촘하지 않고 얇다", "천이 촘촘하고 얇다"),
        ("쓸모없어요", "쓸모있어요"), ("재미있어요!", "재미없어요!"), ("집 안 청소했어요", None), ("먹고 있어요", None), ("전혀 없네요", None), ("빨라요", None),
    ],
)  # fmt: skip
def test_negation_goes_in_or_out_where_a_rule_clearly_applies(text, other):
    assert negated(text) == (other or text)


def test_of_two_texts_one_is_negated_and_both_get_typos():
    pair = Example(1, "The room is clean today", "The kitchen was warm")
    out = changed(CHANGES["negation"], pair)
    assert (out.text, out.text_b) == ("The room is not clean today", pair.text_b)
    out = changed(CHANGES["typos"], pair)
    assert out.text != pair.text and out.text_b != pair.text_b


# --- numbers --------------------------------------------------------------------------------------------


@pytest.fixture
def made():
    return planned([arm("good"), arm("other", smoothing=2.0)], seeds=3)


def asked_for(made, results, change: str, scores_of) -> tuple:
    """Effects of parts in which every test row is changed; scores_of(run) gives what a run says to them."""
    test = made.study.split.test
    rows = Changed(np.arange(len(test)), tuple(test))
    parts = Parts({change: rows}, {(run, change): scores_of(run) for run in results})
    return parts, effects(parts, made, results, compare(made, results))


def test_what_changes_no_answer_has_a_difference_of_exactly_0(made):
    results = answered(made, {"good": [30, 31, 32], "other": [20, 25, 30]})
    _, found = asked_for(made, results, "typos", lambda run: results[run].scores.copy())
    assert [x.arm for x in found] == ["good", "other"]
    for x in found:
        assert (x.difference.value, x.difference.low, x.difference.high) == (0, 0, 0) and x.flips.value == 0 and x.before == x.after


def test_intervals_are_those_of_the_statistics(made):
    results, after = answered(made, {"good": [30, 31, 32]}), answered(made, {"good": [26, 22, 30]})
    parts, (x,) = asked_for(made, results, "upper", lambda run: after[run].scores)
    right = [np.array([np.arange(40) < n for n in counts], float) for counts in ((30, 31, 32), (26, 22, 30))]
    overlap = 3 / 300
    assert x.difference == difference_interval(*right, overlap=overlap) and x.difference.value == pytest.approx(-15 / 120)
    assert (x.before, x.after) == tuple(mean_interval(y, overlap=overlap) for y in right)
    assert x.flips.value == pytest.approx(15 / 120) and x.runs == tuple(results) and x.rows == 40
    told_flips = flips(parts, made, results, x)
    assert [f.before.row for f in told_flips] == [made.study.split.test[i].row for i in range(26, 30)]
    assert all(f.said == f.before.labels != f.says for f in told_flips)


def test_of_negation_no_accuracy_is_told(made):
    results, after = answered(made, {"good": [30, 31, 32]}), answered(made, {"good": [10, 11, 12]})
    _, (x,) = asked_for(made, results, "negation", lambda run: after[run].scores)
    assert (x.before, x.after, x.difference) == (None, None, None) and x.flips.value == 0.5
    assert any("no accuracy" in s for s in sentences([x], made)) and not any("lose" in s for s in sentences([x], made))
    assert plain([x], 40)["effects"][0]["difference"] is None and list(table([x]))[1][5:8] == ["", "", ""]


def test_the_largest_loss_is_told_only_beyond_chance(made):
    results = answered(made, {"good": [30, 31, 32], "other": [30, 31, 32]})
    after = answered(made, {"good": [10, 11, 12], "other": [29, 31, 32]})
    _, found = asked_for(made, results, "typos", lambda run: after[run].scores)
    for language in ("en", "ko"):
        assert "good" in sentences(found, made, language)[0] and "−50.0" in sentences(found, made, language)[0]
    assert "No arm is shown to lose" in sentences([x for x in found if x.arm == "other"], made)[0]
    assert "Not asked: similarity." in sentences(found, planned([arm("good"), arm("other"), SIMILARITY], shots=(0, 1)))[-1]
    drawn = robustness_figure(found)
    assert [trace.name for trace in drawn.data] == ["typos", "as before"] and drawn.data[0].x == pytest.approx([-50, -100 / 120])


# --- stored, asked again, opened elsewhere --------------------------------------------------------------


def by_length(runs: Sequence[str], examples: Sequence[Example], consent: str) -> Iterator:
    """A reader whose answers depend on what it reads: enough to tell changed texts from others."""
    for run in runs:
        yield Step(1, 2, phase="predict")
        scores = np.full((len(examples), 3), 0.1, np.float32)
        scores[np.arange(len(examples)), [(len(e.text) + ord(run[0])) % 3 for e in examples]] = 0.8
        yield run, scores


def test_what_was_asked_stays_when_it_is_stopped_and_is_not_asked_again(tmp_path, made):
    store = saved(tmp_path / "a", made, {"good": [30, 31, 32], "other": [20, 25, 30]})
    request = Asked(made.specs, ("typos", "upper"))
    calls: list[tuple[str, int]] = []

    def counted(runs, examples, consent):
        for answer in by_length(runs, examples, consent):
            if not isinstance(answer, Step):
                calls.append((answer[0], len(examples)))
            yield answer

    steps = ask(store, made, request, counted)
    first = next(steps)
    assert (first.done, first.total) == (0, 2 * 40 * len(made.specs))
    while len(list((store.folder / "robustness").glob("*.npy"))) < 2:
        next(steps)
    steps.close()
    (store.folder / "robustness" / f".{made.specs[2].id}.typos.npy.123").write_bytes(b"half")
    (store.folder / "robustness" / f"{made.specs[1].id}.typos.npy").write_bytes(b"half")  # damaged: asked again
    told_steps = list(ask(store, made, request, counted))
    assert [s.done for s in told_steps] == sorted(s.done for s in told_steps) and told_steps[-1].done == told_steps[-1].total
    assert len(calls) == 2 * len(made.specs) + 1
    assert list(ask(store, made, request, counted)) == [Step(0, 0, phase="read")]

    whole = saved(tmp_path / "b", made, {"good": [30, 31, 32], "other": [20, 25, 30]})
    list(ask(whole, made, request, by_length))
    one, other = (stored_parts(s, made) for s in (store, whole))
    assert one.scores.keys() == other.scores.keys() and all(np.array_equal(one.scores[k], other.scores[k]) for k in one.scores)
    store.prepare()
    assert not list((store.folder / "robustness").glob(".*"))


def test_an_archive_tells_the_same_without_a_model(tmp_path, made):
    right = {"good": [30, 31, 32], "other": [20, 25, 30]}
    store = saved(tmp_path / "a", made, right)
    nothing = read_study(tmp_path / "a")
    assert not nothing.parts.rows and "plot-robust" not in page(nothing)
    list(ask(store, made, Asked(made.specs, tuple(CHANGES)), by_length))
    (tmp_path / "a.zip").write_bytes(pack(store))
    here, there = read_study(tmp_path / "a"), read_study(tmp_path / "a.zip")
    assert page(here) == page(there) and "plot-robust" in page(there) and "How do they hold up?" in page(there)
    found = effects(there.parts, there.plan, there.results, there.comparison)
    assert {x.change for x in found} == set(CHANGES) and {x.change for x in found if x.flips is None} == {"lower", "no-punctuation", "negation"}
    assert any(f"fewer than {LEAST_ROWS}" in s for s in sentences(found, there.plan)) and any("40 of 40" in line for line in told(found, there.plan))


def page(stored) -> str:
    return report_html(stored.plan, stored.results, stored.comparison, parts=stored.parts)


def test_answers_to_other_texts_are_not_told(tmp_path, made):
    store = saved(tmp_path / "a", made, {"good": [30, 31, 32]})
    list(ask(store, made, Asked(made.specs[:1], ("typos",)), by_length))
    record = store.read_json("robustness/typos.json")
    for spoilt in ({**record, "test": "of other rows"}, {**record, "version": 0}, {**record, "at": [10**6] * 40}, {**record, "texts": 7}, []):
        store.write_json("robustness/typos.json", spoilt)
        assert not stored_parts(store, made).scores
    assert not list(changed_rows(store, made.study, CHANGES["typos"])), "too few rows for a sign of life"
    assert not stored_parts(store, made).scores, "answers to texts of before are gone"
    assert store.read_json("robustness/typos.json") == record


def test_what_cannot_be_asked_is_told_at_once(tmp_path, made):
    store = saved(tmp_path / "a", made, {"good": [30, 31, 32]})
    with pytest.raises(UserError) as fault:
        asked(store, made, arms=["god", "other"], changes=["typo", "xyzzy"])
    said = str(fault.value).splitlines()
    assert len(said) == 4 and "Did you mean typos" in said[0] and "typos, lower, upper" in said[1] and "Did you mean good" in said[2] and "No weights of other" in said[3]
    with pytest.raises(UserError, match="3 of 6 runs .* have not ended"):
        asked(store, made)
    with pytest.raises(UserError, match="keeps no trained weights"):
        asked(saved(tmp_path / "b", made, {"good": [30, 31, 32], "other": [30, 31, 32]}), made)


def test_texts_leave_only_where_somebody_has_agreed(tmp_path, monkeypatch):
    monkeypatch.setenv("TL_CHAT_URL", "https://nowhere.invalid/v1")
    monkeypatch.setenv("TL_CHAT_MODEL", "somebody")
    (chat,), _, faults = check_arms([ArmRequest("chat", {}, None)])
    assert not faults
    study = planned([chat, SIMILARITY], shots=(0,))
    store = saved(tmp_path / "a", study, {"chat": [30], "similarity": [30]})
    for spec in study.specs:
        store.model_folder(spec.id).mkdir(parents=True)
    request = asked(store, study, changes=["typos", "upper"])
    assert {s.arm.id for s in request.specs} == {"similarity"} and request.consent == "" and "nowhere.invalid, so it is not asked" in request.left_out[0]
    with pytest.raises(UserError, match="(?s)No arm of this study can be asked.*--send-texts"):
        asked(store, study, arms=["chat"])
    questions: list[str] = []
    request = asked(store, study, changes=["typos", "upper"], may_send=lambda question: not questions.append(question))
    assert {s.arm.id for s in request.specs} == {"chat", "similarity"} and request.consent == destination([chat]).mark
    assert questions == ["chat sends up to 80 changed texts to nowhere.invalid."]
    monkeypatch.delenv("TL_CHAT_URL")
    assert "chat is not asked:" in asked(store, study).left_out[0]


def test_words_of_changes_are_there():
    for change in CHANGES:
        assert words.EN[f"change_{change}"] and words.KO[f"change_{change}"]
