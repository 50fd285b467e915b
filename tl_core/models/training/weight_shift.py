"""Distance that training moved the weights of each layer. Updates that are next to the weights
(LoRA and its relatives) are merged into them first, so that what is compared is what the layer
computes with.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import nn

from tl_core.models.layers import Anatomy

WRAPPED = (".base_layer", ".inner")  # what an adapter puts into the names of what it is next to


@dataclass(frozen=True)
class Moved:
    """One layer."""

    relative: float  # Frobenius norm of the change over that of the weights before
    added: int  # parameters that are next to the weights


def plain_name(name: str) -> str:
    """The name that a parameter had before any adapter."""
    for mark in WRAPPED:
        name = name.replace(mark, "")
    return name.removeprefix("base_model.")


@torch.no_grad()
def moved(before: nn.Module, after: nn.Module, parts: Anatomy) -> tuple[Moved, ...]:
    """Measure the shift at every depth: what is below the first layer, then each layer."""
    old, new = weights_by_name(before), weights_by_name(merged(after))
    change, size, added = ([0.0] * (parts.count + 1) for _ in range(3))
    for name, tensor in new.items():
        depth = _depth(name, parts)
        if name in old and old[name].shape == tensor.shape:
            own = old[name].double().to(tensor.device)
            change[depth] += float((tensor.double() - own).square().sum())
            size[depth] += float(own.square().sum())
        else:
            added[depth] += tensor.numel()
    return tuple(
        Moved((c / s) ** 0.5 if s else 0.0, int(a))
        for c, s, a in zip(change, size, added, strict=True)
    )


def weights_by_name(network: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters by the names they had before any adapter; a pooler is not read here."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in network.named_parameters():
        name = plain_name(name)
        if not name.startswith("pooler."):
            found[name] = tensor
    return found


def merged(network: nn.Module) -> nn.Module:
    """The network with updates that are next to weights merged into these; itself where there are
    none.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    if not any(isinstance(module, BaseTunerLayer) for module in network.modules()):
        return network
    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, BaseTunerLayer):
            module.merge()
    return network


def _depth(name: str, parts: Anatomy) -> int:
    """Return the depth of a parameter: what follows the last layer counts as part of it; what is in
    no layer lies below the first.
    """
    if name.startswith(f"{parts.layers}."):
        return int(name[len(parts.layers) + 1 :].split(".")[0]) + 1
    return (
        parts.count
        if name.startswith(("final_norm", "ln_f", "encoder.LayerNorm", "encoder.final"))
        else 0
    )
