"""Texts on a map: against scikit-learn and umap-learn, before and after training in one frame, and
odd inputs.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.tiny_models import drain, text
from tl_core.api.errors import UserError
from tl_core.api.types import Example, Label, Problem
from tl_core.models.catalog import find
from tl_core.models.disk_cache import ArrayCache
from tl_core.models.embedding_cache import EmbeddingCache
from tl_core.models.encoding import Encoder
from tl_core.models.loading import load_model
from tl_core.models.training.depths import Deep
from tl_core.views.embedding_map import (
    METHODS,
    EmbeddingMap,
    Pca,
    Turn,
    layout,
    map_texts,
    place_texts,
)
from tl_core.views.nearest import apart, nearest, silhouette, voted

PROBLEM = Problem("one text", "one label", (Label("sea", "sea"), Label("bread", "bread")))
pytestmark = pytest.mark.usefixtures("quick")


def unit(points: np.ndarray) -> np.ndarray:
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def cloud(n: int, d: int = 12, seed: int = 0, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """(vectors, classes): classes that lie apart, but not wholly."""
    random = np.random.default_rng(seed)
    gold = np.arange(n) % classes
    return unit(random.normal(size=(classes, d))[gold] + 0.6 * random.normal(size=(n, d))), gold


@pytest.fixture(scope="module")
def deep(tiny_models):
    return Deep.of(Encoder(load_model(find(str(tiny_models.body())))), EmbeddingCache(None))


@pytest.fixture(scope="module")
def examples():
    random = np.random.default_rng(1)
    return [
        Example(i, text(topic, random), labels=(topic,))
        for i, topic in enumerate(("sea", "bread") * 20, start=1)
    ]


def drawn(steps) -> tuple[list[EmbeddingMap], EmbeddingMap]:
    """(maps on the way, the last)."""
    early = []
    try:
        while True:
            event = next(steps)
            early += [event] if isinstance(event, EmbeddingMap) else []
    except StopIteration as end:
        return early, end.value


# --- the plane ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(200, 12), (9, 40), (3, 5)])
def test_pca_is_scikit_learns(shape):
    from sklearn.decomposition import PCA

    points, _ = cloud(*shape)
    theirs, ours = PCA(2, svd_solver="full").fit(points.astype(np.float64)), Pca.of(points)
    further = cloud(7, shape[1], seed=5)[0]
    assert np.allclose(ours.place(points), theirs.transform(points), atol=1e-6), "signs too"
    assert np.allclose(ours.place(further), theirs.transform(further), atol=1e-6)
    assert np.allclose(ours.share, theirs.explained_variance_ratio_, atol=1e-6)


def test_axes_on_which_nothing_differs_are_none():
    one = np.tile(unit(np.ones((1, 6))), (5, 1))
    assert not Pca.of(one).place(one).any() and Pca.of(one).share == (0.0, 0.0)
    two = unit(np.eye(6)[:2])
    places = Pca.of(two).place(two)
    assert (
        np.allclose(np.abs(places), [[np.sqrt(0.5), 0], [np.sqrt(0.5), 0]], atol=1e-6)
        and not places[:, 1].any()
    )


def test_a_turned_space_is_turned_back():
    before, _ = cloud(60)
    q, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(12, 12)))
    turn = Turn.onto(before, before @ q + 3)
    assert np.allclose(turn(before @ q + 3), before, atol=1e-5)
    assert np.allclose(turn.rotation @ turn.rotation.T, np.eye(12), atol=1e-9), (
        "lengths stay: nothing is scaled"
    )
    few = cloud(4)[0]
    assert np.allclose(Turn.onto(few, few).rotation, np.eye(12), atol=1e-6), (
        "also where points fill only some directions"
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_space_against_itself_does_not_move(method):
    points, _ = cloud(40)
    made = drain(layout([points, points.copy()], method))
    assert np.allclose(*made.places, atol=1e-5) and np.ptp(made.places[0]) > 0.1
    moved = drain(layout([points, cloud(40, seed=8)[0]], method))
    assert np.abs(moved.places[0] - moved.places[1]).max() > 0.1


def test_procrustes_is_the_best_turn():
    from scipy.spatial import procrustes

    before, after = cloud(30)[0], cloud(30, seed=3)[0]
    turn = Turn.onto(before, after)
    ours = np.linalg.norm(turn(after) - before)
    rng = np.random.default_rng(0)
    for _ in range(20):
        q, _ = np.linalg.qr(rng.normal(size=(12, 12)))
        assert ours < np.linalg.norm((after - after.mean(0)) @ q + before.mean(0) - before)
    theirs = procrustes(before, after)[
        1
    ]  # centred, of norm 1, turned and scaled: the turn is the same
    turned = turn(after) - before.mean(0)
    assert np.allclose(turned / np.linalg.norm(turned), theirs / np.linalg.norm(theirs), atol=1e-5)


def test_sides_of_different_width():
    made = drain(layout([cloud(20, 12)[0], cloud(20, 7)[0]], "pca"))
    assert [p.shape for p in made.places] == [(20, 2), (20, 2)]


def test_umap_places_as_the_library_begins():
    from scipy.sparse import coo_matrix
    from umap.umap_ import compute_membership_strengths, init_graph_transform, smooth_knn_dist

    points, further = cloud(60)[0], cloud(5, seed=9)[0]
    made = drain(layout([points], "umap"))
    distances = 1 - further @ points.T
    near = np.argsort(distances, axis=1)[:, :15].astype(np.int32)
    lengths = np.take_along_axis(distances, near, axis=1)
    sigmas, rhos = smooth_knn_dist(lengths, 15.0, local_connectivity=0.0)
    rows, columns, weights, _ = compute_membership_strengths(
        near, lengths, sigmas, rhos, bipartite=True
    )
    graph = coo_matrix((weights, (rows, columns)), shape=(5, 60)).tocsr()
    assert np.allclose(
        made.place(0, further), init_graph_transform(graph, made.places[0]), atol=1e-3
    )
    assert np.allclose(made.place(0, points[:3]), made.places[0][:3]), "a copy lies on its original"


def test_slow_maps_are_seeded_and_kept(tmp_path, monkeypatch):
    points, gold = cloud(60)
    kept = ArrayCache(tmp_path / "maps")
    first = drain(layout([points], "umap", kept=kept)).places[0]
    assert np.array_equal(first, drain(layout([points], "umap")).places[0])
    assert not np.array_equal(first, drain(layout([points], "umap", seed=1, kept=kept)).places[0])
    assert len(list((tmp_path / "maps").glob("*.npy"))) == 2
    monkeypatch.setattr("tl_core.views.embedding_map._umap", None)  # it must not be asked again
    assert np.array_equal(first, drain(layout([points], "umap", kept=kept)).places[0])
    for file in (tmp_path / "maps").glob("*.npy"):
        file.write_bytes(b"damaged")
    assert kept.get("nothing") is None
    with pytest.raises(TypeError):
        drain(layout([points], "umap", kept=kept))
    inside = [
        np.linalg.norm(first[gold == c] - first[gold == c].mean(0), axis=1).mean() for c in range(3)
    ]
    assert np.mean(inside) < np.linalg.norm(first - first.mean(0), axis=1).mean(), (
        "classes that lie apart lie apart on the map"
    )


def test_a_cache_that_cannot_be_written_is_none(tmp_path):
    (tmp_path / "maps").write_text("in the way")
    kept = ArrayCache(tmp_path / "maps")
    kept.put("key", np.zeros(3))
    assert kept.get("key") is None


def test_tsne_takes_no_further_points():
    with pytest.raises(UserError, match="t-SNE has no place"):
        drain(layout([cloud(20)[0]], "tsne")).place(0, cloud(1)[0])


# --- who is near, and how classes stand apart -----------------------------------------------------


def test_nearest_are_scikit_learns(monkeypatch):
    from sklearn.neighbors import NearestNeighbors

    points, _ = cloud(50)
    monkeypatch.setattr("tl_core.views.nearest.BLOCK", 50 * 7)  # several parts
    where, cosines = drain(nearest(points, 6))
    distances, theirs = (
        NearestNeighbors(n_neighbors=7, metric="cosine").fit(points).kneighbors(points)
    )
    assert np.array_equal(where, theirs[:, 1:]) and np.allclose(
        cosines, 1 - distances[:, 1:], atol=1e-5
    )
    assert drain(nearest(points[:2], 6))[0].tolist() == [[1], [0]] and drain(
        nearest(points[:1], 6)
    )[0].shape == (1, 0)


def test_silhouette_is_scikit_learns():
    from sklearn.metrics import silhouette_score

    points, gold = cloud(60)
    gold[0] = 3  # alone in its class
    assert silhouette(points, gold) == pytest.approx(
        silhouette_score(points.astype(np.float64), gold, metric="cosine"), abs=1e-6
    )
    assert silhouette(np.tile(points[:1], (10, 1)), np.arange(10) % 2) == 0.0
    assert silhouette(points, np.zeros(60, int)) is None


def test_leave_one_out_accuracy_is_scikit_learns():
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    points, gold = cloud(60, classes=2)  # 5 votes for two classes are never even
    told = apart(points, gold)
    theirs = cross_val_score(
        KNeighborsClassifier(5, metric="cosine", algorithm="brute"), points, gold, cv=LeaveOneOut()
    ).mean()
    assert told.accuracy == pytest.approx(theirs) and told.points == 60 and told.commonest == 0.5
    further, wanted = cloud(30, seed=4, classes=2)
    tested = apart(points, gold, test=(further, wanted))
    assert tested.accuracy == pytest.approx(
        KNeighborsClassifier(5, metric="cosine").fit(points, gold).score(further, wanted)
    )


def test_points_at_one_place_all_vote():
    """Else the order of the rows would tell classes apart that nothing tells apart."""
    gold = np.array([1] * 5 + [0] * 7)
    assert voted(np.ones((1, 12)), gold, 2).tolist() == [0]
    same = np.tile(unit(np.ones((1, 4))), (12, 1))
    told = apart(same, gold, test=(same, gold))
    assert told.accuracy == told.commonest == pytest.approx(7 / 12) and told.silhouette == 0.0


def test_points_at_one_place_are_told_as_their_commonest_class():
    """Asked of the others only, each of two classes of one size would always be told as the other
    one: 0%, and no sign of sense.
    """
    same = np.tile(unit(np.ones((1, 4))), (12, 1))
    for gold in (np.arange(12) % 2, np.array([0] * 5 + [1] * 7), np.arange(12) % 3):
        told = apart(same, gold)
        assert told.accuracy == pytest.approx(np.bincount(gold).max() / 12) == told.commonest


def test_points_of_one_group_do_not_vote_for_each_other():
    points = unit(np.repeat(np.random.default_rng(0).normal(size=(12, 30)), 2, axis=0))
    gold = np.repeat(np.random.default_rng(1).permutation(np.arange(12) % 2), 2)
    copied = apart(points, gold)
    grouped = apart(points, gold, groups=np.repeat(np.arange(12), 2))
    assert grouped.accuracy < copied.accuracy


def test_nothing_to_tell_apart():
    points, _ = cloud(6)
    assert apart(points, [0] * 6) is None and apart(points[:2], [0, 1]) is None


# --- texts ----------------------------------------------------------------------------------------


def test_a_map_of_texts(deep, examples):
    early, made = drawn(
        map_texts([deep], examples, PROBLEM, method="umap", by_layer=True, kept=None)
    )
    assert [m.method for m in early] == ["pca"] and made.method == "umap"
    vectors = drain(deep.encoder.embed([e.text for e in examples]))
    assert np.allclose(
        early[0].sides[0].places, Pca.of(unit(vectors)).place(unit(vectors)), atol=1e-4
    )
    side = made.sides[0]
    assert (
        side.places.shape == (40, 2)
        and side.near.shape == side.cosines.shape == (40, 10)
        and len(side.by_layer) == deep.layers + 1
    )
    assert side.apart.accuracy > 0.8 > side.apart.commonest
    placed = drain(place_texts([deep], examples, examples[3:4], method="umap"))[0]
    assert (
        np.allclose(placed.places, side.places[3])
        and placed.near[0, 0] == 3
        and placed.cosines[0, 0] == pytest.approx(1, abs=1e-5)
    )


def test_texts_are_read_once_and_the_same_beside_others(deep, examples, tmp_path):
    cached = Deep(
        deep.name, deep.encoder, deep.network, deep.space, EmbeddingCache(tmp_path), deep.room
    )
    first = drain(cached.vectors(examples, [None, 2]))
    steps = list(cached.vectors([*examples[:5], examples[0]], [2, None]))
    assert not steps, "nothing is read again"
    alone = drain(deep.vectors(examples[7:8], [2]))[0]
    assert np.allclose(alone[0], first[1][7], atol=1e-5) and np.allclose(
        np.linalg.norm(first[1], axis=1), 1, atol=1e-5
    )
    assert not np.allclose(first[0], first[1], atol=1e-2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "texts",
    [
        ["ship"],
        ["ship", "oven"],
        ["ship wave"] * 8,
        ["", " "],
        ["🙂", "👩‍👩‍👧", "שלום עולם", "<b onload=x>ship</b>", "wave " * 25_000, "ship", "\x00"],
    ],
)
def test_odd_texts(deep, texts, method):
    rows = [Example(i, t) for i, t in enumerate(texts)]
    _, made = drawn(map_texts([deep, deep], rows, None, method=method))
    assert made.sides[0].places.shape == (len(texts), 2) and np.isfinite(made.sides[0].places).all()
    assert np.allclose(made.sides[0].places, made.sides[1].places, atol=1e-4)
    if len(set(texts)) < 3:
        assert made.method == "pca" and (made.notes or method == "pca")


def test_many_texts_for_a_slow_map(deep, examples, monkeypatch):
    monkeypatch.setitem(
        __import__("tl_core.views.embedding_map", fromlist=["MOST_POINTS"]).MOST_POINTS, "umap", 12
    )
    early, made = drawn(map_texts([deep], examples, PROBLEM, method="umap"))
    assert (
        len(early[0].rows) == 40
        and len(made.rows) == len(made.sides[0].places) == 12
        and "40 texts are many" in made.notes[0]
    )
    _, other = drawn(map_texts([deep], examples[::-1], PROBLEM, method="umap"))
    assert {examples[i].text for i in made.rows} == {examples[::-1][i].text for i in other.rows}


def test_what_cannot_be_mapped(deep, examples):
    for wrong, words in (
        ({"method": "som"}, "no method"),
        ({"layer": 9}, "4 layers"),
        ({"layer": -1}, "4 layers"),
    ):
        with pytest.raises(UserError, match=words):
            drawn(map_texts([deep], examples, PROBLEM, **wrong))
    with pytest.raises(UserError, match="no texts"):
        drawn(map_texts([deep], [], PROBLEM))
