"""BitFit: only the biases are trained. Ben Zaken et al. 2022."""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.models.training.recipes import Adapter, AdapterSettings

BARE = ("modernbert", "llama", "t5", "mt5", "umt5")  # usually built without biases


@dataclass(frozen=True)
class BitFitSettings(AdapterSettings):
    learning_rate: float = param(3e-3, "Learning rate of the biases", low=1e-6, high=10.0)


class BitFit(Adapter):
    id = "bitfit"
    order = 73
    title = say("BitFit")
    about = say(
        "Trains only the biases of the upper layers and a linear head: no new parts, a"
        " thousandth of the weights, the simplest to explain."
    )
    settings = BitFitSettings
    without = BARE
    reason = say("trains biases, and a {kind} has none. Choose lora or bottleneck.")

    def put(self, model, p: BitFitSettings, first: int) -> None:
        """Thaw every bias of the upper layers."""
        from tl_core.api.errors import UserError
        from tl_core.models.training.adapters import freeze

        freeze(model)
        parts = model.encoder.parts
        layers = list(model.body.get_submodule(parts.layers))[first:] if parts else [model.body]
        biases = [
            t
            for layer in layers
            for name, t in layer.named_parameters()
            if name.endswith("bias") and "pooler" not in name
        ]
        if not biases:
            raise UserError(
                say(
                    "{model} has no biases in its layers, so there is nothing for bitfit to"
                    " train. Choose lora.",
                    model=model.encoder.model.ref.name,
                )
            )
        for bias in biases:
            bias.requires_grad_(True)


STRATEGY = BitFit()
