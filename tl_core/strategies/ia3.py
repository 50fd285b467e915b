"""IA3: learned vectors scale keys, values and the inner activations of the feed-forward network. Liu et al. 2022 (T-Few)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tl_core.models.recipes import AdapterSettings, no_adapter
from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Problem, Steps

FUSED = ("modernbert", "gpt2", "xlnet", "gpt_neox", "albert", "bart", "mbart")  # no map of its own for keys and values, or not one in each layer


@dataclass(frozen=True)
class Params(AdapterSettings):
    learning_rate: float = param(1e-2, "Step size of the scales", low=1e-6, high=10.0)


class Ia3:
    id = "ia3"
    version = 1
    order = 72
    title = "IA3 adapter"
    about = "Trains only three scaling vectors in each upper layer and a linear head: the smallest adapter there is."
    needs = "a few labels"
    uses_model = True
    Params = Params

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from, and keys and values that can be told apart."""
        return no_adapter(facts, self.id, FUSED, "scales the keys and values of each layer, and a {kind} has no map of its own for them. Choose lora.")

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
    """Scales of 1 at the start: on keys and values as they come out, on the feed-forward network as it goes into its second map."""
    from peft import IA3Config

    from tl_core.models.adapters import FFN_OUT, KEY, VALUE, inject, parts_of

    inner = parts_of(model, first, FFN_OUT, "feed-forward network")
    scaled = [*parts_of(model, first, KEY, "key map"), *parts_of(model, first, VALUE, "value map"), *inner]
    inject(model, IA3Config(target_modules=scaled, feedforward_modules=inner))


STRATEGY = Ia3()
