"""How a tokenizer cuts a text: what a model sees instead of letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tl_core.errors import UserError
from tl_core.models.language_models.blanks import word_mark

MAX_CHARACTERS = 20_000
ROLES = ("cls", "sep", "mask", "pad", "unk", "bos", "eos")  # special tokens that tokenizers name

SPECIAL = {
    "cls": "begins the text; models such as BERT gather the whole text in it",
    "sep": "ends a text, and stands between two",
    "mask": "hides a word, to be guessed",
    "pad": "fills up shorter texts of a batch; it is not read",
    "unk": "stands for what the vocabulary cannot write",
    "bos": "begins the text",
    "eos": "ends the text",
    "special": "has a meaning of its own and stands for no letters",
}


@dataclass(frozen=True)
class Piece:
    """One token of a text."""

    token: str  # as it stands in the vocabulary
    id: int
    position: int
    segment: int  # 0 for the first text, 1 for the second
    start: int  # first character in its text
    end: int  # one past the last; start == end: it stands for no characters
    text: str  # the characters it stands for
    word: int | None  # which word of its text it belongs to
    special: str  # which special token it is, a key of SPECIAL; "" for an ordinary one
    unknown: bool  # the vocabulary cannot write what stands here


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
        raise UserError("Write a text first.")
    if len(text) + len(text_b or "") > MAX_CHARACTERS:
        raise UserError(f"The text has {len(text) + len(text_b or ''):,} characters; the tokens of at most {MAX_CHARACTERS:,} are shown. Take a part of it.")
    read = tokenizer(text, text_b or None, return_offsets_mapping=tokenizer.is_fast, verbose=False)
    ids = read["input_ids"]
    spans = read["offset_mapping"] if tokenizer.is_fast else [(0, 0)] * len(ids)
    sides = read.sequence_ids() if tokenizer.is_fast else [0] * len(ids)
    words = _words(read, tokenizer) if tokenizer.is_fast else [None] * len(ids)
    kinds = read.get("token_type_ids") or [0] * len(ids)  # some tokenizers number both texts alike, and XLNet's last token 2
    segments = [min(kind, 1) if side is None else side for kind, side in zip(kinds, sides, strict=True)]
    roles = {getattr(tokenizer, f"{role}_token_id", None): role for role in reversed(ROLES)}
    texts = {0: text, 1: text_b or "", None: ""}
    pieces = tuple(
        Piece(
            tokenizer.convert_ids_to_tokens(token), token, i, segments[i], *spans[i], texts[sides[i]][slice(*spans[i])], words[i],
            roles.get(token, "special") if token in tokenizer.all_special_ids else "", token == tokenizer.unk_token_id,
        )
        for i, token in enumerate(ids)
    )  # fmt: skip
    return Cut(name, pieces, len(tokenizer), max_tokens, sum(p.unknown for p in pieces))


def _words(read: Any, tokenizer: Any) -> list[int | None]:
    """Which word of its text each token belongs to. A tokenizer that does not part words first, as Llama's, takes a text
    for one word: there the mark counts that begins one."""
    words = read.word_ids()
    if tokenizer.backend_tokenizer.pre_tokenizer is not None:
        return words
    mark, count, found = word_mark(tokenizer), 0, []
    for token, word in zip(read["input_ids"], words, strict=True):
        count += bool(mark) and tokenizer.convert_ids_to_tokens(token).startswith(mark)
        found.append(None if word is None else count)
    return found
