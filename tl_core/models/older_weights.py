"""Weights in torch's older files, made into safetensors. They are opened as weights only: no code
in them is run.
"""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import Setting, say
from tl_core.json_text import parsed

OLDER = ("*.bin", "*.pt", "*.pth", "*.ckpt")
INDEX = "pytorch_model.bin.index.json"
NOT_MODELS = (
    "training_args.bin",
    "optimizer.pt",
    "optimizer.bin",
    "scheduler.pt",
    "rng_state.pth",
    "scaler.pt",
)
BESIDE = ("*.json", "*.txt", "*.model", "[0-9]_*")
NESTED = (
    "state_dict",
    "model_state_dict",
    "model",
)  # where training programs put the weights in a checkpoint


def to_safetensors(folder: Path, out: Path) -> int:
    """Write the model of `folder` with safetensors weights into `out`; returns the number of
    tensors.

    Raises:
        UserError: there are no such weights, they hold more than weights, or `out` is in the way.
    """
    if not (folder / "config.json").is_file():
        raise UserError(
            say(
                "{folder} holds no config.json, so it is unknown which architecture its weights"
                " belong to. Give the folder of a model.",
                folder=folder,
            )
        )
    weights = _read(folder)
    from huggingface_hub import save_torch_state_dict

    fresh(out)
    for pattern in BESIDE:
        for path in folder.glob(pattern):
            if path.name == INDEX:
                continue
            (
                shutil.copytree(path, out / path.name, ignore=shutil.ignore_patterns(*OLDER))
                if path.is_dir()
                else shutil.copy(path, out / path.name)
            )
    save_torch_state_dict(weights, out, metadata={"format": "pt"})
    return len(weights)


def fresh(out: Path) -> None:
    """Make the folder that is written to.

    Raises:
        UserError: it is there already and holds something, or cannot be made.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(
            say(
                "{out} is there already. Give {out_setting} a new folder.",
                out=out,
                out_setting=Setting("out"),
            )
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise UserError(
            say(
                "{out} could not be made: {strerror}. Give {out_setting} another folder.",
                out=out,
                strerror=fault.strerror or fault,
                out_setting=Setting("out"),
            )
        ) from fault


def _read(folder: Path) -> dict[str, Any]:
    if (folder / INDEX).is_file():
        try:
            names = sorted(
                set(parsed((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
            )
        except (ValueError, KeyError, AttributeError, TypeError):
            raise UserError(
                say(
                    "{index} in {folder} is damaged. Download the model again.",
                    index=INDEX,
                    folder=folder,
                )
            ) from None
        files = [folder / Path(name).name for name in names]
        if missing := [f.name for f in files if not f.is_file()]:
            raise UserError(
                say(
                    "{folder} lacks {missing}, which {index} names. Download the model again.",
                    folder=folder,
                    missing=", ".join(missing),
                    index=INDEX,
                )
            )
    else:
        files = sorted(
            f for pattern in OLDER for f in folder.glob(pattern) if f.name not in NOT_MODELS
        )
    if not files:
        if any(folder.glob("*.safetensors")):
            raise UserError(
                say("{folder} has safetensors weights already; use it as it is.", folder=folder)
            )
        others = sorted(
            f.name
            for pattern in ("*.h5", "*.msgpack", "*.onnx", "*.gguf")
            for f in folder.glob(pattern)
        )
        held = (
            say("only {others}, which torch does not read", others=", ".join(others))
            if others
            else "none"
        )
        raise UserError(
            say(
                "{folder} has no weights that can be converted (.bin, .pt, .pth or .ckpt): {held}.",
                folder=folder,
                held=held,
            )
        )
    if len(files) > 1 and not (folder / INDEX).is_file():
        raise UserError(
            say(
                "{folder} holds several files of weights ({files}) and nothing says which is the"
                " model. Leave one of them there.",
                folder=folder,
                files=", ".join(f.name for f in files),
            )
        )
    return {name: tensor for file in files for name, tensor in _opened(file).items()}


def _opened(file: Path) -> dict[str, Any]:
    import torch

    try:
        held = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as fault:
        raise UserError(
            say(
                "{file} holds more than weights, and opening it could run code; it was not"
                " opened. Get the model with safetensors from where it comes from.",
                file=file.name,
            )
        ) from fault
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as fault:
        raise UserError(
            say("{file} is damaged and cannot be read. Download the model again.", file=file.name)
        ) from fault
    while (
        isinstance(held, dict)
        and (inner := next((held[k] for k in NESTED if isinstance(held.get(k), dict)), None))
        is not None
    ):
        held = inner
    if (
        not isinstance(held, dict)
        or not held
        or not all(isinstance(t, torch.Tensor) for t in held.values())
    ):
        raise UserError(
            say(
                "{file} holds no weights by name. Give the folder of a model that was saved with"
                " save_pretrained.",
                file=file.name,
            )
        )
    return held
