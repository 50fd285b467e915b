"""Duplicates: hand-made cases, the true Jaccard similarity counted another way, and order of
rows.
"""

from __future__ import annotations

import random
import re
import unicodedata
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example as with_case
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.api.types import Example
from tl_core.data import duplicates
from tl_core.data.duplicates import THRESHOLD, find_duplicates, jaccard, normalise, overlap

LONG = (
    "The parcel came two weeks late and the box was torn open at one side, nobody at the desk could"
    " say why."
)


def rows(*texts: str, labels: str = "") -> list[Example]:
    return [
        Example(i, text, labels=(labels[i - 1],) if labels else ("a",))
        for i, text in enumerate(texts, 1)
    ]


def shingles(text: str) -> set[str]:
    """The definition in the module's docstring, written with strings and sets (Latin and Hangul
    only).
    """
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    letters = re.sub(r"[\W_]", "", plain)
    read = letters or " ".join(plain.split())
    return {read[i : i + 5] for i in range(max(1, len(read) - 4))}


def true_jaccard(a: str, b: str) -> float:
    return len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b))


def connected(n: int, edges: list[tuple[int, int]]) -> set[frozenset[int]]:
    cluster = {i: {i} for i in range(n)}
    for a, b in edges:
        if cluster[a] is not cluster[b]:
            cluster[a] |= cluster[b]
            for i in cluster[b]:
                cluster[i] = cluster[a]
    return {frozenset(members) for members in cluster.values()}


def partition(examples: list[Example]) -> set[frozenset[int]]:
    """The clusters as sets of row numbers."""
    found = find_duplicates(examples).cluster
    return {
        frozenset(examples[i].row for i in np.flatnonzero(found == name))
        for name in set(found.tolist())
    }


def test_normalise_evens_out_width_case_and_white_space():
    assert normalise("  Ｇｏｏｄ \t\n FILM\u3000Straße ") == "good film strasse"
    assert normalise("한국") == normalise(unicodedata.normalize("NFD", "한국"))


def test_each_kind_of_copy_by_hand():
    examples = rows(
        LONG,
        "good",
        "bad",
        " GOOD ",
        "",
        "odd",
        "Odd",
        "good",
        LONG + "!!",
        "\u200b",
        labels="abbbaabbbb",
    )
    found = find_duplicates(examples)
    assert found.empty == ((4, 9),)
    assert found.exact == ((1, 3, 7),)
    assert found.conflicts == ((5, 6),)
    assert found.near == ((0, 8),)
    assert found.keep.tolist() == [True, True, True, False, False, False, False, False, True, False]
    assert found.cluster.tolist() == [0, 1, 2, 1, 4, 5, 5, 1, 0, 9]
    assert found.cluster.dtype == np.int64 and found.unexamined == 0


def test_nothing_to_find():
    for examples in ([], rows("one text")):
        found = find_duplicates(examples)
        assert found.keep.tolist() == [True] * len(examples)
        assert (found.empty, found.exact, found.near, found.conflicts) == ((), (), (), ())


def test_labels_are_compared_as_sets():
    same = [Example(1, "text", labels=("a", "b")), Example(2, "text", labels=("b", "a"))]
    other = [Example(1, "text", labels=("a", "b")), Example(2, "text", labels=("a",))]
    assert find_duplicates(same).exact == ((0, 1),)
    assert find_duplicates(other).conflicts == ((0, 1),)


def test_a_conflict_ties_no_other_rows_together():
    found = find_duplicates(rows(LONG, LONG, LONG + "!", labels="aba"))
    assert found.conflicts == ((0, 1),) and found.near == ()
    assert found.keep.tolist() == [False, False, True]


def test_two_texts_are_copies_only_together():
    pair = [
        Example(1, "a cat", "a dog"),
        Example(2, "A cat", "a dog "),
        Example(3, "a dog", "a cat"),
        Example(4, "a cat a dog", None),
        Example(5, "a cat", ""),
    ]
    found = find_duplicates(pair, near=False)
    assert found.exact == ((0, 1),) and found.empty == ((4,),) and found.conflicts == ()


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("너무 좋아요!!", "너무좋아요", True),  # spacing and punctuation
        (
            "배우들 연기가 정말 훌륭했고 음악도 좋았던 영화입니다",
            "배우들의 연기가 정말 훌륭했고 음악도 좋았던 영화입니다",
            True,
        ),
        ("재미있어요", "재미없어요", False),  # one syllable, the opposite meaning
        ("good", "food", False),
        ("👍", "👎", False),
        ("👍👍 👍", "👍👍", False),
        (LONG, LONG.replace("weeks", "months"), True),
        (LONG, LONG[:50], False),
        ("हिंदी", "हदी", False),  # vowel signs are read
    ],
)
def test_near_by_hand(a: str, b: str, same: bool):
    assert bool(find_duplicates(rows(a, b)).cluster[1] == 0) is same


def test_near_false_looks_for_exact_copies_only():
    found = find_duplicates(rows(LONG, LONG + "!"), near=False)
    assert found.near == () and found.cluster.tolist() == [0, 1]


