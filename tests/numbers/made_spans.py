"""Rows of a made-up language whose spans and answers a tiny model can learn."""

from __future__ import annotations

import random

from tests.tiny_models import COMMON, TOPICS
from tl_core.api.types import Example, Label, Problem

KINDS = ("sea", "bread")
TAGS = Problem("one text", "tagging", tuple(Label(k, k) for k in KINDS))
ASKS = Problem(
    "two texts", "extractive-qa", (Label("answer", "answer"), Label("no answer", "no answer"))
)


def tagged(n: int, seed: int = 0) -> list[Example]:
    """Texts with one or two words of a topic or of both, which are its spans."""
    draw, made = random.Random(seed), []
    for i in range(1, n + 1):
        parts: list[tuple[str, str]] = [(word, "") for word in draw.sample(COMMON, 5)]
        for kind in draw.sample(KINDS, draw.choice([1, 2])):
            parts.append((" ".join(draw.sample(list(TOPICS[kind]), draw.choice([1, 2]))), kind))
        draw.shuffle(parts)
        text, spans = "", []
        for words, kind in parts:
            text += " " if text else ""
            if kind:
                spans.append((len(text), len(text) + len(words), kind))
            text += words
        labels = tuple(sorted({kind for *_, kind in spans}))
        made.append(Example(i, text, labels=labels, answer=tuple(spans)))
    return made
