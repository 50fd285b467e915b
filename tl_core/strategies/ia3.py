"""IA3: learned vectors scale keys, values and the inner activations of the feed-forward network. Liu et al. 2022 (T-Few)."""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.models.recipes import Adapter, AdapterSettings
from tl_core.params import param

FUSED = ("modernbert", "gpt2", "xlnet", "gpt_neox", "albert", "bart", "mbart")  # no map of its own for keys and values, or not one in each layer


@dataclass(frozen=True)
class Params(AdapterSettings):
    learning_rate: float = param(1e-2, "Step size of the scales", low=1e-6, high=10.0)


class Ia3(Adapter):
    id = "ia3"
    order = 72
    title = "IA3 adapter"
    about = "Trains only three scaling vectors in each upper layer and a linear head: the smallest adapter there is, for keeping hundreds of them."
    Params = Params
    without = FUSED
    reason = "scales the keys and values of each layer, and a {kind} has no map of its own for them. Choose lora."

    def put(self, model, p: Params, first: int) -> None:
        """Scales of 1 at the start: on keys and values as they come out, on the feed-forward network as it goes into its second map."""
        from peft import IA3Config

        from tl_core.models.adapters import FFN_OUT, KEY, VALUE, inject, parts_of

        inner = parts_of(model, first, FFN_OUT, "feed-forward network")
        scaled = [*parts_of(model, first, KEY, "key map"), *parts_of(model, first, VALUE, "value map"), *inner]
        inject(model, IA3Config(target_modules=scaled, feedforward_modules=inner))


STRATEGY = Ia3()
