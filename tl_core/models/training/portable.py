"""A trained arm in parts that other libraries have: how it reads a text, and one linear map after
that.

A strategy says it of its own predictor (`Strategy.portable`); `tl_core.exports` writes it in the
formats of other libraries. Whatever isn't of this shape is not portable, and stays with Transfer
Lab.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.models.training.heads import LinearHead, head_of_arrays

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tl_core.api.types import Problem
    from tl_core.models.encoding import Encoder
    from tl_core.models.training.classifier import TextClassifier
    from tl_core.models.training.word_tagger import WordTagger


@dataclass(frozen=True)
class Encoded:
    """A transformer reads the text, and its pooling makes one vector of it.

    Raises:
        UserError: `network`, where what was trained is no change of the model's own weights.
    """

    encoder: Encoder  # tokenizer, pooling, and how many tokens are read
    network: Callable[[], PreTrainedModel]  # the whole body, with what was trained merged in
    classifier: TextClassifier | None = None  # where the body was trained
    apart: bool = False  # of two texts: each is read alone, and the head sees |u - v| and u * v

    @property
    def adapter(self) -> Any:
        """The configuration of peft's adapter, where the body has one."""
        return None if self.classifier is None else self.classifier.adapter


@dataclass(frozen=True)
class EachToken:
    """A transformer reads the text (of questions, the question before it), and the head sees every
    token.

    Raises:
        UserError: `network`, as that of `Encoded`.
    """

    encoder: Encoder
    network: Callable[[], PreTrainedModel]
    first: int | None  # the mean of the outputs from this layer on is seen; None: the last alone
    classifier: TextClassifier | None = None
    near: bool = False  # also seen: how near a token's sentence is to the question
    shift: float = 0.0  # what is added for "no answer"

    @property
    def adapter(self) -> Any:
        """The configuration of peft's adapter, where the body has one."""
        return None if self.classifier is None else self.classifier.adapter

    @property
    def most_tokens(self) -> int:
        """Return how many tokens are read at once."""
        own = None if self.classifier is None else self.classifier.most_tokens
        return own or self.encoder.model.max_tokens


@dataclass(frozen=True)
class TokenVectors:
    """One vector a token, which are added up and scaled to unit length."""

    encoder: Encoder
    table: np.ndarray  # (V, d)


@dataclass(frozen=True)
class NGrams:
    """Hashed n-grams of words and characters, weighed by how rare they are."""

    columns: np.ndarray  # (V,) of both hashers put side by side, ascending
    idf: np.ndarray  # (V,)
    words: int  # how many of the columns are words
    width: int  # columns of one hasher


@dataclass(frozen=True)
class Portable:
    """How a text is read, and the linear map from there to a logit for each label."""

    reads: Encoded | EachToken | TokenVectors | NGrams
    head: LinearHead
    pair: bool = False  # a row has two texts
    unit: bool = False  # what was read is scaled to unit length before the head
    shared: bool = False  # labels share the probability, also where several may apply


def of_frozen(
    head: LinearHead,
    problem: Problem,
    encoder: Encoder,
    *,
    unit: bool = False,
    shared: bool = False,
) -> Portable:
    """A head on what the untouched model makes of a text."""
    pair = problem.inputs == "two texts"
    reads = Encoded(encoder, lambda: encoder.model.network, apart=pair)
    return Portable(reads, head, pair, unit, shared)


def of_vectors(
    vectors: np.ndarray, temperature: float, problem: Problem, encoder: Encoder
) -> Portable:
    """softmax(cosine to each of (C, d) unit vectors / temperature)."""
    head = LinearHead(np.asarray(vectors, np.float64) / temperature, np.zeros(len(vectors)), 1.0)
    return of_frozen(head, problem, encoder, unit=True, shared=True)


def of_words(head: LinearHead, encoder: Encoder) -> Portable:
    """A head on what the untouched model makes of each word."""
    reads = EachToken(encoder, lambda: encoder.model.network, first=0)
    return Portable(reads, head, unit=True)


def of_classifier(model: TextClassifier) -> Portable:
    """A body that was trained, and its head."""
    from tl_core.models.training.trained_body import trained_network
    from tl_core.models.training.word_tagger import WordTagger

    if isinstance(model, WordTagger):
        return _of_tagger(model)
    reads = Encoded(model.encoder, lambda: trained_network(model), model, model.apart)
    head = head_of_arrays(model.head.weight, model.head.bias)
    return Portable(reads, head, model.problem.inputs == "two texts")


def _of_tagger(model: WordTagger) -> Portable:
    from tl_core.models.training.answer_finder import AnswerFinder
    from tl_core.models.training.settings import LAST_LAYER
    from tl_core.models.training.trained_body import trained_network

    asks = isinstance(model, AnswerFinder)
    reads = EachToken(
        model.encoder,
        lambda: trained_network(model),
        first=None if model.reads == LAST_LAYER else model.start,
        classifier=model,
        near=model.tells_near if isinstance(model, AnswerFinder) else False,
        shift=model.shift if isinstance(model, AnswerFinder) else 0.0,
    )
    return Portable(reads, head_of_arrays(model.head.weight, model.head.bias), pair=asks)
