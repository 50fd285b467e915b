"""Importing Gradio without the interface files that it writes for editors.

At every import Gradio parses the source of each of its components twice, to keep a `.pyi` file
beside it up to date: nearly half of the import, which is most of a page's start, and nothing that a
running page needs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

MODULE, WRITES = "gradio.component_meta", "create_or_modify_pyi"


class _Finder(MetaPathFinder):
    """Finds the module as ever, and takes the function out of it once it is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != MODULE:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = _without(spec.loader.exec_module)  # type: ignore[method-assign]  # of this one loader
        return spec


def _without(load: Any) -> Any:
    def loaded(module: ModuleType) -> None:
        load(module)
        if callable(getattr(module, WRITES, None)):
            setattr(module, WRITES, lambda *_args, **_more: None)

    return loaded


def import_quickly() -> None:
    """Call before Gradio is imported; afterwards it changes nothing."""
    if MODULE not in sys.modules and not any(isinstance(f, _Finder) for f in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
