"""Texts as points of a plane: by PCA, UMAP (McInnes et al. 2018) or t-SNE (van der Maaten & Hinton
2008), of one model or of a model before and after training.

What is after training is turned onto what was before (orthogonal Procrustes, Schönemann 1966): a
turned space is the same space, and what then still moves was moved by training. Nothing is scaled:
vectors have length 1 on both sides.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say
from tl_core.api.types import Example, Problem, Step, Steps
from tl_core.api.view import Checkpoint, Job, Models, Numbers
from tl_core.models.disk_cache import ArrayCache
from tl_core.statistics.one_thread import eigh, one_thread
from tl_core.tasks import task_of
from tl_core.views.mentions import has_mentions
from tl_core.views.nearest import Apart, apart, nearest

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    from tl_core.models.training.depths import Deep

METHODS = ("pca", "umap", "tsne")
MOST_POINTS = {
    "pca": 1_000_000,
    "umap": 20_000,
    "tsne": 5_000,
}  # beyond, a slow map is drawn of some of the texts
FEWEST = 5  # points for a map of neighbourhoods
NEIGHBOURS = 15  # in the graph of UMAP
LISTED = 10  # nearest texts listed for each text
MOST_LISTED = (
    5_000  # texts; among more, those of one text are asked for, unless the map needs them all
)
PERPLEXITY = 30.0
VERSION = 1  # raised when a map changes, so that none is mistaken for a new one
ALIKE = 1e-6  # spread below which all vectors are one

Near = tuple[np.ndarray, np.ndarray]  # (n, k) positions of the nearest points and their cosines


@dataclass(frozen=True)
class Side:
    """One model's texts on the map."""

    model: str
    places: np.ndarray  # (n, 2) float32
    near: (
        np.ndarray
    )  # (n, k) positions of the nearest texts by cosine; (0, 0) before they are computed
    cosines: np.ndarray  # (n, k)
    apart: Apart | None = None  # how well labels separate, in the space itself
    by_layer: tuple[Apart | None, ...] = ()  # the same at every depth, where it was asked for


@dataclass(frozen=True)
class EmbeddingMap:
    """Texts on a plane."""

    method: str
    layer: int | None  # None: the model's own sentence embedding
    rows: np.ndarray  # (n,) which of the texts given are on the map
    sides: tuple[Side, ...]  # one, or before and after
    share: tuple[float, float] | None  # of the variance on each axis, PCA only
    layers: int  # how many there are to choose from
    notes: tuple[str, ...] = ()
    mentions: bool = False  # each point is a tagged span, see `tl_core.views.mentions`


@dataclass(frozen=True)
class Placed:
    """Further texts on one side of a map."""

    model: str
    places: np.ndarray  # (m, 2)
    near: np.ndarray  # (m, k) positions of the nearest texts of the map
    cosines: np.ndarray  # (m, k)


