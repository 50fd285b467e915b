"""Another script for a model that reads one: new pieces, learned from text, beside the old ones.

The vocabulary and its vectors stay as they are, so what the model read before it reads alike. The
vectors of new pieces are a product of two smaller matrices (Lan et al. 2020): half of the numbers
to learn and to ship.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, trainers
from torch import nn

from tl_core.api.errors import UserError
from tl_core.api.sentences import say
from tl_core.api.types import Step, Steps
from tl_core.models.delta_weights import add_pieces
from tl_core.models.masked_lm import MaskedLM
from tl_core.statistics.one_thread import one_thread

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WELL_READ = 1.5  # characters a piece, in the mean over a word: above it a word needs no new pieces
LEAST_COUNT = 5  # times a piece must occur
MOST_COUNTED = 20_000  # of one word, so that the most frequent ones do not crowd out all others
SPARE = 1_000  # pieces learned beyond those asked for, since some are known already
LEFT_SPREAD = 0.1  # standard deviation of the left factor; both then learn at like rates

Lines = Iterator[tuple[list[str], float]]  # (some texts, share of their file read)


def learn_pieces(texts: Sequence[Lines], tokenizer: Any, count: int) -> Steps[list[str]]:
    """`count` WordPiece pieces, or fewer, for words this tokenizer cuts into crumbs or cannot read.

    Words are what the tokenizer's own normalizer and pre-tokenizer make of a text, so a vocabulary
    that takes letters apart (Hangul into jamo) gets pieces in that form.

    Raises:
        UserError: the tokenizer is no WordPiece, or it reads these texts well already.
    """
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    if not isinstance(backend.model, models.WordPiece):
        raise UserError(
            say(
                "New pieces can be added to a WordPiece vocabulary, as BERT's, not to a {kind}.",
                kind=type(backend.model).__name__,
            )
        )
    backend.no_padding()
    backend.no_truncation()
    counts: Counter[str] = Counter()
    for done, source in enumerate(texts):
        for lines, share in source:
            for line in lines:
                normal = backend.normalizer.normalize_str(line) if backend.normalizer else line
                counts.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))
            yield Step(int(1000 * (done + share)), 1000 * len(texts), phase="read")
    crumbled = {w: min(n, MOST_COUNTED) for w, n in counts.items() if _badly_read(w, backend)}
    if not crumbled:
        raise UserError(
            say("The vocabulary reads these texts well already; no pieces are missing.")
        )
    learner = Tokenizer(models.WordPiece(unk_token=tokenizer.unk_token))
    trainer = trainers.WordPieceTrainer(
        vocab_size=count + SPARE,
        special_tokens=[tokenizer.unk_token],
        min_frequency=LEAST_COUNT,
        show_progress=False,
    )
    learner.train_from_iterator((w for w, n in crumbled.items() for _ in range(n)), trainer)
    known = tokenizer.get_vocab()
    learned = sorted(learner.get_vocab().items(), key=lambda item: item[1])
    return [piece for piece, _ in learned if piece not in known][:count]


def _badly_read(word: str, backend: Tokenizer) -> bool:
    pieces = backend.encode(word, add_special_tokens=False).tokens
    unknown = backend.model.unk_token in pieces
    return unknown or (len(word) > 1 and not word.isascii() and len(word) < WELL_READ * len(pieces))


def with_pieces(tokenizer: Any, pieces: Sequence[str], first: int) -> Any:
    """The tokenizer with these pieces, whose ids begin at `first`; it is changed in place."""
    whole = add_pieces(tokenizer.backend_tokenizer.to_str(), pieces, first)
    tokenizer._tokenizer = Tokenizer.from_str(whole)
    return tokenizer


class GrownTable(nn.Module):
    """A table of vectors with more rows: `first` stays, the new ones are left (n, r) times right
    (r, d)."""

    def __init__(self, first: nn.Embedding, count: int, rank: int, generator: torch.Generator):
        super().__init__()
        self.first = first.requires_grad_(False)
        spread = float(first.weight.std())
        self.left = nn.Parameter(LEFT_SPREAD * torch.randn(count, rank, generator=generator))
        self.right = nn.Parameter(
            spread
            / (LEFT_SPREAD * rank**0.5)
            * torch.randn(rank, first.embedding_dim, generator=generator)
        )

    @property
    def weight(self) -> torch.Tensor:
        """(V, d), all rows."""
        return torch.cat([self.first.weight, self.left @ self.right])

    def begin_with(self, vectors: np.ndarray) -> None:
        """Take the nearest rows to these (n, d) that a product of this rank can hold."""
        rank = self.left.shape[1]
        with one_thread():
            left, sizes, right = np.linalg.svd(vectors, full_matrices=False)
        # which sign a direction has is left to chance otherwise
        signs = np.sign(right[np.arange(len(right)), np.abs(right).argmax(1)])
        left, right = left[:, :rank] * (sizes * signs)[:rank], right * signs[:, None]
        scale = LEFT_SPREAD / left.std()
        with torch.no_grad():
            self.left.copy_(torch.from_numpy(left * scale))
            self.right.copy_(torch.from_numpy(right[:rank] / scale))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(..., T) ids to (..., T, d)."""
        known = self.first.num_embeddings
        old = self.first(ids.clamp(max=known - 1))
        new = self.left[(ids - known).clamp(min=0)] @ self.right
        return torch.where((ids >= known)[..., None], new.to(old.dtype), old)


