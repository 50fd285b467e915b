"""Questions with their texts as a model reads them: together, a long text in overlapping windows.

The question comes first, as BERT was trained for SQuAD (Devlin et al. 2019). What a model says of
tokens becomes what a task says of words: an answer may begin at a word's first token and end at a
word's last one, and of several windows that hold a word the most confident counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example
from tl_core.api.words import Places, most_words, split_words
from tl_core.data.limits import Few
from tl_core.tasks.extractive_qa import wanted

if TYPE_CHECKING:
    from tl_core.models.loading import LoadedModel

MOST_WINDOWS = 100  # of one text
SPARE = 8  # tokens left free in a window: cut out of its text, it may take a few more
SHARED = 0.5  # of a window is in the next one as well: an answer is whole in one of them
MOST_ASKED = 0.5  # of what a model reads, at most, is the question; a longer one loses its end


@dataclass(frozen=True)
class Window:
    """A stretch of a text with the question, read at once."""

    row: int  # position of its question among the examples
    example: Example  # the question, and as its second text the stretch
    tokens: tuple[int, ...]  # the first token, which stands for "no answer", then the stretch's t
    begins: np.ndarray  # (t,) word of the text, from 1, whose first token it is; 0: of none
    ends: np.ndarray  # (t,) word whose last token it is
    gold: tuple[int, int]  # where in `tokens` the answer begins and ends; (0, 0): not in here
    near: tuple[float, ...] = ()  # of each of `tokens`, how near its sentence is to the question

    def spread(self, of_words: np.ndarray) -> np.ndarray:
        """(1 + t,) of (W + 1,) values of the words of its text, that of none first; a token between
        two words has that of the one before.
        """
        words = np.maximum.accumulate(np.maximum(self.begins, self.ends))
        return of_words[np.concatenate([[0], np.maximum(words, 1)])]

    @property
    def marks(self) -> np.ndarray:
        """(1 + t, 3) float32: where a window begins, where the answer does, and where it ends."""
        found = np.zeros((len(self.tokens), 3), np.float32)
        found[0, 0] = found[self.gold[0], 1] = found[self.gold[1], 2] = 1
        return found


def windows_of(
    model: LoadedModel, examples: Sequence[Example], most: int | None = None
) -> list[Window]:
    """The windows of these texts, in their order; a text without a word has none.

    Args:
        most: tokens that fit into a window; None: all that the model reads.

    Raises:
        UserError: the model's tokenizer does not say which characters a token is made of; or a text
            is longer than `MOST_WINDOWS`.
    """
    if not getattr(model.tokenizer, "is_fast", False):
        raise UserError(
            say(
                "{model} has a tokenizer that does not say where in a text its tokens are, so no"
                " answer can be found with it. Choose another model.",
                model=model.ref.name,
            )
        )
    room = most or model.max_tokens
    questions = _shortened(model, [e.text_b or "" for e in examples], int(MOST_ASKED * room))
    stretches: list[tuple[int, str, int, int]] = []  # row, question, first word, word after
    known: dict[str, np.ndarray] = {}
    long = Few()
    for row, (example, (question, asked)) in enumerate(zip(examples, questions, strict=True)):
        words = split_words(example.text)
        if not words:
            continue
        if example.text not in known:
            known[example.text] = _last_tokens(model, example.text, words)
        specials = model.tokenizer.num_special_tokens_to_add(pair=True)
        borders = _borders(known[example.text], max(1, room - asked - specials - SPARE))
        if len(borders) > MOST_WINDOWS:
            long.add(f"{example.row:,}")
        stretches += [(row, question, low, high) for low, high in borders]
    if long:
        raise UserError(
            say(
                "{model} reads {room} tokens at once, and more than {most} such windows of the text"
                " in row {rows}. Cut these texts into sections, each with its questions.",
                model=model.ref.name,
                room=room,
                most=MOST_WINDOWS,
                rows=long,
            )
        )
    return _read(model, examples, stretches)


def assembled(
    examples: Sequence[Example],
    windows: Sequence[Window],
    found: Sequence[np.ndarray],
    *,
    none: bool,
    shift: float = 0.0,
) -> np.ndarray:
    """(n, W + 1, 2) float64 logits; minus infinity where no token is.

    Args:
        found: of each window (1 + t, 2).
        none: whether "no answer" is one; of a text's windows, the one most sure of it counts.
        shift: added to what speaks for no answer, half to where it begins and half to where it
            ends.
    """
    logits = np.full((len(examples), 1 + most_words(examples), 2), -np.inf)
    nowhere = np.full((len(examples), 2), np.inf)
    for window, said in zip(windows, found, strict=True):
        row = logits[window.row]
        for side, at in enumerate((window.begins, window.ends)):
            np.maximum.at(row[:, side], at[at > 0], said[1:, side][at > 0])
        nowhere[window.row] = np.minimum(nowhere[window.row], said[0])
    if none:
        logits[:, 0] = np.where(np.isinf(nowhere), 0.0, nowhere) + shift / 2
    return logits


def _shortened(model: LoadedModel, questions: Sequence[str], most: int) -> list[tuple[str, int]]:
    """Each question, cut to so many tokens, with how many it has."""
    if not questions:
        return []
    read = model.tokenizer(list(questions), add_special_tokens=False, return_offsets_mapping=True)[
        "offset_mapping"
    ]
    return [
        (q, len(places)) if len(places) <= most else (q[: places[most - 1][1]], most)
        for q, places in zip(questions, read, strict=True)
    ]


def _last_tokens(model: LoadedModel, text: str, words: Places) -> np.ndarray:
    """(w,) position of each word's last token in the text alone, never before the last word's."""
    read = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    _, last = tokens_of_words(words, read["offset_mapping"])
    return np.maximum.accumulate(np.maximum(last, 0))


def tokens_of_words(
    words: Places, offsets: Sequence[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray]:
    """(w,) twice: the first and the last token that each word is in; -1 where it is in none."""
    real = np.array([i for i, (start, end) in enumerate(offsets) if end > start], dtype=np.int64)
    first, last = np.full(len(words), -1), np.full(len(words), -1)
    if not len(real):
        return first, last
    starts = np.array([offsets[i][0] for i in real])
    ends = np.array([offsets[i][1] for i in real])
    of_words = np.array(words, dtype=np.int64).reshape(-1, 2)
    a = np.searchsorted(ends, of_words[:, 0], "right")
    b = np.searchsorted(starts, of_words[:, 1], "left") - 1
    there = (a <= b) & (a < len(real))
    first[there], last[there] = real[a[there]], real[b[there]]
    return first, last


def _borders(last: np.ndarray, room: int) -> list[tuple[int, int]]:
    """(first word, word after the last) of each window, of a text whose words end at these
    tokens.
    """
    if last[-1] < room:
        return [(0, len(last))]
    found: list[tuple[int, int]] = []
    low = 0
    while True:
        before = int(last[low - 1]) if low else -1
        high = max(low + 1, int(np.searchsorted(last, before + room, "right")))
        found.append((low, min(high, len(last))))
        if high >= len(last):
            return found
        back = int(np.searchsorted(last, last[high - 1] - SHARED * room, "left"))
        low = max(low + 1, min(back, high))


def _read(
    model: LoadedModel, examples: Sequence[Example], stretches: Sequence[tuple[int, str, int, int]]
) -> list[Window]:
    found: list[Window] = []
    for start in range(0, len(stretches), 1000):
        part = stretches[start : start + 1000]
        texts = [_stretch(examples[row].text, low, high) for row, _, low, high in part]
        read = model.tokenizer(
            [question for _, question, _, _ in part], texts, return_offsets_mapping=True
        )
        for i, (row, question, low, high) in enumerate(part):
            found.append(
                _window(
                    examples[row],
                    row,
                    question,
                    texts[i],
                    (low, high),
                    [k for k, of in enumerate(read.sequence_ids(i)) if of == 1],
                    read["offset_mapping"][i],
                )
            )
    return found


def _stretch(text: str, low: int, high: int) -> str:
    words = split_words(text)
    return text[words[low][0] : words[high - 1][1]]


def _window(
    example: Example,
    row: int,
    question: str,
    text: str,
    words: tuple[int, int],
    tokens: Sequence[int],
    offsets: Sequence[tuple[int, int]],
) -> Window:
    low, high = words
    places = split_words(example.text)
    shift = places[low][0]
    inside = tuple((a - shift, b - shift) for a, b in places[low:high])
    first, last = tokens_of_words(inside, [offsets[k] for k in tokens])
    begins, ends = np.zeros(len(tokens), np.int64), np.zeros(len(tokens), np.int64)
    for w in range(len(inside) - 1, -1, -1):  # of words that share a token the first begins it
        if first[w] >= 0:
            begins[first[w]] = low + w + 1
    for w in range(len(inside)):
        if last[w] >= 0:
            ends[last[w]] = low + w + 1
    a, b = wanted(example).places[0]
    here = low < a <= b <= high and first[a - 1 - low] >= 0 and last[b - 1 - low] >= 0
    gold = (int(first[a - 1 - low]) + 1, int(last[b - 1 - low]) + 1) if here else (0, 0)
    asked = Example(example.row, question, text)
    return Window(row, asked, (0, *tokens), begins, ends, gold)
