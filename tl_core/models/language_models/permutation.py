"""XLNet: no token may look at a blank, and the blank looks at every token (Yang et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from tl_core.api.sentences import say
from tl_core.api.types import ModelRef, Steps
from tl_core.models.catalog import Source
from tl_core.models.corpus import ends_of
from tl_core.models.language_models import Asked, Scored, slots
from tl_core.models.language_models.blanks import Blanked, marked, shortened
from tl_core.models.language_models.loading import load_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Permutation:
    """A permutation language model."""

    family, one_way, comparable = "permutation", False, False

    def __init__(self, ref: ModelRef, tokenizer: Any, network: PreTrainedModel, max_tokens: int):
        self.ref, self.tokenizer, self.network, self.max_tokens = (
            ref,
            tokenizer,
            network,
            max_tokens,
        )
        self.before, self.after = ends_of(tokenizer)

    @property
    def room(self) -> int:
        """Tokens of a text that fit between the special ones."""
        return self.max_tokens - len(self.before) - len(self.after)

    def read(self, text: str) -> Blanked:
        """Return the text as tokens with a mask in each blank, shortened to `room`."""
        return shortened(
            marked(text, self.tokenizer, lambda _: self.tokenizer.mask_token), self.room
        )

    def log_probs(self, blanked: Blanked, asked: Sequence[Asked]) -> torch.Tensor:
        """Return (B, V) log-probabilities of every token at the place of each question."""
        return slots.questions(blanked, asked, self._ask)

    def score(
        self, blanked: Blanked, before: Sequence[tuple[int, ...]], words: Sequence[tuple[int, ...]]
    ) -> list[Scored]:
        """Score each word in the blank that follows `before`, as `LanguageModel.score`."""
        return slots.scores(blanked, len(before), words, self._ask)

    def score_each(
        self, texts: Sequence[Blanked], words: Sequence[Sequence[tuple[int, ...]]]
    ) -> Steps[list[list[Scored]]]:
        """Score each text's words in its only blank, as `LanguageModel.score_each`."""
        return (yield from slots.scores_each(texts, words, self._ask))

    def surprise(
        self, ids: Sequence[int], words: Sequence[int | None]
    ) -> Steps[list[float | None]]:
        """Return log-probabilities of tokens, as `LanguageModel.surprise`."""
        return (yield from slots.surprise(ids, words, self._ask))

    @torch.inference_mode()
    def _ask(self, rows: list[list[int]], places: list[int]) -> torch.Tensor:
        mask = self.tokenizer.mask_token_id
        shown = [
            [*self.before, *(mask if t == slots.HIDDEN else t for t in row), *self.after]
            for row in rows
        ]
        device = next(self.network.parameters()).device
        ids = torch.tensor(shown, device=device)
        width = ids.shape[1]
        hidden = torch.zeros(
            len(rows), width, width, device=device
        )  # 1: row i does not see column j
        target = torch.zeros(len(rows), 1, width, device=device)
        for i, row in enumerate(rows):
            start = len(self.before)
            hidden[i][:, [start + j for j, t in enumerate(row) if t == slots.HIDDEN]] = 1
            target[i, 0, start + places[i]] = 1
        logits = self.network(ids, perm_mask=hidden, target_mapping=target, use_mems=False).logits
        return logits[:, 0].float().log_softmax(-1).cpu()


@dataclass(frozen=True)
class _Family:
    id: str = "permutation"
    order: int = 10

    def reads(self, model_type: str) -> bool:
        return model_type == "xlnet"

    def load(self, source: Source, device: str) -> Permutation:
        """
        Raises:
            UserError: weights are missing, or the files are damaged.
        """
        from transformers import XLNetLMHeadModel

        tokenizer, network, max_tokens = load_head(
            source, XLNetLMHeadModel, say("a permutation language model")
        )
        return Permutation(source.ref, tokenizer, network.to(device), max_tokens)


FAMILY = _Family()
