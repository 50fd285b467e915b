"""Loads a checked model: tokenizer, transformer body, and what turns its last layer into one
vector.

sentence-transformers reads pooling, normalisation and length limits of its own models and
mean-pools any other encoder, so both kinds come through one door.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import ModelRef
from tl_core.json_text import parsed
from tl_core.models.catalog import Source
from tl_core.models.delta_weights import MODULES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

COUNT_FROM_PADDING = (
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "mpnet",
    "longformer",
)  # their positions begin after the padding token's number
DEFAULT_TOKENS = 512  # for models that set no limit themselves


@dataclass
class LoadedModel:
    """A model in memory, on the CPU, in evaluation mode. Whoever trains, trains a copy of
    `network`.
    """

    ref: ModelRef
    tokenizer: Any
    network: PreTrainedModel  # a body: batch -> last_hidden_state
    pooling: nn.ModuleList  # token embeddings and mask -> sentence embedding
    max_tokens: int
    width: int  # of the sentence embedding
    compares: bool = False  # trained so that texts read alone can be compared: a sentence encoder

    def pool(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, d), (B, T) to (B, width)."""
        features = {"token_embeddings": hidden, "attention_mask": mask}
        for module in self.pooling:
            features = module(features)
        return features["sentence_embedding"]


def load_model(source: Source) -> LoadedModel:
    """Load weights and tokenizer.

    Raises:
        UserError: transformers cannot make a text encoder of these files, or weights are missing
            from them.
    """
    quiet()
    with told_in_a_sentence(source.ref.name, "a text encoder"):
        read = _mean_encoder if only_averages(source) else _any_encoder
        network, tokenizer, pooling, width, own_tokens = read(source.folder)
        tokenizer = as_saved(tokenizer, source.folder)
    if absent := _absent_weights(network, source):
        raise UserError(
            say(
                "{source} lacks {absent} of the weights its config.json asks for, such as"
                " {first}; they would be random numbers. Save or download the model again.",
                source=source.ref.name,
                absent=len(absent),
                first=absent[0],
            )
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    max_tokens = reads_at_most(tokenizer, network, own_tokens)
    return LoadedModel(
        source.ref,
        tokenizer,
        network.eval(),
        nn.ModuleList(pooling).eval(),
        max_tokens,
        width,
        compares(source),
    )


# body, tokenizer, modules that make a vector of its states, numbers in it, tokens it says it reads
Parts = tuple["PreTrainedModel", Any, list[nn.Module], int, int | None]


def _any_encoder(folder: Path) -> Parts:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(folder),
        device="cpu",
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": torch.float32},
    )
    width = int(model.get_embedding_dimension())
    first = model[0]
    return first.auto_model, first.tokenizer, list(model)[1:], width, model.max_seq_length


def _mean_encoder(folder: Path) -> Parts:
    """What `_any_encoder` gives where a vector is the mean of the states, without that library,
    whose import takes three seconds of every process."""
    from transformers import AutoModel, AutoTokenizer

    network = AutoModel.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        dtype=torch.float32,
    )
    tokenizer = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    modules: list[nn.Module] = [MeanOfStates()]
    if any("Normalize" in kind for kind, _ in _modules(folder)):
        modules.append(UnitLength())
    return network, tokenizer, modules, int(network.config.hidden_size), own_limit(folder)


class MeanOfStates(nn.Module):
    """The mean over what is no padding."""

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """(B, T, d) states and their mask to (B, d)."""
        states = features["token_embeddings"]
        seen = features["attention_mask"].unsqueeze(-1).to(states.dtype)
        exact = torch.promote_types(states.dtype, torch.float32)
        count = seen.sum(1, dtype=exact).clamp(min=1e-9)
        mean = ((states * seen).sum(1, dtype=exact) / count).to(states.dtype)
        return {**features, "sentence_embedding": mean}


class UnitLength(nn.Module):
    """A vector of length 1."""

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """(B, d) to (B, d)."""
        vector = nn.functional.normalize(features["sentence_embedding"], p=2, dim=-1)
        return {**features, "sentence_embedding": vector}


