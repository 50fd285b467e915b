"""Models that say which words fit a place in a text, each in the way it was trained to.

One file a family. A family gives the probability of the next token at a blank, of given words
there, and of every token of a text; what is made of these is `tl_core.views`.

    masked        BERT and its relatives: sees both sides of a blank at once
    permutation   XLNet: sees both sides, in whatever order it is told to read them
    sentinel      T5: the blank is a numbered mark, and the decoder writes what it stands for
    causal        GPT and its relatives: reads from left to right
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tl_core.api.errors import UserError
from tl_core.api.plugins import found
from tl_core.api.sentences import say
from tl_core.api.types import ModelRef, Steps
from tl_core.models.catalog import Source
from tl_core.models.language_models.blanks import Blanked

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    import torch

    from tl_core.models.encoding import Encoder


@dataclass(frozen=True)
class Asked:
    """One question about a text: which token comes next at a blank?"""

    fills: tuple[tuple[int, ...], ...]  # for every blank, the tokens in it so far
    blank: int  # the blank that is asked about
    length: int = 1  # tokens that blank will hold in all; matters to models that see what follows

    def with_token(self, token: int) -> Asked:
        """The same question after one more token."""
        fills = tuple((*f, token) if i == self.blank else f for i, f in enumerate(self.fills))
        return Asked(fills, self.blank, self.length)


@dataclass(frozen=True)
class Scored:
    """The fit of given tokens to a blank, in log-probabilities."""

    log_probs: tuple[float, ...]  # of each token, given the text and the tokens before it
    rest: float = 0.0  # log-probability of what follows, where the family reads it afterwards

    @property
    def total(self) -> float:
        """Nats."""
        return sum(self.log_probs) + self.rest

    @property
    def per_token(self) -> float:
        """Mean over the word's own tokens, nats."""
        return sum(self.log_probs) / len(self.log_probs)


class LanguageModel(Protocol):
    """The interface of every family of models.

    Tensors are on the CPU, float32, natural logarithms.
    """

    ref: ModelRef
    family: str
    tokenizer: Any
    max_tokens: int
    # reads from left to right: an earlier blank must be filled before a later one is asked about
    one_way: bool
    comparable: bool  # whether `Scored.total` of words of different lengths may be compared

    @property
    def room(self) -> int:
        """Tokens of a text it reads at a time."""

    def read(self, text: str) -> Blanked:
        """The text as tokens, shortened around its blanks to what the model reads."""

    def log_probs(self, blanked: Blanked, asked: Sequence[Asked]) -> torch.Tensor:
        """(B, V): of every token at the place each question is about."""

    def score(
        self, blanked: Blanked, before: Sequence[tuple[int, ...]], words: Sequence[tuple[int, ...]]
    ) -> list[Scored]:
        """Score each word (as token ids) in the blank that follows `before`.

        Args:
            before: tokens in the blanks before it, which a model that reads one way needs; to
                others all blanks but this one stay blanks.
        """

    def score_each(
        self, texts: Sequence[Blanked], words: Sequence[Sequence[tuple[int, ...]]]
    ) -> Steps[list[list[Scored]]]:
        """Score each text's words in its only blank: what `score` returns, many texts at a time.

        Args:
            words: for each text, its words as token ids. Text and longest word together must fit.
        """

    def surprise(
        self, ids: Sequence[int], words: Sequence[int | None]
    ) -> Steps[list[float | None]]:
        """Log-probability of every token of a text, given the others (or those before it); None
        where there is no context.

        Args:
            words: number of the word each token belongs to.
        """


class AnsweringModel(LanguageModel, Protocol):
    """A language model that continues writing where a text ends."""

    def answer_each(
        self, texts: Sequence[Blanked], words: Sequence[Sequence[tuple[int, ...]]]
    ) -> Steps[list[list[Scored]]]:
        """Score each text's words as what is written after it; the text's only blank is its end."""


def comparable_scores(model: LanguageModel, scored: Sequence[Scored]) -> list[float]:
    """One number a word, to compare words by: the whole log-probability where the family's are
    comparable or all words have as many tokens, else the mean over a word's tokens."""
    if model.comparable or len({len(s.log_probs) for s in scored}) <= 1:
        return [s.total for s in scored]
    return [s.per_token for s in scored]


def open_language_model(source: Source, device: str = "cpu") -> LanguageModel:
    """Load a model as the family its configuration says.

    Raises:
        UserError: it belongs to none of the families, has no language-model head, or is damaged.
    """
    for family in families().values():
        if family.reads(source.model_type):
            return family.load(source, device)
    raise UserError(
        say(
            "{source} is a {model_type}, which is not a language model that is known here."
            " Choose a masked (BERT), permutation (XLNet), sentinel (T5) or causal (GPT) one.",
            source=source.ref.name,
            model_type=source.model_type or say("model of an unnamed type"),
        )
    )


def language_model_of(encoder: Encoder) -> LanguageModel:
    """The encoder's model with its language-model head, loaded at first use.

    Raises:
        UserError: it has no model, or one without such a head.
    """
    return encoder.once(_opened)


def _opened(encoder: Encoder) -> LanguageModel:
    if encoder.source is None:
        raise UserError(
            say("This arm has no model, so there is nothing to ask for words. Give it one.")
        )
    return open_language_model(encoder.source, encoder.device)


def families() -> dict[str, Any]:
    """Every family, the more particular before the more general."""
    return found(__name__, "FAMILY")
