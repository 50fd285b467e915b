"""Progress of one fit of several, reported as progress of them all."""

from __future__ import annotations

import dataclasses
from typing import Any

from tl_core.api.types import Steps

PARTS = 1000  # in which the progress of one fit is reported


def as_part(steps: Steps[Any], done: int, total: int) -> Steps[Any]:
    """The steps of one fit of several, as progress of them all."""
    inside = 0.0
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        if (
            step.loss is not None
        ):  # what is read and embedded before and after takes little alongside
            inside = max(inside, step.done / max(1, step.total))
        yield dataclasses.replace(step, done=round(PARTS * (done + inside)), total=PARTS * total)
