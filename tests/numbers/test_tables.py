"""What is written in any format comes back as it was; what is guessed is guessed right, and
said.
"""

from __future__ import annotations

import csv
import json
import string

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tl_core.api.errors import UserError
from tl_core.api.types import Label
from tl_core.data.load import load, to_dataset
from tl_core.data.samples import sample, sample_names
from tl_core.data.tables import ReadOptions, read_table

FAST = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
XML_TEXTS = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"],
        exclude_characters="\ufffe\uffff",
        include_characters="\n\t",
    ),
    max_size=40,
)
IDS = st.sampled_from(["how_to", "긍정", "a,b", "0", 'say "x"', "None"])
ROWS = st.lists(st.tuples(TEXTS, IDS), min_size=1, max_size=12)


def rows_of(path, **options):
    """(text, label) of each row of a file; classes are not checked."""
    loaded = load(path, ReadOptions(**options), check_classes=False)
    return [(e.text, e.labels[0]) for e in loaded.dataset.examples]


def write_csv(path, rows, header=("text", "label"), encoding="utf-8", **how):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, **how).writerows([header, *rows])
    return path


# --- round trips ----------------------------------------------------------------------------------


@FAST
@given(rows=ROWS)
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_csv_comes_back(tmp_path, rows, delimiter):
    path = write_csv(tmp_path / "a.csv", rows, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    assert rows_of(path) == rows


def test_a_header_in_quotation_marks_says_that_they_enclose_cells(tmp_path):
    """A carriage return behind a tab, inside a cell, looks like the end of a line of plain
    quotation marks.
    """
    rows = [("\t\r", "how_to"), ('"', "other")]
    assert (
        rows_of(write_csv(tmp_path / "a.csv", rows, delimiter="\t", quoting=csv.QUOTE_ALL)) == rows
    )


@FAST
@given(rows=ROWS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_with_few_quotes_comes_back(tmp_path, rows, encoding):
    assert rows_of(write_csv(tmp_path / "a.csv", rows, encoding=encoding)) == rows


@FAST
@given(rows=ROWS, ascii=st.booleans())
def test_jsonl_comes_back(tmp_path, rows, ascii):
    path = tmp_path / "a.jsonl"
    path.write_text(
        "\n\n".join(json.dumps({"text": t, "label": x}, ensure_ascii=ascii) for t, x in rows),
        encoding="utf-8",
    )
    assert rows_of(path) == rows


@FAST
@given(
    rows=ROWS,
    shape=st.sampled_from(["list", "data", "columns", "pandas"]),
    indent=st.sampled_from([None, 2]),
)
def test_json_comes_back(tmp_path, rows, shape, indent):
    objects = [{"text": t, "label": x} for t, x in rows]
    columns = {"text": [t for t, _ in rows], "label": [x for _, x in rows]}
    indexed = {name: {str(i): c for i, c in enumerate(cells)} for name, cells in columns.items()}
    value = {"list": objects, "data": {"data": objects}, "columns": columns, "pandas": indexed}[
        shape
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value, indent=indent), encoding="utf-8")
    assert rows_of(path) == rows


@FAST
@given(rows=ROWS)
@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_parquet_comes_back(tmp_path, rows, kind):
    path = tmp_path / "a.parquet"
    texts, labels = zip(*rows, strict=True)
    pq.write_table(
        pa.table(
            {
                "text": pa.array(texts, pa.string()),
                "label": pa.array(labels, pa.string()).cast(kind),
            }
        ),
        path,
    )
    assert rows_of(path) == rows


@FAST
@given(
    rows=st.lists(st.tuples(XML_TEXTS.filter(lambda t: "_x" not in t), IDS), min_size=1, max_size=8)
)
def test_xlsx_comes_back(tmp_path, rows):
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    for i, row in enumerate([("text", "label"), *rows], 1):
        for j, value in enumerate(row, 1):
            cell = book.active.cell(i, j, value)
            cell.data_type = "s"  # "=1" is a text here, not a formula
    book.save(path)
    assert rows_of(path) == rows


@FAST
@given(lists=st.lists(st.lists(st.sampled_from("abc"), unique=True).map(sorted), min_size=1))
def test_many_labels_come_back_from_json_and_parquet(tmp_path, lists):
    path, parquet = tmp_path / "a.jsonl", tmp_path / "a.parquet"
    path.write_text("\n".join(json.dumps({"text": "t", "label": x}) for x in lists))
    pq.write_table(
        pa.table({"text": ["t"] * len(lists), "label": pa.array(lists, pa.list_(pa.string()))}),
        parquet,
    )
    for file in (path, parquet):
        examples = (
            load(file, ReadOptions(multi_label=True), check_classes=False).dataset.examples
            if any(lists)
            else ()
        )
        assert [list(e.labels) for e in examples] == (lists if any(lists) else [])


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    content=st.one_of(
        st.binary(min_size=1, max_size=200),
        st.text(string.printable, min_size=1, max_size=200).map(str.encode),
    )
)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json", "a.parquet", "a.xlsx"])
def test_any_bytes_are_read_or_refused_in_words(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    try:
        table = read_table(path)
    except UserError as fault:
        assert str(fault).endswith((".", "?"))
    else:
        assert len({len(cells) for cells in table.columns.values()}) == 1


# --- encodings ------------------------------------------------------------------------------------

KOREAN = [("재미있고 감동적인 영화 great", "긍정"), ("시간이 아까웠다, 정말", "부정")] * 2
FRENCH = [("très déçu, je ne l'achèterai plus", "négatif"), ("génial", "positif")] * 2


@pytest.mark.parametrize(
    ("rows", "written", "guessed"),
    [
        (KOREAN, "utf-8", "utf-8"),
        (KOREAN, "utf-8-sig", "utf-8"),
        (KOREAN, "utf-16", "utf-16"),
        (KOREAN, "utf-16-le", "utf-16-le"),
        (KOREAN, "utf-16-be", "utf-16-be"),
        (KOREAN, "cp949", "cp949"),
        (KOREAN, "euc-kr", "cp949"),
        (FRENCH, "latin-1", "latin-1"),
        (FRENCH, "utf-16-le", "utf-16-le"),
        ([("it’s “good”", "a"), ("no", "b")], "cp1252", "cp1252"),
    ],
)
def test_encoding_is_guessed_and_said(tmp_path, rows, written, guessed):
    path = write_csv(tmp_path / "a.csv", rows, encoding=written)
    guess = next(g for g in read_table(path).guesses if g.what == "encoding")
    assert (guess.value, guess.option, rows_of(path)) == (guessed, "--encoding", rows)


def test_a_given_encoding_is_taken(tmp_path):
    path = write_csv(tmp_path / "a.csv", [("я", "да"), ("он", "нет")], encoding="cp1251")
    assert rows_of(path, encoding="cp1251") == [("я", "да"), ("он", "нет")]
    assert rows_of(write_csv(path, KOREAN, encoding="utf-8-sig"), encoding="UTF8") == KOREAN
    assert rows_of(write_csv(path, KOREAN, encoding="utf-16"), encoding="utf-16-le") == KOREAN
    assert rows_of(write_csv(path, KOREAN, encoding="utf-16-be"), encoding="utf-16") == KOREAN


def test_cp949_of_every_hangul_syllable_is_korean(tmp_path):
    syllables = "".join(map(chr, range(0xAC00, 0xD7A4)))
    path = write_csv(
        tmp_path / "a.csv", [(syllables, "가"), (syllables[::-1], "나")], encoding="cp949"
    )
    assert rows_of(path)[0][0] == syllables


# --- shapes ---------------------------------------------------------------------------------------


def read(tmp_path, content, name="a.csv", **options):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, ReadOptions(**options))


