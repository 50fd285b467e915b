"""Finds plug-ins: a file in a folder that sets its constant is found; there is no list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any


@cache
def found(package: str, constant: str) -> dict[str, Any]:
    """Everything the modules of `package` offer under `constant`, by its `id`, in order of their `order` and id.

    Raises:
        ValueError: two files offer the same id.
    """
    things: dict[str, Any] = {}
    for module in _modules(package):
        thing = getattr(module, constant, None)
        if thing is None:
            continue
        if thing.id in things:
            raise ValueError(f"{package}: two files set {constant} with the id {thing.id!r}")
        things[thing.id] = thing
    return dict(sorted(things.items(), key=lambda item: (getattr(item[1], "order", 100), item[0])))


def _modules(package: str) -> list[ModuleType]:
    folder = importlib.import_module(package)
    names = [info.name for info in pkgutil.iter_modules(folder.__path__) if not info.name.startswith("_")]
    return [importlib.import_module(f"{package}.{name}") for name in sorted(names)]
