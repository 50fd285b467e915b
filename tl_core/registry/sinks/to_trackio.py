"""Trackio: a run with the numbers of a version, on this machine unless Trackio itself was told
otherwise (TRACKIO_DIR, TRACKIO_SPACE_ID). It gets no files.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.registry import Version
from tl_core.registry.sinks._base import PROJECT, facts_of, numbers_of


@dataclass(frozen=True)
class ToTrackio:
    """Hands the numbers of versions on to Trackio."""

    id: str = "trackio"
    package: str = "trackio"
    files: bool = False

    def send(self, version: Version, folder: Path) -> str:
        """Make a run; returns its project and its name."""
        import trackio

        # what it prints is no answer of this program
        with contextlib.redirect_stdout(sys.stderr):
            try:
                trackio.init(
                    project=PROJECT,
                    name=version.reference,
                    config=facts_of(version),
                    private=True,
                    embed=False,
                    auto_log_cpu=False,
                    auto_log_gpu=False,
                )
                trackio.log(numbers_of(version))
                trackio.finish()
            except (OSError, ValueError, RuntimeError) as fault:
                raise UserError(
                    say(
                        "Trackio did not take {reference}: {fault}",
                        reference=version.reference,
                        fault=fault,
                    )
                ) from fault
        return f"{PROJECT}/{version.reference}"
