"""Small files that ask for much memory or time when they are read, made on the spot.

Each is a function that writes one file; `BOMBS` holds them by name. `scale` shrinks them for quick
tests: 1 is as large as a
public place takes files (5 MB, packed).
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

Write = Callable[[Path, float], None]
BOMBS: dict[str, tuple[str, Write]] = {}  # name -> (suffix, function)
HEAD = b"text,label\n"
ROWS = b"a text that is long enough,a\nanother text that is,b\n"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
MB = 10**6


def bomb(suffix: str) -> Callable[[Write], Write]:
    def keep(write: Write) -> Write:
        BOMBS[write.__name__.replace("_", " ")] = suffix, write
        return write

    return keep


def _n(count: int, scale: float) -> int:
    return max(1, int(count * scale))


# --- text -----------------------------------------------------------------------------------------


@bomb("csv")
def wide_and_ragged(path: Path, scale: float) -> None:
    path.write_bytes(b"c," * _n(400_000, scale) + b"c\n" + b"x,y\n" * _n(100_000, scale))


@bomb("csv")
def only_a_header(path: Path, scale: float) -> None:
    path.write_bytes(b"," * _n(5 * MB, scale) + b"\n" + b"," * 100 + b"\n")


@bomb("csv")
def tall(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + b"x,y\n" * _n(1_200_000, scale))


@bomb("csv")
def every_row_ragged(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + b"x\n" * _n(2_500_000, scale))


@bomb("csv")
def an_open_quote(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + ROWS + b'"' + b"x,y\n" * _n(1_200_000, scale))


@bomb("csv")
def open_quotes_everywhere(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + b'"x\n' * _n(1_200_000, scale))


@bomb("csv")
def quotes_alone(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + b'"' * _n(5 * MB, scale))


@bomb("tsv")
def plain_quotes(path: Path, scale: float) -> None:
    path.write_bytes(b'text\tlabel\n"' + b'""' * _n(2 * MB, scale) + b'\ta\n"x\tb\n')


@bomb("csv")
def nothing_but_nul(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + b"\0" * _n(5 * MB, scale))


@bomb("csv")
def nul_in_every_line(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + b"xxxx\0,y\n" * _n(600_000, scale))


@bomb("csv")
def one_huge_cell(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + b"x" * _n(5 * MB, scale) + b",a\n" + ROWS)


@bomb("csv")
def empty_lines(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + b"\n" * _n(5 * MB, scale))


@bomb("csv")
def no_encoding(path: Path, scale: float) -> None:
    path.write_bytes(HEAD + bytes(range(128, 256)) * _n(40_000, scale))


@bomb("csv")
def utf_32(path: Path, scale: float) -> None:
    path.write_bytes(("text,label\n" + "x,y\n" * _n(300_000, scale)).encode("utf-32"))


@bomb("csv")
def wide_and_full(path: Path, scale: float) -> None:
    width = 199
    path.write_bytes(
        b",".join(b"c%d" % i for i in range(width))
        + b"\n"
        + (b"1," * (width - 1) + b"1\n") * _n(12_000, scale)
    )


# --- JSON -----------------------------------------------------------------------------------------


@bomb("jsonl")
def many_keys_then_none(path: Path, scale: float) -> None:
    path.write_text(
        json.dumps({f"k{i}": 1 for i in range(199)}) + "\n" + "{}\n" * _n(200_000, scale)
    )


@bomb("jsonl")
def a_new_key_in_every_row(path: Path, scale: float) -> None:
    path.write_text("".join(f'{{"k{i}":1}}\n' for i in range(_n(300_000, scale))))


@bomb("jsonl")
def lines_that_are_numbers(path: Path, scale: float) -> None:
    path.write_text('{"text": "x"}\n' + "1\n" * _n(2_400_000, scale))


@bomb("jsonl")
def lines_nested_deeply(path: Path, scale: float) -> None:
    path.write_text(("[" * 20_000 + "\n") * _n(250, scale))


@bomb("json")
def nested_deeply(path: Path, scale: float) -> None:
    path.write_text("[" * _n(5 * MB, scale))


@bomb("json")
def nested_as_deeply_as_can_be(path: Path, scale: float) -> None:
    path.write_text("[" + ",".join(["[" * 900 + "]" * 900] * _n(2_500, scale)) + "]")


@bomb("json")
def a_list_of_numbers(path: Path, scale: float) -> None:
    path.write_text("[" + "1," * _n(2_400_000, scale) + "1]")


@bomb("json")
def a_list_of_empty_objects(path: Path, scale: float) -> None:
    path.write_text("[" + "{}," * _n(1_600_000, scale) + "{}]")


@bomb("json")
def huge_numbers(path: Path, scale: float) -> None:
    path.write_text(
        "[" + ",".join('{"text":' + "9" * 4_200 + "}" for _ in range(_n(1_200, scale))) + "]"
    )


@bomb("json")
def one_column_after_the_other(path: Path, scale: float) -> None:
    path.write_text(json.dumps({"text": ["x"] * _n(800_000, scale), "label": ["a", "b"]}))


@bomb("json")
def a_cell_that_is_a_list(path: Path, scale: float) -> None:
    path.write_text('[{"text":"x","label":[' + "1," * _n(2_400_000, scale) + "1]}]")


# --- Parquet --------------------------------------------------------------------------------------


def _dictionary(rows: int, text: str = "x") -> object:
    """The same text in every row, which Parquet keeps once."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(
        pa.Array.from_buffers(pa.int32(), rows, [None, pa.py_buffer(bytes(4 * rows))]), [text]
    )


