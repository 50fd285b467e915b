"""A view of the tab "Look inside" is two files: its numbers, `tl_core/views/x.py`, and its picture,
`tl_ui/views/x.py`. This is the contract of the numbers.

A file of `tl_core.views` that sets `NUMBERS` is found; there is no list to edit. What computes is a
job: a generator that runs in a worker process, where models are kept warm, and that the page and
the command line ask by name.

    def text_lengths(models: Models, checkpoint: Checkpoint, text: str) -> Iterator[Lengths]:
        tokenizer, max_tokens = models.tokenizer(checkpoint)
        yield Lengths(len(text), len(tokenizer(text)["input_ids"]))

    NUMBERS = Numbers("lengths", (Job("text_lengths", text_lengths, short=True),))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Arm, Example, Predictor, Problem

MAX_CHARACTERS = 20_000


@dataclass(frozen=True)
class Checkpoint:
    """Weights to look into: a model by its name, or what a run of a study kept of its model."""

    model: str = ""
    folder: str = ""  # of the study
    run: str = ""
    untrained: bool = False  # the model that the run began from
    hub: bool = False  # whether a model may be read from the hub


@dataclass(frozen=True)
class TrainedRun:
    """A run of a study whose weights were kept."""

    problem: Problem
    arm: Arm
    train: Sequence[Example]
    test: Sequence[Example]


class Models(Protocol):
    """The models of a worker, as a job finds them: loaded once and kept warm between questions.

    Every method raises a `UserError` that says what to choose instead when there is no such
    checkpoint, or when it cannot be read in this way.
    """

    disk: Any  # `tl_core.models.disk_cache.ArrayCache`, for arrays that take long to compute

    def tokenizer(self, checkpoint: Checkpoint) -> tuple[Any, int]:
        """The tokenizer of a model, and how many tokens the model reads at most. Loads no
        weights."""
        ...

    def encoder(self, checkpoint: Checkpoint) -> Any:
        """The `tl_core.models.encoding.Encoder` of a model, or of the one that a run began from;
        its `model` is None where the run counts n-grams."""
        ...

    def deep(self, checkpoint: Checkpoint) -> Any:
        """A `tl_core.models.training.depths.Deep`: hidden states and attention at every layer."""
        ...

    def language_model(self, checkpoint: Checkpoint) -> Any:
        """A `tl_core.models.language_models.LanguageModel`: probabilities of tokens."""
        ...

    def predictor(self, checkpoint: Checkpoint, consent: str = "") -> Predictor:
        """Return the predictor of a run: probabilities of labels.

        Args:
            consent: the endpoint to which texts may be sent, of an arm that asks one.
        """
        ...

    def trained_run(self, checkpoint: Checkpoint) -> TrainedRun:
        """Return what a run was trained on, and for what."""
        ...


@dataclass(frozen=True)
class Job:
    """One question that a worker process answers."""

    name: str  # by which it is asked; no other job has it
    answer: Callable[..., Iterator[Any]]  # (models, **arguments): steps, then the answer
    short: bool = False  # takes a moment, so it never waits behind long ones
    warm: bool = False  # asked once, without arguments, when a process for long questions starts


@dataclass(frozen=True)
class Numbers:
    """The numbers of a view: the jobs that compute them, and what visitors of a page may ask."""

    id: str
    jobs: tuple[Job, ...] = ()
    order: int = 100
    max_characters: int = MAX_CHARACTERS  # of all texts in a question together

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Refuse what is too long before it is sent anywhere.

        Raises:
            UserError: the texts among the arguments have more than `max_characters`.
        """
        texts = [value for value in arguments.values() if isinstance(value, str)]
        if sum(map(len, texts)) > self.max_characters:
            raise UserError(
                say(
                    "The text is longer than {most} characters. Take a part of it.",
                    most=f"{self.max_characters:,}",
                )
            )
