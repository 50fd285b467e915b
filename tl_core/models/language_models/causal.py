"""GPT and its relatives: the next token, given what is before it (Radford et al. 2018).

What follows a blank is not seen when words are guessed, but given words are scored with it: the
whole text after the word counts.
"""

from __future__ import annotations

import copy
import inspect
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
    follows,
    going_on,
    plain,
    shortened,
    split_at_blanks,
    tokens_of,
)
from tl_core.models.language_models.loading import load_head
from tl_core.models.language_models.masked import padded
from tl_core.models.language_models.packed import PACKED, can_pack, scored_in_one_row
from tl_core.models.language_models.slots import chunks, of_one_length

if TYPE_CHECKING:
    from transformers import PreTrainedModel


SAME = 1e-2  # of a log-probability, in whatever format: a mask that is not heeded changes far more
SHARED = 32  # tokens with which all texts must begin, so that reading these once is worth it


class Causal:
    """A causal language model."""

    family, one_way, comparable = "causal", True, True

    def __init__(self, ref: ModelRef, tokenizer: Any, network: PreTrainedModel, max_tokens: int):
        self.ref, self.tokenizer, self.network, self.max_tokens = (
            ref,
            tokenizer,
            network,
            max_tokens,
        )
        before, _ = ends_of(tokenizer)
        start = next(
            (t for t in (tokenizer.bos_token_id, tokenizer.eos_token_id) if t is not None), None
        )
        self.packs: bool | None = None  # whether words may share a row; None: not tried yet
        self.before = before or (
            () if start is None else (start,)
        )  # so that a first token too has something before it

    @property
    def room(self) -> int:
        """Tokens of a text that fit after the one that begins it."""
        return self.max_tokens - len(self.before)

    def read(self, text: str) -> Blanked:
        """The parts between blanks one by one: there is no token for a blank. One space before a
        blank belongs to the word that fills it, as such vocabularies are cut."""
        parts = split_at_blanks(text)
        ids: list[int] = []
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            known = plain(part if last else part.removesuffix(" "), self.tokenizer)
            ids += (going_on if i else tokens_of)(known, self.tokenizer) if known else []
            ids += [] if last else [BLANK_ID]
        return shortened(Blanked(tuple(ids), self._follows(parts)), self.room)

    def _follows(self, parts: Sequence[str]) -> tuple[str, ...]:
        """A line's first word has no space of its own, unlike the words after it."""
        return tuple(
            "." if character.isspace() and character != " " else character
            for character in follows(parts)
        )

    def log_probs(self, blanked: Blanked, asked: Sequence[Asked]) -> torch.Tensor:
        """Return (B, V) log-probabilities of every token, given what is before each blank."""
        rows = [self._before(blanked, one.fills, one.blank) for one in asked]
        return torch.cat([torch.stack([row[-1] for row in part]) for part in self._read(rows)])

    def score(
        self, blanked: Blanked, before: Sequence[tuple[int, ...]], words: Sequence[tuple[int, ...]]
    ) -> list[Scored]:
        """Score the word and all that follows it up to the next blank: an exact comparison,
        whatever the lengths.
        """
        blanked = shortened(blanked, self.room - max(map(len, words), default=1) + 1)
        start, after = self._before(blanked, before, len(before)), blanked.parts()[len(before) + 1]
        rows = [[*start, *word, *after] for word in words]
        read = (
            row for part in self._read(rows) for row in part
        )  # one after another: they are large
        found = []
        for word, row, log_probs in zip(words, rows, read, strict=True):
            steps = [float(log_probs[t - 1, row[t]]) for t in range(len(start), len(row))]
            found.append(Scored(tuple(steps[: len(word)]), sum(steps[len(word) :])))
        return found

    def score_each(
        self,
        texts: Sequence[Blanked],
        words: Sequence[Sequence[tuple[int, ...]]],
        *,
        shared: bool = False,
    ) -> Steps[list[list[Scored]]]:
        """As `score`. Where nothing follows the blank, what is before it is read once for all
        words.

        Args:
            shared: where these texts all begin with the same tokens, and many, read these once too.
        """
        found: dict[int, list[Scored]] = {}
        for i, text in enumerate(texts):
            if text.parts()[1]:
                found[i] = self.score(text, (), words[i])
                yield Step(len(found), len(texts), phase="predict")
        ends = [i for i in range(len(texts)) if i not in found]
        starts = [self._before(texts[i], (), 0) for i in ends]
        begun = self._begun(starts) if shared else None
        for positions in of_one_length([len(start) for start in starts]):
            told = self._after_cached(
                [starts[j] for j in positions], [words[ends[j]] for j in positions], begun
            )
            found.update(zip((ends[j] for j in positions), told, strict=True))
            yield Step(len(found), len(texts), phase="predict")
        return [found[i] for i in range(len(texts))]

    def answer_each(
        self, texts: Sequence[Blanked], words: Sequence[Sequence[tuple[int, ...]]]
    ) -> Steps[list[list[Scored]]]:
        """A blank at the end is what is written next."""
        return (yield from self.score_each(texts, words, shared=True))

    @torch.inference_mode()
    def _begun(self, starts: Sequence[list[int]]) -> tuple[int, Any] | None:
        """(how many tokens all these begin with, their keys and values); None where they are few,
        or cannot be kept.
        """
        if len(starts) < 2:
            return None
        first, last = min(starts), max(starts)  # what these two share, all share
        most = min(map(len, starts)) - 1
        count = next((t for t in range(most) if first[t] != last[t]), most)
        if count < SHARED:
            return None
        cache = getattr(self._kept([first[:count]]), "past_key_values", None)
        return (count, cache) if hasattr(cache, "batch_repeat_interleave") else None

    def _kept(self, rows: list[list[int]], **before: Any) -> Any:
        """Run the network on rows of one length; return its output with their keys and values."""
        device = next(self.network.parameters()).device
        last_only = (
            {"logits_to_keep": 1}
            if "logits_to_keep" in inspect.signature(self.network.forward).parameters
            else {}
        )
        return self.network(**{**padded(rows, 0, device), **before}, use_cache=True, **last_only)

    @torch.inference_mode()
    def _after_cached(
        self,
        starts: list[list[int]],
        words: Sequence[Sequence[tuple[int, ...]]],
        begun: tuple[int, Any] | None = None,
    ) -> list[list[Scored]]:
        """Words after beginnings of one length. Keys and values of a beginning are computed once
        and used for all words.

        Args:
            begun: how many tokens the beginnings share, with the keys and values of these.
        """
        if begun is None:
            out = self._kept(starts)
        else:
            count, cache = begun
            cache = copy.deepcopy(cache)  # reading adds to it
            cache.batch_repeat_interleave(len(starts))
            seen = torch.ones(
                len(starts),
                len(starts[0]),
                dtype=torch.long,
                device=next(self.network.parameters()).device,
            )
            out = self._kept(
                [start[count:] for start in starts], attention_mask=seen, past_key_values=cache
            )
        first = out.logits[:, -1].float().log_softmax(-1).cpu()
        steps = [
            [[float(first[i, word[0]])] for word in of_text] for i, of_text in enumerate(words)
        ]
        longer = [
            (i, k, word)
            for i, of_text in enumerate(words)
            for k, word in enumerate(of_text)
            if len(word) > 1
        ]
        longer = self._packed(out, starts, longer, steps)
        width = len(starts[0]) + max((len(word) for _, _, word in longer), default=0)
        for a, b in chunks([width] * len(longer)) if longer else ():
            part = longer[a:b]
            for (i, k, _), rest in zip(part, self._rest(out, starts, part), strict=True):
                steps[i][k] += rest
        return [[Scored(tuple(one)) for one in of_text] for of_text in steps]

    def _packed(
        self,
        out: Any,
        starts: list[list[int]],
        longer: list[tuple[int, int, tuple[int, ...]]],
        steps: list[list[list[float]]],
    ) -> list[tuple[int, int, tuple[int, ...]]]:
        """Add what comes of words that share a row to `steps`; the words that are left."""
        left = []
        for i in range(len(starts)):
            mine = [one for one in longer if one[0] == i]
            many = sum(len(word) - 1 for _, _, word in mine) >= PACKED
            found = self._in_one_row(out, starts, mine) if many else None
            if found is None:
                left += mine
                continue
            for (_, k, _), rest in zip(mine, found, strict=True):
                steps[i][k] += rest
        return left

    def _in_one_row(
        self, out: Any, starts: list[list[int]], mine: list[tuple[int, int, tuple[int, ...]]]
    ) -> list[list[float]] | None:
        """As `_rest`, for words after one beginning; None where this network cannot."""
        cache: Any = getattr(out, "past_key_values", None)
        if self.packs is False or not can_pack(self.network, cache):
            return None
        alone = copy.deepcopy(cache)
        alone.batch_select_indices(torch.tensor([mine[0][0]], device=out.logits.device))
        found = scored_in_one_row(self.network, alone, [word for _, _, word in mine])
        if self.packs is None:  # not every network heeds a mask of one's own
            rows = self._rest(out, starts, mine[:4])
            self.packs = all(
                abs(a - b) < SAME
                for one, other in zip(found, rows, strict=False)
                for a, b in zip(one, other, strict=True)
            )
        return found if self.packs else None

    def _rest(
        self, out: Any, starts: list[list[int]], part: Sequence[tuple[int, int, tuple[int, ...]]]
    ) -> list[list[float]]:
        """Log-probabilities of every token but the first of words, each after the beginning it
        belongs to.
        """
        device = out.logits.device
        cache: Any = getattr(out, "past_key_values", None)
        rows = [list(word[:-1]) for _, _, word in part]
        width = max(map(len, rows))
        ids = torch.tensor(
            [[*row, *[0] * (width - len(row))] for row in rows], device=device
        )  # padding is behind, unseen
        if hasattr(cache, "batch_select_indices"):
            cache = copy.deepcopy(cache)  # reading adds to it
            cache.batch_select_indices(torch.tensor([i for i, _, _ in part], device=device))
            seen = torch.ones(len(rows), len(starts[0]) + width, dtype=torch.long, device=device)
            logits = self.network(
                input_ids=ids, attention_mask=seen, past_key_values=cache, use_cache=True
            ).logits
        else:  # some architectures keep another kind of memory: read it all again
            begun = torch.tensor([starts[i] for i, _, _ in part], device=device)
            whole = torch.cat([begun, ids], 1)
            logits = self.network(
                input_ids=whole, attention_mask=torch.ones_like(whole), use_cache=False
            ).logits[:, -width:]
        log_probs = logits.float().log_softmax(-1).cpu()
        return [
            [float(log_probs[r, t, word[t + 1]]) for t in range(len(word) - 1)]
            for r, (_, _, word) in enumerate(part)
        ]

    def surprise(
        self, ids: Sequence[int], words: Sequence[int | None]
    ) -> Steps[list[float | None]]:
        """Return the log-probability of every token given those before it, in one go."""
        row = [*self.before, *ids]
        read = next(self._read([row]))[0]
        found = [
            float(read[t - 1, row[t]]) if t else None for t in range(len(self.before), len(row))
        ]
        yield Step(len(ids), len(ids), phase="predict")
        return found

    def _before(self, blanked: Blanked, fills: Sequence[tuple[int, ...]], blank: int) -> list[int]:
        """All that is before a place in a blank: `fills` are in the blanks up to it, and
        perhaps in it.
        """
        parts, row = blanked.parts(), list(self.before)
        for i in range(blank + 1):
            row += [*parts[i], *(fills[i] if i < len(fills) else ())]
        if not row:
            raise UserError(
                say(
                    "{ref} reads from left to right and there is nothing before the blank. Write"
                    " something before it.",
                    ref=self.ref.name,
                )
            )
        return row[-self.max_tokens :]

    @torch.inference_mode()
    def _read(self, rows: Sequence[list[int]]) -> Iterator[list[torch.Tensor]]:
        """Yield for each row, some at a time, (T, V) log-probabilities of what follows each of its
        tokens.
        """
        device = next(self.network.parameters()).device
        pad = self.tokenizer.pad_token_id
        for a, b in chunks([len(row) for row in rows]):
            logits = self.network(
                **padded(rows[a:b], pad if pad is not None else 0, device), use_cache=False
            ).logits
            log_probs = logits.float().log_softmax(-1).cpu()
            yield [log_probs[i, : len(row)] for i, row in enumerate(rows[a:b])]


@dataclass(frozen=True)
class _Family:
    id: str = "causal"
    order: int = 40

    def reads(self, model_type: str) -> bool:
        """Whether transformers can load it as a causal language model."""
        from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

        return model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    def load(self, source: Source, device: str) -> Causal:
        """
        Raises:
            UserError: weights are missing, or the files are damaged.
        """
        from transformers import AutoModelForCausalLM

        tokenizer, network, max_tokens = load_head(
            source, AutoModelForCausalLM, say("a causal language model")
        )
        return Causal(source.ref, tokenizer, network.to(device), max_tokens)


FAMILY = _Family()
