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
from tl_core.analysis.compare import compare
from tl_core.analysis.read_study import read_study
from tl_core.analysis.robustness import LEAST_ROWS, effects, flips, plain, table
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Label, Problem, Step
from tl_core.data.korean_keyboard import as_hangul, as_keys
from tl_core.data.negation import negated
from tl_core.data.perturb import (
    CHANGES,
    SYLLABLES,
    changed,
    changes_of,
    clusters,
    moved,
    with_spans_moved,
)
from tl_core.figures.robustness import robustness_figure
from tl_core.report.html import report_html
from tl_core.running.predict_perturbed import Asked, ask, asked
from tl_core.statistics.crossed import difference_interval, mean_interval
from tl_core.studies.archive import pack
from tl_core.studies.consent import destination
from tl_core.studies.plan import ArmRequest, check_arms
from tl_core.studies.stored_answers import Changed, StoredAnswers, changed_rows, read_stored_answers
from tl_core.tasks import task_of
from tl_core.words import phrases as words
from tl_core.words.robustness import sentences, told

FAMILY, FLAG, WAVE = "👨‍👩‍👧", "🇰🇷", "👍🏽"
TEXTS = [
    "The delivery was quick, and I am happy with it!",
    "배송이 빨라요. 정말 좋아요",
    "مرحبا بالعالم الجميل",
    "हिन्दी में लिखा",
    f"cafe\u0301 {FAMILY} {FLAG}{FLAG} {WAVE} nai\u0308ve",
    "",
    "  ",
    "!!!",
    "a",
    "漢字とかな",
    "\ud83d half",
    "#️⃣ 1️⃣",
]


def made_of(change: str, text: str, row: int = 1) -> str:
    return changed(CHANGES[change], Example(row, text)).text


# --- texts ----------------------------------------------------------------------------------------


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
        assert (
            sum(a != b for a, b in zip(text.split(), made_of("typos", text).split(), strict=True))
            == expected
        )
    assert made_of("typos", "a bc 12345 ?!") == "a bc 12345 ?!"


def test_a_typo_is_a_swap_a_drop_or_a_double_behind_the_first_letter():
    found = {made_of("typos", "plate", row) for row in range(300)}
    drops, doubles = {"pate", "plte", "plae", "plat"}, {"pllate", "plaate", "platte", "platee"}
    assert found == {"palte", "pltae", "plaet"} | drops | doubles


def test_hangul_swaps_syllables_or_changes_a_final_consonant_and_stays_composed():
    found = {made_of("typos", "사람", row) for row in range(300)}
    assert "람사" in found and {"산람", "사라", "사랑"} <= found
    assert all(
        len(x) == 2 and all(ord(c) in SYLLABLES for c in x) and unicodedata.is_normalized("NFC", x)
        for x in found
    )
    assert made_of("typos", "사") == "사"


def test_korean_spaces_are_left_out_or_put_in_and_nothing_else_changes():
    text = "배송이 너무 늦어서 환불하겠습니다"
    found = {made_of("spacing", text, row) for row in range(100)}
    assert {"배송이너무 늦어서 환불하겠습니다", "배송이 너무 늦어서 환불 하겠습니다"} <= found
    assert "배송이 너무 늦어서 환 불하겠습니다" not in found
    assert all(x != text and x.replace(" ", "") == text.replace(" ", "") for x in found)
    assert made_of("spacing", "No Hangul here") == "No Hangul here"


@pytest.mark.parametrize(
    "hangul,keys",
    [
        ("안녕하세요", "dkssudgktpdy"),
        ("ㅗ디ㅣㅐ", "hello"),
        ("값이", "rkqtdl"),  # two consonants end a syllable
        ("갑시", "rkqtl"),  # and a vowel takes the second along
        ("와요", "dhkdy"),  # two vowels are one
        ("왜 ㅋㅋ 뽀뽀 1", "dho zz QhQh 1"),
    ],
)
def test_a_word_typed_with_the_other_keyboard(hangul, keys):
    assert (as_keys(hangul), as_hangul(keys)) == (keys, hangul)


