"""onnx, of arms that answer with stretches of a text: from token ids to what is said of every
token, the mean of layers where the run reads it included.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.exports.formats._base import Probabilities
from tl_core.exports.formats._words import (
    about_words,
    beside_the_network,
    named_tags,
    not_each_token,
    of_words,
    states_of,
)
from tl_core.exports.formats._words_script import script
from tl_core.exports.formats.onnx import (
    Onnx,
    cannot_be_run,
    graph_of,
    inputs_of,
    write_beside_graph,
    write_graph,
)
from tl_core.models.training.portable import EachToken

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

LOAD = """\
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(here)
graph = onnxruntime.InferenceSession(str(here / about["file"]))"""
EACH = """\
asked = {name: np.array(batch[name], np.int64) for name in about["inputs_of_graph"]}
z = %s.astype(float)
"""


class OnnxWords(Onnx):
    packages = ("onnxruntime", "transformers", "numpy")

    def refuses(self, kept: Kept) -> str:
        """It must read by a transformer, with a tokenizer that other programs have."""
        if refused := not_each_token(kept, self.id):
            return refused
        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, EachToken)
        model = portable.reads.encoder.model
        return cannot_be_run(kept, model) or beside_the_network(kept, self.id)

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The graph, the tokenizer, and the configuration with the tags."""
        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, EachToken)  # else it was refused
        body, about = portable.reads.network(), about_words(kept)
        tokenizer = portable.reads.encoder.model.tokenizer
        texts: tuple[list[str], ...] = (["one text", "and a longer one"],)
        outputs, what = ["logits"], "TokenClassification"
        if portable.pair:
            texts = (*texts, ["what it says", "more of it, to be read"])
            outputs, what = ["start_logits", "end_logits"], "QuestionAnswering"
        module = _each_token(body, inputs_of(tokenizer), portable.head, about, portable.pair)
        said = write_graph(kept, module, tokenizer, texts, outputs, folder)
        named_tags(body.config, kept.problem)
        config = json.loads(body.config.to_json_string(use_diff=False))
        write_beside_graph(kept, tokenizer, about["max_tokens"], config, body, what, folder)
        return about | said

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Run it with ONNX Runtime."""
        graph = graph_of(folder / about["file"])

        def logits(batch: Mapping[str, np.ndarray]) -> np.ndarray:
            asked = {n: np.asarray(batch[n], np.int64) for n in about["inputs_of_graph"]}
            found = graph.run(None, asked)
            return np.stack(found, -1) if len(found) > 1 else found[0]

        return of_words(folder, about, logits)

    def example(self, about: dict[str, Any]) -> str:
        """ONNX Runtime and a tokenizer."""
        asks = about["no_answer"] is not None
        said = "np.stack(graph.run(None, asked), -1)" if asks else "graph.run(None, asked)[0]"
        return script(about, LOAD, EACH % said)


def _each_token(
    body: Any, names: list[str], head: Any, about: Mapping[str, Any], asks: bool
) -> Any:
    """(input ids, mask, ...) to what is said of every token, as one module."""
    import torch
    from torch import nn

    class EachTokenOf(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = body.eval()
            rows, columns = head.weight.shape
            self.head = nn.Linear(columns, rows)
            with torch.no_grad():
                self.head.weight.copy_(torch.as_tensor(head.weight))
                self.head.bias.copy_(torch.as_tensor(head.bias))

        def forward(self, given: tuple[torch.Tensor, ...]) -> Any:
            batch = dict(zip(names, given, strict=True))
            read = self.body(**batch, output_hidden_states=about["first_layer"] is not None)
            said = self.head(states_of(read, about, batch["input_ids"].shape[1]))
            return (said[..., 0], said[..., 1]) if asks else said

    return EachTokenOf().eval()


FORMAT = OnnxWords()
