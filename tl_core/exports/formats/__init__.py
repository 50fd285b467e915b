"""The formats of an export, one file each: which runs it can hold exactly, how it is written and
how it is read again.
"""

from __future__ import annotations

import functools

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say
from tl_core.exports.formats._base import Format, Probabilities

__all__ = ["Format", "Probabilities", "format_of", "formats"]


@functools.cache
def formats(*, by_word: bool = False) -> dict[str, Format]:
    """Every format by its id; what most programs can load comes first.

    Args:
        by_word: as they are for arms that answer with stretches of a text.
    """
    from tl_core.exports.formats import (
        onnx,
        peft,
        recipe,
        sentence_transformers,
        sklearn,
        transformers,
    )

    found: tuple[Format, ...] = (
        transformers.FORMAT,
        sentence_transformers.FORMAT,
        sklearn.FORMAT,
        peft.FORMAT,
        onnx.FORMAT,
        recipe.FORMAT,
    )
    if by_word:
        from tl_core.exports.formats import onnx_words, peft_words, transformers_words
        from tl_core.exports.formats._words import NotOfWords

        found = (
            transformers_words.FORMAT,
            NotOfWords(sentence_transformers.FORMAT),
            NotOfWords(sklearn.FORMAT),
            peft_words.FORMAT,
            onnx_words.FORMAT,
            recipe.FORMAT,
        )
    return {format.id: format for format in found}


def format_of(id: str, *, by_word: bool = False) -> Format:
    """A format by its id.

    Raises:
        UserError: there is none.
    """
    if id not in formats():
        raise UserError(unknown(say("format"), id, formats()))
    return formats(by_word=by_word)[id]
