"""The nouns: labels, problems, examples, datasets, splits, arms, runs and their results.

All are frozen values. A `row` is the number of an example in its file, counted from 1, header lines
not counted. The order of `Problem.labels` is the order of every score axis.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np

Inputs = Literal["one text", "two texts"]
TASK_IDS: dict[str, str] = {"one label": "single-label", "many labels": "many-labels"}
Status = Literal["queued", "running", "done", "failed", "stopped", "refused"]
FINAL: tuple[Status, ...] = (
    "done",
    "failed",
    "refused",
)  # a run in these states is not tried again by itself


def digest(value: Any) -> str:
    """32 hexadecimal digits for any JSON value; equal values have equal digests on every
    machine.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Label:
    """One class, with what a reader (or a zero-shot model) reads about it.

    Examples:
        >>> import tl_core as tl
        >>> tl.Label("refund", "refund", ("The customer wants money back.",)).name
        'refund'
    """

    id: str  # as it is in the file
    name: str  # as a person would say it
    descriptions: tuple[str, ...] = ()  # sentences
    words: tuple[str, ...] = ()  # single words that stand for it


@dataclass(frozen=True)
class Problem:
    """The inputs and outputs of a task on one dataset.

    Examples:
        >>> import tl_core as tl
        >>> labels = tl.Label("no", "no"), tl.Label("yes", "yes")
        >>> tl.Problem("one text", "one label", labels).label_index
        {'no': 0, 'yes': 1}
    """

    inputs: Inputs
    target: str  # of one of the tasks: see `tl_core.tasks`
    labels: tuple[Label, ...]

    @property
    def task(self) -> str:
        """The id of its task, as strategies declare what they can do."""
        return TASK_IDS.get(self.target, self.target)

    @property
    def label_ids(self) -> tuple[str, ...]:
        """Return the ids of the C labels, in their order."""
        return tuple(label.id for label in self.labels)

    @cached_property
    def label_index(self) -> dict[str, int]:
        """Return the position of each label, 0..C-1, by its id."""
        return {label.id: i for i, label in enumerate(self.labels)}


@dataclass(frozen=True, slots=True)
class Example:
    """One row: a text (or two), its label ids, and the group it must stay with.

    Where a task wants more of a row than labels, `answer` holds it as that task reads it: of a text
    whose spans are tagged, (start, end, label id) of each, in characters.

    Examples:
        >>> import tl_core as tl
        >>> tl.Example(1, "Where is my parcel?", labels=("delivery",)).labels
        ('delivery',)
    """

    row: int
    text: str
    text_b: str | None = None
    labels: tuple[str, ...] = ()
    group: str | None = None
    answer: tuple[Any, ...] = ()
    # (start, end) of each word in characters, as the file has them; None: `tl_core.api.words`
    words: tuple[tuple[int, int], ...] | None = None

    @property
    def content(self) -> bytes:
        """16 bytes that identify what is read, not where it is or how it is labelled."""
        h = hashlib.blake2b(self.text.encode("utf-8", "surrogatepass"), digest_size=16)
        if self.text_b is not None:
            h.update(b"\0" + self.text_b.encode("utf-8", "surrogatepass"))
        if self.words is not None:
            h.update(b"\1" + repr(self.words).encode())
        return h.digest()

    @property
    def wanted(self) -> bytes:
        """What is correct of it, as bytes: equal for equal answers."""
        labels = "\0".join(self.labels).encode("utf-8", "surrogatepass")
        if not self.answer:
            return labels
        return labels + b"\1" + repr(self.answer).encode("utf-8", "surrogatepass")


def rows_digest(examples: Iterable[Example]) -> str:
    """Digest of what the rows say and how they are labelled; their order and row numbers do not
    matter.
    """
    items = sorted(e.content + e.wanted for e in examples)
    h = hashlib.blake2b(digest_size=16)
    for item in items:
        h.update(len(item).to_bytes(4, "big") + item)
    return h.hexdigest()


@dataclass(frozen=True)
class Dataset:
    """Rows with one problem. `id` changes when any text, label or the problem changes."""

    name: str
    problem: Problem
    examples: tuple[Example, ...]

    @cached_property
    def id(self) -> str:
        """Return a digest of the problem and the rows."""
        return digest([asdict(self.problem), rows_digest(self.examples)])

    def __len__(self) -> int:
        return len(self.examples)


@dataclass(frozen=True)
class Split:
    """Test rows, chosen first and locked; the pool is what is left to train on."""

    test: tuple[Example, ...]
    pool: tuple[Example, ...]
    dropped: int = 0  # rows in neither: duplicates, empty texts

    @cached_property
    def test_digest(self) -> str:
        """Return a digest of the test rows."""
        return rows_digest(self.test)


@dataclass(frozen=True)
class ModelRef:
    """A model by name, and by what its weights are."""

    name: str
    digest: str
    kind: str = field(
        default="", compare=False
    )  # its architecture, as its config.json says: bert, gpt2, t5
    speaks: str = field(
        default="", compare=False
    )  # its family of language models, where its files hold a head: masked, causal, ...
    entails: bool = field(
        default=False, compare=False
    )  # its files hold a head that says whether one text follows from another
    supervised: str = field(
        default="", compare=False
    )  # labelled data it has seen before; "" where no one says


