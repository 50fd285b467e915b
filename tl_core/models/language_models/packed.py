"""Many words after one beginning, in one row: each sees the beginning and what is before it in its
own word, by a mask (as the branches of a tree do in Miao et al. 2024, SpecInfer).

A row for each word would carry a copy of the beginning's keys and values through every layer.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import torch

PACKED = 64  # tokens from which on one row is quicker than a row for each word
MOST = 512  # tokens of one row: all of them are compared with each other


def can_pack(network: Any, cache: Any) -> bool:
    """Whether a network takes places and a mask of one's own beside this memory. Not all that take
    them heed them: compare once with rows of their own."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return (
        type(cache) is DynamicCache
        and all(type(layer) is DynamicLayer for layer in cache.layers)
        and "position_ids" in inspect.signature(network.forward).parameters
    )


def scored_in_one_row(
    network: Any, cache: Any, words: Sequence[tuple[int, ...]]
) -> list[list[float]]:
    """Log-probabilities of every token but the first of each word, all after the one beginning that
    `cache` holds, which stays as it is.
    """
    found: list[list[float]] = []
    while len(found) < len(words):
        part: list[tuple[int, ...]] = []
        tokens = 0
        for word in words[len(found) :]:
            if part and tokens + len(word) - 1 > MOST:
                break
            part.append(word)
            tokens += len(word) - 1
        found += _row(network, copy.deepcopy(cache), part)  # reading adds to it
    return found


def _row(network: Any, cache: Any, words: Sequence[tuple[int, ...]]) -> list[list[float]]:
    parameter = next(network.parameters())
    begun, sizes = cache.get_seq_length(), [len(word) - 1 for word in words]
    row = [token for word in words for token in word[:-1]]
    unseen = torch.finfo(parameter.dtype).min
    mask = torch.full((len(row), begun + len(row)), unseen, dtype=parameter.dtype)
    mask[:, :begun] = 0
    at = 0
    for size in sizes:
        own = slice(at, at + size), slice(begun + at, begun + at + size)
        mask[own] = torch.triu(mask[own], diagonal=1)
        at += size
    places = [begun + t for size in sizes for t in range(size)]
    logits = network(
        input_ids=torch.tensor([row], device=parameter.device),
        attention_mask=mask[None, None].to(parameter.device),
        position_ids=torch.tensor([places], device=parameter.device),
        past_key_values=cache,
        use_cache=True,
    ).logits[0]
    log_probs = logits.float().log_softmax(-1).cpu()
    of_words = log_probs.split(sizes)
    return [
        [float(read[t, word[t + 1]]) for t in range(len(word) - 1)]
        for read, word in zip(of_words, words, strict=True)
    ]