def test_quoted_newlines_and_delimiters_stay(tmp_path):
    table = read(tmp_path, 'text,label\r\n"one\r\ntwo, ""three""",a\r\n  spaced  ,b\r\n')
    assert table.columns == {"text": ['one\r\ntwo, "three"', "  spaced  "], "label": ["a", "b"]}


def test_semicolons_win_where_commas_are_in_the_texts(tmp_path):
    table = read(tmp_path, "text;label\nwell, yes;a\nno, no, no;b\n")
    assert table.columns["text"] == ["well, yes", "no, no, no"]
    assert ("delimiter", "semicolon") in [(g.what, g.value) for g in table.guesses]


def test_a_given_delimiter_is_taken(tmp_path):
    assert read(tmp_path, "text:label\na,b:c\n", delimiter=":").columns == {
        "text": ["a,b"],
        "label": ["c"],
    }
    assert read(tmp_path, "text\tlabel\na,b\tc\n", delimiter="tab").columns == {
        "text": ["a,b"],
        "label": ["c"],
    }


def test_tabs_with_bare_quotation_marks_are_not_quoted(tmp_path):
    table = read(
        tmp_path, 'text\tlabel\n"Good" he said\ta\n"never closed\tb\nshe said "x"\ta\n', "a.tsv"
    )
    assert table.columns["text"] == ['"Good" he said', '"never closed', 'she said "x"']
    assert "Quotation marks" in table.notes[0]


