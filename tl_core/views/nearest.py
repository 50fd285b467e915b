"""Nearest neighbours, and how well classes separate: exact, by cosine, in the space itself and not
on its map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tl_core.api.types import Step, Steps

VOTERS = 5  # nearest others that vote for a point's class
BLOCK = 8_000_000  # similarities computed at a time: 32 MB
MOST = 20_000_000  # similarities for one accuracy: every pair of 4,400 points
TIE = 1e-5  # cosines nearer than this are one: rounding must not order copies


@dataclass(frozen=True)
class Apart:
    """The separation of classes in a space."""

    accuracy: float  # share of points whose nearest others vote for their class, 0 to 1
    commonest: float  # what always naming the most frequent class would get
    silhouette: (
        float | None
    )  # mean over points, -1 to 1 (Rousseeuw 1987), by cosine; None where it means nothing
    points: int


def nearest(vectors: np.ndarray, count: int) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """(n, k) positions of the nearest other points, the nearest first, and (n, k) cosines; k =
    min(count, n - 1).

    Args:
        vectors: (n, d) of unit length.
    """
    n = len(vectors)
    count = max(0, min(count, n - 1))
    where, cosines = np.zeros((n, count), np.int32), np.zeros((n, count), np.float32)
    size = max(1, BLOCK // max(1, n))
    for start in range(0, n if count else 0, size):
        near = vectors[start : start + size] @ vectors.T
        near[np.arange(len(near)), np.arange(start, start + len(near))] = -np.inf  # not itself
        some = np.argpartition(-near, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(near, some, axis=1)
        order = np.lexsort((some, -found), axis=1)
        where[start : start + size] = np.take_along_axis(some, order, axis=1)
        cosines[start : start + size] = np.take_along_axis(found, order, axis=1)
        yield Step(min(start + size, n), n, phase="read")
    return where, cosines


def voted(near: np.ndarray, gold: np.ndarray, classes: int) -> np.ndarray:
    """(m,) the class that most of the nearest known points have; one as near as the last voter
    votes as well, so points at one place are not distinguished by their order. Between equals, the
    class whose points are nearer on the whole.

    Args:
        near: (m, n) similarity of each point to the known ones, -inf for those that may not vote.
        gold: (n,) classes of the known ones.
    """
    usable = np.isfinite(near)
    count = min(VOTERS, near.shape[1])
    last = -np.partition(-near, count - 1, axis=1)[:, count - 1 : count]
    votes = usable & (near >= last - TIE)
    of_class = np.eye(classes)[gold]  # (n, C)
    counts = votes @ of_class
    sums = np.where(votes, near, 0.0) @ of_class
    return np.argmax(counts + 1e-6 * sums / np.maximum(votes.sum(1, keepdims=True), 1), axis=1)


def apart(
    vectors: np.ndarray,
    classes_of: Sequence[int] | np.ndarray,
    *,
    groups: Sequence[int] | None = None,
    test: tuple[np.ndarray, Sequence[int]] | None = None,
) -> Apart | None:
    """Measure how well the classes of these points separate; None where there is nothing to
    distinguish.

    Args:
        vectors: (n, d) of unit length.
        groups: points of one group, such as two places in one text, do not vote for each other.
        test: further (vectors, classes) that are voted on instead, by these points; else every
            point by all others, and of very many points some, evenly spread. Points at one place,
            more of them than vote, are given the class that
            most of them have: asked of the others only, equal shares of two classes would make each
            of them wrong.
    """
    gold = np.asarray(classes_of)
    group = np.arange(len(gold)) if groups is None else np.asarray(groups)
    asked, wanted = vectors, gold
    if test is not None:
        asked, wanted = test[0], np.asarray(test[1])
    if len(np.unique(gold)) < 2 or len(np.unique(group)) < 3 or not len(wanted):
        return None
    classes = int(max(gold.max(), wanted.max())) + 1
    some = np.linspace(0, len(asked) - 1, min(len(asked), max(1, MOST // len(gold)))).astype(int)
    right, size = 0, max(1, BLOCK // len(gold))
    for start in range(0, len(some), size):
        rows = some[start : start + size]
        near = asked[rows] @ vectors.T
        one_place = near >= 1 - TIE
        if test is None:
            near[group[rows, None] == group[None]] = -np.inf
        found = voted(near, gold, classes)
        if test is None:
            crowded = one_place.sum(1) > VOTERS
            found[crowded] = np.argmax(one_place[crowded] @ np.eye(classes)[gold], axis=1)
        right += int((found == wanted[rows]).sum())
    commonest = np.bincount(gold, minlength=classes).argmax()
    return Apart(
        right / len(some),
        float((wanted[some] == commonest).mean()),
        silhouette(asked, wanted),
        len(some),
    )


def silhouette(vectors: np.ndarray, gold: np.ndarray) -> float | None:
    """Mean silhouette by cosine distance. Of unit vectors the mean distance to a class is one minus
    the product with its mean vector, so no pair of points is looked at."""
    present, gold = np.unique(gold, return_inverse=True)
    if not 2 <= len(present) < len(gold):
        return None
    member = np.eye(len(present))[gold]  # (n, C)
    sizes = member.sum(0)
    unit = vectors.astype(np.float64)
    summed = (
        sizes - unit @ (member.T @ unit).T
    )  # (n, C): summed distances to the points of each class
    own = np.arange(len(gold)), gold
    inside = (summed[own] - (1 - (unit * unit).sum(1))) / np.maximum(sizes[gold] - 1, 1)
    means = summed / sizes
    means[own] = np.inf
    outside = means.min(1)
    larger = np.maximum(inside, outside)
    told = (sizes[gold] > 1) & (larger > TIE)
    return float(np.where(told, (outside - inside) / np.where(told, larger, 1.0), 0.0).mean())
