"""Rows with a text, a question about it and the answer, which is a stretch of the text: the forms
that SQuAD, its relatives and tables of one's own have.

    context   question   answers         {"text": [...], "answer_start": [...]}, a list of such
                                         objects or of texts, or one text
    context   question   answer  start   a text, and where it begins, in characters from 0

Where no start is given, the answer is looked for. A question without an answer has an empty list,
or a column `is_impossible` that says so.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tl_core.api.sentences import Sentence, say
from tl_core.api.types import Example, digest
from tl_core.api.words import split_words
from tl_core.data.labels import written
from tl_core.data.limits import Few
from tl_core.data.other_tasks import ANSWERS, CONTEXTS, QUESTIONS, column_key
from tl_core.data.table import Table
from tl_core.tasks import ANSWER, MOST_ANSWER, NO_ANSWER

MOST_WORDS = 10_000  # in a text: scores hold two numbers for each
LOOKED_AT = 200  # rows by which columns are known
STARTS = ("answerstart", "start", "startchar", "answerstarts", "offset", "시작")
IMPOSSIBLE = ("isimpossible", "impossible", "unanswerable")
IDS = ("id", "qid", "questionid", "guid")

Places = list[tuple[int, int]]


@dataclass(frozen=True)
class Columns:
    """Which column is which; the last three where there are any."""

    context: str
    question: str
    answers: str
    start: str | None = None
    impossible: str | None = None
    id: str | None = None


@dataclass
class Read:
    """Questions with their answers, what was done about odd ones, and what cannot be read."""

    rows: list[Example | None] = field(default_factory=list)  # None: without an answer
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class _Bad(Exception):
    """A row that cannot be read, with the key of the sentence that says why."""

    def __init__(self, what: str, where: str = ""):
        self.what, self.where = what, where


# --- which columns they are -----------------------------------------------------------------------


def question_columns(
    table: Table,
    context: str | None = None,
    question: str | None = None,
    answers: str | None = None,
) -> Columns | None:
    """The columns of a file that is made for finding answers; those that are named stay."""
    strings = [name for name, cells in table.columns.items() if _are_strings(cells)]
    texts = [name for name in strings if any(" " in c for c in _some(table, name))]
    asked = question or _first(strings, QUESTIONS) or _by_marks(table, texts)
    if asked is None:
        return None
    names = [answers] if answers else [_first(list(table.columns), ANSWERS), *table.columns]
    for name in dict.fromkeys(n for n in names if n and n != asked):
        if column_key(name) in STARTS:
            continue
        there = [context] if context else [_first(texts, CONTEXTS), *texts]
        for text in dict.fromkeys(t for t in there if t and t not in (asked, name)):
            if _answers_in(table, text, name):
                return with_others(table, text, asked, name)
    return None


def with_others(table: Table, context: str, question: str, answers: str) -> Columns:
    """These columns with those of starts, of ids, and of questions without an answer."""
    taken = {context, question, answers}
    free = [name for name in table.columns if name not in taken]
    start = _first(free, STARTS)
    return Columns(
        context,
        question,
        answers,
        start if start and all(_is_start(c) for c in table.columns[start][:LOOKED_AT]) else None,
        _first(free, IMPOSSIBLE),
        _first(free, IDS),
    )


def _first(names: Sequence[str], known: Sequence[str]) -> str | None:
    keys = {column_key(name): name for name in reversed(names)}
    return next((keys[key] for key in known if key in keys), None)


def _some(table: Table, name: str) -> list[Any]:
    return [c for c in table.columns[name][:LOOKED_AT] if c not in (None, "")]


def _are_strings(cells: Sequence[Any]) -> bool:
    some = [c for c in cells[:LOOKED_AT] if c not in (None, "")]
    return bool(some) and all(isinstance(c, str) for c in some)


def _by_marks(table: Table, names: Sequence[str]) -> str | None:
    """The column whose texts end with a question mark."""
    for name in names:
        some = _some(table, name)
        if 2 * sum(c.rstrip().endswith(("?", "？")) for c in some) > len(some):
            return name
    return None


def _answers_in(table: Table, context: str, answers: str) -> bool:
    """Whether most of the first rows have an answer that is in the text, and shorter than it; where
    both columns are called so, whether any has.
    """
    called = column_key(context) in CONTEXTS and column_key(answers) in ANSWERS
    there = asked = 0
    for text, cell in zip(
        table.columns[context][:LOOKED_AT], table.columns[answers][:LOOKED_AT], strict=True
    ):
        if not isinstance(text, str) or cell in (None, ""):
            continue
        try:
            found = _answers(cell, None)
        except _Bad:
            asked += 1
            continue
        if found:
            asked += 1
            there += any(_find(text, said) and len(said) < len(text) for said, _ in found)
    return there > 0 if called else 2 * there > asked


def _is_start(cell: Any) -> bool:
    try:
        return cell in (None, "") or all(s is not None for s in _starts(cell))
    except _Bad:
        return False


# --- what the cells mean --------------------------------------------------------------------------


def read_questions(table: Table, columns: Columns) -> Read:
    """Every row of the file, with all that is odd about any."""
    read = Read()
    bad: dict[str, Few] = {}
    odd: dict[str, Few] = {}
    ids: dict[str, list[int]] = {}
    nothing = [None] * table.rows
    cells = [
        table.columns[name] if name else nothing
        for name in (
            columns.context,
            columns.question,
            columns.answers,
            columns.start,
            columns.impossible,
            columns.id,
        )
    ]
    for row, (text, question, answers, start, impossible, id) in enumerate(
        zip(*cells, strict=True), 1
    ):
        if id not in (None, ""):
            ids.setdefault(str(id), []).append(row)
        try:
            example = _row(
                row,
                _text(text),
                _text(question),
                answers,
                start,
                None if columns.impossible is None else _yes(impossible),
                partial(_tell, odd, row),
            )
        except _Bad as fault:
            few = bad.setdefault(fault.what, Few())
            few.add(_at(row, fault.where) if few.shows else "")
            example = None
        read.rows.append(example)
    about = {
        "table": table.name,
        "text": columns.context,
        "question": columns.question,
        "answers": columns.answers,
    }
    read.faults = [_fault(what, rows, about) for what, rows in bad.items()]
    if twice := [rows for rows in ids.values() if len(rows) > 1]:
        few = Few()
        for rows in twice:
            few.add(" = ".join(f"{row:,}" for row in rows[:5]) if few.shows else "")
        read.faults.append(
            say(
                "{table}, column {id!r}: rows with one id: {rows}. Give every question its own, or"
                " leave the copies out.",
                table=table.name,
                id=columns.id,
                rows=few,
            )
        )
    read.notes = [_note(what, rows, about) for what, rows in odd.items()]
    return read


def _tell(odd: dict[str, Few], row: int, what: str) -> None:
    odd.setdefault(what, Few()).add(f"{row:,}")


def _row(
    row: int,
    text: str,
    question: str,
    cell: Any,
    start: Any,
    impossible: bool | None,
    note: Callable[[str], None],
) -> Example | None:
    if not text.strip():
        raise _Bad("no text")
    if not question.strip():
        raise _Bad("no question")
    if len(split_words(text)) > MOST_WORDS:
        raise _Bad("long")
    if impossible:
        answers: list[tuple[str, int | None]] = []
    elif cell in (None, ""):
        return None
    else:
        answers = _answers(cell, start)
        if not answers and impossible is False:
            raise _Bad("no answer")
    places: Places = []
    for said, at in answers:
        place = _place(text, said, at, note)
        if place not in places:
            places.append(place)
    if any(len(split_words(text[a:b])) > MOST_ANSWER for a, b in places):
        note("far")
    return Example(
        row,
        text,
        question,
        labels=(ANSWER if places else NO_ANSWER,),
        group=digest(text)[:12],
        answer=tuple((a, b, ANSWER) for a, b in places),
    )


def _answers(cell: Any, start: Any) -> list[tuple[str, int | None]]:
    """(text, where it begins) of each answer, however the cell has them."""
    value = _opened(cell)
    if isinstance(value, dict):
        texts = _field(value, ("text", "texts", "answer"))
        if texts is None:
            raise _Bad("no form")
        begins = _field(value, ("answer_start", "start", "answer_starts", "offset"))
        texts = texts if isinstance(texts, list) else [texts]
        starts = [None] * len(texts) if begins is None else _starts(begins)
        return _paired(texts, starts)
    if isinstance(value, list):
        if all(isinstance(part, dict) for part in value):
            return [pair for part in value for pair in _answers(part, None)]
        starts = [None] * len(value) if start in (None, "") else _starts(start)
        return _paired(value, starts)
    return _paired([value], [None] if start in (None, "") else _starts(start)[:1])


def _paired(texts: Sequence[Any], starts: Sequence[int | None]) -> list[tuple[str, int | None]]:
    if len(texts) != len(starts) or any(isinstance(t, (dict, list)) for t in texts):
        raise _Bad("no form")
    return [
        (t if isinstance(t, str) else written(t), s)
        for t, s in zip(texts, starts, strict=True)
        if t is not None and str(t).strip()
    ]


def _starts(cell: Any) -> list[int | None]:
    value = _opened(cell)
    parts = value if isinstance(value, list) else [value]
    found: list[int | None] = []
    for part in parts:
        if isinstance(part, float) and part.is_integer():
            part = int(part)
        if isinstance(part, str) and re.fullmatch(r"\s*\d+\s*", part):
            part = int(part)
        if part is not None and type(part) is not int:
            raise _Bad("no form")
        found.append(part)
    return found


def _opened(cell: Any) -> Any:
    """The list or object in a cell, also where it is written as JSON."""
    if isinstance(cell, str) and cell.strip()[:1] in ("[", "{"):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            return cell
        return value if isinstance(value, (list, dict)) else cell
    return cell


def _field(value: dict[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if name in value), None)


def _yes(cell: Any) -> bool:
    return cell is True or written(cell).strip().casefold() in ("1", "true", "yes")


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else "" if cell is None else str(cell)


# --- where an answer is ---------------------------------------------------------------------------


def _place(text: str, said: str, at: int | None, note: Callable[[str], None]) -> tuple[int, int]:
    """(start, end) of an answer: where the file says, else where its text is."""
    if at is not None and at >= 0 and text[at : at + len(said)] == said:
        start = at + len(said) - len(said.lstrip())
        return start, start + len(said.strip())
    said = said.strip()
    places = _find(text, said)
    if not places:
        raise _Bad("elsewhere", _alike(text, said))
    if at is not None:
        note("moved")
        return min(places, key=lambda place: abs(place[0] - at))
    if len(places) > 1:
        note("several")
    return places[0]


def _find(text: str, said: str) -> Places:
    said = said.strip()
    return [m.span() for m in re.finditer(re.escape(said), text)] if said else []


def _alike(text: str, said: str) -> str:
    """Where `place_alike` finds it, in words; "" where it is nowhere."""
    place = place_alike(text, said)
    if place is None:
        return ""
    start, end = place
    return say("as “{there}” at character {start:,}", there=text[start:end], start=start)


def place_alike(text: str, said: str) -> tuple[int, int] | None:
    """(start, end) where a text has an answer in other letters, spaces or normal form; None where
    it is nowhere.
    """

    def plain(part: str) -> str:
        return "".join(unicodedata.normalize("NFKC", part).casefold().split())

    at = plain(text).find(wanted := plain(said))
    if at < 0 or not wanted:
        return None

    def first(length: int) -> int:
        """How many characters of the text it takes to make so many plain ones."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high) // 2
            if len(plain(text[:middle])) < length:
                low = middle + 1
            else:
                high = middle
        return low

    return first(at + 1) - 1, first(at + len(wanted))


