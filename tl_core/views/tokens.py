"""Tokens of a text: what a model sees instead of letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.view import MAX_CHARACTERS, Checkpoint, Job, Models, Numbers
from tl_core.models.language_models.blanks import word_mark
from tl_core.models.token_names import names_of

ROLES = ("cls", "sep", "mask", "pad", "unk", "bos", "eos")  # special tokens that tokenizers name

SPECIAL = {
    "cls": say("begins the text; models such as BERT gather the whole text in it"),
    "sep": say("ends a text, and separates two"),
    "mask": say("hides a word, to be guessed"),
    "pad": say("fills up shorter texts of a batch; it is not read"),
    "unk": say("replaces what the vocabulary cannot write"),
    "bos": say("begins the text"),
    "eos": say("ends the text"),
    "special": say("has a meaning of its own and represents no letters"),
}


@dataclass(frozen=True)
class Piece:
    """One token of a text."""

    token: str  # as it is in the vocabulary
    id: int
    position: int
    segment: int  # 0 for the first text, 1 for the second
    start: int  # first character in its text
    end: int  # one past the last; start == end: it stands for no characters
    text: str  # the characters it stands for
    word: int | None  # which word of its text it belongs to
    special: str  # which special token it is, a key of SPECIAL; "" for an ordinary one
    unknown: bool  # the vocabulary cannot write what is here


@dataclass(frozen=True)
class Cut:
    """A text as a tokenizer cuts it."""

    model: str
    pieces: tuple[Piece, ...]
    vocabulary: int  # tokens in it
    max_tokens: int  # the model reads at most
    unknown: int  # pieces the vocabulary cannot write

    @property
    def too_long(self) -> int:
        """Tokens beyond what the model reads."""
        return max(0, len(self.pieces) - self.max_tokens)


def cut(name: str, tokenizer: Any, max_tokens: int, text: str, text_b: str | None = None) -> Cut:
    """Cut a text, or two as one input.

    Raises:
        UserError: there is no text, or it is too long to be shown.
    """
    if not text.strip():
        raise UserError(say("Write a text first."))
    if len(text) + len(text_b or "") > MAX_CHARACTERS:
        raise UserError(
            say(
                "The text has {text:,} characters; the tokens of at most {max_characters:,} are"
                " shown. Take a part of it.",
                text=len(text) + len(text_b or ""),
                max_characters=MAX_CHARACTERS,
            )
        )
    read = tokenizer(text, text_b or None, return_offsets_mapping=tokenizer.is_fast, verbose=False)
    ids = read["input_ids"]
    spans = read["offset_mapping"] if tokenizer.is_fast else [(0, 0)] * len(ids)
    sides = read.sequence_ids() if tokenizer.is_fast else [0] * len(ids)
    words = _words(read, tokenizer) if tokenizer.is_fast else [None] * len(ids)
    kinds = read.get("token_type_ids") or [0] * len(
        ids
    )  # some tokenizers number both texts alike, and XLNet's last token 2
    segments = [
        min(kind, 1) if side is None else side for kind, side in zip(kinds, sides, strict=True)
    ]
    roles = {getattr(tokenizer, f"{role}_token_id", None): role for role in reversed(ROLES)}
    texts = {0: text, 1: text_b or "", None: ""}
    names = names_of(tokenizer, ids)
    pieces = tuple(
        Piece(
            names[i],
            token,
            i,
            segments[i],
            spans[i][0],
            spans[i][1],
            texts[sides[i]][slice(*spans[i])],
            words[i],
            roles.get(token, "special") if token in tokenizer.all_special_ids else "",
            token == tokenizer.unk_token_id,
        )
        for i, token in enumerate(ids)
    )
    return Cut(name, pieces, len(tokenizer), max_tokens, sum(p.unknown for p in pieces))


def _words(read: Any, tokenizer: Any) -> list[int | None]:
    """Return which word of its text each token belongs to.

    A tokenizer that does not part words first, as Llama's, takes a text for one word: there the
    mark counts that begins one.
    """
    words = read.word_ids()
    if tokenizer.backend_tokenizer.pre_tokenizer is not None:
        return words
    mark, count, found = word_mark(tokenizer), 0, []
    for token, word in zip(read["input_ids"], words, strict=True):
        count += bool(mark) and tokenizer.convert_ids_to_tokens(token).startswith(mark)
        found.append(None if word is None else count)
    return found


def _of_checkpoint(
    models: Models, checkpoint: Checkpoint, text: str, text_b: str | None = None
) -> Iterator[Cut]:
    """One `Cut`; only the tokenizer is loaded."""
    tokenizer, max_tokens = models.tokenizer(checkpoint)
    yield cut(checkpoint.model, tokenizer, max_tokens, text, text_b)


# a longer text is refused by `cut`, which says how long it is
NUMBERS = Numbers("tokens", (Job("cut_text", _of_checkpoint, short=True),), max_characters=10**9)
