"""sklearn: TF-IDF as a Pipeline of scikit-learn's own parts, written with skops: no pickle.

Its parts are fitted on stand-ins and then given the trained numbers, so that they are as fitted
ones are, whatever the version of scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.exports.ending import Ending
from tl_core.exports.formats._base import EACH_TIME, Format, Probabilities, not_portable
from tl_core.models.training.portable import NGrams
from tl_core.tasks import task_of

if TYPE_CHECKING:
    from tl_core.exports.kept import Kept

FILE = "model.skops"


class Sklearn(Format):
    id = "sklearn"
    library = "sklearn"
    packages = ("scikit-learn", "skops")
    extra = ("skops", "skops")

    def refuses(self, kept: Kept) -> str:
        """It must count n-grams of one text."""
        portable = kept.portable
        if portable is None:
            return not_portable(kept, self.id)
        if not isinstance(portable.reads, NGrams):
            return say("sklearn cannot hold {arm}: it reads with a model.", arm=kept.arm.id)
        if portable.pair:
            return say(
                "sklearn cannot hold {arm}: its rows have two texts, and a Pipeline takes one.",
                arm=kept.arm.id,
            )
        return ""

    def write(self, kept: Kept, folder: Path) -> dict[str, Any]:
        """The pipeline."""
        import zipfile

        from skops.io import dump

        portable = kept.portable
        assert portable is not None and isinstance(portable.reads, NGrams)  # else it was refused
        several = not task_of(kept.problem).exclusive
        ids = list(kept.problem.label_ids)
        stand_ins = [f"{i} {id}" for i, id in enumerate(ids)] * 2
        counting = _counting(portable.reads)
        if several:
            model = _several(counting, portable, stand_ins, len(ids))
        else:
            model = _one(counting, portable, kept.ending, stand_ins, ids)
        dump(model, folder / FILE, compression=zipfile.ZIP_DEFLATED)
        return {"order": ids if several else sorted(ids)}

    def open(self, folder: Path, about: dict[str, Any]) -> Probabilities:
        """Load it with skops, which refuses types that are not scikit-learn's or numpy's own."""
        from skops.io import load

        model = load(folder / FILE)
        order = [about["order"].index(label["id"]) for label in about["labels"]]

        def probabilities(examples: Sequence[Example]) -> np.ndarray:
            return np.asarray(model.predict_proba([e.text for e in examples]))[:, order]

        return probabilities

    def example(self, about: dict[str, Any]) -> str:
        """`predict_proba`, its columns put into the order of the labels."""
        return f"""\
from skops.io import load

model = load(here / "model.skops")
{EACH_TIME}
p = model.predict_proba(texts)[:, [about["order"].index(label) for label in labels]]
"""


def _counting(reads: NGrams) -> Any:
    """Words and characters side by side, each hashed, reduced to the columns of the training rows,
    weighed and scaled to unit length.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.feature_selection import VarianceThreshold
    from sklearn.pipeline import FeatureUnion, Pipeline

    halves = (reads.columns[: reads.words], reads.columns[reads.words :] - reads.width)
    idfs = (reads.idf[: reads.words], reads.idf[reads.words :])
    ways: tuple[dict[str, Any], ...] = (
        {"analyzer": "word", "token_pattern": r"(?u)\b\w+\b", "ngram_range": (1, 2)},
        {"analyzer": "char", "ngram_range": (2, 5)},
    )
    made = []
    for name, way, columns, idf in zip(("words", "characters"), ways, halves, idfs, strict=True):
        hashing = HashingVectorizer(n_features=reads.width, alternate_sign=False, norm=None, **way)
        keep = VarianceThreshold().fit(csr_matrix(([1.0], ([0], [0])), shape=(2, reads.width)))
        keep.variances_ = np.zeros(reads.width, np.uint8)
        keep.variances_[np.asarray(columns, np.int64)] = 1  # what varied in the training rows
        weigh = TfidfTransformer(norm="l2").fit(csr_matrix(np.ones((1, len(columns)))))
        weigh.idf_ = np.asarray(idf, np.float64)
        made.append((name, Pipeline([("hash", hashing), ("keep", keep), ("weigh", weigh)])))
    return FeatureUnion(made)


def _one(
    counting: Any, portable: Any, ending: Ending, stand_ins: Sequence[str], ids: Sequence[str]
) -> Any:
    """A classifier of one label a text; its columns are in the order of sorted labels, as
    scikit-learn has them.
    """
    import scipy.special
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import StackingClassifier, VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    order = np.argsort(np.array(ids, object), kind="stable")
    gold = np.array(ids, dtype=str)[list(range(len(ids))) * 2]
    features = counting.transform(list(stand_ins))
    linear = LogisticRegression(max_iter=500).fit(features, gold)
    _put(linear, portable.head.weight[order], portable.head.bias[order])
    model = Pipeline([("count", counting), ("label", linear)])
    if not ending.scaled:
        return model
    even = DummyClassifier(strategy="uniform").fit(list(stand_ins), gold)
    mixed = VotingClassifier(
        [("trained", model), ("even", even)],
        voting="soft",
        weights=[1 - ending.even, ending.even],
    )
    mixed.estimators_ = [model, even]
    mixed.le_ = _encoder_of(gold)
    mixed.classes_ = mixed.le_.classes_
    two = len(ids) == 2
    logs = FunctionTransformer(scipy.special.logit if two else np.log)
    scale = LogisticRegression(max_iter=500)
    heat = StackingClassifier(
        [("mixed", mixed)],
        Pipeline([("log", logs), ("scale", scale)]),
        stack_method="predict_proba",
        cv="prefit",
    ).fit(list(stand_ins), gold)
    heat.named_estimators_ = dict(heat.named_estimators_)  # skops trusts no Bunch
    _put(heat.final_estimator_.named_steps["scale"], *_heating(len(ids), ending.temperature))
    return heat


def _heating(labels: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """A head that divides logs of probabilities, or of two labels the logit of the second."""
    if labels == 2:
        return np.array([[0.0], [1 / temperature]]), np.zeros(2)
    return np.eye(labels) / temperature, np.zeros(labels)


def _several(counting: Any, portable: Any, stand_ins: Sequence[str], labels: int) -> Any:
    """A classifier of any number of labels a text, in their own order."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import Pipeline

    features = counting.transform(list(stand_ins))
    gold = np.tile(np.eye(labels, dtype=int), (2, 1))
    each = OneVsRestClassifier(LogisticRegression(max_iter=500)).fit(features, gold)
    for linear, weight, bias in zip(
        each.estimators_, portable.head.weight, portable.head.bias, strict=True
    ):
        linear.coef_, linear.intercept_ = weight[None].astype(float), np.array([float(bias)])
    return Pipeline([("count", counting), ("label", each)])


def _put(linear: Any, weight: np.ndarray, bias: np.ndarray) -> None:
    """Give a fitted LogisticRegression a head of (C, d) and (C,); of two labels it has their
    difference.
    """
    if len(bias) == 2:
        weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
    linear.coef_, linear.intercept_ = np.asarray(weight, float), np.asarray(bias, float)


def _encoder_of(gold: np.ndarray) -> Any:
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit(gold)


FORMAT = Sklearn()
