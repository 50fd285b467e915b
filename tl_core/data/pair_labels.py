"""Meaning of the labels of two texts, read from their names: that both say the same, or what
follows from what.

Only whole words count, and a word behind "not" counts for the opposite. Where names say nothing,
nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tl_core.api.types import Label

SAME = frozenset(
    "same paraphrase paraphrases paraphrased duplicate duplicates duplicated similar alike"
    " equivalent equivalence equal identical match matches matching matched synonym synonyms"
    " synonymous related entailment entails entailed yes true 같음 같다 같은 동일 중복 유사 비슷"
    " 비슷함 일치 관련 함의 예 네 참".split()
)
OTHER = frozenset(
    "different differ differs dissimilar unlike unrelated distinct mismatch contradiction no false"
    " 다름 다르다 다른 상이 불일치 무관 모순 아니오 아니요 거짓".split()
)
NOT = frozenset("not non no never 안 비".split())
NOT_BEFORE = frozenset(
    "아님 아닌 아니다 아니 않음 않다 않은".split()
)  # Korean says it behind the word
PREFIXES = ("not", "non", "un", "dis", "in")
RELATIONS = {
    "entailment": "entailment entail entails entailed 함의 수반",
    "contradiction": "contradiction contradict contradicts contradicted contradictory 모순",
    "neutral": "neutral 중립",
    "not entailment": (
        "notentailment nonentailment notentail notentails notentailed 비함의 함의아님"
    ),
}


def same_label(labels: Sequence[Label]) -> int | None:
    """Return which of two labels says that both texts mean the same; None where the names do not
    say, or there are not two labels.
    """
    if len(labels) != 2:
        return None
    if sorted(label.name.strip() for label in labels) == ["0", "1"] and not any(
        label.words for label in labels
    ):
        return [label.name.strip() for label in labels].index("1")  # as everybody numbers them
    meant = [_meant(label) for label in labels]
    return None if meant[0] == meant[1] else 0 if meant[0] > meant[1] else 1


def relations(labels: Sequence[Label]) -> tuple[str, ...] | None:
    """Return which relation of RELATIONS each label names, by its name, its id or one of its words;
    None where one names none, or two the same.
    """
    found = [
        next((r for said in (label.name, label.id, *label.words) if (r := _relation(said))), "")
        for label in labels
    ]
    return tuple(found) if all(found) and len(set(found)) == len(found) else None


def class_relations(id2label: Mapping[Any, str]) -> dict[int, str]:
    """The relation that each class of a model means; of three, the one whose name says nothing is
    neutral.
    """
    named = {int(number): _relation(str(name)) for number, name in id2label.items()}
    silent = [number for number, relation in named.items() if not relation]
    return (
        {**named, silent[0]: "neutral"}
        if len(named) == 3 and len(silent) == 1
        else {n: r for n, r in named.items() if r}
    )


def _relation(said: str) -> str:
    plain = re.sub(r"[\W_]+", "", said).casefold()
    return next((relation for relation, names in RELATIONS.items() if plain in names.split()), "")


def _meant(label: Label) -> int:
    """1: the same; -1: something else; 0: it does not say. Its name decides, then its id, then its
    words.
    """
    for said in ([label.name], [label.id], list(label.words)):
        votes = {v for text in said if (v := _vote(text))}
        if len(votes) == 1:
            return votes.pop()
    return 0


def _vote(text: str) -> int:
    votes: set[int] = set()
    turned = False
    for word in re.findall(
        r"[^\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).replace("n't", " not").casefold()
    ):
        if word in NOT and word != text.strip().casefold():
            turned = True
            continue
        if word in NOT_BEFORE:
            votes = {-v for v in votes}
            continue
        vote = _word(word)
        if vote:
            votes.add(-vote if turned else vote)
            turned = False
    return votes.pop() if len(votes) == 1 else 0


def _word(word: str) -> int:
    if word in SAME:
        return 1
    return (
        -1
        if word in OTHER
        or any(word.startswith(p) and word.removeprefix(p) in SAME for p in PREFIXES)
        else 0
    )
