"""A table as texts whose spans are tagged."""

from __future__ import annotations

from dataclasses import replace

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import Setting, say
from tl_core.api.types import Dataset, Label, Problem
from tl_core.data.columns import guess_of, named_roles
from tl_core.data.hints import MAX_LABELS
from tl_core.data.loaded import Loaded, groups_of, labels_for, left_unlabelled, not_among
from tl_core.data.tables import ReadOptions, Table, some
from tl_core.data.tagged import looks_tagged, read_tagged, tagged_columns, types_of
from tl_core.tasks import task_to_read


def is_tagged(table: Table, options: ReadOptions) -> bool:
    """Whether the file holds texts with their spans, and no other columns are asked for."""
    if options.text_b or options.multi_label:
        return False
    found = tagged_columns(table)
    if found is None:
        return False
    text, label = options.text or found[0], options.label or found[1]
    named = label in table.columns and text in table.columns
    return named and looks_tagged(table.columns[label])


def to_tagged(
    table: Table,
    options: ReadOptions,
    labels: tuple[Label, ...] | None = None,
    *,
    check_classes: bool = True,
) -> Loaded:
    """As `to_dataset`, of texts whose spans are tagged.

    Raises:
        UserError: every fault of columns, rows and labels.
    """
    task = task_to_read(options.task)
    given = named_roles(table, options)
    found = tagged_columns(table)
    columns = given | {
        "text": options.text or (found and found[0]),
        "label": options.label or (found and found[1]),
    }
    text, label = columns["text"], columns["label"]
    if text is None or label is None or not looks_tagged(table.columns[label]):
        raise UserError(
            say(
                "{table} is to be read as texts with tagged spans, and no column holds any. It has"
                " {columns}. Give each text a list of spans, as {example}, or words and as many"
                " tags such as B-PERSON, I-PERSON and O.",
                table=table.name,
                columns=some(map(repr, table.columns), 30),
                example='[[0, 4, "PERSON"]]',
            )
        )
    if options.text_b:
        raise UserError(
            say(
                "Spans are tagged in one text, and {text_b} names a second. Leave it out.",
                text_b=Setting("text_b"),
            )
        )
    read = read_tagged(table, text, label)
    used = types_of(read.rows)
    faults = list(read.faults)
    if not faults and not used:
        faults.append(
            say(
                "{table}: no text has a span in the column {label!r}. Tag some, or name another"
                " column.",
                table=table.name,
                label=label,
            )
        )
    if labels is not None and len(used) <= MAX_LABELS:
        faults.append(not_among(used, labels, check_classes))
    raise_all(list(filter(None, faults)))
    labels = labels_for(used, labels, check_classes)
    problem = Problem("one text", task.target, labels)
    order = problem.label_index.__getitem__
    examples = tuple(
        replace(example, labels=tuple(sorted(example.labels, key=order)), group=group)
        for example, group in zip(read.rows, groups_of(table, columns), strict=True)
        if example is not None
    )
    guesses = tuple(
        guess_of(role, str(columns[role]), say("its cells"))
        for role in ("text", "label")
        if not given[role]
    )
    return Loaded(
        Dataset(table.name, problem, examples),
        columns,
        table.guesses + guesses,
        (*table.notes, *read.notes, *left_unlabelled(read.rows)),
        read.rows.count(None),
    )
