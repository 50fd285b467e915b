"""Which column of a table is the text, which the label."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice

from tl_core.api.errors import UserError, raise_all, unknown
from tl_core.api.sentences import Setting, both, say, together
from tl_core.data.hints import (
    MAX_LABELS,
    says_group,
)
from tl_core.data.labels import written
from tl_core.data.other_tasks import column_key
from tl_core.data.tables import (
    Guess,
    ReadOptions,
    Table,
    some,
)

LOOKED_AT = 1_000  # rows whose texts are measured to guess a column


ROLES = ("text", "text_b", "label", "group")


ROLE_NAMES = {
    "text": say("text"),
    "text_b": say("second text"),
    "label": say("label"),
    "group": say("group"),
}


TEXT_NAMES = (
    *(
        "text",
        "sentence",
        "review",
        "document",
        "comment",
        "content",
        "message",
        "utterance",
        "tweet",
        "post",
        "body",
    ),
    *("query", "question", "description", "passage", "paragraph", "input", "title", "headline"),
    *("문장", "텍스트", "내용", "본문", "리뷰", "댓글", "글", "질문", "제목"),
)


LABEL_NAMES = (
    *(
        "label",
        "labels",
        "category",
        "categories",
        "class",
        "sentiment",
        "intent",
        "emotion",
        "topic",
        "topics",
        "target",
    ),
    *("tag", "tags", "type", "rating", "stars", "score", "y"),
    *(
        "라벨",
        "레이블",
        "분류",
        "카테고리",
        "범주",
        "감정",
        "감성",
        "의도",
        "주제",
        "유형",
        "정답",
        "평점",
    ),
)


PAIR_NAMES = (
    *(
        ("texta", "textb"),
        ("text1", "text2"),
        ("sentence1", "sentence2"),
        ("sentencea", "sentenceb"),
    ),
    *(("premise", "hypothesis"), ("question1", "question2"), ("문장1", "문장2"), ("전제", "가설")),
)


NO_LABEL_NAMES = {"split", "fold", "set", "id", "idx", "index", "language", "lang"}


def guess_columns(
    table: Table, options: ReadOptions
) -> tuple[dict[str, str | None], tuple[Guess, ...]]:
    """The column of each role (text, text_b, label, group): as named, else by name, else by
    content.

    Raises:
        UserError: a named column is not there or named twice, or a column cannot be determined.
    """
    given = named_roles(table, options)
    roles, guesses = dict(given), []

    def take(role: str, name: str | None, why: str) -> None:
        if name is not None:
            roles[role] = name
            guesses.append(guess_of(role, name, why))

    def free() -> list[str]:
        taken = [
            name
            for role, name in roles.items()
            if role != "group" or name is None or not _of_a_pair(name)
        ]
        return [name for name in table.columns if name not in taken]

    if not given["text"] and not given["text_b"]:
        for role, name in zip(("text", "text_b"), _pair(free()), strict=False):
            take(role, name, say("the names of the two columns go together"))
    if not roles["text"]:
        take("text", _by_name(free(), TEXT_NAMES), say("its name"))
    if not roles["label"]:
        take("label", _by_name(free(), LABEL_NAMES), say("its name"))
    if not roles["text"]:
        take("text", _by_length(table, free()), say("its texts are the longest"))
    if not roles["label"]:
        take(
            "label",
            _by_repetition(table, free()),
            say("it has the fewest different values, and they repeat"),
        )
    untold = [
        say("the texts with {option}", option=Setting("text")) if not roles["text"] else "",
        say("the labels with {option}", option=Setting("label")) if not roles["label"] else "",
    ]
    if any(untold):
        raise UserError(
            say(
                "It is unclear which column of {table} is which. The columns are {columns}. Name"
                " the column of {roles}. If the first line is already a text, put a line with"
                " column names above it.",
                table=table.name,
                columns=some(map(repr, table.columns), 30),
                roles=both(filter(None, untold)),
            )
        )
    return roles, tuple(guesses)


def guess_texts(
    table: Table, text: str | None, text_b: str | None, *, pair: bool
) -> dict[str, str | None]:
    """The columns of texts (text, text_b) of a file that needs no labels: as named, the only one,
    by name, or by length.

    Raises:
        UserError: it cannot be determined.
    """
    roles = {"text": text, "text_b": text_b}
    if text is None and text_b is None and (found := _pair(list(table.columns))) and pair:
        return dict(zip(roles, found, strict=True))
    free = [name for name in table.columns if name not in (text, text_b)]
    if text is None:
        roles["text"] = (
            free[0] if len(free) == 1 else _by_name(free, TEXT_NAMES) or _by_length(table, free)
        )
    if roles["text"] is None:
        raise UserError(
            say(
                "It is unclear which column of {table} holds the texts; it has {columns}. Name it"
                " with {column}.",
                table=table.name,
                columns=some(map(repr, table.columns), 30),
                column=Setting("column"),
            )
        )
    return roles


def guess_of(role: str, name: str, why: str, called: str | None = None) -> Guess:
    """That a column was taken for a role, and which option says otherwise; `called`: what the role
    is called, where not as usual.
    """
    return Guess(called or ROLE_NAMES[role], name, why, f"--{role.replace('_', '-')}")


def named_roles(table: Table, options: ReadOptions) -> dict[str, str | None]:
    """The columns that were named, by role.

    Raises:
        UserError: one is not there or named twice.
    """
    given = {role: getattr(options, role) for role in ROLES}
    _check_given(table, given)
    return given


def _check_given(table: Table, given: dict[str, str | None]) -> None:
    """See that every column that is named is there.

    Raises:
        UserError: with those that are not.
    """
    names = list(table.columns)
    faults = [
        together(
            (
                unknown(say("column in {table}", table=table.name), name, names),
                say("Correct {option}.", option=Setting(role)),
            )
        )
        for role, name in given.items()
        if name is not None and name not in names
    ]
    for name, times in Counter(name for name in given.values() if name is not None).items():
        if times > 1 and not (
            times == 2 and name == given["group"] != given["label"]
        ):  # rows that share a text may be a group
            faults.append(
                say(
                    "The column {name!r} is named for {options}. Each needs a column of its own.",
                    name=name,
                    options=both(
                        say("{option}", option=Setting(role))
                        for role, named in given.items()
                        if named == name
                    ),
                )
            )
    if len(names) < 2:
        one = say(
            "{table} has one column, {name!r}, but one for the texts and one for the labels are"
            " needed.",
            table=table.name,
            name=names[0],
        )
        cut = (
            say(
                "The lines were cut at each {mark}: if that is wrong, name another with {option}.",
                mark=g.value,
                option=Setting("delimiter"),
            )
            for g in table.guesses
            if g.what == "delimiter"
        )
        faults.append(together((one, next(cut, ""))))
    raise_all(faults)


def _of_a_pair(name: str) -> bool:
    return any(column_key(name) in pair for pair in PAIR_NAMES)


def _pair(names: list[str]) -> tuple[str, ...]:
    keys = {column_key(name): name for name in reversed(names)}
    return next(((keys[a], keys[b]) for a, b in PAIR_NAMES if a in keys and b in keys), ())


def _by_name(names: list[str], known: tuple[str, ...]) -> str | None:
    """A column called so, else the only one whose name ends so (`review_text`, but not
    `text_id`).
    """
    keys = {column_key(name): name for name in reversed(names)}
    for word in known:
        if word in keys:
            return keys[word]
    last = {
        name: re.split(r"[\W_]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).casefold().strip("_ "))[
            -1
        ]
        for name in names
    }
    for word in known:
        ending = [name for name in names if last[name] == word]
        if ending:
            return ending[0] if len(ending) == 1 else None
    return None


def _by_length(table: Table, names: list[str]) -> str | None:
    """The column of the longest texts, unless another comes near; addresses and identifiers are no
    texts.
    """
    means = {}
    for name in names:
        cells = [c for c in islice(table.columns[name], LOOKED_AT) if isinstance(c, str) and c]
        if any(re.search(r"\s", c.strip()) or not c.isascii() for c in cells):
            means[name] = sum(map(len, cells)) / len(cells)
    ranked = sorted(means, key=means.__getitem__, reverse=True)
    if not ranked or (len(ranked) > 1 and means[ranked[0]] < 1.5 * means[ranked[1]]):
        return None
    return ranked[0]


def _by_repetition(table: Table, names: list[str]) -> str | None:
    """The column with the fewest different values, each there twice on average, unless two have as
    few.
    """
    counts = {}
    for name in names:
        different, present = set(), 0
        for cell in table.columns[name]:
            if value := written(cell):
                present += 1
                different.add(value)
            if len(different) > MAX_LABELS:
                break
        if (
            2 <= len(different) <= min(MAX_LABELS, present / 2)
            and column_key(name) not in NO_LABEL_NAMES
            and not says_group(name)
        ):
            counts[name] = len(different)
    fewest = [name for name, n in counts.items() if n == min(counts.values())]
    return fewest[0] if len(fewest) == 1 else None
