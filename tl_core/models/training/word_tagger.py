"""A transformer body with a linear head on every word: what tags spans of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch

from tl_core.api.types import Example, Steps
from tl_core.models.encoding import Tokens
from tl_core.models.training.classifier import Row, TextClassifier
from tl_core.models.training.settings import ALL_LAYERS, LAST_LAYER
from tl_core.models.word_pieces import assembled, pieces_of, tags_of_begins
from tl_core.tasks import task_of


class WordTagger(TextClassifier):
    """Texts in, tags of their words out. What it reads at once is a piece of a text; the head sees
    the state of the token that decides a word.
    """

    def __init__(self, *args: Any, reads: str = ALL_LAYERS, **how: Any):
        """As `TextClassifier`.

        Args:
            reads: all layers or the last layer; see `reads_param`.
        """
        self.reads = reads
        super().__init__(*args, **how)

    @property
    def width(self) -> int:
        """Return how many numbers a token's state has."""
        return int(self.body.config.hidden_size)

    def parts(self, examples: Sequence[Example]) -> Any:
        """The pieces of the texts."""
        return pieces_of(self.encoder.model, examples, self.most_tokens)

    def gold(self, parts: Any) -> list[np.ndarray]:
        """The tag of each word that begins a token, of each piece."""
        gold = task_of(self.problem).gold(self.problem, [piece.example for piece in parts])
        return tags_of_begins(gold, parts)

    def together(self, found: Sequence[np.ndarray]) -> np.ndarray:
        """One word after another."""
        return np.concatenate(found)

    def each_part(self, found: torch.Tensor, tokens: list[Row]) -> Sequence[torch.Tensor]:
        """The words of each piece."""
        return found.split([len(row.words) for row in cast("list[Tokens]", tokens)])

    def tokens(self, parts: Any) -> list[Row]:
        """Token ids of each piece, with which of them decide words."""
        rows: list[Row] = []
        for piece, ids in zip(parts, self.encoder.tokens([p.example for p in parts]), strict=True):
            row = Tokens(ids)
            row.second = ids.second  # of a question the text, as BERT was trained for SQuAD
            row.words = tuple(min(at, len(row) - 1) for at in piece.tokens)
            rows.append(row)
        return rows

    def inputs(self, parts: Any) -> Steps[list]:
        """Frozen lower-layer states of each piece, or its token ids."""
        if not self.start:
            return self.tokens(parts)
        return (yield from self.encoder.states([p.example for p in parts], self.start))

    def pooled(self, inputs: list, tokens: list[Row]) -> torch.Tensor:
        """(words, width) of the words of all pieces, one after another."""
        rows = cast("list[Tokens]", tokens)
        hidden, _ = self.states(inputs, rows)
        places = [(i, at) for i, row in enumerate(rows) for at in row.words]
        of, at = torch.tensor(places, device=hidden.device).unbind(1)
        return hidden[of, at]

    def _read(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """(B, T, d): the last layer, or the mean over layers, as `mean_of_layers`: what a head on
        frozen states sees, so that training begins where the probe ends.
        """
        if self.reads == LAST_LAYER:
            return super()._read(batch)
        read = self.body(**batch, output_hidden_states=True).hidden_states
        width = batch["input_ids"].shape[1]
        return torch.stack([layer[:, -width:] for layer in read]).mean(0)

    def predict(self, examples: Sequence[Example]) -> Steps[np.ndarray]:
        """(n, W, K) float32."""
        pieces = self.parts(examples)
        task = task_of(self.problem)
        logits = yield from self._each(pieces, self.logits)
        found = [task.probabilities(part.astype(np.float64)) for part in logits]
        return assembled(examples, pieces, found, task.outputs(self.problem))
