"""What a file could be meant to be: several labels in a cell, one label spelled in two ways, rows
that belong together.
"""

from __future__ import annotations

import csv
import json

import pytest

from tl_core.api.errors import UserError
from tl_core.api.types import Label
from tl_core.data.alike import alike, join, label_key, with_joined
from tl_core.data.hints import several_labels
from tl_core.data.labels import infer_labels, labels_from_rows
from tl_core.data.load import load, to_dataset
from tl_core.data.tables import ReadOptions, read_table


def write(path, rows, header=("text", "label"), **how):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, **how).writerows([header, *rows])
    return path


def labelled(tmp_path, *labels: str, times: int = 4):
    """A file in which every label stands on some rows."""
    return write(
        tmp_path / "a.csv", [(f"text {i} {label}", label) for i in range(times) for label in labels]
    )


def hint(loaded, name: str):
    return next((h for h in loaded.hints if h.id == name), None)


# --- one label, spelled in several ways -----------------------------------------------------------


@pytest.mark.parametrize(
    "one, other",
    [
        ("Billing", "billing"),
        ("billing ", "bill ing"),
        ("billing.", "“billing”"),
        ("Ｂｉｌｌｉｎｇ", "billing"),
        ("bil\u200bling", "billing"),
        ("how_to", "How to"),
        ("how-to", "howTo"),
        ("배송 문의", "배송문의"),
        ("café", "cafe\u0301"),
        ("한글", "한글"),
        ("1", "1.0"),
        ("ﬁne", "fine"),
        ("Straße", "STRASSE"),
        ("joy!", "joy"),
        ("❤️", "❤"),
        ("the\u00a0end", "the end"),
    ],
)
def test_spellings_of_one_label_have_one_key(one, other):
    assert label_key(one) == label_key(other)


@pytest.mark.parametrize(
    "one, other",
    [
        ("C", "C++"),
        ("C", "C#"),
        ("A", "A+"),
        ("A-", "A"),
        ("-1", "1"),
        ("1 2", "12"),
        ("?", "!"),
        ("cafe", "café"),
        ("1.5", "15"),
        ("1-2", "12"),
        ("a/b", "ab"),
        ("긍정", "부정"),
    ],
)
def test_different_labels_have_different_keys(one, other):
    assert label_key(one) != label_key(other)


def test_labels_spelled_in_two_ways_are_told_and_never_joined_silently(tmp_path):
    path = labelled(tmp_path, "Billing", "billing", "login", "login")
    loaded = load(path)
    assert loaded.dataset.problem.label_ids == ("Billing", "billing", "login")
    found = hint(loaded, "alike_labels")
    assert (
        found.change == {"merge_labels": True}
        and "“Billing” (4) and “billing” (4)" in found.detail
        and "merge_labels=" in found.action
    )
    assert hint(load(labelled(tmp_path, "billing", "login")), "alike_labels") is None


def test_a_label_that_differs_in_what_cannot_be_seen_is_shown_so(tmp_path):
    found = hint(load(labelled(tmp_path, "bil\u200bling", "billing", "login")), "alike_labels")
    assert "“bil\\u200bling”" in found.detail


def test_joined_labels_are_one_class_called_as_most_rows_call_it(tmp_path):
    path = labelled(tmp_path, "Billing", "billing", "billing", "login")
    loaded = load(path, ReadOptions(merge_labels=True))
    assert loaded.dataset.problem.label_ids == ("billing", "login") and loaded.joined == {
        "Billing": "billing"
    }
    assert sum(e.labels == ("billing",) for e in loaded.dataset.examples) == 12
    assert hint(loaded, "alike_labels") is None and any(
        "“Billing” is read as “billing”" in note for note in loaded.notes
    )


def test_several_labels_of_a_row_are_joined_too(tmp_path):
    path = labelled(tmp_path, "Joy|joy|fear", "joy", "Fear")
    loaded = load(path, ReadOptions(multi_label=True, merge_labels=True))
    assert {e.labels for e in loaded.dataset.examples} == {("Fear", "joy"), ("joy",), ("Fear",)}


