"""What tokens are called on a screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any


def names_of(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The vocabulary's own names, in composed letters: a vocabulary that takes Hangul apart holds
    jamo, and people read syllables.
    """
    return [
        name and unicodedata.normalize("NFC", name)
        for name in tokenizer.convert_ids_to_tokens(list(ids))
    ]
