"""Sentences carried as data: said in English, read in Korean, in this process or another."""

import copy
import json
import pickle
import subprocess
import sys

import pytest

from tl_core import locale
from tl_core.api.errors import Faults, UserError, sentence_of, unknown
from tl_core.api.particles import fitted
from tl_core.api.sentences import (
    Sentence,
    Setting,
    both,
    either,
    in_language,
    known,
    listed,
    restored,
    restored_in,
    say,
    say_n,
    together,
    with_sentences,
)
from tl_core.api.types import RunResult
from tl_core.studies.store import Store

EMPTY = say("{file} is empty. It needs a line of column names and rows below it.", file="a.csv")
EMPTY_KO = "a.csv가 비어 있습니다. 열 이름이 있는 줄과 그 아래 행들이 필요합니다."


def test_a_sentence_is_its_english_text_and_knows_the_korean_one():
    assert EMPTY == "a.csv is empty. It needs a line of column names and rows below it."
    assert EMPTY.to("en") == EMPTY and EMPTY.to("ko") == EMPTY_KO
    assert EMPTY.to("xx") == EMPTY.to(None) == EMPTY
    assert in_language("as a person wrote it", "ko") == "as a person wrote it"


def test_what_has_no_translation_is_said_in_english_and_its_values_are_still_translated():
    assert say("Nobody says this: {what}", what=say("Empty texts")).to("ko") == (
        "Nobody says this: 빈 텍스트"
    )


def test_counting():
    one, many = (say_n("{n:,} row", "{n:,} rows", n) for n in (1, 1200))
    assert (one, many) == ("1 row", "1,200 rows")
    assert (one.to("ko"), many.to("ko")) == ("1행", "1,200행")


def test_braces_of_a_sentence_without_values_are_text():
    assert say("Write {} once") == "Write {} once"
    assert say("{a}", a="{b} 은(는)").to("ko") == "{b} 은(는)"  # what a person wrote stays


@pytest.mark.parametrize("way", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy, str])
def test_copies_and_other_processes_keep_it(way):
    both_of_them = together([EMPTY, "as written", say_n("{n:,} row", "{n:,} rows", 2)])
    for sentence in (EMPTY, both_of_them, EMPTY + " More."):
        again = way(sentence)
        assert isinstance(again, Sentence) and again == sentence
        assert again.to("ko") == sentence.to("ko") != sentence


def test_exceptions_keep_it():
    faults = Faults([EMPTY, EMPTY, "a name"])
    assert faults.faults == [EMPTY, "a name"]
    assert faults.to("ko").splitlines() == [EMPTY_KO, "a name"]
    assert str(UserError(EMPTY)).to("ko") == sentence_of(UserError(EMPTY)).to("ko") == EMPTY_KO
    assert say("{why} Otherwise.", why=UserError(EMPTY)).to("ko").startswith(EMPTY_KO)


def test_each_surface_has_its_own_name_for_a_setting():
    name = say("Correct {option}.", option=Setting("text_b"))
    assert name == "Correct text_b=…."
    assert name.to("en", lambda setting: f"--{setting}") == "Correct --text_b."
    assert name.to("ko", lambda setting: f"“{setting} 열”") == "“text_b 열” 설정을 고치세요."


def test_lists():
    assert listed("abcd", 2) == "a, b and 2 more" and listed("abcd", 2).to("ko") == "a, b 외 2개"
    assert listed("ab") == "a, b"
    assert both("abc") == "a, b and c" and either("ab") == "a or b"
    assert both([EMPTY]) == EMPTY and both([EMPTY]).to("ko") == EMPTY_KO


def test_a_file_keeps_it_and_cannot_make_it_say_anything_else():
    nested = unknown(say("column in {table}", table="t.csv"), "txt", ["text", "label"])
    for sentence in (EMPTY, nested, together([EMPTY, "x"]), say_n("{n:,} row", "{n:,} rows", 2)):
        data = json.loads(json.dumps(sentence.data()))
        again = restored(str(sentence), data)
        assert again == sentence and again.to("ko") == sentence.to("ko") != sentence
    for bad in (
        EMPTY.data() | {"with": {"file": "b.csv"}},  # would say something else in Korean
        {"say": "{n:999999999d} rows", "with": {"n": 1}},  # no sentence of this program
        {"say": "{n:,} row", "many": "{n:,} rows", "with": {"n": "x"}},
        {"say": "{n:,} row", "with": {}},
        {"parts": EMPTY.data()},
        {"say": []},
        {},
        [],
        None,
        1,
    ):
        assert not isinstance(restored(EMPTY.to("en"), bad), Sentence)
    deep = {"say": "Empty texts"}
    for _ in range(50):
        deep = {"parts": [deep], "sep": ""}
    assert not isinstance(restored("Empty texts", deep), Sentence)
    assert known("Empty texts") and not known("{n} of mine")


def test_a_document_keeps_its_sentences_beside_their_texts():
    document = {"notes": [EMPTY, "plain"], "runs": [{"error": EMPTY}, {"error": None}], "n": 1}
    kept = json.loads(json.dumps(with_sentences(document)))
    assert kept["notes"] == document["notes"] and kept["runs"] == document["runs"]
    again = restored_in(kept)
    assert again == document and again["runs"][0]["error"].to("ko") == EMPTY_KO
    for old in (document | {"notes": ["x"], "runs": []}, [], None, {"sentences": 1}):
        assert restored_in(json.loads(json.dumps(with_sentences(old)))) == old


