"""A masked language model: a body that reads a text, and a head that says which token a position
holds.

The head is computed only at the positions asked for. A vocabulary of 30,000 makes it as expensive
as the whole of a small body, and of a training text only 15% is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutput

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import ModelRef
from tl_core.models.catalog import Source
from tl_core.models.loading import (
    own_limit,
    quiet,
    reads_at_most,
    with_tokenizer,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class MaskedLM:
    """A masked language model in memory, in evaluation mode."""

    ref: ModelRef
    tokenizer: Any
    network: PreTrainedModel  # ...ForMaskedLM
    max_tokens: int
    fresh_head: bool = (
        False  # the files held no head: its weights are drawn at random and need training
    )

    def hidden(self, **batch: torch.Tensor) -> torch.Tensor:
        """Token ids (B, T) to the body's last layer (B, T, d)."""
        return self.network.base_model(**batch).last_hidden_state

    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        """(N, d) states of single positions to (N, V) logits."""
        with _given(self.network, hidden[None]):
            return self.network(inputs_embeds=hidden[None]).logits[0]


@contextmanager
def _given(network: PreTrainedModel, hidden: torch.Tensor) -> Iterator[None]:
    """Within this block the body hands on these states instead of reading anything.

    Every architecture names and builds its head in its own way (a module, several, a product with
    the vocabulary's vectors); run through the model's own `forward`, none of them needs to be known
    here.
    """
    prefix = network.base_model_prefix
    body = getattr(network, prefix)
    network._modules[prefix] = _Given(body, hidden)
    try:
        yield
    finally:
        network._modules[prefix] = body


class _Given(nn.Module):
    def __init__(self, body: nn.Module, hidden: torch.Tensor):
        super().__init__()
        object.__setattr__(
            self, "body", body
        )  # no submodule: the body's parameters are counted once
        self.hidden = hidden

    def __getattr__(self, name: str) -> Any:
        """Some heads look up the body's own parts, as DeBERTa's does its word embeddings."""
        return getattr(self.__dict__["body"], name)

    def forward(self, *_args, **_kwargs) -> _States:
        return _States(last_hidden_state=self.hidden)


class _States(BaseModelOutput):
    """Outputs of a head alongside its logits (BART: past_key_values, Longformer:
    global_attentions), all None.
    """

    def __getattr__(self, name: str) -> None:
        if name.startswith("_"):
            raise AttributeError(name)


def load_masked_lm(source: Source, *, fresh_head: bool = False) -> MaskedLM:
    """Load weights and tokenizer.

    Args:
        fresh_head: whether a model without a masked-language head is given a random one, to be
            trained.

    Raises:
        UserError: it is of a kind that has no masked-language head, it has no mask token, no such
            head, or its files are damaged.
    """
    from transformers import AutoModelForMaskedLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    quiet()
    name = source.ref.name
    if source.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        reads = (
            say(": it reads from left to right and guesses what comes next")
            if source.ref.speaks == "causal"
            else ""
        )
        raise UserError(
            say(
                "{name} is a {model_type}, which cannot learn to guess hidden words{reads}."
                " Choose a model that reads both ways, such as minilm, or one of the kinds bert,"
                " roberta, electra or deberta.",
                name=name,
                model_type=source.model_type,
                reads=reads,
            )
        )
    tokenizer, network, absent = with_tokenizer(
        source, AutoModelForMaskedLM, say("a masked language model")
    )
    if tokenizer.mask_token_id is None:
        raise UserError(
            say(
                "{name} has no mask token: it was not trained to fill blanks. Choose a masked"
                " language model, such as minilm-masked.",
                name=name,
            )
        )
    body = f"{network.base_model_prefix}."
    in_head = [key for key in absent if not key.startswith(body)]
    in_body = [key for key in absent if key.startswith(body) and ".pooler." not in key]
    if in_body:
        raise UserError(
            say(
                "{name} lacks {in_body} of the weights its config.json asks for, such as"
                " {first}. Save or download the model again.",
                name=name,
                in_body=len(in_body),
                first=in_body[0],
            )
        )
    if in_head and not fresh_head:
        raise UserError(
            say(
                "{name} has no masked-language head (it lacks {in_head}), so it cannot fill"
                " blanks. minilm-masked has one, as have models saved as ...ForMaskedLM."
                " Choose one of these.",
                name=name,
                in_head=in_head[0],
            )
        )
    model = MaskedLM(
        source.ref,
        tokenizer,
        network.eval(),
        reads_at_most(tokenizer, network, own_limit(source.folder)),
        bool(in_head),
    )
    if not _head_can_be_asked(model):
        raise UserError(
            say(
                "{name} is built so that its head cannot be asked about single places (a"
                " {model_type}). Choose another masked language model, such as minilm-masked.",
                name=name,
                model_type=source.model_type,
            )
        )
    return model


@torch.inference_mode()
def _head_can_be_asked(model: MaskedLM) -> bool:
    """Whether body and head one after the other give what the whole gives. Tried, not assumed."""
    ids = torch.arange(4)[None] + min(5, len(model.tokenizer) - 4)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    try:
        whole = model.network(**batch).logits[0]
        return torch.allclose(
            model.head(model.hidden(**batch)[0, 1:3]), whole[1:3], atol=1e-4, rtol=1e-4
        )
    except (TypeError, ValueError, AttributeError, RuntimeError, IndexError):
        return False
