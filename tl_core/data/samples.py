"""The bundled data: four small files, each with its label table, to try everything on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.errors import UserError, unknown

FOLDER = Path(__file__).with_name("samples")


@dataclass(frozen=True)
class Sample:
    """A bundled file and what a person should know of it."""

    name: str
    title: str
    language: str  # ISO 639-1
    path: Path
    labels_path: Path
    about: str


def _sample(name: str, title: str, language: str, about: str) -> Sample:
    return Sample(name, title, language, FOLDER / f"{name}.csv", FOLDER / f"{name}.labels.json", about)


SAMPLES = {
    s.name: s
    for s in (
        _sample("support_tickets", "Support tickets", "en", "Messages to a customer service, by what they are about."),
        _sample("product_opinions", "Product opinions", "en", "Short opinions on products, negative or positive."),
        _sample(
            "korean_opinions", "Korean opinions", "ko", "Short opinions in Korean, negative or positive (부정, 긍정)."
        ),
        _sample("sentence_pairs", "Sentence pairs", "en", "Two sentences each: do they say the same thing?"),
    )
}


def sample_names() -> tuple[str, ...]:
    return tuple(SAMPLES)


def sample(name: str) -> Sample:
    """The bundled sample of that name.

    Raises:
        UserError: there is none; the nearest names are offered.
    """
    if name not in SAMPLES:
        raise UserError(unknown("sample", name, SAMPLES))
    return SAMPLES[name]