def test_content_decides_over_suffix(tmp_path):
    assert read(
        tmp_path, '{"text": "x", "label": 1}\n{"text": "y", "label": 2}\n', "a.json"
    ).columns["label"] == [1, 2]
    assert read(tmp_path, '[{"text": "x", "label": 1}]', "a.csv").columns == {
        "text": ["x"],
        "label": [1],
    }
    assert read(tmp_path, "text\tlabel\nx\t1\n", "a.csv").columns == {"text": ["x"], "label": ["1"]}
    assert read(tmp_path, "[text],label\nx,1\n", "a.csv").columns == {
        "[text]": ["x"],
        "label": ["1"],
    }
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "p.csv")
    assert read_table(tmp_path / "p.csv").columns == {"text": ["x"]}


def test_lines_without_content_are_passed_over_and_told(tmp_path):
    table = read(tmp_path, "text,label\n\nx,1\n\n\ny,2\n")
    assert table.columns["text"] == ["x", "y"]
    assert "3 empty lines" in table.notes[0]


def test_empty_columns_without_a_name_vanish_and_others_get_one(tmp_path):
    assert list(read(tmp_path, "text,label,,\nx,1,,\n").columns) == ["text", "label"]
    table = read(tmp_path, ",text,label\n0,x,1\n")
    assert list(table.columns) == ["column 1", "text", "label"]
    assert "column 1" in table.notes[0]


def test_keys_that_come_later_are_missing_before(tmp_path):
    table = read(
        tmp_path, '{"text": "x"}\n{"text": "y", "label": "a", "meta": {"k": 1}}\n', "a.jsonl"
    )
    assert table.columns == {"text": ["x", "y"], "label": [None, "a"], "meta": [None, '{"k": 1}']}


def test_the_first_sheet_that_is_shown_or_the_one_that_is_named(tmp_path):
    book = openpyxl.Workbook()
    for name, text in (("hidden", "h"), ("one", "x"), ("two", "y")):
        sheet = book.create_sheet(name)
        sheet.append(["text", "label"])
        sheet.append([text, 1])
    del book["Sheet"]
    book["hidden"].sheet_state = "hidden"
    book.active = 1
    book.save(tmp_path / "a.xlsx")
    table = read_table(tmp_path / "a.xlsx")
    assert table.columns == {"text": ["x"], "label": [1]}
    assert [(g.value, g.option) for g in table.guesses] == [("one", "--sheet")]
    assert read_table(tmp_path / "a.xlsx", ReadOptions(sheet="two")).columns["text"] == ["y"]


def test_parquet_columns_that_are_no_texts_are_left_out_and_told(tmp_path):
    pq.write_table(
        pa.table({"text": ["x"], "image": [b"\0\1"], "when": pa.array([0], pa.date32())}),
        tmp_path / "a.parquet",
    )
    table = read_table(tmp_path / "a.parquet")
    assert table.columns == {"text": ["x"], "when": ["1970-01-01"]}
    assert "image" in table.notes[0]