def map_texts(
    deeps: Sequence[Deep],
    examples: Sequence[Example],
    problem: Problem | None = None,
    *,
    method: str = "pca",
    layer: int | None = None,
    by_layer: bool = False,
    seed: int = 0,
    kept: ArrayCache | None = None,
) -> Generator[Step | EmbeddingMap, None, EmbeddingMap]:
    """Put texts on a map of one model, or of a model before and after training. The quick map by
    PCA is yielded first, then the one asked for is returned, with its numbers.

    Args:
        deeps: who reads; of two the second is brought onto the first.
        examples: texts, or where spans are tagged mentions, as `mentions_of` makes them.
        problem: what the labels mean; None where there are none.
        layer: a layer to look at; None for the sentence embedding, of mentions for the mean over
            the layers.
        by_layer: also measure how well labels separate at every depth.

    Raises:
        UserError: no texts, no such method or layer.
    """
    notes = _checked(examples, method)
    mentions, single = has_mentions(problem), _single(problem)
    notes += _about(problem, mentions)
    gold = np.array([single.label_index[e.labels[0]] for e in examples]) if single else None
    layers = min(deep.layers for deep in deeps)
    depths = [layer, *range(layers + 1)] if by_layer and single else [layer]
    of_sides = []
    for deep in deeps:
        read = deep.mentions if mentions else deep.vectors
        of_sides.append((yield from read(examples, depths)))
    vectors = [of_depth[0] for of_depth in of_sides]
    quick = _by_pca(_as_wide(vectors))
    bare = tuple(Side(d.name, p, *_NOBODY) for d, p in zip(deeps, quick.places, strict=True))
    yield EmbeddingMap(
        "pca",
        layer,
        np.arange(len(examples)),
        bare,
        quick.pca.share if quick.pca else None,
        layers,
        tuple(notes),
        mentions,
    )
    numbers = []
    for of_depth in of_sides:
        told = [apart(v, gold) if gold is not None else None for v in of_depth]
        numbers.append((told[0], tuple(told[1:])))
        yield Step(len(numbers), len(deeps), phase="read")
    rows = drawn(examples, MOST_POINTS[method])
    if len(rows) < len(examples):
        notes.append(
            say(
                "{examples:,} texts are many for {method}: it shows {rows:,} of them. pca shows"
                " all.",
                examples=len(examples),
                method=method,
                rows=len(rows),
            )
        )
        vectors = [v[rows] for v in vectors]
    near = []
    for v in vectors if method == "umap" or len(rows) <= MOST_LISTED else ():
        near.append((yield from nearest(v, NEIGHBOURS - 1)))
    made = (
        quick
        if method == "pca"
        else (yield from layout(vectors, method, seed=seed, kept=kept, near=near))
    )
    if made.method != method:
        notes.append(
            say(
                "{method} needs at least {fewest} texts that are not all alike; this is the map"
                " by pca.",
                method=method,
                fewest=FEWEST,
            )
        )
    if not np.ptp(np.concatenate(made.places), axis=0).any():
        notes.append(say("All texts have the same vector, so they lie at one point."))
    listed = [(where[:, :LISTED], cosines[:, :LISTED]) for where, cosines in near] or [
        _NOBODY
    ] * len(deeps)
    sides = tuple(
        Side(d.name, p, *n, *told)
        for d, p, n, told in zip(deeps, made.places, listed, numbers, strict=True)
    )
    share = made.pca.share if made.pca else None
    return EmbeddingMap(made.method, layer, rows, sides, share, layers, tuple(notes), mentions)


def _single(problem: Problem | None) -> Problem | None:
    """The problem, where each point has one label."""
    one = problem is not None and (has_mentions(problem) or task_of(problem).exclusive)
    return problem if one else None


def _about(problem: Problem | None, mentions: bool) -> list[str]:
    """What must be said of what points are."""
    if mentions:
        return [say("Each point is a tagged span: the mean over its words in their text.")]
    if problem is None or _single(problem):
        return []
    task = task_of(problem)
    if task.by_word or task.writes:
        return [say("Rows have no label that could separate; each point is a row as it is read.")]
    return [say("Rows may have several labels, so there is no number for how well they separate.")]


def place_texts(
    deeps: Sequence[Deep],
    examples: Sequence[Example],
    new: Sequence[Example],
    *,
    problem: Problem | None = None,
    method: str = "pca",
    layer: int | None = None,
    seed: int = 0,
    kept: ArrayCache | None = None,
) -> Steps[tuple[Placed, ...]]:
    """Further texts on the map of these examples, one answer a side; the map stays as it is.
    Positions of nearest texts count the texts given, whether or not the map shows all of them.

    Raises:
        UserError: as `map_texts`, or the map is by t-SNE.
    """
    _checked(examples, method)
    rows = drawn(examples, MOST_POINTS[method])
    vectors, further = [], []
    for deep in deeps:
        read = deep.mentions if has_mentions(problem) else deep.vectors
        vectors += yield from read(examples, [layer])
        further += yield from read(new, [layer])
    made = yield from layout([v[rows] for v in vectors], method, seed=seed, kept=kept)
    placed = []
    for i, (deep, known, asked) in enumerate(
        zip(deeps, vectors, _as_wide([*further, made.vectors[0]])[:-1], strict=True)
    ):
        cosines = further[i] @ known.T
        near = np.argsort(-cosines, axis=1, kind="stable")[:, :LISTED].astype(np.int32)
        placed.append(
            Placed(deep.name, made.place(i, asked), near, np.take_along_axis(cosines, near, axis=1))
        )
    return tuple(placed)


