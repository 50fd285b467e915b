"""Label tables: names made from ids, files and edited rows that come back, faults told together."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tl_core.api.errors import Faults, UserError
from tl_core.api.types import Label
from tl_core.data.labels import (
    are_named,
    infer_labels,
    labels_from_rows,
    labels_to_rows,
    merge,
    read_labels,
    write_labels,
)

FAST = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PARTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="|,{["),
    min_size=1,
    max_size=12,
)
LABELS = st.lists(
    st.builds(
        Label,
        PARTS,
        PARTS,
        st.lists(PARTS, max_size=3).map(tuple),
        st.lists(PARTS, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda label: label.id,
).map(tuple)


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("how_to", "how to"),
        ("bookFlight", "book flight"),
        ("BookRestaurant", "book restaurant"),
        ("rec.sport.hockey", "rec sport hockey"),
        ("iPhone", "iPhone"),
        ("sci-fi", "sci-fi"),
        ("긍정", "긍정"),
        ("GOOD", "GOOD"),
        ("1.0", "1.0"),
        ("_", "_"),
        ("__proto__", "__proto__"),
        ("__label__very_good", "__label very good"),
    ],
)
def test_names_are_made_readable(id, name):
    assert infer_labels([id]) == (Label(id, name),)


def test_order_is_by_value_or_by_character_and_names_differ():
    assert [x.id for x in infer_labels(["10", "9", "-1", "9"])] == ["-1", "9", "10"]
    assert [x.id for x in infer_labels(["b", "10", "9"])] == ["10", "9", "b"]
    assert [x.name for x in infer_labels(["how_to", "how to"])] == ["how to", "how_to"]


@pytest.mark.parametrize(
    "name", ["1", "0.0", "-1", "label_3", "LABEL_0", "class 2", "Class-2", "라벨 1", " ", "라벨1"]
)
def test_bare_numbers_are_no_names(name):
    assert not are_named([Label("a", "good"), Label("b", name)])
    assert are_named([Label("a", "good"), Label("b", name, ("It broke.",))])


def test_words_are_names():
    assert are_named(infer_labels(["5 stars", "how_to", "negative", "covid19"]))


@FAST
@given(labels=LABELS)
@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.tsv"])
def test_files_come_back(tmp_path, labels, name):
    write_labels(labels, tmp_path / name)
    assert read_labels(tmp_path / name) == labels


@FAST
@given(labels=LABELS)
def test_edited_rows_come_back(labels):
    assert labels_from_rows(labels_to_rows(labels)) == labels


def test_json_keeps_what_a_csv_cannot(tmp_path):
    labels = (Label("a", "a", ("one | two",), ("x",)),)
    write_labels(labels, tmp_path / "a.json")
    assert read_labels(tmp_path / "a.json") == labels
    with pytest.raises(UserError, match="as .json"):
        write_labels(labels, tmp_path / "a.csv")


def test_missing_columns_and_numbers_are_fine(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,words\n1,good|fine\n2,bad\n")
    assert read_labels(path) == (
        Label("1", "1", (), ("good", "fine")),
        Label("2", "2", (), ("bad",)),
    )


def test_rows_of_the_page_may_be_empty_or_numbers():
    rows = [
        [1.0, "bad", None, "poor,  awful"],
        ["", "", None, ""],
        [2, "", "It is good. | Really.", float("nan")],
    ]
    assert labels_from_rows(rows) == (
        Label("1", "bad", (), ("poor", "awful")),
        Label("2", "2", ("It is good.", "Really.")),
    )


def test_all_faults_of_a_table_are_told(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(
        '[{"id": "a", "nmae": "x"}, {"id": ""}, {"id": "a"}, {"id": "b", "name": ["x"], "words":'
        ' [["y"]]}]'
    )
    with pytest.raises(Faults) as caught:
        read_labels(path)
    told = str(caught.value)
    for part in (
        "Did you mean name?",
        "label 2 has no id",
        "the id 'a' more than once",
        "label 4: the name",
        "label 4: the words",
    ):
        assert part in told
    assert len(caught.value.faults) == 5


@pytest.mark.parametrize("content", ['[{"name": "x"}]', "[]", "[1, 2]", "name,words\nx,y\n"])
def test_no_table(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"a\.json"):
        read_labels(path)


def test_merge_keeps_the_order_of_the_table_and_names_what_it_lacks():
    given_labels = (Label("b", "bee"), Label("x", "ex"), Label("a", "ay"))
    assert merge(["a", "b"], given_labels) == (Label("b", "bee"), Label("a", "ay"))
    with pytest.raises(UserError, match="'c', 'd'"):
        merge(["a", "d", "c"], given_labels)
