"""Attention of every token of a text, in every head of every layer (Vaswani et al. 2017). It shows
where the model looked, which need not be why it decided (Jain & Wallace 2019): for that there is
occlusion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.view import Checkpoint, Job, Models, Numbers
from tl_core.models.token_names import names_of

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    from tl_core.models.encoding import Tokens
    from tl_core.models.training.depths import Deep

MOST_TOKENS = 128
DIGITS = 7  # of a weight as a plain value


@dataclass(frozen=True)
class Token:
    """One token."""

    token: str  # as it is in the vocabulary
    text: str  # its characters; of a special token, its name
    segment: int  # 0 for the first text, 1 for the second
    special: bool


@dataclass(frozen=True)
class Attention:
    """A text, or two, as a model looks at it."""

    model: str
    tokens: tuple[Token, ...]  # (T,)
    trained: int  # vectors that training put before the text: columns, never rows
    weights: np.ndarray  # (L, H, T, trained + T) float32: row looks at column; rows sum to 1
    notes: tuple[str, ...]

    def of(self, layer: int, head: int | None = None) -> np.ndarray:
        """(T, P + T) float32: what attends to what in a head of a layer, both from 1; None for
        the mean over heads.

        Raises:
            UserError: there is no such layer or head.
        """
        layers, heads = self.weights.shape[:2]
        if not 1 <= layer <= layers:
            raise UserError(
                say(
                    "{model} has the layers 1 to {most}; there is no layer {asked}.",
                    model=self.model,
                    most=layers,
                    asked=layer,
                )
            )
        if head is not None and not 1 <= head <= heads:
            raise UserError(
                say(
                    "{model} has the heads 1 to {most}; there is no head {asked}.",
                    model=self.model,
                    most=heads,
                    asked=head,
                )
            )
        of_layer = self.weights[layer - 1].astype(np.float32)
        return of_layer.mean(0) if head is None else of_layer[head - 1]

    def plain(self, weights: np.ndarray) -> dict[str, Any]:
        """As plain values, for programs, with all of the weights or some."""
        said = {
            "model": self.model,
            "tokens": [asdict(t) for t in self.tokens],
            "trained": self.trained,
            "notes": list(self.notes),
        }
        return {**said, "weights": weights.astype(float).round(DIGITS).tolist()}


def attention(
    deep: Deep, text: str, text_b: str | None = None, *, most: int = MOST_TOKENS
) -> Attention:
    """Look at a text or a pair.

    Raises:
        UserError: there is no text, the model shows no attention, or no token of one text ever
            meets one of the other in it.
    """
    if not text.strip():
        raise UserError(say("Write a text first."))
    if deep.apart and text_b is not None:
        raise UserError(
            say(
                "{deep} reads two texts apart, so no token of one looks at a token of the other."
                " Leave the second text out.",
                deep=deep.name,
            )
        )
    from tl_core.models.encoding import Tokens

    tokenizer, pair = deep.encoder.model.tokenizer, text_b is not None
    room = deep.most_shown(most)
    whole = len(tokenizer(text, text_b, verbose=False)["input_ids"])
    read = tokenizer(
        text,
        text_b,
        truncation=True,
        max_length=room,
        return_offsets_mapping=tokenizer.is_fast,
        return_special_tokens_mask=True,
        return_token_type_ids=pair,
    )
    tokens = Tokens(read["input_ids"])
    if pair and 1 in read["token_type_ids"]:
        tokens.second = read["token_type_ids"].index(1)
    weights = deep.attention(tokens)
    notes = (
        [
            say(
                "The text has {whole:,} tokens; only {tokens} are read and shown.",
                whole=whole,
                tokens=len(tokens),
            )
        ]
        if whole > len(tokens)
        else []
    )
    shown = _tokens_shown(tokenizer, read, tokens, text, text_b or "")
    trained = weights.shape[-1] - len(tokens)
    if trained:
        notes.append(
            say(
                "The first {trained} columns are vectors that training put before the text.",
                trained=trained,
            )
        )
    return Attention(deep.name, tuple(shown), trained, weights, tuple(notes))


def _tokens_shown(tokenizer: Any, read: Any, tokens: Tokens, text: str, text_b: str) -> list[Token]:
    sides = read.sequence_ids() if tokenizer.is_fast else [None] * len(tokens)
    shown = []
    for i, name in enumerate(names_of(tokenizer, tokens)):
        special = bool(read["special_tokens_mask"][i])
        start, end = read["offset_mapping"][i] if tokenizer.is_fast and not special else (0, 0)
        part = (text_b if sides[i] == 1 else text)[start:end]
        shown.append(
            Token(
                name,
                part or name,
                int(sides[i] == 1 or (tokens.second is not None and i >= tokens.second)),
                special,
            )
        )
    return shown


def _of_checkpoint(
    models: Models, checkpoint: Checkpoint, text: str, text_b: str | None = None
) -> Iterator[Attention]:
    """One `Attention`."""
    yield attention(models.deep(checkpoint), text, text_b)


# all but a part of a long text is left out, so much may be pasted
NUMBERS = Numbers(
    "attention", (Job("attention", _of_checkpoint, short=True),), max_characters=200_000
)