def drawn(examples: Sequence[Example], most: int) -> np.ndarray:
    """Positions of so many texts at most: the first by a hash of what they say, whatever their
    order.
    """
    if len(examples) <= most:
        return np.arange(len(examples))
    return np.array(
        sorted(sorted(range(len(examples)), key=lambda i: (examples[i].content, i))[:most])
    )


def _checked(examples: Sequence[Example], method: str) -> list[str]:
    if method not in METHODS:
        raise UserError(unknown(say("method"), method, METHODS))
    if not examples:
        raise UserError(say("There are no texts to put on a map. Add rows."))
    return (
        []
        if len(examples) > 1
        else [say("One text alone has no neighbours: its place says nothing.")]
    )


_NOBODY = np.zeros((0, 0), np.int32), np.zeros((0, 0), np.float32)


# --- the plane ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pca:
    """The two directions in which points differ most. Axes point to where their largest loading is
    positive, as scikit-learn's do."""

    mean: np.ndarray  # (d,)
    axes: np.ndarray  # (2, d)
    share: tuple[float, float]

    @classmethod
    def of(cls, vectors: np.ndarray) -> Pca:
        """Fit it to (n, d); a direction in which nothing differs is none."""
        mean = vectors.mean(0, dtype=np.float64)
        n, d = vectors.shape
        spread = np.zeros((d, d))
        for start in range(0, n, 10_000):  # in parts: 100,000 texts would need 300 MB as float64
            part = vectors[start : start + 10_000] - mean
            spread += part.T @ part
        values, directions = eigh(spread)
        values = np.maximum(values[::-1][:2], 0.0)
        axes = np.zeros((2, d))
        for i, value in enumerate(values):
            if value > ALIKE**2 * max(n, values[0]):
                axis = directions[:, -1 - i]
                axes[i] = axis * np.sign(axis[np.abs(axis).argmax()])
        total = max(float(np.trace(spread)), 1e-30)
        share = [float(v / total) if axes[i].any() else 0.0 for i, v in enumerate(values)]
        first, second, *_ = (*share, 0.0)
        return cls(mean, axes, (first, second))

    def place(self, vectors: np.ndarray) -> np.ndarray:
        """(n, d) to (n, 2) float32."""
        return ((vectors - self.mean) @ self.axes.T).astype(np.float32)


