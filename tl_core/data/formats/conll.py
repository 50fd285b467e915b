"""CoNLL files: a word and its tag on every line, sentences apart by an empty line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tl_core.api.sentences import say
from tl_core.data.limits import Budget, Few, Limits
from tl_core.data.table import Guess, Table, checked

TAG = re.compile(r"O|[BIESLU][-_]\S+")  # of a word: outside, or where in a span it is
DOCUMENT = "-DOCSTART-"  # of CoNLL-2003: another document begins
LOOKED_AT = 400  # lines


def is_conll(path: Path, encoding: str) -> bool:
    """Whether most lines are a word and a tag, and some are empty between them."""
    with path.open(encoding=encoding) as file:
        lines = [line.rstrip("\r\n") for line in islice(file, LOOKED_AT)]
    apart = any(not line.strip() for line in lines[1:])
    filled = [line for line in lines if line.strip() and not _aside(line)]
    fields = [_fields(line) for line in filled]
    tagged = [f for f in fields if len(f) > 1 and TAG.fullmatch(f[-1])]
    return (
        apart
        and len(tagged) >= max(2, 0.9 * len(fields))
        and any(f[-1] != "O" for f in tagged)
        and len({len(f) for f in tagged}) == 1
    )


def read_conll(path: Path, encoding: str, guesses: tuple[Guess, ...], limits: Limits) -> Table:
    """Columns `tokens` and `tags`, a sentence a row; with `document` where the file marks them.

    Raises:
        UserError: every line that has no tag, or it is more than may be read.
    """
    budget, short = Budget(path.name, limits), Few()
    tokens: list[list[str]] = []
    tags: list[list[str]] = []
    documents: list[str | None] = []
    document = 0
    for i, sentence in enumerate(_sentences(path, encoding)):
        if i == 0 and not TAG.fullmatch(sentence[0][1][-1]):
            sentence = sentence[1:]  # names of the columns
        if sentence and sentence[0][1][0] == DOCUMENT:
            document += 1
            sentence = sentence[1:]
        if not sentence:
            continue
        for number, fields in sentence:
            if len(fields) < 2:
                short.add(f"{number:,}")
        budget.take(1, 2 + 2 * len(sentence))
        tokens.append([fields[0] for _, fields in sentence])
        tags.append([fields[-1] for _, fields in sentence])
        documents.append(f"{document}" if document else None)
    faults = []
    if short:
        faults.append(
            say(
                "{file} has lines with a word and no tag: line {short}. Give each its tag, O where"
                " it is in no span.",
                file=path.name,
                short=short,
            )
        )
    columns: dict[str, list] = {"tokens": tokens, "tags": tags}
    if document:
        columns["document"] = documents
    how = Guess(say("format"), "CoNLL", say("every line is a word and its tag"), "--delimiter")
    return checked(path, list(columns), [*columns.values()], (*guesses, how), faults=faults)


def _sentences(path: Path, encoding: str) -> Iterator[list[tuple[int, list[str]]]]:
    """(line, fields) of the words of each sentence."""
    sentence: list[tuple[int, list[str]]] = []
    with path.open(encoding=encoding) as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\r\n")
            if line.strip():
                if not _aside(line):
                    sentence.append((number, _fields(line)))
            elif sentence:
                yield sentence
                sentence = []
    if sentence:
        yield sentence


def _aside(line: str) -> bool:
    """A comment, as CoNLL-U has them: the words of a sentence begin with no sign and a space."""
    return line.startswith("# ")


def _fields(line: str) -> list[str]:
    return [f.strip() for f in line.split("\t")] if "\t" in line else line.split()
