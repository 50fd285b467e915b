"""A memory with a limit: what was used last stays, what was not used for longest goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Values by key, each with its size in bytes and the seconds it took to make."""

    def __init__(self, limit_bytes: int):
        self.limit = limit_bytes
        self.bytes = 0
        self._items: OrderedDict[Hashable, tuple[V, int, float]] = OrderedDict()

    def get(self, key: Hashable) -> tuple[V, float] | None:
        """The value and its seconds, or None."""
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        value, _, seconds = self._items[key]
        return value, seconds

    def put(self, key: Hashable, value: V, size: int, seconds: float = 0.0) -> None:
        """Keep a value; others may have to go."""
        if key in self._items:
            self.bytes -= self._items.pop(key)[1]
        self._items[key] = value, size, seconds
        self.bytes += size
        while self.bytes > self.limit and self._items:
            self.bytes -= self._items.popitem(last=False)[1][1]

    def __len__(self) -> int:
        return len(self._items)
