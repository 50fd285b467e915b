"""Files that predictors save alongside their weights: settings and plain arrays."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np


def write_settings(folder: Path, params) -> None:
    """Write a strategy's settings as JSON."""
    (folder / "settings.json").write_text(json.dumps(dataclasses.asdict(params)), encoding="utf-8")


def read_settings(folder: Path) -> dict:
    """Read what `write_settings` wrote."""
    return json.loads((folder / "settings.json").read_text(encoding="utf-8"))


def write_arrays(folder: Path, **arrays: np.ndarray) -> None:
    """Write named arrays as safetensors."""
    from safetensors.numpy import save_file

    save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        str(folder / "arrays.safetensors"),
    )


def read_arrays(folder: Path) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote."""
    from safetensors.numpy import load_file

    return load_file(str(folder / "arrays.safetensors"))
