"""T5: every blank is a numbered mark in the text, and the decoder writes mark, fill, mark, fill
(Raffel et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import ModelRef, Step, Steps
from tl_core.models.catalog import Source
from tl_core.models.corpus import ends_of
from tl_core.models.language_models import Asked, Scored
from tl_core.models.language_models.blanks import (
    BLANK_ID,
    Blanked,
    marked,
    shortened,
    split_at_blanks,
)
from tl_core.models.language_models.loading import load_head
from tl_core.models.language_models.masked import padded
from tl_core.models.language_models.slots import chunks, of_one_length

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Sentinel:
    """An encoder-decoder that was trained to fill in numbered sentinels."""

    family, one_way, comparable = "sentinel", True, True

    def __init__(self, ref: ModelRef, tokenizer: Any, network: PreTrainedModel, max_tokens: int):
        self.ref, self.tokenizer, self.network, self.max_tokens = (
            ref,
            tokenizer,
            network,
            max_tokens,
        )
        self.before, self.after = ends_of(tokenizer)
        self.marks = _marks(ref, tokenizer)

    @property
    def room(self) -> int:
        """Tokens of a text that fit between the special ones."""
        return self.max_tokens - len(self.before) - len(self.after)

    def read(self, text: str) -> Blanked:
        """Return the text as tokens with a sentinel in each blank, shortened to `room`.

        Raises:
            UserError: it has more blanks than the model has sentinels for.
        """
        names = self.tokenizer.convert_ids_to_tokens(self.marks)
        if len(split_at_blanks(text)) - 1 >= len(names):
            raise UserError(
                say(
                    "{ref} tells at most {names} blanks apart. Use fewer.",
                    ref=self.ref.name,
                    names=len(names) - 1,
                )
            )
        return shortened(marked(text, self.tokenizer, names.__getitem__), self.room)

    def log_probs(self, blanked: Blanked, asked: Sequence[Asked]) -> torch.Tensor:
        """Return (B, V) log-probabilities of every token, given the blanks filled before."""
        answers = [self._answer(one.fills[: one.blank + 1]) for one in asked]
        return torch.cat(
            [
                torch.stack([row[-1] for row in part])
                for part in self._decoded([self._text(blanked)] * len(answers), answers)
            ]
        )

    def score(
        self, blanked: Blanked, before: Sequence[tuple[int, ...]], words: Sequence[tuple[int, ...]]
    ) -> list[Scored]:
        """Score words with the mark that follows the word, so that words of any length share one
        distribution.
        """
        answers = [[*self._answer((*before, word)), self.marks[len(before) + 1]] for word in words]
        decoded = [
            row
            for part in self._decoded([self._text(blanked)] * len(words), [a[:-1] for a in answers])
            for row in part
        ]
        found = []
        for word, answer, row in zip(words, answers, decoded, strict=True):
            steps = [
                float(row[t - 1, answer[t]])
                for t in range(len(answer) - len(word) - 1, len(answer))
            ]
            found.append(Scored(tuple(steps[:-1]), steps[-1]))
        return found

    def score_each(
        self, texts: Sequence[Blanked], words: Sequence[Sequence[tuple[int, ...]]]
    ) -> Steps[list[list[Scored]]]:
        """As `score`; what the encoder makes of a text is computed once."""
        begun = self._answer(((),))
        return (
            yield from self._written(
                [self._text(text) for text in texts], words, begun, self.marks[1]
            )
        )

    def answer_each(
        self, texts: Sequence[Blanked], words: Sequence[Sequence[tuple[int, ...]]]
    ) -> Steps[list[list[Scored]]]:
        """The encoder reads the text without any mark, and the decoder writes the word and the
        token that ends an answer.
        """
        read = [
            [*self.before, *(token for token in text.ids if token != BLANK_ID), *self.after]
            for text in texts
        ]
        return (
            yield from self._written(read, words, self._answer(()), self.tokenizer.eos_token_id)
        )

    def _written(
        self,
        texts: Sequence[list[int]],
        words: Sequence[Sequence[tuple[int, ...]]],
        begun: list[int],
        end: int,
    ) -> Steps[list[list[Scored]]]:
        """Each word and the token that ends it, after what the decoder has begun with."""
        found: list[list[Scored]] = [[] for _ in texts]
        done = 0
        for positions in of_one_length([len(text) for text in texts]):
            rows = [(j, i, word) for j, i in enumerate(positions) for word in words[i]]
            states = self._encoded([texts[i] for i in positions])
            for a, b in chunks(
                [states.shape[1] + max(len(word) for _, _, word in rows)] * len(rows)
            ):
                answers = [[*begun, *word, end] for _, _, word in rows[a:b]]
                for (_, i, word), steps in zip(
                    rows[a:b],
                    self._following(states[[j for j, _, _ in rows[a:b]]], answers, len(begun)),
                    strict=True,
                ):
                    found[i].append(Scored(tuple(steps[: len(word)]), steps[len(word)]))
            done += len(positions)
            yield Step(done, len(texts), phase="predict")
        return found

    @torch.inference_mode()
    def _encoded(self, texts: Sequence[list[int]]) -> torch.Tensor:
        """(B, T, d) of texts of one length."""
        device = next(self.network.parameters()).device
        return self.network.get_encoder()(**padded(texts, 0, device)).last_hidden_state

    @torch.inference_mode()
    def _following(
        self, states: torch.Tensor, answers: Sequence[list[int]], begun: int
    ) -> list[list[float]]:
        """Return for each answer the log-probabilities of its tokens from `begun` on.

        Padding stands behind them, unseen.
        """
        from transformers.modeling_outputs import BaseModelOutput

        written = padded(answers, self.tokenizer.pad_token_id or 0, states.device)["input_ids"]
        logits = self.network(
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            decoder_input_ids=written[:, :-1],
            use_cache=False,
        ).logits
        told = (
            logits.float()
            .log_softmax(-1)[:, begun - 1 :]
            .gather(2, written[:, begun:, None])[..., 0]
            .cpu()
        )
        return [told[i, : len(answer) - begun].tolist() for i, answer in enumerate(answers)]

    def surprise(
        self, ids: Sequence[int], words: Sequence[int | None]
    ) -> Steps[list[float | None]]:
        """Every token in turn becomes a mark, later pieces of its word with it, and is asked for as
        the mark's first token.
        """
        texts = []
        for t in range(len(ids)):
            end = next(
                (j for j in range(t + 1, len(ids)) if words[j] is None or words[j] != words[t]),
                len(ids),
            )
            texts.append([*self.before, *ids[:t], self.marks[0], *ids[end:], *self.after])
        found: list[float | None] = []
        for part in self._decoded(texts, [self._answer(((),))] * len(texts)):
            found += [float(row[-1, ids[len(found) + i]]) for i, row in enumerate(part)]
            yield Step(len(found), len(ids), phase="predict")
        return found

    def _text(self, blanked: Blanked) -> list[int]:
        """Return the token ids that the encoder reads."""
        marks = iter(self.marks)
        return [
            *self.before,
            *(next(marks) if token == BLANK_ID else token for token in blanked.ids),
            *self.after,
        ]

    def _answer(self, fills: Sequence[tuple[int, ...]]) -> list[int]:
        """Return the decoder's token ids: every blank's mark and what is in it."""
        start = self.network.config.decoder_start_token_id
        return [
            self.tokenizer.pad_token_id if start is None else start,
            *(t for mark, fill in zip(self.marks, fills, strict=False) for t in (mark, *fill)),
        ]

    @torch.inference_mode()
    def _decoded(
        self, texts: Sequence[list[int]], answers: Sequence[list[int]]
    ) -> Iterator[list[torch.Tensor]]:
        """Yield for each text, some at a time, (T, V) log-probabilities of what follows each token
        of its answer.
        """
        device = next(self.network.parameters()).device
        for a, b in chunks(
            [len(text) + len(answer) for text, answer in zip(texts, answers, strict=True)]
        ):
            read = padded(texts[a:b], self.tokenizer.pad_token_id or 0, device)
            written = padded(answers[a:b], self.tokenizer.pad_token_id or 0, device)
            logits = self.network(
                **read,
                decoder_input_ids=written["input_ids"],
                decoder_attention_mask=written["attention_mask"],
            ).logits
            log_probs = logits.float().log_softmax(-1).cpu()
            yield [log_probs[i, : len(answer)] for i, answer in enumerate(answers[a:b])]


def _marks(ref: ModelRef, tokenizer: Any) -> list[int]:
    """Ids of <extra_id_0>, <extra_id_1>, ..."""
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    marks: list[int] = []
    while (token := vocabulary.get(f"<extra_id_{len(marks)}>")) is not None:
        marks.append(token)
    if len(marks) < 2:
        raise UserError(
            say(
                "The tokenizer of {ref} has no marks such as <extra_id_0>, so it cannot be asked"
                " to fill blanks.",
                ref=ref.name,
            )
        )
    return marks


@dataclass(frozen=True)
class _Family:
    id: str = "sentinel"
    order: int = 20

    def reads(self, model_type: str) -> bool:
        """T5 and what was made after it."""
        return model_type in ("t5", "mt5", "umt5", "longt5", "switch_transformers")

    def load(self, source: Source, device: str) -> Sentinel:
        """
        Raises:
            UserError: weights are missing, the files are damaged, or the tokenizer has no marks.
        """
        from transformers import AutoModelForSeq2SeqLM

        tokenizer, network, max_tokens = load_head(
            source, AutoModelForSeq2SeqLM, say("an encoder-decoder with marks")
        )
        return Sentinel(source.ref, tokenizer, network.to(device), max_tokens)


FAMILY = _Family()
