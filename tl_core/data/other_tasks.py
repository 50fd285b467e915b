"""Files made for a task that is not done here: reported in a sentence, instead of taking some
column for the label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from tl_core.api.sentences import Setting, say
from tl_core.data.hints import MAX_LABELS, ORDERED_NAMES
from tl_core.data.labels import written
from tl_core.data.tables import Table, some

LOOKED_AT = 1_000  # rows
TASK = say("That is not done here: every text is given one label, or several, of a fixed list.")
INSTEAD = say("If a column holds such labels, name it with {label}.", label=Setting("label"))

QUESTIONS = ("question", "questions", "query", "q", "질문", "질의")
CONTEXTS = (
    "context",
    "passage",
    "paragraph",
    "document",
    "article",
    "story",
    "evidence",
    "본문",
    "지문",
    "문맥",
    "단락",
)
ANSWERS = (
    "answers",
    "answer",
    "a",
    "answertext",
    "answerstart",
    "goldanswer",
    "response",
    "답변",
    "답",
    "정답",
    "대답",
)
CHOICES = ("choices", "options", "candidates", "endings", "선택지", "보기")
NUMBERED_CHOICES = re.compile(
    r"(choice|option|ending|answer|sol|선택지|보기)[\W_]*([0-9a-e])", re.IGNORECASE
)
TWO_TEXTS = (  # what is read, what is to be written
    (
        ("src", "source", "original", "원문"),
        ("tgt", "target", "translation", "번역", "번역문"),
        say("translation"),
    ),
    (
        (
            "text",
            "article",
            "document",
            "dialogue",
            "dialog",
            "abstract",
            "body",
            "content",
            "본문",
            "기사",
        ),
        ("summary", "summaries", "highlights", "headline", "tldr", "요약", "요약문"),
        say("writing summaries"),
    ),
    (
        ("instruction", "prompt", "input", "question", "query", "user", "human", "q", "질문"),
        ("output", "response", "completion", "answer", "chosen", "assistant", "a", "답변", "응답"),
        say("writing answers"),
    ),
)
WRITTEN = 2  # of these the first are certain: what is written is no answer out of a text
LANGUAGES = {
    "en",
    "ko",
    "de",
    "fr",
    "es",
    "it",
    "pt",
    "nl",
    "pl",
    "ru",
    "uk",
    "cs",
    "zh",
    "ja",
    "ar",
    "hi",
    "tr",
    "vi",
    "th",
    "id",
    "sv",
    "fi",
}
LANGUAGES |= {
    "english",
    "korean",
    "german",
    "french",
    "spanish",
    "chinese",
    "japanese",
    "영어",
    "한국어",
    "중국어",
    "일본어",
}
TAG = re.compile(r"O|[BIESLUM][-_]\S+")  # of a token: outside, or where in a name it is


def column_key(name: str) -> str:
    """A column's name in small letters, without spaces and signs."""
    return re.sub(r"[\W_]+", "", name.casefold())


def other_task(table: Table, labels: Iterable[str]) -> str:
    """Return what the file seems made for, and what to do; empty where its columns suggest labels
    of texts.

    Args:
        labels: names, as `column_key` gives them, that columns of labels have.
    """
    keys = _keys(table)
    if told := _tagging(table) or _choosing(table, keys):
        return told
    if _has_label(table, keys, labels):
        return ""
    return _questions(table, keys) or _columns_of_labels(table) or _two_texts(table, keys)


def source_and_target(table: Table, labels: Iterable[str]) -> tuple[str, str] | None:
    """The column that is read and the one that is written, where both are called so, every row has
    a text of its own in both, and nothing suggests labels.

    Args:
        labels: as those of `other_task`.
    """
    keys = _keys(table)
    if (
        _tagging(table)
        or _choosing(table, keys)
        or _has_label(table, keys, labels)
        or _questions(table, keys)
        or _columns_of_labels(table)
    ):
        return None
    return next(
        (pair for names in TWO_TEXTS[:WRITTEN] if (pair := _free_pair(table, keys, *names[:2]))),
        None,
    )


def _keys(table: Table) -> dict[str, str]:
    return {column_key(name): name for name in reversed(table.columns)}


def _has_label(table: Table, keys: dict[str, str], labels: Iterable[str]) -> bool:
    return any(_classes(table.columns[keys[name]]) for name in labels if name in keys)


def _say(table: Table, what: str, why: str, instead: str = INSTEAD) -> str:
    return say(
        "{table} looks like a file for {what}: {why}. {task} {instead}",
        table=table.name,
        what=what,
        why=why,
        task=TASK,
        instead=instead,
    )


# --- what the cells are ---------------------------------------------------------------------------


