"""Texts as an array of numbers, so that what a model wrote is kept, joined and checked as any other
scores are: (n, L) float32 code points, zeros after the end of a text.

float32 holds every code point exactly: there are 1,114,112, and it counts to 16,777,216.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LAST = 0x10FFFF  # the largest code point


def as_numbers(texts: Sequence[str]) -> np.ndarray:
    """(n, L) float32 of n texts, of which the longest has L characters; L is at least 1.

    A NUL is left out: it would end the text.

    Examples:
        >>> as_numbers(["ab", ""]).tolist()
        [[97.0, 98.0], [0.0, 0.0]]
    """
    import numpy as np

    texts = [text.replace("\0", "") for text in texts]
    numbers = np.zeros((len(texts), max(map(len, texts), default=1) or 1), np.float32)
    for row, text in zip(numbers, texts, strict=True):
        row[: len(text)] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    return numbers


def as_texts(numbers: np.ndarray) -> np.ndarray:
    """(...) texts, a numpy array of str, of (..., L) numbers.

    Examples:
        >>> as_texts(as_numbers(["ab", "가"])).tolist()
        ['ab', '가']
    """
    import numpy as np

    length = numbers.shape[-1]
    codes = np.ascontiguousarray(np.clip(np.nan_to_num(numbers), 0, LAST).astype(np.uint32))
    return codes.view(f"U{length}")[..., 0]


def widened(part: np.ndarray, length: int) -> np.ndarray:
    """(..., length) with zeros after the numbers of (..., l)."""
    import numpy as np

    return np.pad(part, [(0, 0)] * (part.ndim - 1) + [(0, length - part.shape[-1])])
