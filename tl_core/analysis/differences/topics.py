"""Topics of test rows: groups of rows whose vectors lie together (k-means), each with the words
that more of its rows hold than of the others. Neither labels nor answers play a part. A worker
makes them on request; from then on they are a part of the study, topics.json.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tl_core.statistics.one_thread import one_thread
from tl_core.studies.plan import Plan
from tl_core.studies.store import Store

NAME, VERSION = "topics.json", 1
ROWS_OF_ONE, MOST = (
    60,
    12,
)  # rows a topic has on the average, where there are not more topics than that
WORDS_SHOWN = 3
A_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Topics:
    """The topic of each test row, and what stands out in each topic."""

    of: np.ndarray  # (n,) int
    words: tuple[str, ...]  # by topic


def grouped(vectors: Any, texts: Sequence[str], *, seed: int = 0) -> Topics:
    """Args:
    vectors: (n, d) rows of length 1, dense or sparse.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.preprocessing import normalize

    n, width = vectors.shape
    if not isinstance(
        vectors, np.ndarray
    ):  # n-grams: most pairs of rows share none, so they are first brought onto what they share
        with one_thread():
            vectors = (
                normalize(
                    TruncatedSVD(min(50, width - 1), random_state=seed).fit_transform(vectors)
                )
                if width > 1
                else vectors.toarray()
            )
    count = min(MOST, max(2, n // ROWS_OF_ONE), len(np.unique(vectors, axis=0)))
    of = KMeans(count, n_init=4, random_state=seed).fit_predict(vectors)
    return Topics(of, tuple(_words(texts, of == topic) for topic in range(count)))


def _words(texts: Sequence[str], inside: np.ndarray) -> str:
    """Return the words with the largest share of rows inside less their share outside."""
    counts: tuple[Counter[str], Counter[str]] = Counter(), Counter()
    for text, yes in zip(texts, inside, strict=True):
        counts[int(yes)].update(set(A_WORD.findall(text.casefold())))
    most = np.maximum([(~inside).sum(), inside.sum()], 1)
    lead = {word: count / most[1] - counts[0][word] / most[0] for word, count in counts[1].items()}
    return (
        ", ".join(
            sorted((w for w, x in lead.items() if x > 0), key=lambda w: (-lead[w], w))[:WORDS_SHOWN]
        )
        or "…"
    )


def stored_topics(store: Store, made: Plan) -> Topics | None:
    """Return the study's stored topics; damaged ones, or those of other test rows, are absent."""
    record = store.read_json(NAME)
    try:
        of, words = np.array(record["of"], dtype=int), tuple(map(str, record["words"]))
        fits = (record["version"], record["test"], of.shape) == (
            VERSION,
            made.study.split.test_digest,
            (len(made.study.split.test),),
        )
        return (
            Topics(of, words)
            if fits and of.min(initial=0) >= 0 and of.max(initial=0) < len(words)
            else None
        )
    except (TypeError, KeyError, ValueError):
        return None


def keep(store: Store, made: Plan, topics: Topics) -> None:
    """Make them a part of the study."""
    store.write_json(
        NAME,
        {
            "version": VERSION,
            "test": made.study.split.test_digest,
            "of": topics.of.tolist(),
            "words": list(topics.words),
        },
    )