@dataclass(frozen=True)
class Arm:
    """One line of the leaderboard: a strategy with its settings on a model (None: it uses none)."""

    id: str
    strategy: str
    strategy_version: int
    settings: dict[str, Any] = field(default_factory=dict)  # defaults written out
    model: ModelRef | None = None
    # how its settings are chosen, and by how many further labels: see `tl_core.studies.arms`
    selection: str = "fixed"
    augmentation: str = (
        "none"  # made-up copies of the training rows; the labels stay as many as they were
    )
    base: Arm | None = None  # what learns on the model that this arm has changed
    scaling: str = "none"  # whether its confidence is scaled to be right; it changes no answer

    @cached_property
    def digest(self) -> str:
        """Return a digest of what is computed, whatever the arm is called."""
        added = (
            []
            if self.augmentation == self.scaling == "none" and self.base is None
            else [self.augmentation, self.base and self.base.digest]
        )
        added += [] if self.scaling == "none" else [self.scaling]
        return digest(
            [
                self.strategy,
                self.strategy_version,
                self.settings,
                self.model and self.model.digest,
                self.selection,
                *added,
            ]
        )


@dataclass(frozen=True)
class RunSpec:
    """One thing to compute. Equal ids mean equal predictions, wherever they were asked for."""

    arm: Arm
    shots: int | None  # per label; 0: none; None: all of the pool
    seed: int
    train: tuple[int, ...]  # rows of the pool
    # digest of problem, training rows, rows for selection and unlabelled rows where used, and test
    # rows
    data: str
    selection: tuple[int, ...] = ()  # further rows of the pool whose labels choose settings

    @cached_property
    def id(self) -> str:
        """Return 16 characters of a digest of arm, data, shots and seed."""
        return digest([self.arm.digest, self.data, self.shots, self.seed])[:16]

    @property
    def shots_name(self) -> int | str:
        """Return the number of shots, or "all" where it is None."""
        return "all" if self.shots is None else self.shots


# --- what a strategy is given, and what it gives --------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A sign of life: an optimizer step, a batch.

    Examples:
        >>> import tl_core as tl
        >>> tl.Step(3, 10, loss=0.7).total
        10
    """

    done: int
    total: int
    loss: float | None = None
    phase: Literal["fit", "predict", "embed", "read"] = "fit"


T = TypeVar("T")
Steps = Generator[Step, None, T]  # yields steps, returns T


@dataclass(frozen=True)
class Facts:
    """The facts by which a strategy decides whether it can run, before anything is loaded."""

    problem: Problem
    shots: int | None
    model: ModelRef | None
    named_labels: bool  # labels have names a reader understands, not bare numbers


@dataclass(frozen=True)
class LabelsAText:
    """Labels a row of the training part carries, where it may carry several: what a person
    knows before labelling any.
    """

    mean: float  # to one decimal
    least: int


@dataclass(frozen=True)
class Job:
    """Everything a strategy may see of a run. Test rows are not in reach."""

    problem: Problem
    train: Sequence[Example]
    params: Any  # of the strategy's `settings`
    seed: int
    encoder: Any  # tl_core.models.encoding.Encoder
    device: str = "cpu"
    unlabelled: Sequence[
        Example
    ] = ()  # texts of the pool without their labels, for a strategy whose `uses_unlabelled` says so
    selection: Sequence[
        Example
    ] = ()  # further labelled rows that choose settings and are never trained on
    test_texts: int = 0  # how many of the unlabelled texts, at their end, are those of test rows
    base: Any = None  # a `Base`, for a strategy whose `takes_base` says so
    labels_a_text: LabelsAText | None = (
        None  # where a cut between given and not given is set without any row's labels
    )


@dataclass(frozen=True)
class Fitted:
    """The outcome of training: the predictor and what it took."""

    predictor: Predictor
    optimizer_steps: int = 0
    trainable_parameters: int = 0
    curve: tuple[float, ...] = ()  # training loss by optimizer step
    notes: tuple[str, ...] = ()
    held_out: tuple[np.ndarray, np.ndarray] | None = (
        None  # many labels: (gold (m, C) bool, probabilities (m, C)) of rows a fit had not seen
    )


class Predictor(Protocol):
    """A model that gives every label of every text a probability; it can be saved and loaded.

    One that has more to say about the texts it last predicted sets `notes`, a tuple of sentences.
    """

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32. One label per text: rows sum to 1. Many: each entry is its own
        probability.
        """

    def save(self, folder: Any) -> None:
        """Write what `load` of the same strategy file needs to give the same scores."""


# --- what comes back ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """A number with its limits, and how many seeds and test rows are behind it."""

    value: float
    low: float
    high: float
    seeds: int
    n: int
    notes: tuple[str, ...] = ()  # badges: what the limits do not cover


@dataclass(frozen=True)
class RunResult:
    """A finished run: its scores for every test row, and what it took.

    Scores are probabilities; where a text may have many labels and there are cuts, they were moved
    so that each cut lies at one half.
    """

    spec_id: str
    status: Status
    scores: np.ndarray | None = (
        None  # (n_test, C) float32, test rows in split order, columns in label order
    )
    budget: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_bytes: int | None = None
    trainable_parameters: int | None = None
    optimizer_steps: int = 0
    curve: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    device: str = ""
    error: str | None = None
    # it trained, and is no better on its own training rows than one answer for all of them
    collapsed: bool = False
    # scores say which label was chosen, not how likely it is: nothing about calibration can be said
    choices_only: bool = False
    cuts: tuple[
        float, ...
    ] = ()  # many labels: the probability from which on each is given; empty: one half
    # seconds of the first test rows, each asked alone and read as if it were new; of a kept run
    alone: tuple[float, ...] = ()

    @property
    def test_scores(self) -> np.ndarray:
        """Return the scores of a run that is done: (n_test, C)."""
        assert self.scores is not None
        return self.scores


@dataclass(frozen=True)
class Note:
    """Something a person should know, not tied to one run."""

    text: str


@dataclass(frozen=True)
class Progress:
    """The progress of a run."""

    run: str
    step: Step


@dataclass(frozen=True)
class Finished:
    """A run has ended, one way or another."""

    run: str
    result: RunResult


Event = Note | Progress | Finished
