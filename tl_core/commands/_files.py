"""Options of a file of texts and labels, and saying how it was read."""

from __future__ import annotations

import argparse
from pathlib import Path


def file_options(command: argparse.ArgumentParser, required: bool = True) -> None:
    """The file, how to read it, and which columns are what."""
    command.add_argument("file", metavar="FILE", nargs=None if required else "?", help="CSV, TSV, JSONL, JSON, Parquet or XLSX; or sample:NAME")
    columns = command.add_argument_group("columns", "guessed unless given; every guess is said")
    columns.add_argument("--text", help="column of the text")
    columns.add_argument("--text-b", help="column of the second text")
    columns.add_argument("--label", help="column of the label")
    columns.add_argument("--group", help="column whose equal values stay on one side of the split")
    columns.add_argument("--multi-label", action="store_true", help="a row may have several labels: a list, or a delimited cell")
    columns.add_argument("--encoding", help="such as utf-8 or cp949")
    columns.add_argument("--delimiter", help="such as ; or tab")
    columns.add_argument("--sheet", help="sheet of an XLSX file")
    command.add_argument("--labels", type=Path, metavar="FILE", help="label table: id, name, descriptions, words (JSON or CSV)")


def load_file(a: argparse.Namespace):
    """Read the file as the options say."""
    from tl_core.data.columns import load
    from tl_core.data.tables import ReadOptions

    options = ReadOptions(a.encoding, a.delimiter, a.sheet, a.text, a.text_b, a.label, a.group, a.multi_label)
    return load(a.file, options, a.labels)


def say_reading(loaded, stream) -> None:
    """Every guess and note about the file."""
    for guess in loaded.guesses:
        print(f"guessed  {guess.what}: {guess.value} ({guess.why}); {guess.option} overrides it", file=stream)
    for note in loaded.notes:
        print(f"note     {note}", file=stream)
