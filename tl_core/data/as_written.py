"""A table as texts with what is to be written from each."""

from __future__ import annotations

from dataclasses import replace

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import Setting, say
from tl_core.api.types import Dataset, Label, Problem
from tl_core.data.columns import LABEL_NAMES, guess_of, named_roles
from tl_core.data.labels import merge
from tl_core.data.loaded import Loaded, groups_of
from tl_core.data.other_tasks import source_and_target
from tl_core.data.source_target import named_columns, read_pairs, written_name
from tl_core.data.tables import ReadOptions, Table, some
from tl_core.tasks import task_to_read


def is_written(table: Table, options: ReadOptions) -> bool:
    """Whether the file holds texts and what is written from them, and no other columns are asked
    for.
    """
    if options.text_b or options.multi_label:
        return False
    found = source_and_target(table, LABEL_NAMES)
    return found is not None and found == (options.text or found[0], options.label or found[1])


def _source_and_target(table: Table, options: ReadOptions) -> tuple[str, str]:
    """The column that is read and the one that is written.

    Raises:
        UserError: it is unclear which is which, or a second text is named.
    """
    found = source_and_target(table, LABEL_NAMES) or named_columns(table)
    text, target = options.text or found[0], options.label or found[1]
    if text is None or target is None or text == target:
        raise UserError(
            say(
                "{table} is to be read as texts with what is written from each, and it is unclear"
                " which column is which. It has {columns}. Name the column that is read with {text}"
                " and the one that is written with {label}.",
                table=table.name,
                columns=some(map(repr, table.columns), 30),
                text=Setting("text"),
                label=Setting("label"),
            )
        )
    if options.text_b:
        raise UserError(
            say(
                "A text is written from one text, and {text_b} names a second. Leave it out.",
                text_b=Setting("text_b"),
            )
        )
    return text, target


def to_written(
    table: Table,
    options: ReadOptions,
    labels: tuple[Label, ...] | None = None,
    *,
    check_classes: bool = True,
) -> Loaded:
    """As `to_dataset`, of texts with what is to be written from each.

    Raises:
        UserError: every fault of columns and rows.
    """
    task = task_to_read(options.task)
    given = named_roles(table, options)
    text, target = _source_and_target(table, options)
    columns = given | {"text": text, "label": target}
    read = read_pairs(table, text, target)
    raise_all(list(read.faults))
    if labels is None:
        labels = (Label(target, written_name(target)),)
    elif check_classes:
        labels = merge({target}, labels)
    problem = Problem("one text", task.target, labels)
    examples = tuple(
        replace(example, labels=problem.label_ids[:1], group=group)
        for example, group in zip(read.rows, groups_of(table, columns), strict=True)
        if example is not None
    )
    guesses = tuple(
        guess_of(role, str(columns[role]), say("the names of the two columns go together"), called)
        for role, called in (("text", None), ("label", say("written text")))
        if not given[role]
    )
    return Loaded(
        Dataset(table.name, problem, examples),
        columns,
        table.guesses + guesses,
        (*table.notes, *read.notes),
        read.rows.count(None),
    )
