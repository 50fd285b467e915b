"""A stand-in for Ray: what this project calls of it, and what it was called with."""

from __future__ import annotations

CALLED: list[tuple[str, dict]] = []
NO_CLUSTER: list[str] = []


def init(**how):
    """Join a cluster."""
    if NO_CLUSTER:
        raise ConnectionError(NO_CLUSTER[0])
    CALLED.append(("init", how))


def shutdown():
    """Leave it."""
    CALLED.append(("shutdown", {}))