def _parquet(path: Path, columns: dict[str, object], **more: object) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path, **more)


@bomb("parquet")
def a_million_rows_of_fifty(path: Path, scale: float) -> None:
    _parquet(path, {f"c{i}": _dictionary(_n(1_000_000, scale)) for i in range(50)})


@bomb("parquet")
def five_million_rows(path: Path, scale: float) -> None:
    _parquet(
        path,
        {"text": _dictionary(_n(4_900_000, scale)), "label": _dictionary(_n(4_900_000, scale))},
    )


@bomb("parquet")
def many_columns(path: Path, scale: float) -> None:
    _parquet(path, {f"c{i}": _dictionary(2) for i in range(_n(9_000, scale))})


@bomb("parquet")
def one_long_text_in_every_row(path: Path, scale: float) -> None:
    _parquet(path, {"text": _dictionary(5_000, "x" * _n(MB, scale)), "label": _dictionary(5_000)})


@bomb("parquet")
def one_row_of_many_labels(path: Path, scale: float) -> None:
    import pyarrow as pa

    entries = _n(20_000_000, scale)
    _parquet(
        path,
        {
            "text": pa.array(["x"]),
            "label": pa.ListArray.from_arrays(
                pa.array([0, entries], pa.int32()), _dictionary(entries).dictionary_decode()
            ),
        },
    )


@bomb("parquet")
def many_row_groups(path: Path, scale: float) -> None:
    _parquet(
        path,
        {"text": _dictionary(_n(10_000, scale)), "label": _dictionary(_n(10_000, scale))},
        row_group_size=1,
    )


@bomb("parquet")
def a_footer_that_lies(path: Path, scale: float) -> None:
    _parquet(
        path,
        {"text": _dictionary(_n(1_000_000, scale)), "label": _dictionary(_n(1_000_000, scale))},
    )
    data = bytearray(path.read_bytes())
    data[-8:-4] = (2**31 - 1).to_bytes(4, "little")
    path.write_bytes(data)


# --- XLSX -----------------------------------------------------------------------------------------


def _workbook(
    path: Path,
    sheet: Iterable[str],
    shared: Iterable[str] = (),
    sheets: int = 1,
    styles: Iterable[str] = (),
) -> None:
    """A workbook written part by part, since no library would write these."""
    types = [
        ("/xl/workbook.xml", "sheet.main"),
        *((f"/xl/worksheets/sheet{i}.xml", "worksheet") for i in range(1, sheets + 1)),
        ("/xl/sharedStrings.xml", "sharedStrings"),
        ("/xl/styles.xml", "styles"),
    ]
    office, relations = (
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "http://schemas.openxmlformats.org/package/2006/relationships",
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        parts = "".join(
            f'<Override PartName="{name}"'
            f' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}'
            '+xml"/>'
            for name, kind in types
        )
        rels = (
            '<Default Extension="rels"'
            ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        )
        out.writestr(
            "[Content_Types].xml",
            "<Types"
            f' xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{rels}{parts}</Types>',
        )
        out.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1"'
            f' Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        names = "".join(
            f'<sheet name="s{i}" sheetId="{i}" r:id="r{i}"/>' for i in range(1, sheets + 1)
        )
        out.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{SHEET}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>',
        )
        links = "".join(
            f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>'
            for i in range(1, sheets + 1)
        )
        more = (
            f'<Relationship Id="ss" Type="{office}/sharedStrings"'
            f' Target="sharedStrings.xml"/><Relationship Id="st" Type="{office}/styles"'
            ' Target="styles.xml"/>'
        )
        out.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{relations}">{links}{more}</Relationships>',
        )
        _stream(out, "xl/sharedStrings.xml", [f'<sst xmlns="{SHEET}">', *shared, "</sst>"])
        _stream(out, "xl/styles.xml", [f'<styleSheet xmlns="{SHEET}">', *styles, "</styleSheet>"])
        _stream(
            out,
            "xl/worksheets/sheet1.xml",
            [f'<worksheet xmlns="{SHEET}"><sheetData>', *sheet, "</sheetData></worksheet>"],
        )
        for i in range(2, sheets + 1):
            out.writestr(
                f"xl/worksheets/sheet{i}.xml",
                f'<worksheet xmlns="{SHEET}"><sheetData/></worksheet>',
            )


