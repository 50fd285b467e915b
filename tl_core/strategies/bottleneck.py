"""Bottleneck adapters: a small network after attention and feed-forward (Houlsby et al. 2019), or
after feed-forward only (Pfeiffer et al. 2021). peft has none, so they are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.models.training.recipes import Adapter, AdapterSettings

WITHOUT = (
    "xlnet",
    "albert",
    "bart",
    "mbart",
)  # attention is no module there, or the layers are not one stack


@dataclass(frozen=True)
class BottleneckAdapterSettings(AdapterSettings):
    size: int = param(32, "Width of the small networks", low=1, high=4096)
    after: str = param(
        "both",
        "Where they go: after attention and feed-forward (Houlsby), or after feed-forward only"
        " (Pfeiffer)",
        choices=("both", "feed-forward"),
    )


class BottleneckAdapter(Adapter):
    id = "bottleneck"
    order = 74
    title = say("Bottleneck adapter")
    about = say(
        "Puts small trained networks between frozen parts of the upper layers; the first of the"
        " adapters, for when LoRA falls short."
    )
    settings = BottleneckAdapterSettings
    without = WITHOUT
    reason = say(
        "goes after the attention of each layer, and a {kind} has no such place. Choose lora."
    )

    def put(self, model, p: BottleneckAdapterSettings, first: int) -> None:
        """Each begins as the identity."""
        from tl_core.models.training.adapters import (
            ATTENTION_OUT,
            FFN_OUT,
            Bottleneck,
            freeze,
            parts_of,
            width_of,
            wrap,
        )

        freeze(model)
        places = parts_of(model, first, FFN_OUT, say("feed-forward network"))
        if p.after == "both":
            places += parts_of(model, first, ATTENTION_OUT, "attention output")
        for name in places:
            wrap(model.body, name, lambda inner: Bottleneck(inner, width_of(inner), p.size))


STRATEGY = BottleneckAdapter()
