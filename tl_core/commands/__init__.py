"""The commands, one file each: a file that sets COMMAND is found. What several of them need stands here."""

from __future__ import annotations

import unicodedata


def shown(text: str) -> str:
    """For a terminal: what a file says must not move the cursor or change colours."""
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