def test_options_without_use_are_told(tmp_path):
    path = write_csv(tmp_path / "a.csv", [("x", "a")])
    assert "Ignored: sheet=…" in str(
        read_table(path, ReadOptions(sheet="one", delimiter=",")).notes
    )
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a.parquet")
    notes = read_table(tmp_path / "a.parquet", ReadOptions(encoding="utf-8", delimiter=",")).notes
    assert "Ignored: encoding=… and delimiter=…" in str(notes)


# --- columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("title,text,label", ("text", None, "label")),
        ("내용,분류", ("내용", None, "분류")),
        ("문장,라벨", ("문장", None, "라벨")),
        ("id,Review Text,Sentiment", ("Review Text", None, "Sentiment")),
        ("text_id,reviewText,star_rating", ("reviewText", None, "star_rating")),
        ("text_a,text_b,label", ("text_a", "text_b", "label")),
        ("label,sentence2,sentence1", ("sentence1", "sentence2", "label")),
        ("premise,hypothesis,label", ("premise", "hypothesis", "label")),
        ("question1,question2,is_same,class", ("question1", "question2", "class")),
    ],
)
def test_columns_are_guessed_by_name(tmp_path, header, expected):
    n = len(header.split(","))
    path = tmp_path / "a.csv"
    path.write_text(
        "\n".join([header, *(",".join(f"{row % 2} {c}" for c in range(n)) for row in range(6))])
    )
    loaded = load(path)
    assert (loaded.columns["text"], loaded.columns["text_b"], loaded.columns["label"]) == expected
    assert {g.option for g in loaded.guesses} >= {"--text", "--label"}
    assert loaded.dataset.problem.inputs == ("two texts" if expected[1] else "one text")


def test_columns_are_guessed_by_content(tmp_path):
    rows = [
        (f"https://example.org/a/very/long/address/of/row/{i}", f"what they said {i}", "ab"[i % 2])
        for i in range(6)
    ]
    loaded = load(write_csv(tmp_path / "a.csv", rows, header=("q", "w", "e")))
    assert (loaded.columns["text"], loaded.columns["label"]) == ("w", "e")
    assert "longest" in str(loaded.guesses)
    assert "fewest" in str(loaded.guesses)


def test_options_override_the_guess(tmp_path):
    path = write_csv(
        tmp_path / "a.csv",
        [("x", "y", "a", 1), ("z", "w", "b", 1)] * 2,
        header=("text_a", "text_b", "label", "g"),
    )
    loaded = load(path, ReadOptions(text="text_b", group="g"))
    assert loaded.columns == {"text": "text_b", "text_b": None, "label": "label", "group": "g"}
    assert loaded.dataset.examples[0].group == "1"


def test_shared_authors_are_hinted_at(tmp_path):
    path = write_csv(
        tmp_path / "a.csv",
        [("x", "a", 1), ("y", "b", 1), ("x", "a", 2), ("y", "b", 2)],
        header=("text", "label", "user_id"),
    )
    assert "choose 'user_id' as the group with group=" in str(load(path).hints[0].sentence)


# --- label cells ----------------------------------------------------------------------------------


def test_numbers_and_truth_values_become_ids(tmp_path):
    path = tmp_path / "a.jsonl"
    cells = [1, 1.0, "1", " 1 ", True, "true", 0, "None", "NA", "nan"]
    path.write_text("\n".join(json.dumps({"text": "t", "label": x}) for x in cells))
    examples = load(path, check_classes=False).dataset.examples
    assert [e.labels[0] for e in examples] == [
        "1",
        "1",
        "1",
        "1",
        "true",
        "true",
        "0",
        "None",
        "NA",
        "nan",
    ]


