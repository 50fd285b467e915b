"""What the cells of a column of labels hold: one label each, several, or no labels at all."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tl_core.api.sentences import Sentence, Setting, say
from tl_core.api.task import Task
from tl_core.api.types import Label
from tl_core.data.hints import (
    MAX_LABELS,
    Several,
    several_labels,
)
from tl_core.data.labels import written
from tl_core.data.other_tasks import amounts
from tl_core.data.tables import (
    Cell,
    ReadOptions,
    Table,
    some,
)

LIST, FRACTION, NO_LIST = (
    "list",
    "fraction",
    "no list",
)  # what a label cell can be instead of labels


@dataclass(frozen=True)
class LabelCells:
    """What a column of labels says.

    `found` holds the label ids of each row, None where it has no label; `bad` the rows whose cells
    hold no labels, by what they hold; `several` how several labels in a cell are told apart.
    """

    found: list
    bad: dict[str, list[int]]
    several: Several | None = None

    @cached_property
    def counts(self) -> Counter:
        """How many rows have just these labels."""
        return Counter(ids for ids in self.found if ids is not None)

    @cached_property
    def rows(self) -> Counter:
        """How many rows have each label."""
        rows: Counter = Counter()
        for ids, n in self.counts.items():
            rows.update(dict.fromkeys(ids, n))
        return rows

    @property
    def used(self) -> set[str]:
        """The labels that rows have."""
        return set(self.rows)


def read_label_cells(
    cells: Sequence[Cell], task: Task, labels: tuple[Label, ...] | None
) -> LabelCells:
    """Read a column, one label a cell or several as the task has it; `labels`: the label table."""
    if task.exclusive:
        return LabelCells(*_read(cells, _one))
    several = _found_mark(cells, labels)
    mark = several.mark if several else None
    return LabelCells(*_read(cells, lambda cell: _many(cell, mark)), several)


def _read(
    cells: Sequence[Cell], read: Callable[[Cell], tuple[str, ...] | str | None]
) -> tuple[list, dict[str, list[int]]]:
    """Equal cells are read once."""
    seen: dict = {}
    found: list[tuple[str, ...] | None] = []
    bad: dict[str, list[int]] = {}
    for row, cell in enumerate(cells, 1):
        key = (
            cell if type(cell) is str else (type(cell), repr(cell))
        )  # True is not 1, and a list has no hash
        if key not in seen:
            seen[key] = read(cell)
        ids = seen[key]
        if isinstance(ids, str):
            bad.setdefault(ids, []).append(row)
            ids = None
        found.append(ids)
    return found, bad


def _one(cell: Cell) -> tuple[str, ...] | str | None:
    if isinstance(cell, list) or (
        isinstance(cell, str) and (_listed(cell) is not None or _broken_list(cell))
    ):
        return LIST
    if _fraction(cell):
        return FRACTION
    id = written(cell)
    return (id,) if id else None


def _fraction(cell: Cell) -> bool:
    return isinstance(cell, float) and not math.isnan(cell) and not cell.is_integer()


def _many(cell: Cell, separator: str | None) -> tuple[str, ...] | str | None:
    if _fraction(cell):
        return FRACTION
    if isinstance(cell, str):
        listed = _listed(cell)
        if listed is None and not written(cell):
            return None
        if listed is None and _broken_list(cell):
            return NO_LIST
        cell = listed if listed is not None else cell.split(separator) if separator else [cell]
    elif not isinstance(cell, list):
        cell = [cell] if written(cell) else None
    if cell is None:
        return None
    if any(isinstance(item, (list, dict)) or _fraction(item) for item in cell):
        return NO_LIST
    return tuple(dict.fromkeys(id for item in cell if (id := written(item))))


def _listed(cell: str) -> list | None:
    """The list written in a cell, as JSON or as Python writes lists, tuples and sets; None when it
    is none.
    """
    cell = cell.strip()
    if (
        cell[:2] in ("('", '("', "{'", '{"')
        and cell[-1:] == {"(": ")", "{": "}"}[cell[0]]
        and "':" not in cell
        and '":' not in cell
    ):
        cell = f"[{cell[1:-1].rstrip().removesuffix(',')}]"
    if not (cell.startswith("[") and cell.endswith("]")):
        return None
    for text in (cell, cell.replace("'", '"')):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, list) else None
    return None


def _broken_list(cell: str) -> bool:
    """A list that cannot be read, such as the ['a' 'b'] that NumPy writes: cut at commas it would
    make odd labels.
    """
    return cell.strip().startswith(("['", '["'))


def _found_mark(cells: Iterable[Cell], labels: tuple[Label, ...] | None) -> Several | None:
    """The separator of several labels in one cell: what the cells suggest, else the first of |
    ; , that any of them holds.
    """
    counts = Counter(
        cell.strip()
        for cell in cells
        if isinstance(cell, str) and cell.strip() and _listed(cell) is None
    )
    if found := several_labels({**{label.id: 0 for label in labels or ()}, **counts}):
        return found
    held = next((mark for mark in "|;," if any(mark in cell for cell in counts)), None)
    if held is None:
        return None
    holding = [
        cell
        for cell in counts
        if len({part.strip() for part in cell.split(held) if part.strip()}) > 1
    ]
    return Several(held, sum(counts[cell] for cell in holding), holding[0] if holding else "")


def cell_faults(
    table: Table, columns: dict[str, str | None], bad: dict[str, list[int]]
) -> list[str]:
    """What is wrong with cells of labels and of texts, a sentence each."""

    def at(role: str) -> Sentence:
        return say("{table}, column {name!r}", table=table.name, name=columns[role])

    faults: list[str] = []
    for what, rows in bad.items():
        values = {"at": at("label"), "rows": some(rows, 3 if what == LIST else 10)}
        if what == LIST:
            fault = say(
                "{at}: lists of labels in row {rows}. If a text may have several labels, say so"
                " with {option}; otherwise give each row one.",
                option=Setting("multi_label"),
                **values,
            )
        elif what == FRACTION:
            fault = say(
                "{at}: numbers with a fraction in row {rows}, which are no classes, and predicting"
                " a number is not done here. Name the column of labels with {option}, or round the"
                " numbers to classes.",
                option=Setting("label"),
                **values,
            )
        else:
            fault = say(
                "{at}: lists that hold no labels, or cannot be read, in row {rows}. Write each list"
                ' of labels as ["a", "b"].',
                **values,
            )
        faults.append(fault)
    for role in ("text", "text_b"):
        if name := columns[role]:
            rows = [
                row for row, cell in enumerate(table.columns[name], 1) if isinstance(cell, list)
            ]
            if rows:
                faults.append(
                    say(
                        "{at}: lists instead of texts in row {rows}. Name the column of texts with"
                        " {option}, or join each list to one text.",
                        at=at(role),
                        rows=some(rows),
                        option=Setting(role),
                    )
                )
    return faults


def label_fault(
    table: Table,
    name: str,
    cells: LabelCells,
    task: Task,
    options: ReadOptions,
    check_classes: bool,
) -> str:
    """What is wrong with the labels that rows have, as a sentence; "" where nothing is."""
    found, counts, used = cells.found, cells.counts, cells.used
    column = say("The column {name!r} of {table}", name=name, table=table.name)
    labelled = counts.total()
    if not labelled:
        return say(
            "{column} has no label in any of the {found:,} rows. Fill it, or name the"
            " column of labels with {label}.",
            column=column,
            found=len(found),
            label=Setting("label"),
        )
    if (
        check_classes
        and task.exclusive
        and task.classes
        and (fault := amounts(name, used, options.label is not None))
    ):
        return fault
    if len(used) > max(MAX_LABELS, labelled / 2):
        return say(
            "{column} has {used:,} different values in {labelled:,} rows: it looks like an"
            " identifier or a text. Name the right column with {label}.",
            column=column,
            used=len(used),
            labelled=labelled,
            label=Setting("label"),
        )
    if len(used) > MAX_LABELS:
        return say(
            "{column} has {used:,} different labels; at most {max_labels} can be compared."
            " Join rare ones, or name the right column with {label}.",
            column=column,
            used=len(used),
            max_labels=MAX_LABELS,
            label=Setting("label"),
        )
    if check_classes and len(used) < 2:
        values = {"column": column, "rows": labelled}
        if used:
            return say(
                "{column} has only the label {label!r} in its {rows:,} labelled rows. At least two"
                " labels are needed.",
                label=next(iter(used)),
                **values,
            )
        return say(
            "{column} has no label that applies in its {rows:,} labelled rows. At least two labels"
            " are needed.",
            **values,
        )
    single = (
        {ids for ids, n in counts.items() if n == 1} if check_classes and task.exclusive else set()
    )
    if single:
        rows = [
            say("{label!r} (row {row:,})", label=ids[0], row=row)
            for row, ids in enumerate(found, 1)
            if ids in single
        ]
        return say(
            "{column} has labels with a single row: {rows}. Each needs two at least, one to"
            " learn from and one to test on: add rows, or join the label with another.",
            column=column,
            rows=some(rows),
        )
    return ""
