"""A table as texts, or pairs of texts, with their labels."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import Setting, listed, say, together
from tl_core.api.task import Task
from tl_core.api.types import Dataset, Example, Label, Problem
from tl_core.data.alike import join, label_key, one_name
from tl_core.data.columns import LABEL_NAMES, guess_columns
from tl_core.data.hints import (
    MARKS,
    MAX_LABELS,
    Hint,
    alike_hint,
    group_hint,
    ordered_hint,
    several_hint,
    several_labels,
)
from tl_core.data.label_cells import LIST, LabelCells, cell_faults, label_fault, read_label_cells
from tl_core.data.labels import infer_labels, merge, written
from tl_core.data.loaded import Loaded, left_unlabelled, not_among
from tl_core.data.other_tasks import other_task
from tl_core.data.tables import Cell, ReadOptions, Table, some
from tl_core.tasks import task_to_read

MOST_SPELLINGS = 20_000  # different cells; a column with more is none of labels


def to_labelled(
    table: Table,
    options: ReadOptions,
    labels: tuple[Label, ...] | None = None,
    *,
    check_classes: bool = True,
) -> Loaded:
    """As `to_dataset`, of rows with labels, one each or several.

    Raises:
        UserError: every fault of columns, cells and labels.
    """
    if options.label is None and (fault := other_task(table, LABEL_NAMES)):
        raise UserError(fault)
    columns, guesses = guess_columns(table, options)
    label = columns["label"]
    assert label is not None  # or guess_columns had raised
    task = task_to_read(options.task, several=options.multi_label)
    cells = read_label_cells(table.columns[label], task, labels)
    joined: dict[str, str] = {}
    if options.merge_labels:
        found, labels, joined = _join(cells.found, labels, first_stays=not check_classes)
        cells = replace(cells, found=found)
    question = _several_question(cells, task)
    _check(table, columns, cells, labels, task, options, question, check_classes)

    labels, notes = _labels_of(cells, labels, task, check_classes)
    if check_classes and (fault := one_name(labels)):
        _raise_changeable([fault], {"merge_labels": True})
    hints = [
        question,
        alike_hint(labels, cells.rows),
        ordered_hint(label, cells.used) if task.classes and task.exclusive else None,
        group_hint(table, columns),
    ]
    problem = Problem("two texts" if columns["text_b"] else "one text", task.target, labels)
    return Loaded(
        Dataset(table.name, problem, _examples(table, columns, cells.found, problem)),
        columns,
        table.guesses + guesses,
        (*table.notes, *notes, *_read_as(cells, joined)),
        len(table.columns[label]) - cells.counts.total(),
        tuple(filter(None, hints)) if check_classes else (),
        joined,
    )


def _several_question(cells: LabelCells, task: Task) -> Hint | None:
    """Whether cells that are read as one label each may hold several."""
    if not (task.classes and task.exclusive):
        return None
    read_as = several_labels(cells.rows)
    return several_hint(read_as) if read_as else None


def _check(
    table: Table,
    columns: dict[str, str | None],
    cells: LabelCells,
    labels: tuple[Label, ...] | None,
    task: Task,
    options: ReadOptions,
    question: Hint | None,
    check_classes: bool,
) -> None:
    """Refuse what cannot be read.

    Raises:
        UserError: every fault of cells and labels.
    """
    label = columns["label"]
    assert label is not None
    change: dict[str, bool] = {"multi_label": True} if LIST in cells.bad else {}
    faults = cell_faults(table, columns, cells.bad)
    if not faults:
        fault = task.fault(cells.used, label) or label_fault(
            table, label, cells, task, options, check_classes
        )
        if fault and question and check_classes:
            otherwise = say(
                "{question} Otherwise: {fault}", question=question.sentence, fault=fault
            )
            fault, change = otherwise, question.change
        faults.append(fault)
    if labels is not None and len(cells.used) <= MAX_LABELS:
        fault = not_among(cells.used, labels, check_classes)
        named = {label_key(x) for label in labels for x in (label.id, label.name)}
        if fault and {label_key(i) for i in cells.used} <= named:
            alike = say(
                "They differ from its labels only in how they are written: {merge_labels} makes"
                " one of those.",
                merge_labels=Setting("merge_labels"),
            )
            fault, change = together((fault, alike)), {"merge_labels": True}
        faults.append(fault)
    _raise_changeable(list(filter(None, faults)), change)


def _labels_of(
    cells: LabelCells, labels: tuple[Label, ...] | None, task: Task, check_classes: bool
) -> tuple[tuple[Label, ...], list[str]]:
    """The labels in the order of the score axis, and what to say of rows and labels left out."""
    notes: list[str] = []
    if labels is None:
        labels = task.ordered(infer_labels(cells.used))
    elif check_classes:
        extra = [repr(label.id) for label in labels if label.id not in cells.used]
        labels = task.ordered(merge(cells.used, labels))
        if extra:
            notes.append(
                say(
                    "No row has the label {extra} of the label table; it is left out.",
                    extra=some(extra),
                )
            )
    return labels, [*notes, *left_unlabelled(cells.found)]


def _read_as(cells: LabelCells, joined: dict[str, str]) -> list[str]:
    """How labels were told apart, and which are one."""
    notes: list[str] = []
    if cells.several and cells.several.rows:
        notes.append(
            say(
                "The labels of a row are taken to be separated by {marks}, as in “{example}”.",
                marks=MARKS[cells.several.mark],
                example=cells.several.example,
            )
        )
    if joined:
        same = (
            say("“{gone}” is read as “{stays}”", gone=gone, stays=stays)
            for gone, stays in joined.items()
        )
        notes.append(
            say(
                "Labels that are spelled alike or called the same are one: {labels}.",
                labels=listed(same, 10, "; "),
            )
        )
    return notes


def _join(
    found: list, labels: tuple[Label, ...] | None, *, first_stays: bool
) -> tuple[list, tuple[Label, ...] | None, dict[str, str]]:
    """Alike labels as one, in the rows and in the label table; what the table names stays before
    what only the rows say.
    """
    rows = Counter(i for ids in found if ids for i in ids)
    if len(rows) > MOST_SPELLINGS:
        return found, labels, {}
    table = {label.id for label in labels or ()}
    counts = {i: -1 if table and i not in table else n for i, n in rows.items()}
    kept, joined = join(
        [*(labels or ()), *infer_labels(rows.keys() - table)], None if first_stays else counts
    )
    return (
        [ids and tuple(dict.fromkeys(joined.get(i, i) for i in ids)) for ids in found],
        labels and tuple(label for label in kept if label.id in table),
        joined,
    )


def _raise_changeable(faults: list[str], change: dict[str, bool]) -> None:
    """Raise the faults together; `change` is what of `ReadOptions` would read the file so that they
    are gone.
    """
    try:
        raise_all(faults)
    except UserError as fault:
        fault.change = change
        raise


def _examples(
    table: Table, columns: dict[str, str | None], found: list, problem: Problem
) -> tuple[Example, ...]:
    """Rows with labels, in file order; the labels of a row are in the order of the problem."""
    order = problem.label_index.__getitem__
    shared = {ids: tuple(sorted(ids, key=order)) for ids in set(found) if ids is not None}
    groups: dict[str, str] = {}
    nothing = [None] * table.rows
    texts, seconds, group_cells = (
        table.columns[name] if (name := columns[role]) else nothing
        for role in ("text", "text_b", "group")
    )
    paired = columns["text_b"] is not None
    return tuple(
        Example(
            row,
            text if type(text) is str else _text(text),
            _text(second) if paired else None,
            shared[ids],
            None if group is None else groups.setdefault(g := written(group), g) or None,
        )
        for row, (text, second, ids, group) in enumerate(
            zip(texts, seconds, found, group_cells, strict=True), 1
        )
        if ids is not None
    )


def _text(cell: Cell) -> str:
    """Exactly the text of a cell; a missing one is empty."""
    if isinstance(cell, str):
        return cell
    return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell)
