"""Contrastive tuning of the sentence encoder, then a linear head (SetFit; Tunstall et al. 2022).

Pairs of rows are streamed, never listed: two of one label should point the same way, two of
different labels should not; rows with several labels as far as they share them (shared labels /
labels of either). No row is paired with itself, and the order of pairs comes from the run's seed.

A row of two texts is a pair already. Where one of two labels means that both say the same, the two
texts should point the same way or not; with other labels the body learns through a head on |u - v|
and u * v (Reimers & Gurevych 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import Strategy
from tl_core.api.types import Facts, Fitted, Job, Problem, Steps
from tl_core.data.pair_labels import same_label
from tl_core.models.training.settings import TRIES
from tl_core.tasks import task_of


@dataclass(frozen=True)
class ContrastiveSettings:
    learning_rate: float = param(1e-4, "Learning rate of the encoder", low=1e-7, high=0.1)
    pairs: int = param(
        16, "Pairs in an optimizer step, half of one label, half of two", low=2, high=1024
    )
    rounds: int = param(
        10,
        "How often every row is in a pair, unless that gives too few or too many steps",
        low=1,
        high=1000,
    )
    min_steps: int = param(30, "Minimum number of optimizer steps", low=1, high=100_000)
    max_steps: int = param(300, "Maximum number of optimizer steps", low=1, high=1_000_000)
    layers: int = param(0, "How many upper layers are tuned; 0 for the upper half", low=0, high=200)


class Contrastive(Strategy):
    id = "contrastive"
    version = 3
    order = 75
    title = say("Contrastive tuning (SetFit)")
    about = say(
        "Pulls rows of one label together and pushes others apart, then draws lines between them."
        " Strong from 8 labels per class on."
    )
    settings = ContrastiveSettings
    tries = TRIES

    def refuses(self, facts: Facts) -> str:
        """Return why it cannot run: it needs pairs of one label, or of two texts, with one label a
        row.
        """
        pairs = facts.problem.inputs == "two texts"
        if pairs and facts.shots == 0:
            return say("contrastive needs labelled rows; choose 1 or more shots.")
        if not pairs and facts.shots is not None and facts.shots < 2:
            return say("contrastive pairs rows of the same label; choose 2 or more shots.")
        if pairs and not task_of(facts.problem).exclusive:
            return say(
                "contrastive moves two texts together or apart, and with several labels per row"
                " it is not clear which. Use lora or full."
            )
        return ""

    def passes(self, params: ContrastiveSettings, train: int, test: int) -> float:
        """Every step trains the rows of its pairs in half the layers; then the test rows, in half
        the layers.
        """
        from tl_core.models.training.settings import steps_for

        steps = steps_for(
            2 * train,
            params.pairs,
            epochs=params.rounds,
            low=params.min_steps,
            high=params.max_steps,
        )
        return 1.5 * steps * min(2 * params.pairs, train) + 0.5 * test

    def fit(self, job: Job) -> Steps[Fitted]:
        """Tune the encoder on pairs, then fit a head on what it makes of the rows."""
        import torch

        from tl_core.models.training.classifier import TextClassifier, fitted, seeded
        from tl_core.models.training.loop import fit
        from tl_core.models.training.settings import steps_for

        p: ContrastiveSettings = job.params
        model = TextClassifier(
            job.encoder, job.problem, start=job.encoder.first_of_upper(p.layers), pairs="apart"
        )
        tokens = model.tokens(job.train)
        inputs = yield from model.inputs(job.train)
        task = task_of(job.problem)
        gold = task.gold(job.problem, job.train)
        carried = task.carried(gold, len(job.problem.labels))

        def loss_of_pairs(rows: list[int]) -> torch.Tensor:
            u, v = model.both([inputs[r] for r in rows], [tokens[r] for r in rows])
            alike = torch.as_tensor(
                gold[rows] == same_label(job.problem.labels), dtype=u.dtype, device=u.device
            )
            return ((torch.nn.functional.cosine_similarity(u, v) - alike) ** 2).mean()

        def loss_through_head(rows: list[int]) -> torch.Tensor:
            return model.loss(
                model.logits([inputs[r] for r in rows], [tokens[r] for r in rows]),
                torch.as_tensor(gold[rows], device=model.head.weight.device),
            )

        def loss_of(flat: list[int]) -> torch.Tensor:
            left, right = flat[0::2], flat[1::2]
            rows = sorted(set(flat))
            place = {row: i for i, row in enumerate(rows)}
            vectors = torch.nn.functional.normalize(
                model.pooled([inputs[r] for r in rows], [tokens[r] for r in rows]), dim=1
            )
            cosine = (vectors[[place[i] for i in left]] * vectors[[place[j] for j in right]]).sum(
                1
            )  # (P,)
            same = torch.as_tensor(
                shared(carried[left], carried[right]), dtype=cosine.dtype, device=cosine.device
            )
            return ((cosine - same) ** 2).mean()

        steps = steps_for(
            2 * len(job.train), p.pairs, epochs=p.rounds, low=p.min_steps, high=p.max_steps
        )
        body = [
            tensor for name, tensor in model.trainable().items() if not name.startswith("head.")
        ]
        groups = [{"params": body, "lr": p.learning_rate, "weight_decay": 0.01}]
        loss: Callable[[list[int]], torch.Tensor] = loss_of
        stream: Callable[[np.ndarray, int, int], Iterator[list[int]]] = (
            pair_stream if task.exclusive else many_stream
        )
        if model.apart:
            loss, stream = (
                (loss_through_head if same_label(job.problem.labels) is None else loss_of_pairs),
                row_stream,
            )
        if loss is loss_through_head:
            yield from model.start_head_from_probe(job.train)
        model.train()
        with seeded(job.seed):
            curve = yield from fit(groups, loss, stream(gold, p.pairs, job.seed), steps=steps)
        yield from model.start_head_from_probe(job.train)
        return fitted(model, p, curve)

    def load(self, folder: Path, problem: Problem, encoder):
        """Tuned encoder and head as saved."""
        from tl_core.models.saved import read_settings
        from tl_core.models.training.classifier import ClassifierPredictor, TextClassifier

        params = ContrastiveSettings(**read_settings(folder))
        model = TextClassifier(
            encoder, problem, start=encoder.first_of_upper(params.layers), pairs="apart"
        )
        model.restore(folder)
        return ClassifierPredictor(model, params)

    def portable(self, predictor, problem: Problem, encoder):
        """The tuned encoder and its head."""
        from tl_core.models.training.portable import of_classifier

        return of_classifier(predictor.model)


def pair_stream(gold: np.ndarray, pairs: int, seed: int) -> Iterator[list[int]]:
    """Endless batches i0, j0, i1, j1, ... with i < j: half of one label, half of two; memory grows
    with rows, not pairs.

    Args:
        gold: (n,) positions.
    """
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(gold == label) for label in np.unique(gold)]
    double = [m for m in members if len(m) > 1]
    weight = np.array([len(m) * (len(m) - 1) for m in double], dtype=np.float64)
    sizes = np.array([len(m) for m in members], dtype=np.float64)
    while True:
        batch: list[int] = []
        for n in range(pairs):
            if n % 2 == 0 and double or len(members) == 1:
                own = double[random.choice(len(double), p=weight / weight.sum())]
                i, j = random.choice(own, 2, replace=False)
            else:
                a, b = random.choice(len(members), 2, replace=False, p=sizes / sizes.sum())
                i, j = random.choice(members[a]), random.choice(members[b])
            batch += sorted((int(i), int(j)))
        yield batch


def many_stream(gold: np.ndarray, pairs: int, seed: int) -> Iterator[list[int]]:
    """The same of rows with several labels: half share the label they were drawn for, and half
    share none, where such are found.

    Args:
        gold: (n, C) bool.
    """
    random = np.random.default_rng(seed)
    double = [m for m in map(np.flatnonzero, gold.T) if len(m) > 1]
    while True:
        batch: list[int] = []
        for n in range(pairs):
            if n % 2 == 0 and double:
                i, j = random.choice(
                    double[random.integers(len(double))], 2, replace=False
                )  # every label alike: rows of rare ones are few
            else:
                i, j = random.choice(len(gold), 2, replace=False)
                for _ in range(TRIES_APART):
                    if not (gold[i] & gold[j]).any():
                        break
                    i, j = random.choice(len(gold), 2, replace=False)
            batch += sorted((int(i), int(j)))
        yield batch


def shared(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(P,) how far two rows have the same labels, 0 to 1: those of both over those of either.

    Args:
        left, right: (P, C) bool.
    """
    either = (left | right).sum(1)
    return np.where(either > 0, (left & right).sum(1) / np.maximum(either, 1), 1.0)


TRIES_APART = 20  # draws of two rows until they share no label


def row_stream(gold: np.ndarray, rows: int, seed: int) -> Iterator[list[int]]:
    """Endless batches of rows, as many of each label; no row of a label comes again before all of
    them came.
    """
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(gold == label) for label in np.unique(gold)]
    waiting: list[list[int]] = [[] for _ in members]
    turn = 0
    while True:
        batch: list[int] = []
        for _ in range(rows):
            which = turn % len(members)
            turn += 1
            if not waiting[which]:
                waiting[which] = random.permutation(members[which]).tolist()
            batch.append(waiting[which].pop())
        yield batch


STRATEGY = Contrastive()