def only_averages(source: Source) -> bool:
    """Whether a sentence encoder is a BERT whose vector is the mean of its states, as most are."""
    modules = _modules(source.folder)
    kinds = [kind.rpartition(".")[2] for kind, _ in modules]
    if source.model_type != "bert" or kinds not in (
        ["Transformer", "Pooling"],
        ["Transformer", "Pooling", "Normalize"],
    ):
        return False
    pooling = _settings(source.folder / modules[1][1] / "config.json")
    asked = {k for k, v in pooling.items() if k.startswith("pooling_mode_") and v}
    mean = pooling.get("pooling_mode") in (None, "mean") and asked <= {"pooling_mode_mean_tokens"}
    body = _settings(source.folder / "sentence_bert_config.json")
    plain = set(body) <= {"max_seq_length", "do_lower_case"} and not body.get("do_lower_case")
    return bool(mean and (asked or "pooling_mode" in pooling) and plain and not modules[0][1])


def _modules(folder: Path) -> list[tuple[str, str]]:
    """(class, folder) of each module of a sentence encoder."""
    return [(str(m["type"]), str(m["path"])) for m in _settings(folder / "modules.json")]


def _settings(file: Path) -> Any:
    """What a JSON file holds; nothing where it is not there."""
    return parsed(file.read_text(encoding="utf-8")) if file.is_file() else {}


def compares(source: Source) -> bool:
    """Whether a model was saved as a sentence encoder: it says how a vector is made of a text, and
    has no head that judges two at once.
    """
    saved = parsed((source.folder / "config.json").read_text(encoding="utf-8")).get(
        "architectures"
    ) or [""]
    return (source.folder / "modules.json").is_file() and not str(saved[0]).endswith(
        "ForSequenceClassification"
    )


def quiet() -> None:
    """Keep the libraries from printing: what they would warn of, weights that are missing, is
    refused here.
    """
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("sentence_transformers").setLevel(
        logging.ERROR
    )  # "creating a new one with mean pooling" is what we want


@contextmanager
def told_in_a_sentence(name: str, kind: str) -> Iterator[None]:
    """Files that cannot be loaded become a sentence. Damaged ones raise whatever the library that
    reads them likes (safetensors: plain Exception)."""
    try:
        yield
    except Exception as fault:
        reason = (
            str(fault).strip().splitlines()[0][:300] if str(fault).strip() else type(fault).__name__
        )
        reason += "" if reason.endswith((".", "!", "?")) else "."
        raise UserError(
            say(
                "{name} could not be loaded as {kind}: {reason} Save or download it again, or"
                " choose another model.",
                name=name,
                kind=kind,
                reason=reason,
            )
        ) from fault


def reads_at_most(tokenizer, network: PreTrainedModel, own: int | None = None) -> int:
    """Tokens a model reads: the smallest of what it says itself, its tokenizer and its positions
    say.
    """
    limits = [own, getattr(tokenizer, "model_max_length", None), positions(network)]
    return min((int(n) for n in limits if n and 0 < n < 1_000_000), default=DEFAULT_TOKENS)


def _absent_weights(network: PreTrainedModel, source: Source) -> list[str]:
    """Parameters that were drawn at random because the files do not hold them; a pooler is not read
    here.

    transformers marks what it has loaded; names are looked up too, so that a version without marks
    refuses nothing.
    """
    unmarked = [
        n
        for n, p in network.named_parameters()
        if not getattr(p, "_is_hf_initialized", False) and not n.startswith("pooler.")
    ]
    if not unmarked:
        return []
    from safetensors import safe_open

    held: set[str] = set()
    for file in source.folder.glob("*.safetensors"):
        with safe_open(file, "pt") as weights:
            held.update(weights.keys())
    return [n for n in unmarked if not any(name == n or name.endswith(f".{n}") for name in held)]


