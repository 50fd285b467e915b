"""How long to train, and what every adapter has in common. Nothing here needs torch: forms and estimates read it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tl_core.params import param
from tl_core.types import Facts, Fitted, Job, Predictor, Problem, Steps

TRIES = {"learning_rate": (1 / 3, 1.0, 3.0)}  # what is tried when labels choose: a step size is what settles most


def steps_for(rows: int, batch: int, *, epochs: int, low: int, high: int) -> int:
    """Optimizer steps: so many epochs, but never fewer than `low` nor more than `high`. Steps, not epochs, make few
    labels and many comparable (Mosbach et al. 2021 train at least 20 epochs; Zhang et al. 2021 at least 200 steps)."""
    return int(min(max(epochs * math.ceil(rows / batch), low), high))


def pairs_param() -> str:
    """The setting that says how two texts are read, for every strategy that trains the body of a model."""
    return param(
        "auto",
        "How the two texts of a row are read: apart compares what the model makes of each alone, together reads both as one text; auto: apart with a sentence encoder, else together",
        choices=("auto", "apart", "together"), only="two texts", absent="together",
    )  # fmt: skip


def reads_apart(problem: Problem, pairs: str, model: Any) -> bool:
    """Whether the two texts of a row are read each alone.

    Args:
        pairs: the setting.
        model: a `tl_core.models.loading.LoadedModel`.
    """
    return problem.inputs == "two texts" and (model.compares if pairs == "auto" else pairs == "apart")


@dataclass(frozen=True)
class AdapterSettings:
    """What every adapter is asked; each strategy adds its own and sets its own rates."""

    layers: int = param(0, "How many upper layers get adapters; 0 for the upper half", low=0, high=200)
    learning_rate: float = param(1e-3, "Step size of the adapters", low=1e-6, high=10.0)
    head_learning_rate: float = param(1e-2, "Step size of the linear head", low=1e-6, high=1.0)
    batch: int = param(16, "Texts in an optimizer step", low=1, high=512)
    epochs: int = param(20, "Times every text is seen, unless that gives too few or too many steps", low=1, high=1000)
    min_steps: int = param(40, "At least so many optimizer steps", low=1, high=100_000)
    max_steps: int = param(400, "At most so many optimizer steps", low=1, high=1_000_000)
    pairs: str = pairs_param()

    def steps(self, rows: int) -> int:
        """Optimizer steps on so many rows."""
        return steps_for(rows, self.batch, epochs=self.epochs, low=self.min_steps, high=self.max_steps)

    def passes(self, train: int, test: int, share: float) -> float:
        """Every step trains a batch in a share of the layers; then the test rows, in the same share."""
        return 3.0 * share * self.steps(train) * min(self.batch, train) + share * test


class Adapter:
    """What every adapter strategy does alike; a file in `strategies/` says what it is called and where it goes."""

    id: str
    version = 2
    needs = "a few labels"
    uses_model = True
    Params: type[AdapterSettings]
    whole = False  # reaches every layer, so that none can be cut off below it
    without: Sequence[str] = ()  # architectures it does not work on
    reason = ""  # why not, with {kind} for the architecture
    tries = TRIES

    def put(self, model: Any, params: Any, first: int) -> None:
        """Put adapters into the body of a classifier, from layer `first` on.

        Raises:
            UserError: the body has no place for them.
        """
        raise NotImplementedError

    def refuses(self, facts: Facts) -> str:
        """Needs rows to learn from, and an architecture it works on."""
        if facts.shots == 0:
            return f"{self.id} needs labelled rows; choose 1 or more shots."
        kind = facts.model.kind if facts.model else ""
        return f"{self.id} {self.reason.format(kind=kind)}" if kind in self.without else ""

    def passes(self, params: AdapterSettings, train: int, test: int) -> float:
        """A batch a step in the layers it reaches; then the test rows in the same."""
        return params.passes(train, test, share=1.0 if self.whole else 0.5)

    def fit(self, job: Job) -> Steps[Fitted]:
        """Head from the probe, then adapters and head together."""
        from tl_core.models.adapters import fit_adapter

        return (yield from fit_adapter(job, self.put, whole=self.whole))

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Adapters and head as saved, on the same model."""
        from tl_core.models.adapters import load_adapter

        return load_adapter(folder, problem, encoder, self.Params, self.put, whole=self.whole)