@dataclass(frozen=True)
class Turn:
    """A rotation (or reflection) and a shift."""

    center: np.ndarray
    rotation: np.ndarray  # (d, d)
    target: np.ndarray  # where the center goes

    @classmethod
    def onto(cls, before: np.ndarray, after: np.ndarray) -> Turn:
        """The one that brings `after` nearest to `before`, point by point. Directions that no point
        of both has stay as they are."""
        a, b = after.mean(0, dtype=np.float64), before.mean(0, dtype=np.float64)
        product = (after - a).T @ (before - b)
        product += 1e-9 * max(float(np.linalg.norm(product)), 1e-9) * np.eye(len(product))
        with one_thread():
            u, _, v = np.linalg.svd(product)
        return cls(a, u @ v, b)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(n, d) to (n, d)."""
        return (points - self.center) @ self.rotation + self.target


@dataclass(frozen=True)
class Layout:
    """The positions of the points of every side, and how a further point finds its place."""

    method: str
    vectors: tuple[np.ndarray, ...]  # of every side, (n, d)
    places: tuple[np.ndarray, ...]  # of every side, (n, 2)
    pca: Pca | None = None
    turn: Turn | None = None  # brings the second side's vectors onto the first's, PCA only

    def place(self, side: int, vectors: np.ndarray) -> np.ndarray:
        """(m, 2) for further points of a side: on the axes of PCA, or where UMAP first puts a
        point, the mean of its nearest points' places weighted by how much each is its neighbour.

        Raises:
            UserError: t-SNE has no place for further points.
        """
        if self.pca is not None:
            return self.pca.place(self.turn(vectors) if side and self.turn else vectors)
        if self.method == "tsne":
            raise UserError(
                say("t-SNE has no place for a text that was not on the map. Choose pca or umap.")
            )
        return _among(self.vectors[side], self.places[side], vectors)


def layout(
    sides: Sequence[np.ndarray],
    method: str,
    *,
    seed: int = 0,
    kept: ArrayCache | None = None,
    near: Sequence[Near] = (),
) -> Steps[Layout]:
    """Put the points of one side on a map, or of two sides that hold the same texts.

    Args:
        sides: (n, d) float32 of unit length; the second is brought onto the first.
        seed: of UMAP and t-SNE.
        kept: maps computed before.
        near: the nearest points of every side's, where they are known already.
    """
    sides = _as_wide(sides)
    if (
        method == "pca"
        or len(sides[0]) < FEWEST
        or any(np.ptp(s, axis=0).max() < ALIKE for s in sides)
    ):
        return _by_pca(sides)
    places: list[np.ndarray] = []
    for i, vectors in enumerate(sides):
        start = Pca.of(sides[0]).place(
            sides[0]
        )  # both sides begin alike, so that what is alike ends alike
        found = yield from _slow(
            vectors, start, method, seed, kept or ArrayCache(None), near[i] if near else None
        )
        places.append(
            found if not places else Turn.onto(places[0], found)(found).astype(np.float32)
        )
    return Layout(method, tuple(sides), tuple(places))


def _as_wide(sides: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The narrower side gets axes on which it is zero."""
    width = max(s.shape[1] for s in sides)
    return [
        np.pad(s, ((0, 0), (0, width - s.shape[1]))) if s.shape[1] < width else s for s in sides
    ]


def _by_pca(sides: Sequence[np.ndarray]) -> Layout:
    """Lay out sides on shared axes: of two sides those in which both together differ most."""
    if len(sides) == 1:
        pca = Pca.of(sides[0])
        return Layout("pca", tuple(sides), (pca.place(sides[0]),), pca)
    turn = Turn.onto(*sides)
    turned = turn(sides[1]).astype(np.float32)
    pca = Pca.of(np.concatenate([sides[0], turned]))
    return Layout("pca", tuple(sides), (pca.place(sides[0]), pca.place(turned)), pca, turn)


def _slow(
    vectors: np.ndarray,
    start: np.ndarray,
    method: str,
    seed: int,
    kept: ArrayCache,
    near: Near | None,
) -> Steps[np.ndarray]:
    """(n, 2) by UMAP or t-SNE, or as it was found before."""
    h = hashlib.blake2b(digest_size=16)
    version = importlib.metadata.version("umap-learn" if method == "umap" else "scikit-learn")
    for part in (
        f"{VERSION} {method} {seed} {version}".encode(),
        vectors,
        start,
    ):
        h.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).data)
    places = kept.get(h.hexdigest())
    if places is None or places.shape != (len(vectors), 2):
        yield Step(0, 1, phase="read")
        places = (
            (yield from _umap(vectors, start, seed, near))
            if method == "umap"
            else _tsne(vectors, start, seed)
        )
        kept.put(h.hexdigest(), places)
    return places


