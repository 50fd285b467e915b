"""What there is to know about the rows before anything is run on them, and what will be done about it."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tl_core.data.duplicates import Duplicates, Overlap, normalise
from tl_core.data.duplicates import overlap as find_overlap
from tl_core.data.hints import Hint
from tl_core.types import Dataset, Example, Label

Level = Literal["ok", "note", "warning"]

MOST_ROWS = 20  # example rows named by a finding
TOKEN_SAMPLE = 2_000  # texts
WORD_CHARACTERS = 2_000  # of each text, when its words are looked at
LABEL_WORD_SAMPLE = 20_000  # rows
FEWEST_TEST_ROWS = 200

# Measured on 199 Korean reviews, 199 English support tickets and sentences in ten more languages, with the
# tokenizers of MiniLM, KLUE-RoBERTa, KoELECTRA and GPT-NeoX. Share of words with an unknown piece: 0 for languages
# the vocabulary was made for, 0.34 for Korean under MiniLM (the rest falls into single jamo: 1.6 tokens a syllable).
UNKNOWN_LIMIT = 0.2
# Share of different words that get equal tokens: 0 where the model reads, 0.98 for Korean under KLUE's vocabulary
# loaded into the wrong kind of tokenizer, which knows no unknown words and raises nothing.
MERGED_LIMIT = 0.2
FEWEST_WORDS = 20  # different words, below which their merging says nothing
# Tokens a letter: English 0.18 to 0.26, German, French, Turkish and Finnish 0.33 to 0.48, but Russian, Greek and
# Arabic 0.94 to 1.0 under MiniLM. A syllable or ideograph may well be one token (Korean under KLUE 0.67).
SPELLED_LETTERS, SPELLED_SYLLABLES = 0.8, 1.2

_IDEOGRAPH = re.compile(r"([\u3400-\u9fff\uf900-\ufaff])")  # written without spaces: each counts as a word
_SYLLABLE = re.compile(r"[\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")  # an ideograph or a Hangul syllable
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")  # words run on, or carry particles


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was found and what the tool does about it, in full sentences."""

    id: str
    level: Level
    title: str
    detail: str
    action: str
    rows: tuple[int, ...] = ()  # row numbers of at most 20 examples
    count: int = 0  # rows it is about (texts, for findings on what a model reads)
    change: dict[str, Any] = field(default_factory=dict)  # of `ReadOptions`: what says yes to what is asked
    values: dict[str, str] = field(default_factory=dict)  # what the sentences hold, for whoever says them in another language


@dataclass(frozen=True)
class TokenReport:
    """How one model's tokenizer takes the texts."""

    model: str
    unknown_rate: float  # 0..1, share of words with at least one unknown piece
    unknown_token_rate: float  # 0..1, share of all tokens
    merged_rate: float  # 0..1, share of different words whose tokens are those of another word
    tokens_per_character: float  # over letters and digits
    longer: int  # texts of those checked that have more than max_tokens tokens
    max_tokens: int
    median_tokens: float  # per text
    checked: int  # texts
    readable: bool
    spelled: bool  # words are cut into single letters or bytes: read, but badly
    sentence: str


