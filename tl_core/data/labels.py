"""The label table: what each label is called and what a reader, or a zero-shot model, reads about
it.
"""

from __future__ import annotations

import csv
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError, raise_all, unknown
from tl_core.api.sentences import say, say_n
from tl_core.api.types import Label, Problem
from tl_core.data.tables import GUESS_ALL, USUAL, Cell, Limits, read_table, some

COLUMNS = ("id", "name", "descriptions", "words")
BARE_NUMBER = re.compile(
    r"(?:(?:label|class|category|라벨|레이블|클래스|분류)[\s_-]*)?[-+]?\d+(?:[.,]\d+)?",
    re.IGNORECASE,
)


def infer_labels(ids: Iterable[str]) -> tuple[Label, ...]:
    """Labels named after their ids: "how_to" becomes "how to", "bookFlight" becomes "book flight".

    Numbers are in order of value, anything else in order of its characters.
    """
    ids = sorted(set(ids))
    if all(map(_is_number, ids)):
        ids.sort(key=float)
    names = {i: _readable(i) for i in ids}
    shared = {name for name, n in Counter(names.values()).items() if n > 1}
    return tuple(Label(i, i if names[i] in shared else names[i]) for i in ids)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?\d+(\.\d+)?", text, re.ASCII) is not None


def _readable(id: str) -> str:
    if _is_number(id):
        return id
    name = re.sub(
        r"(?<=[^\W\d_])\.(?=[^\W\d_])", " ", re.sub(r"(?<=[^\W_])_+(?=[^\W_])", " ", id)
    )  # not around it: __proto__ is called so
    if " " not in name and re.search(
        "[a-z]{2}[A-Z]", name
    ):  # two small letters: iPhone is one word
        name = re.sub("(?<=[a-z]{2})(?=[A-Z])", " ", name).lower()
    return " ".join(name.split()) or id


def are_named(labels: Iterable[Label]) -> bool:
    """Whether a reader could tell the labels apart by their descriptions; "1" or "label_3"
    says nothing.
    """
    return all(
        label.descriptions or (label.name.strip() and not BARE_NUMBER.fullmatch(label.name.strip()))
        for label in labels
    )


def in_korean(problem: Problem) -> bool:
    """Whether most letters of the labels' names are Hangul: then they are put into Korean
    sentences.
    """
    letters = [
        c
        for label in problem.labels
        for c in unicodedata.normalize("NFC", label.name)
        if c.isalpha()
    ]
    return sum("가" <= c <= "힣" for c in letters) * 2 > len(letters)


def merge(found_ids: Iterable[str], given: tuple[Label, ...]) -> tuple[Label, ...]:
    """The labels that were found, as the given table describes them and in its order; others of the
    table are left out.

    Raises:
        UserError: labels were found that the table lacks.
    """
    found = set(found_ids)
    if fault := missing(found, given):
        raise UserError(fault)
    return tuple(label for label in given if label.id in found)


def missing(
    found_ids: Iterable[str], given: Iterable[Label], where: str = say("the label table")
) -> str:
    """The sentence for labels that the given ones lack; empty when they lack none."""
    known = [label.id for label in given]
    lacking = [repr(label.id) for label in infer_labels(set(found_ids) - set(known))]
    if not lacking:
        return ""
    return say_n(
        "The file has a label that {where} lacks: {lacking}. It has {known}. Add it there, or"
        " correct the file.",
        "The file has labels that {where} lacks: {lacking}. It has {known}. Add them there, or"
        " correct the file.",
        len(lacking),
        where=where,
        lacking=some(lacking),
        known=some(map(repr, known)),
    )


# --- files ----------------------------------------------------------------------------------------


def read_labels(path: Path, limits: Limits = USUAL) -> tuple[Label, ...]:
    """A label table from JSON (a list of {"id", "name", "descriptions", "words"}) or CSV/TSV
    (several with "|").

    Raises:
        UserError: every fault of the table.
    """
    path = Path(path)
    table = read_table(path, GUESS_ALL, limits)
    faults: list[str] = [
        unknown(say("column for labels in {file}", file=path.name), name, COLUMNS)
        for name in table.columns
        if name not in COLUMNS
    ]
    if "id" not in table.columns:
        faults.append(
            say(
                '{file} does not say which labels it is about. Give every label its "id", as it'
                " is written in the file of texts.",
                file=path.name,
            )
        )
        raise_all(faults)
    rows = zip(*(table.columns.get(name, [None] * table.rows) for name in COLUMNS), strict=True)
    return _labels(rows, path.name, say("label"), "|", faults)


