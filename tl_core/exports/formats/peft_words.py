"""peft, of arms that answer with stretches of a text: the adapter alone, on the base by its name;
the head on every token is beside it in `head.safetensors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.exports.formats._base import Format, Probabilities
from tl_core.exports.formats._words import (
    about_words,
    not_each_token,
    of_words,
    save_tokenizer,
    states_of,
)
from tl_core.exports.formats._words_script import script
from tl_core.exports.formats.peft import adapted_base, no_adapter, no_named_base, write_adapter
from tl_core.exports.formats.sentence_transformers import read_head, write_head
from tl_core.models.training.portable import EachToken

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

LOAD = """\
import os

import torch
from peft import PeftModel
from safetensors.numpy import load_file
from transformers import AutoModel, AutoTokenizer

base = os.environ.get("BASE") or about["base"]  # or a folder that holds the same model
model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), str(here)).eval()
tokenizer, head = AutoTokenizer.from_pretrained(here), load_file(here / "head.safetensors")
first = about["first_layer"]"""
EACH = """\
given = {name: torch.as_tensor(x) for name, x in batch.items()}
if not about["segments"]:
    given.pop("token_type_ids", None)
with torch.inference_mode():
    read = model(**given, output_hidden_states=first is not None)
states = [read.last_hidden_state] if first is None else read.hidden_states[first:]
x = torch.stack([layer[:, -given["input_ids"].shape[1] :] for layer in states]).mean(0)
z = x.double().numpy() @ head["weight"].T + head["bias"]
"""


class PeftWords(Format):
    id = "peft"
    library = "peft"
    packages = ("peft", "transformers", "torch", "safetensors")

    def refuses(self, kept: Kept) -> str:
        """It must have trained an adapter that peft has, on a base that others can have too."""
        if refused := not_each_token(kept, self.id):
            return refused
        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, EachToken)
        return no_adapter(kept, portable.reads) or no_named_base(kept)

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The adapter as peft saves it, the tokenizer, and the head."""
        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, EachToken)  # else it was refused
        said = write_adapter(kept, portable.reads, folder)
        save_tokenizer(kept, folder)
        write_head(portable.head, folder)
        return said | about_words(kept)

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Load base and adapter with transformers and peft."""
        import torch

        model = adapted_base(folder, about)
        weight, bias = read_head(folder)

        @torch.inference_mode()
        def logits(batch: Mapping[str, np.ndarray]) -> np.ndarray:
            given = {name: torch.as_tensor(x) for name, x in batch.items()}
            if not about["segments"]:
                given.pop("token_type_ids", None)
            read = model(**given, output_hidden_states=about["first_layer"] is not None)
            x = states_of(read, about, given["input_ids"].shape[1])
            return x.double().numpy() @ weight.T + bias

        return of_words(folder, about, logits)

    def example(self, about: dict[str, Any]) -> str:
        """Base, adapter and head, by transformers, peft and safetensors."""
        return script(about, LOAD, EACH)


FORMAT = PeftWords()