@dataclass(frozen=True)
class Audit:
    """Everything found, in a fixed order; `warnings` come from the same list."""

    rows: int
    label_counts: dict[str, int]  # rows that can be used, by label id, in the problem's order
    findings: tuple[Finding, ...]
    tokens: tuple[TokenReport, ...]

    @property
    def warnings(self) -> tuple[Finding, ...]:
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
    """Look at the rows of `dataset` (all of them, the pool of a separate test file) and say what was found.

    Args:
        duplicates: `find_duplicates(dataset.examples)`.
        test: rows of a separate test file; None: test rows will be taken from the dataset.
        overlap: `overlap(dataset.examples, test)`; worked out here when it is needed and not given.
        tokens: one report for each model under consideration.
        unlabelled: rows of the file without a label, which are not in `dataset`.
        named_labels: labels have names a reader understands, not bare numbers.
        hints: `Loaded.hints`.
        most_shots: rows of the smallest label in the part to train on, as it will be split; None: not known.
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
        *(Finding(h.id, h.level, h.title, h.detail, h.action, count=h.count, change=h.change, values=h.values) for h in hints),
        _balance(dataset, usable, counts),
        _few_rows(dataset, counts, most_shots, separate_test=test is not None),
        _few_test_rows(len(usable) // 2 if test is None else len(test), separate_test=test is not None),
        _empty(examples, duplicates),
        _exact(examples, duplicates),
        _near(examples, duplicates),
        _conflicts(examples, duplicates),
        *([_unexamined(duplicates)] if duplicates.unexamined else []),
        *([_overlap(examples, overlap)] if overlap is not None else []),
        *([_unlabelled(unlabelled)] if unlabelled else []),
        _label_names(dataset, named_labels),
        _label_words(dataset, usable),
        *(finding for report in tokens for finding in (_reading(report), _length(report))),
    ]
    return Audit(len(examples), counts, tuple(findings), tuple(tokens))


# --- labels and how many rows they have --------------------------------------------------------------------


def _balance(dataset: Dataset, usable: Sequence[Example], counts: dict[str, int]) -> Finding:
    names = {label.id: label.name for label in dataset.problem.labels}
    title = "Balance of the labels"
    if not usable or not counts:
        return Finding(
            "balance", "warning", title, "No row can be used.", "Nothing can be run; load rows with texts and labels."
        )
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    share = counts[largest] / len(usable)
    ratio = counts[largest] / counts[smallest] if counts[smallest] else float("inf")
    if ratio == 1:
        detail = f"Every label stands on {_percent(share)} of the {_rows(len(usable))} that can be used."
    else:
        size = (
            f"{ratio:,.1f} times as many rows as the smallest, “{names[smallest]}”"
            if counts[smallest]
            else f"while “{names[smallest]}” has none"
        )
        of = f"{_percent(share)} of the {_rows(len(usable))} that can be used"
        detail = f"The largest label, “{names[largest]}”, stands on {of}, {size}."
    if dataset.problem.target == "many labels":
        level: Level = "note" if ratio >= 3 else "ok"
        action = "Look at macro F1, which counts every label alike; training rows are drawn label by label."
        return Finding("balance", level, title, detail, action, count=len(usable))
    if ratio > 1:
        detail += f" Always answering “{names[largest]}” would be right for that share."
    level = "warning" if share >= 0.8 or ratio >= 20 else "note" if ratio >= 3 else "ok"
    fair = "Accuracy is a fair measure here; the same number of rows is drawn for every label."
    unfair = "Look at macro F1 and compare with the majority baseline; accuracy alone would flatter the larger labels."
    return Finding("balance", level, title, detail, fair if level == "ok" else unfair, count=len(usable))


def _few_rows(dataset: Dataset, counts: dict[str, int], most_shots: int | None, *, separate_test: bool) -> Finding:
    names = {label.id: label.name for label in dataset.problem.labels}
    title = "Rows per label"
    lowest = min(counts.values(), default=0)
    few = {label: n for label, n in counts.items() if n < 16}
    shots = most_shots if most_shots is not None else lowest if separate_test else lowest // 2
    if few:
        listed = [f"“{names[label]}” {n:,}" for label, n in sorted(few.items(), key=lambda item: item[1])]
        more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""
        detail = f"Fewer than 16 rows can be used for: {', '.join(listed[:8])}{more}."
    else:
        detail = f"Every label has {_rows(lowest)} or more that can be used."
    part = "" if separate_test else ", as the other rows are kept to test on" if most_shots is not None else ", if half of a label's rows are kept to test on"
    action = f"At most {shots:,} shots per label can be compared{part}."
    level: Level = "warning" if few else "note" if shots < 32 else "ok"
    return Finding(
        "few_rows",
        level,
        title,
        detail,
        action + (" Add rows for these labels to compare more." if few else ""),
        count=sum(few.values()),
    )


def _few_test_rows(most: int, *, separate_test: bool) -> Finding:
    source = "The test file has" if separate_test else "At most half of what can be used may be tested on:"
    margin = 100 * 1.96 * 0.5 / max(most, 1) ** 0.5  # half-width of a 95 % interval for a share of one half, in points
    detail = f"{source} {_rows(most)}. With them an accuracy of 50 % is known to about ± {min(margin, 50):.0f} points."
    if most >= FEWEST_TEST_ROWS:
        return Finding("few_test", "ok", "Rows to test on", detail, "Nothing has to be done.", count=most)
    action = (
        f"Every result is shown with its interval; to tell close arms apart, add rows until {FEWEST_TEST_ROWS} or more "
        "can be tested on."
    )
    return Finding("few_test", "warning", "Few rows to test on", detail, action, count=most)


def _unlabelled(count: int) -> Finding:
    detail = f"{_rows(count, True)} without a label."
    return Finding(
        "unlabelled",
        "note",
        "Rows without a label",
        detail,
        "They are used neither for training nor for testing.",
        count=count,
    )


def _label_names(dataset: Dataset, named: bool) -> Finding:
    listed = ", ".join(f"“{label.name}”" for label in dataset.problem.labels[:8])
    if named:
        return Finding(
            "label_names",
            "ok",
            "Names of the labels",
            f"The labels are called {listed}{_dots(dataset.problem.labels)}.",
            "Strategies that read the names can be used.",
        )
    detail = f"The labels are called {listed}{_dots(dataset.problem.labels)}, which tells a reader nothing."
    action = "Strategies that read the names of labels are refused until you give the labels names in words."
    return Finding("label_names", "warning", "Labels without names", detail, action)


def _label_words(dataset: Dataset, usable: Sequence[Example]) -> Finding:
    """Share of each label's rows that say its name or one of its words, against the rows of the other labels."""
    looked = _evenly(usable, LABEL_WORD_SAMPLE)
    texts = [normalise(e.text if e.text_b is None else f"{e.text} {e.text_b}") for e in looked]
    told, rows, level = [], {}, "ok"
    for label in dataset.problem.labels:
        pattern = _pattern(label)
        own = np.array([label.id in e.labels for e in looked], bool)
        if pattern is None or not own.any():
            continue
        says = np.array([pattern.search(text) is not None for text in texts], bool)
        inside, outside = says[own].mean(), says[~own].mean() if (~own).any() else 0.0
        if inside < 0.1 or inside < 2 * outside:
            continue
        told.append(f"“{label.name}” {_percent(inside)} of its rows and {_percent(outside)} of the others")
        rows.update(dict.fromkeys(e.row for e, hit in zip(looked, says & own) if hit))
        level = "warning" if inside >= 0.5 and outside <= 0.1 or level == "warning" else "note"
    title = "Label words inside the texts"
    of = f" (of {_rows(len(looked))} looked at)" if len(looked) < len(usable) else ""
    if not told:
        return Finding(
            "label_words", "ok", title, f"No label's own words give its rows away{of}.", "Nothing has to be done."
        )
    detail = f"Some texts say the name or a word of their own label{of}: {'; '.join(told[:8])}{_dots(told)}."
    action = (
        "The rows stay. Zero-shot by name may be easy here; if the words came from the labelling itself, take them "
        "out of the texts."
    )
    return Finding("label_words", level, title, detail, action, tuple(rows)[:MOST_ROWS], len(rows))


