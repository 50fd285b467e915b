"""Test rows are chosen first and by content alone; k-shot samples are nested and shared by all
arms.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tl_core.api.errors import UserError
from tl_core.api.types import Example, Label, Problem
from tl_core.data.duplicates import find_duplicates
from tl_core.data.split import (
    Pool,
    default_test_size,
    lock_key,
    separate_test,
    split,
    too_many_shots,
)

SEEDS = st.integers(0, 10_000)
QUICK = settings(max_examples=25, deadline=None)


def problem_of(labels: str = "abc", target: str = "one label") -> Problem:
    return Problem("one text", target, tuple(Label(x, x) for x in labels))


def text_of(i: int) -> str:
    """Words that no other number's text comes near."""
    draw = random.Random(i)
    return " ".join("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(6))


def rows_of(counts: dict[str, int], start: int = 1) -> list[Example]:
    labels = [label for label, n in counts.items() for _ in range(n)]
    return [Example(i, text_of(i), None, (label,)) for i, label in enumerate(labels, start)]


def split_of(rows, problem=None, **options):
    return split(rows, problem or problem_of(), find_duplicates(rows), **options)


def texts(examples) -> set[str]:
    return {e.text for e in examples}


COUNTS = st.fixed_dictionaries({x: st.integers(4, 40) for x in "abc"})


@QUICK
@given(COUNTS, SEEDS, st.integers(1, 4))
def test_test_rows_do_not_depend_on_row_order(counts, seed, part):
    rows = rows_of(counts)
    size = max(3, len(rows) // (part + 1))
    made = split_of(rows, size=size)
    shuffled = [
        replace(e, row=i) for i, e in enumerate(random.Random(seed).sample(rows, len(rows)), 1)
    ]
    again = split_of(shuffled, size=size)
    assert texts(made.test) == texts(again.test) and texts(made.pool) == texts(again.pool)
    assert made.test_digest == again.test_digest


@QUICK
@given(COUNTS, st.integers(2, 5))
def test_every_row_is_on_one_side_and_labels_have_their_share(counts, part):
    rows = rows_of(counts)
    size = max(3, len(rows) // part)
    made = split_of(rows, size=size)
    assert not texts(made.test) & texts(made.pool)
    assert len(made.test) + len(made.pool) == len(rows) and made.dropped == 0
    assert abs(len(made.test) - size) <= 1  # a label with few rows keeps one at least on each side
    in_test = Counter(e.labels[0] for e in made.test)
    for label, n in counts.items():
        assert abs(in_test[label] - n * size / len(rows)) <= 1
        assert 1 <= in_test[label] < n


@QUICK
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12)), min_size=30, max_size=80), SEEDS
)
def test_groups_stand_on_one_side(drawn, seed):
    rows = rows_of(dict.fromkeys("abc", 3)) + [
        Example(i, text_of(i), None, (label,), f"group {g}")
        for i, (label, g) in enumerate(drawn, 10)
    ]
    made = split_of(random.Random(seed).sample(rows, len(rows)), size=len(rows) // 4)
    of_test = {e.group for e in made.test if e.group}
    assert not of_test & {e.group for e in made.pool}
    assert made.test and made.pool


@QUICK
@given(st.integers(10, 30), SEEDS)
def test_near_copies_stand_on_one_side_and_copies_are_used_once(n, seed):
    rows = rows_of({"a": n, "b": n, "c": n})
    near = [Example(1000 + e.row, e.text + " x", None, e.labels) for e in rows[::3]]
    copies = [Example(2000 + e.row, e.text, None, e.labels) for e in rows[::5]]
    mixed = random.Random(seed).sample([*rows, *near, *copies], len(rows) + len(near) + len(copies))
    made = split_of(mixed, size=n)
    assert len(made.test) + len(made.pool) == len(rows) + len(near) and made.dropped == len(copies)
    side = {e.text: "test" for e in made.test} | {e.text: "pool" for e in made.pool}
    for e in near:
        assert side[e.text] == side[e.text.removesuffix(" x")]


def test_a_text_with_two_labels_and_an_empty_one_are_in_neither_part():
    rows = rows_of({"a": 20, "b": 20, "c": 20})
    odd = [Example(100, rows[0].text, None, ("b",)), Example(101, "  ", None, ("a",))]
    made = split_of([*rows, *odd], size=12)
    assert made.dropped == 3
    assert rows[0].text not in texts(made.test) | texts(made.pool)


@QUICK
@given(COUNTS, st.integers(1, 40), SEEDS)
def test_a_lock_keeps_its_rows_when_rows_are_appended_and_shuffled(counts, more, seed):
    rows = rows_of(counts)
    first = split_of(rows, size=max(3, len(rows) // 3))
    longer = rows + rows_of({"a": more, "b": more}, start=len(rows) + 1)
    longer = [
        replace(e, row=i) for i, e in enumerate(random.Random(seed).sample(longer, len(longer)), 1)
    ]
    again = split_of(longer, lock=[lock_key(e) for e in first.test])
    assert again.test_digest == first.test_digest
    assert texts(first.pool) < texts(again.pool) and len(again.pool) == len(first.pool) + 2 * more


def test_an_appended_near_copy_of_a_test_row_is_not_trained_on():
    rows = rows_of({"a": 20, "b": 20, "c": 20})
    first = split_of(rows, size=12)
    copy = Example(99, first.test[0].text + " x", None, first.test[0].labels)
    again = split_of([*rows, copy], lock=map(lock_key, first.test))
    assert copy.text not in texts(again.pool) | texts(again.test)
    assert again.test_digest == first.test_digest and again.dropped == 1


@pytest.mark.parametrize(
    ("rows", "size"),
    [(100, 50), (300, 150), (500, 200), (1500, 300), (9000, 1000), (1_000_000, 1000)],
)
def test_default_sizes(rows, size):
    assert default_test_size(rows) == size


@pytest.mark.parametrize("size", [0, -3, 58, 1000])
def test_a_test_part_that_leaves_too_little_is_refused(size):
    with pytest.raises(UserError, match="Choose from 1 to 57, or add rows"):
        split_of(rows_of({"a": 20, "b": 20, "c": 20}), size=size)


def test_a_separate_test_file_is_used_as_it_is():
    pool, test = rows_of({"a": 20, "b": 20, "c": 20}), rows_of({"c": 3, "a": 4}, start=500)
    repeated = [i for i, e in enumerate(pool) if e.row in (3, 9)]
    made = separate_test(
        pool, [*test, Example(9, " ", None, ("a",))], find_duplicates(pool), repeated
    )
    assert list(made.test) == test
    assert [e.row for e in made.pool] == [e.row for e in pool if e.row not in (3, 9)]
    assert made.dropped == 3


# --- k-shot samples -------------------------------------------------------------------------------


@QUICK
@given(COUNTS, SEEDS, SEEDS)
def test_samples_are_nested_exact_and_independent_of_row_order(counts, seed, order):
    rows = rows_of(counts)
    pool = Pool(rows, problem_of())
    drawn = {k: [rows[i].text for i in pool.k_shot(k, seed=seed)] for k in (0, 1, 2, 4, None)}
    assert drawn[0] == [] and len(drawn[None]) == len(rows)
    for k, more in ((1, 2), (2, 4), (4, None)):
        assert set(drawn[k]) < set(drawn[more]) or drawn[k] == drawn[more]
        assert Counter(e.labels[0] for e in rows if e.text in drawn[k]) == dict.fromkeys("abc", k)
    shuffled = random.Random(order).sample(rows, len(rows))
    other = Pool(shuffled, problem_of())
    for k, expected in drawn.items():
        assert [shuffled[i].text for i in other.k_shot(k, seed=seed)] == expected


@QUICK
@given(st.lists(st.sets(st.sampled_from("abc"), min_size=1), min_size=20, max_size=60), SEEDS)
def test_with_several_labels_each_has_at_least_k(drawn, seed):
    rows = rows_of(dict.fromkeys("abc", 4)) + [
        Example(i, text_of(i), None, tuple(sorted(labels))) for i, labels in enumerate(drawn, 20)
    ]
    pool = Pool(rows, problem_of(target="many labels"))
    before: set[int] = set()
    for k in (1, 2, 4):
        chosen = pool.k_shot(k, seed=seed)
        assert len(set(chosen)) == len(chosen) and before <= set(chosen)
        before = set(chosen)
        counts = Counter(label for i in chosen for label in rows[i].labels)
        assert all(counts[label] >= k for label in "abc")


def test_seeds_draw_differently_and_again_the_same():
    pool = Pool(rows_of({"a": 100, "b": 100, "c": 100}), problem_of())
    draws = [tuple(pool.k_shot(4, seed=s)) for s in range(20)]
    assert len(set(draws)) == 20
    assert draws == [tuple(pool.k_shot(4, seed=s)) for s in range(20)]


def test_every_row_is_drawn_about_as_often():
    pool = Pool(rows_of({"a": 10, "b": 10, "c": 10}), problem_of())
    times = Counter(i for seed in range(1000) for i in pool.k_shot(3, seed=seed))
    assert len(times) == 30
    assert all(230 < n < 370 for n in times.values())  # 300 expected, standard deviation 14.5


def test_more_shots_than_rows_says_how_many_there_are():
    pool = Pool(rows_of({"a": 3, "b": 9, "c": 40}), problem_of())
    assert too_many_shots(pool, [0, 1, 3, None]) == ""
    said = too_many_shots(pool, [2, 4, 16])
    assert said.startswith(
        "4 and 16 shots asked for, but {'a': 3, 'b': 9} are all there are in the training part."
    )
    assert said.endswith("Choose at most 3 shots, or add rows.")


def test_of_many_short_labels_eight_are_named():
    names = [f"label {i}" for i in range(20)]
    pool = Pool(
        [Example(i, text_of(i), None, (n,)) for i, n in enumerate(names)],
        Problem("one text", "one label", tuple(Label(n, n) for n in names)),
    )
    assert "and 12 more labels are all there are" in too_many_shots(pool, [2])


def test_groups_never_take_more_test_rows_than_there_may_be():
    """Whole groups are taken until each label has its share, which may go beyond what was asked for
    by part of a group.
    """
    examples = [
        Example(i, f"text {i} {i * 7919 % 100_003}", None, ("ab"[i % 2],), f"group {i // 37}")
        for i in range(3_000)
    ]
    problem = Problem("one text", "one label", (Label("a", "a"), Label("b", "b")))
    duplicates = find_duplicates(examples)
    for most in (490, 500, 510, 530):
        made = split(examples, problem, duplicates, size=min(500, most), most=most)
        assert most - 2 * 37 <= len(made.test) <= most
        assert {e.group for e in made.test}.isdisjoint(e.group for e in made.pool)
    freely = split(examples, problem, duplicates, size=500)
    assert (
        split(examples, problem, duplicates, size=500, most=3_000) == freely
        and len(freely.test) > 500
    )
