"""Loads a network with its language-model head; what its files do not hold is refused, never drawn at random."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tl_core.errors import UserError
from tl_core.models.catalog import Source
from tl_core.models.loading import as_saved, quiet, reads_at_most, told_in_a_sentence

MOST_TOKENS = 2048  # read at a time, whatever a model could: with a vocabulary of 150,000 that is 1.2 GB of numbers


def load_head(source: Source, network_class: Any, kind: str) -> tuple[Any, nn.Module, int]:
    """(tokenizer, network in evaluation mode, most tokens it reads).

    Raises:
        UserError: weights are missing, or the files are damaged.
    """
    from transformers import AutoTokenizer

    quiet()
    with told_in_a_sentence(source.ref.name, kind):
        tokenizer = as_saved(AutoTokenizer.from_pretrained(source.folder, local_files_only=True, trust_remote_code=False), source.folder)
        network, info = network_class.from_pretrained(
            source.folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    if absent := sorted(info["missing_keys"]):
        raise UserError(
            f"{source.ref.name} lacks {len(absent)} of the weights of {kind}, such as {absent[0]}; they would be random numbers. "
            "Choose a model that was saved with its language-model head."
        )
    return tokenizer, network.eval(), min(MOST_TOKENS, reads_at_most(tokenizer, network))
