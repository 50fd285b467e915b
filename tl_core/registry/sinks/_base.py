"""The frame of a program that registered versions are handed on to."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tl_core.registry import Version

PROJECT = "transfer-lab"  # what experiment or project it is part of there


class Sink(Protocol):
    """Another program that keeps models or runs."""

    @property
    def id(self) -> str:
        """Return its name, and that of its package to import."""

    @property
    def package(self) -> str:
        """Return what to install."""

    @property
    def files(self) -> bool:
        """Return whether it takes the export, too."""

    def send(self, version: Version, folder: Path) -> str:
        """Hand a version on; returns where it is now.

        Raises:
            UserError: the program does not take it.
        """


def numbers_of(version: Version) -> dict[str, float]:
    """Its measures and their limits, each under a name of its own."""
    return {
        name if of == "value" else f"{name}_{of}": float(found[of])
        for name, found in version.metrics.items()
        for of in ("value", "low", "high")
        if found.get(of) is not None
    }


def facts_of(version: Version) -> dict[str, str]:
    """What else is known of it, without a word of any text."""
    return {
        "version": version.reference,
        "stage": version.stage,
        "arm": version.arm,
        "run": version.run,
        "format": version.format,
        "study": version.study,
        "digest": version.digest,
        "added": version.added,
    }
