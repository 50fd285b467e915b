"""From logits to what an arm says: probabilities, its calibration, and for several labels the
thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tl_core.models.training.heads import LinearHead, sigmoid, softmax
from tl_core.statistics.classification.proper_scores import SMALLEST
from tl_core.statistics.classification.temperature import heated, mixed
from tl_core.statistics.classification.thresholds import moved, with_one_at_least


@dataclass(frozen=True)
class Ending:
    """What follows the logits."""

    activation: Literal["softmax", "sigmoid"] = "softmax"
    temperature: float = 1.0  # p^(1/T), made to sum to 1
    even: float = 0.0  # share that is spread evenly over the labels before that
    thresholds: tuple[float, ...] = ()  # of several labels: the probability that gives each
    one_at_least: bool = False  # a text that reaches none gets the label nearest to its threshold

    @property
    def scaled(self) -> bool:
        """Whether its confidence was calibrated."""
        return self.temperature != 1.0 or self.even != 0.0

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(n, C) logits of the head to probabilities."""
        plain = (softmax if self.activation == "softmax" else sigmoid)(logits.astype(np.float64))
        return heated(mixed(plain, self.even), self.temperature) if self.scaled else plain

    def scores(self, probabilities: np.ndarray) -> np.ndarray:
        """(n, C) probabilities to scores as an arm predicts them: a given label reaches one half
        where there are thresholds.
        """
        if not self.thresholds:
            return probabilities
        scores = moved(probabilities, np.array(self.thresholds))
        return with_one_at_least(scores) if self.one_at_least and len(scores) else scores

    def plain(self, labels: Sequence[str]) -> dict[str, Any]:
        """As a file of an export holds it."""
        return {
            "activation": self.activation,
            "temperature": self.temperature,
            "even": self.even,
            "thresholds": dict(zip(labels, self.thresholds)),
            "one_at_least": self.one_at_least,
        }

    @classmethod
    def of(cls, given: dict[str, Any], labels: Sequence[str]) -> Ending:
        """Read what `plain` wrote."""
        each = given["thresholds"]
        return cls(
            given["activation"],
            float(given["temperature"]),
            float(given["even"]),
            tuple(float(each[label]) for label in labels) if each else (),
            bool(given["one_at_least"]),
        )


@dataclass(frozen=True)
class Linear:
    """A linear map and the class of torch.nn that follows it."""

    weight: np.ndarray  # (out, in)
    bias: np.ndarray  # (out,)
    activation: Literal["Identity", "LogSoftmax", "Softplus", "ReLU"] = "Identity"


def as_layers(head: LinearHead, ending: Ending) -> list[Linear]:
    """Layers whose output's softmax (of several labels: sigmoid) is the probability of each label.

    A temperature follows log p, kept from below `SMALLEST` as `heated` keeps it; a share e spread
    evenly over C labels is log(e / C) + softplus(log p + log((1 - e) C / e)), whose first part is
    the same for every label.
    """
    labels = len(head.bias)
    first = Linear(head.weight, head.bias)
    if not ending.scaled:
        return [first]
    same = np.eye(labels)
    logs = Linear(head.weight, head.bias, "LogSoftmax")
    if ending.even:
        shift = np.log((1 - ending.even) * labels / ending.even)
        kept = Linear(same, np.full(labels, shift), "Softplus")
    else:
        kept = Linear(same, np.full(labels, -np.log(SMALLEST)), "ReLU")
    return [logs, kept, Linear(same / ending.temperature, np.zeros(labels))]
