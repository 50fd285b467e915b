"""Rows as somebody has them in Python: whatever is wrong is a sentence, all of it at once."""

from __future__ import annotations

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tl_core as tl
from tests.faults.command import rows
from tl_core.library.columns import table_of, table_of_lists

TEXTS, LABELS = map(list, zip(*rows(60), strict=True))
FRAME = pd.DataFrame({"message": TEXTS, "topic": LABELS, "n": range(60)})
NAMED = {"text": "message", "label": "topic"}
FAST = {"strategies": ["majority", "tfidf"], "shots": [2], "seeds": 1, "test_size": 15}


def ids(data, labels=None, **more):
    """What would run; equal ids mean equal rows, labels and split."""
    return tl.plan(data, labels, **{**FAST, **more}).run_ids


def told(data, labels=None, **more) -> list[str]:
    """The sentences of the refusal."""
    with pytest.raises(tl.UserError) as fault:
        tl.plan(data, labels, **{**FAST, **more})
    lines = str(fault.value).splitlines()
    assert all(line.endswith((".", "?", "]")) for line in lines), lines
    return lines


# --- the same rows, however they are held ---------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (FRAME.sample(frac=1, random_state=1).sort_index(), NAMED),
        (FRAME.set_index(pd.Index([7] * 60)), NAMED),  # a duplicated index
        (FRAME.astype({"topic": "category"}), NAMED),
        (FRAME.astype({"topic": "string", "message": object}), NAMED),
        ({"message": TEXTS, "topic": LABELS}, NAMED),
        ({"message": np.array(TEXTS), "topic": tuple(LABELS)}, NAMED),
        (pa.table({"message": TEXTS, "topic": LABELS}), NAMED),
        ({"text": TEXTS, "label": LABELS}, {}),  # guessed
        (FRAME.assign(when=pd.Timestamp("2026-01-01"), extra=[{"a": 1}] * 60), NAMED),
    ],
    ids=["frame", "index", "category", "string", "dict", "arrays", "arrow", "guessed", "others"],
)
def test_the_same_rows_are_the_same_runs(data, named):
    assert ids(data, **named) == ids(TEXTS, LABELS)


NAMES = ["Ann", "Bo", "Cy", "Di", "Eli", "Fay"]
MET = [f"{NAMES[i % 6]} met guest {i} in Leeds" for i in range(60)]
ENDS = [len(NAMES[i % 6]) for i in range(60)]
FORMS = {
    "tokens and tags": {
        "tokens": [m.split() for m in MET],
        "tags": [["B-NAME"] + ["O"] * 4 + ["B-PLACE"] for _ in MET],
    },
    "spans": {
        "text": MET,
        "spans": [
            [{"start": 0, "end": n, "label": "NAME"}, {"start": np.int64(n + 5), "end": n + 10}]
            for n in ENDS
        ],
    },
    "answers": {
        "context": MET,
        "question": [f"Who met guest {i}?" for i in range(60)],
        "answers": [
            {"text": [m[:n]], "answer_start": np.array([0])} for m, n in zip(MET, ENDS, strict=True)
        ],
    },
    "lists of answers": {
        "context": MET,
        "question": [f"Who met guest {i}?" for i in range(60)],
        "answers": [[m[:n]] for m, n in zip(MET, ENDS, strict=True)],
    },
}
for spans in FORMS["spans"]["spans"]:
    spans[1]["label"] = "GUEST"


@pytest.mark.parametrize("form", FORMS)
def test_lists_and_dicts_in_cells_are_read_as_in_a_file(form, tmp_path):
    columns, how = FORMS[form], {"strategies": ["majority"]}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = [json.dumps(row, default=lambda value: value.tolist()) for row in rows]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    wanted = ids(tmp_path / "rows.jsonl", **how)
    assert ids(pd.DataFrame(columns), **how) == ids(columns, **how) == wanted
    arrays = {k: [np.array(c) if type(c) is list else c for c in v] for k, v in columns.items()}
    assert ids(pd.DataFrame(arrays), **how) == wanted


def test_numbers_are_labels_as_a_file_would_have_them():
    numbers = [{"refund": 0, "login": 1, "delivery": 2}[label] for label in LABELS]
    expected = ids(TEXTS, list(map(str, numbers)))
    for same in (
        numbers,
        list(map(float, numbers)),
        np.array(numbers),
        list(map(decimal.Decimal, numbers)),
    ):
        assert ids(TEXTS, same) == expected
    assert ids(TEXTS, [n == 1 for n in numbers]) == ids(
        TEXTS, [str(n == 1).lower() for n in numbers]
    )


def test_rows_without_a_label_are_left_out_and_said():
    labels = pd.Series([None, float("nan"), pd.NA, *LABELS[3:]], dtype=object)
    planned = tl.plan(FRAME.assign(topic=labels), **NAMED, **FAST)
    assert any(
        "3 rows without a label are left out: row 1, 2, 3." in note for note in planned.notes
    )


def test_rows_without_a_text_are_left_out_and_said():
    planned = tl.plan(FRAME.assign(message=[float("nan"), *TEXTS[1:]]), **NAMED, **FAST)
    assert any("without a text" in note for note in planned.notes)


def test_pairs_of_texts():
    pairs = [(text, text[::-1]) for text in TEXTS]
    frame = pd.DataFrame({"a": TEXTS, "b": [b for _, b in pairs], "c": LABELS})
    assert ids(pairs, LABELS) == ids(frame, text="a", text_b="b", label="c")


def test_several_labels_a_text():
    several = [[label, "urgent"] if i % 3 else [label] for i, label in enumerate(LABELS)]
    written = ["|".join(labels) for labels in several]
    how = {"multi_label": True, "strategies": ["tfidf"]}
    assert ids(TEXTS, several, **how) == ids({"text": TEXTS, "label": written}, **how)


