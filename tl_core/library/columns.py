"""Rows as Python holds them: a DataFrame, a dict of columns, or lists of texts and labels.

Nothing is imported for it: a DataFrame is known by what it can do, so pandas, polars, pyarrow and
`datasets` all work and none is needed.
"""

from __future__ import annotations

import datetime
import json
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

from tl_core.api.errors import raise_all, unknown
from tl_core.api.sentences import Sentence, both, listed, say, together
from tl_core.data.limits import MAX_CELL, USUAL
from tl_core.data.table import Cell, Table, some

# of a column of texts and of one of labels: what cells may not be, and what to do
DATES = say("dates or times")
NESTED = say("dicts or other nested values")
BYTES = say("bytes")
OBJECTS = say("objects that are neither texts nor numbers")
INSTEAD: dict[str, Sentence] = {
    DATES: say("Name another column, or write them as texts, as in df[{column!r}].astype(str)."),
    NESTED: say(
        "Take what you need out of them into a column of its own. Only spans may be dicts, a list"
        " of them in each cell, and answers as in {{'text': [...], 'answer_start': [...]}}."
    ),
    BYTES: say("Decode them first, as in [cell.decode('utf-8') for cell in cells]."),
    OBJECTS: say("Write them as texts first."),
}
MISSING = ("NAType", "NaTType", "Null")  # how pandas and polars call what is not there


CALLED = {"texts": say("texts"), "labels": say("labels")}
AS_THEY_ARE = {str, int, bool, type(None)}


class NotText(Exception):
    """A cell that no file could hold either; `args[0]` is one of the kinds above."""


def is_frame(data: Any) -> bool:
    """Whether columns can be taken out of it by their names."""
    return not isinstance(data, Mapping) and _names_of(data) is not None


def table_of(data: Any, name: str, wanted: Mapping[str, Any]) -> Table:
    """A DataFrame or a dict of columns as a table.

    Args:
        wanted: the columns that were named, by the argument that named them (text, label ...).
            With both texts and labels named, nothing else is looked at.

    Raises:
        UserError: every column that is not there, and every kind of cell that cannot be read.
    """
    columns = list(data) if isinstance(data, Mapping) else _names_of(data) or []
    names = list(map(str, columns))
    named = {role: str(column) for role, column in wanted.items() if column is not None}
    faults: list[str] = [
        together(
            (
                unknown(say("column in {table}", table=name), column, names),
                say("Correct {argument}={value!r}.", argument=role, value=column),
            )
        )
        for role, column in named.items()
        if column not in names
    ]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        faults.append(
            say(
                "{name} has more than one column called {twice}. Give every column its own name.",
                name=name,
                twice=some(map(repr, twice)),
            )
        )
    if not names:
        faults.append(
            say("{name} has no columns. It needs one of texts and one of labels.", name=name)
        )
    if twice or not names:
        raise_all(faults)
    told = {"text", "label"} <= named.keys()
    read: dict[str, list[Cell]] = {}
    notes: list[str] = []
    for column, called in zip(columns, names, strict=True):
        if told and called not in named.values():
            continue
        cells, bad = _cells(_values(data, name, column, faults))
        if not bad:
            faults += _too_long(name, called, cells)
            read[called] = cells
        elif called in named.values():
            faults += [
                say(
                    "{name}, column {column!r}: {kind} in row {rows}. {instead}",
                    name=name,
                    column=called,
                    kind=kind,
                    rows=some(rows),
                    instead=INSTEAD[kind].filled(column=called),
                )
                for kind, rows in bad.items()
            ]
        else:
            notes.append(
                say(
                    "The column {column!r} is not looked at: it holds {kinds}.",
                    column=called,
                    kinds=both(bad),
                )
            )
    sizes = {called: len(cells) for called, cells in read.items()}
    if len(set(sizes.values())) > 1:
        faults.append(
            say(
                "The columns of {name} are not of one length: {sizes}.",
                name=name,
                sizes=listed(
                    say("{column!r} has {n:,} cells", column=called, n=n)
                    for called, n in sizes.items()
                ),
            )
        )
    elif not faults and not any(sizes.values()):
        faults.append(say("{name} has no rows. Add at least a few for each label.", name=name))
    raise_all(dict.fromkeys(faults))
    return Table(name, read, notes=tuple(notes))


