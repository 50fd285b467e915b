"""Computations that say how far they are while they run."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")


def ended(steps: Generator[Any, Any, T]) -> T:
    """Run steps to their end and return what comes after them."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()
