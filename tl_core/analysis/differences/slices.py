"""Groups of test rows in which an arm is better or worse than elsewhere, or one arm is further
ahead of another.

Groups are made from texts and given labels alone, never from answers; all tests made together are
adjusted together.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tl_core.analysis.differences.disagreement import between
from tl_core.analysis.differences.predictions import Consensus, StudyPredictions
from tl_core.analysis.differences.topics import A_WORD, Topics
from tl_core.api.types import Example, Problem
from tl_core.statistics.against_rest import against_rest
from tl_core.statistics.crossed import p_of
from tl_core.statistics.design import PLAIN
from tl_core.statistics.intervals import Interval, seed_notes
from tl_core.statistics.many_tests import false_discovery

LEAST_ROWS = 20  # in a group, and outside
MOST_WORDS = 200  # the most frequent that are common enough
SHORT, LONG, LABEL, SCRIPT, TOPIC, WORD, NUMBER, QUESTION, EXCLAMATION = (
    "short",
    "long",
    "label",
    "script",
    "topic",
    "word",
    "number",
    "question",
    "exclamation",
)
HAS = {
    NUMBER: re.compile(r"\d"),
    QUESTION: re.compile(r"[?？؟]"),
    EXCLAMATION: re.compile(r"[!！]"),
}
SCRIPTS = {"HIRAGANA": "KANA", "KATAKANA": "KANA"}
FOUND = 0.05  # share of false finds among those reported


@dataclass(frozen=True)
class Slice:
    """A group of test rows."""

    kind: str
    # a label's id, a script, words of a topic, a word, characters; "" where the kind says it all
    value: str
    inside: np.ndarray  # (n,) bool

    @property
    def rows(self) -> np.ndarray:
        """Positions."""
        return np.flatnonzero(self.inside)


@dataclass(frozen=True)
class Tested:
    """An arm, or the lead of one over another, inside a group and outside."""

    of: int  # position of the group
    a: str
    b: str  # "" of one arm
    inside: float
    outside: float
    difference: Interval  # inside - outside, by itself
    p: float  # adjusted for all that were tested together

    @property
    def found(self) -> bool:
        """Whether there is a difference: the adjusted p is below `FOUND`."""
        return self.p < FOUND


def slices_of(
    problem: Problem, rows: Sequence[Example], topics: Topics | None = None
) -> tuple[Slice, ...]:
    """Every group that is large enough, as is the rest; by topic where topics were asked for."""
    texts = [e.text if e.text_b is None else f"{e.text}\n{e.text_b}" for e in rows]
    made = [
        *_lengths(texts),
        *_labels(problem, rows),
        *_scripts(texts),
        *_topics(topics),
        *_marks(texts),
        *_words(texts),
    ]
    return tuple(Slice(*x) for x in made if LEAST_ROWS <= x[2].sum() <= len(rows) - LEAST_ROWS)


def _lengths(texts: Sequence[str]) -> list[tuple]:
    """The shortest and the longest quarter, where they differ."""
    lengths = np.array([len(t) for t in texts])
    short, long = np.quantile(lengths, [0.25, 0.75], method="nearest") if len(texts) else (0, 0)
    return (
        [(SHORT, str(short), lengths <= short), (LONG, str(long), lengths >= long)]
        if short < long
        else []
    )


def _labels(problem: Problem, rows: Sequence[Example]) -> list[tuple]:
    return [(LABEL, x, np.array([x in e.labels for e in rows])) for x in problem.label_ids]


def _scripts(texts: Sequence[str]) -> list[tuple]:
    """Group texts by the script of most of their letters, by the names of their characters."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    script_of = {int(c): _script(chr(c)) for c in np.flatnonzero(np.bincount(codes))}
    scripts = sorted({s for s in script_of.values() if s})
    if not scripts:
        return []
    width = len(scripts) + 1  # the last column counts what is no letter
    column = np.zeros(max(script_of) + 1, np.int64)
    column[list(script_of)] = [scripts.index(s) if s else len(scripts) for s in script_of.values()]
    owner = np.repeat(np.arange(len(texts)), [len(t) for t in texts])
    counts = np.bincount(owner * width + column[codes], minlength=len(texts) * width).reshape(
        len(texts), width
    )[:, :-1]
    mostly = np.where(counts.any(1), counts.argmax(1), -1)
    return [(SCRIPT, s, mostly == i) for i, s in enumerate(scripts)]