def table_of_lists(texts: Any, labels: Any, name: str = "data") -> Table:
    """Texts, or pairs of texts, and a label for each.

    Raises:
        UserError: a generator, lists of unequal length, or cells that cannot be read.
    """
    faults: list[str] = []
    texts, labels = _listed("texts", texts, faults), _listed("labels", labels, faults)
    raise_all(faults)
    if len(texts) != len(labels):
        faults.append(
            say(
                "There are {texts:,} texts and {labels:,} labels. Each text needs a label; None for"
                " one that has none.",
                texts=len(texts),
                labels=len(labels),
            )
        )
    if not texts:
        faults.append(say("There are no texts. Give at least a few for each label."))
    pairs = [isinstance(text, (list, tuple)) for text in texts]
    if any(pairs):
        wrong = [i for i, text in enumerate(texts, 1) if not (pairs[i - 1] and len(text) == 2)]
        if wrong:
            faults.append(
                say(
                    "Texts must be all alone or all in pairs (a, b); otherwise in row {rows}.",
                    rows=some(wrong),
                )
            )
    raise_all(faults)
    columns: dict[str, Any] = {"text": texts}
    if any(pairs):
        columns = {"text": [a for a, _ in texts], "text_b": [b for _, b in texts]}
    columns["label"] = labels
    return table_of(columns, name, {role: role for role in columns})


def texts_of(texts: Any) -> list[tuple[str, str | None]]:
    """(text, second text or None) of each text, or pair of texts, that is to be labelled.

    Raises:
        UserError: not a list, or cells that are no texts.
    """
    faults: list[str] = []
    listed = _listed("texts", texts, faults)
    raise_all(faults)
    made: list[tuple[str, str | None]] = []
    wrong: list[int] = []
    for i, text in enumerate(listed, 1):
        pair = (text, None) if isinstance(text, str) else text
        if isinstance(pair, (list, tuple)) and len(pair) == 2:
            first, second = pair
            if isinstance(first, str) and (second is None or isinstance(second, str)):
                made.append((str(first), second))
                continue
        wrong.append(i)
    if wrong:
        raise_all(
            [
                say(
                    "Texts must be texts, or pairs of texts; they are not in row {rows}.",
                    rows=some(wrong),
                )
            ]
        )
    return made


def _listed(what: str, given: Any, faults: list[str]) -> list[Any]:
    """A list of it; a text is not a list of its letters, and a generator can be read only once."""
    if isinstance(given, (str, bytes, Mapping)) or given is None:
        kind = say("one text") if isinstance(given, str) else type(given).__name__
        faults.append(_no_list(what, kind))
    elif isinstance(given, Iterator):
        faults.append(
            say(
                "The {what} come from a {kind}, which can be read only once. Give"
                " list({argument}).",
                what=CALLED[what],
                kind=type(given).__name__,
                argument=what,
            )
        )
    elif getattr(given, "ndim", 1) > 2 or (what == "labels" and getattr(given, "ndim", 1) > 1):
        faults.append(_no_list(what, say("an array of {n} dimensions", n=given.ndim)))
    elif hasattr(given, "tolist") or hasattr(given, "to_list"):
        return _plain_list(given)
    elif isinstance(given, Iterable):
        return list(given)
    else:
        faults.append(_no_list(what, type(given).__name__))
    return []


def _no_list(what: str, kind: str) -> Sentence:
    return say("The {what} must be a list, not {kind}.", what=CALLED[what], kind=kind)


def _names_of(data: Any) -> list[Any] | None:
    """The columns of a DataFrame (pandas, polars), or of a table of pyarrow or `datasets`."""
    for names in ("columns", "column_names"):
        found = getattr(data, names, None)
        if found is None or callable(found) or not hasattr(data, "__getitem__"):
            continue
        if names == "columns" and hasattr(data, "column_names"):
            continue  # pyarrow: its `columns` are the columns themselves
        return list(found) if isinstance(found, Iterable) else None
    return None


