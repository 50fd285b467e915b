"""Options of a file of texts and labels, and saying how it was read."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tl_core.commands import shown
from tl_core.errors import UserError, unknown


def file_options(command: argparse.ArgumentParser, required: bool = True) -> None:
    """The file, how to read it, and which columns are what."""
    command.add_argument("file", metavar="FILE", nargs=None if required else "?", help="CSV, TSV, JSONL, JSON, Parquet or XLSX; or sample:NAME")
    columns = command.add_argument_group("columns", "guessed unless given; every guess is said")
    columns.add_argument("--text", help="column of the text")
    columns.add_argument("--text-b", help="column of the second text")
    columns.add_argument("--label", help="column of the label")
    columns.add_argument("--group", help="column whose equal values stay on one side of the split")
    columns.add_argument("--multi-label", action="store_true", help="a row may have several labels: a list, or a delimited cell")
    columns.add_argument("--merge-labels", action="store_true", help="labels that differ only in case, spaces, marks at the ends or Unicode form, or that the label table calls the same, are one")
    columns.add_argument("--encoding", help="such as utf-8 or cp949")
    columns.add_argument("--delimiter", help="such as ; or tab")
    columns.add_argument("--sheet", help="sheet of an XLSX file")
    command.add_argument("--labels", type=Path, metavar="FILE", help="label table: id, name, descriptions, words (JSON or CSV)")


def load_file(a: argparse.Namespace):
    """Read the file as the options say."""
    from tl_core.data.columns import load
    from tl_core.data.tables import ReadOptions

    options = ReadOptions(a.encoding, a.delimiter, a.sheet, a.text, a.text_b, a.label, a.group, a.multi_label, a.merge_labels)
    return load(a.file, options, a.labels)


def say_reading(loaded, stream, *, hints: bool = True) -> None:
    """Every guess and note about the file, and what the person should be asked."""
    for guess in loaded.guesses:
        print(f"guessed  {guess.what}: {shown(guess.value)} ({guess.why}); {guess.option} overrides it", file=stream)
    for note in loaded.notes:
        print(f"note     {shown(note)}", file=stream)
    for hint in loaded.hints if hints else ():
        print(f"{'WARNING' if hint.level == 'warning' else 'note':<8} {shown(hint.sentence)}", file=stream)


def load_texts(a: argparse.Namespace):
    """(examples, problem) of a file whose rows need no labels; without labels the problem is None.

    Raises:
        UserError: the file cannot be read, or it cannot be told where the texts are.
    """
    from tl_core.data.tables import ReadOptions, read_table
    from tl_core.types import Example

    try:
        loaded = load_file(a)
    except UserError as fault:
        if a.label is not None or a.file.startswith("sample:"):
            raise
        table = read_table(Path(a.file), ReadOptions(a.encoding, a.delimiter, a.sheet))
        texts = table.columns[text_column(table, a.text)]
        print(f"note     Read without labels: {fault}", file=sys.stderr)
        return [Example(i, str(text)) for i, text in enumerate(texts, start=1) if text is not None and str(text).strip()], None
    say_reading(loaded, sys.stderr)
    return list(loaded.dataset.examples), loaded.dataset.problem


def text_column(table, named: str | None) -> str:
    """The column of the texts: as named, the only one, or the first that is called as texts are.

    Raises:
        UserError: there is no such column, or it cannot be told.
    """
    from tl_core.data.columns import TEXT_NAMES

    if named is not None:
        if named not in table.columns:
            raise UserError(unknown(f"column in {table.name}", named, table.columns))
        return named
    called = {name.casefold().strip(): name for name in reversed(table.columns)}
    guessed = [called[name] for name in TEXT_NAMES if name in called] or (list(table.columns) if len(table.columns) == 1 else [])
    if not guessed:
        raise UserError(f"It cannot be told which column of {table.name} holds the texts; there are {', '.join(map(str, table.columns))}. Name it with --text.")
    return guessed[0]
