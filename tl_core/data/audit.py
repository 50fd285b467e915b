"""Audit of the rows before anything is run on them, and what will be done about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tl_core.api.sentences import Sentence, listed, say, say_n, together
from tl_core.api.types import Dataset, Example, Label
from tl_core.data.duplicates import Duplicates, Overlap, normalise
from tl_core.data.duplicates import overlap as find_overlap
from tl_core.data.garbled import garbled, only_jamo
from tl_core.data.hints import Hint
from tl_core.data.tokens_read import TokenReport, evenly, percent
from tl_core.data.tokens_read import token_report as token_report  # its earlier place
from tl_core.tasks import task_of

Level = Literal["ok", "note", "warning"]

MOST_ROWS = 20  # example rows named by a finding
LABEL_WORD_SAMPLE = 20_000  # rows
FEWEST_TEST_ROWS = 200

_UNSPACED = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]"
)  # words run on, or carry particles


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was found and what the tool does about it, in full
    sentences.
    """

    id: str
    level: Level
    title: str
    detail: str
    action: str
    rows: tuple[int, ...] = ()  # row numbers of at most 20 examples
    count: int = 0  # rows it is about (texts, for findings on what a model reads)
    change: dict[str, Any] = field(
        default_factory=dict
    )  # of `ReadOptions`: what says yes to what is asked


