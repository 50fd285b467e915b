"""Weight-decomposed low-rank adapters (DoRA): LoRA learns the direction of a weight, a vector its size. Liu et al. 2024."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.models.recipes import AdapterSettings, no_adapter
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps


@dataclass(frozen=True)
class Params(AdapterSettings):
    rank: int = param(8, "Size of the low-rank update; more learns more and overfits sooner", low=1, high=256)
    alpha: float = param(16.0, "Strength of the update: it is scaled by alpha / rank", low=0.1, high=1024)


class Dora:
    id = "dora"
    version = 1
    order = 71
    title = "DoRA adapter"
    about = "LoRA that also learns how large each output is; a little slower, sometimes a little better at low rank."
    needs = "a few labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from."""
        return no_adapter(facts, self.id)

    def passes(self, params: Params, train: int, test: int) -> float:
        """A batch a step in half the layers; then the test rows."""
        return params.passes(train, test)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then adapters and head together."""
        from tl_core.models.adapters import fit_adapter

        return (yield from fit_adapter(job, _put))

    def load(self, folder: Path, problem: Problem, encoder):
        """Adapters and head as saved, on the same model."""
        from tl_core.models.adapters import load_adapter

        return load_adapter(folder, problem, encoder, Params, _put)


def _put(model, p: Params, first: int) -> None:
    """On every linear map of the upper layers; the update starts at zero."""
    from peft import LoraConfig

    from tl_core.models.adapters import inject, linear_maps

    inject(model, LoraConfig(r=p.rank, lora_alpha=p.alpha, target_modules=linear_maps(model, first), lora_dropout=0.0, use_dora=True))


STRATEGY = Dora()
