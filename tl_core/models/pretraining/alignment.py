"""One language's meanings learned from another's (Reimers & Gurevych 2020).

The vectors of a sentence and of its translation go to what an untouched teacher makes of the side
it reads. In a batch, every other sentence's teacher vector is one not to choose, which is what
makes the right one the nearest.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from tl_core.models.corpus import ends_of
from tl_core.models.embedding_cache import home
from tl_core.models.masked_lm import MaskedLM
from tl_core.models.number_formats import formats
from tl_core.models.pretraining.pairs import Pairs

TEMPERATURE = 0.05  # of the choice among the batch
CHOICE = 0.25  # its weight beside the distances
SAME = 0.98  # cosine above which two sentences of the teacher's are one


class Teacher:
    """The body as it was before it learned new pieces."""

    def __init__(self, model: MaskedLM):
        self.body = copy.deepcopy(model.network.base_model).eval().requires_grad_(False)
        self.known = model.network.get_input_embeddings().num_embeddings
        self.unknown = model.tokenizer.unk_token_id

    @torch.no_grad()
    def vectors(self, ids: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """(B, T) ids and marks of what is no padding to (B, d) of length 1."""
        ids = torch.where(ids >= self.known, self.unknown, ids)
        return mean_vectors(self.body(input_ids=ids, attention_mask=seen).last_hidden_state, seen)


class Alignment:
    """What pairs add to the loss of a step."""

    def __init__(
        self, model: MaskedLM, teacher: Teacher, pairs: Pairs, *, batch: int, seed: int, device: str
    ):
        self.model, self.pairs, self.device = model, pairs, device
        self.teacher = teacher
        teacher.body.to(device)
        if device == "cpu":
            teacher.body.set_attn_implementation("eager")
        self.batch, self.seed = batch, seed
        self.prefix, self.suffix = ends_of(model.tokenizer)
        self.tokens = 0  # read in the last step
        self._rows: Iterator[np.ndarray] | None = None

    def loss(self, step: int) -> torch.Tensor:
        """Of the batch that belongs to this step; a run that goes on asks for what it would have
        asked for."""
        if self._rows is None:
            self._rows = self.pairs.batches(self.batch, self.seed, skip=step)
        pad = self.model.tokenizer.pad_token_id
        first, second = self.pairs.sides(next(self._rows), self.prefix, self.suffix, pad)
        self.tokens = int((first != pad).sum() + (second != pad).sum())
        kind = formats(self.device, home() / "cache").training
        half = kind is not torch.float32
        device = torch.device(self.device).type
        with torch.autocast(device, dtype=kind if half else None, enabled=half):
            ids, seen = self._batch(first, pad)
            wanted = self.teacher.vectors(ids, seen)
            sides = [
                mean_vectors(self.model.hidden(input_ids=i, attention_mask=s), s)
                for i, s in ((ids, seen), self._batch(second, pad))
            ]
        return alignment_loss(sides[0], sides[1], wanted)

    def _batch(self, ids: np.ndarray, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
        tensor = torch.from_numpy(ids).to(self.device)
        return tensor, (tensor != pad).long()


def mean_vectors(states: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """(B, T, d) and (B, T) to (B, d) of length 1: the mean over what is no padding."""
    seen = seen[..., None].to(states.dtype)
    return nn.functional.normalize((states * seen).sum(1).float() / seen.sum(1).float(), dim=-1)


def alignment_loss(first: torch.Tensor, second: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How far both sides are from the teacher's vectors, and how hard it is to pick the right one
    of the batch by the second.

    Args:
        first, second, wanted: (B, d) of length 1.
    """
    apart = (2 - (first * wanted).sum(-1) - (second * wanted).sum(-1)).mean()
    same = (wanted @ wanted.T > SAME).fill_diagonal_(False)
    choice = (second @ wanted.T / TEMPERATURE).masked_fill(same, -1e4)
    right = torch.arange(len(second), device=second.device)
    return apart + CHOICE * nn.functional.cross_entropy(choice, right)
