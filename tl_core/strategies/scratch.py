"""The same network from random weights: the difference to `full` is what pre-training is worth
here.

Where a text is written, it is a small encoder and decoder with a vocabulary of its own, on any
model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.types import Fitted, Job, Predictor, Problem, Steps
from tl_core.models.training.fine_tuning import FineTuning, FineTuningSettings


@dataclass(frozen=True)
class ScratchSettings(FineTuningSettings):
    learning_rate: float = param(5e-4, "Learning rate of the network", low=1e-7, high=0.1)


class Scratch(FineTuning):
    id = "scratch"
    version = 3
    order = 90
    title = say("Training from scratch")
    about = say(
        "The same network without its pre-training. Not for real use; it shows what the"
        " pre-training is worth."
    )
    settings = ScratchSettings
    learns_from_few = False  # random weights want more rows

    def classifier(self, encoder, problem: Problem, p: ScratchSettings, seed: int | None = None):
        """Random weights, drawn by the run's seed."""
        from tl_core.models.training.networks import network_for

        return network_for(
            encoder,
            problem,
            start=0,
            pairs=p.pairs,
            reads=p.reads,
            random_weights=seed,
            pretrained=False,
        )

    def fit_writer(self, job: Job) -> Steps[Fitted]:
        """A small encoder and decoder, whatever the model is: its vocabulary comes from the
        training rows.
        """
        from tl_core.api.errors import raise_all
        from tl_core.models.training.writer import fit_scratch

        raise_all(self.refused_for_texts(job.params))
        return (yield from fit_scratch(job))

    def load_writer(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """As saved."""
        from tl_core.models.training.writer import load_scratch

        return load_scratch(folder, self.settings, encoder.device)


STRATEGY = Scratch()