def _looked(cells: Sequence[Any]) -> list[Any]:
    return [cell for cell in islice(cells, LOOKED_AT) if cell is not None and cell != ""]


def _classes(cells: Sequence[Any]) -> bool:
    """A few values that repeat, one in a cell or several."""
    values = [
        value
        for cell in cells
        for part in (cell if isinstance(cell, list) else [cell])
        if not isinstance(part, (list, dict)) and (value := written(part)) and value[0] not in "{["
    ]
    return 1 <= len(set(values)) <= min(MAX_LABELS, len(values) / 2)


def _free(cells: Sequence[Any]) -> bool:
    """Written freely: hardly any value comes back, and most are of several words."""
    looked = _looked(cells)
    if len(looked) < 5:
        return False
    texts = [cell for cell in looked if isinstance(cell, str)]
    words = [
        text for text in texts if len(text.split()) > 1 or (len(text) > 3 and not text.isascii())
    ]
    return len(set(texts)) > 0.7 * len(looked) and len(words) > 0.5 * len(looked)


# --- the tasks ------------------------------------------------------------------------------------


def _questions(table: Table, keys: dict[str, str]) -> str:
    question, context, answer = (
        next((keys[k] for k in names if k in keys), None)
        for names in (QUESTIONS, CONTEXTS, ANSWERS)
    )
    if not question or not answer or _classes(table.columns[answer]):
        return ""
    if context:
        return _say(
            table,
            say("question answering"),
            say(
                "a question ({question!r}), a text ({context!r}) and an answer ({answer!r}), but no"
                " answer is a stretch of its text",
                question=question,
                context=context,
                answer=answer,
            ),
        )
    if _free(table.columns[question]):
        return _say(
            table,
            say("question answering"),
            say(
                "questions ({question!r}) with their answers ({answer!r})",
                question=question,
                answer=answer,
            ),
        )
    return ""


def _choosing(table: Table, keys: dict[str, str]) -> str:
    listed = next(
        (
            keys[k]
            for k in CHOICES
            if k in keys
            and any(
                isinstance(c, list) or str(c).startswith(("[", "{"))
                for c in _looked(table.columns[keys[k]])[:5]
            )
        ),
        None,
    )
    numbered = [
        name
        for name in table.columns
        if NUMBERED_CHOICES.fullmatch(name.strip()) and not _classes(table.columns[name])
    ]
    lettered = [keys[k] for k in "abcd" if k in keys] if any(k in keys for k in QUESTIONS) else []
    columns = (
        [listed]
        if listed
        else numbered
        if len(numbered) > 1
        else lettered
        if len(lettered) > 2
        else []
    )
    if not columns:
        return ""
    return _say(
        table,
        say("multiple-choice questions"),
        say("every row brings its own choices ({columns})", columns=some(map(repr, columns), 5)),
        say("What is correct in one row says nothing about another."),
    )


def _tagging(table: Table) -> str:
    """Files of tagged words that cannot be read as such: see `tl_core.data.tagged`."""
    lists = {
        name: looked
        for name, cells in table.columns.items()
        if (looked := _looked(cells)) and all(map(_is_list, looked[:20]))
    }
    sizes = {name: [len(_as_list(cell)) for cell in looked[:100]] for name, looked in lists.items()}
    for name, looked in lists.items():
        parts = [part for cell in looked[:100] for part in _as_list(cell)]
        if sum(sizes[name]) <= 2 * len(sizes[name]) or not parts:
            continue
        if (
            all(isinstance(part, str) and TAG.fullmatch(part) for part in parts)
            and len(set(parts)) > 1
        ):
            return say(
                "{table} looks like a file for tagging words: every row has a list of tags"
                " ({name!r}). No column has as many words in each row; add it, as lists or as"
                " texts cut at spaces. {instead}",
                table=table.name,
                name=name,
                instead=INSTEAD,
            )
        beside = [other for other in lists if other != name and sizes[other] == sizes[name]]
        if (
            beside
            and len(set(sizes[name])) > 1
            and _few(parts)
            and re.search("tag|label|ner|pos|entit", name, re.IGNORECASE)
        ):
            return say(
                "{table} looks like a file for tagging words: {beside!r} and {name!r} are lists of"
                " equal length in every row. Write the tags as O, B-TYPE and I-TYPE, with the name"
                " of each type. {instead}",
                instead=INSTEAD,
                table=table.name,
                beside=beside[0],
                name=name,
            )
    return ""


def _few(parts: list[Any]) -> bool:
    return all(isinstance(part, (str, int)) for part in parts) and len(set(parts)) <= max(
        2, len(parts) / 4
    )


def _is_list(cell: Any) -> bool:
    return isinstance(cell, list) or (
        isinstance(cell, str) and cell.startswith("[") and cell.endswith("]")
    )


