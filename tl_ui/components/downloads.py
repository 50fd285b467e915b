"""Files handed to a visitor: written under a name no one can guess, gone after an hour.

Gradio copies what a handler returns into its own cache, so these are needed for a moment only. A
path is never made from what a visitor wrote.
"""

from __future__ import annotations

import csv
import getpass
import io
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.data.spreadsheet import harmless
from tl_core.running.quotas import whole

KEPT_SECONDS = 3600


@contextmanager
def hand_out_place() -> Iterator[Path]:
    """A new folder for files that Gradio may take; gone if anything goes wrong meanwhile."""
    root = _root()
    _sweep(root)
    with whole(root / secrets.token_hex(12)) as folder:
        folder.mkdir(mode=0o700)
        yield folder


def hand_out(name: str, content: bytes | Path) -> str:
    """Put bytes, or a copy of a file, where Gradio may take it from; returns the path."""
    with hand_out_place() as folder:
        if isinstance(content, Path):
            shutil.copyfile(content, folder / name)
        else:
            (folder / name).write_bytes(content)
    return str(folder / name)


def sweep() -> None:
    """Remove what is older than an hour."""
    _sweep(_root())


def _root() -> Path:
    """A folder that no one else can have made or can look into: the folder above is everybody's."""
    root = (
        Path(tempfile.gettempdir())
        / f"transfer-lab-downloads-{os.getuid() if hasattr(os, 'getuid') else getpass.getuser()}"
    )
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if os.name == "posix" and (
        not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077
    ):
        raise UserError(
            say(
                "The folder for downloads belongs to somebody else. Whoever runs this page can"
                " set TMPDIR to a folder of their own."
            )
        )
    return root


def harmless_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """CSV as UTF-8 with its mark, which Excel needs; text cells that would run as a formula get a
    leading '.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows(
        [[harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    )
    return out.getvalue().encode("utf-8-sig", "replace")


def _sweep(root: Path) -> None:
    for folder in root.iterdir():
        try:
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # somebody else has just removed it
