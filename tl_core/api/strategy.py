"""The contract of a strategy. A file in `strategies/` (or a plug-in) subclasses `Strategy` and sets
`STRATEGY` to an instance; whatever it doesn't say is as `Strategy` has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from tl_core.api.sentences import say
from tl_core.api.types import Example, Facts, Fitted, Job, Predictor, Problem, Steps

Needs = Literal["no labels", "a few labels", "all labels"]
ONE_LABEL = frozenset({"single-label"})
LABELS = frozenset({"single-label", "many-labels"})
LABELS_AND_RATINGS = LABELS | {"ordinal"}
TAGS = frozenset({"tagging"})
EVERYTHING = LABELS_AND_RATINGS | TAGS
WRITTEN = frozenset({"text-to-text"})
QUESTIONS = frozenset({"extractive-qa"})
MAX_UNLABELLED = 256  # unlabelled texts a run may learn from, where its strategy wants no more


@dataclass(frozen=True)
class NoSettings:
    """The settings of a strategy that has none."""


class Destination(Protocol):
    """An endpoint that texts are sent to."""

    @property
    def host(self) -> str:
        """Return the host's name, for people."""

    @property
    def mark(self) -> str:
        """Return the mark by which a consent to send texts there is recorded."""

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, so that no consent is needed."""

    @property
    def is_encrypted(self) -> bool:
        """Whether no one between here and there can read the texts."""

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """The price of so many tokens; None where none is set."""


class Base(Protocol):
    """The arm that learns on a model another strategy has changed."""

    def fit(self, job: Job) -> Steps[Fitted]:
        """Fit it on a job whose `encoder` is the changed one."""

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Load what `save` of its predictor wrote."""


