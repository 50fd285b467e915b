"""Files handed to a visitor: written under a name nobody can guess, gone after an hour.

Gradio copies what a handler returns into its own cache, so these are needed for a moment only. A path is never
made from what a visitor wrote.
"""

from __future__ import annotations

import csv
import io
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tl_core.experiments.predicting import harmless

KEPT_SECONDS = 3600


def hand_out(name: str, content: bytes | Path) -> str:
    """Put bytes, or a copy of a file, where Gradio may take it from; returns the path."""
    root = Path(tempfile.gettempdir()) / "transfer-lab-downloads"
    root.mkdir(mode=0o700, exist_ok=True)
    _sweep(root)
    folder = root / secrets.token_hex(12)
    folder.mkdir()
    if isinstance(content, Path):
        shutil.copyfile(content, folder / name)
    else:
        (folder / name).write_bytes(content)
    return str(folder / name)


def harmless_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """CSV as UTF-8 with its mark, which Excel needs; text cells that would run as a formula get a leading '."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([[harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows])
    return out.getvalue().encode("utf-8-sig", "replace")



def _sweep(root: Path) -> None:
    for folder in root.iterdir():
        try:
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # somebody else has just removed it
