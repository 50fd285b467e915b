"""Remembers arrays that took long to work out, one file each, by a key that says what they were
made of.

A cache that cannot be written or read is as good as an empty one, never a failure.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np

MOST_KEPT = 300  # the oldest go


class ArrayCache:
    """Arrays by key (a digest) in a folder; None keeps nothing."""

    def __init__(self, folder: Path | None):
        self.folder = folder

    def get(self, key: str) -> np.ndarray | None:
        """Return the value stored under this key, None where there is none."""
        if self.folder is None:
            return None
        try:
            found = np.load(self.folder / f"{key}.npy", allow_pickle=False)
            os.utime(self.folder / f"{key}.npy")
            return found
        except (OSError, ValueError, EOFError):
            return None

    def put(self, key: str, array: np.ndarray) -> None:
        """Keep an array; it appears whole or not at all."""
        if self.folder is None:
            return
        beside = self.folder / f".{key}.{os.getpid()}.npy"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            np.save(beside, array)
            beside.replace(self.folder / f"{key}.npy")
            for old in sorted(self.folder.glob("*.npy"), key=lambda f: f.stat().st_mtime)[
                :-MOST_KEPT
            ]:
                old.unlink(missing_ok=True)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
