"""BitFit: only the biases are trained. Ben Zaken et al. 2022."""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.models.recipes import Adapter, AdapterSettings
from tl_core.params import param

BARE = ("modernbert", "llama", "t5", "mt5", "umt5")  # usually built without biases


@dataclass(frozen=True)
class Params(AdapterSettings):
    learning_rate: float = param(3e-3, "Step size of the biases", low=1e-6, high=10.0)


class BitFit(Adapter):
    id = "bitfit"
    order = 73
    title = "BitFit"
    about = "Trains only the biases of the upper layers and a linear head: no new parts, a thousandth of the weights, the simplest to explain."
    Params = Params
    without = BARE
    reason = "trains biases, and a {kind} has none. Choose lora or bottleneck."

    def put(self, model, p: Params, first: int) -> None:
        """Thaw every bias of the upper layers."""
        from tl_core.errors import UserError
        from tl_core.models.adapters import freeze

        freeze(model)
        parts = model.encoder.parts
        layers = list(model.body.get_submodule(parts.layers))[first:] if parts else [model.body]
        biases = [t for layer in layers for name, t in layer.named_parameters() if name.endswith("bias") and "pooler" not in name]
        if not biases:
            raise UserError(f"{model.encoder.model.ref.name} has no biases in its layers, so there is nothing for bitfit to train. Choose lora.")
        for bias in biases:
            bias.requires_grad_(True)


STRATEGY = BitFit()
