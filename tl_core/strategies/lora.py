"""Low-rank adapters (LoRA): small trained matrices beside the frozen weights of the upper layers. Hu et al. 2022."""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.models.recipes import Adapter, AdapterSettings
from tl_core.params import param


@dataclass(frozen=True)
class Params(AdapterSettings):
    rank: int = param(8, "Size of the low-rank update; more learns more and overfits sooner", low=1, high=256)
    alpha: float = param(16.0, "Strength of the update: it is scaled by alpha / rank", low=0.1, high=1024)


class Lora(Adapter):
    id = "lora"
    order = 70
    title = "LoRA adapter"
    about = "Trains small low-rank matrices in the upper layers and a linear head; the rest of the model stays as it was. The adapter to start with."
    Params = Params

    def put(self, model, p: Params, first: int) -> None:
        """On every linear map of the upper layers; the update starts at zero."""
        from peft import LoraConfig

        from tl_core.models.adapters import inject, linear_maps

        inject(model, LoraConfig(r=p.rank, lora_alpha=p.alpha, target_modules=linear_maps(model, first), lora_dropout=0.0))


STRATEGY = Lora()
