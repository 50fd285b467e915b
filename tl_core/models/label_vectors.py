"""Labels as vectors: what a sentence encoder makes of their names and descriptions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.params import param
from tl_core.api.particles import fitted
from tl_core.api.sentences import Setting, say
from tl_core.api.types import Facts, Problem, Steps


@dataclass(frozen=True)
class NameTemplates:
    """Settings of a strategy that compares texts with labels; each adds its own behind them."""

    templates: str = param(
        "{}|This text is about {}.",
        "How a label's name is put into words; {} is the name, several are separated by |",
        korean="{}|이 글은 {}에 관한 것이다.",
    )
    descriptions: bool = param(True, "Also read the labels' descriptions")

    def __post_init__(self) -> None:
        templates_of(self.templates)  # a bad template is reported before anyone waits


def nameless(facts: Facts, strategy: str) -> str:
    """Return why texts cannot be compared with the labels, as a sentence; "" when they can."""
    if not facts.named_labels:
        return say(
            "{strategy} reads the names of labels, and some of yours are bare numbers, which say"
            " nothing. Give them names or descriptions in the label table ({labels}).",
            strategy=strategy,
            labels=Setting("labels"),
        )
    if facts.problem.inputs == "two texts":
        return say(
            "{strategy} compares one text with label names; it cannot tell how two texts relate."
            " Use probe, or lora.",
            strategy=strategy,
        )
    return ""


def label_vectors(
    encoder, problem: Problem, templates: str, descriptions: bool
) -> Steps[np.ndarray]:
    """(C, d) float64 of unit length: the mean of the unit vectors of every template and
    description.
    """
    forms = templates_of(templates)
    said = [
        [fitted("", t.replace("{}", label.name)) for t in forms]
        + (list(label.descriptions) if descriptions else [])
        for label in problem.labels
    ]
    vectors = unit((yield from encoder.embed([text for texts in said for text in texts])))
    owner = np.repeat(np.arange(len(said)), [len(texts) for texts in said])
    return unit(np.stack([vectors[owner == i].mean(0) for i in range(len(said))]))


def templates_of(text: str) -> list[str]:
    """The templates that a setting holds, cut at |.

    Raises:
        UserError: there is none, or one has no place for the name, or two.
    """
    forms = [t.strip() for t in text.split("|") if t.strip()]
    bad = [t for t in forms if t.count("{}") != 1]
    if bad:
        raise UserError(
            say(
                "The template {bad!r} must hold {{}} once: there the label's name goes.", bad=bad[0]
            )
        )
    if not forms:
        raise UserError(say("Give at least one template, such as {}."))
    return forms


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float64; rows of zeros stay."""
    vectors = vectors.astype(np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
