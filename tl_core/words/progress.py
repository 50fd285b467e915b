"""What is being done, and how long it may still take; terminal and notebook say the same."""

from __future__ import annotations

from tl_core.api.sentences import say_as

PHASES = {
    "embed": say_as("phase", "embed"),
    "fit": say_as("phase", "fit"),
    "predict": say_as("phase", "predict"),
    "read": say_as("phase", "read"),
}


def phase(id: str) -> str:
    """The word for the phase of a `Step`; a strategy from outside may have phases of its own."""
    return PHASES.get(id, id)