def test_every_syllable_can_be_typed_and_read_back():
    syllables = [chr(c) for c in SYLLABLES]
    assert [as_hangul(as_keys(s)) for s in syllables] == syllables
    found = {made_of("keyboard", "환불 please 해주세요", row) for row in range(50)}
    assert found == {
        "ghksqnf please 해주세요",
        "환불 ㅔㅣㄷㅁㄴㄷ 해주세요",
        "환불 please gowntpdy",
    }
    assert made_of("keyboard", "please") == "please"


@given(
    st.text(
        st.one_of(
            st.sampled_from("abç éあ漢한국어ب!'-\u0301\u200d" + FAMILY + FLAG + WAVE),
            st.characters(exclude_categories=["Cs"]),
        ),
        max_size=40,
    ),
    st.integers(1, 50),
)
def test_what_belongs_together_stays_together(text, row):
    pieces = clusters(text)
    assert "".join(pieces) == text
    assert set(clusters(made_of("no-punctuation", text, row))) <= set(pieces)
    others = [p for p in pieces if not p[0].isalpha()]
    assert [p for p in clusters(made_of("typos", text, row)) if not p[0].isalpha()] == others, (
        "a typo touches letters alone"
    )


def test_pieces_are_what_a_reader_takes_for_a_character():
    assert clusters(f"e\u0301{FAMILY}{FLAG}{FLAG}{WAVE}한") == [
        "e\u0301",
        FAMILY,
        FLAG,
        FLAG,
        WAVE,
        "한",
    ]
    assert clusters(unicodedata.normalize("NFD", "한국")) == [
        unicodedata.normalize("NFD", x) for x in "한국"
    ]


def test_punctuation_inside_words_and_numbers_stays():
    assert made_of("no-punctuation", "Well, it's 3.5 (well-known)...") == "Well it's 3.5 well-known"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("The room is clean and bright.", "The room is not clean and bright."),
        ("I don't like it.", "I do like it."),
        ("It can’t be repaired", "It can be repaired"),
        ("We won't come back.", "We will come back."),
        ("It is not only good", None),
        ("Is it good?", None),
        ("It is not good and not cheap", None),
        ("Nice and warm", None),
        ("배송이 좋아요", "배송이 좋지 않아요"),
        ("안 좋아요", "좋아요"),
        ("추천합니다", "추천하지 않습니다"),
        ("만들지 않습니다", "만듭니다"),
        ("천이 촘촘하지 않고 얇다", "천이 촘촘하고 얇다"),
        ("쓸모없어요", "쓸모있어요"),
        ("재미있어요!", "재미없어요!"),
        ("집 안 청소했어요", None),
        ("먹고 있어요", None),
        ("전혀 없네요", None),
        ("빨라요", None),
    ],
)
def test_negation_goes_in_or_out_where_a_rule_clearly_applies(text, other):
    assert negated(text) == (other or text)


def test_of_two_texts_one_is_negated_and_both_get_typos():
    pair = Example(1, "The room is clean today", "The kitchen was warm")
    out = changed(CHANGES["negation"], pair)
    assert (out.text, out.text_b) == ("The room is not clean today", pair.text_b)
    out = changed(CHANGES["typos"], pair)
    assert out.text != pair.text and out.text_b != pair.text_b


# --- numbers --------------------------------------------------------------------------------------


@pytest.fixture
def made():
    return planned([arm("good"), arm("other", smoothing=2.0)], seeds=3)


def asked_for(made, results, change: str, scores_of) -> tuple:
    """Effects of parts in which every test row is changed; scores_of(run) gives what a run says to
    them.
    """
    test = made.study.split.test
    rows = Changed(np.arange(len(test)), tuple(test))
    parts = StoredAnswers({change: rows}, {(run, change): scores_of(run) for run in results})
    return parts, effects(parts, made, results, compare(made, results))


def test_what_changes_no_answer_has_a_difference_of_exactly_0(made):
    results = answered(made, {"good": [30, 31, 32], "other": [20, 25, 30]})
    _, found = asked_for(made, results, "typos", lambda run: results[run].scores.copy())
    assert [x.arm for x in found] == ["good", "other"]
    for x in found:
        assert (
            (x.difference.value, x.difference.low, x.difference.high) == (0, 0, 0)
            and x.flips.value == 0
            and x.before == x.after
        )


