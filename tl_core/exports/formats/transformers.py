"""transformers: `AutoModelForSequenceClassification`, so that `pipeline("text-classification")`
answers as the run does.

An architecture has one pooling and one shape of head. The head of most is dense, an activation and
a map to the labels, and the trained head is a single linear map z. It fits in exactly where the
activation a has a(z) - a(-z) = z (relu, gelu), or is linear around 0 (tanh, of z / 2^20).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.exports.ending import Ending
from tl_core.exports.formats._base import (
    EACH_TIME,
    Format,
    Probabilities,
    no_transformer,
    not_merged,
    not_portable,
    pooling_of,
    shared_probability,
)
from tl_core.models.training.portable import Encoded
from tl_core.tasks import task_of

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tl_core.exports.kept import Kept

SMALL = 2.0**-20  # tanh(z SMALL) / SMALL is z to the last bit of float32, for any logit
# kind: (name of the dense map, of the map to the labels, what is between them)
HEADS = {
    "bert": ("bert.pooler.dense", "classifier", "tanh"),
    "roberta": ("classifier.dense", "classifier.out_proj", "tanh"),
    "xlm-roberta": ("classifier.dense", "classifier.out_proj", "tanh"),
    "camembert": ("classifier.dense", "classifier.out_proj", "tanh"),
    "mpnet": ("classifier.dense", "classifier.out_proj", "tanh"),
    "albert": ("albert.pooler", "classifier", "tanh"),
    "distilbert": ("pre_classifier", "classifier", "odd"),
    "electra": ("classifier.dense", "classifier.out_proj", "odd"),
}


class Transformers(Format):
    id = "transformers"
    library = "transformers"
    packages = ("transformers", "torch")

    def refuses(self, kept: Kept) -> str:
        """The architecture must have a classifier that reads the first token, as the run does, with
        nothing between that and the head.
        """
        portable = kept.portable
        if portable is None:
            return not_portable(kept, self.id)
        if not isinstance(portable.reads, Encoded):
            return no_transformer(kept, self.id)
        reads = portable.reads
        kind = reads.encoder.model.network.config.model_type
        if portable.pair and reads.apart:
            return say(
                "transformers cannot hold {arm}: it reads the two texts of a row apart, and a"
                " classifier of transformers reads them together.",
                arm=kept.arm.id,
            )
        if kind not in HEADS:
            return say(
                "transformers cannot hold {arm}: the classifier that it has for a {kind} cannot"
                " compute what the run's head does.",
                arm=kept.arm.id,
                kind=kind,
            )
        if not _first_token_alone(reads) or portable.unit:
            return say(
                "transformers cannot hold {arm}: its classifier for a {kind} reads the first"
                " token, and this run reads the sentence embedding ({pooling}).",
                arm=kept.arm.id,
                kind=kind,
                pooling=_pooling(reads, portable.unit),
            )
        if kept.ending.even or (kept.ending.scaled and kept.ending.temperature > 1):
            return say(
                "transformers cannot hold {arm}: its calibrated probabilities are no softmax of"
                " linear logits.",
                arm=kept.arm.id,
            )
        if refused := shared_probability(kept, self.id):
            return refused
        if HEADS[kind][2] == "odd" and 2 * len(kept.problem.labels) > portable.head.weight.shape[1]:
            return say(
                "transformers cannot hold {arm}: so many labels do not fit into its head for a"
                " {kind}.",
                arm=kept.arm.id,
                kind=kind,
            )
        return not_merged(reads, kept, self.id)

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The network, the head in the architecture's own shape, and the tokenizer."""
        import torch
        from transformers import AutoModelForSequenceClassification

        portable, ending = kept.portable, kept.ending
        assert portable is not None and isinstance(portable.reads, Encoded)  # else it was refused
        reads = portable.reads
        body = reads.network()
        config = copy.deepcopy(body.config)
        ids = kept.problem.label_ids
        config.num_labels = len(ids)
        config.id2label = dict(enumerate(ids))
        config.label2id = {id: i for i, id in enumerate(ids)}
        several = not task_of(kept.problem).exclusive
        config.problem_type = (
            "multi_label_classification" if several else "single_label_classification"
        )
        model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32).eval()
        own = dict(body.state_dict())
        model.base_model.load_state_dict(
            {name: own.get(name, t) for name, t in model.base_model.state_dict().items()}
        )
        dense, out, between = HEADS[config.model_type]
        weight, bias = (
            torch.as_tensor(part / ending.temperature)
            for part in (portable.head.weight, portable.head.bias)
        )
        with torch.no_grad():
            _put_head(
                model.get_submodule(dense), model.get_submodule(out), weight, bias, between == "odd"
            )
        model.save_pretrained(folder)
        tokenizer = copy.deepcopy(reads.encoder.model.tokenizer)
        tokenizer.model_max_length = reads.encoder.model.max_tokens
        tokenizer.save_pretrained(folder)
        return {}

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Load it with transformers."""
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from tl_core.models.loading import quiet

        quiet()
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        ).eval()
        plain = Ending(about["ending"]["activation"])  # a temperature is in its head

        @torch.inference_mode()
        def probabilities(examples: Sequence[Example]) -> np.ndarray:
            second = None if examples[0].text_b is None else [e.text_b or "" for e in examples]
            batch = tokenizer(
                [e.text for e in examples],
                second,
                truncation=True,
                padding=True,
                return_tensors="pt",
            )
            return plain.probabilities(model(**batch).logits.double().numpy())

        return probabilities

    def example(self, about: dict[str, Any]) -> str:
        """`pipeline`; of two texts it takes them as a dict."""
        given = (
            '[{"text": a, "text_pair": b} for a, b in texts]'
            if about["inputs"] == "two texts"
            else "texts"
        )
        return f"""\
from transformers import pipeline

classify = pipeline("text-classification", model=str(here), top_k=None, device="cpu")
{EACH_TIME}
said = [{{x["label"]: x["score"] for x in row}} for row in classify({given}, truncation=True)]
p = np.array([[row[label] for label in labels] for row in said])
"""


def _put_head(
    dense: nn.Linear, out: nn.Linear, weight: torch.Tensor, bias: torch.Tensor, odd: bool
) -> None:
    """Make dense, activation and map to the labels compute weight x + bias.

    Args:
        weight: (C, d). bias: (C,).
        odd: the activation a has a(z) - a(-z) = z; else it is tanh.
    """
    import torch

    count = len(bias)
    for tensor in (dense.weight, dense.bias, out.weight, out.bias):
        tensor.zero_()
    if odd:
        dense.weight[:count], dense.weight[count : 2 * count] = weight, -weight
        dense.bias[:count], dense.bias[count : 2 * count] = bias, -bias
        same = torch.eye(count)
        out.weight[:, :count], out.weight[:, count : 2 * count] = same, -same
        return
    dense.weight.copy_(torch.eye(len(dense.weight)) * SMALL)
    out.weight.copy_(weight / SMALL)
    out.bias.copy_(bias)


def _first_token_alone(reads: Encoded) -> bool:
    """Whether the sentence embedding is the last layer's first token."""
    return pooling_of(reads) == ["cls"]


def _pooling(reads: Encoded, unit: bool) -> str:
    return " + ".join([*pooling_of(reads), *(["unit length"] if unit else [])])


FORMAT = Transformers()
