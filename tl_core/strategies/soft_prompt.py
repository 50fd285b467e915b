"""Prompt tuning: trained vectors are before the text and everything else is frozen. Lester et al.
2021.
"""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.models.training.recipes import Adapter, AdapterSettings
from tl_core.models.training.settings import min_steps_param

WITHOUT = ("bart", "mbart", "xlnet")  # tried: they fail there


@dataclass(frozen=True)
class SoftPromptSettings(AdapterSettings):
    tokens: int = param(10, "Trained vectors before the text", low=1, high=200)
    learning_rate: float = param(0.1, "Learning rate of the vectors", low=1e-6, high=10.0)
    min_steps: int = min_steps_param(100)


class SoftPrompt(Adapter):
    id = "soft-prompt"
    order = 75
    title = say("Soft prompt")
    about = say(
        "Trains a few vectors placed before every text, and a linear head. Needs many steps and a"
        " large model to shine."
    )
    settings = SoftPromptSettings
    whole = True
    without = WITHOUT
    reason = say(
        "puts vectors before the text, which an encoder such as {kind} does not take here."
        " Choose lora."
    )

    def put(self, model, p: SoftPromptSettings, _first: int) -> None:
        """Vectors begin as the vectors of drawn words."""
        from peft import PromptTuningConfig

        from tl_core.models.training.adapters import with_virtual_tokens

        with_virtual_tokens(
            model, PromptTuningConfig, p.tokens, model.body.get_input_embeddings().weight.shape[1]
        )


STRATEGY = SoftPrompt()
