"""Weight-decomposed low-rank adapters (DoRA): LoRA learns the direction of a weight, a vector its size. Liu et al. 2024."""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.models.recipes import Adapter, AdapterSettings
from tl_core.params import param


@dataclass(frozen=True)
class Params(AdapterSettings):
    rank: int = param(8, "Size of the low-rank update; more learns more and overfits sooner", low=1, high=256)
    alpha: float = param(16.0, "Strength of the update: it is scaled by alpha / rank", low=0.1, high=1024)


class Dora(Adapter):
    id = "dora"
    order = 71
    title = "DoRA adapter"
    about = "LoRA that also learns how large each output is; a little slower, sometimes a little better at low rank."
    Params = Params

    def put(self, model, p: Params, first: int) -> None:
        """On every linear map of the upper layers; the update starts at zero."""
        from peft import LoraConfig

        from tl_core.models.adapters import inject, linear_maps

        inject(model, LoraConfig(r=p.rank, lora_alpha=p.alpha, target_modules=linear_maps(model, first), lora_dropout=0.0, use_dora=True))


STRATEGY = Dora()