def _umap(
    vectors: np.ndarray, start: np.ndarray, seed: int, known: Near | None
) -> Steps[np.ndarray]:
    """Lay out vectors with UMAP, finding neighbours here, exactly: the library's own search is
    compiled for a minute at its first use.
    """
    import umap

    count = min(NEIGHBOURS, len(vectors) - 1)
    near, cosines = known or (yield from nearest(vectors, count - 1))
    near, cosines = near[:, : count - 1], cosines[:, : count - 1]
    itself = np.arange(len(vectors), dtype=np.int32)[:, None]
    distances = np.concatenate(
        [np.zeros((len(vectors), 1), np.float32), np.maximum(1 - cosines, 0)], axis=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has no index to search in, which no one will
        made = umap.UMAP(
            n_neighbors=count,
            metric="cosine",
            init=start,
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(np.concatenate([itself, near], axis=1), distances),
        )
        return np.asarray(made.fit_transform(vectors), np.float32)


def _tsne(vectors: np.ndarray, start: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    start = start / max(float(start[:, 0].std()), 1e-12) * 1e-4  # as scikit-learn scales its own
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    return TSNE(
        perplexity=perplexity, init=start, learning_rate="auto", random_state=seed
    ).fit_transform(vectors)


def _among(vectors: np.ndarray, places: np.ndarray, new: np.ndarray) -> np.ndarray:
    """UMAP's first place of a new point: weights exp(-distance / s) with s such that they add up to
    log2 of their number (without the nearest, as the library does); a copy lies on its original."""
    distances = np.maximum(1 - new @ vectors.T, 0).astype(np.float64)
    count = min(NEIGHBOURS, len(vectors))
    where = np.argsort(distances, axis=1, kind="stable")[:, :count]
    found = []
    for row, positions in zip(np.take_along_axis(distances, where, axis=1), where, strict=True):
        weights = np.exp(-row / _reach(row))
        found.append(
            places[positions[0]] if row[0] < ALIKE else weights @ places[positions] / weights.sum()
        )
    return np.array(found, np.float32).reshape(len(new), 2)


def _reach(distances: np.ndarray) -> float:
    low, high = 0.0, math.inf
    reach, wanted = 1.0, math.log2(len(distances))
    for _ in range(64):
        got = np.exp(-distances[1:] / reach).sum()
        if abs(got - wanted) < 1e-5:
            break
        low, high = (low, reach) if got > wanted else (reach, high)
        reach = reach * 2 if math.isinf(high) else (low + high) / 2
    return max(reach, 1e-3 * float(distances.mean()), 1e-12)


# --- asked of a worker ----------------------------------------------------------------------------


def _map_of_checkpoints(
    models: Models,
    checkpoints: Sequence[Checkpoint],
    examples: Sequence[Example],
    problem: Problem | None = None,
    method: str = "pca",
    layer: int | None = None,
    by_layer: bool = False,
    seed: int = 0,
) -> Iterator[Step | EmbeddingMap]:
    """Steps and a first `EmbeddingMap` by PCA, then the one asked for. Two checkpoints: before and
    after training.
    """
    yield (
        yield from map_texts(
            list(map(models.deep, checkpoints)),
            examples,
            problem,
            method=method,
            layer=layer,
            by_layer=by_layer,
            seed=seed,
            kept=models.disk,
        )
    )


def _places_of_checkpoints(
    models: Models,
    checkpoints: Sequence[Checkpoint],
    examples: Sequence[Example],
    new: Sequence[Example],
    problem: Problem | None = None,
    method: str = "pca",
    layer: int | None = None,
    seed: int = 0,
) -> Iterator[Step | tuple[Placed, ...]]:
    """Steps, then one `Placed` a checkpoint: where further texts lie on the map of these
    examples.
    """
    yield (
        yield from place_texts(
            list(map(models.deep, checkpoints)),
            examples,
            new,
            problem=problem,
            method=method,
            layer=layer,
            seed=seed,
            kept=models.disk,
        )
    )


def _warm(_models: Models) -> Iterator[None]:
    """Begin to compile what UMAP needs, so that the first map does not wait for it. It continues
    alongside whatever is asked next.
    """

    def compile_it() -> None:
        points = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
        for _ in layout([points / np.linalg.norm(points, axis=1, keepdims=True)], "umap"):
            pass

    threading.Thread(target=compile_it, name="maps", daemon=True).start()
    yield None


NUMBERS = Numbers(
    "map",
    (
        Job("map_texts", _map_of_checkpoints),
        Job("place_texts", _places_of_checkpoints),
        Job("warm_maps", _warm, warm=True),
    ),
)