def positions(network: PreTrainedModel) -> int | None:
    """Return how many tokens have a position.

    RoBERTa and MPNet count from the padding token's number on: 512 of 514.
    """
    body = getattr(network, "base_model", network)
    table = getattr(getattr(body, "embeddings", None), "position_embeddings", None)
    offset = (
        table.padding_idx + 1
        if isinstance(table, nn.Embedding) and table.padding_idx is not None
        else 0
    )
    count = getattr(network.config, "max_position_embeddings", None)
    return count - offset if count else None


def load_tokenizer(source: Source) -> tuple[Any, int]:
    """(tokenizer, most tokens the model reads), without its weights.

    Raises:
        UserError: its files are damaged.
    """
    from transformers import AutoConfig, AutoTokenizer

    quiet()
    with told_in_a_sentence(source.ref.name, "a tokenizer"):
        tokenizer = as_saved(
            AutoTokenizer.from_pretrained(
                source.folder, local_files_only=True, trust_remote_code=False
            ),
            source.folder,
        )
        config = AutoConfig.from_pretrained(
            source.folder, local_files_only=True, trust_remote_code=False
        )
    offset = config.pad_token_id + 1 if source.model_type in COUNT_FROM_PADDING else 0
    count = getattr(config, "max_position_embeddings", None)
    limits = [
        own_limit(source.folder),
        getattr(tokenizer, "model_max_length", None),
        count and count - offset,
    ]
    return tokenizer, min(
        (int(n) for n in limits if n and 0 < n < 1_000_000), default=DEFAULT_TOKENS
    )


def copy_pooling(source: Source, folder: Path) -> None:
    """Copy what makes a sentence encoder of a body (pooling, limits), alongside another body."""
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        if (source.folder / name).is_file():
            shutil.copy(source.folder / name, folder / name)
    for path in source.folder.glob(MODULES):
        shutil.copytree(path, folder / path.name, dirs_exist_ok=True)


def with_tokenizer(source: Source, network_class: Any, kind: str) -> tuple[Any, Any, list[str]]:
    """(tokenizer, network in float32, names of the weights that its files lack).

    Raises:
        UserError: the files are damaged.
    """
    from transformers import AutoTokenizer

    quiet()
    with told_in_a_sentence(source.ref.name, kind):
        tokenizer = as_saved(
            AutoTokenizer.from_pretrained(
                source.folder, local_files_only=True, trust_remote_code=False
            ),
            source.folder,
        )
        network, info = network_class.from_pretrained(
            source.folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    return tokenizer, network, sorted(info["missing_keys"])


def own_limit(folder: Path) -> int | None:
    """Return how many tokens a sentence-transformers model is declared to read."""
    return _settings(folder / "sentence_bert_config.json").get("max_seq_length")


def as_saved(tokenizer: Any, folder: Path) -> Any:
    """The tokenizer that lies in the folder. transformers 5 builds one of the kind its class name
    says, even where tokenizer.json holds another kind: a Korean WordPiece named RobertaTokenizer
    then loses all Hangul and raises nothing."""
    from transformers import PreTrainedTokenizerFast

    file = folder / "tokenizer.json"
    if not file.is_file() or not tokenizer.is_fast:
        return tokenizer
    kinds = [
        parsed(text)["model"].get("type")
        for text in (file.read_text(encoding="utf-8"), tokenizer.backend_tokenizer.to_str())
    ]
    if None in kinds or kinds[0] == kinds[1]:
        return tokenizer
    return PreTrainedTokenizerFast(
        tokenizer_file=str(file),
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        **tokenizer.special_tokens_map,
    )


def choose_device(asked: str | None = None) -> str:
    """`cuda`, `mps` or `cpu`: what was asked for, else TL_DEVICE, else the fastest there is.

    Raises:
        UserError: the device asked for is not there.
    """
    import os

    asked = asked or os.environ.get("TL_DEVICE") or ""
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not asked or asked == "auto":
        return "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    kind = asked.split(":")[0]
    if not there.get(kind):
        raise UserError(
            say(
                "The device {asked!r} is not on this machine. There are: {items}.",
                asked=asked,
                items=", ".join((d for d, yes in there.items() if yes)),
            )
        )
    return asked
