"""BERT and its relatives: a mask token is at the blank, and the head says what it hides (Devlin
et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from tl_core.api.types import ModelRef, Steps
from tl_core.models.catalog import Source
from tl_core.models.corpus import ends_of
from tl_core.models.language_models import Asked, Scored, slots
from tl_core.models.language_models.blanks import Blanked, marked, shortened
from tl_core.models.language_models.loading import MOST_TOKENS
from tl_core.models.masked_lm import MaskedLM, load_masked_lm

Body = Callable[..., torch.Tensor]  # a batch to (B, T, d)


class Masked:
    """A masked language model."""

    family, one_way, comparable = "masked", False, False

    def __init__(self, model: MaskedLM, body: Body | None = None, ref: ModelRef | None = None):
        """
        Args:
            body: reads instead of the model's own body: one that was trained further, under the
                same head.
        """
        self.model, self.body = model, body or model.hidden
        self.ref, self.tokenizer, self.max_tokens = (
            ref or model.ref,
            model.tokenizer,
            model.max_tokens,
        )
        self.before, self.after = ends_of(model.tokenizer)

    def with_body(self, body: Body, ref: ModelRef) -> Masked:
        """The same head on another body."""
        return Masked(self.model, body, ref)

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
        return slots.questions(self._fitted(blanked, asked), asked, self._ask)

    def score(
        self, blanked: Blanked, before: Sequence[tuple[int, ...]], words: Sequence[tuple[int, ...]]
    ) -> list[Scored]:
        """Score each word in the blank that follows `before`, as `LanguageModel.score`."""
        longest = max(map(len, words), default=1)
        return slots.scores(
            shortened(blanked, self.room - longest + 1), len(before), words, self._ask
        )

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

    def _fitted(self, blanked: Blanked, asked: Sequence[Asked]) -> Blanked:
        """Fills of several tokens take room of their own."""
        extra = max(
            (
                sum(max(len(f), a.length if i == a.blank else 1) - 1 for i, f in enumerate(a.fills))
                for a in asked
            ),
            default=0,
        )
        return shortened(blanked, self.room - extra) if extra else blanked

    @torch.inference_mode()
    def _ask(self, rows: list[list[int]], places: list[int]) -> torch.Tensor:
        mask = self.tokenizer.mask_token_id
        whole = [
            [*self.before, *(mask if t == slots.HIDDEN else t for t in row), *self.after]
            for row in rows
        ]
        device = next(self.model.network.parameters()).device
        hidden = self.body(**padded(whole, 0, device))
        at = torch.tensor(places, device=device) + len(self.before)
        return (
            self.model.head(hidden[torch.arange(len(rows), device=device), at])
            .float()
            .log_softmax(-1)
            .cpu()
        )


def padded(
    rows: Sequence[Sequence[int]], pad: int, device: torch.device | str
) -> dict[str, torch.Tensor]:
    """`input_ids` and `attention_mask`, (B, T)."""
    width = max(map(len, rows))
    ids = [[*row, *[pad] * (width - len(row))] for row in rows]
    seen = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return {
        "input_ids": torch.tensor(ids, device=device),
        "attention_mask": torch.tensor(seen, device=device),
    }


@dataclass(frozen=True)
class _Family:
    id: str = "masked"
    order: int = 30

    def reads(self, model_type: str) -> bool:
        """Whether transformers can load it as a masked language model."""
        from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

        return model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES

    def load(self, source: Source, device: str) -> Masked:
        """
        Raises:
            UserError: see `load_masked_lm`.
        """
        model = load_masked_lm(source)
        return Masked(
            replace(
                model,
                network=model.network.to(device),
                max_tokens=min(MOST_TOKENS, model.max_tokens),
            )
        )


FAMILY = _Family()
