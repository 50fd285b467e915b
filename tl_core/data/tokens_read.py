"""What a model reads of texts: how its tokenizer takes them."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tl_core.api.sentences import say, together
from tl_core.api.types import Example
from tl_core.data.duplicates import normalise

TOKEN_SAMPLE = 2_000  # texts
WORD_CHARACTERS = 2_000  # of each text, when its words are looked at

# Measured on 199 Korean reviews, 199 English support tickets and sentences in ten more languages,
# with the tokenizers of MiniLM, KLUE-RoBERTa, KoELECTRA and GPT-NeoX. Share of words with an
# unknown piece: 0 for languages the vocabulary was made for, 0.34 for Korean under MiniLM (the rest
# falls into single jamo: 1.6 tokens a syllable).
UNKNOWN_LIMIT = 0.2
# Share of different words that get equal tokens: 0 where the model reads, 0.98 for Korean under
# KLUE's vocabulary loaded into the wrong kind of tokenizer, which knows no unknown words and raises
# nothing.
MERGED_LIMIT = 0.2
FEWEST_WORDS = 20  # different words, below which their merging says nothing
# Tokens a letter: English 0.18 to 0.26, German, French, Turkish and Finnish 0.33 to 0.48, but
# Russian, Greek and Arabic 0.94 to 1.0 under MiniLM. A syllable or ideograph may well be one token
# (Korean under KLUE 0.67).
SPELLED_LETTERS, SPELLED_SYLLABLES = 0.8, 1.2


_IDEOGRAPH = re.compile(
    r"([\u3400-\u9fff\uf900-\ufaff])"
)  # written without spaces: each counts as a word
_SYLLABLE = re.compile(
    r"[\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]"
)  # an ideograph or a Hangul syllable


@dataclass(frozen=True)
class TokenReport:
    """The statistics of one model's tokenizer on the texts."""

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


def token_report(
    model_name: str,
    texts: Sequence[str],
    tokenize: Callable[[list[str]], list[list[int]]],
    unknown_id: int | None,
    max_tokens: int,
) -> TokenReport:
    """Measure how a tokenizer takes the texts; of more than 2,000, an evenly spaced 2,000 are
    looked at.

    Args:
        texts: as the model is given them; for rows of two texts, both in one (see `read_texts`).
        tokenize: token ids of each text, not truncated, with or without special tokens.
        unknown_id: the id of the unknown token; None for a tokenizer that has none.
        max_tokens: the most tokens the model reads, counted as `tokenize` does.

    Words are runs of letters and digits (an emoji the model does not know leaves the words
    readable); ideographs count one by one, as they are written without spaces.
    """
    looked = list(evenly(texts, TOKEN_SAMPLE))
    lengths = [len(ids) for ids in tokenize(looked)] if looked else []
    spoken = [line for line in map(_words, looked) if line]
    times = Counter(word for line in spoken for word in line)
    words = dict(zip(times, tokenize(list(times)))) if times else {}
    plain = tokenize([" ".join(line) for line in spoken]) if spoken else []
    special = len(tokenize([""])[0]) if spoken else 0
    characters = sum(len(word) * n for word, n in times.items())
    n_tokens = sum(map(len, plain)) - special * len(plain)
    unknown_words = unknown_tokens = 0
    if unknown_id is not None:
        unknown_words = sum(n for word, n in times.items() if unknown_id in words[word])
        unknown_tokens = sum(ids.count(unknown_id) for ids in plain)
    measured = {
        "unknown_rate": unknown_words / max(times.total(), 1),
        "unknown_token_rate": unknown_tokens / max(n_tokens, 1),
        "merged_rate": _merged(words),
        "tokens_per_character": n_tokens / max(characters, 1),
    }
    syllables = sum(len(_SYLLABLE.findall(word)) * n for word, n in times.items()) / max(
        characters, 1
    )
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
    """Return the text a model reads of each row: its text, or its two with a space between."""
    return [e.text if e.text_b is None else f"{e.text} {e.text_b}" for e in examples]


def _words(text: str) -> list[str]:
    text = text[:WORD_CHARACTERS]
    kept = "".join(
        c if unicodedata.category(c)[0] in "LMN" and not "\ufe00" <= c <= "\ufe0f" else " "
        for c in text
    )
    return _IDEOGRAPH.sub(r" \1 ", kept).split()


def _merged(words: dict[str, list[int]]) -> float:
    """Share of different words (case aside) whose tokens are also those of another word."""
    one_of = {normalise(word): ids for word, ids in words.items()}
    if len(one_of) < FEWEST_WORDS:
        return 0.0
    return 1 - len({tuple(ids) for ids in one_of.values()}) / len(one_of)


def _sentence(model: str, measured: dict[str, float], *, spelled: bool, any_words: bool) -> str:
    unknown, merged = percent(measured["unknown_rate"]), percent(measured["merged_rate"])
    rate = measured["tokens_per_character"]
    choose = say(
        "Choose a model made for this language, or the strategies that need none: majority, tfidf."
    )
    if not any_words:
        return say(
            "There is no word in these texts, so it cannot be said whether {model} reads them.",
            model=model,
        )
    if measured["unknown_rate"] > UNKNOWN_LIMIT:
        cannot = say(
            "{model} cannot read these texts: {unknown} of their words are unknown to it. Its"
            " results will say little.",
            model=model,
            unknown=unknown,
        )
        return together((cannot, choose))
    if measured["merged_rate"] > MERGED_LIMIT:
        cannot = say(
            "{model} cannot read these texts: {merged} of their different words turn into the same"
            " tokens as another word, as happens when a model comes with the wrong kind of"
            " tokenizer. Its results will say little.",
            model=model,
            merged=merged,
        )
        return together((cannot, choose))
    if spelled:
        badly = say(
            "{model} reads these texts badly: it cuts their words into single letters or smaller"
            " ({rate:.2g} tokens for each letter). Expect little of it.",
            model=model,
            rate=rate,
        )
        return together((badly, choose))
    return say(
        "{model} reads these texts: {unknown} of their words are unknown to it ({rate:.2g} tokens"
        " for each letter).",
        model=model,
        unknown=unknown,
        rate=rate,
    )


def evenly(items: Sequence, most: int) -> Sequence:
    """All items, or `most` of them at even distances: the same ones every time."""
    return items if len(items) <= most else [items[i * len(items) // most] for i in range(most)]


def percent(share: float) -> str:
    """Return a share in whole percent; a small one with its first digit."""
    return f"{100 * share:.0f}%" if share == 0 or share >= 0.01 else f"{100 * share:.1g}%"
