"""Adapters: little is trained alongside frozen weights. Where they go in each architecture, and how
they are trained.

Layers below the first adapter are frozen, so their outputs come from the encoder's cache.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Fitted, Job, Problem, Steps
from tl_core.models.encoding import Encoder
from tl_core.models.loading import positions
from tl_core.models.training.classifier import (
    ClassifierPredictor,
    TextClassifier,
    fitted,
    saved_params,
    seeded,
    train_classifier,
)
from tl_core.models.training.networks import network_for

if TYPE_CHECKING:
    from transformers import PreTrainedModel


Put = Callable[
    [TextClassifier, Any, int], None
]  # puts adapters into a classifier's body: (model, settings, first layer)

# Where the parts of a layer are, by architecture. peft's own tables lack several encoders, and name
# too much in others.
KEY = (
    "attention.self.key",
    "attention.self.key_proj",
    "attention.attn.k",
    "attention.k_lin",
    "self_attn.k_proj",
    "layer.0.SelfAttention.k",
)
VALUE = (
    "attention.self.value",
    "attention.self.value_proj",
    "attention.attn.v",
    "attention.v_lin",
    "self_attn.v_proj",
    "layer.0.SelfAttention.v",
)
ATTENTION_OUT = (
    "attention.output.dense",
    "attention.attn.o",
    "attention.out_lin",
    "attn.Wo",
    "attn.c_proj",
    "self_attn.o_proj",
    "attention.dense",
    "layer.0.SelfAttention.o",
)
FFN_OUT = (
    "output.dense",
    "ffn.lin2",
    "mlp.Wo",
    "mlp.c_proj",
    "mlp.down_proj",
    "mlp.dense_4h_to_h",
    "layer.1.DenseReluDense.wo",
    "ff.layer_2",
)
MIN_ROOM = 16  # tokens of a text that must fit alongside a soft prompt


def fit_adapter(job: Job, put: Put, *, whole: bool = False) -> Steps[Fitted]:
    """Head from the probe, then adapters and head together.

    Args:
        whole: the adapter reaches every layer, so none can be cut off below it.
    """
    p = job.params
    model = adapted(job.encoder, job.problem, p, put, job.seed, whole=whole)
    yield from model.start_head_from_probe(job.train)
    adapters = [
        tensor for name, tensor in model.trainable().items() if not name.startswith("head.")
    ]
    groups = [
        {"params": adapters, "lr": p.learning_rate, "weight_decay": 0.0},
        {"params": list(model.head.parameters()), "lr": p.head_learning_rate, "weight_decay": 0.0},
    ]
    steps = p.steps(len(job.train))
    curve = yield from train_classifier(
        model, job.train, groups, steps=steps, batch=p.batch, seed=job.seed
    )
    return fitted(model, p, curve)


def load_adapter(
    folder: Path,
    problem: Problem,
    encoder: Encoder,
    settings: type,
    put: Put,
    *,
    whole: bool = False,
) -> ClassifierPredictor:
    """Adapters and head as saved, on the same model."""
    params = saved_params(settings, folder)
    model = adapted(encoder, problem, params, put, whole=whole)
    model.restore(folder)
    return ClassifierPredictor(model, params)


def adapted(
    encoder: Encoder, problem: Problem, params: Any, put: Put, seed: int = 0, *, whole: bool = False
) -> TextClassifier:
    """The model with fresh adapters, which change nothing yet or little."""
    in_one = (
        encoder.parts is None and not params.layers
    )  # layers that share weights, or two stacks: all of them, then
    first = 0 if whole or in_one else encoder.first_of_upper(params.layers)
    model = network_for(encoder, problem, start=first, pairs=params.pairs, reads=params.reads)
    with seeded(seed):
        put(model, params, first)
    return model.to(encoder.device)


class Adaptable(Protocol):
    """A body with the encoder it came from: what adapters are put into."""

    encoder: Encoder
    adapter: Any

    @property
    def body(self) -> PreTrainedModel:
        """Batch -> last_hidden_state."""


def inject(model: Adaptable, config: Any) -> None:
    """Put peft's adapters into the body; everything else in it is frozen."""
    from peft import inject_adapter_in_model

    inject_adapter_in_model(config, model.body)
    model.adapter = config