ALPHABET = "ab 가각나!"
texts = st.lists(st.text(ALPHABET, max_size=14) | st.text(max_size=6), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(texts, st.randoms(use_true_random=False))
@with_case(["\ud800", "\ud800 ", "x"], random.Random(1))
def test_the_order_of_rows_does_not_matter(texts, chance):
    examples = [Example(i, text, labels=(chance.choice("ab"),)) for i, text in enumerate(texts)]
    shuffled = chance.sample(examples, len(examples))
    assert partition(examples) == partition(shuffled)
    kept = [
        sorted(normalise(e.text) for e, k in zip(x, find_duplicates(x).keep) if k)
        for x in (examples, shuffled)
    ]
    assert kept[0] == kept[1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(ALPHABET, min_size=1, max_size=60), min_size=2, max_size=10),
    st.randoms(use_true_random=False),
)
def test_clusters_are_those_of_the_true_similarity(texts, chance):
    texts = [t for t in texts if t.strip()]
    texts += [t + chance.choice(["", " ", "a", "가", "!!"]) for t in texts]
    found = find_duplicates(rows(*texts)).cluster
    edges = [
        (i, j)
        for i, j in combinations(range(len(texts)), 2)
        if true_jaccard(texts[i], texts[j]) >= THRESHOLD
    ]
    # No pair that is not connected by true similarity may be joined; every pair of 0.9 must be.
    allowed = connected(len(texts), edges)
    assert all(any({i, int(found[i])} <= members for members in allowed) for i in range(len(texts)))
    for i, j in edges:
        if normalise(texts[i]) == normalise(texts[j]) or true_jaccard(texts[i], texts[j]) >= 0.9:
            assert found[i] == found[j]


def sentences(n: int, seed: int, vocabulary: int = 3000) -> list[str]:
    chance = random.Random(seed)
    words = [
        "".join(chance.choices("etaoinshrdlucm", k=chance.randint(3, 9))) for _ in range(vocabulary)
    ]
    return [" ".join(chance.choices(words, k=30)) for _ in range(n)]


def test_recall_and_precision_on_altered_sentences():
    chance = random.Random(3)
    originals = sentences(1500, seed=3)
    altered = []
    for text in originals:
        words = text.split()
        for _ in range(chance.randint(1, 3)):
            words[chance.randrange(len(words))] = "other"
        altered.append(" ".join(words))
    found = find_duplicates(rows(*originals, *altered)).cluster
    similarity = np.array([true_jaccard(a, b) for a, b in zip(originals, altered)])
    joined = found[1500:] == np.arange(1500)
    assert (
        min(
            (similarity >= 0.9).sum(),
            ((similarity >= 0.8) & (similarity < 0.9)).sum(),
            (similarity < 0.8).sum(),
        )
        > 50
    )
    assert joined[similarity >= 0.9].all()
    assert joined[(similarity >= 0.8) & (similarity < 0.9)].mean() > 0.98
    assert not joined[similarity < 0.8].any()


def test_the_chance_of_missing_a_pair_of_nine_tenths():
    assert (1 - 0.9**duplicates.BAND_ROWS) ** duplicates.BANDS < 1e-4


def test_minhash_estimates_the_similarity_without_bias():
    pairs = [
        (
            "the same long beginning of two sentences " + "x" * k + str(k),
            "the same long beginning of two sentences",
        )
        for k in range(40)
    ]
    signatures = duplicates._signatures(rows(*(t for pair in pairs for t in pair)))
    estimates = (signatures[::2] == signatures[1::2]).mean(axis=1)
    truth = np.array([true_jaccard(a, b) for a, b in pairs])
    assert (
        abs((estimates - truth).mean()) < 0.05
    )  # the pairs share shingles, so their errors are not independent
    assert abs(estimates - truth).max() < 0.25


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (LONG, LONG[10:]),
        ("가나다라마바사", "가나다라마바"),
        ("ab", "abc"),
        ("aaaaaaaa", "aaaaaa"),
        ("👍", "👍!"),
    ],
)
def test_jaccard_is_the_definition(a: str, b: str):
    assert jaccard(*rows(a, b)) == pytest.approx(true_jaccard(a, b))


def test_a_large_bucket_is_told_of_and_does_not_depend_on_order(monkeypatch):
    monkeypatch.setattr(duplicates, "NEIGHBOURS", 2)
    chance = random.Random(5)
    examples = rows(
        *(f"{LONG} {''.join(chance.choices('xyz', k=14))} {LONG[::-1][:40]}" for _ in range(60))
    )
    found = find_duplicates(examples)
    assert 0 < found.unexamined <= 60
    assert partition(examples) == partition(chance.sample(examples, 60))


@pytest.mark.parametrize(("limit", "most"), [("MAX_CHECKS", 3), ("MAX_COMPARED", 5 * len(LONG))])
def test_the_number_of_exact_comparisons_is_bounded_and_told(monkeypatch, limit, most):
    """By how many they are, and by how long the texts are: the third pair goes beyond five times
    the length.
    """
    monkeypatch.setattr(duplicates, limit, most)
    found = find_duplicates(rows(*(LONG + "!" * k for k in range(20))))
    assert found.unexamined > 0
    assert sum(len(group) - 1 for group in found.near) == 3


def test_many_copies_of_one_template_stay_one_cluster():
    found = find_duplicates(rows(*(LONG + "!" * k for k in range(500))))
    assert len(found.near) == 1 and len(found.near[0]) == 500 and found.unexamined == 0


def test_overlap_of_a_pool_with_a_test_file():
    pool = rows("Good film", LONG + "?", "something else", "", "good film", LONG)
    test = rows("nothing alike", "", "GOOD  film", LONG.upper(), "good film")
    found = overlap(pool, test)
    assert found.exact == [(0, 2), (4, 2), (5, 3)]
    assert found.near == [(1, 3)]
    assert overlap(pool, test, near=False).near == []
    assert overlap([], test) == overlap(pool, []) == ([], [])


def test_overlap_finds_altered_test_rows_among_many():
    test = sentences(300, seed=8)
    pool = sentences(1000, seed=9) + [text + " more" for text in test]
    found = overlap(rows(*pool), rows(*test))
    assert found.exact == [] and found.near == [(1000 + k, k) for k in range(300)]