def _pattern(label: Label) -> re.Pattern[str] | None:
    """Finds the label's words; whole words, except where particles are joined on (긍정적인) or no spaces are written."""
    parts = []
    for word in {normalise(w) for w in (label.name, *label.words)}:
        if len(word) < 2 or not any(c.isalpha() for c in word):
            continue
        parts.append(re.escape(word) if _UNSPACED.search(word) else rf"(?<!\w){re.escape(word)}(?!\w)")
    return re.compile("|".join(sorted(parts))) if parts else None


# --- rows that repeat others -----------------------------------------------------------------------------


def _empty(examples: Sequence[Example], found: Duplicates) -> Finding:
    index = [i for group in found.empty for i in group]
    if not index:
        return Finding("empty", "ok", "Empty texts", "Every row has a text.", "Nothing has to be done.")
    detail = f"{_rows(len(index), True)} without a text."
    return Finding(
        "empty",
        "note",
        "Empty texts",
        detail,
        "They are left out of training and test.",
        _numbers(examples, index),
        len(index),
    )


def _exact(examples: Sequence[Example], found: Duplicates) -> Finding:
    extra = [i for group in found.exact for i in group[1:]]
    if not extra:
        return Finding(
            "exact", "ok", "Exact duplicates", "No row repeats another with the same label.", "Nothing has to be done."
        )
    detail = f"{_rows(len(extra), True)} a copy of an earlier row: same text apart from case and spacing, same label."
    action = "The first of each is kept; the copies are left out of training and test."
    level: Level = "warning" if len(extra) > 0.2 * len(examples) else "note"
    return Finding("exact", level, "Exact duplicates", detail, action, _numbers(examples, extra), len(extra))


