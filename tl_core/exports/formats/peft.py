"""peft: the adapter alone, some hundred kilobytes, on the base by its name; the head is beside it
in `head.safetensors`. Merged into the base it is the format sentence-transformers.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.exports.ending import Ending
from tl_core.exports.formats._base import EACH_TIME, Format, Probabilities, not_portable, pooling_of
from tl_core.exports.formats.sentence_transformers import read_head, to_probabilities, write_head
from tl_core.json_text import parsed
from tl_core.models.training.portable import EachToken, Encoded

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

HUB = {"minilm": "sentence-transformers/all-MiniLM-L6-v2"}  # the same weights, by their digest
POOLINGS = (["mean"], ["cls"], ["mean", "Normalize"], ["cls", "Normalize"])


class Peft(Format):
    id = "peft"
    library = "peft"
    packages = ("peft", "transformers", "torch", "safetensors")

    def refuses(self, kept: Kept) -> str:
        """It must have trained an adapter that peft has, on a base that others can have too."""
        portable = kept.portable
        if portable is None:
            return not_portable(kept, self.id)
        reads = portable.reads
        if refused := no_adapter(kept, reads) or no_named_base(kept):
            return refused
        assert isinstance(reads, Encoded)
        if portable.pair:
            return say("peft cannot hold {arm}: its rows have two texts.", arm=kept.arm.id)
        if pooling_of(reads) not in POOLINGS:
            return say(
                "peft cannot hold {arm}: the pooling of {model} is not one that its example could"
                " compute ({pooling}).",
                arm=kept.arm.id,
                model=reads.encoder.model.ref.name,
                pooling=" + ".join(pooling_of(reads)),
            )
        return ""

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The adapter as peft saves it, the tokenizer, and the head."""
        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, Encoded)  # else it was refused
        reads = portable.reads
        classifier, model = reads.classifier, reads.encoder.model
        assert classifier is not None
        said = write_adapter(kept, reads, folder)
        most = classifier.most_tokens or model.max_tokens
        tokenizer = copy.deepcopy(model.tokenizer)
        tokenizer.model_max_length = most
        tokenizer.save_pretrained(folder)
        write_head(portable.head, folder)
        return said | {
            "pooling": pooling_of(reads)[0],
            "normalized": len(pooling_of(reads)) > 1,
            "unit": portable.unit,
            "segments": classifier.segments,
            "max_tokens": most,
        }

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Load base and adapter with transformers and peft."""
        import torch
        from transformers import AutoTokenizer

        model = adapted_base(folder, about)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        weight, bias = read_head(folder)
        ending = Ending.of(about["ending"], [label["id"] for label in about["labels"]])

        @torch.inference_mode()
        def probabilities(examples: Sequence[Example]) -> np.ndarray:
            batch = tokenizer(
                [e.text for e in examples], truncation=True, padding=True, return_tensors="pt"
            )
            if not about["segments"]:
                batch.pop("token_type_ids", None)
            hidden = model(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]
            x = hidden[:, 0]
            if about["pooling"] == "mean":
                mask = batch["attention_mask"][..., None].float()
                x = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            if about["normalized"] or about["unit"]:
                x = torch.nn.functional.normalize(x, dim=1)
            return ending.probabilities(x.double().numpy() @ weight.T + bias)

        return probabilities

    def example(self, about: dict[str, Any]) -> str:
        """Base, adapter, pooling and head, by transformers, peft and safetensors."""
        pooled = "x = hidden[:, 0]"
        if about["pooling"] == "mean":
            pooled = (
                'mask = batch["attention_mask"][..., None]\n'
                "x = (hidden * mask).sum(1) / mask.sum(1)"
            )
        unit = (
            "x = torch.nn.functional.normalize(x, dim=1)\n"
            if about["normalized"] or about["unit"]
            else ""
        )
        drop = "" if about["segments"] else 'batch.pop("token_type_ids", None)\n'
        return f"""\
import os

import torch
from peft import PeftModel
from safetensors.numpy import load_file
from transformers import AutoModel, AutoTokenizer

base = os.environ.get("BASE") or about["base"]  # or a folder that holds the same model
model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), str(here)).eval()
tokenizer, head = AutoTokenizer.from_pretrained(here), load_file(here / "head.safetensors")
{EACH_TIME}
batch = tokenizer(texts, truncation=True, padding=True, return_tensors="pt")
{drop}with torch.inference_mode():
    hidden = model(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]
{pooled}
{unit}z = x.double().numpy() @ head["weight"].T + head["bias"]
{to_probabilities(about)}"""


def no_adapter(kept: Kept, reads: Any) -> str:
    """The refusal of a run that trained no adapter of peft's; "" for others."""
    if isinstance(reads, (Encoded, EachToken)) and reads.adapter is not None:
        return ""
    return say("peft cannot hold {arm}: it trained no adapter that peft has.", arm=kept.arm.id)


def no_named_base(kept: Kept) -> str:
    """The refusal of a run whose base others cannot have; "" for others."""
    if kept.arm.base is None:
        return ""
    return say(
        "peft cannot hold {arm}: its adapter is on a model that this study trained on"
        " your texts, not on one that has a name.",
        arm=kept.arm.id,
    )


def write_adapter(kept: Kept, reads: Encoded | EachToken, folder: Path) -> dict[str, Any]:
    """Write the adapter as peft saves it; returns what `adapted_base` needs to know."""
    import torch
    from peft import get_peft_model
    from peft.peft_model import PeftModel

    classifier, model = reads.classifier, reads.encoder.model
    assert classifier is not None and kept.arm.model is not None
    if isinstance(classifier.body, PeftModel):
        adapted = classifier.body
    else:
        adapted = get_peft_model(copy.deepcopy(model.network), copy.deepcopy(reads.adapter))
        trained = dict(classifier.body.named_parameters())
        with torch.no_grad():
            for name, tensor in adapted.named_parameters():
                if tensor.requires_grad:
                    tensor.copy_(trained[name.removeprefix("base_model.model.")])
    name = kept.arm.model.name
    adapted.peft_config["default"].base_model_name_or_path = str(model.network.name_or_path)
    adapted.save_pretrained(
        str(folder), safe_serialization=True, save_embedding_layers=False
    )  # or it would look the base up on the hub
    settings = folder / "adapter_config.json"
    said = parsed(settings.read_text(encoding="utf-8"))
    said["base_model_name_or_path"] = HUB.get(name, name)
    settings.write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)  # peft's own; the card follows
    return {"base": HUB.get(name, name), "base_digest": kept.arm.model.digest}


def adapted_base(folder: Path, about: dict[str, Any]) -> Any:
    """Load base and adapter with transformers and peft."""
    from peft import PeftModel
    from transformers import AutoModel

    from tl_core.models.catalog import find
    from tl_core.models.loading import quiet

    quiet()
    here = {name: hub for hub, name in HUB.items()}
    base = find(here.get(about["base"], about["base"])).folder
    network = AutoModel.from_pretrained(base, local_files_only=True, use_safetensors=True)
    return PeftModel.from_pretrained(network, str(folder)).eval()


FORMAT = Peft()
