"""One word in many sentences: how far its senses stand apart, layer by layer."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.commands import shown
from tl_core.commands._files import text_column
from tl_core.commands._readers import last, reader_of, reader_options
from tl_core.errors import UserError, unknown
from tl_core.types import Example

if TYPE_CHECKING:
    from tl_core.views.nearest import Apart
    from tl_core.views.senses import Senses


@dataclass(frozen=True)
class _Command:
    id: str = "senses"
    order: int = 46
    help: str = "show how far the senses of a word stand apart, layer by layer"

    def add(self, command: argparse.ArgumentParser) -> None:
        """Its options."""
        command.add_argument("file", metavar="FILE", help="sentences: CSV, TSV, JSONL, JSON, Parquet or XLSX; or sample:NAME")
        command.add_argument("--word", required=True, help="the word to look for: as a whole word, in capitals or not, a Korean one with or without particles")
        command.add_argument("--text", metavar="COLUMN", help="column of the sentences (default: guessed)")
        command.add_argument("--sense", metavar="COLUMN", help="column of what the word means there; without it there is a map and no numbers")
        command.add_argument("--where", metavar="COLUMN=VALUE", help="only rows with this value in this column")
        command.add_argument("--test", type=Path, metavar="FILE", help="further sentences, whose senses are told by the nearest of FILE")
        reader_options(command)
        command.add_argument("--json", action="store_true", help="print every mention, its place at every layer, and the numbers as JSON")

    def run(self, a: argparse.Namespace) -> None:
        """Load the model here, read the sentences, print."""
        from tl_core.experiments.service import State, word_senses

        if a.test is not None and a.sense is None:
            raise UserError("--test asks how many senses are told rightly: name their column with --sense.")
        examples, senses = _sentences(a.file, a)
        test, test_senses = _sentences(a.test, a) if a.test else ([], [])
        found: Senses = last(word_senses(State(a.device), reader_of(a), a.word, examples, senses, test, test_senses, hub=True))
        if a.json:
            print(json.dumps(found.plain(), ensure_ascii=False, indent=1))
            return
        print(f"{len(found.mentions):,} times {shown(found.word)} as {found.model} reads it")
        if found.best is not None:
            told = found.static.apart
            print(f"  always the commonest sense  {100 * told.commonest:5.1f} %")
            print(f"  {'':<26}  told by its nearest   silhouette")
            print(_line("one vector a word", told))
            for i, depth in enumerate(found.depths):
                print(_line(f"layer {i}" if i else "before the first layer", depth.apart) + ("   best" if i == found.best else ""))
        for note in found.notes:
            print(f"note     {shown(note)}")
        if found.best is None:
            print("note     Without senses there is no number. Name their column with --sense, or take the places with --json.")


def _line(name: str, told: Apart) -> str:
    silhouette = "–" if told.silhouette is None else f"{told.silhouette:.3f}"
    return f"  {name:<26}  {100 * told.accuracy:17.1f} %   {silhouette:>10}"


def _sentences(file: str | Path, a: argparse.Namespace) -> tuple[list[Example], list[str]]:
    """Rows of the file that are asked for, and what the word means in each."""
    from tl_core.data.samples import sample
    from tl_core.data.tables import read_table

    table = read_table(sample(name).path if (name := str(file).removeprefix("sample:")) != str(file) else Path(file))
    column, value = a.where.split("=", 1) if a.where and "=" in a.where else (a.where, None)
    if column is not None and value is None:
        raise UserError("--where takes a column and a value, as in --where word=bank.")
    for name in (a.sense, column):
        if name is not None and name not in table.columns:
            raise UserError(unknown(f"column in {file}", name, table.columns))
    texts, senses = table.columns[text_column(table, a.text)], table.columns[a.sense] if a.sense else None
    rows = [i for i, text in enumerate(texts) if text is not None and (column is None or str(table.columns[column][i]) == value)]
    if senses is not None:
        rows = [i for i in rows if senses[i] is not None and str(senses[i]).strip()]
    if not rows:
        raise UserError(f"No row of {file} has a sentence{' and a sense' if a.sense else ''}{f' with {a.where}' if a.where else ''}.")
    return [Example(i + 1, str(texts[i])) for i in rows], [str(senses[i]) for i in rows] if senses is not None else []


COMMAND = _Command()
