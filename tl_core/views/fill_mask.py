"""Words a model puts into the blanks of a text: each blank alone, all of them together, and words
of one's own.

The cloze test of pre-training (Taylor 1953; Devlin et al. 2019), and the ground zero-shot prompting
is on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tl_core.api.errors import UserError, raise_all
from tl_core.api.sentences import say
from tl_core.api.view import Checkpoint, Job, Models, Numbers
from tl_core.models.language_models import Asked, LanguageModel, comparable_scores
from tl_core.models.language_models.blanks import Blanked, cannot_read, read_token, word_tokens
from tl_core.models.token_names import names_of

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    import torch

BEAM = 20  # ways kept open while several blanks are filled together
MAX_TOGETHER = 10  # blanks; each asks for as many texts as ways are open
MAX_CANDIDATES = 200
MAX_TOP = 100


@dataclass(frozen=True)
class Guess:
    """A token that fits a blank."""

    word: str
    begins_word: bool  # else it continues with the word before it
    token: int
    probability: float


@dataclass(frozen=True)
class Together:
    """Tokens for all blanks at once."""

    words: tuple[str, ...]
    begins_word: tuple[bool, ...]
    probability: float  # of these tokens together, filled in from left to right


@dataclass(frozen=True)
class Candidate:
    """A word of one's own in a blank."""

    word: str
    tokens: tuple[str, ...]  # how the model cuts it
    log_probability: float  # nats; what follows included, where the family reads it afterwards
    share: float  # among the candidates, 0 to 1
    per_token: float  # mean over its tokens, nats


@dataclass(frozen=True)
class Filled:
    """A model's predictions for the blanks of a text."""

    model: str
    family: str
    alone: tuple[tuple[Guess, ...], ...]  # for every blank, the likeliest first
    together: tuple[Together, ...]  # empty unless asked for
    candidates: tuple[
        tuple[Candidate, ...], ...
    ]  # for every blank, the likeliest first; empty unless given
    notes: tuple[str, ...]  # what a reader must know to read the numbers correctly


def fill(
    model: LanguageModel,
    text: str,
    *,
    top: int = 5,
    together: bool = False,
    candidates: Sequence[str] = (),
) -> Filled:
    """Fill the blanks of a text.

    Args:
        text: with [MASK] (or <mask>) at every blank.
        top: words shown for every blank.
        together: also fill all blanks at once.
        candidates: words to compare in every blank.

    Raises:
        UserError: no blank or too many, too many candidates, or candidates the model cannot tell
            apart.
    """
    if not 1 <= top <= MAX_TOP:
        raise UserError(
            say(
                "From 1 to {max_top} words can be shown for a blank, not {top}.",
                max_top=MAX_TOP,
                top=top,
            )
        )
    blanked = model.read(text)
    if together and blanked.blanks > MAX_TOGETHER:
        raise UserError(
            say(
                "At most {max_together} blanks are filled together, and the text has {blanks}."
                " Fill some of them in, or ask for each alone.",
                max_together=MAX_TOGETHER,
                blanks=blanked.blanks,
            )
        )
    words = _cut(model, blanked, candidates)
    alone = _alone(model, blanked, top)
    best = tuple((guesses[0].token,) for guesses in alone)
    return Filled(
        model.ref.name,
        model.family,
        alone,
        _together(model, blanked, top) if together and blanked.blanks > 1 else (),
        (
            tuple(
                _compared(model, blanked, best[:i], candidates, words[i])
                for i in range(blanked.blanks)
            )
            if candidates
            else ()
        ),
        tuple(_notes(model, text, blanked, words)),
    )


def _alone(model: LanguageModel, blanked: Blanked, top: int) -> tuple[tuple[Guess, ...], ...]:
    """Every blank while the others stay blanks; a model that reads one way has its best token in
    those before.
    """
    empty: tuple[tuple[int, ...], ...] = tuple(() for _ in range(blanked.blanks))
    if not model.one_way:
        log_probs = model.log_probs(blanked, [Asked(empty, i) for i in range(blanked.blanks)])
        return tuple(
            _best(model, row, top, follows)
            for row, follows in zip(log_probs, blanked.follows, strict=True)
        )
    found, fills = [], list(empty)
    for i in range(blanked.blanks):
        row = model.log_probs(blanked, [Asked(tuple(fills), i)])[0]
        found.append(_best(model, row, top, blanked.follows[i]))
        fills[i] = (found[-1][0].token,)
    return tuple(found)


def _best(
    model: LanguageModel, log_probs: torch.Tensor, top: int, follows: str
) -> tuple[Guess, ...]:
    values, tokens = _words_only(model, log_probs).topk(min(top, len(model.tokenizer)))
    read = [read_token(token, model.tokenizer) for token in tokens.tolist()]
    return tuple(
        Guess(word, begins or not follows, t, math.exp(v))
        for (word, begins), v, t in zip(read, values.tolist(), tokens.tolist(), strict=True)
    )


def _words_only(model: LanguageModel, log_probs: torch.Tensor) -> torch.Tensor:
    """(..., V) without what the model's family writes between blanks: its marks are no words in
    them.
    """
    log_probs = log_probs[..., : len(model.tokenizer)].clone()
    log_probs[
        ..., [token for token in getattr(model, "marks", ()) if token < log_probs.shape[-1]]
    ] = -math.inf
    return log_probs