def test_two_labels_of_one_name_are_refused_and_joined_when_asked(tmp_path):
    table = read_table(labelled(tmp_path, "bug", "defect", "login"))
    given = labels_from_rows(
        [
            ["bug", "Fault", "it does not work", ""],
            ["defect", "Fault", "", "broken"],
            ["login", "Login", "", ""],
        ]
    )
    with pytest.raises(UserError, match="'bug' and 'defect' are both called “Fault”") as fault:
        to_dataset(table, ReadOptions(), given)
    assert fault.value.change == {"merge_labels": True} and "merge_labels=" in str(fault.value)
    loaded = to_dataset(table, ReadOptions(merge_labels=True), given)
    assert loaded.dataset.problem.labels == (
        Label("bug", "Fault", ("it does not work",), ("broken",)),
        Label("login", "Login"),
    )
    assert sum(e.labels == ("bug",) for e in loaded.dataset.examples) == 8
    again = to_dataset(
        table,
        ReadOptions(merge_labels=True),
        with_joined(loaded.dataset.problem.labels, loaded.joined),
    )
    assert again.dataset.id == loaded.dataset.id


def test_a_test_file_may_spell_the_labels_in_its_own_way(tmp_path):
    trained = load(labelled(tmp_path, "Billing", "login"))
    test = read_table(
        write(tmp_path / "test.csv", [("new", "billing"), ("newer", "LOGIN"), ("newest", "login")])
    )
    with pytest.raises(UserError, match="merge_labels=") as fault:
        to_dataset(test, ReadOptions(), trained.dataset.problem.labels, check_classes=False)
    assert fault.value.change == {"merge_labels": True}
    loaded = to_dataset(
        test, ReadOptions(merge_labels=True), trained.dataset.problem.labels, check_classes=False
    )
    assert [e.labels[0] for e in loaded.dataset.examples] == ["Billing", "login", "login"]
    assert loaded.dataset.problem.labels == trained.dataset.problem.labels


def test_joining_prefers_what_the_label_table_names(tmp_path):
    table = read_table(labelled(tmp_path, "billing", "billing", "login"))
    loaded = to_dataset(
        table,
        ReadOptions(merge_labels=True),
        (Label("Billing", "Billing", ("money",)), Label("login", "login")),
    )
    assert loaded.dataset.problem.labels[0] == Label(
        "Billing", "Billing", ("money",)
    ) and loaded.joined == {"billing": "Billing"}


def test_joining_leaves_other_labels_alone():
    labels = infer_labels(["A+", "A-", "A", "a"])
    kept, gone = join(labels, {"a": 5, "A": 2})
    assert (
        [x.id for x in kept] == ["A+", "A-", "a"] and gone == {"A": "a"} and len(alike(labels)) == 1
    )


# --- several labels in a cell ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark", [";", "; ", "|", ",", ", ", "/", " / ", "、", "，", "\n", " + ", " & "]
)
def test_cells_that_hold_several_labels_are_recognised(mark):
    cells = {
        "joy": 30,
        "anger": 20,
        "neutral": 50,
        mark.join(("joy", "anger")): 4,
        mark.join(("neutral", "joy")): 2,
        mark.join(("anger", "neutral", "joy")): 1,
    }
    found = several_labels(cells)
    assert found is not None and found.mark == (mark.strip(" ") or mark) and found.rows == 7


@pytest.mark.parametrize(
    "cells",
    [
        ["Bank, account", "Card", "Loan, mortgage"],
        ["Bank, account", "Bank", "Card"],
        ["Sci/Tech", "World", "Sports", "Business"],
        ["sports/football", "sports/tennis", "politics/eu", "politics/us"],
        ["sports", "sports/football", "sports/tennis"],
        ["women, shoes", "women, shirts", "men, shoes", "men, shirts"],
        ["R&D", "Sales & Marketing", "Support"],
        ["1,5", "2,5", "3,5", "5", "4,0"],
        ["1,000", "2,000", "1,500"],
        ["1/5", "5/5", "3/5", "4/5"],
        ["C++", "C+", "C"],
        ["yes, of course", "yes", "no"],
        ["2024/01/02", "2024/02/01", "2024/01/01"],
        ["a", "b", "c"],
    ],
)
def test_marks_inside_single_labels_are_no_separators(cells):
    assert several_labels(dict.fromkeys(cells, 5)) is None