def test_rows_without_a_label_are_left_out_and_told(tmp_path):
    path = tmp_path / "a.jsonl"
    cells = ["a", None, "", float("nan"), "b", "  ", "a", "b"]
    path.write_text("\n".join(json.dumps({"text": i, "label": x}) for i, x in enumerate(cells)))
    loaded = load(path)
    assert [(e.row, e.text) for e in loaded.dataset.examples] == [
        (1, "0"),
        (5, "4"),
        (7, "6"),
        (8, "7"),
    ]
    assert loaded.unlabelled == 4
    assert "row 2, 3, 4, 6." in str(loaded.notes)


def test_missing_texts_are_empty_and_words_for_nothing_are_texts(tmp_path):
    path = tmp_path / "a.jsonl"
    cells = [None, "", "None", "NA", "null", 1.5, True, " x "]
    path.write_text(
        "\n".join(json.dumps({"text": t, "label": "ab"[i % 2]}) for i, t in enumerate(cells))
    )
    assert [e.text for e in load(path).dataset.examples] == [
        "",
        "",
        "None",
        "NA",
        "null",
        "1.5",
        "True",
        " x ",
    ]


@pytest.mark.parametrize("separator", ["|", ";", ","])
def test_several_labels_in_a_cell(tmp_path, separator):
    rows = [
        ("x", separator.join("ba")),
        ("y", "a"),
        ("z", "[]"),
        ("w", ""),
        ("v", f"b {separator} b"),
    ]
    loaded = load(write_csv(tmp_path / "a.csv", rows), ReadOptions(multi_label=True))
    assert [(e.row, e.labels) for e in loaded.dataset.examples] == [
        (1, ("a", "b")),
        (2, ("a",)),
        (3, ()),
        (5, ("b",)),
    ]
    assert (loaded.unlabelled, loaded.dataset.problem.target) == (1, "many labels")


def test_lists_written_into_csv_cells(tmp_path):
    rows = [("x", '["a", "b"]'), ("y", "['a']"), ("z", "[]"), ("w", "[1, 2.0]")]
    loaded = load(write_csv(tmp_path / "a.csv", rows), ReadOptions(multi_label=True))
    assert [e.labels for e in loaded.dataset.examples] == [("a", "b"), ("a",), (), ("1", "2")]


def test_a_test_file_takes_the_labels_of_the_training_file(tmp_path):
    trained = (Label("b", "bee"), Label("a", "ay"), Label("c", "sea"))
    path = write_csv(tmp_path / "test.csv", [("x", "a")])
    loaded = to_dataset(read_table(path), ReadOptions(), trained, check_classes=False)
    assert loaded.dataset.problem.labels == trained
    with pytest.raises(UserError, match="training file lacks: 'd'"):
        load(write_csv(path, [("x", "d")]), labels=trained, check_classes=False)


def test_a_label_table_orders_and_names_the_labels(tmp_path):
    labels = tmp_path / "a.labels.json"
    labels.write_text('[{"id": "c"}, {"id": "b", "name": "bee"}, {"id": "a"}]')
    loaded = load(write_csv(tmp_path / "a.csv", [("x", "a"), ("y", "b")] * 2), labels_file=labels)
    assert loaded.dataset.problem.labels == (Label("b", "bee"), Label("a", "a"))
    assert "'c'" in str(loaded.notes)


# --- samples --------------------------------------------------------------------------------------


def test_every_sample_loads_with_its_labels():
    assert sample_names() == (
        "support_tickets",
        "product_opinions",
        "korean_opinions",
        "sentence_pairs",
        "korean_tickets",
        "korean_pairs",
        "support_entities",
        "korean_entities",
        "product_questions",
        "release_summaries",
    )
    for name in sample_names():
        loaded = load(f"sample:{name}")
        assert len(loaded.dataset) >= (200 if name == "release_summaries" else 300)
        assert loaded.notes == ()
        assert all(label.descriptions for label in loaded.dataset.problem.labels)
        paired = name.endswith(("_pairs", "_questions"))
        assert (loaded.columns["text_b"] is not None) == paired
    with pytest.raises(UserError, match="Did you mean support_tickets"):
        sample("support_ticket")
