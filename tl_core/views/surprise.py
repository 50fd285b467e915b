"""How surprising every token of a text is to a model, and the text as a whole: pseudo-perplexity (Salazar et al. 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tl_core.errors import UserError
from tl_core.models.language_models import LanguageModel
from tl_core.models.language_models.blanks import plain
from tl_core.types import Steps
from tl_core.views.tokens import cut

ABOUT = {
    "masked": "each token given all the others, later pieces of its word hidden with it",
    "permutation": "each token given all the others, later pieces of its word hidden with it",
    "sentinel": "each token given all the others, later pieces of its word hidden with it",
    "causal": "each token given those before it",
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
    perplexity: float  # exp of the mean surprise of a token; comparable between texts of one model only
    notes: tuple[str, ...]


def surprise(model: LanguageModel, text: str) -> Steps[Surprise]:
    """Score every token of a text.

    Raises:
        UserError: there is no text, or none of it can be scored.
    """
    whole = cut(model.ref.name, model.tokenizer, model.max_tokens, plain(text, model.tokenizer))
    pieces = [p for p in whole.pieces if not p.special or p.unknown]
    if not pieces:
        raise UserError("There is nothing in the text to score. Write some words.")
    room = model.room
    notes = []
    if len(pieces) > room:
        notes.append(f"{model.ref.name} reads {room} tokens of a text at a time; the last {len(pieces) - room:,} were left out.")
        pieces = pieces[:room]
    found = yield from model.surprise([p.id for p in pieces], [p.word for p in pieces])
    scored = [x for x in found if x is not None]
    if not scored:
        raise UserError("A single token has nothing to go by. Write some more words.")
    notes.append(f"{model.ref.name}: {ABOUT[model.family]}.")
    if any(p.unknown for p in pieces):
        notes.append(f"{sum(p.unknown for p in pieces)} of {len(pieces)} tokens cannot be read by this model; their numbers say nothing.")
    tokens = tuple(Seen(p.token, p.text, p.start, p.end, x, p.unknown) for p, x in zip(pieces, found, strict=True))
    return Surprise(model.ref.name, model.family, tokens, math.exp(-sum(scored) / len(scored)), tuple(notes))
