"""The contract of a task: a kind of target, and everything that follows from it.

A file in `tl_core/tasks` sets `TASK` to an object of a class like this. Nothing outside that folder
asks which task it has: it calls a method, or reads one of the attributes below, which say what a
task offers.

Shapes: n rows, C labels in the order of `Problem.labels`, S runs. `gold` and `decided` are the
task's own arrays, rows first: what one row has is for the task to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch

    from tl_core.api.sentences import Sentence
    from tl_core.api.types import Example, Interval, Label, Problem


class Measure(ABC):
    """A measure of how good answers are, as a mean over rows: larger is better, and 1 is the
    maximum.

    What is a mean of rows has intervals, differences, break-even points and a set of lines that
    could be the best; a measure that is none gives each row its jackknife pseudo-value.
    """

    id: str
    row_by_row = False  # a row adds the same whatever the other rows are
    # as it is shown: `unit` of `scale(problem)` times the mean, or times what is missing to 1
    unit: str = "percent"
    falls = False  # it is shown as an error: less is better

    @abstractmethod
    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) what each row adds to the mean; decided has a leading axis of runs."""

    @abstractmethod
    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """The mean over runs with its limits; `options` as those of `mean_interval`."""

    @abstractmethod
    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """The best answer that is the same for every row, shaped as gold."""

    def value(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> float:
        """The mean of one run; decided is shaped as gold."""
        return float(self.rows(problem, gold, decided[None]).mean())

    def of_constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """(n,) what each row adds where every row gets the best constant answer."""
        return self.rows(problem, gold, self.constant(problem, gold)[None])[0]

    def scale(self, problem: Problem) -> float:
        """Return the factor by which a score is shown: 100 for a share, the length of the scale for
        points on it.
        """
        return 100.0

    def plain(self, problem: Problem, value: float) -> float:
        """A mean as a number in a file: a share from 0 to 1, an error in points."""
        if self.unit == "percent":
            return value
        return self.scale(problem) * (1 - value if self.falls else value)


class Task(ABC):
    """A kind of target."""

    id: str
    order = 100  # among the tasks; the first is the usual one
    title: str
    target: str  # `Problem.target` in saved files
    objective: str  # the loss it trains with, in words
    # rises with what changes the rows that are drawn, or the scores of every strategy, on it; a
    # study keeps the one that it was made with
    version = 1
    measures: tuple[Measure, ...]  # the sorting one is among them: see `sorts`

    # --- what it offers ---------------------------------------------------------------------------
    on_request = False  # a file is read for it where somebody says so, and never by itself
    classes = True  # labels are names: numbers among them may be amounts, or ratings
    exclusive: bool  # a row has one answer: gold is (n,) positions, scores of a row sum to 1
    confusion: bool  # answers against given labels make a square table
    cuts: bool  # each label has a cut, chosen among rows that a fit had not seen
    # scores and answers are of every word of a text: (n, W, K) and (n, W) for texts of up to W
    # words, see `tl_core.api.words`; a row's `answer` holds spans of its text
    by_word = False
    # an answer is a text: scores are its characters, see `tl_core.api.written`, and none says how
    # likely anything is
    writes = False
    spans_move = False  # answers are spans of a text, and are elsewhere once it is changed
    alternatives = False  # a row's `answer` holds spans any of which is right; else all of them are
    shares_texts = False  # many rows ask of one text, and are on one side of a split for it
    least_labels = 2  # that a file must have
    decision = "largest"  # how scores become answers, for programs that have only an export: the
    # label with the largest, the "median" of an order, those above their "thresholds"
    scalable: bool  # one temperature changes its confidence and none of its answers
    trust: bool  # an answer has one probability, which can be compared with how often it is correct
    # shots are rows that are drawn one after another until each label is seen so many times in
    # them; else so many rows of each label
    greedy = False
    shots_per = (
        "class"  # what a number of shots counts, as words on screen: "class", "rating", "type"
    )
    # (of span), "question" (that has an answer, and that has none), or "row" where rows are not
    # drawn by what they are labelled
    head: str  # which linear head learns it: see `tl_core.models.training.task_heads`
    floor_words: str  # key of the sentence on the best constant answer
    always_words: str  # key of the noun phrase for it
    frame_words = ""  # key of what the page says of both; "" where the unit of a measure tells
    how_words = ("how_metrics", "how_further")  # keys of how its measures and further ones are made
    chosen_words: Sentence  # on settings that were chosen, with the values of `chosen_note`
    doubts_by: str  # measure by which an arm must beat a constant answer before it may doubt labels

    # --- reading and writing ----------------------------------------------------------------------

    def why_not_scaled(self, arm: str) -> str:
        """Return the sentence that this arm's confidence cannot be scaled, where it is not
        `scalable`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no why_not_scaled(arm)")

    def fault(self, ids: Iterable[str], column: str) -> str:
        """Return why a column of a file with these label ids cannot be read as this task, as a
        sentence; "" where it can.
        """
        return ""

    def ordered(self, labels: Iterable[Label]) -> tuple[Label, ...]:
        """The labels in the order of the score axis."""
        return tuple(labels)

    @abstractmethod
    def allows(self, labels: Sequence[str]) -> bool:
        """Whether a row may carry just these label ids."""

    def write(self, labels: Sequence[str]) -> str:
        """The labels of a row in one cell of a table."""
        return "|".join(labels)

    @abstractmethod
    def as_json(self, labels: Sequence[str]) -> dict[str, Any]:
        """The labels of a row as fields of a JSON object."""

    def answer(self, labels: Sequence[str]) -> Any:
        """The labels of a row as Python has them: a tuple of ids."""
        return tuple(labels)

    @abstractmethod
    def cell(self, labels: Sequence[str]) -> Any:
        """The labels of a row as a value of a JSON file, as this task reads them again."""

    def strata(self, example: Example) -> tuple[str, ...]:
        """Return the strata a row is drawn for: shots are so many rows of each, and a split keeps
        the share of each.
        """
        return example.labels

    # --- answers ----------------------------------------------------------------------------------

    def outputs(self, problem: Problem) -> int:
        """Return how many numbers a score has: the width of a head."""
        return len(problem.labels)

    def shape(self, problem: Problem, examples: Sequence[Example]) -> tuple[int, ...]:
        """Return the shape of the scores of these rows."""
        return len(examples), len(problem.labels)

    def fits(self, problem: Problem, examples: Sequence[Example], scores: np.ndarray) -> bool:
        """Whether scores that were kept can be those of these rows."""
        return scores.shape == self.shape(problem, examples)

    def stacked(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """(S, n, ...) scores of S runs on the same rows."""
        import numpy

        return numpy.stack(parts)

    def joined(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Scores, or gold, of parts of the rows as those of all, in the same order."""
        import numpy

        return numpy.concatenate(parts)

    def spans(self, example: Example, problem: Problem, answer: np.ndarray) -> tuple[Any, ...]:
        """The answer of a text as `Example.answer` has it; nothing where labels say it all."""
        return ()

    @abstractmethod
    def gold(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n, ...) what is correct."""

    @abstractmethod
    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(..., n, C) scores to (..., n, ...) answers."""

    def expected(self, problem: Problem, scores: np.ndarray) -> np.ndarray | None:
        """(n,) mean value under each row's (n, C) scores; None where labels have no value. Where
        they have one, scores are shown in the order of labels, elsewhere from the likeliest down.
        """
        return None

    def answer_errors(self, scores: np.ndarray) -> np.ndarray:
        """(n, K) what of (n, C) scores contradicts each row's own answer: the gradient at the last
        layer if that answer were correct, by which texts to label next are chosen.
        """
        return scores.astype("float64") - self.carried(self.decide(scores), scores.shape[-1])

    def moved(
        self,
        problem: Problem,
        decided: np.ndarray,
        examples: Sequence[Example],
        places: Sequence[Any],
    ) -> np.ndarray:
        """(S, n, ...) answers to texts, as answers to the same texts once they were changed.

        Args:
            decided: (S, n, ...). examples: the texts as they are now. places: of the words that
                each had, where they are now.
        """
        return decided

    @abstractmethod
    def same(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(..., n) bool: whether two answers are equal, whole answer by whole answer."""

    @abstractmethod
    def names(self, problem: Problem, decided: np.ndarray) -> list[tuple[str, ...]]:
        """Label ids of each of (n, ...) answers."""

    def phrases(
        self, problem: Problem, examples: Sequence[Example], decided: np.ndarray
    ) -> list[tuple[str, ...]]:
        """Answers as a person reads them: names of labels."""
        names = {label.id: label.name for label in problem.labels}
        return [tuple(names[i] for i in ids) for ids in self.names(problem, decided)]

    def found(self, example: Example, problem: Problem, answer: np.ndarray) -> Any:
        """The answer of one row as Python has it: see `answer`."""
        return self.answer(self.names(problem, answer[None])[0])

    @abstractmethod
    def carried(self, gold: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) bool: which labels each row carries; of answers, which they give."""

    # --- stretches of a text, where the task is `by_word` ---

    def sure_scores(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n, W, ...) float32 scores that give each row its `answer` for certain."""
        raise NotImplementedError(f"{type(self).__name__} has no sure_scores(...)")

    def surest_stretch(
        self, example: Example, problem: Problem, scores: np.ndarray, label: str = ""
    ) -> tuple[int, int, str]:
        """(start, end, label id) of the stretch, in characters, that a row's scores favour most.

        Args:
            label: of which; "" for any.
        """
        raise NotImplementedError(f"{type(self).__name__} has no surest_stretch(...)")

    def stretch_chances(
        self, example: Example, problem: Problem, scores: np.ndarray, place: tuple[int, int]
    ) -> np.ndarray:
        """(C,) how likely it is that a stretch, in characters, has each label."""
        raise NotImplementedError(f"{type(self).__name__} has no stretch_chances(...)")

    def said_of_stretch(
        self, example: Example, problem: Problem, scores: np.ndarray, place: tuple[int, int]
    ) -> str:
        """What one row's scores answer about a stretch, as a person reads it; "" for nothing."""
        raise NotImplementedError(f"{type(self).__name__} has no said_of_stretch(...)")

    def label_chances(self, chances: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) probability that a row has each label, of the probabilities of its answers."""
        return chances

    def correct(self, gold: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(..., n) float64 of 0 and 1."""
        return self.same(self.decide(scores), gold).astype(float)

    def likeness(self, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) how near each of (S, n, ...) answers is to what is correct, from 0 to 1."""
        return self.same(decided, gold).astype(float)

    @abstractmethod
    def most_frequent(self, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, ...) the answer of most of (S, n, ...) runs."""

    @abstractmethod
    def consensus(self, decided: np.ndarray, scores: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n, ...) the answer of most runs, of equals the likelier.

        Args:
            decided: (S, n, ...). scores: (n, C) means. chances: (n, C) mean probabilities.
        """

    # --- training ---------------------------------------------------------------------------------

    @abstractmethod
    def loss(self, logits: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """Mean loss of (B, C) logits against gold as `gold` makes it."""

    @abstractmethod
    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(n, C) logits to probabilities."""

    @abstractmethod
    def folds(self, problem: Problem, examples: Sequence[Example], most: int) -> np.ndarray:
        """(n,) fold of each row, about as many rows of each label in each; `most` folds at most."""

    @abstractmethod
    def mark(self, gold: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
        """Score answers on rows held out, to choose settings by: larger is better, first one then
        the other.
        """

    def chosen_note(
        self, *, selection: str, values: str, rows: int, chosen: str, reached: float
    ) -> str:
        """The sentence on settings that were chosen.

        Args:
            values: what was tried. rows: how many were held out. chosen: the best. reached: the
                first of its mark; said in percent.
        """
        return self.chosen_words.filled(
            selection=selection,
            values=values,
            rows=rows,
            chosen=chosen,
            reached=100 * reached,
        )

    @abstractmethod
    def untrained(self, gold: np.ndarray, scores: np.ndarray) -> bool:
        """Whether answers on a run's own training rows are no better than a constant answer."""

    @abstractmethod
    def constant_scores(
        self, problem: Problem, gold: np.ndarray, smoothing: float, seed: int
    ) -> np.ndarray:
        """(C,) float32 scores of the constant answer that training rows support: their smoothed
        shares. Where two answers are as good, the seed decides.
        """

    def constant_rows(
        self, problem: Problem, examples: Sequence[Example], scores: np.ndarray
    ) -> np.ndarray:
        """(n, ...) float32 scores of these rows by what `constant_scores` has found."""
        import numpy

        return numpy.tile(scores, (len(examples), 1))

    # --- what probabilities are worth -------------------------------------------------------------

    @abstractmethod
    def sorts(self, gold: np.ndarray, n_labels: int) -> tuple[str, str]:
        """The measure that sorts, by its id, and why, in a clause."""

    # keys of the columns of `errors`, for a task whose predictions may be nearly correct
    error_words: tuple[str, ...] = ("head_found", "head_missed", "head_wrongly")

    error_head = "head_label"  # key of what `error_rows` are by

    def error_rows(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray
    ) -> list[tuple[str, Sequence[int]]]:
        """(what the rows of a table are called, its counts of `error_words`) over (S, n, ...)
        runs; a line for each label.
        """
        counts = self.errors(gold, decided, len(problem.labels))
        return [(label.name, n.tolist()) for label, n in zip(problem.labels, counts, strict=True)]

    def errors(self, gold: np.ndarray, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(C, k) how often each of `error_words` was so for each label, over (S, n, ...) runs."""
        import numpy

        there = self.carried(gold, n_labels)
        found = numpy.zeros((3, n_labels), dtype=int)
        for run in decided:
            given = self.carried(run, n_labels)
            found += [(given & there).sum(0), (~given & there).sum(0), (given & ~there).sum(0)]
        return found.T

    @abstractmethod
    def chance_of(self, answer: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n,) probability of a whole answer; chances: (n, C)."""

    @abstractmethod
    def log_loss(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) negative log probability of what is correct, in nats."""

    @abstractmethod
    def brier(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) squared distance of the probabilities from what is correct, summed over
        labels.
        """

    @abstractmethod
    def largest_brier(self, n_labels: int) -> float:
        """The largest that a row can have."""

    @abstractmethod
    def confidence_gap(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) confidence minus correctness: its mean is above 0 where a model is
        overconfident.
        """

    def how_values(self, gold: np.ndarray) -> dict[str, str]:
        """Return what is filled into the text of `how_words[0]`, for these correct answers."""
        return {}

    def measure(self, id: str) -> Measure:
        """One of its measures.

        Raises:
            KeyError: it has no such measure.
        """
        for measure in self.measures:
            if measure.id == id:
                return measure
        raise KeyError(f"{self.title} has no measure {id!r}.")
