"""Options of a file of texts and labels, and saying how it was read."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import Setting, say
from tl_core.commands import marked, note


def file_options(command: argparse.ArgumentParser, required: bool = True) -> None:
    """The file, how to read it, and which columns are what."""
    command.add_argument(
        "file",
        metavar="FILE",
        nargs=None if required else "?",
        help=say(
            "CSV, TSV, JSONL, JSON, Parquet or XLSX; or sample:NAME, or"
            " hf://OWNER/NAME[:CONFIG][:SPLIT]"
        ),
    )
    columns = command.add_argument_group(
        say("columns"), say("detected unless given; everything detected is reported")
    )
    columns.add_argument("--text", help=say("column of the text"))
    columns.add_argument("--text-b", help=say("column of the second text"))
    columns.add_argument("--label", help=say("column of the label"))
    columns.add_argument(
        "--group", help=say("column whose equal values stay on one side of the split")
    )
    columns.add_argument(
        "--multi-label",
        action="store_true",
        help=say("a row may have several labels: a list, or a delimited cell"),
    )
    columns.add_argument(
        "--task",
        metavar="ID",
        help=say(
            "what the labels are: single-label, many-labels, ordinal for ratings, tagging for"
            " spans, or text-to-text for texts that are written; see: list tasks"
        ),
    )
    columns.add_argument(
        "--merge-labels",
        action="store_true",
        help=say(
            "labels that differ only in case, spaces, marks at the ends or Unicode form, or that"
            " the label table calls the same, are one"
        ),
    )
    columns.add_argument("--encoding", help=say("such as utf-8 or cp949"))
    columns.add_argument("--delimiter", help=say("such as ; or tab"))
    columns.add_argument("--sheet", help=say("sheet of an XLSX file"))
    command.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help=say("label table: id, name, descriptions, words (JSON or CSV)"),
    )


def load_file(a: argparse.Namespace):
    """Read the file as the options say."""
    from tl_core.data.load import load
    from tl_core.data.tables import ReadOptions

    options = ReadOptions(
        a.encoding,
        a.delimiter,
        a.sheet,
        a.text,
        a.text_b,
        a.label,
        a.group,
        a.multi_label,
        a.merge_labels,
        a.task,
    )
    return load(a.file, options, a.labels)


def say_reading(loaded, stream, *, hints: bool = True) -> None:
    """Every guess and note about the file, and what the person should be asked."""
    for guess in loaded.guesses:
        said = say(
            "{what}: {value} ({why}); {option} overrides it",
            what=guess.what,
            value=guess.value,
            why=guess.why,
            option=guess.option,
        )
        print(marked(say("guessed"), said), file=stream)
    for text in loaded.notes:
        print(note(text), file=stream)
    for hint in loaded.hints if hints else ():
        mark = say("WARNING") if hint.level == "warning" else say("note")
        print(marked(mark, hint.sentence), file=stream)


def load_texts(a: argparse.Namespace):
    """(examples, problem) of a file whose rows need no labels; without labels the problem is None.

    Raises:
        UserError: the file cannot be read, or it cannot be determined where the texts are.
    """
    from tl_core.api.types import Example
    from tl_core.data.tables import ReadOptions, read_table

    try:
        loaded = load_file(a)
    except UserError as fault:
        if a.label is not None or a.file.startswith("sample:"):
            raise
        table = read_table(Path(a.file), ReadOptions(a.encoding, a.delimiter, a.sheet))
        texts = table.columns[text_column(table, a.text)]
        print(note(say("Read without labels: {fault}", fault=fault)), file=sys.stderr)
        return [
            Example(i, str(text))
            for i, text in enumerate(texts, start=1)
            if text is not None and str(text).strip()
        ], None
    say_reading(loaded, sys.stderr)
    return list(loaded.dataset.examples), loaded.dataset.problem


def text_column(table, named: str | None) -> str:
    """The column of the texts: as named, the only one, or the first that is called as texts are.

    Raises:
        UserError: there is no such column, or it cannot be determined.
    """
    from tl_core.data.columns import TEXT_NAMES

    if named is not None:
        if named not in table.columns:
            raise UserError(unknown(f"column in {table.name}", named, table.columns))
        return named
    called = {name.casefold().strip(): name for name in reversed(table.columns)}
    guessed = [called[name] for name in TEXT_NAMES if name in called] or (
        list(table.columns) if len(table.columns) == 1 else []
    )
    if not guessed:
        raise UserError(
            say(
                "It is unclear which column of {table} holds the texts; there are {columns}."
                " Name it with {text}.",
                table=table.name,
                columns=", ".join(map(str, table.columns)),
                text=Setting("text"),
            )
        )
    return guessed[0]