def test_what_labels_mean():
    said = {label: f"The text is about {label}." for label in set(LABELS)}
    how = {"strategies": ["similarity"]}
    described = ids(TEXTS, LABELS, descriptions=said, **how)
    assert described != ids(TEXTS, LABELS, **how)
    table = [tl.Label(x, x, (said[x],)) for x in sorted(said)]
    assert ids(TEXTS, LABELS, descriptions=table, **how) == described


def test_rows_that_are_tested_on_can_be_given():
    train, test = slice(0, 40), slice(40, 60)
    asked = {**FAST, "test_size": None}
    lists = tl.plan(TEXTS[train], LABELS[train], test=(TEXTS[test], LABELS[test]), **asked)
    frames = tl.plan(FRAME[train], test=FRAME[test], **NAMED, **asked)
    assert lists.run_ids == frames.run_ids
    assert len(lists.draft.plan.study.split.test) == 20


# --- what cannot be read --------------------------------------------------------------------------


def test_every_column_that_is_not_there():
    first, second = told(FRAME, text="mesage", label="topics")
    assert "the DataFrame called 'mesage'. Did you mean message?" in first
    assert "'topics'. Did you mean topic? Correct label='topics'." in second


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (pd.date_range("2026-01-01", periods=60), "dates or times in row 1, 2"),
        ([datetime.time(12)] * 60, "dates or times"),
        ([{"text": "a"}] * 60, "dicts or other nested values"),
        ([b"bytes"] * 60, "bytes"),
        ([object()] * 60, "objects that are neither texts nor numbers"),
        (np.array(["2026-01-01"] * 60, "datetime64[D]"), "dates or times"),
    ],
    ids=["datetime", "time", "nested", "bytes", "objects", "numpy dates"],
)
@pytest.mark.parametrize("role", ["message", "topic"])
def test_cells_that_are_neither_texts_nor_labels(role, cells, kind):
    (line,) = told({"message": TEXTS, "topic": LABELS, role: cells}, **NAMED)
    assert f"column {role!r}: {kind}" in line


def test_columns_that_are_not_there_and_cells_that_cannot_be_read_are_said_together():
    lines = told(FRAME.assign(topic=pd.Timestamp("2026-01-01")), text="mesage", label="topic")
    assert len(lines) == 2
    assert "'mesage'" in lines[0] and "dates or times" in lines[1]


def test_lists_in_the_place_of_texts_or_of_one_label():
    both = told({"message": [["a"]] * 60, "topic": [["x"], ["y"]] * 30}, **NAMED)
    assert len(both) == 2
    assert any("lists instead of texts" in line for line in both)


def test_two_columns_of_one_name():
    twice = pd.concat([FRAME, FRAME[["topic"]]], axis=1)
    (line,) = told(twice, **NAMED)
    assert "more than one column called 'topic'" in line


def test_a_generator():
    first, second = told((text for text in TEXTS), (label for label in LABELS))
    assert (
        first == "The texts come from a generator, which can be read only once. Give list(texts)."
    )
    assert second.startswith("The labels come from a generator")
    assert "only once" in told({"message": iter(TEXTS), "topic": LABELS}, **NAMED)[0]


def test_lists_of_unequal_length():
    (line,) = told(TEXTS, LABELS[:-1])
    assert line.startswith("There are 60 texts and 59 labels.")
    (line,) = told({"message": TEXTS, "topic": LABELS[:-1]}, **NAMED)
    assert "'message' has 60 cells, 'topic' has 59 cells" in line


def test_texts_alone():
    (line,) = told(TEXTS)
    assert line.startswith("The labels are missing.")


def test_one_text():
    assert "is not there" in told("a text")[0] or "file" in told("a text")[0]
    assert told([], [])[0].startswith("There are no texts.")
    assert "must be a list, not one text" in told(TEXTS, "refund")[0]


def test_everything_at_once():
    lines = told(
        FRAME,
        text="mesage",
        strategies=["lora", "loar", 3],
        shots=["few", -1, 1.5, True],
        seeds=0,
        test_size="big",
        keep="some",
        descriptions={"refund": 3},
    )
    for part in (
        "'mesage'",
        "'loar'. Did you mean lora",
        "strategies: 3 is no strategy",
        "shots='few'",
        "shots=-1",
        "shots=1.5",
        "shots=True",
        "seeds=0",
        "test_size='big'",
        "There is no keep called 'some'",
        "descriptions['refund']",
    ):
        assert any(part in line for line in lines), part


def test_more_labels_than_there_are():
    (line,) = told(FRAME, **NAMED, shots=[500])
    assert "500" in line


def test_the_number_of_rows_is_limited():
    """A million rows are read; what no machine holds is refused before anything is copied."""

    class Many:
        columns = ("text", "label")

        def __init__(self, rows):
            self.rows = rows

        def __getitem__(self, name):
            return Column(self.rows)

    class Column:
        def __init__(self, rows):
            self.rows = rows

        def __iter__(self):
            return iter(())

        def __len__(self):
            return self.rows

        def tolist(self):
            raise AssertionError("nothing is copied")

    (line,) = told(Many(6_000_000), text="text", label="label")
    assert "6,000,000 rows; at most 5,000,000 can be read" in line


def test_a_million_rows_are_a_table():
    n = 1_000_000
    table = table_of_lists(["a text"] * n, ["a", "b"] * (n // 2))
    assert table.rows == n
    assert table_of({"text": ["a"] * n, "label": np.arange(n) % 2}, "data", {}).rows == n