class GrownOutput(nn.Module):
    """Scores of all pieces, tied to a grown table."""

    table: GrownTable
    bias: nn.Parameter

    def __init__(self, table: GrownTable, bias: torch.Tensor):
        super().__init__()
        object.__setattr__(self, "table", table)  # no submodule: its parameters are counted once
        self.bias = nn.Parameter(torch.cat([bias.detach(), bias.new_zeros(len(table.left))]))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(..., d) to (..., V)."""
        table = self.table
        old = nn.functional.linear(states, table.first.weight)
        new = nn.functional.linear(nn.functional.linear(states, table.right), table.left)
        return torch.cat([old, new], -1) + self.bias


def add_to(model: MaskedLM, pieces: Sequence[str], rank: int, seed: int) -> GrownTable:
    """Give a masked language model more pieces, in its tokenizer, its table and the output tied to
    it."""
    first = model.network.get_input_embeddings().num_embeddings
    with_pieces(model.tokenizer, pieces, first)
    return _grow(model.network, len(pieces), rank, seed)


def _grow(network: PreTrainedModel, count: int, rank: int, seed: int) -> GrownTable:
    output, first = network.get_output_embeddings(), network.get_input_embeddings()
    rank = min(rank, count, first.embedding_dim)
    table = GrownTable(first, count, rank, torch.Generator().manual_seed(seed))
    network.set_input_embeddings(table)
    larger = GrownOutput(table, output.bias)
    _put(network, output, larger)
    _instead(network, output.bias, larger.bias)
    network.config.vocab_size += count
    return table


def grown(network: PreTrainedModel) -> GrownTable | None:
    """The grown table of a model, where it has one."""
    table = network.get_input_embeddings()
    return table if isinstance(table, GrownTable) else None


def settle(network: PreTrainedModel) -> None:
    """Make plain modules of the grown ones, as `save_pretrained` wants them."""
    table = network.get_input_embeddings()
    output = next(m for m in network.modules() if isinstance(m, GrownOutput))
    plain = nn.Embedding.from_pretrained(table.weight.detach(), padding_idx=table.first.padding_idx)
    linear = nn.Linear(plain.embedding_dim, plain.num_embeddings)
    linear.weight, linear.bias = plain.weight, output.bias
    _put(network, output, linear)
    network.set_input_embeddings(plain)
    network.tie_weights()


def _put(network: nn.Module, old: nn.Module, new: nn.Module) -> None:
    path = next(name for name, found in network.named_modules() if found is old)
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, new)


def _instead(network: nn.Module, old: nn.Parameter, new: nn.Parameter) -> None:
    """Where a head also holds its bias under a name of its own, it holds the new one."""
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter is old:
                setattr(module, name, new)
