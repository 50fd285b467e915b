"""BitFit: only the biases are trained. Ben Zaken et al. 2022."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.models.recipes import AdapterSettings, no_adapter
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps

BARE = ("modernbert", "llama", "t5", "mt5", "umt5")  # usually built without biases


@dataclass(frozen=True)
class Params(AdapterSettings):
    learning_rate: float = param(3e-3, "Step size of the biases", low=1e-6, high=10.0)


class BitFit:
    id = "bitfit"
    version = 1
    order = 73
    title = "BitFit"
    about = "Trains only the biases of the upper layers and a linear head: no new parts, a thousandth of the weights."
    needs = "a few labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from, and biases."""
        return no_adapter(facts, self.id, BARE, "trains biases, and a {kind} has none. Choose lora or bottleneck.")

    def passes(self, params: Params, train: int, test: int) -> float:
        """A batch a step in half the layers; then the test rows."""
        return params.passes(train, test)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then adapters and head together."""
        from tl_core.models.adapters import fit_adapter

        return (yield from fit_adapter(job, _put))

    def load(self, folder: Path, problem: Problem, encoder):
        """Adapters and head as saved, on the same model."""
        from tl_core.models.adapters import load_adapter

        return load_adapter(folder, problem, encoder, Params, _put)


def _put(model, p: Params, first: int) -> None:
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