def _together(model: LanguageModel, blanked: Blanked, top: int) -> tuple[Together, ...]:
    """Beam search from left to right: each blank given the text, the blanks before it filled and
    those after it open.
    """
    beam: list[tuple[float, tuple[tuple[int, ...], ...]]] = [
        (0.0, tuple(() for _ in range(blanked.blanks)))
    ]
    for i in range(blanked.blanks):
        rows = _words_only(model, model.log_probs(blanked, [Asked(fills, i) for _, fills in beam]))
        values, tokens = rows.topk(min(max(BEAM, top), rows.shape[1]))
        grown = [
            (so_far + value, Asked(fills, i).with_token(token).fills)
            for (so_far, fills), row, ids in zip(
                beam, values.tolist(), tokens.tolist(), strict=True
            )
            for value, token in zip(row, ids, strict=True)
        ]
        beam = sorted(grown, key=lambda way: -way[0])[: max(BEAM, top)]
    return tuple(_read_together(model, fills, score) for score, fills in beam[:top])


def _read_together(
    model: LanguageModel, fills: tuple[tuple[int, ...], ...], score: float
) -> Together:
    words, begins = zip(*(read_token(fill[0], model.tokenizer) for fill in fills), strict=True)
    return Together(words, begins, math.exp(score))


def _cut(
    model: LanguageModel, blanked: Blanked, candidates: Sequence[str]
) -> list[list[tuple[int, ...]]]:
    """Token ids of every candidate, for every blank; every fault at once."""
    if len(candidates) > MAX_CANDIDATES:
        raise UserError(
            say(
                "{candidates} candidates were given; at most {max_candidates} are compared.",
                candidates=len(candidates),
                max_candidates=MAX_CANDIDATES,
            )
        )
    found: list[list[tuple[int, ...]]] = []
    faults: list[str] = []
    for follows in blanked.follows if candidates else ():
        words = []
        for candidate in candidates:
            try:
                words.append(word_tokens(candidate, model.tokenizer, follows))
            except UserError as fault:
                faults.append(str(fault))
                words.append((-1,))
        for i, word in enumerate(words):
            same = [candidates[j] for j in range(i) if words[j] == word != (-1,)]
            if same:
                faults.append(
                    say(
                        "“{candidate}” and “{same}” are the same to this model: both are read as"
                        " {pieces}. Take one of them out.",
                        candidate=candidates[i],
                        same=same[0],
                        pieces=" ".join(_pieces(model, word)),
                    )
                )
            if len(word) > model.max_tokens // 2:
                faults.append(
                    say(
                        "The candidate “{candidate}…” is {word} tokens long, too long for this"
                        " model. Give words, not texts.",
                        candidate=candidates[i][:40],
                        word=len(word),
                    )
                )
        found.append(words)
    raise_all(dict.fromkeys(faults))
    return found


def _pieces(model: LanguageModel, word: Sequence[int]) -> tuple[str, ...]:
    return tuple(names_of(model.tokenizer, word))


def _compared(
    model: LanguageModel,
    blanked: Blanked,
    before: tuple[tuple[int, ...], ...],
    candidates: Sequence[str],
    words: list[tuple[int, ...]],
) -> tuple[Candidate, ...]:
    scored = model.score(blanked, before, words)
    totals = np.array([s.total for s in scored])
    per_token = np.array([s.per_token for s in scored])
    compared = np.array(comparable_scores(model, scored))
    shares = np.exp(compared - compared.max())
    shares /= shares.sum()
    made = [
        Candidate(candidate.strip(), _pieces(model, word), float(total), float(share), float(mean))
        for candidate, word, total, share, mean in zip(
            candidates, words, totals, shares, per_token, strict=True
        )
    ]
    order = np.argsort(-compared, kind="stable")
    return tuple(made[i] for i in order)


def _notes(
    model: LanguageModel, text: str, blanked: Blanked, words: list[list[tuple[int, ...]]]
) -> list[str]:
    unread = cannot_read(model.ref.name, model.tokenizer, model.max_tokens, text)
    notes = [unread] if unread else []
    if blanked.left_out:
        notes.append(
            say(
                "{model} reads {max_tokens} tokens at a time; the {left_out:,} tokens farthest"
                " from a blank were left out.",
                model=model.ref.name,
                max_tokens=model.max_tokens,
                left_out=blanked.left_out,
            )
        )
    if model.family == "causal":
        notes.append(
            say(
                "{model} reads from left to right: its guesses do not see what follows the"
                " blank; candidates are scored with what follows.",
                model=model.ref.name,
            )
        )
    if model.one_way and blanked.blanks > 1:
        notes.append(
            say(
                "Each blank is guessed, and candidates are scored, with the likeliest token in"
                " the blanks before it."
            )
        )
    if not model.comparable and any(len({len(w) for w in cut}) > 1 for cut in words):
        notes.append(
            say(
                "The candidates are cut into different numbers of tokens, so they are compared"
                " by the mean over their tokens."
            )
        )
    return notes


def _of_checkpoint(
    models: Models,
    checkpoint: Checkpoint,
    text: str,
    top: int = 5,
    together: bool = False,
    candidates: Sequence[str] = (),
) -> Iterator[Filled]:
    """One `Filled`."""
    yield fill(
        models.language_model(checkpoint), text, top=top, together=together, candidates=candidates
    )


NUMBERS = Numbers("fill", (Job("fill_blanks", _of_checkpoint, short=True),))
