"""Spans of a text and what they are: names, dates, numbers of orders.

Every word has one tag (IOB2, see `tl_core.statistics.tags`); a row's scores are the probabilities
of its words' tags, (W, 2C + 1), with zeros beyond the end of a text. The answer is the likeliest
sequence in which no span goes on that has not begun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.task import Measure
from tl_core.api.types import Example, Interval, Problem
from tl_core.api.words import most_words, words_of
from tl_core.tasks._any_labels import AnyLabels
from tl_core.tasks._one_answer import softmax

if TYPE_CHECKING:
    import torch

Count = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
TINY = 1e-9  # a probability of nothing


class TagF1(Measure):
    """F1 of what was found, over all rows together."""

    def count(self, gold: np.ndarray, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(S, n) hits and totals."""
        raise NotImplementedError

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) pseudo-values."""
        from tl_core.statistics.tags import f1_pseudo

        return f1_pseudo(*self.count(gold, decided))

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `f1_interval`."""
        from tl_core.statistics.tags import f1_interval

        return f1_interval(*self.count(gold, decided), **options)

    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """No span anywhere."""
        return np.minimum(gold, 0)

    def value(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> float:
        """Return the value of one run, without the jackknife."""
        from tl_core.statistics.tags import f1

        return float(f1(*self.count(gold, decided[None]))[0])


class EntityF1(TagF1):
    """Of spans whose type, first and last word are all right."""

    id = "entity_f1"

    def count(self, gold: np.ndarray, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whole spans."""
        from tl_core.statistics.tags import found_spans

        return found_spans(gold, decided)


class WordF1(TagF1):
    """Of words that are in a span of the right type, whatever its borders; where words are single
    characters, as in Korean, the character F1.
    """

    id = "word_f1"

    def count(self, gold: np.ndarray, decided: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Words."""
        from tl_core.statistics.tags import found_words

        return found_words(gold, decided)


class WholeTexts(Measure):
    """Share of texts with every span right and none too many."""

    id = "whole_texts"
    row_by_row = True

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) of 0 and 1."""
        return (decided == gold).all(-1).astype(float)

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `mean_interval`."""
        from tl_core.statistics.crossed import mean_interval

        return mean_interval(self.rows(problem, gold, decided), **options)

    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """No span anywhere."""
        return np.minimum(gold, 0)


class Tagging(AnyLabels):
    id = "tagging"
    order = 120
    title = say("Spans of a text and what each is: names, dates, places")
    target = "tagging"
    objective = "softmax cross-entropy of the tag of every word"
    measures = (EntityF1(), WordF1(), WholeTexts())
    cuts = False
    by_word = True
    spans_move = True
    least_labels = 1
    decision = "spans"
    version = 2  # shots are drawn greedily
    greedy = True
    shots_per = "type"
    head = "tags"
    floor_words = "answer_no_span"
    always_words = "always_no_span"
    frame_words = "answer_frame_spans"
    how_words = ("how_spans", "how_further_spans")
    chosen_words = say(
        "selection={selection}: of {values} the best on {rows:,} rows that were held out was"
        " {chosen} (an F1 of {reached:.0f}% there)."
    )
    doubts_by = "entity_f1"

    def why_not_scaled(self, arm: str) -> str:
        """There are as many answers as words."""
        return say(
            "{arm} scales the confidence of one answer, and here every word of a text has its own."
            " Leave scaling out.",
            arm=arm,
        )

    # --- answers ----------------------------------------------------------------------------------

    def outputs(self, problem: Problem) -> int:
        """A tag outside every span, and two for each type."""
        return 1 + 2 * len(problem.labels)

    def shape(self, problem: Problem, examples: Sequence[Example]) -> tuple[int, ...]:
        """(n, words of the longest text, tags)."""
        return len(examples), most_words(examples), self.outputs(problem)

    def joined(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Parts made as wide as the widest: scores with zeros, answers with no tag."""
        width = max(part.shape[1] for part in parts)
        return np.concatenate([_widened(part, width) for part in parts])

    def gold(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n, W) int16 tags. A span that begins or ends inside a word takes all of it."""
        from tl_core.statistics.tags import NONE, tags_of

        gold = np.full((len(examples), most_words(examples)), NONE, np.int16)
        for row, example in zip(gold, examples, strict=True):
            words = words_of(example)
            starts = np.array([start for start, _ in words], dtype=np.int64)
            ends = np.array([end for _, end in words], dtype=np.int64)
            spans = [
                (
                    int(np.searchsorted(ends, start, "right")),
                    int(np.searchsorted(starts, end, "left")),
                    problem.label_index[label],
                )
                for start, end, label in example.answer
            ]
            row[: len(words)] = tags_of(spans, len(words))
        return gold

    def spans(
        self, example: Example, problem: Problem, answer: np.ndarray
    ) -> tuple[tuple[int, int, str], ...]:
        """(start, end, label id) of each span, in characters."""
        from tl_core.statistics.tags import spans_of

        words = words_of(example)
        return tuple(
            (words[first][0], words[after - 1][1], problem.label_ids[type_])
            for first, after, type_ in spans_of(answer[: len(words)])
        )

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(..., n, W, K) probabilities to (..., n, W) int16 tags."""
        from tl_core.statistics.tags import NONE, legal, likeliest_legal

        scores = np.asarray(scores)
        found = scores.argmax(-1).astype(np.int16)
        wrong = ~legal(found)  # most rows are legal as they come, and then nothing is likelier
        if wrong.any():
            found[wrong] = likeliest_legal(np.log(np.maximum(scores[wrong], TINY)))
        found[scores.sum(-1) == 0] = NONE
        return found

    def moved(
        self,
        problem: Problem,
        decided: np.ndarray,
        examples: Sequence[Example],
        places: Sequence[Any],
    ) -> np.ndarray:
        """(S, n, W) tags of the words as they are now; a span of whose words none is left is no
        more.
        """
        from tl_core.statistics.tags import spans_of

        runs = []
        for run in decided:
            rows = []
            for example, tags, at in zip(examples, run, places, strict=True):
                left = [
                    ([place for place in at[first:after] if place[0] < place[1]], type_)
                    for first, after, type_ in spans_of(tags[: len(at)])
                ]
                spans = tuple((of[0][0], of[-1][1], problem.label_ids[t]) for of, t in left if of)
                rows.append(replace(example, answer=spans))
            runs.append(self.gold(problem, rows))
        return np.stack(runs)

    def same(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(..., n) bool: every tag of a text."""
        return (a == b).all(-1)

    def names(self, problem: Problem, decided: np.ndarray) -> list[tuple[str, ...]]:
        """The types that are in each text."""
        there = self.carried(decided, len(problem.labels))
        return [tuple(np.array(problem.label_ids)[row]) if row.any() else () for row in there]

    def phrases(
        self, problem: Problem, examples: Sequence[Example], decided: np.ndarray
    ) -> list[tuple[str, ...]]:
        """Each span as it is written, with the name of its type."""
        names = {label.id: label.name for label in problem.labels}
        found = []
        for example, answer in zip(examples, decided, strict=True):
            spans = self.spans(example, problem, answer)
            found.append(tuple(f"{example.text[a:b]} ({names[label]})" for a, b, label in spans))
        return found

    def found(self, example: Example, problem: Problem, answer: np.ndarray) -> Any:
        """(start, end, label id) of each span, in characters."""
        return self.spans(example, problem, answer)

    def carried(self, gold: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) bool: the types that are in each text."""
        types = (gold + 1) // 2
        return np.stack([(types == t).any(-1) for t in range(1, n_labels + 1)], -1)

    def label_chances(self, chances: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) largest probability that a word is of the type."""
        return (chances[..., 1::2] + chances[..., 2::2]).max(-2)

    def sure_scores(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n, W, K) float32: one for the tag of each word."""
        gold = self.gold(problem, examples)
        return (gold[..., None] == np.arange(self.outputs(problem))).astype(np.float32)

    def surest_stretch(
        self, example: Example, problem: Problem, scores: np.ndarray, label: str = ""
    ) -> tuple[int, int, str]:
        """The span that is found; where none is, the word that is likeliest to be of the type."""
        found = [
            (a, b, of)
            for a, b, of in self.spans(example, problem, self.decide(scores[None])[0])
            if label in ("", of)
        ]
        types = [problem.label_index[label]] if label else range(len(problem.labels))
        found = found or [(a, b, problem.label_ids[t]) for a, b in words_of(example) for t in types]

        def chance(span: tuple[int, int, str]) -> float:
            at = self.stretch_chances(example, problem, scores, span[:2])
            return float(at[problem.label_index[span[2]]])

        return max(found, key=chance)

    def stretch_chances(
        self, example: Example, problem: Problem, scores: np.ndarray, place: tuple[int, int]
    ) -> np.ndarray:
        """(C,) probability of the type, in the mean over the words of the stretch."""
        there = [i for i, (a, b) in enumerate(words_of(example)) if a < place[1] and b > place[0]]
        if not there:
            return np.zeros(len(problem.labels))
        of_words = scores[there].astype(np.float64)
        return (of_words[:, 1::2] + of_words[:, 2::2]).mean(0)

    def said_of_stretch(
        self, example: Example, problem: Problem, scores: np.ndarray, place: tuple[int, int]
    ) -> str:
        """The spans that are found in it, with their types."""
        names = {label.id: label.name for label in problem.labels}
        found = self.spans(example, problem, self.decide(scores[None])[0])
        return ", ".join(
            f"{example.text[a:b]} ({names[of]})"
            for a, b, of in found
            if a < place[1] and b > place[0]
        )

    error_words = ("head_found", "head_borders", "head_other_type", "head_missed", "head_made_up")

    def errors(self, gold: np.ndarray, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(C, 5) spans."""
        from tl_core.statistics.tags import span_errors

        return span_errors(gold, decided, n_labels)

    def answer_errors(self, scores: np.ndarray) -> np.ndarray:
        """(n, K) summed over the words of a text."""
        scores = scores.astype(np.float64)
        decided = self.decide(scores)
        given = (decided[..., None] == np.arange(scores.shape[-1])).astype(np.float64)
        return np.abs(scores - given).sum(1)

    def most_frequent(self, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, W) of most runs, word by word."""
        return self.decide(_votes(decided, 1 + 2 * n_labels))

    def consensus(self, decided: np.ndarray, scores: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n, W) of most runs, word by word; of equals the likelier."""
        return self.decide(_votes(decided, scores.shape[-1]) + 1e-3 * scores)

    # --- training ---------------------------------------------------------------------------------

    def loss(self, logits: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over tags; logits (words, K), gold (words,), those below 0 left out."""
        import torch

        return torch.nn.functional.cross_entropy(logits, gold.long(), ignore_index=-1)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(..., K) softmax."""
        return softmax(logits)

    def folds(self, problem: Problem, examples: Sequence[Example], most: int) -> np.ndarray:
        """As `spread_folds` of the types that are in each text."""
        from tl_core.statistics.classification.thresholds import spread_folds

        there = self.carried(self.gold(problem, examples), len(problem.labels))
        return spread_folds(there, min(most, len(there)))

    def mark(self, gold: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
        """F1 of spans; of equals, the smaller log loss."""
        from tl_core.statistics.tags import f1, found_spans

        found = f1(*found_spans(gold, self.decide(scores)[None]))[0]
        return float(found), -float(self.log_loss(gold, scores).mean())

    def untrained(self, gold: np.ndarray, scores: np.ndarray) -> bool:
        """Whether no span of its own training rows is found."""
        from tl_core.statistics.tags import found_spans

        return not found_spans(gold, self.decide(scores)[None])[0].any()

    def constant_scores(
        self, problem: Problem, gold: np.ndarray, smoothing: float, seed: int
    ) -> np.ndarray:
        """(K,) shares of the tags of words; what is outside every span wins."""
        tags = gold[gold >= 0]
        counts = np.bincount(tags, minlength=self.outputs(problem)).astype(np.float64) + smoothing
        counts[0] = max(counts[0], np.nextafter(counts.max(), np.inf))
        return (counts / counts.sum()).astype(np.float32)

    def constant_rows(
        self, problem: Problem, examples: Sequence[Example], scores: np.ndarray
    ) -> np.ndarray:
        """(n, W, K) float32: the same of every word."""
        rows = np.zeros(self.shape(problem, examples), np.float32)
        for row, example in zip(rows, examples, strict=True):
            row[: len(words_of(example))] = scores
        return rows

    # --- what probabilities are worth -------------------------------------------------------------

    def sorts(self, gold: np.ndarray, n_labels: int) -> tuple[str, str]:
        """F1 of spans."""
        return (
            "entity_f1",
            say("F1 of spans: one counts where its type, its first and its last word are right"),
        )

    def chance_of(self, answer: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n,) probability of every tag of a text, as if words did not depend on each other."""
        return np.exp(np.where(answer >= 0, np.log(_picked(answer, chances)), 0.0).sum(-1))

    def log_loss(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) mean over words."""
        return _mean(-np.log(_picked(gold, probabilities)), gold)

    def brier(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) mean over words, each between 0 and 2."""
        wanted = gold[..., None] == np.arange(probabilities.shape[-1])
        return _mean(((probabilities - wanted) ** 2).sum(-1), gold)

    def largest_brier(self, n_labels: int) -> float:
        """Every word wrong, and sure."""
        return 2.0

    def confidence_gap(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) mean over words of the largest probability minus whether it is correct."""
        right = probabilities.argmax(-1) == gold
        return _mean(probabilities.max(-1) - right, gold)


def _widened(part: np.ndarray, width: int) -> np.ndarray:
    """Zeros after the scores of (n, w, K); no tag after the answers of (n, w)."""
    more = [(0, 0), (0, width - part.shape[1]), *[(0, 0)] * (part.ndim - 2)]
    return np.pad(part, more, constant_values=-1 if part.ndim == 2 else 0)


def _votes(decided: np.ndarray, tags: int) -> np.ndarray:
    """(n, W, K) share of (S, n, W) runs."""
    return (decided[..., None] == np.arange(tags)).mean(0)


def _picked(gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(..., n, W) probability of each gold tag."""
    at = np.broadcast_to(np.maximum(gold, 0).astype(np.int64), probabilities.shape[:-1])
    return np.maximum(np.take_along_axis(probabilities, at[..., None], -1)[..., 0], TINY)


def _mean(per_word: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """(..., n) over the words of each text."""
    there = gold >= 0
    return (per_word * there).sum(-1) / np.maximum(there.sum(-1), 1)


TASK = Tagging()
