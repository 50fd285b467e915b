"""IA3: learned vectors scale keys, values and the inner activations of the feed-forward network.
Liu et al. 2022 (T-Few).
"""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.models.training.recipes import Adapter, AdapterSettings

FUSED = (
    "modernbert",
    "gpt2",
    "xlnet",
    "gpt_neox",
    "albert",
    "bart",
    "mbart",
)  # no map of its own for keys and values, or not one in each layer


@dataclass(frozen=True)
class Ia3Settings(AdapterSettings):
    learning_rate: float = param(1e-2, "Learning rate of the scales", low=1e-6, high=10.0)


class Ia3(Adapter):
    id = "ia3"
    order = 72
    title = say("IA3 adapter")
    about = say(
        "Trains only three scaling vectors in each upper layer and a linear head: the smallest"
        " adapter there is, for keeping hundreds of them."
    )
    settings = Ia3Settings
    without = FUSED
    reason = say(
        "scales the keys and values of each layer, and a {kind} has no map of its own for them."
        " Choose lora."
    )

    def put(self, model, p: Ia3Settings, first: int) -> None:
        """Scales of 1 at the start: on keys and values as they come out, on the feed-forward
        network as it goes into its second map.
        """
        from peft import IA3Config

        from tl_core.models.training.adapters import FFN_OUT, KEY, VALUE, inject, parts_of

        inner = parts_of(model, first, FFN_OUT, say("feed-forward network"))
        scaled = [
            *parts_of(model, first, KEY, "key map"),
            *parts_of(model, first, VALUE, "value map"),
            *inner,
        ]
        inject(model, IA3Config(target_modules=scaled, feedforward_modules=inner))


STRATEGY = Ia3()
