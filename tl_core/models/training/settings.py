"""Settings that strategies which train share: how long, and how two texts are read. Nothing here
needs torch: forms and estimates read it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tl_core.api.params import param
from tl_core.api.types import Problem

# what is tried when labels choose: a step size is what settles most
TRIES: Mapping[str, tuple[float, ...]] = MappingProxyType({"learning_rate": (1 / 3, 1.0, 3.0)})


def steps_for(rows: int, batch: int, *, epochs: int, low: int, high: int) -> int:
    """Optimizer steps: so many epochs, but never fewer than `low` nor more than `high`. Steps, not
    epochs, make few labels and many comparable (Mosbach et al. 2021 train at least 20 epochs; Zhang
    et al. 2021 at least 200 steps)."""
    return int(min(max(epochs * math.ceil(rows / batch), low), high))


def min_steps_param(default: int) -> int:
    """The setting that says how many optimizer steps there are at least."""
    return param(default, "Minimum number of optimizer steps", low=1, high=100_000, place=1)


def max_steps_param(default: int) -> int:
    """The setting that says how many optimizer steps there are at most."""
    return param(default, "Maximum number of optimizer steps", low=1, high=1_000_000, place=1)


def pairs_param() -> str:
    """The setting that says how two texts are read, for every strategy that trains the body of a
    model.
    """
    return param(
        "auto",
        "How the two texts of a row are read: apart compares what the model makes of each alone,"
        " together reads both as one text; auto: apart with a sentence encoder, else together",
        choices=("auto", "apart", "together"),
        only="two texts",
        absent="together",
        place=2,
    )


ALL_LAYERS, LAST_LAYER = "all layers", "last layer"


def reads_param() -> str:
    """The setting that says what a tag, or where an answer begins and ends, is read from, for every
    strategy that trains the body of a model.
    """
    return param(
        ALL_LAYERS,
        "What tags of words and ends of answers are read from: all layers finds more with few"
        " labels (for questions also by how near each sentence is to the question); last layer is"
        " what token classifiers and question answerers of other libraries read, so it can be"
        " exported for them",
        choices=(ALL_LAYERS, LAST_LAYER),
        only=("tagging", "extractive-qa"),
        absent=ALL_LAYERS,
        place=2,
    )


def reads_apart(problem: Problem, pairs: str, model: Any) -> bool:
    """Whether the two texts of a row are read each alone.

    Args:
        pairs: the setting.
        model: a `tl_core.models.loading.LoadedModel`.
    """
    return problem.inputs == "two texts" and (
        model.compares if pairs == "auto" else pairs == "apart"
    )


@dataclass(frozen=True)
class StepSettings:
    """The length of a strategy's training. The form shows these after the settings of its own."""

    batch: int = param(16, "Texts in an optimizer step", low=1, high=512, place=1)
    epochs: int = param(
        20,
        "Times every text is seen, unless that gives too few or too many steps",
        low=1,
        high=1000,
        place=1,
    )
    min_steps: int = min_steps_param(60)
    max_steps: int = max_steps_param(1000)

    def steps(self, rows: int) -> int:
        """Optimizer steps on so many rows."""
        return steps_for(
            rows, self.batch, epochs=self.epochs, low=self.min_steps, high=self.max_steps
        )

    def trained_texts(self, rows: int) -> float:
        """Texts that training on so many rows sends through the network, each step's batch counted
        three times: once forwards, twice for the way back.
        """
        return 3.0 * self.steps(rows) * min(self.batch, rows)
