"""Texts that are written: summaries, translations.

A row has one label, which says what is written ("summary"), so that a shot is a pair of texts; its
`answer` holds the text that is right. A row's scores are the characters of what was written, see
`tl_core.api.written`; gold and answers are numpy arrays of str, (n,).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.task import Measure
from tl_core.api.types import Example, Interval, Problem
from tl_core.api.written import as_numbers, as_texts, widened
from tl_core.tasks._any_labels import AnyLabels

if TYPE_CHECKING:
    import torch


class Overlap(Measure):
    """Of what is written, compared with what is given."""

    def constant(self, problem: Problem, gold: np.ndarray) -> np.ndarray:
        """Nothing is written."""
        return np.zeros(len(gold), "U1")


class Pooled(Overlap):
    """From counts of all rows together."""

    def counts(self, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n, K)."""
        raise NotImplementedError

    def score(self, counts: np.ndarray) -> np.ndarray:
        """(...) of (..., K) sums."""
        raise NotImplementedError

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) pseudo-values."""
        from tl_core.statistics.pooled import pseudo_values

        return pseudo_values(self.counts(gold, decided), self.score)

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `pooled_interval`."""
        from tl_core.statistics.pooled import pooled_interval, pseudo_values

        counts = self.counts(gold, decided)
        return pooled_interval(
            self.score(counts.sum(1)), pseudo_values(counts, self.score), **options
        )

    def value(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> float:
        """Return the value of one run, without the jackknife."""
        return float(self.score(self.counts(gold, decided[None]).sum(1))[0])


class Chrf(Pooled):
    """chrF++: characters in a row, up to six, and words, up to two."""

    id = "chrf"

    def counts(self, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """Of n-grams."""
        from tl_core.statistics.overlap import CHRF, ROUGES, of_rows

        return of_rows(gold, decided)[..., len(ROUGES) : len(ROUGES) + CHRF]

    def score(self, counts: np.ndarray) -> np.ndarray:
        """As sacrebleu has it, from 0 to 1."""
        from tl_core.statistics.overlap import chrf

        return chrf(counts)


class Bleu(Pooled):
    """BLEU: words in a row, up to four; where most letters are Korean, Chinese or Japanese,
    characters.
    """

    id = "bleu"

    def counts(self, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """Of n-grams and lengths."""
        from tl_core.statistics.overlap import CHRF, ROUGES, of_rows

        return of_rows(gold, decided)[..., len(ROUGES) + CHRF :]

    def score(self, counts: np.ndarray) -> np.ndarray:
        """As sacrebleu has it, from 0 to 1."""
        from tl_core.statistics.overlap import bleu

        return bleu(counts)


class Rouge(Overlap):
    """F1 of words, pairs of words or the longest sequence; a mean over rows."""

    row_by_row = True

    def __init__(self, id: str):
        self.id = id

    def rows(self, problem: Problem, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) from 0 to 1."""
        from tl_core.statistics.overlap import ROUGES, of_rows

        return of_rows(gold, decided)[..., ROUGES.index(self.id)]

    def interval(
        self, problem: Problem, gold: np.ndarray, decided: np.ndarray, **options: Any
    ) -> Interval:
        """As `pooled_interval`: the score of a row is a share, but seldom 0 or 1."""
        from tl_core.statistics.pooled import pooled_interval

        rows = self.rows(problem, gold, decided)
        return pooled_interval(rows.mean(-1), rows, **options)


class TextToText(AnyLabels):
    id = "text-to-text"
    order = 140
    title = say("A text for each text: summaries, translations")
    target = "text-to-text"
    objective = "cross-entropy of the tokens of the text that is right"
    measures = (Rouge("rouge_l"), Rouge("rouge_1"), Rouge("rouge_2"), Chrf(), Bleu())
    cuts = False
    writes = True
    classes = False
    least_labels = 1
    shots_per = "row"
    decision = "text"
    head = "none"
    floor_words = "answer_nothing_written"
    frame_words = "answer_frame_written"
    always_words = "always_nothing_written"
    how_words = ("how_written", "how_further_written")
    chosen_words = say(
        "selection={selection}: of {values} the best on {rows:,} rows that were held out was"
        " {chosen} (ROUGE-L {reached:.0f} there)."
    )
    doubts_by = "rouge_l"

    def why_not_scaled(self, arm: str) -> str:
        """No answer has a probability."""
        return say(
            "{arm} scales the confidence of an answer, and a text that is written has none here."
            " Leave scaling out.",
            arm=arm,
        )

    # --- answers ----------------------------------------------------------------------------------

    def outputs(self, problem: Problem) -> int:
        """No head."""
        return 1

    def fits(self, problem: Problem, examples: Sequence[Example], scores: np.ndarray) -> bool:
        """One text a row, however long."""
        return scores.ndim == 2 and len(scores) == len(examples) and scores.shape[1] > 0

    def joined(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Scores made as wide as the widest; texts one after another."""
        if parts[0].dtype.kind == "U":
            return np.concatenate(parts)
        return np.concatenate(_alike(parts))

    def stacked(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """(S, n, L)."""
        return np.stack(_alike(parts))

    def gold(self, problem: Problem, examples: Sequence[Example]) -> np.ndarray:
        """(n,) the texts that are right."""
        return np.array([e.answer[0] if e.answer else "" for e in examples], dtype=np.str_)

    def spans(
        self, example: Example, problem: Problem, answer: np.ndarray
    ) -> tuple[tuple[int, int, str], ...]:
        """There are none."""
        return ()

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """(..., n, L) characters to (..., n) texts."""
        return as_texts(np.asarray(scores))

    def same(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(..., n) bool: character for character."""
        return a == b

    def names(self, problem: Problem, decided: np.ndarray) -> list[tuple[str, ...]]:
        """The label of every row for which anything is written."""
        return [problem.label_ids if text else () for text in decided.tolist()]

    def phrases(
        self, problem: Problem, examples: Sequence[Example], decided: np.ndarray
    ) -> list[tuple[str, ...]]:
        """The texts."""
        return [(text,) if text else () for text in decided.tolist()]

    def found(self, example: Example, problem: Problem, answer: np.ndarray) -> Any:
        """The text."""
        return str(answer)

    def carried(self, gold: np.ndarray, n_labels: int) -> np.ndarray:
        """(n, C) bool: whether anything is written."""
        return np.repeat((gold != "")[:, None], n_labels, 1)

    def errors(self, gold: np.ndarray, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(C, 3) texts that are equal, that nothing was written for, and other ones."""
        there, equal = decided != "", decided == gold
        counts = [equal.sum(), (~there).sum(), (there & ~equal).sum()]
        return np.repeat(np.array(counts)[None], n_labels, 0)

    def likeness(self, gold: np.ndarray, decided: np.ndarray) -> np.ndarray:
        """(S, n) ROUGE-L of each row."""
        from tl_core.statistics.overlap import ROUGES, of_rows

        return of_rows(gold, decided)[..., ROUGES.index("rouge_l")]

    def most_frequent(self, decided: np.ndarray, n_labels: int) -> np.ndarray:
        """(n,) what most runs wrote, of equals the first."""
        return np.array([Counter(row).most_common(1)[0][0] for row in decided.T.tolist()])

    def consensus(self, decided: np.ndarray, scores: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """(n,) what most runs wrote, of equals the first."""
        return self.most_frequent(decided, 1)

    def answer_errors(self, scores: np.ndarray) -> np.ndarray:
        """There is no probability to be unsure of."""
        _no_chance()

    def how_values(self, gold: np.ndarray) -> dict[str, str]:
        """sacrebleu's signatures."""
        from tl_core.statistics.overlap import signatures

        return dict(zip(("chrf", "bleu"), signatures(gold.tolist()), strict=True))

    # --- training ---------------------------------------------------------------------------------

    def loss(self, logits: torch.Tensor, gold: torch.Tensor) -> torch.Tensor:
        """Cross-entropy over tokens; logits (B, T, V), gold (B, T), those below 0 left out."""
        import torch

        return torch.nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), gold.flatten(), ignore_index=-100
        )

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """There are none."""
        _no_chance()

    def folds(self, problem: Problem, examples: Sequence[Example], most: int) -> np.ndarray:
        """As `spread_folds` of rows that all carry the same."""
        from tl_core.statistics.classification.thresholds import spread_folds

        return spread_folds(np.ones((len(examples), 1), bool), min(most, len(examples)))

    def mark(self, gold: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
        """ROUGE-L; of equals, chrF++."""
        from tl_core.statistics.overlap import CHRF, ROUGES, chrf, of_rows

        rows = of_rows(gold, self.decide(scores)[None])[0]
        counts = rows[:, len(ROUGES) : len(ROUGES) + CHRF]
        return float(rows[:, ROUGES.index("rouge_l")].mean()), float(chrf(counts.sum(0)))

    def untrained(self, gold: np.ndarray, scores: np.ndarray) -> bool:
        """Whether it writes the same for all of its own training rows, though they differ."""
        return len(set(self.decide(scores).tolist())) == 1 < len(set(gold.tolist()))

    def constant_scores(
        self, problem: Problem, gold: np.ndarray, smoothing: float, seed: int
    ) -> np.ndarray:
        """(1,) nothing."""
        return as_numbers([""])[0]

    # --- what probabilities are worth -------------------------------------------------------------

    def sorts(self, gold: np.ndarray, n_labels: int) -> tuple[str, str]:
        """ROUGE-L: it asks as much for what is right as for no more than that. chrF++ counts what
        is missing four times as much, so that long copies would be the best summaries.
        """
        return (
            "rouge_l",
            say("ROUGE-L: the longest sequence of words that the written and the given text share"),
        )

    def chance_of(self, answer: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """There is none."""
        _no_chance()

    def log_loss(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """There is none."""
        _no_chance()

    def brier(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """There is none."""
        _no_chance()

    def largest_brier(self, n_labels: int) -> float:
        """There is none."""
        _no_chance()

    def confidence_gap(self, gold: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """There is none."""
        _no_chance()


def _alike(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    length = max(part.shape[-1] for part in parts)
    return [widened(part, length) for part in parts]


def _no_chance() -> NoReturn:
    raise NotImplementedError("A text that is written has no probability: ask `Task.writes` first.")


TASK = TextToText()