def _topics(topics: Topics | None) -> list[tuple]:
    return (
        [(TOPIC, words, topics.of == i) for i, words in enumerate(topics.words)] if topics else []
    )


def _script(character: str) -> str:
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "").partition(" ")[0].partition("-")[0]
    return SCRIPTS.get(first, first)


def _marks(texts: Sequence[str]) -> list[tuple]:
    return [
        (kind, "", np.array([bool(pattern.search(t)) for t in texts]))
        for kind, pattern in HAS.items()
    ]


def _words(texts: Sequence[str]) -> list[tuple]:
    """Words, in capitals or not, that are in enough texts and not in most of them."""
    found = [set(A_WORD.findall(t.casefold())) for t in texts]
    counts = Counter(word for words in found for word in words)
    common = [(w, c) for w, c in counts.items() if LEAST_ROWS <= c <= len(texts) / 2]
    kept = [w for w, _ in sorted(common, key=lambda x: (-x[1], x[0]))[:MOST_WORDS]]
    column = {w: i for i, w in enumerate(kept)}
    inside = np.zeros((len(kept), len(texts)), bool)
    for i, words in enumerate(found):
        inside[[column[w] for w in words & column.keys()], i] = True
    return [(WORD, w, mask) for w, mask in zip(kept, inside)]


# --- tests ----------------------------------------------------------------------------------------


def tested(
    slices: Sequence[Slice],
    arms: Sequence[Consensus],
    pairs: Sequence[tuple[Consensus, Consensus]] = (),
) -> tuple[Tested, ...]:
    """Every arm, and every lead of a over b, in every group; what is found first, by p.

    Groups in which an arm is so often right, or wrong, that too little varies are not tested.
    """
    if not slices:
        return ()
    groups = np.stack([s.inside for s in slices]).astype(np.float32)  # once for all
    design = arms[0].line.design if arms else PLAIN
    asked = [(x.arm, "", x.line.right, x.line.overlap, x.line.once) for x in arms]
    for x, y in pairs:
        if (D := between(x, y)) is not None:
            asked.append(
                (x.arm, y.arm, D, max(x.line.overlap, y.line.overlap), x.line.once and y.line.once)
            )
    made: list[Tested] = []
    p: list[float] = []
    for a, b, Y, overlap, once in asked:
        for of, found in enumerate(
            against_rest(Y, groups, overlap=overlap, deterministic=once, design=design)
        ):
            if found is None:
                continue
            c, h = found.difference, found.difference.half_width()
            notes = seed_notes(c.seeds, once)
            difference = Interval(c.mean, c.mean - h, c.mean + h, c.seeds, c.n, notes)
            made.append(Tested(of, a, b, found.inside, found.outside, difference, 1.0))
            p.append(
                p_of(c) if abs(c.mean) > h else 1.0
            )  # beyond .05 by itself nothing is found, so how far does not matter
    adjusted = false_discovery(np.array(p))
    return tuple(
        sorted(
            (replace(x, p=float(q)) for x, q in zip(made, adjusted)),
            key=lambda x: (x.p, -abs(x.difference.value)),
        )
    )


def find(
    studied: StudyPredictions,
    slices: Sequence[Slice],
    pair: tuple[Consensus, Consensus] | None = None,
) -> tuple[Tested, ...]:
    """Test two arms, each and the lead of one over the other; without them, every arm of the
    study.
    """
    return tested(slices, pair, [pair]) if pair else tested(slices, studied.arms)
