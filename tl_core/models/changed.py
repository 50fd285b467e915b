"""Models that ship as what differs from another: some megabytes instead of all of them.

A folder with `changed.safetensors` names its base; put together once, it is an ordinary model folder, and nothing
else need know.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tl_core.errors import UserError
from tl_core.json_text import parsed

FILE = "changed.safetensors"
MODULES = "[0-9]_*"  # folders of pooling and what follows it
BESIDE = ("*.json", "*.txt", "*.model", MODULES)  # of the base: tokenizer, pooling, limits


def write_changed(file: Path, weights: Mapping[str, np.ndarray], base: Mapping[str, np.ndarray], *, base_name: str, base_digest: str, prefix: str, architecture: str) -> None:
    """Write in half precision what is new or differs from the base.

    Args:
        weights: of the whole model.
        base: as its files name them, with or without `prefix`.
    """
    from safetensors.numpy import save

    known = _named(base, prefix)
    changed = {
        name: np.ascontiguousarray(tensor.astype(np.float16))
        for name, tensor in weights.items()
        if (same := known.get(name)) is None or same.shape != tensor.shape or not np.array_equal(same, tensor)
    }
    about = {"base": base_name, "base_digest": base_digest, "prefix": prefix, "architecture": architecture}
    new = file.with_suffix(".new")
    new.write_bytes(save(changed, metadata=about))  # save_file of newer versions lets nobody else read the file, which is to be passed on
    new.replace(file)


def put_together(folder: Path, home: Path, digest: Callable[[Path], str], base_folder: Callable[[str], tuple[Path, str]]) -> Path:
    """The ordinary model folder that `folder` stands for, made at first use and kept under `home`.

    Args:
        digest: sha256 of a file.
        base_folder: (folder, digest) of a model by its name.

    Raises:
        UserError: the base is another one now, the file is damaged, or `home` cannot be written to.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.numpy import load_file, save_file

    whole = home / "models" / digest(folder / FILE)[:24]
    if (whole / "config.json").is_file():
        return whole
    try:
        with safe_open(folder / FILE, "numpy") as file:
            about = file.metadata() or {}
            changed = {name: file.get_tensor(name) for name in file.keys()}
        base, found = base_folder(about["base"])
    except UserError:
        raise
    except Exception as fault:  # noqa: BLE001  damaged files raise safetensors' own plain exceptions
        reason = (str(fault).splitlines() or [type(fault).__name__])[0][:200]
        raise UserError(f"{folder / FILE} is damaged ({reason}). Install or make it again.") from None
    if found != about["base_digest"]:
        raise UserError(f"{folder} was trained on another {about['base']} than there is here. Make it again with the pretrain command.")
    new = whole.with_name(f"{whole.name}.{uuid.uuid4().hex[:8]}")  # threads of one process may be at it too
    try:
        new.mkdir(parents=True)
        weights = _named({n: t for file in sorted(base.glob("*.safetensors")) for n, t in load_file(file).items()}, about["prefix"])
        for pattern in BESIDE:
            for path in base.glob(pattern):
                (shutil.copytree if path.is_dir() else shutil.copy)(path, new / path.name)
        weights = {n: t for n, t in weights.items() if not n.startswith(f"{about['prefix']}.pooler.")}
        save_file({**weights, **changed}, str(new / "model.safetensors"), metadata={"format": "pt"})
        config = parsed((base / "config.json").read_text(encoding="utf-8"))
        (new / "config.json").write_text(json.dumps({**config, "architectures": [about["architecture"]]}, indent=1), encoding="utf-8")
        new.replace(whole)
    except (OSError, SafetensorError) as fault:  # a full disk is the latter's
        if not (whole / "config.json").is_file():  # another process may have been first
            raise UserError(f"{whole} could not be written ({getattr(fault, 'strerror', None) or fault}). Set TL_HOME to a folder with some 100 MB to spare.") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return whole


def _named(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Weights as a whole model names them: the files of a body alone leave its prefix out."""
    whole = any(name.startswith(f"{prefix}.") for name in tensors)
    return {name if whole else f"{prefix}.{name}": tensor for name, tensor in tensors.items()}
