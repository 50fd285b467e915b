"""States of texts at every depth of a model: its states layer by layer, and what each token attends
to.

Depth 0 is what goes into the first layer, depth i what layer i puts out; the last is what the model
is read by. Models and trained arms are read alike: a trained arm is its base with the layers that
training changed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Example, Step, Steps
from tl_core.api.words import words_of
from tl_core.models import layers
from tl_core.models.embedding_cache import EmbeddingCache, text_key
from tl_core.models.encoding import Encoder, Tokens
from tl_core.models.label_vectors import unit
from tl_core.models.training.classifier import TextClassifier
from tl_core.models.word_pieces import Piece, pieces_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOST_ATTENTION = 3_000_000  # weights of one answer: 128 tokens in 12 heads of 12 layers
TEXTS_AT_ONCE = 256  # whose words' states are in memory together


@dataclass(frozen=True)
class Deep:
    """A network that can be read at every depth."""

    name: str
    encoder: Encoder  # its tokenizer, pooling and device
    network: PreTrainedModel
    space: str  # what decides its numbers, as a key of the cache
    cache: EmbeddingCache
    room: int  # tokens it reads
    apart: bool = False  # it was trained to read two texts one by one

    @classmethod
    def of(cls, encoder: Encoder, cache: EmbeddingCache) -> Deep:
        """A model as it was loaded."""
        model = encoder.model
        return cls(
            model.ref.name,
            encoder,
            model.network,
            encoder.space,
            cache,
            model.max_tokens,
        )

    @classmethod
    def of_trained(
        cls, classifier: TextClassifier, name: str, run: str, cache: EmbeddingCache
    ) -> Deep:
        """Build it from the model that a run has trained."""
        encoder, network = classifier.encoder, classifier.eval().body
        if classifier.start:
            network = layers.whole(encoder.model.network, network, encoder.stack, classifier.start)
        return cls(
            name,
            encoder,
            network,
            f"run {run}",
            cache,
            classifier.most_tokens or encoder.model.max_tokens,
            classifier.apart,
        )

    @property
    def layers(self) -> int:
        """Count the layers; depths go from 0 to this."""
        return int(self.network.config.num_hidden_layers)

    def check(self, depth: int | None) -> None:
        """See that there is such a depth.

        Raises:
            UserError: there is not.
        """
        if depth is not None and not 0 <= depth <= self.layers:
            raise UserError(
                say(
                    "{name} has {layers} layers; choose one from 0 (what goes into the first) to"
                    " {layers}, not {depth}.",
                    name=self.name,
                    layers=self.layers,
                    depth=depth,
                )
            )

    @torch.inference_mode()
    def states(self, tokens: Sequence[Tokens]) -> list[torch.Tensor]:
        """(B, T, d) at every depth."""
        batch = self.encoder.batch(tokens)
        with self.encoder.products():
            said = self._twin(**batch, output_hidden_states=True)
        length = batch["input_ids"].shape[
            1
        ]  # what a soft prompt puts before the text is no part of it
        return [
            state[:, -length:].float()
            for state in (*said.hidden_states[:-1], said.last_hidden_state)
        ]

    def vectors(
        self, examples: Sequence[Example], depths: Sequence[int | None] = (None,)
    ) -> Steps[list[np.ndarray]]:
        """(n, d) float32 of unit length for each depth asked for; texts known to the cache are not
        read again.

        Args:
            depths: a layer, the mean over its tokens; None for the model's own sentence embedding.
                A pair of texts is read as one, however a trained arm reads it.
        """
        for depth in depths:
            self.check(depth)
        if (
            None in depths
            and self.network is self.encoder.model.network
            and all(e.text_b is None for e in examples)
        ):
            embedded = unit(
                (yield from self.encoder.embed([e.text for e in examples]))
            )  # as every study has cached it
            deeper = [d for d in depths if d is not None]
            found = iter((yield from self._vectors(examples, deeper)) if deeper else ())
            return [embedded.astype(np.float32) if d is None else next(found) for d in depths]
        return (yield from self._vectors(examples, depths))

    def _vectors(
        self, examples: Sequence[Example], depths: Sequence[int | None]
    ) -> Steps[list[np.ndarray]]:
        keys = {
            d: [text_key(f"{self.space}/depth {d}", e.content.hex()) for e in examples]
            for d in depths
        }
        known = self.cache.get(list({key for of_depth in keys.values() for key in of_depth}))
        got = {key: vector for key, (vector, _) in known.items()}
        todo = [i for i in range(len(examples)) if any(keys[d][i] not in got for d in depths)]
        todo = list({examples[i].content: i for i in todo}.values())
        tokens = [self._fitting(t) for t in self.encoder.tokens([examples[i] for i in todo])]
        done = 0
        for positions in self.encoder.batches([len(t) for t in tokens]):
            part = [tokens[p] for p in positions]
            mask = self.encoder.batch(part)["attention_mask"]
            states = self.states(part)
            fresh = []
            for depth in depths:
                pooled = (
                    self.encoder.model.pool(states[-1], mask)
                    if depth is None
                    else mean_over(states[depth], mask)
                )
                scaled = nn.functional.normalize(pooled, dim=-1).cpu().numpy()
                fresh += [
                    (keys[depth][todo[p]], row, 0.0)
                    for p, row in zip(positions, scaled, strict=True)
                ]
            got.update((key, row) for key, row, _ in fresh)
            self.cache.put(fresh)
            done += len(positions)
            yield Step(done, len(todo), phase="embed")
        return [np.stack([got[key] for key in keys[d]]) for d in depths]

    def words(
        self, examples: Sequence[Example], depths: Sequence[int | None] = (None,)
    ) -> Steps[tuple[list[Piece], list[list[np.ndarray]]]]:
        """The texts in pieces that are read at once, and for each depth asked for the states of
        each piece's words that begin a token, (b, d) float32 of unit length.

        Args:
            depths: a layer; None for the mean over all of them, which heads on words read.
        """
        for depth in depths:
            self.check(depth)
        pieces = pieces_of(self.encoder.model, examples, self.room)
        found: list[list[np.ndarray]] = [[np.zeros(0)] * len(pieces) for _ in depths]
        done = 0
        for positions, states in self._read(pieces):
            for of_depth, depth in zip(found, depths, strict=True):
                mean = torch.stack(states).mean(0) if depth is None else states[depth]
                for j, i in enumerate(positions):
                    last = mean.shape[1] - 1
                    at = [min(token, last) for token in pieces[i].tokens]
                    of_depth[i] = nn.functional.normalize(mean[j, at], dim=-1).cpu().numpy()
            done += len(positions)
            yield Step(done, len(pieces), phase="embed")
        return pieces, found

    def _read(self, pieces: Sequence[Piece]) -> Iterator[tuple[list[int], list[torch.Tensor]]]:
        """Batches of pieces: which they are, and their states at every depth."""
        tokens = [self._fitting(t) for t in self.encoder.tokens([p.example for p in pieces])]
        for positions in self.encoder.batches([len(t) for t in tokens]):
            yield list(positions), self.states([tokens[i] for i in positions])

    def mentions(
        self, examples: Sequence[Example], depths: Sequence[int | None] = (None,)
    ) -> Steps[list[np.ndarray]]:
        """(n, d) float32 of unit length for each depth: of each example's first span, the mean over
        its words. Those known to the cache are not read again.

        Args:
            depths: as of `words`.
        """
        for depth in depths:
            self.check(depth)
        keys = {
            d: [
                text_key(f"{self.space}/depth {d}/{e.answer[0][:2]}", e.content.hex())
                for e in examples
            ]
            for d in depths
        }
        known = self.cache.get(list({key for of_depth in keys.values() for key in of_depth}))
        got = {key: vector for key, (vector, _) in known.items()}
        todo = [i for i in range(len(examples)) if any(keys[d][i] not in got for d in depths)]
        texts: dict[bytes, list[int]] = {}  # of each text the mentions that are not known
        for i in todo:
            texts.setdefault(examples[i].content, []).append(i)
        together = list(texts.values())
        for start in range(0, len(together), TEXTS_AT_ONCE):
            part = together[start : start + TEXTS_AT_ONCE]
            asked = [examples[rows[0]] for rows in part]
            pieces, states = yield from self.words(asked, depths)
            fresh = []
            for depth, of_depth in zip(depths, states, strict=True):
                of_texts = _whole(asked, pieces, of_depth)
                for of_text, rows in zip(of_texts, part, strict=True):
                    for i in rows:
                        fresh.append((keys[depth][i], _mention(examples[i], of_text), 0.0))
            got.update((key, row) for key, row, _ in fresh)
            self.cache.put(fresh)
            yield Step(start + len(part), len(together), phase="embed")
        return [np.stack([got[key] for key in keys[d]]) for d in depths]

    @torch.inference_mode()
    def attention(self, tokens: Tokens) -> np.ndarray:
        """(L, H, T, P + T) float32: how much each token attends to every other; rows sum to 1. P
        vectors that training put before the text are attended to as well.

        Raises:
            UserError: the model mixes its tokens in some other way.
        """
        for module in self._twin.modules():
            if hasattr(getattr(module, "config", None), "_attn_implementation"):
                module.config._attn_implementation = (  # the faster ways never hold the weights
                    "eager"
                )
        said = self._twin(**self.encoder.batch([tokens]), output_attentions=True)
        found = getattr(said, "attentions", None)
        if not found or any(layer is None for layer in found):
            raise UserError(
                say(
                    "{name} is of a kind that shows no attention. Choose another model.",
                    name=self.name,
                )
            )
        return np.stack([layer[0, :, -len(tokens) :].float().cpu().numpy() for layer in found])

    def most_shown(self, most: int) -> int:
        """Tokens whose attention is shown: `most`, or fewer where there are many heads or little
        room.
        """
        config = self.network.config
        heads = getattr(config, "num_attention_heads", None) or config.n_heads
        return min(most, self.room, int((MOST_ATTENTION / (heads * self.layers)) ** 0.5))

    @cached_property
    def _twin(self) -> PreTrainedModel:
        """The network with modules of its own and the same weights: transformers leaves hooks in a
        network whose states were asked for, and a copy made of that for training would answer
        twice."""
        network = self.network.to(self.encoder.device)
        return copy.deepcopy(
            network, {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
        )

    def _fitting(self, row: Tokens) -> Tokens:
        """Cut a row to fit: where a soft prompt takes some of the positions, a long text loses its
        end, and keeps the token that ends it.
        """
        if len(row) <= self.room:
            return row
        cut = Tokens([*row[: self.room - 1], row[-1]])
        cut.second = row.second if row.second is not None and row.second < self.room else None
        return cut


def _whole(
    examples: Sequence[Example], pieces: Sequence[Piece], states: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """(w, d) of each text: a word has the state of the token that it is in."""
    parts: list[list[np.ndarray]] = [[] for _ in examples]
    for piece, found in zip(pieces, states, strict=True):
        low, high = piece.taken
        parts[piece.row].append(found[piece.at][low:high])
    return [np.concatenate(of) if of else np.zeros((0, 1), np.float32) for of in parts]


def _mention(example: Example, states: np.ndarray) -> np.ndarray:
    """(d,) of unit length: the mean over the words of its first span."""
    start, end = example.answer[0][:2]
    there = [i for i, (a, b) in enumerate(words_of(example)) if a < end and b > start]
    return unit(states[there].mean(0, keepdims=True))[0].astype(np.float32)


def mean_over(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, T, d), (B, T) to (B, d): over every token that is read, those at the ends included."""
    weight = mask[..., None].to(states.dtype)
    return (states * weight).sum(1) / weight.sum(1)
