"""Texts to tokens, vectors, lower-layer outputs and n-gram counts: each worked out once, by content.

What a run takes from here without computing it is charged to it (`borrowed_seconds`): a run's time is what
it would have cost alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from tl_core.errors import UserError
from tl_core.models import layers
from tl_core.models.cache import EmbeddingCache, text_key
from tl_core.models.loading import LoadedModel, half_precision
from tl_core.models.recent import Recent
from tl_core.types import Example, Step, Steps

if TYPE_CHECKING:
    from tl_core.models.catalog import Source
    from tl_core.models.entailment import EntailmentModel
    from tl_core.models.language_models import LanguageModel

CPU_BATCH_TOKENS = 1024  # keeps a batch's activations in the processor's cache: measured best of 512 to 4,096 on two cores
GPU_BATCH_TOKENS = 32_768
# Kept in memory at most; what does not fit is worked out again
VECTOR_BYTES = 256 * 2**20  # sentence embeddings: all of them are in the cache on disk as well
TOKEN_BYTES = 128 * 2**20
STATE_BYTES = 512 * 2**20  # lower-layer outputs
NGRAM_BYTES = 256 * 2**20
NGRAM_COLUMNS = 2**22


_FORGETFUL = ContextVar("forgetful", default=False)


@contextlib.contextmanager
def nothing_remembered() -> Iterator[None]:
    """Within it every text counts as never read before, and nothing of it is kept: to measure what a new text takes."""
    before = _FORGETFUL.set(True)
    try:
        yield
    finally:
        _FORGETFUL.reset(before)


class Tokens(list):
    """Token ids of one text, or of two: `second` is where the second begins."""

    second: int | None = None


class Encoder:
    """One model's view of texts; without a model it still counts n-grams."""

    def __init__(self, model: LoadedModel | None, cache: EmbeddingCache | None = None, device: str = "cpu", source: Source | None = None):
        self.model = model
        self.source = source
        self.device = device
        self.borrowed_seconds = 0.0
        self._cache = cache or EmbeddingCache(None)
        self._vectors: Recent[np.ndarray] = Recent(VECTOR_BYTES)
        self._tokens: Recent[Tokens] = Recent(TOKEN_BYTES)
        self._states: Recent[torch.Tensor] = Recent(STATE_BYTES)
        self._ngrams: Recent[object] = Recent(NGRAM_BYTES)
        self._hashers: tuple | None = None
        if model:
            self.parts = layers.anatomy(model.network)
            self.can_cut = layers.can_be_cut(model.network, self.parts)
            self._space = f"{model.ref.digest}/{model.max_tokens}"

    def on(self, model: LoadedModel, source: Source) -> Encoder:
        """The same cache and device with another model."""
        return Encoder(model, self._cache, self.device, source)

    def first_of_upper(self, count: int) -> int:
        """The first of the `count` highest layers; of the upper half when `count` is 0.

        Raises:
            UserError: the model is not built of one stack of layers.
        """
        if self.parts is None:
            raise UserError(f"{self.model.ref.name} is not built of one stack of layers, so its upper layers cannot be trained alone. Use full.")
        return max(0, self.parts.count - count) if count else self.parts.count // 2

    @cached_property
    def language_model(self) -> LanguageModel:
        """The same model with its language-model head, loaded at first use.

        Raises:
            UserError: its files hold no such head.
        """
        from tl_core.models.language_models import open_language_model

        if self.source is None:
            raise UserError("This arm has no model, so there is nothing to ask for words. Give it one.")
        return open_language_model(self.source, self.device)

    @cached_property
    def entailment_model(self) -> EntailmentModel:
        """The same model with its head that says what follows from a text, loaded at first use.

        Raises:
            UserError: its files hold no such head.
        """
        from tl_core.models.entailment import open_entailment_model

        return open_entailment_model(self.source, self.device)

    # --- tokens ------------------------------------------------------------------------------------

    def tokens(self, examples: Sequence[Example]) -> list[Tokens]:
        """Token ids with special tokens, cut to what the model reads; two texts as one sequence."""
        by_key = {e.content: e for e in examples}
        got, todo = self._known(self._tokens, by_key)
        for start in range(0, len(todo), 1000):
            part = [by_key[k] for k in todo[start : start + 1000]]
            pair = part[0].text_b is not None
            read = self.model.tokenizer(
                [e.text for e in part], [e.text_b or "" for e in part] if pair else None,
                truncation=True, max_length=self.model.max_tokens, return_attention_mask=False, return_token_type_ids=pair,
            )  # fmt: skip
            for i, example in enumerate(part):
                row = Tokens(read["input_ids"][i])
                if pair and 1 in read["token_type_ids"][i]:
                    row.second = read["token_type_ids"][i].index(1)
                got[example.content] = row
                self._keep(self._tokens, example.content, row, 8 * len(row) + 100)
        return [got[e.content] for e in examples]

    def batch(self, tokens: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """Padded (B, T) ids, mask and segments on this encoder's device."""
        width = max(map(len, tokens))
        ids = torch.full((len(tokens), width), self.model.tokenizer.pad_token_id, dtype=torch.long)
        mask = torch.zeros((len(tokens), width), dtype=torch.long)
        for i, row in enumerate(tokens):
            ids[i, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[i, : len(row)] = 1
        batch = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.model.tokenizer.model_input_names:
            batch["token_type_ids"] = self._segments(tokens, width)
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Positions, longest first, in batches of about equal numbers of tokens: little padding, steady memory."""
        budget = GPU_BATCH_TOKENS if self.device != "cpu" else CPU_BATCH_TOKENS
        batch: list[int] = []
        for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
            if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    # --- sentence embeddings -----------------------------------------------------------------------

    def embed(self, texts: Sequence[str]) -> Steps[np.ndarray]:
        """(n, width) float32 sentence embeddings, as the model's own pooling makes them."""
        keys = [text_key(self._space, t) for t in texts]
        by_key = dict(zip(keys, texts, strict=True))
        got, missing = self._known(self._vectors, by_key)
        for key, (vector, seconds) in ({} if _FORGETFUL.get() else self._cache.get(missing)).items():
            got[key] = vector
            self.borrowed_seconds += seconds
            self._vectors.put(key, vector, vector.nbytes, seconds)
        todo = [k for k in missing if k not in got]
        tokens = self.tokens([Example(0, by_key[k]) for k in todo])
        done = 0
        for positions in self.batches([len(t) for t in tokens]):
            started = time.perf_counter()
            vectors = self._embed_batch([tokens[i] for i in positions])
            seconds = time.perf_counter() - started
            total = sum(len(tokens[i]) for i in positions)
            fresh = [(todo[i], vectors[j], seconds * len(tokens[i]) / total) for j, i in enumerate(positions)]
            for key, vector, share in fresh:
                got[key] = vector
                self._keep(self._vectors, key, vector, vector.nbytes, share)
            if not _FORGETFUL.get():
                self._cache.put(fresh)
            done += len(positions)
            yield Step(done, len(todo), phase="embed")
        return np.stack([got[k] for k in keys]) if keys else np.zeros((0, self.model.width), np.float32)

    def features(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, width) float32, one text; (n, 2 width) two texts: |u - v| and u * v (Conneau et al. 2017)."""
        u = yield from self.embed([e.text for e in examples])
        if not examples or examples[0].text_b is None:
            return u
        v = yield from self.embed([e.text_b or "" for e in examples])
        return np.concatenate([np.abs(u - v), u * v], axis=1)

    @torch.inference_mode()
    def _embed_batch(self, tokens: list[Tokens]) -> np.ndarray:
        batch = self.batch(tokens)
        with autocast(self.device):
            hidden = self._on_device()(**batch).last_hidden_state
        return self.model.pool(hidden.float(), batch["attention_mask"]).cpu().numpy()

    # --- lower layers ------------------------------------------------------------------------------

    def states(self, examples: Sequence[Example], upto: int) -> Steps[list[torch.Tensor]]:
        """Outputs of frozen layer `upto` - 1 for each example: (T, d) float32 on the CPU, unpadded."""
        keys = [(upto, e.content) for e in examples]
        by_key = dict(zip(keys, examples, strict=True))
        got, todo = self._known(self._states, by_key)
        tokens = self.tokens([by_key[k] for k in todo])
        body = layers.lower(self._on_device(), self.parts, upto)
        done = 0
        for positions in self.batches([len(t) for t in tokens]):
            started = time.perf_counter()
            batch = self.batch([tokens[i] for i in positions])
            with torch.inference_mode(), autocast(self.device):
                hidden = body(**batch).last_hidden_state.float().cpu()
            seconds = time.perf_counter() - started
            total = sum(len(tokens[i]) for i in positions)
            for j, i in enumerate(positions):
                got[todo[i]] = state = hidden[j, : len(tokens[i])].clone()
                self._keep(self._states, todo[i], state, state.nbytes, seconds * len(tokens[i]) / total)
            done += len(positions)
            yield Step(done, len(todo), phase="embed")
        return [got[k] for k in keys]

    # --- n-grams -----------------------------------------------------------------------------------

    def ngrams(self, texts: Sequence[str]):
        """(n, 2 * NGRAM_COLUMNS) sparse counts: words 1-2, then characters 2-5, hashed; which texts come together
        does not matter, so each text is counted once (scikit-learn's HashingVectorizer)."""
        from scipy.sparse import vstack

        keys = [text_key("ngrams", t) for t in texts]
        by_key = dict(zip(keys, texts, strict=True))
        rows, todo = self._known(self._ngrams, by_key)
        for key in todo:
            started = time.perf_counter()
            rows[key] = row = self._count(by_key[key])
            self._keep(self._ngrams, key, row, row.data.nbytes + row.indices.nbytes + 200, time.perf_counter() - started)
        return vstack([rows[k] for k in keys], format="csr")

    def _known(self, memory: Recent, keys: Iterable) -> tuple[dict, list]:
        """What memory still holds of these keys, charged to the run, and which keys are missing."""
        if _FORGETFUL.get():
            return {}, list(keys)
        got, missing = {}, []
        for key in keys:
            found = memory.get(key)
            if found is None:
                missing.append(key)
            else:
                got[key], seconds = found
                self.borrowed_seconds += seconds
        return got, missing

    def _keep(self, memory: Recent, *item) -> None:
        if not _FORGETFUL.get():
            memory.put(*item)

    def _count(self, text: str):
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import HashingVectorizer

        if self._hashers is None:
            common = {"n_features": NGRAM_COLUMNS, "alternate_sign": False, "norm": None, "dtype": np.float32}
            words = HashingVectorizer(analyzer="word", token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), **common)
            self._hashers = words, HashingVectorizer(analyzer="char", ngram_range=(2, 5), **common)
        return hstack([hasher.transform([text]) for hasher in self._hashers], format="csr")

    def _on_device(self) -> nn.Module:
        return self.model.network.to(self.device)

    def _segments(self, tokens: Sequence[Tokens], width: int) -> torch.Tensor:
        """0 for the first text, 1 for the second, as BERT was trained. One text is all 0, even if it spells [SEP] out."""
        segments = torch.zeros((len(tokens), width), dtype=torch.long)
        if getattr(self.model.network.config, "type_vocab_size", 1) < 2:
            return segments
        for i, row in enumerate(tokens):
            if row.second is not None:
                segments[i, row.second : len(row)] = 1
        return segments


def autocast(device: str):
    """bfloat16 matrix products where the GPU has them; elsewhere nothing changes."""
    kind = half_precision(device)
    return torch.autocast(device.split(":")[0], dtype=kind or torch.float32, enabled=kind is not None)
