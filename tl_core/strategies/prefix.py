"""Prefix tuning: trained keys and values stand before those of the text in every layer. Li & Liang 2021."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.models.recipes import AdapterSettings, no_adapter
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps

WITHOUT = ("mpnet", "distilbert", "modernbert", "deberta", "deberta-v2", "albert", "t5", "mt5", "umt5", "bart", "mbart", "xlnet")  # tried: they fail, or nothing reaches them


@dataclass(frozen=True)
class Params(AdapterSettings):
    tokens: int = param(10, "Trained keys and values before the text, in every layer", low=1, high=200)
    learning_rate: float = param(1e-2, "Step size of the keys and values", low=1e-6, high=10.0)
    min_steps: int = param(100, "At least so many optimizer steps", low=1, high=100_000)


class Prefix:
    id = "prefix"
    version = 1
    order = 76
    title = "Prefix tuning"
    about = "Trains keys and values that every layer attends to, and a linear head. Works on some architectures only."
    needs = "a few labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from, and an architecture that takes them."""
        return no_adapter(facts, self.id, WITHOUT, "hands keys and values to every layer, and a {kind} takes none. Choose lora.")

    def passes(self, params: Params, train: int, test: int) -> float:
        """A batch a step in every layer; then the test rows."""
        return params.passes(train, test, share=1.0)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then adapters and head together."""
        from tl_core.models.adapters import fit_adapter

        return (yield from fit_adapter(job, _put, whole=True))

    def load(self, folder: Path, problem: Problem, encoder):
        """Adapters and head as saved, on the same model."""
        from tl_core.models.adapters import load_adapter

        return load_adapter(folder, problem, encoder, Params, _put, whole=True)


def _put(model, p: Params, _first: int) -> None:
    """Keys and values before the text's, in every layer."""
    from peft import PrefixTuningConfig

    from tl_core.models.adapters import with_virtual_tokens

    with_virtual_tokens(model, PrefixTuningConfig, p.tokens, model.body.config.hidden_size)


STRATEGY = Prefix()