def test_intervals_are_those_of_the_statistics(made):
    results, after = answered(made, {"good": [30, 31, 32]}), answered(made, {"good": [26, 22, 30]})
    parts, (x,) = asked_for(made, results, "upper", lambda run: after[run].scores)
    right = [
        np.array([np.arange(40) < n for n in counts], float)
        for counts in ((30, 31, 32), (26, 22, 30))
    ]
    overlap = 3 / 300
    assert x.difference == difference_interval(
        *right, overlap=overlap
    ) and x.difference.value == pytest.approx(-15 / 120)
    assert (x.before, x.after) == tuple(mean_interval(y, overlap=overlap) for y in right)
    assert x.flips.value == pytest.approx(15 / 120) and x.runs == tuple(results) and x.rows == 40
    told_flips = flips(parts, made, results, x)
    assert [f.before.row for f in told_flips] == [
        made.study.split.test[i].row for i in range(26, 30)
    ]
    assert all(f.said == f.before.labels != f.says for f in told_flips)


def test_of_negation_no_accuracy_is_told(made):
    results, after = answered(made, {"good": [30, 31, 32]}), answered(made, {"good": [10, 11, 12]})
    _, (x,) = asked_for(made, results, "negation", lambda run: after[run].scores)
    assert (x.before, x.after, x.difference) == (None, None, None) and x.flips.value == 0.5
    assert any(
        "flip rate is reported instead of accuracy" in s for s in sentences([x], made)
    ) and not any("lose" in s for s in sentences([x], made))
    assert plain([x], 40)["effects"][0]["difference"] is None and list(table([x]))[1][5:8] == [
        "",
        "",
        "",
    ]


def test_the_largest_loss_is_told_only_beyond_chance(made):
    results = answered(made, {"good": [30, 31, 32], "other": [30, 31, 32]})
    after = answered(made, {"good": [10, 11, 12], "other": [29, 31, 32]})
    _, found = asked_for(made, results, "typos", lambda run: after[run].scores)
    for language in ("en", "ko"):
        assert (
            "good" in sentences(found, made, language)[0]
            and "−50.0" in sentences(found, made, language)[0]
        )
    assert "No arm is shown to lose" in sentences([x for x in found if x.arm == "other"], made)[0]
    assert (
        "Not included: similarity."
        in sentences(found, planned([arm("good"), arm("other"), SIMILARITY], shots=(0, 1)))[-1]
    )
    drawn = robustness_figure(found)
    assert [trace.name for trace in drawn.data] == ["typos", "no change"] and drawn.data[
        0
    ].x == pytest.approx([-50, -100 / 120])


# --- stored, asked again, opened elsewhere --------------------------------------------------------


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
    (store.folder / "robustness" / f"{made.specs[1].id}.typos.npy").write_bytes(
        b"half"
    )  # damaged: asked again
    told_steps = list(ask(store, made, request, counted))
    assert [s.done for s in told_steps] == sorted(s.done for s in told_steps) and told_steps[
        -1
    ].done == told_steps[-1].total
    assert len(calls) == 2 * len(made.specs) + 1
    assert list(ask(store, made, request, counted)) == [Step(0, 0, phase="read")]

    whole = saved(tmp_path / "b", made, {"good": [30, 31, 32], "other": [20, 25, 30]})
    list(ask(whole, made, request, by_length))
    one, other = (read_stored_answers(s, made) for s in (store, whole))
    assert one.scores.keys() == other.scores.keys() and all(
        np.array_equal(one.scores[k], other.scores[k]) for k in one.scores
    )
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
    assert (
        page(here) == page(there)
        and "plot-robust" in page(there)
        and "How robust are they?" in page(there)
    )
    found = effects(there.parts, there.plan, there.results, there.comparison)
    english = {id for id, change in CHANGES.items() if not change.of_hangul}
    assert {x.change for x in found} == english and {
        x.change for x in found if x.flips is None
    } == {"lower", "no-punctuation", "negation"}
    assert any(f"fewer than {LEAST_ROWS}" in s for s in sentences(found, there.plan)) and any(
        "40 of 40" in line for line in told(found, there.plan)
    )


def page(stored) -> str:
    return report_html(stored.plan, stored.results, stored.comparison, parts=stored.parts)


