"""sentence-transformers: the encoder and its pooling, with the head as dense modules after them, so
that `SentenceTransformer(folder).encode(texts)` gives logits.

Of two texts read apart the head sees |u - v| and u * v, which no module computes: the folder then
encodes one text, and its head is in `head.safetensors`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.exports.ending import Ending, as_layers
from tl_core.exports.formats._base import (
    EACH_TIME,
    ONE_TEXT,
    PAIRS_APART,
    PAIRS_TOGETHER,
    Format,
    Probabilities,
    not_merged,
    not_portable,
)
from tl_core.models.training.portable import Encoded, NGrams, TokenVectors

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept


class SentenceTransformers(Format):
    id = "sentence-transformers"
    library = "sentence-transformers"
    packages = ("sentence-transformers", "transformers", "torch")

    def refuses(self, kept: Kept) -> str:
        """It must read by a transformer or by token vectors, and what was trained must be weights
        of that transformer.
        """
        portable = kept.portable
        if portable is None:
            return not_portable(kept, self.id)
        if isinstance(portable.reads, NGrams):
            return say(
                "sentence-transformers cannot hold {arm}: it counts words, and reads with no"
                " encoder.",
                arm=kept.arm.id,
            )
        if isinstance(portable.reads, Encoded):
            return not_merged(portable.reads, kept, self.id)
        return ""

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The modules, and of two texts read apart the head beside them."""
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Dense, Normalize

        portable = kept.portable
        assert portable is not None  # else it was refused
        reads = portable.reads
        assert isinstance(reads, (Encoded, TokenVectors))
        how = ONE_TEXT
        if portable.pair:
            apart = not isinstance(reads, Encoded) or reads.apart
            how = PAIRS_APART if apart else PAIRS_TOGETHER
        if isinstance(reads, TokenVectors):
            modules = [_static(reads), Normalize()]
        else:
            modules = list(_encoder(reads))
        if how != PAIRS_APART and portable.unit:
            modules.append(Normalize())
        for layer in as_layers(portable.head, kept.ending) if how != PAIRS_APART else ():
            rows, columns = layer.weight.shape
            dense = Dense(columns, rows, activation_function=getattr(torch.nn, layer.activation)())
            with torch.no_grad():
                dense.linear.weight.copy_(torch.as_tensor(layer.weight))
                dense.linear.bias.copy_(torch.as_tensor(layer.bias))
            modules.append(dense)
        model = SentenceTransformer(modules=modules, device="cpu")
        model.save(str(folder), create_model_card=False)
        if how == PAIRS_APART:
            write_head(portable.head, folder)
        return {"reads": how, "unit": portable.unit}

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Load it with sentence-transformers."""
        from sentence_transformers import SentenceTransformer

        from tl_core.models.loading import quiet

        quiet()
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        ending = Ending.of(about["ending"], [label["id"] for label in about["labels"]])
        head = read_head(folder) if about["reads"] == PAIRS_APART else None

        def probabilities(examples: Sequence[Example]) -> np.ndarray:
            if head is not None:
                u, v = (
                    np.asarray(model.encode(texts), np.float64)
                    for texts in (
                        [e.text for e in examples],
                        [e.text_b or "" for e in examples],
                    )
                )
                both = np.hstack([abs(u - v), u * v])
                if about["unit"]:
                    both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-12)
                return ending.probabilities(both @ head[0].T + head[1])
            given = [e.text if e.text_b is None else [e.text, e.text_b] for e in examples]
            plain = Ending(ending.activation)  # the rest is in its modules
            with _dim_of_softmax():
                return plain.probabilities(np.asarray(model.encode(given), np.float64))

        return probabilities

    def example(self, about: dict[str, Any]) -> str:
        """Encode, and turn logits into probabilities."""
        if about["reads"] == PAIRS_APART:
            unit = (
                "x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)\n"
                if about["unit"]
                else ""
            )
            return f"""\
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

model, head = SentenceTransformer(str(here), device="cpu"), load_file(here / "head.safetensors")
{EACH_TIME}
u, v = (model.encode([pair[side] for pair in texts]).astype(float) for side in (0, 1))
x = np.hstack([abs(u - v), u * v])
{unit}z = x @ head["weight"].T + head["bias"]
{to_probabilities(about)}"""
        return f"""\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(str(here), device="cpu")
{EACH_TIME}
z = model.encode(texts).astype(float)
{to_probabilities(about, scaled=False)}"""


def to_probabilities(about: dict[str, Any], *, scaled: bool = True) -> str:
    """Lines of an example that make probabilities `p` of logits `z`.

    Args:
        scaled: the calibration is not in the logits yet.
    """
    ending = about["ending"]
    if ending["activation"] == "sigmoid":
        return "p = 1 / (1 + np.exp(-z))\n"
    lines = "p = np.exp(z - z.max(1, keepdims=True))\np /= p.sum(1, keepdims=True)\n"
    if scaled and (ending["temperature"] != 1.0 or ending["even"]):
        lines += (
            f"p = (1 - {ending['even']!r}) * p + {ending['even']!r} / p.shape[1]\n"
            f"p = np.maximum(p, 1e-15) ** (1 / {ending['temperature']!r})\n"
            "p /= p.sum(1, keepdims=True)\n"
        )
    return lines


def write_head(head: Any, folder: Path) -> None:
    """Write `head.safetensors`: weight (C, d) and bias (C,), float64."""
    from safetensors.numpy import save_file

    arrays = {"weight": head.weight, "bias": head.bias}
    save_file(
        {name: np.ascontiguousarray(a, np.float64) for name, a in arrays.items()},
        str(folder / "head.safetensors"),
    )


def read_head(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read what `write_head` wrote."""
    from safetensors.numpy import load_file

    arrays = load_file(str(folder / "head.safetensors"))
    return arrays["weight"], arrays["bias"]


def _encoder(reads: Encoded) -> Any:
    """The trained network with the tokenizer, limits and pooling that it was trained with."""
    from sentence_transformers import SentenceTransformer

    from tl_core.models.loading import copy_pooling, quiet

    quiet()
    model = reads.encoder.model
    with tempfile.TemporaryDirectory(prefix="transfer-lab-") as place:
        reads.network().save_pretrained(place)
        model.tokenizer.save_pretrained(place)
        if reads.encoder.source is not None:
            copy_pooling(reads.encoder.source, Path(place))
        made = SentenceTransformer(place, device="cpu", local_files_only=True)
    made.max_seq_length = model.max_tokens
    return made


def _static(reads: TokenVectors) -> Any:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    model = reads.encoder.model
    tokenizer = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    tokenizer.enable_truncation(model.max_tokens)
    return StaticEmbedding(tokenizer, embedding_weights=reads.table.copy())


def _dim_of_softmax() -> Any:
    """torch warns that LogSoftmax has no `dim`; of rows it is the last, and stays so."""
    import warnings

    return warnings.catch_warnings(action="ignore", category=UserWarning)


FORMAT = SentenceTransformers()
