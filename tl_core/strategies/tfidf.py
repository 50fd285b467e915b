"""Word and character n-grams with logistic regression: strong, fast, and knows nothing before it
sees your rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import LABELS_AND_RATINGS, Strategy
from tl_core.api.types import Example, Fitted, Job, Problem, Step, Steps


@dataclass(frozen=True)
class TfidfSettings:
    strength: float = param(
        10.0,
        "Inverse of the regularisation (scikit-learn's C); lower trusts the rows less",
        low=1e-4,
        high=1e6,
    )


class Tfidf(Strategy):
    id = "tfidf"
    tasks = LABELS_AND_RATINGS
    version = 3
    order = 20
    title = say("TF-IDF + logistic regression")
    about = say(
        "Counts words (1-2) and characters (2-5) and learns from them alone. Hard to beat with"
        " many labels; works in any language."
    )
    uses_model = False
    deterministic = True
    settings = TfidfSettings
    quick = True

    def fit(self, job: Job) -> Steps[Fitted]:
        """Weigh the n-grams of the training rows, then fit a linear classifier on them."""
        from tl_core.models.training.task_heads import fit_task_head
        from tl_core.tasks import task_of

        counts = yield from _counted(job.encoder, job.train)
        weighting = Weighting.of(counts, pair=job.train[0].text_b is not None)
        features = weighting.weigh(counts)
        yield Step(1, 2)
        task = task_of(job.problem)
        head, held_out = yield from fit_task_head(
            job.problem, features, task.gold(job.problem, job.train), job.params.strength
        )
        yield Step(2, 2)
        predictor = Predictor(head, weighting, task.probabilities, job.encoder)
        return Fitted(
            predictor, trainable_parameters=head.weight.size + head.bias.size, held_out=held_out
        )

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Weights as saved."""
        from tl_core.models.saved import read_arrays
        from tl_core.models.training.heads import load_head
        from tl_core.tasks import task_of

        arrays = read_arrays(folder)
        weighting = Weighting(
            arrays["columns"], arrays["idf"], int(arrays["words"][0]), bool(arrays["pair"][0])
        )
        return Predictor(load_head(folder), weighting, task_of(problem).probabilities, encoder)

    def portable(self, predictor, problem: Problem, encoder):
        """The n-grams, their weights and the head on them."""
        from tl_core.models.encoding import NGRAM_COLUMNS
        from tl_core.models.training.portable import NGrams, Portable

        w = predictor.weighting
        reads = NGrams(w.columns, w.idf, w.words, NGRAM_COLUMNS)
        return Portable(reads, predictor.head, pair=w.pair)


@dataclass(frozen=True)
class Weighting:
    """The hashed n-grams of the training rows, and how rare each is.

    Words and characters are each scaled to unit length, as two TfidfVectorizers side by side would.
    """

    columns: np.ndarray  # (V,) hashed columns, ascending: words first
    idf: np.ndarray  # (V,)
    words: int  # how many of them are words
    pair: bool

    @classmethod
    def of(cls, counts: list, *, pair: bool) -> Weighting:
        """Build it from the counts of the training texts: ln((1 + n) / (1 + df)) + 1."""
        from scipy.sparse import vstack

        from tl_core.models.encoding import NGRAM_COLUMNS

        rows = vstack(counts, format="csr")
        columns, df = np.unique(rows.indices, return_counts=True)
        idf = np.log((1 + rows.shape[0]) / (1 + df)) + 1
        return cls(
            columns.astype(np.int64), idf, int(np.searchsorted(columns, NGRAM_COLUMNS)), pair
        )

    def weigh(self, counts: list):
        """Turn counts of one text per row, or of both, into (n, d) sparse features.

        Two texts: |u - v| and u * v, and their cosine, as frozen sentence embeddings are put
        together.
        """
        first = self._weighed(counts[0])
        if not self.pair:
            return first
        from scipy.sparse import csr_matrix, hstack

        second = self._weighed(counts[1])
        product = first.multiply(second)
        cosine = csr_matrix(product.sum(1) * COSINE_WEIGHT)
        return hstack([abs(first - second), product, cosine], format="csr")

    def _weighed(self, counts):
        from scipy.sparse import hstack
        from sklearn.preprocessing import normalize

        kept = counts[:, self.columns].multiply(self.idf).tocsr()
        return hstack(
            [normalize(kept[:, : self.words]), normalize(kept[:, self.words :])], format="csr"
        )


COSINE_WEIGHT = 1.0


def _counted(encoder, examples: Sequence[Example]) -> Steps[list]:
    """n-gram counts of the first texts, and of the second where there are two; in parts, so that it
    can be stopped.
    """
    from scipy.sparse import vstack

    sides = [[e.text for e in examples]]
    if examples[0].text_b is not None:
        sides.append([e.text_b or "" for e in examples])
    counts = []
    for texts in sides:
        parts = []
        for start in range(0, len(texts), PART):
            parts.append(encoder.ngrams(texts[start : start + PART]))
            yield Step(min(start + PART, len(texts)), len(texts), phase="embed")
        counts.append(vstack(parts, format="csr"))
    return counts


PART = 256


class Predictor:
    """Weighed n-grams through the linear head."""

    def __init__(self, head, weighting: Weighting, probabilities: Callable, encoder):
        self.head, self.weighting, self.encoder = head, weighting, encoder
        self.probabilities = probabilities

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, C) float32."""
        from tl_core.models.training.heads import HeadPredictor

        def features(rows: Sequence[Example]) -> Steps:
            return self.weighting.weigh((yield from _counted(self.encoder, rows)))

        return (yield from HeadPredictor(self.head, self.probabilities, features).predict(examples))

    def save(self, folder: Path) -> None:
        """Write the head and the weighting."""
        from tl_core.models.saved import write_arrays
        from tl_core.models.training.heads import save_head

        save_head(self.head, folder)
        w = self.weighting
        write_arrays(
            folder, columns=w.columns, idf=w.idf, words=np.array([w.words]), pair=np.array([w.pair])
        )


STRATEGY = Tfidf()
