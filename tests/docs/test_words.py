"""Plain English: the glossary's retired phrases are said nowhere, on no surface.

The list is read from docs/glossary.md, so that writing a phrase down there is enough.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
ROOMS = ("tl_core", "tl_ui", "spaces_config")
# Words of other people's texts, which a program has to know.
DATA = {
    "tl_core/data/perturb.py": "the words that negate a sentence",
}


def retired() -> list[str]:
    """The phrases of the first column of the last table, in order."""
    table = GLOSSARY.read_text(encoding="utf-8").split("## Retired phrases\n")[1]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")][2:]
    return [phrase.strip() for cell in cells for phrase in cell.split(",")]


def pattern(phrase: str) -> re.Pattern[str]:
    """Finds a phrase in prose, over a line's end too. An asterisk covers the rest of a word."""
    words = r"\s+".join(re.escape(word).replace(r"\*", r"\w*") for word in phrase.split())
    return re.compile(rf"(?<!\w){words}(?!\w)", re.I)


PATTERNS = {phrase: pattern(phrase) for phrase in retired()}


def found(text: str) -> list[str]:
    return [phrase for phrase, rx in PATTERNS.items() if rx.search(text)]


def said_in(source: str) -> Iterator[tuple[int, str]]:
    """Every text of a module, with its line: sentences, help, docstrings and comments.

    A constant without a space is a name, a key or a piece of markup; a field is a name, too.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, re.sub(r"\{\w+\}", "", node.value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def documents() -> list[Path]:
    named = (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    return [*named, *(p for p in sorted((ROOT / "docs").rglob("*.md")) if p != GLOSSARY)]


def modules() -> list[Path]:
    return [
        path
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in DATA
    ]


def test_the_glossary_can_be_read():
    assert len(PATTERNS) > 30 and "commonest" in PATTERNS and len(modules()) > 200
    assert all((ROOT / place).exists() for place in DATA)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("It is as sure\nas it is right.", ["as sure as"]),
        ("What cannot be foretold", ["foretold"]),
        ("The right answers to it", ["right answer*"]),
        ("The Commonest label", ["commonest"]),
        ("Calibrated, overconfident, the most frequent label; whomever, uncommonest.", []),
    ],
)
def test_a_phrase_is_found_and_no_other_word(text, phrases):
    assert found(text) == phrases


def test_all_texts_of_a_module_are_read():
    source = "\n".join(
        (
            '"""One whom."""',
            "x = 1  # two, as sure as that",
            "def f():",
            '    """Three anew."""',
            '    say("four " "learnt", n=f"five {x} nobody")',
        )
    )
    told = sorted(phrase for _, text in said_in(source) for phrase in found(text))
    assert told == ["anew", "as sure as", "learnt", "nobody", "whom"]


@pytest.mark.parametrize("path", documents(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_documents_are_in_plain_english(path):
    assert found(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("room", ROOMS)
def test_code_page_report_and_help_are_in_plain_english(room):
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {', '.join(phrases)}: {' '.join(text.split())[:80]}"
        for path in modules()
        if path.relative_to(ROOT).parts[0] == room
        for line, text in said_in(path.read_text(encoding="utf-8"))
        if (phrases := found(text))
    ]
    assert wrong == [], "\n".join(["see docs/glossary.md", *wrong])
