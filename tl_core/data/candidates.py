"""Stretches of a text that could be names, dates or numbers, found by how they are written: without
any labelled row there is nothing else to go by.

Where writing has capitals: runs of capitalised words, and whatever holds a digit. In Korean, which
has none: what is left of a word when its particle is taken off, unless it ends as verbs do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tl_core.api.types import Example
from tl_core.api.words import words_of

LINKS = {
    "of",
    "de",
    "la",
    "du",
    "von",
    "van",
    "del",
    "al",
    "bin",
    "&",
    "'",
    "’",
    ".",
    "-",
    "–",
    "/",
}
NUMBER_LINKS = {"-", "–", "/", ".", ":", ","}
# sentences begin with these far more often than names do
OPENERS = frozenset(
    "a about after all also although am an and any anyone are as at be because been before but by"
    " can can't could did didn't do does don't even every everything first for from had has have"
    " he hello her here hey hi his how however i i'd i'll i'm i've if in is it it's its just last"
    " let maybe me my never no not nothing now of oh ok okay on once one only or our out please"
    " quick really since she should so some someone sorry still thank thanks that that's the their"
    " then there these they this those though to today too two up very was we we're well were what"
    " when where which while who why will with would yes yesterday you your".split()
)
HANGUL = re.compile("[가-힣]")
# fmt: off
PARTICLES = sorted(
    "은 는 이 가 을 를 의 에 에서 에게 께 께서 한테 로 으로 와 과 랑 이랑 도 만"
    " 까지 부터 보다 처럼 이나 나 이라고 라고 이라는 라는 입니다 이에요 예요 이요 요"
    " 인데 에는 에서는 에도 에서도 씨 님".split(),
    key=len,
    reverse=True,
)
VERB_ENDINGS = (
    "다 요 까 죠 네 니 고 서 면 며 지 게 데 든 던 은데 는데 세요 어요 아요 습니다"
    " 합니다 했다 해서 하고 하는 했던 되는 된 할 한 하면 있는 없는 같은".split()
)


def candidates(example: Example) -> list[tuple[int, int]]:
    """(first word, word after the last) of each stretch, in the order of the text; none overlap."""
    text, places = example.text, words_of(example)
    if HANGUL.search(text):
        return _korean(text, places)
    words = [text[start:end] for start, end in places]
    found: list[tuple[int, int]] = []
    i = 0
    while i < len(words):
        end = _run(words, places, i)
        if end > i and not _opens(words, i, end):
            found.append((i, end))
        i = max(end, i + 1)
    return found


def _run(words: Sequence[str], places: Sequence[tuple[int, int]], at: int) -> int:
    """The end of the run of names that begins at a word; the word itself where none does."""
    if not _named(words[at]):
        return at
    end = at + 1
    while end < len(words):
        if _named(words[end]):
            end += 1
        elif end + 1 < len(words) and _links(words, places, end) and _named(words[end + 1]):
            end += 2
        else:
            break
    return end


def _named(word: str) -> bool:
    return word[0].isupper() or any(c.isdigit() for c in word)


def _links(words: Sequence[str], places: Sequence[tuple[int, int]], at: int) -> bool:
    """Whether a word joins the two beside it; a sign does where nothing is between them."""
    word = words[at].casefold()
    close = places[at - 1][1] == places[at][0] and places[at][1] == places[at + 1][0]
    numbers = any(c.isdigit() for c in words[at - 1] + words[at + 1])
    if numbers and word in NUMBER_LINKS:
        return close
    return word in LINKS and (close or word.isalpha() or word == "&")


def _opens(words: Sequence[str], first: int, end: int) -> bool:
    """Whether a run is no more than the word that a sentence begins with, or "I"."""
    alone = end == first + 1
    return alone and words[first].casefold() in OPENERS


def _korean(text: str, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found = []
    i = 0
    while i < len(places):
        after = i + 1
        while after < len(places) and places[after][0] == places[after - 1][1]:
            after += 1  # words that nothing is between are one
        end = after
        while end > i and not text[places[end - 1][0]].isalnum():
            end -= 1
        first = i
        while first < end and not text[places[first][0]].isalnum():
            first += 1
        if first < end:
            said = text[places[first][0] : places[end - 1][1]]
            kept = _without_particle(said)
            until = places[first][0] + len(kept)
            stop = next((k for k in range(first, end) if places[k][0] >= until), end)
            number = any(c.isdigit() for c in kept)
            verb = kept == said and said.endswith(tuple(VERB_ENDINGS))
            if number or (len(kept) > 1 and not verb):
                found.append((first, stop))
        i = after
    return found


def _without_particle(word: str) -> str:
    for particle in PARTICLES:
        if word.endswith(particle) and len(word) > len(particle) + 1:
            return word[: -len(particle)]
    return word
