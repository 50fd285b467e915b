"""Whom every token of a text attends to, in every head of every layer (Vaswani et al. 2017). It shows where the model
looked, which need not be why it decided (Jain & Wallace 2019): for that there is occlusion."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.errors import UserError

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    from tl_core.models.depths import Deep

MOST_TOKENS = 128
DIGITS = 7  # of a weight as a plain value


@dataclass(frozen=True)
class Token:
    """One token."""

    token: str  # as it stands in the vocabulary
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
        """(T, P + T) float32: who looks at whom in a head of a layer, both counted from 1; None for the mean over heads.

        Raises:
            UserError: there is no such layer or head.
        """
        for name, asked, most in zip(("layer", "head"), (layer, head), self.weights.shape, strict=False):
            if asked is not None and not 1 <= asked <= most:
                raise UserError(f"{self.model} has the {name}s 1 to {most}; there is no {name} {asked}.")
        of_layer = self.weights[layer - 1].astype(np.float32)
        return of_layer.mean(0) if head is None else of_layer[head - 1]

    def plain(self, weights: np.ndarray) -> dict[str, Any]:
        """As plain values, for programs, with all of the weights or some."""
        said = {"model": self.model, "tokens": [asdict(t) for t in self.tokens], "trained": self.trained, "notes": list(self.notes)}
        return {**said, "weights": weights.astype(float).round(DIGITS).tolist()}


def attention(deep: Deep, text: str, text_b: str | None = None, *, most: int = MOST_TOKENS) -> Attention:
    """Look at a text or a pair.

    Raises:
        UserError: there is no text, the model shows no attention, or no token of one text ever meets one of the other in it.
    """
    if not text.strip():
        raise UserError("Write a text first.")
    if deep.apart and text_b is not None:
        raise UserError(f"{deep.name} reads two texts apart, so no token of one looks at a token of the other. Leave the second text out.")
    from tl_core.models.encoding import Tokens

    tokenizer, pair = deep.encoder.model.tokenizer, text_b is not None
    room = deep.most_shown(most)
    whole = len(tokenizer(text, text_b, verbose=False)["input_ids"])
    read = tokenizer(
        text, text_b, truncation=True, max_length=room, return_offsets_mapping=tokenizer.is_fast, return_special_tokens_mask=True,
        return_token_type_ids=pair,
    )  # fmt: skip
    tokens = Tokens(read["input_ids"])
    if pair and 1 in read["token_type_ids"]:
        tokens.second = read["token_type_ids"].index(1)
    weights = deep.attention(tokens)
    notes = [f"The text has {whole:,} tokens; only {len(tokens)} are read and shown."] if whole > len(tokens) else []
    sides = read.sequence_ids() if tokenizer.is_fast else [None] * len(tokens)
    shown = []
    for i, name in enumerate(tokenizer.convert_ids_to_tokens(list(tokens))):
        special = bool(read["special_tokens_mask"][i])
        start, end = read["offset_mapping"][i] if tokenizer.is_fast and not special else (0, 0)
        part = (text_b if sides[i] == 1 else text)[start:end]
        shown.append(Token(name, part or name, int(sides[i] == 1 or (tokens.second is not None and i >= tokens.second)), special))
    trained = weights.shape[-1] - len(tokens)
    if trained:
        notes.append(f"The first {trained} columns are vectors that training put before the text.")
    return Attention(deep.name, tuple(shown), trained, weights, tuple(notes))