def _near(examples: Sequence[Example], found: Duplicates) -> Finding:
    index = [i for group in found.near for i in group]
    if not index:
        return Finding("near", "ok", "Near duplicates", "No two texts are nearly the same.", "Nothing has to be done.")
    groups = f"{len(found.near):,} group{'s' * (len(found.near) > 1)}"
    detail = f"{_rows(len(index), True)} nearly the same as another; together they form {groups}."
    action = (
        "They are kept, but a group always stays on one side of the split, so that no test text was almost seen "
        "in training."
    )
    level: Level = "warning" if len(index) > 0.3 * len(examples) else "note"
    return Finding("near", level, "Near duplicates", detail, action, _numbers(examples, index), len(index))


def _conflicts(examples: Sequence[Example], found: Duplicates) -> Finding:
    index = [i for group in found.conflicts for i in group]
    title = "The same text with different labels"
    if not index:
        return Finding("conflicts", "ok", title, "No text has two different labels.", "Nothing has to be done.")
    texts = "1 text has" if len(found.conflicts) == 1 else f"{len(found.conflicts):,} texts have"
    detail = f"{texts} different labels on different rows; {_rows(len(index), True)} concerned."
    action = (
        "All of these rows are left out of training and test: no answer to them can be right. Settle their labels "
        "to get them back."
    )
    return Finding("conflicts", "warning", title, detail, action, _numbers(examples, index), len(index))


def _unexamined(found: Duplicates) -> Finding:
    detail = f"{found.unexamined:,} texts are so much like many others that not every pair of them was compared."
    action = (
        "A few near duplicates may stand on both sides of the split. If the texts come from one template, give a "
        "group column."
    )
    return Finding("unexamined", "note", "Near duplicates not fully searched", detail, action, count=found.unexamined)


def _overlap(examples: Sequence[Example], found: Overlap) -> Finding:
    title = "Training rows that repeat test rows"
    index = [i for i, _ in (*found.exact, *found.near)]
    if not index:
        return Finding(
            "overlap", "ok", title, "No row for training repeats a row of the test file.", "Nothing has to be done."
        )
    parts = [f"{_rows(len(found.exact), True)} in the test file too"] if found.exact else []
    parts += [f"{_rows(len(found.near), True)} nearly the same as a test row"] if found.near else []
    detail = " and ".join(parts) + "."
    action = (
        "They are left out of training; the test file stays as it is. Otherwise the results would look better than "
        "they are."
    )
    return Finding("overlap", "warning", title, detail, action, _numbers(examples, index), len(index))


# --- what a model reads ------------------------------------------------------------------------------------


def token_report(
    model_name: str,
    texts: Sequence[str],
    tokenize: Callable[[list[str]], list[list[int]]],
    unknown_id: int | None,
    max_tokens: int,
) -> TokenReport:
    """Measure how a tokenizer takes the texts; of more than 2,000, an evenly spaced 2,000 are looked at.

    Args:
        texts: as the model is given them; for rows of two texts, both in one (see `read_texts`).
        tokenize: token ids of each text, not truncated, with or without special tokens.
        unknown_id: the id of the unknown token; None for a tokenizer that has none.
        max_tokens: the most tokens the model reads, counted as `tokenize` does.

    Words are runs of letters and digits (an emoji the model does not know leaves the words readable);
    ideographs count one by one, as they are written without spaces.
    """
    looked = list(_evenly(texts, TOKEN_SAMPLE))
    lengths = [len(ids) for ids in tokenize(looked)] if looked else []
    spoken = [line for line in map(_words, looked) if line]
    times = Counter(word for line in spoken for word in line)
    words = dict(zip(times, tokenize(list(times)))) if times else {}
    plain = tokenize([" ".join(line) for line in spoken]) if spoken else []
    special = len(tokenize([""])[0]) if spoken else 0
    characters = sum(len(word) * n for word, n in times.items())
    n_tokens = sum(map(len, plain)) - special * len(plain)
    unknown_words = sum(n for word, n in times.items() if unknown_id in words[word])
    unknown_tokens = sum(ids.count(unknown_id) for ids in plain)
    measured = {
        "unknown_rate": unknown_words / max(times.total(), 1),
        "unknown_token_rate": unknown_tokens / max(n_tokens, 1),
        "merged_rate": _merged(words),
        "tokens_per_character": n_tokens / max(characters, 1),
    }
    syllables = sum(len(_SYLLABLE.findall(word)) * n for word, n in times.items()) / max(characters, 1)
    limit = SPELLED_LETTERS * (1 - syllables) + SPELLED_SYLLABLES * syllables
    spelled = measured["tokens_per_character"] > limit
    readable = measured["unknown_rate"] <= UNKNOWN_LIMIT and measured["merged_rate"] <= MERGED_LIMIT
    return TokenReport(
        model=model_name,
        **measured,
        longer=sum(length > max_tokens for length in lengths),
        max_tokens=max_tokens,
        median_tokens=float(statistics.median(lengths)) if lengths else 0.0,
        checked=len(looked),
        readable=readable,
        spelled=spelled,
        sentence=_sentence(model_name, measured, spelled=spelled, any_words=bool(times)),
    )


