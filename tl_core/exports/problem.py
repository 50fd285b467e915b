"""What an export answers, from its `export.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tl_core.api.types import Label, Problem


def problem_in(about: Mapping[str, Any]) -> Problem:
    """What goes in and what comes out of an export."""
    labels = tuple(Label(label["id"], str(label["name"])) for label in about["labels"])
    return Problem(about["inputs"], about["target"], labels)
