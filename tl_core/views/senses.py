"""One word in many sentences: where its vector lies at every layer of a model that reads the
sentence, against the one vector it has before anything is read (Peters et al. 2018; Loureiro et al.
2021 for nearest-neighbour senses)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Step, Steps
from tl_core.api.view import Checkpoint, Job, Models, Numbers
from tl_core.models.token_names import names_of
from tl_core.views.embedding_map import Pca, Turn
from tl_core.views.nearest import Apart, apart

if TYPE_CHECKING:  # the page's process reads answers and never imports torch
    import torch

    from tl_core.models.training.depths import Deep

MOST_MENTIONS = 5_000
MAX_WORD = 100  # characters
AROUND = 8  # characters a token may stand for: so much of a long text is cut into tokens
SHOWN_AROUND = 120  # characters shown on each side of a mention
HANGUL = re.compile(r"[\uac00-\ud7a3]$")
# What may come after a Korean noun without being part of it, several of them in a row
PARTICLES = (
    "은 는 이 가 을 를 의 에 에서 에게 에게서 에는 께 께서 한테 로 으로 로서 으로서 로써 으로써 와"
    " 과 랑 이랑 하고 도 만 까지 부터 마저 조차 처럼 같이 보다 마다 밖에 이나 나 이라 라 이라고"
    " 라고 이며 이고 이다 이었다 였다 입니다 이에요 예요 인 들 뿐 든지 이든지 이란 란"
).split()
_ENDING = f"(?:{'|'.join(sorted(PARTICLES, key=len, reverse=True))}){{0,3}}"


@dataclass(frozen=True)
class Mention:
    """A word in a text."""

    row: int  # of the example
    text: str
    start: int
    end: int  # of the word itself, what is attached to it left out
    sense: str = ""


@dataclass(frozen=True)
class Depth:
    """The separation of senses at one depth; None without senses."""

    apart: Apart | None
    places: (
        np.ndarray
    )  # (n, 2) by PCA; each depth turned so that points move little from the one before


@dataclass(frozen=True)
class Senses:
    """A word as a model reads it in many sentences."""

    model: str
    word: str
    mentions: tuple[Mention, ...]  # (n,) those the model could read
    pieces: tuple[tuple[str, ...], ...]  # how each is cut into tokens
    static: Depth  # one vector a word, whatever is around it
    depths: tuple[Depth, ...]  # 0: with its position, before the first layer; then every layer
    notes: tuple[str, ...]

    @property
    def best(self) -> int | None:
        """The depth at which senses separate best; None without senses."""
        told = [d.apart for d in self.depths if d.apart is not None]
        return (
            max(range(len(told)), key=lambda i: (told[i].accuracy, told[i].silhouette or 0.0))
            if len(told) == len(self.depths)
            else None
        )

    def plain(self) -> dict[str, Any]:
        """As plain values, for programs."""

        def depth(one):
            return {
                "apart": one.apart and asdict(one.apart),
                "places": one.places.tolist(),
            }

        return {
            "model": self.model,
            "word": self.word,
            "mentions": [
                {**asdict(m), "pieces": list(p)}
                for m, p in zip(self.mentions, self.pieces, strict=True)
            ],
            "static": depth(self.static),
            "layers": [depth(one) for one in self.depths],
            "best": self.best,
            "notes": list(self.notes),
        }


def mentions(word: str, examples: Sequence[Example], senses: Sequence[str] = ()) -> list[Mention]:
    """Find the word as a whole word in the examples, in capitals or not; a Korean word with or
    without particles behind it.

    Args:
        senses: of every example's word; empty where none is given.

    Raises:
        UserError: no word, more than a word, or none of the texts has it.
    """
    word = word.strip()
    if not word or len(word) > MAX_WORD or not re.search(r"\w", word):
        raise UserError(
            say("Give one word, of up to {max_word} characters, to look for.", max_word=MAX_WORD)
        )
    end = f"(?={_ENDING}(?!\\w))" if HANGUL.search(word) else r"(?!\w)"
    pattern = re.compile(rf"(?<!\w){re.escape(word)}{end}", re.IGNORECASE)
    said = senses or [""] * len(examples)
    found = [
        Mention(e.row, e.text, *m.span(), sense)
        for e, sense in zip(examples, said, strict=True)
        for m in pattern.finditer(e.text)
    ]
    if not found:
        raise UserError(
            say(
                "None of the {examples:,} texts has the word {word!r} as a whole word. Choose"
                " another word, or add sentences with it.",
                examples=len(examples),
                word=word,
            )
        )
    return found


def senses(
    deep: Deep, word: str, found: Sequence[Mention], test: Sequence[Mention] = ()
) -> Steps[Senses]:
    """Read every mention in its sentence.

    Args:
        test: further mentions with senses, predicted from their nearest among `found`; the map and
            the
            numbers are of them then. Without, every mention is predicted from its nearest in other
            texts.

    Raises:
        UserError: the model's tokenizer does not say where its tokens are, or it can read none of
            the mentions.
    """
    notes = []
    if len(found) > MOST_MENTIONS:
        notes.append(
            say(
                "{word!r} occurs {found:,} times in these texts; {most_mentions:,} of them,"
                " evenly spread, are looked at.",
                word=word,
                found=len(found),
                most_mentions=MOST_MENTIONS,
            )
        )
        found = [found[i] for i in np.linspace(0, len(found) - 1, MOST_MENTIONS).astype(int)]
    everyone = [*found, *test]
    places = yield from _read(deep, everyone)
    read = {i: one for i, one in enumerate(places) if one is not None}
    usable = list(read)
    if len(usable) < len(everyone):
        notes.append(
            say(
                "{deep} has no token for the word in {everyone} places; they are left out.",
                deep=deep.name,
                everyone=len(everyone) - len(usable),
            )
        )
    if not usable:
        raise UserError(
            say(
                "{deep} cannot read {word!r}: it has no token for it. Choose another model.",
                deep=deep.name,
                word=word,
            )
        )
    unknown = deep.encoder.model.tokenizer.unk_token
    if unknown and all(set(read[i].pieces) == {unknown} for i in usable):
        notes.append(
            say(
                "{deep} cannot read {word!r}: to it the word is {unknown}, as any other unknown"
                " word. Choose another model.",
                deep=deep.name,
                word=word,
                unknown=unknown,
            )
        )
    asked = [i for i in usable if i >= len(found)] if test else usable
    known = [i for i in usable if i < len(found)]
    told = [everyone[i].sense for i in usable]
    names = {sense: n for n, sense in enumerate(sorted(set(told)))} if all(told) else {}
    groups = {text: n for n, text in enumerate(dict.fromkeys(m.text for m in everyone))}

    def depth(vectors: dict[int, np.ndarray], before: np.ndarray | None) -> Depth:
        shown, base = np.stack([vectors[i] for i in asked]), np.stack([vectors[i] for i in known])
        places = Pca.of(shown).place(shown)
        if before is not None:
            places = Turn.onto(before, places)(places).astype(np.float32)
        if not names:
            return Depth(None, places)
        gold = {i: names[everyone[i].sense] for i in usable}
        further = (shown, [gold[i] for i in asked]) if test else None
        return Depth(
            apart(
                base,
                [gold[i] for i in known],
                groups=[groups[everyone[i].text] for i in known],
                test=further,
            ),
            places,
        )

    depths: list[Depth] = []
    for layer in range(deep.layers + 1):
        depths.append(
            depth({i: read[i].states[layer] for i in usable}, depths[-1].places if depths else None)
        )
        yield Step(layer + 1, deep.layers + 1, phase="read")
    static = depth({i: read[i].static for i in usable}, None)
    shown = tuple(everyone[i] for i in asked)
    return Senses(
        deep.name,
        word,
        shown,
        tuple(read[i].pieces for i in asked),
        static,
        tuple(depths),
        tuple(notes),
    )


@dataclass(frozen=True)
class _Read:
    """A mention as the model reads it; vectors of length 1."""

    pieces: tuple[str, ...]
    static: np.ndarray  # (e,) mean of its tokens' input vectors
    states: np.ndarray  # (L + 1, d) mean of its tokens' states


def _read(deep: Deep, found: Sequence[Mention]) -> Steps[list[_Read | None]]:
    """Every mention with as much of its text around it as the model reads; None where it has no
    token.
    """
    from tl_core.models.corpus import ends_of
    from tl_core.models.encoding import Tokens

    tokenizer = deep.encoder.model.tokenizer
    if not tokenizer.is_fast:
        raise UserError(
            say(
                "The tokenizer of {deep} does not say which characters a token covers, so a word"
                " cannot be found in it. Choose another model.",
                deep=deep.name,
            )
        )
    before, after = ends_of(tokenizer)
    room = deep.room - len(before) - len(after)
    rows: list[Tokens] = []
    places: list[list[int]] = []  # of the word's tokens, in the row
    windows = [_window(m, room * AROUND) for m in found]
    for start in range(0, len(windows), 1000):
        part = windows[start : start + 1000]
        read = tokenizer(
            [text for text, _, _ in part],
            add_special_tokens=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        for ids, spans, (_, first, last) in zip(
            read["input_ids"], read["offset_mapping"], part, strict=True
        ):
            own = [i for i, (a, b) in enumerate(spans) if a < last and b > first][:room]
            low = max(0, min((own[0] + own[-1]) // 2 - room // 2, len(ids) - room)) if own else 0
            own = [i for i in own if low <= i < low + room]
            rows.append(Tokens([*before, *ids[low : low + room], *after]))
            places.append([i - low + len(before) for i in own])
    todo = [i for i, own in enumerate(places) if own]
    vocabulary = deep.network.get_input_embeddings().weight.detach().float().cpu()
    got: list[_Read | None] = [None] * len(found)
    done = 0
    for positions in deep.encoder.batches([len(rows[i]) for i in todo]):
        states = deep.states([rows[todo[p]] for p in positions])
        for j, i in enumerate(todo[p] for p in positions):
            ids = [rows[i][t] for t in places[i]]
            deepened = [_unit(state[j, places[i]].mean(0)) for state in states]
            got[i] = _Read(
                tuple(names_of(tokenizer, ids)),
                _unit(vocabulary[ids].mean(0)),
                np.stack(deepened),
            )
        done += len(positions)
        yield Step(done, len(todo), phase="embed")
    return got


def _window(mention: Mention, most: int) -> tuple[str, int, int]:
    """(text, start, end): as much of a long text as its tokens may be needed of."""
    if len(mention.text) <= 2 * most:
        return mention.text, mention.start, mention.end
    low = max(0, mention.start - most)
    return mention.text[low : mention.end + most], mention.start - low, mention.end - low


def _unit(vector: torch.Tensor) -> np.ndarray:
    found = vector.cpu().numpy()
    return found / max(float(np.linalg.norm(found)), 1e-12)


def around(mention: Mention) -> tuple[str, str, str]:
    """Return what is before the word, the word, and what follows, shortened for a reader."""
    text, start, end = mention.text, mention.start, mention.end
    before, after = text[max(0, start - SHOWN_AROUND) : start], text[end : end + SHOWN_AROUND]
    return (
        ("…" if start > SHOWN_AROUND else "") + before,
        text[start:end],
        after + ("…" if len(text) - end > SHOWN_AROUND else ""),
    )


def _of_checkpoint(
    models: Models,
    checkpoint: Checkpoint,
    word: str,
    examples: Sequence[Example],
    senses_of: Sequence[str],
    test: Sequence[Example] = (),
    test_senses: Sequence[str] = (),
) -> Iterator[Step | Senses]:
    """Steps, then one `Senses`. The senses of test rows, where there are any, are predicted from
    the others.
    """
    found = mentions(word, examples, senses_of)
    further = mentions(word, test, test_senses) if test else ()
    yield (yield from senses(models.deep(checkpoint), word.strip(), found, further))


NUMBERS = Numbers("senses", (Job("word_senses", _of_checkpoint),), max_characters=200_000)