def test_separated_numbers_are_labels_where_they_come_back():
    """As in the original files of GoEmotions: numbers of emotions."""
    cells = {
        **{str(i): 20 for i in range(28)},
        "3,10": 5,
        "2,7,14": 2,
        "0,27": 3,
        "15,20": 2,
        "1,4": 3,
        "9,25": 1,
        "5,11": 2,
    }
    assert several_labels(cells).mark == ","


def test_texts_with_commas_are_no_labels():
    cells = {
        f"well, this is text {i}, and it goes on for quite some time,"
        " so that nobody takes it for a label at all": 1
        for i in range(50)
    }
    assert several_labels(cells) is None


def test_the_file_says_so_and_the_separator_found_is_named(tmp_path):
    path = labelled(tmp_path, "joy", "anger", "neutral", "joy;anger", "neutral;joy")
    found = hint(load(path), "several_labels")
    assert (
        found.change == {"multi_label": True}
        and "separated by a semicolon" in found.detail
        and "multi_label=" in found.action
    )
    loaded = load(path, ReadOptions(multi_label=True))
    assert loaded.dataset.problem.label_ids == ("anger", "joy", "neutral")
    assert (
        any("separated by a semicolon" in note for note in loaded.notes)
        and hint(loaded, "several_labels") is None
    )


def test_a_mark_inside_labels_is_not_taken_for_the_one_between_them(tmp_path):
    path = labelled(tmp_path, "Bank, account", "Card", "Bank, account;Card", "Loan", "Loan;Card")
    loaded = load(path, ReadOptions(multi_label=True))
    assert loaded.dataset.problem.label_ids == ("Bank, account", "Card", "Loan")


def test_lists_are_not_said_to_be_separated(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        "\n".join(
            json.dumps({"text": f"t{i}", "label": ["a", "b|c"] if i % 2 else ["a"]})
            for i in range(8)
        )
    )
    loaded = load(path, ReadOptions(multi_label=True))
    assert loaded.dataset.problem.label_ids == ("a", "b|c") and not any(
        "separated" in note for note in loaded.notes
    )


@pytest.mark.parametrize("cell", ["['a', 'b']", '["a", "b"]', "('a', 'b')", "{'a', 'b'}"])
def test_lists_as_programs_write_them(tmp_path, cell):
    path = labelled(tmp_path, cell, "['a']" if cell[0] == "[" else "('a',)")
    with pytest.raises(UserError, match="lists of labels") as fault:
        load(path)
    assert fault.value.change == {"multi_label": True}
    assert load(path, ReadOptions(multi_label=True)).dataset.problem.label_ids == ("a", "b")


def test_where_combinations_stand_on_single_rows_the_cause_is_told(tmp_path):
    rows = [
        (f"t{i}", label)
        for i, label in enumerate(
            ["joy", "fear", "anger"] * 5 + ["joy, fear", "anger, joy", "fear, anger"]
        )
    ]
    with pytest.raises(UserError, match="several labels, separated by a comma") as fault:
        load(write(tmp_path / "a.csv", rows))
    assert fault.value.change == {"multi_label": True} and "single row" in str(fault.value)


def test_a_test_file_is_cut_at_the_mark_its_labels_speak_for(tmp_path):
    trained = load(
        labelled(tmp_path, "joy", "fear", "joy/fear", "anger", "anger/joy"),
        ReadOptions(multi_label=True),
    )
    test = read_table(write(tmp_path / "test.csv", [("new", "fear/anger")]))
    loaded = to_dataset(
        test, ReadOptions(multi_label=True), trained.dataset.problem.labels, check_classes=False
    )
    assert loaded.dataset.examples[0].labels == ("anger", "fear")


