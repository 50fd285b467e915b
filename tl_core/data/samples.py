"""The bundled data: small files, each with its label table, to try everything on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say

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


def _sample(name: str, title: str, language: str, about: str, kind: str = "csv") -> Sample:
    return Sample(
        name, title, language, FOLDER / f"{name}.{kind}", FOLDER / f"{name}.labels.json", about
    )


SAMPLES = {
    s.name: s
    for s in (
        _sample(
            "support_tickets",
            "Support tickets",
            "en",
            say("Messages to a customer service, by what they are about."),
        ),
        _sample(
            "product_opinions",
            "Product opinions",
            "en",
            say("Short opinions on products, negative or positive."),
        ),
        _sample(
            "korean_opinions",
            "Korean opinions",
            "ko",
            say("Short opinions in Korean, negative or positive (부정, 긍정)."),
        ),
        _sample(
            "sentence_pairs",
            "Sentence pairs",
            "en",
            say("Two sentences each: do they say the same thing?"),
        ),
        _sample(
            "korean_tickets",
            "Korean support tickets",
            "ko",
            say("Messages to a customer service in Korean, by what they are about."),
        ),
        _sample(
            "korean_pairs",
            "Korean sentence pairs",
            "ko",
            say("Two Korean sentences each: do they say the same thing (같음, 다름)?"),
        ),
        _sample(
            "support_entities",
            "Names in support messages",
            "en",
            say("Products, dates, places, people and order numbers, each marked in its text."),
            "jsonl",
        ),
        _sample(
            "korean_entities",
            "Names in Korean support messages",
            "ko",
            say("The same in Korean: products, dates, places, people and order numbers."),
            "jsonl",
        ),
        _sample(
            "product_questions",
            "Questions about products",
            "en",
            say("Questions to short texts of a shop, each answered by a stretch of its text."),
            "jsonl",
        ),
        _sample(
            "release_summaries",
            "Summaries of short reports",
            "en",
            say("Release notes, reports and letters, each with a summary in one sentence."),
            "jsonl",
        ),
    )
}


def sample_names() -> tuple[str, ...]:
    """Return the names of the bundled samples."""
    return tuple(SAMPLES)


def sample(name: str) -> Sample:
    """The bundled sample of that name.

    Raises:
        UserError: there is none; the nearest names are offered.
    """
    if name not in SAMPLES:
        raise UserError(unknown(say("sample"), name, SAMPLES))
    return SAMPLES[name]
