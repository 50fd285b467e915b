"""Cuts a transformer in two: frozen lower layers, whose outputs are computed once, and the rest;
and joins them again.

Works on any body that has one list of layers after one embedding module: BERT, RoBERTa, DistilBERT,
ELECTRA, DeBERTa, ModernBERT, XLM-R, MPNet. Layer numbers stay what they were, so that an adapter
trained on the upper half fits the whole model.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Network = TypeVar("Network", bound=nn.Module)

TUPLES = {
    "MPNetLayer": 1,
    "DebertaLayer": 2,
    "DebertaV2Layer": 2,
}  # layers that return a tuple, and how many it holds


class Skip(nn.Module):
    """A stand-in for a layer that was computed already."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.attention_type = getattr(
            layer, "attention_type", None
        )  # ModernBERT's forward asks each layer for it
        self.outputs = TUPLES.get(type(layer).__name__, 0)

    def forward(self, hidden_states: torch.Tensor, *args, **kwargs) -> torch.Tensor | tuple:
        """Return the hidden states unchanged, in a tuple where the layer returned one."""
        return (hidden_states, *[None] * (self.outputs - 1)) if self.outputs else hidden_states


class Given(nn.Module):
    """A stand-in for the embeddings: it returns the hidden states that were put in."""

    def __init__(self):
        super().__init__()
        self.hidden: torch.Tensor | None = None

    def forward(self, *args, **kwargs) -> torch.Tensor:
        """Return the hidden states that were put in, whatever the input."""
        assert self.hidden is not None  # put in before the body is called
        return self.hidden


@dataclass(frozen=True)
class Anatomy:
    """The names of the parts of a body, dotted."""

    embeddings: str
    layers: str
    count: int

    def linear_names(self, network: nn.Module, lowest: int) -> list[str]:
        """Full names of every linear map in layers `lowest` and above: what an adapter may
        change.
        """
        return [
            name
            for name, module in network.named_modules()
            if isinstance(module, (nn.Linear, Conv1D))
            and name.startswith(f"{self.layers}.")
            and int(name[len(self.layers) + 1 :].split(".")[0]) >= lowest
        ]


def anatomy(network: PreTrainedModel) -> Anatomy | None:
    """The parts of a body; None when it is not built of one stack of layers."""
    stacks = [
        (name, m)
        for name, m in network.named_modules()
        if isinstance(m, nn.ModuleList) and len(m) == network.config.num_hidden_layers
    ]
    names = [name for name, _ in stacks]
    stacks = [
        (name, m) for name, m in stacks if not any(name.startswith(f"{outer}.") for outer in names)
    ]  # T5's layers are lists themselves
    if len(stacks) != 1:
        return None
    words = network.get_input_embeddings()
    embeddings = (
        "embeddings"
        if hasattr(network, "embeddings")
        else next(name for name, module in network.named_modules() if module is words)
    )
    return Anatomy(embeddings, stacks[0][0], len(stacks[0][1]))


@torch.inference_mode()
def can_be_cut(network: PreTrainedModel, parts: Anatomy | None) -> bool:
    """Whether going through lower and upper half gives what the whole gives. Tried, not assumed:
    some bodies do more
    than go from layer to layer (the convolution of DeBERTa-v2-xlarge), and those are trained from
    the first layer on."""
    if parts is None or parts.count < 2 or parts.embeddings != "embeddings":
        return False
    batch = {
        "input_ids": torch.tensor([[5, 6, 7, 8], [9, 8, 0, 0]]) % network.config.vocab_size,
        "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]),
    }
    try:
        whole = network(**batch).last_hidden_state
        half = parts.count // 2
        body, given = upper(network, parts, half)
        given.hidden = lower(network, parts, half)(**batch).last_hidden_state
        again = body(**batch).last_hidden_state
    except (TypeError, ValueError, AttributeError, RuntimeError, IndexError):
        return False
    return torch.allclose(whole[0], again[0], atol=1e-5) and torch.allclose(
        whole[1, :2], again[1, :2], atol=1e-5
    )


def lower(network: PreTrainedModel, parts: Anatomy, upto: int) -> PreTrainedModel:
    """A body that stops after layer `upto` - 1; it shares its weights with `network`."""
    body = _shallow(network, parts)
    stack = body.get_submodule(parts.layers)
    for i in range(upto, parts.count):
        stack[i] = Skip(stack[i])
    if hasattr(body, "final_norm"):  # ModernBERT's belongs after the last layer, not between two
        body.final_norm = nn.Identity()
    return body


def upper(network: PreTrainedModel, parts: Anatomy, start: int) -> tuple[PreTrainedModel, Given]:
    """A body that starts at layer `start` > 0 from given hidden states; a deep copy, to be
    trained.
    """
    body = _shallow(network, parts)
    stack = body.get_submodule(parts.layers)
    for i in range(start):
        stack[i] = Skip(stack[i])
    setattr(body, parts.embeddings, Given())
    if hasattr(
        body, "embeddings_project"
    ):  # ELECTRA widens its embeddings; given states are wide already
        body.embeddings_project = nn.Identity()
    body = copied(body)
    return body, getattr(body, parts.embeddings)


def whole(
    network: PreTrainedModel, upper_body: PreTrainedModel, parts: Anatomy, start: int
) -> PreTrainedModel:
    """The body that `upper` began, with the layers of `network` below it again: all weights are
    shared with both.
    """
    body = _shallow(upper_body, parts)
    stack, below = body.get_submodule(parts.layers), network.get_submodule(parts.layers)
    for i in range(start):
        stack[i] = below[i]
    setattr(body, parts.embeddings, getattr(network, parts.embeddings))
    if hasattr(body, "embeddings_project"):
        body.embeddings_project = network.embeddings_project
    return body


def copied(network: PreTrainedModel) -> PreTrainedModel:
    """A body of one's own: weights and all, ready to be trained."""
    twin = copy.deepcopy(network)
    for parameter in twin.parameters():
        parameter.requires_grad_(True)
    return twin


def _shallow(network: PreTrainedModel, parts: Anatomy) -> PreTrainedModel:
    """A copy whose module tree down to the layer list is its own, and whose weights are shared."""
    body = _copied(network)
    parent = body
    *path, last = parts.layers.split(".")
    for name in path:
        setattr(parent, name, _copied(getattr(parent, name)))
        parent = getattr(parent, name)
    setattr(parent, last, nn.ModuleList(list(getattr(parent, last))))
    return body


def _copied(module: Network) -> Network:
    twin = copy.copy(module)
    twin._modules = dict(module._modules)
    return twin