@dataclass(frozen=True)
class Audit:
    """Everything found, in a fixed order; `warnings` come from the same list."""

    rows: int
    label_counts: dict[str, int]  # rows that can be used, by label id, in the problem's order
    findings: tuple[Finding, ...]
    tokens: tuple[TokenReport, ...]

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Return the findings whose level is `warning`."""
        return tuple(f for f in self.findings if f.level == "warning")


def audit(
    dataset: Dataset,
    *,
    duplicates: Duplicates,
    test: Sequence[Example] | None = None,
    overlap: Overlap | None = None,
    tokens: Sequence[TokenReport] = (),
    unlabelled: int = 0,
    named_labels: bool = True,
    hints: Sequence[Hint] = (),
    most_shots: int | None = None,
) -> Audit:
    """Look at the rows of `dataset` (all of them, the pool of a separate test file) and say what
    was found.

    Args:
        duplicates: `find_duplicates(dataset.examples)`.
        test: rows of a separate test file; None: test rows will be taken from the dataset.
        overlap: `overlap(dataset.examples, test)`; computed here when it is needed and not given.
        tokens: one report for each model under consideration.
        unlabelled: rows of the file without a label, which are not in `dataset`.
        named_labels: labels have names a reader understands, not bare numbers.
        hints: `Loaded.hints`.
        most_shots: rows of the smallest label in the part to train on, as it will be split; None:
            not known.
    """
    examples = dataset.examples
    if test is not None and overlap is None:
        overlap = find_overlap(examples, test)
    keep = duplicates.keep.copy()
    if overlap is not None:
        keep[[i for i, _ in (*overlap.exact, *overlap.near)]] = False
    usable = [examples[i] for i in np.flatnonzero(keep)]
    counter = Counter(label for e in usable for label in set(e.labels))
    counts = {label: counter[label] for label in dataset.problem.label_ids}
    findings = [
        *map(_hinted, hints),
        _balance(dataset, usable, counts),
        _few_rows(dataset, counts, most_shots, separate_test=test is not None),
        _few_test_rows(
            len(usable) // 2 if test is None else len(test), separate_test=test is not None
        ),
        _empty(examples, duplicates),
        *_garbled(examples),
        *_jamo(examples),
        _exact(examples, duplicates),
        (
            _shared(examples)
            if task_of(dataset.problem).shares_texts
            else _near(examples, duplicates)
        ),
        _conflicts(examples, duplicates),
        *([_unexamined(duplicates)] if duplicates.unexamined else []),
        *([_overlap(examples, overlap)] if overlap is not None else []),
        *([_unlabelled(unlabelled)] if unlabelled else []),
        _label_names(dataset, named_labels),
        _label_words(dataset, usable),
        *(finding for report in tokens for finding in (_reading(report), _length(report))),
    ]
    return Audit(len(examples), counts, tuple(findings), tuple(tokens))


def _hinted(h: Hint) -> Finding:
    return Finding(h.id, h.level, h.title, h.detail, h.action, count=h.count, change=h.change)


# --- labels and how many rows they have -----------------------------------------------------------


def _balance(dataset: Dataset, usable: Sequence[Example], counts: dict[str, int]) -> Finding:
    names = {label.id: label.name for label in dataset.problem.labels}
    title = say("Balance of the labels")
    if not usable or not counts:
        return Finding(
            "balance",
            "warning",
            title,
            say("No row can be used."),
            say("Nothing can be run; load rows with texts and labels."),
        )
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    share = counts[largest] / len(usable)
    ratio = counts[largest] / counts[smallest] if counts[smallest] else float("inf")
    if ratio == 1:
        detail = say(
            "Every label has {share} of the {rows} that can be used.",
            share=percent(share),
            rows=_rows(len(usable)),
        )
    else:
        about = {
            "name": names[largest],
            "share": percent(share),
            "rows": _rows(len(usable)),
            "smallest": names[smallest],
        }
        if counts[smallest]:
            detail = say(
                "The most frequent label, “{name}”, has {share} of the {rows} that can be used,"
                " {ratio:,.1f} times as many rows as the rarest, “{smallest}”.",
                ratio=ratio,
                **about,
            )
        else:
            detail = say(
                "The most frequent label, “{name}”, has {share} of the {rows} that can be used,"
                " while “{smallest}” has none.",
                **about,
            )
    if not task_of(dataset.problem).exclusive:
        level: Level = "note" if ratio >= 3 else "ok"
        action = say(
            "Look at macro F1, which weights every label equally; training rows are drawn label"
            " by label."
        )
        return Finding("balance", level, title, detail, action, count=len(usable))
    if ratio > 1:
        detail = together(
            (
                detail,
                say(
                    "Always predicting “{name}” would be correct for that share.",
                    name=names[largest],
                ),
            )
        )
    level = "warning" if share >= 0.8 or ratio >= 20 else "note" if ratio >= 3 else "ok"
    fair = say("Accuracy is a fair measure here; the same number of rows is drawn for every label.")
    unfair = say(
        "Look at macro F1 and compare with the majority baseline; accuracy alone would"
        " flatter the larger labels."
    )
    return Finding(
        "balance", level, title, detail, fair if level == "ok" else unfair, count=len(usable)
    )


def _few_rows(
    dataset: Dataset, counts: dict[str, int], most_shots: int | None, *, separate_test: bool
) -> Finding:
    names = {label.id: label.name for label in dataset.problem.labels}
    title = say("Rows per label")
    lowest = min(counts.values(), default=0)
    few = {label: n for label, n in counts.items() if n < 16}
    shots = most_shots if most_shots is not None else lowest if separate_test else lowest // 2
    if few:
        detail = say(
            "Fewer than 16 rows can be used for: {labels}.",
            labels=listed(
                (
                    f"“{names[label]}” {n:,}"
                    for label, n in sorted(few.items(), key=lambda item: item[1])
                ),
                8,
            ),
        )
    else:
        detail = say("Every label has {rows} or more that can be used.", rows=_rows(lowest))
    if separate_test:
        action = say("At most {shots:,} shots per label can be compared.", shots=shots)
    elif most_shots is not None:
        action = say(
            "At most {shots:,} shots per label can be compared, as the other rows are kept to test"
            " on.",
            shots=shots,
        )
    else:
        action = say(
            "At most {shots:,} shots per label can be compared, if half of a label's rows are kept"
            " to test on.",
            shots=shots,
        )
    if few:
        action = together((action, say("Add rows for these labels to compare more.")))
    level: Level = "warning" if few else "note" if shots < 32 else "ok"
    return Finding(
        "few_rows",
        level,
        title,
        detail,
        action,
        count=sum(few.values()),
    )


def _few_test_rows(most: int, *, separate_test: bool) -> Finding:
    margin = (
        100 * 1.96 * 0.5 / max(most, 1) ** 0.5
    )  # half-width of a 95% interval for a share of one half, in points
    about = {"rows": _rows(most), "margin": min(margin, 50)}
    if separate_test:
        detail = say(
            "The test file has {rows}. With them an accuracy of 50% is known to about ±"
            " {margin:.0f} points.",
            **about,
        )
    else:
        detail = say(
            "At most half of what can be used may be tested on: {rows}. With them an accuracy of"
            " 50% is known to about ± {margin:.0f} points.",
            **about,
        )
    if most >= FEWEST_TEST_ROWS:
        return Finding(
            "few_test",
            "ok",
            say("Rows to test on"),
            detail,
            say("Nothing has to be done."),
            count=most,
        )
    action = say(
        "Every result is shown with its interval; to tell close arms apart, add rows"
        " until {fewest_test_rows} or more can be tested on.",
        fewest_test_rows=FEWEST_TEST_ROWS,
    )
    return Finding("few_test", "warning", say("Few rows to test on"), detail, action, count=most)


def _unlabelled(count: int) -> Finding:
    detail = say_n("{n:,} row is without a label.", "{n:,} rows are without a label.", count)
    return Finding(
        "unlabelled",
        "note",
        say("Rows without a label"),
        detail,
        say("They are used neither for training nor for testing."),
        count=count,
    )


def _label_names(dataset: Dataset, named: bool) -> Finding:
    names = listed((f"“{label.name}”" for label in dataset.problem.labels), 8)
    if named:
        return Finding(
            "label_names",
            "ok",
            say("Names of the labels"),
            say("The labels are called {names}.", names=names),
            say("Strategies that read the names can be used."),
        )
    detail = say("The labels are called {names}, which tells a reader nothing.", names=names)
    action = say(
        "Strategies that read the names of labels are refused until you give the labels"
        " names in words."
    )
    return Finding("label_names", "warning", say("Labels without names"), detail, action)


def _label_words(dataset: Dataset, usable: Sequence[Example]) -> Finding:
    """Share of each label's rows that say its name or one of its words, against the rows of the
    other labels.
    """
    looked = evenly(usable, LABEL_WORD_SAMPLE)
    texts = [normalise(e.text if e.text_b is None else f"{e.text} {e.text_b}") for e in looked]
    told: list[str] = []
    rows: dict[int, None] = {}
    level: Level = "ok"
    for label in dataset.problem.labels:
        pattern = _pattern(label)
        own = np.array([label.id in e.labels for e in looked], bool)
        if pattern is None or not own.any():
            continue
        says = np.array([pattern.search(text) is not None for text in texts], bool)
        inside, outside = says[own].mean(), says[~own].mean() if (~own).any() else 0.0
        if inside < 0.1 or inside < 2 * outside:
            continue
        told.append(
            say(
                "“{label}” {inside} of its rows and {outside} of the others",
                label=label.name,
                inside=percent(inside),
                outside=percent(outside),
            )
        )
        rows.update(dict.fromkeys(e.row for e, hit in zip(looked, says & own) if hit))
        level = "warning" if inside >= 0.5 and outside <= 0.1 or level == "warning" else "note"
    title = say("Label words inside the texts")
    of = (
        together((" ", say("(of {rows} looked at)", rows=_rows(len(looked)))), "")
        if len(looked) < len(usable)
        else ""
    )
    if not told:
        return Finding(
            "label_words",
            "ok",
            title,
            say("No label's own words give its rows away{of}.", of=of),
            say("Nothing has to be done."),
        )
    detail = say(
        "Some texts say the name or a word of their own label{of}: {labels}.",
        of=of,
        labels=listed(told, 8, "; "),
    )
    action = say(
        "The rows stay. Zero-shot by name may be easy here; if the words came from the"
        " labelling itself, take them out of the texts."
    )
    return Finding("label_words", level, title, detail, action, tuple(rows)[:MOST_ROWS], len(rows))


def _pattern(label: Label) -> re.Pattern[str] | None:
    """Return the pattern that finds the label's words; whole words, except where particles are
    joined on (긍정적인) or no spaces are written.
    """
    parts = []
    for word in {normalise(w) for w in (label.name, *label.words)}:
        if len(word) < 2 or not any(c.isalpha() for c in word):
            continue
        parts.append(
            re.escape(word) if _UNSPACED.search(word) else rf"(?<!\w){re.escape(word)}(?!\w)"
        )
    return re.compile("|".join(sorted(parts))) if parts else None


# --- rows that repeat others ----------------------------------------------------------------------


def _empty(examples: Sequence[Example], found: Duplicates) -> Finding:
    index = [i for group in found.empty for i in group]
    if not index:
        return Finding(
            "empty",
            "ok",
            say("Empty texts"),
            say("Every row has a text."),
            say("Nothing has to be done."),
        )
    detail = say_n("{n:,} row is without a text.", "{n:,} rows are without a text.", len(index))
    return Finding(
        "empty",
        "note",
        say("Empty texts"),
        detail,
        say("They are left out of training and test."),
        _numbers(examples, index),
        len(index),
    )


def _garbled(examples: Sequence[Example]) -> Iterator[Finding]:
    found = garbled([e.text for e in examples])
    if found is None:
        return
    yield Finding(
        "garbled",
        "warning",
        say("Garbled characters"),
        say_n(
            "{n:,} text looks as if it had been written in {was} and read as {read_as}: “{seen}”"
            " was probably “{meant}”.",
            "{n:,} texts look as if they had been written in {was} and read as {read_as}: “{seen}”"
            " was probably “{meant}”.",
            len(found.rows),
            was=found.was.upper(),
            read_as=found.read_as.upper(),
            seen=_clipped(found.seen),
            meant=_clipped(found.meant),
        ),
        say(
            "Nothing is changed by itself, and no model reads such texts. Export the file once more"
            " from where it comes from, as UTF-8."
        ),
        _numbers(examples, found.rows),
        len(found.rows),
    )


def _jamo(examples: Sequence[Example]) -> Iterator[Finding]:
    index = [i for i, e in enumerate(examples) if only_jamo(e.text)]
    if not index:
        return
    many = len(index) > len(examples) / 10
    yield Finding(
        "jamo",
        "warning" if many else "note",
        say("Single Korean letters"),
        say_n(
            "{n:,} text has no syllable, only single letters such as “{seen}”.",
            "{n:,} texts have no syllable, only single letters such as “{seen}”.",
            len(index),
            seen=_clipped(examples[index[0]].text),
        ),
        say(
            "They are kept. A model knows little of what they mean; if they came from a damaged"
            " export, mend them, and else see whether a label can be told from them at all."
        ),
        _numbers(examples, index),
        len(index),
    )


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _exact(examples: Sequence[Example], found: Duplicates) -> Finding:
    extra = [i for group in found.exact for i in group[1:]]
    if not extra:
        return Finding(
            "exact",
            "ok",
            say("Exact duplicates"),
            say("No row repeats another with the same label."),
            say("Nothing has to be done."),
        )
    detail = say_n(
        "{n:,} row is a copy of an earlier row: same text apart from case and spacing, same label.",
        "{n:,} rows are a copy of an earlier row: same text apart from case and spacing, same"
        " label.",
        len(extra),
    )
    action = say("The first of each is kept; the copies are left out of training and test.")
    level: Level = "warning" if len(extra) > 0.2 * len(examples) else "note"
    return Finding(
        "exact",
        level,
        say("Exact duplicates"),
        detail,
        action,
        _numbers(examples, extra),
        len(extra),
    )


def _shared(examples: Sequence[Example]) -> Finding:
    """How many rows ask of one text: they are alike, and that is meant."""
    texts = len({e.text for e in examples})
    return Finding(
        "near",
        "ok",
        say("Questions to one text"),
        say("{n:,} questions are asked of {texts:,} texts.", n=len(examples), texts=texts),
        say("All questions to a text are on one side of the split."),
    )


def _near(examples: Sequence[Example], found: Duplicates) -> Finding:
    index = [i for group in found.near for i in group]
    if not index:
        return Finding(
            "near",
            "ok",
            say("Near duplicates"),
            say("No two texts are nearly the same."),
            say("Nothing has to be done."),
        )
    groups = say_n("{n:,} group", "{n:,} groups", len(found.near))
    detail = say_n(
        "{n:,} row is nearly the same as another; together they form {groups}.",
        "{n:,} rows are nearly the same as another; together they form {groups}.",
        len(index),
        groups=groups,
    )
    action = say(
        "They are kept, but a group always stays on one side of the split, so that no"
        " test text was almost seen in training."
    )
    level: Level = "warning" if len(index) > 0.3 * len(examples) else "note"
    return Finding(
        "near", level, say("Near duplicates"), detail, action, _numbers(examples, index), len(index)
    )


def _conflicts(examples: Sequence[Example], found: Duplicates) -> Finding:
    index = [i for group in found.conflicts for i in group]
    title = say("The same text with different labels")
    if not index:
        return Finding(
            "conflicts",
            "ok",
            title,
            say("No text has two different labels."),
            say("Nothing has to be done."),
        )
    detail = together(
        (
            say_n(
                "{n:,} text has different labels on different rows.",
                "{n:,} texts have different labels on different rows.",
                len(found.conflicts),
            ),
            say_n("{n:,} row is concerned.", "{n:,} rows are concerned.", len(index)),
        )
    )
    action = say(
        "All of these rows are left out of training and test: no prediction for them can be"
        " correct. Fix their labels to use them."
    )
    return Finding(
        "conflicts", "warning", title, detail, action, _numbers(examples, index), len(index)
    )


def _unexamined(found: Duplicates) -> Finding:
    detail = say(
        "{unexamined:,} texts are so much like many others that not every pair of them"
        " was compared.",
        unexamined=found.unexamined,
    )
    action = say(
        "A few near duplicates may end up on both sides of the split. If the texts come from one"
        " template, give a group column."
    )
    return Finding(
        "unexamined",
        "note",
        say("Near duplicates not fully searched"),
        detail,
        action,
        count=found.unexamined,
    )


def _overlap(examples: Sequence[Example], found: Overlap) -> Finding:
    title = say("Training rows that repeat test rows")
    index = [i for i, _ in (*found.exact, *found.near)]
    if not index:
        return Finding(
            "overlap",
            "ok",
            title,
            say("No row for training repeats a row of the test file."),
            say("Nothing has to be done."),
        )
    parts = []
    if found.exact:
        parts.append(
            say_n(
                "{n:,} row is in the test file too.",
                "{n:,} rows are in the test file too.",
                len(found.exact),
            )
        )
    if found.near:
        parts.append(
            say_n(
                "{n:,} row is nearly the same as a test row.",
                "{n:,} rows are nearly the same as a test row.",
                len(found.near),
            )
        )
    detail = together(parts)
    action = say(
        "They are left out of training; the test file stays as it is. Otherwise the"
        " results would look better than they are."
    )
    return Finding(
        "overlap", "warning", title, detail, action, _numbers(examples, index), len(index)
    )


# --- what a model reads ---------------------------------------------------------------------------


def _reading(report: TokenReport) -> Finding:
    title = f"What {report.model} reads"
    level: Level = "ok" if report.readable and not report.spelled else "warning"
    action = (
        say("Nothing has to be done.")
        if level == "ok"
        else say(
            "Arms with this model still run if you ask for them; their results carry this warning."
        )
    )
    return Finding(
        f"reading:{report.model}", level, title, report.sentence, action, count=report.checked
    )


def _length(report: TokenReport) -> Finding:
    title = say("Length of the texts for {model}", model=report.model)
    about = {
        "checked": report.checked,
        "max_tokens": report.max_tokens,
        "median_tokens": report.median_tokens,
    }
    if not report.longer:
        detail = say(
            "None of {checked:,} texts checked has more than {max_tokens:,} tokens; half have"
            " {median_tokens:,.0f} or fewer.",
            **about,
        )
        return Finding(f"long:{report.model}", "ok", title, detail, say("Nothing has to be done."))
    share = report.longer / report.checked
    detail = say_n(
        "{n:,} of {checked:,} texts checked ({share}) has more than {max_tokens:,} tokens; half"
        " have {median_tokens:,.0f} or fewer.",
        "{n:,} of {checked:,} texts checked ({share}) have more than {max_tokens:,} tokens; half"
        " have {median_tokens:,.0f} or fewer.",
        report.longer,
        share=percent(share),
        **about,
    )
    action = say(
        "{model} reads only the first {max_tokens:,} tokens of these texts.",
        model=report.model,
        max_tokens=report.max_tokens,
    )
    return Finding(
        f"long:{report.model}",
        "warning" if share > 0.1 else "note",
        title,
        detail,
        action,
        count=report.longer,
    )


# --- words and numbers ----------------------------------------------------------------------------


def _numbers(examples: Sequence[Example], index: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(examples[i].row for i in index)[:MOST_ROWS])


def _rows(n: int) -> Sentence:
    return say_n("{n:,} row", "{n:,} rows", n)
