"""The words a prediction depends on: the probability of a label with each word taken out or hidden
(occlusion; Zeiler & Fergus 2014, Li et al. 2016). It works on whatever gives probabilities, counted
words as well as networks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tl_core.api.errors import UserError, unknown
from tl_core.api.sentences import say
from tl_core.api.types import Example, Predictor, Problem, Step, Steps
from tl_core.api.view import MAX_CHARACTERS, Checkpoint, Job, Models, Numbers
from tl_core.tasks import about_whole_texts, task_of

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
    answer: str  # label id that is likeliest without it


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


def occlude(
    arm: str,
    predictor: Predictor,
    problem: Problem,
    example: Example,
    *,
    label: str = "",
    way: str = "remove",
    hide: str = "",
) -> Steps[Occluded]:
    """Ask for the prediction again without each word.

    Args:
        label: whose probability is looked at; "" for the one that is predicted.
        way: "remove" takes a word out, "mask" puts `hide` in its place.
        hide: the mask token of the arm's model.

    Raises:
        UserError: no text or too much of it, no such label, or nothing to hide a word behind.
    """
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
    spans, words = _spans(example)
    whole = replace(example, labels=())
    scores = yield from predictor.predict(
        [whole, *(_without(whole, *span, hide if way == "mask" else "") for span in spans)]
    )
    scores = scores.astype(np.float64)
    asked = problem.label_index[label] if label else int(scores[0].argmax())
    answers = task_of(problem).names(problem, task_of(problem).decide(scores))
    pieces = tuple(
        Piece(
            _of(whole, side)[start:end],
            side,
            start,
            end,
            float(row[asked]),
            float(scores[0, asked] - row[asked]),
            ", ".join(names),
        )
        for (side, start, end), row, names in zip(spans, scores[1:], answers[1:], strict=True)
    )
    notes = (
        [
            say(
                "The text has {words:,} words, so runs of {run} are taken out together.",
                words=words,
                run=-(-words // MOST_PIECES),
            )
        ]
        if words > MOST_PIECES
        else []
    )
    notes += list(getattr(predictor, "notes", ()))
    told = {id: float(p) for id, p in zip(problem.label_ids, scores[0], strict=True)}
    return Occluded(
        arm, problem.label_ids[asked], float(scores[0, asked]), told, way, pieces, tuple(notes)
    )


def _spans(example: Example) -> tuple[list[tuple[int, int, int]], int]:
    """((side, start, end) of every word, or of runs of them where there are very many), and how
    many words there are.
    """
    sides = [
        [m.span() for m in WORD.finditer(text)] for text in (example.text, example.text_b or "")
    ]
    words = sum(map(len, sides))
    run = -(-words // MOST_PIECES) if words > MOST_PIECES else 1
    return [
        (side, found[i][0], found[min(i + run, len(found)) - 1][1])
        for side, found in enumerate(sides)
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
) -> Iterator[Step | Occluded]:
    """Steps, then the `Occluded` of a kept run."""
    run, predictor = models.trained_run(checkpoint), models.predictor(checkpoint, consent)
    about_whole_texts(run.problem, say("Words that mattered"))
    hide = ""
    if run.arm.model is not None:
        hide = models.encoder(checkpoint).model.tokenizer.mask_token or ""
    yield (
        yield from occlude(
            run.arm.id, predictor, run.problem, example, label=label, way=way, hide=hide
        )
    )


NUMBERS = Numbers("mattered", (Job("occlude", _of_run),))
