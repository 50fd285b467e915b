"""Texts to tokens, vectors, lower-layer outputs and n-gram counts: each computed once, by
content.

What a run takes from here without computing it is charged to it (`borrowed_seconds`): a run's time
is what it would have cost alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Step, Steps
from tl_core.models import layers
from tl_core.models.embedding_cache import EmbeddingCache, text_key
from tl_core.models.loading import LoadedModel
from tl_core.models.lru import Recent
from tl_core.models.number_formats import EXACT, Formats, formats
from tl_core.models.word_pieces import Piece, mean_of_layers, pieces_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tl_core.models.catalog import Source

# keeps a batch's activations in the processor's cache: measured best of 512 to 4,096 on two cores
CPU_BATCH_TOKENS = 1024
GPU_BATCH_TOKENS = 32_768
# Kept in memory at most; what does not fit is computed again
VECTOR_BYTES = 256 * 2**20  # sentence embeddings: all of them are in the cache on disk as well
TOKEN_BYTES = 128 * 2**20
STATE_BYTES = 512 * 2**20  # lower-layer outputs
WORD_BYTES = 512 * 2**20  # states of words
NGRAM_BYTES = 256 * 2**20
NGRAM_COLUMNS = 2**22


T = TypeVar("T")
_FORGETFUL = ContextVar("forgetful", default=False)


@contextlib.contextmanager
def nothing_remembered() -> Iterator[None]:
    """Within it every text counts as never read before, and nothing of it is kept: to measure what
    a new text takes.
    """
    before = _FORGETFUL.set(True)
    try:
        yield
    finally:
        _FORGETFUL.reset(before)


class Tokens(list[int]):
    """Token ids of one text, or of two: `second` is where the second begins."""

    second: int | None = None
    words: tuple[int, ...] = ()  # positions of the tokens that decide words, where words are tagged
    near: tuple[float, ...] = ()  # of each of those, how near its sentence is to a question


def features_by(
    embed: Callable[[Sequence[str]], Steps[np.ndarray]], examples: Sequence[Example]
) -> Steps[np.ndarray]:
    """(n, d): the vectors of one text; of two u and v (n, 2 d): |u - v| and u * v (Conneau et al.
    2017).

    Args:
        embed: texts to (n, d).
    """
    u = yield from embed([e.text for e in examples])
    if not examples or examples[0].text_b is None:
        return u
    v = yield from embed([e.text_b or "" for e in examples])
    return np.concatenate([np.abs(u - v), u * v], axis=1)


class Encoder:
    """One model's view of texts; without a model it still counts n-grams."""

    def __init__(
        self,
        model: LoadedModel | None,
        cache: EmbeddingCache | None = None,
        device: str = "cpu",
        source: Source | None = None,
        numbers: Formats | None = None,
    ):
        """
        Args:
            numbers: the format that matrices are multiplied in; None: as chosen for the device.
        """
        self._model = model
        self.source = source
        self.device = device
        self.borrowed_seconds = 0.0
        self._cache = cache or EmbeddingCache(None)
        self._vectors: Recent[np.ndarray] = Recent(VECTOR_BYTES)
        self._tokens: Recent[Tokens] = Recent(TOKEN_BYTES)
        self._states: Recent[torch.Tensor] = Recent(STATE_BYTES)
        self._ngrams: Recent[object] = Recent(NGRAM_BYTES)
        self._words: Recent[np.ndarray] = Recent(WORD_BYTES)
        self._hashers: tuple | None = None
        self._opened: dict[Callable[[Encoder], Any], Any] = {}
        self.parts = layers.anatomy(model.network) if model else None
        self.can_cut = model is not None and layers.can_be_cut(model.network, self.parts)
        # counting n-grams multiplies nothing, so nothing is measured for it
        self.numbers = numbers or (formats(device, self._cache.folder) if model else EXACT)
        self.space = f"{model.ref.digest}/{model.max_tokens}" if model else ""
        if self.numbers.reading is not torch.float32:
            self.space += f"/{self.numbers.reading}"

    @property
    def folder(self) -> Path | None:
        """Return where what is computed once is kept; None where nothing is."""
        return self._cache.folder

    @property
    def has_model(self) -> bool:
        """Whether there is more to it than counting n-grams."""
        return self._model is not None

    @property
    def model(self) -> LoadedModel:
        """The model it reads with; a strategy that uses one is never given an encoder without."""
        if self._model is None:
            raise RuntimeError("This encoder was made without a model.")
        return self._model

    def on(self, model: LoadedModel, source: Source) -> Encoder:
        """The same cache and device with another model."""
        return Encoder(model, self._cache, self.device, source, self.numbers)

    def first_of_upper(self, count: int) -> int:
        """The first of the `count` highest layers; of the upper half when `count` is 0.

        Raises:
            UserError: the model is not built of one stack of layers.
        """
        return max(0, self.stack.count - count) if count else self.stack.count // 2

    @property
    def stack(self) -> layers.Anatomy:
        """Return where its layers are.

        Raises:
            UserError: the model is not built of one stack of layers.
        """
        if self.parts is None:
            raise UserError(
                say(
                    "{model} is not built of one stack of layers, so its upper layers cannot be"
                    " trained alone. Use full.",
                    model=self.model.ref.name,
                )
            )
        return self.parts

    def once(self, open: Callable[[Encoder], T]) -> T:
        """Return what `open` makes of this encoder's model, made at first use and kept: another
        head of the same files.
        """
        if open not in self._opened:
            self._opened[open] = open(self)
        return self._opened[open]

    def products(self, *, training: bool = False) -> torch.autocast:
        """Within it, matrices are multiplied in the format chosen for this device."""
        kind = self.numbers.training if training else self.numbers.reading
        half = kind is not torch.float32
        return torch.autocast(self.device.split(":")[0], dtype=kind if half else None, enabled=half)

    # --- tokens -----------------------------------------------------------------------------------

    def tokens(self, examples: Sequence[Example]) -> list[Tokens]:
        """Token ids with special tokens, cut to what the model reads; two texts as one sequence."""
        by_key = {e.content: e for e in examples}
        got, todo = self._known(self._tokens, by_key)
        for start in range(0, len(todo), 1000):
            part = [by_key[k] for k in todo[start : start + 1000]]
            pair = part[0].text_b is not None
            read = self.model.tokenizer(
                [e.text for e in part],
                [e.text_b or "" for e in part] if pair else None,
                truncation=True,
                max_length=self.model.max_tokens,
                return_attention_mask=False,
                return_token_type_ids=pair,
            )
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
        """Positions, longest first, in batches of about equal numbers of tokens: little padding,
        steady memory.
        """
        budget = GPU_BATCH_TOKENS if self.device != "cpu" else CPU_BATCH_TOKENS
        batch: list[int] = []
        for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
            if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    # --- sentence embeddings ----------------------------------------------------------------------

    def embed(self, texts: Sequence[str]) -> Steps[np.ndarray]:
        """(n, width) float32 sentence embeddings, as the model's own pooling makes them."""
        keys = [text_key(self.space, t) for t in texts]
        by_key = dict(zip(keys, texts, strict=True))
        got, missing = self._known(self._vectors, by_key)
        for key, (vector, seconds) in (
            {} if _FORGETFUL.get() else self._cache.get(missing)
        ).items():
            got[key] = vector
            self.borrowed_seconds += seconds
            self._vectors.put(key, vector, vector.nbytes, seconds)
        todo = [k for k in missing if k not in got]
        tokens = self.tokens([Example(0, by_key[k]) for k in todo])
        done = 0
        for positions in self.batches([len(t) for t in tokens]):
            started = time.perf_counter()
            vectors = self.embed_tokens([tokens[i] for i in positions])
            seconds = time.perf_counter() - started
            total = sum(len(tokens[i]) for i in positions)
            fresh = [
                (todo[i], vectors[j], seconds * len(tokens[i]) / total)
                for j, i in enumerate(positions)
            ]
            for key, vector, share in fresh:
                got[key] = vector
                self._keep(self._vectors, key, vector, vector.nbytes, share)
            if not _FORGETFUL.get():
                self._cache.put(fresh)
            done += len(positions)
            yield Step(done, len(todo), phase="embed")
        return (
            np.stack([got[k] for k in keys])
            if keys
            else np.zeros((0, self.model.width), np.float32)
        )

    def features(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, width) float32, one text; (n, 2 width) two texts."""
        return (yield from features_by(self.embed, examples))

    @torch.inference_mode()
    def embed_tokens(self, tokens: list[Tokens]) -> np.ndarray:
        """(B, width) float32: what `embed` keeps, of rows of token ids."""
        batch = self.batch(tokens)
        with self.products():
            hidden = self._on_device()(**batch).last_hidden_state
        return self.model.pool(hidden.float(), batch["attention_mask"]).cpu().numpy()

    # --- lower layers -----------------------------------------------------------------------------

    def states(self, examples: Sequence[Example], upto: int) -> Steps[list[torch.Tensor]]:
        """Outputs of frozen layer `upto` - 1 for each example: (T, d) float32 on the CPU,
        unpadded.
        """
        keys = [(upto, e.content) for e in examples]
        by_key = dict(zip(keys, examples, strict=True))
        got, todo = self._known(self._states, by_key)
        tokens = self.tokens([by_key[k] for k in todo])
        body = layers.lower(self._on_device(), self.stack, upto)
        done = 0
        for positions in self.batches([len(t) for t in tokens]):
            started = time.perf_counter()
            batch = self.batch([tokens[i] for i in positions])
            with torch.inference_mode(), self.products():
                hidden = body(**batch).last_hidden_state.float().cpu()
            seconds = time.perf_counter() - started
            total = sum(len(tokens[i]) for i in positions)
            for j, i in enumerate(positions):
                got[todo[i]] = state = hidden[j, : len(tokens[i])].clone()
                self._keep(
                    self._states, todo[i], state, state.nbytes, seconds * len(tokens[i]) / total
                )
            done += len(positions)
            yield Step(done, len(todo), phase="embed")
        return [got[k] for k in keys]

    # --- words ------------------------------------------------------------------------------------

    def words(self, examples: Sequence[Example]) -> Steps[tuple[list[Piece], list[np.ndarray]]]:
        """The texts in pieces that the model reads at once, and for each piece the states of its
        words, as `tl_core.models.word_pieces` makes them.
        """
        pieces = pieces_of(self.model, examples)
        by_key = {piece.example.content: piece for piece in pieces}
        got, todo = self._known(self._words, by_key)
        tokens = self.tokens([by_key[key].example for key in todo])
        done = 0
        for positions in self.batches([len(t) for t in tokens]):
            started = time.perf_counter()
            batch = self.batch([tokens[i] for i in positions])
            with torch.inference_mode(), self.products():
                states = mean_of_layers(self._on_device(), batch)
            seconds = time.perf_counter() - started
            total = sum(len(tokens[i]) for i in positions)
            for j, i in enumerate(positions):
                at = np.minimum(by_key[todo[i]].tokens, len(tokens[i]) - 1)
                got[todo[i]] = found = states[j, at]
                self._keep(
                    self._words, todo[i], found, found.nbytes, seconds * len(tokens[i]) / total
                )
            done += len(positions)
            yield Step(done, len(todo), phase="embed")
        return pieces, [got[piece.example.content] for piece in pieces]

    # --- n-grams ----------------------------------------------------------------------------------

    def ngrams(self, texts: Sequence[str]):
        """(n, 2 * NGRAM_COLUMNS) sparse counts: words 1-2, then characters 2-5, hashed; which texts
        come together does not matter, so each text is counted once (scikit-learn's
        HashingVectorizer)."""
        from scipy.sparse import vstack

        keys = [text_key("ngrams", t) for t in texts]
        by_key = dict(zip(keys, texts, strict=True))
        rows, todo = self._known(self._ngrams, by_key)
        for key in todo:
            started = time.perf_counter()
            rows[key] = row = self._count(by_key[key])
            self._keep(
                self._ngrams,
                key,
                row,
                row.data.nbytes + row.indices.nbytes + 200,
                time.perf_counter() - started,
            )
        return vstack([rows[k] for k in keys], format="csr")

    def _known(self, memory: Recent, keys: Iterable) -> tuple[dict, list]:
        """Return what memory still holds of these keys, charged to the run, and which keys are
        missing.
        """
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
            common = {
                "n_features": NGRAM_COLUMNS,
                "alternate_sign": False,
                "norm": None,
                "dtype": np.float32,
            }
            words = HashingVectorizer(
                analyzer="word", token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), **common
            )
            self._hashers = words, HashingVectorizer(analyzer="char", ngram_range=(2, 5), **common)
        return hstack([hasher.transform([text]) for hasher in self._hashers], format="csr")

    def _on_device(self) -> PreTrainedModel:
        return self.model.network.to(self.device)

    def _segments(self, tokens: Sequence[Tokens], width: int) -> torch.Tensor:
        """0 for the first text, 1 for the second, as BERT was trained. One text is all 0, even if
        it spells [SEP] out.
        """
        segments = torch.zeros((len(tokens), width), dtype=torch.long)
        if getattr(self.model.network.config, "type_vocab_size", 1) < 2:
            return segments
        for i, row in enumerate(tokens):
            if row.second is not None:
                segments[i, row.second : len(row)] = 1
        return segments
