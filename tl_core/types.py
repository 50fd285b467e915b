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
Target = Literal["one label", "many labels"]
Status = Literal["queued", "running", "done", "failed", "stopped", "refused"]
FINAL: tuple[Status, ...] = ("done", "failed", "refused")  # a run in these states is not tried again by itself


def digest(value: Any) -> str:
    """32 hexadecimal digits for any JSON value; equal values have equal digests on every machine."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Label:
    """One class, with what a reader (or a zero-shot model) is told about it."""

    id: str  # as it stands in the file
    name: str  # as a person would say it
    descriptions: tuple[str, ...] = ()  # sentences
    words: tuple[str, ...] = ()  # single words that stand for it


@dataclass(frozen=True)
class Problem:
    """What goes in, what comes out."""

    inputs: Inputs
    target: Target
    labels: tuple[Label, ...]

    @property
    def label_ids(self) -> tuple[str, ...]:
        return tuple(label.id for label in self.labels)

    @cached_property
    def label_index(self) -> dict[str, int]:
        return {label.id: i for i, label in enumerate(self.labels)}


@dataclass(frozen=True, slots=True)
class Example:
    """One row: a text (or two), its label ids, and the group it must stay with."""

    row: int
    text: str
    text_b: str | None = None
    labels: tuple[str, ...] = ()
    group: str | None = None

    @property
    def content(self) -> bytes:
        """16 bytes that identify what is read, not where it stands or how it is labelled."""
        h = hashlib.blake2b(self.text.encode("utf-8", "surrogatepass"), digest_size=16)
        if self.text_b is not None:
            h.update(b"\0" + self.text_b.encode("utf-8", "surrogatepass"))
        return h.digest()


def rows_digest(examples: Iterable[Example]) -> str:
    """Digest of what the rows say and how they are labelled; their order and row numbers do not matter."""
    items = sorted(e.content + "\0".join(e.labels).encode("utf-8", "surrogatepass") for e in examples)
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
        return rows_digest(self.test)


@dataclass(frozen=True)
class ModelRef:
    """A model by name, and by what its weights are."""

    name: str
    digest: str
    kind: str = field(default="", compare=False)  # its architecture, as its config.json says: bert, gpt2, t5
    speaks: str = field(default="", compare=False)  # its family of language models, where its files hold a head: masked, causal, ...
    entails: bool = field(default=False, compare=False)  # its files hold a head that says whether one text follows from another
    supervised: str = field(default="", compare=False)  # labelled data it has seen before; "" where nobody says


@dataclass(frozen=True)
class Arm:
    """One line of the leaderboard: a strategy with its settings on a model (None: it uses none)."""

    id: str
    strategy: str
    strategy_version: int
    settings: dict[str, Any] = field(default_factory=dict)  # defaults written out
    model: ModelRef | None = None
    selection: str = "fixed"  # how its settings are chosen, and by how many further labels: see `tl_core.experiments.arms`
    augmentation: str = "none"  # made-up copies of the training rows; the labels stay as many as they were
    base: Arm | None = None  # what learns on the model that this arm has changed
    scaling: str = "none"  # whether its confidence is scaled to be right; it changes no answer

    @cached_property
    def digest(self) -> str:
        """What is computed, whatever the arm is called."""
        added = [] if self.augmentation == self.scaling == "none" and self.base is None else [self.augmentation, self.base and self.base.digest]
        added += [] if self.scaling == "none" else [self.scaling]
        return digest([self.strategy, self.strategy_version, self.settings, self.model and self.model.digest, self.selection, *added])


@dataclass(frozen=True)
class RunSpec:
    """One thing to compute. Equal ids mean equal predictions, wherever they were asked for."""

    arm: Arm
    shots: int | None  # per label; 0: none; None: all of the pool
    seed: int
    train: tuple[int, ...]  # rows of the pool
    data: str  # digest of problem, training rows, rows for selection and unlabelled rows where used, and test rows
    selection: tuple[int, ...] = ()  # further rows of the pool whose labels choose settings

    @cached_property
    def id(self) -> str:
        return digest([self.arm.digest, self.data, self.shots, self.seed])[:16]

    @property
    def shots_name(self) -> int | str:
        return "all" if self.shots is None else self.shots


# --- what a strategy is, and what it is given ---------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A sign of life: an optimizer step, a batch."""

    done: int
    total: int
    loss: float | None = None
    phase: Literal["fit", "predict", "embed", "read"] = "fit"


T = TypeVar("T")
Steps = Generator[Step, None, T]  # yields steps, returns T


@dataclass(frozen=True)
class Facts:
    """What a strategy may look at to say whether it can run at all, before anything is loaded."""

    problem: Problem
    shots: int | None
    model: ModelRef | None
    named_labels: bool  # labels have names a reader understands, not bare numbers


@dataclass(frozen=True)
class LabelsAText:
    """How many labels a row of the training part carries, where it may carry several: what a person knows before labelling any."""

    mean: float  # to one decimal
    least: int


