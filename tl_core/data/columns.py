"""A table as a dataset: which column is the text, which the label, and what the cells mean."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tl_core.data import samples
from tl_core.data.alike import join, label_key, one_name
from tl_core.data.hints import (
    MARKS,
    MAX_LABELS,
    Hint,
    Several,
    alike_hint,
    group_hint,
    ordered_hint,
    says_group,
    several_hint,
    several_labels,
)
from tl_core.data.labels import infer_labels, merge, missing, read_labels, written
from tl_core.data.other_tasks import amounts, column_key, other_task
from tl_core.data.tables import (
    GUESS_ALL,
    Cell,
    Guess,
    ReadOptions,
    Table,
    read_table,
    some,
)
from tl_core.errors import UserError, raise_all, unknown
from tl_core.types import Dataset, Example, Label, Problem

MOST_SPELLINGS = 20_000  # different cells; a column with more is none of labels
LOOKED_AT = 1_000  # rows whose texts are measured to guess a column
ROLES = {"text": "--text", "text_b": "--text-b", "label": "--label", "group": "--group"}

# Names are compared in small letters without spaces and signs; the first of a list that is there is taken.
TEXT_NAMES = (
    *("text", "sentence", "review", "document", "comment", "content", "message", "utterance", "tweet", "post", "body"),
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
    *("라벨", "레이블", "분류", "카테고리", "범주", "감정", "감성", "의도", "주제", "유형", "정답", "평점"),
)
PAIR_NAMES = (
    *(("texta", "textb"), ("text1", "text2"), ("sentence1", "sentence2"), ("sentencea", "sentenceb")),
    *(("premise", "hypothesis"), ("question1", "question2"), ("문장1", "문장2"), ("전제", "가설")),
)
NO_LABEL_NAMES = {"split", "fold", "set", "id", "idx", "index", "language", "lang"}


@dataclass(frozen=True)
class Loaded:
    """A dataset and how it was read; `columns` gives the column of each role, `unlabelled` the rows left out.

    `hints` are what the person should be asked; `joined` gives, for each label id that was given up for another, that other.
    """

    dataset: Dataset
    columns: dict[str, str | None]
    guesses: tuple[Guess, ...]
    notes: tuple[str, ...]
    unlabelled: int
    hints: tuple[Hint, ...] = ()
    joined: dict[str, str] = field(default_factory=dict)


def load(
    source: str | Path,
    options: ReadOptions = GUESS_ALL,
    labels_file: Path | None = None,
    *,
    labels: tuple[Label, ...] | None = None,
    check_classes: bool = True,
) -> Loaded:
    """Read a file, or a bundled sample as "sample:NAME", with the label table beside it where one is given.

    Raises:
        UserError: see `read_table`, `read_labels` and `to_dataset`.
    """
    if str(source).startswith("sample:"):
        sample = samples.sample(str(source).removeprefix("sample:"))
        source, labels_file = sample.path, labels_file or (None if labels else sample.labels_path)
    table = read_table(Path(source), options)
    if labels_file is not None:
        labels = read_labels(Path(labels_file))
    return to_dataset(table, options, labels, check_classes=check_classes)


# --- which column is what ------------------------------------------------------------------------------


def guess_columns(table: Table, options: ReadOptions) -> tuple[dict[str, str | None], tuple[Guess, ...]]:
    """The column of each role (text, text_b, label, group): as named, else by name, else by content.

    Raises:
        UserError: a named column is not there or named twice, or a column cannot be told.
    """
    given = {role: getattr(options, role) for role in ROLES}
    _check_given(table, given)
    roles, guesses = dict(given), []

    def take(role: str, name: str | None, why: str) -> None:
        if name is not None:
            roles[role] = name
            guesses.append(Guess({"text_b": "second text"}.get(role, role), name, why, ROLES[role]))

    def free() -> list[str]:
        taken = [name for role, name in roles.items() if role != "group" or name is None or not _of_a_pair(name)]
        return [name for name in table.columns if name not in taken]

    if not given["text"] and not given["text_b"]:
        for role, name in zip(("text", "text_b"), _pair(free()), strict=False):
            take(role, name, "the names of the two columns go together")
    if not roles["text"]:
        take("text", _by_name(free(), TEXT_NAMES), "its name")
    if not roles["label"]:
        take("label", _by_name(free(), LABEL_NAMES), "its name")
    if not roles["text"]:
        take("text", _by_length(table, free()), "its texts are the longest")
    if not roles["label"]:
        take("label", _by_repetition(table, free()), "it has the fewest different values, and they repeat")
    untold = [
        f"the {what} with {ROLES[role]} NAME"
        for role, what in (("text", "texts"), ("label", "labels"))
        if not roles[role]
    ]
    if untold:
        raise UserError(
            f"It cannot be told which column of {table.name} is which. "
            f"The columns are {some(map(repr, table.columns), 30)}. "
            f"Name the column of {' and that of '.join(untold)}. "
            "If the first line is already a text, put a line with column names above it."
        )
    return roles, tuple(guesses)


def guess_texts(table: Table, text: str | None, text_b: str | None, *, pair: bool) -> dict[str, str | None]:
    """The columns of texts (text, text_b) of a file that needs no labels: as named, the only one, by name, or by length.

    Raises:
        UserError: it cannot be told.
    """
    roles = {"text": text, "text_b": text_b}
    if text is None and text_b is None and (found := _pair(list(table.columns))) and pair:
        return dict(zip(roles, found, strict=True))
    free = [name for name in table.columns if name not in (text, text_b)]
    if text is None:
        roles["text"] = free[0] if len(free) == 1 else _by_name(free, TEXT_NAMES) or _by_length(table, free)
    if roles["text"] is None:
        raise UserError(f"It cannot be told which column of {table.name} holds the texts; it has {some(map(repr, table.columns), 30)}. Name it with --column.")
    return roles


def _check_given(table: Table, given: dict[str, str | None]) -> None:
    names = list(table.columns)
    faults = [
        unknown(f"column in {table.name}", name, names) + f" Correct {ROLES[role]}."
        for role, name in given.items()
        if name is not None and name not in names
    ]
    for name, times in Counter(name for name in given.values() if name is not None).items():
        if times > 1 and not (times == 2 and name == given["group"] != given["label"]):  # rows that share a text may be a group
            options = " and ".join(ROLES[role] for role, named in given.items() if named == name)
            faults.append(f"The column {name!r} is named for {options}. Each needs a column of its own.")
    if len(names) < 2:
        cut = next(
            (
                f" The lines were cut at each {g.value}: if that is wrong, name another with {g.option}."
                for g in table.guesses
                if g.what == "delimiter"
            ),
            "",
        )
        faults.append(
            f"{table.name} has one column, {names[0]!r}, but one for the texts and one for the labels are needed.{cut}"
        )
    raise_all(faults)


def _of_a_pair(name: str) -> bool:
    return any(column_key(name) in pair for pair in PAIR_NAMES)


def _pair(names: list[str]) -> tuple[str, ...]:
    keys = {column_key(name): name for name in reversed(names)}
    return next(((keys[a], keys[b]) for a, b in PAIR_NAMES if a in keys and b in keys), ())


def _by_name(names: list[str], known: tuple[str, ...]) -> str | None:
    """A column called so, else the only one whose name ends so (`review_text`, but not `text_id`)."""
    keys = {column_key(name): name for name in reversed(names)}
    for word in known:
        if word in keys:
            return keys[word]
    last = {
        name: re.split(r"[\W_]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).casefold().strip("_ "))[-1] for name in names
    }
    for word in known:
        ending = [name for name in names if last[name] == word]
        if ending:
            return ending[0] if len(ending) == 1 else None
    return None


def _by_length(table: Table, names: list[str]) -> str | None:
    """The column of the longest texts, unless another comes near; addresses and identifiers are no texts."""
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
    """The column with the fewest different values, each there twice on average, unless two have as few."""
    counts = {}
    for name in names:
        different, present = set(), 0
        for cell in table.columns[name]:
            if value := written(cell):
                present += 1
                different.add(value)
            if len(different) > MAX_LABELS:
                break
        if 2 <= len(different) <= min(MAX_LABELS, present / 2) and column_key(name) not in NO_LABEL_NAMES and not says_group(name):
            counts[name] = len(different)
    fewest = [name for name, n in counts.items() if n == min(counts.values())]
    return fewest[0] if len(fewest) == 1 else None


# --- what the cells mean -------------------------------------------------------------------------------

LIST, FRACTION, NO_LIST = "list", "fraction", "no list"  # what a label cell can be instead of labels


def to_dataset(
    table: Table, options: ReadOptions, labels: tuple[Label, ...] | None = None, *, check_classes: bool = True
) -> Loaded:
    """Rows that have a label, as a dataset. `Example.row` keeps the number of the row in the file.

    Args:
        labels: the label table; its order becomes the order of the score axis. None infers it from the rows.
        check_classes: False for a separate test file: it may lack labels of the training file, whose `labels`
            it must be given, and they are kept as they are.

    Raises:
        UserError: every fault of columns, cells and labels.
    """
    if options.label is None and (fault := other_task(table, LABEL_NAMES)):
        raise UserError(fault)
    columns, guesses = guess_columns(table, options)
    cells = table.columns[columns["label"]]
    several = _found_mark(cells, labels) if options.multi_label else None
    found, bad = _read_labels_of(cells, (lambda cell: _many(cell, several and several.mark)) if options.multi_label else _one)
    faults = _cell_faults(table, columns, bad)
    joined: dict[str, str] = {}
    if options.merge_labels:
        found, labels, joined = _join(found, labels, first_stays=not check_classes)
    counts = Counter(ids for ids in found if ids is not None)
    used = {i for ids in counts for i in ids}
    change: dict[str, bool] = {"multi_label": True} if LIST in bad else {}
    hints = []
    if not options.multi_label and (read_as := several_labels(Counter({i: n for ids, n in counts.items() for i in ids}))):
        hints.append(several_hint(read_as))
    if not faults:
        fault = _label_fault(table, columns["label"], found, counts, used, options, check_classes)
        if fault and hints and check_classes:
            fault, change = f"{hints[0].sentence} Otherwise: {fault}", hints[0].change
        faults.append(fault)
    if labels is not None and len(used) <= MAX_LABELS:
        faults.append(missing(used, labels, "the label table" if check_classes else "the training file"))
        if faults[-1] and {label_key(i) for i in used} <= {label_key(x) for label in labels for x in (label.id, label.name)}:
            faults[-1] += " They differ from its labels only in how they are written: --merge-labels makes one of those."
            change = {"merge_labels": True}
    _raise_changeable(list(filter(None, faults)), change)

    notes = list(table.notes)
    if labels is None:
        labels = infer_labels(used)
    elif check_classes:
        extra = [repr(label.id) for label in labels if label.id not in used]
        labels = merge(used, labels)
        if extra:
            notes.append(f"No row has the label {some(extra)} of the label table; it is left out.")
    if check_classes and (fault := one_name(labels)):
        _raise_changeable([fault], {"merge_labels": True})
    unlabelled = [row for row, ids in enumerate(found, 1) if ids is None]
    if unlabelled:
        one = len(unlabelled) == 1
        notes.append(
            f"{len(unlabelled):,} row{'' if one else 's'} without a label {'is' if one else 'are'} left out: row "
            f"{some(unlabelled)}."
        )
    if several and several.rows:
        notes.append(f"The labels of a row are taken to be separated by {MARKS[several.mark]}, as in “{several.example}”.")
    if joined:
        same = "; ".join(f"“{gone}” is read as “{stays}”" for gone, stays in list(joined.items())[:10])
        notes.append(f"Labels that are spelled alike or called the same are one: {same}{f'; and {len(joined) - 10} more' if len(joined) > 10 else ''}.")
    rows = Counter(i for ids, n in counts.items() for i in ids for _ in range(n))
    hints += filter(None, (alike_hint(labels, rows), ordered_hint(columns["label"], used), group_hint(table, columns)))
    problem = Problem(
        "two texts" if columns["text_b"] else "one text", "many labels" if options.multi_label else "one label", labels
    )
    dataset = Dataset(table.name, problem, _examples(table, columns, found, problem))
    return Loaded(dataset, columns, table.guesses + guesses, tuple(notes), len(unlabelled), tuple(hints) if check_classes else (), joined)


def _join(found: list, labels: tuple[Label, ...] | None, *, first_stays: bool) -> tuple[list, tuple[Label, ...] | None, dict[str, str]]:
    """Alike labels as one, in the rows and in the label table; what the table names stays before what only the rows say."""
    rows = Counter(i for ids in found if ids for i in ids)
    if len(rows) > MOST_SPELLINGS:
        return found, labels, {}
    table = {label.id for label in labels or ()}
    counts = {i: -1 if table and i not in table else n for i, n in rows.items()}
    kept, joined = join([*(labels or ()), *infer_labels(rows.keys() - table)], None if first_stays else counts)
    return (
        [ids and tuple(dict.fromkeys(joined.get(i, i) for i in ids)) for ids in found],
        labels and tuple(label for label in kept if label.id in table),
        joined,
    )


def _raise_changeable(faults: list[str], change: dict[str, bool]) -> None:
    """Raise the faults together; `change` is what of `ReadOptions` would read the file so that they are gone."""
    try:
        raise_all(faults)
    except UserError as fault:
        fault.change = change
        raise


def _examples(table: Table, columns: dict[str, str | None], found: list, problem: Problem) -> tuple[Example, ...]:
    """Rows with labels, in file order; the labels of a row stand in the order of the problem."""
    order = problem.label_index.__getitem__
    shared = {ids: tuple(sorted(ids, key=order)) for ids in set(found) if ids is not None}
    groups: dict[str, str] = {}
    nothing = [None] * table.rows
    texts, seconds, group_cells = (
        table.columns[columns[role]] if columns[role] else nothing for role in ("text", "text_b", "group")
    )
    paired = columns["text_b"] is not None
    return tuple(
        Example(
            row,
            text if type(text) is str else _text(text),
            _text(second) if paired else None,
            shared[ids],
            None if group is None else groups.setdefault(g := written(group), g) or None,
        )
        for row, (text, second, ids, group) in enumerate(zip(texts, seconds, found, group_cells, strict=True), 1)
        if ids is not None
    )


def _text(cell: Cell) -> str:
    """Exactly the text of a cell; a missing one is empty."""
    if isinstance(cell, str):
        return cell
    return "" if cell is None or (isinstance(cell, float) and math.isnan(cell)) else str(cell)


def _read_labels_of(
    cells: Sequence[Cell], read: Callable[[Cell], tuple[str, ...] | str | None]
) -> tuple[list, dict[str, list[int]]]:
    """Label ids of each row (None: it has no label), and the rows of cells that are none. Equal cells are read once."""
    seen: dict = {}
    found, bad = [], {}
    for row, cell in enumerate(cells, 1):
        key = cell if type(cell) is str else (type(cell), repr(cell))  # True is not 1, and a list has no hash
        if key not in seen:
            seen[key] = read(cell)
        ids = seen[key]
        if isinstance(ids, str):
            bad.setdefault(ids, []).append(row)
            ids = None
        found.append(ids)
    return found, bad


def _one(cell: Cell) -> tuple[str, ...] | str | None:
    if isinstance(cell, list) or (isinstance(cell, str) and (_listed(cell) is not None or _broken_list(cell))):
        return LIST
    if _fraction(cell):
        return FRACTION
    id = written(cell)
    return (id,) if id else None


def _fraction(cell: Cell) -> bool:
    return isinstance(cell, float) and not math.isnan(cell) and not cell.is_integer()


def _many(cell: Cell, separator: str | None) -> tuple[str, ...] | str | None:
    if _fraction(cell):
        return FRACTION
    if isinstance(cell, str):
        listed = _listed(cell)
        if listed is None and not written(cell):
            return None
        if listed is None and _broken_list(cell):
            return NO_LIST
        cell = listed if listed is not None else cell.split(separator) if separator else [cell]
    elif not isinstance(cell, list):
        cell = [cell] if written(cell) else None
    if cell is None:
        return None
    if any(isinstance(item, (list, dict)) or _fraction(item) for item in cell):
        return NO_LIST
    return tuple(dict.fromkeys(id for item in cell if (id := written(item))))


def _listed(cell: str) -> list | None:
    """The list written in a cell, as JSON or as Python writes lists, tuples and sets; None when it is none."""
    cell = cell.strip()
    if cell[:2] in ("('", '("', "{'", '{"') and cell[-1:] == {"(": ")", "{": "}"}[cell[0]] and "':" not in cell and '":' not in cell:
        cell = f"[{cell[1:-1].rstrip().removesuffix(',')}]"
    if not (cell.startswith("[") and cell.endswith("]")):
        return None
    for text in (cell, cell.replace("'", '"')):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, list) else None
    return None


def _broken_list(cell: str) -> bool:
    """A list that cannot be read, such as the ['a' 'b'] that NumPy writes: cut at commas it would make odd labels."""
    return cell.strip().startswith(("['", '["'))


def _found_mark(cells: Iterable[Cell], labels: tuple[Label, ...] | None) -> Several | None:
    """What stands between several labels in one cell: what the cells speak for, else the first of | ; , that any of them holds."""
    counts = Counter(cell.strip() for cell in cells if isinstance(cell, str) and cell.strip() and _listed(cell) is None)
    if found := several_labels({**{label.id: 0 for label in labels or ()}, **counts}):
        return found
    held = next((mark for mark in "|;," if any(mark in cell for cell in counts)), None)
    if held is None:
        return None
    holding = [cell for cell in counts if len({part.strip() for part in cell.split(held) if part.strip()}) > 1]
    return Several(held, sum(counts[cell] for cell in holding), holding[0] if holding else "")


# --- faults ----------------------------------------------------------------------------------


def _cell_faults(table: Table, columns: dict[str, str | None], bad: dict[str, list[int]]) -> list[str]:
    label = f"{table.name}, column {columns['label']!r}"
    sentences = {
        LIST: (
            "lists of labels in row {}. If a text may have several labels, say so with --multi-label; otherwise "
            "give each row one."
        ),
        FRACTION: (
            "numbers with a fraction in row {}, which are no classes, and predicting a number is not done here. "
            "Name the column of labels with --label, or round the numbers to classes."
        ),
        NO_LIST: 'lists that hold no labels, or cannot be read, in row {}. Write each list of labels as ["a", "b"].',
    }
    faults = [f"{label}: {sentences[what].format(some(rows, 3 if what == LIST else 10))}" for what, rows in bad.items()]
    for role in ("text", "text_b"):
        if columns[role]:
            rows = [row for row, cell in enumerate(table.columns[columns[role]], 1) if isinstance(cell, list)]
            if rows:
                faults.append(
                    f"{table.name}, column {columns[role]!r}: lists instead of texts in row {some(rows)}. "
                    f"Name the column of texts with {ROLES[role]}, or join each list to one text."
                )
    return faults


def _label_fault(
    table: Table, name: str, found: list, counts: Counter, used: set[str], options: ReadOptions, check_classes: bool
) -> str:
    column, labelled = f"The column {name!r} of {table.name}", counts.total()
    if not labelled:
        return (
            f"{column} has no label in any of the {len(found):,} rows. "
            "Fill it, or name the column of labels with --label."
        )
    if check_classes and not options.multi_label and (fault := amounts(name, used, options.label is not None)):
        return fault
    if len(used) > max(MAX_LABELS, labelled / 2):
        return (
            f"{column} has {len(used):,} different values in {labelled:,} rows: "
            "it looks like an identifier or a text. Name the right column with --label."
        )
    if len(used) > MAX_LABELS:
        return (
            f"{column} has {len(used):,} different labels; at most {MAX_LABELS} can be compared. "
            "Join rare ones, or name the right column with --label."
        )
    if check_classes and len(used) < 2:
        all_there_is = f"only the label {next(iter(used))!r}" if used else "no label that applies"
        return f"{column} has {all_there_is} in its {labelled:,} labelled rows. At least two labels are needed."
    single = {ids for ids, n in counts.items() if n == 1} if check_classes and not options.multi_label else set()
    if single:
        rows = [f"{ids[0]!r} (row {row:,})" for row, ids in enumerate(found, 1) if ids in single]
        return (
            f"{column} has labels with a single row: {some(rows)}. Each needs two at least, "
            "one to learn from and one to test on: add rows, or join the label with another."
        )
    return ""
