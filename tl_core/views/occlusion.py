"""The words a prediction depends on: the probability of a label with each word taken out or hidden
(occlusion; Zeiler & Fergus 2014, Li et al. 2016). It works on whatever gives probabilities, counted
words as well as networks.

Where answers are stretches of a text, one stretch is looked at: how likely it is to be of its type,
or to be the answer, with each other word taken out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say
from tl_core.api.task import Task
from tl_core.api.types import Example, Predictor, Problem, Step, Steps
from tl_core.api.view import MAX_CHARACTERS, Checkpoint, Job, Models, Numbers
from tl_core.tasks import about_probabilities, task_of

MOST_PIECES = (
    200  # each asks for one more prediction; of longer texts, runs of words are taken out together
)
# written without spaces: each character is on its own
LETTER_WORDS = "\u2e80-\u2fff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[{LETTER_WORDS}]|[^\W{LETTER_WORDS}]+(?:['’\-][^\W{LETTER_WORDS}]+)*|[^\w\s]+")
WAYS = ("remove", "mask")


@dataclass(frozen=True)
class Piece:
    """A word, or a run of words of a long text."""

    text: str
    side: int  # 0 for the first text, 1 for the second
    start: int
    end: int
    probability: float  # of the label without it
    # the probability with everything, less that without it: above 0 it supports the label
    change: float
    answer: str  # label id that is likeliest without it; of a stretch, what is said of it then


@dataclass(frozen=True)
class Occluded:
    """A prediction and the words it depends on."""

    arm: str
    label: str  # the one that is asked about
    probability: float
    scores: dict[str, float]  # of every label, with every word there
    way: str
    pieces: tuple[Piece, ...]  # in reading order
    notes: tuple[str, ...]
    # where answers are stretches of a text: the one that is looked at, in characters of the first
    # text, (0, 0) for no answer; and what is said of it with every word there
    stretch: tuple[int, int] | None = None
    answered: str = ""


def occlude(
    arm: str,
    predictor: Predictor,
    problem: Problem,
    example: Example,
    *,
    label: str = "",
    way: str = "remove",
    hide: str = "",
    stretch: tuple[int, int] | None = None,
) -> Steps[Occluded]:
    """Ask for the prediction again without each word.

    Args:
        label: whose probability is looked at; "" for the one that is predicted.
        way: "remove" takes a word out, "mask" puts `hide` in its place.
        hide: the mask token of the arm's model.
        stretch: the characters to look at, where answers are stretches of a text; None: the
            stretch that the arm is most confident of.

    Raises:
        UserError: no text or too much of it, no such label, or nothing to hide a word behind.
    """
    _check(arm, problem, example, label, way, hide)
    hide = hide if way == "mask" else ""
    task = task_of(problem)
    if task.by_word:
        whole = replace(example, labels=(), answer=(), words=None)
        asked: _Whole = _Stretch(task, problem, stretch)
        first = yield from predictor.predict([whole])
        label = asked.settle(whole, first[0], label)
        kept = None if hide else asked.place
    else:
        whole, asked, kept = replace(example, labels=()), _Whole(task, problem), None
    spans, words = _spans(example, kept)
    texts = [_without(whole, *span, hide) for span in spans]
    scores = yield from predictor.predict([whole, *texts])
    scores = scores.astype(np.float64)
    places = [(0, 0, 0), *spans]
    chances, answers = asked.read([whole, *texts], scores, places, hide)
    at = problem.label_index[label] if label else int(chances[0].argmax())
    pieces = tuple(
        Piece(
            _of(whole, side)[start:end],
            side,
            start,
            end,
            float(row[at]),
            float(chances[0, at] - row[at]),
            said,
        )
        for (side, start, end), row, said in zip(spans, chances[1:], answers[1:], strict=True)
    )
    told = {id: float(p) for id, p in zip(problem.label_ids, chances[0], strict=True)}
    return Occluded(
        arm,
        problem.label_ids[at],
        float(chances[0, at]),
        told,
        way,
        pieces,
        (*_notes(words), *asked.notes(kept), *getattr(predictor, "notes", ())),
        asked.place,
        answers[0] if task.by_word else "",
    )


def _check(arm: str, problem: Problem, example: Example, label: str, way: str, hide: str) -> None:
    if not example.text.strip():
        raise UserError(say("Write a text first."))
    length = len(example.text) + len(example.text_b or "")
    if length > MAX_CHARACTERS:
        raise UserError(
            say(
                "The text has {length:,} characters; at most {max_characters:,} are looked at"
                " word by word. Take a part of it.",
                length=length,
                max_characters=MAX_CHARACTERS,
            )
        )
    if label and label not in problem.label_index:
        raise UserError(unknown(say("label"), label, problem.label_ids))
    if way not in WAYS:
        raise UserError(unknown(say("way of taking words out"), way, WAYS))
    if way == "mask" and not hide:
        raise UserError(
            say(
                "{arm} has no mask token to hide a word behind. Take the words out instead.",
                arm=arm,
            )
        )


def _notes(words: int) -> list[str]:
    if words <= MOST_PIECES:
        return []
    return [
        say(
            "The text has {words:,} words, so runs of {run} are taken out together.",
            words=words,
            run=-(-words // MOST_PIECES),
        )
    ]


class _Whole:
    """A label of a whole text is looked at."""

    place: tuple[int, int] | None = None

    def __init__(self, task: Task, problem: Problem):
        self.task, self.problem = task, problem

    def settle(self, whole: Example, scores: np.ndarray, label: str) -> str:
        """Return the label that is asked about."""
        return label

    def read(
        self,
        texts: Sequence[Example],
        scores: np.ndarray,
        spans: Sequence[tuple[int, int, int]],
        hide: str,
    ) -> tuple[np.ndarray, list[str]]:
        """((1 + m, C) probabilities of the labels, what is predicted each time): of the whole
        text, then without each span.
        """
        answers = self.task.names(self.problem, self.task.decide(scores))
        return scores, [", ".join(names) for names in answers]

    def notes(self, kept: tuple[int, int] | None) -> list[str]:
        """Return what must be said."""
        return []


class _Stretch(_Whole):
    """A stretch of the first text is looked at."""

    def __init__(self, task: Task, problem: Problem, place: tuple[int, int] | None):
        super().__init__(task, problem)
        self.place = place

    def settle(self, whole: Example, scores: np.ndarray, label: str) -> str:
        """Find the stretch that is asked about, and return the label that is."""
        if self.place is None:
            *place, label = self.task.surest_stretch(whole, self.problem, scores, label)
            self.place = (place[0], place[1])
        elif not 0 <= self.place[0] < self.place[1] <= len(whole.text):
            raise UserError(say("The stretch is not in the text. Choose one that is."))
        if not label and self.task.alternatives:
            return self.problem.label_ids[0]
        if not label:
            chances = self.task.stretch_chances(whole, self.problem, scores, self.place)
            label = self.problem.label_ids[int(chances.argmax())]
        return label

    def read(
        self,
        texts: Sequence[Example],
        scores: np.ndarray,
        spans: Sequence[tuple[int, int, int]],
        hide: str,
    ) -> tuple[np.ndarray, list[str]]:
        """As of a whole text; of the place where the stretch is each time."""
        assert self.place is not None
        chances, answers = [], []
        for text, of_text, span in zip(texts, scores, spans, strict=True):
            place = _moved(self.place, texts[0], text, span, hide)
            chances.append(self.task.stretch_chances(text, self.problem, of_text, place))
            answers.append(self.task.said_of_stretch(text, self.problem, of_text, place))
        return np.array(chances, np.float64), answers

    def notes(self, kept: tuple[int, int] | None) -> list[str]:
        """Say that it stays."""
        if not kept or kept[0] == kept[1]:
            return []
        return [
            say(
                "The words of the stretch itself stay. Hide words behind the mask token to see how"
                " much depends on them."
            )
        ]


def _moved(
    place: tuple[int, int],
    whole: Example,
    text: Example,
    span: tuple[int, int, int],
    hide: str,
) -> tuple[int, int]:
    """Where a stretch of the whole text is once a span was taken out or hidden."""
    side, start, end = span
    if side or start == end or place[0] == place[1]:
        return place
    shift = len(text.text) - len(whole.text)  # with the space that went as well
    low, high = place
    first = low + shift if low >= end else min(low, start)
    last = high if high <= start else high + shift if high >= end else start + len(hide)
    return first, last


def place_of_words(text: str, words: str) -> tuple[int, int]:
    """Where words are written in a text, for the first time; capitals count only where that
    decides.

    Raises:
        UserError: nowhere.
    """
    wanted = words.strip()
    for there, said in ((text, wanted), (text.casefold(), wanted.casefold())):
        start = there.find(said)
        if wanted and start >= 0 and len(there) == len(text):
            return start, start + len(said)
    raise UserError(
        say(
            "“{words}” is not in the text. Copy the stretch from the text, letter for letter.",
            words=wanted[:80],
        )
    )


def _spans(
    example: Example, kept: tuple[int, int] | None = None
) -> tuple[list[tuple[int, int, int]], int]:
    """(side, start, end) of every word, or of runs of them where there are very many; and how many
    words there are.

    Args:
        kept: a stretch of the first text whose words are left out here.
    """
    low, high = kept or (0, 0)
    runs: list[tuple[int, list[tuple[int, int]]]] = []  # side, words between which none is kept
    for side, text in enumerate((example.text, example.text_b or "")):
        found = [m.span() for m in WORD.finditer(text)]
        if side or low == high:
            runs.append((side, found))
        else:
            runs.append((side, [word for word in found if word[1] <= low]))
            runs.append((side, [word for word in found if word[0] >= high]))
    words = sum(len(found) for _, found in runs)
    run = -(-words // MOST_PIECES) if words > MOST_PIECES else 1
    return [
        (side, found[i][0], found[min(i + run, len(found)) - 1][1])
        for side, found in runs
        for i in range(0, len(found), run)
    ], words


def _of(example: Example, side: int) -> str:
    return (example.text_b or "") if side else example.text


def _without(example: Example, side: int, start: int, end: int, hide: str) -> Example:
    """The example with something else, or nothing, in place of a word; two spaces are not left
    behind.
    """
    text = _of(example, side)
    before, after = text[:start], text[end:]
    if not hide and after.startswith(" ") and (not before or before.endswith(" ")):
        after = after[1:]
    text = before + hide + after
    return replace(example, text_b=text) if side else replace(example, text=text)


def hanging_on(found: Occluded, most: int) -> Sequence[Piece]:
    """The pieces whose absence changes most, the greatest change first."""
    return sorted(found.pieces, key=lambda p: -abs(p.change))[:most]


def _of_run(
    models: Models,
    checkpoint: Checkpoint,
    example: Example,
    label: str = "",
    way: str = WAYS[0],
    consent: str = "",
    stretch: tuple[int, int] | None = None,
) -> Iterator[Step | Occluded]:
    """Steps, then the `Occluded` of a kept run."""
    run, predictor = models.trained_run(checkpoint), models.predictor(checkpoint, consent)
    about_probabilities(run.problem, say("Words that mattered"))
    hide = ""
    if run.arm.model is not None:
        hide = models.encoder(checkpoint).model.tokenizer.mask_token or ""
    yield (
        yield from occlude(
            run.arm.id,
            predictor,
            run.problem,
            example,
            label=label,
            way=way,
            hide=hide,
            stretch=stretch,
        )
    )


NUMBERS = Numbers("mattered", (Job("occlude", _of_run),))
