"""Measurements, as commands that take paths as arguments. Tests assert no times; these print them."""

from tl_core.types import Steps, T


def ended(steps: Steps[T]) -> T:
    """What comes after the steps."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value
