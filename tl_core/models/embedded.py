"""The models that come with the project, and which of them reads what."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tl_core.api.sentences import say


@dataclass(frozen=True)
class Entry:
    """A model known by a short name."""

    name: str
    title: str
    about: str
    languages: tuple[str, ...]
    supervised: str  # labelled pairs it has seen before: part of its honest budget
    scripts: tuple[str, ...] = ("LATIN",)  # it reads, as Unicode names their letters
    sha256: str = ""  # of the changed weights, where it ships as what differs from another


EMBEDDED = Entry(
    name="minilm",
    title="all-MiniLM-L6-v2",
    about=say(
        "Embedded default: 22 million parameters, 6 layers, reads 256 tokens. English only; it"
        " cannot read Korean."
    ),
    languages=("en",),
    supervised="1.17 billion sentence pairs (sentence-transformers, 2021)",
)
FILLS_BLANKS = Entry(
    name="minilm-masked",
    title=say("MiniLM with a masked-language head"),
    about=say(
        "Fills blanks: all-MiniLM-L6-v2 trained on to guess hidden words. English only; for"
        " comparing texts minilm is better."
    ),
    languages=("en",),
    supervised="begins from all-MiniLM-L6-v2; the further training saw plain text only",
    sha256="68c2673abdec15107260df987a154268f7bf2f71148cf7d7aa82f64afb078ce9",
)
READS_KOREAN = Entry(
    name="minilm-korean",
    title=say("MiniLM that reads Korean and English"),
    about=say(
        "all-MiniLM-L6-v2 with 16,000 Korean pieces of words, which learned Korean from"
        " translations and text. Compares texts in both languages; of hidden Korean words it"
        " guesses few."
    ),
    languages=("ko", "en"),
    supervised=("begins from all-MiniLM-L6-v2; then plain text and 505,587 English-Korean pairs"),
    scripts=("LATIN", "HANGUL"),
    sha256="da6cf030345197547074dc378c531435710d3d1544120eb8d1e0d8045a451a81",
)
ENTRIES = {entry.name: entry for entry in (EMBEDDED, FILLS_BLANKS, READS_KOREAN)}
COMPARE_TEXTS = (EMBEDDED, READS_KOREAN)  # that a study may begin with; the usual one first
LETTERS_LOOKED_AT = 200_000
WORTH_ANOTHER = 0.02  # share of the letters that another model must read more


def model_for(texts: Iterable[str]) -> str:
    """The model that comes with the project and reads these texts best, by the letters they are
    written in; the usual one where none reads more of them.
    """
    letters: Counter[str] = Counter()
    for text in texts:
        letters.update(c for c in unicodedata.normalize("NFC", text) if c.isalpha())
        if letters.total() > LETTERS_LOOKED_AT:
            break
    scripts: Counter[str] = Counter()
    for letter, times in letters.items():
        scripts[unicodedata.name(letter, "?").split()[0]] += times

    def read(entry: Entry) -> float:
        return sum(scripts[s] for s in entry.scripts) / max(1, scripts.total())

    best = max(COMPARE_TEXTS, key=read)
    return best.name if read(best) > read(EMBEDDED) + WORTH_ANOTHER else EMBEDDED.name


def describe() -> list[dict]:
    """The models that need no network, as plain values."""
    return [
        {
            "id": e.name,
            "title": e.title,
            "about": e.about,
            "languages": list(e.languages),
            "supervised": e.supervised,
        }
        for e in ENTRIES.values()
    ]
