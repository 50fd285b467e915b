"""The relation of two texts, as a model trained on pairs of premise and hypothesis says of the pair
itself; nothing is learned here.

Labels that name entailment, contradiction and neutral (`tl_core.data.pair_labels`) are the model's
own classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp

from tl_core.api.errors import UserError
from tl_core.api.sentences import say, say_n
from tl_core.api.types import Example, Problem, Step, Steps
from tl_core.data.pair_labels import class_relations, relations
from tl_core.models.prompting.entailment import MOST_CHARACTERS, entailment_model_of
from tl_core.models.saved import write_settings

GROUP = 512  # pairs whose tokens are held at a time


class PairPredictor:
    """softmax over the model's classes; a label has the sum of those it means, and labels share
    what they have together.
    """

    def __init__(self, problem: Problem, params: Any, encoder: Any):
        """
        Raises:
            UserError: the model distinguishes fewer relations than there are labels.
        """
        self.model, self.params = entailment_model_of(encoder), params
        self.means = _classes_of_labels(problem, self.model)
        self.notes: tuple[str, ...] = ()

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        found, short = np.zeros((len(examples), len(self.means))), 0
        order = sorted(
            range(len(examples)),
            key=lambda i: len(examples[i].text) + len(examples[i].text_b or ""),
        )
        for start in range(0, len(order), GROUP):
            group = order[start : start + GROUP]
            for positions, logits, cut in self._asked([examples[i] for i in group]):
                scores = np.stack(
                    [logsumexp(logits[:, classes], axis=1) for classes in self.means], axis=1
                )
                found[[group[p] for p in positions]] = np.exp(
                    scores - logsumexp(scores, axis=1, keepdims=True)
                )
                short += cut
                yield Step(min(start + len(positions), len(order)), len(order), phase="predict")

        self.notes = (
            (
                say_n(
                    "{n:,} pair was cut short to fit into the {max_tokens} tokens {model} reads.",
                    "{n:,} pairs were cut short to fit into the {max_tokens} tokens {model} reads.",
                    short,
                    max_tokens=self.model.max_tokens,
                    model=self.model.ref.name,
                ),
            )
            if short
            else ()
        )
        return found.astype(np.float32)

    def _asked(self, examples: Sequence[Example]) -> Iterator[tuple[list[int], np.ndarray, int]]:
        """(positions, (b, K) logits of all the model's classes, how many of them were cut short),
        pairs of one length together.
        """
        most = MOST_CHARACTERS * self.model.max_tokens
        cleaned = [
            [self.model.plain(text.strip()[:most]) for text in (e.text, e.text_b or "")]
            for e in examples
        ]
        pairs = [(premise, hypothesis) for premise, hypothesis in cleaned]
        whole = [
            a + b + self.model.around
            for a, b in zip(
                *(self.model.lengths([pair[side] for pair in pairs]) for side in (0, 1)),
                strict=True,
            )
        ]
        for positions, logits in self.model.all_logits(pairs):
            yield positions, logits, sum(whole[p] > self.model.max_tokens for p in positions)

    def save(self, folder: Path) -> None:
        """Settings; the model is as it was."""
        write_settings(folder, self.params)


def _classes_of_labels(problem: Problem, model: Any) -> list[list[int]]:
    """Return for every label the model's classes that mean it."""
    named = class_relations(model.network.config.id2label)
    wanted = relations(problem.labels)
    assert wanted is not None  # or the strategy had refused the problem
    means = [
        [
            c
            for c, relation in named.items()
            if (relation == want if want != "not entailment" else relation != "entailment")
        ]
        for want in wanted
    ]
    if missing := [
        label.name for label, classes in zip(problem.labels, means, strict=True) if not classes
    ]:
        raise UserError(
            say(
                "{model} does not tell {missing} apart: its classes are {id2label}. Choose a"
                " model with a class for each.",
                model=model.ref.name,
                missing=" and ".join(missing),
                id2label=", ".join(map(str, model.network.config.id2label.values())),
            )
        )
    return means
