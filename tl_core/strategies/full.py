"""Full fine-tuning done properly at few rows: every weight may change, lower layers more slowly.

Bias-corrected Adam, warm-up and enough steps (Mosbach et al. 2021; Zhang et al. 2021), layer-wise
learning-rate decay (Howard & Ruder 2018), and a head that begins as the probe (Kumar et al. 2022).
As options: gradual unfreezing (Howard & Ruder 2018), frozen embeddings or lower layers, and
stopping early by rows held out of the budget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.types import Example, Facts, Problem, Steps
from tl_core.models.training.fine_tuning import FineTuning, FineTuningSettings


@dataclass(frozen=True)
class FullSettings(FineTuningSettings):
    layer_decay: float = param(
        0.9,
        "Each layer further down learns this many times as fast as the one above it",
        low=0.1,
        high=1.0,
    )
    frozen_layers: int = param(
        0,
        "How many of the lowest layers (and the embeddings with them) stay as they are",
        low=0,
        high=200,
    )
    frozen_embeddings: bool = param(
        False, "The embeddings of tokens and positions stay as they are"
    )
    unfreezing: str = param(
        "all at once",
        "What learns from the start; gradual: the top layer and the head, then one layer more in"
        " every epoch",
        choices=("all at once", "gradual"),
    )


class Full(FineTuning):
    id = "full"
    version = 3
    order = 80
    title = say("Full fine-tuning")
    about = say(
        "Lets every weight of the model change. Needs hundreds of labels, time and memory; with"
        " them it is usually the most accurate."
    )
    settings = FullSettings
    of_heads = ("frozen_layers", "frozen_embeddings", "unfreezing")

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: a text is written by a model that writes."""
        from tl_core.models.writing import cannot_write
        from tl_core.tasks import task_of

        if reason := super().refuses(facts):
            return reason
        return cannot_write(facts, self.id) if task_of(facts.problem).writes else ""

    def classifier(self, encoder, problem: Problem, p: FullSettings, seed: int | None = None):
        """The model as it comes, with frozen what stays."""
        from tl_core.models.training.networks import network_for

        model = network_for(encoder, problem, start=p.frozen_layers, pairs=p.pairs, reads=p.reads)
        if p.frozen_embeddings:
            model.freeze_embeddings()
        return model

    def start(self, model, train: Sequence[Example]) -> Steps[None]:
        """The head begins as the probe's."""
        yield from model.start_head_from_probe(train)

    def layer_decay(self, p: FullSettings) -> float:
        """As set."""
        return p.layer_decay

    def gradual(self, p: FullSettings) -> bool:
        """As set."""
        return p.unfreezing == "gradual"

    def notes(self, model, p: FullSettings, rows: int, steps: int) -> list[str]:
        """Report which layers never began to learn."""
        from tl_core.models.training.classifier import floors

        epochs = math.ceil(steps / math.ceil(rows / p.batch))
        if not self.gradual(p) or (asleep := len(floors(model)) - epochs) <= 0:
            return []
        return [
            say(
                "Training ended after {epochs:,} epochs, before the lowest {asleep} layers (the"
                " embeddings count as one) had begun to learn.",
                epochs=epochs,
                asleep=asleep,
            )
        ]

    def faults(self, encoder, p: FullSettings) -> list[str]:
        """Layers that cannot be frozen, or cannot begin one after another."""
        name, parts = encoder.model.ref.name, encoder.parts
        faults: list[str] = []
        if p.frozen_layers and not encoder.can_cut:
            faults.append(
                say(
                    "frozen_layers={frozen_layers}, but {name} cannot be cut between two layers."
                    " Choose 0.",
                    frozen_layers=p.frozen_layers,
                    name=name,
                )
            )
        if parts and p.frozen_layers > parts.count:
            faults.append(
                say(
                    "frozen_layers={frozen_layers}, but {name} has {count} layers. Choose from 0"
                    " to {count}.",
                    frozen_layers=p.frozen_layers,
                    name=name,
                    count=parts.count,
                )
            )
        if self.gradual(p) and parts is None:
            faults.append(
                say(
                    "unfreezing=gradual, but {name} is not built of one stack of layers that"
                    " could begin to learn one after another. Choose all at once.",
                    name=name,
                )
            )
        return faults


STRATEGY = Full()
