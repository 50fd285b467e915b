"""A transformer body with a head that says of every token whether an answer begins or ends there:
what finds answers to questions in a text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from tl_core.api.types import Example, Fitted, Job, Predictor, Problem, Steps
from tl_core.api.words import split_words
from tl_core.data.sentence_places import sentence_places
from tl_core.models.encoding import Encoder, Tokens
from tl_core.models.label_vectors import unit
from tl_core.models.question_windows import assembled, windows_of
from tl_core.models.saved import read_settings
from tl_core.models.training.classifier import ClassifierPredictor, Row, fitted
from tl_core.models.training.word_tagger import WordTagger
from tl_core.tasks import task_of
from tl_core.tasks.extractive_qa import AnswerF1

# questions on which the head is fitted before the network learns with it: enough for its 2 d
# weights, and few enough to keep all their tokens in memory
FIRST_QUESTIONS = 512
FIRST_STEPS = 50  # of L-BFGS, at most
# Pull of that fit (as scikit-learn's C), and the weight of a sentence's nearness it pulls towards.
# On 103 questions of XQuAD 8 labelled ones gave 16.7% F1 so, 14.2% with 10 and 0, 5.5% without
# nearness; 32 gave 15.5, 15.5 and 7.0%.
STRENGTH, NEAR = 1.0, 4.0


class AnswerFinder(WordTagger):
    """Texts with questions in, where answers begin and end out. What it reads at once is a window
    of a text, with the question before it.
    """

    strength = STRENGTH
    shift = 0.0  # what is added for "no answer"; chosen on the training rows

    def __init__(self, *args: Any, near: bool = True, **how: Any):
        """As `TextClassifier`.

        Args:
            near: whether the head sees how near a sentence is to the question, as the untrained
                model embeds both; a network that learns from nothing is not told.
        """
        self.tells_near = near
        self._near: dict[tuple[str, str], np.ndarray] = {}  # by text and question, of `prepare`
        super().__init__(*args, **how)

    @property
    def width(self) -> int:
        """A token's state, and how near its sentence is to the question."""
        return super().width + self.tells_near

    @property
    def none(self) -> bool:
        """Return whether "no answer" is one."""
        return len(self.problem.labels) > 1

    def prepare(self, examples: Sequence[Example]) -> Steps[None]:
        """How near each sentence is to its question, by the embeddings of the untrained model."""
        if self.tells_near:
            self._near = yield from nearness(self.encoder, examples)

    def parts(self, examples: Sequence[Example]) -> Any:
        """The windows of the texts, as `prepare` has seen them."""
        windows = windows_of(self.encoder.model, examples, self.most_tokens)
        if not self.tells_near:
            return windows
        return [
            replace(w, near=tuple(w.spread(self._near[_key(examples[w.row])]).tolist()))
            for w in windows
        ]

    def tokens(self, parts: Any) -> list[Row]:
        """Token ids of each window, with which of them are of its text."""
        rows = super().tokens(parts)
        for row, window in zip(cast("list[Tokens]", rows), parts, strict=True):
            row.near = window.near
        return rows

    def pooled(self, inputs: list, tokens: list[Row]) -> torch.Tensor:
        """(tokens, width) of all windows, one after another."""
        states = super().pooled(inputs, tokens)
        if not self.tells_near:
            return states
        near = [x for row in cast("list[Tokens]", tokens) for x in row.near]
        return torch.cat([states, torch.tensor(near, device=states.device)[:, None]], 1)

    def gold(self, parts: Sequence[Any]) -> list[np.ndarray]:
        """(1 + t, 3) of each window; where the answer is not in it, on the token for none."""
        return [window.marks for window in parts]

    def start_head_from_probe(self, examples: Sequence[Example]) -> Steps[None]:
        """Fit the head on the features as they are now. The loss is convex in it."""
        examples = examples[:FIRST_QUESTIONS]
        yield from self.prepare(examples)
        parts = self.parts(examples)
        features = yield from self._each(parts, self.pooled)
        x, gold = (torch.as_tensor(self.together(found)) for found in (features, self.gold(parts)))
        task = task_of(self.problem)
        usual = torch.zeros(2, x.shape[1])  # what few questions have to speak against
        if self.tells_near:
            usual[:, -1] = NEAR
        weight = usual.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([weight], max_iter=FIRST_STEPS, line_search_fn="strong_wolfe")

        def closure() -> float:
            optimizer.zero_grad()
            pull = ((weight - usual) ** 2).sum() / (2 * self.strength * len(parts))
            loss = task.loss(x @ weight.T, gold) + pull
            loss.backward()
            return loss.item()

        optimizer.step(closure)
        with torch.no_grad():
            self.head.weight.copy_(weight)
            self.head.bias.zero_()  # the same for every token of a window: it says nothing

    def trained(self, examples: Sequence[Example]) -> Steps[None]:
        """Choose how much must speak for no answer, where one may lack: what does best on the
        training rows, of equals the least.
        """
        self.shift = 0.0
        if not self.none or not examples:
            return
        logits = yield from self._logits(examples)
        task = task_of(self.problem)
        gold = task.gold(self.problem, examples)
        some = logits.copy()
        some[:, 0] = -np.inf
        said = task.decide(task.probabilities(_finite(some)))
        each = np.arange(len(said))
        ahead = (
            logits[each, said[:, 0], 0] + logits[each, said[:, 1], 1] - logits[:, 0].sum(-1)
        )  # (n,) by how much the best answer beats none
        gain = AnswerF1().rows(self.problem, gold, said[None])[0] - task.carried(gold, 2)[:, 1]
        self.shift = best_shift(ahead, gain)

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W + 1, 2) float32."""
        logits = yield from self._logits(examples)
        return chances_of(self.problem, logits)

    def _logits(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W + 1, 2) float64."""
        yield from self.prepare(examples)
        windows = self.parts(examples)
        found = yield from self._each(windows, self.logits)
        return assembled(examples, windows, found, none=self.none, shift=self.shift)

    def save(self, folder: Path) -> None:
        """As every classifier, with the shift."""
        super().save(folder)
        meta = {"shift": self.shift}
        (folder / "answers.json").write_text(json.dumps(meta), encoding="utf-8")

    def restore(self, folder: Path) -> None:
        """Put saved weights and the shift back."""
        super().restore(folder)
        found = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
        self.shift = float(found["shift"])