def _as_list(cell: Any) -> list[Any]:
    return (
        cell
        if isinstance(cell, list)
        else [part.strip(" '\"") for part in cell[1:-1].split("," if "," in cell else None)]
    )


def _columns_of_labels(table: Table) -> str:
    """A column of 0 and 1 for each label."""
    flags = [
        name
        for name, cells in table.columns.items()
        if {written(c) for c in cells if not isinstance(c, list)} in ({"0", "1"}, {"false", "true"})
    ]
    if len(flags) < 3:
        return ""
    example = say('["a", "b"] or a|b')
    return say(
        "{table} has a column of its own for each label, with 0 and 1 ({flags}). Write"
        " the labels of a row into one column, as {example}, and read it with"
        " {multi_label}; or name one of the columns with {label} to compare on that one"
        " alone.",
        table=table.name,
        flags=some(map(repr, flags), 8),
        example=example,
        multi_label=Setting("multi_label"),
        label=Setting("label"),
    )


def _free_pair(
    table: Table, keys: dict[str, str], reads: Sequence[str], writes: Sequence[str]
) -> tuple[str, str] | None:
    """Two columns with such names, both written freely."""
    a, b = (next((keys[k] for k in names if k in keys), None) for names in (reads, writes))
    if not a or not b or a == b or _classes(table.columns[b]):
        return None
    return (a, b) if _free(table.columns[a]) and _free(table.columns[b]) else None


def _two_texts(table: Table, keys: dict[str, str]) -> str:
    """Files of texts that are written, where it is not certain which column is which."""
    for reads, writes, what in TWO_TEXTS:
        if pair := _free_pair(table, keys, reads, writes):
            a, b = pair
            why = say("two columns of texts ({a!r} and {b!r}) and none of labels", a=a, b=b)
            return _written(table, what, why)
    if languages := language_columns(table):
        why = say(
            "the same texts in several languages ({languages})",
            languages=some(map(repr, sorted(languages))),
        )
        return _written(table, say("translation"), why)
    for name, cells in table.columns.items():
        looked = _looked(cells)
        if column_key(name) == "translation" and looked and str(looked[0]).startswith("{"):
            return say(
                "{table} looks like a file for translation: every row holds a text in several"
                " languages ({name!r}). Give each language a column of its own.",
                table=table.name,
                name=name,
            )
    return ""


def language_columns(table: Table) -> list[str]:
    """Columns called by languages, in their order, where there are several and all are written
    freely.
    """
    found = [name for key, name in _keys(table).items() if key in LANGUAGES]
    if len(found) > 1 and all(_free(table.columns[name]) for name in found):
        return [name for name in table.columns if name in found]
    return []


def _written(table: Table, what: str, why: str) -> str:
    return say(
        "{table} looks like a file for {what}: {why}. To compare ways of writing texts, read it"
        " with {task} text-to-text, and name the column that is read with {text} and the one that"
        " is written with {label}.",
        table=table.name,
        what=what,
        why=why,
        task=Setting("task"),
        text=Setting("text"),
        label=Setting("label"),
    )


# --- numbers --------------------------------------------------------------------------------------

MOST_RATINGS, MOST_NUMBERED = (
    20,
    30,
)  # different whole numbers: of a column called score or the like, of any column
FEWEST_FRACTIONS = 6  # fewer different ones may be versions or sections


def amounts(column: str, ids: Iterable[str], named: bool) -> str:
    """The sentence for labels that are amounts, ratings or scores to be predicted as numbers; empty
    for classes.

    Args:
        named: the person has declared that this is the column of labels.
    """
    ids = list(ids)
    if len(ids) < FEWEST_FRACTIONS or not all(
        re.fullmatch(r"[-+]?\d+([.,]\d+)?(e[-+]?\d+)?", i, re.ASCII | re.IGNORECASE) for i in ids
    ):
        return ""
    values = sorted(float(i.replace(",", ".")) for i in ids)
    if all(value.is_integer() for value in values):
        rated = column_key(column) in ORDERED_NAMES
        counted = (
            values[-1] - values[0] == len(values) - 1 and not rated
        )  # classes that are numbered have no gaps
        if named or counted or len(values) <= (MOST_RATINGS if rated else MOST_NUMBERED):
            return ""
    return say(
        "The column {column!r} holds {values:,} different numbers from {low:g} to"
        " {high:g}. Predicting a number is not done here: a label is chosen from a"
        " short list. Make classes of the numbers, such as low, middle and high, or"
        " name the column of labels with {label}.",
        column=column,
        values=len(values),
        low=values[0],
        high=values[-1],
        label=Setting("label"),
    )