def write_labels(labels: Iterable[Label], path: Path) -> None:
    """Write a table that `read_labels` gives back: CSV or TSV by suffix, JSON otherwise.

    Raises:
        UserError: a description or word holds "|", which a CSV cell cannot.
    """
    path, labels = Path(path), tuple(labels)
    if path.suffix.lower() not in (".csv", ".tsv"):
        rows = [
            {
                "id": x.id,
                "name": x.name,
                "descriptions": list(x.descriptions),
                "words": list(x.words),
            }
            for x in labels
        ]
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        return
    barred = [repr(x.id) for x in labels if any("|" in part for part in x.descriptions + x.words)]
    if barred:
        raise UserError(
            say(
                "The descriptions or words of {barred} hold '|', which separates them in a CSV"
                " file. Write the labels as .json.",
                barred=some(barred),
            )
        )
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        writer.writerow(COLUMNS)
        writer.writerows(
            [x.id, x.name, "|".join(x.descriptions), "|".join(x.words)] for x in labels
        )


# --- the table on the page ------------------------------------------------------------------------


def labels_to_rows(labels: Iterable[Label]) -> list[list[str]]:
    """Rows (id, name, descriptions joined with " | ", words joined with ", ") to be edited by
    hand.
    """
    return [[x.id, x.name, " | ".join(x.descriptions), ", ".join(x.words)] for x in labels]


def labels_from_rows(rows: Iterable[Sequence[Any]]) -> tuple[Label, ...]:
    """Labels from edited rows; empty rows are passed over.

    Raises:
        UserError: every fault of the table.
    """
    padded = [(list(row) + [None] * len(COLUMNS))[: len(COLUMNS)] for row in rows]
    return _labels(
        [row for row in padded if any(map(written, row))],
        say("The label table"),
        say("row"),
        ",",
        [],
    )


def _labels(
    rows: Iterable[Sequence[Cell]], table: str, item: str, between_words: str, faults: list[str]
) -> tuple[Label, ...]:
    labels = []
    for number, (id, name, descriptions, words) in enumerate(rows, 1):
        at = say("{table}, {item} {number}", table=table, item=item, number=number)
        for what, cell in ((say("id"), id), (say("name"), name)):
            if isinstance(cell, list):
                faults.append(
                    say(
                        "{at}: the {what} must be one text, not {cell!r}.",
                        at=at,
                        what=what,
                        cell=cell,
                    )
                )
        if not written(id):
            faults.append(
                say("{at} has no id. Write the label as it is written in the file of texts.", at=at)
            )
        described = _parts(at, say("descriptions"), descriptions, "|", faults)
        labels.append(
            Label(
                written(id),
                written(name),
                described,
                _parts(at, say("words"), words, between_words, faults),
            )
        )
    twice = [repr(i) for i, n in Counter(x.id for x in labels).items() if n > 1 and i]
    if twice:
        faults.append(
            say(
                "{table} has the id {twice} more than once. Keep one row for each label.",
                table=table,
                twice=some(twice),
            )
        )
    if not labels and not faults:
        faults.append(say("{table} is empty. Give it a row for each label.", table=table))
    raise_all(faults)
    inferred = {x.id: x.name for x in infer_labels(x.id for x in labels)}
    return tuple(Label(x.id, x.name or inferred[x.id], x.descriptions, x.words) for x in labels)


def written(cell: Cell) -> str:
    """A cell as a person would write it as a label: 1.0 is "1", True is "true", a missing one is
    "".
    """
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _parts(at: str, what: str, cell: Cell, separator: str, faults: list[str]) -> tuple[str, ...]:
    if not isinstance(cell, list):
        cell = written(cell).split(separator)
    elif not all(isinstance(part, (str, int)) for part in cell):
        faults.append(
            say(
                "{at}: the {what} must be a list of texts, not {cell!r}.",
                at=at,
                what=what,
                cell=cell,
            )
        )
        return ()
    return tuple(part for part in map(written, cell) if part)
