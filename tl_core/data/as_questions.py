"""A table as texts with questions and their answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import Setting, say
from tl_core.api.types import Dataset, Example, Label, Problem
from tl_core.data.columns import guess_of, named_roles
from tl_core.data.loaded import Loaded, groups_of, labels_for, left_unlabelled, not_among
from tl_core.data.questions import Columns as QuestionColumns
from tl_core.data.questions import question_columns, read_questions, with_others
from tl_core.data.tables import ReadOptions, Table, some
from tl_core.data.tagged import types_of
from tl_core.tasks import ANSWER, ASKS, task_to_read


def is_asked(table: Table, options: ReadOptions) -> bool:
    """Whether the file holds questions with answers in their texts, and no other columns are asked
    for.
    """
    if options.multi_label:
        return False
    given = options.text, options.text_b, options.label
    if any(name is not None and name not in table.columns for name in given):
        return False
    return question_columns(table, *given) is not None


def to_questions(
    table: Table,
    options: ReadOptions,
    labels: tuple[Label, ...] | None = None,
    *,
    check_classes: bool = True,
) -> Loaded:
    """As `to_dataset`, of texts with a question each and its answer.

    Raises:
        UserError: every fault of columns, rows and labels.
    """
    given = named_roles(table, options)
    found = _asked_columns(table, options)
    columns = given | {
        "text": found.context,
        "text_b": found.question,
        "label": found.answers,
    }
    read = read_questions(table, found)
    used = types_of(read.rows)
    faults = list(read.faults)
    if not faults and check_classes and ANSWER not in used:
        faults.append(
            say(
                "{table}: no question has an answer in the column {label!r}. Add some, or name"
                " another column.",
                table=table.name,
                label=found.answers,
            )
        )
    if labels is not None:
        faults.append(not_among(used, labels, check_classes))
    raise_all(list(filter(None, faults)))
    labels = labels_for(used, labels, check_classes)
    labels = tuple(sorted(labels, key=lambda label: label.id != ANSWER))
    examples = _texts_together(read.rows, groups_of(table, columns))
    guesses = tuple(
        guess_of(role, str(columns[role]), say("its cells"))
        for role in ("text", "text_b", "label")
        if not given[role]
    )
    problem = Problem("two texts", task_to_read(ASKS).target, labels)
    return Loaded(
        Dataset(table.name, problem, examples),
        columns,
        table.guesses + guesses,
        (*table.notes, *read.notes, *left_unlabelled(read.rows)),
        read.rows.count(None),
    )


def _asked_columns(table: Table, options: ReadOptions) -> QuestionColumns:
    found = question_columns(table, options.text, options.text_b, options.label)
    if found is None and options.text and options.text_b and options.label:
        found = with_others(table, options.text, options.text_b, options.label)
    if found is None:
        raise UserError(
            say(
                "{table} is to be read as texts with questions and answers, and no three columns"
                " hold a text, a question about it, and an answer that is a stretch of that text."
                " It has {columns}. Name them with {text}, {text_b} and {label}.",
                table=table.name,
                columns=some(map(repr, table.columns), 30),
                text=Setting("text"),
                text_b=Setting("text_b"),
                label=Setting("label"),
            )
        )
    return found


def _texts_together(
    rows: Sequence[Example | None], groups: Iterable[str | None]
) -> tuple[Example, ...]:
    """The rows that can be used, the questions to one text in one group: as the file has it, else
    that of the text.
    """
    of_text: dict[str, str | None] = {}
    for example, group in zip(rows, groups, strict=True):
        if example is not None:
            of_text.setdefault(example.text, group or example.group)
    return tuple(replace(e, group=of_text[e.text]) for e in rows if e is not None)
