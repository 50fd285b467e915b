"""Prefix tuning: trained keys and values are before those of the text in every layer. Li & Liang
2021.
"""

from __future__ import annotations

from dataclasses import dataclass

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.models.training.recipes import Adapter, AdapterSettings
from tl_core.models.training.settings import min_steps_param

WITHOUT = (
    "mpnet",
    "distilbert",
    "modernbert",
    "deberta",
    "deberta-v2",
    "albert",
    "t5",
    "mt5",
    "umt5",
    "bart",
    "mbart",
    "xlnet",
)  # tried: they fail, or nothing reaches them


@dataclass(frozen=True)
class PrefixSettings(AdapterSettings):
    tokens: int = param(
        10, "Trained keys and values before the text, in every layer", low=1, high=200
    )
    learning_rate: float = param(1e-2, "Learning rate of the keys and values", low=1e-6, high=10.0)
    min_steps: int = min_steps_param(100)


class Prefix(Adapter):
    id = "prefix"
    order = 76
    title = say("Prefix tuning")
    about = say(
        "Trains keys and values that every layer attends to, and a linear head. For when a soft"
        " prompt is too weak; some architectures cannot take it."
    )
    settings = PrefixSettings
    whole = True
    without = WITHOUT
    reason = say("hands keys and values to every layer, and a {kind} takes none. Choose lora.")

    def put(self, model, p: PrefixSettings, _first: int) -> None:
        """Keys and values before the text's, in every layer."""
        from peft import PrefixTuningConfig

        from tl_core.models.training.adapters import with_virtual_tokens

        with_virtual_tokens(model, PrefixTuningConfig, p.tokens, model.body.config.hidden_size)


STRATEGY = Prefix()
