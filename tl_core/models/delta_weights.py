"""Models that ship as what differs from another: some megabytes instead of all of them.

A folder with `changed.safetensors` names its base; put together once, it is an ordinary model
folder, and nothing else need know.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.json_text import parsed

FILE = "changed.safetensors"
PIECES = "pieces.json"  # beside it: what the vocabulary has more than the base's, in order
LEFT, RIGHT = "pieces.left", "pieces.right"  # their vectors are the product of these
MODULES = "[0-9]_*"  # folders of pooling and what follows it
BESIDE = ("*.json", "*.txt", "*.model", MODULES)  # of the base: tokenizer, pooling, limits


def write_changed(
    file: Path,
    weights: Mapping[str, np.ndarray],
    base: Mapping[str, np.ndarray],
    *,
    base_name: str,
    base_digest: str,
    prefix: str,
    architecture: str,
    pieces: Sequence[str] = (),
    table: str = "",
) -> None:
    """Write in half precision what is new or differs from the base.

    Args:
        weights: of the whole model.
        base: as its files name them, with or without `prefix`.
        pieces: what the vocabulary has more; then `weights` hold their vectors as LEFT and RIGHT.
        table: the base's weight that holds the vectors of its own pieces.
    """
    from safetensors.numpy import save

    known = _named(base, prefix)
    changed = {
        name: np.ascontiguousarray(tensor.astype(np.float16))
        for name, tensor in weights.items()
        if (same := known.get(name)) is None
        or same.shape != tensor.shape
        or not np.array_equal(same, tensor)
    }
    about = {
        "base": base_name,
        "base_digest": base_digest,
        "prefix": prefix,
        "architecture": architecture,
    }
    if pieces:
        about |= {"table": table, "pieces": str(len(pieces)), "pieces_digest": _digest(pieces)}
        write_pieces(file.with_name(PIECES), pieces)
    new = file.with_suffix(".new")
    new.write_bytes(
        save(changed, metadata=about)
    )  # save_file of newer versions lets no one else read the file, which is to be passed on
    new.replace(file)


def put_together(
    folder: Path,
    home: Path,
    digest: Callable[[Path], str],
    base_folder: Callable[[str], tuple[Path, str]],
) -> Path:
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
        pieces = _pieces(folder, about)
        base, found = base_folder(about["base"])
    except UserError:
        raise
    except Exception as fault:  # noqa: BLE001  damaged files raise safetensors' own plain exceptions
        reason = (str(fault).splitlines() or [type(fault).__name__])[0][:200]
        raise UserError(
            say(
                "{folder} is damaged ({reason}). Install or make it again.",
                folder=folder / FILE,
                reason=reason,
            )
        ) from None
    if found != about["base_digest"]:
        raise UserError(
            say(
                "{folder} was trained on another {base} than there is here. Choose another"
                " model, or pretrain this one again.",
                folder=folder,
                base=about["base"],
            )
        )
    new = whole.with_name(
        f"{whole.name}.{uuid.uuid4().hex[:8]}"
    )  # threads of one process may be at it too
    try:
        new.mkdir(parents=True)
        weights = _named(
            {
                n: t
                for file in sorted(base.glob("*.safetensors"))
                for n, t in load_file(file).items()
            },
            about["prefix"],
        )
        for pattern in BESIDE:
            for path in base.glob(pattern):
                (shutil.copytree if path.is_dir() else shutil.copy)(path, new / path.name)
        weights = {
            n: t for n, t in weights.items() if not n.startswith(f"{about['prefix']}.pooler.")
        }
        config = parsed((base / "config.json").read_text(encoding="utf-8"))
        config["architectures"] = [about["architecture"]]
        if pieces:
            left, right = (changed.pop(name).astype(np.float32) for name in (LEFT, RIGHT))
            more = left @ right
            known = weights[about["table"]]
            changed[about["table"]] = np.concatenate([known, more])
            config["vocab_size"] = len(known) + len(pieces)
            _grow_vocabulary(new, pieces, len(known))
        save_file({**weights, **changed}, str(new / "model.safetensors"), metadata={"format": "pt"})
        _write(new / "config.json", json.dumps(config, indent=1))
        new.replace(whole)
    except (OSError, SafetensorError) as fault:  # a full disk is the latter's
        if not (whole / "config.json").is_file():  # another process may have been first
            raise UserError(
                say(
                    "{whole} could not be written ({reason}). Set TL_HOME to a folder with some"
                    " 100 MB to spare.",
                    whole=whole,
                    reason=getattr(fault, "strerror", None) or fault,
                )
            ) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return whole


def _named(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Weights as a whole model names them: the files of a body alone leave its prefix out."""
    whole = any(name.startswith(f"{prefix}.") for name in tensors)
    return {name if whole else f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _pieces(folder: Path, about: Mapping[str, str]) -> list[str]:
    """What the vocabulary has more than the base's.

    Raises:
        ValueError: they are not those the weights were written with.
    """
    if "pieces" not in about:
        return []
    pieces = read_pieces(folder / PIECES)
    if _digest(pieces) != about["pieces_digest"]:
        raise ValueError(f"{PIECES} beside it is not the one it was written with")
    return pieces


def read_pieces(file: Path) -> list[str]:
    """The pieces a file holds, in order."""
    return [str(piece) for piece in json.loads(file.read_text(encoding="utf-8"))]


def write_pieces(file: Path, pieces: Sequence[str]) -> None:
    """Keep pieces in their order."""
    _write(file, json.dumps(list(pieces), ensure_ascii=False, indent=0))


def _grow_vocabulary(folder: Path, pieces: Sequence[str], first: int) -> None:
    """Add pieces to the tokenizer in a model's folder."""
    file = folder / "tokenizer.json"
    _write(file, add_pieces(file.read_text(encoding="utf-8"), pieces, first))
    listed = folder / "vocab.txt"
    if listed.is_file():
        lines = listed.read_text(encoding="utf-8").rstrip("\n").split("\n")
        if len(lines) == first:  # a line is an id
            _write(listed, "\n".join([*lines, *pieces, ""]))
        else:
            listed.unlink()


def add_pieces(tokenizer_json: str, pieces: Sequence[str], first: int) -> str:
    """The text of a tokenizer.json with more pieces, whose ids begin at `first`: the rows of the
    table, which may be more than the tokens."""
    whole = json.loads(tokenizer_json)
    whole["model"]["vocab"] |= {piece: first + i for i, piece in enumerate(pieces)}
    return json.dumps(whole, ensure_ascii=False)


def _digest(pieces: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(pieces).encode()).hexdigest()


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
