"""Files for tasks that are not done here are told so; files of labels, whatever else they hold, are
not.
"""

from __future__ import annotations

import csv
import json

import pytest

from tl_core.api.errors import UserError
from tl_core.data.columns import guess_texts
from tl_core.data.load import load
from tl_core.data.tables import ReadOptions, read_table

WORDS = (
    "the a small big river bank market house stood near people often went there when it was late"
    " and cold".split()
)


def words(i: int, n: int = 9) -> str:
    return " ".join(WORDS[(i * 7 + j * (i + 3)) % len(WORDS)] for j in range(n)) + f" {i}"


def jsonl(tmp_path, row, n: int = 40):
    path = tmp_path / "file.jsonl"
    path.write_text(
        "\n".join(json.dumps(row(i), ensure_ascii=False) for i in range(n)), encoding="utf-8"
    )
    return path


def told(path, **options) -> str:
    with pytest.raises(UserError) as fault:
        load(path, ReadOptions(**options))
    return str(fault.value)


OTHERS = {
    "squad": (
        "question answering",
        lambda i: {
            "id": f"q{i}",
            "title": f"page {i // 5}",
            "context": words(i // 3, 40),
            "question": words(i) + "?",
            "answers": {"text": ["x"], "answer_start": [3]},
        },
    ),
    "squad, flat": (
        "question answering",
        lambda i: {
            "title": f"page {i // 5}",
            "passage": words(i // 3, 40),
            "query": words(i),
            "answer": words(i, 3),
        },
    ),
    "squad, nested": (
        "question answering",
        lambda i: {
            "title": f"page {i}",
            "paragraphs": [
                {
                    "context": words(i, 40),
                    "qas": [{"question": words(i), "answers": [{"text": "x", "answer_start": 3}]}],
                }
            ],
        },
    ),
    "open questions": (
        "question answering",
        lambda i: {"question": words(i) + "?", "answer": words(i + 3)},
    ),
    "korean questions": (
        "question answering",
        lambda i: {"본문": words(i // 3, 40), "질문": words(i), "답변": words(i, 3)},
    ),
    "choices": (
        "multiple-choice",
        lambda i: {"question": words(i), "choices": ["a", "b", words(i, 2)], "answer": i % 3},
    ),
    "numbered choices": (
        "multiple-choice",
        lambda i: {
            "premise": words(i),
            "choice1": words(i, 3),
            "choice2": words(i + 1, 3),
            "label": i % 2,
        },
    ),
    "tokens and numbers": (
        "tagging words",
        lambda i: {
            "tokens": words(i, 4 + i % 5).split(),
            "ner_tags": [j % 3 for j in range(5 + i % 5)],
        },
    ),
    "tags without words": (
        "tagging words",
        lambda i: {"text": words(i), "word_labels": ["O", "B-PER", "I-PER", *"OOOOOOOOO"]},
    ),
    "languages": (
        "translation",
        lambda i: {"en": words(i), "ko": f"{i}번째 문장은 시장 가까이 있는 집이다"},
    ),
    "pairs in one column": (
        "translation",
        lambda i: {"translation": {"en": words(i), "de": words(i + 1)}},
    ),
    "instructions": (
        "writing answers",
        lambda i: {"instruction": words(i), "output": words(i, 30)},
    ),
    "similarity": (
        "Predicting a number",
        lambda i: {
            "sentence1": words(i),
            "sentence2": words(i + 1),
            "score": f"{i * 0.13 % 5:.2f}",
        },
    ),
    "ratings of a hundred": (
        "Predicting a number",
        lambda i: {"text": words(i), "score": i * 7 % 101},
    ),
    "prices": ("Predicting a number", lambda i: {"text": words(i), "label": 3 * i * i}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_done_here_is_told_and_no_column_is_taken_for_the_label(tmp_path, name):
    what, row = OTHERS[name]
    said = told(jsonl(tmp_path, row))
    assert what in said and "Traceback" not in said
    could_be_read = what in ("tagging words", "translation", "writing answers")
    assert ("not done here" in said) != could_be_read  # those need other cells, or columns named
    assert "label=" in said or what == "multiple-choice" or name == "pairs in one column"


WRITTEN = {
    "summaries": (
        lambda i: {"id": i, "document": words(i, 80), "summary": words(i, 8)},
        ("document", "summary"),
    ),
    "headlines": (
        lambda i: {"article": words(i, 80), "highlights": words(i, 8)},
        ("article", "highlights"),
    ),
    "translation": (
        lambda i: {"source": words(i), "target": words(i + 1)},
        ("source", "target"),
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_texts_that_are_written_are_read_where_their_columns_say_so(tmp_path, name):
    row, columns = WRITTEN[name]
    loaded = load(jsonl(tmp_path, row))
    assert loaded.dataset.problem.task == "text-to-text"
    assert (loaded.columns["text"], loaded.columns["label"]) == columns
    assert loaded.dataset.examples[0].answer == (row(0)[columns[1]],)


LABELLED = {
    "yes or no": lambda i: {"passage": words(i, 40), "question": words(i), "answer": i % 2 == 0},
    "questions by topic": lambda i: {
        "question": words(i),
        "answer": words(i + 5),
        "label": f"topic {i % 3}",
    },
    "a pair and its context": lambda i: {
        "question": words(i),
        "sentence": words(i + 1),
        "label": ["entailment", "no"][i % 2],
    },
    "a summary beside the label": lambda i: {
        "text": words(i, 30),
        "summary": words(i, 4),
        "category": "abc"[i % 3],
    },
    "source of the text": lambda i: {
        "text": words(i),
        "source": ["wiki", "news"][i % 2],
        "target": "ab"[i % 2],
    },
    "numbered classes": lambda i: {"text": words(i), "label": i % 20},
    "titles": lambda i: {"title": words(i), "body": words(i, 40), "category": "ab"[i % 2]},
    "translated texts": lambda i: {
        "text": words(i),
        "translation": words(i + 1),
        "label": "ab"[i % 2],
    },
    "ratings": lambda i: {"review": words(i), "stars": 1 + i % 5},
    "parts of speech as labels": lambda i: {
        "text": words(i),
        "label": ["NOUN", "VERB", "O"][i % 3],
    },
    "a tag for each text": lambda i: {"text": words(i), "tags": "ab"[i % 2]},
}


@pytest.mark.parametrize("name", LABELLED)
def test_files_of_labels_are_read_whatever_else_they_hold(tmp_path, name):
    loaded = load(jsonl(tmp_path, LABELLED[name]))
    assert 2 <= len(loaded.dataset.problem.labels) <= 20 and len(loaded.dataset) == 40


def test_several_labels_in_lists_are_no_tags(tmp_path):
    path = jsonl(
        tmp_path,
        lambda i: {
            "text": words(i),
            "topics": ["a", "b", "c"][: 1 + i % 3],
            "tags": ["x", "y"][: 1 + i % 2],
        },
    )
    assert "multi_label=" in told(path)
    assert len(load(path, ReadOptions(multi_label=True, label="tags")).dataset.problem.labels) == 2


def test_the_person_may_still_name_a_column_of_labels(tmp_path):
    _, row = OTHERS["squad"]
    assert (
        len(
            load(
                jsonl(tmp_path, row), ReadOptions(text="question", label="title")
            ).dataset.problem.labels
        )
        == 8
    )


@pytest.mark.parametrize(
    "head, mark",
    [("-DOCSTART- -X- -X- O\n\n", " "), ("", " "), ("", "\t"), ("Sentence Word POS Tag\n", "\t")],
)
def test_a_word_with_its_tag_on_every_line(tmp_path, head, mark):
    lines = [
        "EU NNP I-NP B-ORG",
        "rejects VBZ I-VP O",
        "German JJ I-NP B-MISC",
        "call NN I-NP O",
        ". . O O",
        "",
    ] * 6
    path = tmp_path / "train.txt"
    path.write_text((head + "\n".join(lines)).replace(" ", mark))
    loaded = load(path)
    assert loaded.dataset.problem.target == "tagging" and len(loaded.dataset) == 6
    assert loaded.dataset.examples[0].answer == ((0, 2, "ORG"), (11, 17, "MISC"))


def test_a_column_for_each_label(tmp_path):
    path = tmp_path / "toxic.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                ("id", "comment_text", "toxic", "obscene", "insult", "threat"),
                *(
                    (i, words(i), i % 2, i % 3 == 0 and 1 or 0, int(i % 5 == 0), int(i % 7 == 0))
                    for i in range(60)
                ),
            ]
        )
    said = told(path)
    assert "a column of its own for each label" in said and "'obscene'" in said
    assert load(path, ReadOptions(label="toxic")).dataset.problem.label_ids == ("0", "1")


@pytest.mark.parametrize(
    "header, wanted",
    [
        (("id", "text"), "text"),
        (("review_text", "author"), "review_text"),
        (("제목", "번호"), "제목"),
        (("anything",), "anything"),
        (("a", "b"), "b"),
    ],
)
def test_texts_without_labels_are_found_without_asking_for_a_column_of_labels(
    tmp_path, header, wanted
):
    path = tmp_path / "new.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                header,
                *([(words(i) if name == wanted else str(i)) for name in header] for i in range(20)),
            ]
        )
    table = read_table(path)
    assert guess_texts(table, None, None, pair=False)["text"] == wanted


def test_where_it_cannot_be_told_which_column_holds_the_texts_the_option_that_is_there_is_named(
    tmp_path,
):
    path = tmp_path / "new.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("one", "two"), *((words(i), words(i + 1)) for i in range(20))])
    with pytest.raises(UserError, match="Name it with column=…"):
        guess_texts(read_table(path), None, None, pair=False)
    assert guess_texts(read_table(path), "one", None, pair=True) == {"text": "one", "text_b": None}
