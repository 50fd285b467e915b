"""Prompt tuning: trained vectors stand before the text and everything else is frozen. Lester et al. 2021."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.models.recipes import AdapterSettings, no_adapter
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps

WITHOUT = ("bart", "mbart", "xlnet")  # tried: they fail there


@dataclass(frozen=True)
class Params(AdapterSettings):
    tokens: int = param(10, "Trained vectors before the text", low=1, high=200)
    learning_rate: float = param(0.1, "Step size of the vectors", low=1e-6, high=10.0)
    min_steps: int = param(100, "At least so many optimizer steps", low=1, high=100_000)


class SoftPrompt:
    id = "soft-prompt"
    version = 1
    order = 75
    title = "Soft prompt"
    about = "Trains a few vectors that stand before every text, and a linear head. Needs many steps and a large model to shine."
    needs = "a few labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from, and an architecture that takes them."""
        return no_adapter(facts, self.id, WITHOUT, "puts vectors before the text, which an encoder such as {kind} does not take here. Choose lora.")

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
    """Vectors begin as the vectors of drawn words."""
    from peft import PromptTuningConfig

    from tl_core.models.adapters import with_virtual_tokens

    with_virtual_tokens(model, PromptTuningConfig, p.tokens, model.body.get_input_embeddings().weight.shape[1])


STRATEGY = SoftPrompt()
