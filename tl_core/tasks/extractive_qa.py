"""Answers to questions, each a stretch of the text that the question comes with; or none, where the
text does not say.

A row's scores are where its answer begins and where it ends: (W + 1, 2), two distributions over
"nowhere" and the W words of its text (`tl_core.api.words`), with zeros beyond the end of a text. An
answer is two positions on that axis, the first and the last word; (0, 0) is no answer. Of all that
end where they begin or after it, within `MOST_ANSWER` words, the likeliest is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say, say_n
from tl_core.api.task import Measure
from tl_core.api.types import Example, Interval, Problem
from tl_core.api.words import Places, most_words, split_words
from tl_core.tasks import MOST_ANSWER
from tl_core.tasks._any_labels import AnyLabels
from tl_core.tasks._one_answer import softmax

if TYPE_CHECKING:
    import torch

FIRST_WORDS = (1, 2, 3, 5, 8, 13, 21, 34)  # lengths of constant answers that are tried
# answers of these numbers of words are counted together in a report; None: or more
LENGTHS: tuple[tuple[int, int | None], ...] = ((1, 1), (2, 3), (4, 7), (8, None))
TINY = 1e-9  # a probability of nothing


@dataclass(frozen=True)
class Wanted:
    """What is correct of a row."""

    text: str
    answers: tuple[str, ...]  # any of them is right; none: the text does not say
    places: tuple[tuple[int, int], ...]  # first and last word of each, from 1; (0, 0): no answer

    def said(self, answer: np.ndarray) -> str:
        """Return the words between two positions as the text has them."""
        return stretch(self.text, int(answer[0]), int(answer[1]))


def stretch(text: str, first: int, last: int) -> str:
    """The words from one position to another, counted from 1; "" for (0, 0)."""
    if not first:
        return ""
    words = _words(text)
    return text[words[first - 1][0] : words[last - 1][1]] if first <= len(words) else ""


class AnswerMeasure(Measure):
    """A mean over questions of how well what was said fits the correct answers."""

    row_by_row = True

    def of(self, answer: str, right: tuple[str, ...]) -> float:
        """How well one answer fits, from 0 to 1."""
        raise NotImplementedError

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) from 0 to 1."""
        return _by_row(self.of, gold, decided)

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `answer_interval`."""
        from tl_core.statistics.answers import answer_interval

        return answer_interval(self.rows(problem, gold, decided), **options)

    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """(n, 2): no answer to any question, or the first words of every text, whichever has the
        better F1: of all measures the same answer.
        """
        return _first_words(gold, best_first_words(gold, len(problem.labels) > 1))


class AnswerF1(AnswerMeasure):
    """Words that the answer shares with a right one, by SQuAD's rules."""

    id = "answer_f1"

    def of(self, answer: str, right: tuple[str, ...]) -> float:
        """As `token_f1`."""
        return _fits("token_f1", answer, right)


