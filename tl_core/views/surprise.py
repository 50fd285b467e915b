"""Surprise of a model at every token of a text, and the text as a whole: pseudo-perplexity (Salazar
et al. 2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Step, Steps
from tl_core.api.view import Checkpoint, Job, Models, Numbers
from tl_core.models.language_models import LanguageModel
from tl_core.models.language_models.blanks import plain
from tl_core.views.tokens import cut

ABOUT = {
    "masked": say("each token given all the others, later pieces of its word hidden with it"),
    "permutation": say("each token given all the others, later pieces of its word hidden with it"),
    "sentinel": say("each token given all the others, later pieces of its word hidden with it"),
    "causal": say("each token given those before it"),
}


@dataclass(frozen=True)
class Seen:
    """One token and how likely it was."""

    token: str
    text: str  # its characters
    start: int  # in the text, with special tokens that it spells out taken apart
    end: int
    log_probability: float | None  # nats; None where there was nothing to go by
    unknown: bool


@dataclass(frozen=True)
class Surprise:
    """A text, token by token."""

    model: str
    family: str
    tokens: tuple[Seen, ...]
    perplexity: (
        float  # exp of the mean surprise of a token; comparable between texts of one model only
    )
    notes: tuple[str, ...]


def surprise(model: LanguageModel, text: str) -> Steps[Surprise]:
    """Score every token of a text.

    Raises:
        UserError: there is no text, or none of it can be scored.
    """
    whole = cut(model.ref.name, model.tokenizer, model.max_tokens, plain(text, model.tokenizer))
    pieces = [p for p in whole.pieces if not p.special or p.unknown]
    if not pieces:
        raise UserError(say("There is nothing in the text to score. Write some words."))
    room = model.room
    notes = []
    if len(pieces) > room:
        notes.append(
            say(
                "{model} reads {room} tokens of a text at a time; the last {pieces:,} were left"
                " out.",
                model=model.ref.name,
                room=room,
                pieces=len(pieces) - room,
            )
        )
        pieces = pieces[:room]
    found = yield from model.surprise([p.id for p in pieces], [p.word for p in pieces])
    scored = [x for x in found if x is not None]
    if not scored:
        raise UserError(say("A single token has nothing to go by. Write some more words."))
    notes.append(say("{model}: {about}.", model=model.ref.name, about=ABOUT[model.family]))
    if any(p.unknown for p in pieces):
        notes.append(
            say(
                "{unread} of {tokens} tokens cannot be read by this model; their numbers say"
                " nothing.",
                unread=sum(p.unknown for p in pieces),
                tokens=len(pieces),
            )
        )
    tokens = tuple(
        Seen(p.token, p.text, p.start, p.end, x, p.unknown)
        for p, x in zip(pieces, found, strict=True)
    )
    return Surprise(
        model.ref.name, model.family, tokens, math.exp(-sum(scored) / len(scored)), tuple(notes)
    )


def _of_checkpoint(models: Models, checkpoint: Checkpoint, text: str) -> Iterator[Step | Surprise]:
    """Steps, then one `Surprise`."""
    yield (yield from surprise(models.language_model(checkpoint), text))


NUMBERS = Numbers("surprise", (Job("surprise", _of_checkpoint),))