def _values(data: Any, name: str, column: Any, faults: list[str]) -> Sequence[Any]:
    given = data[column]
    where = say("{table}, column {name!r}", table=name, name=str(column))
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        faults.append(
            say(
                "{where}: a list of cells is needed, not {kind}.",
                where=where,
                kind=type(given).__name__,
            )
        )
        return []
    if isinstance(given, Iterator):
        faults.append(say("{where}: a generator can be read only once. Give a list.", where=where))
        return []
    if isinstance(given, Sized) and len(given) > USUAL.rows:  # before anything is copied
        faults.append(
            say(
                "{name} has {n:,} rows; at most {most:,} can be read. Draw a sample of them: far"
                " fewer are needed to compare ways of using labels.",
                name=name,
                n=len(given),
                most=USUAL.rows,
            )
        )
        return []
    return _plain_list(given)


def _plain_list(given: Any) -> list[Any]:
    """A list, its numbers as Python's own where the column can give them so."""
    if getattr(getattr(given, "dtype", None), "kind", "") in ("m", "M"):
        return list(given)  # NumPy would make whole numbers of dates
    for name in ("tolist", "to_list", "to_pylist"):
        method: Callable[[], list[Any]] | None = getattr(given, name, None)
        if method is not None:
            return method()
    return list(given)


def _cells(values: Iterable[Any]) -> tuple[list[Cell], dict[str, list[int]]]:
    """Cells as a file would give them, and the rows of those that cannot be, by kind."""
    values = list(values)
    if set(map(type, values)) <= AS_THEY_ARE:
        return values, {}
    cells: list[Cell] = []
    bad: dict[str, list[int]] = {}
    for row, value in enumerate(values, 1):
        if type(value) is str:
            cells.append(value)
            continue
        try:
            cells.append(_cell(value))
        except NotText as fault:
            bad.setdefault(fault.args[0], []).append(row)
            cells.append(None)
    return cells, bad


def _cell(value: Any) -> Cell:
    if value is None or type(value).__name__ in MISSING:
        return None
    if isinstance(value, (bool, str)):
        return value if isinstance(value, bool) else str(value)
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        raise NotText(DATES)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) or type(value).__name__ == "Decimal":
        number = float(value)
        return None if math.isnan(number) else number
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise NotText(BYTES)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [
            _item(item)
            for item in (sorted(value, key=str) if isinstance(value, (set, frozenset)) else value)
        ]
    if hasattr(value, "dtype"):  # NumPy's own: a scalar, or an array in a cell
        if value.dtype.kind in "mM":
            if str(value) == "NaT":
                return None
            raise NotText(DATES)
        plain = value.tolist()
        return _cell(plain) if type(plain) is not type(value) else _unknown(value)
    if isinstance(value, Mapping):
        return _answers(value)
    return _unknown(value)


def _item(value: Any) -> Any:
    """A part of a list: a span or an answer may be a dict, as in a file."""
    if isinstance(value, Mapping):
        return {str(name): _item(of) for name, of in value.items()}
    return _cell(value)


def _answers(value: Mapping) -> str:
    """Answers as the hub has them, {"text": [...], "answer_start": [...]}, as a file's reader gives
    them; any other dict is nothing that a column holds.
    """
    if not any(str(name).casefold().endswith("start") for name in value):
        raise NotText(NESTED)
    return json.dumps(_item(value), ensure_ascii=False)


def _unknown(value: Any) -> Cell:
    raise NotText(OBJECTS)


def _too_long(name: str, column: str, cells: Iterable[Cell]) -> list[str]:
    """As for files: cells of which one is as long as a file, or that hold what no text holds."""
    long, nul = [], []
    for i, cell in enumerate(cells, 1):
        if type(cell) is str:
            if len(cell) > MAX_CELL:
                long.append(i)
            if "\0" in cell:
                nul.append(i)
    faults: list[str] = []
    if long:
        faults.append(
            say(
                "{name}, column {column!r}: cells of more than {most:,} characters in row {rows}."
                " Shorten or remove them.",
                name=name,
                column=column,
                most=MAX_CELL,
                rows=some(long),
            )
        )
    if nul:
        faults.append(
            say(
                "{name}, column {column!r}: NUL characters, which no text holds, in row {rows}."
                " Remove them.",
                name=name,
                column=column,
                rows=some(nul),
            )
        )
    return faults


def path_of(data: Any) -> str | Path | None:
    """The file that is meant, or `sample:NAME`; None where the data are here already."""
    return data if isinstance(data, (str, Path)) else None