def _stream(out: zipfile.ZipFile, name: str, parts: Iterable[str]) -> None:
    with out.open(name, "w") as file:
        for part in parts:
            file.write(part.encode())


def _many(part: str, count: int) -> Iterable[str]:
    for start in range(0, count, 10_000):
        yield part * min(10_000, count - start)


CELLS = (
    "<row><c t='inlineStr'><is><t>text</t></is></c><c t='inlineStr'><is><t>label</t></is></c></row>"
)


@bomb("xlsx")
def a_million_rows(path: Path, scale: float) -> None:
    _workbook(
        path, [CELLS, *_many("<row><c><v>1</v></c><c><v>2</v></c></row>", _n(1_000_000, scale))]
    )


@bomb("xlsx")
def sixteen_thousand_columns(path: Path, scale: float) -> None:
    _workbook(path, _many("<row>" + "<c><v>1</v></c>" * 16_000 + "</row>", _n(250, scale)))


@bomb("xlsx")
def columns_formatted_and_empty(path: Path, scale: float) -> None:
    _workbook(
        path, [CELLS, *_many("<row><c><v>1</v></c>" + "<c/>" * 16_000 + "</row>", _n(250, scale))]
    )


@bomb("xlsx")
def five_million_shared_strings(path: Path, scale: float) -> None:
    _workbook(path, [CELLS], _many("<si><t/></si>", _n(5_000_000, scale)))


@bomb("xlsx")
def shared_strings_under_another_name(path: Path, scale: float) -> None:
    _workbook(
        path,
        [CELLS],
        [f"<q xmlns:q='{SHEET}'>", *_many("<q:si ><q:t/></q:si>", _n(3_000_000, scale)), "</q>"],
    )


@bomb("xlsx")
def a_row_far_below(path: Path, scale: float) -> None:
    _workbook(path, [CELLS, "<row r='999999999999'><c><v>1</v></c><c><v>2</v></c></row>"])


@bomb("xlsx")
def half_a_gigabyte_of_blanks(path: Path, scale: float) -> None:
    _workbook(path, [CELLS, *_many(" " * 1_000, _n(500_000, scale))])


@bomb("xlsx")
def many_sheets(path: Path, scale: float) -> None:
    _workbook(path, [CELLS], sheets=_n(8_000, scale))


@bomb("xlsx")
def many_styles(path: Path, scale: float) -> None:
    _workbook(
        path,
        [CELLS],
        styles=["<cellXfs>", *_many("<xf numFmtId='14'/>", _n(3_000_000, scale)), "</cellXfs>"],
    )


@bomb("xlsx")
def laughs(path: Path, scale: float) -> None:
    _workbook(path, [CELLS])
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as out:
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out.writestr(
                "xl/sharedStrings.xml",
                f'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY e0 "ha">{entities}]><sst'
                f' xmlns="{SHEET}"><si><t>&e11;</t></si></sst>',
            )


# --- packed ---------------------------------------------------------------------------------------


@bomb("csv")
def packed_with_gzip(path: Path, scale: float) -> None:
    path.write_bytes(gzip.compress(b"x,y\n" * _n(50_000_000, scale / 5)))


@bomb("xlsx")
def a_zip_in_a_zip(path: Path, scale: float) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a", bytes(_n(200 * MB, scale)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("a.zip", inner.getvalue())


LABEL_TABLES: dict[str, Write] = {
    "300,000 labels": lambda path, scale: (
        path.write_text("[" + ",".join(f'{{"id":"{i}"}}' for i in range(_n(300_000, scale))) + "]")
        and None
    ),
    "labels nested deeply": lambda path, scale: path.write_text("[" * _n(5 * MB, scale)) and None,
}


if (
    __name__ == "__main__"
):  # NAME FILE SCALE: in a process of its own, whose memory is nobody's business
    known = {**LABEL_TABLES, **{name: write for name, (_, write) in BOMBS.items()}}
    known[sys.argv[1]](Path(sys.argv[2]), float(sys.argv[3]))
