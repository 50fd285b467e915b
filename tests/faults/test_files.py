"""Every way a file can be wrong is told as a sentence that says where, and what to do."""

from __future__ import annotations

import json
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tl_core.api.errors import Faults, UserError
from tl_core.data import columns, tables
from tl_core.data.load import load
from tl_core.data.tables import MAX_CELL, ReadOptions

GOOD = "text,label\none,a\ntwo,b\nthree,a\nfour,b\n"


def told(path, content=None, labels=None, **options) -> str:
    """What a person reads when the file is loaded."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as caught:
        load(path, ReadOptions(**options), labels)
    for sentence in str(caught.value).splitlines():
        assert sentence.endswith((".", "?")), sentence
    return str(caught.value)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a.csv"


def test_the_good_file_of_these_tests_is_good(file):
    file.write_text(GOOD)
    assert len(load(file).dataset) == 4


def test_missing_file_offers_its_neighbours(tmp_path):
    (tmp_path / "Reviews.csv").write_text(GOOD)
    assert "Did you mean Reviews.csv?" in told(tmp_path / "review.csv")
    assert "cannot be opened" in told(tmp_path / ("x" * 300))
    assert "no folder" in told(tmp_path / "nowhere" / "review.csv")
    assert "Did you mean korean_opinions" in told("sample:korean_opinion")


def test_folder_lists_what_is_in_it(tmp_path):
    (tmp_path / "b.csv").write_text(GOOD)
    assert "is a folder. Name one file in it: b.csv." in told(tmp_path)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "is empty"),
        ("\n \r\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        ("text,label\n", "(text, label) and no rows"),
        ("text\nx\ny\n", "has one column, 'text'"),
        ("text:label\nx:a\ny:b\n", "cut at each comma"),
        ("text,label\nx,a\ny,a\n", "only the label 'a' in its 2 labelled rows"),
        ("text,label\nx,\ny,\n", "has no label in any of the 2 rows"),
        ("text,label\nx,a\ny,b\nz,b\nw,c\n", "labels with a single row: 'a' (row 1), 'c' (row 4)"),
        ("text,label,text\nx,a,b\n", "more than one column called 'text'"),
        ("text,label\nx,a\ny,b,c\nz\n", "has 2 fields, but line 3 has 3, line 4 has 1"),
        (
            'text,label\nx,a\n"y,b\nz,c\n',
            "line 3: a quotation mark opened in this row is never closed",
        ),
        (
            'text,label\nx,a\n"y" said,b\n',
            "line 3: a quoted cell continues after its closing quotation mark",
        ),
        (
            'text,label\n"y\nz,a\n"x",b\n',
            (
                "line 2: a quoted cell continues after its closing quotation mark (the cell ends on"
                " line 4)"
            ),
        ),
        (b"text,label\nx,a\ny\0,b\n", "NUL bytes, which no text holds, in line 3"),
        ("text,label\nx,0.5\ny,1.5\nz,a\n", "labels with a single row"),
    ],
)
def test_tables(file, content, part):
    assert part in told(file, content)


def test_several_faults_are_told_at_once(file):
    with pytest.raises(Faults) as caught:
        file.write_text('text,text,label\nx,a\n"y" z,b,c\n')
        load(file)
    assert len(caught.value.faults) == 3
    assert "line 3" in told(file)
    assert "line 2 has 2" in told(file)
    assert "'text'" in told(file)


def test_huge_cells(file):
    assert f"line 3: one cell has more than {MAX_CELL:,} characters" in told(
        file, "text,label\nx,a\n" + "y" * 10 * MAX_CELL + ",b\n"
    )
    assert "line 3: a quotation mark opened in this row is never closed" in told(
        file, 'text,label\nx,a\n"y,b\n' + "some words,b\n" * 100_000
    )
    row = json.dumps({"text": "y" * (MAX_CELL + 1), "label": "a"})
    assert "row 1 (1,000,001)" in told(file.with_suffix(".jsonl"), row + "\n" + row)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08\0", "compressed with gzip"),
        (bytes(range(256)) * 40, "is not text"),
        (b"\x7fELF" + bytes(100), "a program"),
        (
            tables.OLE + b"\0" * 100 + "EncryptedPackage".encode("utf-16-le"),
            "protected with a password",
        ),
        (tables.OLE + b"\0" * 100, "(.xls)"),
        (b"PARE" + b"\0" * 50, "encrypted"),
        (b"PAR1" + b"\0" * 50 + b"PAR1", "broken Parquet"),
        (b"PK\x03\x04" + b"\0" * 50, "broken workbook"),
    ],
)
def test_binary_files_are_called_what_they_are(file, content, part):
    assert part in told(file, content)


def test_suffixes_that_promise_too_much(tmp_path):
    assert "not an Excel workbook" in told(tmp_path / "a.xlsx", GOOD)
    assert "not a Parquet file" in told(tmp_path / "a.parquet", GOOD)


def test_workbooks(tmp_path):
    path, book = tmp_path / "a.xlsx", openpyxl.Workbook()
    book.active.title = "Sheet one"
    book.save(path)
    assert "is empty" in told(path)
    book.active.append(["text", "label"])
    book.save(path)
    assert "no rows" in told(path)
    assert "Did you mean Sheet one?" in told(path, sheet="sheet on")
    whole = path.read_bytes()
    assert "broken workbook" in told(path, whole[: len(whole) // 2])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x")
    assert "ZIP archive" in told(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<broken")
    assert "broken workbook" in told(path)


def test_a_workbook_that_would_fill_the_memory_is_not_unpacked(tmp_path):
    path, book = tmp_path / "a.xlsx", openpyxl.Workbook()
    book.active.append(["text", "label"])
    book.save(path)
    with pytest.raises(UserError, match="unpacks to more than 1,000 bytes"):
        tables.read_table(path, limits=tables.Limits(unpacked=1000))


def test_parquet_with_a_column_twice(tmp_path):
    table = pa.table([pa.array(["x"]), pa.array(["y"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    assert "more than one column called 'text'" in told(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (
            '{"text": "x", "label": "a"}\n\n{"text": "y", "label": }\n[1]\n7\n',
            "not valid JSON: line 3 (Expecting value, character 24)",
        ),
        (
            '{"text": "x", "label": "a"}\n\n{"text": "y", "label": }\n[1]\n7\n',
            "no JSON objects: line 4, 5",
        ),
        (
            '{"text": "x\\u0000", "label": "a"}\n{"text": "y", "label": "a"}\n',
            "NUL characters, which no text holds, in row 1",
        ),
        (
            '{"text": ["x"], "label": "a"}\n{"text": "y", "label": "b"}\n',
            "lists instead of texts in row 1",
        ),
        (
            '{"text": "x", "label": ["a"]}\n{"text": "y", "label": "b"}\n',
            (
                "lists of labels in row 1. If a text may have several labels, say so with"
                " multi_label="
            ),
        ),
        (
            '{"text": "x", "label": 0.5}\n{"text": "y", "label": 1}\n',
            "numbers with a fraction in row 1",
        ),
        ('{"text": "x", "label": ' + "[" * 100_000 + "}\n", "not valid JSON"),
        ('{"text": "x", "label": ' + "1" * 10_000 + "}\n", "not valid JSON"),
    ],
)
def test_json_lines(tmp_path, content, part):
    assert part in told(tmp_path / "a.jsonl", content)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (
            '[{"text": "x", "label": "a"},\n{"text": ]',
            "not valid JSON: Expecting value at line 2, character 10",
        ),
        ('[{"text": "x", "label": "a"}, 3]', "items that are no objects: item 2"),
        ('{"text": ["x", "y"], "label": ["a"]}', "different lengths: text has 2, label has 1"),
        ("[]", "no rows"),
        ("3", "holds no rows"),
    ],
)
def test_json(tmp_path, content, part):
    assert part in told(tmp_path / "a.json", content)


def test_keys_without_end(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({f"key{i}": 1}) for i in range(11)))
    with pytest.raises(UserError, match="more than 10 different keys by row 11"):
        tables.read_table(path, limits=tables.Limits(columns=10))


def test_options_that_do_not_fit(file):
    said = told(file, GOOD, text="txet", label="class")
    assert "Did you mean text?" in said
    assert "'class'" in said
    assert "Correct label=…." in said
    assert "named for text=… and label=…" in told(file, text="label", label="label")
    assert "Did you mean cp949" in told(file, encoding="cp94")
    assert "no encoding called 'base64'" in told(file, encoding="base64")
    assert "cannot be a delimiter" in told(file, delimiter="::")


@pytest.mark.parametrize(
    ("content", "encoding", "part"),
    [
        (b"text,label\nx,a\ncaf\xe9,b\n", "utf-8", "byte 0xe9 at position 18 (line 3)"),
        ("text,label\n긍정,b\n".encode(), "ascii", "position 11 (line 2)"),
        (b"\xff\xfet\0e\0\0\xd8", None, "byte order mark of UTF-16"),
        (
            b"text,label\n" + "재미있고 감동적인 영화,a\n".encode() * 9 + b"\xff,b\n",
            None,
            "UTF-8 but for a few bytes, the first is byte 0xff",
        ),
        (
            b"text,label\n" + "재미있고 감동적인 영화,a\n".encode("cp949") * 9 + b"\xff,b\n",
            None,
            "Korean in CP949 but for a few bytes",
        ),
        (
            b"text,label\n" + "영화,a\n".encode() * 2 + "영화,b\n".encode("cp949") + b"ab,c\n",
            None,
            "lines 2 to 3 in UTF-8, line 4 in CP949. Save each part as UTF-8",
        ),
        (
            "text,label\n" + "этот фильм мне очень понравился,да\n" * 9,
            None,
            "gbk, shift_jis, big5 or cp1251",
        ),
    ],
)
def test_undecodable_bytes(file, content, encoding, part):
    content = content if isinstance(content, bytes) else content.encode("cp1251")
    assert part in told(file, content, encoding=encoding)


def test_lists_that_cannot_be_read(file):
    content = "text,label\nx,\"['a' 'b']\"\ny,b\n"
    assert "cannot be read, in row 1" in told(file, content, multi_label=True)
    assert "multi_label=" in told(file, content)


def test_columns_that_cannot_be_told_are_listed(file):
    said = told(file, "q,w\nx y,a b\nx z,a c\n")
    assert "The columns are 'q', 'w'" in said
    assert "text=…" in said
    assert "label=…" in said
    assert "with label=…" in told(file, "text,w,e\n" + "x,1,2\ny,2,1\n" * 3)


def test_identifiers_and_too_many_labels(file):
    many = "".join(f"x,{i}\n" for i in range(500))
    assert "looks like an identifier" in told(file, "text,label\n" + many)
    assert "500 different labels; at most 200" in told(file, "text,label\n" + many * 3)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet", "xlsx"])
@pytest.mark.parametrize(
    ("limits", "part"),
    [
        ({"rows": 3}, "more than 3 rows"),
        ({"columns": 1}, "1"),
        ({"cells": 7}, "more than 7 cells"),
        ({"rows": 4, "columns": 2, "cells": 8}, ""),
    ],
)
def test_more_than_may_be_read(tmp_path, kind, limits, part):
    path = four_rows(tmp_path / f"a.{kind}")
    if not part:
        assert tables.read_table(path, limits=tables.Limits(**limits)).rows == 4
        return
    with pytest.raises(UserError, match=part):
        tables.read_table(path, limits=tables.Limits(**limits))


def four_rows(path):
    """A file of GOOD in the format of its suffix."""
    rows = [line.split(",") for line in GOOD.splitlines()[1:]]
    objects = [{"text": text, "label": label} for text, label in rows]
    match path.suffix:
        case ".csv":
            path.write_text(GOOD)
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in objects))
        case ".json":
            path.write_text(json.dumps(objects))
        case ".parquet":
            pq.write_table(
                pa.table({"text": [t for t, _ in rows], "label": [x for _, x in rows]}), path
            )
        case ".xlsx":
            book = openpyxl.Workbook()
            for row in [["text", "label"], *rows]:
                book.active.append(row)
            book.save(path)
    return path


def test_packed_texts_longer_than_may_be_read(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x" * 1000] * 50, "label": ["a", "b"] * 25}), path)
    with pytest.raises(UserError, match="more than 20,000 characters"):
        tables.read_table(path, limits=tables.Limits(characters=20_000))


def test_labels_that_the_label_table_lacks(file, tmp_path):
    (tmp_path / "labels.json").write_text('[{"id": "a"}]')
    assert "a label that the label table lacks: 'b'" in told(
        file, GOOD, labels=tmp_path / "labels.json"
    )


def test_nothing_in_a_text_is_run_or_drawn(file):
    nasty = [
        "=1+1",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "__import__('os').system('x')",
        "%s %d {0}",
        "'; DROP TABLE x;--",
    ]
    file.write_text("text,label\n" + "".join(f'"{t}",{"ab"[i % 2]}\n' for i, t in enumerate(nasty)))
    assert [e.text for e in load(file).dataset.examples] == nasty


def test_limits_are_those_the_words_promise():
    assert (tables.MAX_CELL, tables.USUAL.rows, columns.MAX_LABELS) == (1_000_000, 5_000_000, 200)