class ExactMatch(AnswerMeasure):
    """Answers that equal a right one once case, articles and punctuation are gone."""

    id = "exact_match"

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `mean_interval`."""
        from tl_core.statistics.crossed import mean_interval

        return mean_interval(self.rows(problem, gold, decided), **options)

    def of(self, answer: str, right: tuple[str, ...]) -> float:
        """As `exact`."""
        return _fits("exact", answer, right)


class CharacterF1(AnswerMeasure):
    """Characters that the answer shares with a right one, by KorQuAD's rules: fair to languages in
    which a word carries its particles.
    """

    id = "character_f1"

    def of(self, answer: str, right: tuple[str, ...]) -> float:
        """As `character_f1`."""
        return _fits("character_f1", answer, right)


class ExtractiveQA(AnyLabels):
    id = "extractive-qa"
    order = 130
    title = say("Answers to questions, found in the text that comes with each")
    target = "extractive-qa"
    objective = "softmax cross-entropy of the word an answer begins with, and of the one it ends on"
    measures = (AnswerF1(), ExactMatch(), CharacterF1())
    cuts = False
    by_word = True
    alternatives = True
    shares_texts = True
    least_labels = 1
    version = 2  # a network that trains from its embeddings on is told which text is the question
    shots_per = "question"
    decision = "spans"
    head = "answer"
    floor_words = "answer_first_words"
    always_words = "always_first_words"
    frame_words = "answer_frame_first_words"
    how_words = ("how_answers", "how_further_answers")
    chosen_words = say(
        "selection={selection}: of {values} the best on {rows:,} questions that were held out"
        " was {chosen} (an F1 of {reached:.0f}% there)."
    )
    doubts_by = "answer_f1"

    def allows(self, labels: Sequence[str]) -> bool:
        """It has an answer, or none."""
        return len(labels) == 1

    def why_not_scaled(self, arm: str) -> str:
        """Its confidence is of two places in a text."""
        return say(
            "{arm} scales the confidence of one answer out of a list, and here an answer is found"
            " by where it begins and where it ends. Leave scaling out.",
            arm=arm,
        )

    # --- answers ----------------------------------------------------------------------------------

    def outputs(self, problem: Problem) -> int:
        """Where an answer begins, and where it ends."""
        return 2

    def shape(self, problem: Problem, examples: Sequence[Example]) -> tuple[int, ...]:
        """(n, 1 + words of the longest text, 2)."""
        return len(examples), 1 + most_words(examples), 2

    def joined(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Scores are made as wide as the widest, with zeros."""
        if parts[0].ndim < 3:
            return np.concatenate(parts)
        width = max(part.shape[1] for part in parts)
        return np.concatenate(
            [np.pad(part, [(0, 0), (0, width - part.shape[1]), (0, 0)]) for part in parts]
        )

    def gold(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n,) of `Wanted`."""
        gold = np.empty(len(examples), dtype=object)
        for i, example in enumerate(examples):
            gold[i] = wanted(example)
        return gold

    def spans(
        self, example: Example, problem: Problem, answer: Any
    ) -> tuple[tuple[int, int, str], ...]:
        """(start, end, label id) in characters; of what is correct, the first of the answers."""
        if isinstance(answer, Wanted):
            return tuple(example.answer[:1])
        first, last = map(int, answer)
        words = _words(example.text)
        if not first or first > len(words):
            return ()
        return ((words[first - 1][0], words[last - 1][1], problem.label_ids[0]),)

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(..., n, W + 1, 2) probabilities to (..., n, 2) int32 positions."""
        scores = np.asarray(scores)
        lead, width = scores.shape[:-2], scores.shape[-2]
        start, end = (scores[..., i].reshape(-1, width) for i in (0, 1))
        best = start[:, 0] * end[:, 0]
        found = np.zeros((len(start), 2), np.int32)
        each = np.arange(len(start))
        for more in range(min(MOST_ANSWER, width - 1)):
            chance = start[:, 1 : width - more] * end[:, 1 + more :]
            at = chance.argmax(1)
            better = chance[each, at] > best
            best = np.where(better, chance[each, at], best)
            found[better, 0] = at[better] + 1
            found[better, 1] = at[better] + 1 + more
        return found.reshape(*lead, 2)

    def same(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(..., n) bool: the same two positions; of an answer and what is correct, exact match."""
        for gold, decided in ((a, b), (b, a)):
            if gold.dtype == object:
                flat = decided.reshape(-1, *decided.shape[-2:])
                right = _by_row(ExactMatch().of, gold, flat) > 0
                return right.reshape(decided.shape[:-1])
        return (a == b).all(-1)

    def names(self, problem: Problem, decided: np.ndarray) -> list[tuple[str, ...]]:
        """Whether there is an answer."""
        none = problem.label_ids[1:2]
        return [problem.label_ids[:1] if there else none for there in _answered(decided)]

    def phrases(
        self, problem: Problem, examples: Sequence[Example], decided: np.ndarray
    ) -> list[tuple[str, ...]]:
        """The answer as the text has it."""
        return [
            tuple(example.text[a:b] for a, b, _ in self.spans(example, problem, answer))
            for example, answer in zip(examples, decided, strict=True)
        ]

    def found(self, example: Example, problem: Problem, answer: np.ndarray) -> Any:
        """The answer as the text has it; "" where there is none."""
        return "".join(self.phrases(problem, [example], answer[None])[0])

    def carried(self, gold: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) bool: whether there is an answer, and whether there is none."""
        there = _answered(gold)
        return np.stack([there, ~there], 1)[:, :n_labels]

    def label_chances(self, chances: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) probability of the likeliest answer, and of none."""
        none = chances[..., 0, 0] * chances[..., 0, 1]
        some = chances.copy()
        some[..., 0, :] = 0.0
        answer = self.chance_of(self.decide(some), some)
        return np.stack([answer, none], -1)[..., :n_labels]

    def sure_scores(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n, W + 1, 2) float32: one where the first answer begins, and where it ends."""
        scores = np.zeros(self.shape(problem, examples), np.float32)
        for row, example in zip(scores, examples, strict=True):
            first, last = wanted(example).places[0]
            row[first, 0] = row[last, 1] = 1.0
        return scores

    def surest_stretch(
        self, example: Example, problem: Problem, scores: np.ndarray, label: str = ""
    ) -> tuple[int, int, str]:
        """The answer that is given; (0, 0) where there is none."""
        some = scores.copy()
        if label == problem.label_ids[0]:  # an answer is asked about, whether or not it is given
            some[0] = 0.0
        found = self.spans(example, problem, self.decide(some[None])[0])
        if not found or label in problem.label_ids[1:]:
            return 0, 0, problem.label_ids[-1]
        return found[0]

    def stretch_chances(
        self, example: Example, problem: Problem, scores: np.ndarray, place: tuple[int, int]
    ) -> np.ndarray:
        """(C,) probability that the stretch, widened to whole words, is the answer, and that there
        is none. Of (0, 0) that of the likeliest answer.
        """
        chances = self.label_chances(scores[None].astype(np.float64), len(problem.labels))[0]
        if place[0] < place[1]:
            at = wanted(replace(example, answer=((*place, problem.label_ids[0]),))).places[0]
            chances[0] = self.chance_of(np.array([at]), scores[None])[0]
        return chances

    def said_of_stretch(
        self, example: Example, problem: Problem, scores: np.ndarray, place: tuple[int, int]
    ) -> str:
        """The answer that is given, wherever it is."""
        return str(self.found(example, problem, self.decide(scores[None])[0]))

    error_head = "head_length"
    error_words = ("head_exact", "head_partly", "head_elsewhere", "head_unanswered")

    def errors(self, gold: np.ndarray, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(C, 4) answers to questions that have one, and that have none."""
        there = self.carried(gold, n_labels)  # (n, C)
        return np.stack([self._kinds(gold, decided, rows) for rows in there.T])

    def error_rows(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray
    ) -> list[tuple[str, Sequence[int]]]:
        """By how many words the first of the correct answers has."""
        long = np.array([last - first + 1 if first else 0 for first, last in _first_places(gold)])
        lines = [
            (
                say_n("{n} word", "{n} words", low)
                if low == high
                else say("{low} words or more", low=low)
                if high is None
                else say("{low} to {high} words", low=low, high=high),
                (long >= low) & (long <= (high or np.inf)),
            )
            for low, high in LENGTHS
        ]
        lines.append((say("no answer"), long == 0))
        return [
            (name, self._kinds(gold, decided, rows).tolist()) for name, rows in lines if rows.any()
        ]

    def _kinds(self, gold: np.ndarray, decided: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(4,) how often the answers to some of the rows were each of `error_words`."""
        gold, decided = gold[rows], decided[:, rows]
        exact = self.same(decided, gold)
        fits = _by_row(AnswerF1().of, gold, decided) > 0
        said = decided[..., 0] > 0
        of = (exact, ~exact & fits, ~exact & ~fits & said, ~exact & ~fits & ~said)
        return np.array([kind.sum() for kind in of])

    def answer_errors(self, scores: np.ndarray) -> np.ndarray:
        """(n, 2) what is missing to certainty of the first and of the last word."""
        scores = scores.astype(np.float64)
        return 1 - _at(scores, self.decide(scores))

    def most_frequent(self, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, 2) of most runs, of equals the earliest in the text."""
        return _modes(decided, np.zeros(decided.shape[:-1]))

    def consensus(self, decided: np.ndarray, scores: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n, 2) of most runs, of equals the likelier."""
        return _modes(decided, np.stack([self.chance_of(one, chances) for one in decided]))

    # --- training ---------------------------------------------------------------------------------

    def loss(self, logits: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """Mean over questions of the two cross-entropies.

        Args:
            logits: (tokens, 2) of all texts, one after another.
            gold: (tokens, 3): whether a token begins a text, an answer, and whether it ends one.
        """
        import torch

        begins = gold[:, 0].bool()
        of = begins.long().cumsum(0) - 1  # (tokens,) which text
        texts = int(of[-1]) + 1
        top = torch.full((texts, 2), -torch.inf, device=logits.device, dtype=logits.dtype)
        top = top.scatter_reduce(0, of[:, None].expand(-1, 2), logits.detach(), "amax")
        mass = torch.zeros_like(top).index_add(0, of, (logits - top[of]).exp())
        log_chances = logits - top[of] - mass[of].log()
        return -(log_chances * gold[:, 1:].to(logits.dtype)).sum() / (2 * texts)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(..., W + 1, 2), each of both columns summing to 1."""
        return np.swapaxes(softmax(np.swapaxes(logits, -1, -2)), -1, -2)

    def folds(self, problem: Problem, examples: Sequence[Example], most: int) -> np.ndarray:
        """(n,) texts in turn, so that the questions to one are in one fold; questions in turn where
        there is one text.
        """
        texts = list(dict.fromkeys(e.text for e in examples))
        if len(texts) < 2:
            return np.arange(len(examples)) % max(1, min(most, len(examples)))
        place = {text: i for i, text in enumerate(texts)}
        return np.array([place[e.text] for e in examples]) % min(most, len(texts))

    def mark(self, gold: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
        """F1; of equals, the smaller log loss."""
        found = _by_row(AnswerF1().of, gold, self.decide(scores)[None]).mean()
        return float(found), -float(self.log_loss(gold, scores).mean())

    def untrained(self, gold: np.ndarray, scores: np.ndarray) -> bool:
        """Whether its own training rows are answered no better than by a constant answer."""
        said = self.decide(scores)
        constant = _first_words(gold, best_first_words(gold, none=True))
        both = (_by_row(AnswerF1().of, gold, x[None]).mean() for x in (said, constant))
        return next(both) <= next(both)

    def constant_scores(
        self, problem: Problem, gold: np.ndarray, smoothing: float, seed: int
    ) -> np.ndarray:
        """(2,) float32: how many first words are the answer, and how often that is right."""
        count = best_first_words(gold, none=len(problem.labels) > 1)
        right = _by_row(ExactMatch().of, gold, _first_words(gold, count)[None]).sum()
        share = (right + smoothing) / (len(gold) + 2 * smoothing) if len(gold) else 0.5
        return np.array([count, share], np.float32)

    def constant_rows(
        self, problem: Problem, examples: Sequence[Example], scores: np.ndarray
    ) -> np.ndarray:
        """(n, W + 1, 2) float32: the first words, with what is left of certainty on all others."""
        count, share = int(scores[0]), float(scores[1])
        rows = np.zeros(self.shape(problem, examples), np.float32)
        none = len(problem.labels) > 1
        for row, example in zip(rows, examples, strict=True):
            words = len(_words(example.text))
            others = np.arange(0 if none else 1, words + 1)
            if not len(others):
                continue
            sure = max(np.sqrt(share), 2 / (len(others) + 1))
            row[others] = (1 - sure) / max(1, len(others) - 1)
            row[min(1, count), 0] = row[min(count, words), 1] = sure
        return rows

    # --- what probabilities are worth -------------------------------------------------------------

    def sorts(self, gold: np.ndarray, n_labels: int) -> tuple[str, str]:
        """F1 of words."""
        return (
            "answer_f1",
            say("F1 of the words that an answer shares with a right one, as SQuAD counts it"),
        )

    def chance_of(self, answer: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n,) probability that the answer begins where it does, times that it ends where it does;
        of what is correct, of the likeliest of its answers.
        """
        if answer.dtype == object:
            return np.exp(-self.log_loss(answer, chances))
        return _at(chances, answer).prod(-1)

    def log_loss(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) of the likeliest of the correct answers."""
        return -np.log(_of_right(gold, probabilities, lambda p, a, b: p[a, 0] * p[b, 1], max))

    def brier(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) mean of first and last word, each between 0 and 2; of the nearest answer."""
        squares = (probabilities.astype(np.float64) ** 2).sum((-1, -2)) / 2
        near = _of_right(gold, probabilities, lambda p, a, b: p[a, 0] + p[b, 1], max)
        return squares - near + 1

    def largest_brier(self, n_labels: int) -> float:
        """First and last word wrong, and sure."""
        return 2.0

    def confidence_gap(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(..., n) probability of the answer given, minus whether it is an exact match."""
        decided = self.decide(probabilities)
        return _at(probabilities, decided).prod(-1) - self.same(decided, gold)


def wanted(example: Example) -> Wanted:
    """What is correct of a row: its answers, each widened to whole words."""
    words = _words(example.text)
    starts, ends = [a for a, _ in words], [b for _, b in words]
    places = [
        (
            int(np.searchsorted(ends, start, "right")) + 1,
            int(np.searchsorted(starts, end, "left")),
        )
        for start, end, _ in example.answer
    ]
    return Wanted(
        example.text,
        tuple(example.text[start:end] for start, end, _ in example.answer),
        tuple(places) or ((0, 0),),
    )


def best_first_words(gold: np.ndarray, none: bool) -> int:
    """How many of a text's first words are the best answer to every question, by F1; 0: saying
    nothing.

    Args:
        none: whether saying nothing is an answer.
    """
    tried = (0, *FIRST_WORDS) if none else FIRST_WORDS
    reached = [_by_row(AnswerF1().of, gold, _first_words(gold, m)[None]).sum() for m in tried]
    return tried[int(np.argmax(reached))]


def _first_words(gold: np.ndarray, count: int) -> np.ndarray:
    """(n, 2) int32: the first words of each text, or all of one that has fewer."""
    found = np.zeros((len(gold), 2), np.int32)
    if count:
        found[:, 0] = 1
        found[:, 1] = [max(1, min(count, len(_words(one.text)))) for one in gold]
    return found


def _first_places(gold: np.ndarray) -> list[tuple[int, int]]:
    return [one.places[0] for one in gold]


def _answered(answers: np.ndarray) -> np.ndarray:
    """(n,) bool, of answers or of what is correct."""
    if answers.dtype == object:
        return np.array([bool(one.answers) for one in answers], dtype=bool)
    return answers[..., 0] > 0


def _by_row(
    measure: Callable[[str, tuple[str, ...]], float], gold: np.ndarray, decided: np.ndarray
) -> np.ndarray:
    """(S, n) float64 of (S, n, 2) answers."""
    return np.array(
        [[measure(w.said(a), w.answers) for w, a in zip(gold, run, strict=True)] for run in decided]
    ).reshape(decided.shape[:-1])


def _at(chances: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """(..., 2) probabilities of the two positions of (..., 2) answers."""
    at = np.asarray(answer, np.int64)[..., None, :]
    return np.take_along_axis(np.asarray(chances, np.float64), at, -2)[..., 0, :]


def _of_right(
    gold: np.ndarray,
    probabilities: np.ndarray,
    of: Callable[[np.ndarray, int, int], float],
    best: Callable[[Sequence[float]], float],
) -> np.ndarray:
    """(..., n) float64: what each row's probabilities say of its correct answers, of the best."""
    flat = probabilities.reshape(-1, *probabilities.shape[-3:])
    found = [
        [best([of(p, a, b) for a, b in w.places]) for w, p in zip(gold, run, strict=True)]
        for run in flat
    ]
    return np.maximum(np.array(found, np.float64), TINY).reshape(probabilities.shape[:-2])


def _modes(decided: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """(n, 2) int32 of (S, n, 2): what most say, of equals the likelier, then the earliest."""
    found = np.zeros(decided.shape[1:], np.int32)
    for i in range(decided.shape[1]):
        said, first, votes = np.unique(decided[:, i], axis=0, return_index=True, return_counts=True)
        found[i] = said[np.lexsort((-chances[first, i], -votes))[0]]
    return found


@lru_cache(maxsize=8192)
def _words(text: str) -> Places:
    return split_words(text)


@lru_cache(maxsize=262_144)
def _fits(name: str, answer: str, right: tuple[str, ...]) -> float:
    from tl_core.statistics import answers

    return float(getattr(answers, name)(answer, right))


TASK = ExtractiveQA()
