"""Words, their endings and their shapes, with those around them, and logistic regression on them:
what tags were learned from before networks (Ratnaparkhi 1996), and what a dictionary of the
training words would find.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tl_core.api.params import param
from tl_core.api.sentences import say
from tl_core.api.strategy import Strategy
from tl_core.api.types import Example, Fitted, Job, Problem, Step, Steps

COLUMNS = 2**20
AROUND = 2  # words on either side
MANY = 100_000  # columns, from which on those of a single word are left out: most say nothing


@dataclass(frozen=True)
class WordShapeSettings:
    strength: float = param(
        100.0, "Inverse of the regularisation (scikit-learn's C)", low=1e-3, high=1e6
    )


class WordShape(Strategy):
    id = "word-shape"
    order = 22
    title = say("Word shapes + logistic regression")
    about = say(
        "Learns from the words themselves: spelling, endings, capitals and digits, and the words"
        " beside them. Knows no meaning; what a dictionary of the training words can do."
    )
    tasks = frozenset({"tagging"})
    other_tasks = say("tags words and does nothing else. Choose tfidf.")
    uses_model = False
    deterministic = True
    settings = WordShapeSettings

    def fit(self, job: Job) -> Steps[Fitted]:
        """Count what is seen of each word, then fit a linear classifier on it."""
        from tl_core.tasks import task_of

        counts, task = _counted(job.train), task_of(job.problem)
        gold = task.gold(job.problem, job.train)
        yield Step(1, 2)
        seen, times = np.unique(counts.indices, return_counts=True)
        if len(seen) > MANY:
            seen = seen[times > 1]
        tags = task.outputs(job.problem)
        head = _each_tag(counts[:, seen], gold[gold >= 0], tags, job.params.strength)
        yield Step(2, 2)
        return Fitted(
            Predictor(head, seen, job.params, job.problem),
            trainable_parameters=head.weight.size + head.bias.size,
        )

    def load(self, folder: Path, problem: Problem, encoder) -> Predictor:
        """Weights as saved."""
        from tl_core.models.saved import read_arrays, read_settings
        from tl_core.models.training.heads import load_head

        seen = read_arrays(folder)["seen"]
        params = WordShapeSettings(**read_settings(folder))
        return Predictor(load_head(folder), seen, params, problem)


class Predictor:
    """The head on what is seen of words."""

    def __init__(self, head: Any, seen: np.ndarray, params: WordShapeSettings, problem: Problem):
        self.head, self.seen, self.params, self.problem = head, seen, params, problem

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W, K) float32."""
        from tl_core.api.words import words_of
        from tl_core.models.training.heads import sigmoid
        from tl_core.tasks import task_of

        task = task_of(self.problem)
        scores = np.zeros(task.shape(self.problem, examples), np.float32)
        counts = [len(words_of(e)) for e in examples]
        if sum(counts):
            each = sigmoid(self.head.logits(_counted(examples)[:, self.seen]))
            parts = np.split(each / each.sum(1, keepdims=True), np.cumsum(counts)[:-1])
            for row, part in zip(scores, parts, strict=True):
                row[: len(part)] = part
        yield Step(len(examples), len(examples), phase="predict")
        return scores

    def save(self, folder: Path) -> None:
        """Write weights, and which columns they are of."""
        from tl_core.models.saved import write_arrays, write_settings
        from tl_core.models.training.heads import save_head

        write_settings(folder, self.params)
        write_arrays(folder, seen=self.seen)
        save_head(self.head, folder)


def _each_tag(counts: Any, gold: np.ndarray, tags: int, strength: float) -> Any:
    """A head of each tag against the rest: of so many words and columns, scikit-learn's liblinear
    is some fifty times as fast as one softmax over all tags, and finds as much.
    """
    from sklearn.linear_model import LogisticRegression

    from tl_core.models.training.heads import ABSENT, LinearHead

    weight, bias = np.zeros((tags, counts.shape[1])), np.full(tags, ABSENT)
    for tag in np.unique(gold):
        given = gold == tag
        if given.all():
            bias[tag] = -ABSENT
            continue
        fitted = LogisticRegression(C=strength, solver="liblinear", random_state=0)
        fitted.fit(counts, given)
        weight[tag], bias[tag] = fitted.coef_[0], fitted.intercept_[0]
    return LinearHead(weight, bias, strength)


def _counted(examples: Sequence[Example]):
    """(words of all texts, COLUMNS) sparse, rows of unit length."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.preprocessing import normalize

    hasher = FeatureHasher(COLUMNS, input_type="string", alternate_sign=False, dtype=np.float32)
    return normalize(hasher.transform(what for e in examples for what in _seen(e)))


def _seen(example: Example) -> Iterator[list[str]]:
    """What is seen of each word of a text, as names of features."""
    from tl_core.api.words import words_of

    text, places = example.text, words_of(example)
    words = [text[start:end] for start, end in places]
    shapes = [_shape(word) for word in words]
    apart = [i == 0 or places[i - 1][1] < start for i, (start, _) in enumerate(places)]
    for i, word in enumerate(words):
        small = word.casefold()
        found = [f"w={small}", f"s={shapes[i]}", f"apart={apart[i]}", f"first={i == 0}"]
        found += [f"begins={small[:n]}" for n in (1, 2, 3)]
        found += [f"ends={small[-n:]}" for n in (1, 2, 3)]
        for step in (*range(-AROUND, 0), *range(1, AROUND + 1)):
            j = i + step
            inside = 0 <= j < len(words)
            found.append(f"{step}w={words[j].casefold() if inside else ''}")
            found.append(f"{step}s={shapes[j] if inside else ''}")
        if i:
            found.append(f"-1,0={words[i - 1].casefold()} {small}")
        if i + 1 < len(words):
            found.append(f"0,1={small} {words[i + 1].casefold()}")
        yield found


def _shape(word: str) -> str:
    """Capitals as A, small letters as a, digits as 0, other letters as x; runs made short."""
    marked = "".join(
        "A"
        if c.isupper()
        else "a"
        if c.islower()
        else "0"
        if c.isdigit()
        else "x"
        if c.isalpha()
        else c
        for c in word
    )
    return re.sub(r"(.)\1+", r"\1\1", marked)


STRATEGY = WordShape()