class AnswerProbe:
    """Nothing but the head learns: what `probe` is where questions are answered."""

    @staticmethod
    def network(encoder: Encoder, problem: Problem) -> AnswerFinder:
        """The network, its body as it is."""
        top = encoder.first_of_upper(1) if encoder.can_cut else 0
        model = AnswerFinder(encoder, problem, start=top)
        model.body.requires_grad_(False)
        return model

    @classmethod
    def fit(cls, job: Job) -> Steps[Fitted]:
        """Fit the head, then how much must speak for no answer."""
        model = cls.network(job.encoder, job.problem)
        model.strength = job.params.strength or STRENGTH
        yield from model.start_head_from_probe(job.train)
        yield from model.trained(job.train)
        return fitted(model, job.params, ())

    @classmethod
    def load(cls, folder: Path, problem: Problem, encoder: Encoder, settings: type) -> Predictor:
        """The head as saved."""
        model = cls.network(encoder, problem)
        model.restore(folder)
        return ClassifierPredictor(model, settings(**read_settings(folder)))


def chances_of(problem: Problem, logits: np.ndarray) -> np.ndarray:
    """(n, W + 1, 2) float32 of logits that are minus infinity where nothing can begin or end."""
    chances = task_of(problem).probabilities(_finite(logits))
    chances[np.isneginf(logits)] = 0.0
    return chances.astype(np.float32)


def nearness(
    encoder: Encoder, examples: Sequence[Example]
) -> Steps[dict[tuple[str, str], np.ndarray]]:
    """By text and question (W + 1,) float32: of each word, by how much the cosine of its sentence
    and the question is smaller than that of the nearest sentence; of no answer, that nearest
    cosine, as what speaks against it. In tenths, so that they are as large as a state's numbers.

    It is what `similarity` answers by.
    """
    places = {e.text: sentence_places(e.text) for e in examples}
    said = [text[a:b] for text, found in places.items() for a, b in found]
    said = list(dict.fromkeys([*said, *(e.text_b or "" for e in examples)]))
    vectors_of = dict(zip(said, unit((yield from encoder.embed(said))), strict=True))
    found = {}
    for e in examples:
        words, near = split_words(e.text), np.zeros(1, np.float32)
        if words:
            vectors = np.stack([vectors_of[e.text[a:b]] for a, b in places[e.text]])
            cosines = vectors @ vectors_of[e.text_b or ""]
            of = np.searchsorted([a for a, _ in places[e.text]], [a for a, _ in words], "right")
            near = np.concatenate([[-cosines.max()], cosines[of - 1] - cosines.max()])
        found[_key(e)] = (10 * near).astype(np.float32)
    return found


def _key(example: Example) -> tuple[str, str]:
    return example.text, example.text_b or ""


def best_shift(ahead: np.ndarray, gain: np.ndarray) -> float:
    """The shift by which answers are worth most: no answer is given where it is above `ahead`.

    Args:
        ahead: (n,) by how much a row's best answer beats no answer.
        gain: (n,) what giving that answer adds to the score.
    """
    order = np.argsort(ahead)
    worth = np.concatenate([[gain.sum()], gain.sum() - gain[order].cumsum()])  # with k rows cut off
    edges = ahead[order]
    middles = (edges[1:] + edges[:-1]) / 2
    shifts = np.concatenate([[min(0.0, edges[0] - 1)], middles, [max(0.0, edges[-1] + 1)]])
    k0 = int((edges < 0).sum())
    shifts[k0] = 0.0  # between the edges around it, so it cuts off the same rows
    best = np.flatnonzero(worth >= worth.max() - 1e-9)
    return float(shifts[best[np.abs(shifts[best]).argmin()]])


def _finite(logits: np.ndarray) -> np.ndarray:
    """Very unlikely instead of impossible, so that a text without a token has a softmax too."""
    return np.where(np.isneginf(logits), -1e9, logits)
