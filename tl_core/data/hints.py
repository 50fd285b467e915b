"""Alternative readings of a file: each with the choice that would read it so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tl_core.api.sentences import Setting, both, listed, say, say_n, together
from tl_core.api.types import Label
from tl_core.data.alike import alike, label_key
from tl_core.data.labels import written
from tl_core.data.tables import Table
from tl_core.tasks import RATINGS

MARKS = {
    ";": say("a semicolon"),
    "|": say("a vertical bar"),
    ",": say("a comma"),
    "/": say("a slash"),
    "、": say("an ideographic comma"),
    "，": say("a full-width comma"),
    "；": say("a full-width semicolon"),
    "+": say("a plus sign"),
    "&": say("an ampersand"),
    "\n": say("a line break"),
    "\t": say("a tab"),
}
# a score for every label and text is kept and shown; above this a column is hardly ever a label
MAX_LABELS = 200
LONGEST_LABEL = 80  # characters; what is longer is a text that holds commas
RECURRING = (
    0.8  # share of the rows with several parts, all of whose parts must be found in other cells too
)
MOST_CELLS = 20_000  # different ones; a column with more is none of labels
MANY_SHARED = 0.2  # of the rows: from then on, what they share is no chance
FEWEST_GROUPS = 10  # where the name does not say that the rows come from such a thing
USUAL_SCALES = (*(tuple(range(1, n + 1)) for n in (5, 7, 10)), tuple(range(11)))
ORDERED_NAMES = {
    *(
        "rating",
        "ratings",
        "stars",
        "star",
        "score",
        "scores",
        "points",
        "grade",
        "similarity",
        "relevance",
        "severity",
        "priority",
        "level",
    ),
    *("평점", "점수", "별점", "등급", "유사도", "중요도"),
}

# What rows come from: rows of one user, document or thread resemble each other more than rows of
# two.
GROUP_WORDS = {
    *(
        "group",
        "user",
        "username",
        "author",
        "writer",
        "speaker",
        "reviewer",
        "commenter",
        "sender",
        "customer",
        "client",
        "account",
        "member",
    ),
    *(
        "patient",
        "participant",
        "respondent",
        "student",
        "doc",
        "document",
        "file",
        "filename",
        "article",
        "thread",
        "conversation",
        "dialog",
    ),
    *(
        "dialogue",
        "session",
        "meeting",
        "interview",
        "product",
        "asin",
        "sku",
        "movie",
        "film",
        "book",
        "song",
        "video",
        "restaurant",
        "hotel",
    ),
    *("seller", "company", "url"),
}
KOREAN_GROUPS = (
    *(
        "그룹",
        "사용자",
        "작성자",
        "글쓴이",
        "저자",
        "화자",
        "환자",
        "고객",
        "회원",
        "문서",
        "대화",
        "세션",
        "상품",
        "제품",
        "영화",
        "도서",
        "매장",
        "업체",
    ),
    *("스레드", "아이디", "번호"),
)
NUMBERS = (
    "id",
    "ids",
    "no",
    "nr",
    "num",
    "uuid",
    "guid",
)  # end the name of a column that says which thing a row belongs to
NAMES = (
    "name",
    "key",
    "code",
    "hash",
    "title",
)  # do so where the word before is one of GROUP_WORDS
# What a number of is no group: labels themselves, and those who labelled.
NO_GROUPS = {
    *(
        "label",
        "class",
        "category",
        "intent",
        "topic",
        "target",
        "tag",
        "type",
        "lang",
        "language",
        "split",
        "fold",
        "emotion",
        "sentiment",
    ),
    *("annotator", "worker", "rater", "coder", "model", "라벨", "분류"),
}


Level = Literal["note", "warning"]


@dataclass(frozen=True)
class Hint:
    """Something to ask the person about. `change` holds the fields of `ReadOptions` that say
    yes.
    """

    id: Literal["several_labels", "alike_labels", "likely_group", "ordered_labels"]
    level: Level
    title: str
    detail: str
    action: str
    change: dict[str, Any] = field(default_factory=dict)
    count: int = 0  # rows it is about

    @property
    def sentence(self) -> str:
        """Return detail and action together."""
        return together((self.detail, self.action))


# --- several labels in one cell -------------------------------------------------------------------


@dataclass(frozen=True)
class Several:
    """Cells that hold more than one label."""

    mark: str
    rows: int  # with more than one
    example: str


def several_labels(cells: Mapping[str, int]) -> Several | None:
    """The separator of several labels in one cell, if the cells suggest one.

    A mark inside a label ("Bank, account", "Sci/Tech") is none between labels: what it cuts must
    come back in other cells, alone or alongside other parts, and not always in the same place, as
    the parts of a path or of "colour, size" do.

    Args:
        cells: what the cells say, and in how many rows.
    """
    found = [s for mark in MARKS if (s := _cut_at(cells, mark))]
    return max(found, key=lambda s: s.rows, default=None)


def _cut_at(cells: Mapping[str, int], mark: str) -> Several | None:
    cut = {cell: cell.split(mark) for cell in cells if mark in cell}
    if len(cells) > MOST_CELLS or any(
        len(part) > LONGEST_LABEL for parts in cut.values() for part in parts
    ):
        return None
    parts = {
        cell: [key for part in parts if (key := label_key(part.strip()))]
        for cell, parts in cut.items()
    }
    parts = {cell: keys for cell, keys in parts.items() if len(set(keys)) > 1}
    if not parts:
        return None
    alone = {label_key(cell) for cell in cells if mark not in cell}
    inside = Counter(key for keys in parts.values() for key in set(keys))
    places: dict[str, set[int]] = {}
    for keys in parts.values():
        for place, key in enumerate(keys):
            places.setdefault(key, set()).add(place)
    if len(inside.keys() | alone) > MAX_LABELS or _numbers(parts.values(), mark):
        return None
    rows = sum(cells[cell] for cell in parts)
    recurring = sum(
        cells[cell]
        for cell, keys in parts.items()
        if all(key in alone or inside[key] > 1 for key in keys)
    )
    free = sum(key in alone or len(places[key]) > 1 for key in inside)
    if recurring < RECURRING * rows or free < (RECURRING if mark in "/+&" else 0.5) * len(inside):
        return None
    return Several(mark, rows, max(parts, key=lambda cell: (cells[cell], cell)))


def _numbers(found: Iterable[list[str]], mark: str) -> bool:
    """Decimal commas, thousands, fractions and dates: numbers that a mark is part of."""
    found = list(found)
    if mark not in ",/" or not all(key.isdecimal() for keys in found for key in keys):
        return False
    ends = {keys[-1] for keys in found}
    return (
        mark == "/"
        or all(len(keys) == 2 for keys in found)
        and (len(ends) <= 5 or all(len(key) == 3 for key in ends))
    )


def several_hint(found: Several) -> Hint:
    """Return the hint that asks whether such cells are to be cut."""
    detail = say_n(
        "{n:,} row has a label that looks like several labels, separated by {mark}: “{example}”."
        " Read as one label each, every combination is a class of its own.",
        "{n:,} rows have a label that looks like several labels, separated by {mark}: “{example}”."
        " Read as one label each, every combination is a class of its own.",
        found.rows,
        mark=MARKS[found.mark],
        example=found.example,
    )
    return Hint(
        "several_labels",
        "warning",
        say("Several labels in one cell"),
        detail,
        say(
            "If a text may have several labels, say so with {multi_label}.",
            multi_label=Setting("multi_label"),
        ),
        {"multi_label": True},
        found.rows,
    )


# --- labels that are written in several ways ------------------------------------------------------


def alike_hint(labels: Iterable[Label], rows: Mapping[str, int]) -> Hint | None:
    """Return the hint that asks whether labels that differ only in spelling are one."""
    groups = alike(labels)
    if not groups:
        return None
    told = [
        both(say("{label} ({rows:,})", label=_spelled(x), rows=rows.get(x.id, 0)) for x in group)
        for group in groups
    ]
    count = sum(rows.get(x.id, 0) for group in groups for x in group)
    detail = say(
        "Labels that differ only in how they are written are classes of their own now: {told}. If"
        " they are the same, many correct predictions are counted as wrong.",
        told=listed(told, 8),
    )
    return Hint(
        "alike_labels",
        "warning",
        say("Labels spelled in several ways"),
        detail,
        say(
            "If each group is one label, make it one with {merge_labels}.",
            merge_labels=Setting("merge_labels"),
        ),
        {"merge_labels": True},
        count,
    )


def _spelled(label: Label) -> str:
    """The id, so written that what cannot be seen is seen."""
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in label.id)
    return (
        say("“{shown}”", shown=shown)
        if label_key(label.name) == label_key(label.id)
        else f"“{shown}” called “{label.name}”"
    )


# --- rows that belong together --------------------------------------------------------------------


def group_hint(table: Table, columns: Mapping[str, str | None]) -> Hint | None:
    """Return the hint that asks whether rows with equal values in a column resemble each other, for
    the likeliest column of all that are not used.
    """
    if columns.get("group"):
        return None
    best: tuple[float, Hint] | None = None
    for name, cells in table.columns.items():
        if name in columns.values() or any(isinstance(cell, list) for cell in cells[:100]):
            continue
        counts = Counter(value for cell in cells if (value := written(cell)))
        shared = sum(n for n in counts.values() if n > 1)
        if (
            len(counts) < 2
            or shared < max(2, 0.02 * counts.total())
            or max(counts.values()) > 0.9 * counts.total()
        ):
            continue
        named = says_group(name)
        if not named and not (_identifiers(counts) and shared > MANY_SHARED * counts.total()):
            continue
        score = named + shared / counts.total()
        if best is None or score > best[0]:
            best = (score, _group_of(name, len(counts), shared, counts.total()))
    pair = [x for x in (columns.get("text"), columns.get("text_b")) if x is not None]
    for text in pair if columns.get("text_b") and (best is None or best[0] < 1) else ():
        counts = Counter(value for cell in table.columns[text] if (value := written(cell)))
        shared = sum(n for n in counts.values() if n > 1)
        if (
            len(counts) >= FEWEST_GROUPS
            and shared > max(MANY_SHARED, best[0] if best else 0.0) * counts.total()
        ):
            best = (
                shared / counts.total(),
                _group_of(text, len(counts), shared, counts.total()),
            )  # one premise with several hypotheses
    return best and best[1]


def _group_of(name: str, groups: int, shared: int, rows: int) -> Hint:
    detail = say(
        "{shared:,} rows share their value of {name!r} with another row ({groups:,} different"
        " values). Rows of one {name!r} would be on both sides of the split; if they resemble"
        " each other, the results look better than they are on a new one.",
        shared=shared,
        name=name,
        groups=groups,
    )
    level: Level = "warning" if shared >= 0.1 * rows else "note"
    return Hint(
        "likely_group",
        level,
        say("Rows that may belong together"),
        detail,
        say(
            "To keep them on one side, choose {column!r} as the group with {group}.",
            column=name,
            group=Setting("group"),
        ),
        {"group": name},
        shared,
    )


def says_group(name: str) -> bool:
    """Whether the name suggests a group: user, authorName, movie_id, "Patient No.", 작성자,
    문서번호; not label_id, nor id alone.
    """
    words = [
        w for w in re.split(r"[\W_]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).casefold()) if w
    ]
    if not words or NO_GROUPS & set(words):
        return False
    if (
        len(words) == 1
        and (joined := re.fullmatch("(.{3,}?)(id|ids|no|name)", words[0]))
        and joined[1] in GROUP_WORDS | NO_GROUPS
    ):
        words = [joined[1], joined[2]]
    if len(words) > 1 and words[-1] in NUMBERS:
        return not NO_GROUPS & set(words)
    stem = words[-2] if len(words) > 1 and words[-1] in NAMES else words[-1]
    return (
        stem in GROUP_WORDS
        or stem.removesuffix("s") in GROUP_WORDS
        or any(part in name for part in KOREAN_GROUPS)
    )


def _identifiers(counts: Mapping[str, int]) -> bool:
    """Values made to tell things apart: letters with digits in one word, addresses, handles.
    Numbers alone may count anything.
    """
    looked = list(counts)[:500]
    marks = sum(
        bool(
            re.fullmatch(
                r"(?=\S*\d)(?=\S*[^\W\d_])[\w.:@/#-]{3,80}|@\S+|\S+@\S+\.\w+|https?://\S+", value
            )
        )
        for value in looked
    )
    return (
        len(counts) >= FEWEST_GROUPS
        and marks > 0.9 * len(looked)
        and len(counts) <= 0.9 * sum(counts.values())
    )


# --- numbers in place of classes ------------------------------------------------------------------


def ordered_hint(name: str, ids: Iterable[str]) -> Hint | None:
    """Return the hint that ratings are read as classes without an order."""
    ids = sorted(ids, key=lambda i: (len(i), i))
    if len(ids) < 3 or not all(re.fullmatch(r"[-+]?\d{1,3}", i) for i in ids):
        return None
    if label_key(name) not in ORDERED_NAMES and tuple(map(int, ids)) not in USUAL_SCALES:
        return None
    values = sorted(map(int, ids))
    detail = say(
        "The labels in {name!r} are numbers from {low} to {high}. They are read as"
        " classes without an order.",
        name=name,
        low=values[0],
        high=values[-1],
    )
    action = say(
        "A prediction that is off by one counts as just as wrong as any other. If they are ratings,"
        " say so with {task} (ordinal): errors are then counted in points.",
        task=Setting("task"),
    )
    return Hint(
        "ordered_labels",
        "note",
        say("Labels that have an order"),
        detail,
        action,
        {"task": RATINGS},
    )