@dataclass(frozen=True)
class Job:
    """Everything a strategy may see of a run. Test rows are not in reach."""

    problem: Problem
    train: Sequence[Example]
    params: Any  # the strategy's Params
    seed: int
    encoder: Any  # tl_core.models.encoding.Encoder
    device: str = "cpu"
    unlabelled: Sequence[Example] = ()  # texts of the pool without their labels, for a strategy whose `uses_unlabelled` says so
    selection: Sequence[Example] = ()  # further labelled rows that choose settings and are never trained on
    test_texts: int = 0  # how many of the unlabelled texts, at their end, are those of test rows
    base: Base | None = None  # for a strategy whose `takes_base` says so
    labels_a_text: LabelsAText | None = None  # where a cut between given and not given is set without any row's labels


@dataclass(frozen=True)
class Fitted:
    """What training leaves behind: the predictor and what it took."""

    predictor: Predictor
    optimizer_steps: int = 0
    trainable_parameters: int = 0
    curve: tuple[float, ...] = ()  # training loss by optimizer step
    notes: tuple[str, ...] = ()
    held_out: tuple[np.ndarray, np.ndarray] | None = None  # many labels: (gold (m, C) bool, probabilities (m, C)) of rows a fit had not seen


class Base(Protocol):
    """The arm that learns on a model another strategy has changed."""

    def fit(self, job: Job) -> Steps[Fitted]:
        """Fit it on a job whose `encoder` is the changed one."""

    def load(self, folder: Any, problem: Problem, encoder: Any) -> Predictor:
        """What `save` of its predictor wrote."""


class Predictor(Protocol):
    """Gives every label of every text a probability; can be put down and taken up again.

    One that has more to say about the texts it last predicted sets `notes`, a tuple of sentences.
    """

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32. One label per text: rows sum to 1. Many: each entry is its own probability."""

    def save(self, folder: Any) -> None:
        """Write what `load` of the same strategy file needs to give the same scores."""


class Strategy(Protocol):
    """One way of using labels. A file in `strategies/` sets `STRATEGY` to an object like this.

    What only some have:

    uses_unlabelled(params) -> bool: it learns from texts without labels; then `Job.unlabelled` holds some, `most_unlabelled`
        at most (some hundred where it says nothing), test texts among them where `sees_test_texts(params)`.
    unlabelled_pairs: it learns from texts without labels where a row holds two texts, and only there.
    tries: dict[str, tuple[float, ...]]: a setting and what it may be multiplied by, when labels choose it. Such a strategy
        trains by gradients, and its rows can be augmented.
    quick: fitting takes a blink, so its probabilities are calibrated unless somebody wants them as they come; `as_fitted(params,
        fitted) -> params`, where it has that, are the settings with what the fit chose written out.
    also_without_labels: it runs at 0 shots as well as at k.
    deterministic: the same rows always give the same answers, whatever the seed; with all rows it then runs once.
    sends_to() -> Endpoint: it asks somebody else, who may not be on this machine; see `tl_core.experiments.consent`. Such a
        strategy also has `settled(params) -> params`, with what the environment says written out when the arm is made,
        `probe(params)`, steps that end in a UserError where nobody answers, `tokens(...)`, about how many a run sends, and
        `waits(test) -> float`, about how many seconds it waits.
    says_which_apply: its scores for many labels already say which apply, so no cut is chosen for it.
    cut_since: without labels: the version from which on its cut for many labels is set by texts without labels.
    opens_files: names of settings that name files of this machine; refused where files may not be named.
    takes_base: it changes a model and leaves the learning to `Job.base`; `load` is then given the base as well.
    """

    id: str
    version: int
    title: str
    about: str
    needs: Literal["no labels", "a few labels", "all labels"]
    uses_model: bool
    Params: type

    def refuses(self, facts: Facts) -> str:
        """The reason it cannot run here, as a sentence; empty when it can."""

    def passes(self, params: Any, train: int, test: int) -> float:
        """About how many texts a run sends through the whole network (training counts three times), beyond the
        embeddings that all runs share: from this the time is estimated before anyone waits."""

    def fit(self, job: Job) -> Steps[Fitted]:
        """Learn from `job.train`, yielding at every optimizer step or batch."""

    def load(self, folder: Any, problem: Problem, encoder: Any) -> Predictor:
        """What `save` of the predictor wrote, ready to predict."""


# --- what comes back -------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunResult:
    """A finished run: its scores for every test row, and what it took.

    Scores are probabilities; where a text may have many labels and there are cuts, they were moved so that each cut lies at one half.
    """

    spec_id: str
    status: Status
    scores: np.ndarray | None = None  # (n_test, C) float32, test rows in split order, columns in label order
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
    collapsed: bool = False  # it trained, and is no better on its own training rows than one answer for all of them
    choices_only: bool = False  # scores say which label was chosen, not how likely it is: nothing about calibration can be said
    cuts: tuple[float, ...] = ()  # many labels: the probability from which on each is given; empty: one half


@dataclass(frozen=True)
class Note:
    """Something a person should know, not tied to one run."""

    text: str


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    run: str
    step: Step


@dataclass(frozen=True)
class Finished:
    """A run has ended, one way or another."""

    run: str
    result: RunResult


Event = Note | Progress | Finished
