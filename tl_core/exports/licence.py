"""The licence of the base model, as far as its files say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

KNOWN = {"minilm": "apache-2.0", "minilm-masked": "apache-2.0"}  # as its authors released it
FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.S)
NAMED = re.compile(r"^license:\s*['\"]?([A-Za-z0-9.+-]{1,60})['\"]?\s*$", re.M)


def write_licence(kept: Kept, folder: Path) -> str | None:
    """Copy the licence files of the base model; returns the hub's id of its licence, None where
    nothing says one.
    """
    model = kept.arm.model
    if model is None:
        return None
    base = _folder(kept)
    if base is None:
        return KNOWN.get(model.name)
    for path in sorted(base.glob("LICEN[SC]E*"))[:3]:
        if path.is_file():
            shutil.copy(path, folder / f"BASE-{path.name}")
    if model.name in KNOWN:
        return KNOWN[model.name]
    try:
        matter = FRONT_MATTER.match((base / "README.md").read_text(encoding="utf-8")[:20_000])
    except (OSError, ValueError):
        return None
    found = NAMED.search(matter[1]) if matter else None
    return found[1].lower() if found else None


def _folder(kept: Kept) -> Path | None:
    source = getattr(kept.encoder, "source", None)
    return None if source is None else source.folder
