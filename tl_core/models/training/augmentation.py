"""Made-up copies of labelled texts: words left out, words swapped (Wei & Zou 2019), or words
replaced by what a model that fills blanks would put there (Kobayashi 2018). Labels stay as they
are, and so does their number in the budget.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tl_core.api.types import Example, Step, Steps
from tl_core.models.language_models import language_model_of

SHARE = 0.1  # of the words, one at least; 0.1 is what Wei & Zou recommend
LIKELIEST = 10  # words that a blank may be filled with
MOST_BLANKS = 20  # in a text: beyond, a long text would cost as much as many short ones
WORD = re.compile(r"\S+")


def augmented(
    examples: Sequence[Example], how: str, copies: int, seed: int, encoder: Any
) -> Steps[list[Example]]:
    """The examples and `copies` of each; the same seed makes the same copies, whatever the rows'
    order.

    Args:
        how: delete, swap or replace.
    """
    made = list(examples)
    for n, example in enumerate(examples):
        for copy in range(copies):
            random = np.random.default_rng((seed, copy, *example.content))
            text = _changed(example.text, how, random, encoder)
            text_b = (
                None if example.text_b is None else _changed(example.text_b, how, random, encoder)
            )
            made.append(replace(example, text=text, text_b=text_b))
        yield Step(n + 1, len(examples), phase="read")
    return made


def _changed(text: str, how: str, random: np.random.Generator, encoder: Any) -> str:
    """A text of one word stays as it is: without that word nothing of it would be left."""
    words = list(WORD.finditer(text))
    count = max(1, round(SHARE * len(words)))
    if len(words) < 2:
        return text
    if how == "replace":
        chosen = np.sort(random.choice(len(words), min(count, MOST_BLANKS), replace=False))
        return _replaced(
            text, [words[i].span() for i in chosen], random, language_model_of(encoder)
        )
    if how == "delete":
        gone = set(random.choice(len(words), count, replace=False).tolist())
        return " ".join(word[0] for i, word in enumerate(words) if i not in gone)
    shown = [word[0] for word in words]
    for _ in range(count):
        a, b = random.choice(len(shown), 2, replace=False)
        shown[a], shown[b] = shown[b], shown[a]
    return " ".join(shown)


def _replaced(
    text: str, spans: Sequence[tuple[int, int]], random: np.random.Generator, model: Any
) -> str:
    """The text with other words at these places, each drawn from the ten the model finds likeliest
    there.
    """
    from tl_core.models.language_models import Asked
    from tl_core.models.language_models.blanks import BLANK, without_blanks

    parts, end = [], 0
    for a, b in spans:
        parts.append(without_blanks(text[end:a]))
        end = b
    parts.append(without_blanks(text[end:]))
    blanked = model.read(BLANK.join(parts))
    if blanked.blanks != len(spans):  # a text longer than the model reads lost some of them
        return text
    empty = ((),) * len(spans)
    log_probs = model.log_probs(blanked, [Asked(empty, i) for i in range(len(spans))])
    drawn = [
        _drawn(row, text[a:b], random, model.tokenizer)
        for row, (a, b) in zip(log_probs, spans, strict=True)
    ]
    return "".join(x for pair in zip(parts, [*drawn, ""], strict=True) for x in pair)


def _drawn(log_probs: Any, old: str, random: np.random.Generator, tokenizer: Any) -> str:
    """A word that begins as a word, other than the original; that one where there is
    none.
    """
    from tl_core.models.language_models.blanks import read_token

    special = set(tokenizer.all_special_ids)
    words: list[str] = []
    weights: list[float] = []
    for token in log_probs.topk(min(4 * LIKELIEST, len(log_probs))).indices.tolist():
        word, begins = read_token(token, tokenizer)
        if (
            begins
            and token not in special
            and word.isalpha()
            and word.lower() != old.lower()
            and len(words) < LIKELIEST
        ):
            words.append(word)
            weights.append(float(log_probs[token].exp()))
    total = sum(weights)
    return str(random.choice(words, p=np.array(weights) / total)) if total > 0 else old
