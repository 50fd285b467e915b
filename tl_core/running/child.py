"""What every process that this one starts is given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process and `more`, in which Python finds this program wherever it
    lies.
    """
    here = filter(None, (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")))
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(here)}