# --- rows that belong together --------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "user_id",
        "author",
        "Movie ID",
        "threadId",
        "conversation_id",
        "Patient No.",
        "session",
        "product_name",
        "asin",
        "작성자",
        "문서번호",
        "file name",
    ],
)
def test_columns_that_look_like_groups_are_asked_about(tmp_path, name):
    rows = [(f"text {i}", "ab"[i % 2], f"{i // 4}") for i in range(40)]
    found = hint(load(write(tmp_path / "a.csv", rows, ("text", "label", name))), "likely_group")
    assert (
        found.change == {"group": name}
        and "40 rows" in found.detail
        and f"'{name}'" in found.detail
        and found.level == "warning"
    )
    assert (
        hint(
            load(write(tmp_path / "a.csv", rows, ("text", "label", name)), ReadOptions(group=name)),
            "likely_group",
        )
        is None
    )


def test_identifiers_that_repeat_are_asked_about_whatever_the_column_is_called(tmp_path):
    rows = [(f"text {i}", "ab"[i % 2], f"A{1000 + i // 4}") for i in range(80)]
    assert hint(
        load(write(tmp_path / "a.csv", rows, ("text", "label", "ref"))), "likely_group"
    ).change == {"group": "ref"}


@pytest.mark.parametrize(
    "name, value",
    [
        ("id", lambda i: i),
        ("user_id", lambda i: i),
        ("user_id", lambda i: "same"),
        ("user_id", lambda i: ""),
        ("label_id", lambda i: i % 2),
        ("year", lambda i: 2000 + i % 5),
        ("upvotes", lambda i: i % 17),
        ("language", lambda i: ["en", "de"][i % 2]),
        ("annotator_id", lambda i: i % 5),
        ("source", lambda i: ["airbnb", "wiki", "news"][i % 3]),
        ("date", lambda i: f"2024-01-{1 + i % 20:02}"),
    ],
)
def test_other_columns_are_not_taken_for_groups(tmp_path, name, value):
    rows = [(f"text {i}", "ab"[i % 2], value(i)) for i in range(80)]
    assert (
        hint(load(write(tmp_path / "a.csv", rows, ("text", "label", name))), "likely_group") is None
    )


def test_a_text_that_many_pairs_share_may_be_the_group(tmp_path):
    """One premise with three hypotheses: what was learnt of it would be known in the test."""
    rows = [(f"premise {i // 3}", f"hypothesis {i}", "abc"[i % 3]) for i in range(90)]
    path = write(tmp_path / "a.csv", rows, ("premise", "hypothesis", "label"))
    assert hint(load(path), "likely_group").change == {"group": "premise"}
    loaded = load(path, ReadOptions(group="premise"))
    assert (loaded.columns["text"], loaded.columns["text_b"], loaded.columns["group"]) == (
        "premise",
        "hypothesis",
        "premise",
    )
    assert loaded.dataset.examples[4].group == "premise 1" and hint(loaded, "likely_group") is None
    with pytest.raises(UserError, match="named for label=… and group=…"):
        load(path, ReadOptions(label="label", group="label"))


# --- ratings --------------------------------------------------------------------------------------


def test_ratings_are_said_to_be_read_without_their_order(tmp_path):
    rows = [(f"text {i}", 1 + i % 5) for i in range(40)]
    assert (
        "from 1 to 5"
        in hint(load(write(tmp_path / "a.csv", rows, ("text", "stars"))), "ordered_labels").detail
    )
    asked = hint(load(write(tmp_path / "a.csv", rows)), "ordered_labels")
    assert asked is not None and asked.change == {"task": "ordinal"}  # 1 to 5 is a usual scale
    four = [(text, 1 + label % 4) for text, label in rows]
    assert hint(load(write(tmp_path / "a.csv", four)), "ordered_labels") is None