def test_a_study_made_in_english_is_read_in_korean(tmp_path):
    store = Store(tmp_path)
    store.save_result(RunResult("a" * 8, "failed", notes=(EMPTY,), error=EMPTY))
    record = json.loads((tmp_path / "runs" / f"{'a' * 8}.json").read_text("utf-8"))
    assert record["error"] == EMPTY and record["notes"] == [EMPTY]
    read = Store(tmp_path).result("a" * 8)
    assert read.error.to("ko") == read.notes[0].to("ko") == EMPTY_KO
    del record["sentences"]  # as an older program wrote it
    (tmp_path / "runs" / f"{'a' * 8}.json").write_text(json.dumps(record), "utf-8")
    assert Store(tmp_path).result("a" * 8).error == EMPTY


@pytest.mark.parametrize(
    "word, topic, way",
    [
        ("모델", "모델은", "모델로"),
        ("데이터", "데이터는", "데이터로"),
        ("실행", "실행은", "실행으로"),
        ("lora", "lora는", "lora로"),
        ("full", "full은", "full로"),
        ("knn", "knn은", "knn으로"),
        ("chat", "chat은", "chat으로"),
        ("cloze", "cloze는", "cloze로"),
        ("BERT", "BERT는", "BERT로"),
        ("SQL", "SQL은", "SQL로"),
        ("3", "3은", "3으로"),
        ("7", "7은", "7로"),
        ("1,000", "1,000은", "1,000으로"),
        ("12.5", "12.5는", "12.5로"),
        ("50%", "50%는", "50%로"),
        ("“probe”", "“probe”는", "“probe”로"),
        ("파일(a.csv)", "파일(a.csv)은", "파일(a.csv)로"),
        ("🙂", "🙂은(는)", "🙂(으)로"),
    ],
)
def test_korean_particles_fit_the_word_before_them(word, topic, way):
    assert word + fitted(word, "은(는)") == topic
    assert word + fitted(word, "(으)로") == way


def test_particles_inside_a_translation():
    assert (
        fitted("", "두 값이(가) 같고 뜻을(를) 알며 것과(와) 함께")
        == "두 값이 같고 뜻을 알며 것과 함께"
    )


@pytest.mark.parametrize("language", locale.translated_into())
def test_every_sentence_is_translated_and_none_is_stale(language):
    assert list(locale.faults(language)) == []
    assert len(locale.extracted()) > 350


def test_a_catalogue_that_does_not_fit_is_told(tmp_path, monkeypatch):
    from babel.messages.catalog import Catalog

    code = Catalog()
    for message in ("Kept {n}", "New", "Fuzzy", "Particle {n}"):
        code.add(message)
    written = Catalog(locale="ko")
    written.add("Kept {n}", "남음 {m}")
    written.add("Fuzzy", "짐작", flags=["fuzzy"])
    written.add("Gone", "사라짐")
    written.add("Particle {n}", "{n}이 맞음")
    monkeypatch.setattr(locale, "extracted", lambda: code)
    monkeypatch.setattr(locale, "read", lambda language: written)
    monkeypatch.setattr(locale, "po_file", lambda language: tmp_path / "x.po")
    found = "\n".join(locale.faults("ko"))
    for fault in (
        "other fields than in English: Kept {n}",
        "not translated: New",
        "only guessed (fuzzy): Fuzzy",
        "said no more: Gone",
        "a particle that does not fit every word",
        "x.mo is older than its .po file",
    ):
        assert fault in found


def test_a_marked_sentence_must_be_written_out():
    head = "from tl_core.api.sentences import say, say_n, say_as\n"
    code = head + 'say("a" " b", n=1)\nsay_n("one", "many", 3)\nsay_as("noun", "c")\nlog.say(x)\n'
    assert set(locale.marked(code, "x.py")) == {
        (("one", "many"), None),
        ("a b", None),
        ("c", "noun"),
    }
    for wrong in ('say(f"{x}")', "say(name)", 'say("a" if x else "b")'):
        with pytest.raises(ValueError, match="x.py, line 2"):
            list(locale.marked(f"{head}{wrong}\n", "x.py"))


def test_the_commands_say_what_is_untranslated():
    run = subprocess.run(
        [sys.executable, "-m", "tl_core.locale", "untranslated"], capture_output=True, text=True
    )
    assert run.returncode == 0
    assert run.stdout.split("\n")[:-1] == [f"ko: {line}" for line in locale.untranslated("ko")] or (
        run.stdout.strip() == "" and locale.untranslated("ko") == []
    )


def test_what_only_a_strategy_says_may_stay_in_english():
    """A new strategy is one file; whoever writes it need not know every language."""
    from babel.messages.catalog import Catalog

    code = Catalog()
    code.add("A new method", locations=[("tl_core/strategies/new.py", 1)])
    code.add("Both", locations=[("tl_core/strategies/new.py", 1), ("tl_core/cli.py", 1)])
    assert [locale._optional(m) for m in code if m.id] == [True, False]