class Strategy:
    """One way of using labels.

    A subclass must set `id`, `title` and `about` and define `fit` and `load`; most also set
    `settings`. Everything else has a default that suits a strategy which learns from labelled rows.
    Its class imports neither torch nor scikit-learn: imports of those are inside its methods, so
    that listing strategies stays fast.

    Examples:
        >>> import tl_core as tl
        >>> class Always(tl.Strategy):
        ...     id = "always"
        ...     title = "Always the first label"
        ...     about = "It reads nothing."
        >>> Always().version, Always().trains
        (1, False)
    """

    id: str  # lower case with hyphens; the name in commands and study files
    version: int = 1  # raise it when the same settings give other predictions
    order: int = 100  # position in lists: from simple (10) to laborious (90)
    title: str  # a few English words
    # what it is called where it does something else: ids of tasks, and the title there
    titles: tuple[tuple[frozenset[str], str], ...] = ()
    about: str  # one or two English sentences: what it does and when to choose it
    settings: type = NoSettings  # a frozen dataclass whose fields are made by `param`

    # --- what it can do, and what it needs ---

    tasks: frozenset[str] = LABELS  # ids of the tasks it can do
    other_tasks: str = ""  # what follows its id when a task is refused: why it can't do others
    needs: Needs = "a few labels"
    also_without_labels: bool = False  # it runs at 0 shots as well as with labels
    reads_label_names: bool = False  # labels need names that mean something; bare numbers do not
    uses_model: bool = True  # False: its `Job.encoder` only counts n-grams
    unlabelled_pairs: bool = False  # of two texts a row, it learns from texts without labels
    most_unlabelled: int = MAX_UNLABELLED  # how many, where `uses_unlabelled` says that it does
    sends_texts: bool = False  # it asks an endpoint, which may be on another machine: `sends_to`
    opens_files: tuple[str, ...] = ()  # settings that name files of this machine
    stands_in: frozenset[str] = (
        frozenset()
    )  # ids of tasks that presets take it for, if few others can
    takes_base: bool = False  # it changes a model and leaves the learning to `Job.base`

    # --- how it learns ---

    # a setting and what it is multiplied by when labels choose it; a strategy that has any trains
    # by gradients, and its rows can be augmented
    tries: Mapping[str, tuple[float, ...]] = MappingProxyType({})
    quick: bool = False  # fitting takes a blink, so its probabilities are calibrated by default
    deterministic: bool = False  # equal rows give equal predictions, whatever the seed
    says_which_apply: bool = False  # its scores for many labels need no thresholds
    cut_since: int = 1  # without labels: the version since which unlabelled texts set thresholds
    # a few easy rows teach it to tell them apart on any encoder; `check_strategy` asks for that
    learns_from_few: bool = True

    @property
    def trains(self) -> bool:
        """Whether it trains by gradients, so that selection and augmentation mean something."""
        return bool(self.tries)

    def title_for(self, problem: Problem) -> str:
        """What it is called on this problem."""
        return next((title for ids, title in self.titles if problem.task in ids), self.title)

    def can_do(self, problem: Problem) -> bool:
        """Whether the problem's task is one of its tasks."""
        return problem.task in self.tasks

    def why_not(self, facts: Facts) -> str:
        """The reason it cannot run, as a sentence; "" when it can. Don't override: `refuses`."""
        if self.can_do(facts.problem):
            return self.refuses(facts)
        if self.other_tasks:
            return say("{id} {reason}", id=self.id, reason=self.other_tasks)
        return say(
            "{id} cannot do the task {task}; it can do {tasks}. Choose another strategy.",
            id=self.id,
            task=facts.problem.task,
            tasks=", ".join(sorted(self.tasks)),
        )

    def refuses(self, facts: Facts) -> str:
        """The reason it cannot run on a task it can do, as a sentence that begins with its id; ""
        when it can.
        """
        if facts.shots == 0 and self.needs != "no labels" and not self.also_without_labels:
            return say("{id} needs labelled rows; choose 1 or more shots.", id=self.id)
        return ""

    # --- what it does ---

    def fit(self, job: Job) -> Steps[Fitted]:
        """Learn from `job.train`, yielding a `Step` at every optimizer step or batch.

        Raises:
            UserError: something the person can change is in the way.
        """
        raise NotImplementedError(f"{type(self).__name__} has no fit(job)")

    def load(self, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Load what `save` of the predictor wrote, ready to predict."""
        raise NotImplementedError(f"{type(self).__name__} has no load(folder, problem, encoder)")

    def keeps_rows(self, params: Any) -> bool:
        """Whether what its predictor saves holds training rows: their texts, or vectors of them."""
        return False

    def portable(self, predictor: Any, problem: Problem, encoder: Any) -> Any:
        """A trained predictor in parts that other libraries have, for exports: a
        `tl_core.models.training.portable.Portable`; None where it has no such form.

        Args:
            predictor: what `fit` or `load` gave on this problem and encoder.
        """
        return None

    def load_on(self, base: Base, folder: Path, problem: Problem, encoder: Any) -> Predictor:
        """Load a saved predictor on a base: `load` for a strategy that takes one."""
        raise NotImplementedError(
            f"{type(self).__name__} has no load_on(base, folder, problem, encoder)"
        )

    def passes(self, params: Any, train: int, test: int) -> float:
        """About how many texts a run sends through the whole network, beyond the embeddings that
        all runs share. A training step counts three times. Time is estimated from it.
        """
        return 0.0

    def updates(self, params: Any, train: int) -> float:
        """How often a run that learns from so many rows updates every weight of the model, those of
        its embeddings included: where texts are short, that takes about as long as reading them.
        """
        return 0.0

    # --- what few have ---

    def settled(self, params: Any) -> Any:
        """The settings with what the environment says (a file's digest, a model's name) written
        out, when the arm is made.

        Raises:
            UserError: it cannot be settled here.
        """
        return params

    def as_fitted(self, params: Any, fitted: Fitted) -> Any:
        """The settings with what a fit chose written out, for a quick strategy: calibration then
        fits with those.
        """
        return params

    def uses_unlabelled(self, params: Any) -> bool:
        """Whether it learns from texts without labels: `Job.unlabelled` then holds some."""
        return False

    def sees_test_texts(self, params: Any) -> bool:
        """Whether test texts, without labels, are among them."""
        return False

    def sends_to(self) -> Destination:
        """Return where texts are sent, if `sends_texts`; see `tl_core.studies.consent`.

        Raises:
            UserError: the environment names no endpoint.
        """
        raise NotImplementedError(f"{type(self).__name__} has no sends_to()")

    def probe(self, params: Any) -> Steps[Any]:
        """Ask the endpoint something that holds no text of the study.

        Raises:
            UserError: it does not answer.
        """
        yield from ()

    def tokens(
        self, params: Any, problem: Problem, train: Sequence[Example], test: Sequence[Example]
    ) -> float:
        """About how many tokens a run sends."""
        return 0.0

    def waits(self, test: int) -> float:
        """About how many seconds a run waits for answers on so many test rows."""
        return 0.0