def test_answers_to_other_texts_are_not_told(tmp_path, made):
    store = saved(tmp_path / "a", made, {"good": [30, 31, 32]})
    list(ask(store, made, Asked(made.specs[:1], ("typos",)), by_length))
    record = store.read_json("robustness/typos.json")
    for spoilt in (
        {**record, "test": "of other rows"},
        {**record, "version": 0},
        {**record, "at": [10**6] * 40},
        {**record, "texts": 7},
        [],
    ):
        store.write_json("robustness/typos.json", spoilt)
        assert not read_stored_answers(store, made).scores
    assert not list(changed_rows(store, made.study, CHANGES["typos"])), (
        "too few rows for a sign of life"
    )
    assert not read_stored_answers(store, made).scores, "answers to texts of before are gone"
    assert store.read_json("robustness/typos.json") == record


def test_what_cannot_be_asked_is_told_at_once(tmp_path, made):
    store = saved(tmp_path / "a", made, {"good": [30, 31, 32]})
    with pytest.raises(UserError) as fault:
        asked(store, made, arms=["god", "other"], changes=["typo", "xyzzy"])
    said = str(fault.value).splitlines()
    assert (
        len(said) == 4
        and "Did you mean typos" in said[0]
        and "typos, spacing, keyboard, lower" in said[1]
        and "Did you mean good" in said[2]
        and "other has no checkpoint" in said[3]
    )
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
    assert (
        {s.arm.id for s in request.specs} == {"similarity"}
        and request.consent == ""
        and "nowhere.invalid, so it is not asked" in request.left_out[0]
    )
    with pytest.raises(UserError, match="(?s)No arm of this study can predict.*send_texts"):
        asked(store, study, arms=["chat"])
    questions: list[str] = []
    request = asked(
        store,
        study,
        changes=["typos", "upper"],
        may_send=lambda question: not questions.append(question),
    )
    assert {s.arm.id for s in request.specs} == {
        "chat",
        "similarity",
    } and request.consent == destination([chat]).mark
    assert questions == ["chat sends up to 80 changed texts to nowhere.invalid."]
    monkeypatch.delenv("TL_CHAT_URL")
    assert "chat is not included:" in asked(store, study).left_out[0]


def test_words_of_changes_are_there():
    for change in CHANGES:
        assert words.EN[f"change_{change}"]


# --- spans and questions --------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=40), st.sampled_from(sorted(changes_of(spans=True))))
def test_the_places_of_words_are_those_of_their_letters(text, change):
    example = Example(3, text)
    after, places = moved(CHANGES[change], example)
    assert after == changed(CHANGES[change], example).text
    assert all(0 <= a <= b <= len(after) for a, b in places)
    assert all(b <= c for (_, b), (c, _) in zip(places, places[1:], strict=False))


@pytest.mark.parametrize(
    ("change", "text", "span", "there"),
    [
        ("upper", "in Straße 5 now", "Straße 5", "STRASSE 5"),
        ("no-punctuation", "(Ann) and Bo.", "Bo", "Bo"),
        ("no-punctuation", '"Ann" left', "Ann", "Ann"),
        ("lower", "see Bad Ems, there", "Bad Ems", "bad ems"),
    ],
)
def test_spans_go_along_with_their_words(change, text, span, there):
    start = text.index(span)
    example = Example(1, text, labels=("X",), answer=((start, start + len(span), "X"),))
    after = with_spans_moved(example, *moved(CHANGES[change], example))
    ((a, b, label),) = after.answer
    assert (after.text[a:b], label) == (there, "X")


def test_words_that_a_file_gives_go_along_and_those_that_are_gone_are_left_out():
    example = Example(1, "Ann , Bo", words=((0, 3), (4, 5), (6, 8)), answer=((6, 8, "X"),))
    after = with_spans_moved(example, *moved(CHANGES["no-punctuation"], example))
    assert [after.text[a:b] for a, b in after.words] == ["Ann", "Bo"]
    assert [after.text[a:b] for a, b, _ in after.answer] == ["Bo"]


def test_an_answer_to_a_text_is_found_again_in_the_changed_text():
    problem = Problem("one text", "tagging", (Label("X", "x"),))
    task = task_of(problem)
    before = Example(1, "it - Ann left", answer=((5, 8, "X"),))
    text, places = moved(CHANGES["no-punctuation"], before)
    after = with_spans_moved(before, text, places)
    gold = task.gold(problem, [before])
    moved_there = task.moved(problem, gold[None], [after], [places])
    assert (moved_there[0] == task.gold(problem, [after])).all() and gold.shape != moved_there[
        0
    ].shape
