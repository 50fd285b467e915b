"""A text with blanks, as tokens: reading it, shortening it around its blanks, and cutting words for
a blank.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.data.audit import token_report
from tl_core.models.token_names import names_of

BLANK = "[MASK]"
_BLANK = re.compile(r"\[mask\]|<mask>", re.IGNORECASE)
BLANK_ID = -1  # stands for a blank among token ids
STARTS = ("\n", ".", "a")  # to begin a text with: one of them does not melt into what follows
LETTERS = ("x", "q", "j", "z")  # likewise, where the beginning of a word is wanted
MAX_BLANKS = 50
MAX_CHARACTERS = 1_000_000
MOST_JUDGED = 20_000  # characters of a text by which it is judged whether it can be read


@dataclass(frozen=True)
class Blanked:
    """A text with blanks."""

    ids: tuple[int, ...]  # tokens, without special tokens at the ends; BLANK_ID at every blank
    follows: tuple[
        str, ...
    ]  # for every blank, the character it is behind; "" at the start of the text
    left_out: int = 0  # tokens that did not fit

    @property
    def blanks(self) -> int:
        """Count the blanks."""
        return self.ids.count(BLANK_ID)

    def parts(self) -> list[tuple[int, ...]]:
        """The text before, between and after the blanks: one more than there are blanks."""
        ends = [i for i, token in enumerate(self.ids) if token == BLANK_ID]
        return [
            self.ids[a + 1 : b] for a, b in zip([-1, *ends], [*ends, len(self.ids)], strict=True)
        ]


def split_at_blanks(text: str) -> list[str]:
    """The text between blanks.

    Raises:
        UserError: there is no blank, there are too many, or the text is too long.
    """
    if not text.strip():
        raise UserError(
            say(
                "Write a text with {blank} where a word should be guessed, as in “The cat is on"
                " the {blank}.”",
                blank=BLANK,
            )
        )
    if len(text) > MAX_CHARACTERS:
        raise UserError(
            say(
                "The text has {text:,} characters; at most {max_characters:,} are read. Take a"
                " part of it.",
                text=len(text),
                max_characters=MAX_CHARACTERS,
            )
        )
    parts = _BLANK.split(text)
    if len(parts) == 1:
        raise UserError(
            say(
                "There is no {blank} in the text. Put one where a word should be guessed, as in"
                " “The cat is on the {blank}.”",
                blank=BLANK,
            )
        )
    if len(parts) - 1 > MAX_BLANKS:
        raise UserError(
            say(
                "The text has {parts:,} blanks; at most {max_blanks} are filled at a time. Fill"
                " some of them in.",
                parts=len(parts) - 1,
                max_blanks=MAX_BLANKS,
            )
        )
    return parts


def blanks_in(text: str) -> int:
    """Number of blanks a text has."""
    return len(_BLANK.findall(text))


def without_blanks(text: str) -> str:
    """The text with every mark of a blank taken apart, so that it is text."""
    return _BLANK.sub(lambda mark: f"{mark[0][0]} {mark[0][1:-1]} {mark[0][-1]}", text)


def follows(parts: Sequence[str]) -> tuple[str, ...]:
    """Return for every blank the character it is behind: another blank counts as a letter, nothing
    as the start.
    """
    return tuple(before[-1:] or ("" if i == 0 else "x") for i, before in enumerate(parts[:-1]))


def plain(text: str, tokenizer: Any) -> str:
    """The text with special tokens it spells out (`[SEP]`, `</s>`) taken apart: a text is data and
    steers nothing.
    """
    for token in tokenizer.all_special_tokens:
        if len(token) > 2 and token in text:
            text = text.replace(token, f"{token[0]} {token[1:-1]} {token[-1]}")
    return text


def tokens_of(text: str, tokenizer: Any) -> list[int]:
    """Token ids without special tokens, not cut."""
    return tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]


def going_on(text: str, tokenizer: Any, starts: Sequence[str] = STARTS) -> list[int]:
    """Token ids of a text that continues from another. Read alone, it may be given a mark as if a
    text began: so it is
    read after something short, and that is taken away again."""
    for start in starts:
        before, whole = tokens_of(start, tokenizer), tokens_of(start + text, tokenizer)
        if before and len(whole) > len(before) and whole[: len(before)] == before:
            return whole[len(before) :]
    return tokens_of(text, tokenizer)


def marked(text: str, tokenizer: Any, marks: Callable[[int], str]) -> Blanked:
    """Read a text whose blanks have tokens of their own; `marks` gives the token of blank i.

    The text is read in one go, as the model met it in training: reading the parts apart would begin
    each as a text.
    """
    parts = split_at_blanks(text)
    whole = plain(parts[0], tokenizer) + "".join(
        marks(i) + plain(part, tokenizer) for i, part in enumerate(parts[1:])
    )
    waiting = [tokenizer.convert_tokens_to_ids(marks(i)) for i in range(len(parts) - 1)]
    ids, at = tokens_of(whole, tokenizer), 0
    for i, token in enumerate(ids):
        if at < len(waiting) and token == waiting[at]:
            ids[i], at = BLANK_ID, at + 1
    if at != len(waiting):
        raise UserError(
            say(
                "The tokenizer of this model loses {lost} of {blanks} blanks. Put spaces"
                " around {blank}.",
                lost=len(waiting) - at,
                blanks=len(waiting),
                blank=BLANK,
            )
        )
    return Blanked(tuple(ids), follows(parts))


def shortened(blanked: Blanked, room: int) -> Blanked:
    """The tokens nearest to a blank, as many as fit; the others are counted.

    Raises:
        UserError: the blanks alone do not fit.
    """
    too_many = len(blanked.ids) - room
    if too_many <= 0:
        return blanked
    if blanked.blanks > room:
        raise UserError(
            say(
                "{blanks} blanks do not fit into the {room} tokens this model reads. Use fewer.",
                blanks=blanked.blanks,
                room=room,
            )
        )
    places = np.flatnonzero(np.asarray(blanked.ids) == BLANK_ID)
    distance = np.abs(np.arange(len(blanked.ids))[:, None] - places[None]).min(1)
    kept = np.sort(np.argsort(distance, kind="stable")[:room])
    return Blanked(
        tuple(blanked.ids[i] for i in kept), blanked.follows, blanked.left_out + too_many
    )


def word_tokens(word: str, tokenizer: Any, follows: str) -> tuple[int, ...]:
    """A candidate as it would be cut at a blank.

    Args:
        follows: the character the blank is behind. Most tokenizers cut a word otherwise at the
            start of a text, behind a space and inside a word.

    Raises:
        UserError: it is empty, or the tokenizer cannot read it.
    """
    word = plain(word.strip(), tokenizer)
    if not word:
        raise UserError(say("A candidate is empty. Write words between the commas."))
    if not follows:
        ids = tokens_of(word, tokenizer)
    elif follows.isspace():
        ids = going_on(f" {word}", tokenizer)
    elif word_mark(tokenizer) == "##" and _joins(follows) and _joins(word[0]):
        ids = going_on(word, tokenizer, (*LETTERS, *STARTS))
    else:
        ids = _without_mark(going_on(word, tokenizer), tokenizer)
    if not ids or tokenizer.unk_token_id in ids:
        raise UserError(
            say(
                "The tokenizer of this model cannot read the candidate “{word}”: it becomes"
                " {unknown_token}. Choose another model or another word.",
                word=word,
                unknown_token=unknown_token(tokenizer),
            )
        )
    return tuple(ids)


def unknown_token(tokenizer: Any) -> str:
    """Return the token that this tokenizer writes for what it cannot read."""
    return tokenizer.unk_token or "nothing"


@functools.lru_cache(maxsize=64)
def word_mark(tokenizer: Any) -> str:
    """Return the mark by which a vocabulary distinguishes pieces: `##` before what continues
    (WordPiece), `▁` (SentencePiece) or `Ġ` (byte pairs) before what begins; "" when it has none.
    The most frequent counts: vocabularies of byte pairs hold headings such as `###` too.
    """
    counts = {
        mark: sum(token.startswith(mark) for token in tokenizer.get_vocab())
        for mark in ("##", "▁", "Ġ")
    }
    mark = max(counts, key=counts.__getitem__)
    return mark if counts[mark] else ""


def _without_mark(ids: list[int], tokenizer: Any) -> list[int]:
    """Inside a word no piece begins one: `▁ly` becomes `ly` where the vocabulary has it."""
    first = tokenizer.convert_ids_to_tokens(ids[0]) if ids else ""
    if first == "▁":
        return ids[1:]
    bare = tokenizer.get_vocab().get(first[1:]) if first.startswith("▁") else None
    return ids if bare is None else [bare, *ids[1:]]


def _joins(character: str) -> bool:
    """Whether letters next to it belong to its word; ideographs are words of their own."""
    return character.isalnum() and not "\u2e80" <= character <= "\u9fff"


def read_token(token: int, tokenizer: Any) -> tuple[str, bool]:
    """(what a person reads, whether it begins a word)."""
    (piece,), mark = names_of(tokenizer, [token]), word_mark(tokenizer)
    if piece is None:
        return f"#{token}", True
    if token in tokenizer.all_special_ids:
        return piece, True
    if mark == "##":
        return (piece[2:], False) if piece.startswith("##") and len(piece) > 2 else (piece, True)
    text = tokenizer.decode([token]).strip() or tokenizer.decode([token]) or piece
    return text, not mark or piece.startswith(mark)


def cannot_read(name: str, tokenizer: Any, max_tokens: int, text: str) -> str:
    """The sentence that a model cannot read a text; "" when it can. Judged as a dataset's texts
    are, see `tl_core.data.audit`.
    """
    words = " ".join(_BLANK.split(text[:MOST_JUDGED]))
    report = token_report(
        name,
        [words],
        lambda part: [tokens_of(one, tokenizer) for one in part],
        tokenizer.unk_token_id,
        max_tokens,
    )
    if report.readable:
        return ""
    why = (
        say(
            "{unknown_rate:.0f}% of its words are unknown to it",
            unknown_rate=100 * report.unknown_rate,
        )
        if report.unknown_rate
        else say("many of its words are the same to it")
    )
    return say(
        "{name} cannot read this text: {why}, so its prediction means nothing. Choose a model"
        " made for the language.",
        name=name,
        why=why,
    )
