"""The translations of every sentence, and what keeps them complete.

Sentences are marked in the code (`tl_core.api.sentences`). Babel, a tool for developers, collects
them into one `.po` file per language, where people translate, and compiles it to the `.mo` file
that the program reads.
"""

from __future__ import annotations

import ast
import datetime
import io
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tl_core.api.sentences import DOMAIN, ENGLISH, LANGUAGES, LOCALE

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

ROOT = LOCALE.parent.parent
ROOMS = ("tl_core", "tl_ui", "spaces_config")
MARKERS = {  # by the module they come from: what marks a sentence
    "tl_core.api.sentences": ("say", "say_n", "say_as"),
    "tl_core.api.params": ("param",),
}
# where in their arguments the texts are
PLACES = {"say": slice(1), "say_n": slice(2), "say_as": slice(2), "param": slice(1, 2)}
PARTICLE = re.compile(r"\}[”’\"']?(은|는|이|가|을|를|과|와|으로|로|이나|이라)(?=[ .,])")


def translated_into() -> tuple[str, ...]:
    """The languages there is a catalogue for."""
    return tuple(language for language in LANGUAGES if language != ENGLISH)


def po_file(language: str) -> Path:
    """Return the file in which people translate."""
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def extracted() -> Catalog:
    """Every sentence that is marked in the code.

    Raises:
        ValueError: a marked sentence is not written out in its place.
    """
    from babel.messages.catalog import Catalog

    found = Catalog(project="Transfer Lab", charset="utf-8")
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            place = file.relative_to(ROOT).as_posix()
            for message, context in marked(file.read_text("utf-8"), place):
                found.add(message, locations=[(place, 0)], context=context)
    return found


def marked(source: str, place: str) -> Iterator[tuple[str | tuple[str, str], str | None]]:
    """The sentences marked in a module, each with its context.

    Raises:
        ValueError: a marked sentence is not written out in its place.
    """
    tree = ast.parse(source)
    markers = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in MARKERS
        for alias in node.names
        if alias.name in MARKERS[node.module]
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        name = markers.get(node.func.id)
        if name is None:
            continue
        wanted = node.args[PLACES[name]]
        texts = [
            x.value for x in wanted if isinstance(x, ast.Constant) and isinstance(x.value, str)
        ]
        if name == "param" and not texts:
            continue  # a sentence with values, marked itself
        if not texts or len(texts) != len(wanted):
            raise ValueError(f"{place}, line {node.lineno}: {name} takes sentences written out")
        if name == "say_n":
            yield (texts[0], texts[1]), None
        elif name == "say_as":
            yield texts[1], texts[0]
        else:
            yield texts[0], None


def read(language: str) -> Catalog:
    """The catalogue of a language, as people wrote it."""
    from babel.messages.pofile import read_po

    with po_file(language).open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def update(language: str) -> Catalog:
    """Bring the catalogue up to date: new sentences come in without a translation, those that are
    said no more go. Writes both files.
    """
    catalogue = read(language)
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    write(catalogue, language)
    return catalogue


def write(catalogue: Catalog, language: str) -> None:
    """Write the `.po` and the `.mo` file."""
    from babel.messages.pofile import write_po

    text = io.BytesIO()
    write_po(text, catalogue, width=100, sort_output=True, omit_header=False, include_lineno=False)
    # without the moment of writing, about which any two branches would disagree
    lines = [x for x in text.getvalue().splitlines(True) if not x.startswith(b'"POT-Creation-Date')]
    po_file(language).write_bytes(b"".join(lines))
    po_file(language).with_suffix(".mo").write_bytes(compiled(catalogue))


def compiled(catalogue: Catalog) -> bytes:
    """Compile a catalogue into the file that the program reads."""
    from babel.messages.mofile import write_mo

    catalogue.creation_date = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    data = io.BytesIO()
    write_mo(data, catalogue)
    return data.getvalue()


def faults(language: str) -> Iterator[str]:
    """Yield what is wrong with a catalogue, a line each; nothing where it is complete.

    Whoever adds a strategy need not know every language: `untranslated` lists what it says, and
    that is no fault.
    """
    catalogue, wanted = read(language), extracted()
    for message in wanted:
        if not message.id:
            continue
        there = catalogue.get(message.id, context=message.context)
        if there is None or not _strings(there):
            if not _optional(message):
                yield f"not translated: {_shown(message)}"
            continue
        if there.fuzzy:
            yield f"only guessed (fuzzy): {_shown(message)}"
        singular = message.id if isinstance(message.id, str) else message.id[-1]
        for said in _strings(there):
            if _fields(said) != _fields(singular):
                yield f"other fields than in English: {_shown(message)} -> {said}"
            if language == "ko" and (found := PARTICLE.search(said)):
                yield f"a particle that does not fit every word ({found[0]}): {said}"
    for message in catalogue:
        if message.id and wanted.get(message.id, context=message.context) is None:
            yield f"said no more: {_shown(message)}"
    mo = po_file(language).with_suffix(".mo")
    if not mo.exists() or mo.read_bytes() != compiled(catalogue):
        yield f"{mo.name} is older than its .po file: python -m tl_core.locale compile"


def untranslated(language: str) -> list[str]:
    """The sentences that are still in English."""
    catalogue = read(language)
    return [
        _shown(message)
        for message in extracted()
        if message.id
        and not ((there := catalogue.get(message.id, context=message.context)) and _strings(there))
    ]


def _optional(message: Any) -> bool:
    """Whether only strategies say it."""
    files = [file for file, _ in message.locations]
    return bool(files) and all(file.startswith("tl_core/strategies/") for file in files)


def _strings(message: Any) -> list[str]:
    several = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    return [said for said in several if said]


def _shown(message: Any) -> str:
    return message.id[-1] if isinstance(message.id, tuple) else message.id


def _fields(template: str) -> set[str]:
    """Return the values that a template takes. Their formats may differ between languages."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:  # braces that are part of the text
        return set(re.findall("[{}]", template))
    return {field for _, field, _, _ in parts if field is not None}