def with_virtual_tokens(model: TextClassifier, config: Any, tokens: int, width: int) -> None:
    """Make the body read trained tokens before every text; what comes out for them is dropped by
    the classifier.
    """
    from peft import TaskType, get_peft_model

    own = model.body.config
    if places := positions(model.body):
        if places - tokens < MIN_ROOM:
            raise UserError(
                say(
                    "{model} has {places} positions; {tokens} virtual tokens leave too few for a"
                    " text. Choose fewer.",
                    model=model.encoder.model.ref.name,
                    places=places,
                    tokens=tokens,
                )
            )
        model.most_tokens = places - tokens
    heads = getattr(own, "num_attention_heads", None) or own.n_heads
    made = config(
        task_type=TaskType.FEATURE_EXTRACTION,
        num_virtual_tokens=tokens,
        token_dim=width,
        num_layers=own.num_hidden_layers,
        num_attention_heads=heads,
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # peft asks transformers for a name that is about to change
        model.body = get_peft_model(model.body, made)
    model.adapter = made
    model.segments = False


def linear_maps(model: Adaptable, first: int) -> list[str]:
    """Every linear map of the layers from `first` on."""
    if model.encoder.parts is None:
        return [
            name
            for name, module in model.body.named_modules()
            if isinstance(module, (nn.Linear, Conv1D)) and "pooler" not in name
        ]
    return model.encoder.parts.linear_names(model.body, first)


def parts_of(model: TextClassifier, first: int, ways: Sequence[str], what: str) -> list[str]:
    """The module of each layer from `first` on that has one of these names.

    Raises:
        UserError: a layer has none of them.
    """
    parts = model.encoder.parts
    if parts is None:
        raise UserError(
            say(
                "{model} is not built of one stack of layers, so there is no {what} to find in"
                " each. Choose lora.",
                model=model.encoder.model.ref.name,
                what=what,
            )
        )
    names = dict(model.body.named_modules())
    found = []
    for i in range(first, parts.count):
        layer = f"{parts.layers}.{i}"
        name = next((f"{layer}.{way}" for way in ways if f"{layer}.{way}" in names), None)
        if name is None:
            raise UserError(
                say(
                    "{model} has no {what} of its own in layer {i}. Choose lora, or another model.",
                    model=model.encoder.model.ref.name,
                    what=what,
                    i=i + 1,
                )
            )
        found.append(name)
    return found


def freeze(model: TextClassifier) -> None:
    """Freeze the whole body; the caller says what thaws."""
    model.body.requires_grad_(False)


def wrap(body: nn.Module, name: str, make: Callable[[nn.Module], nn.Module]) -> None:
    """Replace a module of the body by one made of it."""
    parent, _, last = name.rpartition(".")
    setattr(body.get_submodule(parent), last, make(body.get_submodule(name)))


def width_of(linear: nn.Linear | Conv1D) -> int:
    """Return the output width of a linear map; GPT-2 writes its own as Conv1D."""
    return linear.nf if isinstance(linear, Conv1D) else linear.out_features


class Bottleneck(nn.Module):
    """h + up(gelu(down(h))) after a module; `up` is zero at the start, so nothing changes yet
    (Houlsby et al. 2019).
    """

    def __init__(self, inner: nn.Module, width: int, size: int):
        super().__init__()
        self.inner = inner
        self.down, self.up = nn.Linear(width, size), nn.Linear(size, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    @property
    def weight(self) -> torch.Tensor:
        """T5 looks at the type of this one before it calls the module."""
        return self.inner.get_parameter("weight")

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., width) to (..., width)."""
        hidden = self.inner(hidden)
        return hidden + self.up(nn.functional.gelu(self.down(hidden)))
