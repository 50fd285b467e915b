"""Remembers embeddings between runs, studies and starts: a text is embedded once, ever.

Keys are digests of model and text, so no text is stored here. The file is limited in size; what was
not used for longest goes first. A cache that cannot be written is a note, never a failure.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tl_core.api.sentences import say

DEFAULT_BYTES = 2 * 2**30  # about 1.3 million texts of MiniLM's width
BESIDE = 128  # bytes that a vector takes alongside its numbers
SLACK = 0.02  # share of the limit by which the file may be over it


def home() -> Path:
    """Return the folder of caches and of the page's studies: TL_HOME, else `.transfer-lab` in the
    person's home.
    """
    return Path(os.environ.get("TL_HOME") or Path.home() / ".transfer-lab")


def text_key(space: str, text: str) -> bytes:
    """16 bytes for a text in an embedding space (a model's digest and length limit)."""
    return hashlib.blake2b(
        space.encode() + b"\0" + text.encode("utf-8", "surrogatepass"), digest_size=16
    ).digest()


class EmbeddingCache:
    """Vectors by key, on disk, with the seconds each took to compute."""

    def __init__(self, folder: Path | None, limit_bytes: int | None = None):
        self.limit = limit_bytes or int(os.environ.get("TL_CACHE_BYTES", DEFAULT_BYTES))
        self._unchecked = float(self.limit)  # bytes written since the size was last looked at
        self.folder = folder
        self.trouble = ""  # why the cache could not be used, as a sentence
        self._db: sqlite3.Connection | None = None
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / "embeddings.sqlite", timeout=5)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS vector (key BLOB PRIMARY KEY, value BLOB, seconds REAL,"
                " used REAL) WITHOUT ROWID"
            )
            # When a vector was used again is stored apart: next to it, every use would write
            # the vector again.
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS again (key BLOB PRIMARY KEY, used REAL) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as fault:
            self._give_up(fault)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, tuple[np.ndarray, float]]:
        """Return what is known of these keys: (vector float32, seconds)."""
        found: dict[bytes, tuple[np.ndarray, float]] = {}
        if self._db is None:
            return found
        try:
            for start in range(0, len(keys), 500):  # SQLite allows 999 variables in older builds
                part = list(keys[start : start + 500])
                marks = ",".join("?" * len(part))
                for key, value, seconds in self._db.execute(
                    f"SELECT key, value, seconds FROM vector WHERE key IN ({marks})", part
                ):
                    found[key] = np.frombuffer(value, dtype=np.float32), seconds
            with self._db:
                now = time.time()
                self._db.executemany(
                    "INSERT OR REPLACE INTO again VALUES (?, ?)", [(key, now) for key in found]
                )
        except sqlite3.Error as fault:
            self._give_up(fault)
        return found

    def put(self, items: Sequence[tuple[bytes, np.ndarray, float]]) -> None:
        """Keep vectors; the oldest leave when the file is over its limit."""
        if self._db is None or not items:
            return
        try:
            with self._db:
                now = time.time()
                self._db.executemany(
                    "INSERT OR REPLACE INTO vector VALUES (?, ?, ?, ?)",
                    [(k, v.astype(np.float32).tobytes(), s, now) for k, v, s in items],
                )
            row_bytes = len(items[0][1]) * 4 + BESIDE
            self._unchecked += row_bytes * len(items)
            if (
                self._unchecked > self.limit * SLACK
            ):  # counting reads the whole file: not at every batch
                self._shrink(self._db, row_bytes)
                self._unchecked = 0.0
        except sqlite3.Error as fault:
            self._give_up(fault)

    def _shrink(self, db: sqlite3.Connection, row_bytes: int) -> None:
        count = db.execute("SELECT COUNT(*) FROM vector").fetchone()[0]
        over = count - self.limit // row_bytes
        if over > 0:
            with db:
                oldest = (
                    "SELECT key FROM vector LEFT JOIN again USING (key) ORDER BY"
                    " COALESCE(again.used, vector.used) LIMIT ?"
                )
                db.execute(f"DELETE FROM vector WHERE key IN ({oldest})", [over + count // 10])
                db.execute("DELETE FROM again WHERE key NOT IN (SELECT key FROM vector)")

    def _give_up(self, fault: Exception) -> None:
        self.trouble = say(
            "Embeddings are not kept between runs: the cache cannot be used ({fault}).", fault=fault
        )
        self._db = None
