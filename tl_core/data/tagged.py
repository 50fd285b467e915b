"""Rows whose spans are tagged: words with a tag each, or a text with spans, in the forms that
files of corpora and of labelling tools have.

    tokens            tags                      lists, or strings cut at white space
    text              [[0, 4, "PER"], ...]      also [{"start": 0, "end": 4, "label": "PER"}, ...]
    text              tags, one per character   or per word, where there are as many

Tags are IOB2; IOB1, BIOES and BILOU are read as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.api.words import joined_words, split_words
from tl_core.data.formats.conll import TAG
from tl_core.data.limits import Few
from tl_core.data.table import Table

MOST_WORDS = 2_000  # in a text: scores hold a number for each word and tag
LOOKED_AT = 200  # cells by which a column is known
WORD_NAMES = (
    *("tokens", "words", "token", "word", "text", "sentence"),
    *("토큰", "단어", "문장", "텍스트"),
)
SPAN_NAMES = (
    *("entities", "spans", "labels", "label", "ner_tags", "nertags", "tags", "ner", "annotations"),
    *("개체", "개체명", "태그", "라벨"),
)
STARTS = ("start", "start_offset", "begin", "start_char", "from")
ENDS = ("end", "end_offset", "stop", "end_char", "to")
KINDS = ("label", "labels", "type", "tag", "entity", "entity_type", "entity_group", "category")

Spans = list[tuple[int, int, str]]


@dataclass
class Read:
    """Texts with their spans, what was done about odd ones, and what cannot be read."""

    rows: list[Example | None] = field(default_factory=list)  # None: not labelled
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class _Bad(Exception):
    """A row that cannot be read, with the key of the sentence that says why."""


# --- which columns they are -----------------------------------------------------------------------


def tagged_columns(table: Table) -> tuple[str, str] | None:
    """The columns of texts (or words) and of spans (or tags) of a file that is made for tagging."""
    spans = [name for name, cells in table.columns.items() if _has_spans(_some(cells))]
    tags = [name for name, cells in table.columns.items() if _has_tags(_some(cells))]
    for name in sorted(spans, key=_rank(SPAN_NAMES)):
        texts = [
            other
            for other, cells in table.columns.items()
            if other not in spans and other not in tags and _has_texts(_some(cells))
        ]
        if texts:
            return min(texts, key=_rank(WORD_NAMES)), name
    for name in sorted(tags, key=_rank(SPAN_NAMES)):
        words = [
            other
            for other in table.columns
            if other != name and other not in tags and _parallel(table, other, name)
        ]
        if words:
            return min(words, key=_rank(WORD_NAMES)), name
    return None


def looks_tagged(cells: Sequence[Any]) -> bool:
    """Whether a column holds spans, or tags of words."""
    some = _some(cells)
    return _has_spans(some) or _has_tags(some)


def _rank(known: Sequence[str]):
    places = {name: i for i, name in enumerate(known)}
    return lambda name: places.get(re.sub(r"\W+", "", name.casefold()), len(places))


def _some(cells: Sequence[Any]) -> list[Any]:
    """The first cells that hold anything."""
    found = []
    for cell in cells:
        if cell is not None and cell != "":
            found.append(cell)
            if len(found) == LOOKED_AT:
                break
    return found


def _has_texts(cells: Sequence[Any]) -> bool:
    return all(isinstance(c, str) for c in cells) and any(
        " " in c.strip() or not c.isascii() for c in cells
    )


def _has_spans(cells: Sequence[Any]) -> bool:
    """Lists of spans, some of them not empty, and nothing else."""
    found = 0
    for cell in cells:
        listed = _listed(cell)
        if listed is None:
            return False
        for part in listed:
            try:
                _span(part)
            except _Bad:
                return False
            found += 1
    return found > 0


def _has_tags(cells: Sequence[Any]) -> bool:
    """A tag a word: every one is of a known form, and some are of spans."""
    inside = 0
    for cell in cells:
        tags = _tags(cell)
        if not tags or not all(TAG.fullmatch(tag) for tag in tags):
            return False
        inside += sum(tag != "O" for tag in tags)
    return inside > 0 and any(len(_tags(cell)) > 1 for cell in cells)


def _parallel(table: Table, words: str, tags: str) -> bool:
    """Whether most of the first rows have as many words, or characters, as tags."""
    pairs = [
        (a, _tags(b))
        for a, b in zip(table.columns[words][:LOOKED_AT], table.columns[tags][:LOOKED_AT])
        if a not in (None, "") and b not in (None, "")
    ]
    fits = sum(
        len(_words(a)) == len(b) or (isinstance(a, str) and len(a) == len(b)) for a, b in pairs
    )
    return bool(pairs) and 2 * fits > len(pairs)


# --- what the cells mean --------------------------------------------------------------------------


def read_tagged(table: Table, text: str, label: str) -> Read:
    """Every row of the file, with all that is odd about any."""
    read = Read()
    bad: dict[str, Few] = {}
    odd: dict[str, Few] = {}
    for row, (said, cell) in enumerate(
        zip(table.columns[text], table.columns[label], strict=True), 1
    ):
        if cell is None or cell == "" or said is None:
            read.rows.append(None)
            continue
        try:
            read.rows.append(_row(row, _text_in(said), cell, odd))
        except _Bad as fault:
            bad.setdefault(str(fault), Few()).add(f"{row:,}")
            read.rows.append(None)
    about = {"table": table.name, "text": text, "label": label}
    read.faults = [_fault(what, rows, about) for what, rows in bad.items()]
    read.notes = [_note(what, rows, about) for what, rows in odd.items()]
    return read


def _row(row: int, said: Any, cell: Any, odd: dict[str, Few]) -> Example:
    def note(what: str) -> None:
        odd.setdefault(what, Few()).add(f"{row:,}")

    words = None
    listed = _listed(cell)
    as_spans = listed is not None and not _all_text(listed)
    if as_spans and isinstance(said, str):
        text, spans = said, [_span(part) for part in listed or []]
    else:
        tags = _tags(cell)
        if isinstance(said, str) and len(said) == len(tags) != len(said.split()):
            text, places = said, tuple((i, i + 1) for i in range(len(said)))
        else:
            text, words = joined_words(_words(said))
            places = words
        if len(places) != len(tags):
            raise _Bad("unequal")
        spans = _spans_of_tags(places, tags, note)
    if words is not None and any(not word.strip() for word in _words(said)):
        raise _Bad("empty word")
    spans = _checked(text, spans, note)
    places = split_words(text) if words is None else words
    if len(places) > MOST_WORDS:
        raise _Bad("long")
    if words is None:
        borders = {at for place in places for at in place}
        if any(start not in borders or end not in borders for start, end, _ in spans):
            note("cut")
            spans = _whole_words(places, spans)
    types = tuple(dict.fromkeys(kind for _, _, kind in spans))
    return Example(row, text, labels=types, answer=tuple(spans), words=words)


def _all_text(parts: Sequence[Any]) -> bool:
    return bool(parts) and all(isinstance(part, str) for part in parts)


def _listed(cell: Any) -> list[Any] | None:
    """The list in a cell, as it is or written as JSON; None where there is none."""
    if isinstance(cell, list):
        first = cell[0] if cell else None
        # Label Studio: annotations of one text, each with its own result
        if isinstance(first, dict) and isinstance(first.get("result"), list):
            return first["result"]
        return cell
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            return None
        return _listed(value) if isinstance(value, list) else None
    return None


def _text_in(cell: Any) -> Any:
    """The text of a cell; of the object that Label Studio keeps it in, its only text."""
    if isinstance(cell, str) and cell.startswith("{"):
        try:
            inside = json.loads(cell)
        except (ValueError, RecursionError):
            return cell
        parts = inside.values() if isinstance(inside, dict) else ()
        texts = [part for part in parts if isinstance(part, str)]
        return texts[0] if len(texts) == 1 else cell
    return cell


def _words(cell: Any) -> list[str]:
    listed = _listed(cell)
    if listed is not None and all(isinstance(part, (str, int, float)) for part in listed):
        return [str(part) for part in listed]
    return str(cell).split()


def _tags(cell: Any) -> list[str]:
    listed = _listed(cell)
    parts = listed if listed is not None else str(cell).split()
    return [str(part).strip() for part in parts]


def _span(part: Any) -> tuple[int, int, str]:
    """(start, end, type) however a tool writes it: a list that begins so, or an object."""
    if isinstance(part, dict):
        inner = part.get("value")
        part = {**part, **inner} if isinstance(inner, dict) else part
        start, end, kind = (
            next((part[name] for name in names if name in part), None)
            for names in (STARTS, ENDS, KINDS)
        )
    elif isinstance(part, list) and len(part) >= 3:
        start, end, kind = part[:3]
    else:
        raise _Bad("no span")
    if isinstance(kind, list):
        kind = kind[0] if len(kind) == 1 else None
    if type(start) is not int or type(end) is not int:
        raise _Bad("no span")
    if not isinstance(kind, (str, int)) or not str(kind).strip():
        raise _Bad("no span")
    return start, end, str(kind).strip()


def _spans_of_tags(places: Sequence[tuple[int, int]], tags: Sequence[str], note: Any) -> Spans:
    """Spans in characters. A span also begins where one goes on that has not begun."""
    spans: Spans = []
    open_type = ""
    for (start, end), tag in zip(places, tags, strict=True):
        if not TAG.fullmatch(tag):
            raise _Bad("no tag")
        if tag == "O":
            open_type = ""
            continue
        mark, kind = tag[0], tag[2:]
        goes_on = mark in "IEL"
        if goes_on and open_type == kind:
            spans[-1] = (spans[-1][0], end, kind)
        else:
            if goes_on:
                note("unbegun")
            spans.append((start, end, kind))
        open_type = "" if mark in "ESLU" else kind
    return spans


def _checked(text: str, spans: Spans, note: Any) -> Spans:
    """In the order of the text, without white space at their borders."""
    found: Spans = []
    for start, end, kind in sorted(spans):
        if start < 0 or end > len(text) or start >= end:
            raise _Bad("outside")
        inside = text[start:end]
        if not inside.strip():
            raise _Bad("outside")
        start, end = (
            start + len(inside) - len(inside.lstrip()),
            end - (len(inside) - len(inside.rstrip())),
        )
        if found and start < found[-1][1]:
            if (start, end, kind) == found[-1]:
                continue
            raise _Bad("overlap")
        found.append((start, end, kind))
    return found


def _whole_words(places: Sequence[tuple[int, int]], spans: Spans) -> Spans:
    """Spans made wider to whole words; one that would meet the one before begins after it."""
    found: Spans = []
    for start, end, kind in spans:
        inside = [p for p in places if p[0] < end and p[1] > start]
        if found:
            inside = [p for p in inside if p[0] >= found[-1][1]]
        if inside:
            found.append((inside[0][0], inside[-1][1], kind))
    return found


# --- what is said of them -------------------------------------------------------------------------


def _fault(what: str, rows: Few, about: dict[str, str]) -> str:
    values = {**about, "rows": rows}
    if what == "unequal":
        return say(
            "{table}: as many tags as words are needed, and {label!r} has more or fewer than"
            " {text!r} in row {rows}. Correct these rows.",
            **values,
        )
    if what == "no tag":
        return say(
            "{table}, column {label!r}: tags that are none of O, B-type, I-type (or their BIOES"
            " forms) in row {rows}. Write the name of the type after B- and I-.",
            **values,
        )
    if what == "no span":
        return say(
            "{table}, column {label!r}: spans that cannot be read in row {rows}. Write each as"
            ' [start, end, "type"], in characters from 0, the end outside.',
            **values,
        )
    if what == "outside":
        return say(
            "{table}, column {label!r}: spans that are empty or reach beyond the text in row"
            " {rows}. Positions are characters from 0, the end outside: correct them.",
            **values,
        )
    if what == "overlap":
        return say(
            "{table}, column {label!r}: spans that overlap in row {rows}. A word has one tag here:"
            " keep one of them.",
            **values,
        )
    if what == "long":
        return say(
            "{table}, column {text!r}: more than {most:,} words in row {rows}. Cut these texts into"
            " paragraphs or sentences.",
            most=MOST_WORDS,
            **values,
        )
    return say(
        "{table}, column {text!r}: words that are empty in row {rows}. Leave them out, with their"
        " tags.",
        **values,
    )


def _note(what: str, rows: Few, about: dict[str, str]) -> str:
    values = {**about, "rows": rows}
    if what == "unbegun":
        return say(
            "{label!r} has tags that go on with a span which has not begun, in row {rows}; a span"
            " is read to begin there, as in IOB1.",
            **values,
        )
    return say(
        "{label!r} has spans that begin or end inside a word, in row {rows}; they are taken to hold"
        " the whole word.",
        **values,
    )


def types_of(rows: Iterable[Example | None]) -> set[str]:
    """The types that occur."""
    return {label for e in rows if e is not None for label in e.labels}