# --- what is said of them -------------------------------------------------------------------------


def _at(row: int, where: str) -> Sentence | str:
    return say("{row:,} ({where})", row=row, where=where) if where else f"{row:,}"


def _fault(what: str, rows: Few, about: dict[str, str]) -> str:
    values = {**about, "rows": rows}
    if what == "elsewhere":
        return say(
            "{table}, column {answers!r}: answers that are not in their text, letter for letter, in"
            " row {rows}. An answer is a stretch of its text: copy it from there.",
            **values,
        )
    if what == "no answer":
        return say(
            "{table}, column {answers!r}: no answer in row {rows}, and is_impossible does not say"
            " that there is none. Add the answer, or set is_impossible to true.",
            **values,
        )
    if what == "no form":
        return say(
            "{table}, column {answers!r}: answers that cannot be read in row {rows}. Write a text,"
            " a list of texts, or {example}.",
            example='{"text": ["..."], "answer_start": [0]}',
            **values,
        )
    if what == "long":
        return say(
            "{table}, column {text!r}: more than {most:,} words in row {rows}. Cut these texts into"
            " sections, each with its questions.",
            most=MOST_WORDS,
            **values,
        )
    if what == "no question":
        return say(
            "{table}, column {question!r}: no question in row {rows}. Write one, or leave the row"
            " out.",
            **values,
        )
    return say(
        "{table}, column {text!r}: no text to find an answer in, in row {rows}. Add it, or leave"
        " the row out.",
        **values,
    )


def _note(what: str, rows: Few, about: dict[str, str]) -> str:
    values = {**about, "rows": rows}
    if what == "moved":
        return say(
            "{answers!r} has answers that do not begin where the file says, in row {rows}; the"
            " nearest place with their text is taken.",
            **values,
        )
    if what == "several":
        return say(
            "{answers!r} has answers that occur more than once in their text, in row {rows}, and no"
            " start says which is meant; the first is taken.",
            **values,
        )
    return say(
        "{answers!r} has answers of more than {most} words, in row {rows}; no arm answers with"
        " more than that.",
        most=MOST_ANSWER,
        **values,
    )
