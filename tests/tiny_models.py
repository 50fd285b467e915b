"""The tiny models that `tl_core.testing` makes for everybody, under the name tests know; and each
of them once for all tests that only read it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tl_core.testing.tiny_models import *  # noqa: F403
from tl_core.testing.tiny_models import make, make_entailing, make_headed


class TinyModels:
    """Folders with tiny models, made when first wanted. Nobody may write to them: a test that
    changes files makes a model of its own.
    """

    def __init__(self, root: Path):
        self._root = root
        self._made: dict[str, tuple[Path, str]] = {}  # by what was asked for: (folder, digest)

    def body(self, kind: str = "bert", **how: Any) -> Path:
        """A model without a head, as `make` has it."""
        return self._once(make, kind, how)

    def headed(self, kind: str, **how: Any) -> Path:
        """A language model, as `make_headed` has it."""
        return self._once(make_headed, kind, how)

    def entailing(self, kind: str = "bert", **how: Any) -> Path:
        """A classifier of pairs, as `make_entailing` has it."""
        return self._once(make_entailing, kind, how)

    def changed(self) -> list[str]:
        """What was asked for, of the folders that are no longer as they were made."""
        return [what for what, (folder, digest) in self._made.items() if _digest(folder) != digest]

    def _once(self, maker: Callable[..., Path], kind: str, how: dict[str, Any]) -> Path:
        what = f"{maker.__name__}({kind!r}, {sorted(how.items())})"
        if what not in self._made:
            folder = maker(self._root / str(len(self._made)) / kind, kind, **how)
            self._made[what] = folder, _digest(folder)
        return self._made[what][0]


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return found.hexdigest()
