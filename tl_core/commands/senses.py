"""One word in many sentences: how far its senses separate, layer by layer."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import Setting, say
from tl_core.api.types import Example
from tl_core.commands import note, shown
from tl_core.commands._files import text_column
from tl_core.commands._readers import ask, reader_of, reader_options
from tl_core.data.tokens_read import read_texts
from tl_core.words.columns import left, right

if TYPE_CHECKING:
    from tl_core.views.nearest import Apart
    from tl_core.views.senses import Senses


@dataclass(frozen=True)
class _Command:
    id: str = "senses"
    order: int = 46
    help: str = say("show how well the senses of a word separate, layer by layer")

    def add(self, command: argparse.ArgumentParser) -> None:
        """Add its options."""
        command.add_argument(
            "file",
            metavar="FILE",
            help=say("sentences: CSV, TSV, JSONL, JSON, Parquet or XLSX; or sample:NAME"),
        )
        command.add_argument(
            "--word",
            required=True,
            help=say(
                "the word to look for: as a whole word, in capitals or not, a Korean one with or"
                " without particles"
            ),
        )
        command.add_argument(
            "--text", metavar="COLUMN", help=say("column of the sentences (default: guessed)")
        )
        command.add_argument(
            "--sense",
            metavar="COLUMN",
            help=say("column with the sense of the word; without it there is a map and no numbers"),
        )
        command.add_argument(
            "--where", metavar="COLUMN=VALUE", help=say("only rows with this value in this column")
        )
        command.add_argument(
            "--test",
            type=Path,
            metavar="FILE",
            help=say("further sentences, whose senses are predicted from the nearest of FILE"),
        )
        reader_options(command)
        command.add_argument(
            "--json",
            action="store_true",
            help=say("print every mention, its place at every layer, and the numbers as JSON"),
        )

    def run(self, a: argparse.Namespace) -> None:
        """Load the model here, read the sentences, print."""
        if a.test is not None and a.sense is None:
            raise UserError(
                say(
                    "{test} asks how many senses are predicted correctly: name their column with"
                    " {sense}.",
                    test=Setting("test"),
                    sense=Setting("sense"),
                )
            )
        examples, senses = _sentences(a.file, a)
        test, test_senses = _sentences(a.test, a) if a.test else ([], [])
        found: Senses = ask(
            a,
            "word_senses",
            checkpoint=reader_of(a, read_texts(examples)),
            word=a.word,
            examples=examples,
            senses_of=senses,
            test=test,
            test_senses=test_senses,
        )
        if a.json:
            print(json.dumps(found.plain(), ensure_ascii=False, indent=1))
            return
        _print(found)


def _print(found: Senses) -> None:
    print(
        shown(
            say(
                "{n:,} times {word} as {model} reads it",
                n=len(found.mentions),
                word=found.word,
                model=found.model,
            )
        )
    )
    told = found.static.apart
    if found.best is not None and told is not None:
        always = shown(say("always the most frequent sense"))
        print(f"  {always}  {100 * told.commonest:5.1f}%")
        heads = right(shown(say("nearest-neighbour")), 17), right(shown(say("silhouette")), 12)
        print(f"  {'':<26}  {heads[0]} {heads[1]}")
        print(_line(say("one vector per word"), told))
        for i, depth in enumerate(found.depths):
            if depth.apart is not None:
                name = say("layer {n}", n=i) if i else say("before the first layer")
                best = f"   {shown(say('best'))}" if i == found.best else ""
                print(_line(name, depth.apart) + best)
    for text in found.notes:
        print(note(text))
    if found.best is None:
        print(
            note(
                say(
                    "Without senses there is no number. Name their column with {sense}, or take"
                    " the places with {json}.",
                    sense=Setting("sense"),
                    json=Setting("json"),
                )
            )
        )


def _line(name: str, told: Apart) -> str:
    silhouette = "–" if told.silhouette is None else f"{told.silhouette:.3f}"
    return f"  {left(shown(name), 26)}  {100 * told.accuracy:17.1f}%   {silhouette:>10}"


def _sentences(file: str | Path, a: argparse.Namespace) -> tuple[list[Example], list[str]]:
    """Rows of the file that are asked for, and what the word means in each."""
    from tl_core.data.samples import sample
    from tl_core.data.tables import read_table

    table = read_table(
        sample(name).path
        if (name := str(file).removeprefix("sample:")) != str(file)
        else Path(file)
    )
    column, value = a.where.split("=", 1) if a.where and "=" in a.where else (a.where, None)
    if column is not None and value is None:
        raise UserError(
            say(
                "{where} takes a column and a value, as in {where} word=bank.",
                where=Setting("where"),
            )
        )
    for name in (a.sense, column):
        if name is not None and name not in table.columns:
            raise UserError(unknown(f"column in {file}", name, table.columns))
    texts, senses = (
        table.columns[text_column(table, a.text)],
        table.columns[a.sense] if a.sense else None,
    )
    rows = [
        i
        for i, text in enumerate(texts)
        if text is not None and (column is None or str(table.columns[column][i]) == value)
    ]
    if senses is not None:
        rows = [i for i in rows if senses[i] is not None and str(senses[i]).strip()]
    if not rows:
        raise UserError(say("No row of {file} has what was asked for.", file=file))
    return [Example(i + 1, str(texts[i])) for i in rows], (
        [str(senses[i]) for i in rows] if senses is not None else []
    )


COMMAND = _Command()
