"""Prompt tuning: trained vectors stand before the text and everything else is frozen. Lester et al. 2021."""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.models.recipes import Adapter, AdapterSettings
from tl_core.params import param

WITHOUT = ("bart", "mbart", "xlnet")  # tried: they fail there


@dataclass(frozen=True)
class Params(AdapterSettings):
    tokens: int = param(10, "Trained vectors before the text", low=1, high=200)
    learning_rate: float = param(0.1, "Step size of the vectors", low=1e-6, high=10.0)
    min_steps: int = param(100, "At least so many optimizer steps", low=1, high=100_000)


class SoftPrompt(Adapter):
    id = "soft-prompt"
    order = 75
    title = "Soft prompt"
    about = "Trains a few vectors that stand before every text, and a linear head. Needs many steps and a large model to shine."
    Params = Params
    whole = True
    without = WITHOUT
    reason = "puts vectors before the text, which an encoder such as {kind} does not take here. Choose lora."

    def put(self, model, p: Params, _first: int) -> None:
        """Vectors begin as the vectors of drawn words."""
        from peft import PromptTuningConfig

        from tl_core.models.adapters import with_virtual_tokens

        with_virtual_tokens(model, PromptTuningConfig, p.tokens, model.body.get_input_embeddings().weight.shape[1])


STRATEGY = SoftPrompt()