def read_texts(examples: Sequence[Example]) -> list[str]:
    """What a model reads of each row: its text, or its two texts with a space between them."""
    return [e.text if e.text_b is None else f"{e.text} {e.text_b}" for e in examples]


def _words(text: str) -> list[str]:
    text = text[:WORD_CHARACTERS]
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" and not "\ufe00" <= c <= "\ufe0f" else " " for c in text)
    return _IDEOGRAPH.sub(r" \1 ", kept).split()


def _merged(words: dict[str, list[int]]) -> float:
    """Share of different words (case aside) whose tokens are also those of another word."""
    one_of = {normalise(word): ids for word, ids in words.items()}
    if len(one_of) < FEWEST_WORDS:
        return 0.0
    return 1 - len({tuple(ids) for ids in one_of.values()}) / len(one_of)


def _sentence(model: str, measured: dict[str, float], *, spelled: bool, any_words: bool) -> str:
    choose = "choose a model made for this language, or the strategies that need none: majority, tfidf."
    cannot = f"{model} cannot read these texts:"
    little = f"Its results will say little; {choose}"
    unknown, merged = _percent(measured["unknown_rate"]), _percent(measured["merged_rate"])
    rate = f"{measured['tokens_per_character']:.2g} tokens for each letter"
    if not any_words:
        return f"There is no word in these texts, so it cannot be said whether {model} reads them."
    if measured["unknown_rate"] > UNKNOWN_LIMIT:
        return f"{cannot} {unknown} of their words are unknown to it. {little}"
    if measured["merged_rate"] > MERGED_LIMIT:
        why = "as happens when a model comes with the wrong kind of tokenizer"
        return f"{cannot} {merged} of their different words turn into the same tokens as another word, {why}. {little}"
    if spelled:
        how = "it cuts their words into single letters or smaller"
        return f"{model} reads these texts badly: {how} ({rate}). Expect little of it; {choose}"
    return f"{model} reads these texts: {unknown} of their words are unknown to it ({rate})."


def _reading(report: TokenReport) -> Finding:
    title = f"What {report.model} reads"
    level: Level = "ok" if report.readable and not report.spelled else "warning"
    action = (
        "Nothing has to be done."
        if level == "ok"
        else "Arms with this model still run if you ask for them; their results carry this warning."
    )
    return Finding(f"reading:{report.model}", level, title, report.sentence, action, count=report.checked)


def _length(report: TokenReport) -> Finding:
    title, of = f"Length of the texts for {report.model}", f"of {report.checked:,} texts checked"
    half = f"half have {report.median_tokens:,.0f} or fewer"
    if not report.longer:
        detail = f"None {of} has more than {report.max_tokens:,} tokens; {half}."
        return Finding(f"long:{report.model}", "ok", title, detail, "Nothing has to be done.")
    share = report.longer / report.checked
    verb = "has" if report.longer == 1 else "have"
    detail = f"{report.longer:,} {of} ({_percent(share)}) {verb} more than {report.max_tokens:,} tokens; {half}."
    action = f"{report.model} reads only the first {report.max_tokens:,} tokens of these texts."
    return Finding(
        f"long:{report.model}", "warning" if share > 0.1 else "note", title, detail, action, count=report.longer
    )


# --- words and numbers ---------------------------------------------------------------------------------


def _evenly(items: Sequence, most: int) -> Sequence:
    """All items, or `most` of them at even distances: the same ones every time."""
    return items if len(items) <= most else [items[i * len(items) // most] for i in range(most)]


def _numbers(examples: Sequence[Example], index: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(examples[i].row for i in index)[:MOST_ROWS])


def _rows(n: int, verb: bool = False) -> str:
    return f"{n:,} row{'s' * (n != 1)}" + (" is" if n == 1 else " are") * verb


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share == 0 or share >= 0.01 else f"{100 * share:.1g} %"


def _dots(items: Sequence) -> str:
    return f" and {len(items) - 8} more" if len(items) > 8 else ""
