"""Loads a network with its language-model head; what its files do not hold is refused, never drawn
at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.models.catalog import Source
from tl_core.models.loading import (
    reads_at_most,
    with_tokenizer,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel


# read at a time, whatever a model could: with a vocabulary of 150,000 that is 1.2 GB of numbers
MOST_TOKENS = 2048


def load_head(source: Source, network_class: Any, kind: str) -> tuple[Any, PreTrainedModel, int]:
    """(tokenizer, network in evaluation mode, most tokens it reads).

    Raises:
        UserError: weights are missing, or the files are damaged.
    """
    tokenizer, network, absent = with_tokenizer(source, network_class, kind)
    if absent:
        raise UserError(
            say(
                "{source} lacks {absent} of the weights of {kind}, such as {first}; they would"
                " be random numbers. Choose a model that was saved with its language-model head.",
                source=source.ref.name,
                absent=len(absent),
                kind=kind,
                first=absent[0],
            )
        )
    return tokenizer, network.eval(), min(MOST_TOKENS, reads_at_most(tokenizer, network))
